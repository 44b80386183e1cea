package yamaha

import (
	"bytes"
	"net/netip"
)

// kind is what an [IKE] line that is no row of bytes says.
type kind uint8

const (
	noLabel    kind = iota // any other text; rows below it are no key
	cookieI                // CKY-I
	cookieR                // CKY-R
	skeyid                 // SKEYID
	skeyidD                // SKEYID_d
	skeyidA                // SKEYID_a
	skeyidE                // SKEYID_e
	spi                    // SPI
	espKey                 // key material (first 16byte)
	authKey                // authentication key (first 8byte)
	unreadable             // one of these, damaged, if rows follow
	phase1                 // respond or initiate ISAKMP phase to A
	phase2                 // respond or initiate IPsec phase to A
)

func (k kind) String() string {
	return [...]string{"text", "CKY-I", "CKY-R", "SKEYID", "SKEYID_d", "SKEYID_a", "SKEYID_e", "SPI", "key material",
		"authentication key", "damaged label", "ISAKMP phase", "IPsec phase"}[k]
}

// isValue reports whether rows of bytes belong below the label.
func (k kind) isValue() bool { return k >= cookieI && k <= unreadable }

func (k kind) isSKEYID() bool { return k >= skeyid && k <= skeyidE }

// label is a line of text, and when and where it stands.
type label struct {
	kind    kind
	respond bool
	timed   bool
	first   int   // "(first N byte)", 0 if it does not say
	time    int64 // in seconds
	line    int
	addr    netip.Addr // the other end
	local   netip.Addr // "(local address B)"
}

// wholeLabels are labels of which only letters and digits are left.
var wholeLabels = map[string]kind{
	"ckyi": cookieI, "ckyr": cookieR, "spi": spi,
	"skeyid": skeyid, "skeyidd": skeyidD, "skeyida": skeyidA, "skeyide": skeyidE,
}

// captions begin labels in the same way.
var captions = []struct {
	words []byte
	kind  kind
}{
	{[]byte("keymaterial"), espKey}, {[]byte("authenticationkey"), authKey},
	{[]byte("respondipsecphase"), phase2}, {[]byte("respondisakmpphase"), phase1},
	{[]byte("initiateipsecphase"), phase2}, {[]byte("initiateisakmpphase"), phase1},
	{[]byte("encryptionkey"), espKey}, {[]byte("enckey"), espKey}, {[]byte("espkey"), espKey},
	{[]byte("authkey"), authKey}, {[]byte("hashkey"), authKey}, {[]byte("hmackey"), authKey},
}

// classify reads the text of a line that is no row.
func classify(text []byte) label {
	var space [40]byte
	t := plain(space[:0], text)
	cut := bytes.HasSuffix(text, []byte("-")) || bytes.HasSuffix(text, []byte("_"))
	if k := wholeLabels[string(t)]; k != noLabel && !cut {
		return label{kind: k}
	}
	if len(t) <= 3 || len(t) <= 10 && (t[0] == 'c' || t[0] == 's') && t[1] == 'k' {
		return label{kind: unreadable}
	}
	for i := range captions {
		c := &captions[i]
		if t[0] != c.words[0] {
			continue
		}
		rest, ok := bytes.CutPrefix(t, c.words)
		switch {
		case ok && (c.kind == phase1 || c.kind == phase2):
			return label{kind: c.kind, respond: t[0] == 'r', addr: addrAfter(text, "to"), local: addrAfter(text, "address")}
		case ok:
			return captionOf(c.kind, bytes.TrimPrefix(rest, []byte("material")))
		case i < 2 && len(t) >= 5 && bytes.HasPrefix(c.words, t):
			return label{kind: unreadable} // cut, as where a mail program wrapped the line
		}
	}
	return label{}
}

// cutRow cuts the row of bytes off a label that stands in one line with it. The row is nil if there
// is none.
func cutRow(text []byte) (head, row []byte) {
	end := len(text)
	for end > 3 && text[end-3] == ' ' && isHex(text[end-2]) && isHex(text[end-1]) {
		end -= 3
	}
	if len(text)-end < 4*3 || len(text)-end > rowLen*3 || !classify(text[:end]).kind.isValue() {
		return text, nil
	}
	row, _ = parseRow(nil, text[end:])
	return text[:end], row
}

// captionOf reads what stands behind a caption: nothing but "(first N byte)", else it is a
// sentence.
func captionOf(k kind, rest []byte) label {
	number, ok := bytes.CutPrefix(rest, []byte("first"))
	switch {
	case len(rest) == 0 || ok:
		return label{kind: k, first: leadingNumber(number)}
	case len(rest) <= 5:
		return label{kind: unreadable}
	}
	return label{}
}

// plain appends the letters and digits of text in lower case, as many as there is space for.
func plain(dst, text []byte) []byte {
	for _, c := range text {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		if ('a' <= c && c <= 'z' || '0' <= c && c <= '9') && len(dst) < cap(dst) {
			dst = append(dst, c)
		}
	}
	return dst
}

// leadingNumber returns the number that text begins with; beyond 100 it may be any larger one.
func leadingNumber(text []byte) (n int) {
	for _, c := range text {
		if c < '0' || c > '9' || n > 100 {
			break
		}
		n = 10*n + int(c-'0')
	}
	return n
}

// addrAfter returns the address behind a word, the zero Addr if there is none.
func addrAfter(text []byte, mark string) netip.Addr {
	found := false
	for word := range bytes.FieldsSeq(text) {
		if found {
			return parseAddr(bytes.Trim(word, "(),;"))
		}
		found = bytes.EqualFold(word, []byte(mark))
	}
	return netip.Addr{}
}

// parseAddr reads an address, with or without a port.
func parseAddr(text []byte) netip.Addr {
	a, err := netip.ParseAddr(string(text))
	if err != nil {
		ap, err := netip.ParseAddrPort(string(text))
		if err != nil {
			return netip.Addr{}
		}
		a = ap.Addr()
	}
	return a.WithZone("").Unmap()
}
