package pipeline_test

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"l2tpdump/capture"
	"l2tpdump/cmd/internal/output"
	"l2tpdump/cmd/internal/pipeline"
	"l2tpdump/cmd/internal/why"
	"l2tpdump/esp"
)

// TestAlgorithms: each algorithm, with and without ESN, on each way that ESP travels, from the
// packet to the user's packet.
func TestAlgorithms(t *testing.T) {
	for i := range algorithms {
		a := &algorithms[i]
		for _, esn := range []bool{false, true} {
			for w := range wires {
				wire := &wires[w]
				name := fmt.Sprintf("%s-%d-%d/%s/esn %v/%s", a.cipher, 8*(a.keyLen-a.salt), a.icv, a.auth, esn, wire.name)
				s := a.sa(0x1234abcd)
				s.ESN = esn
				var packets, want [][]byte
				for n := range 6 {
					user := userPacket(n)
					want = append(want, user)
					packets = append(packets, wire.packet(s.seal(17, udp(wire.here, wire.there, 1701, 1701, l2tpData(user)))))
				}
				o := follow(t, rawFrames(packets...), secrets(s.secret()), mode{layer: output.LayerIP})
				for n := range want {
					r := &o.results[n]
					if r.verdict != why.Verified || !bytes.Equal(r.inner, want[n]) {
						t.Errorf("%s: packet %d: %s %s", name, n, r.verdict, r.reason)
						break
					}
				}
				if len(o.clear) != len(want) || !bytes.Equal(o.clear[0].Data, want[0]) {
					t.Errorf("%s: %d packets written", name, len(o.clear))
				}
			}
		}
	}
}

// aes is an SA of AES-CBC and HMAC-SHA1, sha256 one whose ICV can be cut.
func aesSA(spi uint32) *sealer { return algorithms[0].sa(spi) }

// sealAll makes a capture of L2TP data packets of an SA.
func sealAll(s *sealer, n int) [][]byte {
	var list [][]byte
	for i := range n {
		list = append(list, ipPacket(here4, there4, 50, s.seal(17, udp(here4, there4, 1701, 1701, l2tpData(userPacket(i))))))
	}
	return list
}

// wantAll checks that every packet has the verdict.
func wantAll(t *testing.T, o *outcome, v why.Verdict) {
	t.Helper()
	for i := range o.results {
		if r := &o.results[i]; r.verdict != v {
			t.Errorf("packet %d: %s %s, want %s", r.number, r.verdict, r.reason, v)
			return
		}
	}
}

// TestExtendedSequence: the high half of the sequence number is followed, and found where the
// capture begins in mid-life.
func TestExtendedSequence(t *testing.T) {
	for _, i := range []int{0, 2, 15, 18, 23} { // both kinds of cipher
		for _, start := range []uint64{0, 1<<32 - 5, 7<<32 - 3, 900<<32 + 77, 5 << 32} {
			for _, named := range []bool{true, false} {
				s := algorithms[i].sa(77000)
				s.ESN, s.seq = true, start
				packets := sealAll(s, 12)
				k := s.secret()
				k.Suite.ESN, k.ESNKnown = named, named
				o := follow(t, rawFrames(packets...), secrets(k), mode{})
				for n := range o.results {
					if r := &o.results[n]; r.verdict != why.Verified {
						t.Errorf("%s from %#x, ESN named %v: packet %d: %s %s", algorithms[i].cipher, start, named, n, r.verdict, r.reason)
						break
					}
				}
				if flows := o.p.Flows(); len(flows) != 1 || flows[0].Report().Missing != 0 || flows[0].Report().LastSeq != s.seq {
					t.Errorf("%s from %#x: %+v, last is %#x", algorithms[i].cipher, start, flows[0].Report(), s.seq)
				}
			}
		}
	}
}

// TestShortICV: an ICV shorter than negotiated is found by trial, and named.
func TestShortICV(t *testing.T) {
	s := algorithms[2].sa(0x2000)
	s.ICVLen = 12
	o := follow(t, rawFrames(sealAll(s, 5)...), secrets(s.secret()), mode{})
	wantAll(t, o, why.Verified)
	d := why.Diagnose(o.p.ESP())
	if x := d.ESP(o.p.Flows()[0]); x.Suite.AuthName() != "hmac-sha2-256-96" || !strings.Contains(x.Remark, "96 bits") {
		t.Errorf("%s: %s", x.Suite, x.Remark)
	}
}

func deflated(t *testing.T, next byte, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	b.Write([]byte{next, 0, 0, 2})
	w, err := flate.NewWriter(&b, 9)
	if err != nil {
		t.Fatal(err)
	}
	w.Write(data)
	w.Close()
	return b.Bytes()
}

// TestIPComp: compressed payloads are expanded, in transport and in tunnel mode; what is no Deflate
// stays, and is no error.
func TestIPComp(t *testing.T) {
	s := aesSA(0x3000)
	user := userPacket(5)
	l2tp := udp(here4, there4, 1701, 1701, l2tpData(user))
	o := follow(t, rawFrames(
		ipPacket(here4, there4, 50, s.seal(108, deflated(t, 17, l2tp))),
		ipPacket(here4, there4, 50, s.seal(108, deflated(t, 4, user))),
		ipPacket(here4, there4, 50, s.seal(108, append([]byte{17, 0, 0, 2}, bytesOf("noise", 60)...))),
	), secrets(s.secret()), mode{text: true, layer: output.LayerL2TP})
	wantAll(t, o, why.Verified)
	for i := range 2 {
		if r := &o.results[i]; !r.expanded || !bytes.Equal(r.inner, user) {
			t.Errorf("%s", r.text)
		}
	}
	if want := ipPacket(here4, there4, 17, l2tp); !bytes.Equal(o.clear[0].Data, want) {
		t.Errorf("written %x, want %x", o.clear[0].Data, want)
	}
	if r := &o.results[2]; r.expanded || r.next != 108 {
		t.Errorf("%s", r.text)
	}
}

// TestPortsChange: a NAT that gives other ports in mid-session changes nothing; several clients
// behind one address are kept apart.
func TestPortsChange(t *testing.T) {
	s, other := aesSA(0x4001), algorithms[3].sa(0x4002)
	var packets [][]byte
	for i := range 20 {
		port := uint16(4500 + i/5*7919)
		packets = append(packets,
			ipPacket(here4, there4, 17, udp(here4, there4, port, 4500, s.seal(17, udp(here4, there4, 1701, 1701, l2tpData(userPacket(i)))))),
			ipPacket(here4, there4, 17, udp(here4, there4, port+1, 4500, other.seal(17, udp(here4, there4, 1701, 1701, l2tpData(userPacket(i+1)))))))
	}
	o := follow(t, rawFrames(packets...), secrets(s.secret(), other.secret()), mode{})
	wantAll(t, o, why.Verified)
	for _, f := range o.p.Flows() {
		if r := f.Report(); r.Packets() != 20 || r.Verified != 20 || r.Missing != 0 || r.Duplicates != 0 {
			t.Errorf("%+v", r)
		}
	}
}

// TestDummyAndPadding: dummy packets are verified and named and carry nothing; padding against
// traffic analysis is not part of the user's packet.
func TestDummyAndPadding(t *testing.T) {
	s := aesSA(0x5000)
	user := userPacket(3)
	user6 := ipPacket(here6, there6, 17, udp(here6, there6, 1, 2, []byte("six")))
	o := follow(t, rawFrames(
		ipPacket(here4, there4, 50, s.seal(59, bytesOf("dummy", 70))),
		ipPacket(here4, there4, 50, s.seal(4, append(bytes.Clone(user), bytesOf("padding", 300)...))),
		ipPacket(here4, there4, 50, s.seal(41, append(bytes.Clone(user6), bytesOf("padding", 99)...))),
		ipPacket(here4, there4, 50, s.seal(17, append(udp(here4, there4, 1701, 1701, l2tpData(user)), bytesOf("padding", 40)...))),
	), secrets(s.secret()), mode{text: true, layer: output.LayerIP})
	wantAll(t, o, why.Verified)
	if r := &o.results[0]; r.inner != nil || !strings.Contains(r.text, "dummy packet") || !strings.Contains(r.json, "dummy packet") {
		t.Errorf("%s %s", r.text, r.json)
	}
	if len(o.clear) != 3 || !bytes.Equal(o.clear[0].Data, user) || !bytes.Equal(o.clear[1].Data, user6) || !bytes.Equal(o.clear[2].Data, user) {
		t.Errorf("%d packets: %x", len(o.clear), o.clear)
	}
}

func gre(flags uint16, ether uint16, extra int, payload []byte) []byte {
	b := binary.BigEndian.AppendUint16(nil, flags)
	b = binary.BigEndian.AppendUint16(b, ether)
	b = append(b, make([]byte, extra)...)
	return append(b, payload...)
}

// TestInside: tunnel mode with IPv4, IPv6 and GRE, and ESP in ESP, in text, in the cleartext
// capture and as the users' packets.
func TestInside(t *testing.T) {
	user := userPacket(9)
	user6 := ipPacket(here6, there6, 6, tcp(here6, there6, 1024, 80, []byte("GET /")))
	a, b := netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("10.0.0.2")
	inTransport := tcp(a, b, 1025, 22, []byte("SSH-2.0"))
	for _, c := range []struct {
		name   string
		next   byte
		plain  func(inner *sealer) []byte
		nested int
		user   []byte
		clear  []byte // behind the outer IP header
		proto  byte
		text   string
	}{
		{"IPv4", 4, func(*sealer) []byte { return user }, 0, user, user, 4, "10.99.0.100.40000 > 10.99.0.1.9"},
		{"IPv6", 41, func(*sealer) []byte { return user6 }, 0, user6, user6, 41, "2001:db8::1.1024 > 2001:db8:1::2.80"},
		{"GRE", 47, func(*sealer) []byte { return gre(0, 0x0800, 0, user) }, 0, user, gre(0, 0x0800, 0, user), 47, "10.99.0.100.40000 > 10.99.0.1.9"},
		{"GRE with key and sequence", 47, func(*sealer) []byte { return gre(0x3000, 0x86dd, 8, user6) }, 0, user6, gre(0x3000, 0x86dd, 8, user6), 47, "2001:db8::1.1024"},
		{"tunnel in transport", 50, func(s *sealer) []byte { return s.seal(4, user) }, 1, user, user, 4, "10.99.0.100.40000 > 10.99.0.1.9"},
		{"transport in tunnel", 4, func(s *sealer) []byte { return ipPacket(a, b, 50, s.seal(6, inTransport)) }, 1,
			ipPacket(a, b, 6, inTransport), ipPacket(a, b, 6, inTransport), 4, "10.0.0.1.1025 > 10.0.0.2.22"},
		{"tunnel in tunnel", 4, func(s *sealer) []byte { return ipPacket(a, b, 50, s.seal(41, user6)) }, 1,
			user6, ipPacket(a, b, 41, user6), 4, "2001:db8::1.1024"},
		{"L2TP in transport in tunnel", 4, func(s *sealer) []byte { return ipPacket(a, b, 50, s.seal(17, udp(a, b, 1701, 1701, l2tpData(user)))) }, 1,
			user, ipPacket(a, b, 17, udp(a, b, 1701, 1701, l2tpData(user))), 4, "PPP: IP"},
		{"UDP-encapsulated transport in tunnel", 4, func(s *sealer) []byte {
			return ipPacket(a, b, 17, udp(a, b, 4500, 31000, s.seal(17, udp(a, b, 1701, 1701, l2tpData(user)))))
		}, 1, user, ipPacket(a, b, 17, udp(a, b, 1701, 1701, l2tpData(user))), 4, "PPP: IP"},
		{"UDP-encapsulated tunnel in tunnel", 4, func(s *sealer) []byte { return ipPacket(a, b, 17, udp(a, b, 31000, 4500, s.seal(4, user))) }, 1,
			user, ipPacket(a, b, 4, user), 4, "10.99.0.100.40000 > 10.99.0.1.9"},
		{"GRE in tunnel in GRE", 47, func(s *sealer) []byte { return gre(0, 0x0800, 0, ipPacket(a, b, 50, s.seal(4, user))) }, 1,
			user, gre(0, 0x0800, 0, ipPacket(a, b, 4, user)), 47, "10.99.0.100.40000 > 10.99.0.1.9"},
	} {
		for w := range wires[:4] {
			outer, inner := aesSA(0x6000), algorithms[15].sa(0x6001)
			packet := wires[w].packet(outer.seal(c.next, c.plain(inner)))
			clear := ipPacket(wires[w].here, wires[w].there, c.proto, c.clear)
			keys := secrets(outer.secret(), inner.secret())
			o := follow(t, rawFrames(packet), keys, mode{text: true, layer: output.LayerL2TP})
			r := &o.results[0]
			if r.verdict != why.Verified || r.nested != c.nested || !bytes.Equal(r.inner, c.user) || !strings.Contains(r.text, c.text) {
				t.Errorf("%s, %s: %d nested: %s", c.name, wires[w].name, r.nested, r.text)
			}
			if !bytes.Equal(o.clear[0].Data, clear) {
				t.Errorf("%s, %s: written\n%x, want\n%x", c.name, wires[w].name, o.clear[0].Data, clear)
			}
			if o := follow(t, rawFrames(packet), keys, mode{layer: output.LayerIP}); len(o.clear) != 1 || !bytes.Equal(o.clear[0].Data, c.user) {
				t.Errorf("%s, %s: user's packet %x", c.name, wires[w].name, o.clear)
			}
		}
	}
	// Port 4500 with something else in it stays as it is.
	for _, payload := range [][]byte{{0xff}, make([]byte, 40), bytesOf("user", 40)} {
		outer := aesSA(0x6000)
		sealed := ipPacket(a, b, 17, udp(a, b, 4500, 4500, payload))
		o := follow(t, rawFrames(ipPacket(here4, there4, 50, outer.seal(4, sealed))), secrets(outer.secret()), mode{layer: output.LayerL2TP})
		if r := &o.results[0]; r.verdict != why.Verified || r.nested != 0 || !bytes.Equal(r.inner, sealed) || !bytes.HasSuffix(o.clear[0].Data, sealed) {
			t.Errorf("%d bytes on port 4500: %x", len(payload), r.inner)
		}
	}
	// L2TP in tunnel mode: a message that carries none of the users' packets is none of them
	// itself.
	lcp := ipPacket(a, b, 17, udp(a, b, 1701, 1701, []byte{0, 2, 0, 21, 0, 7, 0xff, 3, 0xc0, 0x21, 9, 1, 0, 8, 1, 2, 3, 4}))
	tunnel := aesSA(0x6000)
	for _, c := range []struct {
		packet []byte
		user   []byte
		text   string
	}{{lcp, nil, "PPP LCP Echo-Req"}, {ipPacket(a, b, 17, udp(a, b, 1701, 1701, l2tpData(user))), user, "PPP: IP"}} {
		o := follow(t, rawFrames(ipPacket(here4, there4, 50, tunnel.seal(4, c.packet))), secrets(tunnel.secret()), mode{text: true, layer: output.LayerL2TP})
		if r := &o.results[0]; r.verdict != why.Verified || !bytes.Equal(r.inner, c.user) || !strings.Contains(r.text, c.text) {
			t.Errorf("L2TP in tunnel mode: %s, user's packet %x", r.text, r.inner)
		}
	}
	// Without the inner key the outer one is opened, and what is inside stays as it is.
	outer, inner := aesSA(0x6000), aesSA(0x6001)
	sealed := ipPacket(a, b, 50, inner.seal(4, user))
	o := follow(t, rawFrames(ipPacket(here4, there4, 50, outer.seal(4, sealed))), secrets(outer.secret()), mode{text: true, layer: output.LayerL2TP})
	if r := &o.results[0]; r.verdict != why.Verified || r.nested != 0 || !bytes.Equal(r.inner, sealed) || !strings.Contains(r.text, "ESP(spi=0x6001") {
		t.Errorf("%s", r.text)
	}
}

// TestNestedTooOften: ESP in ESP is opened as far as the bound, and no farther.
func TestNestedTooOften(t *testing.T) {
	user := userPacket(5)
	for _, c := range []struct{ deep, nested int }{{1, 1}, {4, 4}, {5, 4}, {40, 4}} {
		data, next := user, byte(4)
		var keys []*esp.Secret
		for i := range c.deep + 1 {
			s := aesSA(0x7000 + uint32(i))
			data, next = s.seal(next, data), 50
			keys = append(keys, s.secret())
		}
		o := follow(t, rawFrames(ipPacket(here4, there4, 50, data)), secrets(keys...), mode{text: true})
		if r := &o.results[0]; r.verdict != why.Verified || r.nested != c.nested || (c.deep > c.nested) == bytes.Equal(r.inner, user) {
			t.Errorf("%d in each other: %d opened: %s", c.deep, r.nested, r.text)
		}
	}
}

// TestExtensionHeaders: IPv6 extension headers in front of what ESP carries (RFC 4303 section
// 3.1.1) stay in the cleartext capture.
func TestExtensionHeaders(t *testing.T) {
	user := userPacket(3)
	l2tp := udp(here6, there6, 1701, 1701, l2tpData(user))
	pad := []byte{1, 4, 0, 0, 0, 0} // PadN
	options := append([]byte{17, 0}, pad...)
	for _, c := range []struct {
		next     byte
		plain    []byte
		clear    []byte
		hasInner bool
	}{
		{60, slices.Concat(options, l2tp), slices.Concat(options, l2tp), true},
		{60, slices.Concat([]byte{60, 0}, pad, options, l2tp, make([]byte, 33)), slices.Concat([]byte{60, 0}, pad, options, l2tp), true},
		{0, slices.Concat(options, l2tp), slices.Concat(options, l2tp), true},
		{60, []byte{17, 9, 1, 2, 3, 4, 5, 6}, []byte{17, 9, 1, 2, 3, 4, 5, 6}, false},
		{60, []byte{17, 0, 1}, []byte{17, 0, 1}, false},
	} {
		s := aesSA(0x7000)
		f := rawFrames(ipPacket(here6, there6, 50, s.seal(17, l2tp)), ipPacket(here6, there6, 50, s.seal(c.next, c.plain)))
		o := follow(t, f, secrets(s.secret()), mode{text: true, layer: output.LayerL2TP})
		r := &o.results[1]
		if r.verdict != why.Verified || r.l2tp != c.hasInner || c.hasInner != strings.Contains(r.json, `"l2tp":{`) || !bytes.Equal(o.clear[1].Data, ipPacket(here6, there6, c.next, c.clear)) {
			t.Errorf("%d: %s\n%x", c.next, r.text, o.clear[1].Data)
		}
		if o := follow(t, f, secrets(s.secret()), mode{layer: output.LayerIP}); (len(o.clear) == 2 && bytes.Equal(o.clear[1].Data, user)) != c.hasInner {
			t.Errorf("%d: user's packets %v", c.next, o.clear)
		}
	}
}

// TestNamed: keepalives and the beginning of IKE in TCP have a name and stay as they are, and other
// TCP does.
func TestNamed(t *testing.T) {
	packets := [][]byte{
		ipPacket(here4, there4, 17, udp(here4, there4, 4500, 4500, []byte{0xff})),
		ipPacket(here4, there4, 17, udp(here4, there4, 4500, 4500, nil)),
		ipPacket(here6, there6, 17, udp(here6, there6, 500, 500, []byte{0xff})),
		ipPacket(here4, there4, 6, tcp(here4, there4, 50000, 4500, bytesOf("stream", 50))),
		ipPacket(here4, there4, 6, tcp(here4, there4, 50000, 443, []byte("IKETCP\x00\x10"))),
		ipPacket(here4, there4, 17, udp(here4, there4, 4500, 4500, []byte{1, 2})),
	}
	f := rawFrames(packets...)
	o := follow(t, f, nil, mode{text: true, layer: output.LayerL2TP})
	for i, want := range []string{"NAT keepalive", "NAT keepalive", "NAT keepalive", "4500", "RFC 9329", "4500"} {
		r := &o.results[i]
		if r.verdict != why.Clear || r.kind != pipeline.Other || !strings.Contains(r.text, want) || !strings.Contains(r.json, want) {
			t.Errorf("packet %d: %s %s", i, r.text, r.json)
		}
		if !bytes.Equal(o.clear[i].Data, packets[i]) {
			t.Errorf("packet %d changed", i)
		}
	}
}

// TestWindow: what the report counts of sequence numbers.
func TestWindow(t *testing.T) {
	s := aesSA(0x7000)
	p := sealAll(s, 20)
	list := [][]byte{p[0], p[1], p[2], p[4], p[3], p[4], p[5], p[5], p[9], p[10], p[11]} // 6, 7, 8 are missing
	o := follow(t, rawFrames(list...), secrets(s.secret()), mode{})
	wantAll(t, o, why.Verified)
	if r := o.p.Flows()[0].Report(); r.FirstSeq != 1 || r.LastSeq != 12 || r.Missing != 3 || r.Duplicates != 2 || r.Reordered != 1 || r.Packets() != 11 || r.Verified != 11 {
		t.Errorf("%+v", r)
	}
}

// TestSPIAgain: an SPI that comes into use again with another key, without a word of IKE.
func TestSPIAgain(t *testing.T) {
	first, second := aesSA(0x8000), algorithms[2].sa(0x8000)
	packets := append(sealAll(first, 40), sealAll(second, 40)...)
	o := follow(t, rawFrames(packets...), secrets(first.secret(), second.secret()), mode{})
	for i := range o.results {
		if r := &o.results[i]; r.verdict != why.Verified {
			t.Errorf("packet %d: %s %s", i, r.verdict, r.reason)
		}
	}
}

// TestSnapLength: of a packet that was cut, what is there is decrypted; it is truncated, never
// verified.
func TestSnapLength(t *testing.T) {
	for i := range algorithms {
		a := &algorithms[i]
		s := a.sa(0x9000)
		packets := sealAll(s, 4)
		f := rawFrames(packets...)
		for n := 1; n < len(packets[3]); n++ {
			list := append([]capture.Packet(nil), f.list...)
			list[3].Data = list[3].Data[:n]
			o := follow(t, f.with(list), secrets(s.secret()), mode{text: n%7 == 0, layer: output.LayerL2TP})
			r := &o.results[3]
			if r.verdict != why.Truncated {
				t.Errorf("%s %s: cut to %d of %d bytes: %s %s", a.cipher, a.auth, n, len(packets[3]), r.verdict, r.reason)
				break
			}
			want := udp(here4, there4, 1701, 1701, l2tpData(userPacket(3)))
			if got := r.plain; len(got) > len(want)+16 || !bytes.HasPrefix(want, got[:min(len(got), len(want))]) {
				t.Errorf("%s %s: cut to %d bytes: plaintext %x", a.cipher, a.auth, n, got)
				break
			}
			ivLen := s.suite.Cipher.IVLen
			if there := (n - 20 - 8 - ivLen) / a.block * a.block; there > 40 && len(r.plain) < min(there, len(want))-a.block {
				t.Errorf("%s %s: cut to %d bytes: %d bytes of plaintext", a.cipher, a.auth, n, len(r.plain))
				break
			}
		}
	}
}

// TestWrongAndMissing: what can't be opened passes as it is, with its reason.
func TestWrongAndMissing(t *testing.T) {
	s, none := aesSA(0xa000), aesSA(0xa001)
	packets := append(sealAll(s, 5), sealAll(none, 2)...)
	packets[2] = bytes.Clone(packets[2])
	packets[2][60] ^= 1
	wrong := s.secret()
	f := rawFrames(packets...)
	o := follow(t, f, secrets(wrong), mode{text: true, layer: output.LayerL2TP})
	for i, want := range []why.Verdict{why.Verified, why.Verified, why.WrongKey, why.Verified, why.Verified, why.NoKey, why.NoKey} {
		r := &o.results[i]
		if r.verdict != want || want != why.Verified && (r.reason == "" || !bytes.Equal(o.clear[i].Data, packets[i])) {
			t.Errorf("packet %d: %s, want %s", i, r.text, want)
		}
	}
}
