package keysrc

import (
	"fmt"
	"maps"
	"strings"
	"testing"
)

var gutters = map[string]func(n int, line string) string{
	"grep -n":          func(n int, line string) string { return fmt.Sprintf("%d:%s", n, line) },
	"grep -n -C":       func(n int, line string) string { return fmt.Sprintf("%d%c%s", n, ":--"[n%3], line) },
	"grep -H":          func(_ int, line string) string { return "/var/log/vpn-2026.log:" + line },
	"grep -H -C":       func(n int, line string) string { return fmt.Sprintf("vpn-2026.log%c%s", ":--"[n%3], line) },
	"grep -Hn":         func(n int, line string) string { return fmt.Sprintf("./a.log:%d:%s", n, line) },
	"grep -Hn -C":      func(n int, line string) string { c := ":--"[n%3]; return fmt.Sprintf("a.log%c%d%c%s", c, n, c, line) },
	"cat -n":           func(n int, line string) string { return fmt.Sprintf("%6d\t%s", n, line) },
	"less -N":          func(n int, line string) string { return fmt.Sprintf("%7d %s", n, line) },
	"diff -u":          func(_ int, line string) string { return "+" + line },
	"+ ":               func(_ int, line string) string { return "+ " + line },
	"bat":              func(n int, line string) string { return fmt.Sprintf("%5d │ %s", n, line) },
	"psql":             func(n int, line string) string { return fmt.Sprintf("%d | %s", n, line) },
	"list":             func(n int, line string) string { return fmt.Sprintf("%d. %s", n, line) },
	"[1]":              func(n int, line string) string { return fmt.Sprintf("[%d] %s", n, line) },
	"tab":              func(_ int, line string) string { return "\t" + line },
	"| ":               func(_ int, line string) string { return strings.TrimSpace("| " + line) },
	"cat -n | grep -n": func(n int, line string) string { return fmt.Sprintf("%d:%6d\t%s", n, n, line) },
	"diff": func(n int, line string) string {
		if n == 1 {
			return "@@ -1,2 +1,3 @@\n-src 10.0.0.1 dst 10.0.0.9\n+" + line
		}
		return string("+ "[n%2]) + line
	},
}

// TestGutters reads each source with what programs put before its lines.
func TestGutters(t *testing.T) {
	names, texts := mixable()
	for i, text := range texts {
		text = strings.TrimPrefix(text, "\n")
		want, err := Parse(strings.NewReader(text), "x", "")
		if err != nil {
			t.Fatal(names[i], err)
		}
		for what, gutter := range gutters {
			if what == "diff" && strings.Contains(names[i], "damaged") { // a line that is damaged may be read in two ways
				continue
			}
			var b strings.Builder
			for n, line := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
				b.WriteString(gutter(n+1, line) + "\n")
			}
			got, err := Parse(strings.NewReader(b.String()), "x", "")
			if err != nil || !maps.Equal(values(got), values(want)) {
				t.Errorf("%s, %s: %v, %v", names[i], what, got.Notes, err)
			}
		}
	}
}

// TestGutterLines checks that lines keep their numbers, and what is no gutter.
func TestGutterLines(t *testing.T) {
	const state = "src 10.0.0.1 dst 10.0.0.2\n\tproto esp spi 0x11111111 reqid 1 mode transport\n\tenc cbc(aes) 0x" + hex16 + "\n"
	text := ""
	for n, line := range strings.Split(state, "\n") {
		text += fmt.Sprintf("\n%d:%s\n--\n", 10+n, line)
	}
	k, err := Parse(strings.NewReader(text), "x", "")
	if err != nil || len(k.ESP) != 1 || k.ESP[0].Origin.Line != 2 {
		t.Errorf("%v, %v", k, err)
	}
	for _, text := range []string{
		"2 src 10.0.0.1 dst 10.0.0.2\n1 \tproto esp spi 0x11111111 mode transport\n3 \tenc cbc(aes) 0x" + hex16 + "\n", // numbers fall
		"+src 10.0.0.1 dst 10.0.0.2\n\tproto esp spi mode transport\n+\tenc cbc(aes) 0x" + hex16 + "\n",                // not all
	} {
		if k, err := Parse(strings.NewReader(text), "x", ""); err == nil {
			t.Errorf("%q: %v", text, k)
		}
	}
}
