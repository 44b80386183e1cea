package yamaha

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"l2tpdump/esp"
	"l2tpdump/ikev1"
)

const (
	// A negotiation that did not go on for so long is dead.
	deadSeconds = 60
	deadLines   = 4000 // where the log has no times
	maxOpen     = 64   // negotiations at a time
)

// assembler makes secrets of the values of a log, which come in the order of time.
type assembler struct {
	out *output
	at  label // the last line with a time

	last  *exchange    // the phase 1 that took a value last
	spare *exchange    // one that was given out
	open  []*exchange  // those that wait for their SKEYID_e
	done  ikev1.Cookie // of the phase 1 that got its SKEYID_e last
	given int          // SKEYID_e values given out since more than one was open
	peer  netip.Addr   // of the phase 1 line since the last CKY-I
	peers int          // such lines with another address
	mixed bool         // more than one is open, and rows of their values are misplaced
	tear  tear         // a value that may lack rows
	run   run          // the phases 2 whose SPIs have not all come
}

// take takes one event. The data is not kept.
func (a *assembler) take(ev *event) {
	if ev.orphan {
		a.out.note(ev.whyLine, "rows of bytes below %q, where none belong: their label is missing", ev.kind)
	}
	if line := a.tear.watch(ev, len(a.open) > 1); line != 0 {
		ev.fail(misshapen, ev.line, fmt.Sprintf("its last row may belong to a value that was interrupted at line %d", line))
	}
	if ev.fault != whole {
		a.out.note(ev.whyLine, "%s: %s%s", ev.kind, ev.why, ev.elsewhere())
	} else if ev.doubt != "" {
		a.out.doubt(ev.line, "%s: %s", ev.kind, ev.doubt)
	}
	switch ev.kind {
	case unreadable:
		a.run.lost = a.run.lost || ev.fault != whole
	case phase1:
		a.endExchange()
		if ev.addr.IsValid() && ev.addr != a.peer {
			a.peer, a.peers = ev.addr, a.peers+1
		}
		a.out.Addresses(ev.local, ev.addr)
	case cookieI:
		a.cookieI(ev)
	case cookieR:
		if x := a.target(ev); x != nil && ev.fault == whole && !ev.unsure {
			copy(x.cookieR[:], ev.data)
		}
	case skeyid, skeyidD, skeyidA, skeyidE:
		a.skeyid(ev)
	case phase2:
		a.endExchange()
		a.giveUp(func(x *exchange) bool { // its rows do not come any more
			return x.vals[3].line != 0 && (!ev.addr.IsValid() || !x.peer.IsValid() || x.peer == ev.addr)
		})
		a.phase2(ev)
		a.out.Addresses(ev.local, ev.addr)
	case spi:
		a.endExchange()
		a.spi(ev)
	case espKey, authKey:
		a.material(ev)
	}
}

// elsewhere names the label's line where the trouble shows in another one.
func (ev *event) elsewhere() string {
	if ev.whyLine == ev.line {
		return ""
	}
	return fmt.Sprintf(" (value of line %d)", ev.line)
}

// dead reports whether what began at a can no longer go on at b.
func dead(a, b *label) bool {
	if a.timed && b.timed {
		return apart(a, b, deadSeconds)
	}
	return b.line-a.line > deadLines || a.line-b.line > deadLines
}

// cookieI begins a phase 1.
func (a *assembler) cookieI(ev *event) {
	a.endExchange()
	a.giveUp(func(x *exchange) bool { return dead(&x.start, &ev.label) })
	known := ev.fault == whole && !ev.unsure
	x := a.spare
	if x == nil {
		x = new(exchange)
	}
	a.spare = nil
	*x = exchange{start: ev.label, cookieLost: !known, torn: ev.fault == misshapen}
	if known {
		copy(x.cookieI[:], ev.data)
	}
	if a.peers == 1 {
		x.peer = a.peer
	}
	a.peer, a.peers = netip.Addr{}, 0
	a.last = x
	if known {
		for _, o := range a.open {
			if o.cookieI == x.cookieI { // the same again
				a.last = o
				for i := range o.vals {
					o.vals[i].again = true
				}
				return
			}
		}
		if a.done == x.cookieI && len(a.open) == 0 {
			return // logged again after its SKEYID_e; it may be that no other follows
		}
	}
	if len(a.open) == maxOpen {
		oldest := a.open[0]
		a.giveUp(func(x *exchange) bool { return x == oldest })
	}
	a.open = append(a.open, x)
}

// giveUp gives out those that wait for their SKEYID_e and will not get it.
func (a *assembler) giveUp(is func(*exchange) bool) {
	a.open = slices.DeleteFunc(a.open, func(x *exchange) bool {
		if !is(x) {
			return false
		}
		a.emit(x)
		if a.last == x {
			a.last = nil
		}
		return true
	})
	if len(a.open) < 2 {
		a.given = 0
	}
}

// target returns the phase 1 that a value belongs to, nil if it may be of several.
func (a *assembler) target(ev *event) *exchange {
	a.giveUp(func(x *exchange) bool { return dead(&x.start, &ev.label) })
	if len(a.open) < 2 {
		a.mixed = false
	} else if ev.fault == rowless || ev.fault == misshapen {
		a.mixed = true
	}
	switch x := a.last; {
	case x != nil && x.vals[3].line != 0 && ev.kind != skeyidE && len(a.open) > 0, len(a.open) > 1:
		return nil // in the first case it may be of the negotiation that has its SKEYID_e
	case len(a.open) == 1:
		a.last = a.open[0]
	}
	if x := a.last; x != nil && ev.kind.isSKEYID() && x.val(ev.kind).line != 0 && !x.val(ev.kind).again {
		// The same label again: a CKY-I between the two is missing.
		a.endExchange()
		a.giveUp(func(o *exchange) bool { return o == x })
		a.last = nil
	}
	if a.last == nil {
		a.last = &exchange{start: ev.label, cookieLost: true}
	}
	return a.last
}

func (a *assembler) skeyid(ev *event) {
	x := a.target(ev)
	if x == nil {
		a.ambiguous(ev)
		return
	}
	x.torn = x.torn || ev.fault == misshapen
	if ev.unsure {
		x.cookieI, x.cookieR, x.cookieLost = ikev1.Cookie{}, ikev1.Cookie{}, true
	}
	*x.val(ev.kind) = value{line: ev.line, key: esp.NewKey(ev.data), last: ev.last, doubt: ev.doubt != ""}
	if ev.kind == skeyidE && ev.fault != rowless {
		a.open = slices.DeleteFunc(a.open, func(o *exchange) bool { return o == x })
		a.done = x.cookieI
	}
}

// ambiguous takes a value that may belong to each of several negotiations.
func (a *assembler) ambiguous(ev *event) {
	var cookies []string
	for _, x := range a.open {
		if !x.cookieLost && len(cookies) < 4 {
			cookies = append(cookies, x.cookieI.String())
		}
	}
	whose := fmt.Sprintf("%s: %d negotiations run at once (CKY-I %s)", ev.kind, len(a.open), strings.Join(cookies, ", "))
	switch {
	case ev.fault != whole:
	case ev.kind != skeyidE || a.mixed:
		a.out.Note(ev.line, whose+", and it can't be told whose it is")
	default:
		if ev.last {
			whose += endDoubt
		} else if len(ev.data) == rowLen {
			whose += ", and one of its rows may be missing"
		}
		a.out.Doubt(ev.line, whose+": a capture of the connection shows whose it is")
		a.out.IKE(&ikev1.Secret{SKEYIDe: esp.NewKey(ev.data), Origin: a.out.origin(ev.line)})
	}
	if ev.kind != skeyidE {
		return
	}
	if a.given++; a.given >= len(a.open) {
		a.open, a.given, a.last = a.open[:0], 0, nil
	}
}

// endExchange gives out the phase 1 that has its SKEYID_e. One of which the rows are missing waits:
// they may still come, below a label of another negotiation.
func (a *assembler) endExchange() {
	if x := a.last; x != nil && x.vals[3].line != 0 {
		if !x.vals[3].key.IsZero() { // the other values are of no use alone
			a.emit(x)
			a.spare = x
		}
		a.last = nil
	}
}

// unfinished reports whether values of a negotiation are still to come.
func (a *assembler) unfinished() bool {
	return len(a.open) > 0 || a.peers > 0 || a.last != nil && a.last.vals[3].line == 0 || a.run.unfinished()
}

// end gives out all that has come.
func (a *assembler) end() {
	if x := a.last; x != nil && !slices.Contains(a.open, x) {
		a.emit(x)
	}
	a.giveUp(func(*exchange) bool { return true })
	a.last, a.peer, a.peers, a.tear = nil, netip.Addr{}, 0, tear{}
	a.endRun()
}
