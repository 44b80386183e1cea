package l2tp

import "strconv"

// brief are the attributes that the summary shows without -v, first those that it begins with.
var brief = [...]uint16{
	avpHostName, avpAssignedTunnel, avpAssignedSession, avpCalledNumber, avpCallingNumber, avpProxyAuthenName,
	avpAssignedConnection, avpLocalSession, avpRemoteSession, avpRemoteEnd, avpPseudowireType,
	avpResultCode, avpCauseCode, avpPPPDisconnectCause,
}

// AppendSummary appends a whole packet's summary: "L2TP 0/0 SCCRQ Ns 0 Nr 0 host=iPhone" for a
// control message, "L2TP 21/7" (tunnel and session) for a data message, with "Ns 5 Nr 3" if
// it is numbered. data is what h was decoded from. For a data message it does not allocate.
func AppendSummary(dst []byte, h *Header, data []byte, verbose int) []byte {
	switch h.Version {
	case versionL2F:
		dst = append(dst, "L2F "...)
	case Version3:
		dst = append(dst, "L2TPv3 "...)
		if h.Control {
			dst = appendHexID(dst, h.Connection)
		} else {
			dst = appendHexID(append(dst, "session "...), h.SessionID)
		}
	default:
		dst = append(dst, "L2TP "...)
	}
	if h.Version != Version3 {
		dst = strconv.AppendUint(dst, uint64(h.Tunnel), 10)
		dst = strconv.AppendUint(append(dst, '/'), uint64(h.Session), 10)
	}
	if h.Control {
		return appendControlSummary(append(dst, ' '), h, data, verbose)
	}
	if h.HasSequence {
		dst = appendSequence(append(dst, ' '), h)
	}
	return dst
}

// appendControlSummary appends the summary of a control message: "SCCRQ Ns 0 Nr 0 host=iPhone".
// data is what h was decoded from. Without verbose it shows who speaks, the assigned IDs and the
// results; with it all AVPs by name, in their order: "Host Name iPhone, Receive Window Size 4".
// Damaged AVPs are said to be so.
func appendControlSummary(dst []byte, h *Header, data []byte, verbose int) []byte {
	payload := data[h.PayloadStart:h.PayloadEnd]
	message, name := MessageType(payload)
	dst = append(dst, name...)
	if h.HasSequence {
		dst = appendSequence(append(dst, ' '), h)
	}
	if h.Version == Version2 && !(h.HasLength && h.HasSequence) {
		// RFC 2661 section 3.1: both must be set in a control message.
		dst = append(dst, " [length or sequence field missing]"...)
	}
	if verbose > 0 {
		return appendAVPs(dst, h, payload, message)
	}
	for _, t := range brief {
		for a, err := range walkAVPs(payload) {
			if err != nil {
				break
			}
			if a.Vendor != 0 || a.Type != t {
				continue
			}
			dst = append(append(append(dst, ' '), avps[t].key...), '=')
			dst = a.appendIn(dst, message)
			break
		}
	}
	for _, err := range walkAVPs(payload) {
		if err != nil {
			dst = appendDamage(append(dst, ' '), h, err)
		}
	}
	return dst
}

func appendAVPs(dst []byte, h *Header, payload []byte, message uint16) []byte {
	separator := ": "
	for a, err := range walkAVPs(payload) {
		if a.Vendor == 0 && a.Type == avpMessageType && message != 0 && err == nil {
			continue
		}
		dst = append(dst, separator...)
		separator = ", "
		if err != nil {
			return appendDamage(dst, h, err)
		}
		dst = append(dst, a.name()...)
		n := len(dst)
		dst = a.appendIn(append(dst, ' '), message)
		if len(dst) == n+1 {
			dst = dst[:n] // an attribute without a value
		}
	}
	return dst
}

// appendIn writes the value as it is to be read in a message of that type.
func (a *avp) appendIn(dst []byte, message uint16) []byte {
	if a.Vendor == 0 && a.Type == avpResultCode && !a.Hidden {
		if out, ok := appendResultOf(dst, a.Value, message); ok {
			return out
		}
	}
	return a.appendValue(dst)
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
