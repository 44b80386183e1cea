package sessions

import "slices"

// The sides of a session.
const (
	client = 0 // who sent the first message
	server = 1
	nobody = 2 // somebody between them
)

// place is where in the capture something was seen.
type place struct {
	frame uint64
	time  int64 // nanoseconds since the Unix epoch
}

func (p place) seen() bool { return p.frame != 0 }

// span is the first and the last place of something that was seen n times.
type span struct {
	first, last place
	previous    int64 // time of the one before the last
	n           int
}

func (s *span) add(p place) {
	if s.n == 0 {
		s.first = p
	}
	s.previous, s.last = s.last.time, p
	s.n++
}

func (s *span) seen() bool { return s.n > 0 }

// lasted is the time between the first and the last, in nanoseconds.
func (s *span) lasted() int64 { return s.last.time - s.first.time }

// frames are the frames of the first and the last.
func (s *span) frames() []uint64 {
	switch s.n {
	case 0:
		return nil
	case 1:
		return []uint64{s.first.frame}
	}
	return []uint64{s.first.frame, s.last.frame}
}

// Side is who sent something.
type Side int

// Who sends: a side of the session, or somebody between them.
const (
	FromClient Side = client
	FromServer Side = server
	FromOther  Side = nobody
)

var sideWords = [...]string{"orig", "resp", "other"}

// MarshalText writes orig, resp or other.
func (s Side) MarshalText() ([]byte, error) { return []byte(sideWords[s]), nil }

// Event is a packet of a session that says something: all but the users' traffic.
type Event struct {
	Time           seconds `json:"ts"`
	Frame          uint64  `json:"frame"`
	Sender         Side    `json:"from"`
	Layer          string  `json:"layer"` // "ike", "nat", "l2tp", "ppp", "icmp"
	Name           string  `json:"name"`  // "main 1", "SCCRQ", "LCP Conf-Req"
	Details        string  `json:"details,omitempty"`
	AVPs           string  `json:"avps,omitempty"` // of L2TP, all by name
	Retransmission bool    `json:"retransmission,omitempty"`
	LeftOut        uint64  `json:"left_out,omitempty"` // messages before this one that are not told
}

func newEvent(at place, sender int, layer, name, details string) Event {
	return Event{Time: seconds(at.time), Frame: at.frame, Sender: Side(sender), Layer: layer, Name: name, Details: details}
}

// Bounds of the events that are kept: of a session the first and the last, and of all sessions
// together.
const (
	firstEvents = 192
	lastEvents  = 64
	allEvents   = 1 << 17
)

// events are those of a session.
type events struct {
	list    []Event // the first ones, then the last ones
	oldest  int     // of the last ones, index in list
	dropped uint64  // between them
	refused uint64  // for which there was no room among those of all sessions
}

// move gives others those that are theirs.
func (l *events) move(others *events, theirs func(*Event) bool) {
	for _, e := range l.inOrder() {
		if theirs(&e) {
			others.add(e)
		}
	}
	l.list, l.oldest = slices.DeleteFunc(l.inOrder(), func(e Event) bool { return theirs(&e) }), 0
}

// add takes e, which may displace one in the middle; it reports whether one more is kept.
func (l *events) add(e Event) bool {
	if len(l.list) < firstEvents+lastEvents {
		l.list = append(l.list, e)
		return true
	}
	l.list[firstEvents+l.oldest] = e
	l.oldest = (l.oldest + 1) % lastEvents
	l.dropped++
	return false
}

// inOrder is a copy of the list in the order of the events.
func (l *events) inOrder() []Event {
	first := min(firstEvents, len(l.list))
	return slices.Concat(l.list[:first], l.list[first+l.oldest:], l.list[first:first+l.oldest])
}

// all are the events in their order.
func (l *events) all() []Event {
	if l.dropped == 0 || len(l.list) == 0 {
		return l.list
	}
	out := l.inOrder()
	out[min(firstEvents, len(out)-1)].LeftOut = l.dropped
	return out
}

// repeated reports whether the same was said by the same side a short while ago.
func (l *events) repeated(e *Event) bool {
	const while = 16
	for i := len(l.list) - 1; i >= max(0, len(l.list)-while); i-- {
		if o := &l.list[i]; o.Sender == e.Sender && o.Name == e.Name && o.Details == e.Details {
			return true
		}
	}
	return false
}
