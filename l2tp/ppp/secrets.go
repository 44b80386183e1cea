package ppp

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"

	"l2tpdump/esp"
)

// maxSecretsFile is the size in bytes of the largest file of secrets that is read.
const maxSecretsFile = 64 << 20

// Secrets are the users' passwords from a file in the format of pppd's chap-secrets.
type Secrets struct {
	entries []secretEntry
	byUser  map[string][]int // entries of a user, by their index
}

// secretEntry is a line of the file.
type secretEntry struct {
	client, server string
	password       password
	place          string // "FILE:7"
}

// password is a password, or the NtPasswordHash of one, which is not to be printed.
type password struct {
	key    esp.Key
	hashed bool
}

func (p *password) text() []byte { return p.key.Bytes() }

const anyName = "*"

// ReadSecrets reads a file of secrets: on each line client, server, secret, and addresses, which do
// not matter here (pppd(8), "Authentication"). Words may be quoted and have escapes; "*" is any
// name; "#" begins a comment. A secret that begins with "NThash:" is the NtPasswordHash in
// hexadecimal digits. name is what errors and verdicts call the file.
func ReadSecrets(r io.Reader, name string) (*Secrets, error) {
	s := &Secrets{byUser: make(map[string][]int)}
	limited := &io.LimitedReader{R: r, N: maxSecretsFile}
	words := wordReader{in: bufio.NewReader(limited), line: 1}
	for {
		line, fields, err := words.next()
		place := fmt.Sprintf("%s:%d", name, line)
		if err != nil && err != io.EOF {
			return nil, fmt.Errorf("%s: %w", place, err)
		}
		if len(fields) > 0 {
			e, problem := newSecretEntry(fields, place)
			if problem != nil {
				return nil, problem
			}
			s.byUser[e.client] = append(s.byUser[e.client], len(s.entries))
			s.entries = append(s.entries, e)
		}
		switch {
		case limited.N == 0:
			return nil, fmt.Errorf("%s: larger than %d bytes", name, maxSecretsFile)
		case err == nil:
		case len(s.entries) == 0:
			return nil, fmt.Errorf("%s: no secret in it; a line has a client, a server and a secret", name)
		default:
			return s, nil
		}
	}
}

func newSecretEntry(fields [][]byte, place string) (e secretEntry, err error) {
	const ntHash = "NThash:"
	if len(fields) < 3 {
		return e, fmt.Errorf("%s: %d words; a line has a client, a server and a secret", place, len(fields))
	}
	e = secretEntry{client: string(fields[0]), server: string(fields[1]), place: place}
	digits, hashed := bytes.CutPrefix(fields[2], []byte(ntHash))
	switch {
	case hashed:
		sum := make([]byte, hex.DecodedLen(len(digits)))
		if _, err := hex.Decode(sum, digits); err != nil || len(sum) != 16 {
			return e, fmt.Errorf("%s: NThash: is not followed by 32 hexadecimal digits", place)
		}
		e.password = password{esp.NewKey(sum), true}
	case bytes.HasPrefix(fields[2], []byte("@")):
		return e, fmt.Errorf("%s: a secret in another file is not read", place)
	default:
		e.password = password{key: esp.NewKey(fields[2])}
	}
	return e, nil
}

// of are the entries that may be the user's, the likeliest first: those that name him, with the
// domain or without, before those for anybody; of these those that name the server first.
func (s *Secrets) of(user, server string) (found []*secretEntry) {
	if s == nil {
		return nil
	}
	names := []string{user}
	if i := strings.LastIndexByte(user, '\\'); i >= 0 {
		names = append(names, user[i+1:])
	}
	for _, name := range append(names, anyName) {
		for _, named := range [...]bool{true, false} {
			for _, i := range s.byUser[name] {
				if e := &s.entries[i]; (e.server == server) == named {
					found = append(found, e)
				}
			}
		}
	}
	return found
}

// wordReader reads the lines of words of pppd's files.
type wordReader struct {
	in   *bufio.Reader
	line int
}

var errQuote = errors.New("a quoted word has no end")

// next reads the words of the next line that has any, and the line's number. At the end of the
// input it returns io.EOF with what there was.
func (w *wordReader) next() (line int, fields [][]byte, err error) {
	for {
		c, err := w.in.ReadByte()
		if err == nil && c == '#' {
			c, err = w.skipLine()
		}
		switch {
		case err != nil:
			return line, fields, err
		case c == '\n':
			w.line++
			if len(fields) > 0 {
				return line, fields, nil
			}
			continue
		case isSpace(c):
			continue
		}
		if err := w.in.UnreadByte(); err != nil {
			return w.line, nil, err
		}
		if len(fields) == 0 {
			line = w.line
		}
		word, err := w.word()
		if err != nil {
			return w.line, nil, err
		}
		fields = append(fields, word)
	}
}

// skipLine reads up to the end of the line, which it returns.
func (w *wordReader) skipLine() (c byte, err error) {
	for c != '\n' && err == nil {
		c, err = w.in.ReadByte()
	}
	return c, err
}

func isSpace(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' }

// word reads a word, up to the space or comment behind it.
func (w *wordReader) word() ([]byte, error) {
	word := []byte{}
	var quote byte
	for {
		c, err := w.in.ReadByte()
		switch {
		case err == io.EOF && quote != 0:
			return nil, errQuote
		case err == io.EOF:
			return word, nil
		case err != nil:
			return nil, err
		case c == '\\':
			if word, err = w.escape(word); err != nil {
				return nil, err
			}
		case quote != 0 && c == quote:
			quote = 0
		case quote == 0 && (c == '"' || c == '\''):
			quote = c
		case quote == 0 && (isSpace(c) || c == '#'):
			return word, w.in.UnreadByte()
		default:
			if c == '\n' {
				w.line++
			}
			word = append(word, c)
		}
	}
}

// escape reads what follows a backslash: \a \b \f \n \r \s \t, up to three octal digits, x and up
// to two hexadecimal digits; the end of a line, which is left out; anything else stands for itself.
func (w *wordReader) escape(word []byte) ([]byte, error) {
	const letters, values = "abfnrst", "\a\b\f\n\r \t"
	c, err := w.in.ReadByte()
	switch {
	case err == io.EOF:
		return word, nil
	case err != nil:
		return word, err
	case c == '\n':
		w.line++
		return word, nil
	case c == 'x':
		return w.number(word, 16, 2)
	case c >= '0' && c <= '7':
		if err := w.in.UnreadByte(); err != nil {
			return word, err
		}
		return w.number(word, 8, 3)
	}
	if i := strings.IndexByte(letters, c); i >= 0 {
		c = values[i]
	}
	return append(word, c), nil
}

// number reads a byte in up to most digits.
func (w *wordReader) number(word []byte, base, most int) ([]byte, error) {
	const digits = "0123456789abcdef"
	n := 0
	for range most {
		c, err := w.in.ReadByte()
		if err == io.EOF {
			break
		}
		if err != nil {
			return word, err
		}
		d := strings.IndexByte(digits[:base], c|0x20)
		if c < 'A' {
			d = strings.IndexByte(digits[:base], c)
		}
		if d < 0 {
			if err := w.in.UnreadByte(); err != nil {
				return word, err
			}
			break
		}
		n = n*base + d
	}
	return append(word, byte(n)), nil
}
