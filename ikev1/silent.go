package ikev1

import "cmp"

// touch notes that an exchange after phase 1 is not silent.
func (sa *SA) touch(ex *exchange) {
	q := &sa.silent[0]
	if ex.opened() {
		q = &sa.silent[1]
	}
	if ex.inQueue == q {
		q.MoveToBack(ex.element)
		return
	}
	if ex.inQueue != nil {
		ex.inQueue.Remove(ex.element)
	}
	ex.inQueue, ex.element = q, q.PushBack(ex)
}

// dropOldest forgets the exchange of an SA that was silent for longest, one that no key has opened
// if there is any.
func (t *Tracker) dropOldest(sa *SA) {
	if e := cmp.Or(sa.silent[0].Front(), sa.silent[1].Front()); e != nil {
		t.drop(sa, e.Value.(*exchange))
	}
}

func (t *Tracker) drop(sa *SA, ex *exchange) {
	ex.inQueue.Remove(ex.element)
	ex.inQueue = nil
	delete(sa.exchanges, ex.key)
	t.exchanges--
}

// shrink makes room among all exchanges: half of each SA's go.
func (t *Tracker) shrink() {
	for _, sa := range t.sas {
		for n := (len(sa.exchanges) + 1) / 2; n > 0; n-- {
			t.dropOldest(sa)
		}
	}
}
