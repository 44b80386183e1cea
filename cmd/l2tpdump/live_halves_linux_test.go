package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// half returns the lines of a router's log that hold the cookies, and one value of phase 1 beside
// them.
func half(t *testing.T, log, value string) string {
	t.Helper()
	text, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	var kept strings.Builder
	keep := false
	for line := range strings.Lines(string(text)) {
		_, label, _ := strings.Cut(strings.TrimSpace(line), "[IKE] ")
		if !strings.HasPrefix(label, " ") { // a row of a value keeps the company of its label
			keep = strings.HasPrefix(label, "CKY-") || label == value
		}
		if keep {
			kept.WriteString(line)
		}
	}
	return kept.String()
}

// TestLiveHalves: one log has SKEYID_e, another SKEYID_d. Whichever is written first, before,
// within or after the Quick Mode and the first packets: what is written is what decrypt writes with
// both.
func TestLiveHalves(t *testing.T) {
	t.Parallel()
	const name = "02-natt-aes256-sha1"
	l := newLab(t)
	all, _, _ := captureOf(t, name)
	all = l.filtered(all)
	full := filepath.Join(captures, name, "router-full.log")
	early, late := half(t, full, "SKEYID_e"), half(t, full, "SKEYID_d")
	both := l.path("both.log")
	if err := os.WriteFile(both, []byte(early+late), 0o644); err != nil {
		t.Fatal(err)
	}
	want := l.offline(all, both)
	const afterQuickMode, within = 10, 8 // frames
	for _, c := range []struct {
		what string
		e, d int // frames sent before each is written
	}{
		{"SKEYID_d after all packets", 0, len(all)},
		{"SKEYID_d after the Quick Mode", 0, afterQuickMode},
		{"SKEYID_d within the Quick Mode", 0, within},
		{"SKEYID_e after all packets", len(all), 0},
		{"SKEYID_e after the Quick Mode", afterQuickMode, 0},
		{"both after all packets", len(all), len(all)},
		{"SKEYID_e after the Quick Mode, SKEYID_d after all packets", afterQuickMode, len(all)},
		{"SKEYID_d after the Quick Mode, SKEYID_e after all packets", len(all), afterQuickMode},
	} {
		dir, err := os.MkdirTemp(l.dir, "")
		if err == nil {
			err = os.Chmod(dir, 0o755)
		}
		if err != nil {
			t.Fatal(err)
		}
		logs := map[string]string{"early.log": early, "late.log": late}
		when := map[string]int{"early.log": c.e, "late.log": c.d}
		for name, text := range logs {
			if when[name] > 0 {
				text = ""
			}
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		out := filepath.Join(dir, "out.pcapng")
		p := l.start("live", "-i", l.interfaceToTap, "-k", filepath.Join(dir, "early.log"), "-k", filepath.Join(dir, "late.log"),
			"-w", out, "--hold-time", "1m")
		p.waitFor("listening on")
		sent := 0
		for _, until := range []int{within, afterQuickMode, len(all)} {
			l.send(all[sent:until], 0, nil)
			sent = until
			p.awaitSummary("all that was sent", func(text string) bool { return number(text, receivedCount) >= sent })
			for name, text := range logs {
				if when[name] == until {
					if err := appendTo(filepath.Join(dir, name), text); err != nil {
						t.Fatal(err)
					}
				}
			}
		}
		p.awaitPackets(out, len(want))
		if status := p.interrupt(); status != exitInterrupted || number(p.lastSummary(), `waited for a key: (\d+) in vain`) > 0 {
			t.Errorf("%s: exit status %d:\n%s", c.what, status, p.report())
		}
		l.sameSet(p, c.what, wholeCapture(t, out), want)
	}
}
