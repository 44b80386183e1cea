package ikev1

import "net/netip"

// Datagram is one UDP payload on an IKE port.
type Datagram struct {
	Src, Dst  netip.AddrPort
	Time      int64  // nanoseconds since the Unix epoch
	Frame     uint64 // number of the frame, for messages
	Data      []byte // ISAKMP, the non-ESP marker removed; not kept
	Truncated bool   // the capture holds less than was on the wire
	NATT      bool   // it came with a non-ESP marker (RFC 3948)
}

// Tracker follows the ISAKMP SAs of a capture. It is not safe for concurrent
// use. The zero value is not usable: see NewTracker.
type Tracker struct{}

// NewTracker returns a Tracker that has seen nothing.
func NewTracker() *Tracker { return &Tracker{} }

// AddSecret gives the Tracker a key. The Secret must not be changed afterwards.
func (t *Tracker) AddSecret(s *Secret) {}

// Observe takes the next datagram and returns its messages.
func (t *Tracker) Observe(d *Datagram) []*Message { return nil }

// Decrypt tries again a message that Observe returned earlier. It returns
// whether the message is decrypted now.
func (t *Tracker) Decrypt(m *Message) bool { return m.Decrypted }

// SAs returns the ISAKMP SAs in the order of their first message.
func (t *Tracker) SAs() []*SA { return nil }

// Unused returns the secrets that fit no SA of the capture.
func (t *Tracker) Unused() []Unused { return nil }

// Expire forgets what is too old at the time now, in nanoseconds since the
// Unix epoch.
func (t *Tracker) Expire(now int64) {}

// Unused is a secret that was not used, and why.
type Unused struct {
	Secret *Secret
	Reason string
}
