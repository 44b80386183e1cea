package esp

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/csv"
	"encoding/hex"
	"errors"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// A wirePacket is an ESP packet of a capture file.
type wirePacket struct {
	src, dst    netip.Addr
	data        []byte // from the SPI to the ICV, or as much as was captured
	truncatedBy int
}

// readESP returns the ESP packets of a pcap or pcapng file with Ethernet or raw IP: enough for the
// files of the tests, no more.
func readESP(t testing.TB, path string) []wirePacket {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var packets []wirePacket
	parts := fragments{}
	le := binary.LittleEndian
	switch le.Uint32(b) {
	case 0xa1b2c3d4, 0xa1b23c4d:
		link := le.Uint32(b[20:])
		for b = b[24:]; len(b) >= 16; {
			n := le.Uint32(b[8:])
			packets = appendESP(packets, parts, link, b[16:16+n])
			b = b[16+n:]
		}
	case 0x0a0d0d0a:
		var link uint32
		for len(b) >= 12 {
			n := le.Uint32(b[4:])
			switch le.Uint32(b) {
			case 1:
				link = uint32(le.Uint16(b[8:]))
			case 6:
				packets = appendESP(packets, parts, link, b[28:28+le.Uint32(b[20:])])
			}
			b = b[n:]
		}
	default:
		t.Fatalf("%s: not a capture file that this test reads", path)
	}
	return packets
}

// fragments holds IPv4 datagrams of which fragments have come, in order, by identification.
type fragments map[uint16][]byte

// add returns the datagram that is whole with this frame, nil if none is.
func (f fragments) add(frame []byte) []byte {
	be := binary.BigEndian
	if be.Uint16(frame[6:])&0x3fff == 0 {
		return frame
	}
	id := be.Uint16(frame[4:])
	total, header := int(be.Uint16(frame[2:])), 4*int(frame[0]&15)
	if be.Uint16(frame[6:])&0x1fff == 0 {
		f[id] = bytes.Clone(frame[:total])
	} else {
		f[id] = append(f[id], frame[header:total]...)
	}
	if be.Uint16(frame[6:])&0x2000 != 0 {
		return nil
	}
	whole := f[id]
	be.PutUint16(whole[2:], uint16(len(whole)))
	delete(f, id)
	return whole
}

func appendESP(packets []wirePacket, parts fragments, link uint32, frame []byte) []wirePacket {
	be := binary.BigEndian
	switch link {
	case 1:
		if be.Uint16(frame[12:]) != 0x0800 {
			return packets
		}
		frame = frame[14:]
	case 101, 228:
	default:
		return packets
	}
	if frame[0]>>4 != 4 {
		return packets
	}
	if frame = parts.add(frame); frame == nil {
		return packets
	}
	p := wirePacket{src: netip.AddrFrom4([4]byte(frame[12:])), dst: netip.AddrFrom4([4]byte(frame[16:]))}
	total := int(be.Uint16(frame[2:]))
	if total < len(frame) {
		frame = frame[:total]
	}
	p.truncatedBy = total - len(frame)
	header := 4 * int(frame[0]&15)
	switch proto := frame[9]; {
	case proto == 50:
		p.data = frame[header:]
	case proto == 17 && (be.Uint16(frame[header:]) == 4500 || be.Uint16(frame[header+2:]) == 4500) && len(frame) >= header+12 && be.Uint32(frame[header+8:]) != 0:
		p.data = frame[header+8:]
	default:
		return packets
	}
	return append(packets, p)
}

// A tableRow is a row of an esp_sa table.
type tableRow struct {
	src, dst AddrPattern
	spi      uint32
	suite    Suite
	key      Key
	authKey  Key
}

var tableCiphers = map[string]Suite{
	"AES-CBC [RFC3602]":                   {Cipher: CipherByName("aes-cbc")},
	"TripleDES-CBC [RFC2451]":             {Cipher: CipherByName("3des-cbc")},
	"AES-CTR [RFC3686]":                   {Cipher: CipherByName("aes-ctr")},
	"AES-GCM with 16 octet ICV [RFC4106]": {Cipher: CipherByName("aes-gcm"), ICVLen: 16},
	"rfc4309(ccm(aes))":                   {Cipher: CipherByName("aes-ccm"), ICVLen: 16},
}

var tableAuths = map[string]string{
	"NULL":                                    "none",
	"HMAC-SHA-1-96 [RFC2404]":                 "hmac-sha1-96",
	"HMAC-MD5-96 [RFC2403]":                   "hmac-md5-96",
	"HMAC-SHA-256-128 [RFC4868]":              "hmac-sha2-256-128",
	"HMAC-SHA-384-192 [RFC4868]":              "hmac-sha2-384-192",
	"HMAC-SHA-512-256 [RFC4868]":              "hmac-sha2-512-256",
	"ANY 96 bit authentication [no checking]": "any-96",
}

func readTable(t testing.TB, path string) []tableRow {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r := csv.NewReader(bufio.NewReader(f))
	r.Comment = '#'
	r.FieldsPerRecord = -1
	var rows []tableRow
	for {
		rec, err := r.Read()
		if err == io.EOF {
			return rows
		}
		if err != nil {
			t.Fatal(err)
		}
		spi, err := strconv.ParseUint(rec[3], 0, 32)
		if err != nil {
			t.Fatal(err)
		}
		row := tableRow{spi: uint32(spi)}
		for i, p := range []*AddrPattern{&row.src, &row.dst} {
			if *p, err = ParseAddrPattern(rec[1+i]); err != nil {
				t.Fatal(err)
			}
		}
		row.suite = tableCiphers[rec[4]]
		row.suite.Auth = AuthByName(tableAuths[rec[6]])
		if row.suite.Cipher == nil || row.suite.Auth == nil {
			t.Fatalf("%s: the test does not know %q or %q", path, rec[4], rec[6])
		}
		row.key, row.authKey = NewKey(unhex(t, rec[5])), NewKey(unhex(t, rec[7]))
		rows = append(rows, row)
	}
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	s = strings.NewReplacer(" ", "", "\n", "", "\t", "").Replace(strings.TrimPrefix(s, "0x"))
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// mustSA returns the SA for a packet, nil if the table has none.
func mustSA(t testing.TB, rows []tableRow, p wirePacket, change func(*tableRow)) *SA {
	t.Helper()
	var h Header
	if err := h.Decode(p.data); err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		if r.spi != h.SPI || !r.src.Match(p.src) || !r.dst.Match(p.dst) {
			continue
		}
		if change != nil {
			change(&r)
		}
		sa, err := NewSA(r.spi, r.suite, r.key, r.authKey)
		if err != nil {
			t.Fatal(err)
		}
		return sa
	}
	return nil
}

const captures = "../testdata/captures"

// The captures, with what differs from the table.
var ownCaptures = []struct {
	name    string
	packets int // as the capture's index has it
	next    uint8
	change  func(*tableRow)
}{
	{"01-basic-aes128-sha1", 0, 17, nil},
	{"02-natt-aes256-sha1", 0, 17, nil},
	{"03-3des-sha1-modp1024", 0, 17, nil},
	{"04-aes128-md5-modp1024", 0, 17, nil},
	{"05-aes256-sha256-ecp384", 209, 17, nil},
	{"17a-aes128gcm16", 241, 17, nil},
	{"17b-aes128ctr-sha1", 263, 17, nil},
	{"17d-aes128-sha256-esn", 230, 17, func(r *tableRow) { r.suite.ESN = true }},
	{"17f-aes192-sha384-modp3072", 274, 17, nil},
	{"17h-aes128ccm16", 234, 17, nil},
	{"23-ipcomp-inside-esp", 245, protoIPComp, nil},
}

// Every packet of the captures verifies, and carries L2TP or IPComp.
func TestOpenCaptures(t *testing.T) {
	for _, c := range ownCaptures {
		t.Run(c.name, func(t *testing.T) {
			dir := filepath.Join(captures, c.name)
			rows := readTable(t, filepath.Join(dir, "keys", "esp_sa"))
			sas := map[uint32]*SA{}
			count := 0
			for i, p := range readESP(t, filepath.Join(dir, "outer.pcap")) {
				spi := binary.BigEndian.Uint32(p.data)
				if sas[spi] == nil {
					if sas[spi] = mustSA(t, rows, p, c.change); sas[spi] == nil {
						t.Fatalf("packet %d: no key", i)
					}
				}
				plain, err := sas[spi].Open(nil, p.data, 0, 0)
				if err != nil || !plain.Verified {
					t.Fatalf("packet %d: %v", i, err)
				}
				checkL2TP(t, i, plain, c.next)
				count++
			}
			if count == 0 || c.packets != 0 && count != c.packets {
				t.Errorf("%d packets, want %d", count, c.packets)
			}
			t.Logf("%d packets verified", count)
		})
	}
}

func checkL2TP(t *testing.T, i int, plain Plaintext, next uint8) {
	t.Helper()
	d := plain.Data
	switch {
	case plain.NextHeader == 17 && len(d) >= 8:
		if binary.BigEndian.Uint16(d[2:]) != 1701 || int(binary.BigEndian.Uint16(d[4:])) != len(d) || d[9]&15 != 2 {
			t.Fatalf("packet %d: not L2TP: % x", i, d[:8])
		}
	case plain.NextHeader != next:
		t.Fatalf("packet %d: next header %d", i, plain.NextHeader)
	}
}

// Without the authentication key each packet is proven by its structure, and a wrong key never is.
func TestOpenCapturesByStructure(t *testing.T) {
	for _, c := range ownCaptures {
		t.Run(c.name, func(t *testing.T) {
			dir := filepath.Join(captures, c.name)
			rows := readTable(t, filepath.Join(dir, "keys", "esp_sa"))
			noAuth := func(r *tableRow) { r.authKey = Key{} }
			wrong := func(r *tableRow) {
				r.authKey = Key{}
				b := bytes.Clone(r.key.Bytes())
				b[0] ^= 0x80
				r.key = NewKey(b)
			}
			least := 1 << 20
			for i, p := range readESP(t, filepath.Join(dir, "outer.pcap")) {
				sa := mustSA(t, rows, p, noAuth)
				if sa.Checks() {
					t.Skip("AEAD")
				}
				plain, err := sa.Open(nil, p.data, 0, 0)
				if err != nil || plain.Verified {
					t.Fatalf("packet %d: verified %v, %v", i, plain.Verified, err)
				}
				checkL2TP(t, i, plain, c.next)
				least = min(least, plain.Evidence)

				if _, err := mustSA(t, rows, p, wrong).Open(nil, p.data, 0, 0); !errors.Is(err, ErrStructure) {
					t.Fatalf("packet %d with a wrong key: %v", i, err)
				}
			}
			if least < 20 || c.next == 17 && least < 60 {
				t.Errorf("a packet has only %d bits of evidence", least)
			}
			t.Logf("at least %d bits of evidence", least)
		})
	}
}

// With the right authentication key and a wrong encryption key the ICV is good, but what comes out
// is no packet.
func TestWrongEncryptionKeyBehindGoodICV(t *testing.T) {
	dir := filepath.Join(captures, "01-basic-aes128-sha1")
	rows := readTable(t, filepath.Join(dir, "keys", "esp_sa"))
	packets, weak := readESP(t, filepath.Join(dir, "outer.pcap")), 0
	for i, p := range packets {
		sa := mustSA(t, rows, p, func(r *tableRow) {
			b := bytes.Clone(r.key.Bytes())
			b[5] ^= 1
			r.key = NewKey(b)
		})
		switch plain, err := sa.Open(nil, p.data, 0, 0); {
		case err == ErrWeak && plain.Evidence == minPadding:
			weak++
		case err != ErrPlaintext:
			t.Fatalf("packet %d: %v", i, err)
		}
	}
	if weak > len(packets)/32 {
		t.Errorf("%d of %d packets have right padding by chance", weak, len(packets))
	}
}

// A packet with one byte changed, wherever, never verifies and never shows plaintext.
func TestCorruptEveryByte(t *testing.T) {
	for _, c := range ownCaptures {
		t.Run(c.name, func(t *testing.T) {
			dir := filepath.Join(captures, c.name)
			rows := readTable(t, filepath.Join(dir, "keys", "esp_sa"))
			p := readESP(t, filepath.Join(dir, "outer.pcap"))[0]
			sa := mustSA(t, rows, p, c.change)
			packet := bytes.Clone(p.data)
			for i := range packet {
				for bit := range 8 {
					packet[i] ^= 1 << bit
					plain, err := sa.Open(nil, packet, 0, 0)
					// The SPI is covered too: the SA is not chosen by it here.
					if err != ErrICV || plain.Verified || plain.Data != nil {
						t.Fatalf("byte %d bit %d: verified %v, %v", i, bit, plain.Verified, err)
					}
					packet[i] ^= 1 << bit
				}
			}
			if _, err := sa.Open(nil, packet, 0, 0); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// A packet cut anywhere gives the head of the same plaintext.
func TestTruncated(t *testing.T) {
	for _, c := range ownCaptures {
		t.Run(c.name, func(t *testing.T) {
			dir := filepath.Join(captures, c.name)
			rows := readTable(t, filepath.Join(dir, "keys", "esp_sa"))
			for _, p := range readESP(t, filepath.Join(dir, "outer.pcap"))[:8] {
				sa := mustSA(t, rows, p, c.change)
				whole, err := sa.Open(nil, p.data, 0, 0)
				if err != nil {
					t.Fatal(err)
				}
				for cut := 1; cut <= len(p.data); cut++ {
					plain, err := sa.Open(nil, p.data[:len(p.data)-cut], 0, cut)
					if err != ErrTruncated || plain.Verified {
						t.Fatalf("%d bytes cut off: verified %v, %v", cut, plain.Verified, err)
					}
					n := min(len(plain.Data), len(whole.Data))
					if !bytes.Equal(plain.Data[:n], whole.Data[:n]) {
						t.Fatalf("%d bytes cut off: other plaintext", cut)
					}
					if plain.NextHeader != 0 && plain.NextHeader != whole.NextHeader {
						t.Fatalf("%d bytes cut off: next header %d", cut, plain.NextHeader)
					}
					if c.next == 17 && n >= 16 && (plain.NextHeader != 17 || plain.Evidence < 30) {
						t.Fatalf("%d bytes cut off: next header %d, %d bits", cut, plain.NextHeader, plain.Evidence)
					}
				}
			}
		})
	}
}

func TestOpenSnaplen(t *testing.T) {
	dir := filepath.Join(captures, "01-basic-aes128-sha1")
	rows := readTable(t, filepath.Join(dir, "keys", "esp_sa"))
	cut := 0
	for i, p := range readESP(t, filepath.Join(dir, "outer-snap96.pcap")) {
		plain, err := mustSA(t, rows, p, nil).Open(nil, p.data, 0, p.truncatedBy)
		if p.truncatedBy == 0 {
			if err != nil {
				t.Fatalf("packet %d: %v", i, err)
			}
			continue
		}
		cut++
		if err != ErrTruncated || len(plain.Data) < 16 || len(plain.Data) > 32 || plain.NextHeader != 17 {
			t.Fatalf("packet %d: %d bytes, next header %d, %v", i, len(plain.Data), plain.NextHeader, err)
		}
	}
	if cut == 0 {
		t.Error("no packet was cut")
	}
}
