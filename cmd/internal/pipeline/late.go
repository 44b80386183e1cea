package pipeline

import (
	"cmp"
	"container/list"
	"errors"
	"iter"
	"slices"

	"l2tpdump/ikev1"
)

const (
	maxLate               = 32          // IKE frames that wait to be opened
	maxLateExchange       = 4           // of one exchange
	maxUnnumbered         = 1024        // IKE frames that wait for no more than their number
	maxUnnumberedExchange = 256         // of one exchange; half of them are the first
	maxLateTries          = 3           // for messages that are not decrypted themselves
	defaultPatience       = int64(10e9) // nanoseconds that they wait: longer than most retransmission timers
)

// late is the IKE frames that may yet gain from a message behind them: the message whose last block
// is their IV was overtaken or is sent again, their HASH covers a nonce of it, it proves the key,
// or tells who is the initiator. They keep their place, where the line waits for them, so the order
// of the output is that of the capture. It belongs to the framer.
type late struct {
	patience   int64
	closed     lateQueue // that wait to be opened
	unnumbered lateQueue // that wait for no more than their number
}

// lateQueue is frames that wait, the oldest first. A flood under one message ID takes no place from
// the others.
type lateQueue struct {
	frames    list.List // of *lateFrame
	exchanges map[exchangeOf][]*lateFrame
}

// exchangeOf is an exchange of an SA; all of phase 1 is one.
type exchangeOf struct {
	initiator, responder ikev1.Cookie
	id                   uint32
}

// exchangeWith returns the exchange of a message's SA with that ID.
func exchangeWith(m *Message, id uint32) exchangeOf {
	return exchangeOf{m.Header.InitiatorCookie, m.Header.ResponderCookie, id}
}

// lateFrame is a record in a batch that is in line. The framer may change what
// it says until group is settled; delivery reads it only then.
type lateFrame struct {
	record   *Record
	group    group
	complete *group // of the fragments that the record may stand for
	since    int64  // nanoseconds since the Unix epoch
	tries    int    // for messages that are not decrypted themselves
	untried  bool   // such a message came behind these
	exchange exchangeOf
	element  *list.Element
}

func newLate() late {
	return late{
		patience:   defaultPatience,
		closed:     lateQueue{exchanges: map[exchangeOf][]*lateFrame{}},
		unnumbered: lateQueue{exchanges: map[exchangeOf][]*lateFrame{}},
	}
}

// gains reports whether later messages can change anything about r; closed: they can open it.
func gains(r *Record) (some, closed bool) {
	for _, m := range r.IKE {
		opens := m.SA != nil && m.Open() && !errors.Is(m.Err, ikev1.ErrNoKey)
		some = some || opens || m.Unnumbered()
		closed = closed || opens || errors.Is(m.Err, ikev1.ErrOtherSide)
	}
	return some, closed
}

// wait has r, which gains from later messages, wait for them from now on.
func (f *framer) wait(r *Record, closed bool) {
	c := &lateFrame{record: r, group: *newGroup(r.Packet.Time), complete: r.complete, since: f.clock.Now}
	for _, m := range r.IKE {
		c.exchange = cmp.Or(c.exchange, exchangeWith(m, m.Header.MessageID))
	}
	if c.complete != nil {
		c.complete.late++
	}
	r.late = &c.group
	q := &f.late.unnumbered
	if closed {
		q = &f.late.closed
	}
	switch same := q.exchanges[c.exchange]; {
	case closed && len(same) >= maxLateExchange:
		f.let(q, same[0])
	case !closed && len(same) >= maxUnnumberedExchange:
		f.let(q, same[len(same)/2])
	case closed && q.frames.Len() >= maxLate, !closed && q.frames.Len() >= maxUnnumbered:
		f.let(q, q.oldest())
	}
	c.element = q.frames.PushBack(c)
	q.exchanges[c.exchange] = append(q.exchanges[c.exchange], c)
}

// oldest returns the first frame, nil if there is none.
func (q *lateQueue) oldest() *lateFrame {
	if e := q.frames.Front(); e != nil {
		return e.Value.(*lateFrame)
	}
	return nil
}

// all returns the frames of the queue.
func (q *lateQueue) all() iter.Seq[*lateFrame] {
	return func(yield func(*lateFrame) bool) {
		for e := q.frames.Front(); e != nil; {
			c := e.Value.(*lateFrame)
			if e = e.Next(); !yield(c) { // which may take c off
				return
			}
		}
	}
}

// let takes a frame off its queue, and has it go with what is known by now.
func (f *framer) let(q *lateQueue, c *lateFrame) {
	if c.element == nil { // what went before has told enough
		return
	}
	q.frames.Remove(c.element)
	c.element = nil
	rest := slices.DeleteFunc(q.exchanges[c.exchange], func(o *lateFrame) bool { return o == c })
	if q.exchanges[c.exchange] = rest; len(rest) == 0 {
		delete(q.exchanges, c.exchange)
	}
	f.number(c)
	more := c.untried && f.reopen(c.record)
	if g := c.complete; g != nil {
		g.late--
		g.decide(c.record)
	}
	c.group.settle(0)
	if more {
		f.retry(c.record.IKE)
	}
}

// retry tries again what waits and may gain from a message in from.
func (f *framer) retry(from []*Message) {
	all := from
	for told := from; len(told) > 0; {
		var next []*Message
		for c := range f.late.closed.all() {
			switch {
			case related(c.record.IKE, told, decryptedOf):
			case !related(c.record.IKE, told, helps):
				continue
			case c.tries == maxLateTries:
				c.untried = true
				continue
			default:
				c.tries++
			}
			if c.untried = false; f.reopen(c.record) {
				next = append(next, c.record.IKE...)
			}
		}
		told, all = next, append(slices.Clip(all), next...)
	}
	for _, m := range all {
		f.renumber(exchangeWith(m, m.Header.MessageID))
		f.renumber(exchangeWith(m, 0))
	}
}

// renumber numbers the frames of an exchange anew, and lets go those that wait for nothing more.
func (f *framer) renumber(x exchangeOf) {
	for _, c := range slices.Clone(f.late.closed.exchanges[x]) {
		f.letNumbered(&f.late.closed, c)
	}
	// The others wait for one and the same thing.
	for q := &f.late.unnumbered; len(q.exchanges[x]) > 0 && f.letNumbered(q, q.exchanges[x][0]); {
	}
}

// number numbers the messages of a frame anew.
func (f *framer) number(c *lateFrame) {
	for _, m := range c.record.IKE {
		if f.ike.Renumber(m.Message) {
			c.untried = true
		}
	}
}

// letNumbered numbers a frame anew, and lets it go if it waits for nothing more.
func (f *framer) letNumbered(q *lateQueue, c *lateFrame) bool {
	f.number(c)
	some, _ := gains(c.record)
	if !some {
		f.let(q, c)
	}
	return !some
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

// related reports whether two lists have messages that are related so.
func related(a, b []*Message, so func(a, b *Message) bool) bool {
	for _, x := range a {
		for _, y := range b {
			if so(x, y) {
				return true
			}
		}
	}
	return false
}

func sameSA(a, b *Message) bool { return a.SA == b.SA }

func sameExchange(a, b *Message) bool {
	return sameSA(a, b) && a.Header.MessageID == b.Header.MessageID
}

// decryptedOf reports whether b, which was decrypted, is of the SA of a.
func decryptedOf(a, b *Message) bool { return sameSA(a, b) && b.Decrypted }

// helps reports whether b may help with a though it was not decrypted: its last block may be the
// IV, and in phase 1 it may hold what the IV is made from.
func helps(a, b *Message) bool {
	return (sameExchange(a, b) || sameSA(a, b) && b.Phase1()) && !a.NeedsProof()
}

// letOld lets go what has waited long enough at the time now.
func (f *framer) letOld(now int64) {
	for _, q := range [...]*lateQueue{&f.late.closed, &f.late.unnumbered} {
		for c := q.oldest(); c != nil && now-c.since > f.late.patience; c = q.oldest() {
			f.let(q, c)
		}
	}
}

// letIf lets go the frames whose group, or whose fragments' group, passes.
func (f *framer) letIf(passes func(g *group) bool) {
	for _, q := range [...]*lateQueue{&f.late.closed, &f.late.unnumbered} {
		for c := range q.all() {
			if passes(&c.group) || c.complete != nil && passes(c.complete) {
				f.let(q, c)
			}
		}
	}
}
