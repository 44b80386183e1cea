package main

import (
	"bytes"
	"crypto/sha1"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
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

func readPPPTruth(t *testing.T, dir string) *pppTruth {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "truth.json"))
	if err != nil {
		t.Fatal(err)
	}
	truth := &pppTruth{}
	if err := json.Unmarshal(text, truth); err != nil {
		t.Fatal(err)
	}
	return truth
}

// TestPPPSets: what can be recovered comes out, and nothing that was not sent; also out of the
// cleartext capture that has it as plain PPP in L2TP.
func TestPPPSets(t *testing.T) {
	for _, dir := range pppSets(t) {
		name := filepath.Base(dir)
		truth := readPPPTruth(t, dir)
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
			for option, file := range map[string]string{"--ppp-secrets": "chap-secrets", "--l2tp-secret-file": "l2tp-secret"} {
				if file = filepath.Join(dir, file); fileExists(file) {
					secrets = append(secrets, option, file)
				}
			}
			got := decryptSet(t, filepath.Join(dir, "outer.pcap"), want, "ip", secrets)
			truth.check(t, got)
			if frames := filepath.Join(dir, "truth-frames.pcap"); fileExists(frames) {
				got := packetsWithTimes(t, decryptTo(t, want, "eth.pcap", filepath.Join(dir, "outer.pcap"), append(secrets, "--layer", "eth")...))
				if !slices.EqualFunc(got, packetsWithTimes(t, frames), func(a, b timedPacket) bool { return a.data == b.data && a.link == b.link }) {
					t.Errorf("%d Ethernet frames, not those that were sent", len(got))
				}
			}
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

// TestMultilinkLate: a capture that begins between the dials of two links, or with that of the
// first cut off in its midst, has the packets that their fragments make.
func TestMultilinkLate(t *testing.T) {
	for _, dir := range []string{"mp-long", "mp-short"} {
		dir = "../../testdata/ppp/" + dir
		for _, frames := range []int{9, 12, 16, 20} {
			t.Run(fmt.Sprintf("%s from frame %d", filepath.Base(dir), frames+1), func(t *testing.T) {
				readPPPTruth(t, dir).check(t, decryptSet(t, withoutHead(t, dir+"/outer.pcap", frames), exitOK, "ip", nil))
			})
		}
	}
}

// TestNoIPPacket: what PPP calls an IP packet and is none is written as PPP and not as IP.
func TestNoIPPacket(t *testing.T) {
	const file = "../../testdata/ppp/hidden-avps/outer.pcap"
	ip := len(decryptSet(t, file, exitOK, "ip", nil))
	pppFrames := func(file string) int {
		return len(packetsWithTimes(t, decryptTo(t, exitOK, "ppp.pcap", file, "--layer", "ppp")))
	}
	for name, damage := range map[string]func([]byte){
		"version":       func(packet []byte) { packet[0] = 0x01 },
		"header length": func(packet []byte) { packet[0] = 0x44 },
		"length":        func(packet []byte) { packet[2]++ },
		"IPv6":          func(packet []byte) { packet[0], packet[4] = 0x60, 0xff },
	} {
		all, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for at, begin := 0, []byte{0xff, 0x03, 0x00, 0x21, 0x45}; ; n++ {
			next := bytes.Index(all[at:], begin)
			if next < 0 {
				break
			}
			at += next + len(begin)
			damage(all[at-1:])
		}
		damaged := filepath.Join(t.TempDir(), "damaged.pcap")
		if err := os.WriteFile(damaged, all, 0o600); err != nil {
			t.Fatal(err)
		}
		if got := len(decryptSet(t, damaged, exitOK, "ip", nil)); n == 0 || got != ip-n {
			t.Errorf("%s: %d packets of %d, %d are damaged", name, got, ip, n)
		}
		if got, want := pppFrames(damaged), pppFrames(file); got != want {
			t.Errorf("%s: %d PPP frames, want %d", name, got, want)
		}
	}
}

// TestTunnelSecrets: hidden AVPs are uncovered and responses and digests are checked with the right
// secret; with a wrong one that is said, and nothing comes out that was not sent.
func TestTunnelSecrets(t *testing.T) {
	const sets = "../../testdata/ppp/"
	for _, c := range []struct {
		dir, secret    string
		status         int
		stdout, stderr []string
		not            string
	}{
		{"hidden-avps", "l2tp-secret", exitOK, []string{"SCCRP Ns 0 Nr 1 [secret right]:", "SCCCN Ns 1 Nr 1 [secret right]:",
			"Assigned Session ID 282 (hidden)", "Called Number 0312345678 (hidden)", "Calling Number +81-90-1234-5678-and-some-more-digits (hidden)",
			"Private Group ID group (hidden)", "Assigned Session ID 540 (hidden)", "Proxy Authen Type chap (hidden)",
			"Proxy Authen Name alice (hidden)", "Proxy Authen Challenge 16 bytes, fingerprint ", "Proxy Authen ID 9 (hidden)",
			"Initial Received LCP CONFREQ (mru 1400, magic 0x"},
			[]string{"hidden AVPs of 3 messages: the secret is right (", "Challenge Response of 1 message of \"lns\": the secret is right"}, "wrong"},
		{"hidden-avps", "l2tp-secret.wrong", exitPartly, []string{"SCCCN Ns 1 Nr 1 [secret wrong]", "Called Number 16 bytes hidden (wrong secret)"},
			[]string{"Challenge Response of 1 message of \"lns\": wrong secret", "hidden AVPs of 3 messages: wrong secret"}, "0312345678"},
		{"hidden-avps", "", exitOK, []string{"Challenge Response 16 bytes", "Called Number 16 bytes hidden,"}, nil, "[secret"},
		{"hidden-tunnel-id", "l2tp-secret", exitPartly, []string{"Assigned Tunnel ID 4129 (hidden)", "Assigned Tunnel ID 32807 (hidden)",
			"SCCRP Ns 0 Nr 1 [secret wrong]"}, []string{"Challenge Response of 1 message of \"lns\": wrong secret"}, "[secret right]"},
		{"l2tpv3-udp-ethernet", "l2tp-secret", exitOK, []string{"SCCRQ Ns 0 Nr 0 [secret right]", "ACK Ns 3 Nr 4 [secret right]"},
			[]string{"Message Digest of 6 messages of \"pe1\": the secret is right", "Message Digest of 7 messages of \"pe2\": the secret is right"}, "wrong"},
		{"l2tpv3-ip-ethernet", "l2tp-secret", exitOK, []string{"SCCRQ Ns 0 Nr 0 [secret right]", "ACK Ns 3 Nr 4 [secret right]"},
			[]string{"Message Digest of 6 messages of \"pe1\": the secret is right"}, "wrong"},
		{"l2tpv3-ip-ethernet", "../hidden-avps/l2tp-secret.wrong", exitPartly, []string{"SCCRQ Ns 0 Nr 0 [secret wrong]"},
			[]string{"Message Digest of 6 messages of \"pe1\": wrong secret"}, "[secret right]"},
	} {
		args := []string{"decrypt", "-v", "-r", sets + c.dir + "/outer.pcap"}
		if c.secret != "" {
			args = append(args, "--l2tp-secret-file", sets+c.dir+"/"+c.secret)
		}
		stdout, stderr, status := answer(t, args...)
		if status != c.status {
			t.Errorf("%s with %s: exit status %d, want %d", c.dir, c.secret, status, c.status)
		}
		for _, want := range c.stdout {
			if !strings.Contains(stdout, want) {
				t.Errorf("%s with %s: no %q in the lines", c.dir, c.secret, want)
			}
		}
		for _, want := range c.stderr {
			if !strings.Contains(stderr, want) {
				t.Errorf("%s with %s: no %q in\n%s", c.dir, c.secret, want, stderr)
			}
		}
		if strings.Contains(stdout, c.not) {
			t.Errorf("%s with %s: %q in the lines", c.dir, c.secret, c.not)
		}
	}
}

// TestOthersOnPorts: what is not IKE, ESP or L2TP is other, on their ports too.
func TestOthersOnPorts(t *testing.T) {
	for _, file := range []string{"ppp/not-l2tp/outer.pcap", "field/other-on-ports.pcap"} {
		stdout, _, status := answer(t, "decrypt", "-q", "--json", "-r", "../../testdata/"+file)
		lines := strings.Count(stdout, "\n")
		if n := strings.Count(stdout, `"kind":"other","verdict":"clear"`); status != exitOK || n != lines || n < 40 {
			t.Errorf("%s: exit status %d, %d of %d frames are other", file, status, n, lines)
		}
	}
}

// TestMovedPorts: data belongs to the tunnel that the control messages set up, whatever the ports
// (RFC 2661 section 8.1), in clear and in ESP.
func TestMovedPorts(t *testing.T) {
	const field = "../../testdata/field/"
	for _, c := range []struct {
		file, keys string
		want       []string
	}{
		{"l2tp-ports-moved-clear.pcap", "", []string{"9 frames: 9 clear L2TP", "inside: 9 L2TP, 3 PPP, 2 of the users' IP packets"}},
		{"l2tp-ports-moved-esp.pcap", "l2tp-ports-moved-esp.xfrm", []string{"8 frames: 8 ESP (8 verified)", "inside: 8 L2TP, 2 PPP, 2 of the users' IP packets"}},
		{"l2tpv3-ip115.pcap", "", []string{"2 frames: 2 clear L2TP", "inside: 2 L2TP, 0 PPP, 1 Ethernet, 1 of the users' IP packets"}},
	} {
		args := []string{"decrypt", "-r", field + c.file}
		if c.keys != "" {
			args = append(args, "-k", field+c.keys)
		}
		_, stderr, status := answer(t, args...)
		for _, want := range c.want {
			if status != exitOK || !strings.Contains(stderr, want) {
				t.Errorf("%s: exit status %d, no %q in\n%s", c.file, status, want, stderr)
			}
		}
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
		{"35a-accel-hidden-avps-sequenced", "outer.pcap", "truth-inner-client.pcap", 211},
		{"35a-accel-hidden-avps-sequenced", "outer.pcap", "truth-inner-server.pcap", 225},
		{"36a-l2tpv3-udp-eth-nocookie-ipsec", "outer.pcap", "truth-inner-client.pcap", 192},
		{"36a-l2tpv3-udp-eth-nocookie-ipsec", "outer.pcap", "truth-inner-server.pcap", 194},
		{"36c-l2tpv3-ip-eth-cookie4-ipsec", "outer.pcap", "truth-inner-client.pcap", 199}, // one is not in the capture
		{"36c-l2tpv3-ip-eth-cookie4-ipsec", "outer.pcap", "truth-inner-server.pcap", 204},
		{"36e-l2tpv3-udp-ppp-cookie4-ipsec", "outer.pcap", "truth-inner-client.pcap", 155},
		{"36e-l2tpv3-udp-ppp-cookie4-ipsec", "outer.pcap", "truth-inner-server.pcap", 155},
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
			matched, total := 0, 0
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
				total++
				if packet := string(p.Data[f.LinkLen:f.PayloadEnd]); have[packet] > 0 {
					have[packet]--
					matched++
				}
			}
			if matched < c.least {
				t.Errorf("%d packets of the truth's %d, want %d", matched, total, c.least)
			}
		})
	}
}
