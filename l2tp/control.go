package l2tp

import (
	"encoding/binary"
)

// Control is a control message: its AVPs, those that were hidden uncovered if the secret is known,
// and what the tunnel that it belongs to says of it.
type Control struct {
	kind uint16
	name string
	avps []avp
	err  error // what is wrong with the AVP behind avps

	Retransmission bool  // the same message was seen before
	Authentication Proof // of its Challenge Response or its Message Digest
}

// readControl reads a control message from its payload, data[h.PayloadStart:h.PayloadEnd].
func readControl(payload []byte) *Control {
	c := new(Control)
	c.read(payload)
	return c
}

// read is readControl to what is there.
func (c *Control) read(payload []byte) {
	*c = Control{}
	c.kind, c.name = messageType(payload)
	var most [16]avp
	avps := most[:0]
	for a, err := range walkAVPs(payload) {
		if err != nil {
			c.err = err
			break
		}
		avps = append(avps, a)
	}
	c.avps = append(c.avps, avps...)
}

// Type is the name of the message type: "SCCRQ"; "ZLB" for the empty message that only
// acknowledges; "message 99" for an unknown type; "control" if the message does not begin with a
// Message Type AVP.
func (c *Control) Type() string { return c.name }

// acknowledges reports whether the message does nothing else, and has the Ns of the next one (RFC
// 2661 section 5.8, RFC 3931 section 4.2).
func (c *Control) acknowledges() bool {
	return len(c.avps) == 0 && c.err == nil || c.kind == ACK
}

// Values yields the AVPs behind the Message Type by name: "Host Name" "iPhone", "Receive Window
// Size" 4. A value is a string for people, a uint64 where it is a number, or true for an attribute
// without a value. What is damaged is yielded last as "malformed" with the reason. A name can come
// more than once.
func (c *Control) Values(yield func(name string, value any) bool) {
	for i := range c.avps {
		a := &c.avps[i]
		if a.isMessageType() && c.kind != 0 {
			continue
		}
		if !yield(a.name(), a.says(c.kind)) {
			return
		}
	}
	if c.err != nil {
		yield("malformed", c.err.Error()[len("l2tp: "):])
	}
}

// Uncovered returns the names of the AVPs that were hidden, and whose values are known with the
// tunnel's secret (RFC 2661 section 4.3).
func (c *Control) Uncovered() []string {
	var names []string
	for i := range c.avps {
		if c.avps[i].uncovered {
			names = append(names, c.avps[i].name())
		}
	}
	return names
}

// Result returns what the Result Code AVP says; ok is false where there is none that can be read.
func (c *Control) Result() (r Result, ok bool) {
	if v := c.value(avpResultCode); v != nil {
		return readResult(v, c.kind)
	}
	return Result{}, false
}

// value is the value of the first AVP of the IETF of a type that is not hidden (any more), nil if
// there is none.
func (c *Control) value(kind uint16) []byte {
	for i := range c.avps {
		if a := &c.avps[i]; a.Vendor == 0 && a.Type == kind && !a.covered() {
			return a.Value
		}
	}
	return nil
}

// number is the value of an AVP of two or four bytes, 0 if it is not there.
func (c *Control) number(kind uint16) uint32 {
	switch v := c.value(kind); len(v) {
	case 2:
		return uint32(binary.BigEndian.Uint16(v))
	case 4:
		return binary.BigEndian.Uint32(v)
	}
	return 0
}

// text is the value of an AVP, at most 128 bytes of it.
func (c *Control) text(kind uint16) string {
	v := c.value(kind)
	return string(v[:min(len(v), maxName)])
}
