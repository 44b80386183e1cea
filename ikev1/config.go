package ikev1

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"strconv"
)

// ConfigType is the kind of an Attribute payload
// (draft-dukes-ike-mode-cfg section 3.2).
type configType uint8

// The kinds of Attribute payloads.
const (
	configRequest configType = 1
	configReply   configType = 2
	configSet     configType = 3
	configAck     configType = 4
)

// String returns "REQUEST", "REPLY", "SET", "ACK", or "config 99".
func (t configType) String() string {
	switch t {
	case configRequest:
		return "REQUEST"
	case configReply:
		return "REPLY"
	case configSet:
		return "SET"
	case configAck:
		return "ACK"
	}
	return numbered("config", t)
}

// Attributes of XAUTH (draft-beaulieu-ike-xauth section 6).
const (
	attributeXAuthType     = 16520
	attributeXAuthUserName = 16521
	attributeXAuthPassword = 16522
	attributeXAuthPasscode = 16523
	attributeXAuthMessage  = 16524
	attributeXAuthDomain   = 16526
	attributeXAuthStatus   = 16527
)

// Config is the body of an Attribute payload of the Transaction exchange:
// Mode-Config and XAUTH.
type configPayload struct {
	Type       configType
	ID         uint16 // of the transaction
	Attributes []attribute
}

// ParseConfig reads the body of an Attribute payload. Attributes refer to body
// and fill it exactly. On an error, those before the damage are returned with it.
func parseConfig(body []byte) (configPayload, error) {
	if len(body) < 4 {
		return configPayload{}, fmt.Errorf("ikev1: attribute payload of %d bytes: %w", len(body), ErrMalformed)
	}
	c := configPayload{Type: configType(body[0]), ID: binary.BigEndian.Uint16(body[2:])}
	if body[1] != 0 {
		return c, fmt.Errorf("ikev1: attribute payload with reserved byte %#02x: %w", body[1], ErrMalformed)
	}
	var err error
	c.Attributes, err = parseAttributes(body[4:])
	return c, err
}

// attributeText returns an attribute of Mode-Config or XAUTH as it is printed. The
// values of passwords, codes, challenges and answers are never shown, only their
// lengths, nor are values whose meaning is not known.
// An acknowledgement repeats attributes without a meaning of their values.
func (t configType) attributeText(a *attribute) string {
	name := configAttributeName(a.Type)
	if len(a.Value) == 0 || t == configAck {
		return name
	}
	if v, ok := configValue(a); ok {
		return name + "=" + v
	}
	return name + " (" + strconv.Itoa(len(a.Value)) + " bytes)"
}

// configValue returns the value of an attribute that may be shown.
func configValue(a *attribute) (string, bool) {
	switch a.Type {
	case 1, 2, 3, 4, 6, 8, 9, 10, 11, 12: // one address; with its prefix length for IPv6
		v := a.Value
		if addr, ok := netip.AddrFromSlice(v); ok {
			return addr.String(), true
		}
		if len(v) == 17 {
			addr, _ := netip.AddrFromSlice(v[:16])
			return addr.String() + "/" + strconv.Itoa(int(v[16])), true
		}
	case 13: // subnet: address and mask
		if len(a.Value) == 8 {
			id := identification{Type: idIPv4AddrSubnet, Data: a.Value}
			return id.String(), true
		}
	case 5, 28673, 28677, 28679:
		if v, ok := a.number(); ok {
			return strconv.FormatUint(v, 10), true
		}
	case 7, attributeXAuthUserName, attributeXAuthMessage, attributeXAuthDomain, 28672, 28674, 28675, 28681, 28682:
		return printable(a.Value), true
	case 28676, 28678: // rows of 14 bytes: address, mask, six bytes of protocol and ports
		if len(a.Value)%14 != 0 {
			break
		}
		s := ""
		for v := a.Value; len(v) > 0 && len(s) < maxText; v = v[14:] {
			id := identification{Type: idIPv4AddrSubnet, Data: v[:8]}
			if s != "" {
				s += ";"
			}
			s += id.String()
		}
		return s, true
	case attributeXAuthType:
		if v, ok := a.number(); ok {
			switch v {
			case 0:
				return "generic", true
			case 1:
				return "radius-chap", true
			case 2:
				return "otp", true
			case 3:
				return "s/key", true
			}
			return strconv.FormatUint(v, 10), true
		}
	case attributeXAuthStatus:
		if v, ok := a.number(); ok {
			switch v {
			case 0:
				return "fail", true
			case 1:
				return "ok", true
			}
			return strconv.FormatUint(v, 10), true
		}
	}
	return "", false
}
