package keysrc

import (
	"fmt"
	"strconv"
	"strings"
)

// A NoKeysError says that a source holds no usable key, what was looked for, and what came
// near.
type NoKeysError struct {
	Name    string
	Format  string   // the format that was asked for, "" for any
	Lines   int      // lines read
	Looked  []string // "Yamaha router log ([IKE] lines with …)", one for each format
	Near    []string // sentences about what came near
	Damaged int      // notes about values that were left out
	First   Note     // the first of them
	Comment bool     // it has lines, and all are blank or begin with "#"
	Binary  bool     // it is no text
}

// Error names the cause and the cure as far as the source shows them.
func (e *NoKeysError) Error() string {
	var b strings.Builder
	b.WriteString(e.Name + ": ")
	switch {
	case e.Damaged > 0:
		place := fmt.Sprintf("line %d", e.First.Line)
		if e.First.File != e.Name { // of an archive
			place = e.First.File + ":" + strconv.Itoa(e.First.Line)
		}
		fmt.Fprintf(&b, "no usable key: %s damaged; the first: %s: %s", count(e.Damaged, "value is", "values are"), place,
			e.First.Text)
	case e.Lines == 0 && len(e.Near) == 0:
		b.WriteString("no key: it is empty")
	case e.Lines == 0:
		b.WriteString("no key")
	default:
		b.WriteString("no key in " + count(e.Lines, "line", "lines"))
	}
	if len(e.Near) > 0 {
		b.WriteString(": " + strings.Join(e.Near, "; "))
	} else if e.Damaged == 0 && e.Lines > 0 {
		b.WriteString("; looked for: " + strings.Join(e.Looked, "; "))
	}
	return b.String()
}

func count(n int, one, more string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, more)
}
