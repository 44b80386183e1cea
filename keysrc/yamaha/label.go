package yamaha

import (
	"bytes"
	"net/netip"
	"strings"
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
	first   int // "(first N byte)", 0 if it does not say
	respond bool
	addr    netip.Addr // the other end
	local   netip.Addr // "(local address B)"
	line    int
	time    int64 // in seconds
	timed   bool
}

// usual are the labels as these routers write them.
var usual = map[string]label{
	" CKY-I":                            {kind: cookieI},
	" CKY-R":                            {kind: cookieR},
	" SKEYID":                           {kind: skeyid},
	" SKEYID_d":                         {kind: skeyidD},
	" SKEYID_a":                         {kind: skeyidA},
	" SKEYID_e":                         {kind: skeyidE},
	" SPI":                              {kind: spi},
	" key material (first 16byte)":      {kind: espKey, first: 16},
	" authentication key (first 8byte)": {kind: authKey, first: 8},
}

// plainLabels are the labels without what may stand between their letters.
var plainLabels = map[string]kind{
	"ckyi": cookieI, "ckyr": cookieR, "skeyid": skeyid, "skeyidd": skeyidD, "skeyida": skeyidA, "skeyide": skeyidE, "spi": spi,
}

// captions are the words before "(first N byte)".
var captions = []struct {
	words string
	kind  kind
}{
	{"key material", espKey}, {"keymaterial", espKey}, {"encryption key", espKey}, {"enc key", espKey}, {"esp key", espKey},
	{"authentication key", authKey}, {"authenticationkey", authKey}, {"auth key", authKey}, {"auth. key", authKey},
	{"authkey", authKey}, {"hash key", authKey}, {"hmac key", authKey},
}

// maxLabel bounds what can be a label; of longer lines the head is looked at.
const maxLabel = 96

// classify reads the text of a line that is no usual label.
func classify(text []byte) label {
	if !mayLabel(text) {
		return label{}
	}
	var space [maxLabel]byte
	t := lowerCollapsed(space[:0], text)
	if len(t) == 0 {
		return label{kind: unreadable}
	}
	switch t[0] {
	case 'r', 'i':
		if lb := classifyPhase(t); lb.kind != noLabel {
			return lb
		}
	case 'c', 's':
		if k := plainLabel(t); k != noLabel {
			return label{kind: k}
		}
		if len(t) <= 12 && (bytes.HasPrefix(t, []byte("ck")) || bytes.HasPrefix(t, []byte("sk"))) {
			return label{kind: unreadable}
		}
	case 'k', 'a', 'e', 'h':
		if lb := classifyCaption(string(t)); lb.kind != noLabel {
			return lb
		}
	}
	if len(t) <= 3 {
		return label{kind: unreadable}
	}
	return label{}
}

// mayLabel reports whether a line is short enough, or begins so, that it can be a label.
func mayLabel(text []byte) bool {
	text = bytes.TrimLeft(text, " \t")
	return len(text) < 8 || bytes.IndexByte([]byte("ricskaeh"), text[0]|0x20) >= 0
}

// lowerCollapsed appends text in lower case, runs of blanks made one, a colon or equals sign at its end cut off.
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

// plainLabel knows CKY-I, SKEYID_e and so on, with or without the marks inside. With a mark at its end it is cut.
func plainLabel(t []byte) kind {
	if bytes.HasSuffix(t, []byte("-")) || bytes.HasSuffix(t, []byte("_")) {
		return noLabel
	}
	var space [maxLabel]byte
	b := space[:0]
	for _, c := range t {
		if c != '-' && c != '_' && c != ' ' {
			b = append(b, c)
		}
	}
	return plainLabels[string(b)]
}

// classifyCaption knows "key material (first 16byte)", "authentication key (first 8 bytes)" and the like.
func classifyCaption(s string) label {
	for _, c := range captions {
		rest, ok := strings.CutPrefix(s, c.words)
		if !ok {
			continue
		}
		// Behind the caption nothing but "(first N byte)" may stand, else it is a sentence.
		rest = strings.Trim(strings.TrimPrefix(strings.TrimSpace(rest), "material"), " ()")
		number, ok := strings.CutPrefix(rest, "first")
		switch {
		case rest == "":
			return label{kind: c.kind}
		case ok:
			return label{kind: c.kind, first: leadingNumber([]byte(strings.TrimSpace(number)), 100)}
		case len(rest) <= 5:
			return label{kind: unreadable}
		}
		return label{}
	}
	if len(s) >= 5 && (strings.HasPrefix("key material", s) || strings.HasPrefix("authentication key", s)) {
		return label{kind: unreadable} // cut, as where a mail program wrapped the line
	}
	return label{}
}

// leadingNumber returns the number that text begins with; beyond limit it may be any larger one.
func leadingNumber(text []byte, limit int) (n int) {
	for _, c := range text {
		if c < '0' || c > '9' || n > limit {
			break
		}
		n = 10*n + int(c-'0')
	}
	return n
}

// classifyPhase knows "respond IPsec phase to A" and "initiate ISAKMP phase to A (local address B)".
func classifyPhase(t []byte) (lb label) {
	rest, respond := bytes.CutPrefix(t, []byte("respond "))
	rest, initiate := bytes.CutPrefix(rest, []byte("initiate "))
	if respond == initiate {
		return label{}
	}
	if r, ok := bytes.CutPrefix(rest, []byte("isakmp phase")); ok {
		lb.kind, rest = phase1, r
	} else if r, ok := bytes.CutPrefix(rest, []byte("ipsec phase")); ok {
		lb.kind, rest = phase2, r
	} else {
		return label{}
	}
	lb.respond, lb.addr, lb.local = respond, addrAfter(rest, "to "), addrAfter(rest, "local address ")
	return lb
}

// addrAfter returns the address behind the mark, the zero Addr if there is none.
func addrAfter(t []byte, mark string) netip.Addr {
	_, rest, _ := bytes.Cut(t, []byte(mark))
	if end := bytes.IndexAny(rest, " \t"); end >= 0 {
		rest = rest[:end]
	}
	return parseAddr(bytes.Trim(rest, "(),;"))
}

// parseAddr reads an address, with or without a port.
func parseAddr(text []byte) netip.Addr {
	if len(text) == 0 {
		return netip.Addr{}
	}
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
