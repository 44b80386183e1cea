package follow

import (
	"bytes"
	"sync"
	"time"
)

const (
	stderrLine  = 200       // characters shown of a line
	stderrLines = 20        // lines shown in a minute
	repeatAfter = time.Hour // the same line is shown again after so long
)

// A lineLog logs what a command writes to its standard error, and how it ends. There is a bound to
// the lines, and to what is shown of each.
type lineLog struct {
	name string
	log  func(string, ...any)

	mu     sync.Mutex
	line   []byte
	shown  map[string]time.Time
	hidden int
}

func newLineLog(name string, log func(string, ...any)) *lineLog {
	return &lineLog{name: name, log: log, shown: make(map[string]time.Time)}
}

// Write takes text as it comes.
func (l *lineLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	size := len(p)
	for {
		i := bytes.IndexAny(p, "\r\n")
		end := i >= 0
		if !end {
			i = len(p)
		}
		l.line = append(l.line, p[:min(i, max(0, 2*stderrLine-len(l.line)))]...)
		if !end {
			return size, nil
		}
		p = p[i+1:]
		l.endLine(time.Now())
	}
}

// end takes the end of a run, and tells it.
func (l *lineLog) end(how string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	l.endLine(now)
	l.say(" "+how, now, false)
}

func (l *lineLog) endLine(now time.Time) {
	if text := redact(l.line); text != "" {
		l.say(": "+text, now, true)
	}
	l.line = l.line[:0]
}

// say logs what has not been logged for long.
func (l *lineLog) say(text string, now time.Time, bounded bool) {
	if at, ok := l.shown[text]; ok && now.Sub(at) < repeatAfter {
		return
	}
	recent := 0
	for old, at := range l.shown {
		switch age := now.Sub(at); {
		case age >= repeatAfter:
			delete(l.shown, old)
		case age < time.Minute:
			recent++
		}
	}
	if bounded && recent >= stderrLines {
		l.hidden++
		return
	}
	if l.hidden > 0 {
		l.log("%s: %s more not shown", l.name, plural(l.hidden, "line"))
		l.hidden = 0
	}
	l.shown[text] = now
	l.log("%s%s", l.name, text)
}
