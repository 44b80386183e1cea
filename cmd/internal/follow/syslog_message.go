package follow

import (
	"bytes"
	"regexp"
	"strconv"
	"time"

	syslogs "github.com/leodido/go-syslog/v4"
	"github.com/leodido/go-syslog/v4/rfc5424"
)

// maxMessage is the size of the longest syslog message that is taken, in bytes. Over UDP none is
// longer.
const maxMessage = 64 << 10

// A deframer cuts a TCP stream into syslog messages (RFC 6587): each frame is either counted, as in
// "83 <135>…", or ends with LF (or NUL). Counted frames are known by their beginning, so that both
// may come from one sender, and lines without a priority too.
type deframer struct {
	skip int  // bytes of a counted frame that is too long
	line bool // inside a line that is too long
	long int  // frames that were too long, and left out
}

// deframerBuffer is what [deframer.split] needs for the longest frame.
const deframerBuffer = maxMessage + 16

// split is a [bufio.SplitFunc]. A line without its end is whole at the end of the stream; a counted
// frame that was cut is not.
func (d *deframer) split(data []byte, atEOF bool) (advance int, message []byte, err error) {
	for advance < len(data) && message == nil {
		var n int
		if n, message = d.next(data[advance:], atEOF); n == 0 {
			break // more has to come
		}
		advance += n
	}
	return advance, message, nil
}

// next takes n bytes off data: a frame, or what is to be passed over.
func (d *deframer) next(data []byte, atEOF bool) (n int, message []byte) {
	switch {
	case d.skip > 0:
		n := min(d.skip, len(data))
		d.skip -= n
		return n, nil
	case !d.line && (data[0] == '\n' || data[0] == 0):
		return 1, nil // some senders end counted frames too
	case !d.line:
		size, head := countedFrame(data)
		switch {
		case size > maxMessage:
			d.long++
			d.skip = size
			return head, nil
		case size > 0 && head+size <= len(data):
			return head + size, data[head : head+size]
		case size != 0 && atEOF:
			return len(data), nil
		case size != 0:
			return 0, nil
		}
	}
	i := bytes.IndexAny(data, "\n\x00")
	end := i >= 0
	if !end {
		i = len(data)
	}
	switch {
	case d.line:
		d.line = !end
	case i > maxMessage:
		d.long++
		d.line = !end
	case end || atEOF:
		message = data[:i]
	default:
		return 0, nil
	}
	return min(i+1, len(data)), message
}

// countedFrame reads the beginning of a counted frame: the size of the message and where it begins.
// The size is 0 if it is no counted frame, and -1 if that can't be told yet.
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

// A syslogParser takes the headers off messages.
type syslogParser struct{ rfc5424 syslogs.Machine }

func newSyslogParser() *syslogParser { return &syslogParser{rfc5424.NewMachine()} }

// parse takes off all up to MSG (RFC 5424), or priority, time and host (RFC 3164). What remains is
// the line as the sending program wrote it. host is "" if the message does not name it.
//
// RFC 3164 tells what was seen and no format: go-syslog's parser for it takes the first word of a
// router's line for the host, with the spaces behind it, and loses that of "PP[01] Call". Of its
// tag only "name[process]: " is sure to be one.
func (p *syslogParser) parse(message []byte) (host string, text []byte) {
	if m, err := p.rfc5424.Parse(message); err == nil {
		m := m.(*rfc5424.SyslogMessage)
		if m.Hostname != nil {
			host = *m.Hostname
		}
		if m.Message != nil {
			text = bytes.TrimPrefix([]byte(*m.Message), []byte("\xef\xbb\xbf"))
		}
		return host, text
	}
	priority := priority.Find(message)
	if priority == nil {
		return "", message
	}
	rest := message[len(priority):]
	text, ok := cutTime(rest)
	if !ok {
		return "", rest
	}
	if name, after, ok := bytes.Cut(text, []byte{' '}); ok && hostName.Match(name) {
		host, text = string(name), after
	}
	return host, text[len(tag.Find(text)):]
}

var (
	// priority is facility and severity, as in "<135>".
	priority = regexp.MustCompile(`^<([0-9]{1,2}|0[0-9]{2}|1[0-8][0-9]|19[01])>`)
	// hostName is a word that can be a host's name or address. A tag ends in a colon or has brackets.
	hostName = regexp.MustCompile(`^[0-9A-Za-z._:-]{0,254}[0-9A-Za-z._-]$`)
	// tag is as in "name[123]: ".
	tag = regexp.MustCompile(`^[^ []{1,48}\[[0-9]+\]: `)
)

// cutTime takes a time and the space behind it off: "Mar 13 22:00:52" or "Mar 13 2019 22:00:52", or
// ISO 8601.
func cutTime(b []byte) (rest []byte, ok bool) {
	for _, form := range []string{time.Stamp, "Jan _2 2006 15:04:05", "2006-01-02T15:04:05"} { // as long as the time
		if len(b) <= len(form) {
			continue
		}
		if _, err := time.Parse(form, string(b[:len(form)])); err != nil {
			continue
		}
		b := b[len(form):]
		if i := bytes.IndexByte(b, ' '); i >= 0 && i <= 16 { // a fraction, a zone, a colon
			return b[i+1:], true
		}
	}
	return b, false
}
