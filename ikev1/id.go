package ikev1

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math/bits"
	"net/netip"
	"strconv"

	"l2tpdump/l2tp/printable"
)

// idType is the type of an identification (RFC 2407 section 4.6.2.1).
type idType uint8

// The types of identification.
const (
	idIPv4Addr       idType = 1
	idFQDN           idType = 2
	idUserFQDN       idType = 3
	idIPv4AddrSubnet idType = 4
	idIPv6Addr       idType = 5
	idIPv6AddrSubnet idType = 6
	idIPv4AddrRange  idType = 7
	idIPv6AddrRange  idType = 8
	idDERASN1DN      idType = 9
	idKeyID          idType = 11
)

// identification is the body of an Identification payload (RFC 2407 section 4.6.2).
type identification struct {
	Type     idType
	Protocol uint8  // IP protocol, 0 for any
	Port     uint16 // 0 for any
	Data     []byte // part of the body parsed
}

// parseID reads the body of an Identification payload, whose data has the length of its type.
func parseID(body []byte) (identification, error) {
	if len(body) < 4 {
		return identification{}, malformedf("ID payload of %d bytes", len(body))
	}
	id := identification{
		Type:     idType(body[0]),
		Protocol: body[1],
		Port:     binary.BigEndian.Uint16(body[2:]),
		Data:     body[4:],
	}
	if want := id.Type.dataLen(); want > 0 && want != len(id.Data) {
		return id, malformedf("ID of type %d with %d bytes, not %d", id.Type, len(id.Data), want)
	}
	return id, nil
}

// dataLen is the length of the data that a type demands, 0 for any.
func (t idType) dataLen() int {
	switch t {
	case idIPv4Addr:
		return 4
	case idIPv4AddrSubnet, idIPv4AddrRange:
		return 8
	case idIPv6Addr:
		return 16
	case idIPv6AddrSubnet, idIPv6AddrRange:
		return 32
	}
	return 0
}

// addr returns the address of an IPv4 or IPv6 address ID; it is not valid for other types.
func (id *identification) addr() netip.Addr {
	if id.Type == idIPv4Addr || id.Type == idIPv6Addr {
		if a, ok := netip.AddrFromSlice(id.Data); ok {
			return a
		}
	}
	return netip.Addr{}
}

var ipProtocols = map[uint8]string{
	0: "any", 1: "icmp", 4: "ipip", 6: "tcp", 17: "udp", 47: "gre", 58: "icmpv6", 115: "l2tp", 132: "sctp",
}

// selector returns protocol and port: "udp/1701", "udp/any", "icmp"; "" for all protocols.
func (id *identification) selector() string {
	if id.Protocol == 0 && id.Port == 0 {
		return ""
	}
	s, ok := ipProtocols[id.Protocol]
	if !ok {
		s = "proto-" + strconv.Itoa(int(id.Protocol))
	}
	switch {
	case id.Port != 0:
		s += "/" + strconv.Itoa(int(id.Port))
	case s == "any", s == "tcp", s == "udp", s == "sctp":
		s += "/any"
	}
	return s
}

// name returns the identity where it is a text, else "".
func (id *identification) name() printable.Text {
	switch id.Type {
	case idFQDN, idUserFQDN:
		return printable.NewText(id.Data)
	case idDERASN1DN:
		return distinguishedName(id.Data)
	case idKeyID:
		if isText(id.Data) {
			return printable.NewText(id.Data)
		}
	}
	return ""
}

// value is the identity for programs: its text as it is, else as people see it.
func (id *identification) value() printable.Text {
	return cmp.Or(id.name(), printable.Text(id.String()))
}

// String returns the identity without protocol and port: "10.0.0.2", "10.1.0.0/16",
// "10.0.0.1-10.0.0.9", "vpn.example.com", a distinguished name in quotes. What can't be shown as
// text becomes hexadecimal.
func (id *identification) String() string {
	d := id.Data
	if want := id.Type.dataLen(); want > 0 && want != len(d) {
		return numbered("damaged ID of type", id.Type)
	}
	switch id.Type {
	case 0: // reserved: the type stood in a first block that is lost
		return lostID(d)
	case idIPv4Addr, idIPv6Addr:
		return id.addr().String()
	case idIPv4AddrSubnet, idIPv6AddrSubnet:
		addr, mask := halves(d)
		if ones, ok := prefixLen(d[len(d)/2:]); ok {
			return addr.String() + "/" + strconv.Itoa(ones)
		}
		return addr.String() + "/" + mask.String()
	case idIPv4AddrRange, idIPv6AddrRange:
		first, last := halves(d)
		return first.String() + "-" + last.String()
	case idFQDN, idUserFQDN:
		return shown(d)
	case idDERASN1DN:
		if name := distinguishedName(d); name != "" {
			return shownName(name)
		}
	case idKeyID:
		if isText(d) {
			return shown(d)
		}
	}
	return fmt.Sprintf("%s %s", id.Type, shortHex(d))
}

// lostID prints what there is of an ID whose first bytes may not be known.
func lostID(d []byte) string {
	rest := bytes.TrimLeft(d, "\x00")
	switch {
	case len(rest) == 0:
		return "?"
	case len(d) == 4:
		return netip.AddrFrom4([4]byte(d)).String()
	case isText(rest):
		return "..." + shown(rest)
	}
	return "..." + shortHex(rest)
}

// halves returns the two addresses in d, which has 8 or 32 bytes.
func halves(d []byte) (a, b netip.Addr) {
	a, _ = netip.AddrFromSlice(d[:len(d)/2])
	b, _ = netip.AddrFromSlice(d[len(d)/2:])
	return a, b
}

// prefixLen returns the length of the prefix that a netmask stands for.
func prefixLen(mask []byte) (int, bool) {
	n := 0
	for n < len(mask) && mask[n] == 0xff {
		n++
	}
	if n == len(mask) {
		return n * 8, true
	}
	ones := bits.LeadingZeros8(^mask[n])
	rest := bytes.TrimLeft(mask[n+1:], "\x00")
	return n*8 + ones, mask[n]<<ones == 0 && len(rest) == 0
}

// shortHex prints bytes in hexadecimal, of a long value the first 32.
func shortHex(b []byte) string {
	if len(b) > 32 {
		return hex.EncodeToString(b[:32]) + fmt.Sprintf("... (%d bytes)", len(b))
	}
	return hex.EncodeToString(b)
}

var idTypes = map[idType]string{
	1: "ipv4", 2: "fqdn", 3: "user-fqdn", 4: "ipv4-subnet", 5: "ipv6", 6: "ipv6-subnet", 7: "ipv4-range",
	8: "ipv6-range", 9: "dn", 10: "general-name", 11: "key-id", 12: "id-list",
}

// String returns the name of the type in lower case.
func (t idType) String() string { return nameOf(idTypes, "id-type", t) }
