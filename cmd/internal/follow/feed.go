package follow

import (
	"bytes"
	"regexp"
	"slices"
	"time"

	"l2tpdump/esp"
	"l2tpdump/ikev1"
	"l2tpdump/keysrc"
)

const (
	// quiet is how long nothing may have come before what there is counts as whole.
	quiet = 100 * time.Millisecond
	// quietPartial is the same for a last line without its end.
	quietPartial = 200 * time.Millisecond
	// quietRow is the same after a full row of bytes, which may be followed by another one of the
	// same value.
	quietRow = 400 * time.Millisecond
	// busy is how often the same is done while text comes without a pause: lines that have nothing
	// to do with a value do not end it.
	busy = 500 * time.Millisecond

	// windowSize is how much of the end of a source is kept, in bytes.
	windowSize = 64 << 10
)

// A feed takes the text of one source and gives out its keys.
//
// A log has no mark for the end of a value: only the next line tells, and it may come much later.
// So when the source pauses, the last part of it is read once more by a second stream that takes
// the pause as the end. The first stream does not notice: if the pause was in the middle of a
// value, or of a line, nothing is spoilt.
type feed struct {
	name   string
	format string
	stream *keysrc.Stream
	emit   func(*keysrc.Keys)
	seen   *keysrc.Seen
	keys   int // secrets given out

	window []byte // the end of the text, whole lines but for the last
	cut    int    // lines that were before it
	lf, cr bool   // ends of lines that have come
	coded  bool   // it comes as gzip or UTF-16; the text here is decoded

	last  time.Time // when text came
	since time.Time // when text came first after the window was read
	dirty bool      // there is such text
}

// newFeed starts a feed. The format is a valid one. Feeds of one source share seen.
func newFeed(name, format string, s *keysrc.Seen, emit func(*keysrc.Keys)) *feed {
	f := &feed{name: name, format: format, emit: emit, seen: s}
	f.stream = f.newStream(f.give)
	return f
}

func (f *feed) newStream(emit func(*keysrc.Keys)) *keysrc.Stream {
	s, err := keysrc.NewStream(f.name, f.format, emit)
	if err != nil {
		panic("follow: " + err.Error()) // Open has tried the format
	}
	return s
}

func (f *feed) give(k *keysrc.Keys) {
	if f.seen.Fresh(k) {
		f.keys += len(k.IKE) + len(k.ESP)
		fresh := *k
		fresh.ESP = slices.Clone(k.ESP)
		f.emit(&fresh)
	}
}

// line takes a whole line without its end.
func (f *feed) line(text []byte, now time.Time) {
	f.took(text, now)
	f.took([]byte{'\n'}, now)
	f.stream.Line(text)
}

// took notes text that the stream is given.
func (f *feed) took(text []byte, now time.Time) {
	if !f.dirty {
		f.dirty, f.since = true, now
	} else if now.Sub(f.since) >= busy {
		f.pass(now)
	}
	f.last = now
	f.window = append(f.window, text...)
	f.lf = f.lf || bytes.IndexByte(text, '\n') >= 0
	f.cr = f.cr || bytes.IndexByte(text, '\r') >= 0
	if len(f.window) > 2*windowSize {
		f.trim()
	}
}

// trim shortens the window, at the beginning of a line.
func (f *feed) trim() {
	end := byte('\n')
	if !f.lf && f.cr {
		end = '\r'
	}
	from := len(f.window) - windowSize
	if i := bytes.IndexByte(f.window[from:], end); i >= 0 {
		from += i + 1
	} else {
		from = len(f.window) // all one line, longer than any format's
	}
	f.cut += bytes.Count(f.window[:from], []byte{end})
	n := copy(f.window, f.window[from:])
	clear(f.window[n:])
	f.window = f.window[:n]
}

// idle is called again and again while nothing comes. It reports whether a pause has been taken as
// an end now.
func (f *feed) idle(now time.Time) bool {
	if !f.dirty || now.Sub(f.last) < f.patience() {
		return false
	}
	f.dirty = false
	f.replay(f.window)
	return true
}

// pass reads the whole lines of the window while more text comes.
func (f *feed) pass(now time.Time) {
	text := f.window[:bytes.LastIndexByte(f.window, '\n')+1]
	if line := bytes.TrimRight(text, "\r\n"); len(line) > 0 && !fullRow.Match(line[max(0, len(line)-rowText):]) {
		f.since = now
		f.replay(text)
	}
}

// patience is how long a pause has to be.
func (f *feed) patience() time.Duration {
	text := bytes.TrimRight(f.window, "\r\n")
	if fullRow.Match(text[max(0, len(text)-rowText):]) {
		return quietRow
	}
	if len(text) == len(f.window) {
		return quietPartial
	}
	return quiet
}

// rowText is more than the longest spelling of a row, in bytes.
const rowText = 120

// fullRow is 16 or more bytes as "0a 1b …" at the end of a text.
var fullRow = regexp.MustCompile(`(?i)([0-9a-f]{2} *){15}[0-9a-f]{2} *$`)

// replay gives out what text, the window or its beginning, holds if nothing follows it.
func (f *feed) replay(text []byte) {
	lines := bytes.Count(text, []byte{'\n'})
	s := f.newStream(func(k *keysrc.Keys) {
		// Notes and hints come from the first stream, when they are certain.
		k = &keysrc.Keys{IKE: k.IKE, ESP: k.ESP}
		if f.cut > 0 {
			// What is far from the end has been given out with all that was before it.
			k.IKE = slices.DeleteFunc(k.IKE, func(x *ikev1.Secret) bool { return x.Origin.Line <= lines/2 })
			k.ESP = slices.DeleteFunc(k.ESP, func(x *esp.Secret) bool { return x.Origin.Line <= lines/2 })
		}
		for _, x := range k.IKE {
			f.move(&x.Origin)
		}
		for _, x := range k.ESP {
			f.move(&x.Origin)
		}
		f.give(k)
	})
	s.ReadFrom(bytes.NewReader(text))
	s.Close() // no key in it is no error
}

// close takes the end of the source. The error is a *keysrc.NoKeysError if no key was in it.
func (f *feed) close() error {
	err := f.stream.Close()
	clear(f.window)
	f.window = nil
	if f.keys > 0 {
		return nil
	}
	return err
}

// move makes the line of a window that of the source.
func (f *feed) move(o *esp.Origin) {
	if o.Line > 0 {
		o.Line += f.cut
	}
}
