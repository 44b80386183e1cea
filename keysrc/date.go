package keysrc

import (
	"bytes"
	"regexp"
	"time"
)

// dates finds out of what days the lines of a source are.
type dates struct {
	from  time.Time
	tried int               // lines in which the first date was looked for
	heads [lastHeads][]byte // of the last lines
	next  int
}

const (
	lineHead   = 80 // bytes of a line in which its date stands
	firstHeads = 64 // lines of which one has a date, if any has
	lastHeads  = 8
)

var dateForm = regexp.MustCompile(`\b(?:(\d{4})[-/](\d\d)[-/](\d\d)|(?:(\d{4}) )?` +
	`((?i:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec))(?: +|/)(\d{1,2})(?:(?:, |/)(\d{4}))?)` +
	`(?:[T ]| @ |&nbsp;)+(\d\d:\d\d:\d\d)`)

// lineDate returns the time at the beginning of a line, in the year 0 where it names none; false
// where there is none.
func lineDate(line []byte) (time.Time, bool) {
	t, _, ok := dateIn(line)
	return t, ok
}

// dateIn is lineDate with the place where the time stands, from and to.
func dateIn(line []byte) (t time.Time, at [2]int, ok bool) {
	line = line[:min(len(line), lineHead)]
	if bytes.IndexByte(line, ':') < 0 {
		return time.Time{}, at, false
	}
	m := dateForm.FindSubmatchIndex(line)
	if m == nil {
		return time.Time{}, at, false
	}
	part := func(i int) string {
		if m[2*i] < 0 {
			return ""
		}
		return string(line[m[2*i]:m[2*i+1]])
	}
	year := part(1) + part(4) + part(7)
	if year == "" {
		year = "0000"
	}
	layout, text := "2006 01 02 15:04:05", year+" "+part(2)+" "+part(3)+" "+part(8)
	if part(5) != "" {
		layout, text = "2006 Jan 2 15:04:05", year+" "+part(5)+" "+part(6)+" "+part(8)
	}
	t, err := time.Parse(layout, text)
	return t, [2]int{m[0], m[1]}, err == nil
}

// take takes a line.
func (d *dates) take(line []byte) {
	if d.from.IsZero() {
		if d.tried++; d.tried > firstHeads {
			return
		}
		d.from, _ = lineDate(line)
		return
	}
	head := &d.heads[d.next%lastHeads]
	*head = append((*head)[:0], line[:min(len(line), lineHead)]...)
	d.next++
}

// span returns the times of the first and the last line that has one, in the order of time; zero
// where there is none.
func (d *dates) span() (from, to time.Time) {
	from, to = d.from, d.from
	for i := d.next; i > max(0, d.next-lastHeads); i-- {
		if t, ok := lineDate(d.heads[(i-1)%lastHeads]); ok {
			to = t
			break
		}
	}
	if to.Before(from) {
		from, to = to, from
	}
	return from, to
}
