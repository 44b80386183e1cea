package keysrc

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
)

// Messages of the kernel's XFRM netlink family (linux/xfrm.h). All numbers are in the byte order of
// the machine, except SPIs and ports.
const (
	xfrmMsgNewSA = 0x10
	xfrmMsgDelSA = 0x11
	xfrmMsgGetSA = 0x12
	xfrmMsgUpdSA = 0x1a

	xfrmaAlgAuth      = 1
	xfrmaAlgCrypt     = 2
	xfrmaAlgComp      = 3
	xfrmaEncap        = 4
	xfrmaSA           = 6
	xfrmaAlgAEAD      = 18
	xfrmaAlgAuthTrunc = 20
	xfrmaReplayESNVal = 23

	xfrmStateESN = 128 // xfrm_usersa_info.flags

	xfrmUsersaLen    = 224 // struct xfrm_usersa_info where 64-bit numbers are aligned to 8 bytes
	xfrmUsersaLen386 = 220 // and to 4 bytes
	xfrmUsersaIDLen  = 24  // struct xfrm_usersa_id
	xfrmAlgNameLen   = 64

	netlinkTypeMask = 0x3fff // of an attribute: without NLA_F_NESTED and NLA_F_NET_BYTEORDER
)

// XFRMName is the name that stands for the running kernel where a key source is named.
const XFRMName = "xfrm:"

var errNetlinkShort = errors.New("xfrm: netlink message is shorter than its structures")

// message takes the payload of message n.
func (x *xfrm) message(n int, kind uint16, b []byte, order binary.ByteOrder, usersaLen int) error {
	var s xfrmState
	switch kind {
	case xfrmMsgNewSA, xfrmMsgUpdSA:
		if len(b) < usersaLen {
			return errNetlinkShort
		}
		s.usersa(b[:usersaLen], order)
		b = b[usersaLen:]
	case xfrmMsgDelSA:
		if len(b) < xfrmUsersaIDLen {
			return errNetlinkShort
		}
		b = b[xfrmUsersaIDLen:]
	default:
		return nil
	}
	s.line = n
	for len(b) >= 4 {
		size, kind := int(order.Uint16(b)), order.Uint16(b[2:])&netlinkTypeMask
		if size < 4 || size > len(b) {
			return errNetlinkShort
		}
		if err := s.attribute(kind, b[4:size], order, usersaLen); err != nil {
			return err
		}
		b = b[min(len(b), (size+3)&^3):]
	}
	x.give(&s)
	return nil
}

// usersa takes a struct xfrm_usersa_info.
func (s *xfrmState) usersa(b []byte, order binary.ByteOrder) {
	// struct xfrm_selector: 56 bytes; struct xfrm_id: destination, SPI, protocol; then the source.
	s.spi = binary.BigEndian.Uint32(b[72:])
	s.proto = cmp.Or(map[byte]string{50: "esp", 51: "ah", 108: "comp"}[b[76]], "other")
	switch order.Uint16(b[212:]) { // family
	case 2: // AF_INET
		s.dst, _ = netip.AddrFromSlice(b[56:60])
		s.src, _ = netip.AddrFromSlice(b[80:84])
	case 10: // AF_INET6
		s.dst, _ = netip.AddrFromSlice(b[56:72])
		s.src, _ = netip.AddrFromSlice(b[80:96])
	}
	s.flags = true
	s.esn = b[216]&xfrmStateESN != 0
}

// attribute takes one attribute.
func (s *xfrmState) attribute(kind uint16, b []byte, order binary.ByteOrder, usersaLen int) error {
	switch kind {
	case xfrmaSA: // in XFRM_MSG_DELSA
		if len(b) < usersaLen {
			return errNetlinkShort
		}
		s.usersa(b[:usersaLen], order)
	case xfrmaAlgCrypt, xfrmaAlgAuth:
		name, key, _, err := xfrmAlgorithm(b, order, 0)
		if err != nil {
			return err
		}
		if kind == xfrmaAlgCrypt {
			s.keys.cipher, s.keys.key = name, key
		} else if s.keys.auth == "" { // XFRMA_ALG_AUTH_TRUNC says more
			s.keys.auth, s.keys.authKey = name, key
		}
	case xfrmaAlgAEAD, xfrmaAlgAuthTrunc:
		name, key, bits, err := xfrmAlgorithm(b, order, 4)
		if err != nil {
			return err
		}
		if kind == xfrmaAlgAEAD {
			s.keys.cipher, s.keys.key, s.keys.icvBits = name, key, bits
		} else {
			s.keys.auth, s.keys.authKey, s.keys.authBits = name, key, bits
		}
	case xfrmaEncap:
		s.encap = true
	case xfrmaReplayESNVal: // bmp_len, oseq, seq, oseq_hi, seq_hi, replay_window
		if len(b) < 24 {
			return errNetlinkShort
		}
		// An SA counts either what it sends or what it gets.
		if s.seqHigh = order.Uint32(b[12:]); s.seqHigh == 0 {
			s.seqHigh = order.Uint32(b[16:])
		}
	}
	return nil
}

// xfrmAlgorithm takes a struct xfrm_algo (extra 0), xfrm_algo_auth or xfrm_algo_aead (extra 4: the
// length of the ICV in bits). The key is a part of b.
func xfrmAlgorithm(b []byte, order binary.ByteOrder, extra int) (name string, key []byte, icvBits int, err error) {
	head := xfrmAlgNameLen + 4 + extra
	if len(b) < head {
		return "", nil, 0, errNetlinkShort
	}
	text, _, _ := bytes.Cut(b[:xfrmAlgNameLen], []byte{0})
	bits := order.Uint32(b[xfrmAlgNameLen:])
	if extra != 0 {
		icv := order.Uint32(b[xfrmAlgNameLen+4:])
		if icv > 1024 {
			return "", nil, 0, fmt.Errorf("xfrm: ICV of %d bits", icv)
		}
		icvBits = int(icv)
	}
	size := (uint64(bits) + 7) / 8
	if size > uint64(len(b)-head) || size > maxValue {
		return "", nil, 0, errNetlinkShort
	}
	return string(text), b[head : head+int(size)], icvBits, nil
}
