package capture

import (
	"errors"
	"fmt"
)

// ErrLinkTypes is wrapped by the error of a pcap file that is to hold interfaces of different
// kinds, which takes pcapng.
var ErrLinkTypes = errors.New("a pcap file has one link type")

// Writer writes a capture file, through a buffer: Flush at the end. Its methods return what the
// underlying writer said; after an error there the file is not usable. It allocates nothing per
// packet.
type Writer interface {
	// AddInterface describes an interface and returns the index to use in packets. A pcap file has
	// one link type: a second one is ErrLinkTypes, the same one again is no error. Nothing is
	// written before the first call.
	AddInterface(Interface) (int, error)
	// WritePacket writes a packet of interface p.Interface. comment, if not empty, is added to the
	// comments in p.Options; pcap keeps neither.
	WritePacket(p *Packet, comment []byte) error
	// WriteSecrets writes a Decryption Secrets Block, which serves the packets behind it. pcap
	// can't: an error.
	WriteSecrets(kind uint32, data []byte) error
	Flush() error
}

// writerSize is the size of a writer's buffer in bytes.
const writerSize = 256 << 10

var (
	errNoInterface = errors.New("capture: packet of an interface that was not added")
	errNoSecrets   = errors.New("capture: pcap files can't hold secrets: write pcapng")
	errOptions     = errors.New("capture: options are not padded to 4 bytes")
)

func checkPacket(p *Packet, interfaces int) error {
	if p.Interface < 0 || p.Interface >= interfaces {
		return errNoInterface
	}
	if len(p.Data) > MaxPacketLen {
		return fmt.Errorf("capture: packet of %d bytes, more than %d", len(p.Data), MaxPacketLen)
	}
	return nil
}
