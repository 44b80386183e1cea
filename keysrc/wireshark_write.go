package keysrc

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"l2tpdump/esp"
	"l2tpdump/ikev1"
)

// AppendESPRow appends a row of esp_sa with its line end: 8 columns, which every version of Wireshark reads, or 10
// for extended sequence numbers. An error says why the secret can't be spelt; nothing is appended then. Of an authentication key
// whose head alone is known only the length of the ICV is written ("no checking"). Addresses
// that are not known, or known in part in a way that Wireshark does not read, are "*"; the caller fills
// them in. Wireshark takes the first row that matches.
func AppendESPRow(dst []byte, s *esp.Secret) ([]byte, error) {
	return appendESPRow(dst, s, s.Suite.ESN)
}

func appendESPRow(dst []byte, s *esp.Secret, wide bool) ([]byte, error) {
	cipher, auth, err := wiresharkSuite(s)
	if err != nil {
		return dst, err
	}
	src, dstAddr := tableAddrText(s.Src), tableAddrText(s.Dst)
	family := "IPv4"
	if strings.Contains(src+dstAddr, ":") {
		family = "IPv6"
	}
	spi := tableSPIText(s)
	if spi == "" {
		return dst, errors.New("the SPI is known in part only")
	}
	for _, col := range [...]string{family, src, dstAddr, spi, cipher} {
		dst = append(append(append(dst, '"'), col...), '"', ',')
	}
	dst = appendTableKey(dst, s.Key)
	dst = append(append(append(dst, ',', '"'), auth...), '"', ',')
	if s.Suite.Auth != nil && s.Suite.Auth.Checked && auth == wiresharkAuthName(s.Suite.Auth) {
		dst = appendTableKey(dst, s.AuthKey)
	} else {
		dst = append(dst, '"', '"')
	}
	if wide {
		bits := "32-bit"
		if s.Suite.ESN {
			bits = "64-bit"
		}
		dst = append(dst, `,"`+bits+`","`+strconv.FormatUint(uint64(s.SeqHigh), 10)+`"`...)
	}
	return append(dst, '\n'), nil
}

// wiresharkSuite returns the names of both algorithms, or why there is none.
func wiresharkSuite(s *esp.Secret) (cipher, auth string, err error) {
	c, a := s.Suite.Cipher, s.Suite.Auth
	if c == nil {
		return "", "", errors.New("the cipher is not known: the capture names it, if it is given too")
	}
	if s.KeyHead && s.Suite.KeyLen != 0 && s.Key.Len() < s.Suite.KeyLen+c.SaltLen {
		return "", "", fmt.Errorf("only the first %d of %d bytes of the key are known", s.Key.Len(), s.Suite.KeyLen+c.SaltLen)
	}
	if s.KeyHead && s.Suite.KeyLen == 0 {
		return "", "", fmt.Errorf("only the first %d bytes of the key may be known", s.Key.Len())
	}
	if n := s.Key.Len() - c.SaltLen; !c.KeyLenOK(n) && c.Name != "null" {
		return "", "", fmt.Errorf("%s takes no key of %s", c.Name, byteCount(s.Key.Len()))
	}
	if cipher = wiresharkCipherName(s.Suite); cipher == "" {
		if c.Name == "aes-gcm" && s.Suite.ICVLen == 0 {
			return "", "", fmt.Errorf("the length of the ICV of %s is not known", c.Name)
		}
		return "", "", fmt.Errorf("%s has no name in Wireshark's table", s.Suite.CipherName())
	}
	switch {
	case c.AEAD:
		return cipher, "NULL", nil
	case a == nil:
		return cipher, "ANY 96 bit authentication [no checking]", nil
	case a.Checked && (s.AuthKeyHead || s.AuthKey.Len() != a.KeyLen || wiresharkAuthName(a) == ""):
		a = esp.AuthByName("any-" + strconv.Itoa(8*a.ICVLen))
	}
	if a == nil || wiresharkAuthName(a) == "" {
		return "", "", fmt.Errorf("%s has no name in Wireshark's table", s.Suite.AuthName())
	}
	return cipher, wiresharkAuthName(a), nil
}

func appendTableKey(dst []byte, k esp.Key) []byte {
	dst = append(dst, '"')
	if !k.IsZero() {
		dst = hex.AppendEncode(append(dst, "0x"...), k.Bytes())
	}
	return append(dst, '"')
}

// tableAddrText returns the pattern as Wireshark reads it: whole addresses, and "*".
func tableAddrText(p esp.AddrPattern) string {
	t := p.String()
	if p.IsAny() || strings.Contains(t, "/") || strings.Contains(t, ":") && strings.Contains(t, "*") {
		return "*"
	}
	return t
}

// tableSPIText returns the SPI with "*" for digits that are not known, "" if a digit is known in part.
func tableSPIText(s *esp.Secret) string {
	if s.SPIMask == 0 {
		return "*"
	}
	t := []byte(spiName(s.SPI))
	for i := 0; i < 8; i++ {
		switch s.SPIMask >> (28 - 4*i) & 0xf {
		case 0xf:
		case 0:
			t[2+i] = '*'
		default:
			return ""
		}
	}
	return string(t)
}

// The names of Wireshark's tables in a profile's folder.
const (
	TableIKE = "ikev1_decryption_table"
	TableESP = "esp_sa"
)

// maxTable bounds a table that is read to be added to.
const maxTable = 64 << 20

// IKERow is a row of ikev1_decryption_table: the expanded key.
type IKERow struct {
	InitiatorCookie ikev1.Cookie
	Ka              esp.Key
}

// TableReport says what became of a table's rows.
type TableReport struct {
	Path    string
	Added   int
	Present int     // rows that were there already
	Left    []error // what has no row, and why: "SPI 0x…: only the first 16 of 32 bytes …"
}

// WriteIKETable adds rows to the ikev1_decryption_table in dir, which is made if it is not there. A cookie that is in the
// table with another key gets its new row behind the old: Wireshark takes the last.
func WriteIKETable(dir string, rows []IKERow) (*TableReport, error) {
	t, err := openTable(filepath.Join(dir, TableIKE))
	if err != nil {
		return nil, err
	}
	last := make(map[string]string) // cookie to the row that counts
	for _, line := range t.lines() {
		if s, _, err := parseIKERow(line); err == nil {
			last[s.InitiatorCookie.String()] = string(s.Ka.Bytes())
		}
	}
	for _, r := range rows {
		row, err := AppendIKERow(nil, r.InitiatorCookie, r.Ka)
		if err != nil {
			t.report.Left = append(t.report.Left, fmt.Errorf("IKE %s: %w", r.InitiatorCookie, err))
			continue
		}
		cookie := r.InitiatorCookie.String()
		if k, ok := last[cookie]; ok && k == string(r.Ka.Bytes()) {
			t.report.Present++
			continue
		}
		last[cookie] = string(r.Ka.Bytes())
		t.tail = append(t.tail, row...)
		t.report.Added++
	}
	return t.write()
}

// WriteESPTable adds a row for each secret to the esp_sa in dir, which is made if it is not there. Wireshark takes the first
// row that matches, wildcards included: a row goes before the older ones with other keys that match the same packets, but
// not before one whose key begins with its own, which is more of the same. Of two secrets for the same packets the later one counts.
func WriteESPTable(dir string, secrets []*esp.Secret) (*TableReport, error) {
	t, err := openTable(filepath.Join(dir, TableESP))
	if err != nil {
		return nil, err
	}
	var order espOrder
	for i, line := range t.lines() {
		if r, ok := readESPRow(line); ok {
			r.rank = i
			order.add(r)
		}
	}
	var front, head, tail, behind [][]byte // in this order; the old rows are between head and tail
	for _, s := range slices.Backward(secrets) {
		text, err := AppendESPRow(nil, s)
		if err != nil {
			t.report.Left = append(t.report.Left, fmt.Errorf("SPI %s (%s): %w", tableSPIText(s), s.Origin, err))
			continue
		}
		row, ok := readESPRow(text)
		if !ok {
			return nil, fmt.Errorf("SPI %s: the row can't be read back", tableSPIText(s))
		}
		row.ours = true
		place := order.place(row)
		switch place {
		case espPresent:
			t.report.Present++
			continue
		case espFront:
			front = append(front, text)
		case espHead:
			head = append(head, text)
		case espTail:
			tail = append(tail, text)
		case espBehind:
			behind = append(behind, text)
		}
		t.report.Added++
	}
	slices.Reverse(t.report.Left)
	for _, text := range front { // the last one found is to be the first
		t.head = append(bytes.Clone(text), t.head...)
	}
	for _, text := range slices.Backward(head) {
		t.head = append(t.head, text...)
	}
	for _, text := range slices.Backward(tail) {
		t.tail = append(t.tail, text...)
	}
	for _, text := range behind {
		t.tail = append(t.tail, text...)
	}
	return t.write()
}

// table is a file of Wireshark's that gets new rows.
type table struct {
	report     TableReport
	old        []byte
	head, tail []byte // new rows before and behind the old
}

func openTable(path string) (*table, error) {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	t := &table{report: TableReport{Path: path}}
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return t, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	t.old, err = io.ReadAll(io.LimitReader(f, maxTable+1))
	if err == nil && len(t.old) > maxTable {
		err = fmt.Errorf("%s: larger than %d bytes: not a table of Wireshark's", path, maxTable)
	}
	return t, err
}

// lines returns the rows that are there.
func (t *table) lines() [][]byte {
	var list [][]byte
	for line := range bytes.Lines(t.old) {
		line = bytes.TrimSpace(line)
		if len(line) > 0 && line[0] != '#' {
			list = append(list, line)
		}
	}
	return list
}

// write replaces the file in one step, with mode 0600. A table that gets no row is not touched, but
// for its mode and the end of its last line.
func (t *table) write() (*TableReport, error) {
	path := t.report.Path
	whole := slices.Concat(t.head, t.old)
	cut := len(whole) > 0 && whole[len(whole)-1] != '\n'
	if t.report.Added == 0 && !cut {
		if t.old != nil {
			return &t.report, os.Chmod(path, 0o600)
		}
		return &t.report, nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*") // mode 0600
	if err != nil {
		return nil, err
	}
	defer os.Remove(f.Name())
	if cut {
		whole = append(whole, '\n') // Wireshark drops a last line without its end, and would join it to the next here
	}
	whole = append(whole, t.tail...)
	_, err = f.Write(whole)
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return nil, err
	}
	return &t.report, nil
}
