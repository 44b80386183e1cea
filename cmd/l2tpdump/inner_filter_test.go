package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"l2tpdump/capture"
	"l2tpdump/testdata/filters"
)

// TestInnerAgreesWithTcpdump: --inner picks of the users' packets those that tcpdump picks of the
// same packets in clear, for random filters with values of these packets; in lines, in JSON and in
// each layer of a cleartext capture the same frames.
func TestInnerAgreesWithTcpdump(t *testing.T) {
	tcpdump, err := exec.LookPath("tcpdump")
	if err != nil {
		t.Skip("tcpdump is not installed")
	}
	const perRecording = 20
	agreed, packets := 0, 0
	for i, name := range []string{
		"02-natt-aes256-sha1", "09-ppp-vj-deflate-acfc-pfc", "10-ipv6-outer", "11-three-clients-two-behind-nat", "13-ip-fragmented-esp",
		"16-netem-loss-reorder-dup", "22-redial-same-sa-vj-deflate",
	} {
		in, keys := filepath.Join(captures, name, "outer.pcap"), fullKeys(name)
		all := decryptTo(t, exitOK, "all.pcap", in, append(keys, "--layer", "ip")...)
		maker := filters.New(uint64(i) + 1)
		for _, p := range packetsWithTimes(t, all) {
			maker.See(capture.Raw, []byte(p.data), len(p.data))
		}
		for n := range perRecording {
			filter := maker.Filter(4)
			picked := filepath.Join(t.TempDir(), "picked.pcap")
			want := exec.Command(tcpdump, "-r", all, "-w", picked, "--", filter)
			if out, err := want.CombinedOutput(); err != nil {
				if bytes.Contains(out, []byte("rejects all packets")) {
					continue
				}
				t.Fatalf("%s: %v: %s", filter, err, out)
			}
			inner := append(keys, "--inner", filter)
			got := decryptTo(t, exitOK, "got.pcap", in, append(inner, "--layer", "ip")...)
			wanted := packetsWithTimes(t, picked)
			if i := differ(wanted, packetsOrNone(t, got)); i >= 0 {
				t.Errorf("%s: --inner %q: packet %d differs from tcpdump's", name, filter, i+1)
			}
			if n < 3 {
				args := append([]string{"decrypt", "-q", "-r", in}, inner...)
				lines, _, _ := answer(t, args...)
				json, _, _ := answer(t, append(args, "--json")...)
				clear := packetsOrNone(t, decryptTo(t, exitOK, "clear.pcap", in, inner...))
				frames := strings.Count(lines, "\n")
				if strings.Count(json, "\n") != frames || len(clear) < frames || frames > len(wanted) || frames == 0 && len(wanted) > 0 {
					t.Errorf("%s: --inner %q: %d lines, %d of JSON, %d clear frames, %d packets", name, filter, frames,
						strings.Count(json, "\n"), len(clear), len(wanted))
				}
			}
			agreed++
			packets += len(wanted)
		}
	}
	if agreed < 100 || packets < 1000 {
		t.Errorf("%d filters, %d packets compared", agreed, packets)
	}
}

// packetsOrNone reads a capture that is not written where there is no packet.
func packetsOrNone(t *testing.T, name string) []timedPacket {
	if _, err := os.Stat(name); os.IsNotExist(err) {
		return nil
	}
	return packetsWithTimes(t, name)
}

// differ is the number of the first packet that is not the same, -1 if there is none.
func differ(a, b []timedPacket) int {
	for i := range max(len(a), len(b)) {
		if i >= len(a) || i >= len(b) || a[i] != b[i] {
			return i
		}
	}
	return -1
}
