package inner

import (
	"encoding/binary"
	"fmt"
	"net/netip"

	"l2tpdump/capture"
)

// dhcp6Message is a message of DHCPv6 (RFC 8415 section 7.3).
type dhcp6Message struct {
	Type    uint8  `json:"type"`
	Message string `json:"message,omitempty"` // "solicit"
	XID     string `json:"xid,omitempty"`     // hexadecimal; a relay's message has none
}

var dhcp6Names = [256]string{1: "solicit", 2: "advertise", 3: "request", 4: "confirm", 5: "renew", 6: "rebind", 7: "reply",
	8: "release", 9: "decline", 10: "reconfigure", 11: "inf-req", 12: "relay-forw", 13: "relay-repl"}

// readDHCP6 reads a message of 4 bytes at least.
func readDHCP6(data []byte) *dhcp6Message {
	m := &dhcp6Message{Type: data[0], Message: dhcp6Names[data[0]]}
	if m.Message != "" && m.Type < 12 {
		m.XID = fmt.Sprintf("%x", binary.BigEndian.Uint32(data)&0xffffff)
	}
	return m
}

func (m *dhcp6Message) append(dst []byte) []byte {
	dst = append(dst, "DHCP6 "...)
	if m.Message == "" {
		return appendUint(dst, "message ", m.Type)
	}
	if dst = append(dst, m.Message...); m.XID != "" {
		dst = append(append(dst, " xid 0x"...), m.XID...)
	}
	return dst
}

// ntpMessage is a message of NTP (RFC 5905 section 7.3).
type ntpMessage struct {
	Version uint8  `json:"version"`
	Mode    string `json:"mode"` // "client"
}

// readNTP reads a message of one byte at least.
func readNTP(data []byte) *ntpMessage {
	modes := [...]string{"reserved", "symmetric active", "symmetric passive", "client", "server", "broadcast", "control",
		"private"}
	return &ntpMessage{data[0] >> 3 & 7, modes[data[0]&7]}
}

// igmpMessage is a message of IGMP (RFC 1112, RFC 2236, RFC 3376).
type igmpMessage struct {
	Type    uint8      `json:"type"`
	Name    string     `json:"name,omitempty"` // "query v3", "v2 report", "leave"
	Group   netip.Addr `json:"group,omitzero"`
	Records *uint16    `json:"records,omitempty"` // of groups

	GroupRecords []groupRecord `json:"group_records,omitempty"`
}

// readIGMP reads a message, nil where it is cut off.
func readIGMP(p []byte) *igmpMessage {
	if len(p) < 8 {
		return nil
	}
	m := &igmpMessage{Type: p[0]}
	switch p[0] {
	case 0x11:
		m.Name, m.Group = "query v1", someAddr(p[4:8])
		switch {
		case len(p) >= 12:
			m.Name = "query v3"
		case p[1] != 0:
			m.Name = "query v2"
		}
	case 0x12, 0x16, 0x17:
		m.Name, m.Group = map[uint8]string{0x12: "v1 report", 0x16: "v2 report", 0x17: "leave"}[p[0]], address4(p[4:])
	case 0x22:
		n := binary.BigEndian.Uint16(p[6:])
		m.Name, m.Records, m.GroupRecords = "v3 report", &n, groupRecords(p, 4)
	}
	return m
}

// appendIGMP describes a message of IGMP.
func appendIGMP(dst []byte, h *packet, verbose int) []byte {
	dst = append(dst, "IGMP "...)
	m := readIGMP(h.payload)
	switch {
	case m == nil:
		return append(dst, short[1:]...)
	case m.Name == "":
		dst = appendHex(dst, "type 0x", m.Type)
	default:
		dst = append(dst, m.Name...)
	}
	if m.Group.IsValid() {
		if m.Type == 0x11 {
			dst = append(dst, " for"...)
		}
		dst = m.Group.AppendTo(append(dst, ' '))
	}
	if m.Records != nil {
		dst = appendGroupRecords(dst, *m.Records, h.payload, 4, verbose)
	}
	return appendLength(dst, h.PayloadLen)
}

// greHeader is a header of GRE (RFC 2784, RFC 2890), or of version 1, PPTP (RFC 2637).
type greHeader struct {
	Version  uint8   `json:"version"`
	Key      *string `json:"key,omitempty"` // hexadecimal
	Protocol uint16  `json:"protocol"`      // EtherType
}

// readGRE reads a header; data is the IP packet behind it, if that is one. ok is false where the
// header is cut off.
func readGRE(p []byte) (g greHeader, data []byte, ok bool) {
	if len(p) < 4 {
		return g, nil, false
	}
	flags := binary.BigEndian.Uint16(p)
	g.Version, g.Protocol = uint8(flags&7), binary.BigEndian.Uint16(p[2:])
	if g.Version != 0 {
		return g, nil, true
	}
	keyAt := 4
	if flags&0x8000 != 0 { // behind the checksum
		keyAt += 4
	}
	if flags&0x2000 != 0 && len(p) >= keyAt+4 {
		key := fmt.Sprintf("%x", binary.BigEndian.Uint32(p[keyAt:]))
		g.Key = &key
	}
	if kind, n := capture.GRE(p); (kind == 0x0800 || kind == 0x86dd) && len(p) > n {
		data = p[n:]
	}
	return g, data, true
}

// appendGRE describes GRE, and the packet in it.
func (w *Printer) appendGRE(dst []byte, h *packet, depth int) []byte {
	g, data, ok := readGRE(h.payload)
	if !ok {
		return append(append(dst, "GRE"...), short...)
	}
	dst = appendUint(dst, "GREv", g.Version)
	if g.Key != nil {
		dst = append(append(dst, ", key=0x"...), *g.Key...)
	}
	if data != nil && depth < maxDepth {
		return w.appendIP(append(appendLength(dst, h.PayloadLen), ": "...), data, depth+1)
	}
	return appendLength(appendHex(dst, ", proto 0x", g.Protocol), h.PayloadLen)
}

// espHeader is the header of ESP (RFC 4303).
type espHeader struct {
	SPI string `json:"spi"` // 0x and 8 digits
	Seq uint32 `json:"seq"`
}

// ospfHeader is a header of OSPF (RFC 2328, RFC 5340).
type ospfHeader struct {
	Version uint8  `json:"version"`
	Type    uint8  `json:"type"`
	Message string `json:"message,omitempty"` // "hello"
}

var ospfNames = [256]string{1: "hello", 2: "database description", 3: "ls-request", 4: "ls-update", 5: "ls-ack"}

// readOSPF reads a header, nil where it is cut off.
func readOSPF(p []byte) *ospfHeader {
	if len(p) < 2 {
		return nil
	}
	return &ospfHeader{p[0], p[1], ospfNames[p[1]]}
}

// appendOSPF names the message.
func appendOSPF(dst []byte, h *packet) []byte {
	o := readOSPF(h.payload)
	if o == nil {
		return append(append(dst, "OSPF"...), short...)
	}
	dst = appendUint(dst, "OSPFv", o.Version)
	if o.Message != "" {
		dst = append(append(dst, ", "...), o.Message...)
	}
	return appendLength(dst, h.PayloadLen)
}
