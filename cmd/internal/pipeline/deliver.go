package pipeline

import "l2tpdump/cmd/internal/why"

// deliver is the third stage: it gives the sinks what is ready of the batches, in order. It never
// waits: what is not ready is delivered by the goroutine that makes it so.
func (p *Pipeline) deliver() {
	for b := p.line.first(); b != nil; b = p.line.first() {
		stuck, err := p.feed(b)
		if err == nil && (stuck != nil || b.flush) {
			err = p.flush()
		}
		p.line.delivered(b, stuck, err)
	}
}

// feed gives the sinks the records of b that they do not have yet, up to one that waits for a
// group.
func (p *Pipeline) feed(b *batch) (stuck *group, err error) {
	first := b.fed
	for ; b.fed < len(b.records) && err == nil; b.fed++ {
		r := &b.records[b.fed]
		if stuck = r.unsettled(); stuck != nil {
			break
		}
		if g := r.group; g != nil && g.withheld == nil {
			if r.PartOf = g.frame; r.Merged() {
				r.Verdict, r.Reason = why.Clear, "" // with others it is right, whatever it was with some
			}
		} else if g := r.complete; r.group == nil && g != nil && g.frame != 0 && g.frame != r.Number {
			r.onlyPart(g.frame)
		}
		if !r.withheld() {
			err = p.give(r)
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range b.records[first:b.fed] {
		if r := &b.records[first+i]; !r.withheld() {
			p.stats.add(r)
		}
	}
	p.stats.Expansion, p.stats.Numbers = p.unwrap.expansion(), p.unwrap.numbers()
	return stuck, err
}

// unsettled returns the group that a record waits for, or nil.
func (r *Record) unsettled() *group {
	for _, g := range [...]*group{r.group, r.late, r.complete} {
		if g != nil && !g.isSettled() {
			return g
		}
	}
	return nil
}

// withheld reports whether the record is a fragment that comes again, with the frame that completed its
// datagram.
func (r *Record) withheld() bool { return r.group != nil && r.group.withheld != nil }

// give follows what a record carries, and gives it to the sinks.
func (p *Pipeline) give(r *Record) error {
	if r.flow != nil {
		r.again = r.flow.Count(&r.Plain, r.SA, r.err, r.Seq, r.SeqHigh)
	}
	p.unwrap.unwrap(r)
	for _, s := range p.sinks {
		if err := s.Record(r); err != nil {
			return &SinkError{err}
		}
	}
	return nil
}

func (p *Pipeline) flush() error {
	for _, s := range p.sinks {
		if err := s.Flush(); err != nil {
			return &SinkError{err}
		}
	}
	return nil
}
