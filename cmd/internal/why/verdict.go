package why

import (
	"l2tpdump/esp"
)

// Verdict is one of the words for how far a packet, a flow or an exchange could be read. They are
// the same in text, JSON and reports.
type Verdict string

// The verdicts.
const (
	Clear      Verdict = "clear"      // needed no key
	Verified   Verdict = "verified"   // the ICV (or the IKE HASH) was computed with the full key and matches
	Decrypted  Verdict = "decrypted"  // no authentication key; structure proves the encryption key
	WrongKey   Verdict = "wrong key"  // the key does not fit: ICV mismatch, or structure refuses it
	NoKey      Verdict = "no key"     // nothing known for this SPI or cookie
	Incomplete Verdict = "incomplete" // a key is known, but not all of its bytes
	Truncated  Verdict = "truncated"  // the capture holds only part of the packet
	Malformed  Verdict = "malformed"  // the packet itself is broken
)

// Verdicts lists all verdicts, in no order of merit.
var Verdicts = [...]Verdict{Clear, Verified, Decrypted, WrongKey, NoKey, Incomplete, Truncated, Malformed}

// Opened reports whether what has this verdict was encrypted, and its plaintext is known and
// trusted.
func (v Verdict) Opened() bool { return v == Verified || v == Decrypted }

// Finding is what is said of a flow of ESP, or of an exchange of IKE. The texts are parts of a
// sentence, or "".
type Finding struct {
	Verdict Verdict
	Suite   esp.Suite // ESP: the algorithms as they proved right, as far as named while no key fits
	Key     string    // place of the key that opens it, else of the one that does not
	Cause   string    // why the verdict is not better
	Cure    string    // what to do about it
	Remark  string    // what else is to be known
	Others  uint64    // packets that no key opens and that look like those of another SA
}

// Reason is cause, cure and remark in one text.
func (f Finding) Reason() string {
	reason := f.Cause
	if f.Cure != "" {
		reason += ": " + f.Cure
	}
	return Join(reason, f.Remark)
}

// String is the verdict and its reason.
func (f Finding) String() string { return string(f.Verdict) + ": " + f.Reason() }

// KeyFinding is what packets, or another key, prove of a key that a source gives: that it is wrong.
// It is said of the key alone; an SA that another key opens stays what it is.
type KeyFinding struct {
	Kind   string     // "esp" or "ike"
	ID     string     // SPI or initiator cookie
	Key    esp.Origin // place of the key
	Reason string     // names the place too
}

// Join puts two remarks together, either of which may be empty.
func Join(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + "; " + b
}

// Undecoded says of a frame, a fragment or a message why it could not be taken apart; cut: the
// capture does not hold what is missing.
func Undecoded(err error, cut bool) (Verdict, string) {
	if cut {
		return Truncated, "the snap length left no whole header"
	}
	return Malformed, err.Error()
}

// Snapped says of a packet, or a fragment of one, that its end was not captured.
func Snapped(what string) (Verdict, string) {
	return Truncated, "the capture holds only part of the " + what + " (snaplen)"
}

// NoESPHeader says of an ESP packet, which had length bytes on the wire, why it has no whole
// header.
func NoESPHeader(length int) (Verdict, string) {
	if length >= esp.HeaderLen {
		return Truncated, "the snap length left no ESP header"
	}
	return Malformed, "shorter than the ESP header"
}
