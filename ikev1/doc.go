// Package ikev1 reads ISAKMP and IKEv1 messages, decrypts them with secrets that are known from
// elsewhere, and follows the exchanges: which ISAKMP SA a message belongs to, which ESP SAs Quick
// Mode agreed on, which were deleted. It never takes part in an exchange. IKEv2 messages are named
// and left alone.
//
// The wire formats are those of RFC 2408 (ISAKMP), RFC 2407 (the IPsec DOI) and RFC 2409 (IKE); NAT
// traversal is RFC 3947 and its drafts, dead peer detection RFC 3706, extended sequence numbers RFC
// 4304, Mode-Config draft-dukes-ike-mode-cfg, XAUTH draft-beaulieu-ike-xauth, and IKE fragmentation
// what Cisco and Microsoft ([MS-IKEE]) send.
//
// # The way of a message
//
//	Datagram
//	  | tracker.go    Observe: one message or several; fragments are put together (reassemble.go);
//	  |               find: the SA, by its cookies; its exchange; its record (exchange.go)
//	  |
//	  |- in clear     claim.go    what it says of SA, KE, nonces and IDs, beside what others say
//	  |- encrypted    open.go     open: candidate.go lists the keys to try, ivs.go the IVs
//	  |                 attempt       structure.go: do the payloads fit?
//	  |                 reconstruct   the IV is lost: all but the first block (reconstruct.go)
//	  |                 accept        hash.go, signature.go: does a HASH prove it?
//	  |                               quick.go: what Quick Mode agreed on, keys from KEYMAT
//	  |
//	  | place.go      number and role, computed anew from all records
//	Message           render.go tells what is in it; Err says what is wrong
//
// A message that can't be opened now may be given to Decrypt when a key, or another message, has
// come; Derive returns the ESP keys that have become known meanwhile.
//
// # Who is believed
//
// Anybody can send a message in clear, or bytes that look encrypted. What such messages claim is
// kept side by side, within bounds, until a message that decrypts, or a HASH, chooses. They change
// nothing that a message with a key behind it has made. What is forgotten first is what no key
// opened.
//
// Parsers check every length before they use it, return an error that wraps [ErrMalformed] together
// with what stood before the damage, and refer to the bytes they were given instead of copying
// them. A caller that keeps a result keeps those bytes too.
package ikev1
