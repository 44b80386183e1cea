package capture

import (
	"encoding/binary"
	"errors"
	"fmt"
)

const (
	// maxResync is how many bytes behind damage are looked through for the next record that makes
	// sense.
	maxResync = 1 << 20

	resyncTime = 30 * 86400 // seconds that such a record is away from the one before, at most
	resyncWire = 1 << 20    // bytes on the wire that it has, at most
)

// skipped is what was left out of a damaged file.
type skipped struct {
	first  *FormatError // what was wrong at the first place
	at     int64        // of the first place
	bytes  int64        // there
	others int          // places
	rest   int64        // bytes there
}

// add notes n bytes that were left out at an offset.
func (s *skipped) add(why *FormatError, at, n int64) {
	if s.first == nil {
		s.first, s.at, s.bytes = why, at, n
		return
	}
	s.others++
	s.rest += n
}

// because puts what was skipped into the error that reading ended with.
func (s *skipped) because(end error) error {
	if s.first == nil {
		return end
	}
	e := *s.first
	e.Msg += fmt.Sprintf("; skipped %d bytes at offset %d", s.bytes, s.at)
	if s.others > 0 {
		e.Msg += fmt.Sprintf(", and %d bytes at other places (%d)", s.rest, s.others)
	}
	return &e
}

// fit says whether bytes begin with a record that makes sense.
type fit uint8

const (
	fitsNot fit = iota
	fits
	fitsPerhaps // more bytes would tell
)

// resync goes on behind damage, at the next record that makes sense; false if there is none near.
// It looks at what is in the buffer anyway, and reads further ahead only if that does not tell.
func (r *Reader) resync(err error) bool {
	var damage *FormatError
	if !errors.As(err, &damage) || damage.final || r.fits == nil {
		return false
	}
	from, found := r.nextFit(r.in.ahead(inputSize/2, inputSize))
	if !found {
		from, found = r.nextFit(r.in.ahead(maxResync+MaxPacketLen, maxResync+2*MaxPacketLen))
	}
	if found {
		r.skips.add(damage, r.in.offset, int64(from))
		r.in.take(from)
	}
	return found
}

// nextFit finds the first record in b that makes sense. ended tells that nothing comes behind b.
func (r *Reader) nextFit(b []byte, ended bool) (at int, found bool) {
	for at = 1; at < min(len(b), maxResync); at++ {
		switch r.fits(b[at:], ended) {
		case fits:
			return at, true
		case fitsPerhaps:
			if !ended {
				return 0, false
			}
		}
	}
	return 0, false
}

// fitsPcap looks at two headers, the second of which is where the first says. The last record of a
// file has none behind it. strict refuses those that say that more was captured than there was on
// the wire, and the end of the file in place of the first.
func (r *Reader) fitsPcap(b []byte, ended, strict bool) fit {
	f := &r.pcap
	last, known := f.seconds, f.read
	for i := range 2 {
		switch {
		case len(b) == 0 && ended && (i > 0 || !strict):
			return fits
		case len(b) < f.recordLen:
			return fitsPerhaps
		}
		h := f.header(b)
		away := int64(h.seconds) - int64(last)
		switch {
		case h.captured > MaxPacketLen, h.original > resyncWire, int64(h.fraction)*f.unit >= 1e9,
			strict && (h.captured == 0 || h.captured > h.original),
			known && (away < -resyncTime || away > resyncTime):
			return fitsNot
		}
		last, known = h.seconds, true
		size := f.recordLen + int(h.captured)
		if size > len(b) {
			return fitsPerhaps
		}
		b = b[size:]
	}
	return fits
}

// fitsPcapng looks for a block of a known type that says its length twice.
func (r *Reader) fitsPcapng(b []byte, _ bool) fit {
	ng := &r.pcapng
	if len(b) < minBlockLen {
		return fitsNot
	}
	kind, length := ng.uint32(b), ng.uint32(b[4:])
	if kind == blockSectionHeader {
		little, big := binary.LittleEndian.Uint32(b[8:]), binary.BigEndian.Uint32(b[8:])
		if little == byteOrderMagic || big == byteOrderMagic {
			return fits
		}
	}
	read, _, _ := readerOf(kind)
	known := read != nil || kind == blockNames || kind == blockStatistics
	switch {
	case !known || length < minBlockLen || length%4 != 0 || length > maxPacketBlockLen:
		return fitsNot
	case int(length) > len(b):
		return fitsPerhaps
	case ng.uint32(b[length-4:]) != length:
		return fitsNot
	}
	return fits
}
