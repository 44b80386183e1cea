package ppp

import (
	"encoding/binary"
	"fmt"
	"strconv"

	"l2tpdump/l2tp/printable"
)

// controlHeader is the size of code, identifier and length (RFC 1661 section 5).
const controlHeader = 4

// Codes of LCP and the network control protocols (RFC 1661 section 5).
const (
	codeVendor           = 0
	codeConfigureRequest = 1
	codeConfigureAck     = 2
	codeConfigureNak     = 3
	codeConfigureReject  = 4
	codeTerminateRequest = 5
	codeTerminateAck     = 6
	codeCodeReject       = 7
	codeProtocolReject   = 8
	codeEchoRequest      = 9
	codeEchoReply        = 10
	codeDiscardRequest   = 11
	codeIdentification   = 12
	codeTimeRemaining    = 13
	codeResetRequest     = 14
	codeResetAck         = 15
)

var codes = [...]string{
	"Vendor", "Conf-Req", "Conf-Ack", "Conf-Nak", "Conf-Rej", "Term-Req", "Term-Ack", "Code-Rej", "Prot-Rej",
	"Echo-Req", "Echo-Rep", "Disc-Req", "Ident", "Time-Remaining", "Reset-Req", "Reset-Ack",
}

// otherCodes are the codes of the protocols that have their own.
var otherCodes = map[uint16][]string{
	protocolPAP:  {1: "Auth-Req", 2: "Auth-Ack", 3: "Auth-Nak"},
	protocolSPAP: {1: "Request", 2: "Ack", 3: "Nak"},
	protocolCHAP: {1: "Challenge", 2: "Response", 3: "Success", 4: "Failure", 5: "Change-Password-1",
		6: "Change-Password-2", 7: "Change-Password"},
	protocolEAP:  {1: "Request", 2: "Response", 3: "Success", 4: "Failure", 5: "Initiate", 6: "Finish"},
	protocolCBCP: {1: "Request", 2: "Response", 3: "Ack"},
	protocolBAP: {1: "Call-Req", 2: "Call-Rep", 3: "Callback-Req", 4: "Callback-Rep", 5: "Drop-Query-Req",
		6: "Drop-Query-Rep", 7: "Call-Status", 8: "Call-Status-Rep"},
}

// Control is a packet of a control protocol (RFC 1661 section 5; PAP, CHAP, EAP, CBCP and BAP have
// the same header).
type Control struct {
	Protocol uint16
	Code, ID uint8
	Length   uint16 // as the packet says, header included
	Data     []byte // what follows the four bytes of the header, up to Length; part of the payload
}

// Decode reads payload, which is data[f.PayloadStart:f.PayloadEnd] of a frame of this protocol.
// What is beyond the packet's own length is padding. After ErrTruncated Data holds what there is.
func (c *Control) Decode(protocol uint16, payload []byte) error {
	*c = Control{Protocol: protocol}
	if len(payload) < controlHeader {
		return errShort
	}
	c.Code, c.ID = payload[0], payload[1]
	c.Length = binary.BigEndian.Uint16(payload[2:])
	if c.Length < controlHeader {
		return errLength
	}
	if int(c.Length) > len(payload) {
		c.Data = payload[controlHeader:]
		return ErrTruncated
	}
	c.Data = payload[controlHeader:c.Length]
	return nil
}

// CodeName is the name of the code: "Conf-Req", "Challenge"; "code 99" if it has none.
func (c *Control) CodeName() string {
	names, ok := otherCodes[c.Protocol]
	if !ok {
		names = codes[:]
	}
	if int(c.Code) < len(names) && names[c.Code] != "" {
		return names[c.Code]
	}
	return "code " + strconv.Itoa(int(c.Code))
}

// Options yields what Values does, all values as texts fit for a terminal: numbers in decimal,
// flags as "yes".
func (c *Control) Options(yield func(name, value string) bool) {
	c.Values(func(name string, value any) bool {
		if o, ok := value.(Octets); ok {
			return yield(name, o.Hex())
		}
		return yield(name, valueText(value))
	})
}

// valueText is a value of [Control.Values] as a text for a line.
func valueText(value any) string {
	switch v := value.(type) {
	case bool:
		return "yes"
	case string:
		return v
	case uint64:
		return strconv.FormatUint(v, 10)
	case printable.Text:
		return string(printable.Append(nil, []byte(v)))
	}
	return fmt.Sprint(value)
}

// Values yields the packet's options, or its other contents, with short names: "mru" 1400, "auth"
// "mschap-v2", "addr" "192.168.11.6". A value is a string for people, a [printable.Text] where it
// is a text of the sender, a uint64 where it is a number, [Octets] where no more is known, or true
// for an option that is there or not. What is damaged is yielded as "malformed" with the reason. A
// name can come more than once. For use as an iterator:
//
//	for name, value := range c.Values {
func (c *Control) Values(yield func(name string, value any) bool) {
	switch c.Protocol {
	case protocolPAP:
		c.papFields(yield)
	case protocolSPAP, protocolVSAP: // proprietary, may hold a password
		hiddenField(yield, c.Data)
	case protocolCHAP:
		c.chapFields(yield)
	case protocolEAP:
		c.eapFields(yield)
	case protocolCBCP:
		cbcpOptions.fields(c.Data, yield)
	case protocolBAP:
		c.bapFields(yield)
	default:
		c.configuration(yield)
	}
}

// configuration are the contents of a packet of LCP or a network control protocol (RFC 1661 section
// 5).
func (c *Control) configuration(yield fieldFunc) {
	switch c.Code {
	case codeConfigureRequest, codeConfigureAck, codeConfigureNak, codeConfigureReject:
		protocolOptions[c.Protocol].fields(c.Data, yield)
	case codeTerminateRequest, codeTerminateAck:
		messageField(yield, c.Data)
	case codeCodeReject:
		if len(c.Data) < 2 {
			dataField(yield, c.Data)
			return
		}
		rejected := Control{Protocol: c.Protocol, Code: c.Data[0]}
		if yield("rejected", rejected.CodeName()+" id "+strconv.Itoa(int(c.Data[1]))) {
			dataField(yield, c.Data)
		}
	case codeProtocolReject:
		if len(c.Data) < 2 {
			yield("malformed", "no protocol")
			return
		}
		protocol, packet := binary.BigEndian.Uint16(c.Data), c.Data[2:]
		switch {
		case !yield("protocol", ProtocolName(protocol)):
		case carriesLogin(protocol): // it may hold a password
			hiddenField(yield, packet)
		default:
			dataField(yield, packet)
		}
	case codeEchoRequest, codeEchoReply, codeDiscardRequest, codeIdentification, codeTimeRemaining, codeVendor:
		c.magicFields(yield)
	default:
		dataField(yield, c.Data)
	}
}

// magicFields are the contents of packets that begin with a magic number (RFC 1661 section 5.8, RFC
// 1570 section 2, RFC 2153 section 2).
func (c *Control) magicFields(yield fieldFunc) {
	if len(c.Data) < 4 {
		yield("malformed", "no magic number")
		return
	}
	switch rest := c.Data[4:]; {
	case !yield("magic", hex32(binary.BigEndian.Uint32(c.Data))):
	case c.Code == codeIdentification:
		messageField(yield, rest)
	case c.Code == codeTimeRemaining && len(rest) < 4:
		yield("malformed", "no seconds")
	case c.Code == codeTimeRemaining:
		if yield("seconds", uint64(binary.BigEndian.Uint32(rest))) {
			messageField(yield, rest[4:])
		}
	case c.Code == codeVendor && len(rest) < 4:
		yield("malformed", "no OUI")
	case c.Code == codeVendor:
		if yield("oui", hexBytes(rest[:3])) && yield("kind", uint64(rest[3])) {
			dataField(yield, rest[4:])
		}
	default:
		dataField(yield, rest)
	}
}
