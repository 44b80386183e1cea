package keysrc

import (
	"bytes"
	"encoding/json"
	"html"
	"iter"
	"regexp"
	"slices"
	"strconv"
	"unicode/utf8"
)

// What a terminal, a chat or an export in a form of its own left around the lines of a log is taken
// off where keys are missing in them as they are. A pick is one such way: it returns what is inside
// of an entry, which may be several lines, and whether the entry has anything.
type pick func(i int) (text []byte, ok bool)

// picks are those that a source may be read with. found says that it has keys as it is: then no
// part of its lines is taken for all.
func (t *turner) picks(found bool) iter.Seq[pick] {
	ways := []func() pick{
		t.fromCast, t.withoutPager, t.withoutFence, t.singleSpaced, t.fromChat, t.fromQuotes, t.fromColumns, t.fromItems,
		t.fromSheet,
	}
	if found {
		ways = ways[:5]
	}
	return func(yield func(pick) bool) {
		for _, way := range ways {
			if p := way(); p != nil && !yield(p) {
				return
			}
		}
	}
}

// picked reads a source again, as wholeText does.
func (t *turner) picked(name, format string, p pick) (*Keys, *turner, error) {
	keys, s := newWhole(name, format)
	s.turner = new(turner)
	for i := range t.count {
		if text, ok := p(i); ok {
			l := t.at(i)
			s.n = l.n
			s.entry(int(l.depth), text)
		}
	}
	return s.finish(keys, nil)
}

// fromCast takes what a terminal was sent out of a recording of asciinema, in which it is cut
// anywhere.
func (t *turner) fromCast() pick {
	if t.count == 0 || !bytes.HasPrefix(t.at(0).text(), []byte(`{"version":`)) {
		return nil
	}
	var held []byte // of a line that is not ended
	return func(i int) (text []byte, ok bool) {
		var event [3]any // a time, what happened, and its data
		if json.Unmarshal(t.at(i).text(), &event) == nil && event[1] == "o" {
			data, _ := event[2].(string)
			held = append(held, data...)
		}
		end := bytes.LastIndexByte(held, '\n') + 1
		if i == t.count-1 {
			end = len(held)
		}
		text, held = clean(bytes.Clone(held[:end])), held[end:]
		return text, len(text) > 0
	}
}

// pagerPrompt is what a pager writes under a page, and what is behind it on some consoles.
var pagerPrompt = regexp.MustCompile(`^ ?<?-{2,3} ?(?:\[Q quit[^\]]*\]|[^-\s]{2,12} ?-{2,3}>?)(?: ?\(\d+%\))?`)

// lessPrompt is that of less, and what it shows behind the end.
var lessPrompt = regexp.MustCompile(`^(?::|~|\(END\)|lines \d+-\d+(?:/\d+)?(?: \(END\)| \d+%)?)\s*$`)

// promptOf returns the prompt of a pager that a line begins with.
func promptOf(line []byte) []byte {
	if len(line) > 0 && lessBegins[line[0]] {
		return lessPrompt.Find(line)
	}
	return pagerPrompt.Find(line)
}

var lessBegins = setOf(":~(l")

// withoutPager takes off the prompts of pagers, and what backspaces have overwritten.
func (t *turner) withoutPager() pick {
	if !t.has(func(line []byte) bool { return bytes.IndexByte(line, '\b') >= 0 || promptOf(line) != nil }) {
		return nil
	}
	return func(i int) (text []byte, ok bool) {
		text = overwritten(t.at(i).text())
		rest := text[len(promptOf(text)):]
		erased := i > 0 && t.at(i-1).n == t.at(i).n && len(bytes.TrimSpace(text)) == 0 // behind a CR
		if len(rest) == len(text) {
			return text, !erased
		}
		rest = bytes.TrimPrefix(rest, []byte(" "))
		return rest, len(bytes.TrimSpace(rest)) > 0
	}
}

// overwritten returns what a terminal shows of a line in which backspaces are.
func overwritten(line []byte) []byte {
	if bytes.IndexByte(line, '\b') < 0 {
		return line
	}
	var shown []byte
	at := 0
	for _, c := range line {
		switch {
		case c == '\b':
			at = max(0, at-1)
			continue
		case at < len(shown):
			shown[at] = c
		default:
			shown = append(shown, c)
		}
		at++
	}
	return shown
}

// fence is what chats and forums put around a log, in the same line as its first or its last.
var fence = regexp.MustCompile("^(?:```|\\[(?i:code)[^\\]]*\\])|(?:```|\\[/(?i:code)\\])$")

// fenceWithin is in how many entries at either end of a source a fence stands.
const fenceWithin = 8

// fenced reports whether an entry at either end of the source has a fence and more.
func (t *turner) fenced() bool {
	for i := range t.count {
		if i >= fenceWithin && i < t.count-fenceWithin {
			continue
		}
		text := bytes.TrimSpace(t.at(i).text())
		if at := fence.FindIndex(text); at != nil && at[1]-at[0] < len(text) {
			return true
		}
	}
	return false
}

// maxPaged is the lines of a source that is looked through for the prompts of a pager and the
// messages of a chat though no key seems to be missing: nobody turns more pages.
const maxPaged = 1 << 14

// surrounded reports whether something is around the lines, at which a key may be lost without a
// note.
func (t *turner) surrounded() bool {
	return t.fenced() || t.count <= maxPaged && (t.withoutPager() != nil || t.fromChat() != nil)
}

// withoutFence takes off what chats and forums put around a log.
func (t *turner) withoutFence() pick {
	if !t.fenced() {
		return nil
	}
	return func(i int) (text []byte, ok bool) {
		return fence.ReplaceAll(lineEnds.trimRight(t.at(i).text()), nil), true
	}
}

// singleSpaced leaves out the blank line that a mail program or a terminal puts behind each line.
func (t *turner) singleSpaced() pick {
	const most = 4 // of so many lines one may have none behind it
	blank := make([]bool, t.count)
	lines, without := 0, 0
	for i := range t.count {
		if blank[i] = len(bytes.TrimSpace(t.at(i).text())) == 0; blank[i] {
			continue
		}
		if lines++; i > 0 && !blank[i-1] {
			without++
		}
	}
	if lines < 2 || without*most > lines {
		return nil
	}
	return func(i int) (text []byte, ok bool) {
		return t.at(i).text(), !blank[i] || i > 0 && blank[i-1] // which was there before
	}
}

// records is how many entries are looked at for one that has a line of a log in it, and from how
// many entries on each has no more than one.
const (
	records    = 4096
	minRecords = 3
)

// A quotation is a text in quotes or in an element of XML, and what it is called.
type quotation struct {
	name []byte // as in "msg=", nil if it has none
	text []byte
}

// fromQuotes takes the text that is in quotes in each entry, under the same name, or in the same
// place: logfmt, the lists of programs, what PowerShell, wevtutil and databases export.
func (t *turner) fromQuotes() pick {
	for i := range min(t.count, records) {
		texts := quotations(t.at(i).text())
		at := slices.IndexFunc(texts, func(q quotation) bool { return saysLog(q.text) })
		if at < 0 {
			continue
		}
		name := bytes.Clone(texts[at].name)
		return func(i int) (text []byte, ok bool) {
			for n, q := range quotations(t.at(i).text()) {
				if t.count < minRecords || name != nil && bytes.Equal(q.name, name) || name == nil && q.name == nil && n == at {
					text, ok = append(append(text, q.text...), '\n'), true
				}
			}
			return text, ok
		}
	}
	return nil
}

// saysLog reports whether a line of a text is of a log.
func saysLog(text []byte) bool {
	for line := range bytes.Lines(text) {
		if isOfLog(lineEnds.trimRight(line)) {
			return true
		}
	}
	return false
}

// quotations are those in a line.
func quotations(line []byte) (list []quotation) {
	for at := 0; at < len(line); {
		i := bytes.IndexAny(line[at:], "\"'`<")
		if i < 0 {
			break
		}
		at += i
		q, n := quotationAt(line, at)
		if n > 0 {
			list = append(list, q)
		}
		at += max(n, 1)
	}
	return list
}

// quotationAt returns the quotation that begins at line[at], and its length; 0 if none does.
func quotationAt(line []byte, at int) (q quotation, n int) {
	rest := line[at+1:]
	if line[at] == '<' {
		name := rest[:max(0, bytes.IndexByte(rest, '>'))]
		inner, _, ok := bytes.Cut(rest[len(name):], append([]byte("</"), name...))
		if len(name) == 0 || !ok || bytes.Contains(inner, []byte("</")) { // not the innermost
			return q, 0
		}
		return quotation{name, []byte(html.UnescapeString(string(inner[1:])))}, 1 + len(name) + len(inner)
	}
	before := bytes.TrimRight(line[:at], " \t")
	if len(before) > 0 && bytes.IndexByte([]byte("=:>,;|([{b"), before[len(before)-1]) < 0 { // an apostrophe
		return q, 0
	}
	if sign := before[len(bytes.TrimRight(before, "=:>")):]; len(sign) > 0 {
		q.name = bytes.TrimRight(before, "=:> \t")
		q.name = append(bytes.Clone(q.name[bytes.LastIndexAny(q.name, " \t,{([|;")+1:]), sign...)
	}
	end := quoteEnd(rest, line[at])
	q.text = unescaped(rest[:end], line[at])
	return q, 1 + end + 1
}

// quoteEnd returns where a quoted text ends: at a quote that is neither doubled nor behind a
// backslash, or at the end of the line.
func quoteEnd(text []byte, quote byte) int {
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == '\\' && i+2 < len(text): // the last one is of the text
			i++
		case text[i] != quote:
		case i+1 < len(text) && text[i+1] == quote:
			i++
		default:
			return i
		}
	}
	return len(text)
}

// escapes are what programs write for bytes that have no place in a line.
var escapes = map[byte]byte{'n': '\n', 'r': '\r', 't': '\t'}

// unescaped returns a quoted text as it was.
func unescaped(text []byte, quote byte) []byte {
	out := make([]byte, 0, len(text))
	for i := 0; i < len(text); i++ {
		c := text[i]
		if bytes.HasPrefix(text[i:], []byte(`\u`)) && i+6 <= len(text) {
			if r, err := strconv.ParseUint(string(text[i+2:i+6]), 16, 16); err == nil {
				out = utf8.AppendRune(out, rune(r))
				i += 5
				continue
			}
		}
		if (c == '\\' || c == quote) && i+1 < len(text) {
			next := text[i+1]
			if e, ok := escapes[next]; ok && c == '\\' {
				next = e
			}
			if next == c || next == quote || c == '\\' {
				c = next
				i++
			}
		}
		out = append(out, c)
	}
	return out
}

// fromColumns takes one column of a table whose texts are in quotes only where they have to be, or
// that is drawn with bars.
func (t *turner) fromColumns() pick {
	for i := range min(t.count, records) {
		for _, comma := range []byte(",;|") {
			cols := columns(t.at(i).text(), comma)
			at := slices.IndexFunc(cols, isOfLog)
			if at < 0 || len(cols) < 2 && t.at(i).text()[0] != '"' {
				continue
			}
			last := at > 0 && at == len(cols)-1
			return func(i int) (text []byte, ok bool) {
				cols := columns(t.at(i).text(), comma)
				if len(cols) <= at {
					return nil, false
				}
				if last {
					return bytes.Join(cols[at:], []byte{comma}), true
				}
				return cols[at], true
			}
		}
	}
	return nil
}

// columns returns those of a row. Bars stand around the columns too.
func columns(line []byte, comma byte) [][]byte {
	if comma == '|' {
		return bytes.Split(bytes.TrimPrefix(bytes.TrimSuffix(bytes.TrimSpace(line), []byte("|")), []byte("| ")), []byte("| "))
	}
	cols, err := csvRow(nil, line, comma)
	if err != nil {
		cols = bytes.Split(line, []byte{comma})
	}
	return cols
}

// chatHead is what a chat's export puts before a message: its time and who wrote it.
var chatHead = regexp.MustCompile(`^\[?(?:\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4},? )?\d{1,2}:\d\d(?::\d\d)?(?: [AaPp][Mm])?` +
	`(?:\t[^\t]{1,64}\t| - [^:\[\]\t]{1,64}: |\] [^:\[\]\t]{1,64}: )`)

// chatBegins returns the beginning of a line if a message of a chat may begin there.
func chatBegins(line []byte) []byte {
	const time = 32 // bytes
	head := line[:min(len(line), time)]
	if len(head) == 0 || !digit(head[0]) && head[0] != '[' || head[0] != '[' && bytes.IndexByte(head, '\t') < 0 &&
		!bytes.Contains(head, []byte(" - ")) {
		return nil
	}
	return chatHead.Find(line)
}

// fromChat takes the messages of a chat apart, in each of which are lines of the log. LINE puts
// quotes around one of several lines, and doubles those in it.
func (t *turner) fromChat() pick {
	if !t.has(func(line []byte) bool { return chatBegins(line) != nil }) {
		return nil
	}
	quoted := false
	return func(i int) (text []byte, ok bool) {
		text = lineEnds.trimRight(t.at(i).text())
		if head := chatBegins(text); head != nil {
			text = text[len(head):]
			if quoted = bytes.HasSuffix(head, []byte("\t")) && bytes.HasPrefix(text, []byte(`"`)); quoted {
				text = text[1:]
			}
		}
		if quoted {
			ends := len(text) - len(bytes.TrimRight(text, `"`))
			if ends%2 == 1 {
				text, quoted = text[:len(text)-1], false
			}
			text = bytes.ReplaceAll(text, []byte(`""`), []byte(`"`))
		}
		return text, true
	}
}
