package keysrc

import (
	"net/netip"
	"slices"
	"strconv"
	"time"

	"l2tpdump/esp"
	"l2tpdump/ikev1"
)

// Keys is what a source holds.
type Keys struct {
	IKE   []*ikev1.Secret // phase 1 secrets, in the order in which they were completed
	ESP   []*esp.Secret   // keys of ESP SAs
	Notes []Note          // values that were found damaged and left out, or kept with a doubt
	Hints Hints           // what the source says beside keys
}

// A Note is about one value of a source that could not be used as it stands. It never
// holds key bytes.
type Note struct {
	File string
	Line int // from 1; 0 if the note is about the file
	Text string
	// Doubt: the value was kept, and the text says what may be wrong with it. Otherwise the value
	// was left out.
	Doubt bool
}

// String returns the note as one line, as in "router.log:17: SKEYID_e: …".
func (n Note) String() string {
	if n.Line == 0 {
		return n.File + ": " + n.Text
	}
	return n.File + ":" + strconv.Itoa(n.Line) + ": " + n.Text
}

// Hints are facts that a source states beside keys.
type Hints struct {
	Local []netip.Addr // the router's own addresses on its outer links
	Peers []netip.Addr // the other ends of these links, or of the negotiations
	SAs   []SAHint     // what the source says of SAs whose keys it may not hold

	// From and To are the times of the first and the last line that has one, as the source writes
	// them: nothing tells the zone. They are of the year 0 where it names no year, and zero where it
	// has no time.
	From, To time.Time
}

// SAHint is what a listing of SAs says about one SA.
type SAHint struct {
	IKE bool // an ISAKMP SA; else ESP or AH

	InitiatorCookie ikev1.Cookie // IKE
	SPI             uint32       // ESP, AH

	Local, Remote  netip.Addr // as the router sees them
	Send           bool       // from Local to Remote (if DirectionKnown)
	DirectionKnown bool
	Protocol       string // "ESP", "AH", "IKE"
	Suite          esp.Suite
	// KeyHead is the first bytes of the key where the listing shows them: the first 8 of the
	// expanded IKE key (Ka), the first 16 of an ESP key.
	KeyHead esp.Key
	Origin  esp.Origin
}

// add appends what other holds.
func (k *Keys) add(other *Keys) {
	k.IKE = append(k.IKE, other.IKE...)
	k.ESP = append(k.ESP, other.ESP...)
	k.Notes = append(k.Notes, other.Notes...)
	k.Hints.add(&other.Hints)
}

// complete names the algorithms of keys that stand without them as a listing of SAs in the same
// source does.
func (k *Keys) complete() {
	named := make(map[uint32]*SAHint)
	for i := range k.Hints.SAs {
		if h := &k.Hints.SAs[i]; !h.IKE && h.Protocol == "ESP" {
			named[h.SPI] = h
		}
	}
	if len(named) == 0 {
		return
	}
	for _, s := range k.ESP {
		h := named[s.SPI]
		if h == nil || s.Suite.Cipher != nil || s.SPIMask != ^uint32(0) {
			continue
		}
		s.Suite = h.Suite
		if n := h.Suite.KeyLen; n != 0 && s.Key.Len() >= n {
			s.KeyHead = false
		}
	}
}

// add appends what other says, within bounds.
func (h *Hints) add(other *Hints) {
	h.Local = appendNew(h.Local, other.Local)
	h.Peers = appendNew(h.Peers, other.Peers)
	if !other.From.IsZero() && h.From.IsZero() {
		h.From, h.To = other.From, other.To
	}
	h.SAs = append(h.SAs, other.SAs[:min(len(other.SAs), maxSAs-len(h.SAs))]...)
}

// maxSAs bounds the SAs of listings.
const maxSAs = 1 << 16

// maxAddrs bounds each list of addresses.
const maxAddrs = 1024

func appendNew(list, more []netip.Addr) []netip.Addr {
	for _, a := range more {
		if len(list) < maxAddrs && !slices.Contains(list, a) {
			list = append(list, a)
		}
	}
	return list
}
