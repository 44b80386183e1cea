package ppp

import (
	"bytes"
	"encoding/binary"
)

// sequenced is what compressors have in common whose packets begin with a sequence number.
type sequenced struct{}

func (sequenced) number(packet []byte) (number uint16, alone, ok bool) {
	if len(packet) < 2 {
		return 0, false, false
	}
	return binary.BigEndian.Uint16(packet), false, true
}

func (sequenced) reset() bool { return true }

// deflateCompressor is Deflate (RFC 1979).
type deflateCompressor struct {
	sequenced
	window   deflateWindow
	inflater *inflater

	// Where the output before some packet is not known, there are zeros in its place in front of
	// window, and ones in front of other: what both expand to is right, and what differs is not known.
	// nil: all of window is known.
	other  *deflateWindow
	output []byte
}

const maxDeflateWindow = 1 << 15

var zeros, ones = new([maxDeflateWindow]byte), (*[maxDeflateWindow]byte)(bytes.Repeat([]byte{0xff}, maxDeflateWindow))

func newDeflateCompressor(window int, f *inflater) *deflateCompressor {
	return &deflateCompressor{window: deflateWindow{size: window}, inflater: f}
}

// restart: all before the packet becomes unknown.
func (d *deflateCompressor) restart([]byte) (after, ok bool) {
	d.window = deflateWindow{before: zeros, size: d.window.size}
	d.other = &deflateWindow{before: ones, size: d.window.size}
	return false, true
}

func (d *deflateCompressor) expand(dst, packet []byte) ([]byte, error) {
	at := len(dst)
	dst, err := d.inflater.expand(dst, packet[2:], &d.window)
	if err == nil && d.other != nil {
		d.output, err = d.inflater.expand(d.output[:0], packet[2:], d.other)
		d.other.add(d.output)
		if err == nil && !bytes.Equal(dst[at:], d.output) {
			err = errHistory
		}
	}
	d.window.add(dst[at:])
	if d.other != nil && len(d.window.data) >= d.window.size && bytes.Equal(d.window.tail(), d.other.tail()) {
		d.other, d.output = nil, nil
	}
	return dst, err
}

// counts: all but packets that are compressed already, and those of control protocols.
func (*deflateCompressor) counts(protocol uint16) bool {
	return protocol < 0x4000 && protocol != protocolCompressed && protocol != protocolLinkCompressed
}

func (d *deflateCompressor) pass(protocol uint16, data []byte) {
	d.window.pass(protocol, data)
	if d.other != nil {
		d.other.pass(protocol, data)
	}
}

func (d *deflateCompressor) drop() {
	d.window, d.other, d.output = deflateWindow{size: d.window.size}, nil, nil
}

func (d *deflateCompressor) size() int {
	n := cap(d.window.data) + cap(d.output)
	if d.other != nil {
		n += cap(d.other.data)
	}
	return n
}

// bsdCompressor is BSD-compress (RFC 1977).
type bsdCompressor struct {
	sequenced
	*bsdDictionary
}

func newBSDCompressor(maxBits int) bsdCompressor {
	return bsdCompressor{bsdDictionary: newBSDDictionary(maxBits)}
}

func (b bsdCompressor) expand(dst, packet []byte) ([]byte, error) {
	return b.bsdDictionary.expand(dst, packet[2:])
}

func (bsdCompressor) counts(protocol uint16) bool { return protocol >= 0x21 && protocol <= 0xf9 }

func (b bsdCompressor) pass(protocol uint16, data []byte) {
	b.bsdDictionary.pass(byte(protocol), data)
}

// restart: behind a CLEAR the dictionary is that of the beginning.
func (b bsdCompressor) restart(packet []byte) (after, ok bool) {
	if !bsdClears(packet[2:], b.maxBits) {
		return false, false
	}
	b.drop()
	return true, true
}

func (b bsdCompressor) size() int { return 10 * cap(b.entries) }

// microsoftCompressor is MPPC, MPPE, or one inside the other (RFC 2118, RFC 3078).
type microsoftCompressor struct {
	compresses bool
	cipher     *mppeCipher  // nil: no encryption
	history    *mppcHistory // nil: not in use
	next       uint16       // count of the next packet
	usable     bool         // the history is that of the sender

	fits   func([]byte) bool // says whether a frame is one
	header uint16            // of the packet that is being decrypted
	trial  *mppcHistory
	plain  []byte
	frame  []byte
}

// newMicrosoftCompressor is what a CCP option of these bits asks for; cipher is nil where they ask
// for no encryption.
func newMicrosoftCompressor(options uint32, cipher *mppeCipher, fits func([]byte) bool) *microsoftCompressor {
	return &microsoftCompressor{compresses: options&mppeMPPC != 0, cipher: cipher, fits: fits, usable: true}
}

// number: the flush and, of a cipher that no history depends on, the flag packet stand alone.
func (m *microsoftCompressor) number(packet []byte) (number uint16, alone, ok bool) {
	if len(packet) < 2 {
		return 0, false, false
	}
	header := binary.BigEndian.Uint16(packet)
	flag := m.cipher != nil && header&mppeFlagMask == mppeFlagMask
	return header & mppeCountMask, header&mppeFlushed != 0 || flag, true
}

func (m *microsoftCompressor) expand(dst, packet []byte) ([]byte, error) {
	header, data := binary.BigEndian.Uint16(packet), packet[2:]
	ahead := (header - m.next) & mppeCountMask
	late := ahead > mppeCountMask/2
	if m.history == nil && header&mppeCompressed != 0 {
		if !m.compresses {
			return dst, errKey
		}
		m.history, m.trial = new(mppcHistory), new(mppcHistory)
	}
	switch {
	case late && (m.cipher == nil || !m.cipher.stateless):
		return dst, errLate
	case (m.cipher != nil) != (header&mppeEncrypted != 0):
		return dst, errKey
	case m.cipher != nil:
		m.header = header
		plain, err := m.cipher.decrypt(m.plain[:0], header, data, m.plausible)
		if m.plain = plain; err != nil {
			return dst, err
		}
		data = plain
	}
	if late {
		if header&mppeCompressed == 0 {
			return append(dst, data...), nil
		}
		m.trial.flush() // as the flush bit of a stateless packet says
		return m.trial.expand(dst, data)
	}
	m.next = (header + 1) & mppeCountMask
	if header&mppeFlushed != 0 && m.history != nil {
		m.history.flush()
	}
	m.usable = header&mppeFlushed != 0 || m.usable && ahead == 0
	switch {
	case header&mppeCompressed == 0:
		return append(dst, data...), nil
	case !m.usable:
		return dst, errGap
	case header&mppeRestart != 0:
		m.history.restart()
	}
	dst, err := m.history.expand(dst, data)
	m.usable = err == nil
	return dst, err
}

// plausible reports whether a plaintext is a frame, or expands to one.
func (m *microsoftCompressor) plausible(plain []byte) bool {
	if m.header&mppeCompressed == 0 {
		return m.fits(plain)
	}
	m.trial.flush()
	if m.header&mppeFlushed == 0 {
		*m.trial = *m.history
	}
	if m.header&mppeRestart != 0 {
		m.trial.restart()
	}
	frame, err := m.trial.expand(m.frame[:0], plain)
	m.frame = frame
	return err == nil && m.fits(frame)
}

// counts: every packet has the header.
func (*microsoftCompressor) counts(uint16) bool { return false }

func (*microsoftCompressor) pass(uint16, []byte) {}

// restart: no packet can be read whose flags do not say that it stands alone.
func (*microsoftCompressor) restart([]byte) (after, ok bool) { return false, false }

// reset: the flush in the next packet says the same.
func (*microsoftCompressor) reset() bool { return false }

func (m *microsoftCompressor) drop() {
	m.history, m.trial, m.plain, m.frame, m.usable = nil, nil, nil, nil, false
}

func (m *microsoftCompressor) size() int {
	n := cap(m.plain) + cap(m.frame)
	if m.history != nil {
		n += 2 * mppcSize
	}
	if m.cipher != nil {
		n += 4 << 10
	}
	return n
}
