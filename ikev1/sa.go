package ikev1

import "net/netip"

// SA is an ISAKMP SA as it was observed.
type SA struct {
	InitiatorCookie, ResponderCookie Cookie
	Initiator, Responder             netip.AddrPort // of phase 1, as last seen
	Cipher                           string         // "aes-cbc-256", "" while unknown
	Hash                             string         // "sha1", "" while unknown
	AuthMethod, Group                uint16         // RFC 2409 appendix A, 0 while unknown
	LifeSeconds, LifeKilobytes       uint64         // 0 where not negotiated
	First, Last                      int64          // times of the first and last message
	Deleted                          bool           // a Delete payload named it

	Messages      int // all, retransmissions and fragments put together included
	Encrypted     int // of them encrypted
	Decrypted     int // of these decrypted
	Reconstructed int // of these decrypted but for the first block
	HashesChecked int // messages with a HASH that was computed and matches
	Wrong         int // encrypted messages which no key known fits
	KeyOrigin     string
}

// Verdict returns the SA's verdict in the words of the report: "verified",
// "decrypted", "wrong key", "no key", "incomplete", "truncated", "malformed",
// or "clear" when nothing was encrypted.
func (sa *SA) Verdict() string { return "no key" }

// Reason returns the cause of the verdict and the cure, "" where there is
// nothing to say.
func (sa *SA) Reason() string { return "" }
