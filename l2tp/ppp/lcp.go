package ppp

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"net"
	"strconv"
	"strings"
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
	0:                 {"vendor", sized(4, maxData, vendorOption)},
	1:                 {"mru", number16},
	2:                 {"accm", magic},
	lcpAuthentication: {"auth", sized(2, maxData, authProtocol)},
	4:                 {"quality", sized(2, maxData, qualityProtocol)},
	5:                 {"magic", magic},
	7:                 {"pfc", flag},
	8:                 {"acfc", flag},
	9:                 {"fcs", sized(1, 1, fcsAlternatives)},
	10:                {"padding", number8},
	11:                {"numbered-mode", octets},
	12:                {"multilink-procedure", octets},
	13:                {"callback", sized(1, maxData, callback)},
	14:                {"connect-time", octets},
	15:                {"compound-frames", flag},
	16:                {"nominal-encapsulation", octets},
	lcpMRRU:           {"mrru", number16},
	lcpShortSequence:  {"short-sequence", flag},
	lcpEndpoint:       {"endpoint", sized(1, 21, endpoint)},
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
	30:                {"ppp-mux", flag},
}

// chapAlgorithms are those of RFC 1994, 2433 and 2759.
var chapAlgorithms = map[byte]string{
	5: "chap-md5", 6: "chap-sha1", 7: "chap-sha256", 8: "chap-sha3-256", 0x80: "mschap", 0x81: "mschap-v2",
}

// authProtocol writes an Authentication-Protocol option (RFC 1661 section 6.2).
func authProtocol(data []byte) any {
	switch p := binary.BigEndian.Uint16(data); {
	case p == protocolPAP, p == protocolEAP, p == protocolSPAP:
		return strings.ToLower(protocols[p])
	case p != protocolCHAP:
		return string(appendHex16(nil, p))
	case len(data) < 3:
		return "chap"
	}
	return cmp.Or(chapAlgorithms[data[2]], "chap-"+strconv.Itoa(int(data[2])))
}

// qualityProtocol writes a Quality-Protocol option: "lqr 3000", the period in hundredths of a
// second (RFC 1989 section 2.3).
func qualityProtocol(data []byte) any {
	switch p := binary.BigEndian.Uint16(data); {
	case p != ProtocolLQR:
		return string(appendHex16(nil, p))
	case len(data) == 2:
		return "lqr"
	case len(data) != 6:
		return nil
	}
	return "lqr " + strconv.FormatUint(uint64(binary.BigEndian.Uint32(data[2:])), 10)
}

// fcsAlternatives writes the bits of RFC 1570 section 3.1.
func fcsAlternatives(data []byte) any {
	return bitNames(uint32(data[0]), []bitName{{1, "+null"}, {2, "+16"}, {4, "+32"}}, "+%#x")
}

// callback writes the operation of RFC 1570 section 3.3, and the number or location that follows.
func callback(data []byte) any {
	names := map[byte]string{
		0: "authentication", 1: "dialing-string", 2: "location", 3: "e164", 4: "distinguished-name", 6: "cbcp",
	}
	name := cmp.Or(names[data[0]], strconv.Itoa(int(data[0])))
	if len(data) > 1 {
		name += " " + text(data[1:]).String()
	}
	return name
}

// endpoint writes an Endpoint-Discriminator: class and address (RFC 1990 section 5.1.3).
func endpoint(data []byte) any {
	value := data[1:]
	switch class := data[0]; {
	case class == 0:
		return "null"
	case class == 1:
		return "local " + hexBytes(value)
	case class == 2 && len(value) == 4:
		return "ip " + address4(value)
	case class == 3 && len(value) == 6:
		return "mac " + net.HardwareAddr(value).String()
	case class == 4:
		return "magic " + hexBytes(value)
	case class == 5:
		return "phone " + text(value).String()
	}
	return "class " + strconv.Itoa(int(data[0])) + " " + hexBytes(value)
}

// vendorOption writes the OUI, the kind and the value of RFC 2153 section 2.
func vendorOption(data []byte) any {
	says := hexBytes(data[:3]) + " kind " + strconv.Itoa(int(data[3]))
	if len(data) > 4 {
		says += " " + hexBytes(data[4:])
	}
	return says
}

// bitName is the name of a bit, behind what separates it from the one before.
type bitName struct {
	bit  uint32
	name string
}

// bitNames writes the set bits by name, and those without a name as the format says.
func bitNames(n uint32, names []bitName, others string) string {
	if n == 0 {
		return "none"
	}
	s := ""
	for _, b := range names {
		if n&b.bit != 0 {
			s += b.name
			n &^= b.bit
		}
	}
	if n != 0 {
		s += fmt.Sprintf(others, n)
	}
	return s[1:]
}
