package sessions

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// State says in a word how a session went.
type State string

// The states of a session.
const (
	Up      State = "up"      // it came up, and ended orderly or not at all
	Ill     State = "ill"     // it came up, and works badly
	Lost    State = "lost"    // it came up, and a fault ended it
	Failed  State = "failed"  // it never came up
	Clear   State = "clear"   // it came up, or went on, without encryption
	Partial State = "partial" // the capture lacks its beginning or a direction, and no more can be said
)

// The steps of a session, in their order: the one that was not passed.
const (
	stepAggressive = "ike-aggr"
	stepQuick      = "quick"
	stepESP        = "esp"
	stepTunnel     = "l2tp-tunnel"
	stepCall       = "l2tp-session"
	stepLCP        = "lcp"
	stepAuth       = "auth"
	stepCCP        = "ccp"
	stepIPCP       = "ipcp"
	stepData       = "data"
)

// Finding is what is said of a session.
type Finding struct {
	State  State
	Step   string   // that was not passed; "data" where all were
	ID     string   // of the cause, "" none or not known
	Cause  string   // a sentence, "" none
	Cure   string   // what to do about it, mostly ""
	Proven bool     // the packets prove the cause; else it is what is typical of what they show
	Frames []uint64 // that show it

	Remarks []string // what else is worth knowing, and no fault

	EndReason string // "" if no end was seen
	ended     bool
	endedBy   int
	endedAt   place
}

// proof is what a rule says of a session that it applies to.
type proof struct {
	text   string // a sentence without its full stop
	proven bool
	frames []uint64
	step   string // where it is not that of the rule
}

// proven is what the packets prove, typical what they mostly mean. Both say so in a sentence, with
// the frames that show it.
func proven(frames []uint64, format string, args ...any) *proof {
	return found(true, frames, format, args...)
}

func typical(frames []uint64, format string, args ...any) *proof {
	return found(false, frames, format, args...)
}

func found(proven bool, frames []uint64, format string, args ...any) *proof {
	return &proof{text: fmt.Sprintf(format, args...), proven: proven, frames: frames}
}

// at says that another step was not passed than that of the rule.
func (p *proof) at(step string) *proof {
	p.step = step
	return p
}

// rule is a cause. Rules stand in tables, of which the first that applies is taken.
type rule struct {
	id    string // of the cause
	step  string // that was not passed
	state State
	cure  string
	test  func(*Session) *proof // nil: it does not apply
}

// judge says of a session how it went.
func judge(s *Session) *Finding {
	f := &Finding{State: Up, Step: stepData}
	f.end(s)
	lost, from, isHalved := s.halved()
	switch {
	case s.oneDirection():
		f.partial("only one direction of this connection was captured")
	case s.inClear() && s.cameUp():
		f.clear(s)
	case s.cameUp() && s.wentBare():
		f.bare(s)
	case s.cameUp() && s.isCut() && s.spoke == [2]int{}:
		f.partial(cutShort)
	case s.cameUp():
		if !isHalved && !f.try(s, upRules) {
			f.orderly(s)
		}
	case s.twin:
		f.partial("this connection was captured at two places, as in front of NAT and behind it: see the other")
	case f.try(s, refusalRules):
	case isHalved && !s.saidNo():
		f.partial(halfText(s, lost, from))
	case s.hidden && stopped(s) == nil && (s.call() == nil || s.call().cdn == nil):
		f.partial("IDs of the L2TP tunnel are hidden: without its secret nothing more can be said")
		f.Cure = "name a file with the tunnel's secret with --l2tp-secret-file"
	case s.beginsLate():
		f.partial("the beginning of this connection was not captured")
	case f.try(s, failureRules):
	case s.isCut():
		f.partial(cutShort)
	case s.holed(), s.call() != nil && !s.call().begun() && !s.v3:
		f.partial("packets of this connection are missing in the capture, and the others do not show whether it came up")
	case s.movedOut():
		f.partial("behind message 4 IKE goes on at UDP 4500, of which nothing was captured")
	case s.carriesFormer():
		f.partial("its SAs carry on the L2TP of the connection before, and none of its own")
	case s.unprotected():
		f.partial("IPsec was agreed on, and nothing that it protects was captured")
	case s.unclear():
		f.partial("without its keys the capture does not show whether this connection came up")
	case s.goes():
		const enough = 3 // tries: the next will go as those before did
		if e := s.tried(s.tries - 1); e == nil || !f.try(e, refusalRules) && !(s.tries >= enough &&
			f.try(e, failureRules)) {
			f.partial("the capture ends while this connection is being set up")
		}
	default:
		f.State, f.Step = Failed, s.step()
		f.unknown(s)
	}
	f.remarks(s)
	slices.Sort(f.Frames)
	f.Frames = slices.Compact(f.Frames)
	return f
}

const cutShort = "too little of each packet was captured to tell whether this connection came up"

// isCut says that packets of PPP which say how it went were not captured whole.
func (s *Session) isCut() bool {
	l := s.link()
	return l != nil && l.cut
}

// unknown says of a session that failed what is seen, where that does not show why.
func (f *Finding) unknown(s *Session) {
	c, r := &s.protected[client], &s.protected[server]
	if s.readable() || !c.seen() || !r.seen() {
		f.Cause = "it did not get beyond this step; the capture does not show why"
		return
	}
	f.Cause = fmt.Sprintf("IPsec came up, and was left after %d packets of the client and %d of the server: "+
		"L2TP or PPP came to nothing; the keys of the connection would show why",
		c.n, r.n)
	f.Frames = append(c.frames(), r.frames()...)
}

// stepNames are the steps in words.
var stepNames = map[string]string{
	stepAggressive: "aggressive mode of IKE", stepQuick: "Quick Mode of IKE", stepESP: "ESP",
	stepTunnel: "the L2TP tunnel", stepCall: "the L2TP session",
	stepLCP: "LCP", stepAuth: "the login", stepCCP: "CCP", stepIPCP: "IPCP",
}

// stepName is a step in words.
func stepName(step string) string {
	if n, ok := strings.CutPrefix(step, "ike-m"); ok {
		return "message " + n + " of IKE"
	}
	return stepNames[step]
}

// tried is the session as it was after some of its tries, nil if they were none.
func (s *Session) tried(n int) *Session {
	if n < 1 || n > len(s.exchanges) {
		return nil
	}
	e := &Session{
		assoc: s.assoc, ends: s.ends, exchanges: s.exchanges[:n], first: s.first, last: s.exchanges[n-1].last,
		bounds: s.bounds, others: s.others, psks: s.psks,
	}
	e.bounds[1].time += int64(time.Hour) // it was given up: nobody waits for an answer any more
	return e
}

// beginsLate says that what led to the state of the session at the beginning of the capture is not
// known.
func (s *Session) beginsLate() bool {
	c, x := s.call(), s.exchange()
	return s.late && (c == nil || !c.begun()) || s.isDialling() && x != nil && x.late
}

// try takes the first rule that applies.
func (f *Finding) try(s *Session, rules []rule) bool {
	for i := range rules {
		r := &rules[i]
		p := r.test(s)
		if p == nil {
			continue
		}
		f.State, f.Step, f.ID, f.Cure = r.state, r.step, r.id, r.cure
		f.Cause, f.Proven, f.Frames = p.text, p.proven, p.frames
		if p.step != "" {
			f.Step = p.step
		}
		return true
	}
	return false
}

func (f *Finding) partial(why string) {
	f.State, f.Cause, f.Proven, f.Step = Partial, why, true, ""
}

// ofIPsec says that a step is one of IKE or ESP.
func ofIPsec(step string) bool {
	return strings.HasPrefix(step, "ike-") || step == stepQuick || step == stepESP
}

// orderly says who ended a session that came up.
func (f *Finding) orderly(s *Session) {
	if !f.ended || f.endedBy == client || s.late || s.holes > 0 {
		return // of one that begins late nobody knows who is the client
	}
	for _, e := range s.endings() {
		if e.place == f.endedAt && (!e.control.HasResult || e.timedOut()) {
			return // why was not captured, or is a fault
		}
	}
	f.ID, f.Proven = "orderly-end", true
	f.Cause = s.name(server) + " ended the connection: " + f.EndReason
	for _, l := range s.links() {
		for _, t := range l.terms {
			f.Frames = append(f.Frames, t.frame)
		}
	}
	if t := s.tunnel(); t != nil && t.stop != nil && t.session == s {
		f.Frames = append(f.Frames, t.stop.frame)
	}
}

// end finds out who ended the session, and with which words: the first who did.
func (f *Finding) end(s *Session) {
	say := func(at place, by int, reason string) {
		if !at.seen() || f.ended && f.endedAt.frame <= at.frame {
			return
		}
		f.ended, f.endedBy, f.endedAt, f.EndReason = true, by, at, reason
	}
	for _, c := range s.calls {
		for _, t := range c.link.terms {
			text := "PPP Terminate-Request"
			if t.text != "" {
				text = "PPP " + t.text
			}
			say(t.place, t.sender, text)
		}
		if c.cdn != nil {
			say(c.cdn.place, c.cdn.sender, strings.TrimSpace("L2TP CDN "+c.cdn.control.Text))
		}
	}
	if t := s.tunnel(); t != nil && t.stop != nil && t.session == s {
		say(t.stop.place, t.stop.sender, strings.TrimSpace("L2TP StopCCN "+t.stop.control.Text))
	}
	if f.ended || s.followed() {
		return
	}
	if x := s.exchange(); x != nil {
		say(x.deleted[client], client, "IKE Delete")
		say(x.deleted[server], server, "IKE Delete")
	}
}

// links are the PPP links of the session.
func (s *Session) links() []*link {
	var list []*link
	for _, c := range s.calls {
		list = append(list, c.link)
	}
	return list
}

// inClear says that its L2TP came without IPsec.
func (s *Session) inClear() bool {
	t := s.tunnel()
	return s.clear.seen() && !s.assoc.opened && (t == nil || bool(t.clear))
}

// readable says that L2TP, or what else ESP carries, could be read.
func (s *Session) readable() bool {
	return s.assoc.opened || s.inClear() || s.up.seen()
}

// cameUp says that users' packets could pass: it is known where it can be read, and else it looks
// like that.
func (s *Session) cameUp() bool {
	if s.up.seen() {
		return true
	}
	return !s.readable() && s.looksUp()
}

// setupPackets is how many packets of ESP a side sends at most until PPP is up, or has come to
// nothing.
const setupPackets = 17

// looksUp says that the ESP of a session that can't be read is more than what is needed to set up
// L2TP and PPP, in both directions.
func (s *Session) looksUp() bool {
	const some = 3
	for side := range s.protected {
		if d := &s.protected[side]; d.n <= setupPackets || d.data < some {
			return false
		}
	}
	return true
}

// unprotected says that phase 2 was agreed on, and that neither ESP nor the beginning of L2TP was
// seen. The end of L2TP often comes in clear, behind that of its SAs.
func (s *Session) unprotected() bool {
	begun := func(t *tunnel) bool { return t.request.seen() || t.reply.seen() || t.connect.seen() }
	return s.agreed() && s.espPackets() == 0 && !slices.ContainsFunc(s.tunnels, begun)
}

// carriesFormer says that the ESP SAs which it agreed on carry what another session began.
func (s *Session) carriesFormer() bool {
	return slices.ContainsFunc(s.assoc.flows, func(f *flow) bool {
		return f.session != s && f.opened > 0 && slices.ContainsFunc(s.exchanges, func(x *exchange) bool {
			return slices.ContainsFunc(x.quicks, func(q *quick) bool { return slices.Contains(q.spis, f.spi) })
		})
	})
}

// agreed says that a phase 2 was agreed on.
func (s *Session) agreed() bool { return slices.ContainsFunc(s.exchanges, (*exchange).agreed) }

// movedOut says that IKE moved to UDP 4500, and that the capture may be of UDP 500 only.
func (s *Session) movedOut() bool {
	x := s.exchange()
	return x != nil && x.reached() == 4 && (x.natted[client] == natBehind || x.natted[server] == natBehind) &&
		s.others == 0
}

// unclear says that ESP that can't be read does not show whether the session came up.
func (s *Session) unclear() bool {
	return !s.readable() && (s.sent(client) > setupPackets || s.sent(server) > setupPackets+setupPackets/2)
}

// espPackets is how many packets of ESP of both sides were captured.
func (s *Session) espPackets() int { return s.protected[client].n + s.protected[server].n }

// lastESP is the time of the last of them.
func (s *Session) lastESP() int64 {
	return max(s.protected[client].last.time, s.protected[server].last.time)
}

// sent is how many packets of ESP a side sent, by their sequence numbers: also those that were not
// captured.
func (s *Session) sent(side int) int {
	n := s.protected[side].n
	for _, f := range s.flows {
		if f.sender == side {
			n += int(f.window.Missing())
		}
	}
	return n
}

// oneDirection says that a side is wholly absent although the other goes on as if it were there.
func (s *Session) oneDirection() bool {
	switch {
	case s.heard[client] == 0:
		return s.heard[server] > 0 && s.advances(server) && !s.refusedFor(client)
	case s.heard[server] == 0:
		return s.advances(client) && !s.refusedFor(server)
	}
	return false
}

// refusedFor says that a side, or the network in front of it, answered with ICMP.
func (s *Session) refusedFor(side int) bool {
	other, x := s.ends[1-side].Addr(), s.exchange()
	says := func(r *refusal) bool { return r.seen() && r.by != other }
	return says(s.icmp) || says(s.unserved) || x != nil && says(x.refused)
}

// advances says that a side does what it does only behind answers.
func (s *Session) advances(side int) bool {
	for _, x := range s.exchanges {
		if x.reached() >= 2 {
			return true
		}
	}
	d := &s.protected[side]
	return d.sizes > 1 || side == server && d.n > 0
}

// clientsWait is how long clients wait for an answer at most, in nanoseconds: Windows for all of
// IPsec and L2TP 35 s, pppd and racoon 30 s, xl2tpd 31 s.
const clientsWait = int64(35e9)

// goes says that the capture ends before anything can be said: something waits for its answer, and
// for no longer than clients wait.
func (s *Session) goes() bool {
	return !s.ended() && !s.parted() && !s.followed() && s.bounds[1].time-s.last.time < clientsWait
}

// waited says that something which was sent several times is not only still waiting when the
// capture ends: it was sent for as long as any responder keeps what is half open (charon 30 s,
// SoftEther 10 s), or no answer came for longer than clients wait, or the next time
// would have come. Senders wait at most twice as long as before (charon 1.8 times, pluto, xl2tpd
// and Windows 2).
func (s *Session) waited(sent *span) bool {
	const long, short = int64(30e9), int64(5e9)
	end := s.bounds[1].time
	return sent.lasted() >= long || end-sent.first.time >= clientsWait ||
		end-sent.last.time >= max(short, 2*(sent.last.time-sent.previous))
}

// step is the first that was not passed.
func (s *Session) step() string {
	l, t, c, x := s.link(), s.tunnel(), s.call(), s.exchange()
	switch {
	case l != nil && l.auth.accepted.seen(), l != nil && l.lcp.open() && l.demands[server] == "":
		return stepIPCP
	case l != nil && l.lcp.open():
		return stepAuth
	case c != nil && (c.connect.seen() || l.first[client].seen()):
		return stepLCP
	case t != nil && (t.connect.seen() || c != nil):
		return stepCall
	case s.readable() && t != nil:
		return stepTunnel
	case x != nil && x.agreed(), len(s.flows) > 0:
		return stepESP
	case x != nil && (x.established() || x.lastOfPhase1() > 0):
		return stepQuick
	case x != nil:
		return x.step()
	}
	return stepTunnel
}

// remarks says what is worth knowing of a session, and no fault of it.
func (f *Finding) remarks(s *Session) {
	if s.moves > 0 && s.move.followed {
		f.Remarks = append(f.Remarks,
			fmt.Sprintf("NAT gave the client another port or address (%d time%s), and the server followed",
				s.moves, plural(s.moves)))
	}
	if e := s.tried(s.tries - 1); e != nil && f.State != Failed {
		before := Finding{Cause: "it was not completed"}
		_ = before.try(e, refusalRules) || before.try(e, failureRules)
		f.Remarks = append(f.Remarks, fmt.Sprintf("try %d; the one before: %s", s.tries, before.Cause))
	}
	f.Remarks = append(f.Remarks, s.pskRemarks()...)
	for _, r := range remarkRules {
		if p := r.test(s); p != nil && (r.id == "" || f.ID != r.id) {
			f.Remarks = append(f.Remarks, p.text)
			if f.ID == "" && f.State == Up {
				f.ID, f.Proven, f.Frames = r.id, p.proven, p.frames
			}
		}
	}
}
