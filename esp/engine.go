package esp

import (
	"crypto/cipher"
	"crypto/subtle"
	"encoding/binary"
	"slices"

	"l2tpdump/esp/lanes"
)

// An engine undoes the encryption of one SA's packets, one packet at a time: it holds the
// scratch memory of a call. Engines of one SA share the key schedule.
type engine interface {
	// decrypt appends the plaintext of body to dst and checks nothing. It may use 16 bytes
	// of dst's capacity behind the plaintext.
	decrypt(dst, iv, body []byte) []byte
}

// A cipherKey makes engines with one key.
type cipherKey interface{ newEngine() engine }

// engineFunc is the key of engines that it makes.
type engineFunc func() engine

func (f engineFunc) newEngine() engine { return f() }

// An opener is the engine of an AEAD cipher.
type opener interface {
	engine
	// open appends the plaintext of p.body to dst if p.icv is right. It may use 16 bytes of
	// dst's capacity behind the plaintext.
	open(dst []byte, p *parts) (plain []byte, ok bool)
}

// parts is a packet taken apart. The slices are parts of the packet, but for aad and an implicit
// iv.
type parts struct {
	aad     []byte // SPI, high half of the sequence number (ESN only), low half
	iv      []byte
	body    []byte // ciphertext
	icv     []byte
	covered []byte // from the SPI to the end of body
	esn     bool
}

// extend lengthens b by n bytes and returns the longer slice and its new part.
func extend(b []byte, n int) (all, added []byte) {
	l := len(b)
	b = slices.Grow(b, n)[:l+n]
	return b, b[l:]
}

type nullEngine struct{}

func (e nullEngine) newEngine() engine { return e }

func (nullEngine) decrypt(dst, _, body []byte) []byte { return append(dst, body...) }

// aesCBCKey is a key of AES in CBC mode, of a length that AES has.
type aesCBCKey struct{ Key }

func (k aesCBCKey) newEngine() engine {
	e := new(aesCBCEngine)
	e.of(k)
	return e
}

// aesCBCEngine is AES in CBC mode, by package lanes.
type aesCBCEngine struct{ lanes.CBC }

// of makes it that of a key.
func (e *aesCBCEngine) of(k aesCBCKey) {
	if err := e.SetKey(k.Bytes()); err != nil {
		panic(err)
	}
}

func (e *aesCBCEngine) decrypt(dst, iv, body []byte) []byte {
	dst, plain := extend(dst, len(body))
	e.Decrypt(plain, iv, body)
	return dst
}

// cbcEngine is another block cipher in CBC mode. The blocks are decrypted first and chained in one
// go after that, which takes crypto/cipher's mode a call of XORBytes for each block.
type cbcEngine struct{ block cipher.Block }

func (e cbcEngine) newEngine() engine { return e }

func (e cbcEngine) decrypt(dst, iv, body []byte) []byte {
	dst, plain := extend(dst, len(body))
	size := e.block.BlockSize()
	for i := 0; i+size <= len(body); i += size {
		e.block.Decrypt(plain[i:i+size], body[i:i+size])
	}
	n := subtle.XORBytes(plain, plain, iv)
	subtle.XORBytes(plain[n:], plain[n:], body)
	return dst
}

// aeadEngine is AES-GCM with a tag of 12 bytes or more, and ChaCha20-Poly1305: salt and IV make the
// nonce.
type aeadEngine struct {
	aead  cipher.AEAD
	nonce [12]byte
}

func (e *aeadEngine) open(dst []byte, p *parts) ([]byte, bool) {
	copy(e.nonce[4:], p.iv)
	// body and icv are neighbours in the packet.
	plain, err := e.aead.Open(dst, e.nonce[:], p.body[:len(p.body)+len(p.icv)], p.aad)
	return plain, err == nil
}

// decrypt encrypts: the same key stream.
func (e *aeadEngine) decrypt(dst, iv, body []byte) []byte {
	copy(e.nonce[4:], iv)
	out := e.aead.Seal(dst, e.nonce[:], body, nil)
	return out[:len(dst)+len(body)]
}

// shortTagEngine is AES-GCM with a tag of 8 bytes, which crypto/cipher refuses to check: encrypting
// the plaintext again gives the whole tag.
type shortTagEngine struct {
	aeadEngine
	icvLen int
	again  []byte
}

func (e *shortTagEngine) open(dst []byte, p *parts) ([]byte, bool) {
	out := e.decrypt(dst, p.iv, p.body)
	e.again = e.aead.Seal(e.again[:0], e.nonce[:], out[len(dst):], p.aad)
	tag := e.again[len(p.body):][:e.icvLen]
	return out, subtle.ConstantTimeCompare(tag, p.icv) == 1
}

// gmacEngine checks what is not encrypted. All of the packet in front of the ICV is additional data
// (RFC 4543, 3.3).
type gmacEngine struct {
	aead  cipher.AEAD
	nonce [12]byte
	long  []byte // packet with the high half of the sequence number
}

func (e *gmacEngine) decrypt(dst, _, body []byte) []byte { return append(dst, body...) }

func (e *gmacEngine) open(dst []byte, p *parts) ([]byte, bool) {
	aad := p.covered
	if p.esn {
		e.long = append(append(e.long[:0], p.aad...), p.covered[HeaderLen:]...)
		aad = e.long
	}
	copy(e.nonce[4:], p.iv)
	if _, err := e.aead.Open(nil, e.nonce[:], p.icv, aad); err != nil {
		return dst, false
	}
	return append(dst, p.body...), true
}

// counterMode is AES in counter mode with a block of nonce (12 bytes: salt, IV) and counter (4
// bytes, from 1), as AES-CTR (RFC 3686, 4) and AES-CCM of ESP have it. GCM counts the same way from
// 2 for the data: the first block is done here, the others by GCM, whose assembly needs no stream
// to be allocated. GCM's tag is computed for nothing, which is cheap.
type counterMode struct {
	block cipher.Block
	gcm   cipher.AEAD
	nonce [12]byte
	first [16]byte
}

func (c *counterMode) decrypt(dst, iv, body []byte) []byte {
	copy(c.nonce[4:], iv)
	l := len(dst)
	copy(c.first[:], c.nonce[:])
	binary.BigEndian.PutUint32(c.first[12:], 1)
	c.block.Encrypt(c.first[:], c.first[:])
	n := min(len(body), len(c.first))
	dst, plain := extend(dst, n)
	subtle.XORBytes(plain, body[:n], c.first[:])
	if n == len(body) {
		return dst
	}
	dst = c.gcm.Seal(dst, c.nonce[:], body[n:], nil)
	return dst[:l+len(body)]
}

// ccmLengthBytes is the size of the length field, which leaves 11 bytes to the nonce: salt and IV
// (RFC 4309, 4).
const ccmLengthBytes = 4

// ccmEngine is AES-CCM (RFC 3610) as ESP uses it. The counter block is flags, nonce, counter.
type ccmEngine struct {
	counterMode
	mac    *cbcMAC
	icvLen int
	head   [32]byte // B_0 and the block of additional data
	tag    [16]byte
	s0     [16]byte
}

func (e *ccmEngine) open(dst []byte, p *parts) ([]byte, bool) {
	out := e.decrypt(dst, p.iv, p.body)

	// B_0: flags, nonce, length of the message; then the length of the additional data, the data,
	// zeros.
	e.head = [32]byte{}
	e.head[0] = 1<<6 | byte((e.icvLen-2)/2)<<3 | (ccmLengthBytes - 1)
	copy(e.head[1:], e.nonce[1:])
	binary.BigEndian.PutUint32(e.head[12:], uint32(len(p.body)))
	binary.BigEndian.PutUint16(e.head[16:], uint16(len(p.aad)))
	copy(e.head[18:], p.aad)
	e.mac.start()
	e.mac.write(e.head[:])
	e.mac.write(out[len(dst):])
	e.mac.zeroPadded(&e.tag)

	copy(e.s0[:], e.nonce[:])
	binary.BigEndian.PutUint32(e.s0[12:], 0)
	e.block.Encrypt(e.s0[:], e.s0[:])
	subtle.XORBytes(e.tag[:], e.tag[:], e.s0[:])
	return out, subtle.ConstantTimeCompare(e.tag[:e.icvLen], p.icv) == 1
}
