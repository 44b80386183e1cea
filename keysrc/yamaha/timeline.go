package yamaha

// timeline keeps negotiations apart whose lines stand between each other though their times are far apart, as they do where
// logs were merged.
type timeline struct {
	out    *output
	now    lane
	parked []lane // the oldest first
}

// lane is the negotiations of about the same time.
type lane struct {
	asm  *assembler
	last label // the last line
}

const maxParked = 8

// take gives an event to the negotiations of its time.
func (t *timeline) take(ev *event) {
	if ev.timed {
		if t.now.last.timed && apart(&t.now.last, &ev.label) {
			t.turn(&ev.label)
		}
		t.now.last = ev.label
	}
	t.now.asm.take(ev)
}

// apart reports whether two lines with times are not of the same negotiation.
func apart(a, b *label) bool {
	d := a.time - b.time
	return d > deadSeconds || d < -deadSeconds
}

// turn goes to the lane of another time. One that has nothing to wait for ends.
func (t *timeline) turn(at *label) {
	left := t.now
	t.now = lane{asm: &assembler{out: t.out}}
	for i := range t.parked {
		if !apart(&t.parked[i].last, at) {
			t.now = t.parked[i]
			t.parked = append(t.parked[:i], t.parked[i+1:]...)
			break
		}
	}
	if !left.asm.unfinished() {
		left.asm.end()
		return
	}
	if len(t.parked) == maxParked {
		t.parked[0].asm.end()
		t.parked = append(t.parked[:0], t.parked[1:]...)
	}
	t.parked = append(t.parked, left)
}

// end gives out all that has come.
func (t *timeline) end() {
	for i := range t.parked {
		t.parked[i].asm.end()
	}
	t.parked = t.parked[:0]
	t.now.asm.end()
	t.now.last = label{}
}
