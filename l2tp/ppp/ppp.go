// Package ppp decodes the Point-to-Point Protocol.
package ppp

import "iter"

// Protocol numbers that callers branch on.
const (
	ProtocolIP   = 0x0021
	ProtocolIPv6 = 0x0057
)

// Frame is a decoded PPP frame.
type Frame struct {
	Protocol                 uint16
	AddressControl           bool // FF 03 was there
	Compressed               bool // one-byte protocol field
	PayloadStart, PayloadEnd int
}

// Decode reads address, control and protocol fields.
func (f *Frame) Decode(data []byte) error { return nil }

// ProtocolName is the name of a protocol: "LCP", "IP"; "0x1234" if it has none.
func ProtocolName(p uint16) string { return "" }

// IsControl says whether the protocol has control packets with code and identifier.
func IsControl(p uint16) bool { return false }

// AppendSummary appends "LCP Conf-Req id 1: mru 1400, auth mschap-v2".
func AppendSummary(dst []byte, f *Frame, data []byte) []byte { return dst }

// Control is a packet of a control protocol.
type Control struct {
	Protocol uint16
	Code, ID uint8
	Length   uint16
	Data     []byte // after the four bytes of the header
}

// Decode reads payload, the payload of a frame of this protocol.
func (c *Control) Decode(protocol uint16, payload []byte) error { return nil }

// CodeName is the name of the code: "Conf-Req"
func (c *Control) CodeName() string { return "" }

// Options yields names and values: for name, value := range c.Options.
func (c *Control) Options(yield func(name, value string) bool) {}

var _ iter.Seq2[string, string] = (&Control{}).Options
