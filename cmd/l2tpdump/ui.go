package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"golang.org/x/term"
)

// All that talks to a person goes through this file. Messages go to standard error, prefixed
// with "l2tpdump: ", with no capital and no full stop. Where a likely mistake is seen, a second
// line begins with "hint: ". Nothing printed here ever holds key bytes or payload.

// maxListed bounds lists in messages: what comes beyond is counted.
const maxListed = 20

func out(format string, args ...any) { fmt.Fprintf(os.Stdout, format, args...) }

func message(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "l2tpdump: "+format+"\n", args...)
}

func hint(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "l2tpdump: hint: "+format+"\n", args...)
}

// fail reports an error and returns the status to exit with.
func fail(err error) int {
	message("%v", err)
	var h interface{ Hint() string }
	if errors.As(err, &h) && h.Hint() != "" {
		hint("%s", h.Hint())
	}
	return exitError
}

// badUsage reports a mistake in the command line.
func badUsage(what, how string) int {
	message("%s", what)
	if how != "" {
		hint("%s", how)
	}
	return exitError
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
func listed(lines []string) { listedOf(lines, len(lines)) }

// listedOf is listed for n lines, the first of which are given: as many as are printed.
func listedOf(lines []string, n int) {
	for i, l := range lines {
		if i == maxListed && n > maxListed+1 {
			message("and %d more like these", n-i)
			return
		}
		message("%s", l)
	}
}

func isTerminal(f *os.File) bool { return term.IsTerminal(int(f.Fd())) }

// table prints rows in aligned columns.
func table(w io.Writer, header []string, rows [][]string) {
	widths := make([]int, len(header))
	all := append([][]string{header}, rows...)
	for _, row := range all {
		for i, cell := range row {
			widths[i] = max(widths[i], len(cell))
		}
	}
	var b strings.Builder
	for _, row := range all {
		b.Reset()
		for i, cell := range row {
			b.WriteString(cell)
			if i < len(row)-1 {
				b.WriteString(strings.Repeat(" ", widths[i]-len(cell)+2))
			}
		}
		fmt.Fprintln(w, strings.TrimRight(b.String(), " "))
	}
}
