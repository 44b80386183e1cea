package ikev1

import "l2tpdump/esp"

// Phase2 is what a transform of a Quick Mode SA says (RFC 2407 section 4.5).
// A field is 0 where its attribute is absent.
type Phase2 struct {
	Protocol      ProtocolID
	TransformID   uint8  // ESP: the cipher
	Auth          uint16 // authentication algorithm
	KeyBits       int    // the key length attribute
	Group         uint16 // PFS
	Mode          uint16 // encapsulation mode: 1 tunnel, 2 transport, 3, 4, 61443, 61444 the same in UDP
	ESN           bool
	LifeSeconds   uint64
	LifeKilobytes uint64
}

// Phase2 reads the attributes of a Quick Mode transform.
func (t *Transform) Phase2() Phase2 {
	p := Phase2{Protocol: t.Protocol, TransformID: t.ID}
	var life uint64
	for i := range t.Attributes {
		a := &t.Attributes[i]
		v, ok := a.Uint()
		if !ok {
			continue
		}
		switch a.Type {
		case 1:
			life = v
		case 2:
			switch life {
			case 1:
				p.LifeSeconds = v
			case 2:
				p.LifeKilobytes = v
			}
		case 3:
			p.Group = uint16(v)
		case 4:
			p.Mode = uint16(v)
		case 5:
			p.Auth = uint16(v)
		case 6:
			p.KeyBits = int(min(v, 0xffff))
		case 11:
			p.ESN = v == 1 // RFC 4304
		}
	}
	return p
}

// Tunnel says that the mode is tunnel mode, in UDP or not.
func (p Phase2) Tunnel() bool { return p.Mode == 1 || p.Mode == 3 || p.Mode == 61443 }

// UDPEncap says that the mode is one of UDP encapsulation (RFC 3947, drafts).
func (p Phase2) UDPEncap() bool {
	return p.Mode == 3 || p.Mode == 4 || p.Mode == 61443 || p.Mode == 61444
}

// Suite returns the row of algorithms that the transform names; parts which
// package esp does not have stay empty.
func (p Phase2) Suite() esp.Suite {
	return esp.Suite{}
}
