package keysrc

import (
	"maps"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
)

// TestTwoRouters: of the logs of two routers that a log server writes into one file, line by line,
// all keys come out.
func TestTwoRouters(t *testing.T) {
	want := make(map[string]bool)
	var logs [2][]string
	for i, name := range []string{"01-basic-aes128-sha1", "02-natt-aes256-sha1"} {
		text, err := os.ReadFile("../testdata/captures/" + name + "/router-full.log")
		if err != nil {
			t.Fatal(err)
		}
		k, err := Parse(strings.NewReader(string(text)), "x", "")
		if err != nil {
			t.Fatal(err)
		}
		maps.Copy(want, values(k))
		logs[i] = strings.Split(strings.TrimSpace(string(text)), "\n")
	}
	for what, header := range map[string]func(i int, line string) string{
		"RFC 3164": func(i int, line string) string { return syslogStamp(0) + " gw" + string(rune('1'+i)) + " " + line[21:] },
		"RFC 5424": func(i int, line string) string {
			return "<135>1 " + stamp(0) + "Z 192.0.2." + string(rune('1'+i)) + " - - - - " + line[21:]
		},
		"ISO, its own time too": func(i int, line string) string { return stamp(0) + "Z gw" + string(rune('1'+i)) + " " + line },
		"compose":               func(i int, line string) string { return "vpn-" + string(rune('1'+i)) + "  | " + line },
		"kubectl":               func(i int, line string) string { return "[pod/vpn-" + string(rune('1'+i)) + "/vpn] " + line },
	} {
		random := rand.New(rand.NewPCG(1, 2))
		var b strings.Builder
		for at := [2]int{}; at[0] < len(logs[0]) || at[1] < len(logs[1]); {
			if i := random.IntN(2); at[i] < len(logs[i]) {
				b.WriteString(header(i, logs[i][at[i]]) + "\n")
				at[i]++
			}
		}
		k, err := Parse(strings.NewReader(b.String()), "x", "")
		if err != nil || !maps.Equal(values(k), want) {
			t.Errorf("%s: %d of %d values: %v, %v", what, len(values(k)), len(want), k.Notes, err)
		}
		for _, s := range k.IKE { // each at its line
			if line := strings.Split(b.String(), "\n")[s.Origin.Line-1]; !strings.Contains(line, "SKEYID") {
				t.Errorf("%s: line %d is %q", what, s.Origin.Line, line)
			}
		}
	}
}
