package ikev1

import (
	"net/netip"

	"l2tpdump/esp"
)

// Secret is what a key source says about one ISAKMP SA. Any of the keys may be
// missing; a zero cookie is one that the source does not name.
type Secret struct {
	InitiatorCookie Cookie
	ResponderCookie Cookie

	SKEYID   esp.Key // RFC 2409 section 5
	SKEYIDd  esp.Key // for KEYMAT
	SKEYIDa  esp.Key // for the HASH payloads of phase 2
	SKEYIDe  esp.Key // Ka is made from it
	Ka       esp.Key // the cipher's key, expanded, as Wireshark's table has it

	SharedSecret esp.Key // g^xy of phase 1
	QuickSecret  esp.Key // g(qm)^xy of a Quick Mode with PFS
	MessageID    uint32  // the Quick Mode of QuickSecret, 0 where the source does not say

	SKEYIDeHead bool       // SKEYIDe is only the head of the value
	Peer        netip.Addr // the other end, where the source names it
	Origin      string     // "router.log:17"
}
