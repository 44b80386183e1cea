package keysrc

import (
	"strconv"

	"l2tpdump/esp"
	"l2tpdump/ikev1"
)

// A Format is one kind of key source.
type Format struct {
	Name  string // as the caller names it, as in "yamaha"
	Title string // for a person, as in "Yamaha router log"
	Looks string // what is looked for, as in "[IKE] lines with CKY-I and SKEYID_e"

	// holds: a line that match knows has the letters of one of these texts.
	holds clues
	// match reports whether the line, without its line end, is of this format and of no other. It
	// is called on every line that no running parser calls its own, of files of any kind and size:
	// it looks at cheap signs first, and allocates nothing.
	match func(line []byte) bool
	// new starts a parser.
	new func(out *output) parser
}

// A parser reads one format line by line. Several may run over one source, each of them is given
// every line and passes over what is not its own.
type parser interface {
	// line takes line n (from 1) without its line end; text is valid until it returns. It reports
	// whether the line surely belongs to the format, so that no other format needs to look at it
	// for a start.
	line(n int, text []byte) (mine bool)
	// close takes the end of the source.
	close()
	// near says what came near to a key where there was none, in a sentence without a full stop; ""
	// for nothing to say.
	near() string
}

// A neighbour is a parser whose values may go on in the next line, until a line is surely of
// another format.
type neighbour interface {
	// foreign says that the last line was such a line.
	foreign()
}

// formats are in the order in which a line is offered to them.
var formats = []*Format{
	&yamahaFormat,
	&wiresharkESPFormat,
	&wiresharkIKEFormat,
	&xfrmFormat,
	&charonFormat,
	&plutoFormat,
	&racoonFormat,
	&mikrotikFormat,
	&setkeyFormat,
	&ipsecctlFormat,
	&isakmpdFormat,
	&scriptFormat,
	&softetherFormat,
	&fortigateFormat,
}

// matching returns the place of the first of some formats that a line is of, -1 if it is of none.
func matching(list []*Format, line []byte) int {
	in := lettersIn(line)
	for i, f := range list {
		if f.holds.allow(in) && f.match(line) {
			return i
		}
	}
	return -1
}

// FormatNames returns the names of all formats that Parse knows, in the order in which they are
// tried.
func FormatNames() []string {
	names := make([]string, len(formats))
	for i, f := range formats {
		names[i] = f.Name
	}
	return names
}

// formatNamed returns the format of that name, nil if there is none.
func formatNamed(name string) *Format {
	for _, f := range formats {
		if f.Name == name {
			return f
		}
	}
	return nil
}

// output is where parsers put what they find.
type output struct {
	name  string     // of the source, for Origin and notes
	place esp.Origin // the last one
	emit  func(*Keys)
	one   Keys // what it is given
	keys  int  // secrets given out
	said  int  // notes given out
	bad   int  // values left out
	first Note // about the first of them
	// orphans says that a part of a value stood before what it is a part of: the lines may be turned.
	orphans bool
	// swanctl says that lines are as swanctl prints them, which have the tag [IKE] too.
	swanctl bool
}

// maxNotes bounds the notes of one source: a damaged log of any size says the same again and again.
const maxNotes = 1000

// origin is the place of a line of the source.
func (o *output) origin(line int) esp.Origin {
	if o.place.IsZero() {
		o.place = esp.OriginAt(o.name, line)
	}
	o.place.Line = line
	return o.place
}

func (o *output) give(k Keys) {
	o.one = k
	o.emit(&o.one)
	o.one = Keys{}
}

// ike gives out a phase 1 secret, and tells if it is not known whose it is. The caller does not
// change it afterwards.
func (o *output) ike(s *ikev1.Secret) {
	if s.InitiatorCookie.IsZero() && s.QuickSecret.IsZero() {
		o.doubt(s.Origin.Line, "keys of phase 1: no CKY-I is known to be theirs: a capture of their connection shows whose they are")
	}
	o.known(s)
}

// known is ike, but for the telling.
func (o *output) known(s *ikev1.Secret) {
	o.keys++
	o.give(Keys{IKE: []*ikev1.Secret{s}})
}

// esp gives out ESP keys that belong together, and reports whether the receiver left any in its
// list, as what is new. If so the caller does not change them afterwards.
func (o *output) esp(s ...*esp.Secret) (left bool) {
	o.keys += len(s)
	o.one.ESP = append(o.one.ESP, s...)
	o.emit(&o.one)
	left = len(o.one.ESP) > 0
	o.one.ESP = o.one.ESP[:0]
	return left
}

// orphan says that a part of a value was left out, because what it is a part of is not before it.
func (o *output) orphan(line int, text string) {
	o.orphans = true
	o.note(line, text)
}

// note says that a value was left out, and why. The text holds no key bytes.
func (o *output) note(line int, text string) {
	n := Note{File: o.name, Line: line, Text: text}
	if o.bad++; o.bad == 1 {
		o.first = n
	}
	o.say(n)
}

// lack returns text, which says that there are no keys; "" where keys were seen that are damaged,
// and a note says more.
func (o *output) lack(text string) string {
	if o.bad > 0 {
		return ""
	}
	return text
}

// doubt says that a value was kept although something may be wrong with it.
func (o *output) doubt(line int, text string) {
	o.say(Note{File: o.name, Line: line, Text: text, Doubt: true})
}

func (o *output) say(n Note) {
	o.said++
	switch {
	case o.said == maxNotes+1:
		n = Note{File: o.name, Text: "more than " + strconv.Itoa(maxNotes) + " values are damaged; the others are " +
			"not listed"}
	case o.said > maxNotes:
		return
	}
	o.give(Keys{Notes: []Note{n}})
}

// hints gives out what the source says beside keys.
func (o *output) hints(h Hints) { o.give(Keys{Hints: h}) }
