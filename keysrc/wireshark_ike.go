package keysrc

import (
	"bytes"
	"fmt"

	"l2tpdump/esp"
	"l2tpdump/ikev1"
	"l2tpdump/keysrc/redaction"
)

var wiresharkIKEFormat = Format{
	Name:  "wireshark-ike",
	Title: "Wireshark's ikev1_decryption_table",
	Looks: "rows of two columns: initiator cookie (16 hex digits), key (hex)",
	holds: cluesOf(","),
	match: matchIKERow,
	new:   func(out *output) parser { return newIKETable(out) },
}

// A wiresharkTable reads a table that Wireshark keeps, or that others write for it.
type wiresharkTable struct {
	out  *output
	name string
	isA  func(row []byte) bool
	take func(n int, row []byte) (doubt string, err error) // gives out what is in a row
	rows int
}

func (w *wiresharkTable) line(n int, text []byte) bool {
	row := bytes.TrimSpace(text)
	if len(row) == 0 || row[0] == '#' || !w.isA(row) {
		return false
	}
	w.rows++
	switch doubt, err := w.take(n, row); {
	case err != nil:
		w.out.note(n, w.name+": "+err.Error())
	case doubt != "":
		w.out.doubt(n, w.name+": "+doubt)
	}
	return true
}

func (w *wiresharkTable) close() {}

func (w *wiresharkTable) near() string {
	if w.rows == 0 {
		return ""
	}
	return "it is Wireshark's " + w.name + " table, but none of its rows can be used"
}

var blanksQuotes = setOf(" \t\"")

// matchIKERow knows a row by its two columns of hex digits. A cookie that lost or won digits is
// known too, to be reported.
func matchIKERow(line []byte) bool {
	if len(line) < 18 || len(line) > 4*maxKeyLen {
		return false
	}
	t := blanksQuotes.trimLeft(line)
	if len(t) < 18 || unhex(t[0]) == 0xff {
		return false
	}
	comma := bytes.IndexByte(t, ',')
	if comma < 8 || comma > 40 || bytes.IndexByte(t[comma+1:], ',') >= 0 {
		return false
	}
	if n, ok := hexLike(t[:comma]); !ok || n < 12 || n > 20 {
		return false
	}
	n, ok := hexLike(t[comma+1:])
	return n >= 12 && ok || redaction.Value(string(t[comma+1:]))
}

// hexLike counts hex digits; ok says that little else is there: 0x, quotes, colons, spaces, and one
// character in ten that is wrong.
func hexLike(text []byte) (digits int, ok bool) {
	t := blanksQuotes.trimRight(blanksQuotes.trimLeft(text))
	if has0x(t) {
		t = t[2:]
	}
	wrong := 0
	for _, c := range t {
		switch {
		case unhex(c) != 0xff:
			digits++
		case c == ':' || c == ' ' || c == '-':
		default:
			wrong++
		}
	}
	return digits, wrong*10 <= digits
}

func newIKETable(out *output) *wiresharkTable {
	return &wiresharkTable{out: out, name: "ikev1_decryption_table", isA: matchIKERow,
		take: func(n int, row []byte) (doubt string, err error) {
			s, doubt, err := ParseIKERow(row)
			if err == nil {
				s.Origin = out.origin(n)
				out.ike(s)
			}
			return doubt, err
		}}
}

// ParseIKERow reads a row. The key is Ka, as Wireshark wants it; where it is SKEYID_e the one who
// decrypts finds out. doubt is what may be wrong with a row that can be used.
func ParseIKERow(text []byte) (s *ikev1.Secret, doubt string, err error) {
	var room [2][]byte
	col, err := csvRow(room[:0], text, ',')
	if err != nil {
		return nil, "", err
	}
	if len(col) != 2 {
		return nil, "", fmt.Errorf("it has %s, not 2", count(len(col), "column", "columns"))
	}
	var digits [8]byte
	cookie, err := appendHex(digits[:0], bytes.TrimSpace(col[0]))
	if err != nil {
		return nil, "", fmt.Errorf("initiator cookie: %w", err)
	}
	if len(cookie) != 8 {
		return nil, "", fmt.Errorf("initiator cookie: it has %s, not 8", byteCount(len(cookie)))
	}
	key, err := hexKey(new(esp.KeyRoom), bytes.TrimSpace(col[1]))
	if err == nil && key.IsZero() {
		err = errRedacted // blanks and dashes
	}
	if err != nil {
		return nil, "", fmt.Errorf("key: %w", err)
	}
	switch n := key.Len(); n {
	case 8, 16, 24, 32, 20, 48, 64:
	default:
		if n > 32 {
			return nil, "", fmt.Errorf("key: %s are the length of no cipher's key and of no SKEYID_e", byteCount(n))
		}
		doubt = fmt.Sprintf("key: %s are the length of no cipher's key and of no SKEYID_e: a part of it is missing",
			byteCount(n))
	}
	return &ikev1.Secret{InitiatorCookie: ikev1.Cookie(cookie), Ka: key}, doubt, nil
}
