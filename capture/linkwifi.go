package capture

import "encoding/binary"

// wifiRadio passes what a radio adds in front of an 802.11 frame.
func (f *Frame) wifiRadio(lt LinkType, data []byte, at int, end *int) (uint8, error) {
	if len(data) < at+8 {
		return f.shortLink()
	}
	h := data[at:]
	const avsMagic, prismLen = 0x80211000, 144
	avs := binary.BigEndian.Uint32(h)&0xfffff000 == avsMagic
	switch {
	case lt == PPI:
		inner := binary.LittleEndian.Uint32(h[4:])
		return f.behind(inner, data, at, uint64(binary.LittleEndian.Uint16(h[2:])), 8, end)
	case lt == Radiotap:
		f.radiotapFlags(h, at)
		size := uint64(binary.LittleEndian.Uint16(h[2:]))
		return f.behind(uint32(IEEE80211), data, at, size, 8, end)
	case avs:
		return f.behind(uint32(IEEE80211), data, at, uint64(binary.BigEndian.Uint32(h[4:])), 8, end)
	case lt == Prism:
		return f.behind(uint32(IEEE80211), data, at, prismLen, prismLen, end)
	}
	return versionNone, nil
}

// Flags of radiotap's field of that name.
const (
	radioFCS = 0x10 // the frame check sequence is there
	radioPad = 0x20 // the 802.11 header is padded to 4 bytes
)

// radiotapFlags finds the Flags field: it is the second of the fields, whose presence the bits of
// the words behind the length tell. The first is a time of 8 bytes, aligned to them.
func (f *Frame) radiotapFlags(h []byte, at int) {
	const hasTime, hasFlags, another = 1, 2, 1 << 31
	present := binary.LittleEndian.Uint32(h[4:])
	next := 8
	for word := present; word&another != 0; next += 4 {
		if len(h) < next+4 {
			return
		}
		word = binary.LittleEndian.Uint32(h[next:])
	}
	if present&hasTime != 0 {
		next = (next+7)&^7 + 8
	}
	if present&hasFlags != 0 && next < len(h) && next < int(binary.LittleEndian.Uint16(h[2:])) {
		f.radioFlagsAt = at + next
	}
}

// wifi passes the header of an 802.11 data frame (IEEE 802.11 section 9.3.2.1) and the 802.2 one
// behind it. What is encrypted or not the first fragment holds no packet that could be read; what
// is aggregated (A-MSDU) holds several frames, which Unwrap finds.
func (f *Frame) wifi(data []byte, at int, end *int) (uint8, error) {
	const (
		toDS, fromDS, protected, order = 1, 2, 0x40, 0x80
		kindMask, kindData             = 0x0f, 0x08 // version 0, type 2
		qos, noData                    = 0x80, 0x40
	)
	size := 24
	h := data[at:]
	if len(h) > 0 && (h[0]&kindMask != kindData || h[0]&noData != 0) {
		return versionNone, nil
	}
	if len(h) < size {
		return f.shortLink()
	}
	f.sealed = h[1]&protected != 0
	if f.sealed || h[22]&15 != 0 {
		return versionNone, nil
	}
	if h[1]&toDS != 0 && h[1]&fromDS != 0 {
		size += 6 // a fourth address
	}
	aggregated := false
	if h[0]&qos != 0 {
		if len(h) < size+2 {
			return f.shortLink()
		}
		aggregated = h[size]&0x80 != 0
		size += 2
		if h[1]&order != 0 {
			size += 4 // HT control
		}
	}
	if f.radioFlagsAt != 0 && data[f.radioFlagsAt]&radioPad != 0 {
		size = pad4(size)
	}
	if len(h) < size+8 {
		return f.shortLink()
	}
	if aggregated {
		f.subframesAt = at + size
		return versionNone, nil
	}
	return f.snap(data, at+size, 0, end)
}

// subframes returns the frames of an A-MSDU (IEEE 802.11 section 9.3.2.2), as Ethernet has them:
// each begins with two addresses and a length, behind which there is an 802.2 header, and is padded
// to 4 bytes.
func (f *Frame) subframes(data []byte) (frames [][]byte) {
	const addresses, header, llc, maxSubframes = 12, 14, 6, 64
	for at := f.subframesAt; at+header+llc+2 <= len(data) && len(frames) < maxSubframes; {
		size := header + int(binary.BigEndian.Uint16(data[at+addresses:]))
		if size < header+llc+2 || data[at+header] != 0xaa || data[at+header+1] != 0xaa {
			break
		}
		end := min(at+size, len(data))
		frame := append(make([]byte, 0, end-at), data[at:at+addresses]...)
		frames = append(frames, append(frame, data[at+header+llc:end]...))
		at += pad4(size)
	}
	return frames
}
