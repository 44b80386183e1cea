package capture

import (
	"bytes"
	"strings"
	"testing"
)

// wrappings are headers that carry the frame or packet behind them.
var wrappings = []struct {
	name   string
	wraps  string // what Unwrap calls it
	header string // IPv4, whose length is filled in, or of the link layer
	udp    bool   // the header has a UDP one, whose length is filled in too
	ip     bool   // carries an IP packet, not an Ethernet frame
}{
	{name: "tzsp", wraps: "TZSP", udp: true, header: "c3509090 0000 0000 01000001 0a01c8 00 29020000 01"},
	{name: "vxlan", wraps: "VXLAN", udp: true, header: "c35012b5 0000 0000 0800000000000700"},
	{name: "vxlan of linux", wraps: "VXLAN", udp: true, header: "c3502118 0000 0000 0800000000000700"},
	{name: "vxlan gpe", wraps: "VXLAN", udp: true, ip: true, header: "c35012b6 0000 0000 0c00000100000700"},
	{name: "geneve", wraps: "Geneve", udp: true, header: "c35017c1 0000 0000 0100655800000700 01020300"},
	{name: "gtp-u", wraps: "GTP-U", udp: true, ip: true, header: "c3500868 0000 0000 30ff002800000009"},
	{name: "gtp-u with extensions", wraps: "GTP-U", udp: true, ip: true,
		header: "c3500868 0000 0000 34ff002800000009 00000085 01000985 02 000000000000 00"},
	{name: "mpls in udp", wraps: "MPLS", udp: true, ip: true, header: "c35019eb 0000 0000 00010140"},
	{name: "gre", wraps: "GRE", ip: true, header: "2f 00000800"},
	{name: "gre with all fields", wraps: "GRE", ip: true, header: "2f b0000800 00000000 00000001 00000002"},
	{name: "gre with a route", wraps: "GRE", ip: true, header: "2f 60000800 00000000 00000001 08000004c0000201 00000000"},
	{name: "nvgre", wraps: "GRE", header: "2f 20006558 00000700"},
	{name: "mpls in gre", wraps: "GRE, MPLS", ip: true, header: "2f 00008847 00010140"},
	{name: "erspan", wraps: "ERSPAN", header: "2f 000088be"},
	{name: "erspan 2", wraps: "ERSPAN", header: "2f 100088be 00000001 1005000100000000"},
	{name: "erspan 3", wraps: "ERSPAN", header: "2f 100022eb 00000001 200500010000000000000000"},
	{name: "erspan 3 of IP", wraps: "ERSPAN", header: "2f 100022eb 00000001 200500010000000000000800", ip: true},
	{name: "erspan 3 longer", wraps: "ERSPAN", header: "2f 100022eb 00000001 200500010000000000000001 0000000000000000"},
	{name: "etherip", wraps: "EtherIP", header: "61 3000"},
	{name: "ip in ip", wraps: "IP in IP", ip: true, header: "04"},
	{name: "vxlan gpe, nsh", wraps: "NSH", udp: true, header: "c35012b6 0000 0000 0c00000400000700 0fc60103 000001ff 00000000000000000000000000000000"},
	{name: "gue", wraps: "GUE", udp: true, ip: true, header: "c35017c0 0000 0000 01040000 00000000"},
	{name: "gue without a header", wraps: "GUE", udp: true, ip: true, header: "c35017c0 0000 0000"},
	{name: "hp's mirroring", wraps: "HP's mirroring", udp: true, header: "c3501efc 0000 0000 000000000000000000000000"},
	{name: "eoip", wraps: "EoIP", header: "2f 20016400 ffff 0700"},
	{name: "mpls in ip", wraps: "MPLS", ip: true, header: "89 00010140"},
}

var wrappedEthernet = "020000000009 02000000000a 0800"

// wrapped builds the frame of a wrapping, around ip.
func wrapped(header string, udp, bare bool, ip []byte) []byte {
	inner := ip
	if !bare {
		inner = join(unhex(wrappedEthernet), ip)
	}
	h := unhex(header)
	protocol := byte(17)
	if !udp {
		protocol, h = h[0], h[1:]
	}
	payload := join(h, inner)
	if udp {
		copy(payload[4:], be16(len(payload)))
	}
	return join(unhex("020000000001 020000000002 0800"), ip4(protocol, payload))
}

func TestUnwrap(t *testing.T) {
	ip := ip4(50, count(40))
	for _, c := range wrappings {
		t.Run(c.name, func(t *testing.T) {
			data := wrapped(c.header, c.udp, c.ip, ip)
			w, ok := mustDecode(t, Ethernet, data).Unwrap(Ethernet, data)
			want := join(unhex(wrappedEthernet), ip)
			if c.ip {
				want = join(data[:14], ip)
			}
			if !ok || w.Name != c.wraps || w.Link != Ethernet || !bytes.Equal(w.Data, want) {
				t.Fatalf("%v %+v, want %x", ok, w, want)
			}
			// With one byte less of it anywhere nothing goes out of bounds.
			for n := 14; n < len(data); n++ {
				var f Frame
				if f.Decode(Ethernet, data[:n:n]) == nil {
					f.Unwrap(Ethernet, data[:n:n])
				}
			}
		})
	}
}

// The link header says which version of IP follows, and how much.
func TestUnwrapKeepsLinkHeader(t *testing.T) {
	inner := ip6(50, count(40))
	for _, c := range linkFrames {
		if c.v6 {
			continue
		}
		data := buildLink(c.header, c.lengthAt, ip4(41, inner), "")
		w, ok := mustDecode(t, c.lt, data).Unwrap(c.lt, data)
		if !ok {
			t.Errorf("%s: nothing", c.name)
			continue
		}
		if f := mustDecode(t, w.Link, w.Data); f.IPVersion != 6 || f.Protocol != 50 || f.PayloadEnd != len(w.Data) {
			t.Errorf("%s: %+v", c.name, f)
		}
	}
	mpls := join(unhex("020000000001 020000000002 8847 00010040 00020140"), inner)
	if w, ok := mustDecode(t, Ethernet, mpls).Unwrap(Ethernet, mpls); !ok || !bytes.Equal(w.Data, join(unhex("020000000001 020000000002 86dd"), inner)) {
		t.Errorf("MPLS: %v %+v", ok, w)
	}
	wire := join(unhex("020000000001 020000000002 8847 00010140"), unhex("00000000"+wrappedEthernet), ip4(50, count(40)))
	if w, ok := mustDecode(t, Ethernet, wire).Unwrap(Ethernet, wire); !ok || !bytes.Equal(w.Data, wire[22:]) {
		t.Errorf("pseudowire: %v %+v", ok, w)
	}
	// Without a control word the frame begins with an address, whatever that looks like.
	for _, address := range []string{"42f0cafe0001", "6a11cafe1234", "02ea3aa31301"} {
		frame := join(unhex(address+" 02000000000a 0806 0001 0800 0604 0001"), count(20))
		wire := join(unhex("020000000001 020000000002 8847 00010140"), frame)
		if w, ok := mustDecode(t, Ethernet, wire).Unwrap(Ethernet, wire); !ok || w.Link != Ethernet || !bytes.Equal(w.Data, frame) {
			t.Errorf("%s: %v %+v", address, ok, w)
		}
	}
}

// What is no such header is not taken for one, though port or protocol are those of one.
func TestUnwrapRefuses(t *testing.T) {
	ip := ip4(50, count(40))
	for _, c := range []struct {
		name, header string
		udp          bool
	}{
		{"tzsp keepalive", "c3509090 0000 0000 01040001 01", true},
		{"tzsp of another version", "c3509090 0000 0000 02000001 01", true},
		{"tzsp of an unknown protocol", "c3509090 0000 0000 01000099 01", true},
		{"tzsp to an end", "c3509090 0000 0000 01000001 0aff", true},
		{"tzsp reply", "9090c350 0000 0000 01000001 01", true},
		{"vxlan without identifier", "c35012b5 0000 0000 0000000000000700", true},
		{"vxlan reserved", "c35012b5 0000 0000 0800000000000701", true},
		{"vxlan gpe of nsh", "c35012b6 0000 0000 0c00000400000700", true},
		{"geneve of another version", "c35017c1 0000 0000 4000655800000700", true},
		{"nsh without a length", "c35012b6 0000 0000 0c00000400000700 0f000003000001ff", true},
		{"gue control", "c35017c0 0000 0000 20040000", true},
		{"gue of tcp", "c35017c0 0000 0000 00060000", true},
		{"gtp-u echo", "c3500868 0000 0000 3001002800000009", true},
		{"gtp-c", "c3500868 0000 0000 48ff002800000009", true},
		{"gre of pptp", "2f 3001880b 00100001 00000001", false},
		{"gre with a route to an end", "2f 40000800 00000000 080004ff", false},
		{"erspan of another version", "2f 100088be 00000001 7005000100000000", false},
		{"etherip of another version", "61 4000", false},
		{"mpls without a bottom", "89 00010040 00010040", false},
		{"ordinary", "c350 0035 0000 0000 0800000000000700", true},
	} {
		data := wrapped(c.header, c.udp, true, ip)
		if w, ok := mustDecode(t, Ethernet, data).Unwrap(Ethernet, data); ok && !strings.HasPrefix(c.name, "mpls without") {
			t.Errorf("%s: %+v", c.name, w)
		}
	}
	fragment := ip4Fragment(4, ip, 1, 0x2000)
	if w, ok := mustDecode(t, Raw, fragment).Unwrap(Raw, fragment); ok {
		t.Errorf("a fragment: %+v", w)
	}
}

// TestUnwrapLink takes frames out of what stands behind an Ethernet header.
func TestUnwrapLink(t *testing.T) {
	frame := join(unhex(wrappedEthernet), ip4(50, count(40)))
	for header, want := range map[string]string{"88e7 00000007": "802.1ah", "894f 0fc20203000001ff": "NSH", "88a8 0007 894f 0fc20203000001ff": "NSH"} {
		data := join(unhex("020000000001 020000000002"+header), frame)
		w, ok := mustDecode(t, Ethernet, data).Unwrap(Ethernet, data)
		if !ok || w.Name != want || w.Link != Ethernet || !bytes.Equal(w.Data, frame) {
			t.Errorf("%s: %v %+v", header, ok, w)
		}
	}
	packet := ip4(50, count(40))
	data := join(unhex("020000000001 020000000002 894f 0fc20201000001ff"), packet)
	w, ok := mustDecode(t, Ethernet, data).Unwrap(Ethernet, data)
	if want := join(unhex("020000000001 020000000002 0800"), packet); !ok || !bytes.Equal(w.Data, want) {
		t.Errorf("NSH of IP: %v %x", ok, w.Data)
	}
}

func FuzzUnwrap(f *testing.F) {
	ip := ip4(50, count(40))
	for _, c := range wrappings {
		f.Add(uint16(Ethernet), wrapped(c.header, c.udp, c.ip, ip))
	}
	f.Add(uint16(Ethernet), join(unhex("020000000001 020000000002 894f 0fc20201000001ff"), ip))
	f.Add(uint16(Ethernet), join(unhex("020000000001 020000000002 8847 00010040 00020140"), ip))
	f.Fuzz(func(t *testing.T, lt uint16, data []byte) {
		var fr Frame
		if fr.Decode(LinkType(lt), data) != nil {
			return
		}
		fr.Closed(data)
		w, ok := fr.Unwrap(LinkType(lt), data)
		if !ok {
			return
		}
		if len(w.Data) == 0 || len(w.Data) > len(data) {
			t.Fatalf("%d bytes out of %d", len(w.Data), len(data))
		}
	})
}

// The frames of an A-MSDU are Ethernet frames, and what is cut of it costs no more than its end.
func TestUnwrapAggregated(t *testing.T) {
	header := unhex("8801 0000 020000000007 020000000001 020000000002 1000 8000")
	data := header
	var want [][]byte
	for i := range 3 {
		ip := ip4(50, count(41+i))
		part := join(unhex("020000000002 020000000001"), be16(8+len(ip)), unhex("aaaa03000000 0800"), ip)
		data = join(data, part, make([]byte, -len(part)&3))
		want = append(want, join(unhex("020000000002 020000000001 0800"), ip))
	}
	w, ok := mustDecode(t, IEEE80211, data).Unwrap(IEEE80211, data)
	if !ok || w.Name != "A-MSDU" || w.Link != Ethernet || len(w.More) != 2 ||
		!bytes.Equal(w.Data, want[0]) || !bytes.Equal(w.More[0], want[1]) || !bytes.Equal(w.More[1], want[2]) {
		t.Fatalf("%v %+v", ok, w)
	}
	for n := range data {
		var f Frame
		if f.Decode(IEEE80211, data[:n:n]) != nil {
			continue
		}
		if w, ok := f.Unwrap(IEEE80211, data[:n:n]); ok && !bytes.HasPrefix(want[0], w.Data) {
			t.Errorf("cut to %d: %x", n, w.Data)
		}
	}
}
