package pipeline

import (
	"encoding/binary"
	"net/netip"

	"l2tpdump/capture"
	"l2tpdump/esp"
)

// flowID is packets of one SPI.
type flowID struct {
	dst netip.Addr
	spi uint32
}

// flow is what was seen of one SPI that nothing has named.
type flow struct {
	seq     uint32 // of its last packet
	packets uint32 // that followed another
	esp     bool   // it is taken for ESP
}

// conversation is what two ends have sent each other on the port of NAT traversal.
type conversation struct {
	strange uint64 // what speaks against ESP
	fits    uint64 // packets that followed another of their SPI
	ike     bool   // they have spoken IKE
}

const (
	strangePacket = 4 // what a packet that ESP can't be speaks against it; an SPI of which one packet was seen: 1
	maxStrange    = 5 // at which packets that follow others still count
	maxFresh      = 2 // at which the first of an SPI counts
	fitsPer       = 8 // packets that outweigh 1
)

// allows reports whether a packet may be ESP where no more than limit may speak against that.
func (t *conversation) allows(limit uint64) bool {
	return t.strange <= limit || t.fits >= fitsPer*t.strange
}

// evidence is how a packet goes with ESP of an SA that nothing has named.
type evidence uint8

const (
	strange evidence = iota // ESP is not like this
	fresh                   // nothing like it was seen before
	likely                  // likewise, and it looks like nothing else
	apart                   // it does not follow the last one of its SPI
	follows                 // it does
)

// doubtful finds out whether a UDP payload on the port of NAT traversal is ESP of an SA that
// nothing has named: one between ends and ports that speak IKE, one that looks like nothing else,
// or one of several that follow each other.
func (c *classifier) doubtful(n *capture.Frame, payload []byte) content {
	x := content{data: payload}
	talk, ok := c.talks.Get(talkOf(n))
	known := ok && talk.ike
	if !known && n.SrcPort == n.DstPort { // IKE may have stayed on its own port
		_, known = c.peers.Get(pairOf(n))
	}
	var h esp.Header
	if h.Decode(payload) != nil {
		if known && n.UDPLen >= esp.HeaderLen {
			x.kind, x.length = ESP, n.UDPLen
		}
		x.doubtful = !known && !n.Truncated
		return x
	}
	if !known {
		x.doubtful = true
		x.evidence = c.weigh(n, &h, payload)
		switch x.evidence {
		case likely:
			known = !ok || talk.allows(maxFresh)
		case follows:
			known = !ok || talk.allows(maxStrange)
		}
	}
	if known && h.SPI > maxReservedSPI {
		x.kind, x.length = ESP, n.UDPLen
	}
	return x
}

// conversation returns that of the two ends of a packet.
func (c *classifier) conversation(n *capture.Frame) *conversation {
	talk, ok := c.talks.Get(talkOf(n))
	if !ok {
		talk = new(conversation)
		c.talks.Set(talkOf(n), talk)
	}
	return talk
}

// note takes note of what doubtful found.
func (c *classifier) note(n *capture.Frame, x *content) {
	talk := c.conversation(n)
	if x.evidence == strange {
		talk.strange += strangePacket
		return
	}
	id := flowID{n.Dst, binary.BigEndian.Uint32(x.data)}
	last, _ := c.flows.Get(id)
	switch x.evidence {
	case fresh, likely:
		talk.strange++
	case follows:
		if last.packets == 0 && talk.strange > 0 { // its first packet may have had other ports
			talk.strange--
		}
		talk.fits++
		last.packets++
	}
	last.seq, last.esp = binary.BigEndian.Uint32(x.data[4:]), last.esp || x.kind == ESP
	c.flows.Set(id, last)
}

// talkOf is two ends, the lower first.
func talkOf(n *capture.Frame) [2]netip.AddrPort {
	src, dst := n.Ends()
	if src.Compare(dst) > 0 {
		src, dst = dst, src
	}
	return [2]netip.AddrPort{src, dst}
}

const (
	espUnit     = 4       // RFC 4303 section 2.4: what an ESP packet's length is a multiple of
	maxGap      = 1024    // packets of an SPI that may be missing between two that are there
	maxJump     = 1 << 16 // likewise, of one that is taken for ESP
	minESP      = 24      // header, trailer, and an ICV of 12 bytes
	maxDoubtful = 1 << 20 // the highest sequence number of a packet that nothing else speaks for
	established = 4       // packets of a flow that followed each other
)

// weigh finds out how a packet goes with ESP. It changes nothing.
func (c *classifier) weigh(n *capture.Frame, h *esp.Header, payload []byte) evidence {
	last, known := c.flows.Get(flowID{n.Dst, h.SPI})
	switch {
	case h.SPI <= maxReservedSPI || n.UDPLen < minESP || n.UDPLen%espUnit != 0 || h.Seq == 0:
		return strange
	case last.packets < established && foreign(h, payload, n.UDPLen):
		return strange
	case last.esp && min(h.Seq-last.seq, last.seq-h.Seq) <= maxJump,
		known && h.Seq > last.seq && h.Seq-last.seq <= maxGap &&
			(looksRandom(payload, 2*esp.HeaderLen) || looksClear(payload)):
		return follows
	case last.esp:
		return fresh
	case plausibleESP(h, payload, n.UDPLen) && (!(mayBeRTP(h) || h.SPI < maxManualSPI) || h.Seq == 1 || c.keyed(h.SPI)):
		return likely
	case known:
		return apart
	}
	return fresh
}

// maxManualSPI is above the SPIs that people choose, and above what many protocols begin with; the
// SPIs of IKE are random.
const maxManualSPI = 1 << 20

// plausibleESP reports whether a payload of length bytes on the wire is ESP rather than any other
// protocol or random data: its length, its sequence number, and that what follows looks encrypted.
func plausibleESP(h *esp.Header, payload []byte, length int) bool {
	whole := len(payload) >= esp.HeaderLen+espUnit // else the capture cut it
	return h.Seq != 0 && h.Seq < maxDoubtful && length%espUnit == 0 && length >= minESP &&
		whole && looksRandom(payload, esp.HeaderLen)
}

// looksClear reports whether behind the header of ESP there is a UDP packet of L2TP, or an IP
// packet, as there is where nothing is encrypted (RFC 2410).
func looksClear(payload []byte) bool {
	if len(payload) < esp.HeaderLen+20 {
		return false
	}
	data := payload[esp.HeaderLen:]
	length := int(binary.BigEndian.Uint16(data[2:]))
	return binary.BigEndian.Uint16(data) == portL2TP || length == portL2TP || data[0] == 0x45 && length < len(data)
}

// looksRandom reports whether the bytes from a place on can be ciphertext: no byte is there four
// times in a row, which random data has once in 2^24 places, zero is no more frequent than others,
// and hardly any is text.
func looksRandom(data []byte, from int) bool {
	const sample = 64
	data = data[min(from, len(data)):]
	data = data[:min(len(data), sample)]
	run, text, zeros := 0, 0, 0
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
		if b == 0 {
			zeros++
		}
	}
	return text*4 < len(data)*3+4 && zeros <= 2+len(data)/32
}
