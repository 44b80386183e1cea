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

// vjSlots expands the TCP/IP headers of one direction (RFC 1144). The zero value knows no connection.
type vjSlots struct {
	slots []vjSlot // as many as have been needed, 256 at most
	last  int      // the slot of the frame before this one, plus 1; 0: not known
}

// vjSlot is the header of a connection's last packet.
type vjSlot struct {
	header [maxVJHeader]byte
	length uint8 // 0: there was none
}

// size is the number of bytes that v holds.
func (v *vjSlots) size() int { return cap(v.slots) * (maxVJHeader + 1) }

// uncompressed appends the packet of a frame of protocol 002f, which has the number of a slot in
// place of the IP protocol, and keeps its header (RFC 1144 section 3.2.3). It reports whether there was a
// packet of TCP whose header is right.
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
	v.slots[slot].length = uint8(copy(v.slots[slot].header[:], packet[:length]))
	return dst, true
}

// compressed appends the packet of a frame of protocol 002d. The TCP checksum that it carries is the
// only sign of a frame that was lost before it: where it does not fit there is no packet. The slot
// changes only when next is committed.
func (v *vjSlots) compressed(dst, payload []byte) (out []byte, next vjNext, ok bool) {
	r := reader{data: payload}
	changes := r.byte()
	next.last = v.last
	if changes&vjConnection != 0 {
		next.last = int(r.byte()) + 1
	}
	if next.last == 0 || next.last > len(v.slots) || v.slots[next.last-1].length == 0 {
		return dst, next, false
	}
	next.slot = v.slots[next.last-1]
	ip := next.slot.header[:int(next.slot.header[0]&15)*4]
	tcp := next.slot.header[len(ip):next.slot.length]
	r.tcp(tcp, changes, binary.BigEndian.Uint16(ip[2:])-uint16(next.slot.length))
	id := uint16(1)
	if changes&vjID != 0 {
		id = r.delta()
	}
	add16(ip[4:], id)
	length := int(next.slot.length) + len(r.data)
	if r.short || length > 0xffff {
		return dst, next, false
	}
	binary.BigEndian.PutUint16(ip[2:], uint16(length))
	binary.BigEndian.PutUint16(ip[10:], 0)
	binary.BigEndian.PutUint16(ip[10:], ^fold(sum(0, ip)))
	at := len(dst)
	dst = append(append(dst, next.slot.header[:next.slot.length]...), r.data...)
	if !transportFits(dst[at:]) {
		return dst[:at], next, false
	}
	return dst, next, true
}

// vjNext is what a compressed frame makes of its slot.
type vjNext struct {
	slot vjSlot
	last int
}

// commit takes note of a frame that is known to be right.
func (v *vjSlots) commit(n *vjNext) { v.last, v.slots[n.last-1] = n.last, n.slot }

// tcp changes a TCP header as the fields of a compressed one say. before is how many bytes of data the
// packet before it had.
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
