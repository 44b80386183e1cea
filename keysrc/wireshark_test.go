package keysrc

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"

	"l2tpdump/esp"
)

// describe spells out a row as it was understood.
func describe(s *esp.Secret) string {
	return fmt.Sprintf("%s>%s %08x/%08x %s %s %t %s %t esn %t %t %d icv %d", s.Src, s.Dst, s.SPI, s.SPIMask, s.Suite, yamahaHex(s.Key), s.KeyHead,
		yamahaHex(s.AuthKey), s.AuthKeyHead, s.ESNKnown, s.Suite.ESN, s.SeqHigh, s.Suite.ICVLen)
}

const (
	k16 = "000102030405060708090a0b0c0d0e0f"
	k20 = k16 + "10111213"
	k24 = k20 + "14151617"
	k32 = k24 + "18191a1b1c1d1e1f"
	k36 = k32 + "20212223"
	k48 = k32 + k16
	k64 = k32 + k32
)

var espRows = []struct{ row, want string }{
	{`"IPv4","10.0.0.1","10.0.0.2","0x1a2b3c4d","AES-CBC [RFC3602]","0x` + k16 + `","HMAC-SHA-1-96 [RFC2404]","0x` + k20 + `"`,
		"10.0.0.1>10.0.0.2 1a2b3c4d/ffffffff aes-cbc-128/hmac-sha1-96 " + k16 + " false " + k20 + " false esn false false 0 icv 0"},
	{`"IPv4","10.0.0.1","10.0.0.2","0x1a2b3c4d","AES-CBC [RFC3602]","0x` + k32 + `","HMAC-SHA-256-128 [RFC4868]","0x` + k32 + `","64-bit","3"`,
		"10.0.0.1>10.0.0.2 1a2b3c4d/ffffffff aes-cbc-256/hmac-sha2-256-128/esn " + k32 + " false " + k32 + " false esn true true 3 icv 0"},
	{`"IPv6","2001:db8::1","*","439041101","TripleDES-CBC [RFC2451]","0x` + k24 + `","HMAC-MD5-96 [RFC2403]","0x` + k16 + `","32-bit","0"`,
		"2001:db8::1>* 1a2b3c4d/ffffffff 3des-cbc/hmac-md5-96 " + k24 + " false " + k16 + " false esn true false 0 icv 0"},
	{`IPv4,*,*,*,NULL,,NULL,`, "*>* 00000000/00000000 null/none  false  false esn false false 0 icv 0"},
	{` "IPv4" , "10.1.*.*" , "*" , "0x1a2b**4*" , "aes-cbc" , "0X` + strings.ToUpper(k16) + `" , "hmac-sha-1-96" , "" `,
		"10.1.*.*>* 1a2b0040/ffff00f0 aes-cbc-128/any-96 " + k16 + " false  false esn false false 0 icv 0"},
	{`"IPv4","10.0.0.0/8","*","0xff*","DES-CBC [RFC2405]","8 chars!","ANY 128 bit authentication [no checking]",""`,
		"10.*.*.*>* ff000000/ff000000 des-cbc/any-128 3820636861727321 false  false esn false false 0 icv 0"},
	{`"IPv4","*","*","0x00000001","TripleDes-CBC [RFC2451]","0x` + k24 + `","MAC-RIPEMD-160-96 [RFC2857]","0x` + k20 + `"`,
		"*>* 00000001/ffffffff 3des-cbc/hmac-ripemd160-96 " + k24 + " false " + k20 + " false esn false false 0 icv 0"},
	{`"IPv4","*","*","0x00000001","AES-CTR [RFC3686]","0x` + k20 + `","HMAC-SHA-384-192 [RFC4868]","0x` + k48 + `"`,
		"*>* 00000001/ffffffff aes-ctr-128/hmac-sha2-384-192 " + k20 + " false " + k48 + " false esn false false 0 icv 0"},
	{`"IPv4","*","*","0x00000001","AES-GCM with 16 octet ICV [RFC4106]","0x` + k36 + `","NULL",""`,
		"*>* 00000001/ffffffff aes-gcm-256/aead-128 " + k36 + " false  false esn false false 0 icv 16"},
	{`"IPv4","*","*","0x00000001","AES-GCM [RFC4106]","0x` + k20 + `","ANY 96 bit authentication [no checking]",""`,
		"*>* 00000001/ffffffff aes-gcm-128/aead-96 " + k20 + " false  false esn false false 0 icv 12"},
	{`"IPv4","*","*","0x00000001","AES-GCM [RFC4106]","0x` + k20 + `","NULL",""`,
		"*>* 00000001/ffffffff aes-gcm-128/? " + k20 + " false  false esn false false 0 icv 0"},
	{`"IPv4","*","*","0x00000001","ChaCha20 with Poly1305 [RFC7634]","0x` + k36 + `","NULL",""`,
		"*>* 00000001/ffffffff chacha20-poly1305/aead-128 " + k36 + " false  false esn false false 0 icv 16"},
	{`"IPv4","*","*","0x00000001","rfc4309(ccm(aes))","0x` + k16 + `101112","NULL",""`,
		"*>* 00000001/ffffffff aes-ccm-128/? " + k16 + "101112 false  false esn false false 0 icv 0"},
	{`"IPv4","*","*","0x00000001","AES-CBC [RFC3602]","sixteen\x20letters!","HMAC-SHA-512-256 [RFC4868]","0x` + k64 + `"`,
		"*>* 00000001/ffffffff aes-cbc-128/hmac-sha2-512-256 7369787465656e206c65747465727321 false " + k64 + " false esn false false 0 icv 0"},
	{`"IPv4","*","*","c0ffee01","AES-CBC [RFC3602]","` + k24 + `00","HMAC-SHA-256-96 [draft-ietf-ipsec-ciph-sha-256-00]","0x` + k32 + `"`, ""},
	{`"IPv4","*","*","c0ffee01","AES-CBC [RFC3602]","00:01:02:03:04:05:06:07:08:09:0a:0b:0c:0d:0e:0f","HMAC-SHA-256-96 [draft-ietf-ipsec-ciph-sha-256-00]","0x` + k32 + `"`,
		"*>* c0ffee01/ffffffff aes-cbc-128/hmac-sha2-256-96 " + k16 + " false " + k32 + " false esn false false 0 icv 0"},
	{`"IPv4","*","*","0x00000001","AES-CBC [RFC3602]","0x` + k16 + `","HMAC-SHA-1-96 [RFC2404]","0x0001020304050607"`,
		"*>* 00000001/ffffffff aes-cbc-128/hmac-sha1-96 " + k16 + " false 0001020304050607 true esn false false 0 icv 0"},
}

func TestWiresharkESPRows(t *testing.T) {
	for _, r := range espRows {
		s, _, err := ParseESPRow(bytes.TrimSpace([]byte(r.row)))
		switch {
		case r.want == "":
			if err == nil {
				t.Errorf("%s: %s", r.row, describe(s))
			}
		case err != nil:
			t.Errorf("%s: %v", r.row, err)
		case describe(s) != r.want:
			t.Errorf("%s\ngot  %s\nwant %s", r.row, describe(s), r.want)
		}
		if !matchESPRow([]byte(r.row)) {
			t.Errorf("%s: not recognised", r.row)
		}
	}
}

// Bad rows are notes that name the line and what is wrong; the good ones count.
func TestWiresharkESPBadRows(t *testing.T) {
	good := espRows[0].row
	bad := []struct{ row, says string }{
		{strings.Replace(good, `"10.0.0.1",`, "", 1), "7 columns"},
		{strings.Replace(good, `"10.0.0.1"`, `"10.0.0.300"`, 1), "source address"},
		{strings.Replace(good, `"10.0.0.2"`, `"0x`+k16+`"`, 1), "destination address"},
		{strings.Replace(good, "0x1a2b3c4d", "0x1a2b3c4d5", 1), "SPI"},
		{strings.Replace(good, "0x1a2b3c4d", "0x1a2*3c", 1), "SPI"},
		{strings.Replace(good, "AES-CBC", "AES-XTS", 1), `encryption algorithm "AES-XTS [RFC3602]" is not known`},
		{strings.Replace(good, "HMAC-SHA-1-96", "HMAC-WHIRLPOOL", 1), "authentication algorithm"},
		{strings.Replace(good, k16, k16+"1", 1), "odd number"},
		{strings.Replace(good, k16+`",`, k32+`00",`, 1), "takes no key of 33 bytes"},
		{strings.Replace(good, k16+`",`, k16[:30]+`zz",`, 1), "no hex digit"},
		{strings.Replace(good, k20, k24, 1), "authentication key"},
		{strings.TrimSuffix(good, `"`), "quote"},
		{good + `,"16-bit","0"`, "32-bit nor 64-bit"},
		{good + `,"64-bit","x"`, "high bits"},
		{strings.Replace(good, "IPv4", "IPv5", 1), "neither IPv4 nor IPv6"},
	}
	var table strings.Builder
	table.WriteString("# This file is automatically generated, DO NOT MODIFY.\n" + good + "\n")
	for _, b := range bad {
		table.WriteString(b.row + "\n")
	}
	table.WriteString(espRows[1].row) // without a line end
	keys, err := Parse(strings.NewReader(table.String()), "esp_sa", "")
	if err != nil {
		t.Fatal(err)
	}
	if len(keys.ESP) != 2 || keys.ESP[0].Origin.String() != "esp_sa:2" || keys.ESP[1].Origin.String() != fmt.Sprintf("esp_sa:%d", len(bad)+3) {
		t.Errorf("%d keys", len(keys.ESP))
	}
	if len(keys.Notes) != len(bad) {
		t.Fatalf("%d notes, want %d: %v", len(keys.Notes), len(bad), keys.Notes)
	}
	for i, b := range bad {
		n := keys.Notes[i]
		if n.Line != i+3 || !strings.Contains(n.Text, b.says) {
			t.Errorf("%s\n%s, want line %d and %q", b.row, n, i+3, b.says)
		}
		if strings.Contains(n.Text, k16[:8]) {
			t.Errorf("a note shows key bytes: %s", n)
		}
	}
}

// A key that lost its end is kept as a head, so that it can be said for which SA it is too short.
func TestWiresharkShortKeys(t *testing.T) {
	const cookie = "148048a5bc8c637f"
	row := strings.Replace(espRows[0].row, k16+`",`, k16[:30]+`",`, 1)
	keys, err := Parse(strings.NewReader(row+"\n"+cookie+","+k32[:60]+"\n"), "t", "")
	if err != nil || len(keys.ESP) != 1 || len(keys.IKE) != 1 {
		t.Fatalf("%+v, %v", keys, err)
	}
	if s := keys.ESP[0]; !s.KeyHead || s.Key.Len() != 15 || s.Suite.KeyLen != 0 {
		t.Errorf("ESP: %+v", s)
	}
	if keys.IKE[0].Ka.Len() != 30 {
		t.Errorf("IKE: %+v", keys.IKE[0])
	}
	if len(keys.Notes) != 2 || !keys.Notes[0].Doubt || !keys.Notes[1].Doubt {
		t.Errorf("notes: %v", keys.Notes)
	}
}

func TestWiresharkIKERows(t *testing.T) {
	const cookie = "148048a5bc8c637f"
	for row, want := range map[string]string{
		cookie + "," + k32:                        "Ka " + k32,
		strings.ToUpper(cookie + "," + k16):       "Ka " + k16,
		`"` + cookie + `","` + k24 + `"`:          "Ka " + k24,
		"0x" + cookie + ",0x" + k32:               "Ka " + k32,
		"14:80:48:a5:bc:8c:63:7f , " + k16 + "  ": "Ka " + k16,
		cookie + "," + k20:                        "Ka " + k20,
		cookie + "," + k48:                        "Ka " + k48,
		cookie + ",0001020304050607":              "Ka 0001020304050607",
		cookie[:15] + "," + k32:                   "initiator cookie: the hex value has an odd number of digits",
		cookie[:14] + "," + k32:                   "initiator cookie: it has 7 bytes, not 8",
		cookie + "," + k32 + "0":                  "key: the hex value has an odd number of digits",
		cookie + "," + k32 + "00":                 "key: 33 bytes are the length of no cipher's key and of no SKEYID_e",
		cookie + "," + k32[:60] + "zz00":          "key: character 61 of the hex value is no hex digit",
	} {
		keys, err := Parse(strings.NewReader("# comment\n\n"+row+"\n"), "t", "")
		if err != nil {
			if len(keys.Notes) != 1 || keys.Notes[0].Line != 3 || keys.Notes[0].Text != "ikev1_decryption_table: "+want || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v %v", row, err, keys.Notes)
			}
			continue
		}
		if len(keys.IKE) != 1 || keys.IKE[0].InitiatorCookie.String() != cookie || keys.IKE[0].Origin.String() != "t:3" {
			t.Errorf("%s: %+v", row, keys)
			continue
		}
		got := "Ka " + yamahaHex(keys.IKE[0].Ka)
		if !keys.IKE[0].SKEYIDe.IsZero() {
			got = "SKEYID_e " + yamahaHex(keys.IKE[0].SKEYIDe)
		}
		if got != want {
			t.Errorf("%s: %s, want %s", row, got, want)
		}
	}
	// Wireshark's table for IKEv2 is another.
	if matchIKERow([]byte(cookie + ",d3ce76a28e6c8e8c," + k32 + "," + k32 + `,"AES-CBC-256 [RFC3602]",` + k32 + "," + k32 + `,"HMAC_SHA2_256_128 [RFC4868]"`)) {
		t.Error("a row for IKEv2 was taken for one of IKEv1")
	}
}

// The tables of all recordings are read.
func TestWiresharkRecordings(t *testing.T) {
	for _, file := range recordings(t, "keys/esp_sa") {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		want := readESPSA(t, file)
		keys, err := Parse(bytes.NewReader(data), file, "")
		if len(want) == 0 {
			continue
		}
		if err != nil {
			t.Error(err)
			continue
		}
		checkNotes(t, keys)
		if len(keys.ESP) != len(want) {
			t.Errorf("%s: %d keys, want %d", file, len(keys.ESP), len(want))
		}
	}
	for _, file := range recordings(t, "keys/ikev1_decryption_table") {
		keys, err := ParseFile(file, "")
		want := readIKETable(t, file)
		if len(want) == 0 {
			continue
		}
		if err != nil {
			t.Error(err)
			continue
		}
		for _, s := range keys.IKE {
			if yamahaHex(s.Ka) != want[s.InitiatorCookie.String()] {
				t.Errorf("%s: Ka differs", s.Origin)
			}
		}
		if len(keys.IKE) != len(want) {
			t.Errorf("%s: %d keys, want %d", file, len(keys.IKE), len(want))
		}
	}
}

func TestESPSecrets(t *testing.T) {
	const row = `"IPv4","*","*","0x0000000%d","NULL","","NULL","","32-bit","0"` + "\r\n"
	for _, head := range []string{"", "protocol,source,destination,spi,encryption,key,authentication,key,sn,high\r\n"} {
		keys := ParseESPSecrets([]byte(head+fmt.Sprintf(row, 1)+fmt.Sprintf(row, 2)), "a.pcapng (secrets)")
		checkNotes(t, keys)
		if len(keys.ESP) != 2 || !keys.ESP[0].ESNKnown {
			t.Errorf("%v", keys.ESP)
		}
	}
	if keys := ParseESPSecrets([]byte("nonsense\nmore\n"), "x"); len(keys.Notes) != 2 {
		t.Errorf("%v", keys.Notes)
	}
}
