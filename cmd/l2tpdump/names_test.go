package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"unicode"
)

// TestNames: JSON has names and messages as they are, --user takes a name as JSON has it, lines
// have it quoted, and nothing that a terminal obeys is printed.
func TestNames(t *testing.T) {
	t.Setenv("COLUMNS", "1000")
	padding := strings.Repeat("x", 63) // of the name that is asked for inside
	for name, value := range map[string]string{
		`LAB\alice`:                        `LAB\alice`,
		`alice "a", of <R&D>; 日本`:          `alice "a", of <R&D>; 日本`,
		"\x1b[31m\u009b\u202e\r\n\x7f\xff": "\x1b[31m\u009b\u202e\r\n\x7f\ufffd",
	} {
		name, value := name+padding, value+padding
		file := filepath.Join(t.TempDir(), "names.pcap")
		say := func(string, int) []byte { return []byte(name) }
		show := func(string, int) []byte { return []byte(`the "end", \o/`) }
		if err := os.WriteFile(file, hostileCapture(t, say, show), 0o600); err != nil {
			t.Fatal(err)
		}
		output := func(args ...string) string {
			text := quietly(t, func() { run(append(args, "-r", file)) })
			if i := strings.IndexFunc(text, func(r rune) bool { return r != '\n' && !unicode.IsPrint(r) }); i >= 0 {
				t.Errorf("%q of %q prints %.20q", args, name, text[i:])
			}
			return text
		}
		var s struct {
			User string
			L2TP struct{ Host, Vendor [2]string }
		}
		decode(t, output("sessions", "--json", "--user", value), &s)
		if s.User != value || s.L2TP.Host != [2]string{value, value} || s.L2TP.Vendor != s.L2TP.Host {
			t.Errorf("the session of %q: %q", name, s)
		}
		if text := output("sessions", "--ladder", "-v"); !strings.Contains(text, "   "+strconv.Quote(name)+"   ") {
			t.Errorf("the session of %q, for people: %s", name, text)
		}
		seen := make(map[string]bool)
		for line := range strings.Lines(output("decrypt", "-q", "--json")) {
			var f struct {
				L2TP struct {
					AVPs   map[string]any
					Result struct{ Message string }
				}
				PPP struct{ Options map[string]any }
			}
			decode(t, line, &f)
			for _, said := range []any{f.L2TP.AVPs["Host Name"], f.L2TP.AVPs["Calling Number"], f.PPP.Options["user"],
				f.PPP.Options["name"], f.L2TP.Result.Message, f.PPP.Options["message"]} {
				if text, ok := said.(string); ok {
					seen[text] = true
				}
			}
		}
		delete(seen, "")
		if len(seen) != 2 || !seen[value] || !seen[`the "end", \o/`] {
			t.Errorf("decrypt of %q says %v", name, seen)
		}
		output("decrypt", "-v")
		output("decrypt", "--user", value)
	}
}

func decode(t *testing.T, line string, to any) {
	t.Helper()
	if err := json.Unmarshal([]byte(line), to); err != nil {
		t.Errorf("%v: %s", err, line)
	}
}
