package pipeline_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
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

// The captures of other projects lie beside the repository; none of them is part of it.
const (
	peerDir = "../../../../shared/peer-captures"
	peerDoc = "../../../doc/peer-captures.md"
)

var update = flag.Bool("update", false, "write doc/peer-captures.md anew")

func needPeers(t *testing.T) {
	t.Helper()
	if _, err := os.Stat(peerDir); err != nil {
		t.Skip("the captures of other projects are not here")
	}
}

// peerKeys are the keys of the captures that have some, and what has to come of it: how many
// encrypted IKE messages there are, how many of them decrypt but for the first block, how many ESP
// packets there are, how many of them are verified (the others have no authentication key), and how
// many have ESP inside that is opened too.
var peerKeys = []struct {
	file                         string
	keys                         []string
	ike, rebuilt                 int
	esp, verified, nested, inner int
}{
	{"wireshark/ikev1-certs.pcap", []string{"wireshark/ikev1_decryption_table"}, 6, 0, 0, 0, 0, 0},
	{"wireshark/ikev1-bug-12610.pcapng.gz", []string{"wireshark/ikev1_decryption_table"}, 12, 0, 0, 0, 0, 0},
	{"wireshark/ikev1-bug-12620.pcapng.gz", []string{"wireshark/ikev1_decryption_table"}, 7, 0, 0, 0, 0, 0},
	{"wireshark/esp-bug-12671.pcapng.gz", []string{"wireshark/esp_sa"}, 0, 0, 6, 6, 0, 6},
	{"wireshark/combined-12610-12671.pcapng", []string{"wireshark/ikev1_decryption_table", "wireshark/esp_sa"}, 12, 0, 6, 6, 0, 6},
	{"rub-nds/main-psk-aes128-sha1-g2.pcap", []string{"rub-nds/main-psk-aes128-sha1-g2.ikev1_decryption_table"}, 5, 0, 0, 0, 0, 0},
	{"rub-nds/aggressive-psk-aes128-sha1-g2.pcap", []string{"rub-nds/aggressive-psk-aes128-sha1-g2.ikev1_decryption_table"}, 3, 0, 0, 0, 0, 0},
	{"rub-nds/main-psk-two-messages-one-datagram.pcap", []string{"rub-nds/main-psk-two-messages-one-datagram.ikev1_decryption_table"}, 3, 0, 0, 0, 0, 0},
	{"rub-nds/esp-vectors.pcap", []string{"rub-nds/esp-vectors.esp_sa"}, 0, 0, 5, 1, 0, 3},
	{"scapy/esp-esn-aes128-sha256.pcap", []string{"scapy/esp-esn-aes128-sha256.esp_sa"}, 0, 0, 1, 1, 0, 0},
	{"scapy/ikev2_nat_t.pcapng", []string{"wireshark-wiki/ipsec_ikev2_esp_natt/esp_sa"}, 0, 0, 24, 24, 0, 24},
	{"wireshark-wiki/ipsec_ikev2_esp_natt/capture.pcapng", []string{"wireshark-wiki/ipsec_ikev2_esp_natt/esp_sa"}, 0, 0, 24, 24, 0, 24},
	{"tcpdump/02-sunrise-sunset-esp.pcap", []string{"tcpdump/02-sunrise-sunset-esp.esp_sa"}, 0, 0, 8, 0, 0, 8},
	{"tcpdump/08-sunrise-sunset-esp2.pcap", []string{"tcpdump/08-sunrise-sunset-esp2.esp_sa"}, 0, 0, 8, 0, 8, 8},
	{"tcpdump/08-sunrise-sunset-aes.pcap", []string{"tcpdump/08-sunrise-sunset-aes.esp_sa"}, 0, 0, 8, 0, 0, 8},
	{"tcpdump/espudp1.pcap", []string{"tcpdump/espudp1.esp_sa"}, 0, 0, 8, 0, 0, 8},
	{"derived-ikev1/12610-drop-cfg-reply.pcap", derivedKeys, 11, 0, 0, 0, 0, 0},
	{"derived-ikev1/12610-late-MM1-after-MM6.pcap", derivedKeys, 12, 0, 0, 0, 0, 0},
	{"derived-ikev1/12610-retransmit-MM1-after-MM2.pcap", derivedKeys, 12, 0, 0, 0, 0, 0},
	{"derived-ikev1/12610-retransmit-QM.pcap", derivedKeys, 15, 0, 0, 0, 0, 0},
	{"derived-ikev1/drop-MM3-KEi.pcap", derivedKeys, 5, 1, 0, 0, 0, 0},
	{"derived-ikev1/drop-MM5.pcap", derivedKeys, 4, 1, 0, 0, 0, 0},
	{"derived-ikev1/drop-MM6.pcap", derivedKeys, 4, 1, 0, 0, 0, 0},
	{"derived-ikev1/drop-QM2.pcap", derivedKeys, 4, 1, 0, 0, 0, 0},
	{"derived-ikev1/initiator-ip-change-after-MM2.pcap", derivedKeys, 5, 0, 0, 0, 0, 0},
	{"derived-ikev1/initiator-ip-change-after-MM4.pcap", derivedKeys, 5, 0, 0, 0, 0, 0},
	{"derived-ikev1/late-MM5-before-QM.pcap", derivedKeys, 6, 0, 0, 0, 0, 0},
	{"derived-ikev1/late-MM6-after-QM3.pcap", derivedKeys, 6, 0, 0, 0, 0, 0},
	{"derived-ikev1/late-QM1-between-QM2-QM3.pcap", derivedKeys, 6, 0, 0, 0, 0, 0},
	{"derived-ikev1/retransmit-MM1-MM3-MM4-clear.pcap", derivedKeys, 5, 0, 0, 0, 0, 0},
	{"derived-ikev1/retransmit-MM5-MM6.pcap", derivedKeys, 7, 0, 0, 0, 0, 0},
	{"derived-ikev1/retransmit-MM5.pcap", derivedKeys, 6, 0, 0, 0, 0, 0},
	{"derived-ikev1/retransmit-MM6.pcap", derivedKeys, 6, 0, 0, 0, 0, 0},
	{"derived-ikev1/retransmit-QM1-QM2-after-QM2.pcap", derivedKeys, 7, 0, 0, 0, 0, 0},
	{"derived-ikev1/retransmit-QM1.pcap", derivedKeys, 6, 0, 0, 0, 0, 0},
	{"derived-ikev1/retransmit-QM2.pcap", derivedKeys, 6, 0, 0, 0, 0, 0},
	{"derived-ikev1/start-after-MM1.pcap", derivedKeys, 5, 0, 0, 0, 0, 0},
	{"derived-ikev1/start-after-MM4.pcap", derivedKeys, 5, 1, 0, 0, 0, 0},
}

var derivedKeys = []string{"derived-ikev1/ikev1_decryption_table"}

func inPeers(names []string) []string {
	var paths []string
	for _, n := range names {
		paths = append(paths, filepath.Join(peerDir, n))
	}
	return paths
}

// TestPeersWithKeys: captures of other projects give what stands beside them.
func TestPeersWithKeys(t *testing.T) {
	needPeers(t)
	for _, c := range peerKeys {
		t.Run(c.file, func(t *testing.T) {
			f := mustRead(t, filepath.Join(peerDir, c.file))
			o := follow(t, f, keysIn(t, inPeers(c.keys)...), mode{text: true, layer: output.LayerL2TP})
			o.checkOrder(t, f)
			all, opened, _ := o.encrypted()
			if all != c.ike || opened != c.ike {
				t.Errorf("%d encrypted IKE messages, %d decrypted, want %d", all, opened, c.ike)
			}
			var rebuilt, esp, verified, nested, inner int
			for i := range o.results {
				r := &o.results[i]
				for _, m := range r.ike {
					if m.Reconstructed {
						rebuilt++
					}
				}
				if r.kind != pipeline.ESP {
					continue
				}
				esp++
				nested += r.nested
				if r.inner != nil {
					inner++
				}
				switch r.verdict {
				case why.Verified:
					verified++
				case why.Decrypted:
				default:
					t.Errorf("%s", r.text)
				}
			}
			if rebuilt != c.rebuilt || esp != c.esp || verified != c.verified || nested != c.nested || inner != c.inner {
				t.Errorf("%d reconstructed, %d ESP packets, %d verified, %d nested, %d users' packets", rebuilt, esp, verified, nested, inner)
			}
		})
	}
}

// TestPeerPlaintexts compares the decrypted IKE messages with the lists of plaintexts beside three
// captures.
func TestPeerPlaintexts(t *testing.T) {
	needPeers(t)
	for _, name := range []string{"ikev1-certs.pcap", "ikev1-bug-12610.pcapng.gz", "ikev1-bug-12620.pcapng.gz"} {
		f := mustRead(t, filepath.Join(peerDir, "wireshark", name))
		o := follow(t, f, keysIn(t, filepath.Join(peerDir, "wireshark/ikev1_decryption_table")), mode{layer: output.LayerL2TP})
		list, err := os.ReadFile(filepath.Join(peerDir, "wireshark", name[:strings.Index(name, ".")]+".expected.json"))
		if err != nil {
			t.Fatal(err)
		}
		var want struct {
			Frames []struct {
				Frame              int
				Plaintext, Padding string
			}
		}
		if err := json.Unmarshal(list, &want); err != nil {
			t.Fatal(err)
		}
		for _, w := range want.Frames {
			plain, err := hex.DecodeString(strings.TrimSuffix(w.Plaintext, w.Padding))
			if err != nil {
				t.Fatal(err)
			}
			m := o.results[w.Frame-1].ike[0]
			if !bytes.Equal(m.Plain[ikev1.HeaderLen:], plain) {
				t.Errorf("%s: frame %d: %x, want %x", name, w.Frame, m.Plain[ikev1.HeaderLen:], plain)
			}
			if !bytes.HasSuffix(o.clear[w.Frame-1].Data, m.Plain) {
				t.Errorf("%s: frame %d is not written in clear", name, w.Frame)
			}
		}
	}
}

// peerFiles are all captures there are.
func peerFiles(t *testing.T) []string {
	t.Helper()
	var list []string
	err := filepath.WalkDir(peerDir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name := strings.TrimSuffix(d.Name(), ".gz")
		if slices.Contains([]string{".pcap", ".pcapng", ".cap", ".pppd"}, filepath.Ext(name)) {
			rel, err := filepath.Rel(peerDir, path)
			list = append(list, filepath.ToSlash(rel))
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// TestPeersWithoutKeys: whatever is in a capture, and whatever of it is broken, each frame comes
// out in its place and unchanged.
func TestPeersWithoutKeys(t *testing.T) {
	needPeers(t)
	for _, name := range peerFiles(t) {
		f, err := readFrames(t, filepath.Join(peerDir, name))
		if err != nil && !errors.Is(err, capture.ErrCut) {
			var bad *capture.FormatError
			if !errors.As(err, &bad) {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		o := follow(t, f, nil, mode{text: true, layer: output.LayerL2TP})
		o.checkOrder(t, f)
		for i := range o.results {
			r := &o.results[i]
			if r.verdict.Opened() || r.verdict != why.Clear && r.reason == "" {
				t.Errorf("%s: %s", name, r.text)
			}
			if !bytes.Equal(o.clear[i].Data, f.list[i].Data) {
				t.Errorf("%s: frame %d changed: %s", name, i+1, r.text)
			}
		}
	}
}

// TestPeerTable: doc/peer-captures.md says what the program makes of each capture.
func TestPeerTable(t *testing.T) {
	needPeers(t)
	var b strings.Builder
	b.WriteString(peerHeading)
	for _, name := range peerFiles(t) {
		var keys []string
		for _, c := range peerKeys {
			if c.file == name {
				keys = c.keys
			}
		}
		from := "none"
		if len(keys) > 0 {
			from = strings.Join(keys, ", ")
		}
		fmt.Fprintf(&b, "| %s | %s | %s |\n", name, from, peerResult(t, name, keys))
	}
	if *update {
		if err := os.WriteFile(peerDoc, []byte(b.String()), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(peerDoc)
	if err != nil {
		t.Fatal(err)
	}
	if string(have) != b.String() {
		t.Errorf("doc/peer-captures.md is not what comes out now: run this test with -update and read the difference")
	}
}

const peerHeading = `# Captures of other projects

What l2tpdump makes of test captures of Wireshark, tcpdump, scapy and others, and of captures cut from them. The captures are not part
of this repository. The last column counts what ` + "`l2tpdump decrypt`" + ` says of the frames; the tests of
` + "`cmd/internal/pipeline`" + ` check it, and write this file (` + "`go test ./cmd/internal/pipeline -run TestPeerTable -update`" + `).

"Reconstructed" is an IKE message whose first cipher block can't be known, because the message before it is not in the capture; all behind
that block is decrypted. "Users' packets" are IP packets inside.

| capture | keys | result |
|---|---|---|
`

// peerResult is the last column of the table.
func peerResult(t *testing.T, name string, keys []string) string {
	t.Helper()
	f, err := readFrames(t, filepath.Join(peerDir, name))
	if err != nil {
		var bad *capture.FormatError
		if !errors.As(err, &bad) {
			t.Fatal(err)
		}
		return "refused: " + bad.Msg
	}
	o := follow(t, f, keysIn(t, inPeers(keys)...), mode{})
	var parts []string
	for _, k := range []pipeline.Kind{pipeline.IKE, pipeline.ESP, pipeline.L2TP, pipeline.Other} {
		n := o.stats.ByKind[k]
		if n == 0 {
			continue
		}
		var verdicts []string
		for _, v := range why.Verdicts {
			if c := o.stats.Count(k, v); c > 0 && !(k == pipeline.Other && v == why.Clear) {
				verdicts = append(verdicts, fmt.Sprintf("%d %s", c, v))
			}
		}
		title := map[pipeline.Kind]string{pipeline.IKE: "IKE", pipeline.ESP: "ESP", pipeline.L2TP: "L2TP in clear", pipeline.Other: "other"}[k]
		part := fmt.Sprintf("%d %s", n, title)
		if len(verdicts) > 0 {
			part += " (" + strings.Join(verdicts, ", ") + ")"
		}
		parts = append(parts, part)
	}
	messages, rebuilt, versions2, nested := 0, 0, 0, 0
	for i := range o.results {
		r := &o.results[i]
		nested += r.nested
		for _, m := range r.ike {
			messages++
			if m.Reconstructed {
				rebuilt++
			}
			if m.Header.MajorVersion == 2 {
				versions2++
			}
		}
	}
	if versions2 > 0 {
		parts = append(parts, fmt.Sprintf("%d of IKEv2, passed through", versions2))
	}
	if rebuilt > 0 {
		parts = append(parts, fmt.Sprintf("%d reconstructed", rebuilt))
	}
	if nested > 0 {
		parts = append(parts, fmt.Sprintf("%d ESP in ESP opened", nested))
	}
	if o.stats.PPP > 0 {
		parts = append(parts, fmt.Sprintf("%d PPP", o.stats.PPP))
	}
	if o.stats.Inner > 0 {
		parts = append(parts, fmt.Sprintf("%d users' packets", o.stats.Inner))
	}
	return strings.Join(parts, "; ")
}
