package yamaha

import "bytes"

// node is a line of text and the rows behind it.
type node struct {
	label label
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
	// maxHeld bounds the lines of text that wait for the order to become known.
	maxHeld = 4096
	// The evidence for an order, and how much of it is enough: one damaged value must not decide.
	voteTime    = 1
	voteRows    = 2
	voteDecided = 4
)

// log reads the lines of one tag: values, each a label and rows of bytes, which follow the label, or in a reversed log
// precede it, last row first.
type log struct {
	out   *output
	to    timeline
	order order
	score int
	nodes []*node // nodes[0] has been given out, its rows may be of the next
	stack []event // of a reversed log: the values of some negotiations, newest first
	taken order   // the order in which the last event came
	ended bool    // no more lines come

	rowCount int // rows seen
	values   int // values under known labels seen
}

func newLog(out *output) *log {
	return &log{out: out, to: timeline{out: out, now: lane{asm: &assembler{out: out}}}, nodes: []*node{new(node)}}
}

// rows returns those that came last.
func (l *log) rows() *rows { return &l.nodes[len(l.nodes)-1].rows }

// take reads what follows the tag. It reports whether it is a row.
func (l *log) take(n int, prefix, text []byte) bool {
	cur := l.nodes[len(l.nodes)-1]
	g := &cur.rows
	lb, known := usual[string(text)]
	if !known {
		if data, kind := parseRow(g.data, text); kind != noRow {
			l.rowCount++
			g.add(n, text, data, kind)
			return true
		}
		lb = classify(text)
	}
	g.blank = g.blank || lb.kind == unreadable && len(bytes.TrimSpace(text)) == 0
	if lb.kind == noLabel && l.order != unknown && cur.label.kind == noLabel && g.empty() && len(l.nodes) == 1 {
		return false // text upon text: nothing depends on it
	}
	l.complete()
	lb.line = n
	lb.time, lb.timed = logTime(prefix)
	l.add(lb)
	return false
}

// repeat takes the message that stands for equal lines.
func (l *log) repeat(n, times int) {
	if g := l.rows(); len(g.repeats) < 8 {
		g.repeats = append(g.repeats, repeat{len(g.lens), n, times})
	}
}

// add starts a node, with the memory of one that was given out.
func (l *log) add(lb label) {
	last := len(l.nodes)
	if last < cap(l.nodes) && l.nodes[:last+1][last] != nil {
		l.nodes = l.nodes[:last+1]
	} else {
		l.nodes = append(l.nodes, new(node))
	}
	l.nodes[last].label = lb
	l.nodes[last].rows.reset()
}

// complete takes the last node as whole: looks what it says about the order, and gives out what is settled.
func (l *log) complete() {
	last := len(l.nodes) - 1
	if last == 0 {
		// Rows before any text: they are a value of a reversed log, or the rest of one whose beginning is not in the file.
		return
	}
	v := vote(l.nodes[last-1], l.nodes[last])
	if l.order == unknown {
		a, b := &l.nodes[last-1].label, &l.nodes[last].label
		switch {
		case v != 0 || !a.timed || !b.timed:
		case a.time < b.time:
			v = voteTime
		case a.time > b.time:
			v = -voteTime
		}
		l.score += v
		if l.score >= voteDecided || l.score <= -voteDecided || len(l.nodes) > maxHeld {
			l.decide()
		}
	} else if v*int(l.order) < 0 {
		// Damage, or a log of the other order follows: the next value tells.
		l.order, l.score = unknown, 0
	}
	if l.order != unknown {
		l.release()
	}
}

// decide settles the order on what evidence there is.
func (l *log) decide() {
	l.order = forward
	if l.score < 0 {
		l.order = backward
	}
}

// vote tells which order the value under a label speaks for: its rows fit the label on one side only.
func vote(before, nd *node) int {
	if !nd.label.kind.isValue() {
		return 0
	}
	after, above := nd.rows.fits(&nd.label, false), before.rows.fits(&nd.label, true)
	switch {
	case after && !above:
		return voteRows
	case above && !after:
		return -voteRows
	}
	return 0
}

// release gives out all whole nodes and keeps the last, for its rows.
func (l *log) release() {
	last := len(l.nodes) - 1
	first := l.nodes[0]
	if l.order == forward && first.label.line == 0 && !first.rows.empty() && last > 0 {
		l.out.note(first.rows.line, "rows of bytes without a label before them: the log begins in the middle of a value")
	}
	for i := 1; i <= last; i++ {
		nd := l.nodes[i]
		if nd.label.kind == noLabel {
			continue
		}
		if nd.label.kind.isValue() {
			l.values++
		}
		l.give(i)
	}
	for _, nd := range l.nodes[:last] {
		nd.rows.reset()
	}
	l.nodes[0], l.nodes[last] = l.nodes[last], l.nodes[0]
	l.nodes[0].label.kind = noLabel
	l.nodes = l.nodes[:1]
}

// give gives out the node i.
func (l *log) give(i int) {
	nd, g, atEnd := l.nodes[i], &l.nodes[i].rows, l.ended && i == len(l.nodes)-1
	if l.order == backward {
		g = &l.nodes[i-1].rows
		g.turn()
	}
	ev := makeEvent(&nd.label, g)
	if l.order == backward && atEnd && ev.kind == skeyid && ev.fault == whole {
		ev.fail(spoiled, ev.line, "the log ends with this line: it may be the head of SKEYID_d, SKEYID_a or SKEYID_e")
	}
	if g.blank || l.order == forward && atEnd || l.order == backward && i == 1 && l.nodes[0].label.line == 0 {
		ev.last = ev.mayLack()
	}
	l.push(&ev)
}

// push gives an event to the negotiations in the order of time. Of a reversed log as many are gathered as may be held, and
// read forwards; the cut is between negotiations.
func (l *log) push(ev *event) {
	if l.order != l.taken {
		l.unstack()
		l.to.end()
		l.taken = l.order
	}
	if l.order == forward {
		l.to.take(ev)
		return
	}
	if n := len(l.stack); n >= maxHeld || n >= maxHeld/2 && ev.endsValues() && l.balanced() {
		l.unstack()
	}
	kept := *ev
	kept.data = bytes.Clone(ev.data)
	l.stack = append(l.stack, kept)
}

// endsValues reports whether an event, met upwards, is of an older negotiation than those on the stack. A value that lost
// rows may have lost them to those.
func (ev *event) endsValues() bool {
	return ev.fault == whole && (ev.kind.isSKEYID() && len(ev.data) != rowLen || ev.kind == spi || ev.kind == espKey || ev.kind == authKey)
}

// balanced reports whether the stack holds the beginning of all that it holds the end of.
func (l *log) balanced() bool {
	var count [phase2 + 1]int
	for i := range l.stack {
		count[l.stack[i].kind]++
	}
	top := l.stack[len(l.stack)-1].kind
	return (top == cookieI || top == phase1 || top == phase2) && count[skeyidE] <= count[cookieI] && count[spi] <= 2*count[phase2]
}

func (l *log) unstack() {
	if len(l.stack) == 0 {
		return
	}
	for i := len(l.stack) - 1; i >= 0; i-- {
		l.to.take(&l.stack[i])
		clear(l.stack[i].data)
	}
	l.stack = l.stack[:0]
	l.to.end()
}

// finish takes what has come as all. What follows is another output, perhaps of the other order.
func (l *log) finish() {
	l.ended = true
	l.complete()
	if first := l.nodes[0]; l.order == unknown && (len(l.nodes) > 1 || !first.rows.empty()) {
		if l.score == 0 && !first.rows.empty() && first.label.line == 0 {
			l.refuse()
		} else {
			l.decide()
			l.release()
		}
	}
	l.unstack()
	l.to.end()
	l.nodes = l.nodes[:1]
	l.nodes[0].rows.reset()
	l.nodes[0].label = label{}
	l.order, l.score, l.ended = unknown, 0, false
}

// refuse gives up lines that begin with rows and whose order is not known: the rows on either side of a label may be its
// value.
func (l *log) refuse() {
	for _, nd := range l.nodes[1:] {
		if nd.label.kind.isValue() {
			l.values++
			l.out.note(nd.label.line, nd.label.kind.String()+
				": too few lines to tell whether the newest line is the first or the last, and which rows belong to it")
		}
	}
}
