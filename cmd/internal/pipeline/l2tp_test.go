package pipeline_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"path/filepath"
	"slices"
	"testing"

	"l2tpdump/capture"
	"l2tpdump/cmd/internal/output"
	"l2tpdump/cmd/internal/pipeline"
	"l2tpdump/cmd/internal/why"
)

// TestNothingLost: ESP in UDP without keys and without the IKE messages before it, and L2TP in
// clear from each of its first frames on, are known for what they are.
func TestNothingLost(t *testing.T) {
	for _, dir := range []string{"02-natt-aes256-sha1", "08b-rsa-ikefrag-natt", "11-three-clients-two-behind-nat", "25-forceencaps-no-nat"} {
		f := mustRead(t, filepath.Join(capturesDir, dir, "outer.pcap"))
		all := follow(t, f, nil, mode{})
		var rest []capture.Packet
		var kinds []pipeline.Kind
		for i, p := range f.list {
			if r := &all.results[i]; r.kind != pipeline.IKE {
				rest, kinds = append(rest, p), append(kinds, r.kind)
			}
		}
		for i, r := range follow(t, f.with(rest), nil, mode{}).results {
			if r.kind != kinds[i] {
				t.Errorf("%s: packet %d of %d is %v, not %v", dir, i+1, len(rest), r.kind, kinds[i])
			}
		}
	}
	f := mustRead(t, filepath.Join(capturesDir, "08x-auth-failed-l2tp-in-clear", "outer.pcap"))
	all := follow(t, f, nil, mode{})
	first := 0
	for all.results[first].kind != pipeline.L2TP {
		first++
	}
	for from := first; from < first+30; from++ {
		for i, r := range follow(t, f.with(f.list[from:]), nil, mode{}).results {
			if r.kind != all.results[from+i].kind {
				t.Errorf("from frame %d: frame %d is %v, not %v", from+1, from+i+1, r.kind, all.results[from+i].kind)
			}
		}
	}
}

// TestFloodOfRequests: more SCCRQs in clear than tunnels are kept, from the ends of a verified SA,
// evict nothing of what it carries, nor turn its directions.
func TestFloodOfRequests(t *testing.T) {
	const dir, requests = "09-ppp-vj-deflate-acfc-pfc", 4200
	f := mustRead(t, filepath.Join(capturesDir, dir, "outer.pcap"))
	keys := labKeys(t, dir, tables...)
	want := follow(t, f, keys, mode{layer: output.LayerIP})
	var forged []capture.Packet
	sent := false
	for i, p := range f.list {
		forged = append(forged, p)
		r := &want.results[i]
		if sent || r.kind != pipeline.ESP || !r.ppp {
			continue
		}
		sent = true
		var n capture.Frame
		if err := n.Decode(capture.Ethernet, p.Data); err != nil {
			t.Fatal(err)
		}
		for id := range requests {
			message := []byte{0xc8, 2, 0, 28, 0, 0, 0, 0, 0, 0, 0, 0, 0x80, 8, 0, 0, 0, 0, 0, 1, 0x80, 8, 0, 0, 0, 9, 0, 0}
			binary.BigEndian.PutUint16(message[26:], uint16(id+1))
			datagram := append([]byte{6, 165, 6, 165, 0, byte(8 + len(message)), 0, 0}, message...)
			q := p
			q.Data = n.AppendReplaced(nil, p.Data, 17, datagram)
			q.Length = len(q.Data)
			forged = append(forged, q)
		}
	}
	got := follow(t, f.with(forged), keys, mode{layer: output.LayerIP})
	if len(got.results) != len(want.results)+requests || len(got.clear) != len(want.clear) {
		t.Fatalf("%d frames, %d packets; alone %d and %d", len(got.results), len(got.clear), len(want.results), len(want.clear))
	}
	for i := range want.clear {
		if string(got.clear[i].Data) != string(want.clear[i].Data) {
			t.Fatalf("packet %d is another", i+1)
		}
	}
}

// TestDamagedVersion: a message of a known tunnel whose version is none is malformed, and costs no
// other message.
func TestDamagedVersion(t *testing.T) {
	f := mustRead(t, "../../../testdata/ppp/vj-loss/outer.pcap")
	want := follow(t, f, nil, mode{}).results
	const damaged, version = 31, 14 + 20 + 8 + 1
	list := slices.Clone(f.list)
	list[damaged].Data = bytes.Clone(list[damaged].Data)
	list[damaged].Data[version] = 5
	for i, r := range follow(t, f.with(list), nil, mode{}).results {
		verdict := want[i].verdict
		if i == damaged {
			verdict = why.Malformed
		}
		if r.kind != pipeline.L2TP || r.verdict != verdict {
			t.Errorf("frame %d: %v %v, want %v", i+1, r.kind, r.verdict, verdict)
		}
	}
}

// TestOthers: protocols that share the ports are other, in clear.
func TestOthers(t *testing.T) {
	random := bytesOf("random", 400)
	for _, port := range []uint16{500, 1701, 4500} {
		for n := range 300 {
			payload := random[n : n+100]
			o := follow(t, rawFrames(ipPacket(here4, there4, 17, udp(here4, there4, 20000, port, payload))), nil, mode{})
			if r := o.results[0]; r.kind != pipeline.Other || r.verdict != why.Clear {
				t.Errorf("random data on %d: %v %v", port, r.kind, r.verdict)
			}
		}
		for name, payload := range map[string]string{
			"NTP":       "\x23\x02\x0a\xec" + string(make([]byte, 44)),
			"DNS":       "\x00\x02\x81\x80\x00\x01\x00\x01\x00\x00\x00\x00\x03www\x07example\x00\x00\x01\x00\x01",
			"DNS v3":    "\x00\x03\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x03www\x07example\x00\x00\x01\x00\x01",
			"DNS reply": "\x80\x68\x85\x00\x00\x01\x00\x01\x00\x00\x00\x00\x01a\x00\x00\x01\x00\x01" + string(random[:29]),
			"RTP":       "\x80\x02\x00\x01\x00\x00\x00\xa0\x12\x34\x56\x78" + string(make([]byte, 160)),
			"STUN":      "\x00\x01\x00\x00\x21\x12\xa4\x42abcdefghijkl",
			"TURN":      "\x00\x03\x00\x08\x21\x12\xa4\x42abcdefghijkl\x00\x19\x00\x04\x11\x00\x00\x00",
			"WireGuard": "\x04\x00\x00\x00" + string(random[:92]),
			"RADIUS":    "\x01\x07\x00\x14" + string(random[:16]),
			"syslog":    "<34>Oct 11 22:14:15 host su: 'su root' failed on /dev/pts/8",
		} {
			o := follow(t, rawFrames(ipPacket(here4, there4, 17, udp(here4, there4, 20000, port, []byte(payload)))), nil, mode{})
			if r := o.results[0]; r.kind != pipeline.Other || r.verdict != why.Clear {
				t.Errorf("%s on %d: %v %v", name, port, r.kind, fmt.Sprint(r.verdict))
			}
		}
	}
}
