package ikev1

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"l2tpdump/esp"
)

// flip returns the key with one bit changed.
func flip(k esp.Key, bit int) esp.Key {
	b := append([]byte(nil), k.Bytes()...)
	b[bit/8] ^= 0x80 >> (bit % 8)
	return esp.NewKey(b)
}

func TestWrongKey(t *testing.T) {
	for _, name := range lossy {
		dir := filepath.Join(capturesDir, name)
		list := readDatagrams(t, filepath.Join(dir, "outer.pcap"))
		table := tableSecrets(t, filepath.Join(dir, "keys/ikev1_decryption_table"))
		ka := table[0].Ka
		for bit := 0; bit < 8*ka.Len(); bit += 3 {
			if strings.Contains(name, "3des") && bit%8 == 7 {
				continue // parity: no part of the key
			}
			wrong := *table[0]
			wrong.Ka = flip(ka, bit)
			for start := range list {
				if start > 0 && bit > 24 {
					break
				}
				tr, messages := follow([]*Secret{&wrong}, list[start:])
				for _, m := range messages {
					if m.Decrypted || m.Verified {
						t.Fatalf("%s, bit %d, from %d: %s %d decrypted: %v", name, bit, start, m.Header.ExchangeName(), m.Number, m.Err)
					}
					if m.Encrypted && start == 0 && m.Header.InitiatorCookie == wrong.InitiatorCookie &&
						!errors.Is(m.Err, ErrUnopened) {
						t.Fatalf("%s, bit %d: %v", name, bit, m.Err)
					}
				}
				if sa := tr.SAs()[0]; start == 0 && state(sa) != "wrong key" {
					t.Errorf("%s, bit %d: %s", name, bit, state(sa))
				}
				if len(unused(tr)) != 1 {
					t.Errorf("%s, bit %d: the key counts as used", name, bit)
				}
			}
		}
	}
}

func TestWrongHashKey(t *testing.T) {
	for _, name := range lossy {
		dir := filepath.Join(capturesDir, name)
		list := readDatagrams(t, filepath.Join(dir, "outer.pcap"))
		right := routerSecrets(t, filepath.Join(dir, "router-full.log"))[0]
		for bit := 0; bit < 8*right.SKEYID.Len(); bit += 5 {
			a, id, e := *right, *right, *right
			a.SKEYIDa, id.SKEYID, e.SKEYIDe = flip(right.SKEYIDa, bit), flip(right.SKEYID, bit), flip(right.SKEYIDe, bit%(8*right.SKEYIDe.Len()))
			for i, wrong := range []*Secret{&a, &id, &e} {
				if i == 1 && strings.Contains(name, "rsa") {
					continue // signatures: no HASH is made with SKEYID
				}
				if i == 2 && bit >= 8*16 {
					continue // behind the part that makes Ka, where it is long enough
				}
				tr, messages := follow([]*Secret{wrong}, list)
				for _, m := range messages {
					phase1 := m.SA != nil && m.at.ex == m.SA.phase1
					if m.SA == tr.SAs()[0] && (m.Encrypted || i != 2) && (m.Verified || m.Encrypted && m.Decrypted) && (i == 2 || (i == 1) == phase1) &&
						(m.Verified || m.Find(PayloadHash) != nil) {
						t.Fatalf("%s, key %d, bit %d: %s %d verified %v", name, i, bit, m.Header.ExchangeName(), m.Number, m.Verified)
					}
				}
				if sa := tr.SAs()[0]; state(sa) != "wrong key" {
					t.Fatalf("%s, key %d, bit %d: %s", name, i, bit, state(sa))
				}
			}
		}
	}
}

// Each form in which a source may give the key of capture 02 (AES-256, SHA1).
func TestKeyForms(t *testing.T) {
	dir := filepath.Join(capturesDir, "02-natt-aes256-sha1")
	list := readDatagrams(t, filepath.Join(dir, "outer.pcap"))
	ka := tableSecrets(t, filepath.Join(dir, "keys/ikev1_decryption_table"))[0].Ka
	full := routerSecrets(t, filepath.Join(dir, "router-full.log"))[0]
	i, r := full.InitiatorCookie, full.ResponderCookie
	other := Cookie{1, 2, 3}
	for _, c := range []struct {
		name    string
		secret  Secret
		verdict string
		form    KeyForm
	}{
		{"Ka", Secret{InitiatorCookie: i, Ka: ka}, "decrypted", 0},
		{"Ka as SKEYID_e", Secret{InitiatorCookie: i, SKEYIDe: ka}, "decrypted", SKEYIDeIsKa},
		{"SKEYID_e", Secret{InitiatorCookie: i, SKEYIDe: full.SKEYIDe}, "decrypted", 0},
		{"SKEYID_e as Ka", Secret{InitiatorCookie: i, Ka: full.SKEYIDe}, "decrypted", KaIsSKEYIDe},
		{"CKY-R only", Secret{ResponderCookie: r, Ka: ka}, "decrypted", 0},
		{"both cookies", Secret{InitiatorCookie: i, ResponderCookie: r, Ka: ka}, "decrypted", 0},
		{"no cookie", Secret{Ka: ka}, "decrypted", 0},
		{"no cookie, peer", Secret{Ka: ka, Peer: list[0].Src.Addr()}, "decrypted", 0},
		{"no cookie, other peer", Secret{Ka: ka, Peer: list[0].Src.Addr().Next()}, "no key", 0},
		{"other CKY-R", Secret{InitiatorCookie: i, ResponderCookie: other, Ka: ka}, "no key", 0},
		{"other CKY-I", Secret{InitiatorCookie: other, Ka: ka}, "no key", 0},
		{"swapped", Secret{InitiatorCookie: r, Ka: ka}, "no key", 0},
		{"16 of 20", Secret{InitiatorCookie: i, SKEYIDe: full.SKEYIDe.Head(16)}, "incomplete", 0},
		{"head", Secret{InitiatorCookie: i, SKEYIDe: full.SKEYIDe, SKEYIDeHead: true}, "incomplete", 0},
		{"24 of 32", Secret{InitiatorCookie: i, Ka: ka.Head(24)}, "incomplete", 0},
		{"SKEYID_d only", Secret{InitiatorCookie: i, SKEYIDd: full.SKEYIDd}, "no key", 0},
		{"nothing", Secret{InitiatorCookie: other}, "no key", 0},
	} {
		c.secret.Origin = esp.OriginAt("file", 1)
		tr, messages := follow([]*Secret{&c.secret}, list)
		sa := tr.SAs()[0]
		if state(sa) != c.verdict {
			t.Errorf("%s: %s", c.name, state(sa))
		}
		for _, m := range messages {
			if m.Encrypted && m.Decrypted != (c.verdict == "decrypted") {
				t.Errorf("%s: %v", c.name, m.Err)
			}
		}
		if list := unused(tr); (len(list) == 0) != (c.verdict == "decrypted") {
			t.Errorf("%s: unused: %v", c.name, list)
		}
		if o := sa.Openers(); c.verdict == "decrypted" && (len(o) != 1 || o[0].Secret != &c.secret || o[0].Form != c.form) {
			t.Errorf("%s: openers %+v", c.name, o)
		}
	}
	tr, _ := follow(nil, list)
	if sa := tr.SAs()[0]; state(sa) != "no key" {
		t.Error(state(sa))
	}
}

// Keys that come after the messages: all can be decrypted later, in any order.
func TestLateKey(t *testing.T) {
	eachCapture(t, func(t *testing.T, secrets []*Secret, list []*Datagram) {
		truth := truths(t, secrets, list)
		tr, messages := follow(nil, list)
		for _, m := range messages {
			if m.Encrypted && (!errors.Is(m.Err, ErrNoKey) || m.Decrypted) {
				t.Fatalf("%v", m.Err)
			}
		}
		for _, s := range secrets {
			tr.AddSecret(s)
		}
		tr.Expire(list[len(list)-1].Time + 2*exchangeIdle) // the messages know their exchange
		negotiated := 0
		for i := len(messages) - 1; i >= 0; i-- {
			m := messages[i]
			if tr.Decrypt(m) != m.Decrypted {
				t.Error("Decrypt returns something else")
			}
			compare(t, truth, m)
			if m.Encrypted && (!m.Decrypted || m.Reconstructed) {
				t.Errorf("%s %d: %v", m.Header.ExchangeName(), m.Number, m.Err)
			}
			for _, n := range m.Negotiated {
				if n.PairSPI != 0 {
					negotiated++
				}
			}
		}
		if negotiated == 0 {
			t.Error("no SA negotiated")
		}
		for _, sa := range tr.SAs() {
			if sa.Decrypted != sa.Encrypted || sa.Unopened+sa.Malformed+sa.Truncated > 0 {
				t.Errorf("%d of %d decrypted", sa.Decrypted, sa.Encrypted)
			}
		}
	})
}

// The whole ESP keys come out of SKEYID_d, as the kernel had them.
func TestKeymatCaptures(t *testing.T) {
	for _, c := range captures {
		dir := filepath.Join(capturesDir, c.name)
		table, err := os.ReadFile(filepath.Join(dir, "keys/esp_sa"))
		if err != nil || c.pairs == 0 {
			continue
		}
		_, messages := follow(routerSecrets(t, filepath.Join(dir, "router-full.log")), readDatagrams(t, filepath.Join(dir, c.file)))
		pfs := c.name == "06-pfs-rekey-dpd" || strings.HasPrefix(c.name, "26")
		found := 0
		for _, m := range messages {
			for _, n := range m.Negotiated {
				var row string
				for _, line := range strings.Split(string(table), "\n") {
					if strings.Contains(strings.ToLower(line), fmt.Sprintf("0x%08x", n.SPI)) {
						row = strings.ToLower(line)
					}
				}
				if row == "" {
					continue
				}
				found++
				key, auth := fmt.Sprintf("0x%x", n.Key.Bytes()), fmt.Sprintf("0x%x", n.AuthKey.Bytes())
				switch {
				case pfs:
					if n.Group == 0 || !n.Key.IsZero() || n.KeyReason != "PFS: not derivable" {
						t.Errorf("%s: PFS: group %d, %s", c.name, n.Group, n.KeyReason)
					}
				case n.Key.IsZero() || !strings.Contains(row, `"`+key+`"`) || !n.AuthKey.IsZero() && !strings.Contains(row, `"`+auth+`"`):
					t.Errorf("%s: the keys of %08x (%v) differ: %s", c.name, n.SPI, n.Suite, n.KeyReason)
				}
				if addrs := fmt.Sprintf(`"%s","%s"`, n.Src, n.Dst); !strings.Contains(row, addrs) && !strings.Contains(row, `"*"`) && !strings.Contains(c.name, "nat") && !strings.Contains(c.name, "ipv6") {
					t.Errorf("%s: addresses %s, the table has %s", c.name, addrs, row[:60])
				}
			}
		}
		if found == 0 {
			t.Errorf("%s: no SA found", c.name)
		}
	}
}

// With signatures g^xy alone gives all keys: SKEYID is made from the nonces.
func TestSignatureFromSharedSecret(t *testing.T) {
	dir := filepath.Join(capturesDir, "08-rsa-ipfrag")
	log, err := os.ReadFile(filepath.Join(dir, "charon-server.log"))
	if err != nil {
		t.Fatal(err)
	}
	_, dump, ok := strings.Cut(string(log), "shared Diffie Hellman secret => 256 bytes")
	if !ok {
		t.Fatal("no secret in the log")
	}
	var gxy []byte
	for _, line := range strings.Split(dump, "\n")[1:] {
		_, row, ok := strings.Cut(line, ": ") // "   0: 14 80 ... 8C  text"
		if !ok || len(gxy) == 256 {
			break
		}
		gxy = append(gxy, fromHex(t, row[:47])...)
	}
	list := readDatagrams(t, filepath.Join(dir, "outer.pcap"))
	full := routerSecrets(t, filepath.Join(dir, "router-full.log"))[0]
	tr, messages := follow([]*Secret{{InitiatorCookie: full.InitiatorCookie, SharedSecret: esp.NewKey(gxy), Origin: esp.OriginAt("log", 0)}}, list)
	for _, m := range messages {
		if m.Encrypted && !m.Verified {
			t.Errorf("%s %d: %v", m.Header.ExchangeName(), m.Number, m.Err)
		}
		for _, n := range m.Negotiated {
			if n.KeyReason != "" {
				t.Errorf("SPI %08x: %s", n.SPI, n.KeyReason)
			}
		}
	}
	if sa := tr.SAs()[0]; state(sa) != "verified" {
		t.Error(state(sa))
	}
}
