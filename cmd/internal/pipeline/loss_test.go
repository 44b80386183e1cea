package pipeline_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"

	"l2tpdump/capture"
	"l2tpdump/cmd/internal/pipeline"
	"l2tpdump/cmd/internal/why"
	"l2tpdump/ikev1"
	"l2tpdump/keysrc"
)

// unit is one IKE message of a capture, as the undisturbed run gives it, with what its decryption
// depends on. Other units are given by the index of their first copy.
type unit struct {
	frames  []int // of the sample, which make it up
	truth   *pipeline.Message
	copies  []int // of the same bytes, this one included
	needs   []int // its IV is known if all of these are there
	checks  []int // units that its HASH covers something of
	checked bool  // its HASH can be checked at all
}

// sample is the IKE frames of a capture and a few ESP packets of each SA.
type sample struct {
	*frames
	truth  []result // by frame
	units  []*unit
	unitOf map[int]int      // by frame
	quick  map[uint32][]int // by SPI: the units whose nonces its keys are made of
	block  int              // bytes of a cipher block
	full   bool             // all keys are known beforehand
}

// ispESP picks the first packets of each SPI and a late one, those in one frame only.
func pickESP(o *outcome) map[int]bool {
	picked := make(map[int]bool)
	count := make(map[uint32]int)
	for i := range o.results {
		r := &o.results[i]
		if r.kind == pipeline.ESP && r.partOf == 0 && r.fragments == 0 {
			if count[r.spi]++; count[r.spi] <= 2 || count[r.spi] == 40 {
				picked[i] = true
			}
		}
	}
	return picked
}

func newSample(t *testing.T, dir string, names []string) (*sample, []*keysrc.Keys) {
	t.Helper()
	keys := labKeys(t, dir, names...)
	all := mustRead(t, filepath.Join(capturesDir, dir, "outer.pcap"))
	o := follow(t, all, keys, mode{})
	picked := pickESP(o)
	var list []capture.Packet
	for i := range o.results {
		r := &o.results[i]
		if r.partOf != 0 {
			r = &o.results[r.partOf-1]
		}
		if r.kind == pipeline.IKE || picked[i] {
			list = append(list, all.list[i])
		}
	}
	s := &sample{frames: all.with(list), unitOf: make(map[int]int), quick: make(map[uint32][]int), block: 16, full: len(names) == 2}
	if dir == "03-3des-sha1-modp1024" {
		s.block = 8
	}
	s.truth = follow(t, s.frames, keys, mode{}).results
	s.link(t)
	return s, keys
}

// link finds out what depends on what. It knows RFC 2409 and nothing of how the tracker works.
func (s *sample) link(t *testing.T) {
	t.Helper()
	at := make(map[uint64]int) // by the number of the completing frame
	for i := range s.truth {
		r := &s.truth[i]
		if r.kind == pipeline.IKE && r.partOf == 0 {
			if len(r.ike) != 1 {
				t.Fatalf("frame %d has %d messages", r.number, len(r.ike))
			}
			at[r.number] = len(s.units)
			s.units = append(s.units, &unit{truth: r.ike[0]})
		}
	}
	for i := range s.truth {
		r := &s.truth[i]
		n := r.number
		if r.partOf != 0 {
			n = r.partOf
		}
		if u, ok := at[n]; ok {
			s.units[u].frames = append(s.units[u].frames, i)
			s.unitOf[i] = u
		}
	}
	type chain struct {
		cookie ikev1.Cookie
		id     uint32
	}
	exchanged := make(map[ikev1.Cookie][]int) // clear messages of phase 1 that hold a KE payload
	begun := make(map[ikev1.Cookie][]int)     // all of phase 1 so far
	last := make(map[ikev1.Cookie][]int)      // what the IV of the next message of phase 1, and of phase 2, takes
	previous := make(map[chain]int)
	quick := make(map[chain][]int)
	first := make(map[string]int)
	for i, u := range s.units {
		h := &u.truth.Header
		c := chain{h.InitiatorCookie, h.MessageID}
		if u.truth.Encrypted && (!u.truth.Decrypted || u.truth.Reconstructed) {
			t.Fatalf("message %d of the undisturbed run: %v %s", i, u.truth.Err, u.truth.Reason)
		}
		for _, n := range u.truth.Negotiated {
			s.quick[n.SPI] = slices.Clone(quick[c])
			if !slices.Contains(s.quick[n.SPI], i) {
				s.quick[n.SPI] = append(s.quick[n.SPI], i)
			}
		}
		same := fmt.Sprintf("%v %x", u.truth.FromInitiator, u.truth.Plain)
		if f, ok := first[same]; ok {
			o := s.units[f]
			o.copies = append(o.copies, i)
			u.needs, u.checks, u.checked = o.needs, o.checks, o.checked
			continue
		}
		first[same] = i
		u.copies = []int{i}
		switch {
		case h.Phase1() && !u.truth.Encrypted:
			if u.truth.Find(ikev1.PayloadKE) != nil {
				exchanged[c.cookie] = append(exchanged[c.cookie], i)
				last[c.cookie] = exchanged[c.cookie]
			}
			begun[c.cookie] = append(begun[c.cookie], i)
		case h.Phase1():
			u.needs = last[c.cookie]
			u.checks = slices.Clone(begun[c.cookie])
			u.checked = u.truth.Find(ikev1.PayloadHash) != nil
			last[c.cookie] = []int{i}
			begun[c.cookie] = append(begun[c.cookie], i)
		case u.truth.Encrypted:
			u.needs = last[c.cookie]
			if p, ok := previous[c]; ok {
				u.needs = []int{p}
			}
			previous[c] = i
			u.checked = true
			if h.Exchange == ikev1.ExchangeQuick {
				u.checks = slices.Clone(quick[c])
				quick[c] = append(quick[c], i)
			}
		}
	}
}

// disturbed is a sample with frames taken out, put in again or in another order: the numbers of its
// frames.
type disturbed []int

// run follows the disturbed capture and compares all with what can be known.
func (s *sample) run(t *testing.T, keys []*keysrc.Keys, d disturbed, what string) {
	t.Helper()
	list := make([]capture.Packet, len(d))
	there := make(map[int]int) // first place of each frame
	for i, n := range d {
		list[i] = s.list[n]
		if i > 0 {
			list[i].Time = max(list[i].Time, list[i-1].Time)
		}
		if _, ok := there[n]; !ok {
			there[n] = i
		}
	}
	whole := make([]bool, len(s.units))   // all of its frames are there
	present := make([]bool, len(s.units)) // a copy of it is whole
	place := make([]int, len(s.units))    // of the first whole copy
	for i, u := range s.units {
		whole[i] = true
		for _, n := range u.frames {
			_, ok := there[n]
			whole[i] = whole[i] && ok
		}
	}
	for i, u := range s.units {
		place[i] = len(d)
		for _, c := range u.copies {
			if whole[c] {
				present[i] = true
				end := 0
				for _, n := range s.units[c].frames {
					end = max(end, there[n])
				}
				place[i] = min(place[i], end)
			}
		}
	}
	f := s.with(list)
	o := follow(t, f, keys, mode{text: true})
	o.checkOrder(t, f)
	seen := make([]int, len(s.units))
	for i := range o.results {
		r := &o.results[i]
		n := d[i]
		if r.kind == pipeline.ESP {
			s.checkESP(t, r, n, i, present, place, what)
			continue
		}
		u, ok := s.unitOf[n]
		if !ok || r.partOf != 0 {
			continue
		}
		if !whole[u] { // its fragments pass as they are
			if r.fragments > 1 || r.verdict != why.Clear && r.verdict != why.NoKey {
				t.Errorf("%s: frame %d is of a message of which a part is missing: %s", what, n, r.text)
			}
			continue
		}
		for _, m := range r.ike {
			if m.Fragment != nil {
				continue
			}
			seen[u]++
			s.checkIKE(t, r, m, s.units[u], present, what)
		}
	}
	for i := range s.units {
		if whole[i] && seen[i] == 0 {
			t.Errorf("%s: message %d did not come out", what, i)
		}
	}
}

func (s *sample) checkIKE(t *testing.T, r *result, m *pipeline.Message, u *unit, present []bool, what string) {
	t.Helper()
	want := u.truth
	name := fmt.Sprintf("%s: %s %08x message %d", what, want.Header.ExchangeName(), want.Header.MessageID, want.Number)
	if !want.Encrypted {
		if m.Encrypted || m.Err != nil || !bytes.Equal(m.Plain, want.Plain) {
			t.Errorf("%s: %s", name, r.text)
		}
		return
	}
	known := len(u.needs) > 0
	for _, i := range u.needs {
		known = known && present[i]
	}
	switch {
	case !m.Decrypted:
		t.Errorf("%s: not decrypted: %s", name, r.text)
		return
	case known && m.Reconstructed:
		t.Errorf("%s: reconstructed, though its IV is known: %s", name, r.text)
	case !known && !m.Reconstructed:
		t.Errorf("%s: the IV can't be known, and no word of it: %s", name, r.text)
	case known && !bytes.Equal(m.Plain, want.Plain):
		t.Errorf("%s: wrong plaintext: %s", name, r.text)
	}
	if m.Reconstructed {
		if m.Reason == "" || r.reason == "" || !bytes.Contains([]byte(r.text), []byte("first block reconstructed")) || !bytes.Contains([]byte(r.json), []byte(`"reconstructed":true`)) {
			t.Errorf("%s: reconstruction not reported: %s %s", name, r.text, r.json)
		}
		from := ikev1.HeaderLen + s.block
		if len(m.Plain) != len(want.Plain) || !bytes.Equal(m.Plain[from:], want.Plain[from:]) {
			t.Errorf("%s: wrong plaintext behind the first block: %s", name, r.text)
		}
		if got, all := fmt.Sprint(m.PayloadNames()), fmt.Sprint(want.PayloadNames()); got != all {
			t.Errorf("%s: payloads %s, want %s", name, got, all)
		}
	}
	if m.Verified && !bytes.Equal(m.Plain, want.Plain) {
		t.Errorf("%s: verified, and wrong", name)
	}
	// Whose an Informational is does not show where nothing else of its SA is there.
	unsaid := m.Number == 0 && m.Header.Exchange == ikev1.ExchangeInformational
	if m.Number != want.Number && known && !unsaid {
		t.Errorf("%s: taken for number %d", name, m.Number)
	}
	if want.Verified && known && !m.Verified && u.checked && !slices.ContainsFunc(u.checks, func(i int) bool { return !present[i] }) {
		t.Errorf("%s: its HASH could have been checked: %s", name, r.text)
	}
}

// checkESP compares an ESP packet, frame n in place i.
func (s *sample) checkESP(t *testing.T, r *result, n, i int, present []bool, place []int, what string) {
	t.Helper()
	want := &s.truth[n]
	quick := s.quick[r.spi]
	derivable := len(quick) >= 2
	for _, u := range quick[:min(len(quick), 2)] {
		derivable = derivable && present[u] && place[u] < i
	}
	switch {
	case s.full || derivable || want.verdict != why.Verified:
		if r.verdict != want.verdict || !bytes.Equal(r.plain, want.plain) {
			t.Errorf("%s: ESP 0x%08x/%d: %s, want %s", what, r.spi, r.seq, r.text, want.verdict)
		}
	case r.verdict == why.Decrypted:
		if !bytes.Equal(r.plain, want.plain) {
			t.Errorf("%s: ESP 0x%08x/%d: wrong plaintext: %s", what, r.spi, r.seq, r.text)
		}
	case r.verdict == why.Verified:
		t.Errorf("%s: ESP 0x%08x/%d: verified with a key that can't be known: %s", what, r.spi, r.seq, r.text)
	case r.reason == "":
		t.Errorf("%s: ESP 0x%08x/%d: no reason: %s", what, r.spi, r.seq, r.text)
	}
}

func (s *sample) identity() disturbed {
	d := make(disturbed, len(s.list))
	for i := range d {
		d[i] = i
	}
	return d
}

// TestLoss disturbs captures in every position: what can be decrypted is decrypted, what can't be
// is said.
func TestLoss(t *testing.T) {
	for _, dir := range []string{"01-basic-aes128-sha1", "02-natt-aes256-sha1", "03-3des-sha1-modp1024", "04-aes128-md5-modp1024",
		"05-aes256-sha256-ecp384", "06-pfs-rekey-dpd", "07-aggressive-psk", "08-rsa-ipfrag", "08b-rsa-ikefrag-natt", "08x-auth-failed-l2tp-in-clear",
		"10-ipv6-outer", "11-three-clients-two-behind-nat", "16-netem-loss-reorder-dup", "26b-ike-every-message-retransmitted"} {
		for _, names := range [][]string{tables, {"router-full.log"}} {
			if dir[:3] == "08x" && len(names) == 2 {
				names = names[1:] // there is no ESP
			}
			t.Run(dir+"/"+names[0], func(t *testing.T) {
				t.Parallel()
				s, keys := newSample(t, dir, names)
				disturb(t, s, keys)
			})
		}
	}
}

func disturb(t *testing.T, s *sample, keys []*keysrc.Keys) {
	all := s.identity()
	for n := range all {
		if _, ike := s.unitOf[n]; ike {
			s.run(t, keys, slices.Delete(slices.Clone(all), n, n+1), fmt.Sprintf("%d dropped", n))
			s.run(t, keys, slices.Insert(slices.Clone(all), n+1, n), fmt.Sprintf("%d again", n))
			if late := n + 4; late < len(all) {
				s.run(t, keys, slices.Insert(slices.Clone(all), late, n), fmt.Sprintf("%d again at %d", n, late))
			}
			s.run(t, keys, append(slices.Clone(all), n), fmt.Sprintf("%d again at the end", n))
		}
		if n > 0 {
			swapped := slices.Clone(all)
			swapped[n-1], swapped[n] = swapped[n], swapped[n-1]
			s.run(t, keys, swapped, fmt.Sprintf("%d and %d swapped", n-1, n))
			s.run(t, keys, all[n:], fmt.Sprintf("from %d", n))
		}
	}
}

// TestLossAtRandom disturbs captures in several positions at once.
func TestLossAtRandom(t *testing.T) {
	for _, dir := range []string{"01-basic-aes128-sha1", "03-3des-sha1-modp1024", "06-pfs-rekey-dpd", "07-aggressive-psk", "08-rsa-ipfrag", "08b-rsa-ikefrag-natt",
		"11-three-clients-two-behind-nat", "26b-ike-every-message-retransmitted"} {
		for _, names := range [][]string{tables, {"router-full.log"}} {
			t.Run(dir+"/"+names[0], func(t *testing.T) {
				t.Parallel()
				s, keys := newSample(t, dir, names)
				random := rand.New(rand.NewPCG(uint64(len(dir)), uint64(len(names))))
				for range 60 {
					d := s.identity()
					for range 1 + random.IntN(3) {
						n := random.IntN(len(d))
						d = slices.Delete(d, n, n+1)
					}
					for range random.IntN(3) {
						n := random.IntN(len(d))
						d = slices.Insert(d, min(len(d), n+random.IntN(6)), d[n])
					}
					for range random.IntN(4) {
						n := random.IntN(len(d) - 1)
						d[n], d[n+1] = d[n+1], d[n]
					}
					s.run(t, keys, d, fmt.Sprint(d))
				}
			})
		}
	}
}
