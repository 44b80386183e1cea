package sessions

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"l2tpdump/cmd/internal/pipeline"
	"l2tpdump/l2tp/printable"
)

// Change is what happened to a session that goes on, or that it is over.
type Change struct {
	Kind    string         `json:"change"` // "up", "rekeyed", "loss", "lost", "ended", "failed"; "over": it is told of no more
	Time    seconds        `json:"ts"`
	UID     string         `json:"uid"`
	Orig    string         `json:"id.orig_h"`
	Resp    string         `json:"id.resp_h"`
	User    printable.Text `json:"user,omitempty"`
	Text    string         `json:"text"`
	Session *Facts         `json:"session,omitempty"` // once it is over
}

// Monitor is a [Gatherer] that tells what happens to sessions while it does.
type Monitor struct {
	*Gatherer
	lock    sync.Mutex // guards all: it is looked at while it is a sink
	tell    func(*Change) error
	touched []*Session // that are to be looked at
	looked  int64      // time
	err     error
}

// told is what a Monitor has told of a session.
type told struct {
	queued      bool // it is to be looked at
	up, ended   bool
	failed      string // step and ID of the cause
	agreed      int    // ESP SAs
	lossy       bool   // at the last look
	loss        uint64 // percent
	lost, total uint64 // ESP packets, up to the latest
	frame       uint64 // the last one that was judged
	silence     int64  // how long silence has to last to be judged again
	gone        bool   // the session is lost
	doubted     int64  // when it was judged for the silence of one side
	missed      int64  // when the packets proved that it is lost, for all that was seen
	samples     []sampled
}

// LookEvery is how often a Monitor looks what there is to tell.
const LookEvery = 250 * time.Millisecond

const (
	doubtEvery  = 2 * int64(LookEvery)    // a judgement costs more than a look
	silentAfter = int64(10 * time.Second) // a session that is not up, and has no packet for so long, may have failed
	silentLong  = 60 * silentAfter        // when that is looked at no more
	lossFrom    = 1                       // percent, told again when it has doubled
	lossOf      = 200                     // packets, before which nothing is said of losses
	lossWithin  = 5000                    // packets; losses before these are forgotten,
	lossNone    = 1000                    // and if fewer than one of these is lost, it is well again
)

// NewMonitor returns a sink that calls tell with each change, one at a time.
func NewMonitor(tell func(*Change) error) *Monitor {
	m := &Monitor{tell: tell}
	m.Gatherer = NewGatherer(m.over)
	return m
}

// Record takes a record.
func (m *Monitor) Record(r *pipeline.Record) error {
	m.lock.Lock()
	defer m.lock.Unlock()
	err := m.Gatherer.Record(r)
	if s := m.current; s != nil && s.element != nil {
		m.queue(s)
	}
	if now := r.Packet.Time; now-m.looked >= int64(LookEvery) || now < m.looked {
		m.look(now)
	}
	return cmp.Or(err, m.err)
}

// Flush tells what there is to tell: no record is at hand.
func (m *Monitor) Flush() error {
	m.lock.Lock()
	defer m.lock.Unlock()
	m.look(m.bounds[1].time)
	return m.err
}

// Tick tells what there is to tell at a time, in nanoseconds since the Unix epoch, where perhaps no
// packet comes any more. It is to be called every [LookEvery], from any goroutine. The next record
// or Flush returns its error.
func (m *Monitor) Tick(now int64) {
	m.lock.Lock()
	defer m.lock.Unlock()
	if m.passes(now) {
		m.look(now)
		m.clock.Tick(now)
		m.err = cmp.Or(m.err, m.expire())
	}
}

// passes takes note of a time up to which all was captured; it reports whether that is later than
// the last record.
func (m *Monitor) passes(now int64) bool {
	last := &m.bounds[1]
	if !last.seen() || now <= last.time {
		return false
	}
	last.time = now
	return true
}

// Close tells of all sessions that are left.
func (m *Monitor) Close() error {
	m.lock.Lock()
	defer m.lock.Unlock()
	return m.Gatherer.Close()
}

func (m *Monitor) queue(s *Session) {
	if !s.told.queued {
		s.told.queued = true
		m.touched = append(m.touched, s)
	}
}

// look looks at the sessions that had a packet since, and at those that may have failed in silence.
func (m *Monitor) look(now int64) {
	m.looked = now
	list := m.touched
	m.touched = nil
	for _, s := range list {
		if s.told.queued = false; s.element == nil {
			continue // it is over
		}
		if m.decide(s, now, false) && s.clear.seen() {
			m.queue(s) // nothing is said of it yet
			continue
		}
		if s.element == nil {
			continue
		}
		silence := now - s.last.time
		m.changes(s, silence >= silentAfter)
		mayFail := silence < silentAfter || s.told.failed == "" && silence < silentLong
		if !s.cameUp() && mayFail || m.missed(s) {
			m.queue(s)
		}
	}
}

// changes tells what is new of a session.
func (m *Monitor) changes(s *Session, silent bool) {
	t := &s.told
	wasUp := t.up
	switch {
	case !s.cameUp():
		m.failing(s, silent)
		return
	case !t.up:
		t.up, t.agreed = true, s.agreements
		m.say(s, "up", cmp.Or(s.up.time, s.last.time), s.upText()+s.about())
	}
	if s.agreements > t.agreed {
		t.agreed = s.agreements
		m.say(s, "rekeyed", s.last.time, "rekeyed: new ESP SAs, "+s.newestSPIs())
	}
	for _, x := range s.exchanges {
		if x.told || !s.isNew(x) {
			continue
		}
		if x.told = true; wasUp {
			m.say(s, "rekeyed", s.last.time, "rekeyed: a new ISAKMP SA")
		}
	}
	m.losses(s)
	if s.ended() && !t.ended {
		t.ended = true
		f := m.judgeNow(s)
		if f.State == Failed { // what looked up was of no use
			m.say(s, "failed", s.last.time, f.State.Headline(f.Step)+": "+s.causeText())
		}
		text := "ended"
		if f.ended {
			text = fmt.Sprintf("ended by the %s: %s", sideNames[f.endedBy], f.EndReason)
		}
		m.say(s, "ended", s.last.time, string(s.appendTraffic([]byte(text+"; "))))
	}
}

// isNew says that an ISAKMP SA is set up: phase 1 was completed and, where keys open any of the
// session, is opened by one.
func (s *Session) isNew(x *exchange) bool {
	return x.read() || (x.established() || x.lastOfPhase1() > 0) && !slices.ContainsFunc(s.exchanges, (*exchange).read)
}

// upText says how it came up.
func (s *Session) upText() string {
	switch {
	case !s.up.seen():
		return "looks up by its ESP, which no key opens"
	case s.inClear():
		return "came up, NOT ENCRYPTED, " + span64(s.lasted(s.up)) + " after its first packet"
	}
	return "came up " + span64(s.lasted(s.up)) + " after its first packet"
}

// failing tells that a session fails, where the packets prove it, or where its end or silence
// follows; and that it fails in another way later, where the packets prove that.
func (m *Monitor) failing(s *Session, silent bool) {
	t := &s.told
	silence := m.looked - s.last.time
	if t.frame != s.last.frame {
		t.silence = silentAfter
	} else if silence < t.silence {
		return
	}
	if silent {
		t.silence = 2 * silence
	}
	t.frame = s.last.frame
	f := m.judgeNow(s)
	proves := func(f *Finding) bool {
		if f.Proven && s.doubtful(f.Frames, m.looked) {
			t.frame = 0 // it is looked at again
			return false
		}
		return f.Proven
	}
	refused := func() bool {
		var r Finding
		return r.try(s, refusalRules) && proves(&r)
	}
	how := f.Step + " " + f.ID
	if f.State == Failed && how != t.failed && (silent && (t.failed == "" || f.Proven) || s.ended() && proves(f) || refused()) {
		t.failed = how
		m.say(s, "failed", s.last.time, f.State.Headline(f.Step)+": "+s.causeText())
	}
}

// doubtful says that of frames one is a message of IKE that the key of others does not open, or
// a notification in clear of just now: it may be a stranger's, and the right one still to come.
func (s *Session) doubtful(frames []uint64, now int64) bool {
	x := s.exchange()
	return x != nil && (x.read() && slices.ContainsFunc(x.unopened[:], func(u span) bool {
		return u.seen() && slices.Contains(frames, u.last.frame)
	}) || slices.ContainsFunc(x.notices, func(n notice) bool {
		return !n.encrypted && now-n.time < together && slices.Contains(frames, n.frame)
	}))
}

// missed tells that a session is lost: the packets prove that a side does not answer any more, and
// the answer to the last of those is overdue, too; and that the side is heard again. It reports
// whether to look again though no packet comes.
func (m *Monitor) missed(s *Session) bool {
	t, now := &s.told, m.looked
	_, silent := s.silence()
	switch {
	case !t.up || t.ended:
		return false
	case !silent && t.gone:
		m.say(s, "up", s.last.time, "goes on: both ends are heard again")
		fallthrough
	case !silent:
		t.gone, t.missed = false, 0
		return false
	case t.gone, t.missed == 0 && t.frame == s.last.frame:
		return false
	case now-t.doubted < doubtEvery, t.missed != 0 && now-t.missed < roundTrip:
		return true
	}
	t.doubted, t.frame = now, s.last.frame
	switch f := m.judgeNow(s); {
	case f.State != Lost || !f.Proven && !s.readable(): // what arrives is looked at, not half of a capture
		t.missed = 0
	case t.missed == 0:
		t.missed = s.last.time
	default:
		t.gone = true
		m.say(s, "lost", s.last.time, f.State.Headline(f.Step)+": "+s.causeText())
	}
	return t.missed != 0 && !t.gone
}

// losses tells that more than a percent of the latest packets of ESP are missing, at two looks.
func (m *Monitor) losses(s *Session) {
	t := &s.told
	missing := uint64(max(0, s.lost))
	total := missing + uint64(s.espPackets())
	lost, all := less(missing, t.lost), less(total, t.total)
	was, percent := t.lossy, uint64(0)
	if all >= lossOf {
		percent = lost * 100 / all
	}
	switch t.lossy = percent >= max(lossFrom, 2*t.loss); {
	case t.lossy && was:
		t.loss, t.lossy = percent, false
		m.say(s, "loss", s.last.time, fmt.Sprintf("%d %% of its ESP packets were lost: %d of %d", percent, lost, all))
	case !t.lossy && all >= lossWithin:
		if t.lost, t.total = missing, total; lost*lossNone < all {
			t.loss = 0
		}
	}
}

// judgeNow judges a session as if nothing of it came any more.
func (m *Monitor) judgeNow(s *Session) *Finding {
	m.prepare(s)
	s.finding = judge(s)
	return s.finding
}

// newestSPIs names the SPIs of the ESP SAs that were agreed on last.
func (s *Session) newestSPIs() string {
	var list []string
	var agreed int64
	for _, f := range s.assoc.flows {
		switch {
		case f.negotiated == nil || f.agreed.time < agreed:
			continue
		case f.agreed.time > agreed:
			list, agreed = list[:0], f.agreed.time
		}
		list = append(list, fmt.Sprintf("0x%08x", f.spi))
	}
	return strings.Join(list, " and ")
}

// about says who and how, as far as it is known.
func (s *Session) about() string {
	parts := s.pppParts(s.pppObject())
	if list := s.sas(); len(list) > 0 {
		parts = append(parts, string(s.appendSAs(nil, list)))
	}
	if len(parts) == 0 {
		return ""
	}
	return ": " + strings.Join(parts, "; ")
}

// over tells that a session is over.
func (m *Monitor) over(s *Session) error {
	m.changes(s, true)
	f := m.judgeNow(s)
	how := f.State.Headline(f.Step)
	if f.State == Up {
		how = "it was up"
	}
	text := "over: " + how
	if f.Cause != "" {
		text += ": " + s.causeText()
	}
	m.say(s, "over", s.last.time, text)
	return m.err
}

func (m *Monitor) say(s *Session, kind string, at int64, text string) {
	c := &Change{Kind: kind, Time: seconds(at), UID: s.UID, Orig: s.ends[client].Addr().String(),
		Resp: s.ends[server].Addr().String(), User: s.User(), Text: text}
	if kind == "over" {
		c.Session = s.Facts()
	}
	m.err = cmp.Or(m.err, m.tell(c))
}

// Line is the change for a person. The layout is of its time.
func (c *Change) Line(zone *time.Location, layout string) string {
	who := c.Orig + " > " + c.Resp
	if c.User != "" {
		who += " " + c.User.String()
	}
	return clock(int64(c.Time), zone, layout) + " " + who + ": " + c.Text
}
