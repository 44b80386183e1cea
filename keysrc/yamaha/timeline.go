package yamaha

import "slices"

// timeline keeps negotiations apart whose lines stand between each other though their times are
// far apart, as they do where logs were merged.
type timeline struct {
	out   *output
	lanes []*assembler // each is of about one time; the last is at work, the first waits longest
}

const maxLanes = 8

// take gives an event to the negotiations of its time.
func (t *timeline) take(ev *event) {
	far := func(a *assembler) bool { return apart(&a.at, &ev.label, deadSeconds) }
	n := len(t.lanes)
	switch {
	case n == 0:
		t.lanes = append(t.lanes, &assembler{out: t.out})
	case far(t.lanes[n-1]):
		left := t.lanes[n-1]
		if i := slices.IndexFunc(t.lanes, func(a *assembler) bool { return !far(a) }); i >= 0 {
			found := t.lanes[i]
			t.lanes = append(slices.Delete(t.lanes, i, i+1), found)
		} else {
			t.lanes = append(t.lanes, &assembler{out: t.out})
		}
		if i := slices.Index(t.lanes, left); !left.unfinished() {
			t.drop(i)
		} else if n == maxLanes {
			t.drop(0)
		}
	}
	a := t.lanes[len(t.lanes)-1]
	if ev.timed {
		a.at = ev.label
	}
	a.take(ev)
}

// drop ends a lane.
func (t *timeline) drop(i int) {
	t.lanes[i].end()
	t.lanes = slices.Delete(t.lanes, i, i+1)
}

// end gives out all that has come.
func (t *timeline) end() {
	for len(t.lanes) > 0 {
		t.drop(0)
	}
}

// apart reports whether two lines have times with more than so many seconds between them.
func apart(a, b *label, seconds int64) bool {
	d := a.time - b.time
	return a.timed && b.timed && (d > seconds || d < -seconds)
}
