package lanes

import (
	"bytes"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/subtle"
	"encoding"
	"encoding/binary"
	"hash"
	"sync"
)

const blockLen = 64 // bytes of a block of SHA-1 and SHA-256

// Algorithm is a hash that HMACs are made with.
type Algorithm struct {
	index  int
	size   int // bytes of the digest and of the state
	kernel func() compression
	digest func() hash.Hash
	start  [8]uint32 // state in front of the first block
	// saved is the state of the standard library's hash behind one block: 4 bytes, the state, and the
	// rest, which is the same for all blocks.
	saved []byte
}

// The algorithms.
var (
	SHA1       = newAlgorithm(0, sha1.New, func() compression { return best.sha1 })
	SHA256     = newAlgorithm(1, sha256.New, func() compression { return best.sha256 })
	algorithms = []*Algorithm{SHA1, SHA256}
)

// savedHead is the length of what is in front of the state in Algorithm.saved.
const savedHead = 4

func newAlgorithm(index int, digest func() hash.Hash, kernel func() compression) *Algorithm {
	h := digest()
	a := &Algorithm{index: index, size: h.Size(), kernel: kernel, digest: digest}
	a.start = a.state(save(nil, h, nil))
	a.saved = save(nil, h, make([]byte, blockLen))
	return a
}

// state is that in what the standard library's hash has saved.
func (a *Algorithm) state(saved []byte) (state [8]uint32) {
	for i := range a.size / 4 {
		state[i] = binary.BigEndian.Uint32(saved[savedHead+4*i:])
	}
	return state
}

// save appends the saved state of h behind a block.
func save(dst []byte, h hash.Hash, block []byte) []byte {
	h.Write(block)
	saved, err := h.(encoding.BinaryAppender).AppendBinary(dst)
	if err != nil {
		panic(err) // the hashes of the standard library give none
	}
	return saved
}

// HMAC is a key of HMAC: the hash's states behind the two blocks that are made of it, so that no
// message needs them again. Any number of goroutines may use it at the same time. The zero value is
// none.
type HMAC struct {
	*Algorithm
	inner, outer [8]uint32
}

// Key is what an HMAC is made of.
type Key struct {
	*Algorithm
	Bytes []byte // of any length
	HMAC  *HMAC  // set by [Hasher.Keys]
}

// hashers are for single keys.
var hashers = sync.Pool{New: func() any { return new(Hasher) }}

// HMAC returns the HMAC of a key of any length.
func (a *Algorithm) HMAC(key []byte) (m HMAC) {
	h := hashers.Get().(*Hasher)
	m = HMAC{a, h.behind(a, key, &pads[0]), h.behind(a, key, &pads[1])}
	hashers.Put(h)
	return m
}

// Keys makes the HMACs of keys. Long runs of keys of one algorithm are faster.
func (h *Hasher) Keys(keys []Key) {
	for len(keys) > 0 {
		a, n := keys[0].Algorithm, 0
		k := a.kernel()
		for n < min(len(keys), k.lanes/2) && keys[n].Algorithm == a && len(keys[n].Bytes) <= blockLen {
			n++
		}
		if n < max(1, k.least) {
			n = 1
			*keys[0].HMAC = a.HMAC(keys[0].Bytes)
		} else {
			h.lanes().keys(a, k, keys[:n])
		}
		keys = keys[n:]
	}
}

// padding is a block that a key is XORed with.
type padding [blockLen]byte

// pads are ipad and opad of RFC 2104.
var pads = [2]padding{padding(bytes.Repeat([]byte{0x36}, blockLen)), padding(bytes.Repeat([]byte{0x5c}, blockLen))}

// with makes block that of a key, which is no longer than one.
func (p *padding) with(key []byte, block *[blockLen]byte) []byte {
	*block = *p
	subtle.XORBytes(block[:], p[:], key)
	return block[:]
}

// behind is the state behind the key XORed with the pad.
func (h *Hasher) behind(a *Algorithm, key []byte, pad *padding) [8]uint32 {
	d := h.standard(a)
	d.Reset()
	if len(key) > blockLen {
		d.Write(key)
		key = d.Sum(h.sum[:0])
		d.Reset()
	}
	h.saved = save(h.saved[:0], d, pad.with(key, &h.block))
	clear(h.block[:])
	clear(h.sum[:])
	return a.state(h.saved)
}

// IsZero reports whether there is no key.
func (m *HMAC) IsZero() bool { return m.Algorithm == nil }

// Size is the length of the sum in bytes.
func (m *HMAC) Size() int { return m.size }

// Message is what an HMAC is computed of.
type Message struct {
	Key    *HMAC
	Data   []byte
	Suffix []byte   // follows Data, at most 56 bytes
	Sum    [32]byte // set by [Hasher.Sums], in its first Key.Size() bytes
}

// Hasher computes HMACs for one goroutine. The zero value is ready.
type Hasher struct {
	batch  *batch // made when first needed
	queue  []*Message
	digest [2]hash.Hash // of each algorithm
	saved  []byte
	sum    [32]byte
	block  [blockLen]byte
}

// lanes is the batch.
func (h *Hasher) lanes() *batch {
	if h.batch == nil {
		h.batch = new(batch)
	}
	return h.batch
}

// standard is the standard library's hash.
func (h *Hasher) standard(a *Algorithm) hash.Hash {
	if h.digest[a.index] == nil {
		h.digest[a.index] = a.digest()
	}
	return h.digest[a.index]
}

// Sums sets the Sum of each message. Messages of different lengths, keys and algorithms may be
// mixed: long runs of messages are faster, for they fill the lanes.
func (h *Hasher) Sums(messages []Message) {
	left := len(messages)
	for _, a := range algorithms {
		if left == 0 {
			break
		}
		h.queue = h.queue[:0]
		for i := range messages {
			if messages[i].Key.Algorithm == a {
				h.queue = append(h.queue, &messages[i])
			}
		}
		left -= len(h.queue)
		if k := a.kernel(); k.blocks != nil && len(h.queue) >= k.least {
			h.lanes().sums(a, k, h.queue)
		} else {
			for _, m := range h.queue {
				h.one(m)
			}
		}
	}
	clear(h.queue) // the messages are the caller's
}

// one has the standard library hash a message.
func (h *Hasher) one(m *Message) {
	d := h.standard(m.Key.Algorithm)
	h.restore(d, m.Key.Algorithm, &m.Key.inner)
	d.Write(m.Data)
	d.Write(m.Suffix)
	inner := d.Sum(h.sum[:0])
	h.restore(d, m.Key.Algorithm, &m.Key.outer)
	d.Write(inner)
	d.Sum(m.Sum[:0])
}

// restore gives the standard library's hash a state behind one block.
func (h *Hasher) restore(d hash.Hash, a *Algorithm, state *[8]uint32) {
	h.saved = append(h.saved[:0], a.saved...)
	for i := range a.size / 4 {
		binary.BigEndian.PutUint32(h.saved[savedHead+4*i:], state[i])
	}
	if err := d.(encoding.BinaryUnmarshaler).UnmarshalBinary(h.saved); err != nil {
		panic(err) // it has the form of what the hash itself wrote
	}
}
