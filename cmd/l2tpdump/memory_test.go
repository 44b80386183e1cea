package main

import (
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"l2tpdump/keysrc"
)

// longLog writes a router's log of n negotiations, with three secrets each, that are not those of
// the capture, and with more lines of other kinds behind each.
func longLog(t testing.TB, dir string, n, other int) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "router.log"))
	if err != nil {
		t.Fatal(err)
	}
	rnd := rand.New(rand.NewPCG(1, 2))
	var b strings.Builder
	for range n {
		for line := range strings.Lines(string(text)) {
			head, row, ok := strings.Cut(line, "]   ")
			if !ok {
				b.WriteString(line)
				continue
			}
			b.WriteString(head + "]   ")
			for range strings.Fields(row) {
				b.WriteString(hex.EncodeToString([]byte{byte(rnd.Uint32())}) + " ")
			}
			b.WriteString("\n")
		}
		for i := range other {
			fmt.Fprintf(&b, "2026/11/23 07:13:24: [INSPECT] LAN1[in][101098] TCP 192.168.100.%d:1 > 198.51.100.%d:443\n", i%256, i%251)
		}
	}
	name := filepath.Join(t.TempDir(), "router.log")
	if err := os.WriteFile(name, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// Key sources that say the same count once.
func TestSameKeysInTwoSources(t *testing.T) {
	dir := filepath.Join(captures, "01-basic-aes128-sha1")
	parse := func(name string) []*keysrc.Keys { return parseSources(t, readSource(t, filepath.Join(dir, name))) }
	long := parseSources(t, readSource(t, longLog(t, dir, 50, 0)))
	count := func(keys ...[]*keysrc.Keys) (n int) {
		var all []*keysrc.Keys
		for _, k := range keys {
			all = append(all, k...)
		}
		for u := range verifyKeys(t, filepath.Join(dir, "outer.pcap"), 0, all).Unused {
			if u.Kind == "esp" {
				n++
			}
		}
		return n
	}
	once := count(parse("router.log"), long)
	if twice := count(parse("router.log"), long, long); once != 100 || twice != once {
		t.Errorf("%d unused keys of ESP with a log, %d with the log twice", once, twice)
	}
}
