package yamaha

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/japanese"

	"l2tpdump/esp"
	"l2tpdump/ikev1"
)

// An SA is what `show ipsec sa gateway N detail` says of one. What it does not say is zero.
type SA struct {
	InitiatorCookie ikev1.Cookie // IKE
	SPI             uint32       // ESP, AH

	Local, Remote netip.Addr
	Direction     string // "send", "receive"
	Protocol      string // "IKE", "ESP", "AH"
	Cipher, Auth  string // as the router names them

	// KeyHead is the first bytes of the key where the router shows it, on its serial console: 8 of
	// the expanded IKE key (Ka), 16 of an ESP key.
	KeyHead esp.Key
	Line    int // of the key, or where the SA begins
}

var listingPP = []byte("PP IP Address Local:")

// matchListing knows the first line of an SA, and the addresses in `show status pp N`.
func matchListing(line []byte) bool {
	t := line
	for len(t) > 0 && (t[0] == ' ' || t[0] == '\t') {
		t = t[1:]
	}
	return beginsSA(t) || bytes.HasPrefix(t, listingPP)
}

// beginsSA knows "SA[1] Duration: 10675s", and the same in Japanese in any of its encodings.
func beginsSA(t []byte) bool {
	t, ok := bytes.CutPrefix(t, []byte("SA["))
	if !ok {
		return false
	}
	number, rest, _ := bytes.Cut(t, []byte("] "))
	word, time, _ := bytes.Cut(rest, []byte(": "))
	japanese := len(word) > 0 && (word[0] >= 0x80 || word[0] == '?') // as what has no other letter is written
	return leadingNumber(number) > 0 && leadingNumber(time) > 0 && (japanese || string(word) == "Duration")
}

// words are those of the router's Japanese, and the English ones.
var words = map[string]string{
	"自分側の識別子": "Local ID", "相手側の識別子": "Remote ID", "送受信方向": "Direction", "プロトコル": "Protocol",
	"アルゴリズム": "Algorithm", "鍵": "Key", "送信": "send", "受信": "receive",
}

// english returns the word for one of the router's Japanese, or the word itself.
func english(word []byte) string {
	if w := words[string(word)]; w != "" {
		return w
	}
	return string(word)
}

// inUTF8 makes UTF-8 of a line in Shift_JIS or EUC-JP that begins with a word of the router's.
func inUTF8(line []byte) []byte {
	if utf8.Valid(line) {
		return line
	}
	for _, e := range []encoding.Encoding{japanese.ShiftJIS, japanese.EUCJP} {
		if u, err := e.NewDecoder().Bytes(line); err == nil {
			if name, _, _ := bytes.Cut(u, []byte(":")); words[string(bytes.TrimSpace(name))] != "" {
				return u
			}
		}
	}
	return line
}

// listing reads the outputs of show commands.
type listing struct {
	out    *output
	sa     *SA // nil: outside of an SA
	keyAt  int // the line behind the SPI, where the key stands
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
	name, value, ok := bytes.Cut(inUTF8(t), []byte(":"))
	if ok && l.field(n, english(bytes.TrimSpace(name)), bytes.TrimSpace(value)) {
		return true
	}
	if !ok && !BeginsWithTime(text) {
		l.end() // another command's output
	}
	return false
}

// field takes a line of an SA.
func (l *listing) field(n int, name string, value []byte) bool {
	head, inner, _ := bytes.Cut(value, []byte(" ("))
	_, inner, _ = bytes.Cut(inner, []byte(": "))
	inner = bytes.TrimRight(inner, " )")
	switch name {
	case "Local ID":
		l.sa.Local = parseAddr(value)
	case "Remote ID":
		l.sa.Remote = parseAddr(value)
	case "Direction":
		l.sa.Direction = english(value)
	case "Protocol": // "IKE" and "ESP (Mode: tunnel)"
		l.sa.Protocol = string(head)
	case "Algorithm": // "AES-CBC, SHA-1, MODP 1024bit" (IKE) and "AES-CBC (for Auth.: HMAC-SHA)"
		cipher, _, _ := bytes.Cut(head, []byte(","))
		l.sa.Cipher, l.sa.Auth = string(cipher), string(inner)
	case "SPI":
		l.spi(n, value)
	case "Key":
		l.key(n, value)
	default: // in whatever words
		if s := string(head); l.sa.Protocol == "" && (s == "IKE" || s == "ESP") {
			l.sa.Protocol = s
			return true
		}
		if _, kind := parseRow(nil, value); n != l.keyAt || kind == noRow {
			return false
		}
		l.key(n, value)
	}
	return true
}

// spi takes 4 bytes, or 16 for IKE: both cookies.
func (l *listing) spi(n int, value []byte) {
	l.keyAt = n + 1
	switch b, _ := parseRow(nil, value); len(b) {
	case 16:
		l.sa.InitiatorCookie = ikev1.Cookie(b[:8])
	case 4:
		l.sa.SPI = binary.BigEndian.Uint32(b)
	default:
		l.out.note(n, "SPI: neither 4 nor 16 bytes")
		l.sa = nil
	}
}

// key takes the head of the key where the router shows it.
func (l *listing) key(n int, value []byte) {
	switch b, kind := parseRow(nil, value); {
	case kind == rowBytes && len(b) <= 32:
		l.sa.KeyHead, l.sa.Line = esp.NewKey(b), n
		clear(b)
	case kind == rowHidden:
		l.hidden = true
	case kind == rowRedacted:
		l.out.note(n, "key: it was replaced by something else (redacted)")
	default:
		l.out.note(n, "key: not a row of bytes")
	}
}

// end gives out the SA.
func (l *listing) end() {
	if sa := l.sa; sa != nil && (sa.SPI != 0 || !sa.InitiatorCookie.IsZero()) {
		l.out.SA(sa)
	}
	l.sa = nil
}
