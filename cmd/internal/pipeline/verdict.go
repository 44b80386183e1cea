package pipeline

import "l2tpdump/esp"

// Verdict says what became of a frame. The words are the same in text, JSON and reports.
type Verdict = esp.Verdict

// The verdicts, in no order of merit.
const (
	Clear      Verdict = "clear"        // needed no key
	Verified           = esp.Verified   // the ICV (or the IKE HASH) was computed with the full key and matches
	Decrypted          = esp.Decrypted  // no authentication key; structure proves the encryption key
	WrongKey           = esp.WrongKey   // the key does not fit: ICV mismatch, or structure refuses it
	NoKey              = esp.NoKey      // nothing known for this SPI or cookie
	Incomplete         = esp.Incomplete // a key is known, but too short
	Truncated          = esp.Truncated  // the capture holds only part of the packet
	Malformed          = esp.Malformed  // the packet itself is broken
)

// Verdicts lists all verdicts.
var Verdicts = [...]Verdict{Clear, Verified, Decrypted, WrongKey, NoKey, Incomplete, Truncated, Malformed}

// Opened reports whether a frame of this verdict was encrypted, and its plaintext is known and trusted.
func Opened(v Verdict) bool { return v == Verified || v == Decrypted }

// Kind says what a frame was before decryption.
type Kind uint8

// The kinds of frames.
const (
	Other Kind = iota // not of this program's protocols: passed through
	IKE               // ISAKMP
	ESP               // ESP, raw or in UDP
	L2TP              // L2TP found in clear
	numKinds
)

var kindNames = [numKinds]string{"other", "ike", "esp", "l2tp"}

func (k Kind) String() string { return kindNames[k] }
