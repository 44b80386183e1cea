package ikev1

import (
	"cmp"
	"container/list"
)

// silence is queues of what may be forgotten, silent for longest first: unopened, and opened.
type silence [2]list.List

func (s *silence) len() int { return s[0].Len() + s[1].Len() }

// first is what is to be forgotten first, nil if there is nothing.
func (s *silence) first() *list.Element { return cmp.Or(s[0].Front(), s[1].Front()) }

// queued is the place of an SA or an exchange in a silence.
type queued struct {
	queue   *list.List // nil: none
	element *list.Element
}

// heard puts v, whose place it is, behind all others.
func (q *queued) heard(in *silence, opened bool, v any) {
	to := &in[0]
	if opened {
		to = &in[1]
	}
	if q.queue == to {
		to.MoveToBack(q.element)
		return
	}
	if q.queue != nil {
		q.leave()
	}
	q.queue, q.element = to, to.PushBack(v)
}

// leave takes it out.
func (q *queued) leave() { q.queue.Remove(q.element) }

// touch notes that an exchange after phase 1 is not silent.
func (sa *SA) touch(ex *exchange) {
	ex.queued.heard(&sa.silent, ex.opened(), ex)
}

// drop forgets an exchange.
func (t *Tracker) drop(sa *SA, ex *exchange) {
	ex.queued.leave()
	ex.queued.queue = nil
	delete(sa.exchanges, ex.key)
	t.exchanges--
}

// shrink forgets half of all exchanges, unopened and silent ones first.
func (t *Tracker) shrink() {
	for opened := range len(t.silent) {
		for i := range t.silent {
			for e := t.silent[i].Front(); e != nil; e = e.Next() {
				sa := e.Value.(*SA)
				for of := &sa.silent[opened]; of.Len() > 0 && t.exchanges > maxExchanges/2; {
					t.drop(sa, of.Front().Value.(*exchange))
				}
			}
		}
	}
}
