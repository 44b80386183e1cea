package ladder

import (
	"fmt"
	"regexp"
	"strings"

	"l2tpdump/cmd/internal/cells"
	"l2tpdump/cmd/internal/sessions"
)

// Signs are what a ladder is drawn with.
type Signs struct {
	lane, cross, line, dots, left, right, bad, again, more string

	passed, stopped, unreached, absent string
}

// Unicode and ASCII are the signs for a terminal that has UTF-8, and for any other.
var (
	Unicode = Signs{"│", "┼", "─", "┄", "◀", "▶", "✖", "↻", "…", "✔", "✖", "·", "○"}
	ASCII   = Signs{"|", "+", "-", ".", "<", ">", "X", "again", "...", "ok", "X", "-", "none"}
)

// Widths in columns.
const (
	leastWidth = 40
	roomyFrom  = 60 // below, NATs have no lanes, and names lines of their own
	natLane    = 8  // at least, from the lane of an end to that of the NAT before it
	wideFrom   = 110
	maxSpan    = 70 // from the first to the last lane where details have a column of their own
)

// drawing is a ladder that is being drawn as text.
type drawing struct {
	strings.Builder
	Signs
	width   int
	times   int   // columns of the signs and times
	frames  int   // columns for the number of a frame
	lanes   []int // columns, from that of the first
	from    int   // of these, the two between which labels have room
	to      int
	details int // column of the details, 0: they are on the arrows
}

// Text draws the ladder with lines of a width at most. Each line begins with three blanks.
func (l *Ladder) Text(columns int, signs Signs, steps []Step) string {
	d := &drawing{Signs: signs, width: max(columns, leastWidth), times: 12, frames: 5}
	lanes := l.Lanes
	if d.width < roomyFrom {
		d.times = 8
		lanes = []Lane{lanes[0], lanes[len(lanes)-1]}
	}
	for i := range l.Rungs {
		d.frames = max(d.frames, len(fmt.Sprint(l.Rungs[i].Frame)))
	}
	last := d.width - d.margin() - 1
	if d.width >= wideFrom {
		last = min(maxSpan, last/2)
		d.details = last + 3
	}
	d.from, d.to = 0, last
	for i, lane := range lanes {
		switch {
		case i == 0:
			d.lanes = append(d.lanes, 0)
		case i == len(lanes)-1:
			d.lanes = append(d.lanes, last)
		case lane.Of == sessions.FromClient:
			d.from = max(natLane, cells.Width(lanes[i-1].Label)+2)
			d.lanes = append(d.lanes, d.from)
		default:
			d.to = last - max(natLane, cells.Width(lanes[i+1].Label)+2)
			d.lanes = append(d.lanes, d.to)
		}
	}
	d.steps(steps)
	if d.width < roomyFrom {
		d.names(l.Lanes)
	} else {
		d.header(l.Lanes)
	}
	for i := range l.Rungs {
		d.rung(&l.Rungs[i])
	}
	return d.String()
}

// margin is how many columns are left of the first lane.
func (d *drawing) margin() int { return d.times + 1 + d.frames + 2 }

// steps draws the steps of a connection in a line, or more if there is no room.
func (d *drawing) steps(steps []Step) {
	if len(steps) == 0 {
		return
	}
	marks := [...]string{Passed: d.passed, Stopped: d.stopped, Unreached: d.unreached, Absent: d.absent}
	at := 0
	for i, s := range steps {
		text := marks[s.Outcome] + " " + s.Name
		if i > 0 && at+3+cells.Width(text) <= d.width {
			text = "  " + text
		} else {
			if i > 0 {
				d.WriteByte('\n')
			}
			text, at = "   "+text, 0
		}
		at += cells.Width(text)
		d.WriteString(text)
	}
	d.WriteByte('\n')
}

// header names the lanes.
func (d *drawing) header(lanes []Lane) {
	var titles, labels row
	for i, lane := range lanes {
		if lane.Of == sessions.FromServer {
			titles.endAt(d.margin()+d.lanes[i]+1, lane.Title)
			labels.endAt(d.margin()+d.lanes[i]+1, lane.Label)
			continue
		}
		titles.at(d.margin()+d.lanes[i], lane.Title)
		labels.at(d.margin()+d.lanes[i], lane.Label)
	}
	labels.endAt(d.times, "seconds")
	labels.endAt(d.times+1+d.frames, "frame")
	d.line(&titles)
	d.line(&labels)
}

// names is header where there is little room: all ends and NATs by name, then the two lanes.
func (d *drawing) names(lanes []Lane) {
	var names []string
	for _, lane := range lanes {
		names = append(names, strings.TrimSpace(lane.Title+" "+lane.Label))
	}
	d.WriteString(cells.Wrap("   "+strings.Join(names, ", "), d.width, "   "))
	var titles row
	titles.endAt(d.times, "seconds")
	titles.endAt(d.times+1+d.frames, "frame")
	titles.at(d.margin(), lanes[0].Title)
	titles.endAt(d.width, lanes[len(lanes)-1].Title)
	d.line(&titles)
}

func (d *drawing) line(r *row) {
	d.WriteString(strings.TrimRight(r.String(), " "))
	d.WriteByte('\n')
}

// rung draws a rung.
func (d *drawing) rung(r *Rung) {
	if r.Kind == Verdict {
		d.verdict(r)
		return
	}
	first := d.margin()
	labels, details := d.says(r)
	for i := range max(len(labels), len(details)) {
		var out row
		d.lanesOf(&out, r, i > 0)
		if i == 0 {
			d.head(&out, r)
		}
		if i < len(labels) {
			d.label(&out, r, " "+labels[i]+" ")
		}
		if i < len(details) {
			out.at(first+d.details, details[i])
		}
		d.line(&out)
	}
}

// head writes what stands before the lanes.
func (d *drawing) head(out *row, r *Rung) {
	if r.Evidence {
		out.at(max(0, d.times-11), d.bad)
	}
	out.endAt(d.times, fmt.Sprintf("%.3f", float64(r.Time)/1e9))
	if r.Frame > 0 {
		out.endAt(d.times+1+d.frames, fmt.Sprint(r.Frame))
	}
}

// lanesOf draws the lanes and, but where a rung goes on, its line.
func (d *drawing) lanesOf(out *row, r *Rung, goesOn bool) {
	first, last := d.margin(), d.margin()+d.lanes[len(d.lanes)-1]
	fill := " "
	switch {
	case goesOn:
	case r.Kind == Message:
		fill = d.Signs.line
	case r.Kind == Mark && r.Layer != "icmp":
		fill = d.dots
	}
	out.at(first, strings.Repeat(fill, last-first))
	for i, lane := range d.lanes {
		sign := d.lane
		if i > 0 && i < len(d.lanes)-1 && r.Kind == Message {
			sign = d.cross
		}
		out.at(first+lane, sign)
	}
}

// says is what a rung says between the lanes, and behind them where there is room for details. On
// an arrow there is one line, which is cut.
func (d *drawing) says(r *Rung) (labels, more []string) {
	text := r.Name
	if r.Again {
		text = strings.TrimSpace(d.again + " " + text)
	}
	details, between := r.Details, ": "
	if (r.Kind == Fold || r.Kind == Lost) && r.Until-r.Time > 1e9 {
		details, between = fmt.Sprintf("until %.1f s", float64(r.Until)/1e9), ", "
	}
	if b := Brief(details); b != "" && d.details == 0 {
		text += between + b
	}
	const blanks, arrow = 4, 2 // columns
	room := d.to - d.from - blanks
	lines := func(text string, columns int) []string {
		if r.Kind == Message {
			return []string{cells.Cut(text, columns, d.more)}
		}
		return strings.Split(strings.TrimSuffix(cells.Wrap(text, columns, ""), "\n"), "\n")
	}
	if d.details > 0 && details != "" {
		more = lines(details, d.width-d.margin()-d.details)
	}
	if r.Kind == Message {
		room -= arrow
	}
	return lines(text, room), more
}

// label writes a text between the lanes, on the side of who sends, and the head of the arrow.
func (d *drawing) label(out *row, r *Rung, text string) {
	first, last := d.margin(), d.margin()+d.lanes[len(d.lanes)-1]
	from, to := first+d.from+2, first+d.to-2
	switch {
	case r.Kind != Message:
		out.at(from, text)
	case r.From == 0:
		out.at(from, text)
		out.at(last-1, d.right)
	default:
		out.endAt(to+1, text)
		out.at(first+1, d.left)
	}
}

// noise is what details have of numbers and parts that follow from the rest of the ladder.
var noise = regexp.MustCompile(`^HASH, |^HASH$|^id [0-9]+: |^id [0-9]+$|^Ns [0-9]+ Nr [0-9]+ | in [0-9]+/[0-9]+$`)

// Brief is what matters most of the details of a message.
func Brief(details string) string { return noise.ReplaceAllString(details, "") }

// verdict draws the step that was not passed, over the whole width.
func (d *drawing) verdict(r *Rung) {
	head := " " + d.bad + " " + strings.Repeat(d.Signs.line, 2) + " " + r.Name + " "
	d.WriteString(head + strings.Repeat(d.Signs.line, max(0, d.width-cells.Width(head))) + "\n")
	if r.Details != "" {
		d.WriteString(cells.Wrap("      "+r.Details, d.width-1, "      "))
	}
	d.WriteString("   " + strings.Repeat(d.Signs.line, d.width-3) + "\n")
}

// row is a line in which texts are put at columns. A character of two columns is followed by "",
// one of none is left out.
type row []string

// at puts a text at a column, over what is there.
func (r *row) at(column int, text string) {
	for _, c := range text {
		n := cells.Of(c)
		for len(*r) < column+n {
			*r = append(*r, " ")
		}
		for i := range n {
			(*r)[column+i] = ""
		}
		if n > 0 {
			(*r)[column] = string(c)
		}
		column += n
	}
}

// endAt puts a text so that it ends before a column.
func (r *row) endAt(column int, text string) { r.at(max(0, column-cells.Width(text)), text) }

func (r *row) String() string { return strings.Join(*r, "") }
