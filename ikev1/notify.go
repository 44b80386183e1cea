package ikev1

import (
	"encoding/binary"
	"fmt"
)

// NotifyType is the number of a notification (RFC 2408 section 3.14.1).
type NotifyType uint16

// Notifications that this package or its callers look at.
const (
	NotifyInvalidSPI        NotifyType = 11
	NotifyNoProposalChosen  NotifyType = 14
	NotifyAuthFailed        NotifyType = 24
	NotifyConnected         NotifyType = 16384
	NotifyResponderLifetime NotifyType = 24576 // RFC 2407 section 4.6.3.1
	NotifyReplayStatus      NotifyType = 24577
	NotifyInitialContact    NotifyType = 24578
	NotifyRUThere           NotifyType = 36136 // RFC 3706
	NotifyRUThereAck        NotifyType = 36137
)

// Notification is the body of a Notification payload (RFC 2408 section 3.14).
type Notification struct {
	DOI      uint32
	Protocol ProtocolID
	SPI      []byte // of a phase 2 SA, or both cookies; often empty
	Type     NotifyType
	Data     []byte
}

// ParseNotification reads the body of a Notification payload. SPI and Data are
// parts of body.
func ParseNotification(body []byte) (Notification, error) {
	if len(body) < 8 {
		return Notification{}, fmt.Errorf("ikev1: notification of %d bytes: %w", len(body), ErrMalformed)
	}
	n := Notification{
		DOI:      binary.BigEndian.Uint32(body),
		Protocol: ProtocolID(body[4]),
		Type:     NotifyType(binary.BigEndian.Uint16(body[6:])),
	}
	end := 8 + int(body[5])
	if end > len(body) {
		return n, fmt.Errorf("ikev1: notification %d: SPI of %d bytes, with %d bytes left: %w", n.Type, body[5], len(body)-8, ErrMalformed)
	}
	n.SPI, n.Data = body[8:end:end], body[end:]
	return n, nil
}

// Sequence returns the sequence number of a DPD notification (RFC 3706
// section 5.3).
func (n *Notification) Sequence() (uint32, bool) {
	if n.Type != NotifyRUThere && n.Type != NotifyRUThereAck || len(n.Data) != 4 {
		return 0, false
	}
	return binary.BigEndian.Uint32(n.Data), true
}
