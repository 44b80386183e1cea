package ikev1

import (
	"os"
	"path/filepath"
	"testing"

	"l2tpdump/esp"
)

// captures is what each capture of the lab holds: encrypted messages, those with a HASH, pairs of
// SAs, as the daemons' logs have it.
var captures = []struct {
	name, file string
	encrypted  int
	isakmp     int // SAs
	pairs      int
}{
	{"01-basic-aes128-sha1", "outer.pcap", 7, 1, 1},
	{"02-natt-aes256-sha1", "outer.pcap", 7, 1, 1},
	{"03-3des-sha1-modp1024", "outer.pcap", 7, 1, 1},
	{"04-aes128-md5-modp1024", "outer.pcap", 7, 1, 1},
	{"05-aes256-sha256-ecp384", "outer.pcap", 7, 1, 1},
	{"06-pfs-rekey-dpd", "outer.pcap", 33, 3, 4},
	{"07-aggressive-psk", "outer.pcap", 6, 1, 1},
	{"08-rsa-ipfrag", "outer.pcap", 7, 1, 1},
	{"08b-rsa-ikefrag-natt", "outer.pcap", 7, 1, 1},
	{"08x-auth-failed-l2tp-in-clear", "outer.pcap", 2, 1, 0},
	{"09-ppp-vj-deflate-acfc-pfc", "outer.pcap", 7, 1, 1},
	{"09c-ppp-mppe128-stateless", "outer.pcap", 7, 1, 1},
	{"09e-ppp-vj-only-l2tp-challenge", "outer.pcap", 7, 1, 1},
	{"09f-ppp-deflate-only-kernel", "outer.pcap", 7, 1, 1},
	{"10-ipv6-outer", "outer.pcap", 7, 1, 1},
	{"11-three-clients-two-behind-nat", "outer.pcap", 21, 3, 3},
	{"13-ip-fragmented-esp", "outer.pcap", 7, 1, 1},
	{"14-pppoe-wan", "outer.pcap", 7, 1, 1},
	{"15-libreswan-server", "outer.pcap", 9, 1, 1},
	{"16-netem-loss-reorder-dup", "outer.pcap", 8, 1, 1},
	{"16-netem-loss-reorder-dup", "outer-clientside.pcap", 7, 1, 1},
	{"17a-aes128gcm16", "outer.pcap", 7, 1, 1},
	{"17b-aes128ctr-sha1", "outer.pcap", 7, 1, 1},
	{"17d-aes128-sha256-esn", "outer.pcap", 7, 1, 1},
	{"17f-aes192-sha384-modp3072", "outer.pcap", 7, 1, 1},
	{"17h-aes128ccm16", "outer.pcap", 7, 1, 1},
	{"19-cooked-any", "outer.pcap", 7, 1, 1},
	{"19-cooked-any", "outer-any-sll1.pcap", 14, 1, 1},
	{"22-redial-same-sa-vj-deflate", "outer.pcap", 7, 1, 1},
	{"23-ipcomp-inside-esp", "outer.pcap", 7, 1, 1},
	{"25-forceencaps-no-nat", "outer.pcap", 7, 1, 1},
	{"26-heavy-loss-ike-retransmits", "outer.pcap", 7, 1, 1},
	{"26b-ike-every-message-retransmitted", "outer.pcap", 14, 1, 1},
}

func TestCaptures(t *testing.T) {
	for _, c := range captures {
		for _, log := range []string{"router.log", "router-full.log", "keys/ikev1_decryption_table"} {
			t.Run(c.name+"/"+c.file+"/"+log, func(t *testing.T) {
				dir := filepath.Join(capturesDir, c.name)
				if _, err := os.Stat(filepath.Join(dir, log)); err != nil {
					t.Skip(err)
				}
				var secrets []*Secret
				if filepath.Base(log) == "ikev1_decryption_table" {
					secrets = tableSecrets(t, filepath.Join(dir, log))
				} else {
					secrets = routerSecrets(t, filepath.Join(dir, log))
				}
				tr, messages := follow(secrets, readDatagrams(t, filepath.Join(dir, c.file)))
				full := log == "router-full.log"
				encrypted, pairs := 0, 0
				deleted := map[uint32]bool{}
				var negotiated []*esp.Negotiated
				for i, m := range messages {
					pairs += len(m.Negotiated)
					negotiated = append(negotiated, m.Negotiated...)
					for _, spi := range m.Deleted {
						deleted[spi] = true
					}
					hash := m.Find(PayloadHash) != nil || m.Find(PayloadSignature) != nil
					if m.Verified != (full && hash && m.Err == nil) {
						t.Errorf("message %d, %s %d: verified %v", i, m.Header.ExchangeName(), m.Number, m.Verified)
					}
					if !m.Encrypted {
						continue
					}
					encrypted++
					if !m.Decrypted || m.Reconstructed {
						t.Errorf("message %d, %s %d: %v", i, m.Header.ExchangeName(), m.Number, m.Err)
					}
					if len(m.Payloads) == 0 || Cookie(m.Plain[:8]) != m.Header.InitiatorCookie || Cookie(m.Plain[8:16]) != m.Header.ResponderCookie || m.Plain[19]&FlagEncryption != 0 {
						t.Errorf("message %d, %s %d: plain % x", i, m.Header.ExchangeName(), m.Number, m.Plain[:HeaderLen])
					}
				}
				if encrypted != c.encrypted || pairs != 2*c.pairs || len(tr.SAs()) != c.isakmp {
					t.Errorf("%d encrypted, %d SAs of ESP, %d of ISAKMP; want %d, %d, %d", encrypted, pairs, len(tr.SAs()), c.encrypted, 2*c.pairs, c.isakmp)
				}
				for _, n := range negotiated { // the initiator deletes the SA towards it, or both
					if !deleted[n.SPI] && !deleted[n.PairSPI] {
						t.Errorf("SPI %08x: never deleted", n.SPI)
					}
				}
				for _, sa := range tr.SAs() {
					want := "decrypted"
					if full {
						want = "verified"
					}
					if state(sa) != want || sa.Encrypted != sa.Decrypted || len(sa.Openers()) != 1 || sa.Openers()[0].Form != KeyAsNamed || !sa.Initiator.IsValid() {
						t.Errorf("SA %s: %s, %d of %d decrypted", sa.InitiatorCookie, state(sa), sa.Decrypted, sa.Encrypted)
					}
				}
				if list := unused(tr); len(list) > 0 {
					t.Errorf("unused: %v", list)
				}
			})
		}
	}
}
