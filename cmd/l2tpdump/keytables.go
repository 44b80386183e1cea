package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"

	"l2tpdump/esp"
	"l2tpdump/ikev1"
	"l2tpdump/keysrc"
)

// writtenTable is what became of one of Wireshark's tables.
type writtenTable struct {
	Path    string `json:"path"`
	Added   int    `json:"added"`
	Present int    `json:"present"`

	left  remarks
	again func(r *remarks) // makes the remarks once more
}

// remarks are sentences about what is not in a table, or may be wrong with it. There may be one for each key of a log, so no more of
// them are kept than a message lists.
type remarks struct {
	first []string
	n     int
	each  func(text string) // is given all of them, if not nil
}

// add adds a sentence; to nil it adds none.
func (r *remarks) add(text func() string) {
	if r == nil {
		return
	}
	r.n++
	switch {
	case r.each != nil:
		r.each(text())
	case r.n <= maxListed+1:
		r.first = append(r.first, text())
	}
}

// writeTables adds what Wireshark can use to its tables in a folder. What has no row is said in the remarks.
func (k *keyring) writeTables(dir string) ([]writtenTable, error) {
	for _, source := range k.sources {
		if !source.HasPlaces() {
			return nil, errors.New("the key sources hold more keys than tables can take")
		}
	}
	all := make([]hintIndex, len(k.sources))
	for i, source := range k.sources {
		all[i].init(&source.Hints)
	}
	ike := ikeTable{k: k, hints: all}
	first, err := ike.write(dir)
	if err != nil {
		return nil, err
	}
	sa := espTable{k: k, hints: all}
	second, err := sa.write(dir)
	if err != nil {
		return nil, err
	}
	return []writtenTable{first, second}, nil
}

// ikeTable is the rows of ikev1_decryption_table: the expanded keys of phase 1 that open the capture's messages, and those that a source
// says.
type ikeTable struct {
	k     *keyring
	hints []hintIndex
}

func (t *ikeTable) write(dir string) (w writtenTable, err error) {
	left := &w.left
	report, err := keysrc.WriteIKETable(dir, func(yield func(keysrc.IKERow) bool) {
		r := left
		left = nil // the second time the same would be said
		t.rows(r, yield)
	})
	if err != nil {
		return w, err
	}
	w.Path, w.Added, w.Present = report.Path, report.Added, report.Present
	t.unspelt(&w.left, report.Left)
	w.again = func(r *remarks) {
		t.rows(r, func(keysrc.IKERow) bool { return true })
		t.unspelt(r, report.Left)
	}
	return w, nil
}

// unspelt tells of the rows of these numbers why they are not in the table.
func (t *ikeTable) unspelt(r *remarks, left []int) {
	if len(left) == 0 {
		return
	}
	i := 0
	t.rows(nil, func(row keysrc.IKERow) bool {
		if i == left[0] {
			r.add(func() string { return "left out: " + row.Error().Error() })
			left = left[1:]
		}
		i++
		return len(left) > 0
	})
}

// rows calls yield with each row until it returns false, and adds the remarks. They are the same every time.
func (t *ikeTable) rows(r *remarks, yield func(keysrc.IKERow) bool) {
	done := make(map[ikev1.Cookie]bool)
	if p := t.k.p; p != nil {
		for _, sa := range p.IKE().SAs() {
			if ka := sa.Ka(); !ka.IsZero() {
				done[sa.InitiatorCookie] = true
				if !yield(keysrc.IKERow{InitiatorCookie: sa.InitiatorCookie, Ka: ka}) {
					return
				}
			}
		}
	}
	for i, source := range t.k.sources {
		for s := range source.Lent().IKE() {
			if done[s.InitiatorCookie] || s.Ka.IsZero() && s.SKEYIDe.IsZero() {
				continue
			}
			ka := t.withoutCapture(r, s, &t.hints[i])
			if ka.IsZero() {
				continue
			}
			done[s.InitiatorCookie] = true
			if !yield(keysrc.IKERow{InitiatorCookie: s.InitiatorCookie, Ka: ka}) {
				return
			}
		}
	}
}

// withoutCapture returns the key of a phase 1 that the capture does not hold, as far as its source tells it, else the empty key.
func (t *ikeTable) withoutCapture(r *remarks, s *ikev1.Secret, hints *hintIndex) esp.Key {
	if s.InitiatorCookie.IsZero() {
		r.add(func() string {
			return fmt.Sprintf("left out: %s names no initiator cookie: give the capture with -r, which shows whose key it is", s.Origin)
		})
		return esp.Key{}
	}
	about := func() string { return fmt.Sprintf("IKE %s (%s)", cookieName(s.InitiatorCookie), s.Origin) }
	for _, sa := range t.k.sas(s) {
		if sa.Encrypted > 0 {
			r.add(func() string { return fmt.Sprintf("left out: %s: %s: %s", about(), sa.Verdict(), sa.Reason()) })
			return esp.Key{}
		}
	}
	ka, e := s.Ka, s.SKEYIDe
	switch ka.Len() {
	case 20, 48, 64: // the length of no cipher's key: given in its place
		ka, e = esp.Key{}, ka
	}
	if ka.IsZero() {
		n := hints.kaLens[s.InitiatorCookie]
		switch {
		case n > 0 && !(s.SKEYIDeHead && e.Len() < n):
			ka, _ = ikev1.ExpandKa("", e, n)
		case n > 0:
		case e.Len() == 16 || e.Len() == 32:
			ka = e
			r.add(func() string {
				return fmt.Sprintf("%s: taken for the key of AES-%d: give the capture with -r, which names the cipher, to be sure", about(), 8*e.Len())
			})
		case e.Len() == 48 || e.Len() == 64:
			ka = e.Head(32)
			r.add(func() string {
				return about() + ": its head taken for the key of AES-256: give the capture with -r, which names the cipher, to be sure"
			})
		}
	}
	if ka.IsZero() {
		r.add(func() string {
			return fmt.Sprintf("left out: %s: from the %d bytes of SKEYID_e the key is made according to the cipher (16 bytes for AES-128, 24 for 3DES, 32 for AES-256), which the capture names: give it with -r",
				about(), e.Len())
		})
	}
	return ka
}

// espTable is the rows of esp_sa by their numbers: the keys that open the capture's packets with addresses and algorithms as they are
// there, those of Quick Modes whose packets are not in it, and those that sources give for SAs which the capture does not know.
type espTable struct {
	k      *keyring
	hints  []hintIndex
	opened []*esp.Secret
	lent   []*keysrc.Store
	places [][]uint32 // of the others in each source
	row    esp.Secret
}

func (t *espTable) write(dir string) (w writtenTable, err error) {
	if t.k.p != nil {
		for _, f := range t.k.p.ESP().Flows() {
			if s := f.State(); s.Err == nil {
				t.opened = append(t.opened, &esp.Secret{
					SPI: f.SPI(), SPIMask: ^uint32(0), Src: esp.AddrPatternFrom(f.Src()), Dst: esp.AddrPatternFrom(f.Dst()),
					Suite: s.Suite, Key: s.Key, AuthKey: s.AuthKey, ESNKnown: true, SeqHigh: s.SeqHigh, Origin: s.Origin,
				})
			}
		}
	}
	n := len(t.opened)
	t.places = make([][]uint32, len(t.k.sources))
	t.each(&w.left, func(source int, place uint32) {
		t.places[source] = append(t.places[source], place)
		n++
	})
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
		t.each(r, func(int, uint32) {})
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
			t.k.unopenedRow(&t.row, nil, t.lent[j].ESPAt(places[i]), &t.hints[j])
			return &t.row
		}
		i -= len(places)
	}
	return nil
}

// each calls f with the sources of the rows that no packets of the capture are behind, and with their places there, and adds the remarks.
// They are the same every time.
func (t *espTable) each(r *remarks, f func(source int, place uint32)) {
	done := make(map[uint32]bool)
	for _, s := range t.opened {
		done[s.SPI] = true
	}
	for i, source := range t.k.sources {
		if t.k.p == nil {
			source = source.Blank() // the lengths of the keys are enough
		}
		source.EachESP(func(place uint32, s *esp.Secret) {
			if s.SPIMask == ^uint32(0) && done[s.SPI] {
				return
			}
			if t.k.unopenedRow(&t.row, r, s, &t.hints[i]) {
				done[s.SPI] = true
				f(i, place)
			}
		})
	}
}

// unopenedRow sets row to the keys of an SA of which the capture has no packet that they open. It reports whether there is a row.
func (k *keyring) unopenedRow(row *esp.Secret, r *remarks, s *esp.Secret, hints *hintIndex) bool {
	for _, f := range k.flows[s.SPI] {
		if s.SPIMask == ^uint32(0) {
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
	if s.SPIMask == ^uint32(0) && k.p != nil {
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

// writeTablesJSON writes what became of the tables as a JSON list.
func writeTablesJSON(w io.Writer, tables []writtenTable) error {
	b := bufio.NewWriter(w)
	var line []byte
	for i := range tables {
		t := &tables[i]
		line = append(line[:0], "[,"[min(i, 1)])
		line = appendJSON(line, t)
		if t.left.n > 0 {
			line = append(line[:len(line)-1], `,"left":`...)
		}
		b.Write(line)
		next := byte('[')
		t.again(&remarks{each: func(text string) {
			line = appendJSON(append(line[:0], next), text)
			next = ','
			b.Write(line)
		}})
		if t.left.n > 0 {
			b.WriteString("]}")
		}
	}
	b.WriteByte(']')
	return b.Flush()
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
		listedOf(t.left.first, t.left.n)
	}
}
