package page

import (
	"fmt"
	"net"
	"strings"
	"time"

	"l2tpdump/cmd/internal/ladder"
	"l2tpdump/cmd/internal/sessions"
)

// row is a session in the list.
type row struct {
	Number     int
	Detailed   bool
	State      sessions.State
	Headline   string
	User       string
	From, To   string
	Start      string
	Duration   string
	Sent       [2]string // by the client and the server
	Bytes      [2]uint64
	Cause      string
	HasTraffic bool
}

func newRow(number int, s *sessions.Facts, zone *time.Location) row {
	return row{
		Number: number, State: s.State, Headline: s.State.Headline(s.Step), User: s.User.String(),
		From: s.OrigHost, To: s.RespHost,
		Start: clock(int64(s.Time), zone), Duration: seconds(s.Duration.Seconds()), Cause: shortened(s.Cause, 220),
		Sent: [2]string{volume(s.OrigBytes), volume(s.RespBytes)}, Bytes: [2]uint64{s.OrigBytes, s.RespBytes},
		HasTraffic: s.OrigPackets+s.RespPackets > 0,
	}
}

// session is a session in detail.
type session struct {
	row
	Facts    *sessions.Facts
	Proven   bool
	Evidence string
	Steps    []step
	Cards    []card
	Lanes    []ladder.Lane
	NAT      [2]bool
	Rungs    []rung
	Chart    *chart
	Talks    []talk
	Others   *talk
}

type step struct {
	Name, Class, Mark, Says string
}

// rung is a line of the ladder as the template shows it.
type rung struct {
	*ladder.Rung
	Class   string
	Time    string
	Tag     string // "IKE"
	Brief   string
	Body    string // what there is to open
	Rungs   []rung
	Verdict bool
}

// talk is a conversation.
type talk struct {
	Protocol string
	Side     string // on which it began
	From, To string
	Packets  [2]string
	Bytes    [2]string
	Share    int // of the largest one, in percent
}

// card is facts that belong together.
type card struct {
	Title string
	Facts []fact
}

type fact struct{ Name, Value string }

func (c *card) add(name, format string, args ...any) {
	if text := strings.TrimSpace(fmt.Sprintf(format, args...)); text != "" {
		c.Facts = append(c.Facts, fact{name, text})
	}
}

func newSession(number int, s *sessions.Facts, zone *time.Location) *session {
	v := &session{
		row: newRow(number, s, zone), Facts: s, Proven: s.CauseID == "" || s.Proven != nil && *s.Proven,
		Cards: cards(s, zone), Chart: newChart(s),
	}
	var frames []string
	for _, n := range s.Evidence {
		frames = append(frames, fmt.Sprint(n))
	}
	switch len(frames) {
	case 0:
	case 1:
		v.Evidence = "frame " + frames[0]
	default:
		v.Evidence = "frames " + strings.Join(frames, ", ")
	}
	for _, x := range ladder.Steps(s) {
		looks := steps[x.Outcome]
		looks.Name = x.Name
		v.Steps = append(v.Steps, looks)
	}
	l := ladder.New(s)
	v.Lanes = l.Lanes
	for i := 1; i < len(l.Lanes)-1; i++ {
		v.NAT[l.Lanes[i].Of] = true
	}
	for i := range l.Rungs {
		v.Rungs = append(v.Rungs, newRung(&l.Rungs[i], s, zone))
	}
	v.talks(s)
	return v
}

// steps are how steps look, by their outcome.
var steps = [...]step{
	ladder.Passed:    {"", "ok", "✔", "passed"},
	ladder.Stopped:   {"", "stop", "✖", "not passed"},
	ladder.Unreached: {"", "off", "·", "not reached"},
	ladder.Absent:    {"", "stop", "○", "not there"},
}

// tags are the words for the layers of messages.
var tags = map[string]string{"ike": "IKE", "l2tp": "L2TP", "ppp": "PPP", "icmp": "ICMP", "nat": "NAT"}

var kinds = [...]string{
	ladder.Message: "m", ladder.Fold: "fold", ladder.Mark: "mark", ladder.Lost: "gap", ladder.Verdict: "verdict",
}

var senders = [...]string{"client to server", "server to client", "from the network"}

func newRung(r *ladder.Rung, s *sessions.Facts, zone *time.Location) rung {
	const brief, whole = 64, 2000 // characters
	v := rung{
		Rung: r, Class: kinds[r.Kind] + " " + r.Layer, Time: sinceStart(r.Time), Tag: tags[r.Layer],
		Verdict: r.Kind == ladder.Verdict,
	}
	switch r.Kind {
	case ladder.Message:
		v.Class += [...]string{" c", " s", " o"}[r.From]
		v.Brief = shortened(ladder.Brief(r.Details), brief)
		v.Body = fmt.Sprintf("frame %d, %s, %s", r.Frame, clock(int64(s.Time)+r.Time, zone), senders[r.From])
		if r.Again {
			v.Body += ", a retransmission"
		}
		if r.Details != "" {
			v.Body += ": " + r.Details
		}
		if r.AVPs != "" {
			v.Body += "; " + r.AVPs
		}
		v.Body = shortened(v.Body, whole)
	case ladder.Fold, ladder.Lost:
		if r.Until-r.Time > 1e9 {
			v.Brief = fmt.Sprintf("until %.1f s", float64(r.Until)/1e9)
		}
	default:
		v.Brief = r.Details
	}
	for i := range r.Rungs {
		v.Rungs = append(v.Rungs, newRung(&r.Rungs[i], s, zone))
	}
	return v
}

// sinceStart prints seconds since the beginning of a session.
func sinceStart(t int64) string {
	if t >= 1000e9 {
		return fmt.Sprintf("%.1f", float64(t)/1e9)
	}
	return fmt.Sprintf("%.3f", float64(t)/1e9)
}

// shortened is the beginning of a text, up to a blank.
func shortened(text string, length int) string {
	r := []rune(text)
	if len(r) <= length {
		return text
	}
	text = string(r[:length])
	if i := strings.LastIndexByte(text, ' '); i > len(text)/2 {
		text = text[:i]
	}
	return strings.TrimRight(text, " ,;:") + "…"
}

// talks are the conversations.
func (v *session) talks(s *sessions.Facts) {
	end := func(host string, port *uint16) string {
		if port == nil {
			return host
		}
		return net.JoinHostPort(host, fmt.Sprint(*port))
	}
	for i := range s.Conversations {
		c := &s.Conversations[i]
		largest := s.Conversations[0].OrigBytes + s.Conversations[0].RespBytes
		v.Talks = append(v.Talks, talk{c.Protocol, ladder.Sides[c.Sender],
			end(c.OrigHost, c.OrigPort), end(c.RespHost, c.RespPort),
			bothGrouped(c.OrigPackets, c.RespPackets), bothGrouped(c.OrigBytes, c.RespBytes),
			int(100 * (c.OrigBytes + c.RespBytes) / max(largest, 1))})
	}
	if o := s.Others; o != nil {
		v.Others = &talk{Packets: bothGrouped(o.OrigPackets, o.RespPackets), Bytes: bothGrouped(o.OrigBytes, o.RespBytes)}
	}
}

func bothGrouped(a, b uint64) [2]string { return [2]string{grouped(a), grouped(b)} }

// clock prints a time of day with its date.
func clock(t int64, zone *time.Location) string {
	return time.Unix(0, t).In(zone).Format("2006-01-02 15:04:05.000")
}

// span prints the time from one to another.
func span(from, to int64, zone *time.Location) string {
	a, b := time.Unix(0, from).In(zone), time.Unix(0, to).In(zone)
	const date = "2006-01-02 15:04:05"
	end := b.Format(date)
	if a.Format(time.DateOnly) == b.Format(time.DateOnly) {
		end = b.Format("15:04:05")
	}
	return a.Format(date) + " to " + end + b.Format(" MST")
}
