package pipeline

import (
	"l2tpdump/capture"
	"l2tpdump/esp"
	"l2tpdump/ikev1"
	"l2tpdump/l2tp"
	"l2tpdump/l2tp/ppp"
)

// Record is what is known of one captured frame when it reaches the sinks. It and everything
// it points to are valid only until the sink returns.
type Record struct {
	Number    uint64              // of the frame in the input, from 1
	Packet    capture.Packet      // as captured
	Link      capture.LinkType    // of the frame that Net describes
	Inputs    []capture.Interface // of the source so far; Packet.Interface is an index
	Net       capture.Frame       // the outer headers of what Data returns
	Whole     []byte              // the link header and the reassembled datagram, where this frame completed one
	Further   bool                // it is of the same frame as the record before: one of several messages in a TCP segment
	Wrapping  string              // what carried the frame that the rest is about: "TZSP", "GRE"; mostly ""
	Unwrapped []byte              // that frame
	Kind      Kind
	Verdict   Verdict
	Reason    string // why the verdict is not better; of an opened or clear one what is to be known of it, mostly ""

	SPI, Seq  uint32        // ESP
	SA        *esp.SA       // ESP: what it was decrypted with; nil if nothing fits
	State     *esp.State    // ESP: what is known of the SA's key at this packet
	Plain     esp.Plaintext // ESP: what was inside
	Missing   int           // bytes that Plain, or L2TP in clear, lacks at its end: the capture has only part of the packet
	Expanded  bool          // ESP: Plain was IPComp, and has been expanded
	Nested    []uint32      // ESP: the SPIs of further ESP headers that were opened inside the first; Plain and Payload have it all in clear
	IKE       []*ikev1.Message
	Marker    bool   // IKE: behind a non-ESP marker (RFC 3948 section 2.2)
	Fragments int    // how many frames Whole was put together from, else 0
	PartOf    uint64 // the number of the frame that completed the datagram of which this is a fragment

	Payload  Payload // what L2TP, PPP and IP there are inside
	flow     *esp.Flow
	esp      []byte // the ESP packet, SPI to ICV
	cut      int    // bytes of it that the snap length cut off
	seqHigh  uint32
	group    *group // of fragments, this one included, whose fate is not known yet
	complete *group // that this frame completed
	late     *group // settled when no later message will change what IKE says
	waits    bool   // for its key
	joins    *held  // the datagram that waits for its key, of which this repeats a fragment
	released bool   // it has waited long enough
	inTCP    bool   // Unwrapped is made of a message in a TCP stream
}

// Payload is where the interesting parts of a frame's cleartext lie.
type Payload struct {
	HasL2TP bool
	L2TP    l2tp.Header
	Message []byte // the whole L2TP message, header included
	HasPPP  bool
	PPP     ppp.Frame
	Frame   []byte // the whole PPP frame, address and control included
	Line    bool   // it is of the line that was captured, and not of a tunnel

	Compression string        // what a compressed PPP frame is compressed or encrypted with, as CCP names it: "deflate", "mppe"; "" not known
	Inner       []byte        // the user's IP packet, from PPP or from tunnel mode
	Session     *l2tp.Session // nil if it belongs to none that is known
	ToLNS       bool          // sent by the side that opened the L2TP tunnel
}

// What Reason says of frames in which nothing is wrong.
const (
	Keepalive   = "NAT keepalive"
	DummyPacket = "dummy packet: it carries nothing" // RFC 4303 section 2.6
	inTCP       = "part of IKE or ESP in TCP (RFC 9329)"
)

// Data is the frame that Net describes: that of Frame, or the link header and the reassembled datagram.
func (r *Record) Data() []byte {
	if r.Whole != nil {
		return r.Whole
	}
	return r.Frame()
}

// Frame is the captured frame, or the one that it carried.
func (r *Record) Frame() []byte {
	if r.Unwrapped != nil {
		return r.Unwrapped
	}
	return r.Packet.Data
}

// Length is how long Frame was on the wire, in bytes.
func (r *Record) Length() int {
	if r.Unwrapped == nil {
		return r.Packet.Length
	}
	missing := 0
	if r.Net.Truncated {
		missing = r.Packet.Length - len(r.Packet.Data)
	}
	return len(r.Unwrapped) + missing
}

// HasSPI reports whether SPI and Seq are known.
func (r *Record) HasSPI() bool { return r.esp != nil }

// Head reports whether Plain is the decrypted head of a packet whose end was not captured.
func (r *Record) Head() bool { return r.Verdict == Truncated && r.Plain.NextHeader != 0 }

// ESPLength is the length of the ESP packet in bytes, SPI to ICV, as it was on the wire.
func (r *Record) ESPLength() int { return len(r.esp) + r.cut }

// IKEOpened reports whether any of the IKE messages has been decrypted.
func (r *Record) IKEOpened() bool {
	for _, m := range r.IKE {
		if m.Decrypted {
			return true
		}
	}
	return false
}

// IKEHead reports whether of one of the IKE messages the decrypted head is known, and its end was not captured.
func (r *Record) IKEHead() bool {
	for _, m := range r.IKE {
		if m.Head() {
			return true
		}
	}
	return false
}

// Merged reports whether the frame is a fragment that another frame's record stands for.
func (r *Record) Merged() bool { return r.PartOf != 0 }

// group is the fragments of one datagram (or IKE message) and what becomes of them: either
// they are merged into the frame that completes it, or each passes as it is.
type group struct {
	time      int64         // of the first of them
	ipsec     bool          // it is of IKE or ESP; the framer's
	noPorts   bool          // a fragment has come that is no first one of UDP; the framer's
	completed bool          // the framer has the last fragment; decryption or the framer will settle it
	settled   chan struct{} // closed when frame and the fate are known
	frame     uint64        // that they were merged into, 0: each passes as it is
	withheld  *held         // that completed it and waits for its key, with copies of the fragments: they come again with it
	copies    []*held       // of the fragments so far, should that become necessary; the framer's
}

func newGroup(time int64) *group { return &group{time: time, settled: make(chan struct{})} }

// settle says what becomes of the fragments; only the first call counts. The framer and a decrypting goroutine may both call it, never at
// the same time: the framer only before the batch is in line that has the frame which completes the group.
func (g *group) settle(frame uint64) {
	if !g.isSettled() {
		g.frame = frame
		close(g.settled)
	}
}

func (g *group) isSettled() bool {
	select {
	case <-g.settled:
		return true
	default:
		return false
	}
}
