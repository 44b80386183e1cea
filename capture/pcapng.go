package capture

import (
	"encoding/binary"
	"slices"
)

// pcapng block types.
const (
	blockSectionHeader     = 0x0a0d0d0a
	blockInterface         = 1
	blockObsoletePacket    = 2
	blockSimplePacket      = 3
	blockNames             = 4
	blockStatistics        = 5
	blockEnhancedPacket    = 6
	blockDecryptionSecrets = 10
)

const (
	byteOrderMagic = 0x1a2b3c4d
	minBlockLen    = 12 // type, total length, total length again

	// maxBlockLen is the largest block that is believed, in bytes: Wireshark's limit too.
	maxBlockLen = 16 << 20
	// maxPacketBlockLen is the same for blocks with a packet and for interface descriptions.
	maxPacketBlockLen = 1 << 20
	// maxInterfaces and maxInterfaceBytes bound what a file can have Reader remember.
	maxInterfaces     = 65536
	maxInterfaceBytes = 16 << 20
)

// pcapngFile is the state of the current section.
type pcapngFile struct {
	byteOrder
	section        []sectionInterface
	comments       []byte // of the section header, as in Interface.Section
	interfaceBytes int    // names, options and comments remembered in all sections
	scratch        []byte // options of a big-endian packet, turned round
}

// sectionInterface is an interface of the current section.
type sectionInterface struct {
	index   int // into Reader.interfaces
	snapLen uint32
	clock   clock
}

// readyPcapng reports whether there is a whole packet block in b, or something that ends the
// reading of this section.
func (r *Reader) readyPcapng(b []byte) bool {
	for len(b) >= 8 {
		kind, length := r.pcapng.uint32(b[0:4]), r.pcapng.uint32(b[4:8])
		switch {
		case kind == blockSectionHeader || length < 12 || length > maxPacketBlockLen:
			return true
		case len(b) < int(length):
			return false
		case kind == blockEnhancedPacket || kind == blockObsoletePacket || kind == blockSimplePacket:
			return true
		}
		b = b[length:]
	}
	return false
}

// nextPcapng reads blocks up to the next packet.
func (r *Reader) nextPcapng(p *Packet) error {
	for {
		if isPacket, err := r.block(p); err != nil || isPacket {
			return err
		}
	}
}

// block reads a block; isPacket tells that it filled p.
func (r *Reader) block(p *Packet) (isPacket bool, err error) {
	h, ok := r.in.peek(8)
	if !ok {
		return false, r.end("block header")
	}
	kind, length := r.pcapng.uint32(h[0:4]), r.pcapng.uint32(h[4:8])
	if kind == blockSectionHeader {
		return false, final(r.sectionHeader())
	}
	if err := r.checkBlockLen(length); err != nil {
		return false, err
	}
	read, what, least := readerOf(kind)
	if read == nil {
		return false, r.skipBlock(int(length))
	}
	if kind != blockDecryptionSecrets && length > maxPacketBlockLen {
		return false, r.damaged(4, "block of %d bytes, more than a packet or an interface needs", length)
	}
	body, err := r.blockBody(length, "block")
	if err != nil {
		return false, err
	}
	if len(body) < least {
		err = r.damaged(4, "%s of %d bytes is shorter than its fields", what, length)
	} else {
		isPacket, err = read(r, p, body)
	}
	switch {
	case err == nil:
		r.in.take(int(length))
	case kind == blockInterface:
		err = final(err)
	}
	return isPacket, err
}

// final marks the error of a block on which those behind it depend.
func final(err error) error {
	if damage, ok := err.(*FormatError); ok {
		damage.final = true
	}
	return err
}

// blockReader reads the body of a block; isPacket tells that it filled p.
type blockReader func(r *Reader, p *Packet, body []byte) (isPacket bool, err error)

// readerOf is what reads blocks of a type, nil for those of no interest, what they are called, and
// the bytes of the fields that all of them have.
func readerOf(kind uint32) (read blockReader, what string, least int) {
	switch kind {
	case blockEnhancedPacket:
		return (*Reader).enhancedPacket, "packet block", 20
	case blockObsoletePacket:
		return (*Reader).obsoletePacket, "packet block", 20
	case blockSimplePacket:
		return (*Reader).simplePacket, "packet block", 4
	case blockInterface:
		return (*Reader).interfaceDescription, "interface description", 8
	case blockDecryptionSecrets:
		return (*Reader).decryptionSecrets, "secrets block", 8
	}
	return nil, "", 0
}

// blockBody returns what is between a block's two lengths, which have to agree. The block is not
// taken.
func (r *Reader) blockBody(length uint32, what string) ([]byte, error) {
	size := int(length)
	b, ok := r.in.peek(size)
	if !ok {
		return nil, r.short(what)
	}
	if again := r.pcapng.uint32(b[size-4:]); again != length {
		return nil, r.damaged(size-4, "block length %d, at the end of the block %d", length, again)
	}
	return b[8 : size-4], nil
}

func (r *Reader) checkBlockLen(length uint32) error {
	switch {
	case length < minBlockLen:
		return r.damaged(4, "block of %d bytes, less than %d", length, minBlockLen)
	case length%4 != 0:
		return r.damaged(4, "block of %d bytes, not a multiple of 4", length)
	case length > maxBlockLen:
		return r.damaged(4, "block of %d bytes, more than %d", length, maxBlockLen)
	}
	return nil
}

// skipBlock passes a block of no interest, checking the second copy of its length only.
func (r *Reader) skipBlock(size int) error {
	if !r.in.skip(size - 4) {
		return r.short("block")
	}
	b, ok := r.in.peek(4)
	if !ok {
		return r.short("block")
	}
	if again := r.pcapng.uint32(b); int64(again) != int64(size) {
		return r.damaged(0, "block length %d, at the end of the block %d", size, again)
	}
	r.in.take(4)
	return nil
}

// sectionHeader starts a section: its byte order and no interfaces yet.
func (r *Reader) sectionHeader() error {
	ng := &r.pcapng
	h, ok := r.in.peek(12)
	if !ok {
		return r.short("section header")
	}
	switch {
	case binary.LittleEndian.Uint32(h[8:12]) == byteOrderMagic:
		ng.big = false
	case binary.BigEndian.Uint32(h[8:12]) == byteOrderMagic:
		ng.big = true
	default:
		return r.damaged(8, "section header without the byte order magic")
	}
	length := ng.uint32(h[4:8])
	if err := r.checkBlockLen(length); err != nil {
		return err
	}
	if length < 28 || length > maxPacketBlockLen {
		return r.damaged(4, "section header of %d bytes", length)
	}
	body, err := r.blockBody(length, "section header")
	if err != nil {
		return err
	}
	if major := ng.uint16(body[4:6]); major != 1 {
		return r.damaged(12, "pcapng version %d is not known", major)
	}
	ng.section = ng.section[:0]
	ng.comments = ng.sectionComments(body[16:])
	if ng.interfaceBytes += len(ng.comments); ng.interfaceBytes > maxInterfaceBytes {
		return r.damaged(0, "too many comments of sections")
	}
	r.in.take(int(length))
	return nil
}

// interfaceDescription adds an interface to the section. One that an earlier section described in
// the same words keeps its place in the list.
func (r *Reader) interfaceDescription(_ *Packet, body []byte) (isPacket bool, err error) {
	ng := &r.pcapng
	ifc := Interface{LinkType: LinkType(ng.uint16(body[0:2])), SnapLen: ng.uint32(body[4:8]), Section: ng.comments}
	resolution, offset := byte(6), int64(0)
	rest := body[8:]
	for {
		o, left, state := ng.option(rest)
		if state == optionEnd {
			break
		}
		if state == optionDamaged {
			return false, r.damaged(16+len(body)-8-len(rest), "interface option goes past the end of its block")
		}
		rest = left
		switch {
		case o.code == optInterfaceName:
			ifc.Name = string(o.value)
		case o.code == optInterfaceResolution && len(o.value) == 1:
			resolution = o.value[0]
		case o.code == optInterfaceOffset && len(o.value) == 8:
			offset = int64(ng.uint64(o.value))
		case o.code == optInterfaceResolution || o.code == optInterfaceOffset:
			return false, r.damaged(16, "interface option for time stamps has a wrong length")
		default:
			ifc.Options = ng.appendOption(ifc.Options, o, interfaceNumbers)
		}
	}
	c, trouble := newClock(resolution, offset)
	if trouble != "" {
		return false, r.damaged(16, "%s", trouble)
	}
	ifc.Resolution = c.ticks
	from := 0
	if n := len(ng.section); n > 0 {
		from = ng.section[n-1].index + 1
	}
	index, ok := findInterface(r.interfaces, &ifc, from)
	if !ok {
		ng.interfaceBytes += len(ifc.Name) + len(ifc.Options)
		if len(r.interfaces) == maxInterfaces || ng.interfaceBytes > maxInterfaceBytes {
			return false, r.damaged(0, "too many interface descriptions")
		}
		index = len(r.interfaces)
		r.interfaces = append(r.interfaces, ifc)
	}
	if len(ng.section) == maxInterfaces {
		return false, r.damaged(0, "too many interface descriptions")
	}
	ng.section = append(ng.section, sectionInterface{index: index, snapLen: ifc.SnapLen, clock: c})
	return false, nil
}

// findInterface looks for an equal interface of an earlier section or file from the given index on,
// which is behind the one used last, so that two interfaces of one section are never taken for each
// other. It looks at a few only: a second entry does no harm, a search through many would.
func findInterface(list []Interface, ifc *Interface, from int) (int, bool) {
	for i := from; i < len(list) && i < from+64; i++ {
		if list[i].equal(ifc) {
			return i, true
		}
	}
	return 0, false
}

func (i *Interface) equal(j *Interface) bool {
	return i.LinkType == j.LinkType && i.SnapLen == j.SnapLen && i.Resolution == j.Resolution &&
		i.Name == j.Name && slices.Equal(i.Options, j.Options) && slices.Equal(i.Section, j.Section)
}

func (r *Reader) decryptionSecrets(_ *Packet, body []byte) (isPacket bool, err error) {
	ng := &r.pcapng
	n := ng.uint32(body[4:8])
	if int64(n) > int64(len(body)-8) {
		return false, r.damaged(12, "secrets of %d bytes in a block with room for %d", n, len(body)-8)
	}
	if r.onSecrets != nil {
		r.onSecrets(ng.uint32(body[0:4]), body[8:8+n])
	}
	return false, nil
}
