package sessions

import (
	"net/netip"
	"time"

	"l2tpdump/l2tp/printable"
)

// Standing is how a session stands that goes on, or that is over since a short while.
type Standing struct {
	State    State  // Partial: it is coming up, or it has ended
	Headline string // "up", "coming up", "FAILED at the login", "ended"
	Cause    string
	Client   netip.AddrPort // where it comes from now; port 0: it has none
	User     printable.Text
	Last     int64 // its last packet, nanoseconds since the Unix epoch, as all times here
	Up       int64 // since then users' packets can pass; 0: they can't, or it can't be read

	// Of the client and the server, over the last seconds: bits per second of the users' IP
	// packets, or if none was ever read, of ESP.
	Rates  [2]uint64
	Sealed bool // they are of ESP

	Packets, Lost uint64 // of ESP, over the last seconds; lost ones are counted in both

	Expires int64  // when the first of its keys that are in use has served its time; 0 not known
	Keys    string // which: "ESP" or "IKE"
}

// Times from which on nothing more is to be seen of a session, and how long the rates are of.
const (
	silentAlive  = int64(2 * time.Minute) // but that it is silent; keepalives come more often
	shownEnded   = int64(time.Minute)
	shownTrouble = int64(10 * time.Minute)
	rateOver     = 5 // samples
)

// sampled is what had passed at a time.
type sampled struct {
	time          int64
	bytes         [2]uint64
	packets, lost uint64
}

// Standings are the sessions as they stand now, but those that are over for a while. It is to be
// called about once a second, from any goroutine.
func (m *Monitor) Standings(now int64) []Standing {
	m.lock.Lock()
	defer m.lock.Unlock()
	m.passes(now)
	var list []Standing
	for e := m.held.Front(); e != nil; e = e.Next() {
		s := e.Value.(*Session)
		silent := now - s.last.time
		if silent >= shownTrouble && !s.cameUp() || silent >= shownEnded && s.ended() {
			continue
		}
		list = append(list, m.standing(s, now))
	}
	return list
}

func (m *Monitor) standing(s *Session, now int64) Standing {
	f := m.judgeNow(s)
	x := Standing{State: f.State, Headline: f.State.Headline(f.Step), Client: s.ends[client],
		User: s.User(), Last: s.last.time, Up: s.up.time}
	if s.moves > 0 {
		x.Client = s.move.to
	}
	silent := now - s.last.time
	switch {
	case !s.cameUp() && s.told.failed == "" && (f.State == Failed || silent < silentAfter):
		x.State, x.Headline = Partial, "coming up"
	case s.ended() && f.State == Up:
		x.State, x.Headline = Partial, "ended"
	case f.State == Lost && !s.ended() && !s.told.gone && silent < silentAfter, f.State == Partial && s.cameUp():
		x.State, x.Headline = Up, Up.Headline("")
	}
	if x.State == Up && silent >= silentAlive {
		x.Headline += ", silent"
	}
	if x.State != Up && x.State != Partial {
		x.Cause = f.Cause
	}
	if s.cameUp() && !s.ended() {
		x.Expires, x.Keys = s.expiry(now)
	}
	s.measure(&x, now)
	return x
}

// expiry is when the keys in use have served their time, those first for which that comes first:
// the newest of ESP, and those of IKE as long as they last, which need not be renewed.
func (s *Session) expiry(now int64) (at int64, of string) {
	var agreed int64
	for _, f := range s.assoc.flows {
		if n := f.negotiated; n != nil && n.LifeSeconds > 0 && f.agreed.time > agreed {
			agreed = f.agreed.time
			at, of = expiryOf(agreed, n.LifeSeconds), "ESP"
		}
	}
	if x := s.exchange(); x != nil && x.chosen.LifeSeconds > 0 && x.lastOfPhase1() > 0 {
		ike := expiryOf(x.messages[x.lastOfPhase1()].first.time, x.chosen.LifeSeconds)
		if ike > now && (at == 0 || ike < at) {
			return ike, "IKE"
		}
	}
	return at, of
}

// expiryOf is when keys have served their time, which the other end says.
func expiryOf(agreed int64, life uint64) int64 {
	const longest = 100 * 365 * 86400
	return agreed + int64(min(life, longest))*1e9
}

// measure compares what has passed with what had passed some calls before.
func (s *Session) measure(x *Standing, now int64) {
	n := sampled{time: now, bytes: s.users.bytes}
	if x.Sealed = s.users.packets == [2]uint64{}; x.Sealed {
		n.bytes = [2]uint64{s.protected[client].bytes, s.protected[server].bytes}
	}
	n.lost = uint64(max(0, s.lost))
	n.packets = n.lost + uint64(s.espPackets())
	was := n
	if len(s.told.samples) > 0 {
		was = s.told.samples[0]
	}
	if passed := uint64(max(0, now-was.time)); passed > 0 {
		for side := range x.Rates {
			x.Rates[side] = uint64(float64(less(n.bytes[side], was.bytes[side])) * 8e9 / float64(passed))
		}
		x.Packets, x.Lost = less(n.packets, was.packets), less(n.lost, was.lost)
	}
	s.told.samples = addTo(s.told.samples, n, rateOver)
}

// less is a count less what it was. It may have been more: packets that were taken for lost came
// late, or the client was taken for the server.
func less(n, was uint64) uint64 {
	if n < was {
		return 0
	}
	return n - was
}
