package sessions_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"l2tpdump/capture"
	"l2tpdump/cmd/internal/pipeline"
	"l2tpdump/cmd/internal/sessions"
	"l2tpdump/keysrc"
)

// toldAt is a line of a Monitor, with the time at which it came.
type toldAt struct {
	kind string
	at   time.Time
}

// pipelineOf is one over the capture of a story, with its keys.
func pipelineOf(t *testing.T, s *story) *pipeline.Pipeline {
	t.Helper()
	file := filepath.Join(t.TempDir(), "outer.pcap")
	if err := os.WriteFile(file, s.pcap.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	src, err := capture.Open([]string{file})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { src.Close() })
	p := pipeline.New(pipeline.Config{Source: src, Workers: 1})
	for _, table := range s.tables {
		if table.Len() == 0 {
			continue
		}
		k, err := keysrc.Parse(table, "table", "")
		if err != nil {
			t.Fatal(err)
		}
		p.AddKeys(k)
	}
	return p
}

// monitored returns what a Monitor tells while the frames of a story come, and then for a minute in
// which none comes.
func monitored(t *testing.T, s *story) (list []toldAt) {
	t.Helper()
	p := pipelineOf(t, s)
	m := new(timed)
	m.Monitor = sessions.NewMonitor(func(c *sessions.Change) error {
		list = append(list, toldAt{c.Kind, time.Unix(0, m.now)})
		return nil
	})
	p.AddSink(m)
	if _, err := p.Run(context.Background()); err != nil {
		t.Fatal(err)
	}
	for range int(time.Minute / sessions.LookEvery) {
		m.now += int64(sessions.LookEvery)
		m.Tick(m.now)
	}
	return list
}

// TestLostInTime: that an end does not answer any more is told within a second of the moment at
// which the last of the answers that it owes was due, 8 s behind its question, whether or not other
// packets come; an answer before then has nothing told, and one behind it that the session goes on.
func TestLostInTime(t *testing.T) {
	const due = 8 * time.Second
	for name, q := range map[string]struct{ ask, answer func(s *story) }{
		"PPP echo": {
			func(s *story) { s.ppp(fromServer, lcp, packet(9, byte(s.out), 5, 6, 7, 8)) },
			func(s *story) { s.ppp(fromClient, lcp, packet(10, byte(s.out), 1, 2, 3, 4)) },
		},
		"dead peer detection": {
			func(s *story) { s.inform(fromServer, s.notify(1, 36136, 0, 0, 0, 7)) },
			func(s *story) { s.inform(fromClient, s.notify(1, 36137, 0, 0, 0, 7)) },
		},
		"L2TP Hello": {
			func(s *story) { s.control(fromServer, tunnelIDs[0], 0, avp(0, 0, 6)) },
			func(s *story) { s.control(fromClient, tunnelIDs[1], 0) },
		},
	} {
		for _, answered := range []time.Duration{0, due - time.Second, due + 2*time.Second} { // 0: never
			for _, busy := range []bool{false, true} {
				s := newStory("lost")
				s.connected()
				s.pings(3)
				for range 3 {
					s.wait(5 * time.Second)
					q.ask(s)
				}
				want, dueAt := "up lost", s.now.Add(due)
				for s.now.Before(dueAt.Add(answered - due)) {
					if s.wait(sessions.LookEvery); busy {
						s.arp()
					}
				}
				if answered > 0 {
					q.answer(s)
					want = "up"
				}
				if answered > due && busy {
					want = "up lost up"
				}
				list := monitored(t, s)
				var kinds []string
				for _, c := range list {
					kinds = append(kinds, c.kind)
					if late := c.at.Sub(dueAt); c.kind == "lost" && (late < 0 || late > time.Second) {
						t.Errorf("%s: told %v behind the moment", name, late)
					}
				}
				if got := strings.Join(kinds, " "); got != want {
					t.Errorf("%s, answered after %v, other packets %v: told %q, not %q", name, answered, busy, got, want)
				}
			}
		}
	}
}
