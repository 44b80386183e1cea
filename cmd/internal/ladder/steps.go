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

// stair is a step, by what the word that sessions has for it begins with.
type stair struct {
	name  string
	word  string
	taken func(*sessions.Facts) bool // as far as the capture shows
}

var (
	ike     = stair{"IKE", "ike-", func(s *sessions.Facts) bool { return s.IKE != nil }}
	phase2  = stair{"phase 2", "quick", func(s *sessions.Facts) bool { return s.ESP != nil || s.Step == "esp" }}
	esp     = stair{"ESP", "esp", func(s *sessions.Facts) bool { return len(s.ESP) > 0 && s.ESP[0].Packets > 0 }}
	login   = stair{"login", "auth", hasLogin}
	traffic = stair{"traffic", "data", func(*sessions.Facts) bool { return true }}
)

// stairs are the steps of L2TP over IPsec in their order, xauthStairs those of IPsec with XAUTH.
var (
	stairs = []stair{ike, phase2, esp,
		{"tunnel", "l2tp-tunnel", func(s *sessions.Facts) bool { return s.L2TP != nil }},
		{"call", "l2tp-session", hasCall},
		{"LCP", "lcp", hasCall},
		login,
		{"compression", "ccp", func(*sessions.Facts) bool { return false }},
		{"IPCP", "ipcp", func(s *sessions.Facts) bool { return s.PPP != nil && s.Setup != nil }},
		traffic}
	xauthStairs = []stair{ike, login, phase2, esp, traffic}
)

func hasXAuth(s *sessions.Facts) bool { return s.IKE != nil && s.IKE.XAuth != nil }

func hasLogin(s *sessions.Facts) bool { return hasXAuth(s) || s.PPP != nil && s.PPP.Auth != "" }

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
		switch here := strings.HasPrefix(s.Step, x.word); {
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
