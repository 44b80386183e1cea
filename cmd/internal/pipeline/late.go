package pipeline

import (
	"errors"
	"slices"

	"l2tpdump/ikev1"
)

const (
	maxLate         = 32          // IKE frames that wait for a message that they depend on
	defaultPatience = int64(10e9) // nanoseconds of capture time that they wait: longer than most retransmission timers
)

// late is the IKE frames that may yet gain from a message behind them: the message whose last block
// is their IV was overtaken or is sent again, their HASH covers a nonce of it, it proves the key,
// or tells who is the initiator. They keep their place, where the line waits for them, so the order
// of the output is that of the capture. It belongs to the framer.
type late struct {
	patience int64
	queue    []lateFrame
}

// lateFrame is a record in a batch that is in line. The framer may change what
// it says until group is settled; delivery reads it only then.
type lateFrame struct {
	record   *Record
	group    *group
	complete *group // of the fragments that the record may stand for
	since    int64  // nanoseconds since the Unix epoch
}

// gains reports whether later messages can change anything about r.
func gains(r *Record) bool {
	for _, m := range r.IKE {
		if m.SA != nil && (m.Open() && !errors.Is(m.Err, ikev1.ErrNoKey) || m.Unnumbered()) {
			return true
		}
	}
	return false
}

// add has r wait from now on.
func (l *late) add(r *Record, now int64) {
	if len(l.queue) >= maxLate {
		l.settle(1)
	}
	c := lateFrame{record: r, group: newGroup(r.Packet.Time), complete: r.complete, since: now}
	if c.complete != nil {
		c.complete.late = true
	}
	r.late = c.group
	l.queue = append(l.queue, c)
}

// retry tries again what waits and belongs to the SA of a message in from.
func (f *framer) retry(from []*Message) {
	l := &f.late
	for again := len(l.queue) > 0; again; {
		again = false
		for _, c := range l.queue {
			if related(c.record.IKE, from) && f.reopen(c.record) {
				again = true
			}
		}
	}
	l.queue = slices.DeleteFunc(l.queue, func(c lateFrame) bool {
		if related(c.record.IKE, from) {
			for _, m := range c.record.IKE {
				f.ike.Renumber(m.Message)
			}
		}
		if gains(c.record) {
			return false
		}
		c.settle()
		return true
	})
}

// reopen tries again the messages of a frame, and reports whether more of them is known now.
func (f *framer) reopen(r *Record) (more bool) {
	otherwise := false // what is wrong with it
	for _, m := range r.IKE {
		if m.SA == nil || !m.Open() {
			continue
		}
		before, failed := known(m), m.Err
		f.ike.Decrypt(m.Message)
		more = more || known(m) > before
		otherwise = otherwise || m.Err != failed
	}
	if more {
		f.learn(r.IKE)
	}
	if more || otherwise {
		f.judgeIKE(r)
	}
	return more
}

// known tells how much is known of an encrypted message: its head, all but its first block, all, or
// that it is verified, too.
func known(m *Message) int {
	switch {
	case m.Decrypted && m.Verified:
		return 4
	case m.Decrypted && !m.Reconstructed:
		return 3
	case m.Decrypted:
		return 2
	case m.Head():
		return 1
	}
	return 0
}

// related reports whether two lists have messages of one SA.
func related(a, b []*Message) bool {
	for _, x := range a {
		for _, y := range b {
			if x.SA == y.SA {
				return true
			}
		}
	}
	return false
}

// expire lets go what has waited long enough at the time now.
func (l *late) expire(now int64) {
	n := 0
	for n < len(l.queue) && now-l.queue[n].since > l.patience {
		n++
	}
	l.settle(n)
}

// position is the index of the frame whose group, or whose fragments' group, g is; -1 if there is
// none.
func (l *late) position(g *group) int {
	return slices.IndexFunc(l.queue, func(c lateFrame) bool { return c.group == g || c.complete == g })
}

// settle lets the first n go as they are.
func (l *late) settle(n int) {
	for i := range l.queue[:n] {
		l.queue[i].settle()
	}
	rest := copy(l.queue, l.queue[n:])
	clear(l.queue[rest:])
	l.queue = l.queue[:rest]
}

// settle says what becomes of the record and of the fragments that it may stand for.
func (c *lateFrame) settle() {
	if g := c.complete; g != nil {
		g.late = false
		g.decide(c.record)
	}
	c.group.settle(0)
}

// mergedInto is the frame that fragments of an IKE message are merged into: r where it was
// decrypted, else 0.
func mergedInto(r *Record) uint64 {
	if r.Kind == IKE && r.IKEOpened() {
		return r.Number
	}
	return 0
}
