package ladder

import (
	"strings"

	"l2tpdump/cmd/internal/sessions"
)

// Outcome says how a step went.
type Outcome int

// The outcomes of a step.
const (
	Passed Outcome = iota
	Stopped
	Unreached
	Absent // it was not taken at all: L2TP without IPsec
)

// Step is one of those that lead to a connection.
type Step struct {
	Name    string
	Outcome Outcome
}

// stairs are the steps in their order, with the words of sessions for each.
var stairs = []struct {
	name  string
	words []string
	taken func(*sessions.Facts) bool // as far as the capture shows
}{
	{"IKE", []string{"ike-"}, func(s *sessions.Facts) bool { return s.IKE != nil }},
	{"phase 2", []string{"quick"}, func(s *sessions.Facts) bool { return s.IKE != nil }},
	{"ESP", []string{"esp"}, func(s *sessions.Facts) bool { return s.ESP != nil }},
	{"tunnel", []string{"l2tp-tunnel"}, hasL2TP},
	{"call", []string{"l2tp-session"}, hasCall},
	{"LCP", []string{"lcp"}, hasCall},
	{"login", []string{"auth"}, func(s *sessions.Facts) bool { return s.PPP != nil && s.PPP.Auth != "" }},
	{"compression", []string{"ccp"}, func(*sessions.Facts) bool { return false }},
	{"IPCP", []string{"ipcp"}, func(s *sessions.Facts) bool { return s.PPP != nil && s.Setup != nil }},
	{"traffic", []string{"data"}, func(*sessions.Facts) bool { return true }},
}

func hasL2TP(s *sessions.Facts) bool { return s.L2TP != nil }

func hasCall(s *sessions.Facts) bool { return s.L2TP != nil && s.L2TP.Session != nil }

// Steps are those of a session, up to the one that was not passed and on; nil where not enough was captured to tell.
func Steps(s *sessions.Facts) (list []Step) {
	if s.State == sessions.Partial || s.Step == "" {
		return nil
	}
	outcome := Passed
	for i := range stairs {
		x := &stairs[i]
		here := false
		for _, w := range x.words {
			here = here || strings.HasPrefix(s.Step, w)
		}
		switch {
		case here && s.State == sessions.Failed:
			list = append(list, Step{x.name, Stopped})
			outcome = Unreached
		case here && (s.State == sessions.Lost || s.State == sessions.Ill):
			list = append(list, Step{x.name, Stopped})
		case s.State == sessions.Clear && i < 3:
			list = append(list, Step{x.name, Absent})
		case outcome == Unreached && x.name != "compression", x.taken(s):
			list = append(list, Step{x.name, outcome})
		}
	}
	return list
}
