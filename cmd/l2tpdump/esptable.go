package main

import (
	"cmp"
	"fmt"
	"math/bits"
	"slices"

	"l2tpdump/esp"
)

// espTable is the rows of esp_sa: the keys that open the capture's packets with addresses and
// algorithms as they are there, those of Quick Modes whose packets are not in it, and those that
// sources give for SAs which the capture does not know.
type espTable struct {
	k     *keyring
	hints []hintIndex
	remarks
}

// rows returns the rows, and makes the remarks.
func (t *espTable) rows() []*esp.Secret {
	rows := t.opened()
	opened := make(map[uint32]bool)
	for _, s := range rows {
		opened[s.SPI] = true
	}
	whole := t.whole()
	var wild []*esp.Secret // for several SPIs, which come last
	first := make(map[uint32]*esp.Secret)
	for i, source := range t.k.sources {
		for _, s := range source.ESP {
			if oneSPI(s) && (opened[s.SPI] || whole[s.SPI] && !wholeKey(s)) {
				continue
			}
			row := t.unopened(s, &t.hints[i])
			if row == nil {
				continue
			}
			if !oneSPI(s) {
				wild = append(wild, row)
			} else if old := first[s.SPI]; old == nil || old.Src != row.Src || old.Dst != row.Dst {
				first[s.SPI] = cmp.Or(old, row)
				rows = append(rows, row)
			}
		}
	}
	slices.SortStableFunc(wild, func(a, b *esp.Secret) int {
		return bits.OnesCount32(b.SPIMask) - bits.OnesCount32(a.SPIMask)
	})
	return append(rows, wild...)
}

// whole returns the SPIs of which a source gives the whole key, and its algorithm.
func (t *espTable) whole() map[uint32]bool {
	whole := make(map[uint32]bool)
	for _, source := range t.k.sources {
		for _, s := range source.ESP {
			if oneSPI(s) && wholeKey(s) {
				whole[s.SPI] = true
			}
		}
	}
	return whole
}

// opened returns the keys that open the capture's packets.
func (t *espTable) opened() (rows []*esp.Secret) {
	if t.k.p == nil {
		return nil
	}
	for _, f := range t.k.opened() {
		rows = append(rows, &esp.Secret{
			SPI: f.SPI, SPIMask: ^uint32(0), Src: esp.AddrPatternFrom(f.Src), Dst: esp.AddrPatternFrom(f.Dst),
			Suite: f.SA.Suite, Key: f.SA.Key, AuthKey: f.SA.AuthKey, ESNKnown: true, SeqHigh: f.SA.High,
		})
	}
	return rows
}

// oneSPI reports whether the keys are for one SPI, and not for all that fit a pattern.
func oneSPI(s *esp.Secret) bool { return s.SPIMask == ^uint32(0) }

// wholeKey reports whether the source gives the whole encryption key, and its algorithm.
func wholeKey(s *esp.Secret) bool { return !s.KeyHead && s.Suite.Cipher != nil }

// unopened returns the row for the keys of an SA of which the capture has no packet that they open,
// nil if there is none.
func (t *espTable) unopened(s *esp.Secret, hints *hintIndex) *esp.Secret {
	if flows := t.k.flows[s.SPI]; oneSPI(s) && len(flows) > 0 {
		t.add(func() string {
			return fmt.Sprintf("left out: SPI 0x%08x (%s): %s: %s", s.SPI, s.Origin, flows[0].Verdict,
				flows[0].Reason())
		})
		return nil
	}
	if s.Uncertain {
		t.add(func() string {
			return fmt.Sprintf("left out: SPI 0x%08x (%s): one of several keys that may be its, the source mixes "+
				"negotiations: give a capture of it with -r", s.SPI, s.Origin)
		})
		return nil
	}
	row := *s
	if oneSPI(s) && t.k.p != nil {
		for _, n := range t.k.p.ESP().Negotiated(s.SPI) {
			row.Suite = completed(n.Suite, row.Suite)
			row.Src, row.Dst = esp.AddrPatternFrom(n.Src), esp.AddrPatternFrom(n.Dst)
			if n.Key.HasPrefix(s.Key) && !n.Key.IsZero() {
				row.Key, row.AuthKey, row.KeyHead, row.AuthKeyHead = n.Key, n.AuthKey, false, false
			}
		}
	}
	hints.fillAddresses(&row)
	switch c := row.Suite.Cipher; {
	case c == nil && row.KeyHead && row.Key.Len() == 16:
		row.Suite.Cipher, row.Suite.KeyLen, row.KeyHead = aesCBC, 16, false
		t.add(func() string {
			return fmt.Sprintf("SPI 0x%08x (%s): the source names no algorithm, its 16 bytes taken for the key of "+
				"AES-128: give the capture with -r to be sure", s.SPI, s.Origin)
		})
	case c != nil && row.KeyHead && row.Suite.KeyLen > 0 && row.Key.Len() >= row.Suite.KeyLen+c.SaltLen:
		row.Key, row.KeyHead = row.Key.Head(row.Suite.KeyLen+c.SaltLen), false
	}
	return &row
}

var aesCBC = esp.CipherByName("aes-cbc")
