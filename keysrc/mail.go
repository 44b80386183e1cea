package keysrc

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"net/textproto"
	"regexp"
	"strings"
)

// A mail that was saved holds its text, and the files with it, in parts (RFC 2045), which may be
// encoded. Each part is read as a file of an archive.

const (
	maxMailHead  = 32 << 10 // bytes of a header
	maxMailParts = 100
	maxMailDepth = 4 // parts in parts
)

var (
	mailStart = regexp.MustCompile(`(?i)^(?:From |(?:Received|Return-Path|Delivered-To|From|To|Date|Subject|Message-ID|MIME-Version|` +
		`Content-[a-z]+|User-Agent|Reply-To|DKIM-Signature|Authentication-Results|(?:X|ARC)-[-a-z0-9]+): )`)
	mailHead = regexp.MustCompile(`(?i)^(?:From [^\n]*\n)?(?:[a-z][-a-z0-9]*:[^\n]*\n(?:[ \t][^\n]*\n)*)*MIME-Version: *1\.0`)
)

// asMail reports whether a source begins as a mail in parts does, and returns all of it.
func asMail(r io.Reader) (all *bufio.Reader, ok bool) {
	const start = 64
	if all, ok = r.(*bufio.Reader); !ok {
		all = bufio.NewReader(r)
	}
	if head, _ := all.Peek(start); !mailStart.Match(head) {
		return all, false
	}
	all = bufio.NewReaderSize(all, maxMailHead)
	head, _ := all.Peek(maxMailHead)
	return all, mailHead.Match(bytes.ReplaceAll(head, []byte("\r\n"), []byte("\n")))
}

// mailReader gives out the parts of a mail.
type mailReader struct {
	file  func(name string, r io.Reader) error
	parts int
}

// read gives out the parts of a whole mail, or of all mails of a mailbox (RFC 4155).
func (m *mailReader) read(r *bufio.Reader) (err error) {
	if !boxed(r) {
		return m.message(r, 0)
	}
	for boxed(r) {
		one := &boxedMail{r: r}
		one.next()
		one.line = nil
		err = cmp.Or(err, m.message(one, 0))
		if _, rest := io.Copy(io.Discard, one); rest != nil {
			return rest
		}
	}
	return err
}

// boxed reports whether a mail of a mailbox begins.
func boxed(r *bufio.Reader) bool {
	head, _ := r.Peek(len("From "))
	return string(head) == "From "
}

// A boxedMail is one of the mails of a mailbox, up to the line with which the next begins.
type boxedMail struct {
	r     *bufio.Reader
	line  []byte // what is left of the line at hand
	blank bool   // it was an empty one
}

// next takes a line.
func (b *boxedMail) next() (err error) {
	b.line, err = b.r.ReadSlice('\n')
	b.blank = len(bytes.TrimRight(b.line, "\r\n")) == 0
	return err
}

func (b *boxedMail) Read(p []byte) (n int, err error) {
	if len(b.line) == 0 {
		if b.blank && boxed(b.r) {
			return 0, io.EOF
		}
		if err := b.next(); len(b.line) == 0 {
			return 0, err
		}
	}
	n = copy(p, b.line)
	b.line = b.line[n:]
	return n, nil
}

// message gives out the parts of a mail, or of one in it.
func (m *mailReader) message(r io.Reader, depth int) error {
	msg, err := mail.ReadMessage(r)
	if err != nil {
		return errors.New("the header of the mail is damaged")
	}
	return m.part(textproto.MIMEHeader(msg.Header), msg.Body, depth)
}

// part gives out a part, or those in it. Of several that say the same the first is taken, which is
// the plain text.
func (m *mailReader) part(header textproto.MIMEHeader, body io.Reader, depth int) error {
	kind, params, err := mime.ParseMediaType(header.Get("Content-Type"))
	if err == nil && strings.HasPrefix(kind, "multipart/") && depth < maxMailDepth {
		list := multipart.NewReader(body, params["boundary"])
		for {
			p, err := list.NextRawPart()
			if err == io.EOF {
				return nil
			}
			if err != nil {
				return errors.New("the parts of the mail are damaged, or it is cut short")
			}
			if err := m.part(p.Header, p, depth+1); err != nil || kind == "multipart/alternative" {
				return err
			}
		}
	}
	if kind == "message/rfc822" && depth < maxMailDepth { // a mail that was forwarded
		return m.message(body, depth+1)
	}
	switch strings.ToLower(strings.TrimSpace(header.Get("Content-Transfer-Encoding"))) {
	case "quoted-printable":
		body = quotedprintable.NewReader(body)
	case "base64":
		body = base64.NewDecoder(base64.StdEncoding, body)
	}
	if m.parts == maxMailParts {
		return fmt.Errorf("it has more than %d parts: the others are not read", maxMailParts)
	}
	m.parts++
	return m.file(fmt.Sprintf("part %d", m.parts), body)
}
