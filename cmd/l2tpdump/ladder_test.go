package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"l2tpdump/cmd/internal/cells"
	"l2tpdump/testdata/race"
)

// shownFingerprint is of a secret, and another one in each run.
var shownFingerprint = regexp.MustCompile(`fingerprint [0-9a-f]+`)

// TestLadder: the ladders of a day on which all kinds of things went wrong, in a terminal of 80 and
// of 140 columns. With UPDATE_SCRIPTS in the environment what is drawn now becomes what is right.
func TestLadder(t *testing.T) {
	const day = "../../testdata/day"
	t.Setenv("LC_ALL", "C.UTF-8")
	for _, columns := range []string{"80", "140"} {
		t.Setenv("COLUMNS", columns)
		text := quietly(t, func() {
			run([]string{"sessions", "--ladder", "-r", day + "/outer.pcap", "-k", day + "/router-full.log"})
		})
		text = shownFingerprint.ReplaceAllStringFunc(text, func(s string) string {
			const word = len("fingerprint ")
			return s[:word] + strings.Repeat("0", len(s)-word)
		})
		var ladders []string
		for i, block := range strings.Split(strings.TrimSuffix(text, "\n\n"), "\n\n") {
			if i%2 == 1 { // the others are the facts of the sessions
				ladders = append(ladders, block)
			}
		}
		got := strings.Join(ladders, "\n\n") + "\n"
		golden := filepath.Join("testdata", "ladder", columns+".txt")
		if os.Getenv("UPDATE_SCRIPTS") != "" {
			if err := os.WriteFile(golden, []byte(got), 0o666); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		gotLines, wantLines := strings.Split(got, "\n"), strings.Split(string(want), "\n")
		for i := range min(len(gotLines), len(wantLines)) {
			if gotLines[i] != wantLines[i] {
				t.Errorf("%s columns, line %d:\n got %s\nwant %s", columns, i+1, gotLines[i], wantLines[i])
			}
		}
		if len(ladders) != 6 || len(gotLines) != len(wantLines) {
			t.Errorf("%s columns: %d ladders, %d lines, want %d", columns, len(ladders), len(gotLines), len(wantLines))
		}
	}
}

// TestLadderFits: no line of the sessions of any recording is wider than the terminal, and whatever
// comes again and again is one line.
func TestLadderFits(t *testing.T) {
	t.Setenv("LC_ALL", "C.UTF-8")
	for _, columns := range []int{40, 80, 140} {
		t.Setenv("COLUMNS", strconv.Itoa(columns))
		for _, r := range race.Sampled(recordings(t)) {
			for _, keys := range slices.Compact([]string{"", r[1]}) {
				args := []string{"sessions", "--ladder", "-r", r[0]}
				if keys != "" {
					args = append(args, "-k", keys)
				}
				text := quietly(t, func() { run(args) })
				var last string
				again := 0
				for line := range strings.Lines(text) {
					line = strings.TrimSuffix(line, "\n")
					if strings.HasPrefix(line, "l2tpdump: ") {
						continue
					}
					if n := cells.Width(line); n > columns {
						t.Errorf("%v: %d columns: %s", r, n, line)
					}
					rung := rungStart.ReplaceAllString(line, "")
					if again++; rung != last || rung == line {
						again, last = 1, rung
					}
					if again > 4 {
						t.Errorf("%v: %d times %s", r, again, line)
					}
				}
			}
		}
	}
}

// rungStart is the time and the frame of a rung.
var rungStart = regexp.MustCompile(`^[ ✖]{4} *[0-9.]+ +[0-9]+ +`)
