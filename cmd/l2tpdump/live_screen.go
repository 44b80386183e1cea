package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"
)

// screen is a terminal on which a table of the sessions is drawn, again and again, in place of the
// lines of live --sessions. It has the terminal's other page, so that what was there comes back.
type screen struct {
	colored bool
	more    string

	lock     sync.Mutex
	news     []string // changes and messages, the latest last
	messages []string // that were not printed, for want of a place
	closed   bool
	before   *term.State
	size     [2]int // of the terminal when it was drawn
}

// newsKept is how many changes and messages there are on a screen, and of the latter behind it.
const newsKept = 64

const (
	openScreen  = "\x1b[?1049h\x1b[?25l\x1b[?7l" // the other page, no cursor, no wrapping of lines
	closeScreen = "\x1b[?7h\x1b[?25h\x1b[?1049l"
)

// newScreen returns nil where no table is drawn: for JSON, where standard input or output is no
// terminal, or keys are typed in.
func (o *liveOptions) newScreen() *screen {
	if !o.monitor || o.json || slices.Contains(o.inputs(), stdinout) || os.Getenv("TERM") == "dumb" ||
		!isTerminal(os.Stdin) || !isTerminal(os.Stdout) || !obeysColor(os.Stdout) {
		return nil
	}
	s := &screen{colored: o.colored(), more: "..."}
	if hasUTF8() {
		s.more = "…"
	}
	return s
}

// run draws the table until the context is done or stop is called. q calls end, Ctrl-C interrupt.
func (s *screen) run(ctx context.Context, table func() *sessionTable, end, interrupt func()) (stop func(), err error) {
	if s.before, err = term.MakeRaw(int(os.Stdin.Fd())); err != nil {
		return nil, fmt.Errorf("the terminal: %w", err)
	}
	if isTerminal(os.Stderr) {
		takeMessages.Store(s)
	}
	os.Stdout.WriteString(openScreen)
	go listen(end, interrupt)
	const each = 4 // ticks
	tick := 0
	draw := func() {
		if s.resized() || tick%each == 0 {
			s.draw(table())
		}
		tick++
	}
	draw()
	endDrawing := every(time.Second/each, draw)
	stop = sync.OnceFunc(func() {
		endDrawing()
		s.close()
	})
	context.AfterFunc(ctx, stop)
	return stop, nil
}

// listen takes what is typed, until the program ends.
func listen(end, interrupt func()) {
	const ctrlC = 3
	key := make([]byte, 1)
	for {
		switch n, err := os.Stdin.Read(key); {
		case err != nil || n == 0:
			return
		case key[0] == 'q', key[0] == 'Q':
			end()
		case key[0] == ctrlC:
			interrupt()
		}
	}
}

// close gives the terminal back, and says what it was not there for.
func (s *screen) close() {
	os.Stdout.WriteString(closeScreen)
	if err := term.Restore(int(os.Stdin.Fd()), s.before); err != nil {
		defer message("the terminal: %v", err)
	}
	takeMessages.Store(nil)
	s.lock.Lock()
	defer s.lock.Unlock()
	s.closed = true
	for _, m := range s.messages {
		printMessage(m)
	}
}

// add adds what has happened.
func (s *screen) add(text string) {
	s.lock.Lock()
	defer s.lock.Unlock()
	s.news = lastOf(append(s.news, text))
}

// take takes a message, which would break the table; it reports whether the table is still there.
func (s *screen) take(text string) bool {
	s.lock.Lock()
	defer s.lock.Unlock()
	if s.closed {
		return false
	}
	s.news = lastOf(append(s.news, strings.ReplaceAll(text, "\n", " ")))
	s.messages = lastOf(append(s.messages, text))
	return true
}

func lastOf(list []string) []string { return slices.Delete(list, 0, max(0, len(list)-newsKept)) }

// resized reports whether the terminal has another size now.
func (s *screen) resized() bool {
	width, height, err := term.GetSize(int(os.Stdout.Fd()))
	if err != nil || width <= 0 || height <= 0 {
		width, height = 80, 24
	}
	was := s.size
	s.size = [2]int{width, height}
	return s.size != was
}

// draw draws the table in one write.
func (s *screen) draw(t *sessionTable) {
	t.colored, t.more = s.colored, s.more
	s.lock.Lock()
	t.news = slices.Clone(s.news)
	s.lock.Unlock()
	const home, empty = "\x1b[H", "\x1b[K"
	os.Stdout.WriteString(home + empty + strings.Join(t.lines(s.size[0], s.size[1]), "\r\n"+empty))
}
