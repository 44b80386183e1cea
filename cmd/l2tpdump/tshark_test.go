package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"l2tpdump/capture"
	"l2tpdump/testdata/race"
)

// seen is what tshark makes of a frame.
type seen struct {
	time         string // seconds since the epoch, nine decimals
	protocols    string // "eth:ethertype:ip:udp:l2tp:ppp:ip:icmp:data"
	malformed    string
	badChecksum  bool   // of IP, UDP or TCP, at any depth
	encryptedIKE bool   // the encryption flag of an ISAKMP message is on
	payloads     string // ISAKMP payload types
	fragment     bool   // of an IP packet with ESP or UDP, and not the one that completes it
}

// tshark decodes a capture without any key and without a person's settings, with the checks of
// checksums switched on. TCP streams are not put together: tshark calls segments that come out of
// order malformed.
func tshark(t *testing.T, file string) []seen {
	t.Helper()
	program, err := exec.LookPath("tshark")
	if err != nil {
		t.Skip("tshark is not installed")
	}
	args := []string{"-n", "-r", file, "-T", "fields", "-E", "separator=|"}
	for _, o := range []string{"ip.check_checksum:TRUE", "udp.check_checksum:TRUE", "tcp.check_checksum:TRUE", "tcp.desegment_tcp_streams:FALSE"} {
		args = append(args, "-o", o)
	}
	for _, e := range []string{"frame.time_epoch", "frame.protocols", "_ws.malformed", "ip.checksum.status", "udp.checksum.status",
		"tcp.checksum.status", "isakmp.flag_e", "isakmp.typepayload", "ip.flags.mf", "ip.proto",
		"ip.fragment.count", "ipv6.fraghdr.more", "ipv6.fraghdr.nxt", "ipv6.fragment.count"} {
		args = append(args, "-e", e)
	}
	c := exec.Command(program, args...)
	c.Env = append(os.Environ(), "WIRESHARK_CONFIG_DIR="+t.TempDir(), "HOME="+t.TempDir(), "LC_ALL=C")
	out, err := c.Output()
	if err != nil {
		t.Fatalf("tshark %s: %v", file, err)
	}
	var list []seen
	for line := range strings.Lines(string(out)) {
		f := strings.Split(strings.TrimRight(line, "\n"), "|")
		list = append(list, seen{
			time: f[0], protocols: f[1], malformed: f[2],
			badChecksum:  has(f[3], "0") || has(f[4], "0") || has(f[5], "0"),
			encryptedIKE: has(f[6], "1"), payloads: f[7], fragment: f[8] == "1" && (f[9] == "50" || f[9] == "17") && f[10] == "" || f[11] == "1" && f[12] == "50" && f[13] == "",
		})
	}
	return list
}

func has(list, item string) bool { return slices.Contains(strings.Split(list, ","), item) }

// decryptTo runs decrypt and returns the name of the output.
func decryptTo(t *testing.T, status int, name, in string, args ...string) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), name)
	if got := run(append([]string{"decrypt", "-q", "-r", in, "-w", out}, args...)); got != status {
		t.Fatalf("exit status %d, want %d", got, status)
	}
	return out
}

// fullKeys are the -k of a capture's complete keys.
func fullKeys(dir string) []string {
	if dir == "08x-auth-failed-l2tp-in-clear" { // there never was an ESP SA
		return []string{"-k", filepath.Join(captures, dir, "keys/ikev1_decryption_table")}
	}
	return []string{"-k", filepath.Join(captures, dir, "keys/ikev1_decryption_table"), "-k", filepath.Join(captures, dir, "keys/esp_sa")}
}

// TestTsharkDecodes has tshark read the cleartext captures: nothing is encrypted, malformed or has
// a bad checksum any more, and every frame is there with its time.
func TestTsharkDecodes(t *testing.T) {
	for _, c := range race.Sampled([]struct {
		file    string
		esp     int // packets, each of which holds L2TP
		encrypt int // encrypted IKE messages
		merged  int // IKE fragments that were merged, which tshark does not tell
	}{
		{"01-basic-aes128-sha1/outer.pcap", 253, 7, 0},
		{"01-basic-aes128-sha1/outer-be.pcap", 253, 7, 0},
		{"01-basic-aes128-sha1/outer-midstart.pcap", 253, 0, 0},
		{"02-natt-aes256-sha1/outer.pcap", 255, 7, 0},
		{"02-natt-aes256-sha1/outer-ns.pcap", 255, 7, 0},
		{"03-3des-sha1-modp1024/outer.pcap", 211, 7, 0},
		{"03-3des-sha1-modp1024/outer.pcapng", 211, 7, 0},
		{"04-aes128-md5-modp1024/outer.pcap.gz", 236, 7, 0},
		{"05-aes256-sha256-ecp384/outer.pcap", 209, 7, 0},
		{"06-pfs-rekey-dpd/outer.pcap", 2398, 33, 0},
		{"07-aggressive-psk/outer.pcap", 228, 6, 0},
		{"08-rsa-ipfrag/outer.pcap", 236, 7, 0},
		{"08b-rsa-ikefrag-natt/outer.pcap", 299, 7, 2},
		{"08x-auth-failed-l2tp-in-clear/outer.pcap", 0, 2, 1},
		{"09-ppp-vj-deflate-acfc-pfc/outer.pcap", 269, 7, 0},
		{"09c-ppp-mppe128-stateless/outer.pcap", 288, 7, 0},
		{"09e-ppp-vj-only-l2tp-challenge/outer.pcap", 275, 7, 0},
		{"09f-ppp-deflate-only-kernel/outer.pcap", 281, 7, 0},
		{"10-ipv6-outer/outer.pcap", 266, 7, 0},
		{"11-three-clients-two-behind-nat/outer.pcap", 765, 21, 0},
		{"13-ip-fragmented-esp/outer.pcap", 237, 7, 0},
		{"14-pppoe-wan/outer.pcap", 272, 7, 0},
		{"14-pppoe-wan/outer-serverside-ip.pcap", 272, 7, 0},
		{"15-libreswan-server/outer.pcap", 248, 9, 0},
		{"16-netem-loss-reorder-dup/outer.pcap", 310, 8, 0},
		{"16-netem-loss-reorder-dup/outer-clientside.pcap", 304, 7, 0},
		{"17a-aes128gcm16/outer.pcap", 241, 7, 0},
		{"17b-aes128ctr-sha1/outer.pcap", 263, 7, 0},
		{"17d-aes128-sha256-esn/outer.pcap", 230, 7, 0},
		{"17f-aes192-sha384-modp3072/outer.pcap", 274, 7, 0},
		{"17h-aes128ccm16/outer.pcap", 234, 7, 0},
		{"19-cooked-any/outer.pcap", 241, 7, 0},
		{"19-cooked-any/outer-any-sll1.pcap", 482, 14, 0},
		{"19-cooked-any/client-any-sll2.pcap", 241, 7, 0},
		{"19-cooked-any/server-any-sll1.pcap", 241, 7, 0},
		{"22-redial-same-sa-vj-deflate/outer.pcap", 542, 7, 0},
		{"23-ipcomp-inside-esp/outer.pcap", 245, 7, 0},
		{"25-forceencaps-no-nat/outer.pcap", 259, 7, 0},
		{"26-heavy-loss-ike-retransmits/outer.pcap", 148, 7, 0},
		{"26-heavy-loss-ike-retransmits/outer-clientside.pcap", 148, 7, 0},
		{"26b-ike-every-message-retransmitted/outer.pcap", 273, 14, 0},
	}) {
		t.Run(c.file, func(t *testing.T) {
			t.Parallel()
			dir, in := filepath.Dir(c.file), filepath.Join(captures, c.file)
			keys := fullKeys(dir)
			clear := decryptTo(t, exitOK, "clear.pcapng", in, keys...)
			before, after := tshark(t, in), tshark(t, clear)

			var times []string
			bad := make(map[string]bool)
			encrypted := 0
			for _, f := range before {
				if f.encryptedIKE {
					encrypted++
				}
				bad[f.time] = f.badChecksum
				if !f.fragment {
					times = append(times, f.time)
				}
			}
			if strings.HasPrefix(c.file, "09f-") { // a Deflate frame overtook another: it comes expanded behind that
				times = append(times, after[182].time)
				slices.Sort(times)
				c.esp++
			}
			if len(after) != len(times)-c.merged {
				t.Errorf("%d frames, want %d", len(after), len(times)-c.merged)
			}
			l2tp, decoded := 0, 0
			next := 0
			for i, f := range after {
				for next < len(times) && times[next] != f.time {
					next++
				}
				if next++; next > len(times) {
					t.Fatalf("frame %d: no frame of the input has the time %s", i+1, f.time)
				}
				if f.malformed != "" || f.encryptedIKE || strings.Contains(f.protocols, ":esp") || f.badChecksum && !bad[f.time] {
					t.Errorf("frame %d: %+v", i+1, f)
				}
				if strings.Contains(f.protocols, ":l2tp") {
					l2tp++
				}
				if has(f.payloads, "8") || has(f.payloads, "5") { // HASH, ID
					decoded++
				}
			}
			for _, f := range before {
				if strings.Contains(f.protocols, ":l2tp") {
					l2tp-- // ran in clear
				}
				if !f.encryptedIKE && (has(f.payloads, "8") || has(f.payloads, "5")) {
					decoded-- // aggressive mode
				}
			}
			if l2tp != c.esp {
				t.Errorf("%d frames with L2TP out of ESP, want %d", l2tp, c.esp)
			}
			if want := c.encrypt; decoded != want {
				t.Errorf("%d decrypted IKE messages are decoded, want %d (of %d)", decoded, want, encrypted)
			}

			// The older format holds the same.
			compareFiles(t, clear, decryptTo(t, exitOK, "clear.pcap", in, keys...))
		})
	}
}

// compareFiles checks that two captures have the same packets with the same times.
func compareFiles(t *testing.T, a, b string) {
	t.Helper()
	x, y := packetsWithTimes(t, a), packetsWithTimes(t, b)
	if len(x) != len(y) {
		t.Fatalf("%d packets, %d in the other format", len(x), len(y))
	}
	for i := range x {
		if x[i] != y[i] {
			t.Fatalf("packet %d is another in the other format", i+1)
		}
	}
}

type timedPacket struct {
	time   int64
	length int
	link   capture.LinkType
	data   string
}

func packetsWithTimes(t *testing.T, name string) []timedPacket {
	t.Helper()
	src, err := capture.Open([]string{name})
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	var list []timedPacket
	var p capture.Packet
	for src.Next(&p) == nil {
		list = append(list, timedPacket{p.Time, p.Length, src.Interfaces()[p.Interface].LinkType, string(p.Data)})
	}
	return list
}

// TestTsharkDecodesLayers has tshark read the PPP frames and the users' packets.
func TestTsharkDecodesLayers(t *testing.T) {
	for _, file := range []string{
		"01-basic-aes128-sha1/outer.pcap", "02-natt-aes256-sha1/outer.pcap", "05-aes256-sha256-ecp384/outer.pcap",
		"08x-auth-failed-l2tp-in-clear/outer.pcap", "11-three-clients-two-behind-nat/outer.pcap",
		"14-pppoe-wan/outer.pcap",
	} {
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			dir, in := filepath.Dir(file), filepath.Join(captures, file)
			want := make(map[string][]string) // times
			for _, f := range tshark(t, decryptTo(t, exitOK, "clear.pcap", in, fullKeys(dir)...)) {
				_, ppp, found := strings.Cut(f.protocols, ":l2tp:ppp")
				if !found {
					continue
				}
				want["ppp"] = append(want["ppp"], f.time)
				if strings.HasPrefix(ppp, ":ip") && !strings.HasPrefix(ppp, ":ipcp") && !strings.HasPrefix(ppp, ":ipv6cp") {
					want["ip"] = append(want["ip"], f.time)
				}
			}
			for layer, prefix := range map[string]string{"ppp": "ppp", "ip": "raw:ip"} {
				var times []string
				for i, f := range tshark(t, decryptTo(t, exitOK, layer+".pcap", in, append(fullKeys(dir), "--layer", layer)...)) {
					if f.malformed != "" || f.badChecksum || !strings.HasPrefix(f.protocols, prefix) {
						t.Errorf("%s: packet %d: %+v", layer, i+1, f)
					}
					times = append(times, f.time)
				}
				if !slices.Equal(times, want[layer]) {
					t.Errorf("%s: %d packets, want %d, at their times", layer, len(times), len(want[layer]))
				}
			}
		})
	}
}

// TestTsharkDecodesCutPackets has tshark read what a capture with a snap length of 96 bytes gives:
// cut, but not malformed.
func TestTsharkDecodesCutPackets(t *testing.T) {
	in := filepath.Join(captures, "01-basic-aes128-sha1/outer-snap96.pcap")
	for _, keys := range [][]string{fullKeys("01-basic-aes128-sha1"), {"-k", filepath.Join(captures, "01-basic-aes128-sha1/router.log")}} {
		for _, layer := range []string{"l2tp", "ppp", "ip"} {
			inside := 0
			for i, f := range tshark(t, decryptTo(t, exitPartly, "clear.pcapng", in, append(keys, "--layer", layer)...)) {
				if f.malformed != "" || f.badChecksum || strings.Contains(f.protocols, ":esp") {
					t.Errorf("%s: frame %d: %+v", layer, i+1, f)
				}
				if strings.Contains(f.protocols, ":l2tp") || layer != "l2tp" {
					inside++
				}
			}
			if want := map[string]int{"l2tp": 253, "ppp": 240, "ip": 219}[layer]; inside != want {
				t.Errorf("%s: %d frames, want %d", layer, inside, want)
			}
		}
	}
	// The lengths are those of the packets, not of what was captured of them.
	whole := packetsWithTimes(t, decryptTo(t, exitOK, "whole.pcap", strings.Replace(in, "-snap96", "", 1), fullKeys("01-basic-aes128-sha1")...))
	cut := packetsWithTimes(t, decryptTo(t, exitPartly, "cut.pcap", in, fullKeys("01-basic-aes128-sha1")...))
	if len(whole) != len(cut) {
		t.Fatalf("%d packets, %d of them cut", len(whole), len(cut))
	}
	for i := range cut {
		isIKE := len(cut[i].data) > 42 && cut[i].data[36:38] == "\x01\xf4" // left as it was
		if !isIKE && (cut[i].length != whole[i].length || cut[i].time != whole[i].time || !strings.HasPrefix(whole[i].data, cut[i].data)) {
			t.Errorf("packet %d: %d bytes of %d, want the head of %d", i+1, len(cut[i].data), cut[i].length, whole[i].length)
		}
	}
}
