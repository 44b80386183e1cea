package keysrc

import (
	"bytes"
	"regexp"
	"slices"
	"strings"
)

// A logTable is what a log server exports: rows of CSV or of columns between tabs or semicolons, of
// which one column is the message.
type logTable struct {
	lines   int  // that may have been the heading
	column  int  // of the message as the heading has it, from 1; 0 there is no heading
	guessed int  // the column in which a line of a log was, where there is no heading; 0 none
	guesses int  // rows looked at for it
	comma   byte // between the columns of a table with a heading
	depth   int  // of that table
	open    bool // a message goes on in the next line
}

// maxHeading is the number of lines of which one may be the heading of a table.
const maxHeading = 4

// expected reports whether a line may be of the table that is not in quotes and has no tabs.
func (t *logTable) expected() bool { return t.lines < maxHeading || t.column != 0 || t.open }

// row takes the message of a row: the column that the heading calls so, else the last that is no
// time. A message of several lines is open at the end of the first. Wireshark's own tables stay as
// they are.
func (t *logTable) row(depth int, dst, line []byte) ([]byte, bool) {
	if t.column != 0 && depth != t.depth { // what was in a row
		return dst, false
	}
	if t.column == 0 && t.heading(depth, line) {
		return dst, true
	}
	if t.open = t.open && commaOf(line) == 0; t.open { // another row begins where the end of one is lost
		i := bytes.IndexByte(bytes.ReplaceAll(line, []byte(`""`), []byte("''")), '"')
		if t.open = i < 0; t.open {
			return dst, false
		}
		return append(dst, line[:i]...), true
	}
	comma := t.comma
	if t.column == 0 {
		comma = commaOf(line)
	}
	if comma == 0 {
		return dst, false
	}
	cols, err := csvRow(nil, line, comma)
	if comma == '\t' && err != nil { // no table in quotes
		cols, err = bytes.Split(line, []byte("\t")), nil
	}
	end := len(cols)
	if err != nil && err != errQuote || end < max(2, t.column) {
		return dst, false
	}
	switch {
	case t.column != 0:
		end = t.column
	case t.guessed == 0 && t.guesses < maxGuesses:
		t.guesses++
		t.guessed = 1 + slices.IndexFunc(cols, isOfLog)
	}
	if t.guessed > 0 && t.guessed <= end && err == nil {
		end = t.guessed
	}
	t.open = err != nil
	return append(dst, rowMessage(cols, end)...), true
}

// rowMessage returns the message in column end (from 1), or in the last before it that says
// something. The others stay before it where they tell more than the program and its level: the
// time of a Yamaha router's line tells connections apart.
func rowMessage(cols [][]byte, end int) []byte {
	for end > 1 && (len(cols[end-1]) == 0 || isTime(cols[end-1])) {
		end--
	}
	if slices.ContainsFunc(cols, ofYamaha) && !mayBeJSON(cols[end-1]) {
		return bytes.Join(cols[:end], []byte(" "))
	}
	for _, col := range cols[:end-1] {
		if topics := bytes.ReplaceAll(col, []byte(" "), nil); bytes.HasPrefix(topics, []byte("ipsec,")) { // of RouterOS
			return bytes.Join([][]byte{topics, cols[end-1]}, []byte(" "))
		}
	}
	return cols[end-1]
}

// commaOf returns what stands between the columns of a row, if a line is one: quotes are around the
// first, or it is a time and a tab is behind it, or another mark where quotes are around the last.
func commaOf(line []byte) byte {
	if len(line) < 3 {
		return 0
	}
	if line[0] == '"' {
		i := bytes.IndexByte(line[1:], '"') + 2
		wireshark := matchESPRow(line) || matchIKERow(line) ||
			bytes.Contains(bytes.ReplaceAll(line, []byte(`""`), nil), []byte(`"0x`))
		if i > 1 && i < len(line) && bytes.IndexByte([]byte(",;\t"), line[i]) >= 0 && !wireshark {
			return line[i]
		}
		return 0
	}
	head := line[:min(len(line), maxTime+1)]
	if line[0] == '\t' {
		return 0
	}
	if line[len(line)-1] != '"' && bytes.IndexByte(head, '\t') < 0 {
		return 0
	}
	i := bytes.IndexAny(head, ",;\t")
	if i > 0 && (line[i] == '\t' || line[len(line)-1] == '"') && isTime(line[:i]) {
		return line[i]
	}
	return 0
}

// heading takes a line that names the columns of a table, one of them the message.
func (t *logTable) heading(depth int, line []byte) bool {
	if t.lines == maxHeading {
		return false
	}
	t.lines++
	t.depth = depth
	for _, comma := range []byte(",;\t") {
		cols, err := csvRow(nil, line, comma)
		if t.column = 1 + slices.IndexFunc(cols, isMessageName); err == nil && len(cols) > 1 && t.column != 0 {
			t.comma = comma
			return true
		}
	}
	t.column = 0
	return false
}

// isMessageName reports whether a log server calls the text of a line so.
func isMessageName(name []byte) bool {
	return len(name) < 20 && slices.Contains(messageNames, strings.ToLower(string(bytes.TrimSpace(name))))
}

var timeForm = regexp.MustCompile(`^(?:[A-Z][a-z]{2},? )?` + // the day of the week
	`(?:(?:\d{4}[-/.]\d\d[-/.]\d\d|\d\d?[-/. ](?:\d\d|[A-Z][a-z]{2})[-/. ]\d{4}|` +
	`[A-Za-z]{3}(?: +|/)\d{1,2}(?:,? \d{4}|/\d{4})?),?(?:T| @ | )+)?` +
	`\d\d?:\d\d:\d\d(?:[.,]\d+)?(?: \d{4})?(?: ?(?:Z|AM|PM|[A-Z]{3,4}|[+-]\d\d:?\d\d))*$`)

// maxTime bounds the bytes of a time.
const maxTime = 48

// isTime reports whether a column is a time and nothing else.
func isTime(col []byte) bool {
	const form = "7:15:18"
	if len(col) > maxTime {
		return false
	}
	i := bytes.IndexByte(col, ':') - 1
	if i < 0 || i+len(form) > len(col) || !digit(col[i]) || !digit(col[i+2]) || col[i+4] != ':' {
		return false
	}
	for j, c := range col[i+len(form):] { // text is behind most times
		if c >= 'a' || c == '[' || c == ':' && j == 0 {
			return false
		}
	}
	return timeForm.Match(bytes.Trim(col, "[]() "))
}
