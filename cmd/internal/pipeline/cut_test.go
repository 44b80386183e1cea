package pipeline_test

import (
	"bytes"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"l2tpdump/capture"
	"l2tpdump/cmd/internal/output"
	"l2tpdump/cmd/internal/pipeline"
	"l2tpdump/cmd/internal/why"
	"l2tpdump/ikev1"
)

// TestCutIKE: of an IKE message that the snaplen cut, text, JSON and the cleartext capture hold
// what is there.
func TestCutIKE(t *testing.T) {
	dir := "01-basic-aes128-sha1"
	f := mustRead(t, filepath.Join(capturesDir, dir, "outer.pcap"))
	keys := labKeys(t, dir, "keys/ikev1_decryption_table")
	whole := follow(t, f, keys, mode{text: true, layer: output.LayerL2TP})
	for _, snap := range []int{130, 150, 179, 200} {
		list := slices.Clone(f.list)
		cut := 0
		for i := range list {
			if w := &whole.results[i]; w.kind == pipeline.IKE && w.ike[0].Encrypted && len(list[i].Data) > snap {
				list[i].Data = list[i].Data[:snap]
			}
		}
		o := follow(t, f.with(list), keys, mode{text: true, layer: output.LayerL2TP})
		for i := range list {
			r, w := &o.results[i], &whole.results[i]
			if len(list[i].Data) == len(f.list[i].Data) {
				continue
			}
			m := r.ike[0]
			if m.Reconstructed && m.Header.NextPayload == ikev1.PayloadID {
				continue // the block in front of it is cut off, and where its second payload begins was in the first
			}
			cut++
			if r.verdict != why.Truncated || m.Decrypted || !m.Head() {
				t.Fatalf("snaplen %d, frame %d: %s", snap, i+1, r.text)
			}
			wanted := strings.TrimSuffix(strings.Split(w.text, "]: ")[1], "\n")
			got := strings.Split(strings.Split(r.text, "[truncated]: ")[1], ", first block")[0]
			got = strings.Split(got, "; ")[0]
			if len(m.Payloads) > 0 && (!strings.HasPrefix(wanted, got) || !strings.Contains(r.json, `"payloads":["`)) {
				t.Errorf("snaplen %d, frame %d:\n%s\n%s\nof\n%s", snap, i+1, r.text, r.json, w.text)
			}
			var n capture.Frame
			p := o.clear[i]
			if err := n.Decode(f.interfaces[0].LinkType, p.Data); err != nil || !n.Truncated || p.Length != list[i].Length || n.UDPLen != p.Length-n.UDPStart {
				t.Fatalf("snaplen %d, frame %d in clear: %v, %d of %d bytes: %+v", snap, i+1, err, len(p.Data), p.Length, n)
			}
			clear := p.Data[n.UDPStart:]
			if len(p.Data) < snap-15 || clear[19]&1 != 0 {
				t.Errorf("snaplen %d, frame %d: %d bytes in clear, flags %#x", snap, i+1, len(clear), clear[19])
			}
			from := 28
			if m.Reconstructed {
				from = 28 + 20 // what the HASH was is not known
			}
			if !bytes.Equal(clear[from:], w.ike[0].Plain[from:len(clear)]) {
				t.Errorf("snaplen %d, frame %d: another plaintext", snap, i+1)
			}
		}
		if cut == 0 {
			t.Errorf("snaplen %d cuts nothing", snap)
		}
	}
}

// TestCutAnywhere: a packet alone, wherever the snaplen cuts it, is what it is as a whole, or other
// where too little of it is left.
func TestCutAnywhere(t *testing.T) {
	f := mustRead(t, filepath.Join(capturesDir, "02-natt-aes256-sha1", "outer.pcap"))
	whole := follow(t, f, nil, mode{})
	seen := map[pipeline.Kind]int{}
	for i, p := range f.list {
		kind := whole.results[i].kind
		if seen[kind]++; kind == pipeline.Other || seen[kind] > 10 {
			continue
		}
		for n := range p.Data {
			cut := p
			cut.Data = p.Data[:n:n]
			o := follow(t, f.with([]capture.Packet{cut}), nil, mode{text: true, layer: output.LayerL2TP})
			if r := &o.results[0]; r.kind != kind && r.kind != pipeline.Other || len(o.clear) != 1 || r.verdict.Opened() {
				t.Fatalf("frame %d, %d of %d bytes: %s", i+1, n, len(p.Data), r.text)
			}
		}
	}
	if seen[pipeline.IKE] == 0 || seen[pipeline.ESP] == 0 {
		t.Errorf("%v", seen)
	}
}
