package pipeline

import "l2tpdump/esp"

// work is the second stage: it decrypts the ESP packets of a batch.
func (b *batch) work(x *esp.Inflater) {
	need := 0
	for i := range b.records {
		if b.records[i].SA != nil {
			need += len(b.records[i].esp) + esp.OpenOverhead
		}
	}
	if cap(b.plain) < need {
		b.plain = make([]byte, need+need/4)
	}
	b.plain = b.plain[:cap(b.plain)]
	at := 0
	for i := range b.records {
		r := &b.records[i]
		if r.SA == nil {
			continue
		}
		end := at + len(r.esp) + esp.OpenOverhead
		var err error
		r.Plain, err = r.SA.Open(b.plain[at:at:end], r.esp, r.seqHigh, r.cut)
		at = end
		r.judge(err)
		if Opened(r.Verdict) && r.Plain.NextHeader == esp.ProtocolIPComp {
			b.expand(r, x)
		}
	}
}

// expand replaces a compressed payload with what it holds. One that can't be expanded stays.
func (b *batch) expand(r *Record, x *esp.Inflater) {
	at := len(b.expanded)
	out, next, err := x.Expand(b.expanded, r.Plain.Data)
	if err != nil {
		return
	}
	b.expanded = out
	r.Plain.Data, r.Plain.NextHeader, r.Expanded = out[at:len(out):len(out)], next, true
}

// judge turns what Open said into the verdict, and settles the fragments of the datagram.
func (r *Record) judge(err error) {
	var reason string
	r.Verdict, reason = esp.VerdictOf(&r.Plain, err)
	if err != nil && r.Reason == "" {
		r.Reason = reason
	} else if err == nil {
		r.Reason = ""
	}
	if g := r.complete; g != nil {
		if Opened(r.Verdict) {
			g.settle(r.Number)
		} else {
			g.settle(0)
		}
	}
}
