package main

import (
	"encoding/binary"
	"net/netip"
)

// hostileCapture is a capture of L2TP in clear and of an IKE message that say a text wherever they
// can, and one of printable characters where any other is not shown as text.
func hostileCapture(text, printable string) []byte {
	const raw = 101
	b := binary.LittleEndian.AppendUint32(nil, 0xa1b2c3d4)
	b = append(b, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0)
	b = binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(b, 1<<16), raw)
	client, server := netip.MustParseAddr("198.51.100.7"), netip.MustParseAddr("203.0.113.1")
	n := uint32(0)
	send := func(back bool, port uint16, payload []byte) {
		src, dst := client, server
		if back {
			src, dst = server, client
		}
		packet := ipUDP(src, dst, port, port, payload)
		b = binary.LittleEndian.AppendUint32(b, 1_800_000_000+n)
		b = binary.LittleEndian.AppendUint32(b, 0)
		b = binary.LittleEndian.AppendUint32(b, uint32(len(packet)))
		b = append(binary.LittleEndian.AppendUint32(b, uint32(len(packet))), packet...)
		n++
	}
	send(false, 500, ikeVendor(printable))
	const sccrq, sccrp, scccn, stop, icrq, icrp, iccn, cdn = 1, 2, 3, 4, 10, 11, 12, 14
	name := func(kind uint16) []byte { return avp(kind, []byte(text)) }
	id := func(kind, value uint16) []byte { return avp(kind, binary.BigEndian.AppendUint16(nil, value)) }
	tunnel := func(value uint16) []byte { return join(id(2, 0x100), name(7), name(8), id(9, value)) }
	send(false, 1701, l2tpControl(0, 0, 0, sccrq, tunnel(7)))
	send(true, 1701, l2tpControl(7, 0, 0, sccrp, tunnel(9)))
	send(false, 1701, l2tpControl(9, 0, 1, scccn, nil))
	send(false, 1701, l2tpControl(9, 0, 2, icrq, join(id(14, 3), name(21), name(22), name(23))))
	send(true, 1701, l2tpControl(7, 3, 1, icrp, id(14, 4)))
	send(false, 1701, l2tpControl(9, 4, 3, iccn, join(name(30), name(31))))
	ppp := func(back bool, protocol uint16, data []byte) {
		h := []byte{0x00, 2, 0, 9, 0, 4}
		if back {
			h = []byte{0x00, 2, 0, 7, 0, 3}
		}
		send(back, 1701, append(binary.BigEndian.AppendUint16(append(h, 0xff, 3), protocol), data...))
	}
	both := func(protocol uint16, options ...byte) {
		for _, back := range []bool{false, true} {
			ppp(back, protocol, pppControl(1, options))
			ppp(!back, protocol, pppControl(2, options))
		}
	}
	both(0xc021, 1, 4, 5, 0xdc)
	ppp(true, 0xc223, pppControl(1, append(append([]byte{4}, 1, 2, 3, 4), text...)))
	ppp(false, 0xc223, pppControl(2, append(append([]byte{4}, 1, 2, 3, 4), text...)))
	ppp(true, 0xc223, pppControl(3, []byte(printable)))
	ppp(false, 0xc023, pppControl(1, append(append([]byte{byte(len(text))}, text...), 3, 'a', 'b', 'c')))
	ppp(true, 0xc023, pppControl(2, append([]byte{byte(len(printable))}, printable...)))
	both(0x8021, 3, 6, 10, 0, 0, 1)
	query := join([]byte{0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0}, []byte{63}, []byte(text[:63]), []byte{0, 0, 1, 0, 1})
	ppp(false, 0x0021, ipUDP(netip.MustParseAddr("10.0.0.2"), netip.MustParseAddr("10.0.0.1"), 5353, 53, query))
	ppp(false, 0xc021, pppControl(5, []byte(printable)))
	result := append([]byte{0, 2, 0, 6}, text...)
	send(true, 1701, l2tpControl(7, 3, 2, cdn, join(avp(1, result), id(14, 4))))
	send(true, 1701, l2tpControl(7, 0, 3, stop, join(avp(1, result), id(9, 9))))
	return b
}

func join(parts ...[]byte) (b []byte) {
	for _, p := range parts {
		b = append(b, p...)
	}
	return b
}

func avp(kind uint16, value []byte) []byte {
	b := binary.BigEndian.AppendUint16(nil, 0x8000|uint16(6+len(value)))
	return append(binary.BigEndian.AppendUint16(append(b, 0, 0), kind), value...)
}

func l2tpControl(tunnel, session, ns, kind uint16, avps []byte) []byte {
	body := append(avp(0, binary.BigEndian.AppendUint16(nil, kind)), avps...)
	b := []byte{0xc8, 2}
	for _, v := range []uint16{uint16(12 + len(body)), tunnel, session, ns, 0} {
		b = binary.BigEndian.AppendUint16(b, v)
	}
	return append(b, body...)
}

func pppControl(code byte, data []byte) []byte {
	return append(binary.BigEndian.AppendUint16([]byte{code, 1}, uint16(4+len(data))), data...)
}

// ikeVendor is a first message of main mode that holds nothing but a vendor ID.
func ikeVendor(text string) []byte {
	const vendorID, mainMode, header = 13, 2, 28
	payload := append(binary.BigEndian.AppendUint16([]byte{0, 0}, uint16(4+len(text))), text...)
	b := join([]byte("initiatr"), make([]byte, 8), []byte{vendorID, 0x10, mainMode, 0}, make([]byte, 4))
	return append(binary.BigEndian.AppendUint32(b, uint32(header+len(payload))), payload...)
}

// ipUDP is a UDP datagram over IPv4, without checksums.
func ipUDP(src, dst netip.Addr, sport, dport uint16, payload []byte) []byte {
	b := binary.BigEndian.AppendUint16([]byte{0x45, 0}, uint16(28+len(payload)))
	b = append(b, 0, 0, 0, 0, 64, 17, 0, 0)
	b = append(append(b, src.AsSlice()...), dst.AsSlice()...)
	for _, v := range []uint16{sport, dport, uint16(8 + len(payload)), 0} {
		b = binary.BigEndian.AppendUint16(b, v)
	}
	return append(b, payload...)
}
