package l2tp

import (
	"encoding/binary"
	"strconv"

	"l2tpdump/l2tp/printable"
)

// results are the result codes by the type of the message (RFC 2661 section 4.4.2, RFC 3308, RFC
// 3931).
var results = map[uint16]map[uint16]string{
	StopCCN: {
		1: "general request to clear control connection",
		2: "general error",
		3: "control channel already exists",
		4: "requester is not authorized",
		5: "protocol version not supported",
		6: "requester is being shut down",
		7: "finite state machine error",
		8: "mismatching CCDS value",
	},
	CDN: {
		1:  "loss of carrier",
		2:  "general error",
		3:  "administrative reasons",
		4:  "temporary lack of facilities",
		5:  "permanent lack of facilities",
		6:  "invalid destination",
		7:  "no carrier detected",
		8:  "busy signal",
		9:  "no dial tone",
		10: "call not established in time",
		11: "no appropriate framing detected",
		12: "mismatching SDS value",
		13: "lost tie breaker",
		14: "unsupported pseudowire type",
		15: "sequencing required without valid sublayer",
		16: "finite state machine error",
		17: "frame relay circuit deleted",
		18: "frame relay circuit inactive",
		19: "mismatching frame relay header length",
		20: "HDLC link deleted",
		21: "HDLC link inactive",
		22: "OAM cell emulation not supported",
		23: "mismatching interface MTU",
		24: "no such forwarder",
		25: "unauthorized forwarder",
		26: "loop detected",
	},
}

// generalErrors are the error codes that explain result 2 (RFC 2661 section 4.4.2).
var generalErrors = map[uint16]string{
	1:  "no control connection exists yet",
	2:  "length is wrong",
	3:  "field value out of range or reserved field not zero",
	4:  "insufficient resources",
	5:  "invalid session ID",
	6:  "vendor-specific error",
	7:  "try another LNS",
	8:  "unknown AVP with the mandatory bit",
	9:  "try another directed",
	10: "next hop unreachable",
	11: "next hop busy",
	12: "aggregator busy",
}

// appendResult writes a Result Code AVP whose message is not known.
func appendResult(dst, v []byte) ([]byte, bool) { return appendResultOf(dst, v, 0) }

// appendResultOf writes a Result Code AVP: the result of a StopCCN or a CDN, the error code and
// the message, where they are there: `2 general error: insufficient resources "pool empty"`.
func appendResultOf(dst, v []byte, message uint16) ([]byte, bool) {
	r, ok := readResult(v, message)
	if !ok {
		return dst, false
	}
	dst = appendCode(dst, r.Code, r.Text)
	if r.Error != 0 {
		dst = appendCode(append(dst, ", error "...), r.Error, r.ErrorText)
	}
	if r.Message != "" {
		dst = append(append(dst, ", "...), r.Message.String()...)
	}
	return dst, true
}

// appendCode writes a code and what it means, if that is known.
func appendCode(dst []byte, code uint16, text string) []byte {
	dst = strconv.AppendUint(dst, uint64(code), 10)
	if text != "" {
		dst = append(append(dst, ' '), text...)
	}
	return dst
}

// readResult reads a Result Code AVP of a message of that type, 0 if it is not known.
func readResult(v []byte, message uint16) (r Result, ok bool) {
	if len(v) < 2 || len(v) == 3 {
		return r, false
	}
	r.Code = binary.BigEndian.Uint16(v)
	r.Text = results[message][r.Code]
	if len(v) >= 4 {
		r.Error = binary.BigEndian.Uint16(v[2:])
		r.ErrorText = generalErrors[r.Error]
		r.Message = printable.NewText(v[4:])
	}
	return r, true
}

// pppDisconnects are the codes of RFC 3145 section 3.
var pppDisconnects = map[uint16]string{
	0:  "no information",
	1:  "administrative disconnect",
	2:  "LCP renegotiation disabled at LNS",
	3:  "normal disconnection",
	4:  "compulsory encryption refused",
	5:  "LCP timeout",
	6:  "no recognizable LCP packets",
	7:  "magic number error, link looped back",
	8:  "echo request timeout",
	9:  "unexpected endpoint discriminator",
	10: "unexpected MRRU",
	11: "unexpected short sequence number option",
	12: "compulsory call-back refused",
	13: "authentication timeout",
	14: "unexpected authenticated name",
	15: "authentication protocol unacceptable",
	16: "authentication failed",
	17: "network protocol timeout",
	18: "no network protocol available",
	19: "no acceptable address",
	20: "no permitted address",
}

// appendPPPDisconnect writes a PPP Disconnect Cause Code (RFC 3145 section 2): code, protocol,
// direction, message.
func appendPPPDisconnect(dst, v []byte) []byte {
	code := binary.BigEndian.Uint16(v)
	dst = appendCode(dst, code, pppDisconnects[code])
	dst = appendHex(append(dst, ", protocol "...), v[2:4])
	if where := [...]string{"", " at peer", " at local"}; int(v[4]) < len(where) {
		dst = append(dst, where[v[4]]...)
	} else {
		dst = strconv.AppendUint(append(dst, " direction "...), uint64(v[4]), 10)
	}
	if len(v) > 5 {
		dst = printable.Append(append(dst, ", "...), v[5:])
	}
	return dst
}
