package l2tp

import (
	"slices"
	"strconv"
	"strings"
)

// brief are the attributes that the summary shows without -v, first those that it begins with.
var brief = [...]uint16{
	avpHostName, avpAssignedTunnel, avpAssignedSession, avpCalledNumber, avpCallingNumber, avpProxyAuthenName,
	avpAssignedConnection, avpLocalSession, avpRemoteSession, avpRemoteEnd, avpPseudowireType,
	avpResultCode, avpCauseCode, avpPPPDisconnectCause,
}

// AppendSummary appends a whole packet's summary: "L2TP 0/0 SCCRQ Ns 0 Nr 0 host=iPhone" for a
// control message, "L2TP 21/7" (tunnel and session) for a data message, with "Ns 5 Nr 3" if
// it is numbered. For a data message it does not allocate.
func AppendSummary(dst []byte, h *Header, o *Observation, verbose int) []byte {
	switch {
	case h.Version == Version3 && h.Control:
		dst = appendHexID(append(dst, "L2TPv3 "...), h.Tunnel)
	case h.Version == Version3:
		dst = appendHexID(append(dst, "L2TPv3 session "...), h.Session)
	default:
		name := "L2TP "
		if h.Version == versionL2F {
			name = "L2F "
		}
		dst = append(dst, name...)
		dst = strconv.AppendUint(dst, uint64(h.Tunnel), 10)
		dst = strconv.AppendUint(append(dst, '/'), uint64(h.Session), 10)
	}
	if o.Control != nil {
		return o.Control.appendSummary(append(dst, ' '), h, verbose)
	}
	switch f := &o.Frame; {
	case h.HasSequence:
		dst = appendSequence(append(dst, ' '), h)
	case f.Numbered:
		dst = strconv.AppendUint(append(dst, " seq "...), uint64(f.Number), 10)
	}
	if o.Order > Ahead {
		dst = append(append(dst, ' '), o.Order.String()...)
	}
	if verbose > 0 && len(o.Frame.Cookie) > 0 {
		dst = appendHex(append(dst, " cookie "...), o.Frame.Cookie)
	}
	if o.WrongCookie {
		dst = append(dst, " [wrong cookie]"...)
	}
	return dst
}

// appendSummary appends "SCCRQ Ns 0 Nr 0 host=iPhone". Without verbose it shows who speaks, the
// assigned IDs, the results, and attributes that have no name; with it all AVPs by name, in their
// order: "Host Name iPhone, Receive Window Size 4". Damaged AVPs are said to be so.
func (c *Control) appendSummary(dst []byte, h *Header, verbose int) []byte {
	dst = append(dst, c.name...)
	if h.HasSequence {
		dst = appendSequence(append(dst, ' '), h)
	}
	if c.Retransmission {
		dst = append(dst, " retransmission"...)
	}
	if c.Authentication != Unproved {
		dst = append(append(dst, " [secret "...), c.Authentication.String()...)
		dst = append(dst, ']')
	}
	if h.Version == Version2 && !(h.HasLength && h.HasSequence) {
		// RFC 2661 section 3.1: both must be set in a control message.
		dst = append(dst, " [length or sequence field missing]"...)
	}
	if verbose > 0 {
		return c.appendAVPs(dst, h)
	}
	for _, t := range brief {
		i := slices.IndexFunc(c.avps, func(a avp) bool { return a.Vendor == 0 && a.Type == t })
		if i >= 0 {
			dst = append(append(append(dst, ' '), avps[t].key...), '=')
			dst = c.avps[i].appendShort(dst, c.kind)
		}
	}
	for i := range c.avps {
		if a := &c.avps[i]; a.attribute().name == "" {
			dst = append(append(append(dst, ' '), strings.ReplaceAll(a.name(), " ", "-")...), '=')
			dst = a.appendShort(dst, c.kind)
		}
	}
	if c.err != nil {
		dst = appendDamage(append(dst, ' '), h, c.err)
	}
	return dst
}

func (c *Control) appendAVPs(dst []byte, h *Header) []byte {
	separator := ": "
	for i := range c.avps {
		a := &c.avps[i]
		if a.isMessageType() && c.kind != 0 {
			continue
		}
		dst = append(append(dst, separator...), a.name()...)
		separator = ", "
		n := len(dst)
		dst = a.appendShort(append(dst, ' '), c.kind)
		if len(dst) == n+1 {
			dst = dst[:n] // an attribute without a value
		}
	}
	if c.err != nil {
		dst = appendDamage(append(dst, separator...), h, c.err)
	}
	return dst
}

// appendDamage writes an error of AVPs without the package's name.
func appendDamage(dst []byte, h *Header, err error) []byte {
	if h.Cut {
		return append(dst, "[|l2tp]"...)
	}
	dst = append(dst, "[malformed: "...)
	return append(append(dst, err.Error()[len("l2tp: "):]...), ']')
}

func appendSequence(dst []byte, h *Header) []byte {
	dst = strconv.AppendUint(append(dst, "Ns "...), uint64(h.Ns), 10)
	return strconv.AppendUint(append(dst, " Nr "...), uint64(h.Nr), 10)
}

func appendHexID(dst []byte, id uint32) []byte {
	return strconv.AppendUint(append(dst, "0x"...), uint64(id), 16)
}
