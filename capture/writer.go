package capture

import "io"

// Writer writes a capture file.
type Writer interface {
	AddInterface(Interface) (int, error)
	WritePacket(p *Packet, comment []byte) error
	WriteSecrets(kind uint32, data []byte) error
	Flush() error
}

// NewPcapWriter writes pcap.
func NewPcapWriter(w io.Writer, nanos bool) Writer { return nil }

// NewPcapngWriter writes pcapng.
func NewPcapngWriter(w io.Writer) Writer { return nil }
