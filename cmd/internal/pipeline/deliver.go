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
	for b.fed < len(b.records) && stuck == nil && err == nil {
		from := b.fed
		stuck = p.follow(b)
		err = p.give(b.records[from:b.fed])
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

// follow follows what the next records of b carry, up to one that waits for a group. Many go
// through it, and then through each sink, as that is code which the processor keeps in its nearest
// cache; but packets that were expanded are valid only until the next record is followed.
func (p *Pipeline) follow(b *batch) (stuck *group) {
	for b.fed < len(b.records) {
		r := &b.records[b.fed]
		if stuck = r.unsettled(); stuck != nil {
			break
		}
		b.fed++
		if g := r.group; g != nil && g.withheld == nil {
			if r.PartOf = g.frame; r.Merged() {
				r.Verdict, r.Reason = why.Clear, "" // with others it is right, whatever it was with some
			}
		} else if g := r.complete; r.group == nil && g != nil && g.frame != 0 && g.frame != r.Number {
			r.onlyPart(g.frame)
		}
		if r.withheld() {
			continue
		}
		if r.flow != nil {
			r.Twice = r.flow.Count(&r.Plain, r.SA, r.err, r.Seq, r.SeqHigh)
			if r.Verdict.Opened() {
				r.flow.OpenedFrom(r.Net.Src)
			}
		}
		p.unwrap.unwrap(r)
		if len(r.Payload.Expansion.Packets) > 0 {
			break
		}
	}
	return stuck
}

// give gives records to the sinks. Where one fails, those behind it get no more than was before.
func (p *Pipeline) give(records []Record) (err error) {
	for _, s := range p.sinks {
		for i := range records {
			r := &records[i]
			if r.withheld() {
				continue
			}
			if e := s.Record(r); e != nil {
				records, err = records[:i], &SinkError{e}
				break
			}
		}
	}
	return err
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

// withheld reports whether the record is a fragment that comes again, with the frame that completed
// its datagram.
func (r *Record) withheld() bool { return r.group != nil && r.group.withheld != nil }

func (p *Pipeline) flush() error {
	for _, s := range p.sinks {
		if err := s.Flush(); err != nil {
			return &SinkError{err}
		}
	}
	return nil
}
