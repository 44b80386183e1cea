package salookup

// What the tests outside of the package look into.

// Bounds of the table.
const (
	MaxUnopened = maxUnopened
	MaxGone     = maxGone
	ForeignRun  = foreignRun
)

// NoSearches takes away what searches for the high half of sequence numbers may cost.
func (t *Table) NoSearches() { t.budget.searches = 0 }

// SetProbes sets how many probes may be tried.
func (t *Table) SetProbes(n int) { t.budget.probes = n }

// Probes returns how many SAs may still be tried between attempts, and how many the flow has.
func (t *Table) Probes(f *Flow) (left, own int) {
	if f.trying != nil && f.trying.ring != nil {
		own = len(f.trying.ring.sas)
	}
	return t.budget.probes, own
}

// Tries returns how many attempts there have been.
func (f *Flow) Tries() uint32 {
	if f.trying == nil {
		return 0
	}
	return f.trying.tries
}

// Deleted reports whether IKE deleted the flow's SA.
func (f *Flow) Deleted() bool { return f.deleted }

// Skip has the flow make no attempt for long.
func (f *Flow) Skip() {
	if f.trying != nil {
		f.trying.skip = 1 << 20
	}
}

// Resting returns how many flows rest.
func (t *Table) Resting() int { return t.kinds[resting].len }

// Len returns how many flows there are, and checks the lists against each other.
func (t *Table) Len() (n int, consistent bool) {
	chained, listed := 0, 0
	first := 0
	for spi, of := range t.bySPI.all() {
		if of == (ofSPI{}) {
			return 0, false
		}
		if of.flows != nil {
			first++
		}
		for f := of.flows; f != nil; f = f.next {
			if chained++; f.spi != spi || f.next != nil && f.next.prev != f {
				return 0, false
			}
		}
	}
	for k := range t.kinds {
		for f := t.kinds[k].newest; f != nil; f = f.older {
			if listed++; f.kind != kind(k) || f.older != nil && f.older.newer != f || (f.ring != nil) != (k != int(unopened)) {
				return 0, false
			}
		}
	}
	sum := 0
	for _, l := range t.kinds {
		sum += l.len
	}
	for k, f := range t.others {
		if f.key() != k || f.prev == nil {
			return 0, false
		}
	}
	return listed, chained == listed && first+len(t.others) == listed && sum == listed
}

// Gone returns how many accounts of flows that went are kept.
func (t *Table) Gone() int { return len(t.gone[0]) + len(t.gone[1]) }

// All returns how many secrets there are.
func (t *Table) All() int { return len(t.all) }

// AdmitOne is Admit of one packet.
func (t *Table) AdmitOne(h Header, p Packet, now int64) Admission {
	all := [1]Arrival{{Header: h, Packet: p, Time: now}}
	t.Admit(all[:])
	return all[0].Admission
}
