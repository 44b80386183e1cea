package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"l2tpdump/cmd/internal/cells"
	"l2tpdump/cmd/internal/follow"
	"l2tpdump/cmd/internal/pipeline"
	"l2tpdump/keysrc"
)

// keyNews says on standard error that packets begin to wait for a key, and that keys have come.
// Nobody on the wire makes it say much: what comes within a second is one line.
type keyNews struct {
	mu      sync.Mutex
	names   []string // of the sources
	given   int      // keys that came
	last    time.Time
	then    string // what had come when the first of waiting began to wait
	waiting burst
	came    burst
}

// newsEvery is how long news is gathered into one line.
const newsEvery = time.Second

func newKeyNews(quiet bool, sources []follow.Source) *keyNews {
	tell := message
	if quiet {
		tell = func(string, ...any) {}
	}
	n := &keyNews{names: sourceNames(sources)}
	n.waiting.print = func(what string) { tell("packets wait for a key: %s; %s", what, n.then) }
	n.came.print = func(what string) { tell("keys came: %s", what) }
	return n
}

// waits takes note of the first packet of an SA that has to wait for its key.
func (n *keyNews) waits(r *pipeline.Record) {
	what := "IKE " + r.Net.Src.String() + " > " + r.Net.Dst.String()
	if r.Kind == pipeline.ESP {
		what = fmt.Sprintf("ESP 0x%08x to %s", r.SPI, r.Net.Dst)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.waiting.n == 0 {
		n.then = n.sources()
	}
	n.waiting.add(what)
}

// keys takes note of what a source has given.
func (n *keyNews) keys(k *keysrc.Keys) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, s := range k.IKE {
		n.came.add("IKE " + cookieName(s.InitiatorCookie))
	}
	for _, s := range k.ESP {
		n.came.add("ESP " + spiName(s))
	}
	if more := len(k.IKE) + len(k.ESP); more > 0 {
		n.given, n.last = n.given+more, time.Now()
	}
}

// sources says what has come from the sources so far.
func (n *keyNews) sources() string {
	from := strings.Join(n.names, ", ")
	if n.given == 0 {
		return "no key has come from " + from
	}
	return fmt.Sprintf("%s came from %s, the last %v ago", plural(n.given, "key"), from, time.Since(n.last).Round(time.Second))
}

// burst gathers what comes within [newsEvery].
type burst struct {
	print func(what string)
	items []string // the first
	n     int
	since time.Time
}

// add adds an item that is not named yet. Only with the next one, or with [burst.due], is it seen
// that the time is over.
func (b *burst) add(item string) {
	const named = 4
	if slices.Contains(b.items, item) {
		return
	}
	if b.n == 0 {
		b.since = time.Now()
	}
	if b.n++; len(b.items) < named {
		b.items = append(b.items, item)
	}
}

// due prints what has been gathered for long enough.
func (b *burst) due() {
	if b.n > 0 && time.Since(b.since) >= newsEvery {
		b.flush()
	}
}

func (b *burst) flush() {
	if b.n == 0 {
		return
	}
	what := strings.Join(b.items, ", ")
	if more := b.n - len(b.items); more > 0 {
		what += fmt.Sprintf(" and %d more", more)
	}
	b.print(what)
	b.items, b.n = b.items[:0], 0
}

// run prints news as it gets due, and on a terminal, where nothing else is printed, a line that
// says how things stand. It returns what ends that.
func (n *keyNews) run(status func() string) (stop func()) {
	const each = 4 // ticks
	statusShown.Store(status != nil)
	tick := 0
	end := every(newsEvery/each, func() {
		if status != nil && tick%each == 0 {
			text := status()
			if n := columnsOf(os.Stderr); n > 0 {
				text = cells.Cut(text, n-1, "")
			}
			fmt.Fprint(os.Stderr, clearLine+text)
		}
		tick++
		n.mu.Lock()
		defer n.mu.Unlock()
		n.waiting.due()
		n.came.due()
	})
	return func() {
		end()
		if statusShown.Swap(false) {
			fmt.Fprint(os.Stderr, clearLine)
		}
		n.waiting.flush()
		n.came.flush()
	}
}
