package l2tp

import (
	"cmp"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"l2tpdump/l2tp/internal/fingerprint"
	"l2tpdump/l2tp/ppp"
	"l2tpdump/l2tp/printable"
)

// The functions of this file write the values of AVPs. Each says false when the value has the wrong
// length for its attribute; what it appended is then dropped.

// appendResponse writes of a challenge, or of a response to one, its length and a fingerprint.
func appendResponse(dst, v []byte) ([]byte, bool) { return fingerprint.Append(dst, v), true }

// appendPassword does so of what may be a password.
func appendPassword(dst, v []byte) ([]byte, bool) { return fingerprint.AppendPassword(dst, v), true }

func appendNothing(dst, v []byte) ([]byte, bool) { return dst, len(v) == 0 }

func appendText(dst, v []byte) ([]byte, bool) { return printable.Append(dst, v), true }

// maxValue is how many bytes a value has at most.
const maxValue = 1017

// sized writes values of so many bytes, least to most.
func sized(least, most int, write func(dst, v []byte) []byte) func(dst, v []byte) ([]byte, bool) {
	return func(dst, v []byte) ([]byte, bool) {
		if len(v) < least || len(v) > most {
			return dst, false
		}
		return write(dst, v), true
	}
}

// number is that of all bytes, eight at most.
func number(v []byte) (n uint64) {
	for _, b := range v {
		n = n<<8 | uint64(b)
	}
	return n
}

func appendNumber(dst, v []byte) []byte { return strconv.AppendUint(dst, number(v), 10) }

var (
	appendUint16  = sized(2, 2, appendNumber)
	appendUint32  = sized(4, 4, appendNumber)
	appendUint64  = sized(8, 8, appendNumber)
	appendHex16   = sized(2, 2, appendHex)
	appendHex32   = sized(4, 4, appendHex)
	appendHex8    = sized(8, 8, appendHex)
	appendAddress = sized(4, 4, func(dst, v []byte) []byte { return netip.AddrFrom4([4]byte(v)).AppendTo(dst) })

	// The A and S bits, and the A and D bits, of RFC 2661 section 4.4.3.
	appendFraming = sized(4, 4, lowestBits("sync", "async"))
	appendBearer  = sized(4, 4, lowestBits("digital", "analog"))
)

func appendHex(dst, v []byte) []byte { return hex.AppendEncode(append(dst, "0x"...), v) }

// appendDigest writes a Message Digest: the digest type, and the digest (RFC 3931 section 5.4.1).
func appendDigest(dst, v []byte) []byte {
	names := map[byte]string{digestMD5: "hmac-md5", digestSHA1: "hmac-sha1"}
	dst = append(dst, cmp.Or(names[v[0]], "type "+strconv.Itoa(int(v[0])))...)
	return appendHex(append(dst, ' '), v[1:])
}

const lcp = 0xc021 // PPP protocol number

// appendLCPOptions writes the options of an LCP packet: "(mru 1400, magic 0x1d74df3d)".
func appendLCPOptions(dst, v []byte) ([]byte, bool) {
	packet := ppp.Control{Protocol: lcp, Code: 1, Data: v}
	var options []string
	for name, value := range packet.Options {
		if name == "malformed" {
			return dst, false
		}
		options = append(options, name+" "+value)
	}
	return fmt.Appendf(dst, "(%s)", strings.Join(options, ", ")), true
}

func appendMessageType(dst, v []byte) []byte {
	return append(dst, messageName(binary.BigEndian.Uint16(v))...)
}

func appendVersion(dst, v []byte) []byte {
	return fmt.Appendf(dst, "%d.%d", v[0], v[1])
}

// lowestBits writes the two lowest bits by name, or all in hexadecimal if there are others.
func lowestBits(bit0, bit1 string) func(dst, v []byte) []byte {
	names := [...]string{"none", bit0, bit1, bit1 + "+" + bit0}
	return func(dst, v []byte) []byte {
		if n := binary.BigEndian.Uint32(v); n < uint32(len(names)) {
			return append(dst, names[n]...)
		}
		return appendHex(dst, v)
	}
}

// appendProxyType writes the types of RFC 2661 section 4.4.5.
func appendProxyType(dst, v []byte) []byte {
	names := map[uint16]string{1: "text", 2: "chap", 3: "pap", 4: "none", 5: "mschap", 7: "eap"}
	n := binary.BigEndian.Uint16(v)
	return append(dst, cmp.Or(names[n], strconv.Itoa(int(n)))...)
}

// appendCallErrors writes the counters of RFC 2661 section 4.4.6 that are not zero.
func appendCallErrors(dst, v []byte) []byte {
	names := [...]string{"crc", "framing", "hardware-overrun", "buffer-overrun", "timeout", "alignment"}
	var errors []string
	for i, name := range names {
		if n := binary.BigEndian.Uint32(v[2+4*i:]); n != 0 {
			errors = append(errors, fmt.Sprintf("%s-%d", name, n))
		}
	}
	return append(dst, cmp.Or(strings.Join(errors, "/"), "none")...)
}

func appendACCM(dst, v []byte) []byte {
	dst = appendHex(append(dst, "send-"...), v[2:6])
	return appendHex(append(dst, "/receive-"...), v[6:])
}

// appendCause writes a Q.931 cause: code, message and an advisory text (RFC 2661 section 4.4.2).
func appendCause(dst, v []byte) []byte {
	dst = fmt.Appendf(dst, "%d/%d", binary.BigEndian.Uint16(v), v[2])
	if len(v) > 3 {
		dst = printable.Append(append(dst, ' '), v[3:])
	}
	return dst
}

// appendVPI writes an ATM path and channel (RFC 3301 section 5).
func appendVPI(dst, v []byte) []byte {
	return fmt.Appendf(dst, "%d/%d", binary.BigEndian.Uint16(v), binary.BigEndian.Uint16(v[2:]))
}

// pseudowires are the types of RFC 4446 and its registry that L2TPv3 carries.
var pseudowires = map[uint16]string{
	1: "frame-relay", 2: "atm-aal5", 3: "atm-cell", 4: "ethernet-vlan", 5: "ethernet", 6: "hdlc", 7: "ppp",
	9: "atm-vcc", 10: "atm-vpc", 11: "ip", 17: "e1", 18: "t1", 19: "e3", 20: "t3",
}

func appendPseudowire(dst, v []byte) []byte {
	return append(dst, PseudowireName(binary.BigEndian.Uint16(v))...)
}

func appendPseudowires(dst, v []byte) ([]byte, bool) {
	var names []string
	for ; len(v) >= 2; v = v[2:] {
		names = append(names, PseudowireName(binary.BigEndian.Uint16(v)))
	}
	return append(dst, strings.Join(names, "/")...), len(v) == 0
}
