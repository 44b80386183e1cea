package keysrc

import (
	"io"
	"os"

	"l2tpdump/esp"
	"l2tpdump/ikev1"
)

// Load reads a key source as Parse does, and keeps it in little memory.
func Load(r io.Reader, name, format string) (*Store, error) {
	st := new(Store)
	s, err := NewStream(name, format, st.Add)
	if err != nil {
		return nil, err
	}
	s.out.loader = &loader{store: st, now: new(batch)}
	_, err = s.ReadFrom(r)
	closeErr := s.Close()
	s.out.loader.close()
	st.complete()
	st.seen = hashSet{}
	if err == nil {
		err = closeErr
	}
	return st, err
}

// LoadFile is Load for a file, or for standard input if path is "-".
func LoadFile(path, format string) (*Store, error) {
	if path == "-" {
		return Load(os.Stdin, "standard input", format)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return Load(f, path, format)
}

// A loader gives secrets to a Store, in their order. Those of a large source are packed while it is still read. Notes and hints are the
// caller's business.
type loader struct {
	store *Store
	now   *batch      // that is being filled
	full  chan *batch // nil: none was full yet
	empty chan *batch
	done  chan struct{} // closed when all is packed

	row  ikev1.Secret
	rows []*esp.Secret
	used int // of rows
}

// A batch is secrets that are packed at once.
type batch struct {
	ike     []ikev1.Secret
	origins []map[string]esp.Origin // for each that may be in ike
	esp     []esp.Secret
}

// maxBatch is how many phase 1 secrets, or keys of ESP SAs, make a batch.
const maxBatch = 256

// newIKE returns an empty secret for [output.ike].
func (o *output) newIKE() *ikev1.Secret {
	if l := o.loader; l != nil {
		l.row = ikev1.Secret{}
		return &l.row
	}
	return new(ikev1.Secret)
}

// newOrigins returns an empty map for the secret of newIKE.
func (o *output) newOrigins(n int) map[string]esp.Origin {
	l := o.loader
	if l == nil {
		return make(map[string]esp.Origin, n)
	}
	b := l.now
	for len(b.origins) <= len(b.ike) {
		b.origins = append(b.origins, make(map[string]esp.Origin, n))
	}
	clear(b.origins[len(b.ike)])
	return b.origins[len(b.ike)]
}

// newESP returns empty keys for [output.esp].
func (o *output) newESP() *esp.Secret {
	l := o.loader
	if l == nil {
		return new(esp.Secret)
	}
	if l.used == len(l.rows) {
		l.rows = append(l.rows, new(esp.Secret))
	}
	s := l.rows[l.used]
	l.used++
	*s = esp.Secret{}
	return s
}

func (l *loader) ike(s *ikev1.Secret) {
	if l.now.ike = append(l.now.ike, *s); len(l.now.ike) >= maxBatch {
		l.turn()
	}
}

func (l *loader) esp(list []*esp.Secret) {
	for _, s := range list {
		l.now.esp = append(l.now.esp, *s)
	}
	l.used = 0
	if len(l.now.esp) >= maxBatch {
		l.turn()
	}
}

// turn has the batch packed and begins another one.
func (l *loader) turn() {
	if l.full == nil {
		l.full, l.empty, l.done = make(chan *batch, 1), make(chan *batch, 2), make(chan struct{})
		l.empty <- new(batch)
		l.empty <- new(batch)
		go func() {
			defer close(l.done)
			for b := range l.full {
				l.store.pack(b)
				l.empty <- b
			}
		}()
	}
	l.full <- l.now
	l.now = <-l.empty
}

// close has all packed.
func (l *loader) close() {
	if l.full != nil {
		close(l.full)
		<-l.done
	}
	l.store.pack(l.now)
}

// pack adds the secrets of a batch, and empties it.
func (st *Store) pack(b *batch) {
	for i := range b.ike {
		st.addIKE(&b.ike[i])
	}
	for i := range b.esp {
		st.addESP(&b.esp[i])
	}
	clear(b.ike)
	clear(b.esp)
	b.ike, b.esp = b.ike[:0], b.esp[:0]
}
