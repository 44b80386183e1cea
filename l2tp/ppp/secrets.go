package ppp

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strconv"
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
	data, err := io.ReadAll(io.LimitReader(r, maxSecretsFile))
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s:0: %w", name, err)
	case len(data) == maxSecretsFile:
		return nil, fmt.Errorf("%s: larger than %d bytes", name, maxSecretsFile)
	}
	s := &Secrets{byUser: make(map[string][]int)}
	words := wordReader{rest: data, line: 1}
	for len(words.rest) > 0 {
		line, fields, err := words.next()
		place := fmt.Sprintf("%s:%d", name, line)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", place, err)
		}
		if len(fields) > 0 {
			e, err := newSecretEntry(fields, place)
			if err != nil {
				return nil, err
			}
			s.byUser[e.client] = append(s.byUser[e.client], len(s.entries))
			s.entries = append(s.entries, e)
		}
	}
	if len(s.entries) == 0 {
		return nil, fmt.Errorf("%s: no secret in it; a line has a client, a server and a secret", name)
	}
	return s, nil
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
	rest []byte
	line int
}

var errQuote = errors.New("a quoted word has no end")

// take takes a byte.
func (w *wordReader) take() byte {
	c := w.rest[0]
	if w.rest = w.rest[1:]; c == '\n' {
		w.line++
	}
	return c
}

// next reads the words of the next line that has any, and the line's number.
func (w *wordReader) next() (line int, fields [][]byte, err error) {
	for len(w.rest) > 0 {
		switch c := w.rest[0]; {
		case c == '#':
			for len(w.rest) > 0 && w.rest[0] != '\n' {
				w.take()
			}
		case isSpace(c):
			if w.take(); c == '\n' && len(fields) > 0 {
				return line, fields, nil
			}
		default:
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
	return line, fields, nil
}

func isSpace(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' }

// word reads a word, up to the space or comment behind it.
func (w *wordReader) word() ([]byte, error) {
	word := []byte{}
	quote := byte(0)
	for len(w.rest) > 0 && (quote != 0 || !isSpace(w.rest[0]) && w.rest[0] != '#') {
		switch c := w.take(); {
		case c == '\\':
			word = w.escape(word)
		case quote != 0 && c == quote:
			quote = 0
		case quote == 0 && (c == '"' || c == '\''):
			quote = c
		default:
			word = append(word, c)
		}
	}
	if quote != 0 {
		return nil, errQuote
	}
	return word, nil
}

// escape reads what follows a backslash: \a \b \f \n \r \s \t, up to three octal digits, x and up
// to two hexadecimal digits; the end of a line, which is left out; anything else stands for itself.
func (w *wordReader) escape(word []byte) []byte {
	const letters, values = "abfnrst", "\a\b\f\n\r \t"
	if len(w.rest) == 0 {
		return word
	}
	if c := w.rest[0]; c >= '0' && c <= '7' {
		return append(word, w.number(8, 3))
	}
	c := w.take()
	switch i := strings.IndexByte(letters, c); {
	case c == '\n':
		return word
	case c == 'x':
		return append(word, w.number(16, 2))
	case i >= 0:
		return append(word, values[i])
	}
	return append(word, c)
}

// number reads a byte in up to most digits.
func (w *wordReader) number(base, most int) byte {
	n := 0
	for ; most > 0 && len(w.rest) > 0; most-- {
		digit, err := strconv.ParseUint(string(w.rest[:1]), base, 8)
		if err != nil {
			break
		}
		n = n*base + int(digit)
		w.rest = w.rest[1:]
	}
	return byte(n)
}
