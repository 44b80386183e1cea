package capture

import "encoding/binary"

// pcap: a header of 24 bytes, then packets with a header of 16 bytes each (24 with the magic number
// of Kuznetzov's patch, whose further 8 bytes hold interface index, protocol and packet type).
// draft-ietf-opsawg-pcap.
const (
	pcapMicros   = 0xa1b2c3d4
	pcapNanos    = 0xa1b23c4d
	pcapModified = 0xa1b2cd34

	pcapHeaderLen         = 24
	pcapRecordLen         = 16
	pcapModifiedRecordLen = 24
)

// pcapFile is what the file header says.
type pcapFile struct {
	big       bool  // byte order of the file
	unit      int64 // nanoseconds of the second half of a time stamp
	recordLen int
	swapped   bool // captured and original length changed places (versions before 2.3)
}

// match recognises the magic number in the first four bytes.
func (f *pcapFile) match(head []byte) bool {
	f.big = head[0] == 0xa1
	magic := binary.LittleEndian.Uint32(head)
	if f.big {
		magic = binary.BigEndian.Uint32(head)
	}
	f.unit, f.recordLen = 1000, pcapRecordLen
	switch magic {
	case pcapMicros:
	case pcapNanos:
		f.unit = 1
	case pcapModified:
		f.recordLen = pcapModifiedRecordLen
	default:
		return false
	}
	return true
}

func (f *pcapFile) uint32(b []byte) uint32 {
	if f.big {
		return binary.BigEndian.Uint32(b)
	}
	return binary.LittleEndian.Uint32(b)
}

func (r *Reader) startPcap() error {
	h, ok := r.in.peek(pcapHeaderLen)
	if !ok {
		return r.short("file header")
	}
	f := &r.pcap
	// Two 16-bit numbers, seen as one 32-bit number so that one byte order test serves.
	version := f.uint32(h[4:8])
	major, minor := version&0xffff, version>>16
	if f.big {
		major, minor = minor, major
	}
	f.swapped = major == 2 && minor < 3
	// The upper half of the link type field holds the length of a frame check sequence.
	link := LinkType(f.uint32(h[20:24]))
	snap := f.uint32(h[16:20])
	if snap > MaxPacketLen {
		snap = 0
	}
	r.interfaces = []Interface{{LinkType: link, SnapLen: snap, Resolution: 1e9 / f.unit}}
	r.in.take(pcapHeaderLen)
	return nil
}

// readyPcap reports whether b begins with a whole packet, or with one that is damaged.
func (r *Reader) readyPcap(b []byte) bool {
	f := &r.pcap
	if len(b) < f.recordLen {
		return false
	}
	captured := f.uint32(b[8:12])
	if f.swapped {
		captured = f.uint32(b[12:16])
	}
	return captured > MaxPacketLen || len(b) >= f.recordLen+int(captured)
}

func (r *Reader) nextPcap(p *Packet) error {
	f := &r.pcap
	h, ok := r.in.peek(f.recordLen)
	if !ok {
		return r.end("packet header")
	}
	seconds, fraction := f.uint32(h[0:4]), f.uint32(h[4:8])
	captured, original := f.uint32(h[8:12]), f.uint32(h[12:16])
	if f.swapped {
		captured, original = original, captured
	}
	if captured == 0 && new(pcapFile).match(h) {
		return r.damaged(0, "another pcap file was appended here: "+
			"only pcapng can be joined like that; mergecap -a joins captures")
	}
	if captured > MaxPacketLen {
		return r.damaged(8, "packet of %d captured bytes, more than %d", captured, MaxPacketLen)
	}
	size := f.recordLen + int(captured)
	b, ok := r.in.peek(size)
	if !ok {
		return r.short("packet")
	}
	r.in.take(size)
	p.Time = int64(seconds)*1e9 + int64(fraction)*f.unit
	p.Length = wireLength(original, int(captured))
	p.Data = b[f.recordLen:]
	p.Interface = 0
	p.Options = nil
	return nil
}
