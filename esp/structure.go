package esp

import (
	"encoding/binary"
	"math/bits"
)

// trailer is what the end of a decrypted packet says, and how well all of it fits.
type trailer struct {
	PayloadLen int   // bytes in front of the padding
	PadLen     int   // bytes of padding
	NextHeader uint8 // IP protocol number of the payload
	Bits       int   // evidence: a wrong key gets that far in one of about 2^Bits packets; 0: refused

	padBits int // the part of Bits that padding and pad length give
}

// Evidence, in bits, from which on a plaintext is taken for one.
const (
	minEvidence = 16 // without an ICV
	minVerified = 9  // behind a good ICV, which proves the ciphertext but not the encryption key
	surePadding = 24 // behind a good ICV or under a proved key, whatever the payload looks like
	minPadding  = 8  // of right padding: that there is none
)

// structure judges the decrypted part of a whole packet: payload, padding, pad length, next header
// (RFC 4303, 2.4 to 2.7). Padding that counts 1, 2, 3 ... is the best evidence, zeros (old senders)
// are nearly as good, other padding is none. Then the next header, and what the protocol's own
// header says of itself and of its length; traffic flow confidentiality padding behind the payload
// is allowed. A payload that contradicts its next header is refused (Bits is 0).
func structure(plain []byte) (t trailer) {
	t.judge(plain)
	return t
}

// judge makes t, which is zero, what structure returns: the packet path does not wait for a trailer
// to be copied.
func (t *trailer) judge(plain []byte) {
	n := len(plain) - 2
	if n < 0 || int(plain[n]) > n {
		return
	}
	t.PadLen, t.NextHeader = int(plain[n]), plain[n+1]
	t.PayloadLen = n - t.PadLen
	t.padBits = paddingBits(plain[t.PayloadLen:n])
	next, sure := nextHeaderBits(t.NextHeader)
	head, ok := payloadBits(t.NextHeader, plain[:t.PayloadLen], 0)
	if ok {
		t.Bits = t.padBits + next
		if sure {
			t.Bits += head
		}
	}
}

// familiar reports whether the padding is right and the payload does not contradict its next
// header, or the padding alone shows that it was decrypted.
func (t *trailer) familiar() bool {
	return t.padBits >= minPadding && t.Bits > 0 || t.padBits >= surePadding
}

// plausible returns the evidence of what is behind a good ICV, 0 if it can't be a plaintext at all.
// Less than minVerified is that of the padding alone, whatever it is the padding of.
func plausible(plain []byte) int {
	var t trailer
	switch t.judge(plain); {
	case t.Bits >= minVerified:
		return t.Bits
	case t.padBits >= surePadding:
		return minVerified
	case t.padBits >= minPadding:
		return minPadding
	}
	return 0
}

// paddingBits counts the evidence of padding and the pad length byte together.
func paddingBits(pad []byte) int {
	const most = 64
	counting, zero := true, true
	for i, b := range pad {
		counting = counting && b == byte(i+1)
		zero = zero && b == 0
	}
	switch {
	case counting:
		return min(8*(len(pad)+1), most)
	case zero:
		return min(8*(len(pad)+1)-2, most)
	case len(pad) < 16:
		return 4
	}
	return 0
}

// nextHeaderBits counts the evidence of the next header itself; sure tells that payloadBits knows
// the protocol.
func nextHeaderBits(next uint8) (n int, sure bool) {
	switch next {
	case protoNone:
		return 8, false
	case protoUDP, protoTCP, protoIPv4, protoIPv6, protoICMP, protoICMPv6:
		return 5, true
	case protoHopByHop, protoIGMP, protoRouting, protoFragment, protoGRE, protoESP, protoAH, protoDestOpts, protoOSPF,
		protoEtherIP, protoPIM, protoIPComp, protoVRRP, protoL2TP, protoSCTP:
		return 4, true
	}
	if next <= lastAssigned {
		return 1, false
	}
	return 0, false
}

// IP protocol numbers.
const (
	protoHopByHop = 0
	protoICMP     = 1
	protoIGMP     = 2
	protoIPv4     = 4
	protoTCP      = 6
	protoUDP      = 17
	protoIPv6     = 41
	protoRouting  = 43
	protoFragment = 44
	protoGRE      = 47
	protoESP      = 50
	protoAH       = 51
	protoICMPv6   = 58
	protoNone     = 59
	protoDestOpts = 60
	protoOSPF     = 89
	protoEtherIP  = 97
	protoPIM      = 103
	protoIPComp   = 108
	protoVRRP     = 112
	protoL2TP     = 115
	protoSCTP     = 132
	lastAssigned  = 148
)

// payloadBits counts the evidence of a payload for its protocol; ok is false if it can't be
// one. depth counts the IPv6 extension headers in front of it.
func payloadBits(next uint8, p []byte, depth int) (n int, ok bool) {
	switch next {
	case protoHopByHop, protoRouting, protoDestOpts, protoFragment:
		return extensionBits(next, p, depth)
	}
	if judge := payloads[next]; judge != nil {
		return judge(p)
	}
	return 0, true
}

// payloads judges by protocol.
var payloads = [256]func(p []byte) (n int, ok bool){
	protoUDP: udpBits, protoTCP: tcpBits, protoIPv4: ipv4Bits, protoIPv6: ipv6Bits, protoGRE: greBits,
	protoICMP: checksummed(8), protoIGMP: checksummed(4), protoPIM: checksummed(4), protoVRRP: checksummed(4),
	protoICMPv6: icmpv6Bits,
	protoESP: func(p []byte) (int, bool) {
		if len(p) < HeaderLen+2 || binary.BigEndian.Uint32(p) < 256 {
			return 0, false
		}
		return min(bits.LeadingZeros32(binary.BigEndian.Uint32(p[4:])), 12), true
	},
	protoAH: func(p []byte) (int, bool) {
		return 18, len(p) >= 12 && 4*(int(p[1])+2) <= len(p) && p[2] == 0 && p[3] == 0 && known(p[0])
	},
	protoIPComp: func(p []byte) (int, bool) { return 11, len(p) >= 5 && p[1] == 0 && known(p[0]) },
	protoOSPF: func(p []byte) (int, bool) {
		if len(p) < 16 || p[0] != 2 && p[0] != 3 || p[1] == 0 || p[1] > 5 {
			return 0, false
		}
		return lengthBits(int(binary.BigEndian.Uint16(p[2:])), 16, len(p), 11)
	},
	protoEtherIP: func(p []byte) (int, bool) { return 14, len(p) >= 16 && p[0] == 0x30 && p[1] == 0 },
	protoSCTP: func(p []byte) (int, bool) { // the first chunk's type and length
		if len(p) < 16 || p[12] > 14 && p[12] < 0x80 {
			return 0, false
		}
		return lengthBits(int(binary.BigEndian.Uint16(p[14:])), 4, len(p)-12, 0)
	},
	protoL2TP: func(p []byte) (int, bool) { // L2TPv3 over IP (RFC 3931, 4.1.1): session 0 is a control message
		if len(p) >= 12 && binary.BigEndian.Uint32(p) == 0 {
			return 30, p[4]&0xc8 == 0xc8 && p[5]&0x0f == 3
		}
		return 0, len(p) >= 4
	},
}

// icmpv6Bits judges type and code (RFC 4443, RFC 4861, RFC 2710, RFC 3810); the checksum needs the
// addresses.
func icmpv6Bits(p []byte) (int, bool) {
	if len(p) < 4 {
		return 0, false
	}
	kind, code := p[0], p[1]
	switch {
	case kind == 1 && code <= 7, kind == 3 && code <= 1, kind == 4 && code <= 3,
		code == 0 && (kind == 2 || kind >= 128 && kind <= 137 || kind == 143):
		return 11, true
	}
	return 4, kind != 0 && (kind <= 4 || kind >= 100) && kind <= 201 && code <= 31
}

// known reports whether a next header is of a protocol that payloadBits knows, or none.
func known(next uint8) bool {
	_, sure := nextHeaderBits(next)
	return sure || next == protoNone
}

// lengthBits judges a length field of 16 bits: at least least, at most the bytes that are there;
// equal is the best evidence, less is padding. more is added to the bits if it fits.
func lengthBits(length, least, have, more int) (int, bool) {
	switch {
	case length < least || length > have:
		return 0, false
	case length == have:
		return 15 + more, true
	}
	return max(15-bits.Len(uint(have)), 0) + more, true
}

func udpBits(p []byte) (int, bool) {
	if len(p) < 8 || p[2] == 0 && p[3] == 0 {
		return 0, false
	}
	length := int(binary.BigEndian.Uint16(p[4:]))
	n, ok := lengthBits(length, 8, len(p), 0)
	if !ok {
		return 0, false
	}
	return n + l2tpBits(p, length), true
}

// l2tpBits counts the evidence of L2TP in a UDP datagram: the port 1701 of one or both
// ends, then version and reserved bits (RFC 2661, 3.1; RFC 3931, 4.1.2); other ports are possible.
// p may be cut.
func l2tpBits(p []byte, length int) int {
	n := 0
	for i := 0; i < 4; i += 2 {
		if binary.BigEndian.Uint16(p[i:]) == 1701 {
			n += 14
		}
	}
	if len(p) < 12 {
		return n
	}
	flags := binary.BigEndian.Uint16(p[8:])
	const typeBit, lengthBit, sequenceBit, offsetBits = 0x8000, 0x4000, 0x0800, 0x0300
	switch {
	case flags&0x34ff != 2 && flags&0x34ff != 3:
		return n // another protocol, or L2TPv3 data with session and cookie
	case flags&typeBit != 0 && flags&(lengthBit|sequenceBit|offsetBits) != lengthBit|sequenceBit:
		return n
	case flags&lengthBit != 0 && int(binary.BigEndian.Uint16(p[10:])) != length-8:
		return n
	}
	if flags&lengthBit != 0 {
		n += 14
	}
	return n + 9
}

func tcpBits(p []byte) (int, bool) {
	if len(p) < 20 {
		return 0, false
	}
	offset := 4 * int(p[12]>>4)
	flags := p[13]
	const fin, syn, rst, ack, urg = 0x01, 0x02, 0x04, 0x10, 0x20
	switch {
	case offset < 20 || offset > len(p):
		return 0, false
	case flags&(syn|fin) == syn|fin, flags&(syn|rst) == syn|rst, flags&(syn|rst|ack|fin) == 0:
		return 0, false
	case p[0] == 0 && p[1] == 0, p[2] == 0 && p[3] == 0:
		return 0, false
	}
	n := 1
	if p[12]&0x0e == 0 {
		n += 2
	}
	if flags&urg == 0 && p[18] == 0 && p[19] == 0 {
		n += 13
	}
	return n, true
}

func ipv4Bits(p []byte) (int, bool) {
	if len(p) < 20 || p[0]>>4 != 4 {
		return 0, false
	}
	header := 4 * int(p[0]&0x0f)
	if header < 20 || header > len(p) {
		return 0, false
	}
	n, ok := lengthBits(int(binary.BigEndian.Uint16(p[2:])), header, len(p), 4)
	if ok && checksum(p[:header]) == 0 {
		n += 15
	}
	return n, ok
}

func ipv6Bits(p []byte) (int, bool) {
	if len(p) < 40 || p[0]>>4 != 6 {
		return 0, false
	}
	length := 40 + int(binary.BigEndian.Uint16(p[4:]))
	n, ok := lengthBits(length, 40, len(p), 4)
	if !ok {
		return 0, false
	}
	if known(p[6]) {
		n += 3
	}
	// The header has no checksum: what it carries makes up for it.
	switch inner := p[40:length]; p[6] {
	case protoUDP:
		more, _ := udpBits(inner)
		n += more
	case protoTCP:
		more, _ := tcpBits(inner)
		n += more
	case protoICMPv6:
		if len(inner) >= 4 && pseudoChecksum(p[8:40], protoICMPv6, inner) == 0 {
			n += 15
		}
	}
	return n, true
}

func greBits(p []byte) (int, bool) {
	// Checksum, key and sequence bits, recursion control and reserved bits zero, version 0 or 1
	// (RFC 2784, 2890, 2637).
	if len(p) < 4 || p[0]&0x4f != 0 || p[1]&0x7e != 0 {
		return 0, false
	}
	n := 9
	switch binary.BigEndian.Uint16(p[2:]) {
	case 0x0800, 0x86dd, 0x880b, 0x6558, 0x8847, 0x2001:
		n += 13
	}
	return n, true
}

// checksummed judges a payload of which the Internet checksum over all of it is zero. A wrong one
// is no refusal: there may be padding behind.
func checksummed(least int) func(p []byte) (int, bool) {
	return func(p []byte) (int, bool) {
		if len(p) >= least && checksum(p) == 0 {
			return 15, true
		}
		return 0, len(p) >= least
	}
}

func extensionBits(next uint8, p []byte, depth int) (int, bool) {
	if len(p) < 8 || depth >= 4 || !known(p[0]) {
		return 0, false
	}
	if next == protoFragment {
		if p[1] != 0 || p[3]&0x06 != 0 {
			return 0, false
		}
		return 13, true
	}
	size := 8 * (int(p[1]) + 1)
	if size > len(p) {
		return 0, false
	}
	n, ok := payloadBits(p[0], p[size:], depth+1)
	return n + 3, ok
}

// checksum is the Internet checksum (RFC 1071): 0 over bytes that hold their own right checksum.
func checksum(p []byte) uint16 { return sumOn(0, p) }

// pseudoChecksum is the checksum over the pseudo-header of IPv6 (RFC 8200, 8.1) and a payload;
// addresses is the two of them.
func pseudoChecksum(addresses []byte, next uint8, p []byte) uint16 {
	sum := uint32(^sumOn(0, addresses)) + uint32(len(p)>>16) + uint32(len(p)&0xffff) + uint32(next)
	return sumOn(sum, p)
}

// sumOn is the checksum of bytes behind those whose sum is given.
func sumOn(sum uint32, p []byte) uint16 {
	for ; len(p) >= 2; p = p[2:] {
		sum += uint32(p[0])<<8 | uint32(p[1])
	}
	if len(p) == 1 {
		sum += uint32(p[0]) << 8
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}

// headStructure judges the first decrypted bytes of a packet of which missing bytes of plaintext
// (payload or trailer) were not captured: UDP, IPv4, IPv6 and TCP are known by their own headers.
// next is 0 and n is 0 if nothing fits well enough; else n is the evidence in bits.
func headStructure(head []byte, missing int) (next uint8, n int) {
	size := len(head) + missing - 2 // of payload and padding
	for _, p := range heads {
		if len(head) < p.least || p.proto == protoTCP && n > 0 {
			continue
		}
		if b := p.bits(head, size); b >= minEvidence && b > n {
			next, n = p.proto, b
		}
	}
	return next, n
}

// heads judges the heads of plaintexts; what says least of itself comes last.
var heads = [...]struct {
	proto uint8
	least int // bytes
	bits  func(head []byte, size int) int
}{
	{protoUDP, 8, func(head []byte, size int) int {
		length := int(binary.BigEndian.Uint16(head[4:]))
		if b := headBits(length, 8, size); b > 0 {
			return b + l2tpBits(head, length)
		}
		return 0
	}},
	{protoIPv4, 20, func(head []byte, size int) int {
		header := 4 * int(head[0]&0x0f)
		b := headBits(int(binary.BigEndian.Uint16(head[2:])), header, size)
		if head[0]>>4 != 4 || header < 20 || header > len(head) || b == 0 || checksum(head[:header]) != 0 {
			return 0
		}
		return b + 19
	}},
	{protoIPv6, 40, func(head []byte, size int) int {
		b := headBits(40+int(binary.BigEndian.Uint16(head[4:])), 40, size)
		if head[0]>>4 != 6 || !known(head[6]) || b == 0 {
			return 0
		}
		return b + 6
	}},
	{protoTCP, 20, func(head []byte, size int) int {
		if header := 4 * int(head[12]>>4); header > size || header > len(head) {
			return 0
		}
		b, _ := tcpBits(head)
		return b
	}},
}

// headBits judges a length field, with what may be padding behind; 0 if it is impossible.
func headBits(length, least, size int) int {
	switch pad := size - length; {
	case length < least || pad < 0 || pad > 255:
		return 0
	case pad < 16:
		return 11
	}
	return 8
}
