package esp

import "net/netip"

// DB holds what is known about keys and one Flow for each (SPI, destination) seen. One goroutine uses it; the
// exceptions are named at Flow.
type DB struct {
	flows map[flowKey]*Flow
}

type flowKey struct {
	dst netip.Addr
	spi uint32
}

// NewDB returns an empty DB.
func NewDB() *DB { return &DB{flows: make(map[flowKey]*Flow)} }

// AddSecret adds what a key source says about an SA. The secret must not change afterwards.
func (db *DB) AddSecret(s *Secret) {}

// AddNegotiated adds what a Quick Mode agreed on. The value must not change afterwards.
func (db *DB) AddNegotiated(n *Negotiated) {}

// Delete says that IKE deleted the SA that sends to dst.
func (db *DB) Delete(spi uint32, dst netip.Addr) {}

// Lookup returns the flow of a packet, a new one if need be; never nil. It allocates nothing for a flow that is known.
func (db *DB) Lookup(spi uint32, src, dst netip.Addr) *Flow {
	k := flowKey{dst.Unmap(), spi}
	f := db.flows[k]
	if f == nil {
		f = &Flow{spi: spi, src: src.Unmap(), dst: k.dst}
		db.flows[k] = f
	}
	return f
}

// Expire forgets flows without a packet since now-idle, both in nanoseconds of capture time.
func (db *DB) Expire(now, idle int64) {}

// Flows returns all flows in the order of their first packet, those that have expired included.
func (db *DB) Flows() []*Flow { return nil }

// Unused is a secret that opened nothing, and why.
type Unused struct {
	Secret *Secret
	Reason string
}

// Unused returns the secrets that opened no packet, in the order they were added.
func (db *DB) Unused() []Unused { return nil }
