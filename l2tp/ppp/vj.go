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
	slots []vjSlot // as many as have been needed, 256 at most
	last  int      // the slot of the frame before this one, plus 1; 0: not known
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
	length uint8 // 0: there was none
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
	packet := wholeIP(dst[at:])
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
	v.slots[slot].length = uint8(copy(v.slots[slot].header[:], packet[:length]))
	return dst, true
}

// compressed appends the packet of a frame of protocol 002d. The TCP checksum that it carries is
// the only sign of a frame that was lost before it: where it does not fit there is no packet. The
// slot changes only when next is committed, which is to be done for a frame without a packet, too.
func (v *vjSlots) compressed(dst, payload []byte) (out []byte, next vjNext, ok bool) {
	r := reader{data: payload}
	changes := r.byte()
	next.last = v.last
	if changes&vjConnection != 0 {
		next.last = int(r.byte()) + 1
	}
	if r.short || next.last == 0 || next.last > len(v.slots) || v.slots[next.last-1].length == 0 {
		return dst, vjNext{}, false
	}
	slot := &v.slots[next.last-1]
	next.slot = *slot
	if slot.pending == 0 {
		next.slot.overtaken = slot.vjHeader
	}
	if out, ok = next.slot.expand(dst, changes, r); ok {
		if slot.pending > 0 {
			next.slot.pending--
			next.slot.overtaken.expand(out, changes, r) // behind the packet: it is not wanted
		}
		return out, next, true
	}
	next.slot.vjHeader = slot.vjHeader
	if out, ok = next.slot.overtaken.expand(dst, changes, r); ok && slot.pending > 0 {
		next.slot.vjHeader, next.slot.pending = next.slot.overtaken, 0
		return out, next, true
	}
	next.slot.pending = maxOvertaken
	return dst, next, false
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

// expand makes of a header that of the next packet, which it appends. It reports whether the
// packet's checksum is right.
func (h *vjHeader) expand(dst []byte, changes byte, r reader) ([]byte, bool) {
	ip := h.header[:int(h.header[0]&15)*4]
	tcp := h.header[len(ip):h.length]
	r.tcp(tcp, changes, binary.BigEndian.Uint16(ip[2:])-uint16(h.length))
	id := uint16(1)
	if changes&vjID != 0 {
		id = r.delta()
	}
	add16(ip[4:], id)
	length := int(h.length) + len(r.data)
	if r.short || length > 0xffff {
		return dst, false
	}
	binary.BigEndian.PutUint16(ip[2:], uint16(length))
	binary.BigEndian.PutUint16(ip[10:], 0)
	binary.BigEndian.PutUint16(ip[10:], ^fold(sum(0, ip)))
	at := len(dst)
	dst = append(append(dst, h.header[:h.length]...), r.data...)
	if !transportFits(dst[at:]) {
		return dst[:at], false
	}
	return dst, true
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
