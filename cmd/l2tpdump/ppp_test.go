package main

import (
	"crypto/sha1"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"l2tpdump/capture"
)

// pppSets are folders with an outer capture of PPP in L2TP in clear, and what was sent and what of
// it can be recovered. Those beside the project are tested where they lie.
func pppSets(t *testing.T) (dirs []string) {
	t.Helper()
	for _, pattern := range []string{"../../testdata/ppp/*/outer.pcap", "../../../shared/ppp/*/outer.pcap"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			dirs = append(dirs, filepath.Dir(f))
		}
	}
	return dirs
}

type pppTruth struct {
	Packets []struct {
		SHA1        string
		Recoverable bool
	}
}

// TestPPPSets: what can be recovered comes out, and nothing that was not sent; also out of the
// cleartext capture that has it as plain PPP in L2TP.
func TestPPPSets(t *testing.T) {
	for _, dir := range pppSets(t) {
		name := filepath.Base(dir)
		if strings.HasPrefix(name, "l2tpv3-") || name == "odd-ports" {
			continue // not PPP in L2TPv2 on its port
		}
		text, err := os.ReadFile(filepath.Join(dir, "truth.json"))
		if err != nil {
			t.Fatal(err)
		}
		var truth pppTruth
		if err := json.Unmarshal(text, &truth); err != nil {
			t.Fatal(err)
		}
		if len(truth.Packets) == 0 {
			continue // of control messages only
		}
		t.Run(filepath.Base(filepath.Dir(dir))+"/"+name, func(t *testing.T) {
			t.Parallel()
			want := exitOK
			if name == "mppe-wrong-password" {
				want = exitPartly
			}
			var secrets []string
			if file := filepath.Join(dir, "chap-secrets"); fileExists(file) {
				secrets = []string{"--ppp-secrets", file}
			}
			got := decryptSet(t, filepath.Join(dir, "outer.pcap"), want, "ip", secrets)
			truth.check(t, got)
			clear := filepath.Join(t.TempDir(), "clear.pcapng")
			args := append([]string{"decrypt", "-q", "-r", filepath.Join(dir, "outer.pcap"), "-w", clear}, secrets...)
			if status := run(args); status != want {
				t.Errorf("exit status %d, want %d", status, want)
			}
			again := decryptSet(t, clear, exitOK, "ip", nil)
			if name == "sequenced-deflate" { // it has frames that were overtaken twice, as they were and plain
				slices.Sort(again)
				again = slices.Compact(again)
			}
			truth.check(t, again)
		})
	}
}

func fileExists(name string) bool {
	_, err := os.Stat(name)
	return err == nil
}

// decryptSet returns the packets of a layer.
func decryptSet(t *testing.T, capture string, want int, layer string, more []string) []string {
	t.Helper()
	out := filepath.Join(t.TempDir(), "x.pcap")
	status := run(append([]string{"decrypt", "-q", "-r", capture, "--layer", layer, "-w", out}, more...))
	if status != want {
		t.Errorf("exit status %d, want %d", status, want)
	}
	if !fileExists(out) {
		return nil
	}
	return packetsOf(t, out)
}

// check compares packets with what was sent and what can be recovered, as often as each came.
func (p *pppTruth) check(t *testing.T, packets []string) {
	t.Helper()
	got := make(map[string]int)
	for _, packet := range packets {
		sum := sha1.Sum([]byte(packet))
		got[hex.EncodeToString(sum[:])]++
	}
	missing := 0
	for _, recoverable := range [...]bool{true, false} { // packets can be alike
		for _, packet := range p.Packets {
			switch {
			case packet.Recoverable != recoverable:
			case got[packet.SHA1] > 0:
				got[packet.SHA1]--
			case recoverable:
				missing++
			}
		}
	}
	foreign := 0
	for _, n := range got {
		foreign += n
	}
	if missing > 0 || foreign > 0 {
		t.Errorf("%d packets: %d of those that can be recovered are missing, %d were never sent", len(packets), missing, foreign)
	}
}

// TestPPPRecordings has recordings of real implementations, of which the truth is what each end's
// interface saw: Multilink, MPPE, Deflate and VJ, with and without loss.
func TestPPPRecordings(t *testing.T) {
	const shared = "../../../shared/captures"
	for _, c := range []struct {
		dir, outer, truth string
		least             int // packets of the truth
	}{
		{"31a-multilink-two-links", "outer.pcap", "truth-inner-client.pcap", 230},
		{"31a-multilink-two-links", "outer.pcap", "truth-inner-server.pcap", 230},
		{"32a-mppe128-stateful-netem", "outer.pcap", "truth-inner-server.pcap", 152},
		{"32a-mppe128-stateful-netem", "outer.pcap", "truth-inner-client.pcap", 119},
		{"32a-mppe128-stateful-netem", "outer-clientside.pcap", "truth-inner-client.pcap", 147}, // the truth has one that its receiver decrypted to garbage
		{"32c-mppe40-stateless", "outer.pcap", "truth-inner-client.pcap", 230},
		{"32c-mppe40-stateless", "outer.pcap", "truth-inner-server.pcap", 228},
		{"33a-vj-deflate-userspace-netem", "outer.pcap", "truth-inner-client.pcap", 204},
		{"33a-vj-deflate-userspace-netem", "outer.pcap", "truth-inner-server.pcap", 253}, // the truth has 21 with wrong TCP checksums
		{"33a-vj-deflate-userspace-netem", "outer-clientside.pcap", "truth-inner-client.pcap", 253},
		{"33a-vj-deflate-userspace-netem", "outer-clientside.pcap", "truth-inner-server.pcap", 200},
		{"33c-vj-deflate15-kernel", "outer.pcap", "truth-inner-client.pcap", 234},
		{"33c-vj-deflate15-kernel", "outer.pcap", "truth-inner-server.pcap", 282},
	} {
		t.Run(c.dir+"/"+c.outer+"/"+c.truth, func(t *testing.T) {
			dir := filepath.Join(shared, c.dir)
			if _, err := os.Stat(dir); errors.Is(err, os.ErrNotExist) {
				t.Skip(err)
			}
			got, _ := decryptIP(t, filepath.Join(dir, c.outer), filepath.Join(dir, "keys/esp_sa"))
			have := make(map[string]int)
			for _, p := range got {
				have[p]++
			}
			matched := 0
			src, err := capture.Open([]string{filepath.Join(dir, c.truth)})
			if err != nil {
				t.Fatal(err)
			}
			defer src.Close()
			for p := (capture.Packet{}); src.Next(&p) == nil; {
				var f capture.Frame
				if f.Decode(src.Interfaces()[p.Interface].LinkType, p.Data) != nil || f.IPVersion == 0 {
					continue
				}
				if packet := string(p.Data[f.LinkLen:f.PayloadEnd]); have[packet] > 0 {
					have[packet]--
					matched++
				}
			}
			if matched < c.least {
				t.Errorf("%d packets of the truth, want %d", matched, c.least)
			}
		})
	}
}
