package pipeline

import (
	"l2tpdump/l2tp"
	"l2tpdump/l2tp/ppp"
)

// compression is what the two ends of a PPP session compress or encrypt with, "" as long as it is not known.
type compression [2]string

const ccpConfAck = 2 // RFC 1661 section 5.2

// packed reports whether PPP frames of this protocol hold a user's packet that is compressed or encrypted.
func packed(protocol uint16) bool {
	switch protocol {
	case ppp.ProtocolVJCompressed, ppp.ProtocolVJUncompressed, ppp.ProtocolCompressed, ppp.ProtocolLinkCompressed,
		ppp.ProtocolEncrypted, ppp.ProtocolLinkEncrypted:
		return true
	}
	return false
}

// compressed follows CCP (RFC 1962) and returns the name of what a compressed frame of this sender is compressed or encrypted with.
func compressed(s *l2tp.Session, sender int, f *ppp.Frame, frame []byte) string {
	if s == nil || f.Protocol != ppp.ProtocolCCP && f.Protocol != ppp.ProtocolCompressed {
		return ""
	}
	names, _ := s.Value.(*compression)
	if f.Protocol == ppp.ProtocolCompressed {
		if names == nil {
			return ""
		}
		return names[sender]
	}
	var c ppp.Control
	if c.Decode(f.Protocol, frame[f.PayloadStart:f.PayloadEnd]) != nil || c.Code != ccpConfAck {
		return ""
	}
	if names == nil {
		names = new(compression)
		s.Value = names
	}
	names[sender] = ""
	for name := range c.Options {
		names[sender] = name // what the peer said it can read is what this end sends
		break
	}
	return ""
}
