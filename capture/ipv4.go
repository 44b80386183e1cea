package capture

import (
	"encoding/binary"
	"net/netip"
)

const ipv4HeaderLen = 20

// ipv4 decodes an IPv4 header (RFC 791) at LinkLen. The header checksum is not looked at: the
// sender's network card may have been going to fill it in.
func (f *Frame) ipv4(data []byte) error {
	h := data[f.LinkLen:]
	f.IPVersion = 4
	if len(h) < ipv4HeaderLen {
		f.Truncated = true
		return errShortIP
	}
	size := int(h[0]&15) * 4
	if size < ipv4HeaderLen {
		return errIPv4Header
	}
	f.Src = netip.AddrFrom4([4]byte(h[12:16]))
	f.Dst = netip.AddrFrom4([4]byte(h[16:20]))
	f.Protocol = h[9]
	f.protocolAt = f.LinkLen + 9
	total := int(binary.BigEndian.Uint16(h[2:]))
	if total == 0 {
		total = len(h) // segmentation offload: the card was going to fill it in
	}
	if total < size {
		return errIPv4Length
	}
	if len(h) < size {
		f.Truncated = true
		return errShortIP
	}
	f.PayloadStart = f.LinkLen + size
	f.end(data, f.LinkLen+total)

	flags := binary.BigEndian.Uint16(h[6:])
	f.MoreFragments = flags&0x2000 != 0
	f.FragOffset = int(flags&0x1fff) * 8
	f.Fragment = f.MoreFragments || f.FragOffset != 0
	if f.Fragment {
		f.FragID = uint32(binary.BigEndian.Uint16(h[4:]))
		if f.FragOffset != 0 {
			return nil
		}
	}
	for range maxExtensions + 1 { // and what is behind them
		if f.Protocol != protoAH {
			return f.transport(data)
		}
		if passed, err := f.authenticationHeader(data); !passed {
			return err
		}
	}
	return f.malformed(errExtensions)
}

// authenticationHeader passes an AH (RFC 4302 section 2) at PayloadStart. Its length is in units of
// 4 bytes, less 2.
func (f *Frame) authenticationHeader(data []byte) (passed bool, err error) {
	left := f.PayloadEnd - f.PayloadStart
	size := 12
	if left >= 2 {
		size = max(int(data[f.PayloadStart+1])*4+8, size)
	}
	if left < size {
		return false, f.cut(size, errAH)
	}
	f.passHeader(data, size)
	return true, nil
}

// passHeader moves the payload's start behind a header that begins with the number of the next one.
func (f *Frame) passHeader(data []byte, size int) {
	f.Protocol = data[f.PayloadStart]
	f.protocolAt = f.PayloadStart
	f.PayloadStart += size
	f.PayloadLen -= size
}

// cut is the result where a header of at least need bytes is not all there: malformed, unless the
// datagram has more that was not captured or is in other fragments.
func (f *Frame) cut(need int, err error) error {
	switch {
	case f.Truncated && f.PayloadLen >= need:
		return errShortIP
	case f.Fragment && f.MoreFragments:
		return nil
	}
	return f.malformed(err)
}

// malformed tells an error of the packet from one of the capture.
func (f *Frame) malformed(err error) error {
	f.Truncated = false
	return err
}
