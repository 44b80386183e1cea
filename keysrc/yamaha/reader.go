package yamaha

import (
	"bytes"
	"fmt"
	"net/netip"

	"l2tpdump/esp"
	"l2tpdump/ikev1"
)

// A Sink takes what a Reader finds as soon as it is complete. What it is given is its own.
type Sink interface {
	IKE(*ikev1.Secret)
	ESP([]*esp.Secret)                // of negotiations that belong together
	Note(line int, text string)       // a value was left out, and why; the text holds no key bytes
	Doubt(line int, text string)      // a value was kept, and what may be wrong with it
	Addresses(local, peer netip.Addr) // of a link or negotiation; either may be zero
	SA(*SA)                           // what the router's listing says of an SA
}

// output is a Sink, and the name of the source.
type output struct {
	Sink
	file string
}

func (o *output) note(line int, format string, args ...any) {
	o.Note(line, fmt.Sprintf(format, args...))
}

func (o *output) doubt(line int, format string, args ...any) {
	o.Doubt(line, fmt.Sprintf(format, args...))
}

func (o *output) origin(line int) esp.Origin { return esp.OriginAt(o.file, line) }

// A Reader reads the log of a Yamaha router and the outputs of its show commands, in one file or
// apart.
type Reader struct {
	logs [3]*log // [IKE], [IKE1] and [IKE2]: rows follow a label of their own tag
	list listing

	held     []byte // a line, until the next tells whether it goes on
	heldLine int
	heldTag  int  // where its tag is, less than 0 there is none
	full     bool // it fills the console's width; else it ends in a row

	tagged int // lines with a tag
}

// NewReader returns a Reader of the source of that name.
func NewReader(file string, to Sink) *Reader {
	out := &output{to, file}
	return &Reader{logs: [3]*log{newLog(out), newLog(out), newLog(out)}, list: listing{out: out}}
}

const (
	// consoleWidth is where the router's console breaks its lines, in mid-word. A paste may have lost
	// a space in the last column.
	consoleWidth = 80
	maxHeldLine  = 2048 // bytes of a line that was put together
	maxPrefix    = 128  // bytes before the tag of lines that were joined
)

// One of these is in each line with the router's time that says anything.
const (
	Tag      = "[IKE"
	Repeated = "message repeated "
)

var (
	tagIKE         = []byte(Tag)
	repeatedMarker = []byte(Repeated)
)

// Match reports whether the line, without its line end, is of a Yamaha router.
func Match(line []byte) bool {
	if tag := tagIn(line); tag >= 0 {
		_, _, rest, ok := cutTag(line, tag)
		return ok && !bytes.Contains(rest, []byte("_SA ")) // strongSwan's word
	}
	return matchListing(line)
}

// Owns reports whether the line is of such a router, also by the way in which its time is written.
func Owns(line []byte) bool { return BeginsWithTime(line) || Match(line) }

// Line takes line n (from 1) without its line end; text is valid until it returns. It reports
// whether the line surely belongs to such a router.
func (r *Reader) Line(n int, text []byte) bool {
	full := fills(text)
	switch {
	case len(r.held) == 0:
	case len(r.held)+len(text) > maxHeldLine:
		r.release()
	case r.full && !beginsLogLine(text):
		if len(r.held)%consoleWidth == consoleWidth-1 && !onlyHex(text) {
			r.held = append(r.held, ' ') // the space that was lost in the last column
		}
		r.held = append(r.held, text...)
		if !full || len(text) != consoleWidth {
			r.release()
		}
		return true
	case !r.full && onlyHex(text) && len(text) <= 3*rowLen:
		r.held = append(r.held, text...)
		return true
	default:
		r.release()
	}
	tag := tagIn(text)
	if full || tag >= 0 && endsInRow(text) {
		r.held, r.heldLine, r.heldTag, r.full = append(r.held, text...), n, tag, full
		return tag >= 0 || BeginsWithTime(text)
	}
	return r.whole(n, text, tag)
}

// Passes reports whether Line has nothing to do with a line that begins with the router's time and
// has neither Tag nor Repeated: what stands around it is whole.
func (r *Reader) Passes(text []byte) bool {
	return len(r.held) == 0 && r.list.sa == nil && !fills(text) && !bytes.HasPrefix(text[timeLen:], []byte(" "+Tag))
}

// fills reports whether a line fills the console's width.
func fills(text []byte) bool {
	return (len(text) == consoleWidth || len(text) == consoleWidth-1) &&
		!bytes.HasSuffix(text, []byte("    ")) // as what is copied from a Windows console
}

// endsInRow reports whether a line with a tag may be a row that a console of another width broke.
func endsInRow(text []byte) bool {
	t := bytes.TrimRight(text, " ")
	word := t[bytes.LastIndexByte(t, ' ')+1:]
	return len(word) <= 2 && onlyHex(word)
}

func (r *Reader) release() {
	if r.heldTag < 0 {
		r.heldTag = tagIn(r.held)
	}
	r.whole(r.heldLine, r.held, r.heldTag)
	clear(r.held) // key bytes
	r.held = r.held[:0]
}

// whole takes a line as the router wrote it, or several that were joined: each begins as the first
// does, with a time or a tag. The first tag is at text[tag], if there is one.
func (r *Reader) whole(n int, text []byte, tag int) (mine bool) {
	if tag < 0 || tag > maxPrefix || tagIn(text[tag+1:]) < 0 {
		return r.single(n, text, tag)
	}
	prefix := text[:tag]
	_, timed := logTime(prefix)
	for len(text) > 0 {
		end := 1
		for end < len(text) && !(sameForm(text[end:], prefix) && (timed || bytes.HasPrefix(text[end+tag:], tagIKE))) {
			end++
		}
		line := bytes.TrimRight(text[:end], " ")
		mine = r.single(n, line, tagIn(line)) || mine
		text = text[end:]
	}
	return mine
}

// sameForm reports whether text begins as prefix does, whatever its digits.
func sameForm(text, prefix []byte) bool {
	digit := func(c byte) bool { return '0' <= c && c <= '9' }
	for i, c := range prefix {
		if i == len(text) || text[i] != c && !(digit(text[i]) && digit(c)) {
			return false
		}
	}
	return true
}

// single takes a line whose tag is at text[tag], or that has none.
func (r *Reader) single(n int, text []byte, tag int) bool {
	if tag >= 0 {
		log, prefix, rest, ok := cutTag(text, tag)
		switch {
		case !ok:
			return false
		case !r.logs[log].take(n, prefix, rest):
			r.repeated(n, rest)
		}
		r.tagged++
		return true
	}
	switch {
	case len(text) == 0:
		return false
	case bytes.Contains(text, repeatedMarker):
		r.repeated(n, text)
	case r.list.line(n, text):
	case BeginsWithTime(text):
	case bytes.Contains(text, []byte("show log")):
		for _, l := range r.logs {
			l.finish()
		}
	default:
		return false
	}
	return true
}

// repeated takes "same message repeated N times", which stands for N more lines equal to the one
// before (in a reversed log: to the next).
func (r *Reader) repeated(n int, text []byte) {
	_, number, _ := bytes.Cut(text, repeatedMarker)
	for _, l := range r.logs {
		l.repeat(n, leadingNumber(number))
	}
}

// Close takes the end of the source.
func (r *Reader) Close() {
	if len(r.held) > 0 {
		r.release()
	}
	for _, l := range r.logs {
		l.finish()
	}
	r.list.end()
}

// Near returns what came near to a key when there was none: a sentence without a full stop, "" for
// nothing to say.
func (r *Reader) Near() string {
	rows, values := 0, 0
	for _, l := range r.logs {
		rows += l.rowCount
		values += l.values
	}
	switch {
	case r.list.hidden && rows == 0:
		return "the router shows these keys as (confidential) except on its serial console; take them from its log: " +
			"`ipsec ike log N key-info` and `syslog debug on`, then `show log`"
	case r.tagged > 0 && rows == 0:
		lines := "1 [IKE] line"
		if r.tagged > 1 {
			lines = fmt.Sprintf("%d [IKE] lines", r.tagged)
		}
		return "it is a Yamaha router's log with " + lines + ", but without rows of key bytes: " +
			"the router needs `ipsec ike log N key-info` and `syslog debug on` while the connection is set up"
	case r.tagged > 0 && values == 0:
		return "it is a Yamaha router's log with rows of bytes, but none under CKY-I, SKEYID_e, SPI or key material"
	case r.tagged > 0:
		return "it is a Yamaha router's log, but neither a SKEYID_e nor an SPI with its key material is whole in it"
	case r.list.seen:
		return "it is what a Yamaha router's show command prints, without keys"
	}
	return ""
}

// tagIn returns where the first tag is in a text, less than 0 if there is none.
func tagIn(text []byte) int { return bytes.Index(text, tagIKE) }

// cutTag returns which log a line is of, and what stands before and behind its tag at line[tag].
// charon's "13[IKE]" is none.
func cutTag(line []byte, tag int) (log int, prefix, rest []byte, ok bool) {
	prefix, rest = line[:tag], line[tag+len(tagIKE):]
	if n := len(prefix); n > 0 && prefix[n-1] >= '0' && prefix[n-1] <= '9' || len(rest) == 0 {
		return 0, nil, nil, false
	}
	if rest[0] == '1' || rest[0] == '2' {
		log, rest = int(rest[0]-'0'), rest[1:]
	}
	rest, ok = bytes.CutPrefix(rest, []byte("]"))
	return log, prefix, rest, ok
}

// beginsLogLine reports whether a line has what a wrapped line's second half has not: a time, a
// priority or a tag.
func beginsLogLine(text []byte) bool {
	if len(text) == 0 || bytes.IndexByte([]byte("<[#>"), text[0]) >= 0 || bytes.Contains(text, tagIKE) {
		return true
	}
	_, ok := logTime(text[:min(len(text), 48)])
	return ok
}
