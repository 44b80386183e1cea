package keysrc

// lanes keeps the negotiations of a log apart whose lines stand between each other though their times are far apart, as they do
// where logs were merged.
type lanes struct {
	out    *output
	now    lane
	parked []lane // the oldest first
}

// lane is the negotiations of about the same time.
type lane struct {
	neg  *negotiation
	last label // the last line
}

const maxParked = 8

func (ls *lanes) init(out *output) {
	ls.out = out
	ls.now.neg = &negotiation{out: out}
}

// take gives an event to the negotiations of its time.
func (ls *lanes) take(ev *event) {
	if ev.timed {
		if ls.now.last.timed && apart(&ls.now.last, &ev.label) {
			ls.turn(&ev.label)
		}
		ls.now.last = ev.label
	}
	ls.now.neg.take(ev)
}

// apart reports whether two lines with times are not of the same negotiation.
func apart(a, b *label) bool {
	d := a.time - b.time
	return d > deadSeconds || d < -deadSeconds
}

// turn finds the lane of another time. One that has nothing to wait for goes on with it.
func (ls *lanes) turn(at *label) {
	for i := range ls.parked {
		if p := &ls.parked[i]; !apart(&p.last, at) {
			found := *p
			ls.parked = append(ls.parked[:i], ls.parked[i+1:]...)
			if ls.now.neg.unfinished() {
				ls.parked = append(ls.parked, ls.now)
			} else {
				ls.now.neg.end()
			}
			ls.now = found
			return
		}
	}
	if n := ls.now.neg; !n.unfinished() {
		n.cut, n.short, n.before = nil, shortValue{}, shortValue{} // no row comes so late
		return
	}
	if len(ls.parked) == maxParked {
		ls.parked[0].neg.end()
		ls.parked = append(ls.parked[:0], ls.parked[1:]...)
	}
	ls.parked = append(ls.parked, ls.now)
	ls.now.neg = &negotiation{out: ls.out, hinted: ls.now.neg.hinted}
}

func (ls *lanes) flush() {
	for i := range ls.parked {
		ls.parked[i].neg.flush()
	}
	ls.now.neg.flush()
}

// end gives out all that has come.
func (ls *lanes) end() {
	for i := range ls.parked {
		ls.parked[i].neg.end()
	}
	ls.parked = ls.parked[:0]
	ls.now.neg.end()
	ls.now.last = label{}
}
