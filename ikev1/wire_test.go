package ikev1

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"encoding/hex"
	"os"
	"path/filepath"
	"testing"
)

// unhex decodes hexadecimal; blanks and newlines in it are ignored.
func unhex(s string) []byte {
	b, err := hex.DecodeString(string(bytes.Join(bytes.Fields([]byte(s)), nil)))
	if err != nil {
		panic(err)
	}
	return b
}

// wire builds payloads of generic header and body from their bodies.
type wirePayload struct {
	t    PayloadType
	body []byte
}

// wireChain returns the bytes of a chain of payloads.
func wireChain(payloads ...wirePayload) (first PayloadType, data []byte) {
	for i, p := range payloads {
		next := PayloadNone
		if i+1 < len(payloads) {
			next = payloads[i+1].t
		}
		data = append(data, byte(next), 0)
		data = binary.BigEndian.AppendUint16(data, uint16(4+len(p.body)))
		data = append(data, p.body...)
	}
	if len(payloads) > 0 {
		first = payloads[0].t
	}
	return first, data
}

// tv and tlv return an attribute in its two forms.
func tv(t, v uint16) []byte {
	return binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16(nil, t|0x8000), v)
}

func tlv(t uint16, v ...byte) []byte {
	b := binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16(nil, t), uint16(len(v)))
	return append(b, v...)
}

// wireTransform returns the body of a transform.
func wireTransform(number, id uint8, attributes ...[]byte) []byte {
	return append([]byte{number, id, 0, 0}, bytes.Join(attributes, nil)...)
}

// wireProposal returns the body of a proposal.
func wireProposal(number uint8, protocol protocolID, spi []byte, transforms ...[]byte) []byte {
	b := append([]byte{number, byte(protocol), byte(len(spi)), byte(len(transforms))}, spi...)
	var list []wirePayload
	for _, t := range transforms {
		list = append(list, wirePayload{PayloadTransform, t})
	}
	_, data := wireChain(list...)
	return append(b, data...)
}

// wireSA returns the body of an SA payload of the IPsec DOI.
func wireSA(proposals ...[]byte) []byte {
	b := []byte{0, 0, 0, 1, 0, 0, 0, 1}
	var list []wirePayload
	for _, p := range proposals {
		list = append(list, wirePayload{PayloadProposal, p})
	}
	_, data := wireChain(list...)
	return append(b, data...)
}

// captureFile finds a capture of the repository, or of the other projects' captures beside it, and
// skips the test where it is absent.
func captureFile(t testing.TB, name string) []byte {
	t.Helper()
	for _, dir := range []string{"../testdata/captures", "../../shared/peer-captures"} {
		b, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
		if err == nil {
			return b
		}
	}
	t.Skipf("%s is not here", name)
	return nil
}

// isakmpMessage is an ISAKMP message of a capture.
type isakmpMessage struct {
	frame int
	data  []byte
}

// isakmpMessages returns the ISAKMP messages of a pcap or pcapng file that stand in unfragmented
// IPv4 or IPv6 packets with UDP port 500 or 4500.
func isakmpMessages(t testing.TB, name string) []isakmpMessage {
	t.Helper()
	file := captureFile(t, name)
	if bytes.HasPrefix(file, []byte{0x1f, 0x8b}) {
		z, err := gzip.NewReader(bytes.NewReader(file))
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if _, err := b.ReadFrom(z); err != nil {
			t.Fatal(err)
		}
		file = b.Bytes()
	}
	var list []isakmpMessage
	for i, frame := range captureFrames(t, file) {
		for _, m := range isakmpOf(frame.linkType, frame.data) {
			list = append(list, isakmpMessage{i + 1, m})
		}
	}
	return list
}

type captureFrame struct {
	linkType int
	data     []byte
}

func captureFrames(t testing.TB, file []byte) []captureFrame {
	t.Helper()
	var list []captureFrame
	if len(file) < 24 {
		return nil
	}
	le, be := binary.ByteOrder(binary.LittleEndian), binary.ByteOrder(binary.BigEndian)
	switch le.Uint32(file) {
	case 0xa1b2c3d4, 0xa1b23c4d:
	case 0xd4c3b2a1, 0x4d3cb2a1:
		le = be
	case 0x0a0d0d0a:
		return pcapngFrames(file)
	default:
		t.Fatalf("no pcap: %x", file[:4])
	}
	linkType := int(le.Uint32(file[20:]) & 0xffff)
	for file = file[24:]; len(file) >= 16; {
		n := int(le.Uint32(file[8:]))
		if n > len(file)-16 {
			break
		}
		list = append(list, captureFrame{linkType, file[16 : 16+n]})
		file = file[16+n:]
	}
	return list
}

// pcapngFrames reads the Enhanced Packet Blocks of a file of one section, in either byte order.
func pcapngFrames(file []byte) []captureFrame {
	order := binary.ByteOrder(binary.LittleEndian)
	if binary.BigEndian.Uint32(file[8:]) == 0x1a2b3c4d {
		order = binary.BigEndian
	}
	var list []captureFrame
	var linkTypes []int
	for len(file) >= 12 {
		n := int(order.Uint32(file[4:]))
		if n < 12 || n > len(file) {
			break
		}
		switch order.Uint32(file) {
		case 1:
			linkTypes = append(linkTypes, int(order.Uint16(file[8:])))
		case 6:
			if c := int(order.Uint32(file[20:])); c <= n-32 && int(order.Uint32(file[8:])) < len(linkTypes) {
				list = append(list, captureFrame{linkTypes[order.Uint32(file[8:])], file[28 : 28+c]})
			}
		}
		file = file[n:]
	}
	return list
}

// isakmpOf returns the ISAKMP messages of a frame; a message that is cut comes as it is.
func isakmpOf(linkType int, b []byte) [][]byte {
	switch linkType {
	case 1:
		if len(b) < 14 {
			return nil
		}
		b = b[14:]
	case 101, 12:
	case 0:
		b = b[min(4, len(b)):]
	default:
		return nil
	}
	switch {
	case len(b) >= 20 && b[0]>>4 == 4:
		total := int(binary.BigEndian.Uint16(b[2:]))
		if b[9] != 17 || binary.BigEndian.Uint16(b[6:])&0x3fff != 0 {
			return nil
		}
		if total >= 20 && total < len(b) {
			b = b[:total]
		}
		b = b[min(len(b), int(b[0]&15)*4):]
	case len(b) >= 40 && b[0]>>4 == 6 && b[6] == 17:
		b = b[40:]
	default:
		return nil
	}
	if len(b) < 8 {
		return nil
	}
	src, dst := binary.BigEndian.Uint16(b), binary.BigEndian.Uint16(b[2:])
	b = b[8:]
	switch {
	case src == 500 || dst == 500:
	case (src == 4500 || dst == 4500) && len(b) > 4 && binary.BigEndian.Uint32(b) == 0:
		b = b[4:]
	default:
		return nil
	}
	var list [][]byte
	for len(b) >= HeaderLen {
		h, _ := ParseHeader(b)
		n := int64(h.Length)
		if n < HeaderLen || n > int64(len(b)) {
			n = int64(len(b))
		}
		list = append(list, b[:n])
		b = b[n:]
	}
	return list
}
