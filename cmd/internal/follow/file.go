package follow

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
	"time"

	"l2tpdump/keysrc"
)

const (
	// markSize is how many bytes before the place of reading are remembered, to see that the file
	// was written anew.
	markSize = 256
	// settle is how long a file that was renamed must not have grown before its successor is read.
	settle = 200 * time.Millisecond
	// settleMax is how long it may go on growing.
	settleMax = 5 * time.Second
)

// errRestart ends a stream whose next bytes are of another file.
var errRestart = errors.New("the file was replaced")

// file follows a file by its name, as tail -F does.
type file struct {
	path   string
	format string
	log    func(string, ...any)
	said   string // the last trouble that was told
	ctx    context.Context
	feed   *feed

	f       *os.File // nil while there is none
	info    fs.FileInfo
	regular bool // else a FIFO, a device …: no size, no rotation

	offset int64 // of a regular file
	mark   []byte
	seen   fs.FileInfo // as of the last look
	middle bool        // the last byte was not the end of a line
	got    bool        // any byte at all

	movedAt, grewAt time.Time // another file has its name since; it last grew
}

func openFile(path string, o Options) (Source, error) {
	t := &file{path: path, format: o.Format, log: o.Log}
	err := t.open()
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return t, nil
}

func (t *file) Name() string { return t.path }

func (t *file) Close() error {
	if t.f == nil {
		return nil
	}
	err := t.f.Close()
	t.f = nil
	return err
}

// open opens what has the name now.
func (t *file) open() error {
	f, err := openNoWait(t.path)
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err == nil && info.IsDir() {
		err = fmt.Errorf("%s is a directory", t.path)
	}
	if err != nil {
		f.Close()
		return err
	}
	t.f, t.info, t.regular = f, info, info.Mode().IsRegular()
	t.offset, t.mark, t.seen = 0, t.mark[:0], nil
	t.movedAt, t.grewAt = time.Time{}, time.Now()
	return nil
}

// trouble tells what is wrong, once.
func (t *file) trouble(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if text != t.said {
		t.said = text
		t.log("%s", text)
	}
}

func (t *file) Run(ctx context.Context, emit func(*keysrc.Keys)) error {
	t.ctx = ctx
	s := keysrc.NewSeen()
	for {
		t.feed = newFeed(t.path, t.format, s, emit)
		first := true
		r := reader{done: ctx.Done(), from: t, feed: t.feed, pause: func() {
			if first && t.feed.keys == 0 {
				t.log("%s: no key in it so far; following it", t.path)
			}
			first = false
		}}
		_, err := t.feed.stream.ReadFrom(&r)
		none := t.feed.close()
		switch {
		case errors.Is(err, errRestart):
			continue
		case err != nil:
			return err
		case ctx.Err() == nil:
			return none // it is a capture
		case none != nil && t.got:
			t.log("%v", none)
		}
		return nil
	}
}

// wait is of the waiter.
func (t *file) wait(p []byte) (int, error) {
	if t.f == nil {
		if err := t.open(); err != nil {
			if errors.Is(err, fs.ErrNotExist) {
				t.trouble("waiting for %s", t.path)
			} else {
				t.trouble("waiting for %s: %v", t.path, err)
			}
			sleep(t.ctx, poll)
			return 0, nil
		}
	}
	var n int
	var err error
	if t.regular {
		n, err = t.readRegular(p)
	} else {
		n, err = t.readPipe(p)
	}
	if n > 0 {
		t.middle, t.got, t.said = p[n-1] != '\n', true, ""
	}
	return n, err
}

// readPipe reads what is no regular file. That nobody writes to a FIFO at the moment is not its
// end.
func (t *file) readPipe(p []byte) (int, error) {
	deadline := t.f.SetReadDeadline(time.Now().Add(poll)) == nil
	n, err := t.f.Read(p)
	switch {
	case n > 0:
		return n, nil
	case errors.Is(err, os.ErrDeadlineExceeded) && deadline:
		return 0, nil
	case err == nil, errors.Is(err, io.EOF), errors.Is(err, syscall.EAGAIN):
		if errors.Is(err, io.EOF) && t.middle && !t.feed.coded {
			return t.endLine(p) // the next writer begins a line
		}
		sleep(t.ctx, poll)
		return 0, nil
	}
	return 0, err
}

// endLine ends a line that the file has left open.
func (t *file) endLine(p []byte) (int, error) {
	p[0] = '\n'
	t.middle = false
	return 1, nil
}

func (t *file) readRegular(p []byte) (int, error) {
	now, err := t.f.Stat()
	if err != nil {
		return t.lost(p, err)
	}
	old := t.seen
	t.seen = now
	if now.Size() < t.offset {
		return t.restart(p)
	}
	changed := old == nil || now.Size() != t.offset || !now.ModTime().Equal(old.ModTime())
	if changed {
		n, err := t.f.ReadAt(p, t.offset)
		if err != nil && !errors.Is(err, io.EOF) {
			return t.lost(p, err)
		}
		// Looked at after the reading: what was read is then of the same file.
		if ok, err := t.sameContent(); err != nil {
			return t.lost(p, err)
		} else if !ok {
			return t.restart(p)
		}
		if n > 0 {
			t.offset += int64(n)
			t.remember(p[:n])
			t.grewAt = time.Now()
			return n, nil
		}
	}
	if t.superseded() {
		return t.next(p)
	}
	sleep(t.ctx, poll)
	return 0, nil
}

// remember keeps the end of what was read.
func (t *file) remember(p []byte) {
	t.mark = append(t.mark, p[max(0, len(p)-markSize):]...)
	if n := len(t.mark) - markSize; n > 0 {
		t.mark = append(t.mark[:0], t.mark[n:]...)
	}
}

// sameContent reports whether the file still holds what was read last.
func (t *file) sameContent() (bool, error) {
	var buf [markSize]byte
	n, err := t.f.ReadAt(buf[:len(t.mark)], t.offset-int64(len(t.mark)))
	if err != nil && !errors.Is(err, io.EOF) {
		return false, err
	}
	return bytes.Equal(buf[:n], t.mark), nil
}

// superseded reports whether another file has the name now, and this one no longer grows.
func (t *file) superseded() bool {
	info, err := os.Stat(t.path)
	if err != nil || info.Size() == 0 || os.SameFile(info, t.info) {
		// The writer may have this one open, and go on with it until it is told to use the other.
		t.movedAt = time.Time{}
		return false
	}
	now := time.Now()
	if t.movedAt.IsZero() {
		t.movedAt = now
	}
	return now.Sub(t.movedAt) >= settle && now.Sub(t.grewAt) >= settle || now.Sub(t.movedAt) >= settleMax
}

// restart reads the file from its beginning: it was written anew.
func (t *file) restart(p []byte) (int, error) {
	t.offset, t.mark, t.seen = 0, t.mark[:0], nil
	return t.between(p)
}

// next goes on to the file that has the name now.
func (t *file) next(p []byte) (int, error) {
	t.Close()
	return t.between(p)
}

// lost gives the file up; it is opened again if that can be done.
func (t *file) lost(p []byte, err error) (int, error) {
	t.trouble("%s: reading it again from its beginning: %v", t.path, err)
	t.Close()
	sleep(t.ctx, poll)
	return t.between(p)
}

// between is where one text ends and the next begins. They are one log: a value may have been cut
// in two.
func (t *file) between(p []byte) (int, error) {
	switch {
	case t.feed.coded:
		return 0, errRestart
	case t.middle:
		return t.endLine(p)
	}
	return 0, nil
}
