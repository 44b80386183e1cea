package esp

import "net/netip"

// Verdict is one of the words for how far a packet or a flow could be read.
type Verdict string

// The verdicts.
const (
	Verified   Verdict = "verified"   // the ICV was computed with the full key and matches
	Decrypted  Verdict = "decrypted"  // no authentication key; structure proves the encryption key
	WrongKey   Verdict = "wrong key"  // ICV mismatch, or structure refuses the key
	NoKey      Verdict = "no key"     // nothing known for the SPI
	Incomplete Verdict = "incomplete" // a key is known, but not all of its bytes
	Truncated  Verdict = "truncated"  // the capture holds only part of the packet
	Malformed  Verdict = "malformed"  // the packet itself is broken
)

// Flow is the packets of one SPI to one destination. Lookup and Admit, and all of the DB, belong to the goroutine
// that frames packets; Count belongs to the one that takes decrypted packets back in order; State, Suite, Origin
// and Reason may be called from any.
type Flow struct {
	spi      uint32
	src, dst netip.Addr
}

// State is what is known of a flow's key at one time. It never changes: the framer may keep the pointer with a
// packet, so that whatever is printed about that packet does not depend on the packets behind it.
type State struct {
	Suite   Suite  // as settled; the named parts while it is not
	Origin  string // key source, "" while there is none
	Reason  string // cause and cure where the key does not fit, or a remark on how it was found; may be ""
	Verdict Verdict
	Err     error // what Admit returns while no key fits
}

// SPI returns the SPI.
func (f *Flow) SPI() uint32 { return f.spi }

// Src returns the source address of the first packet.
func (f *Flow) Src() netip.Addr { return f.src }

// Dst returns the destination address.
func (f *Flow) Dst() netip.Addr { return f.dst }

// Admit counts a packet (SPI to ICV, or as much of it as was captured) and returns what opens it.
func (f *Flow) Admit(packet []byte, truncatedBy int, time int64) (sa *SA, seqHigh uint32, err error) {
	return nil, 0, ErrNoKey
}

var noState = &State{Verdict: NoKey, Err: ErrNoKey}

// State returns the current state, never nil.
func (f *Flow) State() *State { return noState }

// Suite returns the algorithms.
func (f *Flow) Suite() Suite { return f.State().Suite }

// Origin returns the key source, as in "router.log:17", "" if there is none.
func (f *Flow) Origin() string { return f.State().Origin }

// Reason returns cause and cure where the key does not fit.
func (f *Flow) Reason() string { return f.State().Reason }

// Count adds what became of packets that Admit returned.
func (f *Flow) Count(v Verdict, n uint64) {}

// VerdictOf returns the word for what SA.Open or Flow.Admit returned, with a sentence for a single packet where no key or state says more.
func VerdictOf(p *Plaintext, err error) (Verdict, string) { return NoKey, "" }

// Report is the account of one flow, for `verify`.
type Report struct {
	SPI        uint32
	Src, Dst   netip.Addr
	Cipher     string
	Auth       string
	Verdict    Verdict
	Packets    uint64
	Verified   uint64
	Decrypted  uint64
	Wrong      uint64
	Truncated  uint64
	Malformed  uint64
	Unopened   uint64 // no key or an incomplete one
	FirstSeq   uint64 // with the high half for ESN
	LastSeq    uint64
	Missing    uint64
	Duplicates uint64
	Reordered  uint64
	Wrapped    uint64
	Restarts   uint64
	ESN        bool
	Deleted    bool // IKE deleted the SA
	Key        string
	Reason     string
}

// Report returns the account of the flow. Neither Admit nor Count may run at the same time.
func (f *Flow) Report() Report { return Report{} }
