package ppp

import (
	"crypto/rc4"
	"crypto/sha1"
	"errors"
)

// Bits and number of the header of MPPE and MPPC packets (RFC 3078 section 3.1, RFC 2118 section
// 3.1).
const (
	mppeFlushed    = 0x8000 // A: nothing before this packet is needed
	mppeRestart    = 0x4000 // B: the history is filled from its front
	mppeCompressed = 0x2000 // C
	mppeEncrypted  = 0x1000 // D
	mppeCountMask  = 0x0fff // coherency count
	mppeFlagMask   = 0x00ff // stateful keys change where the count is xxFF
)

const (
	mppeKept  = 64 // keys of stateless mode that are kept for packets that come late
	mppeExtra = 4  // changes of a stateful key that lost packets may have made
)

var (
	errLate    = errors.New("ppp: packet is late or repeated")
	errGap     = errors.New("ppp: packets before this one are missing")
	errHistory = errors.New("ppp: packet refers to what was before the capture")
	errKey     = errors.New("ppp: the key does not fit")
)

// mppeKey is a session key; of one of 8 bytes the rest is zero.
type mppeKey [16]byte

// mppeCipher decrypts MPPE of one direction (RFC 3078).
type mppeCipher struct {
	start     mppeKey // that the session began with
	key       mppeKey // of the packet before the next
	length    int     // of keys, in bytes: 8 or 16
	salt      []byte  // the bytes that weaker keys begin with
	stateless bool
	count     uint16 // of the next packet
	stream    rc4.Cipher

	kept [mppeKept]keptKey // stateless: by the count's lowest bits
}

// keptKey is the key of a packet that has not come.
type keptKey struct {
	key   mppeKey
	count uint16
	valid bool
}

// newMPPECipher returns the state at the beginning, nil if options, those of the CCP option (RFC
// 3078 section 2.1), choose no key length or several, or if the key is not known.
func newMPPECipher(options uint32, keys *startKeys, direction int) *mppeCipher {
	m := &mppeCipher{stateless: options&mppeStateless != 0}
	var start []byte
	switch options & (mppe40 | mppe56 | mppe128) {
	case mppe40:
		start, m.salt = keys.short[direction], []byte{0xd1, 0x26, 0x9e}
	case mppe56:
		start, m.salt = keys.short[direction], []byte{0xd1}
	case mppe128:
		start = keys.long[direction]
	}
	if start == nil {
		return nil
	}
	m.length = copy(m.start[:], start)
	m.key = m.derive(m.start)
	copy(m.key[:], m.salt)
	m.stream = m.rc4(m.key)
	return m
}

func (m *mppeCipher) rc4(key mppeKey) rc4.Cipher {
	c, err := rc4.NewCipher(key[:m.length])
	if err != nil {
		panic(err) // the length is right
	}
	return *c
}

// derive is GetNewKeyFromSHA (RFC 3078 section 7.3).
func (m *mppeCipher) derive(key mppeKey) (next mppeKey) {
	space := [2*16 + 2*40]byte{}
	b := append(append(space[:0], m.start[:m.length]...), shaPad1...)
	b = append(append(b, key[:m.length]...), shaPad2...)
	sum := sha1.Sum(b)
	copy(next[:], sum[:m.length])
	return next
}

// change is the key after the given one (RFC 3078 section 7.3).
func (m *mppeCipher) change(key mppeKey) mppeKey {
	next := m.derive(key)
	c := m.rc4(next)
	c.XORKeyStream(next[:m.length], next[:m.length])
	copy(next[:], m.salt)
	return next
}

// decrypt appends the plaintext of a packet, which is header and data. Where packets were lost or
// the key was changed, fits decides what the sender did, for implementations differ; nothing is
// changed by a packet that does not fit.
func (m *mppeCipher) decrypt(dst []byte, header uint16, data []byte, fits func([]byte) bool) ([]byte, error) {
	ahead := (header - m.count) & mppeCountMask
	switch {
	case m.stateless && ahead > mppeCountMask-mppeKept:
		return m.decryptLate(dst, header&mppeCountMask, data, fits)
	case m.stateless:
		return m.decryptStateless(dst, ahead, data, fits)
	case ahead > mppeCountMask/2:
		return dst, errLate
	}
	return m.decryptStateful(dst, header, ahead, data, fits)
}

// decryptStateless changes the key before every packet (RFC 3078 section 8.1).
func (m *mppeCipher) decryptStateless(dst []byte, ahead uint16, data []byte, fits func([]byte) bool) ([]byte, error) {
	var skipped [mppeKept]mppeKey // the keys of the packets that are missing
	key := m.key
	for i := range ahead {
		key = m.change(key)
		skipped[i%mppeKept] = key
	}
	key = m.change(key)
	stream, at := m.rc4(key), len(dst)
	dst = appendXOR(dst, &stream, data)
	if ahead > 0 && !fits(dst[at:]) {
		return dst[:at], errKey
	}
	for i := ahead - min(ahead, mppeKept); i < ahead; i++ {
		count := (m.count + i) & mppeCountMask
		m.kept[count%mppeKept] = keptKey{skipped[i%mppeKept], count, true}
	}
	m.key, m.count = key, (m.count+ahead+1)&mppeCountMask
	m.kept[(m.count-1)%mppeKept].valid = false // it has come
	return dst, nil
}

// decryptLate decrypts a packet that was overtaken.
func (m *mppeCipher) decryptLate(dst []byte, count uint16, data []byte, fits func([]byte) bool) ([]byte, error) {
	k := &m.kept[count%mppeKept]
	if !k.valid || k.count != count {
		return dst, errLate
	}
	stream, at := m.rc4(k.key), len(dst)
	if dst = appendXOR(dst, &stream, data); !fits(dst[at:]) {
		return dst[:at], errKey
	}
	k.valid = false
	return dst, nil
}

// decryptStateful goes on with the cipher until a flag packet or a flush (RFC 3078 section 8.2).
// After a flush the RFC begins RC4 anew with the same key, Linux with the next; and that of Linux
// may be several keys ahead, where packets with flushes were lost.
func (m *mppeCipher) decryptStateful(
	dst []byte, header, ahead uint16, data []byte, fits func([]byte) bool,
) ([]byte, error) {
	at := len(dst)
	flag := header&mppeFlagMask == mppeFlagMask
	if header&mppeFlushed == 0 && !flag {
		if ahead > 0 {
			return dst, errGap
		}
		m.count = (m.count + 1) & mppeCountMask
		return appendXOR(dst, &m.stream, data), nil
	}
	key := m.key
	for i := range ahead {
		if (m.count+i)&mppeFlagMask == mppeFlagMask {
			key = m.change(key)
		}
	}
	if flag {
		key = m.change(key)
	}
	for extra := range 1 + mppeExtra {
		if extra > 0 {
			key = m.change(key)
		}
		stream := m.rc4(key)
		if dst = appendXOR(dst[:at], &stream, data); fits(dst[at:]) {
			m.key, m.stream, m.count = key, stream, (m.count+ahead+1)&mppeCountMask
			return dst, nil
		}
	}
	return dst[:at], errKey
}

func appendXOR(dst []byte, stream *rc4.Cipher, data []byte) []byte {
	at := len(dst)
	dst = append(dst, data...)
	stream.XORKeyStream(dst[at:], dst[at:])
	return dst
}
