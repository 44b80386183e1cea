package yamaha

import (
	"bytes"
	"encoding/binary"
	"net/netip"

	"l2tpdump/esp"
	"l2tpdump/ikev1"
)

// An SA is what `show ipsec sa gateway N detail` says of one. What it does not say is zero.
type SA struct {
	InitiatorCookie, ResponderCookie ikev1.Cookie // IKE
	SPI                              uint32       // ESP, AH

	Local, Remote netip.Addr
	Direction     string // "send", "receive"
	Protocol      string // "IKE", "ESP", "AH"
	Mode          string // "tunnel", "transport"
	Cipher, Auth  string // as the router names them

	// KeyHead is the first bytes of the key where the router shows it, on its serial console: 8 of the
	// expanded IKE key (Ka), 16 of an ESP key.
	KeyHead esp.Key
	Line    int // of the key, or where the SA begins
}

var (
	listingSA = []byte("SA[")
	listingPP = []byte("PP IP Address Local:")
)

// matchListing knows the first line of an SA, and the addresses in `show status pp N`.
func matchListing(line []byte) bool {
	t := bytes.TrimLeft(line, " \t")
	return beginsSA(t) || bytes.HasPrefix(t, listingPP)
}

// beginsSA knows "SA[1] Duration: 10675s".
func beginsSA(t []byte) bool {
	return bytes.HasPrefix(t, listingSA) && bytes.Contains(t, []byte("] Duration:"))
}

// listing reads the outputs of show commands.
type listing struct {
	out    *output
	sa     *SA // nil: outside of an SA
	hidden bool
	seen   bool
}

// line takes one line, and reports whether it is of such an output.
func (l *listing) line(n int, text []byte) bool {
	t := bytes.TrimSpace(text)
	switch {
	case bytes.HasPrefix(t, listingPP):
		l.seen = true
		l.out.Addresses(addrAfter(t, "Local:"), addrAfter(t, "Remote:"))
		return true
	case beginsSA(t):
		l.end()
		l.sa, l.seen = &SA{Line: n}, true
		return true
	case l.sa == nil || len(t) == 0:
		return false
	case bytes.HasPrefix(t, []byte("-----")):
		l.end()
		return true
	}
	name, value, ok := bytes.Cut(t, []byte(":"))
	if ok && l.field(n, string(name), bytes.TrimSpace(value)) {
		return true
	}
	if bytes.IndexByte([]byte("SPLRDAK"), t[0]) < 0 && !beginsWithTime(text) {
		l.end() // another command's output
	}
	return false
}

// field takes a line of an SA.
func (l *listing) field(n int, name string, value []byte) bool {
	switch name {
	case "Local ID":
		l.sa.Local = parseAddr(value)
	case "Remote ID":
		l.sa.Remote = parseAddr(value)
	case "Direction":
		l.sa.Direction = string(value)
	case "Protocol": // "IKE" and "ESP (Mode: tunnel)"
		protocol, mode, _ := bytes.Cut(value, []byte(" (Mode: "))
		l.sa.Protocol, l.sa.Mode = string(protocol), string(bytes.TrimRight(mode, " )"))
	case "Algorithm": // "AES-CBC, SHA-1, MODP 1024bit" (IKE) and "AES-CBC (for Auth.: HMAC-SHA)"
		cipher, _, _ := bytes.Cut(value, []byte(","))
		cipher, auth, _ := bytes.Cut(cipher, []byte(" (for Auth.: "))
		l.sa.Cipher, l.sa.Auth = string(cipher), string(bytes.TrimRight(auth, " )"))
	case "SPI": // 4 bytes, or 16 for IKE: both cookies
		b, _ := parseRow(nil, value)
		switch len(b) {
		case 16:
			l.sa.InitiatorCookie, l.sa.ResponderCookie = ikev1.Cookie(b[:8]), ikev1.Cookie(b[8:])
		case 4:
			l.sa.SPI = binary.BigEndian.Uint32(b)
		default:
			l.out.note(n, "SPI: neither 4 nor 16 bytes")
			l.sa = nil
		}
	case "Key":
		switch b, kind := parseRow(nil, value); {
		case kind == rowBytes && len(b) <= 32:
			l.sa.KeyHead, l.sa.Line = esp.NewKey(b), n
			clear(b)
		case kind == rowHidden:
			l.hidden = true
		default:
			l.out.note(n, "key: not a row of bytes")
		}
	default:
		return false
	}
	return true
}

// end gives out the SA.
func (l *listing) end() {
	if sa := l.sa; sa != nil && (sa.SPI != 0 || !sa.InitiatorCookie.IsZero()) {
		l.out.SA(sa)
	}
	l.sa = nil
}
