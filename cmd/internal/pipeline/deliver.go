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
	for ; b.fed < len(b.records); b.fed++ {
		r := &b.records[b.fed]
		for _, g := range [...]*group{r.group, r.late, r.complete} {
			if g != nil && !g.isSettled() {
				return g, nil
			}
		}
		if g := r.group; g != nil {
			if g.withheld != nil {
				continue
			}
			if r.PartOf = g.frame; r.Merged() {
				r.Verdict, r.Reason = why.Clear, "" // with others it is right, whatever it was with some
			}
		} else if g := r.complete; g != nil && g.frame != 0 && g.frame != r.Number {
			r.onlyPart(g.frame)
		}
		p.account(r)
		for _, s := range p.sinks {
			if err := s.Record(r); err != nil {
				return nil, &SinkError{err}
			}
		}
	}
	return nil, nil
}

// account counts a record, and follows what it carries.
func (p *Pipeline) account(r *Record) {
	if r.flow != nil {
		r.again = r.flow.Count(&r.Plain, r.SA, r.err, r.Seq, r.SeqHigh)
	}
	p.unwrap.unwrap(r)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stats.add(r)
	if r.Payload.HasPPP {
		p.stats.Expansion = p.unwrap.expansion()
	}
	if r.Payload.Tunnel.Frame.Numbered {
		p.stats.Numbers = p.unwrap.numbers()
	}
}

func (p *Pipeline) flush() error {
	for _, s := range p.sinks {
		if err := s.Flush(); err != nil {
			return &SinkError{err}
		}
	}
	return nil
}
