package lanes

import "encoding/binary"

// batch hashes messages in lanes.
type batch struct {
	state [8][maxLanes]uint32
	data  [maxLanes]*byte
	lanes [maxLanes]lane
}

// lane is what is to be done of the message that a lane works on.
type lane struct {
	message *Message // nil: the lane is idle
	rest    []byte   // whole blocks: first of the data, then of the tail
	tail    []byte   // the end of the data with the padding; nil: it is in rest
	memory  [2 * blockLen]byte
}

// sums computes the HMACs of messages of one algorithm.
func (b *batch) sums(a *Algorithm, k compression, messages []*Message) {
	b.inner(a, k, messages)
	for len(messages) > 0 {
		n := min(len(messages), k.lanes)
		b.outer(a, k, messages[:n])
		messages = messages[n:]
	}
	clear(b.data[:]) // the messages are the caller's
}

// inner sets the Sums to the inner hashes. A lane that is done takes the next message.
func (b *batch) inner(a *Algorithm, k compression, messages []*Message) {
	lanes := b.lanes[:k.lanes]
	for i := range lanes {
		messages = b.take(i, messages)
	}
	for {
		n := b.nearest(lanes)
		if n == 0 {
			return
		}
		k.blocks(&b.state, &b.data, n/blockLen)
		for i := range lanes {
			l := &lanes[i]
			switch {
			case l.message == nil:
			case len(l.rest) > n:
				l.rest = l.rest[n:]
			case l.tail != nil:
				l.rest, l.tail = l.tail, nil
			default:
				b.store(a, i, l.message)
				messages = b.take(i, messages)
			}
		}
	}
}

// nearest returns how far all lanes go: to the end of the part that ends first. It is 0 where there
// is no message.
func (b *batch) nearest(lanes []lane) (n int) {
	var some *byte // to read where there is no message
	for i := range lanes {
		if l := &lanes[i]; l.message != nil && (n == 0 || len(l.rest) < n) {
			n, some = len(l.rest), &l.rest[0]
		}
	}
	for i := range lanes {
		if b.data[i] = some; lanes[i].message != nil {
			b.data[i] = &lanes[i].rest[0]
		}
	}
	return n
}

// take gives a lane the first message, if there is one, and returns the others.
func (b *batch) take(i int, messages []*Message) []*Message {
	l := &b.lanes[i]
	if len(messages) == 0 {
		l.message, l.rest = nil, nil
		return nil
	}
	m := messages[0]
	whole := len(m.Data) &^ (blockLen - 1)
	tail := append(append(l.memory[:0], m.Data[whole:]...), m.Suffix...)
	tail = pad(tail, len(m.Data)+len(m.Suffix))
	if l.message, l.rest, l.tail = m, m.Data[:whole], tail; whole == 0 {
		l.rest, l.tail = tail, nil
	}
	b.load(i, &m.Key.inner)
	return messages[1:]
}

// pad ends a message that has length bytes behind the key's block: a bit, zeros, and the length in
// bits (FIPS 180-4, 5.1.1).
func pad(tail []byte, length int) []byte {
	n := len(tail)
	end := (n + 1 + 8 + blockLen - 1) &^ (blockLen - 1)
	tail = tail[:end]
	clear(tail[n:])
	tail[n] = 0x80
	binary.BigEndian.PutUint64(tail[end-8:], uint64(blockLen+length)*8)
	return tail
}

// outer makes the inner hashes in the Sums of as many messages as there are lanes the HMACs.
func (b *batch) outer(a *Algorithm, k compression, messages []*Message) {
	for i := range k.lanes {
		m := messages[min(i, len(messages)-1)] // an idle lane does the last one once more
		block := pad(append(b.lanes[i].memory[:0], m.Sum[:a.size]...), a.size)
		b.data[i] = &block[0]
		b.load(i, &m.Key.outer)
	}
	k.blocks(&b.state, &b.data, 1)
	for i, m := range messages {
		b.store(a, i, m)
	}
}

// keys makes the HMACs of half as many keys as there are lanes, none longer than a block.
func (b *batch) keys(a *Algorithm, k compression, keys []Key) {
	for i := range k.lanes {
		key := keys[min(i/2, len(keys)-1)] // an idle lane does the last one once more
		b.data[i] = &pads[i%2].with(key.Bytes, (*[blockLen]byte)(b.lanes[i].memory[:]))[0]
		b.load(i, &a.start)
	}
	k.blocks(&b.state, &b.data, 1)
	for i, key := range keys {
		*key.HMAC = HMAC{Algorithm: a}
		for j := range a.size / 4 {
			key.HMAC.inner[j], key.HMAC.outer[j] = b.state[j][2*i], b.state[j][2*i+1]
		}
	}
	for i := range k.lanes {
		clear(b.lanes[i].memory[:]) // the key's
	}
}

func (b *batch) load(i int, state *[8]uint32) {
	for j, w := range state {
		b.state[j][i] = w
	}
}

func (b *batch) store(a *Algorithm, i int, m *Message) {
	for j := range a.size / 4 {
		binary.BigEndian.PutUint32(m.Sum[4*j:], b.state[j][i])
	}
}
