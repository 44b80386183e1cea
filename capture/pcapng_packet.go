package capture

// enhancedPacket reads an Enhanced Packet Block: interface, time stamp, two lengths, data, options.
func (r *Reader) enhancedPacket(p *Packet, body []byte) (isPacket bool, err error) {
	return r.packet(p, r.pcapng.uint32(body), body)
}

// obsoletePacket reads a Packet Block, which differs in the first four bytes: 16 bits each for the
// interface and for a count of drops.
func (r *Reader) obsoletePacket(p *Packet, body []byte) (isPacket bool, err error) {
	return r.packet(p, uint32(r.pcapng.uint16(body)), body)
}

func (r *Reader) packet(p *Packet, ifIndex uint32, body []byte) (isPacket bool, err error) {
	ng := &r.pcapng
	if int64(ifIndex) >= int64(len(ng.section)) {
		return false, r.damaged(8, "packet of interface %d, but %d are described", ifIndex, len(ng.section))
	}
	ifc := &ng.section[ifIndex]
	ticks := uint64(ng.uint32(body[4:8]))<<32 | uint64(ng.uint32(body[8:12]))
	captured, original := ng.uint32(body[12:16]), ng.uint32(body[16:20])
	room := len(body) - 20
	if captured > MaxPacketLen || int(captured) > room {
		return false, r.damaged(20, "packet of %d captured bytes in a block with room for %d", captured, room)
	}
	p.Time = ifc.clock.nanoseconds(ticks)
	p.Length = wireLength(original, int(captured))
	p.Data = body[20 : 20+captured : 20+captured]
	p.Interface = ifc.index
	p.Options = nil
	if after := 20 + pad4(int(captured)); after < len(body) {
		p.Options = ng.packetOptions(body[after:])
	}
	return true, nil
}

// simplePacket reads a Simple Packet Block: the original length and the data, of the section's
// first interface. It has no time stamp.
func (r *Reader) simplePacket(p *Packet, body []byte) (isPacket bool, err error) {
	ng := &r.pcapng
	if len(ng.section) == 0 {
		return false, r.damaged(0, "packet before any interface description")
	}
	ifc := &ng.section[0]
	original := ng.uint32(body[0:4])
	captured := original
	if ifc.snapLen != 0 {
		captured = min(captured, ifc.snapLen)
	}
	room := len(body) - 4
	if captured > MaxPacketLen || int(captured) > room {
		return false, r.damaged(8, "packet of %d captured bytes in a block with room for %d", captured, room)
	}
	p.Time = 0
	p.Length = wireLength(original, int(captured))
	p.Data = body[4 : 4+captured : 4+captured]
	p.Interface = ifc.index
	p.Options = nil
	return true, nil
}

// pad4 rounds up to a multiple of four.
func pad4(n int) int { return (n + 3) &^ 3 }
