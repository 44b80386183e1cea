package pipeline_test

import (
	"path/filepath"
	"testing"

	"l2tpdump/capture"
	"l2tpdump/cmd/internal/pipeline"
	"l2tpdump/cmd/internal/why"
)

// lab is the captures of testdata/captures with how many encrypted IKE messages and ESP packets
// each holds.
var lab = []struct {
	dir, file string
	ike, esp  int
	truth     []string // plaintext captures that the inner packets have to contain; nil: compressed, encrypted or lossy
	same      bool     // router-full.log tells every key: no perfect forward secrecy, and the capture has the Quick Mode
}{
	{"01-basic-aes128-sha1", "outer.pcap", 7, 253, []string{"client", "server"}, true},
	{"01-basic-aes128-sha1", "outer-be.pcap", 7, 253, []string{"client"}, true},
	{"01-basic-aes128-sha1", "outer-midstart.pcap", 0, 253, []string{"client"}, false},
	{"02-natt-aes256-sha1", "outer.pcap", 7, 255, []string{"client", "server"}, true},
	{"02-natt-aes256-sha1", "outer-ns.pcap", 7, 255, []string{"client"}, true},
	{"03-3des-sha1-modp1024", "outer.pcap", 7, 211, []string{"client", "server"}, true},
	{"03-3des-sha1-modp1024", "outer.pcapng", 7, 211, []string{"client"}, true},
	{"04-aes128-md5-modp1024", "outer.pcap", 7, 236, []string{"client", "server"}, true},
	{"04-aes128-md5-modp1024", "outer.pcap.gz", 7, 236, []string{"client"}, true},
	{"05-aes256-sha256-ecp384", "outer.pcap", 7, 209, []string{"client", "server"}, true},
	{"06-pfs-rekey-dpd", "outer.pcap", 33, 2398, []string{"client", "server"}, false},
	{"07-aggressive-psk", "outer.pcap", 6, 228, []string{"client", "server"}, true},
	{"08-rsa-ipfrag", "outer.pcap", 7, 236, []string{"client", "server"}, true},
	{"08b-rsa-ikefrag-natt", "outer.pcap", 7, 299, []string{"client", "server"}, true},
	{"08x-auth-failed-l2tp-in-clear", "outer.pcap", 2, 0, []string{"client", "server"}, true},
	{"09-ppp-vj-deflate-acfc-pfc", "outer.pcap", 7, 269, nil, true},
	{"09c-ppp-mppe128-stateless", "outer.pcap", 7, 288, nil, true},
	{"09e-ppp-vj-only-l2tp-challenge", "outer.pcap", 7, 275, nil, true},
	{"09f-ppp-deflate-only-kernel", "outer.pcap", 7, 281, nil, true},
	{"10-ipv6-outer", "outer.pcap", 7, 266, []string{"cl2tp", "sl2tp"}, true},
	{"11-three-clients-two-behind-nat", "outer.pcap", 21, 765, []string{"client1", "client2", "client3", "server", "server-ppp1", "server-ppp2"}, true},
	{"13-ip-fragmented-esp", "outer.pcap", 7, 237, []string{"client", "server"}, true},
	{"14-pppoe-wan", "outer.pcap", 7, 272, []string{"client", "server"}, true},
	{"14-pppoe-wan", "outer-serverside-ip.pcap", 7, 272, []string{"client", "server"}, true},
	{"15-libreswan-server", "outer.pcap", 9, 248, []string{"client", "server"}, true},
	{"16-netem-loss-reorder-dup", "outer.pcap", 8, 310, []string{"client"}, true},
	{"16-netem-loss-reorder-dup", "outer-clientside.pcap", -1, -1, []string{"client"}, true},
	{"17a-aes128gcm16", "outer.pcap", 7, 241, []string{"client", "server"}, true},
	{"17b-aes128ctr-sha1", "outer.pcap", 7, 263, []string{"client", "server"}, true},
	{"17d-aes128-sha256-esn", "outer.pcap", 7, 230, []string{"client", "server"}, true},
	{"17f-aes192-sha384-modp3072", "outer.pcap", 7, 274, []string{"client", "server"}, true},
	{"17h-aes128ccm16", "outer.pcap", 7, 234, []string{"client", "server"}, true},
	{"19-cooked-any", "outer.pcap", 7, 241, []string{"client", "server"}, true},
	{"19-cooked-any", "outer-any-sll1.pcap", -1, -1, []string{"client", "server"}, true},
	{"19-cooked-any", "client-any-sll2.pcap", 7, 241, []string{"client", "server"}, true},
	{"19-cooked-any", "server-any-sll1.pcap", 7, 241, []string{"client", "server"}, true},
	{"22-redial-same-sa-vj-deflate", "outer.pcap", 7, 542, nil, true},
	{"23-ipcomp-inside-esp", "outer.pcap", 7, 245, []string{"client", "server"}, true},
	{"25-forceencaps-no-nat", "outer.pcap", 7, 259, []string{"client", "server"}, true},
	{"26-heavy-loss-ike-retransmits", "outer.pcap", 7, 148, nil, false},
	{"26-heavy-loss-ike-retransmits", "outer-clientside.pcap", -1, -1, nil, false},
	{"26b-ike-every-message-retransmitted", "outer.pcap", 14, 273, []string{"client", "server"}, false},
}

// innerOf counts the users' packets of a run.
func innerOf(o *outcome) map[string]int {
	have := make(map[string]int)
	for i := range o.results {
		if in := o.results[i].inner; in != nil {
			have[string(in)]++
		}
	}
	return have
}

// missingFrom says how many packets of a ground truth a run has not.
func missingFrom(t *testing.T, o *outcome, path string) (missing, all int) {
	t.Helper()
	have := innerOf(o)
	truth := mustRead(t, path)
	for i := range truth.list {
		p := &truth.list[i]
		var f capture.Frame
		if err := f.Decode(truth.interfaces[p.Interface].LinkType, p.Data); err != nil {
			t.Fatal(err)
		}
		packet := string(p.Data[f.LinkLen:f.PayloadEnd])
		if have[packet] == 0 {
			missing++
		} else {
			have[packet]--
		}
	}
	return missing, len(truth.list)
}

// TestEverythingDecrypts: with full keys every encrypted IKE message and every ESP packet decrypts,
// none of it by reconstruction, and what is inside is what the ppp interfaces saw.
func TestEverythingDecrypts(t *testing.T) {
	for _, c := range lab {
		for _, names := range [][]string{tables, {"router-full.log"}} {
			full := len(names) == 2
			if !full && !c.same {
				continue
			}
			if full && c.esp == 0 {
				names = names[1:] // there is no ESP, so its table is empty
			}
			t.Run(c.dir+"/"+c.file+"/"+names[0], func(t *testing.T) {
				t.Parallel()
				f := mustRead(t, filepath.Join(capturesDir, c.dir, c.file))
				o := follow(t, f, labKeys(t, c.dir, names...), mode{text: true})
				o.checkOrder(t, f)
				all, opened, verified := o.encrypted()
				if all != opened || c.ike >= 0 && all != c.ike || !full && verified != all {
					t.Errorf("%d encrypted IKE messages, %d decrypted, %d verified; want %d", all, opened, verified, c.ike)
				}
				esp, good := 0, 0
				for i := range o.results {
					r := &o.results[i]
					if r.kind == pipeline.ESP && r.partOf == 0 {
						esp++
						if r.verdict == why.Verified {
							good++
						}
					}
					for _, m := range r.ike {
						if m.Reconstructed || m.Encrypted && m.Err != nil {
							t.Errorf("frame %d: %s", r.number, r.text)
						}
					}
					if r.verdict != why.Verified && r.verdict != why.Decrypted && r.verdict != why.Clear {
						t.Errorf("frame %d: %s", r.number, r.text)
					}
				}
				if esp != good || c.esp >= 0 && esp != c.esp {
					t.Errorf("%d ESP packets, %d verified; want %d", esp, good, c.esp)
				}
				for _, name := range c.truth {
					if missing, n := missingFrom(t, o, filepath.Join(capturesDir, c.dir, "truth-inner-"+name+".pcap")); missing > 0 {
						t.Errorf("%d of the %d packets of %s are missing", missing, n, name)
					}
				}
			})
		}
	}
}
