package keysrc

import (
	"bytes"
	"strconv"
	"strings"
)

// rowLen is the number of bytes in each row of a value but the last.
const rowLen = 16

// rowGroup is the rows of bytes between two lines of text, in the order of the file.
type rowGroup struct {
	line     int     // of the first row
	data     []byte  // the bytes of all rows
	lens     []uint8 // the bytes of each row
	damaged  int     // line of the first row that is not all bytes
	hidden   bool    // "(confidential)" stands in place of a row
	blank    bool    // a line without any text follows: it may have been a row
	repeats  []rowRepeat
	last     []byte // text of the last row
	lastLine int
}

// rowRepeat is "same message repeated N times" between rows.
type rowRepeat struct {
	rows  int // number of rows before it
	line  int
	times int
}

func (g *rowGroup) reset() {
	clear(g.data) // key bytes
	clear(g.last)
	g.data, g.lens, g.repeats, g.last = g.data[:0], g.lens[:0], g.repeats[:0], g.last[:0]
	g.line, g.damaged, g.lastLine, g.hidden, g.blank = 0, 0, 0, false, false
}

func (g *rowGroup) empty() bool { return len(g.lens) == 0 && g.damaged == 0 && !g.hidden }

// ikeNode is a line of text and the rows behind it.
type ikeNode struct {
	label label
	rows  rowGroup
}

// direction is the order of a log: the newest line last, or first as `show log reverse` prints it.
type direction int8

const (
	orderUnknown direction = 0
	orderForward direction = 1
	orderReverse direction = -1
)

const (
	// maxHeld bounds the lines of text that wait for the order to become known.
	maxHeld = 4096
	// The evidence for an order, and how much of it is enough: one damaged value must not decide.
	voteTime    = 1
	voteRows    = 2
	voteDecided = 4
)

// ikeLog reads the lines of one tag: values, each a label and rows of bytes, which follow the label or in a
// reversed log precede it, last row first.
type ikeLog struct {
	out    *output
	order  direction
	score  int
	nodes  []*ikeNode // nodes[0] has been given out, its rows may be of the next
	stack  []event    // of a reversed log: the values of one negotiation, newest first
	neg    lanes
	pushed direction // the order in which the last event came
	ended  bool      // no more lines come

	rowCount int // rows seen
	values   int // values under known labels seen
}

// event is what a line of text and its rows mean together.
type event struct {
	label
	data    []byte // the value in its true order
	ok      bool
	why     string // not ok: what is wrong
	whyLine int    // the line that shows it
	doubt   string // ok: what may be wrong nevertheless
	rowless bool   // not ok: no row at all
	shape   bool   // not ok: rows are missing or are of another value
	orphan  bool   // rows stand where no label is
	last    bool   // ok: the log ends with it, and may lack the rest of it
}

func (l *ikeLog) init(out *output) {
	l.out = out
	l.neg.init(out)
	l.nodes = append(l.nodes, new(ikeNode))
}

// take reads what follows the tag. It reports whether it is a row.
func (l *ikeLog) take(n int, prefix, text []byte) bool {
	cur := l.nodes[len(l.nodes)-1]
	g := &cur.rows
	before := len(g.data)
	lb, data, kind := usualLabel(text), g.data, rowNone
	if lb.kind == labelNone {
		data, kind = parseRow(data, text)
	}
	if kind == rowNone {
		if lb.kind == labelNone {
			lb = classify(text)
		}
		g.blank = g.blank || lb.kind == labelUnreadable && len(bytes.TrimSpace(text)) == 0
		if lb.kind == labelNone && l.order != orderUnknown && cur.label.kind == labelNone && g.empty() && len(l.nodes) == 1 {
			return false // text upon text: nothing depends on it
		}
		l.complete()
		lb.line = n
		lb.time, lb.timed = logTime(prefix)
		l.add(lb)
		return false
	}
	l.rowCount++
	if g.empty() {
		g.line = n
	}
	switch {
	case kind == rowHidden:
		g.hidden = true
	case kind == rowDamaged || len(data)-before > rowLen || len(g.lens) >= maxKeyLen/rowLen:
		clear(data[before:])
		if g.damaged == 0 {
			g.damaged = n
		}
	default:
		g.data = data
		g.lens = append(g.lens, uint8(len(data)-before))
	}
	g.last, g.lastLine = append(g.last[:0], text...), n
	return true
}

// extend adds text to the last row, if it is the rest of it.
func (l *ikeLog) extend(text []byte) bool {
	g := &l.nodes[len(l.nodes)-1].rows
	if !onlyHex(text) || len(text) > 3*rowLen || len(g.last) > 3*rowLen+16 {
		return false
	}
	cut := g.damaged == g.lastLine // in the middle of a byte
	if g.hidden || g.damaged != 0 && !cut {
		return true
	}
	size := len(g.data)
	if !cut {
		size -= int(g.lens[len(g.lens)-1])
	}
	g.last = append(g.last, text...)
	data, kind := parseRow(g.data[:size], g.last)
	if kind != rowBytes || len(data)-size > rowLen {
		g.damaged = g.lastLine
		return true
	}
	g.data = data
	if cut {
		g.lens = append(g.lens, 0)
		g.damaged = 0
	}
	g.lens[len(g.lens)-1] = uint8(len(data) - size)
	return true
}

// repeat takes the message that stands for equal lines.
func (l *ikeLog) repeat(n, times int) {
	g := &l.nodes[len(l.nodes)-1].rows
	if len(g.repeats) < 8 {
		g.repeats = append(g.repeats, rowRepeat{len(g.lens), n, times})
	}
}

func (l *ikeLog) add(lb label) {
	if len(l.nodes) < cap(l.nodes) {
		l.nodes = l.nodes[:len(l.nodes)+1]
	} else {
		l.nodes = append(l.nodes, nil)
	}
	cur := l.nodes[len(l.nodes)-1]
	if cur == nil {
		cur = new(ikeNode)
		l.nodes[len(l.nodes)-1] = cur
	}
	cur.label = lb
	cur.rows.reset()
}

// complete takes the last node as whole: looks what it says about the order, and gives out what is settled.
func (l *ikeLog) complete() {
	last := len(l.nodes) - 1
	if last == 0 {
		// Rows before any text: they are a value of a reversed log, or the rest of one whose beginning is not in the file.
		return
	}
	v := vote(&l.nodes[last].label, &l.nodes[last-1].rows, &l.nodes[last].rows)
	if l.order == orderUnknown {
		a, b := &l.nodes[last-1].label, &l.nodes[last].label
		if v == 0 && a.timed && b.timed && a.time != b.time {
			v = voteTime
			if b.time < a.time {
				v = -voteTime
			}
		}
		l.score += v
		switch {
		case l.score >= voteDecided:
			l.order = orderForward
		case l.score <= -voteDecided:
			l.order = orderReverse
		case len(l.nodes) > maxHeld:
			l.guess()
		}
	} else if v*int(l.order) < 0 {
		// Damage, or a log of the other order follows: the next value tells.
		l.order, l.score = orderUnknown, 0
	}
	if l.order != orderUnknown {
		l.release()
	}
}

// guess settles the order on what evidence there is.
func (l *ikeLog) guess() {
	l.order = orderForward
	if l.score < 0 {
		l.order = orderReverse
	}
}

// vote tells which order the value under a label speaks for: its rows fit the label on one side only.
func vote(lb *label, before, after *rowGroup) int {
	if !lb.kind.isValue() {
		return 0
	}
	f, r := fits(lb, after, false), fits(lb, before, true)
	switch {
	case f && !r:
		return voteRows
	case r && !f:
		return -voteRows
	}
	return 0
}

// fits reports whether rows can be the value of the label.
func fits(lb *label, g *rowGroup, reversed bool) bool {
	if g.empty() || g.damaged != 0 || g.hidden || !rowsInOrder(g.lens, reversed) {
		return false
	}
	return lengthOK(lb, len(g.data))
}

// rowsInOrder reports whether only the last row is shorter than the others.
func rowsInOrder(lens []uint8, reversed bool) bool {
	for i, n := range lens {
		end := i == len(lens)-1
		if reversed {
			end = i == 0
		}
		if n != rowLen && !end {
			return false
		}
	}
	return true
}

// lengthOK reports whether a value of n bytes can be the label's.
func lengthOK(lb *label, n int) bool {
	switch lb.kind {
	case labelCookieI, labelCookieR:
		return n == 8
	case labelSPI:
		return n == 4
	case labelKey, labelAuthKey:
		if lb.first == 0 {
			return n == 8 || n == 16 || n == 20 || n == 24 || n == 32 || n == 48 || n == 64
		}
		// A DES key is shorter than what the caption promises.
		return n == lb.first || lb.kind == labelKey && n == 8 && lb.first > 8
	case labelUnreadable:
		return false
	}
	return n == 16 || n == 20 || n == 32 || n == 48 || n == 64
}

// wanted names the lengths that lengthOK takes.
func wanted(lb *label) string {
	switch {
	case lb.kind == labelCookieI || lb.kind == labelCookieR:
		return "8"
	case lb.kind == labelSPI:
		return "4"
	case lb.first != 0:
		return strconv.Itoa(lb.first)
	}
	return "the length of a key"
}

// release gives out all whole nodes and keeps the last, for its rows.
func (l *ikeLog) release() {
	last := len(l.nodes) - 1
	for i := 1; i <= last; i++ {
		nd := l.nodes[i]
		if nd.label.kind == labelNone {
			continue
		}
		g := &nd.rows
		if l.order == orderReverse {
			g = &l.nodes[i-1].rows
		}
		if nd.label.kind.isValue() {
			l.values++
		}
		ev := makeEvent(&nd.label, g, l.order == orderReverse)
		if l.order == orderForward && i == last && l.ended || l.order == orderReverse && i == 1 && l.nodes[0].label.line == 0 || g.blank {
			ev.last = ev.cutEnd()
		}
		if l.order == orderReverse && i == last && l.ended && nd.label.kind == labelSKEYID && ev.ok {
			ev.ok, ev.data, ev.why = false, nil, "the log ends with this line: it may be the head of SKEYID_d, SKEYID_a or SKEYID_e"
		}
		l.push(&ev)
	}
	if l.order == orderForward && l.nodes[0].label.line == 0 && !l.nodes[0].rows.empty() && last > 0 {
		l.out.note(l.nodes[0].rows.line, "rows of bytes without a label before them: the log begins in the middle of a value")
	}
	for i := 0; i < last; i++ {
		l.nodes[i].rows.reset()
	}
	l.nodes[0], l.nodes[last] = l.nodes[last], l.nodes[0]
	l.nodes[0].label.kind = labelNone
	l.nodes = l.nodes[:1]
}

// makeEvent puts a label and its rows together. The event's data is the group's own, or new memory.
func makeEvent(lb *label, g *rowGroup, reversed bool) event {
	ev := event{label: *lb, whyLine: lb.line}
	if !lb.kind.isValue() {
		ev.orphan = !g.empty()
		ev.whyLine = g.line
		return ev
	}
	switch {
	case lb.kind == labelUnreadable:
		ev.ok = g.empty() // there is nothing that it could be the label of
		ev.why = "rows of bytes belong to it, and it can't be read"
		return ev
	case g.hidden:
		ev.why = "the router shows it as (confidential)"
		return ev
	case g.damaged != 0:
		ev.why, ev.whyLine = "a row is damaged", g.damaged
		return ev
	case len(g.lens) == 0:
		ev.why, ev.rowless = "its row of bytes is missing", true
		return ev
	}
	data, lens := g.data, g.lens
	for _, r := range g.repeats {
		at := r.rows - 1 // the row before it in time
		if reversed {
			at = r.rows
		}
		if at < 0 || at >= len(g.lens) {
			continue // it is about the label, or about the next line
		}
		if r.times != 1 || len(g.repeats) > 1 {
			ev.why, ev.whyLine = "rows of it were collapsed into \"same message repeated\", and it can't be told how many", r.line
			return ev
		}
		start := 0
		for _, n := range lens[:at] {
			start += int(n)
		}
		end := start + int(lens[at])
		ev.doubt = "a row of it was collapsed into \"same message repeated\" and is taken twice"
		data = append(append(append([]byte(nil), g.data[:end]...), g.data[start:end]...), g.data[end:]...)
		lens = append(append(append([]uint8(nil), g.lens[:at+1]...), g.lens[at]), g.lens[at+1:]...)
	}
	if !rowsInOrder(lens, reversed) {
		ev.shape = true
		ev.why = "its rows have " + lengths(lens) + " bytes: a line between them is missing"
		return ev
	}
	if !lengthOK(lb, len(data)) {
		ev.shape = true
		ev.why = "it has " + byteCount(len(data)) + ", not " + wanted(lb)
		if len(lens) > 1 {
			ev.why += ", in rows of " + lengths(lens)
		}
		ev.why += ": a line is missing or cut"
		return ev
	}
	if equalRows(data, lens) && ev.doubt == "" {
		if len(data) > 2*rowLen {
			ev.why = "two of its rows are equal: a line may stand twice"
			return ev
		}
		ev.doubt = "its rows are equal: a line may stand twice"
	}
	if reversed && len(lens) > 1 {
		turned := make([]byte, 0, len(data))
		end := len(data)
		for i := len(lens) - 1; i >= 0; i-- {
			turned = append(turned, data[end-int(lens[i]):end]...)
			end -= int(lens[i])
		}
		data = turned
	}
	ev.data, ev.ok = data, true
	return ev
}

// cutEnd reports whether a value, behind which the log has no other line, may lack rows: its length is that of a hash, which is not known.
func (ev *event) cutEnd() bool {
	n := len(ev.data)
	return ev.ok && (ev.kind == labelSKEYIDe && n < 2*rowLen || ev.kind >= labelSKEYID && ev.kind < labelSKEYIDe && n < 4*rowLen)
}

// equalRows reports whether a row of full length is equal to the next.
func equalRows(data []byte, lens []uint8) bool {
	for i := 1; i < len(lens); i++ {
		a, b := data[(i-1)*rowLen:], data[i*rowLen:]
		if lens[i] == rowLen && lens[i-1] == rowLen && string(a[:rowLen]) == string(b[:rowLen]) {
			return true
		}
	}
	return false
}

// lengths lists the bytes of each row.
func lengths(lens []uint8) string {
	var b strings.Builder
	for i, n := range lens {
		switch {
		case i > 8:
			b.WriteString(" …")
			return b.String()
		case i > 0 && i == len(lens)-1:
			b.WriteString(" and ")
		case i > 0:
			b.WriteString(", ")
		}
		b.WriteString(strconv.Itoa(int(n)))
	}
	return b.String()
}

// push gives an event to the negotiations in the order of time. Of a reversed log as many are
// gathered as may be held, and read forwards; the cut is between negotiations.
func (l *ikeLog) push(ev *event) {
	if l.order != l.pushed {
		l.unstack()
		l.neg.end()
		l.pushed = l.order
	}
	if l.order == orderForward {
		l.neg.take(ev)
		return
	}
	if n := len(l.stack); n >= maxHeld || n >= maxHeld/2 && l.endsBlock(ev) && l.wholeStack() {
		l.unstack()
	}
	kept := *ev
	kept.data = append([]byte(nil), ev.data...)
	l.stack = append(l.stack, kept)
}

// endsBlock reports whether an event, met upwards, is of an older negotiation than those on the stack. A value that lost
// rows may have lost them to those.
func (l *ikeLog) endsBlock(ev *event) bool {
	if !ev.ok || ev.kind.isSKEYID() && len(ev.data) == rowLen {
		return false
	}
	return ev.kind.isSKEYID() || ev.kind == labelSPI || ev.kind == labelKey || ev.kind == labelAuthKey
}

// wholeStack reports whether the stack holds the beginning of all that it holds the end of.
func (l *ikeLog) wholeStack() bool {
	switch l.stack[len(l.stack)-1].kind {
	case labelCookieI, labelPhase1, labelPhase2:
	default:
		return false
	}
	cookies, secrets, phases, spis := 0, 0, 0, 0
	for i := range l.stack {
		switch l.stack[i].kind {
		case labelCookieI:
			cookies++
		case labelSKEYIDe:
			secrets++
		case labelPhase2:
			phases++
		case labelSPI:
			spis++
		}
	}
	return secrets <= cookies && spis <= 2*phases
}

func (l *ikeLog) unstack() {
	if len(l.stack) == 0 {
		return
	}
	for i := len(l.stack) - 1; i >= 0; i-- {
		l.neg.take(&l.stack[i])
		clear(l.stack[i].data)
	}
	l.stack = l.stack[:0]
	l.neg.end()
}

// restart forgets the order: another output of a show command begins.
func (l *ikeLog) restart() {
	l.finish()
	l.order, l.score = orderUnknown, 0
}

// finish takes what has come as all.
func (l *ikeLog) finish() {
	l.ended = true
	l.complete()
	switch {
	case l.order != orderUnknown || len(l.nodes) == 1 && l.nodes[0].rows.empty():
	case l.score == 0 && !l.nodes[0].rows.empty() && l.nodes[0].label.line == 0:
		l.refuse()
	default:
		l.guess()
		l.release()
	}
	l.unstack()
	l.neg.end()
	l.nodes = l.nodes[:1]
	l.nodes[0].rows.reset()
	l.nodes[0].label = label{}
	l.ended = false
}

func (l *ikeLog) close() { l.finish() }

// refuse gives up lines that begin with rows and whose order is not known: the rows on either side of a label may be its value.
func (l *ikeLog) refuse() {
	for _, nd := range l.nodes[1:] {
		if nd.label.kind.isValue() {
			l.values++
			l.out.note(nd.label.line, nd.label.kind.String()+": too few lines to tell whether the newest line is the first or the last, and which rows belong to it")
		}
	}
}

// flush gives out what is whole though no line follows it. A reversed log does not grow.
func (l *ikeLog) flush() {
	if l.order == orderUnknown && l.score > 0 {
		l.order = orderForward
	}
	if l.order != orderForward {
		return
	}
	if last := l.nodes[len(l.nodes)-1]; last.label.kind.isValue() && fits(&last.label, &last.rows, false) {
		l.complete()
	}
	l.neg.flush()
}
