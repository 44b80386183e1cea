package ikev1

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/md5"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/hex"
	"errors"
	"math/big"
	"strings"
	"testing"
	"time"
)

func TestID(t *testing.T) {
	dn, err := asn1.Marshal(pkix.Name{Country: []string{"CH"}, Organization: []string{"Lab"}, CommonName: "moon, lab"}.ToRDNSequence())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		body           string
		text, selector string
		phase1, quick  string
	}{
		{"01 00 0000 0a000002", "10.0.0.2", "", "10.0.0.2", "10.0.0.2"},
		{"01 11 01f4 c0a80064", "192.168.0.100", "udp/500", "192.168.0.100", "udp/500 192.168.0.100"},
		{"01 11 06a5 0a000002", "10.0.0.2", "udp/1701", "10.0.0.2", "udp/1701 10.0.0.2"},
		{"01 11 0000 0a000002", "10.0.0.2", "udp/any", "10.0.0.2", "udp/any 10.0.0.2"},
		{"01 06 0050 0a000002", "10.0.0.2", "tcp/80", "10.0.0.2", "tcp/80 10.0.0.2"},
		{"01 01 0000 0a000002", "10.0.0.2", "icmp", "10.0.0.2", "icmp 10.0.0.2"},
		{"01 63 0000 0a000002", "10.0.0.2", "proto-99", "10.0.0.2", "proto-99 10.0.0.2"},
		{"01 00 06a5 0a000002", "10.0.0.2", "any/1701", "10.0.0.2", "any/1701 10.0.0.2"},
		{"04 00 0000 0a010000 ffff0000", "10.1.0.0/16", "", "10.1.0.0/16", "10.1.0.0/16"},
		{"04 00 0000 00000000 00000000", "0.0.0.0/0", "", "0.0.0.0/0", "0.0.0.0/0"},
		{"04 00 0000 0a010203 ffffffff", "10.1.2.3/32", "", "10.1.2.3/32", "10.1.2.3/32"},
		{"04 00 0000 0a010200 fffffe00", "10.1.2.0/23", "", "10.1.2.0/23", "10.1.2.0/23"},
		{"04 00 0000 0a010000 ff00ff00", "10.1.0.0/255.0.255.0", "", "10.1.0.0/255.0.255.0", "10.1.0.0/255.0.255.0"},
		{"04 00 0000 0a010000 ffa00000", "10.1.0.0/255.160.0.0", "", "10.1.0.0/255.160.0.0", "10.1.0.0/255.160.0.0"},
		{"07 00 0000 0a000001 0a000009", "10.0.0.1-10.0.0.9", "", "10.0.0.1-10.0.0.9", "10.0.0.1-10.0.0.9"},
		{"05 11 06a5 20010db8000100000000000000000010", "2001:db8:1::10", "udp/1701", "2001:db8:1::10", "udp/1701 2001:db8:1::10"},
		{"06 00 0000 20010db8000100000000000000000000 ffffffffffff00000000000000000000", "2001:db8:1::/48", "", "2001:db8:1::/48", "2001:db8:1::/48"},
		{"08 00 0000 20010db8000100000000000000000001 20010db8000100000000000000000002", "2001:db8:1::1-2001:db8:1::2", "", "2001:db8:1::1-2001:db8:1::2", "2001:db8:1::1-2001:db8:1::2"},
		{"02 00 0000 " + hex.EncodeToString([]byte("vpn.example.com")), "vpn.example.com", "", "vpn.example.com", "vpn.example.com"},
		{"03 00 0000 " + hex.EncodeToString([]byte("bob@example.com")), "bob@example.com", "", "bob@example.com", "bob@example.com"},
		{"02 00 0000 " + hex.EncodeToString([]byte("a\x1b[2J\nb")), `"a\x1b[2J\nb"`, "", `"a\x1b[2J\nb"`, `"a\x1b[2J\nb"`},
		{"02 00 0000 " + hex.EncodeToString([]byte("a, HASH")), `"a, HASH"`, "", `"a, HASH"`, `"a, HASH"`},
		{"02 00 0000", `""`, "", `""`, `""`},
		{"0b 00 0000 " + hex.EncodeToString([]byte("group1")), "group1", "", "group1", "group1"},
		{"0b 00 0000 0001feff", "key-id 0001feff", "", "key-id 0001feff", "key-id 0001feff"},
		{"09 00 0000 " + hex.EncodeToString(dn), `"CN=moon\\, lab,O=Lab,C=CH"`, "", `"CN=moon\\, lab,O=Lab,C=CH"`, `"CN=moon\\, lab,O=Lab,C=CH"`},
		{"09 00 0000 3000ff", "dn 3000ff", "", "dn 3000ff", "dn 3000ff"},
		{"0c 00 0000 01", "id-list 01", "", "id-list 01", "id-list 01"},
		{"c8 00 0000 01", "id-type 200 01", "", "id-type 200 01", "id-type 200 01"},
	} {
		id, err := parseID(unhex(c.body))
		if err != nil {
			t.Errorf("%s: %v", c.body, err)
			continue
		}
		if id.String() != c.text || id.selector() != c.selector {
			t.Errorf("%s: %q, selector %q", c.body, id.String(), id.selector())
		}
		if got := (id.text(detail{phase1: true})); got != c.phase1 {
			t.Errorf("%s in phase 1: %q", c.body, got)
		}
		if got := (id.text(detail{})); got != c.quick {
			t.Errorf("%s in Quick Mode: %q", c.body, got)
		}
	}
	for _, s := range []string{"", "010000", "01000000 0a0000", "01000000 0a00000200", "04000000 0a000002", "05000000 0a000002", "06000000 00", "08000000"} {
		if _, err := parseID(unhex(s)); !errors.Is(err, ErrMalformed) {
			t.Errorf("%q: %v", s, err)
		}
	}
	id := identification{Type: idIPv6Addr, Data: []byte{1}}
	if id.addr().IsValid() || id.String() != "damaged ID of type 5" {
		t.Errorf("damaged ID: %v %s", id.addr(), id.String())
	}
}

func TestNotification(t *testing.T) {
	for _, c := range []struct {
		body, text, detail string
	}{
		{"00000001 01 00 6002", "INITIAL-CONTACT", "INITIAL-CONTACT (24578), isakmp"},
		{"00000001 01 10 6002 148048a5bc8c637fd3ce76a28e6c8e8c", "INITIAL-CONTACT", "INITIAL-CONTACT (24578), isakmp, spi 0x148048a5bc8c637fd3ce76a28e6c8e8c"},
		{"00000001 01 10 8d28 148048a5bc8c637fd3ce76a28e6c8e8c 00001234", "R-U-THERE seq 4660",
			"R-U-THERE seq 4660 (36136), isakmp, spi 0x148048a5bc8c637fd3ce76a28e6c8e8c, 4 bytes of data"},
		{"00000001 01 00 8d29 00000001", "R-U-THERE-ACK seq 1", "R-U-THERE-ACK seq 1 (36137), isakmp, 4 bytes of data"},
		{"00000001 01 00 8d29 000001", "R-U-THERE-ACK", "R-U-THERE-ACK (36137), isakmp, 3 bytes of data"},
		{"00000001 03 04 000e c2c4be60", "NO-PROPOSAL-CHOSEN esp 0xc2c4be60", "NO-PROPOSAL-CHOSEN esp 0xc2c4be60 (14), esp, spi 0xc2c4be60"},
		{"00000001 01 00 6000 800b0001 800c0e10", "RESPONDER-LIFETIME 3600s", "RESPONDER-LIFETIME 3600s (24576), isakmp, 8 bytes of data"},
		{"00000001 01 00 6000 80010001 80020e10", "RESPONDER-LIFETIME 3600s", "RESPONDER-LIFETIME 3600s (24576), isakmp, 8 bytes of data"},
		{"00000001 03 04 6000 c2c4be60 80010002 000200040003d090", "RESPONDER-LIFETIME 250000kB esp 0xc2c4be60",
			"RESPONDER-LIFETIME 250000kB esp 0xc2c4be60 (24576), esp, spi 0xc2c4be60, 12 bytes of data"},
		{"00000001 03 04 6001 c2c4be60 00000001", "REPLAY-STATUS on esp 0xc2c4be60", "REPLAY-STATUS on esp 0xc2c4be60 (24577), esp, spi 0xc2c4be60, 4 bytes of data"},
		{"00000000 00 00 0018", "AUTHENTICATION-FAILED", "AUTHENTICATION-FAILED (24), protocol 0"},
		{"00000001 01 00 03e7", "notification 999", "notification 999 (999), isakmp"},
	} {
		n, err := parseNotification(unhex(c.body))
		if err != nil {
			t.Errorf("%s: %v", c.body, err)
			continue
		}
		if (n.text(detail{})) != c.text || (n.text(detail{full: true})) != c.detail {
			t.Errorf("%s: %q\n%q", c.body, n.text(detail{}), n.text(detail{full: true}))
		}
	}
	for _, s := range []string{"", "00000001010060", "00000001 01 04 6002 000000", "00000001 01 ff 6002"} {
		if _, err := parseNotification(unhex(s)); !errors.Is(err, ErrMalformed) {
			t.Errorf("%q: %v", s, err)
		}
	}
}

func TestDelete(t *testing.T) {
	d, err := parseDelete(unhex("00000001 03 04 0002 c2c4be60 01020304"))
	if err != nil || len(d.espSPIs()) != 2 || d.espSPIs()[0] != 0xc2c4be60 || d.espSPIs()[1] != 0x01020304 {
		t.Errorf("%+v %v", d, err)
	}
	if (d.text(detail{})) != "esp 0xc2c4be60 0x01020304" {
		t.Error(d.text(detail{}))
	}
	d, err = parseDelete(unhex("00000001 01 10 0001 148048a5bc8c637f d3ce76a28e6c8e8c"))
	if err != nil || d.espSPIs() != nil || d.text(detail{}) != "isakmp" {
		t.Errorf("%+v %v: %v", d, err, d.espSPIs())
	}
	d, err = parseDelete(unhex("00000001 02 04 0001 c2c4be60"))
	if err != nil || d.espSPIs() != nil || d.text(detail{}) != "ah 0xc2c4be60" {
		t.Errorf("AH: %+v %v", d, err)
	}
	for _, s := range []string{"", "00000001 03 04 00", "00000001 03 04 0001 c2c4be", "00000001 03 04 0001 c2c4be6000", "00000001 03 04 ffff c2c4be60",
		"00000001 03 00 0001", "00000001 03 04 0000 c2c4be60"} {
		if _, err := parseDelete(unhex(s)); !errors.Is(err, ErrMalformed) {
			t.Errorf("%q: %v", s, err)
		}
	}
}

func TestNATT(t *testing.T) {
	for _, c := range []struct {
		typ  PayloadType
		body string
		name string
	}{
		{PayloadNATD, strings.Repeat("00", 20), "NAT-D"},
		{PayloadNATDDraft, strings.Repeat("00", 20), "NAT-D"},
		{15, strings.Repeat("00", 20), "NAT-D"},
		{15, strings.Repeat("00", 21), "SAK"},
		{PayloadNATOA, "01000000 0a000002", "NAT-OA"},
		{PayloadNATOADraft, "05000000 20010db8000100000000000000000010", "NAT-OA"},
		{PayloadNATOA, "01018f42 0a000002", "NAT-OA"}, // racoon's reserved bytes
		{16, "01000000 0a000002", "NAT-OA"},
		{16, "01000001 0a000002", "SAT"},
	} {
		p := Payload{Type: c.typ, Body: unhex(c.body)}
		if _, err := p.parse(); p.name() != c.name || err != nil {
			t.Errorf("%d %s: %s, %v", c.typ, c.body, p.name(), err)
		}
	}
	for _, s := range []string{"", "010000", "01000000 0a0000", "02000000 0a000002", "05000000 0a000002"} {
		if _, err := parseNATOA(unhex(s)); !errors.Is(err, ErrMalformed) {
			t.Errorf("%q: %v", s, err)
		}
	}
}

func TestConfig(t *testing.T) {
	password := "Wonder-Land-7"
	body := bytes.Join([][]byte{{2, 0, 0x12, 0x34}, tv(attributeXAuthType, 0), tlv(attributeXAuthUserName, []byte("alice")...),
		tlv(attributeXAuthPassword, []byte(password)...), tlv(1, 10, 1, 0, 10), tlv(2, 255, 255, 255, 0), tlv(3), tlv(16525, []byte(password)...),
		tlv(8, append(bytes.Repeat([]byte{0x20}, 16), 64)...), tlv(28676, 10, 0, 0, 0, 255, 0, 0, 0, 0, 0, 0, 0, 0, 0), tv(attributeXAuthStatus, 1),
		tlv(20000, []byte(password)...), tlv(7, []byte("router 1.0")...)}, nil)
	c, err := parseConfig(body)
	if err != nil || c.Type != 2 || c.ID != 0x1234 || len(c.Attributes) != 12 {
		t.Fatalf("%+v %v", c, err)
	}
	want := "REPLY XAUTH_TYPE=generic XAUTH_USER_NAME=alice XAUTH_USER_PASSWORD (13 bytes) INTERNAL_IP4_ADDRESS=10.1.0.10 " +
		"INTERNAL_IP4_NETMASK=255.255.255.0 INTERNAL_IP4_DNS XAUTH_CHALLENGE (13 bytes) INTERNAL_IP6_ADDRESS=2020:2020:2020:2020:2020:2020:2020:2020/64 " +
		`UNITY_SPLIT_INCLUDE=10.0.0.0/8 XAUTH_STATUS=ok attribute 20000 (13 bytes) APPLICATION_VERSION="router 1.0"`
	if got := (c.text(detail{})); got != want {
		t.Errorf("described as %s", got)
	}
	if d := c.text(detail{full: true}); strings.Contains(d, password) || strings.Contains(d, hex.EncodeToString([]byte(password))) {
		t.Errorf("the detail shows a secret: %s", d)
	}
	ack, err := parseConfig(append([]byte{4, 0, 0, 0}, tv(attributeXAuthStatus, 0)...))
	if err != nil || ack.text(detail{}) != "ACK XAUTH_STATUS" {
		t.Errorf("%s %v", ack.text(detail{}), err)
	}
	for _, s := range []string{"", "010000", "01000000 40", "01000000 00010004 0a0000"} {
		if _, err := parseConfig(unhex(s)); !errors.Is(err, ErrMalformed) {
			t.Errorf("%q: %v", s, err)
		}
	}
}

func TestCertificate(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	name := pkix.Name{Organization: []string{"Lab"}, CommonName: "moon"}
	template := &x509.Certificate{SerialNumber: big.NewInt(0x1234), Subject: name,
		NotBefore: time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC), NotAfter: time.Date(2036, 1, 2, 0, 0, 0, 0, time.UTC)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	p := Payload{Type: PayloadCert, Body: append([]byte{4}, der...)}
	if got := describePayloads([]Payload{p}, true); got != `CERT x509 "CN=moon,O=Lab"` {
		t.Error(got)
	}
	want := `CERT: x509, subject "CN=moon,O=Lab", issuer "CN=moon,O=Lab", serial 1234, valid 2026-01-02 to 2036-01-02, ECDSA, `
	if got := p.detail(); !strings.HasPrefix(got, want) {
		t.Error(got)
	}
	dn, err := asn1.Marshal(name.ToRDNSequence())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		typ          PayloadType
		body         []byte
		text, detail string
	}{
		{PayloadCertRequest, append([]byte{4}, dn...), `CR x509 "CN=moon,O=Lab"`, `CR: x509, authority "CN=moon,O=Lab"`},
		{PayloadCertRequest, []byte{4}, "CR x509", "CR: x509, any authority"},
		{PayloadCertRequest, []byte{4, 1, 2}, "CR x509", "CR: x509, 2 bytes"},
		{PayloadCert, []byte{4, 1, 2}, "CERT x509", "CERT: x509, 2 bytes"},
		{PayloadCert, append([]byte{7}, der...), "CERT crl", ""},
		{PayloadCert, []byte{99}, "CERT encoding 99", "CERT: encoding 99, 0 bytes"},
		{PayloadCert, nil, "CERT [malformed]", "CERT: 0 bytes [malformed]"},
	} {
		p := Payload{Type: c.typ, Body: c.body}
		if got := describePayloads([]Payload{p}, true); got != c.text {
			t.Errorf("%x: %s", c.body, got)
		}
		if got := p.detail(); c.detail != "" && got != c.detail {
			t.Errorf("%x: %s", c.body, got)
		}
	}
	// A long distinguished name is cut.
	var long pkix.RDNSequence
	for range 5000 {
		long = append(long, pkix.RelativeDistinguishedNameSET{{Type: asn1.ObjectIdentifier{2, 5, 4, 3}, Value: "x"}})
	}
	if dn, err = asn1.Marshal(long); err != nil {
		t.Fatal(err)
	}
	if s := shownName(distinguishedName(dn)); len(s) != maxName+len(`""...`) {
		t.Errorf("a name of %d bytes: %s", len(dn), s)
	}
}

func TestDistinguishedName(t *testing.T) {
	for _, c := range []struct {
		name pkix.RDNSequence
		want string
	}{
		{pkix.RDNSequence{
			{{Type: asn1.ObjectIdentifier{0, 9, 2342, 19200300, 100, 1, 25}, Value: "example"}},
			{{Type: asn1.ObjectIdentifier{2, 5, 4, 3}, Value: "moon"}, {Type: asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 1}, Value: "m@example.com"}},
		}, `"CN=moon+E=m@example.com,DC=example"`},
		{pkix.RDNSequence{{{Type: asn1.ObjectIdentifier{1, 2, 3}, Value: "a\nb"}}}, `"1.2.3=a\nb"`},
		{pkix.RDNSequence{{{Type: asn1.ObjectIdentifier{2, 5, 4, 10}, Value: `a,b+"c"\`}}}, `"O=a\\,b\\+\\\"c\\\"\\\\"`},
		{pkix.RDNSequence{}, `""`},
	} {
		der, err := asn1.Marshal(c.name)
		if err != nil {
			t.Fatal(err)
		}
		if got := shownName(distinguishedName(der)); got != c.want {
			t.Errorf("%s, want %s", got, c.want)
		}
	}
}

func TestVendorName(t *testing.T) {
	hashed := func(s string, more ...byte) []byte {
		sum := md5.Sum([]byte(s))
		return append(sum[:], more...)
	}
	for _, c := range []struct {
		body []byte
		want string
	}{
		// As they stand in the captures.
		{unhex("afcad71368a1f1c96b8696fc77570100"), "DPD"},
		{unhex("4a131c81070358455c5728f20e95452f"), "NAT-T RFC 3947"},
		{unhex("09002689dfd6b712"), "XAUTH"},
		{unhex("4048b7d56ebce88525e7de7f00d6c2d380000000"), "FRAGMENTATION"},
		{unhex("4048b7d56ebce88525e7de7f00d6c2d3"), "FRAGMENTATION"},
		{unhex("90cb80913ebb696e086381b5ec427b1f"), "NAT-T draft 02"},
		{unhex("cd60464335df21f87cfdb2fc68b6a448"), "NAT-T draft 02"},
		{unhex("7d9419a65310ca6f2c179d9215529d56"), "NAT-T draft 03"},
		{unhex("4485152d18b6bbcd0be8a8469579ddcc"), "NAT-T draft 00"},
		{unhex("439b59f8ba676c4c7737ae22eab8f582"), "NAT-T draft 07"},
		{unhex("12f5f28c457168a9702d9fe274cc0100"), "Cisco Unity"},
		{unhex("27bab5dc01ea0760ea4e3190ac27c0d0"), "NAT-T stenberg 01"},
		{unhex("699369228741c6d4ca094c93e242c9de19e7b7c60000000500000500"), "NetScreen"},
		{unhex("4f456b5262475852766d5045"), "OEkRbGXRvmPE"}, // libreswan
		{unhex("1e2b516905991c7d7c96fcbfb587e46100000009"), "Windows 8 or later"},
		{unhex("1e2b516905991c7d7c96fcbfb587e461000000ff"), "Windows version 255"},
		{unhex("fb1de3cdf341b7ea16b7e5be0855f120"), "Windows negotiation discovery"},
		{hashed("strongSwan"), "strongSwan"},
		{hashed("MS NT5 ISAKMPOAKLEY"), "Windows"},
		{unhex("ed66aee59218e8dfbe01a135a2ad8994"), ""},
		{unhex("afcad71368a1f1c96b8696fc77"), ""},
		{nil, ""},
		{[]byte("two words"), `"two words"`},
	} {
		if got := vendorName(c.body); got != c.want {
			t.Errorf("%x: %q, want %q", c.body, got, c.want)
		}
	}
	seen := map[string]string{}
	for _, v := range vendorIDs {
		if old, ok := seen[string(v.prefix)]; ok {
			t.Errorf("%x is in the table twice: %s and %s", v.prefix, old, v.name)
		}
		seen[string(v.prefix)] = v.name
	}
}

func TestPrintable(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"vpn.example.com", "vpn.example.com"},
		{"", `""`},
		{"a b", `"a b"`},
		{"\xff\x00\r\n", `"\xff\x00\r\n"`},
		{"é", `"\u00e9"`},
		{`say "x"`, `"say \"x\""`},
		{strings.Repeat("x", 201), strings.Repeat("x", 200) + "..."},
	} {
		if got := shown([]byte(c.in)); got != c.want {
			t.Errorf("%q: %s", c.in, got)
		}
	}
}
