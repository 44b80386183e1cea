package main

import (
	"fmt"
	"net/netip"

	"l2tpdump/esp"
	"l2tpdump/ikev1"
	"l2tpdump/keysrc"
)

// writeTables adds what Wireshark can use to its tables in a folder. What has no row is said in the report.
func (k *keyring) writeTables(dir string) ([]writtenTable, error) {
	var ike, sa tableRows
	k.ikeTable(&ike)
	k.espTable(&sa)
	first, err := keysrc.WriteIKETable(dir, ike.ike)
	if err != nil {
		return nil, err
	}
	second, err := keysrc.WriteESPTable(dir, sa.esp)
	if err != nil {
		return nil, err
	}
	return []writtenTable{ike.report(first), sa.report(second)}, nil
}

// tableRows are the rows of one table, and sentences about what is not in it, or may be wrong.
type tableRows struct {
	ike  []keysrc.IKERow
	esp  []*esp.Secret
	left []string
}

func (t *tableRows) leave(format string, args ...any) {
	t.left = append(t.left, fmt.Sprintf(format, args...))
}

func (t *tableRows) report(r *keysrc.TableReport) writtenTable {
	w := writtenTable{Path: r.Path, Added: r.Added, Present: r.Present, Left: t.left}
	for _, err := range r.Left {
		w.Left = append(w.Left, "left out: "+err.Error())
	}
	return w
}

// ikeTable collects the expanded keys of phase 1: those that open the capture's messages, and those that a source says.
func (k *keyring) ikeTable(t *tableRows) {
	done := make(map[ikev1.Cookie]bool)
	if k.p != nil {
		for _, sa := range k.p.IKE().SAs() {
			if ka := sa.Ka(); !ka.IsZero() {
				t.ike = append(t.ike, keysrc.IKERow{InitiatorCookie: sa.InitiatorCookie, Ka: ka})
				done[sa.InitiatorCookie] = true
			}
		}
	}
	for _, source := range k.sources {
		for s := range source.IKE() {
			if done[s.InitiatorCookie] || s.Ka.IsZero() && s.SKEYIDe.IsZero() {
				continue
			}
			done[s.InitiatorCookie] = k.ikeWithoutCapture(t, s, source)
		}
	}
}

// ikeWithoutCapture adds the key of a phase 1 that the capture does not hold, as far as its source tells it. It reports whether it did.
func (k *keyring) ikeWithoutCapture(t *tableRows, s *ikev1.Secret, source *keysrc.Store) bool {
	id := cookieName(s.InitiatorCookie)
	if s.InitiatorCookie.IsZero() {
		t.leave("left out: %s names no initiator cookie: give the capture with -r, which shows whose key it is", s.Origin)
		return false
	}
	for _, sa := range k.sas(s) {
		if sa.Encrypted > 0 {
			t.leave("left out: IKE %s (%s): %s: %s", id, s.Origin, sa.Verdict(), sa.Reason())
			return false
		}
	}
	ka, e := s.Ka, s.SKEYIDe
	switch ka.Len() {
	case 20, 48, 64: // the length of no cipher's key: given in its place
		ka, e = esp.Key{}, ka
	}
	if ka.IsZero() {
		n := 0
		for _, h := range source.Hints.SAs {
			if h.IKE && h.InitiatorCookie == s.InitiatorCookie {
				n = h.Suite.KeyLen
			}
		}
		switch {
		case n > 0 && !(s.SKEYIDeHead && e.Len() < n):
			ka, _ = ikev1.ExpandKa("", e, n)
		case n > 0:
		case e.Len() == 16 || e.Len() == 32:
			ka = e
			t.leave("IKE %s (%s): taken for the key of AES-%d: give the capture with -r, which names the cipher, to be sure", id, s.Origin, 8*ka.Len())
		case e.Len() == 48 || e.Len() == 64:
			ka = e.Head(32)
			t.leave("IKE %s (%s): its head taken for the key of AES-256: give the capture with -r, which names the cipher, to be sure", id, s.Origin)
		}
	}
	if ka.IsZero() {
		t.leave("left out: IKE %s (%s): from the %d bytes of SKEYID_e the key is made according to the cipher (16 bytes for AES-128, 24 for 3DES, 32 for AES-256), which the capture names: give it with -r",
			id, s.Origin, e.Len())
		return false
	}
	t.ike = append(t.ike, keysrc.IKERow{InitiatorCookie: s.InitiatorCookie, Ka: ka})
	return true
}

// espTable collects the keys of ESP: those that open the capture's packets with addresses and algorithms as they are there, those of
// Quick Modes whose packets are not in it, and those that sources give for SAs which the capture does not know.
func (k *keyring) espTable(t *tableRows) {
	done := make(map[uint32]bool)
	if k.p != nil {
		for _, f := range k.p.ESP().Flows() {
			if s := f.State(); s.Err == nil {
				done[f.SPI()] = true
				t.esp = append(t.esp, &esp.Secret{
					SPI: f.SPI(), SPIMask: ^uint32(0), Src: esp.AddrPatternFrom(f.Src()), Dst: esp.AddrPatternFrom(f.Dst()),
					Suite: s.Suite, Key: s.Key, AuthKey: s.AuthKey, ESNKnown: true, SeqHigh: s.SeqHigh, Origin: s.Origin,
				})
			}
		}
	}
	for _, source := range k.sources {
		for s := range source.ESP() {
			if s.SPIMask == ^uint32(0) && done[s.SPI] {
				continue
			}
			done[s.SPI] = k.espUnopened(t, s, source) || done[s.SPI]
		}
	}
}

// espUnopened adds the keys of an SA of which the capture has no packet that they open. It reports whether it did.
func (k *keyring) espUnopened(t *tableRows, s *esp.Secret, source *keysrc.Store) bool {
	for _, r := range k.flows[s.SPI] {
		if s.SPIMask == ^uint32(0) {
			t.leave("left out: SPI 0x%08x (%s): %s: %s", s.SPI, s.Origin, r.Verdict, r.Reason)
			return false
		}
	}
	if s.Uncertain {
		t.leave("left out: SPI 0x%08x (%s): one of several keys that may be its, the source mixes negotiations: give a capture of it with -r", s.SPI, s.Origin)
		return false
	}
	row := *s
	if s.SPIMask == ^uint32(0) && k.p != nil {
		for _, n := range k.p.ESP().Negotiated(s.SPI) {
			row.Suite = completed(n.Suite, row.Suite)
			row.Src, row.Dst = esp.AddrPatternFrom(n.Src), esp.AddrPatternFrom(n.Dst)
			if n.Key.HasPrefix(s.Key) && !n.Key.IsZero() {
				row.Key, row.AuthKey, row.KeyHead, row.AuthKeyHead = n.Key, n.AuthKey, false, false
			}
		}
	}
	fillAddresses(&row, source)
	switch c := row.Suite.Cipher; {
	case c == nil && row.KeyHead && row.Key.Len() == 16:
		row.Suite.Cipher, row.Suite.KeyLen, row.KeyHead = esp.CipherByName("aes-cbc"), 16, false
		t.leave("SPI 0x%08x (%s): %s, its 16 bytes taken for the key of AES-128: give the capture with -r to be sure",
			s.SPI, s.Origin, "the source names no algorithm")
	case c != nil && row.KeyHead && row.Suite.KeyLen > 0 && row.Key.Len() >= row.Suite.KeyLen+c.SaltLen:
		row.Key, row.KeyHead = row.Key.Head(row.Suite.KeyLen+c.SaltLen), false
	}
	t.esp = append(t.esp, &row)
	return true
}

// fillAddresses fills in the router's own address where the source knows just one, and the other end where there was just one.
func fillAddresses(s *esp.Secret, source *keysrc.Store) {
	only := func(list []netip.Addr) (a netip.Addr) {
		if len(list) == 1 {
			a = list[0]
		}
		return a
	}
	for i := range source.Hints.SAs {
		if h := &source.Hints.SAs[i]; !h.IKE && h.SPI == s.SPI && h.DirectionKnown {
			from, to := h.Remote, h.Local
			if h.Send {
				from, to = to, from
			}
			s.Src, s.Dst = known(s.Src, from), known(s.Dst, to)
		}
	}
	local := only(source.Hints.Local)
	switch {
	case s.Src.IsAny() && !s.Dst.IsAny() && !s.Dst.Match(local):
		s.Src = esp.AddrPatternFrom(local)
	case s.Dst.IsAny() && !s.Src.IsAny() && !s.Src.Match(local):
		s.Dst = esp.AddrPatternFrom(local)
	}
}

// known returns the pattern, or the address where it says nothing.
func known(p esp.AddrPattern, a netip.Addr) esp.AddrPattern {
	if p.IsAny() {
		return esp.AddrPatternFrom(a)
	}
	return p
}
