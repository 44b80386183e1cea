package capture

// AppendReplaced appends the frame with another protocol and payload behind its IP header.
func (f *Frame) AppendReplaced(dst, data []byte, protocol uint8, payload []byte) []byte {
	return f.AppendReplacedLen(dst, data, protocol, payload, len(payload))
}

// AppendReplacedLen is AppendReplaced for a payload of which only the first part is known: the lengths in the
// headers count length bytes of payload, of which len(payload) follow.
func (f *Frame) AppendReplacedLen(dst, data []byte, protocol uint8, payload []byte, length int) []byte {
	return dst
}

// AppendUDPPayload appends the frame with another UDP payload.
func (f *Frame) AppendUDPPayload(dst, data []byte, payload []byte) []byte { return dst }

// DecodeReassembled decodes a reassembled datagram behind the link header of last, the decoded frame of data
// (normally the fragment that completed it). It appends the whole frame (link header, datagram) to dst and returns
// the grown slice; the frame is at its end: out[len(dst):]. f holds offsets into that frame, so that
// f.AppendReplaced(dst2, out[len(dst):], ...) works.
func (f *Frame) DecodeReassembled(dst []byte, last *Frame, data, datagram []byte) (out []byte, err error) {
	return dst, nil
}
