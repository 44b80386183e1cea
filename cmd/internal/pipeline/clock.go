package pipeline

// Clock tells how much time has passed, for what is forgotten with time. The times of a capture
// can't be taken as they are: they go back where a clock was set or where files were merged, and
// single ones are wrong. So it never goes back, and it does not believe that more than a little
// time passed between two frames: what is kept for too long costs bounded memory, what is forgotten
// too soon costs packets.
type Clock struct {
	Now     int64 // nanoseconds
	last    int64 // time of the last frame
	started bool
}

const clockStep = int64(10e9) // nanoseconds between two frames at most; less than any timeout

// Tick takes the time of the next frame.
func (c *Clock) Tick(t int64) {
	if !c.started {
		*c = Clock{Now: t, last: t, started: true}
	}
	if passed := t - c.last; passed > 0 {
		c.Now += min(passed, clockStep)
	}
	c.last = t
}
