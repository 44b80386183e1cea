package capture

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"
)

// cutUp4 makes IPv4 fragments of a payload with size bytes each.
func cutUp4(protocol byte, payload []byte, id, size int) [][]byte {
	var out [][]byte
	for at := 0; at < len(payload); at += size {
		end, flags := at+size, 0x2000
		if end >= len(payload) {
			end, flags = len(payload), 0
		}
		out = append(out, ip4Fragment(protocol, payload[at:end], id, flags|at/8))
	}
	return out
}

// cutUp6 does the same for IPv6, behind a hop-by-hop header.
func cutUp6(protocol byte, payload []byte, id, size int) [][]byte {
	var out [][]byte
	for at := 0; at < len(payload); at += size {
		end, more := at+size, 1
		if end >= len(payload) {
			end, more = len(payload), 0
		}
		out = append(out, ip6(0, join(unhex("2c00010400000000"), []byte{protocol, 0}, be16(at|more), be16(0), be16(id), payload[at:end])))
	}
	return out
}

type testReassembler struct {
	*Reassembler
	t      *testing.T
	gaveUp []*Datagram
}

func newTestReassembler(t *testing.T, maxBytes int, timeout int64) *testReassembler {
	r := &testReassembler{Reassembler: NewReassembler(maxBytes, timeout), t: t}
	r.OnGiveUp(func(d *Datagram) { r.gaveUp = append(r.gaveUp, d) })
	return r
}

func (r *testReassembler) add(data []byte, time int64) (*Datagram, error) {
	r.t.Helper()
	var f Frame
	if err := f.Decode(Raw, data); err != nil {
		r.t.Fatal(err)
	}
	return r.Add(nil, &f, data, time)
}

// whole adds fragments, the last of which must complete the datagram.
func (r *testReassembler) whole(fragments [][]byte) *Datagram {
	r.t.Helper()
	for i, b := range fragments {
		d, err := r.add(b, int64(i))
		if err != nil || d == nil {
			r.t.Fatalf("fragment %d: %v", i, err)
		}
		if d.Complete != (i == len(fragments)-1) {
			r.t.Fatalf("fragment %d: complete %v", i, d.Complete)
		}
		if d.Complete {
			return d
		}
	}
	return nil
}

func TestReassembleAnyOrder(t *testing.T) {
	payload := udp4(count(292)) // 300 bytes
	v4 := ip4Fragment(17, payload, 77, 0)
	v6 := ip6(0, join(unhex("1100010400000000"), payload))
	rng := rand.New(rand.NewPCG(1, 2))
	for _, size := range []int{8, 56, 104, 152, 296} {
		for range 20 {
			for _, c := range []struct {
				name      string
				fragments [][]byte
				want      []byte
			}{{"IPv4", cutUp4(17, payload, 77, size), v4}, {"IPv6", cutUp6(17, payload, 77, size), v6}} {
				rng.Shuffle(len(c.fragments), func(i, j int) {
					c.fragments[i], c.fragments[j] = c.fragments[j], c.fragments[i]
				})
				r := newTestReassembler(t, 1<<20, 30e9)
				d := r.whole(c.fragments)
				if !bytes.Equal(d.Data, c.want) || d.Fragments != len(c.fragments) {
					t.Fatalf("%s in pieces of %d bytes: %d fragments\n%x\nwant\n%x", c.name, size, d.Fragments, d.Data, c.want)
				}
				if len(r.gaveUp) != 0 || r.pending.Len() != 0 {
					t.Fatalf("%s: %d given up, %d pending", c.name, len(r.gaveUp), r.pending.Len())
				}
			}
		}
	}
}

func TestReassembleKeepsApart(t *testing.T) {
	r := newTestReassembler(t, 1<<20, 30e9)
	a, b := cutUp4(50, count(100), 1, 56), cutUp4(50, count(100), 2, 56)
	c, d := cutUp4(17, udp4(count(92)), 1, 56), cutUp6(50, count(100), 1, 56)
	for _, f := range [][]byte{a[0], b[0], c[0], d[0]} {
		if g, err := r.add(f, 0); err != nil || g.Complete || g.Fragments != 1 {
			t.Fatalf("%v %+v", err, g)
		}
	}
	for _, f := range [][]byte{d[1], c[1], b[1], a[1]} {
		if g, err := r.add(f, 0); err != nil || !g.Complete || g.Fragments != 2 {
			t.Fatalf("%v %+v", err, g)
		}
	}
}

func TestReassembleDuplicates(t *testing.T) {
	for name, f := range map[string][][]byte{"IPv4": cutUp4(50, count(300), 9, 104), "IPv6": cutUp6(50, count(300), 9, 104)} {
		r := newTestReassembler(t, 1<<20, 30e9)
		first, _ := r.add(f[0], 0)
		for _, b := range [][]byte{f[0], f[2], f[2], f[0]} {
			if d, err := r.add(b, 1); d != first || err != nil || d.Complete {
				t.Fatalf("%s: %v %v", name, d, err)
			}
		}
		d, err := r.add(f[1], 2)
		if err != nil || d != first || !d.Complete || d.Fragments != 3 {
			t.Fatalf("%s: %v, %d fragments", name, err, d.Fragments)
		}
		for i := range f {
			if again, err := r.add(f[i], 3); again != d || !errors.Is(err, ErrDuplicate) {
				t.Fatalf("%s: late duplicate: %v", name, err)
			}
		}
		// The same identification with other bytes is another datagram.
		other := count(301)[1:]
		g := cutUp4(50, other, 9, 104)
		if name == "IPv6" {
			g = cutUp6(50, other, 9, 104)
		}
		for _, b := range g {
			if d, err = r.add(b, 4); err != nil || d == first {
				t.Fatalf("%s: next datagram: %v", name, err)
			}
		}
		if !d.Complete || !bytes.HasSuffix(d.Data, other) || len(r.gaveUp) != 0 {
			t.Fatalf("%s: next datagram is wrong", name)
		}
	}
}

func TestReassembleOverlap(t *testing.T) {
	payload := count(96)
	other := bytes.Clone(payload)
	other[40] ^= 1

	// IPv6: what overlaps is kept beside what it overlaps (RFC 5722), and neither spoils the other.
	six := func(from, to, more int, b []byte) []byte {
		return ip6(44, join([]byte{50, 0}, be16(from|more), unhex("00000005"), b[from:to]))
	}
	r := newTestReassembler(t, 1<<20, 30e9)
	first, _ := r.add(six(0, 48, 1, payload), 0)
	if d, err := r.add(six(40, 96, 0, other), 0); err != nil || d != first || d.Complete {
		t.Errorf("IPv6 overlap: %v", err)
	}
	if d, err := r.add(six(48, 96, 0, payload), 0); err != nil || d != first || !bytes.HasSuffix(d.Data, payload) {
		t.Errorf("IPv6 after an overlap: %v", err)
	}

	// IPv4: overlap with the same bytes does no harm.
	four := func(from, to, flags int, b []byte) []byte { return ip4Fragment(50, b[from:to], 5, flags|from/8) }
	r = newTestReassembler(t, 1<<20, 30e9)
	for _, b := range [][]byte{four(8, 24, 0x2000, payload), four(40, 64, 0x2000, payload), four(16, 80, 0x2000, payload), four(16, 24, 0x2000, payload), four(72, 96, 0, payload)} {
		if d, err := r.add(b, 0); err != nil || d.Complete {
			t.Fatalf("IPv4 overlap: %v", err)
		}
	}
	d, err := r.add(four(0, 16, 0x2000, payload), 0)
	if err != nil || !d.Complete || !bytes.Equal(d.Data[20:], payload) {
		t.Errorf("IPv4 overlap: %v\n%x", err, d.Data)
	}

	// Of two copies with different bytes the newer one counts, as identifications come round.
	r = newTestReassembler(t, 1<<20, 30e9)
	r.add(four(0, 48, 0x2000, payload), 0)
	if d, err := r.add(four(0, 48, 0x2000, other), 1); err != nil || d.Complete {
		t.Fatalf("IPv4 contradiction: %v", err)
	}
	if d, err := r.add(four(48, 96, 0, other), 1); err != nil || !d.Complete || !bytes.Equal(d.Data[20:], other) || d.Fragments != 2 {
		t.Errorf("IPv4 after a contradiction: %v", err)
	}

	// Two different ends contradict each other too, and so does a fragment behind the end: either
	// may be right.
	for _, second := range [][]byte{four(48, 80, 0, payload), four(56, 96, 0x2000, payload), four(88, 96, 0, payload)} {
		r = newTestReassembler(t, 1<<20, 30e9)
		r.add(four(80, 88, 0, payload), 0)
		if d, err := r.add(second, 0); err != nil || d.Complete {
			t.Errorf("two ends: %v", err)
		}
		if d, err := r.add(four(0, 80, 0x2000, payload), 0); err != nil || !d.Complete {
			t.Errorf("two ends: %v", err)
		}
	}
}

// Whatever a stranger sends before, between and behind the fragments of a datagram, it is put
// together, if there is proof of it.
func TestReassembleForeign(t *testing.T) {
	payload, forged := count(300), bytes.Repeat([]byte{0xee}, 300)
	for _, cut := range []func(b []byte) [][]byte{
		func(b []byte) [][]byte { return cutUp4(50, b, 9, 104) },
		func(b []byte) [][]byte { return cutUp6(50, b, 9, 104) },
	} {
		for i, order := range strangerOrders(cut(payload), cut(forged)) {
			r := newTestReassembler(t, 1<<20, 30e9)
			r.OnDoubt(func(ip []byte) bool { return bytes.HasSuffix(ip, payload) })
			found := 0
			for _, b := range order {
				if d, err := r.add(b, 0); err == nil && d.Complete && bytes.HasSuffix(d.Data, payload) {
					found++
				}
			}
			if found != 1 {
				t.Fatalf("order %d: found %d times", i, found)
			}
		}
	}
}

// strangerOrders are ways in which the fragments of a datagram and those of a stranger come.
func strangerOrders(good, bad [][]byte) (orders [][][]byte) {
	for _, a := range permutations(len(good)) {
		var own [][]byte
		for _, n := range a {
			own = append(own, good[n])
		}
		for at := range len(own) + 1 { // all of the stranger's at once
			orders = append(orders, slices.Concat(own[:at], bad, own[at:]))
		}
		for _, b := range permutations(len(bad)) { // by turns, his first
			var order [][]byte
			for i := range own {
				order = append(order, bad[b[i]], own[i])
			}
			orders = append(orders, order)
		}
		for n := range bad { // one of them before each
			var order [][]byte
			for _, f := range own {
				order = append(order, bad[n], f)
			}
			orders = append(orders, order)
		}
	}
	return orders
}

// permutations are all orders of n numbers.
func permutations(n int) (all [][]int) {
	if n == 0 {
		return [][]int{nil}
	}
	for _, p := range permutations(n - 1) {
		for i := range n {
			all = append(all, slices.Insert(slices.Clone(p), i, n-1))
		}
	}
	return all
}

// However many contradict each other, few are kept, and few are tried.
func TestReassembleCopies(t *testing.T) {
	r := newTestReassembler(t, 1<<30, 30e9)
	tried := 0
	r.OnDoubt(func([]byte) bool { tried++; return false })
	most := 0
	for i := range 5000 {
		b := count(64)
		b[0], b[1] = byte(i), byte(i>>8)
		before := tried
		if _, err := r.add(ip4Fragment(50, b, 1, i%50*8|0x2000), 0); err != nil {
			t.Fatal(err)
		}
		if _, err := r.add(ip4Fragment(50, b, 1, 50*8), 0); err != nil {
			t.Fatal(err)
		}
		most = max(most, tried-before)
	}
	for _, a := range r.known {
		if n := len(a.pieces); n > 51*maxCopies {
			t.Errorf("%d pieces of one datagram", n)
		}
	}
	if most > 4*maxProofs || tried == 0 {
		t.Errorf("%d proofs tried of one fragment, %d in all", most, tried)
	}
}

// TestJoinsBounded: of fragments that contradict each other at many offsets few ways are tried.
func TestJoinsBounded(t *testing.T) {
	const offsets = 7
	a := &assembly{key: fragmentKey{v6: true}, doubt: true, total: -1}
	for i := range offsets * maxCopies {
		at := i / maxCopies * 8
		a.pieces = append(a.pieces, piece{off: at, end: at + 8, data: make([]byte, 8), more: true})
	}
	j := joiner{a: a}
	if j.from(0); j.joins <= maxJoins || j.joins > maxJoins+offsets*maxCopies {
		t.Errorf("%d fragments are tried behind each other", j.joins)
	}
}

func TestReassembleRefuses(t *testing.T) {
	r := newTestReassembler(t, 1<<20, 30e9)
	for _, c := range []struct {
		name string
		data []byte
		want error
	}{
		{"whole", ip4(50, count(20)), errNotFragment},
		{"not a multiple of 8", ip4Fragment(50, count(20), 1, 0x2000), errFragmentLength},
		{"empty", ip4Fragment(50, nil, 1, 1), errFragmentLength},
		{"beyond 65535", ip4Fragment(50, count(16), 1, 0x1fff), errFragmentLength},
		{"truncated", ip4Fragment(50, count(64), 1, 0x2000)[:60], ErrFragmentTruncated},
	} {
		if d, err := r.add(c.data, 0); d != nil || err != c.want {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
	if r.bytes != 0 || len(r.known) != 0 {
		t.Errorf("%d bytes and %d datagrams held", r.bytes, len(r.known))
	}
	// Header and payload together may not exceed 65535 either.
	fragments := cutUp4(50, count(65520), 1, 4096)
	for i, b := range fragments {
		d, err := r.add(b, 0)
		if last := i == len(fragments)-1; last != (err != nil) || last != (d == nil) {
			t.Fatalf("fragment %d: %v", i, err)
		}
	}
	if len(r.gaveUp) != 1 || r.bytes != 0 {
		t.Errorf("%d given up, %d bytes held", len(r.gaveUp), r.bytes)
	}
	if d := r.whole(cutUp4(50, count(65515), 1, 4096)); len(d.Data) != 65535 || d.Data[2] != 0xff || d.Data[3] != 0xff {
		t.Errorf("largest datagram: %d bytes", len(d.Data))
	}
	if d := r.whole(cutUp6(50, count(65527), 1, 4096)); len(d.Data) != 65575 {
		t.Errorf("largest IPv6 datagram: %d bytes", len(d.Data))
	}
}

func TestReassembleBounds(t *testing.T) {
	r := newTestReassembler(t, 100_000, 30e9)
	for id := range 5000 {
		d, err := r.add(ip4Fragment(50, count(64), id, 0x2000), int64(id))
		if err != nil {
			t.Fatal(err)
		}
		d.Value = id
		if r.bytes > r.maxBytes {
			t.Fatalf("%d bytes held", r.bytes)
		}
	}
	if n := r.pending.Len() + len(r.gaveUp); n != 5000 || len(r.known) != r.pending.Len() {
		t.Errorf("%d pending, %d given up", r.pending.Len(), len(r.gaveUp))
	}
	for i, d := range r.gaveUp {
		if d.Value != i {
			t.Fatalf("given up in the order %v at %d", d.Value, i)
		}
	}
	r.Abandon()
	if r.bytes != 0 || len(r.known) != 0 || len(r.gaveUp) != 5000 {
		t.Errorf("%d bytes held, %d known, %d given up", r.bytes, len(r.known), len(r.gaveUp))
	}
	// One datagram alone is bounded too.
	r = newTestReassembler(t, 10_000, 30e9)
	var err error
	for _, b := range cutUp4(50, count(60000), 1, 1480) {
		if _, err = r.add(b, 0); err != nil {
			break
		}
	}
	if err != errFragmentRoom || len(r.gaveUp) != 1 || r.bytes != 0 {
		t.Errorf("%v, %d given up, %d bytes held", err, len(r.gaveUp), r.bytes)
	}
	// Complete ones make room first.
	r = newTestReassembler(t, 20_000, 30e9)
	held, _ := r.add(cutUp4(50, count(2000), 1, 1480)[0], 0)
	for id := 2; id < 50; id++ {
		r.whole(cutUp4(50, count(2000), id, 1480))
	}
	if d, err := r.add(cutUp4(50, count(2000), 1, 1480)[1], 0); err != nil || d != held || !d.Complete {
		t.Errorf("an incomplete datagram went before complete ones: %v", err)
	}
}

func TestReassembleTimeout(t *testing.T) {
	f := cutUp4(50, count(100), 1, 56)
	r := newTestReassembler(t, 1<<20, 30e9)
	r.add(f[0], 100e9)
	r.add(f[0], 50e9) // time that goes backwards makes nothing old
	if d, err := r.add(f[1], 130e9); err != nil || !d.Complete {
		t.Fatalf("after 30 s: %v", err)
	}
	r = newTestReassembler(t, 1<<20, 30e9)
	old, _ := r.add(f[0], 100e9)
	d, err := r.add(f[1], 131e9)
	if err != nil || d == old || d.Complete || len(r.gaveUp) != 1 || r.gaveUp[0] != old {
		t.Fatalf("after 31 s: %v, %d given up", err, len(r.gaveUp))
	}
	r = newTestReassembler(t, 1<<20, 30e9)
	r.whole(f)
	if d, err := r.add(f[1], 40e9); err != nil || d.Complete {
		t.Fatalf("a complete datagram is remembered after 31 s: %v", err)
	}
}

func TestDecodeReassembled(t *testing.T) {
	for _, c := range linkFrames {
		t.Run(c.name, func(t *testing.T) {
			payload := udp4(count(2992))
			fragments, whole := cutUp4(17, payload, 3, 1400), ip4Fragment(17, payload, 3, 0)
			if c.v6 {
				payload = udp6(count(2992))
				fragments = cutUp6(17, payload, 3, 1400)
				whole = ip6(0, join(unhex("1100010400000000"), payload))
			}
			r := NewReassembler(1<<20, 30e9)
			var f Frame
			for i, ip := range fragments {
				data := buildLink(c.header, c.lengthAt, ip, c.trailer)
				if err := f.Decode(c.lt, data); err != nil {
					t.Fatal(err)
				}
				d, err := r.Add(nil, &f, data, 0)
				if err != nil {
					t.Fatal(err)
				}
				if i < len(fragments)-1 {
					continue
				}
				link := f.LinkLen
				out, err := f.DecodeReassembled([]byte{1, 2, 3}, &f, data, d.Data)
				if err != nil {
					t.Fatal(err)
				}
				out = out[3:]
				if !bytes.Equal(out[link:], whole) || f.LinkLen != link || f.Fragment || !f.UDP || f.UDPLen != 2992 || f.UDPEnd != len(out) || f.Direction != c.dir {
					t.Fatalf("%+v", f)
				}
				var g Frame
				if err := g.Decode(c.lt, out); err != nil || g != f {
					t.Fatalf("the frame decodes differently: %v\n%+v\n%+v", err, g, f)
				}
				clear := f.AppendReplaced(nil, out, 50, count(100))
				if err := g.Decode(c.lt, clear); err != nil || g.Protocol != 50 || g.PayloadLen != 100 || g.PayloadEnd != len(clear) {
					t.Fatalf("replaced: %v %+v", err, g)
				}
			}
		})
	}
}

func BenchmarkReassemble(b *testing.B) {
	r := NewReassembler(4<<20, 30e9)
	fragments := cutUp4(50, count(2800), 0, 1400)
	frames := make([]Frame, len(fragments))
	for i := range frames {
		frames[i].Decode(Raw, fragments[i])
	}
	b.SetBytes(2800)
	id := uint32(0)
	for b.Loop() {
		id++
		for i := range frames {
			frames[i].FragID = id
			r.Add(nil, &frames[i], fragments[i], int64(id))
		}
	}
}

func FuzzReassembler(f *testing.F) {
	for _, set := range [][][]byte{cutUp4(50, count(100), 1, 56), cutUp6(50, count(100), 1, 56)} {
		var all []byte
		for _, b := range set {
			all = append(append(all, byte(len(b))), b...)
		}
		f.Add(all)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		r := NewReassembler(20_000, 30e9)
		held := map[*Datagram]bool{}
		r.OnGiveUp(func(d *Datagram) {
			if !held[d] && d.Value != nil && !d.Complete {
				t.Fatal("gave up what was not held")
			}
			delete(held, d)
		})
		var fr Frame
		for time := int64(0); len(data) > 1; time += 1e9 {
			n := min(int(data[0]), len(data)-1)
			ip := data[1 : 1+n]
			data = data[1+n:]
			if fr.Decode(Raw, ip) != nil || !fr.Fragment {
				continue
			}
			d, err := r.Add(nil, &fr, ip, time)
			switch {
			case d == nil && err == nil, d != nil && err != nil && err != ErrDuplicate:
				t.Fatalf("%v with %v", d, err)
			case d == nil || err != nil:
			case d.Complete:
				delete(held, d)
				var whole Frame
				if err := whole.DecodeIP(d.Data); err == nil && (whole.Truncated || whole.PayloadEnd != len(d.Data)) {
					t.Fatalf("%+v\n%x", whole, d.Data)
				}
			default:
				held[d] = true
				d.Value = true
			}
			if r.bytes > r.maxBytes || r.bytes < 0 || r.pending.Len() != len(held) {
				t.Fatalf("%d bytes, %d pending, %d held", r.bytes, r.pending.Len(), len(held))
			}
		}
		r.Abandon()
		if len(held) != 0 {
			t.Fatalf("%d never given up", len(held))
		}
	})
}
