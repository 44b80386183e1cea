package ppp

import "encoding/binary"

// Change bits of a compressed TCP/IP header (RFC 1144 section 3.2.2).
const (
	vjUrgent     = 0x01
	vjWindow     = 0x02
	vjAck        = 0x04
	vjSequence   = 0x08
	vjPush       = 0x10
	vjID         = 0x20
	vjConnection = 0x40

	vjSpecials = vjSequence | vjAck | vjWindow | vjUrgent
	vjEcho     = vjSequence | vjWindow | vjUrgent // echoed interactive traffic
	vjData     = vjSpecials                       // unidirectional data
)

// maxVJHeader is the size of the longest header of IP and TCP with options.
const maxVJHeader = 120

// vjSlots expands the TCP/IP headers of one direction (RFC 1144). The zero value knows no
// connection.
type vjSlots struct {
	slots  []vjSlot // as many as have been needed, 256 at most
	last   int      // the slot of the frame before this one, plus 1; 0: not known
	losses uint64   // for the caller to set: how often frames may have been lost up to now
}

// vjSlot is what is known of a connection.
type vjSlot struct {
	vjHeader

	// overtaken is the header with the changes of all frames that came since, those too that did not
	// fit: so it is right again when all of them have come that were out of order.
	overtaken vjHeader
	pending   uint8 // frames after which overtaken is forgotten
}

// vjHeader is the header of a connection's last packet.
type vjHeader struct {
	header [maxVJHeader]byte
	length uint8  // 0: there was none
	losses uint64 // vjSlots.losses at that time
	hole   uint32 // bytes of the connection that a missing frame may hold; 0: none is missing
}

// maxOvertaken is how many frames may have passed those that are out of order.
const maxOvertaken = 16

// size is the number of bytes that v holds.
func (v *vjSlots) size() int { return cap(v.slots) * 2 * (maxVJHeader + 1) }

// uncompressed appends the packet of a frame of protocol 002f, which has the number of a slot in
// place of the IP protocol, and keeps its header (RFC 1144 section 3.2.3). It reports whether there
// was a packet of TCP whose header is right.
func (v *vjSlots) uncompressed(dst, payload []byte) ([]byte, bool) {
	if len(payload) < ipv4Header+tcpHeader {
		return dst, false
	}
	at, slot := len(dst), int(payload[9])
	dst = append(dst, payload...)
	dst[at+9] = protoTCP
	packet := WholeIP(dst[at:])
	if packet == nil || packet[0]>>4 != 4 || len(packet) < int(packet[0]&15)*4+tcpHeader {
		return dst[:at], false
	}
	ip := int(packet[0]&15) * 4
	length := ip + int(packet[ip+12]>>4)*4
	if length < ip+tcpHeader || length > len(packet) {
		return dst[:at], false
	}
	for len(v.slots) <= slot {
		v.slots = append(v.slots, vjSlot{})
	}
	v.last = slot + 1
	v.slots[slot] = vjSlot{}
	v.slots[slot].losses = v.losses
	v.slots[slot].length = uint8(copy(v.slots[slot].header[:], packet[:length]))
	return dst, true
}

// vjFit is how well a frame fits its slot.
type vjFit uint8

const (
	vjNot   vjFit = iota // it expands to no packet, or to one with a wrong TCP checksum
	vjDoubt              // the checksum is right, but a frame may be missing, and then the IP ID is another
	vjFits
)

// compressed appends the packet of a frame of protocol 002d, if it fits. The TCP checksum that it
// carries is a sign of frames that were lost before it. It says nothing of one that changed no more
// than the IP ID: that carries data behind a packet without, and leaves a hole in the sequence
// numbers. The slot changes only when next is committed, which is to be done for a frame without a
// packet, too.
func (v *vjSlots) compressed(dst, payload []byte) (out []byte, next vjNext, fit vjFit) {
	r := reader{data: payload}
	changes := r.byte()
	next.last = v.last
	if changes&vjConnection != 0 {
		next.last = int(r.byte()) + 1
	}
	if r.short || next.last == 0 || next.last > len(v.slots) || v.slots[next.last-1].length == 0 {
		return dst, vjNext{}, vjNot
	}
	slot := &v.slots[next.last-1]
	next.slot = *slot
	if slot.pending == 0 {
		next.slot.overtaken = slot.vjHeader
	}
	if out, fit = next.slot.expand(dst, changes, r, v.losses); fit == vjFits {
		if slot.pending > 0 {
			next.slot.pending--
			next.slot.overtaken.catchUp(&slot.vjHeader, &next.slot.vjHeader)
		}
		return out, next, vjFits
	}
	next.slot.vjHeader = slot.vjHeader
	out, late := next.slot.overtaken.expand(dst, changes, r, v.losses)
	if late == vjFits && slot.pending > 0 {
		next.slot.vjHeader, next.slot.pending = next.slot.overtaken, 0
		return out, next, vjFits
	}
	next.slot.pending = maxOvertaken
	return dst, next, max(fit, late)
}

// vjNext is what a compressed frame makes of its slot.
type vjNext struct {
	slot vjSlot
	last int // 0: nothing
}

// commit takes note of a frame.
func (v *vjSlots) commit(n *vjNext) {
	if n.last > 0 {
		v.last, v.slots[n.last-1] = n.last, n.slot
	}
}

// ip and tcp are the two headers.
func (h *vjHeader) ip() []byte  { return h.header[:int(h.header[0]&15)*4] }
func (h *vjHeader) tcp() []byte { return h.header[len(h.ip()):h.length] }

// data is how many bytes of data the packet had.
func (h *vjHeader) data() uint16 { return binary.BigEndian.Uint16(h.header[2:]) - uint16(h.length) }

// expand makes of a header that of the next packet, which it appends if it fits. losses are those
// of the slots.
func (h *vjHeader) expand(dst []byte, changes byte, r reader, losses uint64) ([]byte, vjFit) {
	ip, tcp, before := h.ip(), h.tcp(), h.data()
	sequence := binary.BigEndian.Uint32(tcp[4:])
	r.tcp(tcp, changes, before)
	sequence = binary.BigEndian.Uint32(tcp[4:]) - sequence // how far it went
	id := uint16(1)
	if changes&vjID != 0 {
		id = r.delta()
	}
	add16(ip[4:], id)
	length := int(h.length) + len(r.data)
	if r.short || length > 0xffff {
		return dst, vjNot
	}
	binary.BigEndian.PutUint16(ip[2:], uint16(length))
	binary.BigEndian.PutUint16(ip[10:], 0)
	binary.BigEndian.PutUint16(ip[10:], ^fold(sum(0, ip)))
	if before == 0 && h.losses != losses {
		h.hole = max(h.hole, sequence)
	}
	h.losses = losses
	at := len(dst)
	dst = append(append(dst, h.header[:h.length]...), r.data...)
	switch {
	case !transportFits(dst[at:]), before > 0 && changes&vjSpecials == 0: // who sends again does not compress
		return dst[:at], vjNot
	case h.hole != 0:
		return dst[:at], vjDoubt
	}
	return dst, vjFits
}

// catchUp makes the changes of a packet that was overtaken, whose header is next, the one before it
// being last.
func (h *vjHeader) catchUp(last, next *vjHeader) {
	from, to := last.tcp(), next.tcp()
	tcp := h.tcp()
	for _, at := range [...]int{4, 8} { // sequence and acknowledgment number
		add32(tcp[at:], binary.BigEndian.Uint32(to[at:])-binary.BigEndian.Uint32(from[at:]))
	}
	add16(tcp[14:], binary.BigEndian.Uint16(to[14:])-binary.BigEndian.Uint16(from[14:]))
	add16(h.header[4:], binary.BigEndian.Uint16(next.header[4:])-binary.BigEndian.Uint16(last.header[4:]))
	if h.hole == uint32(next.data()) {
		h.hole = 0
	}
}

// tcp changes a TCP header as the fields of a compressed one say. before is how many bytes of data
// the packet before it had.
func (r *reader) tcp(tcp []byte, changes byte, before uint16) {
	binary.BigEndian.PutUint16(tcp[16:], r.uint16())
	tcp[13] = tcp[13]&^8 | changes&vjPush>>1
	switch changes & vjSpecials {
	case vjEcho:
		add32(tcp[8:], uint32(before))
		add32(tcp[4:], uint32(before))
		return
	case vjData:
		add32(tcp[4:], uint32(before))
		return
	}
	tcp[13] = tcp[13]&^0x20 | changes&vjUrgent<<5
	if changes&vjUrgent != 0 {
		binary.BigEndian.PutUint16(tcp[18:], r.delta())
	}
	if changes&vjWindow != 0 {
		add16(tcp[14:], r.delta())
	}
	if changes&vjAck != 0 {
		add32(tcp[8:], uint32(r.delta()))
	}
	if changes&vjSequence != 0 {
		add32(tcp[4:], uint32(r.delta()))
	}
}

func add16(b []byte, n uint16) { binary.BigEndian.PutUint16(b, binary.BigEndian.Uint16(b)+n) }

func add32(b []byte, n uint32) { binary.BigEndian.PutUint32(b, binary.BigEndian.Uint32(b)+n) }

// reader takes fields off the front of data; short says that there were not enough.
type reader struct {
	data  []byte
	short bool
}

func (r *reader) byte() byte {
	if len(r.data) < 1 {
		r.short = true
		return 0
	}
	b := r.data[0]
	r.data = r.data[1:]
	return b
}

func (r *reader) uint16() uint16 {
	high := r.byte()
	return uint16(high)<<8 | uint16(r.byte())
}

// delta is a number of one byte, or of two behind a zero byte.
func (r *reader) delta() uint16 {
	if b := r.byte(); b != 0 {
		return uint16(b)
	}
	return r.uint16()
}
