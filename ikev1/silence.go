package ikev1

import "cmp"

// silence is queues of SAs or exchanges that may be forgotten, silent for longest first: unopened,
// and opened.
type silence[T any] [2]queue[T]

type queue[T any] struct {
	head, tail *queued[T]
	len        int
}

// queued is the place of an SA or an exchange in a silence.
type queued[T any] struct {
	of             *T
	queue          *queue[T] // nil: none
	before, behind *queued[T]
}

func (s *silence[T]) len() int { return s[0].len + s[1].len }

// first is what is to be forgotten first, nil if there is nothing.
func (s *silence[T]) first() *queued[T] { return cmp.Or(s[0].head, s[1].head) }

// heard puts of, whose place it is, behind all others.
func (q *queued[T]) heard(in *silence[T], opened bool, of *T) {
	q.leave()
	to := &in[0]
	if opened {
		to = &in[1]
	}
	q.of, q.queue, q.before = of, to, to.tail
	if to.tail = q; q.before == nil {
		to.head = q
	} else {
		q.before.behind = q
	}
	to.len++
}

// leave takes it out, if it is in a queue.
func (q *queued[T]) leave() {
	if q.queue == nil {
		return
	}
	if q.before == nil {
		q.queue.head = q.behind
	} else {
		q.before.behind = q.behind
	}
	if q.behind == nil {
		q.queue.tail = q.before
	} else {
		q.behind.before = q.before
	}
	q.queue.len--
	*q = queued[T]{}
}

// touch notes that an exchange after phase 1 is not silent.
func (sa *SA) touch(ex *exchange) {
	ex.queued.heard(&sa.silent, ex.opened(), ex)
}

// drop forgets an exchange.
func (t *Tracker) drop(sa *SA, ex *exchange) {
	ex.queued.leave()
	delete(sa.exchanges, ex.key)
	t.exchanges--
}

// shrink forgets half of all exchanges, unopened and silent ones first.
func (t *Tracker) shrink() {
	for opened := range len(t.silent) {
		for i := range t.silent {
			for q := t.silent[i].head; q != nil; q = q.behind {
				for of := &q.of.silent[opened]; of.len > 0 && t.exchanges > maxExchanges/2; {
					t.drop(q.of, of.head.of)
				}
			}
		}
	}
}
