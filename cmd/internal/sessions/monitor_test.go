package sessions_test

import (
	"context"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"l2tpdump/capture"
	"l2tpdump/cmd/internal/pipeline"
	"l2tpdump/cmd/internal/sessions"
)

// changes returns what a Monitor tells of a capture, and what a Gatherer says of its sessions.
func changes(t *testing.T, file string, keys ...string) (list []sessions.Change, facts []string) {
	t.Helper()
	src, err := capture.Open([]string{file})
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	p := newRun(t, pipeline.Config{Source: src, Workers: 1}, keys...)
	m := sessions.NewMonitor(func(c *sessions.Change) error {
		list = append(list, *c)
		return nil
	})
	g := sessions.NewGatherer(func(s *sessions.Session) error {
		text, err := json.Marshal(s.Facts())
		facts = append(facts, string(text))
		return err
	})
	m.KeepDetails()
	g.KeepDetails()
	p.AddSink(m)
	p.AddSink(&watcher{m: m, look: func(_ int64, list []sessions.Standing) { // which changes nothing
		for _, s := range list {
			if s.Headline == "" || !s.Client.IsValid() || s.Lost > s.Packets || s.Expires != 0 && s.Keys == "" {
				t.Errorf("%s: %+v", file, s)
			}
		}
	}})
	p.AddSink(g)
	finish(t, p, m, g)
	return list, facts
}

// TestMonitor: the sessions of a Monitor are those of a Gatherer, each comes up before it is
// renewed or ends, what is well is never told to have failed, and what failed is told to.
func TestMonitor(t *testing.T) {
	files, _ := filepath.Glob("../../../testdata/*/*/outer.pcap")
	if len(files) < 140 {
		t.Fatalf("%d captures", len(files))
	}
	told := make(map[string]int)
	for _, f := range append(files, "../../../testdata/day/outer.pcap") {
		for _, keys := range append(slices.Collect(maps.Values(keySets(filepath.Dir(f)))), nil) {
			list, facts := changes(t, f, keys...)
			var over []string
			up, lost := make(map[string]bool), make(map[string]bool)
			for _, c := range list {
				told[c.Kind]++
				switch c.Kind {
				case "up":
					if up[c.UID] && !lost[c.UID] {
						t.Errorf("%s: %s comes up twice", f, c.UID)
					}
					up[c.UID], lost[c.UID] = true, false
				case "rekeyed", "loss", "ended":
					if !up[c.UID] {
						t.Errorf("%s: %s before it came up: %s", f, c.UID, c.Text)
					}
				case "lost":
					lost[c.UID] = true
					if !slices.ContainsFunc(facts, func(s string) bool {
						return strings.Contains(s, `"uid":"`+c.UID+`"`) && strings.Contains(s, `"state":"lost"`)
					}) {
						t.Errorf("%s: %s is not lost: %s", f, c.UID, c.Text)
					}
				case "failed":
					if !strings.Contains(strings.Join(facts, "\n"), `"uid":"`+c.UID+`"`) ||
						slices.ContainsFunc(facts, func(s string) bool {
							return strings.Contains(s, `"uid":"`+c.UID+`"`) && strings.Contains(s, `"state":"up"`)
						}) {
						t.Errorf("%s: %s is well: %s", f, c.UID, c.Text)
					}
				case "over":
					text, err := json.Marshal(c.Session)
					if err != nil {
						t.Fatal(err)
					}
					over = append(over, string(text))
				}
			}
			if !slices.Equal(over, facts) {
				t.Errorf("%s, keys %v: told\n%s\nand they are\n%s", f, keys, strings.Join(over, "\n"), strings.Join(facts, "\n"))
			}
		}
	}
	for _, kind := range []string{"up", "rekeyed", "lost", "ended", "failed", "over"} {
		if told[kind] == 0 {
			t.Errorf("none is told to have %s: %v", kind, told)
		}
	}
	t.Log(told)
}

// TestMonitorFailsAgain: a session that is told to have failed, and then fails in another way, is
// told to have failed twice, and no more often.
func TestMonitorFailsAgain(t *testing.T) {
	s := newStory("fails-again")
	s.phase1()
	s.isakmp(fromClient, quickMode, 7, true, hashed("quick"), s.phase2SA(fromClient), payload{plNonce, pseudo(20, "nonce")},
		identity(s.ends[0].Addr(), 17, 1701), identity(s.ends[1].Addr(), 17, 1701))
	s.inform(fromServer, s.notify(3, 14))
	s.wait(3 * time.Second)
	s.arp()
	s.quick(1701)
	s.tunnel()
	s.call()
	s.link(chapMSv2)
	s.login(4, "E=691 R=0 C=00112233445566778899AABBCCDDEEFF V=3 M=no")
	s.wait(time.Second)
	s.arp()
	s.terminate(fromServer, "Authentication failed")
	s.leave(fromClient)
	s.wait(time.Minute)
	s.arp()
	dir := t.TempDir()
	files := []string{filepath.Join(dir, "outer.pcap"), filepath.Join(dir, "esp_sa"),
		filepath.Join(dir, "ikev1_decryption_table")}
	for i, b := range [][]byte{s.pcap.Bytes(), s.tables["esp_sa"].Bytes(), s.tables["ikev1_decryption_table"].Bytes()} {
		if err := os.WriteFile(files[i], b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	list, _ := changes(t, files[0], files[1:]...)
	var told []string
	for _, c := range list {
		if c.Kind == "failed" {
			text, _, _ := strings.Cut(c.Text, ":")
			told = append(told, text)
		}
	}
	if want := []string{"FAILED at Quick Mode of IKE", "FAILED at the login"}; !slices.Equal(told, want) {
		t.Errorf("told %q, not %q: %v", told, want, list)
	}
}

// watcher looks at the sessions of a Monitor behind each record.
type watcher struct {
	m    *sessions.Monitor
	look func(now int64, list []sessions.Standing)
	last int64
}

func (w *watcher) Flush() error { return nil }

func (w *watcher) Record(r *pipeline.Record) error {
	if now := r.Packet.Time; now-w.last >= int64(time.Second) {
		w.last = now
		w.look(now, w.m.Standings(now))
	}
	return nil
}

// TestStandings: how a session stands while it goes on: it comes up, its rates times their spans
// are what it carries, its keys are renewed before they have served their time, and it ends.
func TestStandings(t *testing.T) {
	dir := "../../../testdata/captures/06-pfs-rekey-dpd/"
	src, err := capture.Open([]string{dir + "outer.pcap"})
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	p := newRun(t, pipeline.Config{Source: src, Workers: 1}, dir+"router-full.log", dir+"keys/esp_sa")
	var facts *sessions.Facts
	m := sessions.NewMonitor(func(c *sessions.Change) error {
		if c.Session != nil {
			facts = c.Session
		}
		return nil
	})
	var words []string
	var sent, got float64
	var packets uint64
	w := &watcher{m: m, look: func(now int64, list []sessions.Standing) {
		if len(list) == 0 {
			return
		}
		s := list[0]
		if len(words) == 0 || words[len(words)-1] != s.Headline {
			words = append(words, s.Headline)
		}
		sent, got, packets = max(sent, float64(s.Rates[0])), max(got, float64(s.Rates[1])), max(packets, s.Packets)
		if s.Headline == "up" && (s.Expires <= now || s.Expires > now+110e9 || s.Up == 0 || s.User != "alice" || s.Client.String() != "203.0.113.10:500") {
			t.Errorf("%+v, now %d", s, now)
		}
		if s.Cause != "" || s.Sealed && s.Up != 0 || s.Lost > 0 {
			t.Errorf("%+v", s)
		}
	}}
	p.AddSink(m)
	p.AddSink(w)
	finish(t, p, m)
	if got := strings.Join(words, ", "); got != "coming up, up, ended" {
		t.Error(got)
	}
	seconds := facts.Duration.Seconds()
	if sent < float64(8*facts.OrigBytes)/seconds || got < float64(8*facts.RespBytes)/seconds || packets == 0 {
		t.Errorf("at most %.0f and %.0f bit/s, and on average more: %d and %d bytes in %.0f s", sent, got, facts.OrigBytes, facts.RespBytes, seconds)
	}
}

// TestTick: silence is told when it has lasted, though no packet comes any more, and a session
// without a packet for an hour is over.
func TestTick(t *testing.T) {
	s := newStory("silent")
	s.begin()
	for range 4 {
		s.isakmp(fromClient, mainMode, 0, false, phase1SA(preShared, 28800))
		s.wait(2 * time.Second)
	}
	var told []string
	m := sessions.NewMonitor(func(c *sessions.Change) error {
		told = append(told, c.Kind)
		return nil
	})
	p := pipelineOf(t, s)
	p.AddSink(m)
	if _, err := p.Run(context.Background()); err != nil {
		t.Fatal(err)
	}
	passed := time.Duration(0)
	for _, c := range []struct {
		after time.Duration
		want  string
	}{{time.Second, ""}, {time.Minute, "failed"}, {2 * time.Minute, "failed"}, {2 * time.Hour, "failed over"}} {
		for ; passed <= c.after; passed += sessions.LookEvery {
			m.Tick(s.now.Add(passed).UnixNano())
		}
		if got := strings.Join(told, " "); got != c.want {
			t.Errorf("after %v it was told %q, not %q", c.after, got, c.want)
		}
	}
}

// TestMonitorTellsAtOnce: what failed is told before the next connection comes up, once for each
// step that was not passed, and not of a Quick Mode that follows a refused one.
func TestMonitorTellsAtOnce(t *testing.T) {
	const day = "../../../testdata/day/"
	list, _ := changes(t, day+"outer.pcap", day+"router-full.log")
	var told []string
	for _, c := range list {
		if c.Kind == "up" {
			break
		}
		how, _, _ := strings.Cut(c.Text, ":")
		told = append(told, how)
	}
	if last := list[len(list)-1].Text; last != "over: it was up" {
		t.Error(last)
	}
	want := []string{"FAILED at message 5 of IKE", "FAILED at message 1 of IKE", "FAILED at Quick Mode of IKE", "FAILED at the login"}
	if !slices.Equal(told, want) {
		t.Errorf("%q", told)
	}
}
