package pipeline

// Clock tells how much time has passed, for what is forgotten with time. The times of a capture
// can't be taken as they are: they go back where a clock was set or where files were merged, and
// single ones are wrong. So it never goes back, and it does not believe that more than a little
// time passed between two frames: what is kept for too long costs bounded memory, what is forgotten
// too soon costs packets.
type Clock struct {
	Now     int64 // nanoseconds
	last    int64 // the latest time
	earlier int   // frames in a row with an earlier one
	started bool
}

const (
	clockStep  = int64(10e9) // nanoseconds between two frames at most; less than any timeout
	clockTurns = 256         // frames with earlier times that show that the clock was set back
)

// Tick takes the time of the next frame. Times that alternate, as those of two hosts in one file do
// where their clocks differ, count once.
func (c *Clock) Tick(t int64) {
	if !c.started {
		*c = Clock{Now: t, last: t, started: true}
	}
	if t < c.last && c.earlier < clockTurns {
		c.earlier++
		return
	}
	c.Now += max(0, min(t-c.last, clockStep))
	c.last, c.earlier = t, 0
}
