package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"unicode/utf8"

	"golang.org/x/term"

	"l2tpdump/cmd/internal/cells"
	"l2tpdump/cmd/internal/why"
)

// All that talks to a person goes through this file. Messages go to standard error, prefixed
// with "l2tpdump: ", with no capital and no full stop. Where a likely mistake is seen, a second
// line begins with "hint: ". Nothing printed here ever holds key bytes or payload.

// maxListed bounds lists in messages: what comes beyond is counted.
const maxListed = 20

// stdout is standard output, to which all commands print.
var stdout = new(checkedStdout)

// checkedStdout remembers that it could not be written.
type checkedStdout struct {
	used bool
	err  error
}

func (c *checkedStdout) Write(p []byte) (int, error) {
	n, err := os.Stdout.Write(p)
	c.used = c.used || n > 0
	if err != nil && c.err == nil {
		c.err = err
	}
	return n, err
}

// finished is the status to exit with, given that of the command: whether what it has printed could
// be written is known now.
func (c *checkedStdout) finished(status int) int {
	if c.err == nil && c.used {
		c.err = os.Stdout.Close() // a file system that writes later tells then
	}
	if c.err == nil || status == exitError || errors.Is(c.err, syscall.EPIPE) { // its reader has had enough
		return status
	}
	return fail(fmt.Errorf("standard output: %w", cmp.Or(errors.Unwrap(c.err), c.err))) // without its file
}

func out(format string, args ...any) { fmt.Fprintf(stdout, format, args...) }

// takeMessages is what stands on the terminal in place of messages, nil if nothing does.
var takeMessages atomic.Pointer[screen]

func message(format string, args ...any) {
	text := "l2tpdump: " + visible(fmt.Sprintf(format, args...))
	if s := takeMessages.Load(); s == nil || !s.take(text) {
		printMessage(text)
	}
}

func printMessage(text string) {
	text = cells.Wrap(text, columnsOf(os.Stderr), "  ")
	if statusShown.Load() {
		text = clearLine + text
	}
	io.WriteString(os.Stderr, text)
}

// statusShown: a line that is not ended stands on standard error, a terminal, of how things stand.
var statusShown atomic.Bool

// clearLine has a terminal begin its line anew.
const clearLine = "\r\x1b[K"

func hint(format string, args ...any) { message("hint: "+format, args...) }

// visible escapes what a terminal would obey: the name of a file may hold anything. Only a line
// that goes on, indented, is left.
func visible(s string) string {
	const more = "\n  "
	if strings.IndexFunc(s, func(r rune) bool { return r < ' ' || r > '~' }) < 0 {
		return s
	}
	var b strings.Builder
	for len(s) > 0 {
		r, n := utf8.DecodeRuneInString(s)
		switch {
		case strings.HasPrefix(s, more):
			n = len(more)
			fallthrough
		case strconv.IsPrint(r) && (r != utf8.RuneError || n > 1):
			b.WriteString(s[:n])
		default:
			quoted := strconv.Quote(s[:n])
			b.WriteString(quoted[1 : len(quoted)-1])
		}
		s = s[n:]
	}
	return b.String()
}

// exitStatus is the error of a command that has said all that there is to be said.
type exitStatus int

func (s exitStatus) Error() string { return "exit status " + strconv.Itoa(int(s)) }

// fail reports how a command has ended, and returns the status to exit with.
func fail(err error) int {
	var status exitStatus
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &status):
		return int(status)
	case errors.Is(err, context.Canceled): // by a signal
		return exitInterrupted
	}
	said := ""
	for _, e := range joined(err) {
		if text := e.Error(); text != said { // two outputs may have failed alike
			message("%s", text)
			said = text
		}
	}
	var h interface{ Hint() string }
	if errors.As(err, &h) && h.Hint() != "" {
		hint("%s", h.Hint())
	}
	return exitError
}

// joined returns the errors that err was joined from.
func joined(err error) (list []error) {
	many, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return []error{err}
	}
	for _, e := range many.Unwrap() {
		list = append(list, joined(e)...)
	}
	return list
}

// hinted is an error with a cure.
type hinted struct {
	error
	hint string
}

func (h hinted) Hint() string  { return h.hint }
func (h hinted) Unwrap() error { return h.error }

// withHint makes an error that says what to do.
func withHint(cure, format string, args ...any) error {
	return hinted{fmt.Errorf(format, args...), cure}
}

func quote(s string) string { return strconv.Quote(s) }

// plural returns "1 frame", "2 frames".
func plural[N int | uint64](n N, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %ss", n, one)
}

// listed prints each line as a message, and counts those beyond maxListed.
func listed(lines []string) { listedOf(len(lines), func(i int) string { return lines[i] }) }

// listedOf is listed for n lines, of which those are made that are printed.
func listedOf(n int, line func(i int) string) {
	for i := range n {
		if i == maxListed && n > maxListed+1 {
			message("and %d more like these", n-i)
			return
		}
		message("%s", line(i))
	}
}

func isTerminal(f *os.File) bool { return term.IsTerminal(int(f.Fd())) }

// outputColumns is how wide standard output is where it must end somewhere.
func outputColumns() int { return cmp.Or(terminalColumns(), 80) }

// columnsOf is how wide a terminal is, 0 for what is none.
func columnsOf(f *os.File) int {
	n, _, _ := term.GetSize(int(f.Fd()))
	return max(0, n)
}

// terminalColumns is how wide standard output is: that of the terminal, else what COLUMNS says,
// else 0.
func terminalColumns() int {
	if n := columnsOf(os.Stdout); n > 0 {
		return n
	}
	if n, err := strconv.Atoi(os.Getenv("COLUMNS")); err == nil && n > 0 {
		return min(n, 1000)
	}
	return 0
}

// hasUTF8 says that the locale has more than ASCII.
func hasUTF8() bool {
	for _, name := range [...]string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if v := os.Getenv(name); v != "" {
			v = strings.ToUpper(v)
			return strings.Contains(v, "UTF-8") || strings.Contains(v, "UTF8")
		}
	}
	return false
}

// cellEnd divides the cells of a row.
const cellEnd = 0

// aligned is rows in aligned columns. There may be very many: they are kept as text, in large
// pieces.
type aligned struct {
	widths []int
	pieces [][]byte // of rows with a line end
	row    []byte   // the last one
}

func newAligned(header []string) *aligned {
	t := &aligned{widths: make([]int, len(header))}
	t.add(header...)
	return t
}

// add adds a row.
func (t *aligned) add(row ...string) {
	text := t.row[:0]
	for i, cell := range row {
		cell = visible(cell)
		t.widths[i] = max(t.widths[i], len(cell))
		text = append(append(text, cell...), cellEnd)
	}
	text[len(text)-1] = '\n'
	last := len(t.pieces) - 1
	if last < 0 || len(t.pieces[last])+len(text) > cap(t.pieces[last]) {
		t.pieces = append(t.pieces, make([]byte, 0, max(64<<10, len(text))))
		last++
	}
	t.row, t.pieces[last] = text, append(t.pieces[last], text...)
}

func (t *aligned) print(w io.Writer) error {
	const blanks = "                "
	var text []byte
	for _, piece := range t.pieces {
		text = text[:0]
		for row := range bytes.Lines(piece) {
			i := 0
			for cell := range bytes.SplitSeq(bytes.TrimSuffix(row, []byte("\n")), []byte{cellEnd}) {
				text = append(text, cell...)
				for n := t.widths[i] + 2 - len(cell); n > 0; n -= len(blanks) {
					text = append(text, blanks[:min(n, len(blanks))]...)
				}
				i++
			}
			text = append(bytes.TrimRight(text, " "), '\n')
		}
		if _, err := w.Write(text); err != nil {
			return err
		}
	}
	return nil
}

// colorWhen are the values of --color.
var colorWhen = []string{"auto", "always", "never"}

// checkColor refuses other values.
func (o *options) checkColor() error {
	if slices.Contains(colorWhen, o.color) {
		return nil
	}
	return withHint("--color=always, --color=never or --color=auto", "--color does not take %s", quote(o.color))
}

// colored says whether standard output has colors: on a terminal that obeys them, unless NO_COLOR
// is set to anything (no-color.org) or the terminal is none that could.
func (o *options) colored() bool {
	switch o.color {
	case "always":
		return true
	case "never":
		return false
	}
	return os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" && isTerminal(os.Stdout) && obeysColor(os.Stdout)
}

// paint gives a verdict its color: red what is wrong, yellow what is missing.
func paint(verdict string) string {
	code := ""
	switch why.Verdict(verdict) {
	case why.WrongKey, why.Malformed:
		code = "\x1b[1;31m"
	case why.NoKey, why.Incomplete, why.Truncated:
		code = "\x1b[33m"
	default:
		return verdict
	}
	return code + verdict + "\x1b[0m"
}
