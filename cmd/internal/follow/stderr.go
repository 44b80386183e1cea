package follow

import (
	"bytes"
	"time"
)

const (
	stderrLine  = 200         // bytes shown of a line
	stderrBurst = 20          // lines shown at once
	stderrEvery = time.Second // and one more each time
)

// A lineLog logs what a command writes to its standard error. There is a bound to the lines, and to what is shown of each.
type lineLog struct {
	name   string
	log    func(string, ...any)
	line   []byte
	hidden int
	tokens int
	filled time.Time

	before, during map[string]struct{} // lines of the last run and of this one
}

func newLineLog(name string, log func(string, ...any)) *lineLog {
	return &lineLog{name: name, log: log, tokens: stderrBurst, filled: time.Now(), during: make(map[string]struct{})}
}

// write takes text as it comes.
func (l *lineLog) write(p []byte) {
	for len(p) > 0 {
		i := bytes.IndexAny(p, "\r\n")
		end := i >= 0
		if !end {
			i = len(p)
		}
		l.line = append(l.line, p[:min(i, max(0, 2*stderrLine-len(l.line)))]...)
		if p = p[i:]; end {
			p = p[1:]
			l.say()
		}
	}
}

// end takes the end of a run. What it has said is not shown of the next.
func (l *lineLog) end() {
	l.say()
	l.sayHidden()
	l.before, l.during = l.during, make(map[string]struct{})
}

// forget has the next run's lines shown again.
func (l *lineLog) forget() { l.before = nil }

// say shows a line.
func (l *lineLog) say() {
	text := redact(l.line)
	l.line = l.line[:0]
	if len(text) == 0 {
		return
	}
	if len(l.during) < stderrBurst {
		l.during[text] = struct{}{}
	}
	if _, ok := l.before[text]; ok {
		return
	}
	if n := int(time.Since(l.filled) / stderrEvery); n > 0 {
		l.tokens = min(l.tokens+n, stderrBurst)
		l.filled = time.Now()
	}
	if l.tokens == 0 {
		l.hidden++
		return
	}
	l.tokens--
	l.sayHidden()
	l.log("%s: %s", l.name, text)
}

func (l *lineLog) sayHidden() {
	if l.hidden > 0 {
		l.log("%s: %s more not shown", l.name, plural(l.hidden, "line"))
		l.hidden = 0
	}
}

const (
	// redactDigits is the number of hex digits in a row, spaces, colons and commas not counted, that may be a key.
	redactDigits = 16
	// redactPairs is the same for digits that stand in pairs, as in "5a 4b 33 ca".
	redactPairs = 8
)

// redact returns a line for a terminal: control characters and bytes that may be of a key are taken out, its
// length is bounded.
func redact(line []byte) string {
	line = bytes.TrimSpace(line)
	out := make([]byte, 0, len(line))
	for i := 0; i < len(line); {
		if n := keyLike(line[i:]); n > 0 {
			out = append(out, "[…]"...)
			i += n
			continue
		}
		// The whole word: no key begins in the middle of one.
		for n := max(1, hexLen(line[i:])); n > 0; n-- {
			c := line[i]
			if c < ' ' || c == 0x7f {
				c = '?'
			}
			out = append(out, c)
			i++
		}
	}
	text := string(bytes.ToValidUTF8(out, []byte("?")))
	if r := []rune(text); len(r) > stderrLine {
		text = string(r[:stderrLine]) + "…"
	}
	return text
}

// keyLike returns the length of what may be bytes of a key at the beginning of text, 0 for none. Where spaces are between the bytes that is
// the whole text: the same bytes may follow as characters.
func keyLike(text []byte) int {
	digits, end := 0, 0
	pairs, spaces := true, false
	for i := 0; i < len(text); {
		if n := hexLen(text[i:]); n > 0 {
			if end := i + n; end < len(text) && isLetter(text[end]) && (n != 1 || text[i] != '0' || text[end] != 'x') {
				break // the beginning of a word
			}
			digits += n
			pairs = pairs && n == 2
			spaces = spaces || i > 0 && text[i-1] == ' '
			i += n
			end = i
			continue
		}
		c := text[i]
		if end == 0 || c != ' ' && c != ':' && c != ',' && c != '-' && c != '_' && (c != 'x' || text[i-1] != '0') {
			break
		}
		i++
	}
	switch {
	case digits < redactDigits && (!pairs || digits < redactPairs):
		return 0
	case spaces:
		return len(text)
	}
	return end
}

// hexLen returns the number of hex digits that text begins with.
func hexLen(text []byte) int {
	for i, c := range text {
		if !isHex(c) {
			return i
		}
	}
	return len(text)
}

func isLetter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}
