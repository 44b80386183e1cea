package esp

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"strings"
	"sync/atomic"
)

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

// VerdictOf returns the word for what SA.Open or Flow.Admit returned, and a sentence about the packet where the verdict needs one. The
// Plaintext may be nil where there is an error. State.Reason says more where no key fits.
func VerdictOf(p *Plaintext, err error) (Verdict, string) {
	switch {
	case err == nil && p.Verified:
		return Verified, ""
	case err == nil:
		return Decrypted, ""
	case errors.Is(err, ErrICV):
		return WrongKey, "the integrity check value does not match: the packet is damaged, or was sent under another key"
	case errors.Is(err, ErrStructure):
		return WrongKey, "the decrypted bytes are not the inside of a packet: it is damaged, or was sent under another key"
	case errors.Is(err, ErrTruncated):
		return Truncated, "the capture holds only part of the packet (snaplen)"
	case errors.Is(err, ErrMalformed):
		return Malformed, "it is no whole ESP packet of this algorithm"
	case errors.Is(err, ErrIncomplete):
		return Incomplete, "not all bytes of the key are known"
	}
	return NoKey, "no key source names the SPI"
}

// State is what is known of a flow's key at one time. It never changes: the goroutine that frames packets may keep the pointer with a
// packet, so that what is printed about it does not depend on the packets behind it.
type State struct {
	Suite   Suite   // as it proved right; as far as named while none did
	Origin  string  // key source, as in "router.log:17", "" while there is none
	Reason  string  // cause and cure where no key fits, else ""
	Remark  string  // where a key fits: what was found out by trial, what is not checked, which source contradicts; often ""
	Verdict Verdict // Verified or Decrypted as soon as a key fits
	Key     Key     // what opens the packets (with the salt), as soon as a key fits
	AuthKey Key     // empty where the ICV is not checked, and for AEAD
	SeqHigh uint32  // with ESN: the high half of the sequence number of the packet that proved the key
	Err     error   // what Admit returns while no key fits, nil afterwards
}

var noState = &State{Verdict: NoKey, Err: ErrNoKey}

const (
	idleRecheck   = 60e9 // nanoseconds of silence after which a key is no longer trusted blindly
	behindRecheck = 4    // packets in a row behind the newest, after which the SPI may be in use again
	sampleRecheck = 256  // one packet in so many is opened by Admit itself, to see whether the key is still the right one
)

// Flow is the packets of one SPI to one destination. Lookup, Admit and Report, like all of the DB, belong to the goroutine
// that frames packets, Count to the one that takes the decrypted packets back in order; State, Suite, Origin
// and Reason may be called from any.
type Flow struct {
	db       *DB
	next     *Flow // with the same SPI, and the one in front of it
	prev     *Flow
	spi      uint32
	src, dst netip.Addr
	order    uint64 // of the first packet
	clock    uint64 // of the last packet
	time     int64  // of the last packet

	sa       *SA // nil until a key fits
	key      Key // the SA's keys, to tell another one from it
	authKey  Key
	check    bool // the next packet has to show that the SA is still the right one
	learnt   bool // something is known since the key fitted that may check more
	watch    bool // another key is known for the SPI: each packet has to show it
	surveyed bool // watch is up to date
	armed    bool // probes are
	earlier  []earlier
	probes   []probe
	behind   uint8 // packets in a row that were not newer than all before
	deleted  bool
	gone     bool
	wrong    string // findConflict of a flow that has gone
	packets  uint64
	lengths  uint16 // bit n: a packet of n bytes modulo 16 was seen
	win      window

	tries    uint32  // attempts to find a key since something new was learnt
	skip     uint32  // packets until the next attempt
	searches uint8   // for the high half of the sequence number
	proof    []proof // of each candidate, while none is enough
	doubtful bool    // an encryption key was contradicted behind a good ICV
	state    atomic.Pointer[State]

	_       [64]byte // what is below is another goroutine's
	account account
}

const (
	countVerified = iota
	countDecrypted
	countWrong
	countNoKey
	countIncomplete
	countTruncated
	countMalformed
	verdicts
)

// SPI returns the SPI.
func (f *Flow) SPI() uint32 { return f.spi }

// Src returns the source address of the first packet.
func (f *Flow) Src() netip.Addr { return f.src }

// Dst returns the destination address.
func (f *Flow) Dst() netip.Addr { return f.dst }

// State returns the current state, never nil.
func (f *Flow) State() *State { return f.state.Load() }

// Suite returns the algorithms as far as they are known.
func (f *Flow) Suite() Suite { return f.State().Suite }

// Origin returns the key source, as in "router.log:17", "" if there is none.
func (f *Flow) Origin() string { return f.State().Origin }

// Reason returns cause and cure where no key fits.
func (f *Flow) Reason() string { return f.State().Reason }

// Admit counts a packet (from its SPI to its ICV, or truncatedBy bytes less) that was captured at the given time in nanoseconds, and
// returns what opens it, with the high half of its sequence number. On the first packets it finds by trial what that is.
// It allocates nothing once a key fits or the attempts have become rare.
//
// The error wraps ErrNoKey, ErrIncomplete, ErrICV or ErrStructure (wrong key; ErrUndecided too while the evidence is not enough),
// ErrTruncated or ErrMalformed. State has the reason.
func (f *Flow) Admit(packet []byte, truncatedBy int, time int64) (sa *SA, seqHigh uint32, err error) {
	f.packets++
	f.db.clock++
	f.clock = f.db.clock
	idle := time - f.time
	f.time = max(f.time, time)
	if len(packet) < HeaderLen {
		if truncatedBy > 0 {
			return nil, 0, ErrTruncated
		}
		return nil, 0, ErrMalformed
	}
	seq := binary.BigEndian.Uint32(packet[4:])
	f.lengths |= 1 << (uint(len(packet)+max(0, truncatedBy)) % 16)
	switch {
	case f.sa == nil:
		return f.unsettled(packet, truncatedBy, seq)
	case !f.surveyed:
		f.db.trial.gather(f)
		f.survey(&f.db.trial)
	}
	if f.watch {
		position := f.win.nearest(seq)
		if f.check || truncatedBy > 0 || f.packets%sampleRecheck == 0 || !f.sa.CheckICV(packet, uint32(position>>32)) {
			var opens bool
			if position, opens = f.recheck(packet, truncatedBy, position); !opens {
				return f.sa, uint32(position >> 32), nil
			}
		}
		f.win.addAt(position)
		return f.sa, uint32(position >> 32), nil
	}
	position, event := f.win.add(seq)
	if event == seqNext {
		f.behind = 0
	} else if f.behind < behindRecheck {
		f.behind++
	}
	if f.check || event >= seqStrange || f.behind == behindRecheck || seq == 1 || f.packets%sampleRecheck == 0 || idle > idleRecheck {
		position, _ = f.recheck(packet, truncatedBy, position)
	}
	return f.sa, uint32(position >> 32), nil
}

// unsettled is Admit while no key fits.
func (f *Flow) unsettled(packet []byte, cut int, seq uint32) (*SA, uint32, error) {
	position, event := f.win.add(seq)
	hit := -1
	if f.skip > 0 {
		f.skip--
		if len(f.probes) == 0 {
			return nil, 0, f.State().Err
		}
		if hit = f.probe(packet, cut); hit < 0 {
			return nil, 0, f.State().Err
		}
	}
	sa, high, err := f.settle(packet, cut, position, event)
	if sa == nil && err != ErrUndecided {
		f.futile(hit)
	}
	return sa, high, err
}

// renew makes the next packet a reason to try: something new is known.
func (f *Flow) renew() {
	f.check, f.learnt, f.surveyed, f.tries, f.skip, f.proof = true, true, false, 0, 0, nil
	f.doubtful = false
	f.disarm()
}

// later sets when the next attempt is due: with each of the first packets, then after ever longer pauses, so that a long capture
// under a wrong key costs no more than a short one. A packet of an impossible length is no attempt.
func (f *Flow) later(out *outcome) {
	if !out.shaped && f.tries > 0 {
		f.skip = 7
		return
	}
	f.tries++
	switch {
	case f.tries < 8, out.hopeful && f.tries < 64:
		f.skip = 0
	default:
		f.skip = 1 << min(f.tries-6, 20)
	}
}

// setState publishes the state if it is another one.
func (f *Flow) setState(s State) {
	old := f.State()
	if old.Suite == s.Suite && old.Origin == s.Origin && old.Reason == s.Reason && old.Remark == s.Remark && old.Verdict == s.Verdict && old.Err == s.Err &&
		old.Key.Equal(s.Key) && old.AuthKey.Equal(s.AuthKey) && old.SeqHigh == s.SeqHigh {
		return
	}
	f.state.Store(&s)
}

// Count adds the verdict on a packet, whether Admit returned an SA for it or not, in the order of the capture: s is the State that followed
// Admit, seqHigh what Admit returned.
func (f *Flow) Count(v Verdict, s *State, seq, seqHigh uint32) {
	f.account.packet(v, s, seq, seqHigh)
	switch v {
	case Verified:
		f.account.counts[countVerified]++
	case Decrypted:
		f.account.counts[countDecrypted]++
	case WrongKey:
		f.account.counts[countWrong]++
	case NoKey:
		f.account.counts[countNoKey]++
	case Incomplete:
		f.account.counts[countIncomplete]++
	case Truncated:
		f.account.counts[countTruncated]++
	case Malformed:
		f.account.counts[countMalformed]++
	}
}

// Report is the account of one flow.
type Report struct {
	SPI      uint32
	Src, Dst netip.Addr
	Cipher   string  // as in "aes-cbc-128", "" if not known
	Auth     string  // as in "hmac-sha1-96", "" if not known
	Verdict  Verdict // on the flow as a whole
	Key      string  // key source
	Reason   string
	Conflict string // names the values of key sources that the packets prove wrong though another key opens them, "" if there are none

	Packets    uint64 // admitted
	Verified   uint64 // these and the next six as counted by Count
	Decrypted  uint64
	Wrong      uint64
	NoKey      uint64
	Incomplete uint64
	Truncated  uint64
	Malformed  uint64
	Undecided  uint64 // of Wrong: came before there was evidence enough for a key, which may have been the right one

	FirstSeq   uint64 // lowest sequence number, with its high half where ESN is in use
	LastSeq    uint64 // highest, in the order of the SA (after a wrap it may be less than FirstSeq)
	Missing    uint64 // between the two and never seen
	Duplicates uint64
	Reordered  uint64 // came after a higher one
	Wrapped    uint64 // times that the low half went through zero
	Restarts   uint64 // times that the count began anew
	ESN        bool
	Deleted    bool // by IKE
}

// Report returns the account of the flow. Neither Admit nor Count may run at the same time.
func (f *Flow) Report() Report {
	s, t := f.State(), f.account.totals()
	r := Report{
		SPI: f.spi, Src: f.src, Dst: f.dst,
		Cipher: s.Suite.CipherName(), Auth: s.Suite.AuthName(), ESN: s.Suite.ESN,
		Verdict: s.Verdict, Key: s.Origin, Reason: join(s.Reason, s.Remark),
		Packets:  f.packets,
		Verified: f.account.counts[countVerified], Decrypted: f.account.counts[countDecrypted], Wrong: f.account.counts[countWrong],
		NoKey: f.account.counts[countNoKey], Incomplete: f.account.counts[countIncomplete],
		Truncated: f.account.counts[countTruncated], Malformed: f.account.counts[countMalformed],
		FirstSeq: t.low, LastSeq: t.high, Missing: t.missing, Duplicates: t.duplicates,
		Reordered: t.reordered, Wrapped: t.wraps, Restarts: t.re, Deleted: f.deleted,
	}
	if r.Conflict = f.wrong; !f.gone {
		r.Conflict = f.findConflict()
	}
	if !r.ESN {
		r.FirstSeq &= 0xffffffff
		r.LastSeq &= 0xffffffff
	}
	switch {
	case s.Err == ErrUndecided && r.Verified == r.Packets && r.Packets > 0:
		r.Verdict = Verified
		r.Reason = "the integrity check values prove the authentication key; the packets say too little about themselves to prove the encryption key too"
	case s.Err == nil:
		if len(f.account.uses) > 1 && !strings.Contains(r.Reason, usedAgain) {
			r.Reason = join(usedAgain, r.Reason)
		}
		f.account.judge(&r)
	}
	return r
}

// usedAgain is the remark of an SPI of which several keys were seen.
const usedAgain = "the SPI came into use again with another key"

// join puts two remarks together, either of which may be empty.
func join(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + "; " + b
}
