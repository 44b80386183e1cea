package pipeline

import "l2tpdump/cmd/internal/why"

const maxWrappings = 4 // frames inside each other

// unwrap takes the frame that r carries in its place, if it carries one, and reports whether it
// did. It is taken whatever it is, but not if it is broken: then what carries it stays as it is.
func (f *framer) unwrap(r *Record, depth int) (taken bool) {
	if depth == maxWrappings || r.Kind != Other || r.Verdict != why.Clear || r.Reason != "" {
		return false
	}
	w, ok := r.Net.Unwrap(r.Link, r.Data())
	if !ok {
		return false
	}
	outer := *r
	r.Link, r.Unwrapped, r.Whole, r.complete = w.Link, w.Data, nil, nil
	r.wrap(w.Name)
	inner := f.open(r, depth+1)
	if inner || r.Kind != Other || r.Verdict == why.Clear || r.Verdict == why.Truncated || len(w.More) > 0 {
		for _, frame := range w.More {
			f.more = append(f.more, further{w.Link, frame, func(r *Record, frame []byte) {
				r.wrap(w.Name)
				r.Unwrapped = frame
				f.open(r, depth+1)
			}})
		}
		if g := outer.complete; g != nil {
			f.settle(g, r.Number)
		}
		return true
	}
	f.opened(r)                                      // nothing stands for the fragments that it completed
	group, joins, waits := r.group, r.joins, r.waits // if the frame inside was a fragment, the fate of its datagram
	*r = outer
	r.group, r.joins, r.waits = group, joins, waits
	return false
}
