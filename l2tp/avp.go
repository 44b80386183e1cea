package l2tp

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"iter"
	"strconv"

	"l2tpdump/l2tp/internal/fingerprint"
)

// avpHeader is the size of an AVP's header: flags and length, vendor, type (RFC 2661 section 4.1).
const avpHeader = 6

// avp is an Attribute Value Pair of a control message (RFC 2661 section 4.1).
type avp struct {
	Value  []byte // at most 1017 bytes, part of the control message
	Vendor uint16 // SMI enterprise number; 0 is the IETF
	Type   uint16

	Hidden    bool // H bit: Value is encrypted with the tunnel's shared secret
	uncovered bool // Value was encrypted
	wrong     bool // no secret that is known uncovers Value
}

// covered reports whether the value can't be read.
func (a *avp) covered() bool { return a.Hidden && !a.uncovered }

func (a *avp) isMessageType() bool { return a.Vendor == 0 && a.Type == avpMessageType }

// maxAVPs bounds the AVPs of a control message: no RFC defines half as many.
const maxAVPs = 256

// walkAVPs walks the AVPs of a control message's payload, data[h.PayloadStart:h.PayloadEnd]. An AVP
// whose length is less than its header or reaches beyond the message, or the one that is too many,
// ends the walk with an error. The values are part of payload.
func walkAVPs(payload []byte) iter.Seq2[avp, error] {
	return func(yield func(avp, error) bool) {
		count := 0
		for rest := payload; len(rest) > 0; {
			if count++; count > maxAVPs {
				yield(avp{}, fmt.Errorf("l2tp: more than %d AVPs", maxAVPs))
				return
			}
			if len(rest) < avpHeader {
				yield(avp{}, fmt.Errorf("l2tp: %d bytes left, an AVP has at least %d", len(rest), avpHeader))
				return
			}
			flags := binary.BigEndian.Uint16(rest)
			a := avp{
				Hidden: flags&0x4000 != 0,
				Vendor: binary.BigEndian.Uint16(rest[2:]),
				Type:   binary.BigEndian.Uint16(rest[4:]),
			}
			n := int(flags & 0x03ff)
			if n < avpHeader {
				yield(a, fmt.Errorf("l2tp: length %d of AVP %s is less than its header", n, a.name()))
				return
			}
			if n > len(rest) {
				yield(a, fmt.Errorf("l2tp: length %d of AVP %s is more than the %d bytes left", n, a.name(), len(rest)))
				return
			}
			a.Value = rest[avpHeader:n]
			if !yield(a, nil) {
				return
			}
			rest = rest[n:]
		}
	}
}

// unnamed is what is known of an attribute that is not in the table.
var unnamed attribute

func (a *avp) attribute() *attribute {
	if a.Vendor == 0 && int(a.Type) < len(avps) {
		return &avps[a.Type]
	}
	return &unnamed
}

// name is the name of the attribute as its RFC has it ("Host Name"); of another vendor's, the
// vendor and the number ("Microsoft AVP 1"); of an unknown one, the number ("AVP 200").
func (a *avp) name() string {
	number := "AVP " + strconv.Itoa(int(a.Type))
	if a.Vendor == 0 {
		return cmp.Or(a.attribute().name, number)
	}
	return cmp.Or(vendors[a.Vendor], "vendor "+strconv.Itoa(int(a.Vendor))) + " " + number
}

// appendValue writes the value for people, as it is to be read in a message of that type, 0 for one
// that is not known: numbers, flags and texts by what they mean, what is not known in hexadecimal.
// What is hidden is described by its length, and what serves to prove knowledge of a secret by
// length and fingerprint.
func (a *avp) appendValue(dst []byte, message uint16) []byte {
	if a.covered() {
		dst = append(fingerprint.AppendSize(dst, len(a.Value)), " hidden"...)
		if a.wrong {
			dst = append(dst, " (wrong secret)"...)
		}
		return dst
	}
	write := a.attribute().value
	switch {
	case write == nil:
		return appendHex(dst, a.Value)
	case a.Type == avpResultCode && !a.Hidden:
		write = func(dst, v []byte) ([]byte, bool) { return appendResultOf(dst, v, message) }
	}
	out, ok := write(dst, a.Value)
	if !ok {
		out = append(fingerprint.AppendSize(dst, len(a.Value)), " malformed"...)
	}
	return out
}

// appendShort is appendValue for a line: of bytes of which no more is known it shows the first 32.
// It says that the value was hidden.
func (a *avp) appendShort(dst []byte, message uint16) []byte {
	const most = 32
	shown, end := *a, ""
	if a.attribute().value == nil && !a.covered() && len(a.Value) > most {
		shown.Value, end = a.Value[:most], "..."
	}
	if dst = shown.appendValue(dst, message); a.uncovered {
		dst = append(dst, " (hidden)"...)
	}
	return append(dst, end...)
}

// vendors are the SMI enterprise numbers met in L2TP.
var vendors = map[uint16]string{
	9: "Cisco", 43: "3Com", 193: "Ericsson", 311: "Microsoft", 429: "US Robotics", 529: "Ascend", 674: "Dell",
	1182: "Yamaha", 2011: "Huawei", 2352: "Redback", 2636: "Juniper", 3561: "Broadband Forum", 4874: "Juniper ERX",
	12356: "Fortinet", 14988: "MikroTik",
}
