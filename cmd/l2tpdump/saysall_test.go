package main

import (
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// textOnly are words of the text that JSON says by the names of its members, or by numbers.
var textOnly = wordSet("L2TP L2TPv3 session Ethernet > length PPP Ns Nr udp pfs + +1 covered by the HASH")

func wordSet(words string) map[string]bool {
	set := make(map[string]bool)
	for _, w := range strings.Fields(words) {
		set[w] = true
	}
	return set
}

var (
	word    = regexp.MustCompile(`[^ ,;/()\[\]"\\]+`)
	life    = regexp.MustCompile(`^([0-9]+)(s|kB)$`)
	summary = regexp.MustCompile(`"summary":"(\\.|[^"\\])*",?`)
)

// TestJSONSaysAll: each word that the text has of IKE, L2TP and PPP control messages is in the JSON
// of the frame too, outside of the line for people.
func TestJSONSaysAll(t *testing.T) {
	files, err := filepath.Glob(captures + "/*/outer.pcap")
	if err != nil || len(files) == 0 {
		t.Fatalf("no captures: %v", err)
	}
	more, err := filepath.Glob("../../testdata/ppp/*/outer.pcap")
	if err != nil {
		t.Fatal(err)
	}
	words := 0
	for _, file := range append(files, more...) {
		args := []string{"decrypt", "-q", "-r", file, "--ppp-secrets", labSecrets}
		if keys := filepath.Join(filepath.Dir(file), "router-full.log"); fileExists(keys) {
			args = append(args, "-k", keys)
		}
		text := strings.Split(quietly(t, func() { run(append(args, "-v")) }), "\n")
		objects := strings.Split(quietly(t, func() { run(append(args, "--json")) }), "\n")
		if len(text) != len(objects) {
			t.Fatalf("%s: %d lines, %d objects", file, len(text), len(objects))
		}
		for i, line := range text {
			_, said, ok := strings.Cut(line, "]: ")
			if !ok || strings.Contains(line, "IP (") || strings.Contains(line, "IP6 (") {
				continue // a user's packet, of which TestDescribe is
			}
			object := summary.ReplaceAllString(objects[i], "")
			for _, w := range word.FindAllString(said, -1) {
				w = strings.Trim(w, ":.")
				if m := life.FindStringSubmatch(w); m != nil {
					w = m[1]
				}
				if digits, ok := strings.CutPrefix(w, "0x"); ok && !strings.Contains(object, w) {
					n, err := strconv.ParseUint(w, 0, 32)
					if w = digits; err == nil && !strings.Contains(object, w) { // not a cookie: an ID of L2TPv3
						w = strconv.FormatUint(n, 10)
					}
				}
				if words++; !textOnly[w] && !strings.Contains(object, w) {
					t.Fatalf("%s: %q is not in the JSON\n%s\n%s", file, w, line, object)
				}
			}
		}
	}
	if words < 10000 {
		t.Errorf("%d words", words)
	}
}
