package follow

import (
	"bytes"
	"strconv"
)

// maxMessage is the size of the longest syslog message that is taken, in bytes. Over UDP none is longer.
const maxMessage = 64 << 10

// A deframer cuts a TCP stream into syslog messages (RFC 6587): each frame is either counted, as in "83 <135>…", or
// ends with LF (or NUL). Counted frames are known by their beginning.
type deframer struct {
	buf      []byte
	skip     int  // bytes of a counted frame that is too long
	skipLine bool // inside a line that is too long
	long     int  // frames that were too long, and left out
	searched int  // bytes at the beginning of buf in which there is no end of a line
}

// write takes the next bytes of the stream. What give gets is valid until it returns; it is not empty.
func (d *deframer) write(p []byte, give func(message []byte)) {
	for len(p) > 0 {
		n := min(len(p), maxMessage+16-len(d.buf))
		d.buf = append(d.buf, p[:n]...)
		p = p[n:]
		d.frames(give)
	}
}

// end takes the end of the stream. A line without its end is whole; a counted frame that was cut is not.
func (d *deframer) end(give func(message []byte)) {
	if size, _ := countedFrame(d.buf); size == 0 && !d.skipLine && d.skip == 0 && len(d.buf) > 0 {
		give(d.buf)
	}
	d.buf = nil
}

// frames gives out the whole frames of the buffer. It leaves room in it.
func (d *deframer) frames(give func([]byte)) {
	buf, searched := d.buf, d.searched
	d.searched = 0
	for len(buf) > 0 {
		if d.skip > 0 {
			n := min(d.skip, len(buf))
			d.skip -= n
			buf = buf[n:]
			continue
		}
		if (buf[0] == '\n' || buf[0] == 0) && !d.skipLine {
			buf = buf[1:] // some senders end counted frames too
			continue
		}
		if !d.skipLine {
			size, head := countedFrame(buf)
			if size > maxMessage {
				d.long++
				d.skip = head + size
				continue
			}
			if size < 0 || size > len(buf)-head {
				break // more has to come
			}
			if size > 0 {
				give(buf[head : head+size])
				buf = buf[head+size:]
				continue
			}
		}
		i := bytes.IndexAny(buf[searched:], "\n\x00")
		if i >= 0 {
			i += searched
		}
		searched = 0
		switch {
		case i < 0 && len(buf) > maxMessage && !d.skipLine:
			d.long++
			d.skipLine = true
			continue
		case i < 0 && d.skipLine:
			buf = nil
			continue
		case i < 0:
			d.searched = len(buf)
		case d.skipLine:
			d.skipLine = false
			buf = buf[i+1:]
			continue
		case i > maxMessage:
			d.long++
			buf = buf[i+1:]
			continue
		default:
			give(buf[:i])
			buf = buf[i+1:]
			continue
		}
		break
	}
	d.buf = append(d.buf[:0], buf...)
}

// countedFrame reads the beginning of a counted frame: the size of the message and where it begins. The size is 0
// if it is no counted frame, and -1 if that can't be told yet.
func countedFrame(b []byte) (size, head int) {
	const digits = 7
	n := 0
	for n < len(b) && n <= digits && b[n] >= '0' && b[n] <= '9' {
		n++
	}
	switch {
	case n == 0 || n > digits || b[0] == '0':
		return 0, 0
	case n == len(b):
		return -1, 0
	case b[n] != ' ':
		return 0, 0
	case n+1 == len(b):
		return -1, 0
	case b[n+1] != '<':
		return 0, 0
	}
	size, _ = strconv.Atoi(string(b[:n]))
	return size, n + 1
}

// parseSyslog takes the header off a message: priority, time and host (RFC 3164), or all up to MSG (RFC 5424). What remains
// is the line as the sending program wrote it; of RFC 3164's tag only "name[process]: " is sure to be
// one. host is "" if the message does not name it.
func parseSyslog(message []byte) (host string, text []byte) {
	rest, ok := cutPriority(message)
	if !ok {
		return "", message
	}
	if host, text, ok := parse5424(rest); ok {
		return host, text
	}
	text, ok = cutTime(rest)
	if !ok {
		return "", rest
	}
	if name, after, ok := bytes.Cut(text, []byte{' '}); ok && isHost(name) {
		host, text = string(name), after
	}
	return host, cutTag(text)
}

// cutPriority takes "<135>" off.
func cutPriority(b []byte) (rest []byte, ok bool) {
	if len(b) < 3 || b[0] != '<' {
		return b, false
	}
	i := bytes.IndexByte(b[:min(5, len(b))], '>')
	if i < 2 {
		return b, false
	}
	if n, err := strconv.ParseUint(string(b[1:i]), 10, 8); err != nil || n > 191 {
		return b, false
	}
	return b[i+1:], true
}

// parse5424 reads "1 TIMESTAMP HOSTNAME APP-NAME PROCID MSGID STRUCTURED-DATA MSG" (RFC 5424 section 6).
func parse5424(b []byte) (host string, msg []byte, ok bool) {
	b, ok = bytes.CutPrefix(b, []byte("1 "))
	if !ok {
		return "", nil, false
	}
	for i, longest := range []int{32, 255, 48, 128, 32} {
		field, rest, ok := bytes.Cut(b, []byte{' '})
		if !ok || len(field) == 0 || len(field) > longest {
			return "", nil, false
		}
		if i == 1 && string(field) != "-" {
			host = string(field)
		}
		b = rest
	}
	b, ok = cutStructuredData(b)
	if !ok {
		return "", nil, false
	}
	if len(b) > 0 {
		if b[0] != ' ' {
			return "", nil, false
		}
		b = b[1:]
	}
	return host, bytes.TrimPrefix(b, []byte("\xef\xbb\xbf")), true
}

// cutStructuredData takes "-" or any number of elements off: [id name="value" …], where \ stands before ", \ and ] in
// a value.
func cutStructuredData(b []byte) (rest []byte, ok bool) {
	if len(b) > 0 && b[0] == '-' {
		return b[1:], true
	}
	for ok = false; len(b) > 0 && b[0] == '['; ok = true {
		quoted := false
		i := 1
		for ; i < len(b) && (quoted || b[i] != ']'); i++ {
			switch {
			case b[i] == '"':
				quoted = !quoted
			case quoted && b[i] == '\\':
				i++
			}
		}
		if i >= len(b) {
			return nil, false
		}
		b = b[i+1:]
	}
	return b, ok
}

// cutTime takes a time and the space behind it off: "Mar 13 22:00:52" or "Mar 13 2019 22:00:52", or ISO 8601.
func cutTime(b []byte) (rest []byte, ok bool) {
	for _, form := range []string{"Aaa _d dd:dd:dd", "Aaa _d dddd dd:dd:dd", "dddd-dd-ddTdd:dd:dd"} {
		if len(b) <= len(form) || !matches(b, form) {
			continue
		}
		b := b[len(form):]
		if i := bytes.IndexByte(b, ' '); i >= 0 && i <= 16 { // a fraction, a zone, a colon
			return b[i+1:], true
		}
	}
	return b, false
}

// matches compares with a form in which A stands for a capital, a for a small letter, d for a digit and _ for a digit or a
// space.
func matches(b []byte, form string) bool {
	for i := 0; i < len(form); i++ {
		c, ok := b[i], false
		switch form[i] {
		case 'A':
			ok = c >= 'A' && c <= 'Z'
		case 'a':
			ok = c >= 'a' && c <= 'z'
		case 'd':
			ok = c >= '0' && c <= '9'
		case '_':
			ok = c >= '0' && c <= '9' || c == ' '
		default:
			ok = c == form[i]
		}
		if !ok {
			return false
		}
	}
	return true
}

// isHost reports whether a word can be a host name or an address. A tag ends in a colon or has brackets.
func isHost(b []byte) bool {
	for _, c := range b {
		if !(c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '.' || c == '-' || c == '_' || c == ':') {
			return false
		}
	}
	return len(b) > 0 && len(b) <= 255 && b[len(b)-1] != ':'
}

// cutTag takes "name[123]: " off.
func cutTag(b []byte) []byte {
	i := bytes.Index(b, []byte("]: "))
	open := bytes.IndexByte(b, '[')
	if i < 0 || open <= 0 || open > 48 || open+1 >= i {
		return b
	}
	for _, c := range b[open+1 : i] {
		if c < '0' || c > '9' {
			return b
		}
	}
	if bytes.IndexByte(b[:open], ' ') >= 0 {
		return b
	}
	return b[i+3:]
}
