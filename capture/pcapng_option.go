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
			ng.scratch = ng.appendOption(ng.scratch, o, packetOptionSwap)
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
			comments = ng.appendOption(comments, o, customOptionSwap)
		}
	}
	return comments
}

// appendOption appends an option in little endian, numbers in its value turned round as swap says.
func (ng *pcapngFile) appendOption(dst []byte, o option, swap func(code uint16, value []byte)) []byte {
	dst = binary.LittleEndian.AppendUint16(dst, o.code)
	dst = binary.LittleEndian.AppendUint16(dst, uint16(len(o.value)))
	at := len(dst)
	dst = append(dst, o.value...)
	if ng.big {
		swap(o.code, dst[at:])
	}
	for len(dst)%4 != 0 {
		dst = append(dst, 0)
	}
	return dst
}

// packetOptionSwap turns the numbers in packet options round: epb_flags, epb_dropcount,
// epb_packetid, epb_queue, epb_processid_threadid and the enterprise number of custom options.
func packetOptionSwap(code uint16, value []byte) {
	switch {
	case (code == 2 || code == 6) && len(value) == 4, (code == 4 || code == 5) && len(value) == 8:
		slices.Reverse(value)
	case code == 8 && len(value) == 8:
		slices.Reverse(value[0:4])
		slices.Reverse(value[4:8])
	default:
		customOptionSwap(code, value)
	}
}

// interfaceOptionSwap does the same for interface options: if_speed, if_tzone, if_txspeed,
// if_rxspeed.
func interfaceOptionSwap(code uint16, value []byte) {
	switch {
	case (code == 8 || code == 16 || code == 17) && len(value) == 8, code == 10 && len(value) == 4:
		slices.Reverse(value)
	default:
		customOptionSwap(code, value)
	}
}

func customOptionSwap(code uint16, value []byte) {
	switch code {
	case 2988, 2989, 19372, 19373:
		if len(value) >= 4 {
			slices.Reverse(value[0:4])
		}
	}
}
