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
// Parsers check every length before they use it, return an error that wraps ErrMalformed together
// with what stood before the damage, and refer to the bytes they were given instead of copying
// them. A caller that keeps a result keeps those bytes too.
//
// Reading the payloads of a message in clear:
//
//	h, err := ikev1.ParseHeader(data)
//	if err != nil || h.Encrypted() || int(h.Length) > len(data) {
//		return
//	}
//	chain, err := ikev1.ParsePayloads(h.NextPayload, data[ikev1.HeaderLen:h.Length])
//	if p := chain.Find(ikev1.PayloadSA); p != nil {
//		sa, err := ikev1.ParseSA(p.Body)
//		...
//	}
package ikev1
