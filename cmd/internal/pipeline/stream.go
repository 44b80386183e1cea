package pipeline

import (
	"bytes"
	"container/list"
	"hash/maphash"
	"net/netip"
	"slices"
)

const (
	maxStreams        = 1024    // one for each direction of a connection
	maxStreamSegments = 64      // of one stream that wait for one that is missing
	maxStreamBytes    = 8 << 20 // of all that wait, and of messages that have begun
)

// streams are the TCP streams with IKE and ESP.
type streams struct {
	known map[streamKey]*list.Element // of *stream
	order list.List                   // used least recently first
	bytes int
}

type streamKey struct {
	src, dst         netip.Addr
	srcPort, dstPort uint16
}

// stream is one direction of a TCP connection.
type stream struct {
	key     streamKey
	begun   bool      // a segment began with a message
	synced  bool      // next is known: that, or the connection was set up
	next    uint32    // sequence number of the byte behind rest
	answers uint32    // sequence number of the first byte of the answers to the prefix; 0: not known
	rest    []byte    // the beginning of a message
	waiting []segment // that came too early, in their order
	size    int       // what it counts for in streams.bytes

	taken [256]uint64 // hashes of the last messages
	count uint8       // of all of these
}

type segment struct {
	seq    uint32
	length int
	data   []byte // nil: its messages were taken
}

// of returns the stream; one that is not known is begun if it has the mark of what is looked for.
func (s *streams) of(key streamKey, marked bool) *stream {
	if e := s.known[key]; e != nil {
		s.order.MoveToBack(e)
		return e.Value.(*stream)
	}
	if !marked {
		return nil
	}
	if s.known == nil {
		s.known = make(map[streamKey]*list.Element)
	}
	st := &stream{key: key}
	s.known[key] = s.order.PushBack(st)
	if len(s.known) > maxStreams {
		s.forget(s.order.Front())
	}
	return st
}

func (s *streams) forget(e *list.Element) {
	st := s.order.Remove(e).(*stream)
	delete(s.known, st.key)
	s.bytes -= st.size
}

// restart forgets what was seen: the connection is a new one, whose first byte has this number.
func (st *stream) restart(first uint32) {
	st.begun, st.synced, st.next, st.rest, st.waiting = false, true, first, nil, nil
}

// settle counts what st holds, and forgets what was used least recently if all hold too much.
func (s *streams) settle(st *stream) {
	size := cap(st.rest)
	for _, w := range st.waiting {
		size += cap(w.data)
	}
	s.bytes += size - st.size
	st.size = size
	for s.bytes > maxStreamBytes && s.order.Len() > 1 {
		s.forget(s.order.Front())
	}
}

// add takes a segment and returns the messages that are whole now, without their lengths. They lie
// in the segment or in memory of their own. begins tells how surely data begins with a message:
// with that, a stream goes on whose beginning, or a part, was not captured. Anybody can send a
// segment that is none of the stream's: a message that surely begins where none should counts.
func (st *stream) add(seq uint32, data []byte, begins func([]byte) certainty) (messages [][]byte) {
	if bytes.HasPrefix(data, tcpPrefix) {
		data = data[len(tcpPrefix):]
		seq += uint32(len(tcpPrefix))
		if !st.begun {
			st.begin(seq)
		}
	}
	ahead := int(int32(seq - st.next))
	switch {
	case st.synced && ahead > 0:
		return st.wait(seq, data, begins)
	case !st.begun && (st.answers == 0 || st.answers != seq) && begins(data) == none:
		return nil
	case !st.begun || (ahead < 0 || len(st.rest) > 0) && st.isNew(data) && begins(data) == surely:
		st.begin(seq)
	case -ahead >= len(data):
		return nil // sent again
	default:
		data = data[-ahead:]
	}
	messages = st.take(messages, data)
	return st.early(messages)
}

// begin goes on with the message that begins at a number.
func (st *stream) begin(seq uint32) { st.begun, st.synced, st.next, st.rest = true, true, seq, nil }

// isNew reports whether data begins with a whole message, and not with one that is sent again.
func (st *stream) isNew(data []byte) bool {
	length, ok := firstMessage(data)
	return ok && length <= len(data) && !slices.Contains(st.taken[:], maphash.Bytes(streamSeed, data[tcpLengthLen:length]))
}

var streamSeed = maphash.MakeSeed()

// take takes the bytes that follow.
func (st *stream) take(messages [][]byte, data []byte) [][]byte {
	st.next += uint32(len(data))
	if len(st.rest) > 0 {
		data = append(st.rest, data...)
		st.rest = nil
	}
	for len(data) > 0 {
		length, ok := firstMessage(data)
		if !ok && len(data) >= tcpLengthLen {
			st.begun, st.synced, st.waiting = false, false, nil
			return messages
		}
		if !ok || length > len(data) {
			st.rest = slices.Clone(data)
			break
		}
		message := data[tcpLengthLen:length]
		messages = append(messages, message)
		st.note(message)
		data = data[length:]
	}
	return messages
}

// note takes note of a message.
func (st *stream) note(message []byte) {
	st.taken[st.count] = maphash.Bytes(streamSeed, message)
	st.count++
}

// early takes what came too early and follows now.
func (st *stream) early(messages [][]byte) [][]byte {
	for len(st.waiting) > 0 {
		w := st.waiting[0]
		ahead := int(int32(w.seq - st.next))
		if ahead > 0 {
			break
		}
		st.waiting = st.waiting[1:]
		switch behind := -ahead; {
		case behind >= w.length:
		case w.data == nil:
			st.next, st.rest = w.seq+uint32(w.length), nil
		default:
			messages = st.take(messages, w.data[behind:])
		}
	}
	return messages
}

// wait keeps a segment in front of which one is missing, or only its place if it holds whole
// messages. When too many wait, what is missing is given up, and the stream goes on with the first
// that begins with a message.
func (st *stream) wait(seq uint32, data []byte, begins func([]byte) certainty) (messages [][]byte) {
	at, found := slices.BinarySearchFunc(st.waiting, seq, func(w segment, seq uint32) int {
		return int(int32(w.seq - seq))
	})
	if found && st.waiting[at].length >= len(data) {
		return nil
	}
	w := segment{seq: seq, length: len(data)}
	if wholeMessages(data) && begins(data) != none {
		for rest := data; len(rest) > 0; {
			length, _ := firstMessage(rest)
			messages = append(messages, rest[tcpLengthLen:length])
			st.note(rest[tcpLengthLen:length])
			rest = rest[length:]
		}
	} else {
		w.data = slices.Clone(data)
	}
	if found {
		st.waiting[at] = w
	} else {
		st.waiting = slices.Insert(st.waiting, at, w)
	}
	for len(st.waiting) > maxStreamSegments {
		first := st.waiting[0]
		if first.data == nil || begins(first.data) != none {
			st.begin(first.seq)
			return st.early(messages)
		}
		st.waiting = st.waiting[1:]
	}
	return messages
}
