package ikev1

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"l2tpdump/esp"
)

// lifeSeconds28800 is a lifetime of 28800 seconds in four bytes, as Windows sends it in phase 1.
var lifeSeconds28800 = bytes.Join([][]byte{tv(11, 1), tlv(12, 0, 0, 0x70, 0x80)}, nil)

// windowsPhase1 is what Windows 10 proposes for L2TP/IPsec.
var windowsPhase1 = wireSA(wireProposal(1, protocolISAKMP, nil,
	wireTransform(1, 1, tv(1, 7), tv(14, 256), tv(2, 2), tv(4, 20), tv(3, 1), lifeSeconds28800),
	wireTransform(2, 1, tv(1, 7), tv(14, 128), tv(2, 2), tv(4, 19), tv(3, 1), lifeSeconds28800),
	wireTransform(3, 1, tv(1, 7), tv(14, 256), tv(2, 2), tv(4, 14), tv(3, 1), lifeSeconds28800),
	wireTransform(4, 1, tv(1, 5), tv(2, 2), tv(4, 14), tv(3, 1), lifeSeconds28800),
	wireTransform(5, 1, tv(1, 5), tv(2, 2), tv(4, 2), tv(3, 1), lifeSeconds28800),
))

func TestParsePhase1SA(t *testing.T) {
	if n := len(windowsPhase1) + payloadHeaderLen; n != 0xd4 {
		t.Fatalf("payload of %d bytes; that of Windows has %d", n, 0xd4)
	}
	sa, err := parseSA(windowsPhase1)
	if err != nil {
		t.Fatal(err)
	}
	if sa.DOI != doiIPsec || sa.Situation != situationIdentityOnly || sa.count != 1 {
		t.Fatalf("%+v", sa)
	}
	want := []terms{
		{Protocol: protocolISAKMP, lifeType: 1, Cipher: 7, KeyBits: 256, Hash: 2, Auth: 1, Group: 20, LifeSeconds: 28800},
		{Protocol: protocolISAKMP, lifeType: 1, Cipher: 7, KeyBits: 128, Hash: 2, Auth: 1, Group: 19, LifeSeconds: 28800},
		{Protocol: protocolISAKMP, lifeType: 1, Cipher: 7, KeyBits: 256, Hash: 2, Auth: 1, Group: 14, LifeSeconds: 28800},
		{Protocol: protocolISAKMP, lifeType: 1, Cipher: 5, Hash: 2, Auth: 1, Group: 14, LifeSeconds: 28800},
		{Protocol: protocolISAKMP, lifeType: 1, Cipher: 5, Hash: 2, Auth: 1, Group: 2, LifeSeconds: 28800},
	}
	var got []terms
	for p := range sa.proposals() {
		for tr := range p.transforms() {
			got = append(got, tr.terms())
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("transforms %+v", got)
	}
}

func TestPhase1Names(t *testing.T) {
	for _, c := range []struct {
		p             terms
		printed, hash string
	}{
		{terms{Cipher: 1, Hash: 1}, "des-cbc", "md5"},
		{terms{Cipher: 3, Hash: 2}, "blowfish-cbc-128", "sha1"},
		{terms{Cipher: 3, KeyBits: 448, Hash: 3}, "blowfish-cbc-448", "tiger"},
		{terms{Cipher: 5, KeyBits: 168, Hash: 4}, "3des-cbc", "sha256"},
		{terms{Cipher: 6, Hash: 5}, "cast5-cbc-128", "sha384"},
		{terms{Cipher: 7, KeyBits: 192, Hash: 6}, "aes-cbc-192", "sha512"},
		{terms{Cipher: 7}, "aes-cbc-128", "hash 0"},
		{terms{Cipher: 8, KeyBits: 256, Hash: 65000}, "camellia-cbc-256", "hash 65000"},
		{terms{Cipher: 99, KeyBits: 256, Hash: 1}, "cipher 99", "md5"},
	} {
		if c.p.cipherName() != c.printed || c.p.hashName() != c.hash {
			t.Errorf("%+v: %s %s", c.p, c.p.cipherName(), c.p.hashName())
		}
	}
	for method, want := range map[uint16]string{1: "psk", 3: "rsa-sig", 65001: "xauth-init-psk", 64221: "hybrid-init-rsa", 500: "method 500"} {
		if got := authMethodName(method); got != want {
			t.Errorf("method %d: %s", method, got)
		}
	}
	for group, want := range map[uint16]string{1: "modp768", 2: "modp1024", 14: "modp2048", 20: "ecp384", 33: "group 33"} {
		if got := groupName(group); got != want {
			t.Errorf("group %d: %s", group, got)
		}
	}
}

func TestLifetimes(t *testing.T) {
	for _, c := range []struct {
		name               string
		attributes         [][]byte
		seconds, kilobytes uint64
	}{
		{"short", [][]byte{tv(1, 1), tv(2, 3600)}, 3600, 0},
		{"four bytes", [][]byte{tv(1, 1), tlv(2, 0, 0, 0x0e, 0x10)}, 3600, 0},
		{"eight bytes", [][]byte{tv(1, 1), tlv(2, 0, 0, 0, 1, 0, 0, 0, 0)}, 1 << 32, 0},
		{"twelve bytes", [][]byte{tv(1, 1), tlv(2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x0e, 0x10)}, 3600, 0},
		{"too large", [][]byte{tv(1, 1), tlv(2, 1, 0, 0, 0, 0, 0, 0, 0, 0)}, 0, 0},
		{"three bytes", [][]byte{tv(1, 1), tlv(2, 1, 0, 0)}, 1 << 16, 0},
		{"empty", [][]byte{tv(1, 1), tlv(2)}, 0, 0},
		{"type in the long form", [][]byte{tlv(1, 0, 1), tv(2, 60)}, 60, 0},
		{"both", [][]byte{tv(1, 1), tv(2, 3600), tv(1, 2), tlv(2, 0, 3, 0xd0, 0x90)}, 3600, 250000},
		{"no type", [][]byte{tv(2, 3600)}, 0, 0},
		{"unknown type", [][]byte{tv(1, 3), tv(2, 3600)}, 0, 0},
	} {
		b := bytes.Join(c.attributes, nil)
		list, err := parseAttributes(b)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		tr := transform{Protocol: protocolESP, ID: 12, Attributes: list}
		if p := tr.terms(); p.LifeSeconds != c.seconds || p.LifeKilobytes != c.kilobytes {
			t.Errorf("%s: %d s, %d kB", c.name, p.LifeSeconds, p.LifeKilobytes)
		}
	}
}

func TestPhase2(t *testing.T) {
	for _, c := range []struct {
		id           uint8
		attributes   [][]byte
		cipher, auth string // rows of package esp, "" for none
		key, icv     int
		names, mode  string
		encaps, esn  bool
	}{
		{12, [][]byte{tv(6, 256), tv(5, 2), tv(4, 2)}, "aes-cbc", "hmac-sha1-96", 32, 0, "aes-cbc-256 hmac-sha1-96", "transport", false, false},
		{12, [][]byte{tv(5, 5), tv(4, 1)}, "aes-cbc", "hmac-sha2-256-128", 16, 0, "aes-cbc-128 hmac-sha2-256-128", "tunnel", false, false},
		{12, [][]byte{tv(6, 192), tv(5, 6), tv(4, 4)}, "aes-cbc", "hmac-sha2-384-192", 24, 0, "aes-cbc-192 hmac-sha2-384-192", "udp-transport", true, false},
		{3, [][]byte{tv(5, 1), tv(4, 3)}, "3des-cbc", "hmac-md5-96", 24, 0, "3des-cbc hmac-md5-96", "udp-tunnel", true, false},
		{2, [][]byte{tv(5, 7), tv(4, 61444)}, "des-cbc", "hmac-sha2-512-256", 8, 0, "des-cbc hmac-sha2-512-256", "udp-transport", true, false},
		{11, [][]byte{tv(5, 2), tv(4, 61443)}, "null", "hmac-sha1-96", 0, 0, "null hmac-sha1-96", "udp-tunnel", true, false},
		{11, [][]byte{tv(6, 256), tv(5, 2)}, "null", "hmac-sha1-96", 0, 0, "null hmac-sha1-96", "", false, false},
		{13, [][]byte{tv(6, 128), tv(5, 2), tv(11, 1)}, "aes-ctr", "hmac-sha1-96", 16, 0, "aes-ctr-128 hmac-sha1-96", "", false, true},
		{18, [][]byte{tv(6, 128)}, "aes-gcm", "", 16, 8, "aes-gcm-128-8", "", false, false},
		{19, [][]byte{tv(6, 192)}, "aes-gcm", "", 24, 12, "aes-gcm-192-12", "", false, false},
		{20, [][]byte{tv(6, 256), tv(4, 2), tv(11, 1)}, "aes-gcm", "", 32, 16, "aes-gcm-256-16", "transport", false, true},
		{14, [][]byte{tv(6, 128)}, "aes-ccm", "", 16, 8, "aes-ccm-128-8", "", false, false},
		{15, [][]byte{tv(6, 128)}, "aes-ccm", "", 16, 12, "aes-ccm-128-12", "", false, false},
		{16, [][]byte{tv(6, 256)}, "aes-ccm", "", 32, 16, "aes-ccm-256-16", "", false, false},
		{23, [][]byte{tv(6, 128), tv(5, 11)}, "null-gmac", "", 16, 16, "null-gmac-128-16", "", false, false},
		{6, [][]byte{tv(5, 8)}, "cast5-cbc", "hmac-ripemd160-96", 16, 0, "cast5-cbc-128 hmac-ripemd160-96", "", false, false},
		{7, [][]byte{tv(6, 448), tv(5, 9)}, "blowfish-cbc", "aes-xcbc-96", 56, 0, "blowfish-cbc-448 aes-xcbc-96", "", false, false},
		{253, [][]byte{tv(6, 256), tv(5, 2)}, "twofish-cbc", "hmac-sha1-96", 32, 0, "twofish-cbc-256 hmac-sha1-96", "", false, false},
		{12, [][]byte{tv(4, 2)}, "aes-cbc", "none", 16, 0, "aes-cbc-128 none", "transport", false, false},
		{5, [][]byte{tv(5, 3)}, "", "", 16, 0, "idea-cbc des-mac", "", false, false},
		{99, [][]byte{tv(5, 99), tv(4, 99)}, "", "", 0, 0, "transform 99 auth 99", "mode 99", false, false},
	} {
		name := fmt.Sprintf("%d %x", c.id, c.attributes)
		list, err := parseAttributes(bytes.Join(c.attributes, nil))
		if err != nil {
			t.Fatal(err)
		}
		tr := transform{Protocol: protocolESP, ID: c.id, Attributes: list}
		p := tr.terms()
		s := p.suite()
		if s.Cipher != esp.CipherByName(c.cipher) || s.Auth != esp.AuthByName(c.auth) || s.KeyLen != c.key || s.ICVLen != c.icv || s.ESN != c.esn {
			t.Errorf("%s: suite %v, %d bytes, ICV %d, ESN %v", name, s, s.KeyLen, s.ICVLen, s.ESN)
		}
		if c.cipher != "" && (s.Cipher == nil || c.auth != "" && s.Auth == nil) {
			t.Errorf("%s: package esp has no %s or no %s", name, c.cipher, c.auth)
		}
		if joinWords(p.algorithms()) != c.names || tr.fields().Mode != c.mode || p.udpEncap() != c.encaps {
			t.Errorf("%s: %q %q, in UDP %v", name, joinWords(p.algorithms()), tr.fields().Mode, p.udpEncap())
		}
	}
	ah := terms{Protocol: protocolAH, Cipher: 3, Auth: 2}
	if s := ah.suite(); s.Cipher != nil || s.Auth != nil || joinWords(ah.algorithms()) != "hmac-sha1-96" {
		t.Errorf("AH: %v %s", s, joinWords(ah.algorithms()))
	}
	comp := terms{Protocol: protocolIPCOMP, Cipher: 2}
	if joinWords(comp.algorithms()) != "deflate" {
		t.Errorf("IPComp: %s", joinWords(comp.algorithms()))
	}
}

func TestPhase2SPIs(t *testing.T) {
	sa, err := parseSA(wireSA(
		wireProposal(1, protocolIPCOMP, []byte{0x3f, 0x4a}, wireTransform(1, 2, tv(4, 2))),
		wireProposal(1, protocolESP, unhex("c2c4be60"), wireTransform(1, 12, tv(6, 128), tv(5, 2), tv(4, 2))),
		wireProposal(2, protocolIPCOMP, []byte{0, 0, 0x3f, 0x4b}, wireTransform(1, 2)),
	))
	if err != nil {
		t.Fatal(err)
	}
	p := slices.Collect(sa.proposals())
	if p[0].spi32() != 0 || p[1].spi32() != 0xc2c4be60 {
		t.Errorf("SPI %#x %#x", p[0].spi32(), p[1].spi32())
	}
	if got := (sa.text(detail{})); got != "ipcomp 0x3f4a deflate transport + esp 0xc2c4be60 aes-cbc-128 hmac-sha1-96 transport (+1)" {
		t.Errorf("described as %s", got)
	}
}

// TestParseSACut cuts the payload at every byte: no shorter one is well formed.
func TestParseSACut(t *testing.T) {
	for n := range windowsPhase1 {
		if _, err := parseSA(windowsPhase1[:n]); !errors.Is(err, ErrMalformed) {
			t.Errorf("%d of %d bytes: %v", n, len(windowsPhase1), err)
		}
	}
}

// TestParseSALengths adds to and takes from every byte that is a length, a count or reserved: none
// may pass.
func TestParseSALengths(t *testing.T) {
	// SA of one proposal at 8 and two transforms at 8+8 and 8+8+12.
	body := wireSA(wireProposal(1, protocolESP, nil,
		wireTransform(1, 12, tv(6, 128)), wireTransform(2, 3, tlv(2, 0, 0, 0x0e, 0x10))))
	if _, err := parseSA(body); err != nil {
		t.Fatal(err)
	}
	for _, off := range []int{
		8, 9, 10, 11, // proposal: next, reserved, length
		8 + 6, 8 + 7, // size of the SPI, number of transforms
		16, 17, 18, 19, // first transform: next, reserved, length
		28, 29, 30, 31,
		38, 39, // length of the attribute
	} {
		for _, d := range []byte{1, 0xff, 3, 0x80} {
			b := bytes.Clone(body)
			b[off] += d
			if _, err := parseSA(b); !errors.Is(err, ErrMalformed) {
				t.Errorf("byte %d is %#02x instead of %#02x: %v", off, b[off], body[off], err)
			}
		}
	}
}

func TestParseSASituation(t *testing.T) {
	proposals := windowsPhase1[8:]
	labels := unhex("00000007" + // labelled domain
		"0005 0000 0102030405 000000" + // secrecy level of 5 bytes
		"0009 0000 ff80 0000" + // category bitmap of 9 bits
		"0004 0000 01020304" + // integrity level
		"0000 0000") // no bitmap
	for _, situation := range []byte{2, 4, 6, 7} {
		body := append(append([]byte{0, 0, 0, 1, 0, 0, 0, situation}, labels...), proposals...)
		sa, err := parseSA(body)
		if err != nil || sa.count != 1 || !bytes.Equal(sa.Labels, labels) {
			t.Errorf("situation %d: %v", situation, err)
		}
	}
	for n := 8; n < 8+len(labels); n++ {
		body := append([]byte{0, 0, 0, 1, 0, 0, 0, 2}, labels...)
		if _, err := parseSA(body[:n]); !errors.Is(err, ErrMalformed) {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
	if _, err := parseSA(append([]byte{0, 0, 0, 2, 0, 0, 0, 1}, proposals...)); err == nil || !strings.Contains(err.Error(), "DOI 2") {
		t.Errorf("GDOI: %v", err)
	}
}

func TestAttributes(t *testing.T) {
	data, err := parseAttributes(unhex("80010007 000c0004 00007080 00050000"))
	list := slices.Collect(data.all())
	if err != nil || len(list) != 3 {
		t.Fatalf("%v %v", list, err)
	}
	for i, want := range []struct {
		typ   uint16
		basic bool
		v     uint64
		ok    bool
	}{{1, true, 7, true}, {12, false, 28800, true}, {5, false, 0, false}} {
		v, ok := list[i].number()
		if list[i].Type != want.typ || list[i].Basic != want.basic || v != want.v || ok != want.ok {
			t.Errorf("attribute %d: %+v %d %v", i, list[i], v, ok)
		}
	}
	for _, s := range []string{"80", "800100", "00010001", "0001ffff00", "80010007 0002"} {
		if _, err := parseAttributes(unhex(s)); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", s, err)
		}
	}
}

func FuzzParseSA(f *testing.F) {
	f.Add(windowsPhase1)
	f.Add(wireSA(wireProposal(1, protocolESP, unhex("c2c4be60"), wireTransform(1, 12, tv(6, 128), tv(5, 2), tv(4, 2)))))
	f.Add(append([]byte{0, 0, 0, 1, 0, 0, 0, 6}, make([]byte, 40)...))
	f.Fuzz(func(t *testing.T, body []byte) {
		sa, err := parseSA(body)
		size, count := 8+len(sa.Labels), 0
		for p := range sa.proposals() {
			size += 8 + len(p.SPI)
			p.spi32()
			count++
			if n := len(slices.Collect(p.transforms())); n != int(p.count) {
				t.Fatalf("%d transforms of %d", n, p.count)
			}
			for tr := range p.transforms() {
				size += 8
				for a := range tr.Attributes.all() {
					size += 4
					if !a.Basic {
						size += len(a.Value)
					}
				}
				tr.terms().algorithms()
				tr.terms().suite()
			}
		}
		if count != sa.count {
			t.Fatalf("%d proposals of %d", count, sa.count)
		}
		if err == nil && size != len(body) {
			t.Fatalf("parts of %d bytes in %d", size, len(body))
		}
		sa.text(detail{})
		sa.text(detail{full: true})
	})
}
