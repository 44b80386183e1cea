package capture

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
	byteOrder
	unit      int64 // nanoseconds of the second half of a time stamp
	recordLen int
	swapped   bool // captured and original length changed places (versions before 2.3)

	read    bool   // there was a record, at
	seconds uint32 // since the Unix epoch
}

// match recognises the magic number in the first four bytes.
func (f *pcapFile) match(head []byte) bool {
	f.big = head[0] == 0xa1
	f.unit, f.recordLen = 1000, pcapRecordLen
	switch f.uint32(head) {
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

func (r *Reader) startPcap() error {
	h, ok := r.in.peek(pcapHeaderLen)
	if !ok {
		return r.short("file header")
	}
	f := &r.pcap
	f.swapped = f.uint16(h[4:]) == 2 && f.uint16(h[6:]) < 3 // the version
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
	captured := f.header(b).captured
	return captured > MaxPacketLen || len(b) >= f.recordLen+int(captured)
}

func (r *Reader) nextPcap(p *Packet) error {
	f := &r.pcap
	b, ok := r.in.peek(f.recordLen)
	if !ok {
		return r.end("packet header")
	}
	h := f.header(b)
	if h.captured == 0 && new(pcapFile).match(b) {
		err := r.damaged(0, "another pcap file was appended here: "+
			"only pcapng can be joined like that; mergecap -a joins captures")
		err.final = true
		return err
	}
	if h.captured > MaxPacketLen {
		return r.damaged(8, "packet of %d captured bytes, more than %d", h.captured, MaxPacketLen)
	}
	if h.captured > h.original && r.contradicts(h) {
		return r.damaged(8, "packet of %d captured bytes, but of %d on the wire", h.captured, h.original)
	}
	size := f.recordLen + int(h.captured)
	if b, ok = r.in.peek(size); !ok {
		return r.short("packet")
	}
	r.in.take(size)
	f.read, f.seconds = true, h.seconds
	p.Time = int64(h.seconds)*1e9 + int64(h.fraction)*f.unit
	p.Length = wireLength(h.original, int(h.captured))
	p.Data = b[f.recordLen:]
	p.Interface = 0
	p.Options = nil
	return nil
}

// pcapRecord is the header of a record.
type pcapRecord struct{ seconds, fraction, captured, original uint32 }

func (f *pcapFile) header(b []byte) pcapRecord {
	h := pcapRecord{f.uint32(b[0:4]), f.uint32(b[4:8]), f.uint32(b[8:12]), f.uint32(b[12:16])}
	if f.swapped {
		h.captured, h.original = h.original, h.captured
	}
	return h
}

// contradicts reports whether the records around one that says that more was captured than there
// was on the wire show that it is damaged: they go on behind the length on the wire, or not behind
// the captured one. Some programs write such headers, and mean it.
func (r *Reader) contradicts(h pcapRecord) bool {
	b, ended := r.in.ahead(inputSize/2, inputSize)
	behind := func(length uint32, strict bool) fit {
		next := r.pcap.recordLen + int(length)
		switch {
		case next < len(b) || next == len(b) && ended:
			return r.fitsPcap(b[next:], ended, strict)
		case ended:
			return fitsNot
		}
		return fitsPerhaps
	}
	return h.original <= MaxPacketLen && behind(h.original, true) == fits || behind(h.captured, false) == fitsNot
}
