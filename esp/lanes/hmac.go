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

// algorithm is a hash.
type algorithm struct {
	index  int
	size   int // bytes of the digest and of the state
	kernel func() compression
	digest func() hash.Hash
	// saved is the state of the standard library's hash behind one block: 4 bytes, the state, and the
	// rest, which is the same for all blocks.
	saved   []byte
	workers sync.Pool // of *keyWorker
}

var (
	hmacSHA1   = newAlgorithm(0, sha1.New, func() compression { return best.sha1 })
	hmacSHA256 = newAlgorithm(1, sha256.New, func() compression { return best.sha256 })
	algorithms = []*algorithm{hmacSHA1, hmacSHA256}
)

// savedHead is the length of what is in front of the state in algorithm.saved.
const savedHead = 4

func newAlgorithm(index int, digest func() hash.Hash, kernel func() compression) *algorithm {
	h := digest()
	return &algorithm{
		index: index, size: h.Size(), kernel: kernel, digest: digest, saved: save(nil, h, make([]byte, blockLen)),
		workers: sync.Pool{New: func() any { return &keyWorker{digest: digest()} }},
	}
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
	*algorithm
	inner, outer [8]uint32
}

// NewHMACSHA1 returns the HMAC-SHA1 of a key of any length.
func NewHMACSHA1(key []byte) HMAC { return newHMAC(hmacSHA1, key) }

// NewHMACSHA256 returns the HMAC-SHA-256 of a key of any length.
func NewHMACSHA256(key []byte) HMAC { return newHMAC(hmacSHA256, key) }

func newHMAC(a *algorithm, key []byte) (m HMAC) {
	m.algorithm = a
	w := a.workers.Get().(*keyWorker)
	m.inner, m.outer = w.behind(a, key, innerPad), w.behind(a, key, outerPad)
	a.workers.Put(w)
	return m
}

// ipad and opad of RFC 2104.
var innerPad, outerPad = bytes.Repeat([]byte{0x36}, blockLen), bytes.Repeat([]byte{0x5c}, blockLen)

// keyWorker is memory to make states of keys in.
type keyWorker struct {
	digest hash.Hash
	block  [blockLen]byte // zero between the calls
	saved  []byte
}

// behind is the state behind the key XORed with the pad.
func (w *keyWorker) behind(a *algorithm, key, pad []byte) (state [8]uint32) {
	if len(key) > blockLen {
		w.digest.Reset()
		w.digest.Write(key)
		w.digest.Sum(w.block[:0])
	} else {
		copy(w.block[:], key)
	}
	subtle.XORBytes(w.block[:], w.block[:], pad)
	w.digest.Reset()
	w.saved = save(w.saved[:0], w.digest, w.block[:])
	clear(w.block[:])
	for i := range a.size / 4 {
		state[i] = binary.BigEndian.Uint32(w.saved[savedHead+4*i:])
	}
	return state
}

// IsZero reports whether there is no key.
func (m *HMAC) IsZero() bool { return m.algorithm == nil }

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
			if messages[i].Key.algorithm == a {
				h.queue = append(h.queue, &messages[i])
			}
		}
		left -= len(h.queue)
		if k := a.kernel(); k.blocks != nil && len(h.queue) >= k.least {
			if h.batch == nil {
				h.batch = new(batch)
			}
			h.batch.sums(a, k, h.queue)
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
	if h.digest[m.Key.index] == nil {
		h.digest[m.Key.index] = m.Key.digest()
	}
	d := h.digest[m.Key.index]
	h.restore(d, m.Key.algorithm, &m.Key.inner)
	d.Write(m.Data)
	d.Write(m.Suffix)
	inner := d.Sum(h.sum[:0])
	h.restore(d, m.Key.algorithm, &m.Key.outer)
	d.Write(inner)
	d.Sum(m.Sum[:0])
}

// restore gives the standard library's hash a state behind one block.
func (h *Hasher) restore(d hash.Hash, a *algorithm, state *[8]uint32) {
	h.saved = append(h.saved[:0], a.saved...)
	for i := range a.size / 4 {
		binary.BigEndian.PutUint32(h.saved[savedHead+4*i:], state[i])
	}
	if err := d.(encoding.BinaryUnmarshaler).UnmarshalBinary(h.saved); err != nil {
		panic(err) // it has the form of what the hash itself wrote
	}
}
