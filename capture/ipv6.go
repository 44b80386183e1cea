package capture

import (
	"encoding/binary"
	"net/netip"
)

const (
	ipv6HeaderLen = 40
	maxExtensions = 16
)

// ipv6 decodes an IPv6 header (RFC 8200) at LinkLen and the extension headers behind it.
func (f *Frame) ipv6(data []byte) error {
	h := data[f.LinkLen:]
	f.IPVersion = 6
	if len(h) < ipv6HeaderLen {
		f.Truncated = true
		return errShortIP
	}
	f.Src = netip.AddrFrom16([16]byte(h[8:24]))
	f.Dst = netip.AddrFrom16([16]byte(h[24:40]))
	f.Protocol = h[6]
	f.protocolAt = f.LinkLen + 6
	f.PayloadStart = f.LinkLen + ipv6HeaderLen
	stop := f.PayloadStart + int(binary.BigEndian.Uint16(h[4:]))
	if stop == f.PayloadStart && f.Protocol != protoNoNext {
		stop = len(data) // a jumbogram (RFC 2675) or segmentation offload
	}
	f.end(data, stop)

	for range maxExtensions + 1 { // and what is behind them
		switch f.Protocol {
		case protoHopByHop, protoRouting, protoDestination, protoMobility, protoHIP, protoShim6:
			if passed, err := f.extensionHeader(data); !passed {
				return err
			}
		case protoAH:
			if passed, err := f.authenticationHeader(data); !passed {
				return err
			}
		case protoFragment:
			if passed, err := f.fragmentHeader(data); !passed || f.FragOffset != 0 {
				return err
			}
		default:
			return f.transport(data)
		}
	}
	return f.malformed(errExtensions)
}

// extensionHeader passes an extension header whose length is in units of 8 bytes, less 1 (RFC 8200
// section 4.2).
func (f *Frame) extensionHeader(data []byte) (passed bool, err error) {
	left := f.PayloadEnd - f.PayloadStart
	size := 8
	if left >= 2 {
		size += int(data[f.PayloadStart+1]) * 8
	}
	if left < size {
		return false, f.cut(size, errExtension)
	}
	if f.Protocol == protoRouting {
		f.routing(data[f.PayloadStart : f.PayloadStart+size])
	}
	f.passHeader(data, size)
	return true, nil
}

// fragmentHeader passes a fragment header (RFC 8200 section 4.5). One of offset 0 without others
// behind it is an atomic fragment (RFC 6946): a whole datagram.
func (f *Frame) fragmentHeader(data []byte) (passed bool, err error) {
	const size = 8
	if f.PayloadEnd-f.PayloadStart < size {
		return false, f.cut(size, errExtension)
	}
	if f.Fragment {
		return false, f.malformed(errExtensions) // a fragment of a fragment
	}
	b := data[f.PayloadStart : f.PayloadStart+size]
	f.fragmentAt = f.PayloadStart
	f.fragmentNextAt = f.protocolAt
	offset := binary.BigEndian.Uint16(b[2:])
	f.MoreFragments = offset&1 != 0
	f.FragOffset = int(offset &^ 7)
	f.Fragment = f.MoreFragments || f.FragOffset != 0
	f.FragID = binary.BigEndian.Uint32(b[4:])
	f.passHeader(data, size)
	return true, nil
}

// routing notes the final destination, which is the one that a transport checksum covers (RFC 8200
// section 8.1).
func (f *Frame) routing(h []byte) {
	kind, left := h[2], h[3]
	if left == 0 || len(h) < 24 {
		return
	}
	switch kind {
	case 0, 2: // source route (RFC 5095), home address (RFC 6275): the last address
		f.finalDst = netip.AddrFrom16([16]byte(h[len(h)-16:]))
	case 4: // segment routing (RFC 8754): the first of the list, which is in reverse order
		f.finalDst = netip.AddrFrom16([16]byte(h[8:24]))
	}
}
