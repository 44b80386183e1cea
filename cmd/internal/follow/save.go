package follow

import "os"

// saveFile takes received messages.
type saveFile struct {
	f      *os.File
	log    func(string, ...any)
	failed bool
	buf    []byte
}

// line writes one message. After an error nothing more is written: a line would begin in the middle
// of another.
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
