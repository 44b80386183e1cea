package main

import (
	"fmt"
	"hash/maphash"
	"math/bits"
	"slices"

	"l2tpdump/esp"
	"l2tpdump/keysrc"
)

// espTable is the rows of esp_sa by their numbers: the keys that open the capture's packets with addresses and algorithms as they are
// there, those of Quick Modes whose packets are not in it, and those that sources give for SAs which the capture does not know.
type espTable struct {
	k      *keyring
	hints  []hintIndex
	opened []*esp.Secret
	whole  map[uint32]bool // SPIs of which a source gives the whole key, and its algorithm
	lent   []*keysrc.Store
	places [][]uint32 // of the others in each source
	wild   []wildRow  // of those for several SPIs, which come last
	row    esp.Secret
}

// wildRow is where the keys for several SPIs are.
type wildRow struct {
	source      int
	place, mask uint32
}

func (t *espTable) write(dir string) (w writtenTable, err error) {
	if t.k.p != nil {
		for _, f := range t.k.p.ESP().Flows() {
			if s := f.State(); s.Err == nil {
				t.opened = append(t.opened, &esp.Secret{
					SPI: f.SPI(), SPIMask: ^uint32(0), Src: esp.AddrPatternFrom(f.Src()), Dst: esp.AddrPatternFrom(f.Dst()),
					Suite: s.Suite, Key: s.Key, AuthKey: s.AuthKey, ESNKnown: true, SeqHigh: s.SeqHigh, Origin: esp.Origin{File: s.Origin},
				})
			}
		}
	}
	t.whole = make(map[uint32]bool)
	for _, source := range t.k.sources {
		source.Blank().EachESP(func(_ uint32, s *esp.Secret) {
			if oneSPI(s) && wholeKey(s) {
				t.whole[s.SPI] = true
			}
		})
	}
	n := len(t.opened)
	t.places = make([][]uint32, len(t.k.sources))
	t.each(&w.left, func(source int, place, mask uint32) {
		if n++; mask == ^uint32(0) {
			t.places[source] = append(t.places[source], place)
		} else {
			t.wild = append(t.wild, wildRow{source, place, mask})
		}
	})
	slices.SortStableFunc(t.wild, func(a, b wildRow) int { return bits.OnesCount32(b.mask) - bits.OnesCount32(a.mask) })
	for _, source := range t.k.sources {
		t.lent = append(t.lent, source.Lent())
	}
	report, err := keysrc.WriteESPTable(dir, n, t.secret)
	if err != nil {
		return w, err
	}
	unspelt := func(r *remarks) {
		for _, i := range report.Left {
			r.add(func() string { return "left out: " + keysrc.ESPRowError(t.secret(i)).Error() })
		}
	}
	w.Path, w.Added, w.Present = report.Path, report.Added, report.Present
	unspelt(&w.left)
	w.again = func(r *remarks) {
		t.each(r, func(int, uint32, uint32) {})
		unspelt(r)
	}
	return w, nil
}

// secret returns the row of a number; it is valid until the next call.
func (t *espTable) secret(i int) *esp.Secret {
	if i < len(t.opened) {
		return t.opened[i]
	}
	i -= len(t.opened)
	for j, places := range t.places {
		if i < len(places) {
			return t.unopened(j, places[i])
		}
		i -= len(places)
	}
	return t.unopened(t.wild[i].source, t.wild[i].place)
}

func (t *espTable) unopened(source int, place uint32) *esp.Secret {
	t.k.unopenedRow(&t.row, nil, t.lent[source].ESPAt(place), &t.hints[source])
	return &t.row
}

// each calls f with the sources of the rows that no packets of the capture are behind, with their places there and the masks of their SPIs,
// and adds the remarks. They are the same every time.
func (t *espTable) each(r *remarks, f func(source int, place, mask uint32)) {
	opened := make(map[uint32]bool)
	for _, s := range t.opened {
		opened[s.SPI] = true
	}
	first := make(map[uint32]uint32) // a hash of the addresses of the first row of an SPI: few SPIs have two rows, there may be very many with one
	seed := maphash.MakeSeed()
	for i, source := range t.k.sources {
		if t.k.p == nil {
			source = source.Blank() // the lengths of the keys are enough
		}
		source.EachESP(func(place uint32, s *esp.Secret) {
			if oneSPI(s) && (opened[s.SPI] || t.whole[s.SPI] && !wholeKey(s)) || !t.k.unopenedRow(&t.row, r, s, &t.hints[i]) {
				return
			}
			if oneSPI(s) {
				between := uint32(maphash.Comparable(seed, [2]esp.AddrPattern{t.row.Src, t.row.Dst}))
				switch old, ok := first[s.SPI]; {
				case !ok:
					first[s.SPI] = between
				case old == between:
					return
				}
			}
			f(i, place, t.row.SPIMask)
		})
	}
}

// oneSPI reports whether the keys are for one SPI, and not for all that fit a pattern.
func oneSPI(s *esp.Secret) bool { return s.SPIMask == ^uint32(0) }

// wholeKey reports whether the source gives the whole encryption key, and its algorithm.
func wholeKey(s *esp.Secret) bool { return !s.KeyHead && s.Suite.Cipher != nil }

// unopenedRow sets row to the keys of an SA of which the capture has no packet that they open. It reports whether there is a row.
func (k *keyring) unopenedRow(row *esp.Secret, r *remarks, s *esp.Secret, hints *hintIndex) bool {
	for _, f := range k.flows[s.SPI] {
		if oneSPI(s) {
			r.add(func() string {
				return fmt.Sprintf("left out: SPI 0x%08x (%s): %s: %s", s.SPI, s.Origin, f.Verdict, f.Reason)
			})
			return false
		}
	}
	if s.Uncertain {
		r.add(func() string {
			return fmt.Sprintf("left out: SPI 0x%08x (%s): one of several keys that may be its, the source mixes negotiations: give a capture of it with -r", s.SPI, s.Origin)
		})
		return false
	}
	*row = *s
	if oneSPI(s) && k.p != nil {
		for _, n := range k.p.ESP().Negotiated(s.SPI) {
			row.Suite = completed(n.Suite, row.Suite)
			row.Src, row.Dst = esp.AddrPatternFrom(n.Src), esp.AddrPatternFrom(n.Dst)
			if n.Key.HasPrefix(s.Key) && !n.Key.IsZero() {
				row.Key, row.AuthKey, row.KeyHead, row.AuthKeyHead = n.Key, n.AuthKey, false, false
			}
		}
	}
	hints.fillAddresses(row)
	switch c := row.Suite.Cipher; {
	case c == nil && row.KeyHead && row.Key.Len() == 16:
		row.Suite.Cipher, row.Suite.KeyLen, row.KeyHead = aesCBC, 16, false
		r.add(func() string {
			return fmt.Sprintf("SPI 0x%08x (%s): the source names no algorithm, its 16 bytes taken for the key of AES-128: give the capture with -r to be sure", s.SPI, s.Origin)
		})
	case c != nil && row.KeyHead && row.Suite.KeyLen > 0 && row.Key.Len() >= row.Suite.KeyLen+c.SaltLen:
		row.Key, row.KeyHead = row.Key.Head(row.Suite.KeyLen+c.SaltLen), false
	}
	return true
}

var aesCBC = esp.CipherByName("aes-cbc")
