package yamaha

import (
	"bytes"
	"cmp"
	"slices"
)

// node is a line of text and the rows behind it.
type node struct {
	label label
	own   []byte // a row in the line itself
	rows  rows
}

// order is that of a log: the newest line last, or first as `show log reverse` prints it.
type order int8

const (
	unknown  order = 0
	forward  order = 1
	backward order = -1
)

const (
	// maxHeld bounds the lines of text that wait for the order to become known, or in a reversed log
	// for older ones.
	maxHeld = 4096
	// maxLabels bounds the texts of labels that are known again, each shorter than a console's line.
	maxLabels = 256
	// The evidence for an order, and how much of it is enough: one damaged value must not decide.
	voteTime    = 1
	voteRows    = 2
	voteDecided = 4
)

// log reads the lines of one tag: values, each a label and rows of bytes, which follow the label,
// or in a reversed log precede it, last row first.
type log struct {
	out   *output
	to    timeline
	order order
	last  order // that it had before it became unknown
	sure  int   // the nodes from 1 to this one are of that order, whatever the last value says
	score int
	nodes []*node // the window; nodes[0] has been given out, its rows may be of the next
	ended bool    // no more lines come

	labels map[string]label // of texts that were read: the same come again and again

	rowCount int // rows seen
	values   int // values under known labels seen
}

func newLog(out *output) *log {
	return &log{out: out, to: timeline{out: out}, nodes: []*node{new(node)}, labels: make(map[string]label)}
}

// take reads what follows the tag. It is false where that stands for equal lines: it is not taken.
func (l *log) take(n int, prefix, text []byte) bool {
	cur := l.nodes[len(l.nodes)-1]
	g := &cur.rows
	if data, ok := plainRow(g.data, bytes.Trim(text, " ")); ok {
		l.rowCount++
		g.add(n, data, rowBytes)
		return true
	}
	var own []byte
	lb, known := l.labels[string(text)]
	if !known {
		if bytes.Contains(text, repeatedMarker) {
			return false
		}
		data, kind := parseRow(g.data, text)
		if kind != rowBytes {
			if text, own = cutRow(text); own != nil {
				l.rowCount++
			}
		}
		if kind != noRow && own == nil {
			l.rowCount++
			g.add(n, data, kind)
			return true
		}
		lb = classify(text)
		if lb.kind != noLabel && lb.kind != unreadable && own == nil && len(l.labels) < maxLabels &&
			len(text) < consoleWidth {
			l.labels[string(text)] = lb
		}
	}
	g.blank = g.blank || lb.kind == unreadable && len(bytes.TrimSpace(text)) == 0
	if lb.kind == noLabel && l.order != unknown && cur.label.kind == noLabel && g.empty() {
		return true // text upon text: nothing depends on it
	}
	l.complete(lb.kind == noLabel)
	lb.line = n
	lb.time, lb.timed = logTime(prefix)
	last := len(l.nodes)
	l.nodes = slices.Grow(l.nodes, 1)[:last+1]
	if l.nodes[last] == nil { // else it was given out
		l.nodes[last] = new(node)
	}
	clear(l.nodes[last].own) // key bytes
	l.nodes[last].label, l.nodes[last].own = lb, own
	l.nodes[last].rows.reset()
	return true
}

// repeat takes the message that stands for equal lines.
func (l *log) repeat(n, times int) {
	if g := &l.nodes[len(l.nodes)-1].rows; len(g.repeats) < 8 {
		g.repeats = append(g.repeats, repeat{len(g.lens), n, times})
	}
}

// complete takes the last node as whole: looks what it says about the order, and gives out what is
// settled. Where text follows a value that lacks rows, they may come behind it.
func (l *log) complete(textFollows bool) {
	last := len(l.nodes) - 1
	if last == 0 {
		// Rows before any text: they are a value of a reversed log, or the rest of one whose beginning is
		// not in the file.
		return
	}
	a, b := l.nodes[last-1], l.nodes[last]
	v, of := l.vote(textFollows)
	switch {
	case l.order == unknown:
		if v == 0 && a.label.timed && b.label.timed {
			v = voteTime * cmp.Compare(b.label.time, a.label.time)
		}
		if l.score += v; l.score >= voteDecided || l.score <= -voteDecided || last >= maxHeld {
			l.decide()
			last = len(l.nodes) - 1
		}
	case v*int(l.order) < 0:
		// Damage, or a log of the other order follows: the next value tells.
		l.sure, l.order, l.score = of-1, unknown, 0
	}
	switch {
	case textFollows && b.lacksRows() && last < maxHeld:
	case l.order == forward, last >= maxHeld:
		l.release(last)
	case l.order == backward && last > maxHeld/2 && l.between(a, b):
		l.release(last - 1)
	}
}

// decide settles the order on what evidence there is.
func (l *log) decide() {
	now := forward
	if l.score < 0 {
		now = backward
	}
	if now != l.last {
		l.order = l.last
		l.release(l.sure)
		l.to.end()
	}
	l.order, l.last, l.sure = now, now, 0
}

// vote tells which order the last value speaks for, and which node it is: its rows, directly or
// behind text, fit the label on one side only.
func (l *log) vote(textFollows bool) (v, of int) {
	of = len(l.nodes) - 1
	after := &l.nodes[of].rows
	for of > 0 && l.nodes[of].label.kind == noLabel && l.nodes[of-1].rows.empty() {
		of--
	}
	nd := l.nodes[of]
	if !nd.label.kind.isValue() || textFollows && after.empty() {
		return 0, of
	}
	if nd.own != nil { // the labels have an order too
		if d := int(nd.label.kind) - int(l.nodes[of-1].label.kind); d == 1 || d == -1 {
			v = d * voteTime
		}
		return v, of
	}
	above := &l.nodes[of-1].rows
	for i := of - 1; i > 0 && above.empty() && l.nodes[i].label.kind == noLabel; i-- {
		above = &l.nodes[i-1].rows
	}
	fits, reversed := after.fits(&nd.label, false), above.fits(&nd.label, true)
	switch {
	case fits && !reversed:
		v = voteRows
	case reversed && !fits:
		v = -voteRows
	}
	return v, of
}

// between reports whether nd, the oldest value of a reversed log, ends an older negotiation than
// those behind it, and the window holds the beginning of all that it holds the end of. A value that
// lost rows may have lost them to those.
func (l *log) between(top, nd *node) bool {
	k := top.label.kind
	if k != cookieI && k != phase1 && k != phase2 || nd.label.kind <= cookieR || !top.rows.fits(&nd.label, true) ||
		nd.label.kind.isSKEYID() && len(top.rows.data) == rowLen {
		return false
	}
	var count [phase2 + 1]int
	for _, nd := range l.nodes[1 : len(l.nodes)-1] {
		count[nd.label.kind]++
	}
	return count[skeyidE] <= count[cookieI] && count[spi] <= 2*count[phase2]
}

// release gives out the nodes 1 to end in the order of time. The rows of that one may be of the
// next.
func (l *log) release(end int) {
	if first := l.nodes[0]; end > 0 && l.order == forward && first.label.line == 0 && !first.rows.empty() {
		l.out.note(first.rows.line, "rows of bytes without a label before them: the log begins in the middle of a value")
	}
	for i := 1; i <= end; i++ {
		if l.order == forward {
			l.give(i)
		} else {
			l.give(end + 1 - i)
		}
	}
	for i, nd := range l.nodes[end:] {
		l.nodes[i], l.nodes[end+i] = nd, l.nodes[i]
	}
	l.nodes = l.nodes[:len(l.nodes)-end]
	l.nodes[0].label.kind = noLabel
	if l.order == backward {
		l.to.end()
	}
}

// give gives out the node i.
func (l *log) give(i int) {
	nd, g, atEnd := l.nodes[i], &l.nodes[i].rows, l.ended && i == len(l.nodes)-1
	if nd.label.kind == noLabel {
		return
	}
	if nd.label.kind.isValue() {
		l.values++
	}
	if l.order == backward {
		g = &l.nodes[i-1].rows
		g.turn()
	}
	if nd.own != nil {
		g = g.behind(nd.own)
	}
	var ev event
	ev.read(&nd.label, g)
	if nd.label.kind.isValue() {
		if line, row := l.beyond(i); row != nil {
			ev.behindText(line, row)
		}
	}
	if l.order == backward && atEnd && ev.kind == skeyid && ev.fault == whole {
		ev.fail(spoiled, ev.line, "the log ends with this line: it may be the head of SKEYID_d, SKEYID_a or SKEYID_e")
	}
	if g.blank || l.order == forward && atEnd || l.order == backward && i == 1 && l.nodes[0].label.line == 0 {
		ev.last = ev.mayLack()
	}
	l.to.take(&ev)
}

// lacksRows reports whether more rows can belong to the node.
func (nd *node) lacksRows() bool {
	return nd.label.kind.isValue() && nd.own == nil &&
		(nd.rows.empty() || nd.label.kind.isSKEYID() && len(nd.rows.data) == rowLen)
}

// beyond returns the rows behind the text that follows the node i, nil if there are none, and the
// line of the text.
func (l *log) beyond(i int) (line int, row *rows) {
	for j := i + int(l.order); j > 0 && j < len(l.nodes) && l.nodes[j].label.kind == noLabel; j += int(l.order) {
		g := &l.nodes[j].rows
		if l.order == backward {
			g = &l.nodes[j-1].rows
		}
		if !g.empty() {
			if l.order == backward {
				g.turn()
			}
			return l.nodes[j].label.line, g
		}
	}
	return 0, nil
}

// finish takes what has come as all. What follows is another output, perhaps of the other order.
func (l *log) finish() {
	l.ended = true
	l.complete(false)
	first := l.nodes[0]
	if l.order == unknown && l.score == 0 && first.label.line == 0 && !first.rows.empty() {
		l.refuse()
	} else {
		if l.order == unknown {
			l.decide()
		}
		l.release(len(l.nodes) - 1)
	}
	l.to.end()
	for _, nd := range l.nodes {
		nd.rows.reset()
	}
	l.nodes = l.nodes[:1]
	l.nodes[0].label = label{}
	l.order, l.score, l.ended = unknown, 0, false
}

// refuse gives up lines that begin with rows and whose order is not known: the rows on either side
// of a label may be its value.
func (l *log) refuse() {
	for _, nd := range l.nodes[1:] {
		if nd.label.kind.isValue() {
			l.values++
			l.out.note(nd.label.line, "%s: too few lines to tell whether the newest line is the first or the last, "+
				"and which rows belong to it", nd.label.kind)
		}
	}
}
