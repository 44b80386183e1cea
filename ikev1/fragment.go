package ikev1

import (
	"encoding/binary"
	"fmt"
)

// Fragment is an IKE fragment: payload 132 of Cisco and Microsoft ([MS-IKEE] section 2.2.3). Its
// data is a part of a whole ISAKMP message, header included, which was cut after its encryption.
type Fragment struct {
	ID     uint16 // the same for all fragments of a message; many senders always use 1
	Number uint8  // from 1
	Last   bool
	Data   []byte
}

// fragmentHeaderLen is the size of what stands before a fragment's data in the body of its payload.
const fragmentHeaderLen = 4

// parseFragment reads the body of a fragment payload. Data is a part of body.
func parseFragment(body []byte) (Fragment, error) {
	if len(body) < fragmentHeaderLen {
		return Fragment{}, fmt.Errorf("ikev1: fragment payload of %d bytes: %w", len(body), ErrMalformed)
	}
	f := Fragment{
		ID:     binary.BigEndian.Uint16(body),
		Number: body[2],
		Last:   body[3]&1 != 0,
		Data:   body[fragmentHeaderLen:],
	}
	if f.Number == 0 {
		return f, fmt.Errorf("ikev1: fragment number 0: %w", ErrMalformed)
	}
	return f, nil
}
