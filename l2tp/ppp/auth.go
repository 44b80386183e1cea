package ppp

import (
	"bytes"
	"cmp"
	"strconv"
	"strings"

	"l2tpdump/l2tp/internal/fingerprint"
)

// papFields are the contents of a PAP packet (RFC 1334 section 2.2): the name is shown, of the
// password the length and a fingerprint.
func (c *Control) papFields(yield fieldFunc) {
	field, rest, ok := counted(c.Data)
	switch c.Code {
	case 1:
		switch password, _, whole := counted(rest); {
		case !ok:
			yield("malformed", "peer ID beyond the end")
		case !yield("user", text(field)):
		case !whole:
			yield("malformed", "password beyond the end")
		default:
			yield("password", string(fingerprint.AppendPassword(nil, password)))
		}
	case 2, 3:
		if ok || len(c.Data) == 0 { // an empty packet is usual
			messageField(yield, field)
		} else {
			yield("malformed", "message beyond the end")
		}
	default:
		hiddenField(yield, c.Data)
	}
}

// chapFields are the contents of a CHAP packet (RFC 1994 section 4): names and messages are shown,
// of challenge and response the length and a fingerprint.
func (c *Control) chapFields(yield fieldFunc) {
	switch c.Code {
	case 1, 2:
		switch value, name, ok := counted(c.Data); {
		case !ok:
			yield("malformed", "value beyond the end")
		case yield("name", text(name)):
			responseField(yield, value)
		}
	case 3, 4:
		messageField(yield, redact(c.Data))
	default: // MS-CHAP's changes of password
		hiddenField(yield, c.Data)
	}
}

// counted splits a field that begins with its length in one byte from what follows it.
func counted(data []byte) (field, rest []byte, ok bool) {
	if len(data) < 1 || len(data)-1 < int(data[0]) {
		return nil, nil, false
	}
	n := 1 + int(data[0])
	return data[1:n], data[n:], true
}

// redact takes the authenticator response "S=" and the challenge "C=" out of an MS-CHAP message
// (RFC 2759 sections 5 and 6, RFC 2433 section 7): "S=... M=Access granted". The rest of the
// message is kept.
func redact(message []byte) []byte {
	const shortest = 16 // hexadecimal digits; both have 16 or more
	var out []byte
	for rest := message; len(rest) > 0; {
		n := 0
		if len(rest) > 2 && (rest[0] == 'S' || rest[0] == 'C') && rest[1] == '=' {
			for n = 2; n < len(rest) && isHex(rest[n]); n++ {
			}
		}
		if n >= 2+shortest || n > 2 && n == len(rest) { // or cut by a snap length
			out = append(append(out, rest[:2]...), "..."...)
			rest = rest[n:]
			continue
		}
		out = append(out, rest[0])
		rest = rest[1:]
	}
	return out
}

func isHex(b byte) bool { return strings.IndexByte("0123456789abcdefABCDEF", b) >= 0 }

// eapTypes are the methods of RFC 3748 section 5 and of IANA's registry that PPP peers use.
var eapTypes = map[uint8]string{
	1: "identity", 2: "notification", 3: "nak", 4: "md5", 5: "otp", 6: "gtc", 9: "rsa-pka", 13: "tls", 15: "securid",
	17: "leap", 18: "sim", 19: "srp-sha1", 21: "ttls", 23: "aka", 25: "peap", 26: "mschap-v2", 29: "mschap-v2", 32: "potp",
	38: "http-digest", 43: "fast", 46: "pax", 47: "psk", 48: "sake", 49: "ikev2", 50: "aka-prime", 51: "gpsk", 52: "pwd",
	53: "eke", 55: "teap", 254: "expanded", 255: "experimental",
}

// eapTLS are the methods that are TLS, whose messages hold no secret.
var eapTLS = map[uint8]bool{13: true, 21: true, 25: true, 43: true, 55: true}

func eapType(t uint8) string { return cmp.Or(eapTypes[t], "type "+strconv.Itoa(int(t))) }

// eapFields are the contents of an EAP packet (RFC 3748 sections 4 and 5): the method, and of those
// that have them names and prompts.
func (c *Control) eapFields(yield fieldFunc) {
	if c.Code != 1 && c.Code != 2 {
		dataField(yield, c.Data)
		return
	}
	if len(c.Data) < 1 {
		yield("malformed", "no type")
		return
	}
	request, kind, data := c.Code == 1, c.Data[0], c.Data[1:]
	if !yield("type", eapType(kind)) {
		return
	}
	switch {
	case kind == 1 && !request:
		yield("name", text(data))
	case kind == 1 || kind == 2 || request && (kind == 5 || kind == 6):
		// Identity may have options behind a zero byte (RFC 3748 section 5.1).
		prompt, _, _ := bytes.Cut(data, []byte{0})
		messageField(yield, prompt)
	case kind == 3:
		const most = 8 // a peer has one or two
		var wants []string
		for _, t := range data[:min(len(data), most)] {
			wants = append(wants, eapType(t))
		}
		if wants != nil {
			yield("wants", strings.Join(wants, " "))
		}
	case kind == 4:
		switch value, name, ok := counted(data); {
		case !ok:
			yield("malformed", "value beyond the end")
		case len(name) == 0 || yield("name", text(name)):
			responseField(yield, value)
		}
	case kind == 26:
		eapMSCHAP(data, yield)
	case request || eapTLS[kind]:
		dataField(yield, data)
	default:
		hiddenField(yield, data)
	}
}

// eapMSCHAP are the contents of EAP type 26, MS-CHAPv2: operation, identifier, length, and then as
// in CHAP.
func eapMSCHAP(data []byte, yield fieldFunc) {
	if len(data) < 1 {
		yield("malformed", "no operation")
		return
	}
	inner := Control{Protocol: protocolCHAP, Code: data[0]}
	switch {
	case !yield("op", inner.CodeName()), len(data) == 1:
	case inner.Decode(protocolCHAP, data) != nil:
		yield("malformed", "mschap-v2 length")
	default:
		inner.Values(yield)
	}
}
