package esp

import (
	"cmp"
	"slices"
)

// Source keeps the secrets of a key source that may be large. It does not change, and several goroutines may ask it at a time.
type Source interface {
	// CountESP returns how many secrets there are.
	CountESP() int
	// EachESP calls f with each secret, in order, and with the place by which ESPAt finds it again. The secret is valid until f returns.
	EachESP(f func(place uint32, s *Secret))
	// ESPAt returns the secret at a place; it is the caller's own.
	ESPAt(place uint32) *Secret
}

// slot is one secret in the order in which they were added.
type slot struct {
	e     *entry // nil: a Source has it, and no packet has asked for its SPI so far
	spi   uint32
	place uint32 // in the Source
}

// dropped is the place of a slot that says the same as an earlier one.
const dropped = ^uint32(0)

// span is the slots of a Source: those from first on.
type span struct {
	first int
	src   Source
}

// sameRange is how many secrets of one SPI a new one is compared with.
const sameRange = 64

// AddSource adds all secrets of a source as AddSecret does. They stay where they are until a packet asks for their SPI: each takes
// 20 bytes of the DB.
func (db *DB) AddSource(src Source) {
	if db.limit > 0 {
		src.EachESP(func(place uint32, _ *Secret) { db.AddSecret(src.ESPAt(place)) })
		return
	}
	first := len(db.entries)
	db.entries = slices.Grow(db.entries, src.CountESP())
	db.sources = append(db.sources, span{first, src})
	src.EachESP(func(place uint32, s *Secret) {
		if s.SPIMask == 0xffffffff {
			db.entries = append(db.entries, slot{spi: s.SPI, place: place})
		} else if !isSame(db.masked, s) {
			db.addMasked(src.ESPAt(place))
		}
	})
	fresh := db.bySPIFrom(first)
	if db.dropSame(fresh) {
		db.compact(first)
		fresh = db.bySPIFrom(first)
	}
	known := len(db.index)
	for _, i := range fresh {
		spi := db.entries[i].spi
		if list, loaded := db.exact[spi]; loaded {
			db.exact[spi] = append(list, db.take(i))
		} else {
			db.index = append(db.index, i)
		}
		db.renew(spi)
	}
	if known > 0 {
		db.sortBySPI(db.index)
	}
}

// bySPIFrom returns the numbers of the slots from first on that name the whole SPI, sorted by it.
func (db *DB) bySPIFrom(first int) []uint32 {
	list := make([]uint32, 0, len(db.entries)-first)
	for i := first; i < len(db.entries); i++ {
		if db.entries[i].e == nil {
			list = append(list, uint32(i))
		}
	}
	db.sortBySPI(list)
	return list
}

func (db *DB) sortBySPI(list []uint32) {
	slices.SortFunc(list, func(a, b uint32) int {
		return cmp.Or(cmp.Compare(db.entries[a].spi, db.entries[b].spi), cmp.Compare(a, b))
	})
}

// dropSame marks the fresh slots that say the same as an earlier one, and reports whether there are any.
func (db *DB) dropSame(fresh []uint32) (any bool) {
	var earlier []*Secret
	for len(fresh) > 0 {
		spi, n := db.entries[fresh[0]].spi, 1
		for n < len(fresh) && db.entries[fresh[n]].spi == spi {
			n++
		}
		same := fresh[:n]
		fresh = fresh[n:]
		clear(earlier)
		earlier = earlier[:0]
		for _, e := range db.exact[spi] {
			earlier = append(earlier, e.Secret)
		}
		if len(earlier) == 0 {
			for _, i := range db.indexed(spi) {
				earlier = append(earlier, db.secret(i))
			}
		}
		if n+len(earlier) == 1 {
			continue
		}
		for _, i := range same {
			s := db.secret(i)
			if slices.ContainsFunc(earlier[max(0, len(earlier)-sameRange):], func(o *Secret) bool { return sameSecret(o, s) }) {
				db.entries[i].place, any = dropped, true
			} else {
				earlier = append(earlier, s)
			}
		}
	}
	return any
}

// compact removes the slots from first on that were dropped.
func (db *DB) compact(first int) {
	kept := db.entries[:first]
	for _, s := range db.entries[first:] {
		if s.e == nil && s.place == dropped {
			continue
		}
		if s.e != nil {
			s.e.index = len(kept)
		}
		kept = append(kept, s)
	}
	clear(db.entries[len(kept):])
	db.entries = kept
}

// indexed returns the numbers of the slots of an SPI that no packet has asked for.
func (db *DB) indexed(spi uint32) []uint32 {
	first, found := slices.BinarySearchFunc(db.index, spi, func(i, spi uint32) int { return cmp.Compare(db.entries[i].spi, spi) })
	if !found {
		return nil
	}
	end := first + 1
	for end < len(db.index) && db.entries[db.index[end]].spi == spi {
		end++
	}
	return db.index[first:end]
}

// named returns the secrets that name the whole SPI.
func (db *DB) named(spi uint32) []*entry {
	list, loaded := db.exact[spi]
	if loaded || len(db.index) == 0 {
		return list
	}
	for _, i := range db.indexed(spi) {
		list = append(list, db.take(i))
	}
	if list != nil {
		db.exact[spi] = list
	}
	return list
}

// entry returns the secret with that number.
func (db *DB) entry(i int) *entry {
	if db.entries[i].e == nil {
		db.named(db.entries[i].spi)
	}
	return db.entries[i].e
}

// take makes the entry of a slot.
func (db *DB) take(i uint32) *entry {
	e := &entry{Secret: db.secret(i), index: int(i)}
	db.entries[i].e = e
	return e
}

// secret returns what a slot's Source keeps.
func (db *DB) secret(i uint32) *Secret {
	n := len(db.sources) - 1
	for db.sources[n].first > int(i) {
		n--
	}
	return db.sources[n].src.ESPAt(db.entries[i].place)
}
