package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
)

// peak runs l2tpdump and returns how many bytes of memory it had at most.
func peak(t *testing.T, args ...string) int64 {
	t.Helper()
	name := filepath.Join(t.TempDir(), "peak")
	c := exec.Command(self(t), args...)
	c.Env = append(os.Environ(), asProgram+"=1", peakFile+"="+name)
	if err := c.Run(); err != nil {
		t.Fatalf("%q: %v", args, err)
	}
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	kb, err := strconv.ParseInt(string(text), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return kb << 10
}

// What keys needs at most for each key of a log is little, whatever it does with them: a log of 100 MB with nothing but negotiations has
// 300,000 of them, and is to take less than 64 MB. The list, the tables, the remarks on them and an old table may be as long as the log.
func TestKeysOfLargeLogTakeLittleMemory(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector needs memory")
	}
	if _, err := os.Stat("/proc/self/status"); err != nil {
		t.Skip("needs /proc")
	}
	dir := filepath.Join(captures, "01-basic-aes128-sha1")
	few, many := longLog(t, dir, 10), longLog(t, dir, 16000)
	const keys = 3 * 16000
	file := filepath.Join(dir, "outer.pcap")
	tables := func(name string) []string { return []string{"--wireshark", filepath.Join(t.TempDir(), name)} }
	again := tables("again")
	for _, c := range []struct {
		what string
		args []string
	}{
		{"list", nil},
		{"JSON", []string{"--json", "--show"}},
		{"tables", again},
		{"tables that have all", again},
		{"tables, JSON", append(tables("json"), "--json")},
		{"tables, capture", append(tables("capture"), "-r", file)},
	} {
		base := peak(t, append([]string{"keys", "-k", few}, c.args...)...)
		per := (peak(t, append([]string{"keys", "-k", many}, c.args...)...) - base) / keys
		if per > 200 {
			t.Errorf("%s: %d bytes for each key", c.what, per)
		} else {
			t.Logf("%s: %d bytes for each key, and %d kB", c.what, per, base>>10)
		}
	}
}
