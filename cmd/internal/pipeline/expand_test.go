package pipeline_test

import (
	"bytes"
	"path/filepath"
	"slices"
	"testing"

	"l2tpdump/capture"
	"l2tpdump/cmd/internal/output"
	"l2tpdump/cmd/internal/pipeline"
	"l2tpdump/l2tp"
)

// TestClearChangesNothing: packets in clear of the same tunnel and session, which end the
// compression, the link, the session and the tunnel, change nothing of what ESP carries.
func TestClearChangesNothing(t *testing.T) {
	const dir = "09-ppp-vj-deflate-acfc-pfc"
	f := mustRead(t, filepath.Join(capturesDir, dir, "outer.pcap"))
	keys := labKeys(t, dir, tables...)
	want := follow(t, f, keys, mode{layer: output.LayerIP})

	var forged []capture.Packet
	for i, p := range f.list {
		forged = append(forged, p)
		r := &want.results[i]
		if r.kind != pipeline.ESP || !r.ppp {
			continue
		}
		var h l2tp.Header
		message := r.plain[8:]
		if err := h.Decode(message); err != nil {
			t.Fatal(err)
		}
		stopCCN := []byte{0xc8, 2, 0, 20, message[4], message[5], 0, 0, 0, 9, 0, 9, 0x80, 8, 0, 0, 0, 0, 0, 4}
		cdn := slices.Clone(stopCCN)
		copy(cdn[6:], message[6:8])
		cdn[19] = 14
		for _, message := range [][]byte{
			append(slices.Clone(message[:h.PayloadStart]), 0x80, 0xfd, 5, byte(i), 0, 4),          // CCP Terminate-Request
			append(slices.Clone(message[:h.PayloadStart]), 0x80, 0xfd, 15, byte(i), 0, 4),         // CCP Reset-Ack
			append(slices.Clone(message[:h.PayloadStart]), 0xc0, 0x21, 1, byte(i), 0, 4),          // LCP Configure-Request
			append(slices.Clone(message[:h.PayloadStart]), 0x00, 0xfd, byte(i>>8), byte(i), 1, 2), // compressed
			cdn, stopCCN,
		} {
			if h.HasLength && message[0]&0x80 == 0 {
				message[2], message[3] = byte(len(message)>>8), byte(len(message))
			}
			var n capture.Frame
			if err := n.Decode(capture.Ethernet, p.Data); err != nil {
				t.Fatal(err)
			}
			datagram := append([]byte{6, 165, 6, 165, byte((8 + len(message)) >> 8), byte(8 + len(message)), 0, 0}, message...)
			q := p
			q.Data = n.AppendReplaced(nil, p.Data, 17, datagram)
			q.Length = len(q.Data)
			forged = append(forged, q)
		}
	}
	got := follow(t, f.with(forged), keys, mode{layer: output.LayerIP})
	if got.stats.Count(pipeline.L2TP, "clear") == 0 {
		t.Fatal("the forged packets are not taken for L2TP")
	}
	if len(want.clear) == 0 || !slices.EqualFunc(got.clear, want.clear, func(a, b capture.Packet) bool { return bytes.Equal(a.Data, b.Data) }) {
		t.Errorf("%d packets, %d without the forged ones: %v", len(got.clear), len(want.clear), got.stats.Expansion)
	}
}

// TestReplayedPPP: packets of ESP that come again, at once and later, change nothing of what PPP
// compressed, whether their ICV can be checked or not.
func TestReplayedPPP(t *testing.T) {
	const dir = "09-ppp-vj-deflate-acfc-pfc"
	f := mustRead(t, filepath.Join(capturesDir, dir, "outer.pcap"))
	var replayed []capture.Packet
	for i, p := range f.list {
		replayed = append(replayed, p)
		if i%3 == 0 {
			replayed = append(replayed, p)
		}
		if i >= 2 && i%4 == 0 {
			replayed = append(replayed, f.list[i-2])
		}
	}
	for _, names := range [][]string{tables, {"router.log"}} {
		s := &pppSet{frames: f, keys: labKeys(t, dir, names...)}
		want, got := s.inner(t, f.list).expanded, s.inner(t, replayed).expanded
		if len(want) < 200 || !slices.EqualFunc(got, want, bytes.Equal) {
			t.Errorf("%v: %d packets, %d without the replayed ones", names, len(got), len(want))
		}
	}
}
