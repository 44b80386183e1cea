package esp

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// listSource is a Source that makes a copy for whoever asks.
type listSource []*Secret

func (l listSource) CountESP() int { return len(l) }

func (l listSource) EachESP(f func(place uint32, s *Secret)) {
	var space Secret // each overwrites the one before
	for i, s := range l {
		space = *s
		f(uint32(i), &space)
	}
}

func (l listSource) ESPAt(place uint32) *Secret {
	s := *l[place]
	return &s
}

// told is all that a DB says in the end.
func told(db *DB) string {
	var b []byte
	for _, f := range db.Flows() {
		r := f.Report()
		b = fmt.Appendf(b, "%+v\n", r)
	}
	for u := range db.Unused() {
		b = fmt.Appendf(b, "%s 0x%08x %s: %s\n", u.Secret.Origin, u.Secret.SPI, u.Secret.Key, u.Reason)
	}
	return string(b)
}

// TestSourceIsSecrets: whether secrets come from sources or one by one makes no difference, whatever they say, however often they say it,
// and whenever they come.
func TestSourceIsSecrets(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for _, name := range []string{"01-basic-aes128-sha1", "06-pfs-rekey-dpd", "17a-aes128gcm16"} {
		packets, full := readFlows(t, captureFile(name, "outer.pcap")), readSecrets(t, captureFile(name, "keys", "esp_sa"))
		other := readSecrets(t, captureFile("04-aes128-md5-modp1024", "keys", "esp_sa"))
		for round := range 40 {
			var list []*Secret
			for range 1 + rnd.IntN(30) {
				s := *full[rnd.IntN(len(full))]
				switch rnd.IntN(10) {
				case 0:
					s = *head(&s)
				case 1:
					s = *flipped(&s, false, rnd.IntN(100))
				case 2:
					s.SPI ^= 1 << rnd.IntN(32)
				case 3:
					s.SPI, s.SPIMask = s.SPI&0xffff0000, 0xffff0000
				case 4:
					s = *other[rnd.IntN(len(other))]
				case 5:
					s.SPI = rnd.Uint32()
				case 6:
					s.AuthKey = Key{}
				case 7:
					s.Key = Key{}
				}
				if rnd.IntN(2) == 0 {
					s.Origin = Origin{File: "source", Line: len(list) + 1}
				}
				list = append(list, &s)
			}
			plain, packed := NewDB(), NewDB()
			if round%10 == 0 {
				plain.Limit(16)
				packed.Limit(16)
			}
			rest := packets
			for len(list) > 0 {
				n := 1 + rnd.IntN(len(list))
				for _, s := range list[:n] {
					plain.AddSecret(s)
				}
				if rnd.IntN(4) == 0 {
					for _, s := range list[:n] {
						packed.AddSecret(s)
					}
				} else {
					packed.AddSource(listSource(list[:n]))
				}
				list = list[n:]
				now := rest[:rnd.IntN(len(rest)/4+1)]
				run(plain, now)
				run(packed, now)
				rest = rest[len(now):]
			}
			run(plain, rest)
			run(packed, rest)
			if len(plain.entries) != len(packed.entries) {
				t.Errorf("%s: %d secrets, want %d", name, len(packed.entries), len(plain.entries))
			}
			for i := range packed.entries {
				if e := packed.entries[i].e; e != nil && e.index != i {
					t.Errorf("%s: secret %d has the number %d", name, i, e.index)
				}
			}
			if round%7 == 0 { // those that are left may go, too
				plain.Limit(4)
				packed.Limit(4)
				plain.AddSecret(other[0])
				packed.AddSecret(other[0])
			}
			if a, b := told(plain), told(packed); a != b {
				t.Fatalf("%s, round %d: one by one\n%s\nas sources\n%s", name, round, a, b)
			}
		}
	}
}

// TestSourceStaysPacked: what no packet asks for is not unpacked, and what is asked for only once.
func TestSourceStaysPacked(t *testing.T) {
	var list listSource
	for i := range 1000 {
		list = append(list, &Secret{SPI: uint32(0x1000 + i/2), SPIMask: 0xffffffff, Key: NewKey([]byte{15: byte(i)})})
	}
	db := NewDB()
	db.AddSource(list)
	unpacked := func() int {
		n := 0
		for i := range db.entries {
			if db.entries[i].e != nil {
				n++
			}
		}
		return n
	}
	for range 2 {
		if db.Named(0xfff) || !db.Named(0x1000) || !db.Keyed(0x11f3) || db.Keyed(0x11f4) || unpacked() != 4 {
			t.Errorf("%d are unpacked", unpacked())
		}
	}
	if n := len(slices.Collect(db.Unused())); n != len(list) || unpacked() != 4 {
		t.Errorf("%d unused, %d unpacked", n, unpacked())
	}
	for range db.Unused() {
		break // it may be left
	}
}
