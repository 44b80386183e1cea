package sessions

import (
	"slices"

	"l2tpdump/cmd/internal/pipeline"
	"l2tpdump/ikev1"
)

// quick is a Quick Mode.
type quick struct {
	id        uint32
	sender    int     // who began it
	messages  [4]span // by their number
	offer     string  // the first, its mode and its group
	mode      string
	group     string
	ids       [2][]ikev1.Identity // of messages 1 and 2
	completed bool
	spis      []uint32
	life      uint64
}

func (x *exchange) quickMode(m *pipeline.Message, side int, at place) {
	q := x.quick(m.Header.MessageID)
	if q == nil {
		if len(x.quicks) == maxQuicks {
			x.quicks = slices.Delete(x.quicks, 1, 2) // the first says how it began
		}
		sender := side
		if m.Number == 2 {
			sender = 1 - side
		}
		q = &quick{id: m.Header.MessageID, sender: sender}
		x.quicks = append(x.quicks, q)
	}
	x.bare = x.bare || !m.Encrypted
	if m.Number > 0 && m.Number < len(q.messages) {
		q.messages[m.Number].add(at)
		q.completed = q.completed || m.Number == 3
	}
	if m.Number == 1 {
		if offers := m.Offers(); len(offers) > 0 {
			q.offer, q.mode, q.group = offers[0].Text, offers[0].Mode, offers[0].Group
		}
	}
	if m.Number == 1 || m.Number == 2 {
		if ids := m.Identities(); ids != nil {
			q.ids[m.Number-1] = ids
		}
	}
	for _, n := range m.Negotiated {
		q.life = n.LifeSeconds
		if len(q.spis) < 4 {
			q.spis = append(q.spis, n.SPI)
		}
	}
}

// quick finds a Quick Mode by its message ID; nil: there is none.
func (x *exchange) quick(id uint32) *quick {
	return lastOf(x.quicks, func(q *quick) bool { return q.id == id })
}

// completed says that message 3 of a Quick Mode was seen.
func (x *exchange) completed() bool {
	return slices.ContainsFunc(x.quicks, func(q *quick) bool { return q.completed })
}

// agreed says that a Quick Mode was completed, or what it agrees on was read.
func (x *exchange) agreed() bool {
	return slices.ContainsFunc(x.quicks, (*quick).agreed)
}

func (q *quick) agreed() bool { return q.completed || len(q.spis) > 0 }
