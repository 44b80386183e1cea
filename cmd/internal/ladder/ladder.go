// Package ladder makes of the messages of a session a ladder: a lane for each who sends, a rung for
// each message, in the order of time. What repeats is folded into one rung, and the step that was
// not passed is marked.
//
// A ladder is made of what sessions prints as JSON, and of nothing else.
package ladder

import (
	"fmt"
	"net/netip"
	"slices"

	"l2tpdump/cmd/internal/sessions"
)

// Kind is what a rung is.
type Kind int

// The kinds of rungs.
const (
	Message Kind = iota
	Fold         // messages that repeat what was there before, or keepalives
	Mark         // something that happened, and is no message
	Lost         // packets that did not come
	Verdict      // the step that was not passed, and why
)

// Rung is a line of a ladder.
type Rung struct {
	Kind     Kind
	Time     int64 // nanoseconds since the beginning of the session
	Until    int64 // of a Fold and of Lost: likewise
	Frame    uint64
	From     sessions.Side
	Layer    string // "ike", "l2tp", "ppp", "icmp", "nat"
	Name     string
	Details  string
	AVPs     string // of L2TP
	Again    bool   // a retransmission
	Evidence bool   // shows the cause of what went wrong
	Rungs    []Rung // of a Fold

	alive    keepalive
	answered bool // what a keepalive asks
}

// Lane is a vertical line: the client, the server, or a NAT between them.
type Lane struct {
	Title string        // "client", "NAT", "server"
	Label string        // an address, "" not known
	Of    sessions.Side // whose it is, or whose NAT
}

// Ladder is the messages of a session.
type Ladder struct {
	Lanes []Lane
	Rungs []Rung
}

// New makes the ladder of a session.
func New(s *sessions.Facts) *Ladder {
	l := &Ladder{Lanes: lanes(s)}
	start := int64(s.Time)
	rungs := make([]Rung, 0, len(s.Messages)+4)
	for i := range s.Messages {
		m := &s.Messages[i]
		r := Rung{Time: int64(m.Time) - start, Frame: m.Frame, From: m.Sender, Layer: m.Layer,
			Name: m.Name, Details: m.Details, AVPs: m.AVPs,
			Again: m.Retransmission, Evidence: troubled(s.State) && slices.Contains(s.Evidence, m.Frame)}
		if m.Sender == sessions.FromOther {
			r.Kind = Mark
		}
		if m.LeftOut > 0 {
			rungs = append(rungs, leftOut(m.LeftOut, r.Time, r.Frame))
		}
		rungs = append(rungs, r)
	}
	rungs = addMarks(rungs, s)
	answer(rungs)
	l.Rungs = foldRepeats(foldKeepalives(rungs))
	return l
}

func leftOut(n uint64, time int64, frame uint64) Rung {
	return Rung{Kind: Mark, Time: time, Frame: frame, Layer: "more", Name: fmt.Sprintf("%d messages are left out", n)}
}

// troubled says that evidence is of something wrong.
func troubled(s sessions.State) bool { return s != sessions.Up && s != sessions.Partial }

// lanes are those of a session.
func lanes(s *sessions.Facts) []Lane {
	// behind is the address that a side behind NAT gives itself.
	behind := func(side int) string {
		if s.IKE == nil {
			return ""
		}
		if a, err := netip.ParseAddr(string(s.IKE.Identities[side])); err == nil {
			return a.String()
		}
		return ""
	}
	end := func(title string, side sessions.Side, outside string) []Lane {
		if slices.Contains(s.NAT, side) {
			return []Lane{{title, behind(int(side)), side}, {"NAT", outside, side}}
		}
		return []Lane{{title, outside, side}}
	}
	list := end("server", sessions.FromServer, s.RespHost)
	slices.Reverse(list)
	return append(end("client", sessions.FromClient, s.OrigHost), list...)
}
