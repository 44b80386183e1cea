package l2tp

import (
	"encoding/binary"
	"strconv"
)

// Types of control messages (RFC 2661 section 3.2).
const (
	SCCRQ   = 1
	SCCRP   = 2
	SCCCN   = 3
	StopCCN = 4
	Hello   = 6
	OCRQ    = 7
	OCRP    = 8
	OCCN    = 9
	ICRQ    = 10
	ICRP    = 11
	ICCN    = 12
	CDN     = 14
	WEN     = 15
	SLI     = 16
	ACK     = 20 // RFC 3931
)

// messages are the names of the message types in IANA's list.
var messages = [...]string{
	SCCRQ: "SCCRQ", SCCRP: "SCCRP", SCCCN: "SCCCN", StopCCN: "StopCCN", Hello: "HELLO",
	OCRQ: "OCRQ", OCRP: "OCRP", OCCN: "OCCN",
	ICRQ: "ICRQ", ICRP: "ICRP", ICCN: "ICCN",
	CDN: "CDN", WEN: "WEN", SLI: "SLI",
	17: "MDMST",            // RFC 3573
	18: "SRRQ", 19: "SRRP", // RFC 3817
	ACK: "ACK",
	21:  "FSQ", 22: "FSR", // RFC 4951
	23: "MSRQ", 24: "MSRP", 25: "MSE", 26: "MSI", 27: "MSEN", // RFC 4045
	28: "CSUN", 29: "CSURQ", // RFC 5515
}

func messageName(t uint16) string {
	if int(t) < len(messages) && messages[t] != "" {
		return messages[t]
	}
	return "message " + strconv.Itoa(int(t))
}

// messageType is the type of a control message and its name, as [Control.Type] has it. A message
// that does not begin with a Message Type AVP (RFC 2661 section 4.4.1) has type 0.
func messageType(payload []byte) (uint16, string) {
	if len(payload) == 0 {
		return 0, "ZLB"
	}
	const length = avpHeader + 2
	if len(payload) < length || payload[0]&0x40 != 0 ||
		binary.BigEndian.Uint16(payload)&0x03ff != length ||
		binary.BigEndian.Uint16(payload[2:]) != 0 ||
		binary.BigEndian.Uint16(payload[4:]) != avpMessageType {
		return 0, "control"
	}
	t := binary.BigEndian.Uint16(payload[avpHeader:])
	return t, messageName(t)
}
