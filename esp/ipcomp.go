package esp

import (
	"bytes"
	"compress/flate"
	"errors"
	"io"
)

// ProtocolIPComp is the next header of a compressed payload (RFC 3173).
const ProtocolIPComp = 108

const (
	ipcompHeaderLen = 4     // next header, flags, CPI: RFC 3173 section 3.1
	maxIPPayload    = 65535 // bytes that an IP packet can carry
)

// syncFlush is the end of the empty stored block (RFC 1951 section 3.2.4) that some senders write
// in place of a final block.
var syncFlush = []byte{0, 0, 0xff, 0xff}

// Errors of [Inflater.Expand].
var (
	errIPCompShort = errors.New("esp: IPComp payload is shorter than its header")
	errIPCompData  = errors.New("esp: IPComp payload is not Deflate, or is damaged")
)

// Inflater expands IPComp payloads compressed with Deflate (RFC 3173, RFC 2394). It is used again
// for any number of payloads, by one goroutine; the zero value is ready.
type Inflater struct {
	in   bytes.Reader
	zlib io.ReadCloser
}

// Expand appends what the IPComp payload data, header included, holds to dst, at most 65535
// bytes, and returns the grown slice and the protocol number of what was appended.
func (x *Inflater) Expand(dst, data []byte) (out []byte, nextHeader uint8, err error) {
	if len(data) < ipcompHeaderLen {
		return dst, 0, errIPCompShort
	}
	x.in.Reset(data[ipcompHeaderLen:])
	if x.zlib == nil {
		x.zlib = flate.NewReader(&x.in)
	} else if err := x.zlib.(flate.Resetter).Reset(&x.in, nil); err != nil {
		return dst, 0, errIPCompData
	}
	start := len(dst)
	for {
		if len(dst) == cap(dst) {
			dst = append(dst, 0)[:len(dst)]
		}
		room := min(cap(dst), start+maxIPPayload+1)
		n, err := x.zlib.Read(dst[len(dst):room])
		dst = dst[:len(dst)+n]
		switch {
		case len(dst)-start > maxIPPayload:
			return dst[:start], 0, errIPCompData
		case err == io.EOF, err == io.ErrUnexpectedEOF && bytes.HasSuffix(data[ipcompHeaderLen:], syncFlush):
			return dst, data[0], nil
		case err != nil:
			return dst[:start], 0, errIPCompData
		}
	}
}
