package ppp

import (
	"iter"

	"l2tpdump/l2tp/internal/copies"
)

// negotiation follows the Configure packets of a control protocol (RFC 1661 section 4) between two
// ends. It is not misled by packets that the network repeats.
type negotiation struct {
	requests [2][4]uint64 // the last requests of each end, by a hash
	acked    [2]bool      // each end has acknowledged the other's request
}

// observe follows a packet. again says that a negotiation begins after another had been completed:
// what that had agreed on is void. acked says that the sender has acknowledged c.Data.
func (n *negotiation) observe(sender int, c *Control) (again, acked bool) {
	switch c.Code {
	case codeConfigureRequest:
		if !copies.Among(n.requests[sender][:], c.Data, uint64(c.ID)) {
			if again = n.acked[0] && n.acked[1]; again {
				n.acked = [2]bool{}
			}
		}
	case codeConfigureAck:
		acked = !n.acked[sender]
		n.acked[sender] = true
	case codeTerminateRequest, codeTerminateAck:
		again = n.acked[0] || n.acked[1]
		*n = negotiation{}
	}
	return again, acked
}

// rawOptions walks the options of a Configure packet (RFC 1661 section 6), up to one that is
// damaged.
func rawOptions(data []byte) iter.Seq2[byte, []byte] {
	return func(yield func(byte, []byte) bool) {
		for len(data) >= 2 && data[1] >= 2 && int(data[1]) <= len(data) {
			if !yield(data[0], data[2:data[1]]) {
				return
			}
			data = data[data[1]:]
		}
	}
}
