package main

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// mixedLogs puts the values of logs between each other at random, as if all were of the same
// second.
func mixedLogs(t *testing.T, random *rand.Rand, files ...string) string {
	t.Helper()
	left := make([][]string, len(files))
	for i, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			_, line, _ = strings.Cut(line, ": ")
			line = "2026/11/23 07:13:24: " + line
			if last := len(left[i]) - 1; strings.Contains(line, "]   ") {
				left[i][last] += line
			} else {
				left[i] = append(left[i], line)
			}
		}
	}
	var b strings.Builder
	for len(left) > 0 {
		i := random.IntN(len(left))
		n := min(1+random.IntN(4), len(left[i]))
		b.WriteString(strings.Join(left[i][:n], ""))
		if left[i] = left[i][n:]; len(left[i]) == 0 {
			left = slices.Delete(left, i, i+1)
		}
	}
	return b.String()
}

// A log that mixes two negotiations decrypts the ESP of either capture, however the values fall,
// and no right key is called wrong.
func TestVerifyMixedLog(t *testing.T) {
	dirs := []string{filepath.Join(captures, "01-basic-aes128-sha1"), filepath.Join(captures, "04-aes128-md5-modp1024")}
	log := filepath.Join(t.TempDir(), "router.log")
	all := regexp.MustCompile(`(\d+) ESP \((\d+) decrypted\)`)
	random := rand.New(rand.NewPCG(5, 6))
	rounds := 30
	if testing.Short() {
		rounds = 4
	}
	mixed := 0
	for round := range rounds {
		text := mixedLogs(t, random, filepath.Join(dirs[0], "router.log"), filepath.Join(dirs[1], "router.log"))
		if round%2 == 1 {
			lines := strings.SplitAfter(strings.TrimSuffix(text, "\n")+"\n", "\n")
			slices.Reverse(lines)
			text = strings.Join(lines, "")
		}
		if err := os.WriteFile(log, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, dir := range dirs {
			file := filepath.Join(dir, "outer.pcap")
			got := quietly(t, func() { run([]string{"decrypt", "-r", file, "-k", log, "-w", os.DevNull}) })
			if m := all.FindStringSubmatch(got); m == nil || m[1] != m[2] {
				t.Errorf("round %d: %s: not all is decrypted\n%s\n%s", round, file, got, text)
			}
			got = quietly(t, func() { run([]string{"verify", "-r", file, "-k", log}) })
			if strings.Contains(got, "wrong key") {
				t.Errorf("round %d: %s: a key is called wrong\n%s\n%s", round, file, got, text)
			}
			listed := quietly(t, func() { run([]string{"keys", "-k", log}) })
			if strings.Contains(listed, uncertain) {
				mixed++
			}
			if listed = quietly(t, func() { run([]string{"keys", "-r", file, "-k", log}) }); strings.Count(listed, "decrypted") < 2 {
				t.Errorf("round %d: %s: the keys that open the packets are not listed\n%s", round, file, listed)
			}
			if t.Failed() {
				return
			}
		}
	}
	if mixed == 0 {
		t.Error("no log was mixed")
	}
}
