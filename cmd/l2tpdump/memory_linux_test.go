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
	// The collector lets nothing be allocated while it works: how much that is depends on how busy the machine is.
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

// What keys needs at most for each key of a log is little, whatever it does with them: a log of 100 MB with nothing but negotiations has
// 300,000 of them, and is to take less than 64 MB. The list, the tables, the remarks on them and an old table may be as long as the log.
func TestKeysOfLargeLogTakeLittleMemory(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector needs memory")
	}
	if _, err := os.Stat("/proc/self/status"); err != nil {
		t.Skip("needs /proc")
	}
	dir := filepath.Join(captures, "01-basic-aes128-sha1")
	const few, many = 6000, 40000 // negotiations, of three keys each; so that what every run takes is in both
	logs := [...]string{longLog(t, dir, few), longLog(t, dir, many)}
	for _, c := range []struct {
		what   string
		tables bool
		again  bool // the tables are there and have all
		args   []string
	}{
		{what: "list"},
		{what: "JSON", args: []string{"--json", "--show"}},
		{what: "tables", tables: true},
		{what: "tables that have all", tables: true, again: true},
		{what: "tables, JSON", tables: true, args: []string{"--json"}},
		{what: "tables, capture", tables: true, args: []string{"-r", filepath.Join(dir, "outer.pcap")}},
	} {
		var peaks [len(logs)]int64
		for i, log := range logs {
			args := append([]string{"keys", "-k", log}, c.args...)
			if c.tables {
				args = append(args, "--wireshark", t.TempDir())
			}
			if c.again {
				peak(t, args...)
			}
			peaks[i] = peak(t, args...)
		}
		if per := (peaks[1] - peaks[0]) / (3 * (many - few)); per > 180 {
			t.Errorf("%s: %d bytes for each key", c.what, per)
		} else {
			t.Logf("%s: %d bytes for each key, %d kB in all", c.what, per, peaks[1]>>10)
		}
	}
}
