package ikev1

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestParsePayloads(t *testing.T) {
	for _, c := range []struct {
		name     string
		first    PayloadType
		data     string
		types    []PayloadType
		consumed int
		rest     int
		err      bool
	}{
		{"none", 0, "", nil, 0, 0, false},
		{"none, padded", 0, "0000", nil, 0, 2, false},
		{"one", 8, "00000008 01020304", []PayloadType{8}, 8, 0, false},
		{"one without a body", 13, "00000004", []PayloadType{13}, 4, 0, false},
		{"two and zero padding", 5, "08000008 01020304 00000006 aabb 0000", []PayloadType{5, 8}, 14, 2, false},
		{"a block of padding", 8, "00000008 01020304 00000000000000000000000000000000", []PayloadType{8}, 8, 16, false},
		{"counted padding", 8, "00000008 01020304 a7010203040506 07", []PayloadType{8}, 8, 8, false},
		{"counted padding with itself", 8, "00000008 01020304 a7010203040506 08", []PayloadType{8}, 8, 8, false},
		{"other padding", 8, "00000008 01020304 a7010203040506 55", []PayloadType{8}, 8, 8, false},
		{"reserved byte", 8, "00010008 01020304", []PayloadType{8}, 8, 0, false},
		{"unknown type", 99, "00000008 01020304", []PayloadType{99}, 8, 0, false},
		{"transform outside of an SA", 3, "00000008 01020304", []PayloadType{3}, 8, 0, false},
		{"length 3", 8, "00000003 01020304", nil, 0, 8, true},
		{"length 0", 8, "00000000 01020304", nil, 0, 8, true},
		{"too long", 8, "00000009 01020304", nil, 0, 8, true},
		{"second too long", 8, "05000008 01020304 00000010 00", []PayloadType{8}, 8, 5, true},
		{"ends in a header", 8, "05000008 01020304 0000", []PayloadType{8}, 8, 2, true},
		{"ends before the second", 8, "05000008 01020304", []PayloadType{8}, 8, 0, true},
	} {
		data := unhex(c.data)
		got, err := parsePayloads(c.first, data)
		if (err != nil) != c.err || err != nil && !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: error %v", c.name, err)
		}
		var types []PayloadType
		for i := range got {
			types = append(types, got[i].Type)
		}
		if !slices.Equal(types, c.types) {
			t.Errorf("%s: payloads %v", c.name, types)
		}
		if n := end(got); n != c.consumed || len(data)-n != c.rest {
			t.Errorf("%s: consumed %d of %d", c.name, n, len(data))
		}
	}
}

// end is how many bytes payloads take.
func end(payloads []Payload) int {
	if len(payloads) == 0 {
		return 0
	}
	return payloads[len(payloads)-1].end()
}

func TestPayloadOffsets(t *testing.T) {
	first, data := wireChain(wirePayload{PayloadHash, make([]byte, 20)}, wirePayload{PayloadNonce, make([]byte, 16)}, wirePayload{PayloadID, make([]byte, 8)})
	c, err := parsePayloads(first, data)
	if err != nil {
		t.Fatal(err)
	}
	off := 0
	for i := range c {
		p := &c[i]
		if int(p.Offset) != off || !bytes.Equal(p.Body, data[off+4:off+4+len(p.Body)]) {
			t.Errorf("payload %d at %d, want %d", i, p.Offset, off)
		}
		off = p.end()
		if cap(p.Body) != len(p.Body) {
			t.Errorf("payload %d: appending to the body would write into the next", i)
		}
	}
	if m := (&Message{Payloads: c}); off != len(data) || m.Find(PayloadNonce) != &c[1] || m.Find(PayloadSA) != nil {
		t.Errorf("end %d of %d", off, len(data))
	}
}

// TestClearMessages parses every message in clear of the captures: each chain fills its message
// exactly and each body is well formed.
func TestClearMessages(t *testing.T) {
	names, err := filepath.Glob("../testdata/captures/*/outer.pcap")
	if err != nil || len(names) == 0 {
		t.Skip("no captures")
	}
	total := 0
	for _, name := range names {
		name = filepath.ToSlash(strings.TrimPrefix(filepath.ToSlash(name), "../testdata/captures/"))
		for _, m := range isakmpMessages(t, name) {
			h, err := ParseHeader(m.data)
			if err != nil || h.encrypted() {
				continue
			}
			if int(h.Length) != len(m.data) {
				t.Errorf("%s frame %d: header says %d bytes of %d", name, m.frame, h.Length, len(m.data))
				continue
			}
			c, err := parsePayloads(h.NextPayload, m.data[HeaderLen:])
			if err != nil || end(c) != len(m.data)-HeaderLen {
				t.Errorf("%s frame %d: %v, %d bytes of %d", name, m.frame, err, end(c), len(m.data)-HeaderLen)
			}
			checkBodies(t, fmt.Sprintf("%s frame %d", name, m.frame), c)
			total++
		}
	}
	if total < 100 {
		t.Errorf("only %d messages found", total)
	}
	t.Logf("%d messages in %d captures", total, len(names))
}

// plaintext is a decrypted message that another project or an independent decryptor published.
type plaintext struct {
	name     string
	exchange ExchangeType
	first    PayloadType
	data     []byte
	payloads []PayloadType
	padding  []byte
}

// plaintexts returns the published plaintexts of a JSON file.
func plaintexts(t testing.TB, name string) []plaintext {
	t.Helper()
	type frame struct {
		Frame     int
		Exchange  uint8
		Encrypted bool
		Plaintext string
		Padding   string
		Payloads  []uint8
	}
	type handshake struct {
		Name   string
		Frames []frame
	}
	raw := captureFile(t, name)
	var all []handshake
	if json.Unmarshal(raw, &all) != nil {
		var one handshake
		if err := json.Unmarshal(raw, &one); err != nil {
			t.Fatal(err)
		}
		all = []handshake{one}
	}
	var list []plaintext
	for _, h := range all {
		for _, f := range h.Frames {
			if f.Plaintext == "" || len(f.Payloads) == 0 {
				continue
			}
			p := plaintext{
				name:     fmt.Sprintf("%s %s frame %d", name, h.Name, f.Frame),
				exchange: ExchangeType(f.Exchange),
				data:     unhex(f.Plaintext),
				padding:  unhex(f.Padding),
			}
			for _, n := range f.Payloads {
				p.payloads = append(p.payloads, PayloadType(n))
			}
			p.first = p.payloads[0]
			list = append(list, p)
		}
	}
	return list
}

var plaintextFiles = []string{
	"rub-nds/handshakes.json",
	"wireshark/ikev1-bug-12610.expected.json",
	"wireshark/ikev1-bug-12620.expected.json",
	"wireshark/ikev1-certs.expected.json",
}

func TestPlaintexts(t *testing.T) {
	for _, file := range plaintextFiles {
		t.Run(filepath.Base(file), func(t *testing.T) {
			list := plaintexts(t, file)
			if len(list) == 0 {
				t.Fatal("no plaintexts in the file")
			}
			for _, p := range list {
				c, err := parsePayloads(p.first, p.data)
				if err != nil {
					t.Errorf("%s: %v", p.name, err)
					continue
				}
				var types []PayloadType
				for i := range c {
					types = append(types, c[i].Type)
				}
				if !slices.Equal(types, p.payloads) {
					t.Errorf("%s: payloads %v, want %v", p.name, types, p.payloads)
				}
				if rest := p.data[end(c):]; !bytes.Equal(rest, p.padding) {
					t.Errorf("%s: padding %x, want %x", p.name, rest, p.padding)
				}
				if _, bits, ok := walk(p.data, 0, p.first, nil, maxBlockLen); !ok || bits < enoughBits {
					t.Errorf("%s: %d bits of evidence, fits %v", p.name, bits, ok)
				}
				checkBodies(t, p.name, c)
			}
		})
	}
}

// checkBodies checks that each body is well formed.
func checkBodies(t *testing.T, name string, payloads []Payload) {
	t.Helper()
	for i := range payloads {
		if _, err := payloads[i].parse(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestWrongPlaintexts changes every byte of the first block of every plaintext, as a wrong IV does,
// and decides by the structure as a decryptor must.
func TestWrongPlaintexts(t *testing.T) {
	passed, tried := 0, 0
	for _, p := range plaintexts(t, "rub-nds/handshakes.json") {
		for delta := 1; delta < 256; delta++ {
			b := bytes.Clone(p.data)
			for i := range 16 {
				b[i] ^= byte(delta * (2*i + 1))
			}
			tried++
			if _, bits, ok := walk(b, 0, p.first, nil, maxBlockLen); ok && bits >= enoughBits {
				passed++
				t.Logf("%s: %x passed", p.name, b[:16])
			}
		}
	}
	if passed > 0 {
		t.Errorf("%d of %d garbled messages pass for exact", passed, tried)
	}
}

// TestMalformedCaptures reads what fuzzers made: nothing may panic, and every line that is printed
// is one line.
func TestMalformedCaptures(t *testing.T) {
	for _, name := range []string{
		"ISAKMP_sa_setup.pcap", "ikev1_id_ipv6_addr_subnet-oobr.pcap", "ikev2four.pcap", "ikev2pI2.pcap", "isakmp-3948-oobr-2.pcap",
		"isakmp-delete-segfault.pcap", "isakmp-identification-segfault.pcap", "isakmp-ikev1_n_print-oobr.pcap",
		"isakmp-no-none-np.pcapng", "isakmp-pointer-loop.pcap", "isakmp-rfc3948-oobr.pcap", "isakmp-various-oobr.pcap",
		"isakmp4500.pcap", "isakmpv1-attr-oobr.pcap",
	} {
		t.Run(name, func(t *testing.T) {
			for _, frame := range captureFrames(t, captureFile(t, "tcpdump/"+name)) {
				for _, m := range isakmpOf(frame.linkType, frame.data) {
					describeAll(t, m)
				}
				// Whatever the addresses say: try every position as a message.
				for i := range frame.data {
					describeAll(t, frame.data[i:])
				}
			}
		})
	}
}

func FuzzParsePayloads(f *testing.F) {
	first, data := wireChain(wirePayload{PayloadID, unhex("011101f4c0a80064")}, wirePayload{PayloadHash, make([]byte, 20)})
	f.Add(byte(first), data)
	f.Add(byte(first), append(slices.Clone(data), make([]byte, 12)...))
	f.Add(byte(8), unhex("05000008 01020304 00000010 00"))
	f.Add(byte(15), unhex("10000014 000102030405060708090a0b0c0d0e0f 0000000c 01000000 0a000001"))
	f.Fuzz(func(t *testing.T, first byte, data []byte) {
		list, err := parsePayloads(PayloadType(first), data)
		off := 0
		for i := range list {
			if int(list[i].Offset) != off {
				t.Fatalf("payload %d at %d, want %d", i, list[i].Offset, off)
			}
			off = list[i].end()
			_, _ = list[i].parse()
		}
		if off > len(data) || err == nil && len(list) > 0 && list[len(list)-1].Next != PayloadNone {
			t.Fatalf("end %d of %d bytes, %v", off, len(data), err)
		}
	})
}

// TestTooManyPayloads: a chain of more payloads than a message may have is malformed, and those
// before are there.
func TestTooManyPayloads(t *testing.T) {
	chain := bytes.Repeat([]byte{byte(PayloadVendorID), 0, 0, 4}, maxPayloads+1)
	chain[len(chain)-4] = byte(PayloadNone)
	list, err := parsePayloads(PayloadVendorID, chain)
	if len(list) != maxPayloads || !errors.Is(err, ErrMalformed) {
		t.Errorf("%d payloads, %v", len(list), err)
	}
	if list, err = parsePayloads(PayloadVendorID, chain[4:]); len(list) != maxPayloads || err != nil {
		t.Errorf("%d payloads, %v", len(list), err)
	}
}
