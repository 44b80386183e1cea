package output

import (
	"encoding/binary"
	"net"
	"strconv"

	"l2tpdump/cmd/internal/pipeline"
	"l2tpdump/l2tp"
)

// appendPseudowire appends what a data message of L2TPv3 holds: ": Ethernet 02:00:00:00:00:01 >
// 02:00:00:00:00:02, vlan 17: IP ...".
func (t *Text) appendPseudowire(b []byte, r *pipeline.Record) []byte {
	p := &r.Payload
	f := &p.Tunnel.Frame
	if p.L2TP.Version != l2tp.Version3 || p.L2TP.Control || p.Tunnel.WrongCookie {
		return b
	}
	var kind uint16
	at := 0
	switch f.Pseudowire {
	case l2tp.PseudowireEthernet, l2tp.PseudowireVLAN:
		b = appendEthernet(append(b, ": Ethernet"...), f.Data)
		kind, at = l2tp.EtherType(f.Data)
	case l2tp.PseudowireHDLC:
		b = append(b, ": HDLC"...)
		kind, at = l2tp.HDLCType(f.Data)
	case 0:
		return appendLength(append(b, ", "...), p.L2TP.PayloadEnd-p.L2TP.PayloadStart)
	default:
		b = appendAll(b, ": ", l2tp.PseudowireName(f.Pseudowire))
	}
	if p.Inner != nil {
		return t.appendInner(append(b, ": "...), p.Inner, r)
	}
	if kind != 0 {
		b = appendEtherType(append(b, ' '), kind, f.Data[at:])
	}
	return appendLength(append(b, ", "...), len(f.Data))
}

// appendEthernet appends the addresses and the VLAN tags of a frame.
func appendEthernet(b, frame []byte) []byte {
	const address, tag = 6, 4
	if len(frame) < 2*address {
		return b
	}
	dst, src := net.HardwareAddr(frame[:address]), net.HardwareAddr(frame[address:2*address])
	b = appendAll(b, " ", src.String(), " > ", dst.String())
	_, end := l2tp.EtherType(frame)
	for at := 2 * address; at+tag < end; at += tag {
		b = strconv.AppendUint(append(b, ", vlan "...), uint64(binary.BigEndian.Uint16(frame[at+2:])&0xfff), 10)
	}
	return b
}
