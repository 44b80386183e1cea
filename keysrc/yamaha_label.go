package keysrc

import (
	"bytes"
	"net/netip"
	"strings"
)

// labelKind is what an [IKE] line that is no row of bytes says.
type labelKind uint8

const (
	labelNone       labelKind = iota // any other text; it may be the label of rows that are no key
	labelCookieI                     // CKY-I
	labelCookieR                     // CKY-R
	labelSKEYID                      // SKEYID
	labelSKEYIDd                     // SKEYID_d
	labelSKEYIDa                     // SKEYID_a
	labelSKEYIDe                     // SKEYID_e
	labelSPI                         // SPI
	labelKey                         // key material (first 16byte)
	labelAuthKey                     // authentication key (first 8byte)
	labelUnreadable                  // text that may be one of these, damaged, if rows follow
	labelPhase1                      // respond or initiate ISAKMP phase to A
	labelPhase2                      // respond or initiate IPsec phase to A
)

var labelNames = [...]string{"text", "CKY-I", "CKY-R", "SKEYID", "SKEYID_d", "SKEYID_a", "SKEYID_e", "SPI", "key material",
	"authentication key", "damaged label", "ISAKMP phase", "IPsec phase"}

func (k labelKind) String() string { return labelNames[k] }

// isValue reports whether rows of bytes belong below the label.
func (k labelKind) isValue() bool { return k >= labelCookieI && k <= labelUnreadable }

func (k labelKind) isSKEYID() bool { return k >= labelSKEYID && k <= labelSKEYIDe }

// label is a classified line.
type label struct {
	kind    labelKind
	line    int
	first   int // "(first N byte)", 0 if it does not say
	respond bool
	addr    netip.Addr // the other end
	local   netip.Addr // "(local address B)"
	time    int64
	timed   bool
}

// maxLabel bounds what can be a label: longer lines are told apart from phases only.
const maxLabel = 96

// usualLabel knows the labels as these routers write them.
func usualLabel(text []byte) label {
	switch string(text) {
	case " CKY-I":
		return label{kind: labelCookieI}
	case " CKY-R":
		return label{kind: labelCookieR}
	case " SKEYID":
		return label{kind: labelSKEYID}
	case " SKEYID_d":
		return label{kind: labelSKEYIDd}
	case " SKEYID_a":
		return label{kind: labelSKEYIDa}
	case " SKEYID_e":
		return label{kind: labelSKEYIDe}
	case " SPI":
		return label{kind: labelSPI}
	case " key material (first 16byte)":
		return label{kind: labelKey, first: 16}
	case " authentication key (first 8byte)":
		return label{kind: labelAuthKey, first: 8}
	}
	for i := range usualPhases {
		if p := &usualPhases[i]; bytes.HasPrefix(text, p.text) {
			if a, ok := plainAddr(text[len(p.text):]); ok {
				return label{kind: p.kind, respond: p.respond, addr: a}
			}
		}
	}
	return label{}
}

// usualPhases are lines that end with an address.
var usualPhases = [...]struct {
	text    []byte
	kind    labelKind
	respond bool
}{
	{[]byte(" respond ISAKMP phase to "), labelPhase1, true},
	{[]byte(" respond IPsec phase to "), labelPhase2, true},
	{[]byte(" initiate ISAKMP phase to "), labelPhase1, false},
	{[]byte(" initiate IPsec phase to "), labelPhase2, false},
}

// classify reads the text of a line that is no usual label.
func classify(text []byte) label {
	if !mayLabel(text) {
		return label{}
	}
	var space [maxLabel]byte
	t := lowerCollapsed(space[:0], text)
	switch {
	case len(t) <= 3 && exactLabel(t) == labelNone:
		return label{kind: labelUnreadable}
	case t[0] == 'r' || t[0] == 'i':
		return classifyPhase(t)
	case t[0] == 'c' || t[0] == 's':
		if k := exactLabel(t); k != labelNone || !nearlyLabel(t) {
			return label{kind: k}
		}
		return label{kind: labelUnreadable}
	case t[0] == 'k' || t[0] == 'a' || t[0] == 'e' || t[0] == 'h':
		return classifyKey(t)
	}
	return label{}
}

// mayLabel reports whether a line is short enough, or begins so, that it can be a label.
func mayLabel(text []byte) bool {
	text = bytes.TrimLeft(text, " \t")
	if len(text) < 8 {
		return true
	}
	switch text[0] | 0x20 {
	case 'r', 'i', 'c', 's', 'k', 'a', 'e', 'h':
		return true
	}
	return false
}

// lowerCollapsed appends text in lower case, runs of blanks made one, a colon or equals sign at its end
// cut off.
func lowerCollapsed(dst, text []byte) []byte {
	for _, c := range text {
		if len(dst) == cap(dst) {
			break
		}
		switch {
		case c == '\t' || c == ' ':
			if len(dst) == 0 || dst[len(dst)-1] == ' ' {
				continue
			}
			c = ' '
		case 'A' <= c && c <= 'Z':
			c += 'a' - 'A'
		}
		dst = append(dst, c)
	}
	return bytes.TrimRight(dst, " :=")
}

// nearlyLabel reports whether a text can only be one of the labels, damaged.
func nearlyLabel(t []byte) bool {
	if len(t) > 12 {
		return false
	}
	return bytes.HasPrefix(t, []byte("ck")) || bytes.HasPrefix(t, []byte("sk"))
}

// exactLabel knows CKY-I, SKEYID_e and so on, with or without the marks inside.
func exactLabel(t []byte) labelKind {
	if len(t) == 0 {
		return labelNone
	}
	if last := t[len(t)-1]; last == '-' || last == '_' {
		return labelNone // cut
	}
	var b [10]byte
	n := 0
	for _, c := range t {
		if c == '-' || c == '_' || c == ' ' {
			continue
		}
		if n == len(b) {
			return labelNone
		}
		b[n] = c
		n++
	}
	switch string(b[:n]) {
	case "ckyi":
		return labelCookieI
	case "ckyr":
		return labelCookieR
	case "skeyid":
		return labelSKEYID
	case "skeyidd":
		return labelSKEYIDd
	case "skeyida":
		return labelSKEYIDa
	case "skeyide":
		return labelSKEYIDe
	case "spi":
		return labelSPI
	}
	return labelNone
}

var (
	keyCaptions  = []string{"key material", "keymaterial", "encryption key", "enc key", "esp key"}
	authCaptions = []string{"authentication key", "authenticationkey", "auth key", "auth. key", "hash key", "hmac key", "authkey"}
)

// classifyKey knows "key material (first 16byte)", "authentication key (first 8 bytes)" and the like.
func classifyKey(t []byte) label {
	rest, kind := "", labelNone
	s := string(t)
	for _, c := range authCaptions {
		if strings.HasPrefix(s, c) {
			rest, kind = s[len(c):], labelAuthKey
		}
	}
	for _, c := range keyCaptions {
		if strings.HasPrefix(s, c) {
			rest, kind = s[len(c):], labelKey
		}
	}
	if kind == labelNone {
		if len(s) >= 5 && (strings.HasPrefix(keyCaptions[0], s) || strings.HasPrefix(authCaptions[0], s)) {
			return label{kind: labelUnreadable} // cut, as where a mail program wrapped the line
		}
		return label{}
	}
	// Behind the caption nothing but "(first N byte)" may stand, else it is a sentence.
	rest = strings.TrimPrefix(strings.TrimSpace(rest), "material")
	rest = strings.Trim(rest, " ()")
	if rest == "" {
		return label{kind: kind}
	}
	number, ok := strings.CutPrefix(rest, "first")
	if !ok {
		if len(rest) <= 5 {
			return label{kind: labelUnreadable}
		}
		return label{}
	}
	n := 0
	for _, c := range strings.TrimSpace(number) {
		if c < '0' || c > '9' || n > 100 {
			break
		}
		n = 10*n + int(c-'0')
	}
	return label{kind: kind, first: n}
}

// classifyPhase knows "respond IPsec phase to A" and "initiate ISAKMP phase to A (local address
// B)".
func classifyPhase(t []byte) label {
	rest, respond := bytes.CutPrefix(t, []byte("respond "))
	if !respond {
		var ok bool
		if rest, ok = bytes.CutPrefix(t, []byte("initiate ")); !ok {
			return label{}
		}
	}
	l := label{respond: respond}
	if r, ok := bytes.CutPrefix(rest, []byte("isakmp phase")); ok {
		l.kind, rest = labelPhase1, r
	} else if r, ok := bytes.CutPrefix(rest, []byte("ipsec phase")); ok {
		l.kind, rest = labelPhase2, r
	} else {
		return label{}
	}
	l.addr = addrAfter(rest, "to ")
	l.local = addrAfter(rest, "local address ")
	return l
}

// addrAfter returns the address behind the mark, the zero Addr if there is none.
func addrAfter(t []byte, mark string) netip.Addr {
	rest, ok := after(t, mark)
	if !ok {
		return netip.Addr{}
	}
	first, _ := word(rest)
	first = bytes.Trim(first, "(),;")
	if a, ok := plainAddr(first); ok {
		return a
	}
	return parseAddr(string(first))
}

// plainAddr reads an IPv4 address as it is mostly written.
func plainAddr(text []byte) (netip.Addr, bool) {
	var b [4]byte
	octet, n, digits := 0, 0, 0
	for _, c := range text {
		switch {
		case '0' <= c && c <= '9' && digits < 3 && (digits == 0 || n > 0):
			n, digits = 10*n+int(c-'0'), digits+1
		case c == '.' && digits > 0 && n < 256 && octet < 3:
			b[octet] = byte(n)
			octet, n, digits = octet+1, 0, 0
		default:
			return netip.Addr{}, false
		}
	}
	if octet != 3 || digits == 0 || n > 255 {
		return netip.Addr{}, false
	}
	b[3] = byte(n)
	return netip.AddrFrom4(b), true
}

// parseAddr reads an address, with or without a port.
func parseAddr(s string) netip.Addr {
	if a, err := netip.ParseAddr(s); err == nil {
		return a.WithZone("").Unmap()
	}
	if ap, err := netip.ParseAddrPort(s); err == nil {
		return ap.Addr().WithZone("").Unmap()
	}
	return netip.Addr{}
}
