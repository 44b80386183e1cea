package compressed

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
)

var errTooLarge = errors.New("compressed: too large a dictionary")

// xzGuard passes on an xz stream and looks at the header of each block, since the size of the
// dictionary that it asks for is allocated at once. (The .xz File Format, version 1.2.0, and the
// chunks of LZMA2, of which only lengths matter here.)
type xzGuard struct {
	r    *bufio.Reader
	out  []byte // to be passed on
	buf  [1024]byte
	step xzStep
	size int64 // of the block's compressed data so far
	left int   // bytes of the current chunk
	sum  int   // length of the integrity check

	numbers   int64 // of the index that are still to come
	indexSize int
}

type xzStep uint8

const (
	xzStreamHeader xzStep = iota
	xzBlockHeader
	xzChunkHeader
	xzChunk
	xzBlockEnd
	xzIndex
)

func (g *xzGuard) Read(p []byte) (int, error) {
	for len(g.out) == 0 {
		if err := g.next(); err != nil {
			return 0, err
		}
	}
	n := copy(p, g.out)
	g.out = g.out[n:]
	return n, nil
}

// take makes the next n bytes the ones to be passed on.
func (g *xzGuard) take(n int) error {
	g.out = g.buf[:n]
	n, err := io.ReadFull(g.r, g.out)
	g.out = g.out[:n]
	if n > 0 {
		err = nil // the decompressor finds out that they are too few
	}
	return err
}

func (g *xzGuard) next() error {
	head, err := g.r.Peek(1)
	if err != nil {
		return err
	}
	switch g.step {
	case xzStreamHeader:
		if head[0] == 0 {
			return g.take(4) // padding behind a stream
		}
		return g.streamHeader()
	case xzBlockHeader:
		if head[0] == 0 {
			g.step, g.indexSize = xzIndex, 0
			g.numbers += 2 // the byte that tells it is the index, and how many blocks there were
			return nil
		}
		g.numbers += 2
		return g.blockHeader((int(head[0]) + 1) * 4)
	case xzChunkHeader:
		return g.chunkHeader(head[0])
	case xzChunk:
		n := min(g.left, len(g.buf))
		if g.left -= n; g.left == 0 {
			g.step = xzChunkHeader
		}
		return g.take(n)
	case xzBlockEnd:
		g.step = xzBlockHeader
		return g.take(int(-g.size&3) + g.sum) // zeros up to a multiple of 4, then the check
	}
	return g.index(head[0])
}

// index passes a byte of the index, which has two numbers for each block, of 7 bits a byte; with
// the last one zeros up to a multiple of 4, the check and the footer.
func (g *xzGuard) index(b byte) error {
	n := 1
	g.indexSize++
	if b&0x80 == 0 {
		g.numbers--
	}
	if g.numbers == 0 {
		n += -g.indexSize&3 + 4 + 12
		g.step = xzStreamHeader
	}
	return g.take(n)
}

func (g *xzGuard) streamHeader() error {
	const length = 12
	g.step = xzBlockHeader
	if err := g.take(length); err != nil || len(g.out) < length {
		return err
	}
	if kind := g.out[7] & 15; kind > 0 {
		g.sum = 4 << ((kind - 1) / 3) // 4, 4, 4, 8, 8, 8, 16 ... bytes
	}
	return nil
}

// blockHeader checks the properties of LZMA2, which has to be the only filter: the decompressor
// knows no other.
func (g *xzGuard) blockHeader(size int) error {
	const compressedSize, uncompressedSize, lzma2 = 0x40, 0x80, 0x21
	g.step, g.size = xzChunkHeader, 0
	if err := g.take(size); err != nil || len(g.out) < size {
		return err
	}
	h := g.out[2:]
	for _, flag := range [...]byte{compressedSize, uncompressedSize} {
		if g.out[1]&flag != 0 {
			_, n := binary.Uvarint(h)
			h = h[max(n, 0):]
		}
	}
	if len(h) < 3 || h[0] != lzma2 || h[1] != 1 {
		return errors.New("compressed: xz filter other than LZMA2")
	}
	if code := h[2]; code > 40 || uint64(2|code&1)<<(code/2+11) > maxXZDict {
		return errTooLarge
	}
	return nil
}

// chunkHeader passes the header of a chunk: its kind, the length of what comes out, that of what
// goes in, properties.
func (g *xzGuard) chunkHeader(control byte) error {
	const end, uncompressed, noReset, lzma, properties = 0, 1, 2, 0x80, 0xc0
	size := 1
	switch {
	case control == end:
		g.step = xzBlockEnd
	case control == uncompressed || control == noReset:
		size = 3
	case control >= properties:
		size = 6
	case control >= lzma:
		size = 5
	default:
		return errors.New("compressed: unknown kind of LZMA2 chunk")
	}
	if err := g.take(size); err != nil || len(g.out) < size {
		return err
	}
	if size > 1 {
		length := g.out[size-2 : size]
		if size == 6 {
			length = g.out[3:5]
		}
		g.left = int(binary.BigEndian.Uint16(length)) + 1
		g.step = xzChunk
	}
	g.size += int64(size + g.left)
	return nil
}
