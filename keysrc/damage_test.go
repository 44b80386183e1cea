package keysrc

import (
	"strings"
	"testing"
)

const (
	hex16 = "7c7d7e7f808182838485868788898a8b"
	hex20 = "4142434445464748494a4b4c4d4e4f5051525354"
	hex48 = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f"
)

// TestDamageIsNoLack checks that of a source whose keys are damaged it is not said that it has
// none.
func TestDamageIsNoLack(t *testing.T) {
	for _, c := range []struct{ name, text, says, never string }{
		{"fortigate", "  dec: spi=c53a8f78 esp=aes key=16 " + hex16[2:] + "\n       ah=sha1 key=20 " + hex20 + "\n", "key has 15 bytes where 16 are declared", "no keys in it"},
		{"charon", "13[IKE] SKEYID_e => 32 bytes @ 0x7f16b8049620\n13[IKE]    0: 4A F9 0F 25 CF 10 27 73 61 11 19 37 C2 E1 48 65  J..%..'sa..7..He\n13[IKE] next\n", "SKEYID_e", "log levels"},
		{"mikrotik", " 0   E spi=0xE841441 src-address=150.0.0.150 dst-address=50.0.0.50 state=mature\n       auth-algorithm=sha256 enc-algorithm=aes-cbc enc-key-size=128\n       auth-key=\"" + hex48[:64] + "\"\n       enc-key=\"" + hex16[1:] + "\"\n", "not a whole number", "without keys"},
		{"racoon", "2026-03-13 22:00:51: DEBUG: final encryption key computed:\n2026-03-13 22:00:51: DEBUG:\n79d5eabc 78ae740b 4725830\n", "rows are damaged", "log debug"},
		{"pluto", "| enc key:  44 9e 82 9e  a9 66 d4 21 4\n| IV:  44 9e\n", "damaged", "plutodebug"},
	} {
		_, err := Parse(strings.NewReader(c.text), "f", "")
		if err == nil || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), c.never) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// TestUnnamedAlgorithms checks that a key without the name of its algorithm is kept for trial.
func TestUnnamedAlgorithms(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"esp_sa", `"IPv4","10.0.0.1","10.0.0.2","0x1a2b3c4d","","0x` + hex16 + `","HMAC-SHA-1-96 [RFC2404]","0x` + hex20 + `"`, `
esp 1 1a2b3c4d 10.0.0.1>10.0.0.2 ?/hmac-sha1-96 ` + hex16 + " " + hex20 + `
doubt 1 esp_sa: no encryption algorithm is named; the key is tried by its length`},
		{"esp_sa, both", `"IPv4","10.0.0.1","10.0.0.2","0x1a2b3c4d","","0x` + hex16 + `","","0x` + hex20 + `"`, `
esp 1 1a2b3c4d 10.0.0.1>10.0.0.2 ?/? ` + hex16 + " " + hex20 + `
doubt 1 esp_sa: no encryption algorithm is named; the key is tried by its length`},
		{"esp_sa, no key", `"IPv4","10.0.0.1","10.0.0.2","0x1a2b3c4d","","","HMAC-SHA-1-96 [RFC2404]","0x` + hex20 + `"`, `
note 1 esp_sa: neither an encryption algorithm nor a key`},
		{"esp_sa, odd key", `"IPv4","10.0.0.1","10.0.0.2","0x1a2b3c4d","","0x` + hex16[2:] + `","NULL",""`, `
note 1 esp_sa: encryption key: no algorithm is named, and none takes a key of 15 bytes`},
		{"fortigate", "  dec: spi=c53a8f78 key=16 " + hex16 + "\n       ah=sha1 key=20 " + hex20 + "\n", `
esp 1 c53a8f78 *>* ?/hmac-sha1-96 ` + hex16 + " " + hex20 + `
doubt 1 SA 0xc53a8f78: no cipher is named; the key is tried by its length`},
		{"fortigate, ah", "  dec: spi=c53a8f78 esp=aes key=16 " + hex16 + "\n       key=20 " + hex20 + "\n", `
esp 1 c53a8f78 *>* aes-cbc-128/? ` + hex16 + " " + hex20},
		{"mikrotik", " 0   E spi=0xE841441 src-address=150.0.0.150 dst-address=50.0.0.50 state=mature\n       auth-algorithm=sha1\n       auth-key=\"" + hex20 + "\"\n       enc-key=\"" + hex16 + "\"\n", `
esp 1 0e841441 150.0.0.150>50.0.0.50 ?/hmac-sha1-96 ` + hex16 + " " + hex20 + `
doubt 1 SA 0x0e841441: no cipher is named; the key is tried by its length`},
		{"xfrm", "src 10.0.0.1 dst 10.0.0.2\n\tproto esp spi 0x00000301 reqid 0 mode transport\n\tauth-trunc 0x" + hex20 + " 96\n\tenc cbc(aes) 0x" + hex16 + "\n", `
esp 1 00000301 10.0.0.1>10.0.0.2 aes-cbc-128/? ` + hex16 + " " + hex20 + `
doubt 1 SA 0x00000301: its auth-trunc line names no algorithm; the key is tried by its length`},
		{"xfrm, cipher", "src 10.0.0.1 dst 10.0.0.2\n\tproto esp spi 0x00000301 reqid 0 mode transport\n\tauth-trunc hmac(sha1) 0x" + hex20 + " (160 bits) 96\n\tenc 0x" + hex16 + " (128 bits)\n", `
esp 1 00000301 10.0.0.1>10.0.0.2 ?/hmac-sha1-96 ` + hex16 + " " + hex20 + `
doubt 1 SA 0x00000301: its enc line names no algorithm; the key is tried by its length`},
	} {
		keys, _ := Parse(strings.NewReader(c.text), "f", "")
		if got := summary(keys); got != strings.TrimSpace(c.want) {
			t.Errorf("%s: got\n%s\nwant%s", c.name, got, c.want)
		}
	}
}

// TestDeclaredLength: where a digit of a length is lost, what is left is no key.
func TestDeclaredLength(t *testing.T) {
	const rows = "13[IKE]    0: 4A F9 0F 25 CF 10 27 73 61 11 19 37 C2 E1 48 65  J..%..'sa..7..He\n13[IKE]   16: C3 3F 0E BE  .?..\n13[IKE] x\n"
	for size, want := range map[string]string{
		"20": "e=4af90f25cf10277361111937c2e14865c33f0ebe", "2": "more bytes follow than the 2 that are declared", "16": "more bytes follow than the 16", "0": "0 bytes",
		"200": "has 4 bytes where 16 are declared",
	} {
		k, err := Parse(strings.NewReader("13[IKE] SKEYID_e => "+size+" bytes @ 0x7f16b8049620\n"+rows), "f", "")
		if got := summary(k); !strings.Contains(got, want) || (err == nil) != (size == "20") {
			t.Errorf("%s: %s, %v", size, got, err)
		}
	}
}

// TestTwoLastRows: a row that another log has put among those of a dump is not taken in silence.
func TestTwoLastRows(t *testing.T) {
	const head, row = "13[IKE] SKEYID_e => 32 bytes @ 0x7f16b8049620\n13[IKE]    0: 4A F9 0F 25 CF 10 27 73 61 11 19 37 C2 E1 48 65  J..%..'sa..7..He\n", "13[IKE]   16: C3 3F 0E BE 32 4E BF 4B 70 9F 00 4B 88 2C 4F C6  .?..2N.Kp..K.,O.\n"
	if k, err := Parse(strings.NewReader(head+row+row+"13[IKE] x\n"), "f", ""); err != nil || len(k.IKE) != 1 {
		t.Errorf("the same row twice: %v, %v", k, err)
	}
	k, err := Parse(strings.NewReader(head+strings.Replace(row, "C3 3F", "C4 3F", 1)+row+"13[IKE] x\n"), "f", "")
	if err == nil || len(k.Notes) != 1 || !strings.Contains(k.Notes[0].Text, "more bytes follow") {
		t.Errorf("%v, %v", k, err)
	}
}

// TestXfrmDamage checks that a state one line of which is damaged is not lost in silence.
func TestXfrmDamage(t *testing.T) {
	state := func(first, auth string) string {
		return first + "\n\tproto esp spi 0x00000301 reqid 0 mode transport\n\t" + auth + " 0x" + hex20 + " 96\n\tenc cbc(aes) 0x" + hex16 + "\n\tsel src 10.0.0.1/32 dst 10.0.0.2/32\n"
	}
	const ok = "src 10.0.0.1 dst 10.0.0.2"
	for _, c := range []struct{ text, want string }{
		{state("src 10.0.0.999 dst 10.0.0.2", "auth-trunc hmac(sha1)"), `
esp 1 00000301 *>* aes-cbc-128/hmac-sha1-96 ` + hex16 + " " + hex20 + `
doubt 1 SA 0x00000301: its addresses can't be read: the keys are taken for any`},
		{state("src 10.0.0.1 dst 10.0.", "auth-trunc hmac(sha1)"), `
esp 1 00000301 *>* aes-cbc-128/hmac-sha1-96 ` + hex16 + " " + hex20 + `
doubt 1 SA 0x00000301: its addresses can't be read: the keys are taken for any`},
		{state(ok, "th-trunc hmac(sha1)"), `
esp 1 00000301 10.0.0.1>10.0.0.2 aes-cbc-128/? ` + hex16 + ` -
doubt 1 SA 0x00000301: line 3 has a key, but does not begin as one`},
	} {
		if got := summary(parseWith(&xfrmFormat, "f", []byte(c.text))); got != strings.TrimSpace(c.want) {
			t.Errorf("got\n%s\nwant%s", got, c.want)
		}
	}
}

// TestOddKeys checks what is said of a key that has bytes too many or too few.
func TestOddKeys(t *testing.T) {
	for _, c := range []struct{ cipher, key, says string }{
		{"AES-CBC [RFC3602]", "0x" + hex48[:36], "aes-cbc takes no key of 18 bytes: for one of 16 the last 2 are too many and are not used, for one of 24 there are 6 missing"},
		{"AES-CBC [RFC3602]", "0x" + hex48[:30], "aes-cbc takes no key of 15 bytes: taken as the first of them, the others are missing"},
		{"TripleDES-CBC [RFC2451]", "0x" + hex48[:46], "3des-cbc takes no key of 23 bytes: taken as the first of them, the others are missing"},
		{"AES-CBC [RFC3602]", "0x" + hex48[:66], "aes-cbc takes no key of 33 bytes"},
		{"AES-CBC [RFC3602]", hex48[:32], "without 0x its 32 characters are the key, as Wireshark has it: if they are hex digits, write 0x before them"},
	} {
		keys, _ := Parse(strings.NewReader(`"IPv4","*","*","0x1a2b3c4d","`+c.cipher+`","`+c.key+`","NULL",""`), "f", "")
		if len(keys.Notes) != 1 || keys.Notes[0].Text != "esp_sa: encryption key: "+c.says {
			t.Errorf("%v, want %s", keys.Notes, c.says)
		}
	}
}

// TestSetkeyLongRow reads keys whose rows are not wrapped.
func TestSetkeyLongRow(t *testing.T) {
	words := func(digits string) (row string) {
		for i := 0; i < len(digits); i += 8 {
			row += " " + digits[i:i+8]
		}
		return row
	}
	text := "10.0.1.13 10.0.1.241\n\tesp mode=transport spi=163029363(0x09b7a173) reqid=0(0x00000000)\n\tE: aes-cbc " + words(hex16) + "\n\tA: hmac-sha384 " + words(hex48) + "\n"
	want := "esp 2 09b7a173 10.0.1.13>10.0.1.241 aes-cbc-128/hmac-sha2-384-192 " + hex16 + " " + hex48
	if got := summary(parseWith(&setkeyFormat, "f", []byte(text+"\tseq=0x00000000 replay=4\n"))); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	// Nothing follows a row that has another length.
	if got := summary(parseWith(&setkeyFormat, "f", []byte(text+words(hex16)+"\n"))); got != "note 5 SA 0x09b7a173: a row of its keys is damaged" {
		t.Errorf("got\n%s", got)
	}
}
