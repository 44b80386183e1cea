package pipeline

import (
	"encoding/binary"

	"l2tpdump/capture"
	"l2tpdump/esp"
)

// isESP reports whether a UDP payload on the port of NAT traversal is ESP of an SA that nothing has
// named: one between ends that speak IKE, a packet that follows another of its SPI, or one that
// looks like nothing else.
func (c *classifier) isESP(n *capture.Frame, payload []byte) bool {
	var h esp.Header
	err := h.Decode(payload)
	_, known := c.peers.Get(pairOf(n))
	switch {
	case err != nil:
		return known && n.UDPLen >= esp.HeaderLen
	case h.SPI <= maxReservedSPI:
		return false
	case known:
		return true
	}
	last, follows := c.flows.Get(flowID{n.Dst, h.SPI})
	if mayBeRTP(&h) && !c.keyed(h.SPI) && (!follows || last == flow{seq: h.Seq}) {
		return false
	}
	return plausibleESP(&h, payload, n.UDPLen) ||
		follows && n.UDPLen%espUnit == 0 && h.Seq > last.seq && h.Seq-last.seq <= maxGap
}

// mayBeRTP reports whether the header of ESP is also one of RTP (RFC 3550 section 5.1): version 2,
// no contributing sources, and a payload type that RFC 3551 section 6 leaves to media. What would
// be an SPI has the sequence number of RTP in it, which no two packets share; what would be a
// sequence number is the timestamp, which the first packet of an SA has as 1 and that of RTP hardly
// ever.
func mayBeRTP(h *esp.Header) bool {
	const fixed, version2 = 0xcf000000, 0x80000000
	media := h.SPI >> 16 & 0x7f
	return h.SPI&fixed == version2 && (media <= 34 || media >= 96) && h.Seq != 1
}

const (
	espUnit      = 4       // RFC 4303 section 2.4: what an ESP packet's length is a multiple of
	maxGap       = 1024    // packets of an SPI that may be missing between two that are there
	minESP       = 24      // header, trailer, and an ICV of 12 bytes
	maxDoubtful  = 1 << 20 // the highest sequence number of a packet that nothing else speaks for
	radiusLength = 2       // offset in RADIUS
)

// plausibleESP reports whether a payload of length bytes on the wire is ESP rather than any other
// protocol or random data: its length, its sequence number, and that what follows looks encrypted.
func plausibleESP(h *esp.Header, payload []byte, length int) bool {
	switch {
	case h.Seq == 0 || h.Seq >= maxDoubtful || length%espUnit != 0 || length < minESP:
		return false
	case len(payload) < esp.HeaderLen+espUnit: // the capture cut it
		return false
	case int(binary.BigEndian.Uint16(payload[radiusLength:])) == length: // RADIUS, and others whose length is there
		return false
	case h.SPI&0x00ffffff == 0 && h.SPI>>24 <= 4: // WireGuard
		return false
	case binary.BigEndian.Uint32(payload[esp.HeaderLen:])&0xffe0ffe0 == 0: // DNS: the last two of its four counts
		return false
	}
	return looksRandom(payload[esp.HeaderLen:])
}

// looksRandom reports whether the first bytes of data can be ciphertext: no byte is there four
// times in a row, which random data has once in 2^24 places, and hardly any is text.
func looksRandom(data []byte) bool {
	const sample = 64
	data = data[:min(len(data), sample)]
	run, text := 0, 0
	for i, b := range data {
		if i > 0 && b == data[i-1] {
			run++
		} else {
			run = 0
		}
		if run == 3 {
			return false
		}
		if b >= ' ' && b <= '~' {
			text++
		}
	}
	return text*4 < len(data)*3
}
