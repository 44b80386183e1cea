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
	for _, tag := range f.VLANTags(data) {
		ids = append(ids, tag&0x0fff)
	}
	return ids
}

// VLANTags returns the VLAN tags of data, which was given to Decode, from the outermost: priority
// (3 bits), drop eligible (1) and ID (12).
func (f *Frame) VLANTags(data []byte) (tags []uint16) {
	for i := range f.tags {
		tags = append(tags, binary.BigEndian.Uint16(data[f.tagsAt+4*i:]))
	}
	return tags
}

// Cooked is what the header of a cooked capture of Linux tells.
type Cooked struct {
	Interface uint32           // its index; 0 with LinuxSLL, which does not tell
	Kind      uint8            // 0 for this host, 1 for all, 2 for several, 3 for another, 4 sent by this host
	Address   net.HardwareAddr // of the sender; a part of the frame
}

// CookedOf reads the header of a frame of that link type; ok is false where it is no cooked one, or
// cut off.
func CookedOf(lt LinkType, data []byte) (c Cooked, ok bool) {
	var address []byte
	var size int
	switch {
	case lt == LinuxSLL && len(data) >= 16:
		c.Kind, size, address = data[1], int(binary.BigEndian.Uint16(data[4:])), data[6:14]
	case lt == LinuxSLL2 && len(data) >= 20:
		c.Interface, c.Kind, size, address = binary.BigEndian.Uint32(data[4:]), data[10], int(data[11]), data[12:20]
	default:
		return c, false
	}
	c.Address = address[:min(size, len(address))]
	return c, true
}

// PPPoESession returns the session ID of the PPPoE header of data, which was given to Decode; ok is
// false where there is none.
func (f *Frame) PPPoESession(data []byte) (id uint16, ok bool) {
	if f.pppoeAt == 0 {
		return 0, false
	}
	return binary.BigEndian.Uint16(data[f.pppoeAt-2:]), true
}

// DirectionOf says which way a frame of that link type went past the capturing host: its link layer
// tells, or else the flags of a pcapng packet.
func DirectionOf(lt LinkType, p *Packet) Direction {
	var f Frame
	end := len(p.Data)
	if f.link(lt, p.Data, 0, &end); f.Direction != DirectionUnknown { // what is wrong with it makes it unknown
		return f.Direction
	}
	for o := range new(pcapngFile).options(p.Options) {
		if o.code == optPacketFlags && len(o.value) == 4 {
			return [...]Direction{1: DirectionIn, 2: DirectionOut, 3: DirectionUnknown}[o.value[0]&3]
		}
	}
	return DirectionUnknown
}
