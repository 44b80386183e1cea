package output

import (
	"encoding/binary"
	"slices"

	"l2tpdump/cmd/internal/pipeline"
)

// Selection says which records the outputs get. All that is set has to hold.
type Selection struct {
	// Only is what a record is or holds, any of them: "ike", "esp", "l2tp", "ppp", "ip" or "eth".
	Only []string
	// Inner is for the users' packets (capture.Raw): one of a record has to pass.
	Inner pipeline.Filter
	// Session tells whether the session that a record is of is chosen; nil: it does not matter.
	Session func(*pipeline.Record) bool
	// Control tells whether a record with a message that sets up, keeps or ends a session passes; for
	// these it is asked in place of Inner and Session. nil: they do not.
	Control func(*pipeline.Record) bool

	Passed uint64 // records that an output got
}

// OnlyNames are what Only takes.
var OnlyNames = []string{"ike", "esp", "l2tp", "ppp", "ip", "eth"}

// Of returns a sink that hands on to another what passes.
func (s *Selection) Of(sink pipeline.Sink) pipeline.Sink {
	if len(s.Only) == 0 && s.Inner == nil && s.Session == nil {
		return sink
	}
	return &selected{sink, s}
}

type selected struct {
	pipeline.Sink
	*Selection
}

// Record hands r on if it is wanted.
func (s *selected) Record(r *pipeline.Record) error {
	if len(s.Only) > 0 && !slices.ContainsFunc(s.Only, func(what string) bool { return holds(r, what) }) || !s.passes(r) {
		return nil
	}
	s.Passed++
	return s.Sink.Record(r)
}

// holds reports whether a record is or holds what Only names.
func holds(r *pipeline.Record, what string) bool {
	switch what {
	case "ike":
		return r.Kind == pipeline.IKE
	case "esp":
		return r.Kind == pipeline.ESP
	case "l2tp":
		return r.Payload.HasL2TP
	case "ppp":
		return r.Payload.HasPPP
	case "eth":
		return r.Payload.Ethernet != nil
	case "ip":
		return r.Payload.Inner != nil && !r.Payload.Beside
	}
	return false
}

// passes reports whether what is inside of a record, and its session, are wanted.
func (s *Selection) passes(r *pipeline.Record) bool {
	switch {
	case s.Inner == nil && s.Session == nil:
		return true
	case r.Merged():
		return false
	case isControl(r):
		return s.Control != nil && s.Control(r)
	case s.Session != nil && !s.Session(r):
		return false
	}
	p := &r.Payload
	if s.Inner == nil {
		return p.Inner != nil && !p.Beside || p.Ethernet != nil
	}
	return !p.Beside && (passes(s.Inner, p.Inner, r) ||
		slices.ContainsFunc(p.More, func(packet []byte) bool { return passes(s.Inner, packet, r) }))
}

// passes reports whether a user's packet, the end of which may be missing, passes a filter.
func passes(f pipeline.Filter, packet []byte, r *pipeline.Record) bool {
	return packet != nil && f.Match(packet, len(packet)+r.Missing)
}

// isIP reports whether data, the beginning of length bytes, is that of an IP packet of no more.
func isIP(data []byte, length int) bool {
	const header4, header6 = 20, 40 // bytes (RFC 791 section 3.1, RFC 8200 section 3)
	switch {
	case len(data) == 0:
	case data[0]>>4 == 4:
		return data[0]&15 >= header4/4 && length >= header4 &&
			(len(data) < 4 || int(binary.BigEndian.Uint16(data[2:])) <= length)
	case data[0]>>4 == 6:
		return length >= header6 && (len(data) < 6 || header6+int(binary.BigEndian.Uint16(data[4:])) <= length)
	}
	return false
}

// isControl reports whether a record holds a message that sets up, keeps or ends a session: of IKE,
// of L2TP's control channel, of PPP's control protocols (RFC 1661 section 2).
func isControl(r *pipeline.Record) bool {
	const control = 0x8000
	p := &r.Payload
	return r.Kind == pipeline.IKE || p.HasL2TP && p.L2TP.Control || p.HasPPP && p.PPP.Protocol >= control && p.Inner == nil
}
