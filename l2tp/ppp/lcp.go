package ppp

import (
	"cmp"
	"encoding/binary"
	"net"
	"strconv"
)

// Types of the LCP options that decide how frames are read.
const (
	lcpAuthentication = 3
	lcpMRRU           = 17
	lcpShortSequence  = 18
	lcpEndpoint       = 19
)

// lcpOptions are LCP's options (IANA's "PPP LCP Configuration Option Types").
var lcpOptions = options{
	0:                 {"vendor", vendorOption},
	1:                 {"mru", number16},
	2:                 {"accm", magic},
	lcpAuthentication: {"auth", authProtocol},
	4:                 {"quality", qualityProtocol},
	5:                 {"magic", magic},
	7:                 {"pfc", nil},
	8:                 {"acfc", nil},
	9:                 {"fcs", sized(1, fcsAlternatives)},
	10:                {"padding", number8},
	11:                {"numbered-mode", octets},
	12:                {"multilink-procedure", octets},
	13:                {"callback", callback},
	14:                {"connect-time", octets},
	15:                {"compound-frames", nil},
	16:                {"nominal-encapsulation", octets},
	lcpMRRU:           {"mrru", number16},
	lcpShortSequence:  {"short-sequence", nil},
	lcpEndpoint:       {"endpoint", endpoint},
	20:                {"proprietary", octets},
	21:                {"dce", octets},
	22:                {"multilink-plus", octets},
	23:                {"link-discriminator", number16},
	24:                {"lcp-auth", octets},
	25:                {"cobs", octets},
	26:                {"prefix-elision", octets},
	27:                {"multilink-header", octets},
	28:                {"language", octets},
	29:                {"simple-data-link", octets},
	30:                {"ppp-mux", nil},
}

// chapAlgorithms are those of RFC 1994, 2433 and 2759.
var chapAlgorithms = map[byte]string{
	5: "chap-md5", 6: "chap-sha1", 7: "chap-sha256", 8: "chap-sha3-256", 0x80: "mschap", 0x81: "mschap-v2",
}

// authProtocol writes an Authentication-Protocol option (RFC 1661 section 6.2).
func authProtocol(data []byte) (any, bool) {
	if len(data) < 2 {
		return nil, false
	}
	switch p := binary.BigEndian.Uint16(data); {
	case p == protocolPAP:
		return "pap", true
	case p == protocolEAP:
		return "eap", true
	case p == protocolSPAP:
		return "spap", true
	case p != protocolCHAP:
		return string(appendHex16(nil, p)), true
	case len(data) < 3:
		return "chap", true
	}
	return cmp.Or(chapAlgorithms[data[2]], "chap-"+decimal(int(data[2]))), true
}

// qualityProtocol writes a Quality-Protocol option: "lqr 3000", the period in hundredths of a
// second (RFC 1989 section 2.3).
func qualityProtocol(data []byte) (any, bool) {
	if len(data) < 2 {
		return nil, false
	}
	p := binary.BigEndian.Uint16(data)
	if p != ProtocolLQR {
		return string(appendHex16(nil, p)), true
	}
	if len(data) != 6 {
		return "lqr", len(data) == 2
	}
	return "lqr " + strconv.FormatUint(uint64(binary.BigEndian.Uint32(data[2:])), 10), true
}

// fcsAlternatives writes the bits of RFC 1570 section 3.1.
func fcsAlternatives(data []byte) any {
	return bitNames(uint32(data[0]), []string{"null", "16", "32"})
}

// callback writes the operation of RFC 1570 section 3.3, and the number or location that follows.
func callback(data []byte) (any, bool) {
	if len(data) < 1 {
		return nil, false
	}
	names := [...]string{"authentication", "dialing-string", "location", "e164", "distinguished-name", "", "cbcp"}
	name := decimal(int(data[0]))
	if int(data[0]) < len(names) && names[data[0]] != "" {
		name = names[data[0]]
	}
	if len(data) > 1 {
		name += " " + text(data[1:]).String()
	}
	return name, true
}

// endpoint writes an Endpoint-Discriminator: class and address (RFC 1990 section 5.1.3).
func endpoint(data []byte) (any, bool) {
	if len(data) < 1 || len(data) > 21 {
		return nil, false
	}
	value := data[1:]
	switch data[0] {
	case 0:
		return "null", true
	case 1:
		return "local " + hexBytes(value), true
	case 2:
		if len(value) == 4 {
			return "ip " + address4(value), true
		}
	case 3:
		if len(value) == 6 {
			return "mac " + net.HardwareAddr(value).String(), true
		}
	case 4:
		return "magic " + hexBytes(value), true
	case 5:
		return "phone " + text(value).String(), true
	}
	return "class " + decimal(int(data[0])) + " " + hexBytes(value), true
}

// vendorOption writes the OUI, the kind and the value of RFC 2153 section 2.
func vendorOption(data []byte) (any, bool) {
	if len(data) < 4 {
		return nil, false
	}
	says := hexBytes(data[:3]) + " kind " + decimal(int(data[3]))
	if len(data) > 4 {
		says += " " + hexBytes(data[4:])
	}
	return says, true
}

// bitNames writes the set bits by name, from the lowest, joined by "+"; bits without a name in
// hexadecimal.
func bitNames(n uint32, names []string) string {
	s := ""
	for i, name := range names {
		if n&(1<<i) != 0 {
			s += "+" + name
			n &^= 1 << i
		}
	}
	if n != 0 {
		s += "+0x" + strconv.FormatUint(uint64(n), 16)
	}
	if s == "" {
		return "none"
	}
	return s[1:]
}
