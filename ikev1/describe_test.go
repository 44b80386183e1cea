package ikev1

import (
	"encoding/hex"
	"path/filepath"
	"strings"
	"testing"
)

// describeAll runs everything that prints over a message, and checks that what is printed is
// printable and of one line each.
func describeAll(t testing.TB, data []byte) {
	h, err := ParseHeader(data)
	if err != nil {
		return
	}
	payloads, _ := parsePayloads(h.NextPayload, data[HeaderLen:])
	m := Message{Header: h, Payloads: payloads}
	lines := append(m.Details(), m.Describe(), m.Header.ExchangeName(), h.VersionName(), strings.Join(m.PayloadNames(), ","))
	for _, line := range lines {
		for i := range len(line) {
			if line[i] < ' ' || line[i] > '~' {
				t.Fatalf("byte %#02x in %q", line[i], line)
			}
		}
	}
	if n := len(m.Describe()); n > 200+maxDescribed*10000 {
		t.Fatalf("described in %d bytes", n)
	}
	for i := range payloads {
		checkFields(t, &payloads[i])
	}
}

// TestDescribeMain5 is the example of the command line's description.
func TestDescribeMain5(t *testing.T) {
	first, data := wireChain(wirePayload{PayloadID, unhex("01000000 0a000002")}, wirePayload{PayloadHash, make([]byte, 20)})
	payloads, err := parsePayloads(first, data)
	if err != nil {
		t.Fatal(err)
	}
	m := Message{Header: Header{MajorVersion: 1, Exchange: ExchangeMain, Flags: FlagEncryption}, Encrypted: true, Decrypted: true, Payloads: payloads}
	if got := m.Describe(); got != "ID 10.0.0.2, HASH" {
		t.Error(got)
	}
	if got := strings.Join(m.PayloadNames(), ","); got != "ID,HASH" {
		t.Error(got)
	}
	if m.Header.ExchangeName() != "main" {
		t.Error(m.Header.ExchangeName())
	}
}

func TestDescribeStates(t *testing.T) {
	for _, c := range []struct {
		m    Message
		want string
	}{
		{Message{Header: Header{MajorVersion: 1, Exchange: ExchangeQuick, Flags: 1, Length: 188}, Encrypted: true}, "encrypted, 160 bytes"},
		{Message{Header: Header{MajorVersion: 1, Exchange: ExchangeQuick, Flags: 1, Length: 3}, Encrypted: true}, "encrypted, 0 bytes"},
		{Message{Header: Header{MajorVersion: 2, Exchange: 35, Flags: 0x08, MessageID: 1}}, "request 1"},
		{Message{Header: Header{MajorVersion: 2, Exchange: 35, Flags: 0x20, MessageID: 1}}, "response 1"},
		{Message{Header: Header{MajorVersion: 1, Exchange: ExchangeMain}, Fragment: &Fragment{ID: 1, Number: 2, Last: true, Data: make([]byte, 520)}},
			"FRAG id 1 number 2 last, 520 bytes"},
		{Message{Header: Header{MajorVersion: 1, Exchange: ExchangeMain}}, ""},
	} {
		if got := c.m.Describe(); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
		if c.m.PayloadNames() != nil || len(c.m.Details()) != 0 {
			t.Errorf("%q has payloads", c.want)
		}
	}
	many := make([]Payload, maxDescribed+7)
	for i := range many {
		many[i].Type = PayloadVendorID
	}
	if got := describePayloads(many, true); !strings.HasSuffix(got, "VID, and 7 more") {
		t.Error(got)
	}
}

// TestDescribeCaptures has the messages in clear of a main mode with NAT traversal and of an
// aggressive mode.
func TestDescribeCaptures(t *testing.T) {
	for name, want := range map[string][]string{
		"02-natt-aes256-sha1/outer.pcap": {
			"SA aes-cbc-256 sha1 psk modp2048, VID XAUTH, VID DPD, VID FRAGMENTATION, VID NAT-T RFC 3947, VID NAT-T draft 02",
			"SA aes-cbc-256 sha1 psk modp2048, VID XAUTH, VID DPD, VID FRAGMENTATION, VID NAT-T RFC 3947",
			"KE, NONCE, NAT-D, NAT-D",
			"KE, NONCE, NAT-D, NAT-D",
		},
		"07-aggressive-psk/outer.pcap": {
			"SA aes-cbc-128 sha1 psk modp1024, KE, NONCE, ID road.lab.example, VID XAUTH, VID DPD, VID FRAGMENTATION, VID NAT-T RFC 3947, VID NAT-T draft 02",
			"SA aes-cbc-128 sha1 psk modp1024, KE, NONCE, ID gw.lab.example, VID XAUTH, VID DPD, VID FRAGMENTATION, VID NAT-T RFC 3947, NAT-D, NAT-D, HASH",
		},
	} {
		var got []string
		for _, m := range isakmpMessages(t, name) {
			h, err := ParseHeader(m.data)
			if err != nil || h.encrypted() {
				continue
			}
			payloads, err := parsePayloads(h.NextPayload, m.data[HeaderLen:])
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, describePayloads(payloads, h.Phase1()))
		}
		if g, w := strings.Join(got, "\n"), strings.Join(want, "\n"); g != w {
			t.Errorf("%s:\n%s\nwant\n%s", name, g, w)
		}
	}
}

// TestDescribePlaintexts prints the published plaintexts, and looks for bytes in what is printed
// that have to stay secret.
func TestDescribePlaintexts(t *testing.T) {
	for _, file := range plaintextFiles {
		t.Run(filepath.Base(file), func(t *testing.T) {
			for _, p := range plaintexts(t, file) {
				payloads, err := parsePayloads(p.first, p.data)
				if err != nil {
					t.Fatal(err)
				}
				m := Message{Header: Header{MajorVersion: 1, Exchange: p.exchange}, Decrypted: true, Payloads: payloads}
				text := m.Describe() + "\n" + strings.Join(m.Details(), "\n")
				if strings.Contains(text, malformed) {
					t.Errorf("%s: %s", p.name, text)
				}
				for _, payload := range payloads {
					switch payload.Type {
					case PayloadHash, PayloadNonce, PayloadKE, PayloadSignature:
						if strings.Contains(text, hex.EncodeToString(payload.Body[:8])) {
							t.Errorf("%s: %s is shown", p.name, payload.Type)
						}
					case PayloadConfig:
						config, _ := parseConfig(payload.Body)
						for _, a := range config.Attributes {
							if a.Type == attributeXAuthPassword && len(a.Value) > 0 &&
								(strings.Contains(text, "="+string(a.Value)) || strings.Contains(text, hex.EncodeToString(a.Value))) {
								t.Errorf("%s: a password is shown", p.name)
							}
						}
					}
				}
				t.Logf("%s: %s", p.name, text)
			}
		})
	}
}

// TestDescribeQuick has the Quick Mode of a published handshake.
func TestDescribeQuick(t *testing.T) {
	for _, p := range plaintexts(t, "wireshark/ikev1-bug-12610.expected.json") {
		payloads, err := parsePayloads(p.first, p.data)
		if err != nil {
			t.Fatal(err)
		}
		got := describePayloads(payloads, p.exchange == ExchangeMain)
		switch {
		case strings.HasSuffix(p.name, "frame 15"):
			if got != "HASH, SA esp 0xc254fe64 aes-cbc-128 hmac-sha1-96 tunnel 28800s, NONCE, ID 10.1.1.1, ID 0.0.0.0/0" {
				t.Errorf("%s: %s", p.name, got)
			}
		case strings.HasSuffix(p.name, "frame 5"):
			if got != "ID 192.168.0.100, HASH" {
				t.Errorf("%s: %s", p.name, got)
			}
		}
	}
}

func TestDetails(t *testing.T) {
	first, data := wireChain(
		wirePayload{PayloadHash, make([]byte, 20)},
		wirePayload{PayloadSA, wireSA(wireProposal(1, protocolESP, unhex("c2c4be60"),
			wireTransform(1, 12, tv(6, 256), tv(5, 2), tv(4, 2), tv(1, 1), tlv(2, 0, 0, 0x0e, 0x10), tv(3, 14), tv(11, 1), tv(10, 2), tv(99, 5), tlv(100)),
			wireTransform(2, 3, tv(5, 1), tv(4, 2))))},
		wirePayload{PayloadNonce, make([]byte, 32)},
		wirePayload{PayloadKE, make([]byte, 256)},
		wirePayload{PayloadID, unhex("01 11 06a5 0a000002")},
		wirePayload{PayloadID, unhex("0b 00 0000 00ff")},
		wirePayload{PayloadNATOA, unhex("01000000 0a000002")},
		wirePayload{PayloadNATD, make([]byte, 20)},
		wirePayload{PayloadVendorID, unhex("afcad71368a1f1c96b8696fc77570100")},
		wirePayload{PayloadVendorID, unhex("ed66aee59218e8dfbe01a135a2ad8994")},
		wirePayload{PayloadDelete, unhex("00000001 03 04 0001 c2c4be60")},
		wirePayload{PayloadFragment, unhex("0001 02 01 aabbcc")},
		wirePayload{PayloadID, unhex("01 11 06a5 0a0000")},
		wirePayload{99, unhex("0102")},
	)
	data[1] = 5
	payloads, err := parsePayloads(first, data)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"HASH: 20 bytes, reserved byte 0x05",
		"SA: doi ipsec; proposal 1 esp spi 0xc2c4be60, transform 1 aes-cbc-256 hmac-sha1-96 transport 3600s esn pfs modp2048 " +
			"ecn tunnel=2 attribute 99=5 attribute 100 (0 bytes), transform 2 3des-cbc hmac-md5-96 transport",
		"NONCE: 32 bytes",
		"KE: 256 bytes",
		"ID: ipv4 10.0.0.2, udp/1701",
		"ID: key-id 00ff",
		"NAT-OA: 10.0.0.2",
		"NAT-D: 20 bytes",
		"VID: DPD, afcad71368a1f1c96b8696fc77570100",
		"VID: ed66aee59218e8dfbe01a135a2ad8994",
		"D: esp, spi 0xc2c4be60",
		"FRAG: id 1 number 2 last, 3 bytes",
		"ID: 7 bytes [malformed]",
		"payload 99: 2 bytes",
	}
	m := Message{Header: Header{MajorVersion: 1, Exchange: ExchangeQuick}, Payloads: payloads}
	got := m.Details()
	if g, w := strings.Join(got, "\n"), strings.Join(want, "\n"); g != w {
		t.Errorf("got\n%s\nwant\n%s", g, w)
	}
	text := "HASH, SA esp 0xc2c4be60 aes-cbc-256 hmac-sha1-96 transport 3600s esn pfs modp2048 (+1), NONCE, KE, ID udp/1701 10.0.0.2, ID key-id 00ff, " +
		"NAT-OA 10.0.0.2, NAT-D, VID DPD, VID ed66aee5..., D esp 0xc2c4be60, FRAG id 1 number 2 last, 3 bytes, ID [malformed], payload 99"
	if got := m.Describe(); got != text {
		t.Errorf("described as %s", got)
	}
}

func FuzzDescribe(f *testing.F) {
	for _, e := range []ExchangeType{ExchangeMain, ExchangeQuick} {
		first, data := wireChain(wirePayload{PayloadSA, windowsPhase1}, wirePayload{PayloadID, unhex("01 11 06a5 0a000002")},
			wirePayload{PayloadNotify, unhex("00000001 01 00 6000 800b0001 800c0e10")}, wirePayload{PayloadDelete, unhex("00000001 03 04 0001 c2c4be60")},
			wirePayload{PayloadConfig, append([]byte{2, 0, 0, 1}, tlv(attributeXAuthUserName, 'b', 'o', 'b')...)},
			wirePayload{PayloadCertRequest, unhex("04 300f310d300b06035504030c046d6f6f6e")}, wirePayload{PayloadFragment, unhex("0001 02 01 aabbcc")})
		h := Header{MajorVersion: 1, Exchange: e, NextPayload: first, Length: uint32(HeaderLen + len(data))}
		f.Add(append(h.Append(nil), data...))
	}
	f.Fuzz(func(t *testing.T, data []byte) { describeAll(t, data) })
}
