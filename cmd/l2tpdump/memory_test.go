package main

import (
	"context"
	"encoding/hex"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"l2tpdump/cmd/internal/pipeline"
	"l2tpdump/keysrc"
	"l2tpdump/testdata/race"
)

// longLog writes a router's log of n negotiations, with three secrets each, that are not those of the capture.
func longLog(t testing.TB, dir string, n int) string {
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
	}
	name := filepath.Join(t.TempDir(), "router.log")
	if err := os.WriteFile(name, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// What decrypt and verify hold of a key that the capture does not need is little, from the log to the last row that is printed.
func TestManyKeysTakeLittleMemory(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector needs memory")
	}
	dir := filepath.Join(captures, "01-basic-aes128-sha1")
	// held is what stays on the heap with a log of n negotiations, and how many secrets that are.
	held := func(n int) (bytes, secrets int64) {
		heap := func() int64 {
			runtime.GC()
			runtime.GC()
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			return int64(m.HeapAlloc)
		}
		log := longLog(t, dir, n)
		before := heap()
		o := options{read: []string{filepath.Join(dir, "outer.pcap")}, keys: []string{filepath.Join(dir, "router.log"), log}}
		keys, err := o.readKeys(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		src, _ := o.openCapture(context.Background())
		if src == nil {
			t.Fatal("no capture")
		}
		defer src.Close()
		c := o.config(src)
		c.Workers = 1 // with more it depends on their pace how many batches there are
		p := pipeline.New(c)
		p.AddStores(keys...)
		stats, err := p.Run(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		v := newVerification(p, stats, keys)
		if err := v.writeJSON(io.Discard); err != nil {
			t.Fatal(err)
		}
		for range v.Unused {
			secrets++
		}
		if v.Exit != exitOK || stats.Failed() > 0 {
			t.Errorf("exit %d, %d failed", v.Exit, stats.Failed())
		}
		bytes = heap() - before
		runtime.KeepAlive([]any{p, keys, v})
		return bytes, secrets
	}
	base, few := held(10)
	all, many := held(30000) // so many that buffers, of which one more or less is alive, hardly count
	if few != 30 || many != 90000 {
		t.Fatalf("%d and %d unused keys", few, many)
	}
	if per := (all - base) / (many - few); per > 110 {
		t.Errorf("%d bytes for each key", per)
	} else {
		t.Logf("%d bytes for each key", per)
	}
}

// Stores beside each other that say the same count once.
func TestSameKeysInTwoStores(t *testing.T) {
	dir := filepath.Join(captures, "01-basic-aes128-sha1")
	parse := func(name string) []*keysrc.Keys { return parseSources(t, readSource(t, filepath.Join(dir, name))) }
	long := parseSources(t, readSource(t, longLog(t, dir, 50)))
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
