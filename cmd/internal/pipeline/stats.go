package pipeline

import (
	"cmp"
	"slices"

	"l2tpdump/capture"
	"l2tpdump/cmd/internal/salookup"
	"l2tpdump/cmd/internal/why"
	"l2tpdump/l2tp"
	"l2tpdump/l2tp/ppp"
)

// Stats counts the frames of a run.
type Stats struct {
	Frames      uint64 // taken from the input, fragments included
	Merged      uint64 // fragments that another frame stands for
	Lost        uint64 // fragments of IKE and ESP packets that are not whole in the input
	LostBehind  uint64 // of these, those of UDP packets of which nothing behind the first fragment came
	ByKind      [numKinds]uint64
	byVerdict   [numKinds][len(why.Verdicts)]uint64
	L2TP, PPP   uint64           // frames in which such a message was found, decrypted or in clear
	Expansion   ppp.Counts       // of these PPP frames, those that are compressed, encrypted or fragments
	Numbers     l2tp.Numbering   // of the data messages with a number
	Ethernet    uint64           // frames of Ethernet pseudowires
	Line        uint64           // PPP frames of the line that was captured
	Inner       uint64           // users' IP packets
	Doubtful    uint64           // IP packets of the line, which are the users' if there are no tunnels
	Rebuilt     uint64           // IKE frames decrypted but for the first block of a message
	Heads       uint64           // truncated ESP packets of which the head was decrypted
	Foreign     uint64           // frames of a link layer that can't be taken apart
	ForeignLink capture.LinkType // of one of them
	Undecided   uint64           // ESP packets that came before there was evidence enough for a key
	Closed      uint64           // frames that may carry what is looked for, and are not opened
	ClosedName  string           // what the first of them is: "PPTP", "MACsec"
	First       int64            // time of the first frame, nanoseconds since the Unix epoch
	Last        int64
	Held        uint64 // frames that had to wait for their key, in live capture
	Oldest      int64  // time of the first of those that still wait, 0: none do
	Expired     uint64 // of these, frames whose key did not come in time
	Overflow    uint64 // of these, frames that could wait no longer because too many did
}

func (s *Stats) add(r *Record) {
	if s.Frames == 0 {
		s.First = r.Packet.Time
	}
	s.Last = r.Packet.Time
	if !r.Further {
		s.Frames++
	}
	if r.Net.IPVersion == 0 && !r.Link.Supported() {
		s.Foreign, s.ForeignLink = s.Foreign+1, r.Link
	}
	if r.Merged() {
		s.Merged++
		return
	}
	if r.Kind == Other {
		if name := r.Net.Closed(r.Data()); name != "" {
			s.Closed++
			s.ClosedName = cmp.Or(s.ClosedName, name)
		}
	}
	s.ByKind[r.Kind]++
	*s.counter(r.Kind, r.Verdict)++
	s.addPayload(&r.Payload)
	if r.Head() {
		s.Heads++
	}
	if r.err == salookup.ErrUndecided {
		s.Undecided++
	}
	for _, m := range r.IKE {
		if m.Decrypted && m.Reconstructed {
			s.Rebuilt++
			break
		}
	}
}

func (s *Stats) addPayload(p *Payload) {
	if p.HasL2TP {
		s.L2TP++
	}
	if p.Ethernet != nil {
		s.Ethernet++
	}
	switch {
	case !p.HasPPP:
	case p.Line:
		s.Line++
	default:
		s.PPP++
	}
	if inner := &s.Inner; p.Inner != nil && !p.Beside {
		if p.Doubtful {
			inner = &s.Doubtful
		}
		*inner += 1 + uint64(len(p.More))
	}
}

// Tunnelled is how many frames are of IKE, ESP or L2TP.
func (s *Stats) Tunnelled() uint64 { return s.ByKind[IKE] + s.ByKind[ESP] + s.ByKind[L2TP] }

// Count is how many frames of that kind got that verdict.
func (s *Stats) Count(k Kind, v why.Verdict) uint64 { return *s.counter(k, v) }

func (s *Stats) counter(k Kind, v why.Verdict) *uint64 {
	if i := slices.Index(why.Verdicts[:], v); i >= 0 {
		return &s.byVerdict[k][i]
	}
	return new(uint64)
}

// Opened is how many ESP and IKE frames were decrypted.
func (s *Stats) Opened() uint64 {
	return s.Count(ESP, why.Verified) + s.Count(ESP, why.Decrypted) + s.Count(IKE, why.Verified) +
		s.Count(IKE, why.Decrypted)
}

// Failed is how many ESP and IKE frames could not be decrypted.
func (s *Stats) Failed() uint64 {
	var n uint64
	for _, v := range why.Verdicts {
		if v != why.Clear && !v.Opened() {
			n += s.Count(IKE, v) + s.Count(ESP, v)
		}
	}
	return n
}
