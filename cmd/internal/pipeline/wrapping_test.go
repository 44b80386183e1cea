package pipeline_test

import (
	"encoding/binary"
	"net/netip"
	"testing"

	"l2tpdump/capture"
	"l2tpdump/cmd/internal/output"
	"l2tpdump/cmd/internal/pipeline"
	"l2tpdump/cmd/internal/why"
)

// sniffed is packets of s as a sniffer elsewhere sends them, each in Ethernet and TZSP.
func sniffed(s *sealer, n int) [][]byte {
	a, b := netip.MustParseAddr("192.0.2.101"), netip.MustParseAddr("192.0.2.102")
	var list [][]byte
	for _, p := range sealAll(s, n) {
		frame := append([]byte{1, 0, 0, 1, 1, 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0}, p...)
		list = append(list, ipPacket(a, b, 17, udp(a, b, 50000, 37008, frame)))
	}
	return list
}

// halves cuts an IPv4 packet into two fragments.
func halves(ip []byte, id uint16) [][]byte {
	const first = 64
	payload := ip[20:]
	cut := func(part []byte, field uint16) []byte {
		out := append(append([]byte(nil), ip[:20]...), part...)
		binary.BigEndian.PutUint16(out[2:], uint16(len(out)))
		binary.BigEndian.PutUint16(out[4:], id)
		binary.BigEndian.PutUint16(out[6:], field)
		binary.BigEndian.PutUint16(out[10:], 0)
		binary.BigEndian.PutUint16(out[10:], onesComplement(out[:20]))
		return out
	}
	return [][]byte{cut(payload[:first], 0x2000), cut(payload[first:], first/8)}
}

// TestWrappedInFragments: a sniffer's packets are larger than what they carry, and come in
// fragments.
func TestWrappedInFragments(t *testing.T) {
	s := aesSA(0x7000)
	var packets [][]byte
	for i, p := range sniffed(s, 20) {
		packets = append(packets, halves(p, uint16(i))...)
	}
	o := follow(t, rawFrames(packets...), secrets(s.secret()), mode{text: true, layer: output.LayerL2TP})
	if n := o.stats.Count(pipeline.ESP, why.Verified); n != 20 || o.stats.Merged != 20 || len(o.clear) != 20 {
		t.Fatalf("%d verified, %d merged, %d written", n, o.stats.Merged, len(o.clear))
	}
	for i := range o.clear {
		var f capture.Frame
		if err := f.Decode(capture.Ethernet, o.clear[i].Data); err != nil || f.Protocol != 17 || f.SrcPort != 1701 {
			t.Errorf("packet %d: %v %+v", i, err, f)
		}
	}
}

// TestWrappedAndFragmented: the packets that are carried are themselves fragments, in a tunnel and
// in a sniffer's.
func TestWrappedAndFragmented(t *testing.T) {
	a, b := netip.MustParseAddr("192.0.2.101"), netip.MustParseAddr("192.0.2.102")
	s := aesSA(0x7000)
	var packets [][]byte
	for i, p := range sealAll(s, 20) {
		for _, part := range halves(p, uint16(i)) {
			packets = append(packets, ipPacket(a, b, 4, part))
		}
	}
	o := follow(t, rawFrames(packets...), secrets(s.secret()), mode{text: true, layer: output.LayerL2TP})
	if n := o.stats.Count(pipeline.ESP, why.Verified); n != 20 || o.stats.Merged != 20 || len(o.clear) != 20 {
		t.Errorf("%d verified, %d merged, %d written", n, o.stats.Merged, len(o.clear))
	}
}

// TestWrappedFragmentsOfNothing: fragments in a tunnel that make a datagram which is none pass as
// they are, and hold up nothing.
func TestWrappedFragmentsOfNothing(t *testing.T) {
	a, b := netip.MustParseAddr("192.0.2.101"), netip.MustParseAddr("192.0.2.102")
	datagram := udp(a, b, 4500, 4500, make([]byte, 200))
	binary.BigEndian.PutUint16(datagram[4:], 60000) // more than there is
	var packets [][]byte
	for _, part := range halves(ipPacket(a, b, 17, datagram), 7) {
		packets = append(packets, ipPacket(a, b, 4, part))
	}
	o := follow(t, rawFrames(packets...), nil, mode{text: true, layer: output.LayerL2TP})
	if o.stats.Merged != 0 || len(o.clear) != 2 {
		t.Errorf("%d merged, %d written", o.stats.Merged, len(o.clear))
	}
}

// TestWrappedCutShort: the snap length left the head of what is carried; nothing is called damaged.
func TestWrappedCutShort(t *testing.T) {
	s := aesSA(0x7000)
	f := rawFrames(sniffed(s, 10)...)
	for i := range f.list {
		p := &f.list[i]
		p.Data = p.Data[:len(p.Data)-30]
	}
	o := follow(t, f, secrets(s.secret()), mode{text: true, layer: output.LayerL2TP})
	wantAll(t, o, why.Truncated)
	if o.stats.ByKind[pipeline.ESP] != 10 || o.stats.Heads != 10 {
		t.Errorf("%+v", o.stats)
	}
	for i := range o.clear {
		if p := &o.clear[i]; p.Length <= len(p.Data) {
			t.Errorf("packet %d: %d bytes of %d", i, len(p.Data), p.Length)
		}
	}
}

// TestTunnelInsideESP: what users tunnel through their connection is theirs.
func TestTunnelInsideESP(t *testing.T) {
	a, b := netip.MustParseAddr("10.99.0.100"), netip.MustParseAddr("10.99.0.1")
	s := aesSA(0x7000)
	user := ipPacket(a, b, 17, udp(a, b, 50000, 37008, append([]byte{1, 0, 0, 1, 1, 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0}, userPacket(1)...)))
	packets := [][]byte{ipPacket(here4, there4, 50, s.seal(17, udp(here4, there4, 1701, 1701, l2tpData(user))))}
	o := follow(t, rawFrames(packets...), secrets(s.secret()), mode{layer: output.LayerIP})
	if len(o.clear) != 1 || string(o.clear[0].Data) != string(user) {
		t.Errorf("%v, want the packet as it is", o.clear)
	}
}

// TestWrappedTooOften: tunnels in tunnels end somewhere, and cost no frame.
func TestWrappedTooOften(t *testing.T) {
	s := aesSA(0x7000)
	p := sealAll(s, 1)[0]
	var packets [][]byte
	for range 100 {
		packets = append(packets, p)
		p = ipPacket(here4, there4, 4, p)
	}
	o := follow(t, rawFrames(packets...), secrets(s.secret()), mode{text: true, layer: output.LayerL2TP})
	if o.stats.Frames != 100 || len(o.clear) != 100 || o.stats.ByKind[pipeline.ESP] != 5 {
		t.Errorf("%d frames, %d written, %d of ESP", o.stats.Frames, len(o.clear), o.stats.ByKind[pipeline.ESP])
	}
}

// TestAggregated: each frame of an A-MSDU has its record, with the number of the one that was
// captured; fragments among them are put together.
func TestAggregated(t *testing.T) {
	s := aesSA(0x7000)
	var packets [][]byte
	for i, p := range sealAll(s, 6) {
		packets = append(packets, halves(p, uint16(i))...)
	}
	f := &frames{interfaces: []capture.Interface{{LinkType: capture.IEEE80211}}}
	for i := 0; i < len(packets); i += 3 {
		data := append([]byte{0x88, 1, 0, 0}, make([]byte, 22)...)
		data[24] = 0x80
		for _, ip := range packets[i:min(i+3, len(packets))] {
			part := binary.BigEndian.AppendUint16(make([]byte, 12), uint16(8+len(ip)))
			part = append(append(part, 0xaa, 0xaa, 3, 0, 0, 0, 8, 0), ip...)
			data = append(append(data, part...), make([]byte, -len(part)&3)...)
		}
		f.list = append(f.list, capture.Packet{Time: int64(i) * 1e6, Length: len(data), Data: data})
	}
	o := follow(t, f, secrets(s.secret()), mode{text: true, layer: output.LayerL2TP})
	if n := o.stats.Count(pipeline.ESP, why.Verified); n != 6 || o.stats.Frames != 4 || o.stats.Merged != 6 || len(o.clear) != 6 {
		t.Errorf("%d verified, %d frames, %d merged, %d written", n, o.stats.Frames, o.stats.Merged, len(o.clear))
	}
}
