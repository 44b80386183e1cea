package ppp

import (
	"net/netip"
	"slices"
)

// bundle is what the links of a Multilink bundle share, or what a single link has: what is
// negotiated by network control protocols and CCP, and the state of both directions.
type bundle struct {
	x     *Expander
	links []*Link // one of them, or more
	user  string  // "" if he is not known

	// Of Multilink: of the end whose direction is 0, and of the other.
	addresses [2]netip.AddrPort
	endpoints [2]string // "" if not known
	key       string    // in x.bundles; "": not there
	order     int       // which end is the first in the key

	ccp    ccp
	asked  [4]uint64 // bit by the low byte: a control protocol of the network layer was seen
	ipcp   negotiation
	usesVJ [2]bool
	vj     [2]vjSlots
	mp     [2]reassembly
	last   [2]Position // of the frames that were no fragments
	gaps   [2]uint64   // how often others may have been lost between them

	keys   *startKeys // for MPPE
	client int        // the direction of what the client sends

	size int    // bytes, as x.bytes has it
	used uint64 // x.clock when it was used the last time

	frameUp [2]func([]byte) State // frame of a direction, as reassembly takes it
	plainUp [2]func([]byte) State // plain of a direction, as streams take it
}

func newBundle(x *Expander, l *Link) *bundle {
	b := &bundle{x: x, links: []*Link{l}}
	for i := range 2 {
		b.frameUp[i] = func(frame []byte) State { return b.frame(i, frame, true) }
		b.plainUp[i] = func(frame []byte) State { return b.plain(i, frame) }
	}
	return b
}

// ccp is the compression of both directions.
type ccp struct {
	negotiation
	streams   [2]stream
	trials    [2]trial
	names     [2]string // of what was negotiated, "" if nothing was
	noKey     [2]bool   // it is encryption, and the key is not known
	requested [2][]byte // the options that an end has asked for last, nil if the other answered
}

// keeps reports whether packets that are sent as they are are kept, too.
func (c *ccp) keeps(direction int) bool {
	return c.streams[direction].comp != nil || len(c.trials[direction].candidates) > 0
}

// frame follows a frame that a link carried, or that was put together from fragments of several.
func (b *bundle) frame(direction int, frame []byte, nested bool) State {
	var f Frame
	if f.Decode(frame) != nil {
		return Damaged
	}
	payload := frame[f.PayloadStart:f.PayloadEnd]
	stream := &b.ccp.streams[direction]
	state := Plain
	if last, p := &b.last[direction], &b.x.position; !nested {
		if !p.comparable(last) || p.Missing != last.Missing {
			b.gaps[direction]++
		}
		*last = *p
	}
	switch f.Protocol {
	case protocolCompressed:
		switch {
		case b.ccp.noKey[direction]:
			return NoKey
		case stream.comp == nil && !b.unanswered(direction, payload):
			return b.guess(direction, payload)
		}
		return stream.receive(b.x, payload, b.plainUp[direction])
	case protocolLinkCompressed, protocolEncrypted, protocolLinkEncrypted:
		return Unknown
	case protocolCCP, protocolIPCP:
		b.control(direction, f.Protocol, payload)
	default:
		if f.Protocol>>8 == 0x80 {
			b.asked[byte(f.Protocol)/64] |= 1 << (f.Protocol % 64)
		}
	}
	if nested || f.Protocol == protocolVJCompressed || f.Protocol == protocolVJUncompressed {
		state = b.network(direction, f.Protocol, payload)
	}
	stream.pass(b.x, f.Protocol, payload, b.plainUp[direction])
	b.ccp.trials[direction].pass(f.Protocol, payload)
	return state
}

// plain follows a frame that was expanded.
func (b *bundle) plain(direction int, frame []byte) State {
	var f Frame
	if f.Decode(frame) != nil {
		return Damaged
	}
	return b.network(direction, f.Protocol, frame[f.PayloadStart:f.PayloadEnd])
}

// network gives out a packet of the network layer, its headers expanded.
func (b *bundle) network(direction int, protocol uint16, payload []byte) State {
	at, vj := len(b.x.arena), &b.vj[direction]
	vj.losses = b.losses(direction)
	switch protocol {
	case protocolVJUncompressed:
		out, ok := vj.uncompressed(b.x.arena, payload)
		if b.x.arena = out; !ok {
			return Damaged
		}
	case protocolVJCompressed:
		out, next, fit := vj.compressed(b.x.arena, payload)
		vj.commit(&next)
		if b.x.arena = out; fit != vjFits {
			return Waiting
		}
	default:
		return b.emit(protocol, payload)
	}
	return b.emit(ProtocolIP, b.x.arena[at:len(b.x.arena):len(b.x.arena)])
}

// emit gives out a packet if it is sound: of IP its checksums are right; of a control protocol the
// length; and for another the ends have asked each other, for nothing in it can be checked.
func (b *bundle) emit(protocol uint16, payload []byte) State {
	switch {
	case protocol == ProtocolIP || protocol == ProtocolIPv6:
		if payload = soundIP(protocol, payload); payload == nil {
			return Damaged
		}
	case IsControl(protocol):
		if !soundControl(protocol, payload) {
			return Damaged
		}
	case protocol > 0xff || b.asked[protocol/64]>>(protocol%64)&1 == 0:
		return Damaged
	}
	b.x.packets = append(b.x.packets, Packet{protocol, payload})
	return Expanded
}

// losses is how often frames of a direction may have been lost up to now. The numbers of a
// compression and of fragments tell; without them, what carries the frames.
func (b *bundle) losses(direction int) uint64 {
	n := b.ccp.streams[direction].losses + b.mp[direction].losses
	if b.ccp.streams[direction].comp == nil {
		n += b.gaps[direction]
	}
	return n
}

// fits reports whether a plaintext is a frame, beyond doubt: the checksum of an IP packet, or the
// length of a control packet.
func (b *bundle) fits(direction int, frame []byte) bool {
	var f Frame
	if f.Decode(frame) != nil {
		return false
	}
	payload := frame[f.PayloadStart:f.PayloadEnd]
	switch {
	case f.Protocol == ProtocolIP || f.Protocol == ProtocolIPv6:
		packet := soundIP(f.Protocol, payload)
		return packet != nil && len(packet) == len(payload)
	case f.Protocol == protocolVJCompressed:
		_, _, fit := b.vj[direction].compressed(nil, payload)
		return fit != vjNot
	case f.Protocol == protocolVJUncompressed:
		var trial vjSlots
		_, ok := trial.uncompressed(nil, payload)
		return ok
	case IsControl(f.Protocol):
		return soundControl(f.Protocol, payload)
	}
	return false
}

// soundIP is the packet at the beginning of a frame's payload, without what pads it (RFC 1661
// section 2); nil if it is of another version than the protocol says, or a checksum is wrong.
func soundIP(protocol uint16, payload []byte) []byte {
	packet := WholeIP(payload)
	if packet == nil || (packet[0]>>4 == 4) != (protocol == ProtocolIP) || !transportFits(packet) {
		return nil
	}
	return packet
}

// soundControl reports whether a packet is of a control protocol that has a name, and as long as it
// says.
func soundControl(protocol uint16, payload []byte) bool {
	var c Control
	return protocols[protocol] != "" && c.Decode(protocol, payload) == nil && int(c.Length) == len(payload)
}

// control follows a packet of CCP or IPCP.
func (b *bundle) control(direction int, protocol uint16, payload []byte) {
	var c Control
	if c.Decode(protocol, payload) != nil {
		return
	}
	if protocol == protocolIPCP {
		b.ipcpControl(direction, &c)
		return
	}
	again, acked := b.ccp.observe(direction, &c)
	if again {
		for i := range b.ccp.streams {
			b.choose(i, nil)
		}
	}
	switch {
	case c.Code == codeConfigureRequest && len(c.Data) <= maxCCPRequest:
		b.ccp.requested[direction] = append(b.ccp.requested[direction][:0], c.Data...)
	case c.Code == codeConfigureNak || c.Code == codeConfigureReject:
		b.ccp.requested[1-direction] = nil
	case acked:
		b.choose(direction, c.Data)
	case c.Code == codeResetAck:
		s, t := &b.ccp.streams[direction], &b.ccp.trials[direction]
		if s.reset(b.x); s.comp == nil && b.ccp.names[direction] == t.proved {
			t.reset(b.x)
		}
	}
}

// choose begins with the compression of which the sender has said that it will use it: the first of
// those that it acknowledges (RFC 1962 section 4); without any, with none.
func (b *bundle) choose(direction int, options []byte) {
	var comp compressor
	mask := uint16(0xffff)
	b.ccp.requested[1-direction] = nil
	b.ccp.names[direction], b.ccp.noKey[direction] = "", false
	for kind, value := range rawOptions(options) {
		b.ccp.names[direction] = ccpOptions[kind].name
		switch {
		case (kind == ccpDeflate || kind == ccpDeflateDraft) && len(value) == 2 && value[0]&15 == 8 && value[0]>>4 < 8:
			comp = newDeflateCompressor(1<<(value[0]>>4+8), &b.x.inflater)
		case kind == ccpBSD && len(value) == 1 && value[0]>>5 == 1 && value[0]&31 >= bsdMinBits && value[0]&31 <= bsdMaxBits:
			comp = newBSDCompressor(int(value[0] & 31))
		case kind == ccpMPPE && len(value) == 4:
			comp, mask = b.microsoft(direction, value), mppeCountMask
		}
		break
	}
	b.ccp.streams[direction].begin(b.x, comp, mask)
	b.ccp.trials[direction] = trial{}
}

// maxCCPRequest is the size in bytes of the longest options that are kept until the other end
// answers.
const maxCCPRequest = 256

// unanswered begins with the compression that the receiver has asked for, where the sender's answer
// was not seen: it would not send so without. It reports whether there is one, and the packet is
// the first where that matters.
func (b *bundle) unanswered(direction int, packet []byte) bool {
	requested := b.ccp.requested[1-direction]
	if len(requested) == 0 || b.ccp.names[direction] != "" {
		return false
	}
	b.choose(direction, requested)
	s := &b.ccp.streams[direction]
	if s.comp == nil {
		return false
	}
	if number, _, _ := s.comp.number(packet); number > 0 && s.comp.reset() {
		b.choose(direction, nil) // of those before, which it counts, some may have been sent as they are
		return false
	}
	return true
}

// microsoft is the compressor for the bits of an MPPE option, nil if the key is not known.
func (b *bundle) microsoft(direction int, value []byte) compressor {
	options := uint32(value[0])<<24 | uint32(value[1])<<16 | uint32(value[2])<<8 | uint32(value[3])
	var cipher *mppeCipher
	if options&(mppe40|mppe56|mppe128) != 0 {
		if b.keys != nil {
			cipher = newMPPECipher(options, b.keys, direction^b.client)
		}
		if cipher == nil {
			b.ccp.noKey[direction] = true
			return nil
		}
	}
	return newMicrosoftCompressor(options, cipher, func(frame []byte) bool { return b.fits(direction, frame) })
}

// guess follows a packet of a sender whose negotiation was not seen.
func (b *bundle) guess(direction int, packet []byte) State {
	t := &b.ccp.trials[direction]
	if b.ccp.names[direction] != t.proved {
		return Unknown // it was seen, and is not expanded
	}
	frame := t.receive(b.x, packet, func(frame []byte) bool { return b.fits(direction, frame) })
	switch {
	case frame != nil:
	case t.proved != "":
		return Waiting
	default:
		return Unknown
	}
	b.ccp.names[direction] = t.proved
	if len(t.candidates) == 1 {
		c, s := t.candidates[0], &b.ccp.streams[direction]
		s.begin(b.x, c.comp, c.mask)
		s.next = c.next
		*t = trial{}
	}
	return max(b.plain(direction, frame), Expanded)
}

// ipcpControl follows whether TCP/IP headers are compressed (RFC 1332 section 3.2).
func (b *bundle) ipcpControl(direction int, c *Control) {
	again, acked := b.ipcp.observe(direction, c)
	if again {
		b.usesVJ, b.vj = [2]bool{}, [2]vjSlots{}
	}
	if !acked {
		return
	}
	for kind, value := range rawOptions(c.Data) {
		if kind == ipcpCompression && len(value) >= 2 && value[0] == 0 && value[1] == protocolVJCompressed {
			b.usesVJ[direction], b.vj[direction] = true, vjSlots{}
		}
	}
}

// ordered reports whether packets of a direction can be read only in the order in which they were
// sent.
func (b *bundle) ordered(direction int) bool {
	if m, ok := b.ccp.streams[direction].comp.(*microsoftCompressor); ok && m.cipher != nil && m.cipher.stateless {
		return b.usesVJ[direction]
	}
	return b.ccp.streams[direction].comp != nil || b.usesVJ[direction] || len(b.vj[direction].slots) > 0
}

// linkDown hands up what waits for fragments, if no link is left that could carry them.
func (b *bundle) linkDown() {
	if slices.ContainsFunc(b.links, func(l *Link) bool { return !l.down }) {
		return
	}
	for direction := range b.mp {
		if r := &b.mp[direction]; len(r.fragments) > 0 {
			r.advance(b.x, r.fragments[len(r.fragments)-1].number, b.frameUp[direction])
		}
	}
}

// bytes is about how much memory the state of compression and reassembly takes.
func (b *bundle) bytes() int {
	n := 0
	for i := range 2 {
		n += b.ccp.streams[i].size() + b.ccp.trials[i].size() + b.vj[i].size() + b.mp[i].data + 64*cap(b.mp[i].fragments)
	}
	return n
}

// evict frees the state of compression and reassembly. What follows has to wait for a reset.
func (b *bundle) evict() {
	for i := range 2 {
		b.ccp.streams[i].evict(b.x)
		b.ccp.trials[i] = trial{}
		b.mp[i].giveUp(b.x)
		b.vj[i] = vjSlots{}
	}
}

// remove takes a link out of the bundle.
func (b *bundle) remove(l *Link) {
	b.links = slices.DeleteFunc(b.links, func(other *Link) bool { return other == l })
	if len(b.links) == 0 {
		b.evict()
		b.x.forgetSize(b)
		b.x.unlist(b)
	}
}
