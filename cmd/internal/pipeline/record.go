package pipeline

import (
	"slices"

	"l2tpdump/capture"
	"l2tpdump/cmd/internal/salookup"
	"l2tpdump/cmd/internal/why"
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
	Verdict   why.Verdict
	Reason    string // what is to be known of the frame alone, mostly ""; Why says more

	SPI, Seq  uint32        // ESP
	SA        *salookup.SA  // ESP: with what it was decrypted, or could not be; nil if there is nothing
	SeqHigh   uint32        // ESP: high half of the sequence number, where it is extended
	Plain     esp.Plaintext // ESP: what was inside
	Missing   int           // bytes at the end of Plain, or of L2TP in clear, that were not captured
	Expanded  bool          // ESP: Plain was IPComp, and has been expanded
	Twice     bool          // ESP: proved to have come before: its receiver drops it (RFC 4303 section 3.4.3)
	Nested    []uint32      // ESP: the SPIs of further headers that were opened inside the first
	IKE       []*Message
	Marker    bool   // IKE: behind a non-ESP marker (RFC 3948 section 2.2)
	Fragments int    // how many frames Whole was put together from, else 0
	PartOf    uint64 // the number of the frame that completed the datagram of which this is a fragment

	Payload  Payload // what L2TP, PPP and IP there are inside
	Session  Session // the VPN connection that it is of, where a sink before has found that out; else nil
	flow     *salookup.Flow
	ring     *salookup.Ring    // what may open it; nil: nothing
	tried    *salookup.Attempt // why its flow was not open
	err      error             // why it was not opened
	esp      []byte            // the ESP packet, SPI to ICV
	cut      int               // bytes of it that the snap length cut off
	group    *group            // of fragments, this one included, whose fate is not known yet
	complete *group            // that this frame completed
	late     *group            // settled when no later message will change what IKE says
	waits    bool              // for its key
	joins    *held             // the datagram that waits for its key, of which this repeats a fragment
	released bool              // it has waited long enough
	inTCP    bool              // Unwrapped is made of a message in a TCP stream
}

// A Session is a VPN connection.
type Session interface {
	// ID tells it from all others; it is the same from its beginning to its end.
	ID() string
}

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

// Payload is where the interesting parts of a frame's cleartext lie.
type Payload struct {
	HasL2TP  bool
	L2TP     l2tp.Header
	Message  []byte           // the whole L2TP message, header included
	Tunnel   l2tp.Observation // what its tunnel says of it; with the AVPs of a control message
	HasPPP   bool
	PPP      ppp.Frame
	Frame    []byte // the whole PPP frame, address and control included
	Ethernet []byte // the whole frame of an Ethernet pseudowire
	Line     bool   // it is of the line that was captured, and not of a tunnel
	Beside   bool   // that line carries tunnels, too: what it holds is not their users'
	Doubtful bool   // that may show with a later frame

	Expansion ppp.Result // what became of a PPP frame that is compressed, encrypted or a fragment
	Inner     []byte     // the user's IP packet, from PPP or from tunnel mode
	More      [][]byte   // further ones: a PPP frame can complete several
	ToLNS     bool       // sent by the side that opened the L2TP tunnel; of a line: received

	Undirected bool // of a line: which end has sent it is not known
}

// Message is an IKE message and what is said of it.
type Message struct {
	*ikev1.Message
	Verdict why.Verdict
	Reason  string // as Record.Reason
	Terms   Terms
}

// Terms is what is known of the ISAKMP SA of a message when it is read. Further messages change the
// SA itself, while the record is looked at.
type Terms struct {
	SA                        int64 // its number; 0: there is none
	Mode                      ikev1.ExchangeType
	Cipher, Hash, Auth, Group string           // "" if not known
	Secrets                   [2]*ikev1.Secret // that open messages of the initiator, of the responder; nil: none
}

func termsOf(sa *ikev1.SA) Terms {
	return Terms{sa.Number, sa.Mode, sa.Cipher, sa.Hash, sa.AuthName(), sa.GroupName(), sa.Opening()}
}

// What Reason says of frames in which nothing is wrong.
const (
	Keepalive   = "NAT keepalive"
	DummyPacket = "dummy packet: it carries nothing" // RFC 4303 section 2.6
	inTCP       = "part of IKE or ESP in TCP (RFC 9329)"
)

// Data is the frame that Net describes: that of Frame, or the link header and the reassembled
// datagram.
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

// Why says why the verdict is not better; of an opened or clear frame what is to be known of it,
// mostly "".
func (r *Record) Why() string {
	if r.Reason == "" && r.err != nil {
		return why.PacketReason(r.err, r.tried)
	}
	return r.Reason
}

// HasSPI reports whether SPI and Seq are known.
func (r *Record) HasSPI() bool { return r.esp != nil }

// Cut reports whether the capture holds only part of the frame. What lacks its end in another was
// sent like that, or a mirror cut it off: nothing is believed of it that its end would prove.
func (r *Record) Cut() bool { return r.Packet.Length > len(r.Packet.Data) }

// Head reports whether Plain is the decrypted head of a packet whose end was not captured.
func (r *Record) Head() bool { return r.Verdict == why.Truncated && r.Plain.NextHeader != 0 }

// TunnelMode reports whether the frame is ESP that was opened and holds a whole IP packet.
func (r *Record) TunnelMode() bool {
	return r.Kind == ESP && r.Verdict.Opened() && (r.Plain.NextHeader == protoIPv4 || r.Plain.NextHeader == protoIPv6)
}

// ESPLength is the length of the ESP packet in bytes, SPI to ICV, as it was on the wire.
func (r *Record) ESPLength() int { return len(r.esp) + r.cut }

// IKEOpened reports whether any of the IKE messages has been decrypted.
func (r *Record) IKEOpened() bool {
	return slices.ContainsFunc(r.IKE, func(m *Message) bool { return m.Decrypted })
}

// IKEHead reports whether of one of the IKE messages the decrypted head is known, and its end was
// not captured.
func (r *Record) IKEHead() bool {
	return slices.ContainsFunc(r.IKE, func(m *Message) bool { return m.Head() })
}

// Merged reports whether the frame is a fragment that another frame's record stands for.
func (r *Record) Merged() bool { return r.PartOf != 0 }
