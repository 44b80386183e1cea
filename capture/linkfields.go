package capture

import (
	"encoding/binary"
	"net"
)

// MAC returns the addresses of the Ethernet header of data, which was given to Decode; both are nil
// where there is none. They are parts of data.
func (f *Frame) MAC(data []byte) (dst, src net.HardwareAddr) {
	if f.macBehind == 0 {
		return nil, nil
	}
	addrs := data[f.macBehind-12 : f.macBehind]
	return addrs[:6:6], addrs[6:]
}

// VLANs returns the IDs of the VLAN tags of data, which was given to Decode, from the outermost.
func (f *Frame) VLANs(data []byte) (ids []uint16) {
	for i := range f.tags {
		ids = append(ids, binary.BigEndian.Uint16(data[f.tagsAt+4*i:])&0x0fff)
	}
	return ids
}

// PPPoESession returns the session ID of the PPPoE header of data, which was given to Decode; ok is
// false where there is none.
func (f *Frame) PPPoESession(data []byte) (id uint16, ok bool) {
	if f.pppoeAt == 0 {
		return 0, false
	}
	return binary.BigEndian.Uint16(data[f.pppoeAt-2:]), true
}
