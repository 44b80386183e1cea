package capture

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
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

// pcapWriter is a Writer.
type pcapWriter struct {
	w      *bufio.Writer
	unit   int64 // nanoseconds
	magic  uint32
	opened bool
	link   LinkType
	head   [pcapHeaderLen]byte
}

// NewPcapWriter writes pcap in little endian with time stamps in nanoseconds or microseconds.
func NewPcapWriter(w io.Writer, nanos bool) Writer {
	pw := &pcapWriter{w: bufio.NewWriterSize(w, writerSize), unit: 1000, magic: pcapMicros}
	if nanos {
		pw.unit, pw.magic = 1, pcapNanos
	}
	return pw
}

// AddInterface writes the file header at the first call. The snapshot length in it is MaxPacketLen,
// as packets that were put together can be longer than what was captured.
func (pw *pcapWriter) AddInterface(ifc Interface) (int, error) {
	if pw.opened {
		if ifc.LinkType != pw.link {
			return 0, fmt.Errorf("%w, not %v and %v", ErrLinkTypes, pw.link, ifc.LinkType)
		}
		return 0, nil
	}
	h := pw.head[:]
	binary.LittleEndian.PutUint32(h[0:], pw.magic)
	binary.LittleEndian.PutUint16(h[4:], 2)
	binary.LittleEndian.PutUint16(h[6:], 4)
	binary.LittleEndian.PutUint32(h[16:], MaxPacketLen)
	binary.LittleEndian.PutUint32(h[20:], uint32(ifc.LinkType))
	if _, err := pw.w.Write(h); err != nil {
		return 0, err
	}
	pw.opened, pw.link = true, ifc.LinkType
	return 0, nil
}

// WritePacket implements Writer. Times before 1970 and after 2106 become the first or last that
// pcap has.
func (pw *pcapWriter) WritePacket(p *Packet, comment []byte) error {
	interfaces := 0
	if pw.opened {
		interfaces = 1
	}
	if err := checkPacket(p, interfaces); err != nil {
		return err
	}
	const last = (math.MaxUint32+1)*1000000000 - 1
	t := min(max(p.Time, 0), last)
	h := pw.head[:pcapRecordLen]
	binary.LittleEndian.PutUint32(h[0:], uint32(t/1e9))
	binary.LittleEndian.PutUint32(h[4:], uint32(t%1e9/pw.unit))
	binary.LittleEndian.PutUint32(h[8:], uint32(len(p.Data)))
	binary.LittleEndian.PutUint32(h[12:], uint32(max(p.Length, len(p.Data))))
	pw.w.Write(h)
	_, err := pw.w.Write(p.Data)
	return err
}

func (pw *pcapWriter) WriteSecrets(uint32, []byte) error { return errNoSecrets }

func (pw *pcapWriter) Flush() error { return pw.w.Flush() }
