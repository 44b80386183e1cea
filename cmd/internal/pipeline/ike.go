package pipeline

import (
	"maps"
	"net/netip"
	"strconv"

	"l2tpdump/cmd/internal/why"
	"l2tpdump/ikev1"
)

func (f *framer) isakmp(r *Record, data []byte, natt bool) {
	r.Kind, r.Marker = IKE, natt
	src, dst := r.Net.Ends()
	for _, m := range f.ike.Observe(&ikev1.Datagram{
		Src: src, Dst: dst, Time: f.clock.Now, Data: data, Truncated: r.Net.Truncated,
	}) {
		r.IKE = append(r.IKE, &Message{Message: m})
	}
	f.ikeFragments(r)
	f.learn(r.IKE)
	f.judgeIKE(r)
	if r.group != nil {
		f.join(r, r.group)
	} else {
		r.waits = f.holdsIKE && awaitsKey(r.Verdict)
	}
	if some, closed := gains(r); some && !r.waits {
		f.wait(r, closed)
	}
	f.retry(r.IKE)
}

// ikeFragments puts the fragments of one IKE message (payload 132) into a group.
func (f *framer) ikeFragments(r *Record) {
	for _, m := range r.IKE {
		if m.Reassembled == 0 && m.Fragment == nil {
			continue
		}
		key := *m.FragmentOf
		g := f.ikeGroups[key]
		if g == nil || g.isSettled() {
			if len(f.ikeGroups) >= maxIKEGroups {
				maps.DeleteFunc(f.ikeGroups, func(_ ikev1.FragmentKey, g *group) bool { return g.isSettled() })
			}
			if len(f.ikeGroups) >= maxIKEGroups {
				f.giveUpIKE()
			}
			g = newGroup(r.Packet.Time)
			f.ikeGroups[key] = g
		}
		if m.Reassembled == 0 {
			r.group = g
			return
		}
		if c := r.complete; c != nil {
			f.settle(c, 0) // fragments of IP, or of an earlier message in the datagram
		}
		g.open.Add(1)
		r.complete, r.Fragments = g, int(m.Reassembled)
	}
}

// giveUpIKE settles all IKE fragments that wait for more.
func (f *framer) giveUpIKE() {
	for _, g := range f.ikeGroups {
		f.settle(g, 0)
	}
	clear(f.ikeGroups)
}

// learn takes over what decrypted Quick Modes and DELETEs say of ESP.
func (f *framer) learn(messages []*Message) {
	f.admit()
	for _, m := range messages {
		for _, n := range m.Negotiated {
			f.table.AddNegotiated(n)
			f.learned = true
		}
		for _, spi := range m.Deleted {
			f.table.Delete(spi, netip.Addr{})
		}
	}
}

// judgeIKE asks why of each message, and gives the record the verdict of its worst.
func (f *framer) judgeIKE(r *Record) {
	rank := func(v why.Verdict) int {
		switch v {
		case why.Clear:
			return 0
		case why.Verified:
			return 1
		case why.Decrypted:
			return 2
		}
		return 3
	}
	r.Verdict, r.Reason = why.Clear, ""
	for _, m := range r.IKE {
		finding := why.Message(f.ike, m.Message)
		m.Verdict, m.Reason = finding.Verdict, finding.Reason()
		if m.SA != nil {
			m.Terms = termsOf(m.SA)
		}
		if rank(m.Verdict) >= rank(r.Verdict) {
			r.Verdict = m.Verdict
			if m.Reason != "" || !m.Verdict.Opened() {
				r.Reason = m.Reason
			}
		}
	}
	for _, m := range r.IKE {
		if n := int(m.Trailing); n > 0 {
			r.Reason = why.Join(r.Reason, strconv.Itoa(n)+" bytes behind the message")
		}
	}
}
