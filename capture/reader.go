package capture

import "io"

// Reader is a Source over one capture file.
type Reader struct{ onSecrets func(uint32, []byte) }

// NewReader recognises the format of what r delivers. The name is for messages; "-" becomes "standard input".
func NewReader(r io.Reader, name string) (*Reader, error) { return &Reader{}, nil }

// OnSecrets has f called with each pcapng Decryption Secrets Block as it passes. f must copy data to keep it.
func (r *Reader) OnSecrets(f func(kind uint32, data []byte)) { r.onSecrets = f }

// Next implements Source.
func (r *Reader) Next(p *Packet) error { return io.EOF }

// Interfaces implements Source.
func (r *Reader) Interfaces() []Interface { return nil }

// Close closes the file if Open opened it.
func (r *Reader) Close() error { return nil }
