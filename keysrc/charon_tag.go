package keysrc

import "bytes"

// A charonLine is a line of the log taken apart.
type charonLine struct {
	front  []byte // what stands before the tag
	thread []byte // digits
	group  []byte // "IKE"
	msg    []byte
}

// charonTag finds "13[IKE] " in a line. front is what stood before another tag, or nil.
func charonTag(text, front []byte) (l charonLine, ok bool) {
	head := text[:max(0, min(len(text)-5, 200))]
	i := 1
	if bytes.HasPrefix(text, front) {
		i += len(front)
	}
	for ; i < len(head); i++ {
		at := bytes.IndexByte(head[i:], '[')
		if at < 0 {
			break
		}
		i += at
		start, end, ok := charonTagAt(text, i)
		if !ok {
			continue
		}
		l = charonLine{text[:start], text[start:i], text[i+1 : i+4], text[end+2:]}
		if len(l.msg) > 0 && l.msg[0] == '<' { // <connection|number>
			if j := bytes.Index(l.msg, []byte("> ")); j > 0 && j < 100 {
				l.msg = l.msg[j+2:]
			}
		}
		return l, true
	}
	return l, false
}

// charonTagAt tells whether the bracket of a tag is at i, where the tag starts, and where its
// closing bracket is.
func charonTagAt(text []byte, i int) (start, end int, ok bool) {
	if !digit(text[i-1]) || !upper(text[i+1]) || !upper(text[i+2]) || !upper(text[i+3]) {
		return 0, 0, false
	}
	end = i + 4
	if text[end] >= '0' && text[end] <= '4' { // the level
		end++
	}
	if end+1 >= len(text) || text[end] != ']' || text[end+1] != ' ' {
		return 0, 0, false
	}
	start = i
	for start > 0 && digit(text[start-1]) {
		start--
	}
	return start, end, i-start <= 4 && (start == 0 || text[start-1] == ' ' || text[start-1] == '\t')
}

// daemon returns "host charon[123]:" of what stands before a tag, nil if it is not syslog's but the
// time of a file. The lines of a dump have the same before it.
func (c *charon) daemon(front []byte) []byte {
	head := blanks.trimRight(front)
	if len(head) == 0 || head[len(head)-1] != ':' {
		return nil
	}
	if !bytes.Equal(front, c.front) {
		c.front = append(c.front[:0], front...)
		c.sender = charonDaemon(c.front[:len(head)])
	}
	return c.sender
}

// charonDaemon takes it out of what stands before a tag, without blanks behind it.
func charonDaemon(head []byte) []byte {
	if j := bytes.LastIndexByte(head, ' '); j >= 0 {
		host := head[1+bytes.LastIndexByte(head[:j], ' '):]
		if head = head[j+1:]; !isTime(host[:len(host)-len(head)-1]) {
			head = host
		}
	}
	return head
}

// beginsWithTag reports whether a line begins with the tag of charon.
func beginsWithTag(line []byte) bool {
	n := len(line) - len(decimal.trimLeft(line))
	if n == 0 || len(line) < n+6 {
		return false
	}
	_, _, ok := charonTagAt(line, n)
	return ok
}
