package l2tp

import "iter"

// AVP is an Attribute Value Pair of a control message (RFC 2661 section 4.1).
type AVP struct {
	Mandatory bool   // M bit
	Hidden    bool   // H bit: Value is encrypted with the tunnel's shared secret
	Vendor    uint16 // SMI enterprise number; 0 is the IETF
	Type      uint16
	Value     []byte // part of the control message
}

// AVPs walks the AVPs of a control message's payload.
func AVPs(payload []byte) iter.Seq2[AVP, error] { return func(func(AVP, error) bool) {} }

// Name is the name of the attribute, as RFC 2661 has it.
func (a *AVP) Name() string { return "" }

// Describe is the value for people.
func (a *AVP) Describe() string { return "" }

// MessageType is the type of a control message from its payload: "SCCRQ", "ZLB" for empty.
func MessageType(payload []byte) (uint16, string) { return 0, "" }

// AppendControlSummary appends the summary of a control message: "SCCRQ Ns 0 Nr 0 host=iPhone".
func AppendControlSummary(dst []byte, h *Header, data []byte, verbose int) []byte { return dst }

// AppendSummary appends "L2TP 0/0 SCCRQ Ns 0 Nr 0 host=iPhone" or "L2TP 21/7" for data.
func AppendSummary(dst []byte, h *Header, data []byte, verbose int) []byte { return dst }
