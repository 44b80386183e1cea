package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

// Whatever the terminal's width, and in color too, no line of verify is longer, and nothing of what
// the widest says is missing.
func TestVerifyFits(t *testing.T) {
	dirs, err := filepath.Glob(filepath.Join(captures, "*"))
	if err != nil || len(dirs) == 0 {
		t.Fatal(err, len(dirs))
	}
	verdict := regexp.MustCompile(`^(\S+) .*(verified|decrypted|wrong key|no key|incomplete|truncated|malformed|clear) +(\d+/\d+)`)
	for _, dir := range dirs {
		for _, keys := range []string{"router.log", "keys/esp_sa"} {
			files, _ := filepath.Glob(filepath.Join(dir, "outer.pcap*"))
			log := filepath.Join(dir, keys)
			if len(files) == 0 {
				continue
			}
			if _, err := os.Stat(log); err != nil {
				continue // this recording has no keys of the kind
			}
			v := verifyKeys(t, files[0], 0, parseSources(t, readSource(t, log)))
			var wide bytes.Buffer
			v.print(&wide, 0, false, false)
			for _, columns := range []int{80, 60, 40, 140} {
				var b, colored bytes.Buffer
				v.print(&b, columns, false, false)
				v.print(&colored, columns, true, false)
				if without := regexp.MustCompile(`\x1b\[[0-9;]*m`).ReplaceAllString(colored.String(), ""); without != b.String() {
					t.Errorf("%s %s: %d columns in color are\n%s", dir, keys, columns, without)
				}
				for line := range strings.Lines(b.String()) {
					if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > columns {
						t.Errorf("%s %s: %d columns of %d: %s", dir, keys, n, columns, line)
					}
				}
				words := strings.Join(strings.Fields(b.String()), " ")
				for line := range strings.Lines(wide.String()) {
					if m := verdict.FindStringSubmatch(line); m != nil && !regexp.MustCompile(m[1]+` .*?`+m[2]+` `+m[3]).MatchString(words) && columns > 40 {
						t.Errorf("%s %s: %d columns lack %s", dir, keys, columns, line)
					}
				}
				for i := range v.ESP {
					r := v.ESP[i].Reason
					if n := strings.Count(words, r); r != "" && (n == 0 || n > 1 && columns == 80) {
						t.Errorf("%s %s: %d columns have %d times the reason %q", dir, keys, columns, n, r)
					}
				}
			}
		}
	}
}
