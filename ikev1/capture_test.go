package ikev1

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"encoding/hex"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/gopacket/pcapgo"

	"l2tpdump/esp"
)

const (
	capturesDir = "../testdata/captures"
	peerDir     = "../../shared/peer-captures"
)

// peerFile returns the path of a file of another project's captures, or skips the test where they
// are not there.
func peerFile(t testing.TB, name string) string {
	path := filepath.Join(peerDir, name)
	if _, err := os.Stat(path); err != nil {
		t.Skip("not here: ", path)
	}
	return path
}

// readDatagrams returns the IKE datagrams of a capture.
func readDatagrams(t testing.TB, path string) []*Datagram {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.HasPrefix(b, []byte{0x1f, 0x8b}) {
		z, err := gzip.NewReader(bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		if b, err = io.ReadAll(z); err != nil {
			t.Fatal(err)
		}
	}
	var list []*Datagram
	parts := map[string]*ipParts{}
	frame := uint64(0)
	add := func(link uint32, data []byte, cut bool) {
		frame++
		if d := ikeOf(link, data, parts); d != nil {
			d.Time, d.Truncated = int64(frame)*1e7, cut
			list = append(list, d)
		}
	}
	if binary.LittleEndian.Uint32(b) == 0x0a0d0d0a {
		r, err := pcapgo.NewNgReader(bytes.NewReader(b), pcapgo.DefaultNgReaderOptions)
		if err != nil {
			t.Fatal(err)
		}
		for {
			data, ci, err := r.ReadPacketData()
			if err == io.EOF {
				return list
			}
			if err != nil {
				t.Fatal(err)
			}
			add(uint32(r.LinkType()), data, ci.Length > ci.CaptureLength)
		}
	}
	var o binary.ByteOrder = binary.LittleEndian
	if b[0] == 0xa1 {
		o = binary.BigEndian
	}
	link := o.Uint32(b[20:])
	for b = b[24:]; len(b) > 0; {
		n, whole := o.Uint32(b[8:]), o.Uint32(b[12:])
		add(link, b[16:16+n], whole > n)
		b = b[16+n:]
	}
	return list
}

// ipParts is a datagram in fragments.
type ipParts struct {
	data  map[int][]byte
	total int
}

// ikeOf returns the ISAKMP datagram of a frame, nil if there is none.
func ikeOf(link uint32, b []byte, parts map[string]*ipParts) *Datagram {
	etherType := uint16(0)
	switch link {
	case 1:
		etherType, b = binary.BigEndian.Uint16(b[12:]), b[14:]
	case 113:
		etherType, b = binary.BigEndian.Uint16(b[14:]), b[16:]
	case 276:
		etherType, b = binary.BigEndian.Uint16(b), b[20:]
	case 101, 228, 229, 12:
		etherType = 0x0800
		if b[0]>>4 == 6 {
			etherType = 0x86dd
		}
	}
	for etherType == 0x8100 {
		etherType, b = binary.BigEndian.Uint16(b[2:]), b[4:]
	}
	if etherType == 0x8864 {
		if binary.BigEndian.Uint16(b[6:]) != 0x0021 {
			return nil
		}
		etherType, b = 0x0800, b[8:]
	}
	var src, dst netip.Addr
	switch etherType {
	case 0x0800:
		if len(b) < 20 || b[9] != 17 {
			return nil
		}
		src, dst = netip.AddrFrom4([4]byte(b[12:])), netip.AddrFrom4([4]byte(b[16:]))
		total, hl := int(binary.BigEndian.Uint16(b[2:])), int(b[0]&15)*4
		frag := binary.BigEndian.Uint16(b[6:])
		id := string(b[4:6]) + src.String()
		b = b[hl:min(total, len(b))]
		if frag&0x3fff != 0 {
			p := parts[id]
			if p == nil {
				p = &ipParts{data: map[int][]byte{}}
				parts[id] = p
			}
			off := int(frag&0x1fff) * 8
			p.data[off] = b
			if frag&0x2000 == 0 {
				p.total = off + len(b)
			}
			var whole []byte
			for len(whole) < p.total || p.total == 0 {
				next := p.data[len(whole)]
				if next == nil {
					return nil
				}
				whole = append(whole, next...)
			}
			delete(parts, id)
			b = whole
		}
	case 0x86dd:
		if len(b) < 40 || b[6] != 17 {
			return nil
		}
		src, dst = netip.AddrFrom16([16]byte(b[8:])), netip.AddrFrom16([16]byte(b[24:]))
		b = b[40:]
	default:
		return nil
	}
	if len(b) < 8 {
		return nil
	}
	sport, dport := binary.BigEndian.Uint16(b), binary.BigEndian.Uint16(b[2:])
	b = b[8:]
	d := &Datagram{Src: netip.AddrPortFrom(src, sport), Dst: netip.AddrPortFrom(dst, dport)}
	switch {
	case sport == 4500 || dport == 4500:
		if len(b) < 4 || binary.BigEndian.Uint32(b) != 0 {
			return nil
		}
		d.Data = b[4:]
	case sport == 500 || dport == 500:
		d.Data = b
	default:
		return nil
	}
	return d
}

func fromHex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.NewReplacer(" ", "", "\n", "", "\t", "").Replace(s))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func hexKey(t testing.TB, s string) esp.Key { return esp.NewKey(fromHex(t, s)) }

func hexCookie(t testing.TB, s string) Cookie { return Cookie(fromHex(t, s)) }

var logLine = regexp.MustCompile(`\[IKE\] ( *)(.*)$`)

// routerSecrets reads the IKE secrets of a router's log.
func routerSecrets(t testing.TB, path string) []*Secret {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var list []*Secret
	label, value := "", []byte(nil)
	flush := func() {
		if label == "CKY-I" {
			list = append(list, &Secret{Origin: esp.OriginAt(filepath.Base(path), 0)})
		}
		if len(list) == 0 {
			return
		}
		s := list[len(list)-1]
		switch label {
		case "CKY-I":
			s.InitiatorCookie = Cookie(value)
		case "CKY-R":
			s.ResponderCookie = Cookie(value)
		case "SKEYID":
			s.SKEYID = esp.NewKey(value)
		case "SKEYID_d":
			s.SKEYIDd = esp.NewKey(value)
		case "SKEYID_a":
			s.SKEYIDa = esp.NewKey(value)
		case "SKEYID_e":
			s.SKEYIDe = esp.NewKey(value)
			if len(value) == 32 && strings.HasSuffix(path, "router.log") {
				s.SKEYIDeHead = true // logged up to 32 bytes
			}
		}
	}
	for sc := bufio.NewScanner(f); sc.Scan(); {
		m := logLine.FindStringSubmatch(sc.Text())
		if m == nil {
			continue
		}
		if row, err := hex.DecodeString(strings.ReplaceAll(m[2], " ", "")); err == nil && len(m[1]) == 2 {
			value = append(value, row...)
			continue
		}
		flush()
		label, value = m[2], nil
	}
	flush()
	return list
}

// tableSecrets reads a Wireshark ikev1_decryption_table.
func tableSecrets(t testing.TB, path string) []*Secret {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var list []*Secret
	for _, line := range strings.Split(string(b), "\n") {
		cookie, key, ok := strings.Cut(strings.TrimSpace(line), ",")
		if !ok || strings.HasPrefix(line, "#") {
			continue
		}
		list = append(list, &Secret{InitiatorCookie: hexCookie(t, cookie), Ka: hexKey(t, key), Origin: esp.OriginAt(filepath.Base(path), 0)})
	}
	return list
}

// follow runs the datagrams through a new Tracker with these secrets.
func follow(secrets []*Secret, list []*Datagram) (*Tracker, []*Message) {
	tr := NewTracker()
	for _, s := range secrets {
		tr.AddSecret(s)
	}
	var messages []*Message
	for _, d := range list {
		messages = append(messages, tr.Observe(d)...)
	}
	return tr, messages
}
