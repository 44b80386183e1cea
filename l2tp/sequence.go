package l2tp

// Order is where a numbered message stands among those of its sender.
type Order uint8

const (
	InOrder  Order = iota // it follows the last one, or has no number
	Ahead                 // others that should have come before it are missing
	Late                  // it should have come before others
	Repeated              // it has come before
)

// String is "", "ahead", "late" or "repeated".
func (o Order) String() string { return [...]string{"", "ahead", "late", "repeated"}[o] }

// Numbering counts the numbered data messages that were not in order.
type Numbering struct {
	Messages uint64 // with a number
	Missing  uint64 // that never came
	Late     uint64
	Repeated uint64
}

// Plus is the sum of two counts.
func (n Numbering) Plus(other Numbering) Numbering {
	return Numbering{n.Messages + other.Messages, n.Missing + other.Missing, n.Late + other.Late,
		n.Repeated + other.Repeated}
}

// maxAhead is how many numbers may be missing at a time. A number that is farther away begins a new
// count, when the next follows it.
const maxAhead = 1024

// window follows the numbers of one sender.
type window struct {
	begun bool
	next  uint32 // that is expected
	odd   uint32 // that would follow the last one that was far away
	seen  uint64 // bit i: next-1-i has come
}

// take takes the number of a message, and returns how many are missing before it; mask is that of
// the numbers.
func (w *window) take(number, mask uint32) (o Order, missing uint32) {
	ahead := (number - w.next) & mask
	behind := (w.next - 1 - number) & mask
	far := min(ahead, behind) > maxAhead && number != w.odd
	switch {
	case !w.begun || min(ahead, behind) > maxAhead && !far:
		*w = window{begun: true, next: (number + 1) & mask, seen: 1}
		return InOrder, 0
	case far:
		w.odd = (number + 1) & mask
		return Late, 0
	case ahead <= maxAhead:
		w.next, w.seen = (number+1)&mask, w.seen<<(ahead+1)|1
		if ahead > 0 {
			return Ahead, ahead
		}
		return InOrder, 0
	case behind < 64 && w.seen>>behind&1 == 0:
		w.seen |= 1 << behind
		return Late, 0
	}
	return Repeated, 0
}

// count takes note of a numbered data message.
func (n *Numbering) count(o Order, missing uint32) {
	n.Messages++
	n.Missing += uint64(missing)
	switch o {
	case Late:
		n.Late++
		n.Missing -= min(n.Missing, 1)
	case Repeated:
		n.Repeated++
	}
}
