package keysrc

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"l2tpdump/esp"
	"l2tpdump/keysrc/redaction"
)

var wiresharkESPFormat = Format{
	Name:  "wireshark-esp",
	Title: "Wireshark's esp_sa table",
	Looks: `rows as "IPv4","*","*","0x1a2b3c4d","AES-CBC [RFC3602]","0x…","HMAC-SHA-1-96 [RFC2404]","0x…"`,
	holds: cluesOf(","),
	match: matchESPRow,
	new:   func(out *output) parser { return newESPTable(out) },
}

// matchESPRow knows a row by its first column and the number of commas.
func matchESPRow(line []byte) bool {
	t := blanks.trimLeft(line)
	if len(t) < 16 || t[0] != '"' && t[0]|0x20 != 'i' {
		return false
	}
	t = bytes.TrimLeft(t, `"`)
	if len(t) < 5 || t[0]|0x20 != 'i' || t[1]|0x20 != 'p' || t[2]|0x20 != 'v' || t[3] != '4' && t[3] != '6' ||
		t[4] != '"' && t[4] != ',' {
		return false
	}
	return bytes.Count(t, []byte(",")) >= 4
}

func newESPTable(out *output) *wiresharkTable {
	rows := &espReader{addrs: make(map[string]*esp.AddrPattern)}
	return &wiresharkTable{out: out, name: "esp_sa",
		isA: func(row []byte) bool {
			return matchESPRow(row) || row[0] == '"' && bytes.Count(row, []byte(`","`)) >= 6
		},
		take: func(n int, row []byte) (doubt string, err error) {
			s, doubt, err := rows.parse(row)
			if err == nil {
				s.Origin = out.origin(n)
			}
			if err == nil && out.esp(s) {
				rows.room = rows.room[1:]
			} else {
				clear(rows.room[:1])
			}
			return doubt, err
		}}
}

// ParseESPSecrets reads the data of a pcapng Decryption Secrets Block of type ESPS: CSV (RFC 4180)
// with the ten columns of Wireshark's esp_sa. name is for origins and notes, as in "capture.pcapng
// (secrets)". Rows that can't be used are notes.
func ParseESPSecrets(data []byte, name string) *Keys {
	keys := new(Keys)
	out := &output{name: name, emit: keys.add}
	w := newESPTable(out)
	n := 0
	for line := range bytes.Lines(data) {
		n++
		t := bytes.TrimSpace(line)
		head := n == 1 && bytes.ContainsRune(t, ',') && !bytes.ContainsRune(t, '[') // it may name the columns
		if len(t) == 0 || t[0] == '#' || w.line(n, t) || head {
			continue
		}
		out.note(n, "not a row of ESP secrets")
	}
	return keys
}

// ParseESPRow reads a row of esp_sa, of 8 columns, or of 10 as from Wireshark 4.2 on. doubt is what
// may be wrong with a row that can be used. With an error the secret has the addresses and the SPI
// only, or is nil if they can't be read. Neither doubt nor error holds bytes of a key.
func ParseESPRow(text []byte) (s *esp.Secret, doubt string, err error) {
	r := espReader{addrs: make(map[string]*esp.AddrPattern), room: make([]esp.Secret, 1)}
	return r.parse(text)
}

// An espReader reads the rows of a table.
type espReader struct {
	addrs map[string]*esp.AddrPattern // by their texts: a table has the same ones again and again
	keys  esp.KeyRoom
	room  []esp.Secret // the next row's is the first, which is of use again if nobody took it
}

// parse is ParseESPRow.
func (r *espReader) parse(text []byte) (s *esp.Secret, doubt string, err error) {
	if len(r.room) == 0 {
		r.room = make([]esp.Secret, 28) // 4 kB
	}
	if !matchESPRow(text) {
		return nil, "", errors.New("the first column is neither IPv4 nor IPv6")
	}
	var room [10][]byte
	col, err := csvRow(room[:0], text, ',')
	if err != nil {
		return nil, "", err
	}
	if len(col) == 9 && len(col[8]) == 0 {
		col = col[:8] // a comma at the end
	}
	if len(col) != 8 && len(col) != 10 {
		return nil, "", fmt.Errorf("it has %s, not 8 or 10", count(len(col), "column", "columns"))
	}
	s = &r.room[0]
	if err = r.addr(&s.Src, col[1]); err != nil {
		return nil, "", fmt.Errorf("source address: %w", err)
	}
	if err = r.addr(&s.Dst, col[2]); err != nil {
		return nil, "", fmt.Errorf("destination address: %w", err)
	}
	if s.SPI, s.SPIMask, err = tableSPI(col[3]); err != nil {
		return nil, "", err
	}
	if doubt, err = r.setKeys(s, col); err != nil {
		*s = esp.Secret{SPI: s.SPI, SPIMask: s.SPIMask, Src: s.Src, Dst: s.Dst}
	}
	return s, doubt, err
}

// setKeys takes the columns behind the SPI.
func (r *espReader) setKeys(s *esp.Secret, col [][]byte) (doubt string, err error) {
	if len(col) == 10 {
		if err = setESN(s, col[8], col[9]); err != nil {
			return "", err
		}
	}
	c, named, icvLen := cipherFromWireshark(col[4])
	switch {
	case c == nil && len(bytes.TrimSpace(col[4])) == 0:
		return r.setUnnamed(s, col)
	case c == nil:
		return "", errors.New("encryption algorithm " + quoteName(string(col[4])) + " is not known")
	}
	s.Suite.Cipher, s.Suite.ICVLen = c, icvLen
	if s.Key, err = r.tableKey(col[5], func(n int) bool {
		return c.KeyLenOK(n-c.SaltLen) && (named == 0 || named == n-c.SaltLen)
	}); err != nil {
		return "", fmt.Errorf("encryption key: %w", err)
	}
	if doubt, err = checkCipherKey(s, col[5]); err != nil {
		return "", err
	}
	a, err := tableAuth(col[6])
	if err != nil {
		return "", err
	}
	if c.AEAD {
		// The ICV is the cipher's own. "AES-GCM [RFC4106]" leaves its length to the other column.
		if icvLen == 0 && a.ICVLen <= 16 {
			s.Suite.ICVLen = a.ICVLen
		}
		return doubt, nil
	}
	authDoubt, err := r.setAuth(s, a, col[7])
	return cmp.Or(authDoubt, doubt), err
}

// checkCipherKey tells whether the cipher takes the key that stands in the text of its column.
func checkCipherKey(s *esp.Secret, text []byte) (doubt string, err error) {
	c, n := s.Suite.Cipher, s.Key.Len()
	switch {
	case c.Name == "null" && n == 0:
	case c.Name == "null":
		s.Key, doubt = esp.Key{}, "the encryption key is not used: the algorithm is NULL"
	case c.KeyLenOK(n - c.SaltLen):
		s.Suite.KeyLen = n - c.SaltLen
		if t := bytes.TrimSpace(text); len(t) == n && notHex(t) == 0 {
			doubt = "encryption key: without 0x its " + strconv.Itoa(n) + " characters are the key, as Wireshark has " +
				"it: if they are hex digits, write 0x before them"
		}
	case n > 0 && len(c.KeyLens) <= 3 && n-c.SaltLen < slices.Max(c.KeyLens):
		s.KeyHead = true
		doubt = "encryption key: " + oddKey(c, n)
	default:
		return "", fmt.Errorf("encryption key: %s takes no key of %s", c.Name, byteCount(n))
	}
	return doubt, nil
}

// tableAuth reads the column with the authentication algorithm.
func tableAuth(name []byte) (*esp.Auth, error) {
	a := authFromWireshark(name)
	if a == nil {
		return nil, errors.New("authentication algorithm " + quoteName(string(name)) + " is not known")
	}
	return a, nil
}

// oddKey tells what becomes of a key of n bytes, which c does not take but for a longer one's head.
func oddKey(c *esp.Cipher, n int) string {
	fits, longer := 0, 0
	for _, size := range c.KeyLens {
		if size += c.SaltLen; size < n {
			fits = max(fits, size)
		} else if longer == 0 || size < longer {
			longer = size
		}
	}
	text := c.Name + " takes no key of " + byteCount(n)
	if fits == 0 {
		return text + ": taken as the first of them, the others are missing"
	}
	return fmt.Sprintf("%s: for one of %d the last %d are too many and are not used, for one of %d there are %d "+
		"missing", text, fits, n-fits, longer, longer-n)
}

// setUnnamed takes the keys of a row that names no cipher.
func (r *espReader) setUnnamed(s *esp.Secret, col [][]byte) (doubt string, err error) {
	if s.Key, err = r.tableKey(col[5], commonKeyLen); err != nil {
		return "", fmt.Errorf("encryption key: %w", err)
	}
	switch {
	case s.Key.IsZero():
		return "", errors.New("neither an encryption algorithm nor a key")
	case !commonKeyLen(s.Key.Len()):
		return "", fmt.Errorf("encryption key: no algorithm is named, and none takes a key of %s",
			byteCount(s.Key.Len()))
	}
	// As the keys of a Yamaha router's log are.
	doubt = "no encryption algorithm is named; the key is tried by its length"
	if len(bytes.TrimSpace(col[6])) == 0 {
		if s.AuthKey, err = r.tableKey(col[7], func(int) bool { return true }); err != nil {
			return "", fmt.Errorf("authentication key: %w", err)
		}
		return doubt, nil
	}
	a, err := tableAuth(col[6])
	if err != nil {
		return "", err
	}
	authDoubt, err := r.setAuth(s, a, col[7])
	if authDoubt != "" {
		doubt += "; " + authDoubt
	}
	return doubt, err
}

// setAuth takes the authentication algorithm and its key. An algorithm without key says how long
// the ICV is, and that it is not checked.
func (r *espReader) setAuth(s *esp.Secret, a *esp.Auth, text []byte) (doubt string, err error) {
	s.Suite.Auth = a
	if !a.Checked {
		return "", nil
	}
	if s.AuthKey, err = r.tableKey(text, func(n int) bool { return n == a.KeyLen }); err != nil {
		return "", fmt.Errorf("authentication key: %w", err)
	}
	n := s.AuthKey.Len()
	switch {
	case n == 0:
		s.Suite.Auth = esp.AuthByName("any-" + strconv.Itoa(8*a.ICVLen))
	case n < a.KeyLen:
		s.AuthKeyHead = true
		return fmt.Sprintf("authentication key: %s takes %s, it has %d: taken as the first of them, the ICV can't be "+
			"checked",
			a.Name, byteCount(a.KeyLen), n), nil
	case n > a.KeyLen:
		return "", fmt.Errorf("authentication key: %s takes %s, it has %d", a.Name, byteCount(a.KeyLen), n)
	}
	return "", nil
}

// setESN takes "32-bit" or "64-bit" and the high half of the sequence number.
func setESN(s *esp.Secret, length, high []byte) error {
	switch bareName(string(length)) {
	case "32-bit", "32":
		s.ESNKnown = true
	case "64-bit", "64":
		s.ESNKnown, s.Suite.ESN = true, true
	case "":
	default:
		return errors.New("length of the sequence number: neither 32-bit nor 64-bit")
	}
	if len(high) == 0 {
		return nil
	}
	v, err := strconv.ParseUint(string(high), 0, 32)
	if err != nil {
		if v, err = strconv.ParseUint(string(high), 16, 32); err != nil {
			return errors.New("high bits of the sequence number: not a number of 32 bits")
		}
	}
	s.SeqHigh = uint32(v)
	return nil
}

// addr reads an address with "*" for all or for octets of it, or with a mask. The error does not
// show the text: in a row that lost a column it may be a key.
func (r *espReader) addr(a *esp.AddrPattern, text []byte) (err error) {
	if known := r.addrs[string(text)]; known != nil {
		*a = *known
		return nil
	}
	if len(text) > 64 {
		return errNoAddr
	}
	if *a, err = esp.ParseAddrPattern(string(text)); err != nil {
		return errNoAddr
	}
	if len(r.addrs) < maxAddrs {
		known := *a
		r.addrs[string(text)] = &known
	}
	return nil
}

var errNoAddr = errors.New("it is neither an address nor a pattern of one")

// tableSPI reads an SPI: hex with 0x, decimal, "*" for any, or hex with "*" for digits.
func tableSPI(text []byte) (spi, mask uint32, err error) {
	var room [4]byte
	if len(text) == len("0x12345678") && has0x(text) {
		if b, ok := hexDigits(room[:0], text[2:]); ok {
			return binary.BigEndian.Uint32(b), 0xffffffff, nil
		}
	}
	t := string(bytes.ToLower(text))
	digits, hex := strings.CutPrefix(t, "0x")
	if strings.Trim(digits, "*") == "" {
		if t == "" {
			return 0, 0, errors.New("SPI: empty")
		}
		return 0, 0, nil
	}
	if !strings.Contains(digits, "*") {
		base := 10
		if hex || strings.ContainsAny(digits, "abcdef") {
			base = 16
		}
		v, err := strconv.ParseUint(digits, base, 32)
		if err != nil {
			return 0, 0, errors.New("SPI: not a number of 32 bits")
		}
		return uint32(v), 0xffffffff, nil
	}
	if len(digits) < 8 && digits[len(digits)-1] == '*' {
		digits += strings.Repeat("*", 8-len(digits))
	}
	if len(digits) != 8 {
		return 0, 0, errors.New("SPI: with * for digits it needs 8 of them")
	}
	v, err := strconv.ParseUint(strings.ReplaceAll(digits, "*", "0"), 16, 32)
	if err != nil {
		return 0, 0, errors.New("SPI: not a number of 32 bits")
	}
	for _, c := range digits {
		if mask <<= 4; c != '*' {
			mask |= 0xf
		}
	}
	return uint32(v), mask, nil
}

// tableKey reads a key: hex with 0x; anything else is the text itself as Wireshark takes it, unless
// fits refuses its length and takes that of the hex digits.
func (r *espReader) tableKey(text []byte, fits func(n int) bool) (esp.Key, error) {
	t := bytes.TrimSpace(text)
	if len(t) == 0 {
		return esp.Key{}, nil
	}
	if len(t) > 4*maxKeyLen {
		return esp.Key{}, errors.New("too long")
	}
	if has0x(t) {
		return hexKey(&r.keys, t)
	}
	if redaction.Value(string(t)) {
		return esp.Key{}, errRedacted
	}
	if !fits(len(t)) {
		if k, err := hexKey(&r.keys, t); err == nil && fits(k.Len()) {
			return k, nil
		}
	}
	return r.keys.NewKey(t), nil
}
