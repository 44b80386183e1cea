package ikev1

import (
	"errors"
	"fmt"

	"l2tpdump/esp"
)

// What a Message's Err can be, or wrap; test with errors.Is.
var (
	ErrNoKey       = errors.New("ikev1: no secret is known for these cookies")
	ErrForeignKeys = fmt.Errorf("ikev1: all secrets without a cookie have opened other SAs: %w", ErrNoKey)
	ErrOtherSide   = fmt.Errorf("ikev1: the key that opens the other side's messages does not open this one: %w", ErrNoKey)
	ErrUnopened    = errors.New("ikev1: no key that is known opens the message")
	ErrShortKey    = errors.New("ikev1: the key that is known is too short")
	ErrHash        = errors.New("ikev1: the HASH is made with another key, or of other contents")
	ErrTruncated   = errors.New("ikev1: the capture holds only part of the message")
	ErrMalformed   = errors.New("ikev1: the message is malformed") // its text says how
	ErrAltered     = fmt.Errorf("ikev1: the key that opens other messages does not open this one: %w", ErrMalformed)
)

// Message is one ISAKMP message as it was observed, decrypted where possible.
type Message struct {
	Header Header
	SA     *SA // the ISAKMP SA it belongs to

	Number         int  // position in its exchange, from 1; a retransmission has the number of its first copy
	FromInitiator  bool // of phase 1 for its exchanges and Informational; of the exchange otherwise
	Retransmission bool
	Encrypted      bool
	Decrypted      bool
	Verified       bool // a HASH was computed and matches
	Reconstructed  bool // decrypted but for the first block, whose IV is not known
	HashWrong      bool // in clear, and its HASH does not match
	HashTail       bool // reconstructed, and the part of its HASH behind the first block matches

	// Plain is the whole message in clear: encryption flag off, padding off, length mended; of one
	// that was cut its beginning, with the length that it had.
	Plain    []byte
	Payloads []Payload // the parsed chain; offsets count from the end of the header
	Err      error     // nil, or one of the errors above
	Broken   error     // nil, or where the chain breaks: under a right HASH, or with ErrAltered

	Negotiated []*esp.Negotiated // SAs that this message completed
	Deleted    []uint32          // ESP SPIs of its Delete payloads, where it was decrypted

	Fragment    *Fragment    // set when the message is one IKE fragment
	FragmentOf  *FragmentKey // of a fragment, and of the message that it completes; nil of others
	Part        *Message     // of a message that a fragment completed: the fragment
	Reassembled int32        // number of fragments it was put together from, 0 when it was not
	Trailing    int32        // bytes behind it in its datagram that are no message

	at position // what the Tracker needs to decrypt it later
}

// position is where the Tracker has a message, and what it needs to decrypt it later.
type position struct {
	ex    *exchange
	rec   *record
	raw   []byte // the message as captured; nil unless it is encrypted and may be decrypted again
	tried attempted
	later *Message // of one that was put off: the same once an SA is made of it

	counted  uint16 // the SA's counters in which it counts, a bit each
	cut      bool   // it is not whole
	head     bool   // it is cut, and what there is of it is decrypted
	unproven bool   // it is cut, and proves none of the keys known, as a later message may
	hashOpen bool   // its HASH waits for another message
	exact    bool   // it is not to be reconstructed
	putOff   bool   // no SA was made of it
}

// attempted is what was known when all keys were tried on a message in vain.
type attempted struct {
	changed  int   // of the SA
	observed int64 // of the Tracker
}

// Head says that the message was cut, and that Plain and Payloads are its decrypted beginning.
func (m *Message) Head() bool { return m.at.head }

// Phase1 says that the message is of an exchange that sets up an ISAKMP SA.
func (m *Message) Phase1() bool { return m.SA != nil && m.at.ex == m.SA.phase1 }

// malformedf is an error about the message itself; it wraps ErrMalformed.
func malformedf(format string, args ...any) error {
	return &malformedError{fmt.Sprintf(format, args...)}
}

type malformedError struct{ text string }

func (e *malformedError) Error() string { return e.text }
func (e *malformedError) Unwrap() error { return ErrMalformed }
