package follow

import (
	"fmt"
	"os"
)

// saveFile takes received messages. It holds keys, so nobody else may read it.
type saveFile struct {
	f      *os.File
	log    func(string, ...any)
	failed bool
	buf    []byte
}

func openSave(path string, log func(string, ...any)) (*saveFile, error) {
	// Opening a FIFO would wait for its reader.
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file", path)
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && info.Mode().Perm()&0o077 != 0 {
		if err = f.Chmod(0o600); err == nil {
			log("%s: keys will be in it; only you may read it now", path)
		}
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return &saveFile{f: f, log: log}, nil
}

// line appends one message. After an error nothing more is written: a line would begin in the
// middle of another.
func (s *saveFile) line(text []byte) {
	if s.failed {
		return
	}
	s.buf = append(append(s.buf[:0], text...), '\n')
	if _, err := s.f.Write(s.buf); err != nil {
		s.failed = true
		s.log("no longer saving syslog messages: %v", err)
	}
}

func (s *saveFile) close() error { return s.f.Close() }
