package capture

import (
	"errors"
	"fmt"
	"iter"
)

// MaxPacketLen is the largest number of captured bytes that a packet may have, in bytes: the
// largest snapshot length of libpcap and Wireshark. A file that says more is damaged.
const MaxPacketLen = 262144

// Packet is one captured frame.
type Packet struct {
	Time      int64  // nanoseconds since the Unix epoch; 0 if the file says none
	Length    int    // bytes on the wire, at least len(Data)
	Data      []byte // captured bytes, at most MaxPacketLen
	Interface int    // index into its source's Interfaces; for WritePacket what AddInterface gave
	Options   []byte // pcapng options, little endian, padded to 4 bytes, without opt_endofopt
}

// Comments are the comments among the options.
func (p *Packet) Comments() iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for o := range new(pcapngFile).options(p.Options) { // which are in little endian
			if o.code == optComment && !yield(o.value) {
				return
			}
		}
	}
}

// Interface describes where packets were captured.
type Interface struct {
	LinkType   LinkType
	SnapLen    uint32 // most bytes captured of a packet; 0 no limit
	Name       string // if_name; "" unknown
	Options    []byte // as in Packet, without if_name, if_tsresol, if_tsoffset
	Section    []byte // comments of the section that describes it, as in Packet.Options
	Resolution int64  // ticks a second of the time stamps in the file: 1e6, 1e9 ...; 0 unknown
}

// Source yields packets in order.
type Source interface {
	// Next fills *p. p.Data and p.Options are valid until the next call. io.EOF is a clean end; an
	// error for which errors.Is(err, ErrCut) says that the file ends within a packet; *FormatError
	// that it is damaged.
	Next(p *Packet) error
	// Interfaces lists the interfaces seen so far. It grows while packets are read; it never
	// shrinks or reorders, and what it returned before stays as it was, for other goroutines too.
	Interfaces() []Interface
	Close() error
}

// ErrCut is wrapped by the error of a file that ends in the middle of a packet, a block or its
// header. All whole packets before have been delivered.
var ErrCut = errors.New("the file is cut short")

// FormatError says that a file is no capture file or is damaged, and where.
type FormatError struct {
	Name   string // the file, as given to NewReader
	Offset int64  // byte in the file (in the decompressed file, if gzipped)
	Msg    string
	final  bool // what follows can't be read without what is damaged
}

func (e *FormatError) Error() string {
	return fmt.Sprintf("%s: at byte %d: %s", e.Name, e.Offset, e.Msg)
}

// SecretsESPS is the secrets type of a Decryption Secrets Block that holds ESP security
// associations as lines of comma separated values ("ESPS").
const SecretsESPS uint32 = 0x45535053
