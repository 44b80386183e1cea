package ikev1

import (
	"encoding/binary"
)

// notifyType is the number of a notification (RFC 2408 section 3.14.1).
type notifyType uint16

// Notifications that this package looks into.
const (
	notifyConnected         notifyType = 16384
	notifyResponderLifetime notifyType = 24576 // RFC 2407 section 4.6.3.1
	notifyReplayStatus      notifyType = 24577
	notifyRUThere           notifyType = 36136 // RFC 3706
	notifyRUThereAck        notifyType = 36137
)

// notification is the body of a Notification payload (RFC 2408 section 3.14).
type notification struct {
	DOI      uint32
	Protocol protocolID
	SPI      []byte // of a phase 2 SA, or both cookies; often empty
	Type     notifyType
	Data     []byte
}

// parseNotification reads the body of a Notification payload. SPI and Data are parts of body.
func parseNotification(body []byte) (notification, error) {
	if len(body) < 8 {
		return notification{}, malformedf("notification of %d bytes", len(body))
	}
	n := notification{
		DOI:      binary.BigEndian.Uint32(body),
		Protocol: protocolID(body[4]),
		Type:     notifyType(binary.BigEndian.Uint16(body[6:])),
	}
	end := 8 + int(body[5])
	if end > len(body) {
		return n, malformedf("notification %d: SPI of %d bytes, with %d bytes left", n.Type, body[5], len(body)-8)
	}
	n.SPI, n.Data = body[8:end:end], body[end:]
	return n, nil
}

// sequence returns the sequence number of a DPD notification (RFC 3706 section 5.3).
func (n *notification) sequence() (uint32, bool) {
	if n.Type != notifyRUThere && n.Type != notifyRUThereAck || len(n.Data) != 4 {
		return 0, false
	}
	return binary.BigEndian.Uint32(n.Data), true
}
