package follow

import (
	"bytes"
	"context"
	"encoding/hex"
	"flag"
	"fmt"
	"io"
	"l2tpdump/esp"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"strings"
	"sync"
	"testing"
	"time"

	"l2tpdump/keysrc"
)

const captures = "../../../testdata/captures"

// deadline is only so that a test that hangs ends.
const deadline = 2 * time.Minute

// TestMain sees that no goroutine is left behind. The fuzzing engine leaves one of its own.
func TestMain(m *testing.M) {
	before := runtime.NumGoroutine()
	status := m.Run()
	if flag.Lookup("test.fuzz").Value.String() != "" {
		os.Exit(status)
	}
	for limit := time.Now().Add(deadline); status == 0 && runtime.NumGoroutine() > before; time.Sleep(time.Millisecond) {
		if time.Now().After(limit) {
			pprof.Lookup("goroutine").WriteTo(os.Stderr, 1)
			status = 1
		}
	}
	os.Exit(status)
}

func readLog(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(captures, name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func routerLog(t *testing.T) []byte { return readLog(t, "01-basic-aes128-sha1/router.log") }

// identities is what keys say, each secret as one string. Where it was found is not in it.
func identities(k *keysrc.Keys) []string {
	var list []string
	for _, s := range k.IKE {
		list = append(list, fmt.Sprintf("ike %s %s %d %v %v ", s.InitiatorCookie, s.ResponderCookie, s.MessageID, s.SKEYIDeHead, s.Peer)+
			fmt.Sprint(hexOf(s.SKEYID), hexOf(s.SKEYIDd), hexOf(s.SKEYIDa), hexOf(s.SKEYIDe), hexOf(s.Ka), hexOf(s.SharedSecret), hexOf(s.QuickSecret)))
	}
	for _, s := range k.ESP {
		list = append(list, fmt.Sprintf("esp %08x/%08x %s %s %s %v %v %v %d %08x %s%s", s.SPI, s.SPIMask, s.Src, s.Dst, s.Suite,
			s.KeyHead, s.AuthKeyHead, s.ESNKnown, s.SeqHigh, s.PairSPI, hexOf(s.Key), hexOf(s.AuthKey)))
	}
	return list
}

func hexOf(k interface{ Bytes() []byte }) string { return hex.EncodeToString(k.Bytes()) + " " }

// wholeOf is what the text holds when it is read as one file.
func wholeOf(t *testing.T, text []byte, name string) []string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	k, err := keysrc.ParseFile(path, "")
	if err != nil {
		t.Fatal(err)
	}
	want := identities(k)
	if len(want) == 0 {
		t.Fatal("no keys in the whole")
	}
	return want
}

// running is a source that is followed.
type running struct {
	t      *testing.T
	src    Source
	cancel context.CancelFunc
	done   chan error

	mu      sync.Mutex
	changed chan struct{}
	got     map[string]int // how often each was given
	origins map[string]string
	notes   []keysrc.Note
}

// logged collects messages.
type logged struct {
	mu    sync.Mutex
	lines []string
}

func (l *logged) log(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, fmt.Sprintf(format, args...))
}

func (l *logged) all() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.lines, "\n")
}

func start(t *testing.T, src Source) *running {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	r := &running{t: t, src: src, cancel: cancel, done: make(chan error, 1), changed: make(chan struct{}, 1),
		got: make(map[string]int), origins: make(map[string]string)}
	go func() {
		r.done <- src.Run(ctx, func(k *keysrc.Keys) {
			r.mu.Lock()
			defer r.mu.Unlock()
			ids := identities(k)
			for i, id := range ids {
				r.got[id]++
				if i < len(k.IKE) {
					r.origins[id] = k.IKE[i].Origin.String()
				} else {
					r.origins[id] = k.ESP[i-len(k.IKE)].Origin.String()
				}
			}
			r.notes = append(r.notes, k.Notes...)
			select {
			case r.changed <- struct{}{}:
			default:
			}
		})
	}()
	t.Cleanup(func() {
		cancel()
		src.Close()
	})
	return r
}

// await waits until all of want have been given.
func (r *running) await(want []string) {
	r.t.Helper()
	limit := time.After(deadline)
	for {
		missing := r.missing(want)
		if missing == 0 {
			return
		}
		select {
		case <-r.changed:
		case err := <-r.done:
			if missing = r.missing(want); missing > 0 {
				r.t.Fatalf("ended (%v) with %d of %d keys missing", err, missing, len(want))
			}
			r.done <- err
			return
		case <-limit:
			r.t.Fatalf("%d of %d keys missing", missing, len(want))
		}
	}
}

func (r *running) missing(want []string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := 0
	for _, id := range want {
		if r.got[id] == 0 {
			n++
		}
	}
	return n
}

// end ends the source and returns what Run returned.
func (r *running) end() error {
	r.t.Helper()
	r.cancel()
	select {
	case err := <-r.done:
		return err
	case <-time.After(deadline):
		r.t.Fatal("Run does not end")
		return nil
	}
}

// finish ends the source. Nothing was given twice, and nothing but what is in want and heads of it.
func (r *running) finish(want []string) {
	r.t.Helper()
	if err := r.end(); err != nil {
		r.t.Fatalf("Run: %v", err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for id, n := range r.got {
		if n > 1 {
			r.t.Errorf("a key was given %d times", n)
		}
		if !headOf(id, want) {
			r.t.Errorf("a key that is not in the source, from %s", r.origins[id])
		}
	}
}

// headOf reports whether id is of the same SA as one of want, and each of its keys begins the
// other's. What is no key may have come to be known with a later line.
func headOf(id string, want []string) bool {
	a := strings.Split(id, " ")
next:
	for _, w := range want {
		b := strings.Split(w, " ")
		if len(a) != len(b) || a[0] != b[0] || a[1] != b[1] {
			continue
		}
		for i := range a {
			if _, err := hex.DecodeString(a[i]); err == nil && len(a[i]) >= 16 && i > 2 && !strings.HasPrefix(b[i], a[i]) {
				continue next
			}
		}
		return true
	}
	return false
}

func openTest(t *testing.T, spec string, o Options) (Source, *logged) {
	t.Helper()
	l := new(logged)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("%s said:\n%s", spec, l.all())
		}
	})
	o.Log = l.log
	if o.Runner == nil {
		o.Runner = testRunner
	}
	src, err := Open(spec, o)
	if err != nil {
		t.Fatal(err)
	}
	return src, l
}

// testRunner runs this test binary as the runner of a command, where there are such.
var testRunner func(command string) *exec.Cmd

func TestOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct{ spec, format, want string }{
		{"", "", "without a name"},
		{dir, "", "directory"},
		{"router.log", "nosuch", "unknown key format"},
		{"exec:", "", "without a command"},
		{"exec:/no/such/program -x", "", "finds no program"},
		{"syslog:300.1.1.1:99999", "", "syslog"},
	} {
		src, err := Open(c.spec, Options{Format: c.format, Runner: testRunner})
		if err == nil {
			src.Close()
			t.Errorf("%q: no error", c.spec)
		} else if !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v", c.spec, err)
		}
	}
}

// A pause anywhere spoils nothing: the text in pieces of any size, with a pause after each.
func TestPauses(t *testing.T) {
	for _, name := range []string{
		"01-basic-aes128-sha1/router.log", "01-basic-aes128-sha1/router-full.log", "01-basic-aes128-sha1/charon-server.log",
		"02-natt-aes256-sha1/router.log", "05-aes256-sha256-ecp384/router.log", "06-pfs-rekey-dpd/router.log", "01-basic-aes128-sha1/xfrm-state.txt",
	} {
		text := readLog(t, name)
		text = text[:min(len(text), 24<<10)]
		want := wholeOf(t, text, "log")
		for _, size := range []int{0, 97, 1000} {
			t.Run(fmt.Sprintf("%s/%d", name, size), func(t *testing.T) {
				got := make(map[string]int)
				f := newFeed("log", "", keysrc.NewSeen(), func(k *keysrc.Keys) {
					for _, id := range identities(k) {
						got[id]++
					}
				})
				text, now := text, time.Now()
				r := readerFunc(func(p []byte) (int, error) {
					if len(text) > 0 && f.dirty {
						now = now.Add(time.Hour)
						f.idle(now)
					}
					n := min(size, len(text), len(p))
					if size == 0 {
						n = bytes.IndexByte(text, '\n') + 1
					}
					if n == 0 {
						return 0, io.EOF
					}
					copy(p, text[:n])
					f.took(text[:n], now)
					text = text[n:]
					return n, nil
				})
				if _, err := f.stream.ReadFrom(r); err != nil {
					t.Fatal(err)
				}
				if err := f.close(); err != nil {
					t.Error(err)
				}
				for _, id := range want {
					if got[id] != 1 {
						t.Errorf("a key was given %d times", got[id])
					}
				}
				for id := range got {
					if !headOf(id, want) {
						t.Error("a key that is not in the source")
					}
				}
			})
		}
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func TestWindow(t *testing.T) {
	log := routerLog(t)
	noise := bytes.Repeat([]byte("2026/11/23 07:13:24: [INSPECT] some other line of the router\n"), 6000)
	text := append(append([]byte(nil), noise...), log...)
	lines := bytes.Count(noise, []byte{'\n'})
	origins := make(map[string]string)
	f := newFeed("router.log", "", keysrc.NewSeen(), func(k *keysrc.Keys) {
		for i, id := range identities(k) {
			if i < len(k.IKE) {
				origins[id] = k.IKE[i].Origin.String()
			} else {
				origins[id] = k.ESP[i-len(k.IKE)].Origin.String()
			}
		}
	})
	now := time.Now()
	f.took(text, now) // the first stream gets nothing: all comes from the window
	if len(f.window) > 2*windowSize {
		t.Errorf("the window has %d bytes", len(f.window))
	}
	if f.idle(now) {
		t.Error("no time has passed, and it is taken as a pause")
	}
	if !f.idle(now.Add(time.Hour)) || f.idle(now.Add(2*time.Hour)) {
		t.Error("a pause is taken once")
	}
	want := wholeOf(t, log, "router.log")
	k, err := keysrc.Parse(bytes.NewReader(text), "router.log", "")
	if err != nil {
		t.Fatal(err)
	}
	for i, id := range identities(k) {
		var at esp.Origin
		if i < len(k.IKE) {
			at = k.IKE[i].Origin
		} else {
			at = k.ESP[i-len(k.IKE)].Origin
		}
		if origins[id] != at.String() {
			t.Errorf("origin %q, want %q", origins[id], at)
		}
		if at.Line <= lines {
			t.Errorf("origin %q is in the noise", at)
		}
	}
	if len(origins) != len(want) {
		t.Errorf("%d keys, want %d", len(origins), len(want))
	}
}

// Lines of other programs that come without a pause do not keep a key back.
func TestBusy(t *testing.T) {
	text := routerLog(t)
	want := wholeOf(t, text, "log")
	given := 0
	f := newFeed("log", "", keysrc.NewSeen(), func(k *keysrc.Keys) { given += len(identities(k)) })
	now := time.Now()
	last := bytes.LastIndex(text, []byte("2026/")) // no [IKE] line, but the end of the last value
	for _, m := range messages(text[:last]) {
		f.line(m, now)
	}
	if given >= len(want) {
		t.Fatal("the last key does not wait for the next line")
	}
	for i := 0; i < 20; i++ {
		now = now.Add(quiet / 2)
		f.line([]byte("2026/11/23 07:13:25: [INSPECT] some other line"), now)
		if f.idle(now) {
			t.Fatal("a pause")
		}
	}
	if given != len(want) {
		t.Errorf("%d keys, want %d", given, len(want))
	}
}

func TestPatience(t *testing.T) {
	for _, c := range []struct {
		text string
		want time.Duration
	}{
		{"[IKE] SKEYID_e\n", quiet},
		{"[IKE] SKEYID_e", quietPartial},
		{"[IKE]   4a f9 0f 25 cf 10 27 73 61 11 19 37 c2 e1 48 65\n", quietRow},
		{"[IKE]   4a f9 0f 25 cf 10 27 73  61 11 19 37 c2 e1 48 65", quietRow},
		{"[IKE]   c3 3f 0e be\n", quiet},
		{"", quietPartial},
	} {
		f := newFeed("x", "", keysrc.NewSeen(), func(*keysrc.Keys) {})
		f.took([]byte(c.text), time.Now())
		if got := f.patience(); got != c.want {
			t.Errorf("%q: %v, want %v", c.text, got, c.want)
		}
	}
}
