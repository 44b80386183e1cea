package sessions_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"l2tpdump/cmd/internal/sessions"
)

// inClear tells a part of a story without IPsec.
func (s *story) inClear(tell func()) {
	sas, numbers := s.sas, s.numbers
	s.sas = [2]sealing{}
	tell()
	s.sas, s.numbers = sas, numbers
}

// TestBesideIPsec: L2TP that comes up in clear behind the IKE of a session has a session of its
// own, where the keys prove that IPsec was agreed on; a Monitor, too, says of the one with IPsec
// nothing that is said in clear.
func TestBesideIPsec(t *testing.T) {
	dial := func(s *story) func() {
		return func() {
			s.tunnel()
			s.call()
			s.link(chapMSv2)
			s.login(3, "S=0123456789ABCDEF0123456789ABCDEF01234567 M=Access granted")
			s.addresses()
			s.pings(3)
		}
	}
	for _, c := range []struct {
		name, want string
		tell       func(s *story)
	}{
		{"before its ESP", "up, clear l2tp-in-clear", func(s *story) {
			s.secured()
			s.inClear(dial(s))
			dial(s)()
		}},
		{"before phase 1 is over", "up, clear l2tp-in-clear", func(s *story) {
			s.asked = func() { s.inClear(dial(s)) }
			s.connected()
			s.pings(3)
		}},
		{"and no ESP comes", "partial, clear l2tp-in-clear", func(s *story) {
			s.secured()
			s.inClear(dial(s))
			s.wait(20 * time.Second)
			s.arp()
		}},
	} {
		s := newStory(c.name)
		c.tell(s)
		p := pipelineOf(t, s)
		var list []report
		lines := make(map[string]string)
		m := sessions.NewMonitor(func(c *sessions.Change) error {
			lines[c.UID] += c.Text + "\n"
			if c.Kind == "over" {
				list = append(list, report{State: string(c.Session.State), CauseID: c.Session.CauseID, Clear: c.Session.ClearPackets})
				if said := strings.Contains(lines[c.UID], "NOT ENCRYPTED"); said != (c.Session.State == sessions.Clear) {
					t.Errorf("%s: told of a session that is %s:\n%s", s.name, c.Session.State, lines[c.UID])
				}
			}
			return nil
		})
		p.AddSink(m)
		if _, err := p.Run(context.Background()); err != nil {
			t.Fatal(err)
		}
		if err := m.Close(); err != nil {
			t.Fatal(err)
		}
		if got := states(list); got != c.want || list[0].Clear != 0 {
			t.Errorf("%s: %s, want %s; %d packets of the first in clear", c.name, got, c.want, list[0].Clear)
		}
	}
}
