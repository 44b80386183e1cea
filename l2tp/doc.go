// Package l2tp decodes the Layer Two Tunneling Protocol, version 2 (RFC 2661): the header with
// all its optional fields, control messages with their AVPs by name (RFC 2661 and its extensions
// RFC 3145, 3301, 3308, 3437, 3573, 3817, 4951 and 5515), and the tunnels and sessions that they
// set up. L2TPv3 (RFC 3931) and L2F (RFC 2341) are recognised and named.
//
// It knows no file and no interface; what it reads is the payload of a UDP packet:
//
//	var h l2tp.Header
//	if err := h.Decode(payload); err != nil {
//		return err
//	}
//	line = l2tp.AppendSummary(line, &h, payload, 0) // "L2TP 0/0 SCCRQ Ns 0 Nr 0 host=iPhone"
//
// Every length of the wire is checked before it is used. Values that serve authentication
// (Challenge, Challenge Response, Proxy Authen Challenge and Response) and hidden AVPs are
// described by their length and never shown.
package l2tp
