package keysrc

import (
	"bufio"
	"bytes"
	"io"
)

// splitterSize is the size of the read buffer. A line longer than half of it is passed over: no format has such lines.
const splitterSize = 256 << 10

// splitter cuts a source into lines. Lines end in LF, CR LF or CR CR LF. A CR inside a line ends a
// line too (consoles overwrite a pager's prompt in that way) but is counted only where the
// source has no LF at all. NUL bytes (telnet) and terminal escape sequences are taken out; no-break spaces, which
// mail and web pages make of runs of spaces, become spaces.
type splitter struct {
	long     int // lines passed over
	longLine int // number of the first of them
}

// run calls line for each line, without its end; next says whether the line number goes up. It returns the
// number of bytes read.
func (s *splitter) run(r io.Reader, line func(text []byte, next bool)) (total int64, err error) {
	var (
		buf     = make([]byte, splitterSize)
		have    int  // bytes in buf
		known   bool // crLines is settled
		crLines bool // a CR alone ends a line: there is no LF
		skip    bool // inside a line that is too long
		lines   int  // lines counted
		special bool // the buffer holds CR, or what clean looks for
	)
	for ended := false; !ended; {
		n, rerr := r.Read(buf[have:])
		total += int64(n)
		fresh := buf[have : have+n]
		special = special && have > 0 || bytes.IndexByte(fresh, '\r') >= 0 || !isClean(fresh)
		have += n
		if rerr != nil {
			ended = true
			if rerr != io.EOF {
				err = rerr
			}
		}
		data := buf[:have]
		if !known {
			switch {
			case bytes.IndexByte(fresh, '\n') >= 0:
				known = true
			case ended || have > len(buf)/4:
				known, crLines = true, bytes.IndexByte(data, '\r') >= 0
			default:
				continue
			}
		}
		for len(data) > 0 {
			i := lineEnd(data, crLines)
			if i < 0 {
				if !ended {
					break
				}
				i = len(data)
			}
			text := data[:i]
			data = data[min(i+1, len(data)):]
			if skip {
				skip = false
				continue
			}
			lines++
			if special {
				pieces(text, line)
			} else {
				line(text, true)
			}
		}
		if len(data) > len(buf)/2 {
			if !skip {
				skip = true
				lines++
				if s.long++; s.long == 1 {
					s.longLine = lines
				}
				line(nil, true)
			}
			data = nil
		}
		have = copy(buf, data)
	}
	return total, err
}

// lineEnd returns where the first line ends.
func lineEnd(data []byte, crLines bool) int {
	if crLines {
		i := bytes.IndexByte(data, '\r')
		j := bytes.IndexByte(data[:max(i, 0)], '\n')
		if j >= 0 {
			return j
		}
		return i
	}
	return bytes.IndexByte(data, '\n')
}

// pieces gives out what stands between the CRs of one line, cleaned of what is not text.
func pieces(text []byte, line func(text []byte, next bool)) {
	text = bytes.TrimRight(clean(text), "\r")
	next := true
	for {
		i := bytes.IndexByte(text, '\r')
		if i < 0 {
			line(text, next)
			return
		}
		if i > 0 || next {
			line(text[:i], next)
			next = false
		}
		text = text[i+1:]
	}
}

// isClean reports whether clean has nothing to do: there is no NUL, no ESC and no 0xc2, the first byte of a no-break space.
func isClean(text []byte) bool {
	return bytes.IndexByte(text, 0) < 0 && bytes.IndexByte(text, 0x1b) < 0 && bytes.IndexByte(text, 0xc2) < 0
}

// clean takes NUL bytes and terminal escape sequences (ECMA-48 CSI) out, and makes spaces of no-break spaces, in place.
func clean(text []byte) []byte {
	if isClean(text) {
		return text
	}
	to := text[:0]
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == 0:
		case c == 0x1b && i+1 < len(text) && text[i+1] == '[':
			for i += 2; i < len(text) && (text[i] < 0x40 || text[i] > 0x7e); i++ {
			}
		case c == 0x1b:
		case c == 0xc2 && i+1 < len(text) && text[i+1] == 0xa0: // U+00A0 in UTF-8
			to = append(to, ' ')
			i++
		default:
			to = append(to, c)
		}
	}
	return to
}

// utf16Reader makes single bytes of UTF-16, '?' of what has none. high is the place of the high byte in each pair.
type utf16Reader struct {
	r    *bufio.Reader
	high int
}

func (u *utf16Reader) Read(p []byte) (n int, err error) {
	for n < len(p) {
		var pair [2]byte
		if _, err := io.ReadFull(u.r, pair[:]); err != nil {
			if n > 0 {
				return n, nil
			}
			if err == io.ErrUnexpectedEOF {
				err = io.EOF
			}
			return 0, err
		}
		p[n] = pair[1-u.high]
		switch {
		case pair[u.high] != 0:
			p[n] = '?'
		case p[n] == 0xa0: // no-break space
			p[n] = ' '
		}
		n++
	}
	return n, nil
}
