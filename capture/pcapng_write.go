package capture

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"unicode/utf8"
)

// pcapngWriter is a Writer.
type pcapngWriter struct {
	w          *bufio.Writer
	opened     bool
	comments   []byte  // of the section
	interfaces []int64 // nanoseconds of a tick of each
}

// NewPcapngWriter writes pcapng in little endian, one section. An interface's time stamps are in
// its own Resolution where that is a power of ten up to 1e9, else in nanoseconds, so that a
// packet's time is the one that was read. SnapLen is written as it is given: who writes longer
// packets (reassembled ones) should raise it or set it to 0.
func NewPcapngWriter(w io.Writer) Writer {
	return &pcapngWriter{w: bufio.NewWriterSize(w, writerSize)}
}

// open writes the section header, with the comments, if it is not there yet.
func (pw *pcapngWriter) open(comments []byte) {
	if pw.opened {
		return
	}
	pw.opened, pw.comments = true, comments
	var body []byte
	body = binary.LittleEndian.AppendUint32(body, byteOrderMagic)
	body = binary.LittleEndian.AppendUint16(body, 1)
	body = binary.LittleEndian.AppendUint16(body, 0)
	body = binary.LittleEndian.AppendUint64(body, math.MaxUint64) // section length: not known
	if len(comments) > 0 {
		body = append(body, comments...)
		body = append(body, 0, 0, 0, 0) // opt_endofopt
	}
	pw.write(blockSectionHeader, body) // Write says later what it said
}

// AddInterface writes an Interface Description Block. The comments of the first one's section
// become those of the file, other ones the interface's where there is room.
func (pw *pcapngWriter) AddInterface(ifc Interface) (int, error) {
	if len(ifc.Options)%4 != 0 || len(ifc.Section)%4 != 0 {
		return 0, errOptions
	}
	n := len(ifc.Name) + len(ifc.Options)
	if len(ifc.Name) > math.MaxUint16 || n+64 > maxPacketBlockLen {
		return 0, fmt.Errorf("capture: interface description of %d bytes is too long", n)
	}
	pw.open(ifc.Section)
	exponent, unit := byte(9), int64(1)
	for e, ticks := byte(0), int64(1); e < 9; e, ticks = e+1, ticks*10 {
		if ifc.Resolution == ticks {
			exponent, unit = e, 1e9/ticks
		}
	}
	var body []byte
	body = binary.LittleEndian.AppendUint16(body, uint16(ifc.LinkType))
	body = append(body, 0, 0)
	body = binary.LittleEndian.AppendUint32(body, ifc.SnapLen)
	var ng pcapngFile
	if ifc.Name != "" {
		body = ng.appendOption(body, option{optInterfaceName, []byte(ifc.Name)}, nil)
	}
	body = append(body, ifc.Options...)
	if !bytes.Equal(ifc.Section, pw.comments) && n+len(ifc.Section)+64 <= maxPacketBlockLen {
		body = append(body, ifc.Section...)
	}
	body = ng.appendOption(body, option{optInterfaceResolution, []byte{exponent}}, nil)
	body = append(body, 0, 0, 0, 0) // opt_endofopt
	if err := pw.write(blockInterface, body); err != nil {
		return 0, err
	}
	pw.interfaces = append(pw.interfaces, unit)
	return len(pw.interfaces) - 1, nil
}

// WritePacket writes an Enhanced Packet Block. A comment longer than an option can be is cut.
func (pw *pcapngWriter) WritePacket(p *Packet, comment []byte) error {
	if err := checkPacket(p, len(pw.interfaces)); err != nil {
		return err
	}
	if len(p.Options)%4 != 0 {
		return errOptions
	}
	comment = cutComment(comment)
	options := len(p.Options)
	if len(comment) > 0 {
		options += 4 + pad4(len(comment))
	}
	if options > 0 {
		options += 4 // opt_endofopt
	}
	n := 20 + pad4(len(p.Data)) + options
	if n+minBlockLen > maxPacketBlockLen {
		return fmt.Errorf("capture: packet options of %d bytes are too long", options)
	}
	ticks := uint64(max(p.Time, 0) / pw.interfaces[p.Interface])

	h := pw.begin(blockEnhancedPacket, n)
	h = binary.LittleEndian.AppendUint32(h, uint32(p.Interface))
	h = binary.LittleEndian.AppendUint32(h, uint32(ticks>>32))
	h = binary.LittleEndian.AppendUint32(h, uint32(ticks))
	h = binary.LittleEndian.AppendUint32(h, uint32(len(p.Data)))
	h = binary.LittleEndian.AppendUint32(h, uint32(max(p.Length, len(p.Data))))
	h = appendPadded(h, p.Data)
	if options > 0 {
		h = append(h, p.Options...)
		if len(comment) > 0 {
			h = binary.LittleEndian.AppendUint16(h, optComment)
			h = binary.LittleEndian.AppendUint16(h, uint16(len(comment)))
			h = appendPadded(h, comment)
		}
		h = append(h, 0, 0, 0, 0)
	}
	return pw.end(h)
}

// write writes a block of a body that is padded to 4 bytes.
func (pw *pcapngWriter) write(kind uint32, body []byte) error {
	return pw.end(append(pw.begin(kind, len(body)), body...))
}

// begin returns the beginning of a block with a body of n bytes: in the buffer, where there is
// room.
func (pw *pcapngWriter) begin(kind uint32, n int) []byte {
	if n+minBlockLen > pw.w.Available() {
		pw.w.Flush() // Write says what it said
	}
	b := binary.LittleEndian.AppendUint32(pw.w.AvailableBuffer(), kind)
	return binary.LittleEndian.AppendUint32(b, uint32(n+minBlockLen))
}

// end writes a block, with its length behind it.
func (pw *pcapngWriter) end(block []byte) error {
	_, err := pw.w.Write(binary.LittleEndian.AppendUint32(block, uint32(len(block)+4)))
	return err
}

// appendPadded appends b, padded to 4 bytes.
func appendPadded(dst, b []byte) []byte {
	return append(append(dst, b...), make([]byte, pad4(len(b))-len(b))...)
}

// cutComment cuts a comment to the 65535 bytes that an option can have, between two characters.
func cutComment(c []byte) []byte {
	if len(c) <= math.MaxUint16 {
		return c
	}
	n := math.MaxUint16
	for n > math.MaxUint16-utf8.UTFMax && !utf8.RuneStart(c[n]) {
		n--
	}
	return c[:n]
}

// WriteSecrets writes a Decryption Secrets Block.
func (pw *pcapngWriter) WriteSecrets(kind uint32, data []byte) error {
	if len(data) > maxBlockLen-32 {
		return fmt.Errorf("capture: secrets of %d bytes are too long", len(data))
	}
	pw.open(nil)
	body := binary.LittleEndian.AppendUint32(nil, kind)
	body = binary.LittleEndian.AppendUint32(body, uint32(len(data)))
	return pw.write(blockDecryptionSecrets, appendPadded(body, data))
}

// Flush writes out what is in the buffer; at least the section header, so that a file without
// packets is one.
func (pw *pcapngWriter) Flush() error {
	pw.open(nil)
	return pw.w.Flush()
}
