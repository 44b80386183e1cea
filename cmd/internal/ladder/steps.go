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

// stair is a step, by the words that sessions has for it.
type stair struct {
	name  string
	words []string
	taken func(*sessions.Facts) bool // as far as the capture shows
}

var (
	ike     = stair{"IKE", []string{"ike-"}, func(s *sessions.Facts) bool { return s.IKE != nil }}
	phase2  = stair{"phase 2", []string{"quick"}, func(s *sessions.Facts) bool { return s.ESP != nil || s.Step == "esp" }}
	esp     = stair{"ESP", []string{"esp"}, hasESP}
	login   = stair{"login", []string{"auth"}, hasLogin}
	traffic = stair{"traffic", []string{"data"}, func(*sessions.Facts) bool { return true }}
)

// stairs are the steps of L2TP over IPsec in their order, xauthStairs those of IPsec with XAUTH.
var (
	stairs = []stair{ike, phase2, esp,
		{"tunnel", []string{"l2tp-tunnel"}, hasL2TP},
		{"call", []string{"l2tp-session"}, hasCall},
		{"LCP", []string{"lcp"}, hasCall},
		login,
		{"compression", []string{"ccp"}, func(*sessions.Facts) bool { return false }},
		{"IPCP", []string{"ipcp"}, func(s *sessions.Facts) bool { return s.PPP != nil && s.Setup != nil }},
		traffic}
	xauthStairs = []stair{ike, login, phase2, esp, traffic}
)

// hasESP: there is a packet of it, beside what was agreed on.
func hasESP(s *sessions.Facts) bool { return len(s.ESP) > 0 && s.ESP[0].Packets > 0 }

func hasXAuth(s *sessions.Facts) bool { return s.IKE != nil && s.IKE.XAuth != nil }

func hasLogin(s *sessions.Facts) bool { return hasXAuth(s) || s.PPP != nil && s.PPP.Auth != "" }

func hasL2TP(s *sessions.Facts) bool { return s.L2TP != nil }

func hasCall(s *sessions.Facts) bool { return s.L2TP != nil && s.L2TP.Session != nil }

// Steps are those of a session, up to the one that was not passed and on; nil where not enough was
// captured to tell.
func Steps(s *sessions.Facts) (list []Step) {
	if s.State == sessions.Partial || s.Step == "" {
		return nil
	}
	outcome, all := Passed, stairs
	if hasXAuth(s) && s.L2TP == nil {
		all = xauthStairs
	}
	for i := range all {
		x := &all[i]
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
