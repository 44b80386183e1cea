package sessions_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"l2tpdump/capture"
	"l2tpdump/cmd/internal/pipeline"
	"l2tpdump/cmd/internal/sessions"
	"l2tpdump/keysrc"
)

// changes returns what a Monitor tells of a capture, and what a Gatherer says of its sessions.
func changes(t *testing.T, file string, keys ...string) (list []sessions.Change, facts []string) {
	t.Helper()
	src, err := capture.Open([]string{file})
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	p := pipeline.New(pipeline.Config{Source: src, Workers: 1})
	for _, k := range keys {
		s, err := keysrc.ParseFile(k, "")
		if err != nil {
			t.Fatal(err)
		}
		p.AddKeys(s)
	}
	m := sessions.NewMonitor(func(c *sessions.Change) error {
		list = append(list, *c)
		return nil
	})
	g := sessions.NewGatherer(func(s *sessions.Session) error {
		text, err := json.Marshal(s.Facts())
		facts = append(facts, string(text))
		return err
	})
	p.AddSink(m)
	p.AddSink(g)
	if _, err := p.Run(context.Background()); err != nil {
		t.Fatal(err)
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	if err := g.Close(); err != nil {
		t.Fatal(err)
	}
	return list, facts
}

// TestMonitor: the sessions of a Monitor are those of a Gatherer, each comes up before it is
// renewed or ends, what is well is never told to have failed, and what failed is told to.
func TestMonitor(t *testing.T) {
	files, _ := filepath.Glob("../../../testdata/captures/*/outer.pcap")
	bad, _ := filepath.Glob("../../../testdata/causes/*/outer.pcap")
	if len(files) < 20 {
		t.Fatalf("%d captures", len(files))
	}
	told := make(map[string]int)
	for _, f := range slices.Concat(files, bad) {
		for _, keys := range [][]string{nil, keySets(filepath.Dir(f))["tables"]} {
			list, facts := changes(t, f, keys...)
			var over []string
			up := make(map[string]bool)
			for _, c := range list {
				told[c.Kind]++
				switch c.Kind {
				case "up":
					if up[c.UID] {
						t.Errorf("%s: %s comes up twice", f, c.UID)
					}
					up[c.UID] = true
				case "rekeyed", "loss", "ended":
					if !up[c.UID] {
						t.Errorf("%s: %s before it came up: %s", f, c.UID, c.Text)
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
	for _, kind := range []string{"up", "rekeyed", "ended", "failed", "over"} {
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
