package ikev1

import (
	"errors"

	"l2tpdump/esp"
)

// What a Message's Err can be; test with errors.Is.
var (
	ErrNoKey      = errors.New("ikev1: no key")               // nothing known for these cookies
	ErrWrongKey   = errors.New("ikev1: wrong key")            // the key known does not fit
	ErrIncomplete = errors.New("ikev1: incomplete key")       // the key known is too short
	ErrTruncated  = errors.New("ikev1: message is cut")       // the capture holds only part of it
	ErrMalformed  = errors.New("ikev1: message is malformed") // the message itself is broken
)

// Message is one ISAKMP message as it was observed, decrypted where possible.
type Message struct {
	Header Header
	SA     *SA // the ISAKMP SA it belongs to

	FromInitiator  bool // of phase 1 for its exchanges; of the exchange otherwise
	Number         int  // position in its exchange, from 1; a retransmission has the number of its first copy
	Retransmission bool
	Encrypted      bool
	Decrypted      bool
	Verified       bool // a HASH was computed and matches
	Reconstructed  bool // decrypted but for the first block, whose IV is not known

	Plain    []byte    // the whole message in clear: encryption flag off, padding off, length mended; of one that was cut its beginning, with the length that it had
	Payloads []Payload // the parsed chain; offsets count from the end of the header
	Err      error     // nil, or one of the errors above
	Reason   string    // cause and cure in words; "" when all is well

	Negotiated []*esp.Negotiated // SAs that this message completed
	Deleted    []uint32          // ESP SPIs of its Delete payloads

	Fragment    *Fragment // set when the message is one IKE fragment
	Reassembled int       // number of fragments it was put together from, 0 when it was not
	Trailing    int       // bytes behind it in its datagram that are no message

	at position // what the Tracker needs to decrypt it later
}

// Head says that the message was cut by the snaplen, and that Plain and Payloads are
// its decrypted beginning.
func (m *Message) Head() bool { return m.at.head }
