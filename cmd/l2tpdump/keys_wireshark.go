package main

import (
	"cmp"
	"fmt"
	"math/bits"
	"net/netip"
	"slices"

	"l2tpdump/cmd/internal/why"
	"l2tpdump/cmd/internal/wstables"
	"l2tpdump/esp"
	"l2tpdump/ikev1"
	"l2tpdump/keysrc"
)

// writtenTable is what became of a table, and what is said of its rows.
type writtenTable struct {
	*wstables.Report
	remarks `json:"-"`
}

// remarks are sentences about what is not in a table, or may be wrong with it, made where they are
// read: there may be one for each key of a log.
type remarks []func() string

func (r *remarks) add(text func() string) { *r = append(*r, text) }

// writeTables adds what Wireshark can use to its tables in a folder. With an error it returns the
// table that is written nevertheless.
func (k *keyring) writeTables(dir string) (written []writtenTable, err error) {
	hints := make([]hintIndex, len(k.sources))
	for i, source := range k.sources {
		hints[i].init(&source.Hints)
	}
	ike := ikeTable{k: k, hints: hints}
	r, err := wstables.WriteIKE(dir, ike.rows())
	if err != nil {
		return nil, err
	}
	written = append(written, writtenTable{r, ike.remarks})
	sa := espTable{k: k, hints: hints}
	if r, err = wstables.WriteESP(dir, sa.rows()); err != nil {
		return written, err
	}
	return append(written, writtenTable{r, sa.remarks}), nil
}

// left is how many things are said of the rows, and one of them: those about rows that can't be
// spelt come last.
func (t *writtenTable) left() (n int, text func(i int) string) {
	return len(t.remarks) + len(t.Left), func(i int) string {
		if i < len(t.remarks) {
			return t.remarks[i]()
		}
		return t.Left[i-len(t.remarks)]
	}
}

// reportTables says what became of the tables.
func reportTables(tables []writtenTable) {
	for i := range tables {
		t := &tables[i]
		present := ""
		if t.Present > 0 {
			present = fmt.Sprintf(", %d were there", t.Present)
		}
		message("%s: %s added%s", t.Path, plural(t.Added, "row"), present)
		listedOf(t.left())
	}
}

// hintIndex is what a source says beside keys, as rows of tables need it.
type hintIndex struct {
	local netip.Addr // the router's own address, if there is just one
	sas   map[uint32][]*keysrc.SAHint
	ike   map[ikev1.Cookie]*keysrc.SAHint
}

func (x *hintIndex) init(h *keysrc.Hints) {
	if len(h.Local) == 1 {
		x.local = h.Local[0]
	}
	x.sas, x.ike = make(map[uint32][]*keysrc.SAHint), make(map[ikev1.Cookie]*keysrc.SAHint)
	for i := range h.SAs {
		sa := &h.SAs[i]
		switch {
		case sa.IKE:
			x.ike[sa.InitiatorCookie] = sa
		case sa.DirectionKnown:
			x.sas[sa.SPI] = append(x.sas[sa.SPI], sa)
		}
	}
}

// kaLen returns the length of a phase 1's Ka in bytes, 0 if the source does not say it.
func (x *hintIndex) kaLen(c ikev1.Cookie) int {
	if h := x.ike[c]; h != nil {
		return h.Suite.KeyLen
	}
	return 0
}

// confirms reports whether a listing shows the head of a phase 1's Ka.
func (x *hintIndex) confirms(c ikev1.Cookie, ka esp.Key) bool {
	h := x.ike[c]
	return h != nil && !h.KeyHead.IsZero() && ka.HasPrefix(h.KeyHead)
}

// fillAddresses fills in the router's own address where the source knows just one, and the other
// end where there was just one.
func (x *hintIndex) fillAddresses(s *esp.Secret) {
	for _, h := range x.sas[s.SPI] {
		from, to := h.Remote, h.Local
		if h.Send {
			from, to = to, from
		}
		s.Src, s.Dst = known(s.Src, from), known(s.Dst, to)
	}
	switch {
	case s.Src.IsAny() && !s.Dst.IsAny() && !s.Dst.Match(x.local):
		s.Src = esp.AddrPatternFrom(x.local)
	case s.Dst.IsAny() && !s.Src.IsAny() && !s.Src.Match(x.local):
		s.Dst = esp.AddrPatternFrom(x.local)
	}
}

// known returns the pattern, or the address where it says nothing.
func known(p esp.AddrPattern, a netip.Addr) esp.AddrPattern {
	if p.IsAny() {
		return esp.AddrPatternFrom(a)
	}
	return p
}

// ikeTable is the rows of ikev1_decryption_table: the expanded keys of phase 1 that open the
// capture's messages, and those that a source says.
type ikeTable struct {
	k     *keyring
	hints []hintIndex
	remarks
}

// rows returns the rows, and makes the remarks.
func (t *ikeTable) rows() (rows []wstables.IKERow) {
	done := make(map[ikev1.Cookie]bool)
	if p := t.k.p; p != nil {
		for _, sa := range p.IKE().SAs() {
			if ka := sa.Ka(); !ka.IsZero() {
				done[sa.InitiatorCookie] = true
				rows = append(rows, wstables.IKERow{InitiatorCookie: sa.InitiatorCookie, Ka: ka})
			}
		}
	}
	best := t.best()
	for i, source := range t.k.sources {
		for _, s := range source.IKE {
			b, ok := best[s.InitiatorCookie]
			if done[s.InitiatorCookie] || ok && b.secret != s || s.Ka.IsZero() && s.SKEYIDe.IsZero() {
				continue
			}
			if ka := t.withoutCapture(s, &t.hints[i]); !ka.IsZero() {
				rows = append(rows, wstables.IKERow{InitiatorCookie: s.InitiatorCookie, Ka: ka})
			}
		}
	}
	return rows
}

// ikeChoice is the secret that a phase 1 gets its row from, where sources have several.
type ikeChoice struct {
	secret *ikev1.Secret
	worth  int
}

// best returns the secret for each phase 1: the cipher's key itself before SKEYID_e whose cipher a
// source names, this before one that leaves the cipher to a guess, the longer one before the
// shorter, this before one that may be only a part, and of two alike the later one, as Wireshark
// has it.
func (t *ikeTable) best() map[ikev1.Cookie]ikeChoice {
	const named, whole = 1 << 20, 1 << 21 // more than any length
	best := make(map[ikev1.Cookie]ikeChoice)
	for i, source := range t.k.sources {
		for _, s := range source.IKE {
			n := s.Ka.Len()
			if s.InitiatorCookie.IsZero() || n == 0 && s.SKEYIDe.IsZero() {
				continue
			}
			worth := max(n, s.SKEYIDe.Len())
			switch {
			case n == 8 || n == 16 || n == 24 || n == 32:
				worth = whole
			case s.SKEYIDeDoubtful:
				worth = 1
			case t.hints[i].kaLen(s.InitiatorCookie) > 0:
				worth = named
			}
			if worth >= best[s.InitiatorCookie].worth {
				best[s.InitiatorCookie] = ikeChoice{s, worth}
			}
		}
	}
	return best
}

// withoutCapture returns the key of a phase 1 that the capture does not hold, as far as its source
// tells it, else the empty key.
func (t *ikeTable) withoutCapture(s *ikev1.Secret, hints *hintIndex) esp.Key {
	if s.InitiatorCookie.IsZero() {
		t.add(func() string {
			return fmt.Sprintf("left out: %s names no initiator cookie: give the capture with -r, which shows whose "+
				"key it is", s.Origin)
		})
		return esp.Key{}
	}
	about := func() string { return fmt.Sprintf("IKE %s (%s)", s.InitiatorCookie, s.Origin) }
	for _, sa := range t.k.sas(s) {
		if sa.Encrypted > 0 {
			t.add(func() string {
				return fmt.Sprintf("left out: %s: %v", about(), why.ISAKMP(t.k.p.IKE(), sa))
			})
			return esp.Key{}
		}
	}
	ka, e := s.Ka, s.SKEYIDe
	switch ka.Len() {
	case 0:
	case 20, 48, 64: // the length of no cipher's key: given in its place
		e = ka
	default:
		return ka
	}
	switch n := hints.kaLen(s.InitiatorCookie); {
	case s.SKEYIDeDoubtful && !hints.confirms(s.InitiatorCookie, e):
		t.add(func() string {
			return fmt.Sprintf("left out: %s: the %d bytes of SKEYID_e may be only a part of it: give the capture with -r, "+
				"which shows it", about(), e.Len())
		})
		return esp.Key{}
	case n > 0 && !(s.SKEYIDeHead && e.Len() < n):
		if ka = ikev1.ExpandKa(e, n); !ka.IsZero() {
			return ka
		}
	case n > 0:
	case e.Len() == 16 && !s.SKEYIDeHead || e.Len() == 32:
		t.add(func() string {
			return fmt.Sprintf("%s: taken for the key of AES-%d: give the capture with -r, which names the cipher, "+
				"to be sure", about(), 8*e.Len())
		})
		return e
	case e.Len() == 48 || e.Len() == 64:
		t.add(func() string {
			return fmt.Sprintf("%s: its head taken for the key of AES-256: give the capture with -r, which names the "+
				"cipher, to be sure", about())
		})
		return e.Head(32)
	}
	t.add(func() string {
		return fmt.Sprintf("left out: %s: from the %d bytes of SKEYID_e the key is made according to the cipher (16 "+
			"bytes for AES-128, 24 for 3DES, "+
			"32 for AES-256), which the capture names: give it with -r", about(), e.Len())
	})
	return esp.Key{}
}

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
			return fmt.Sprintf("left out: SPI 0x%08x (%s): %v", s.SPI, s.Origin, flows[0].Finding)
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
