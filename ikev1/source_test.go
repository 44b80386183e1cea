package ikev1

import (
	"fmt"
	"l2tpdump/esp"
	"math/rand/v2"
	"path/filepath"
	"testing"
)

// listSource is a Source that makes a copy for whoever asks.
type listSource []*Secret

func (l listSource) CountIKE() int { return len(l) }

func (l listSource) EachIKE(f func(place uint32, s *Secret)) {
	var space Secret // each overwrites the one before
	for i, s := range l {
		space = *s
		f(uint32(i), &space)
	}
}

func (l listSource) IKEAt(place uint32) *Secret {
	s := *l[place]
	return &s
}

// told is all that a Tracker says in the end.
func told(tr *Tracker) string {
	var b []byte
	for _, sa := range tr.SAs() {
		b = fmt.Appendf(b, "%s %s %d %d %d %s: %s; %s, %s %q\n", sa.InitiatorCookie, sa.Verdict(), sa.Encrypted, sa.Decrypted, sa.HashesChecked,
			sa.Cipher, sa.Reason(), sa.KeyOrigin, sa.Tried(), sa.Conflicts())
	}
	for u := range tr.Unused() {
		b = fmt.Appendf(b, "%s %s: %s\n", u.Secret.Origin, u.Secret.InitiatorCookie, u.Reason)
	}
	return string(b)
}

// TestSourceIsSecrets: whether secrets come from sources or one by one makes no difference, whatever they say, and whenever they come.
func TestSourceIsSecrets(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	other := routerSecrets(t, filepath.Join(capturesDir, "02-natt-aes256-sha1", "router.log"))
	for _, name := range []string{"01-basic-aes128-sha1", "06-pfs-rekey-dpd"} {
		dir := filepath.Join(capturesDir, name)
		datagrams := readDatagrams(t, filepath.Join(dir, "outer.pcap"))
		full := append(routerSecrets(t, filepath.Join(dir, "router-full.log")), tableSecrets(t, filepath.Join(dir, "keys", "ikev1_decryption_table"))...)
		for round := range 100 {
			var list []*Secret
			for range 1 + rnd.IntN(12) {
				s := *full[rnd.IntN(len(full))]
				switch rnd.IntN(9) {
				case 0:
					s.InitiatorCookie[rnd.IntN(8)] ^= 1 << rnd.IntN(8)
				case 1:
					s.ResponderCookie[0] ^= 1
				case 2:
					s.InitiatorCookie = Cookie{}
				case 3:
					s.InitiatorCookie, s.ResponderCookie = Cookie{}, Cookie{}
				case 4:
					s = *other[rnd.IntN(len(other))]
				case 5:
					s.SKEYIDe = s.SKEYIDe.Head(10)
				case 6:
					s.InitiatorCookie, s.ResponderCookie = s.ResponderCookie, s.InitiatorCookie
				}
				s.Origin = esp.Origin{File: "source", Line: len(list) + 1}
				list = append(list, &s)
			}
			plain, packed := NewTracker(), NewTracker()
			if round%10 == 0 {
				plain.LimitSecrets(8)
				packed.LimitSecrets(8)
			}
			observe := func(list []*Datagram) {
				for _, d := range list {
					plain.Observe(d)
					packed.Observe(d)
				}
			}
			rest := datagrams
			for len(list) > 0 {
				n := 1 + rnd.IntN(len(list))
				for _, s := range list[:n] {
					plain.AddSecret(s)
				}
				if rnd.IntN(4) == 0 {
					for _, s := range list[:n] {
						packed.AddSecret(s)
					}
				} else {
					packed.AddSource(listSource(list[:n]))
				}
				list = list[n:]
				now := rest[:rnd.IntN(len(rest)/2+1)]
				observe(now)
				rest = rest[len(now):]
			}
			observe(rest)
			if round%7 == 0 { // those that are left may go, too
				plain.LimitSecrets(4)
				packed.LimitSecrets(4)
				plain.AddSecret(other[0])
				packed.AddSecret(other[0])
			}
			if a, b := told(plain), told(packed); a != b {
				t.Fatalf("%s, round %d: one by one\n%s\nas sources\n%s", name, round, a, b)
			}
		}
	}
}
