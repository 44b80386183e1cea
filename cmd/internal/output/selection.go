package output

import (
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
	// Control tells the same of a record with a message that sets up a session, is asked in place of
	// Inner and Session for these; nil: they do not pass.
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
	if len(s.Only) > 0 && !slices.ContainsFunc(s.Only, func(what string) bool { return holds(r, what) }) || !s.Passes(r) {
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
		return r.Payload.Inner != nil
	}
	return false
}

// Passes reports whether what is inside of a record, and its session, are wanted.
func (s *Selection) Passes(r *pipeline.Record) bool {
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
		return p.Inner != nil && !p.Line || p.Ethernet != nil
	}
	return !p.Line && (passes(s.Inner, p.Inner, r) || slices.ContainsFunc(p.More, func(packet []byte) bool { return passes(s.Inner, packet, r) }))
}

// passes reports whether a user's packet, the end of which may be missing, passes a filter.
func passes(f pipeline.Filter, packet []byte, r *pipeline.Record) bool {
	return packet != nil && f.Match(packet, len(packet)+r.Missing)
}

// isControl reports whether a record holds a message that sets up, keeps or ends a session: of IKE,
// of L2TP's control channel, of PPP's control protocols (RFC 1661 section 2).
func isControl(r *pipeline.Record) bool {
	const control = 0x8000
	p := &r.Payload
	return r.Kind == pipeline.IKE || p.HasL2TP && p.L2TP.Control || p.HasPPP && p.PPP.Protocol >= control && p.Inner == nil
}
