package main

import (
	"encoding/hex"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"l2tpdump/esp"
	"l2tpdump/ikev1"
	"l2tpdump/testdata/race"
)

// recordedKeys is what the sources of a recording hold together.
type recordedKeys struct {
	ike *ikev1.Secret
	esp []*esp.Secret // client to server, server to client
}

func readRecordedKeys(t *testing.T, dir string) (r recordedKeys) {
	t.Helper()
	full := parseSources(t, readSource(t, filepath.Join(dir, "router-full.log")))[0]
	table := parseSources(t, readSource(t, filepath.Join(dir, "keys/ikev1_decryption_table")))[0]
	if len(full.IKE) != 1 || len(table.IKE) != 1 {
		t.Fatal("not one ISAKMP SA")
	}
	r.ike = full.IKE[0]
	r.ike.Ka = table.IKE[0].Ka
	r.esp = parseSources(t, readSource(t, filepath.Join(dir, "keys/esp_sa")))[0].ESP
	if len(r.esp) != 2 {
		t.Fatal("not two ESP SAs")
	}
	return r
}

// groups writes bytes in hex, a blank after each n.
func groups(b []byte, n int) string {
	var s strings.Builder
	for i := 0; i < len(b); i += n {
		if i > 0 {
			s.WriteByte(' ')
		}
		s.WriteString(hex.EncodeToString(b[i:min(i+n, len(b))]))
	}
	return s.String()
}

// rows is the same in rows of 32 bytes for groups of 4, of 16 for single bytes.
func rows(b []byte, n int, prefix string) string {
	var s strings.Builder
	width := 16
	if n == 4 {
		width = 32
	}
	for i := 0; i < len(b); i += width {
		s.WriteString(prefix + groups(b[i:min(i+width, len(b))], n) + "\n")
	}
	return s.String()
}

// eachSKEYID calls f with the values of phase 1 by their names behind "SKEYID".
func (r recordedKeys) eachSKEYID(f func(suffix string, value []byte)) {
	f("", r.ike.SKEYID.Bytes())
	f("_d", r.ike.SKEYIDd.Bytes())
	f("_a", r.ike.SKEYIDa.Bytes())
	f("_e", r.ike.SKEYIDe.Bytes())
}

// eachESP calls f with the SAs, the second's addresses being the first's exchanged.
func (r recordedKeys) eachESP(f func(src, dst string, s *esp.Secret)) {
	for _, s := range r.esp {
		f(s.Src.String(), s.Dst.String(), s)
	}
}

func (r recordedKeys) racoon() string {
	var s strings.Builder
	line := func(format string, args ...any) {
		fmt.Fprintf(&s, "2026-03-13 22:00:51: DEBUG: "+format+"\n", args...)
	}
	line("new cookie:")
	line("\n%x", r.ike.InitiatorCookie[:])
	r.eachSKEYID(func(suffix string, value []byte) {
		line("SKEYID%s computed:", suffix)
		line("\n%s", strings.TrimSuffix(rows(value, 4, ""), "\n"))
	})
	line("final encryption key computed:")
	line("\n%s", strings.TrimSuffix(rows(r.ike.Ka.Bytes(), 4, ""), "\n"))
	line("hash(sha2_256)")
	return s.String()
}

func (r recordedKeys) mikrotik() string {
	var s strings.Builder
	r.eachSKEYID(func(suffix string, value []byte) {
		fmt.Fprintf(&s, "22:00:51 ipsec,debug SKEYID%s computed:\n%s", suffix, rows(value, 4, "22:00:51 ipsec,debug "))
	})
	fmt.Fprintf(&s, "22:00:51 ipsec,debug final encryption key computed:\n%s", rows(r.ike.Ka.Bytes(), 4, "22:00:51 ipsec,debug "))
	fmt.Fprintf(&s, "22:00:51 ipsec,info ISAKMP-SA established 203.0.113.1[500]-203.0.113.10[500] spi:%s:%s\n", r.ike.InitiatorCookie, r.ike.ResponderCookie)
	r.eachESP(func(src, dst string, x *esp.Secret) {
		fmt.Fprintf(&s, " 0   E spi=0x%X src-address=%s dst-address=%s state=mature\n", x.SPI, src, dst)
		fmt.Fprintf(&s, "       auth-algorithm=sha1 enc-algorithm=aes-cbc enc-key-size=128\n       auth-key=\"%x\"\n       enc-key=\"%x\" addtime=mar/13/2026 22:00:52\n",
			x.AuthKey.Bytes(), x.Key.Bytes())
	})
	return s.String()
}

func (r recordedKeys) pluto() string {
	var s strings.Builder
	dump := func(label string, b []byte) {
		text := strings.TrimPrefix(rows(b, 1, "|   "), "|   ")
		fmt.Fprintf(&s, "| %s%s", label, text)
	}
	dump("ICOOKIE:  ", r.ike.InitiatorCookie[:])
	dump("RCOOKIE:  ", r.ike.ResponderCookie[:])
	r.eachSKEYID(func(suffix string, value []byte) { dump("Skeyid"+suffix+":  ", value) })
	dump("enc key:  ", r.ike.Ka.Bytes())
	dump("IV:  ", make([]byte, 16))
	fmt.Fprintf(&s, "| our  keymat\n%s", rows(append(r.esp[0].Key.Bytes(), r.esp[0].AuthKey.Bytes()...), 1, "|   "))
	fmt.Fprintf(&s, "| peer keymat\n%s", rows(append(r.esp[1].Key.Bytes(), r.esp[1].AuthKey.Bytes()...), 1, "|   "))
	fmt.Fprintf(&s, "\"l2tp\" #2: STATE_QUICK_I2: sent QI2, IPsec SA established {ESP=>0x%08x <0x%08x xfrm=AES_128-HMAC_SHA1 NATOA=none NATD=none DPD=none}\n",
		r.esp[1].SPI, r.esp[0].SPI)
	return s.String()
}

func (r recordedKeys) setkey() string {
	var s strings.Builder
	r.eachESP(func(src, dst string, x *esp.Secret) {
		fmt.Fprintf(&s, "%s %s\n\tesp mode=transport spi=%d(0x%08x) reqid=0(0x00000000)\n\tE: aes-cbc  %s\n\tA: hmac-sha1  %s\n\tseq=0x00000000 replay=4 flags=0x00000000 state=mature \n",
			src, dst, x.SPI, x.SPI, groups(x.Key.Bytes(), 4), groups(x.AuthKey.Bytes(), 4))
	})
	return s.String()
}

func (r recordedKeys) ipsecctl() string {
	var s strings.Builder
	r.eachESP(func(src, dst string, x *esp.Secret) {
		fmt.Fprintf(&s, "esp transport from %s to %s spi 0x%08x auth hmac-sha1 enc aes \\\n\tauthkey 0x%x \\\n\tenckey 0x%x\n", src, dst, x.SPI, x.AuthKey.Bytes(), x.Key.Bytes())
	})
	return s.String()
}

func (r recordedKeys) softether() string {
	var s strings.Builder
	fmt.Fprintf(&s, "LOG: IPsec IKE Session (IKE SA) 4 (Client: 4) (203.0.113.10:500 -> 0.0.0.0:500): A new IKE SA (Main Mode) is created. Initiator Cookie: 0x%X, Responder Cookie: 0x%X, DH Group: MODP 2048 (Group 14), Hash Algorithm: SHA-256, Cipher Algorithm: AES-CBC, Cipher Key Size: 256 bits\n",
		r.ike.InitiatorCookie[:], r.ike.ResponderCookie[:])
	r.eachSKEYID(func(suffix string, value []byte) {
		fmt.Fprintf(&s, "SKEYID%s: %s\n", suffix, strings.ToUpper(groups(value, 1)))
	})
	r.eachESP(func(_, _ string, x *esp.Secret) {
		fmt.Fprintf(&s, "LOG: IPsec ESP Session (IPsec SA) 7 (Client: 4) (203.0.113.10:500 -> 0.0.0.0:500): A new IPsec SA (Direction: Client -> Server) is created. SPI: 0x%X, DH Group: (null), Hash Algorithm: SHA-1, Cipher Algorithm: AES-CBC, Cipher Key Size: 128 bits\n  KEYMAT: %s\n",
			x.SPI, strings.ToUpper(groups(x.Key.Bytes(), 1)))
	})
	return s.String()
}

func (r recordedKeys) fortigate() string {
	var s strings.Builder
	s.WriteString("name=l2tp_0 ver=1 serial=2 203.0.113.1:0->203.0.113.10:0 tun_id=203.0.113.10 lgwy=static\n")
	for i, x := range r.esp {
		fmt.Fprintf(&s, "  %s: spi=%08x esp=aes key=%d %x\n       ah=sha1 key=%d %x\n", []string{"dec", "enc"}[i], x.SPI, x.Key.Len(), x.Key.Bytes(), x.AuthKey.Len(), x.AuthKey.Bytes())
	}
	s.WriteString("vd: root/0\nname: l2tp\nversion: 1\naddr: 203.0.113.1:500 -> 203.0.113.10:500\n")
	fmt.Fprintf(&s, "  id/spi: 5 %s/%s\n  direction: responder\n  key: %s\n", r.ike.InitiatorCookie, r.ike.ResponderCookie,
		strings.ReplaceAll(groups(r.ike.Ka.Bytes(), 8), " ", "-"))
	return s.String()
}

// The sources of other systems, with the keys of a recording: what they have is right, and with one
// bit changed it is wrong.
func TestVerifyFormats(t *testing.T) {
	dir := filepath.Join(captures, "01-basic-aes128-sha1")
	r := readRecordedKeys(t, dir)
	each := 16
	if race.Enabled || testing.Short() {
		each = 2
	}
	for _, c := range []struct {
		name, text, ike, esp string
		exit                 int
	}{
		{"racoon.log", r.racoon(), "verified", "verified", exitOK},
		{"mikrotik.log", r.mikrotik(), "verified", "verified", exitOK},
		{"pluto.log", r.pluto(), "verified", "verified", exitOK},
		{"setkey.txt", r.setkey(), "no key", "verified", exitPartly},
		{"ipsecctl.txt", r.ipsecctl(), "no key", "verified", exitPartly},
		{"softether.log", r.softether(), "verified", "verified", exitOK},
		{"fortigate.txt", r.fortigate(), "decrypted", "verified", exitOK},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := source{c.name, []byte(c.text)}
			v := verifyKeys(t, filepath.Join(dir, "outer.pcap"), 0, parseSources(t, s))
			if ike, esp := v.verdicts(); ike != c.ike || esp != c.esp || v.Exit != c.exit {
				t.Errorf("IKE %s, ESP %s, exit %d: %+v", ike, esp, v.Exit, v)
			}
			if n := flipBits(t, dir, s, each, 60); n < 4*each {
				t.Errorf("only %d bits", n)
			}
		})
	}
}
