package ikev1

import (
	"cmp"
	"encoding/binary"
	"net/netip"
	"slices"
	"strconv"
)

// configType is the kind of an Attribute payload (draft-dukes-ike-mode-cfg section 3.2).
type configType uint8

const configAck configType = 4

var configTypes = map[configType]string{1: "REQUEST", 2: "REPLY", 3: "SET", configAck: "ACK"}

// String returns "REQUEST", "REPLY", "SET", "ACK", or "config 99".
func (t configType) String() string { return nameOf(configTypes, "config", t) }

// Attributes of XAUTH (draft-beaulieu-ike-xauth section 6).
const (
	attributeXAuthType     = 16520
	attributeXAuthUserName = 16521
	attributeXAuthPassword = 16522
	attributeXAuthMessage  = 16524
	attributeXAuthDomain   = 16526
	attributeXAuthStatus   = 16527
)

// configPayload is the body of an Attribute payload: of Mode-Config or XAUTH.
type configPayload struct {
	Type       configType
	ID         uint16 // of the transaction
	Attributes []attribute
}

// parseConfig reads the body of an Attribute payload. Attributes refer to body and fill it exactly.
// On an error, those before the damage are returned with it.
func parseConfig(body []byte) (configPayload, error) {
	if len(body) < 4 {
		return configPayload{}, malformedf("attribute payload of %d bytes", len(body))
	}
	c := configPayload{Type: configType(body[0]), ID: binary.BigEndian.Uint16(body[2:])}
	list, err := parseAttributes(body[4:])
	c.Attributes = slices.Collect(list.all())
	return c, err
}

// attributeText returns an attribute of Mode-Config or XAUTH as it is printed. The values of
// passwords, codes, challenges and answers are never shown, only their lengths, nor are values
// whose meaning is not known. An acknowledgement repeats attributes without a meaning of their
// values.
func (t configType) attributeText(a *attribute) string {
	name := configAttributeName(a.Type)
	switch v := t.value(a); {
	case v != "":
		return name + "=" + v
	case len(a.Value) == 0 || t == configAck:
		return name
	}
	return name + " (" + strconv.Itoa(len(a.Value)) + " bytes)"
}

// value returns the value of an attribute, "" where there is none that may be shown.
func (t configType) value(a *attribute) string {
	if len(a.Value) == 0 || t == configAck {
		return ""
	}
	if isConfigText(a.Type) {
		return shown(a.Value)
	}
	number := ""
	if n, ok := a.number(); ok {
		number = strconv.FormatUint(n, 10)
	}
	switch a.Type {
	case 1, 2, 3, 4, 6, 8, 9, 10, 11, 12: // one address; with its prefix length for IPv6
		return addressValue(a.Value)
	case 13, 28676, 28678: // subnet: address and mask; rows of them with six bytes of protocol and ports
		return subnetValues(a)
	case 5, 28673, 28677, 28679:
		return number
	case attributeXAuthType:
		return cmp.Or(xauthTypes[number], number)
	case attributeXAuthStatus:
		return cmp.Or(xauthStatuses[number], number)
	}
	return ""
}

// text returns the bytes of a value that is a text, else nil.
func (t configType) text(a *attribute) []byte {
	if t == configAck || !isConfigText(a.Type) {
		return nil
	}
	return a.Value
}

// isConfigText reports whether the value of an attribute of that type is a text that may be shown.
func isConfigText(kind uint16) bool {
	switch kind {
	case 7, attributeXAuthUserName, attributeXAuthMessage, attributeXAuthDomain, 28672, 28674, 28675, 28681, 28682:
		return true
	}
	return false
}

var (
	xauthTypes    = map[string]string{"0": "generic", "1": "radius-chap", "2": "otp", "3": "s/key"}
	xauthStatuses = map[string]string{"0": "fail", "1": "ok"}
)

func addressValue(v []byte) string {
	prefix := ""
	if len(v) == 17 {
		v, prefix = v[:16], "/"+strconv.Itoa(int(v[16]))
	}
	if addr, ok := netip.AddrFromSlice(v); ok {
		return addr.String() + prefix
	}
	return ""
}

func subnetValues(a *attribute) (s string) {
	row := 14
	if a.Type == 13 {
		row = len(a.Value)
	}
	if row < 8 || len(a.Value)%row != 0 {
		return ""
	}
	for v := a.Value; len(v) > 0 && len(s) < maxText; v = v[row:] {
		id := identification{Type: idIPv4AddrSubnet, Data: v[:8]}
		if s != "" {
			s += ";"
		}
		s += id.String()
	}
	return s
}
