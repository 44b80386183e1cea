package pipeline_test

import (
	"bytes"
	"net/netip"
	"slices"
	"testing"

	"l2tpdump/cmd/internal/output"
	"l2tpdump/cmd/internal/pipeline"
	"l2tpdump/cmd/internal/why"
)

// tunnelled is an L2TP packet of a user in two IP fragments.
func tunnelled(user int, id uint16) [][]byte {
	return halves(ipPacket(here4, there4, 17, udp(here4, there4, 1701, 1701, l2tpData(userPacket(user)))), id)
}

// TestFragmentsInsideESP: IP fragments of a tunnel inside ESP are put together, in any order; those
// of the users stay as they are.
func TestFragmentsInsideESP(t *testing.T) {
	s := aesSA(0x7000)
	var packets [][]byte
	seal := func(parts ...[]byte) {
		for _, p := range parts {
			packets = append(packets, ipPacket(here4, there4, 50, s.seal(4, p)))
		}
	}
	for i := range 10 {
		parts := tunnelled(i, uint16(i))
		if i%2 == 1 {
			slices.Reverse(parts)
		}
		seal(parts...)
	}
	u, v := netip.MustParseAddr("10.1.0.1"), netip.MustParseAddr("10.2.0.1")
	user := halves(ipPacket(u, v, 17, udp(u, v, 5000, 5001, make([]byte, 200))), 500)
	seal(user...)
	o := follow(t, rawFrames(packets...), secrets(s.secret()), mode{text: true, layer: output.LayerIP})
	wantAll(t, o, why.Verified)
	if len(o.clear) != 12 || o.stats.L2TP != 10 || o.stats.Inner != 12 || o.stats.Merged != 0 {
		t.Fatalf("%d written: %+v", len(o.clear), o.stats)
	}
	for i := range 10 {
		if !bytes.Equal(o.clear[i].Data, userPacket(i)) {
			t.Errorf("packet %d: %x", i, o.clear[i].Data)
		}
	}
	for i, p := range user {
		if !bytes.Equal(o.clear[10+i].Data, p) {
			t.Errorf("the users' fragment %d: %x", i, o.clear[10+i].Data)
		}
	}

	// What is written for other programs are the fragments.
	o = follow(t, rawFrames(packets...), secrets(s.secret()), mode{layer: output.LayerL2TP})
	for i, p := range tunnelled(0, 0) {
		if !bytes.HasSuffix(o.clear[i].Data, p) {
			t.Errorf("fragment %d: %x", i, o.clear[i].Data)
		}
	}
}

// TestFragmentsInsideAreApart: fragments of one SA are not put together with those of another, nor
// with those in clear, nor with those of packets that come again.
func TestFragmentsInsideAreApart(t *testing.T) {
	a, b := aesSA(0x7000), aesSA(0x8000)
	parts, others := tunnelled(1, 7), tunnelled(2, 7)
	in := func(s *sealer, p []byte) []byte { return ipPacket(here4, there4, 50, s.seal(4, p)) }
	first := in(a, parts[0])
	packets := [][]byte{
		first, in(b, others[1]), others[1], // of the same addresses and identification
		first, in(a, parts[1]), in(b, others[0]), first,
	}
	o := follow(t, rawFrames(packets...), secrets(a.secret(), b.secret()), mode{text: true, layer: output.LayerIP})
	if len(o.clear) != 2 || !bytes.Equal(o.clear[0].Data, userPacket(1)) || !bytes.Equal(o.clear[1].Data, userPacket(2)) {
		t.Errorf("%d written: %+v", len(o.clear), o.clear)
	}
	if n := o.stats.Count(pipeline.ESP, why.Verified); n != 6 || o.stats.ByKind[pipeline.Other] != 1 || o.stats.L2TP != 2 {
		t.Errorf("%+v", o.stats)
	}
}
