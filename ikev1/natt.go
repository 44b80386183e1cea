package ikev1

import (
	"net/netip"
)

// isNATD says that the payload is NAT discovery under any of its numbers: 20 (RFC 3947), 130
// (drafts 1 to 3), and 15 (drafts 4 to 8), which RFC 6407 gave to another payload, where the body
// has the length of a hash.
func (p *Payload) isNATD() bool {
	switch p.Type {
	case PayloadNATD, PayloadNATDDraft:
		return true
	case PayloadSAK:
		return isHashLen(len(p.Body))
	}
	return false
}

// isNATOA says that the payload is a NAT original address under any of its numbers: 21 (RFC 3947),
// 131 (drafts 1 to 3), and 16 (drafts 4 to 8) where the body is an address, reserved bytes zero.
func (p *Payload) isNATOA() bool {
	switch p.Type {
	case PayloadNATOA, PayloadNATOADraft:
		return true
	case PayloadSAT:
		_, err := parseNATOA(p.Body)
		return err == nil && [3]byte(p.Body[1:]) == [3]byte{}
	}
	return false
}

// parseNATOA reads the body of a NAT-OA payload: an original address of one side (RFC 3947 section
// 5.2). The reserved bytes do not count: racoon leaves in them what was there.
func parseNATOA(body []byte) (netip.Addr, error) {
	if len(body) < 4 {
		return netip.Addr{}, malformedf("NAT-OA payload of %d bytes", len(body))
	}
	t := idType(body[0])
	if t != idIPv4Addr && t != idIPv6Addr || t.dataLen() != len(body)-4 {
		return netip.Addr{}, malformedf("NAT-OA of ID type %d with %d bytes", t, len(body)-4)
	}
	a, _ := netip.AddrFromSlice(body[4:])
	return a, nil
}
