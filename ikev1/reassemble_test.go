package ikev1

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/rand"
	"net/netip"
	"slices"
	"testing"
)

// fragmentedMessage returns a message of n bytes and its fragments of at most size bytes.
func fragmentedMessage(n, size int, fill byte) (message []byte, fragments []Fragment) {
	message = bytes.Repeat([]byte{fill}, n)
	h := Header{InitiatorCookie: Cookie{1}, ResponderCookie: Cookie{2}, NextPayload: PayloadID, MajorVersion: 1, Exchange: ExchangeMain, Flags: FlagEncryption, Length: uint32(n)}
	copy(message, h.Append(nil))
	for off := 0; off < n; off += size {
		end := min(n, off+size)
		fragments = append(fragments, Fragment{ID: 1, Number: uint8(len(fragments) + 1), Last: end == n, Data: message[off:end]})
	}
	return message, fragments
}

var fragmentKey = FragmentKey{Src: netip.MustParseAddrPort("203.0.113.10:4500"), Dst: netip.MustParseAddrPort("203.0.113.1:4500"),
	InitiatorCookie: Cookie{1}, ResponderCookie: Cookie{2}, ID: 1}

// addAll gives fragments to r in the order of their indexes and returns the messages that come out.
func addAll(t *testing.T, r *reassembler, fragments []Fragment, order ...int) [][]byte {
	t.Helper()
	var list [][]byte
	for _, i := range order {
		m, n, err := r.add(fragmentKey, fragments[i], 0, unknown)
		if err != nil {
			t.Fatal(err)
		}
		if m != nil {
			if n == 0 {
				t.Error("message of no fragments")
			}
			list = append(list, m)
		}
	}
	return list
}

func TestParseFragment(t *testing.T) {
	f, err := parseFragment(unhex("0001 02 01 aabbcc"))
	if err != nil || f.ID != 1 || f.Number != 2 || !f.Last || !bytes.Equal(f.Data, unhex("aabbcc")) {
		t.Errorf("%+v %v", f, err)
	}
	if (f.text(detail{})) != "id 1 number 2 last, 3 bytes" {
		t.Error(f.text(detail{}))
	}
	for _, s := range []string{"", "000102", "00010000"} {
		if _, err := parseFragment(unhex(s)); !errors.Is(err, ErrMalformed) {
			t.Errorf("%q: %v", s, err)
		}
	}
}

func TestReassembleOrders(t *testing.T) {
	message, f := fragmentedMessage(1000, 300, 7)
	for _, order := range [][]int{{0, 1, 2, 3}, {3, 2, 1, 0}, {1, 3, 0, 2}, {0, 0, 1, 1, 2, 2, 3}, {3, 3, 0, 3, 2, 1}} {
		r := newReassembler(1<<16, 30e9)
		got := addAll(t, r, f, order...)
		if len(got) != 1 || !bytes.Equal(got[0], message) {
			t.Errorf("order %v: %d messages", order, len(got))
		}
		if r.bytes != len(message) {
			t.Errorf("order %v: %d bytes", order, r.bytes)
		}
	}
}

// TestReassembleCompletedByForged: a forged fragment that completes a message, which nothing can
// prove or refuse yet, takes no true fragment away from the right one.
func TestReassembleCompletedByForged(t *testing.T) {
	message, f := fragmentedMessage(1000, 300, 7)
	fits := func(whole []byte) int {
		if bytes.Equal(whole, message) {
			return 1
		}
		return 0
	}
	for at := range f {
		r := newReassembler(1<<16, 30e9)
		forged := f[at]
		forged.Data = bytes.Repeat([]byte{0x5a}, len(forged.Data))
		if at == 0 { // the header has to be plausible
			forged.Data = bytes.Clone(f[0].Data)
			forged.Data[len(forged.Data)-1] ^= 1
		}
		var got [][]byte
		for _, x := range slices.Concat([]Fragment{forged}, f[:at], f[at+1:], f[at:at+1]) {
			whole, _, err := r.add(FragmentKey{InitiatorCookie: Cookie(message[:8])}, x, 0, fits)
			if err != nil {
				t.Fatal(err)
			}
			if whole != nil {
				got = append(got, whole)
			}
		}
		if len(got) != 2 || !bytes.Equal(got[1], message) {
			t.Errorf("fragment %d forged: %d messages", at+1, len(got))
		}
	}
}

// TestReassembleNext has the next message under the same ID, as strongSwan sends it, with copies of
// the one before in every place.
func TestReassembleNext(t *testing.T) {
	first, f := fragmentedMessage(1000, 300, 7)
	second, g := fragmentedMessage(1000, 300, 8)
	both := append(append([]Fragment{}, f...), g...) // 0-3 and 4-7
	for _, order := range [][]int{
		{0, 1, 2, 3, 4, 5, 6, 7},
		{0, 1, 2, 3, 2, 4, 5, 6, 7}, // a late copy before
		{0, 1, 2, 3, 4, 2, 5, 6, 7}, // within
		{0, 1, 2, 3, 4, 5, 6, 3, 7}, // of the last one
		{0, 1, 2, 3, 7, 6, 2, 1, 5, 0, 4},
		{0, 1, 2, 3, 0, 1, 2, 4, 5, 6, 7}, // all but one come again
	} {
		r := newReassembler(1<<16, 30e9)
		got := addAll(t, r, both, order...)
		if len(got) != 2 || !bytes.Equal(got[0], first) || !bytes.Equal(got[1], second) {
			t.Errorf("order %v: %d messages", order, len(got))
		}
	}
	// One sent again in whole comes again.
	r := newReassembler(1<<16, 30e9)
	got := addAll(t, r, both, 0, 1, 2, 3, 0, 1, 2, 3, 4, 5, 6, 7)
	if len(got) != 3 || !bytes.Equal(got[1], first) || !bytes.Equal(got[2], second) {
		t.Errorf("repeated: %d messages", len(got))
	}
	// One that never became whole gives way to the next.
	r = newReassembler(1<<16, 30e9)
	got = addAll(t, r, both, 0, 2, 4, 5, 6, 7)
	if len(got) != 1 || !bytes.Equal(got[0], second) {
		t.Errorf("after an incomplete one: %d messages", len(got))
	}
	// Another number of fragments.
	_, h := fragmentedMessage(500, 300, 9)
	three := append(append([]Fragment{}, f...), h...)
	r = newReassembler(1<<16, 30e9)
	if got = addAll(t, r, three, 0, 3, 4, 5); len(got) != 1 || len(got[0]) != 500 {
		t.Errorf("shorter one: %d messages", len(got))
	}
	r = newReassembler(1<<16, 30e9)
	addAll(t, r, three, 5)
	if _, _, err := r.add(fragmentKey, f[0], 0, unknown); !errors.Is(err, ErrMalformed) {
		t.Errorf("fragments of two messages: %v", err)
	}
	if got = addAll(t, r, three, 1, 2, 3); len(got) != 1 || !bytes.Equal(got[0], first) {
		t.Errorf("longer one: %d messages", len(got))
	}
}

func TestReassembleRefuses(t *testing.T) {
	r := newReassembler(1<<16, 30e9)
	if _, _, err := r.add(fragmentKey, Fragment{}, 0, unknown); !errors.Is(err, ErrMalformed) {
		t.Errorf("number 0: %v", err)
	}
	for name, change := range map[string]func(m []byte){
		"length":        func(m []byte) { binary.BigEndian.PutUint32(m[24:], 999) },
		"longest":       func(m []byte) { binary.BigEndian.PutUint32(m[24:], 1<<32-1) },
		"cookie":        func(m []byte) { m[0] ^= 1 },
		"more fragment": func(m []byte) { m[16] = byte(PayloadFragment) },
	} {
		m, f := fragmentedMessage(400, 300, 7)
		change(m)
		r := newReassembler(1<<16, 30e9)
		if _, _, err := r.add(fragmentKey, f[0], 0, unknown); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if got, _, err := r.add(fragmentKey, f[1], 0, unknown); !errors.Is(err, ErrMalformed) || got != nil {
			t.Errorf("%s: %v", name, err)
		}
		if r.bytes != len(m) {
			t.Errorf("%s: %d bytes left", name, r.bytes)
		}
	}
	if _, _, err := r.add(fragmentKey, Fragment{ID: 1, Number: 1, Last: true, Data: make([]byte, 5)}, 0, unknown); !errors.Is(err, ErrMalformed) {
		t.Errorf("shorter than a header: %v", err)
	}
	if _, _, err := newReassembler(100, 1).add(fragmentKey, Fragment{ID: 1, Number: 1, Data: make([]byte, 101)}, 0, unknown); err == nil {
		t.Error("larger than all that may be kept")
	}
}

// TestReassembleBounds gives fragments that never become whole.
func TestReassembleBounds(t *testing.T) {
	const maxBytes = 10000
	r := newReassembler(maxBytes, 30e9)
	random := rand.New(rand.NewSource(1))
	for i := range 20000 {
		key := fragmentKey
		key.ID = uint16(random.Intn(3000))
		f := Fragment{ID: key.ID, Number: uint8(1 + random.Intn(255)), Last: random.Intn(10) == 0, Data: make([]byte, random.Intn(500))}
		r.add(key, f, int64(i)*1e6, unknown)
		if r.bytes > maxBytes || r.order.Len() > maxFragmentSets || r.order.Len() != len(r.sets) {
			t.Fatalf("after %d: %d bytes, %d sets, %d keys", i, r.bytes, r.order.Len(), len(r.sets))
		}
	}
	sum := 0
	for e := r.order.Front(); e != nil; e = e.Next() {
		s := e.Value.(*fragmentSet)
		size := 0
		for _, copies := range s.copies {
			for _, c := range copies {
				size += len(c.Data)
			}
		}
		if size != s.size {
			t.Fatalf("a set of %d bytes says %d", size, s.size)
		}
		sum += s.size + s.kept
	}
	if sum != r.bytes {
		t.Errorf("%d bytes kept, counted as %d", sum, r.bytes)
	}
	r.expire(1 << 60)
	if r.bytes != 0 || len(r.sets) != 0 || r.order.Len() != 0 {
		t.Errorf("after the timeout: %d bytes, %d sets", r.bytes, len(r.sets))
	}
	// One message larger than may be put together.
	r = newReassembler(1<<30, 30e9)
	var err error
	for i := 1; i <= 4 && err == nil; i++ {
		_, _, err = r.add(fragmentKey, Fragment{ID: 1, Number: uint8(i), Data: make([]byte, 60000)}, 0, unknown)
	}
	if err == nil || r.bytes != 0 {
		t.Errorf("240000 bytes: %v, %d left", err, r.bytes)
	}
}

func TestReassembleTimeout(t *testing.T) {
	_, f := fragmentedMessage(600, 300, 7)
	r := newReassembler(1<<16, 30e9)
	r.add(fragmentKey, f[0], 0, unknown)
	if m, _, _ := r.add(fragmentKey, f[1], 31e9, unknown); m != nil {
		t.Error("put together over the timeout")
	}
	r = newReassembler(1<<16, 30e9)
	r.add(fragmentKey, f[0], 0, unknown)
	if m, _, _ := r.add(fragmentKey, f[1], 29e9, unknown); m == nil {
		t.Error("not put together within the timeout")
	}
}

// TestFragmentCaptures puts the messages of two captures together. Where they went over the wire in
// fragments the header of each is of the same exchange.
func TestFragmentCaptures(t *testing.T) {
	for _, c := range []struct {
		name string
		want [][2]int // bytes of a message and number of its fragments
	}{
		{"08b-rsa-ikefrag-natt/outer.pcap", [][2]int{{2140, 2}, {1980, 2}}},
		{"08x-auth-failed-l2tp-in-clear/outer.pcap", [][2]int{{2140, 2}}},
	} {
		r := newReassembler(1<<20, 30e9)
		var got [][2]int
		for _, m := range isakmpMessages(t, c.name) {
			h, err := ParseHeader(m.data)
			if err != nil {
				t.Fatal(err)
			}
			if h.NextPayload != PayloadFragment {
				continue
			}
			chain, err := parsePayloads(h.NextPayload, m.data[HeaderLen:])
			if err != nil || end(chain) != len(m.data)-HeaderLen {
				t.Fatalf("%s frame %d: %v", c.name, m.frame, err)
			}
			f, err := parseFragment(chain[0].Body)
			if err != nil {
				t.Fatal(err)
			}
			whole, n, err := r.add(FragmentKey{InitiatorCookie: h.InitiatorCookie, ResponderCookie: h.ResponderCookie, ID: f.ID}, f, 0, unknown)
			if err != nil {
				t.Errorf("%s frame %d: %v", c.name, m.frame, err)
			}
			if whole != nil {
				wh, _ := ParseHeader(whole)
				if wh.InitiatorCookie != h.InitiatorCookie || wh.Exchange != ExchangeMain || !wh.encrypted() || (len(whole)-HeaderLen)%16 != 0 {
					t.Errorf("%s frame %d: %+v, %d bytes", c.name, m.frame, wh, len(whole))
				}
				got = append(got, [2]int{len(whole), n})
			}
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

// FuzzFragments takes a script: one byte for the fragment's number and flags, one for its key, one
// for its length.
func FuzzFragments(f *testing.F) {
	f.Add([]byte{0x01, 0, 40, 0x82, 0, 9, 0x81, 1, 28})
	f.Add([]byte{0x81, 0, 0, 0x02, 0, 255, 0x02, 0, 254, 0x83, 0, 1})
	var full []byte // what is no message, when no more is to be kept
	for key := range byte(16) {
		full = append(full, 0x82, key, 255)
	}
	f.Add(append(full, 0x82, 16, 10, 0x01, 16, 255))
	f.Fuzz(func(t *testing.T, script []byte) {
		r := newReassembler(4096, 1000)
		for time := int64(0); len(script) >= 3; time += 10 {
			key := fragmentKey
			key.ID = uint16(script[1])
			data := make([]byte, script[2])
			h := Header{InitiatorCookie: key.InitiatorCookie, MajorVersion: 1, Length: uint32(script[2])}
			copy(data, h.Append(nil))
			m, n, err := r.add(key, Fragment{ID: key.ID, Number: script[0] & 0x7f, Last: script[0]&0x80 != 0, Data: data}, time, unknown)
			if m != nil && (err != nil || n == 0 || n > 127) {
				t.Fatalf("%d bytes of %d fragments, %v", len(m), n, err)
			}
			if r.bytes < 0 || r.bytes > 4096 {
				t.Fatalf("%d bytes kept", r.bytes)
			}
			script = script[3:]
		}
		r.expire(1 << 40)
		if r.bytes != 0 || len(r.sets) != 0 {
			t.Fatalf("%d bytes, %d sets left", r.bytes, len(r.sets))
		}
	})
}

// unknown is of a Tracker without keys.
func unknown([]byte) int { return 0 }

// Copies that differ are kept side by side until one of them makes a message.
func TestReassembleForged(t *testing.T) {
	message, f := fragmentedMessage(1000, 300, 7)
	forged := func(n int, size int) Fragment {
		x := f[n]
		x.Data = bytes.Repeat([]byte{byte(n + 1)}, size)
		return x
	}
	right := func(m []byte) int {
		if bytes.Equal(m, message) {
			return 1
		}
		return -1
	}
	for n := range f {
		for at := range len(f) {
			for _, size := range []int{len(f[n].Data), 77} {
				r := newReassembler(1<<16, 30e9)
				var got [][]byte
				add := func(f Fragment) {
					if m, _, _ := r.add(fragmentKey, f, 0, right); m != nil {
						got = append(got, m)
					}
				}
				for i := range f {
					if i == at {
						add(forged(n, size))
					}
					add(f[i])
				}
				if len(got) != 1 || !bytes.Equal(got[0], message) {
					t.Errorf("fragment %d forged before %d, %d bytes: %d messages", n, at, size, len(got))
				}
			}
		}
	}
}
