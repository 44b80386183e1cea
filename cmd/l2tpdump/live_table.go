package main

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"l2tpdump/cmd/internal/cells"
	"l2tpdump/cmd/internal/sessions"
)

// sessionTable is the sessions as they stand, for a terminal: a line for each, those in trouble
// first with the reason below, then those with the most traffic.
type sessionTable struct {
	title    string // what is captured, and how much has come
	now      time.Time
	sessions []sessions.Standing
	news     []string // the latest last
	colored  bool
	more     string // stands for what is cut off
}

// tableHelp is the last line of a table.
const tableHelp = "q ends. In 5 s: bit/s of users' packets (~ of ESP), loss of ESP. Keys: lifetime"

// tableHeads name the columns. The first ones are cut where there is no room.
var tableHeads = []string{"state", "user", "client", "sends", "gets", "loss", "up for", "keys"}

const (
	cutColumns = 3
	leastWide  = 6 // of these

	reversed = "\x1b[7m"
	plain    = "\x1b[0m"
)

// stateColors are green, yellow and red.
var stateColors = map[sessions.State]string{
	sessions.Up: "\x1b[32m", sessions.Ill: "\x1b[33m",
	sessions.Failed: "\x1b[1;31m", sessions.Lost: "\x1b[1;31m", sessions.Clear: "\x1b[1;31m",
}

// lines are those of the table, as many as the terminal is high, and none wider.
func (t *sessionTable) lines(width, height int) []string {
	const around = 3 // title, heads, help
	news := min(len(t.news), max(0, height-around)/3)
	room := height - around
	if news > 0 {
		room -= news + 1
	}
	shown, below := t.choose(room)
	list := append([]string{t.now.Format("15:04:05 ") + t.title + "; " + tally(t.sessions)}, t.table(shown, width)...)
	if len(below) > 0 {
		list = append(list, fmt.Sprintf("and %d more: %s", len(below), tally(below)))
	}
	for len(list) < height-1-news {
		list = append(list, "")
	}
	list = append(list, t.news[len(t.news)-news:]...)
	list = append(list[:max(0, min(len(list), height-1))], tableHelp)
	for i, line := range list {
		if !strings.HasPrefix(line, "\x1b") {
			list[i] = cells.Cut(line, width, t.more)
		}
	}
	return list
}

// inTrouble says that a session needs somebody to look at it.
func inTrouble(s *sessions.Standing) bool { return s.Cause != "" }

// choose returns the sessions for which there is room, in their order, and the others. Those in
// trouble have two lines, and where others are up half of the room.
func (t *sessionTable) choose(room int) (shown, below []sessions.Standing) {
	slices.SortStableFunc(t.sessions, func(a, b sessions.Standing) int {
		return cmp.Or(cmp.Compare(b.Rates[0]+b.Rates[1], a.Rates[0]+a.Rates[1]), cmp.Compare(b.Last, a.Last))
	})
	var bad, good []sessions.Standing
	lines := 0
	for _, s := range t.sessions {
		lines++
		if inTrouble(&s) {
			bad = append(bad, s)
			lines++
		} else {
			good = append(good, s)
		}
	}
	if lines <= room {
		return append(bad, good...), nil
	}
	room = max(0, room-1) // the rest is summed up
	fit := min(len(bad), max(room/2, room-len(good))/2)
	left := min(len(good), room-2*fit)
	return slices.Concat(bad[:fit], good[:left]), slices.Concat(bad[fit:], good[left:])
}

// tally counts sessions by what is said of them, the most frequent first.
func tally(list []sessions.Standing) string {
	counts := make(map[string]int)
	var names []string
	for i := range list {
		name := list[i].State.Headline("")
		if s := &list[i]; s.State == sessions.Partial {
			name = s.Headline
		}
		if counts[name]++; counts[name] == 1 {
			names = append(names, name)
		}
	}
	if names == nil {
		return "no session"
	}
	slices.SortFunc(names, func(a, b string) int { return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(a, b)) })
	for i, n := range names {
		names[i] = fmt.Sprintf("%d %s", counts[n], n)
	}
	return strings.Join(names, "; ")
}

// table draws the heads and the rows.
func (t *sessionTable) table(shown []sessions.Standing, width int) []string {
	rows := make([][]string, len(shown))
	for i := range shown {
		rows[i] = t.row(&shown[i])
	}
	widths, total := columnWidths(tableHeads, rows)
	if total-gap > width { // without the clients' ports
		for i := range shown {
			rows[i][2] = shown[i].Client.Addr().String()
		}
		widths, total = columnWidths(tableHeads, rows)
	}
	for over := total - gap - width; over > 0; over-- {
		widest := 0
		for i := range cutColumns {
			if widths[i] > widths[widest] {
				widest = i
			}
		}
		if widths[widest] <= leastWide {
			break
		}
		widths[widest]--
	}
	list := []string{t.line(tableHeads, widths, width, reversed)}
	for i := range shown {
		list = append(list, t.line(rows[i], widths, width, stateColors[shown[i].State]))
		if cause := shown[i].Cause; cause != "" {
			list = append(list, "   "+visible(cause))
		}
	}
	return list
}

// row is what is said of a session.
func (t *sessionTable) row(s *sessions.Standing) []string {
	rate := func(side int) string {
		switch {
		case s.Rates[side] == 0:
			return "-"
		case s.Sealed:
			return "~" + rateText(s.Rates[side])
		}
		return rateText(s.Rates[side])
	}
	client, now := s.Client.String(), t.now.UnixNano()
	if s.Client.Port() == 0 {
		client = s.Client.Addr().String()
	}
	row := []string{s.Headline, cmp.Or(s.User.String(), "-"), client, rate(0), rate(1), "-", "-", "-"}
	if s.Packets > 0 {
		row[5] = fmt.Sprintf("%.1f%%", 100*float64(s.Lost)/float64(s.Packets))
	}
	if s.Up != 0 {
		row[6] = spanText(now - s.Up)
	}
	switch {
	case s.Expires != 0 && s.Expires <= now:
		row[7] = s.Keys + " over"
	case s.Expires != 0:
		row[7] = s.Keys + " " + spanText(s.Expires-now)
	}
	for i := range row {
		row[i] = visible(row[i])
	}
	return row
}

// line joins cells, the numbers to the right. Color is of the first, or if that is reversed, of
// all.
func (t *sessionTable) line(row []string, widths []int, width int, color string) string {
	filled := make([]string, len(row))
	for i, cell := range row {
		cell = cells.Cut(cell, widths[i], t.more)
		blanks := strings.Repeat(" ", widths[i]-cells.Width(cell))
		if i < cutColumns {
			filled[i] = cell + blanks
		} else {
			filled[i] = blanks + cell
		}
	}
	first := len(filled[0])
	text := cells.Cut(strings.Join(filled, strings.Repeat(" ", gap)), width, t.more)
	switch {
	case !t.colored || color == "" || first > len(text):
		return text
	case color == reversed:
		return color + text + plain
	}
	return color + text[:first] + plain + text[first:]
}

// rateText prints bits per second with three digits at least: "13.4M".
func rateText(n uint64) string {
	x, unit := float64(n), ""
	for _, u := range []string{"k", "M", "G"} {
		if x < 1000 {
			break
		}
		x, unit = x/1000, u
	}
	if unit == "" || x >= 100 {
		return strconv.FormatFloat(x, 'f', 0, 64) + unit
	}
	return strconv.FormatFloat(x, 'f', 1, 64) + unit
}

// spanText prints a time span of nanoseconds in whole units: "48m", "2h03m".
func spanText(n int64) string {
	switch d := time.Duration(max(0, n)); {
	case d < time.Minute:
		return fmt.Sprintf("%ds", d/time.Second)
	case d < 10*time.Minute:
		return fmt.Sprintf("%dm%02ds", d/time.Minute, d%time.Minute/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%dm", d/time.Minute)
	case d < 24*time.Hour:
		return fmt.Sprintf("%dh%02dm", d/time.Hour, d%time.Hour/time.Minute)
	default:
		return fmt.Sprintf("%dd%02dh", d/(24*time.Hour), d%(24*time.Hour)/time.Hour)
	}
}
