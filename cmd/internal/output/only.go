package output

import "l2tpdump/cmd/internal/pipeline"

// OnlyNames are what [Only] knows.
var OnlyNames = []string{"ike", "esp", "l2tp", "ppp", "ip", "eth"}

// Only returns a sink that hands on the records that are or hold what, one of [OnlyNames].
func Only(what string, sink pipeline.Sink) pipeline.Sink { return &only{sink, what} }

type only struct {
	pipeline.Sink
	what string
}

// Record hands r on if it is wanted.
func (o *only) Record(r *pipeline.Record) error {
	if !o.wants(r) {
		return nil
	}
	return o.Sink.Record(r)
}

func (o *only) wants(r *pipeline.Record) bool {
	switch o.what {
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
