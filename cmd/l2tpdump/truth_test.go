package main

import (
	"errors"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"l2tpdump/capture"
)

const (
	captures   = "../../testdata/captures"
	labSecrets = "../../testdata/ppp/chap-secrets" // of the recordings' users
)

// packetsOf reads the IP packets of a capture, without link headers.
func packetsOf(t *testing.T, name string) []string {
	t.Helper()
	src, err := capture.Open([]string{name})
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	var list []string
	var p capture.Packet
	for {
		err := src.Next(&p)
		if err == io.EOF {
			return list
		}
		if err != nil {
			t.Fatal(err)
		}
		var f capture.Frame
		if err := f.Decode(src.Interfaces()[p.Interface].LinkType, p.Data); err != nil || f.IPVersion == 0 {
			t.Fatalf("%s: packet %d is not IP: %v", name, len(list)+1, err)
		}
		end := f.PayloadEnd
		list = append(list, string(p.Data[f.LinkLen:end]))
	}
}

// truths are the ground truth files of a capture that tell what its outer file holds.
func truths(t *testing.T, dir, pattern string) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(captures, dir, pattern))
	if err != nil || len(names) == 0 {
		t.Fatalf("no ground truth %s in %s", pattern, dir)
	}
	return names
}

// compareTruth checks that got holds the packets of the truth file, byte for byte and as often, and
// returns how many of got the truth has. The order is not compared: on the ppp interface it is
// not quite that of the wire.
func compareTruth(t *testing.T, got, truth []string) (matched int) {
	t.Helper()
	have := make(map[string]int)
	for _, p := range got {
		have[p]++
	}
	missing := 0
	for i, p := range truth {
		if have[p] == 0 {
			if missing++; missing <= 3 {
				t.Errorf("packet %d of %d is missing", i+1, len(truth))
			}
			continue
		}
		have[p]--
		matched++
	}
	if missing > 0 {
		t.Errorf("%d of %d packets are missing", missing, len(truth))
	}
	return matched
}

// compareOrder checks that the packets from one host to another come in the order of the truth, but
// for what overtook a few others between the ppp interface and the wire.
func compareOrder(t *testing.T, got, truth []string) {
	t.Helper()
	const overtaken = 24
	flows := byFlow(t, got)
	for fl, want := range byFlow(t, truth) {
		have := flows[fl]
		latest := 0
		for i, p := range want {
			n := slices.Index(have, p)
			if n < latest-overtaken {
				t.Errorf("packet %d of %d of %v is out of order: place %d behind %d", i+1, len(want), fl, n, latest)
				return
			}
			if latest = max(latest, n); n >= 0 {
				have[n] = "" // it may come again
			}
		}
	}
}

// flow is the two ends of a packet.
type flow struct{ src, dst netip.Addr }

func byFlow(t *testing.T, packets []string) map[flow][]string {
	t.Helper()
	list := make(map[flow][]string)
	for _, p := range packets {
		var f capture.Frame
		if err := f.DecodeIP([]byte(p)); err != nil {
			t.Fatal(err)
		}
		list[flow{f.Src, f.Dst}] = append(list[flow{f.Src, f.Dst}], p)
	}
	return list
}

// decryptIP runs decrypt --layer ip and returns the packets and the exit status.
func decryptIP(t *testing.T, capture string, keys ...string) ([]string, int) {
	t.Helper()
	outFile := filepath.Join(t.TempDir(), "x.pcap")
	args := []string{"decrypt", "-q", "-r", capture, "--layer", "ip", "-w", outFile, "--ppp-secrets", labSecrets}
	for _, k := range keys {
		args = append(args, "-k", k)
	}
	status := run(args)
	if _, err := os.Stat(outFile); errors.Is(err, os.ErrNotExist) {
		return nil, status
	}
	return packetsOf(t, outFile), status
}

func TestDecryptEqualsGroundTruth(t *testing.T) {
	for _, c := range []struct {
		dir, outer, truth string
		keys              []string
		status            int
	}{
		{"01-basic-aes128-sha1", "outer.pcap", "truth-inner-server.pcap", []string{"router.log"}, exitOK},
		{"01-basic-aes128-sha1", "outer-be.pcap", "truth-inner-server.pcap", []string{"router.log"}, exitOK},
		{"01-basic-aes128-sha1", "outer-midstart.pcap", "truth-inner-server.pcap", []string{"router.log"}, exitOK},
		{"02-natt-aes256-sha1", "outer.pcap", "truth-inner-server.pcap", []string{"router.log", "keys/esp_sa"}, exitOK},
		{"02-natt-aes256-sha1", "outer-ns.pcap", "truth-inner-server.pcap", []string{"router-full.log"}, exitOK},
		{"03-3des-sha1-modp1024", "outer.pcap", "truth-inner-server.pcap", []string{"router.log", "keys/esp_sa"}, exitOK},
		{"03-3des-sha1-modp1024", "outer.pcapng", "truth-inner-server.pcap", []string{"router-full.log"}, exitOK},
		{"04-aes128-md5-modp1024", "outer.pcap.gz", "truth-inner-server.pcap", []string{"router.log"}, exitOK},
		{"05-aes256-sha256-ecp384", "outer.pcap", "truth-inner-server.pcap", []string{"router.log", "keys/esp_sa"}, exitOK},
		{"05-aes256-sha256-ecp384", "outer.pcap", "truth-inner-server.pcap", []string{"router-full.log"}, exitOK},
		{"06-pfs-rekey-dpd", "outer.pcap", "truth-inner-server.pcap", []string{"router.log", "keys/esp_sa"}, exitOK},
		{"07-aggressive-psk", "outer.pcap", "truth-inner-server.pcap", []string{"router.log"}, exitOK},
		{"08-rsa-ipfrag", "outer.pcap", "truth-inner-server.pcap", []string{"router.log", "keys/esp_sa"}, exitOK},
		{"08b-rsa-ikefrag-natt", "outer.pcap", "truth-inner-server.pcap", []string{"router.log", "keys/esp_sa"}, exitOK},
		{"08x-auth-failed-l2tp-in-clear", "outer.pcap", "truth-inner-server.pcap", []string{"router.log"}, exitOK},
		{"09-ppp-vj-deflate-acfc-pfc", "outer.pcap", "truth-inner-server.pcap", []string{"router.log"}, exitOK},
		{"09c-ppp-mppe128-stateless", "outer.pcap", "truth-inner-server.pcap", []string{"router.log"}, exitOK},
		{"09e-ppp-vj-only-l2tp-challenge", "outer.pcap", "truth-inner-server.pcap", []string{"router.log"}, exitOK},
		{"09f-ppp-deflate-only-kernel", "outer.pcap", "truth-inner-server.pcap", []string{"router.log", "keys/esp_sa"}, exitOK},
		{"10-ipv6-outer", "outer.pcap", "truth-inner-sl2tp.pcap", []string{"router.log", "keys/esp_sa"}, exitOK},
		{"11-three-clients-two-behind-nat", "outer.pcap", "truth-inner-client*.pcap", []string{"router.log", "keys/esp_sa"}, exitOK},
		{"13-ip-fragmented-esp", "outer.pcap", "truth-inner-server.pcap", []string{"router.log"}, exitOK},
		{"14-pppoe-wan", "outer.pcap", "truth-inner-client.pcap", []string{"router.log", "keys/esp_sa"}, exitOK},
		{"14-pppoe-wan", "outer-serverside-ip.pcap", "truth-inner-server.pcap", []string{"router.log", "keys/esp_sa"}, exitOK},
		{"15-libreswan-server", "outer.pcap", "truth-inner-server.pcap", []string{"router.log"}, exitOK},
		{"16-netem-loss-reorder-dup", "outer.pcap", "truth-inner-server.pcap", []string{"router.log"}, exitOK},
		{"16-netem-loss-reorder-dup", "outer-clientside.pcap", "truth-inner-client.pcap", []string{"router-full.log"}, exitOK},
		{"17a-aes128gcm16", "outer.pcap", "truth-inner-server.pcap", []string{"keys/esp_sa"}, exitPartly},
		{"17b-aes128ctr-sha1", "outer.pcap", "truth-inner-server.pcap", []string{"router.log", "keys/esp_sa"}, exitOK},
		{"17d-aes128-sha256-esn", "outer.pcap", "truth-inner-server.pcap", []string{"router.log"}, exitOK},
		{"17f-aes192-sha384-modp3072", "outer.pcap", "truth-inner-server.pcap", []string{"router.log", "keys/esp_sa"}, exitOK},
		{"17h-aes128ccm16", "outer.pcap", "truth-inner-server.pcap", []string{"router.log", "keys/esp_sa"}, exitOK},
		{"19-cooked-any", "outer.pcap", "truth-inner-server.pcap", []string{"router.log"}, exitOK},
		{"19-cooked-any", "outer-any-sll1.pcap", "truth-inner-server.pcap", []string{"router.log"}, exitOK},
		{"19-cooked-any", "server-any-sll1.pcap", "truth-inner-server.pcap", []string{"router.log"}, exitOK},
		{"19-cooked-any", "client-any-sll2.pcap", "truth-inner-client.pcap", []string{"router.log"}, exitOK},
		{"22-redial-same-sa-vj-deflate", "outer.pcap", "truth-inner-server*.pcap", []string{"router.log"}, exitOK},
		{"23-ipcomp-inside-esp", "outer.pcap", "truth-inner-server.pcap", []string{"router.log"}, exitOK},
		{"25-forceencaps-no-nat", "outer.pcap", "truth-inner-server.pcap", []string{"router.log", "keys/esp_sa"}, exitOK},
		{"26-heavy-loss-ike-retransmits", "outer.pcap", "truth-inner-server.pcap", []string{"router.log"}, exitOK},
		{"26b-ike-every-message-retransmitted", "outer.pcap", "truth-inner-server.pcap", []string{"router.log", "keys/esp_sa"}, exitOK},
	} {
		t.Run(c.dir+"/"+c.outer+"/"+strings.Join(c.keys, "+"), func(t *testing.T) {
			var keys []string
			for _, k := range c.keys {
				keys = append(keys, filepath.Join(captures, c.dir, k))
			}
			got, status := decryptIP(t, filepath.Join(captures, c.dir, c.outer), keys...)
			if status != c.status {
				t.Errorf("exit status %d, want %d", status, c.status)
			}
			matched := 0
			for _, truth := range truths(t, c.dir, c.truth) {
				packets := packetsOf(t, truth)
				matched += compareTruth(t, got, packets)
				compareOrder(t, got, packets)
			}
			// Up to two IPv6 router solicitations of each end precede the truth.
			switch {
			case strings.HasPrefix(c.dir, "16-"), strings.HasPrefix(c.dir, "26-"), c.outer == "outer-any-sll1.pcap":
				return // the wire has more: copies, and what was lost behind the capture point
			}
			if extra := len(got) - matched; extra > 4*len(truths(t, c.dir, c.truth)) {
				t.Errorf("%d packets that the truth has not", extra)
			}
		})
	}
}
