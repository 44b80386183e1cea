package capture

import (
	"encoding/binary"
	"iter"
	"slices"
)

// pcapng option codes that this package looks at.
const (
	optEnd                 = 0
	optComment             = 1
	optInterfaceName       = 2 // of an interface
	optPacketFlags         = 2 // of a packet
	optInterfaceResolution = 9
	optInterfaceOffset     = 14
)

type option struct {
	code  uint16
	value []byte
}

type optionState uint8

const (
	optionHere optionState = iota
	optionEnd
	optionDamaged
)

// option takes the next option off b.
func (ng *pcapngFile) option(b []byte) (o option, rest []byte, state optionState) {
	if len(b) == 0 {
		return o, nil, optionEnd
	}
	if len(b) < 4 {
		return o, nil, optionDamaged
	}
	o.code = ng.uint16(b[0:2])
	n := int(ng.uint16(b[2:4]))
	if o.code == optEnd {
		return o, nil, optionEnd
	}
	if pad4(n) > len(b)-4 {
		return o, nil, optionDamaged
	}
	o.value = b[4 : 4+n]
	return o, b[4+pad4(n):], optionHere
}

// options yields those in b, up to the end or what is damaged.
func (ng *pcapngFile) options(b []byte) iter.Seq[option] {
	return func(yield func(option) bool) {
		for {
			o, rest, state := ng.option(b)
			if state != optionHere || !yield(o) {
				return
			}
			b = rest
		}
	}
}

// packetOptions returns the options of a packet in little endian, without opt_endofopt. From one
// that goes past the end of the block on they are dropped: the packet itself is whole.
func (ng *pcapngFile) packetOptions(b []byte) []byte {
	if ng.big {
		ng.scratch = ng.scratch[:0]
	}
	rest := b
	for {
		o, left, state := ng.option(rest)
		if state != optionHere {
			break
		}
		if ng.big {
			ng.scratch = ng.appendOption(ng.scratch, o, packetNumbers)
		}
		rest = left
	}
	out := ng.scratch
	if !ng.big {
		out = b[: len(b)-len(rest) : len(b)-len(rest)]
	}
	if len(out) == 0 {
		return nil
	}
	return out
}

// sectionComments returns the comments in the options of a section header, in little endian. They
// are a copy.
func (ng *pcapngFile) sectionComments(b []byte) []byte {
	var comments []byte
	for o := range ng.options(b) {
		if o.code == optComment {
			comments = ng.appendOption(comments, o, nil)
		}
	}
	return comments
}

// optionNumbers are the options with nothing but numbers, by their codes.
type optionNumbers map[uint16]struct{ size, each int } // bytes of the value, and of each number in it

var (
	// epb_flags, epb_dropcount, epb_packetid, epb_queue, epb_processid_threadid
	packetNumbers = optionNumbers{2: {4, 4}, 4: {8, 8}, 5: {8, 8}, 6: {4, 4}, 8: {8, 4}}
	// if_speed, if_tzone, if_txspeed, if_rxspeed
	interfaceNumbers = optionNumbers{8: {8, 8}, 10: {4, 4}, 16: {8, 8}, 17: {8, 8}}
)

// appendOption appends an option in little endian, numbers in its value turned round.
func (ng *pcapngFile) appendOption(dst []byte, o option, numbers optionNumbers) []byte {
	dst = binary.LittleEndian.AppendUint16(dst, o.code)
	dst = binary.LittleEndian.AppendUint16(dst, uint16(len(o.value)))
	at := len(dst)
	dst = append(dst, o.value...)
	if n := numbers[o.code]; ng.big && n.size > 0 && n.size == len(o.value) {
		for number := range slices.Chunk(dst[at:], n.each) {
			slices.Reverse(number)
		}
	}
	switch o.code {
	case 2988, 2989, 19372, 19373: // custom options, with an enterprise number
		if ng.big && len(o.value) >= 4 {
			slices.Reverse(dst[at : at+4])
		}
	}
	for len(dst)%4 != 0 {
		dst = append(dst, 0)
	}
	return dst
}
