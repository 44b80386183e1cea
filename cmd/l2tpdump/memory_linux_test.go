package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"l2tpdump/testdata/race"
)

// peak runs l2tpdump and returns how many bytes of memory it had at most.
func peak(t *testing.T, args ...string) int64 {
	t.Helper()
	name := filepath.Join(t.TempDir(), "peak")
	c := exec.Command(self(t), args...)
	// The collector lets nothing be allocated while it works: how much that is depends on how busy
	// the machine is.
	c.Env = append(os.Environ(), asProgram+"=1", peakFile+"="+name, "GODEBUG=gcstoptheworld=2")
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

// What a log of 100 MB with nothing but 69,000 negotiations, which are 207,000 keys, takes at most,
// whatever is done with it; and what a realistic one of the same size takes. An old table, and what
// the pipeline knows of keys, come on top of that.
func TestLargeLogsTakeLittleMemory(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector needs memory")
	}
	if _, err := os.Stat("/proc/self/status"); err != nil {
		t.Skip("needs /proc")
	}
	dir := filepath.Join(captures, "01-basic-aes128-sha1")
	file, right := filepath.Join(dir, "outer.pcap"), filepath.Join(dir, "router.log")
	full, usual := longLog(t, dir, 69000, 0), longLog(t, dir, 300, 3800)
	tables := t.TempDir()
	for _, c := range []struct {
		what string
		mb   int64
		args []string
	}{
		{"list", 160, []string{"keys", "-k", full}},
		{"JSON", 160, []string{"keys", "-k", full, "--json", "--show"}},
		{"tables", 160, []string{"keys", "-k", full, "--wireshark", tables}},
		{"tables that have all, JSON", 220, []string{"keys", "-k", full, "--json", "--wireshark", tables}},
		{"tables, capture", 220, []string{"keys", "-k", full, "-r", file, "--wireshark", t.TempDir()}},
		{"decrypt", 160, []string{"decrypt", "-r", file, "-k", right, "-k", full, "-q"}},
		{"verify", 160, []string{"verify", "-r", file, "-k", right, "-k", full, "--json"}},
		{"list of a realistic log", 64, []string{"keys", "-k", usual}},
		{"decrypt with a realistic log", 64, []string{"decrypt", "-r", file, "-k", right, "-k", usual, "-q"}},
	} {
		if got := peak(t, c.args...) >> 20; got > c.mb {
			t.Errorf("%s: %d MB", c.what, got)
		} else {
			t.Logf("%s: %d MB", c.what, got)
		}
	}
}
