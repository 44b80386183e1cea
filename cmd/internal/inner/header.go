package inner

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"

	"l2tpdump/capture"
)

// appendHeader appends what tcpdump -v says of the IP header.
func (w *Printer) appendHeader(dst []byte, h *packet) []byte {
	ip := h.header
	if h.IPVersion == 6 {
		dst = append(dst, '(')
		class, flow := ip6Class(ip)
		if class != 0 {
			dst = append(appendHex(dst, "class 0x", class), ", "...)
		}
		if flow != 0 {
			dst = append(appendHex(dst, "flowlabel 0x", flow), ", "...)
		}
		dst = appendUint(dst, "hlim ", ip[7])
		dst = appendNumbered(append(dst, ", next-header "...), ip[6])
		return append(appendLength(dst, h.length()), ") "...)
	}
	dst = appendHex(dst, "(tos 0x", ip[1])
	dst = appendUint(dst, ", ttl ", ip[8])
	dst = appendUint(dst, ", id ", binary.BigEndian.Uint16(ip[4:]))
	dst = appendUint(dst, ", offset ", h.FragOffset)
	flags := [...]string{"none", "+", "DF", "DF+", "reserved ", "reserved +", "reserved DF", "reserved DF+"}
	dst = append(append(append(dst, ", flags ["...), flags[ip[6]>>5]...), ']')
	dst = appendNumbered(append(dst, ", proto "...), ip[9])
	dst = appendLength(dst, h.length())
	if options := ipOptions(h); len(options) > 0 {
		dst = append(append(append(dst, ", options ("...), strings.Join(options, ",")...), ')')
	}
	if is, right := capture.HeaderChecksum(ip[:h.PayloadStart]); w.Checksums && is != right {
		dst = fmt.Appendf(dst, ", bad cksum %x (->%x)!", is, right)
	}
	return append(dst, ") "...)
}

// appendNumbered appends a protocol with its number.
func appendNumbered(dst []byte, p uint8) []byte {
	return append(appendUint(appendProtocol(dst, p), " (", p), ')')
}

// ipOptionNames are those of IANA's "IP Option Numbers", as tcpdump writes them.
var ipOptionNames = map[uint8]string{
	0: "EOL", 1: "NOP", 7: "RR", 68: "timestamp", 82: "traceroute", 130: "security", 131: "LSRR", 137: "SSRR", 148: "RA",
}

// ipOptions names the options of an IPv4 header (RFC 791 section 3.1), nil where there are none.
func ipOptions(h *packet) (names []string) {
	if h.IPVersion != 4 {
		return nil
	}
	for o := h.header[20:h.PayloadStart]; len(o) > 0; {
		name, size := ipOptionNames[o[0]], 1
		if name == "" {
			name = "opt-" + strconv.Itoa(int(o[0]))
		}
		names = append(names, name)
		if o[0] > 1 && len(o) > 1 {
			size = int(o[1])
		}
		if o[0] == 0 || size < 1 || size > len(o) {
			break
		}
		o = o[size:]
	}
	return names
}
