package capture

import "errors"

// ErrDuplicate: the fragment repeats bytes of a datagram that is complete already; Add returns that datagram too.
var ErrDuplicate = errors.New("ip: fragment of a datagram that is complete")

// Datagram is an IP datagram in reassembly.
type Datagram struct {
	Data      []byte // once Complete: the IP header without fragment fields, and the whole payload
	Complete  bool
	Fragments int // fragments taken, duplicates included
	Value     any // the caller's
}

// Reassembler puts IP fragments together.
type Reassembler struct{ onGiveUp func(*Datagram) }

// NewReassembler makes a Reassembler that holds at most maxBytes and gives a datagram up timeout nanoseconds of
// capture time after its first fragment.
func NewReassembler(maxBytes int, timeout int64) *Reassembler { return &Reassembler{} }

// OnGiveUp has f called for each datagram that will never be complete.
func (r *Reassembler) OnGiveUp(f func(*Datagram)) { r.onGiveUp = f }

// Add takes a fragment.
func (r *Reassembler) Add(f *Frame, data []byte, time int64) (d *Datagram, err error) {
	return nil, nil
}

// Abandon gives up all incomplete datagrams but the newest keep.
func (r *Reassembler) Abandon(keep int) {}
