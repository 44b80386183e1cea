// Package l2tp decodes the Layer Two Tunneling Protocol, version 2 (RFC 2661) and 3 (RFC 3931): the
// header with all its optional fields, control messages with their AVPs by name (of these RFCs and
// of RFC 3145, 3301, 3308, 3437, 3573, 3817, 4951 and 5515), the tunnels and sessions that they set
// up, and the frames of pseudowires. With a tunnel's secret, hidden AVPs are uncovered, and
// Challenge Responses and Message Digests checked. L2F (RFC 2341) is recognised and named.
//
// It knows no file and no interface; what it reads is the payload of a UDP or an IP packet:
//
//	var h l2tp.Header
//	if err := h.Decode(payload); err != nil {
//		return err
//	}
//	tracker.Observe(&o, src, dst, &h, payload)
//	line = l2tp.AppendSummary(line, &h, &o, 0) // "L2TP 0/0 SCCRQ Ns 0 Nr 0 host=iPhone"
//
// The way of a packet, and the file where each step is:
//
//	payload ─> Header.Decode, of IP protocol 115 DecodeIP ─> Tracker.Observe        header.go, tracker.go
//	  control  readControl: AVPs ─> control: the tunnel, authenticate ─> call       control.go, avp.go, call.go
//	  data     dataSession: the session ─> frame: cookie, sublayer ─> number        call.go, layout.go, sequence.go
//	           └> Observation: Tunnel, Session, Control or Frame ─> AppendSummary   summary.go
//
// Every length of the wire is checked before it is used. Values that serve authentication
// (Challenge, Challenge Response, Proxy Authen Challenge and Response) are described by length and
// fingerprint, hidden AVPs without the secret by their length, and never shown.
package l2tp
