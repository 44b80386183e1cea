package keysrc

import (
	"bytes"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"l2tpdump/esp"
	"l2tpdump/ikev1"
)

// Negotiations that run at the same time mix their values in the log, and nothing in a value says whose it is.
// A value is given to a negotiation only where there is one that it can belong to; otherwise a SKEYID_e is given out without
// cookie, for the capture to show whose it is, and an SPI's keys without addresses, or as all pairs that are possible.

const (
	// A negotiation that did not go on for so long is dead.
	deadSeconds = 60
	deadLines   = 4000 // where the log has no times
	maxOpen     = 64   // negotiations at a time
)

// negotiation puts the values of a log together.
type negotiation struct {
	out *output

	group  *ikeGroup     // the phase 1 that took a value last
	spare  *ikeGroup     // one that was given out
	open   []*ikeGroup   // those with a CKY-I and no SKEYID_e
	done   ikev1.Cookie  // of the phase 1 that got its SKEYID_e last
	given  int           // SKEYID_e values given out since more than one was open
	peers  []netip.Addr  // of the phase 1 lines since the last CKY-I
	run    espRun        // the phases 2 whose SPIs have not all come
	mixed  bool          // more than one is open, and rows of their values are misplaced
	short  shortValue    // the last event is this value
	hinted [2]netip.Addr // given out last
	cut    *label        // the line of another negotiation that came right behind such a value
	before shortValue    // that value; its kind is labelNone if there are several
}

// shortValue is a value of a single row of 16 bytes.
type shortValue struct {
	kind labelKind // labelNone: there is none
	row  [rowLen]byte
}

// ikeGroup is the values of one phase 1.
type ikeGroup struct {
	start            label
	cookieI, cookieR ikev1.Cookie
	cookieLost       bool // CKY-I is damaged or not in the log
	keys             [4]esp.Key
	lines            [4]int  // of the labels; 0: has not come
	again            [4]bool // the CKY-I came once more since
	peer             netip.Addr
	last             int  // the place of the value that the log ends with, and may lack the rest of; -1: none
	shape            bool // rows of one of its values are missing or are of another
	dirty            bool
}

// take takes one event. The data is not kept.
func (n *negotiation) take(ev *event) {
	if ev.orphan {
		n.out.note(ev.whyLine, "rows of bytes below \""+ev.kind.String()+"\", where none belong: their label is missing")
	}
	if ev.kind.isValue() && !ev.ok {
		n.out.note(ev.whyLine, ev.kind.String()+": "+ev.why+damagedAt(ev))
	}
	n.watchCut(ev)
	if ev.doubt != "" {
		n.out.doubt(ev.line, ev.kind.String()+": "+ev.doubt)
	}
	switch ev.kind {
	case labelUnreadable:
		n.run.lost = n.run.lost || !ev.ok
	case labelPhase1:
		n.endGroup()
		if ev.addr.IsValid() && len(n.peers) < maxOpen {
			n.peers = appendNew(n.peers, []netip.Addr{ev.addr})
		}
		n.hint(ev)
	case labelCookieI:
		n.cookieI(ev)
	case labelCookieR:
		if g := n.target(ev); g != nil && ev.ok {
			copy(g.cookieR[:], ev.data)
			g.dirty = true
		}
	case labelSKEYID, labelSKEYIDd, labelSKEYIDa, labelSKEYIDe:
		n.skeyid(ev)
	case labelPhase2:
		n.endGroup()
		n.endRowless(ev.addr)
		n.phase2(ev)
		n.hint(ev)
	case labelSPI:
		n.endGroup()
		n.spi(ev)
	case labelKey, labelAuthKey:
		n.espKey(ev)
	}
}

// begins reports whether the row is the first of the value in ev.
func (s *shortValue) begins(ev *event) bool {
	return s.kind == ev.kind && bytes.HasPrefix(ev.data, s.row[:])
}

// watchCut looks for a negotiation that begins right behind a row of 16 bytes of another one's value: the rest of that value may come
// under the labels of the new one, so a value of more rows is not to be trusted until phase 2 begins, unless it begins with that row:
// then it is the same value again.
func (n *negotiation) watchCut(ev *event) {
	short := n.short
	n.short = shortValue{}
	switch {
	case ev.kind == labelPhase1 || ev.kind == labelCookieI || ev.kind.isSKEYID() && ev.kind == short.kind:
		if short.kind != labelNone {
			n.cutAt(&ev.label, short)
		}
	case ev.kind == labelPhase2:
		n.cut = nil
	}
	if !ev.kind.isSKEYID() || !ev.ok {
		return
	}
	switch {
	case len(ev.data) == rowLen:
		n.short = shortValue{ev.kind, [rowLen]byte(ev.data)}
		if len(n.open) > 1 {
			n.cutAt(&ev.label, n.short)
		}
	case n.cut == nil || dead(n.cut, &ev.label):
	case n.before.begins(ev): // the log begins again
		n.cut = nil
	default:
		n.out.note(ev.line, fmt.Sprintf("%s: its last row may belong to a value that was interrupted at line %d", ev.kind, n.cut.line))
		ev.ok, ev.shape, ev.data = false, true, nil
	}
}

// cutAt remembers that a value was interrupted.
func (n *negotiation) cutAt(where *label, before shortValue) {
	if n.cut != nil && n.before != before {
		before = shortValue{}
	}
	at := *where
	n.cut, n.before = &at, before
}

// damagedAt names the label's line where the trouble shows in another one.
func damagedAt(ev *event) string {
	if ev.whyLine == ev.line {
		return ""
	}
	return fmt.Sprintf(" (value of line %d)", ev.line)
}

// hint gives out the addresses of a line, but for those of the line before it.
func (n *negotiation) hint(ev *event) {
	if at := [2]netip.Addr{ev.addr, ev.local}; at != n.hinted {
		n.hinted = at
	} else {
		return
	}
	var h Hints
	if ev.addr.IsValid() {
		h.Peers = []netip.Addr{ev.addr}
	}
	if ev.local.IsValid() {
		h.Local = []netip.Addr{ev.local}
	}
	if h.Local != nil || h.Peers != nil {
		n.out.hints(h)
	}
}

// dead reports whether what began at a can no longer go on at b.
func dead(a, b *label) bool {
	if a.timed && b.timed {
		d := b.time - a.time
		return d > deadSeconds || d < -deadSeconds
	}
	return b.line-a.line > deadLines || a.line-b.line > deadLines
}

// expire gives up the negotiations that went no further.
func (n *negotiation) expire(now *label) {
	alive := n.open[:0]
	for _, g := range n.open {
		if dead(&g.start, now) {
			n.emitGroup(g)
			if n.group == g {
				n.group = nil
			}
			continue
		}
		alive = append(alive, g)
	}
	n.open = alive
	if len(n.open) < 2 {
		n.given = 0
	}
}

func (n *negotiation) cookieI(ev *event) {
	n.endGroup()
	n.expire(&ev.label)
	g := n.spare
	if n.spare = nil; g == nil {
		g = new(ikeGroup)
	}
	*g = ikeGroup{start: ev.label, cookieLost: !ev.ok, shape: ev.shape, last: -1}
	copy(g.cookieI[:], ev.data)
	if len(n.peers) == 1 {
		g.peer = n.peers[0]
	}
	n.peers = n.peers[:0]
	n.group = g
	if ev.ok {
		for _, o := range n.open {
			if o.cookieI == g.cookieI {
				n.group = o // the same again
				for i, line := range o.lines {
					o.again[i] = line != 0
				}
				return
			}
		}
		if n.done == g.cookieI && len(n.open) == 0 {
			return // logged again after its SKEYID_e; it may be that no other follows
		}
	}
	if len(n.open) == maxOpen {
		n.emitGroup(n.open[0])
		n.open = append(n.open[:0], n.open[1:]...)
	}
	n.open = append(n.open, g)
}

// target returns the phase 1 that a value belongs to, nil if it may be of several.
func (n *negotiation) target(ev *event) *ikeGroup {
	n.expire(&ev.label)
	if len(n.open) < 2 {
		n.mixed = false
	} else if ev.rowless || ev.shape {
		n.mixed = true
	}
	if g := n.group; g != nil && g.lines[3] != 0 && ev.kind != labelSKEYIDe && len(n.open) > 0 {
		return nil // it may be of the negotiation that has its SKEYID_e
	}
	switch len(n.open) {
	case 0:
	case 1:
		n.group = n.open[0]
	default:
		return nil
	}
	i := int(ev.kind) - int(labelSKEYID)
	if n.group != nil && i >= 0 && n.group.lines[i] != 0 && !n.group.again[i] {
		// The same label again: a CKY-I between the two is missing.
		n.endGroup()
		n.drop(n.group)
		n.group = nil
	}
	if n.group == nil {
		n.group = &ikeGroup{start: ev.label, cookieLost: true, last: -1}
	}
	return n.group
}

// drop gives out a group and forgets it.
func (n *negotiation) drop(g *ikeGroup) {
	if g == nil {
		return
	}
	n.emitGroup(g)
	n.settle(g)
}

// settle takes a group off the list of those that wait for their SKEYID_e.
func (n *negotiation) settle(g *ikeGroup) {
	for i, o := range n.open {
		if o == g {
			n.open = append(n.open[:i], n.open[i+1:]...)
			return
		}
	}
}

func (n *negotiation) skeyid(ev *event) {
	g := n.target(ev)
	if g == nil {
		n.ambiguous(ev)
		return
	}
	i := int(ev.kind - labelSKEYID)
	g.lines[i], g.again[i], g.keys[i] = ev.line, false, esp.Key{}
	g.shape = g.shape || ev.shape
	if ev.ok {
		g.keys[i] = esp.NewKey(ev.data)
		if g.last = -1; ev.last {
			g.last = i
		}
	}
	g.dirty = true
	if ev.kind == labelSKEYIDe && !ev.rowless {
		n.settle(g)
		n.done = g.cookieI
	}
}

// ambiguous takes a value that may belong to each of several negotiations.
func (n *negotiation) ambiguous(ev *event) {
	cookies := make([]string, 0, 4)
	for _, g := range n.open {
		if len(cookies) == cap(cookies) {
			cookies = append(cookies, "…")
			break
		}
		if !g.cookieLost {
			cookies = append(cookies, g.cookieI.String())
		}
	}
	whose := fmt.Sprintf("%d negotiations run at once (CKY-I %s)", len(n.open), strings.Join(cookies, ", "))
	if ev.kind != labelSKEYIDe || n.mixed {
		if ev.ok {
			n.out.note(ev.line, ev.kind.String()+": "+whose+", and it can't be told whose it is")
		}
	} else if ev.ok {
		if ev.last {
			whose += endDoubt
		} else if len(ev.data) == rowLen {
			whose += ", and one of its rows may be missing"
		}
		n.out.doubt(ev.line, "SKEYID_e: "+whose+": the capture has to show whose it is")
		n.out.ike(&ikev1.Secret{SKEYIDe: esp.NewKey(ev.data), Origin: n.out.origin(ev.line)})
	}
	if ev.kind != labelSKEYIDe {
		return
	}
	if n.given++; n.given >= len(n.open) {
		n.open, n.given, n.group = n.open[:0], 0, nil
	}
}

// endGroup gives out the phase 1 that has its SKEYID_e.
func (n *negotiation) endGroup() {
	if g := n.group; g != nil && g.lines[3] != 0 {
		if !g.keys[3].IsZero() {
			n.emitGroup(g)
		}
		n.group = nil
		if !slices.Contains(n.open, g) {
			n.spare = g
		}
	}
}

// endRowless gives up the phase 1 whose SKEYID_e has no rows: its phase 2 begins, so they do not come any more. Before that
// they may still come, below a label of another negotiation.
func (n *negotiation) endRowless(peer netip.Addr) {
	kept := n.open[:0]
	for _, g := range n.open {
		if g.lines[3] != 0 && (!peer.IsValid() || !g.peer.IsValid() || g.peer == peer) {
			n.emitGroup(g)
			if n.group == g {
				n.group = nil
			}
			continue
		}
		kept = append(kept, g)
	}
	n.open = kept
	if len(n.open) < 2 {
		n.given = 0
	}
}

// emitGroup gives out what is known of a phase 1.
func (n *negotiation) emitGroup(g *ikeGroup) {
	if g.lines[3] == 0 && !g.cookieLost {
		n.out.doubt(g.start.line, "CKY-I "+g.cookieI.String()+": no SKEYID_e follows: the negotiation failed, or lines are missing")
	}
	if !g.dirty {
		return
	}
	g.dirty = false
	keys, head := g.keys, false
	// SKEYID, SKEYID_d and SKEYID_a have the length of the hash; SKEYID_e too, but is logged up to 32 bytes.
	hash := n.hashLen(g, &keys)
	if e := keys[3].Len(); e != 0 {
		switch {
		case g.shape && (hash == 0 && e == rowLen || e > 32):
			n.out.note(g.lines[3], fmt.Sprintf("SKEYID_e: it has %s, and rows of the values before it are misplaced: one may be of another value", byteCount(e)))
			keys[3] = esp.Key{}
		case hash == 0:
			if e == rowLen {
				// Not marked as a head: the capture names the hash, and with it how long the value has to be.
				n.out.doubt(g.lines[3], "SKEYID_e: 16 bytes are all of it if the hash is MD5; else one of its two rows is missing")
			}
		case e == hash:
		case e == 32 && hash > 32:
			head = true
		case e == rowLen && hash == 20:
			// The row that is left has 16 bytes, so it is the first.
			head = true
			n.out.note(g.lines[3], "SKEYID_e: 16 of 20 bytes, its second row is missing")
		default:
			n.out.note(g.lines[3], fmt.Sprintf("SKEYID_e: it has %s where %d are expected from the other values: a line is missing", byteCount(e), min(hash, 32)))
			keys[3] = esp.Key{}
		}
	}
	if keys == [4]esp.Key{} {
		return
	}
	if i := g.last; i >= 0 && !keys[i].IsZero() && alone(&keys) {
		n.out.doubt(g.lines[i], labelNames[int(labelSKEYID)+i]+endDoubt)
	}
	line := 0
	for i := len(keys) - 1; i >= 0 && line == 0; i-- {
		if !keys[i].IsZero() {
			line = g.lines[i]
		}
	}
	if g.cookieLost {
		if keys[3].IsZero() {
			n.out.note(line, "no CKY-I and no SKEYID_e belong to this value: it is of no use")
			return
		}
		n.out.doubt(line, "SKEYID_e: its CKY-I is not in the log; the capture has to show whose it is")
	}
	s := n.out.newIKE()
	*s = ikev1.Secret{
		InitiatorCookie: g.cookieI, ResponderCookie: g.cookieR,
		SKEYID: keys[0], SKEYIDd: keys[1], SKEYIDa: keys[2], SKEYIDe: keys[3],
		SKEYIDeHead: head, Peer: g.peer, Origin: n.out.origin(line), Origins: n.origins(g, line),
	}
	n.out.ike(s)
}

// origins returns the places of a phase 1's values that are not at line.
func (n *negotiation) origins(g *ikeGroup, line int) map[string]esp.Origin {
	var places map[string]esp.Origin
	for i, name := range [...]string{"SKEYID", "SKEYID_d", "SKEYID_a", "SKEYID_e"} {
		if g.lines[i] == 0 || g.lines[i] == line || g.keys[i].IsZero() {
			continue
		}
		if places == nil {
			places = n.out.newOrigins(len(g.lines))
		}
		places[name] = n.out.origin(g.lines[i])
	}
	return places
}

// alone reports whether there is one value only, so that no other tells how long it has to be.
func alone(keys *[4]esp.Key) bool {
	n := 0
	for _, k := range keys {
		if !k.IsZero() {
			n++
		}
	}
	return n == 1
}

const endDoubt = ": no other line follows it in the log: the end of it may be missing"

// hashLen returns the length that SKEYID, SKEYID_d and SKEYID_a have in common, 0 if it is not known. One that
// differs has lost a line or swallowed another's and is left out.
func (n *negotiation) hashLen(g *ikeGroup, keys *[4]esp.Key) int {
	e := keys[3].Len()
	best, most, tie := 0, 0, false
	for _, size := range [...]int{16, 20, 32, 48, 64} {
		votes := 0
		for _, k := range keys[:3] {
			if k.Len() == size {
				votes += 2
			}
		}
		if votes > 0 && e != 0 {
			// SKEYID_e has a say too. One value against it is no more than it.
			if e == min(size, 32) || e == size {
				votes++
			} else if votes == 2 {
				votes--
			}
		}
		switch {
		case votes > most:
			best, most, tie = size, votes, false
		case votes == most:
			tie = true
		}
	}
	if most == 0 {
		return 0
	}
	if tie || most == 1 {
		best = 0
	}
	for i := range keys[:3] {
		if size := keys[i].Len(); size != 0 && size != best {
			n.out.note(g.lines[i], fmt.Sprintf("%s: it has %s, the other values of this negotiation another length: a line is missing",
				labelSKEYID+labelKind(i), byteCount(size)))
			keys[i], g.shape = esp.Key{}, true
		}
	}
	if best == 0 && e != 0 && e != rowLen {
		n.out.note(g.lines[3], fmt.Sprintf("SKEYID_e: it has %s, the other values of this negotiation another length: a line is missing", byteCount(e)))
		keys[3] = esp.Key{}
	}
	return best
}

// end gives out all that has come.
func (n *negotiation) end() {
	n.endGroup()
	for _, g := range n.open {
		n.emitGroup(g)
	}
	if n.group != nil && !slices.Contains(n.open, n.group) {
		n.emitGroup(n.group)
	}
	n.open, n.group, n.given, n.peers = n.open[:0], nil, 0, n.peers[:0]
	n.cut, n.short, n.before = nil, shortValue{}, shortValue{}
	n.endSAs()
}

// flush gives out what is whole. The open negotiations go on.
func (n *negotiation) flush() {
	if g := n.group; g != nil && g.lines[3] != 0 {
		n.emitGroup(g)
	}
	if r := &n.run; len(r.sas) > 0 && len(r.sas) >= 2*len(r.phase) && r.waiting == 0 {
		n.endSAs()
	}
}
