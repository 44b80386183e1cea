package keysrc

import (
	"fmt"

	"l2tpdump/esp"
)

// phase2 is a line that begins a phase 2.
type phase2 struct {
	label
}

// yamahaSA is the values under one SPI.
type yamahaSA struct {
	spi      uint32
	spiOK    bool
	shape    bool // rows of one of its values are missing or are of another
	line     int
	key      esp.Key
	keyHead  bool
	keyLine  int // of the caption, 0: has not come
	auth     esp.Key
	authHead bool
	authLine int
}

func (n *negotiation) phase2(ev *event) {
	switch {
	case len(n.phase) > 0 && len(n.sas) == 2*len(n.phase) && !n.interrupted():
		n.endSAs()
	case len(n.phase) == 0 && len(n.sas) > 0:
		n.endSAs()
	case len(n.phase) > 0 && dead(&n.phase[0].label, &ev.label):
		n.endSAs()
	}
	if len(n.phase) == maxOpen {
		n.endSAs()
	}
	n.phase = append(n.phase, phase2{ev.label})
	if ev.orphan {
		n.lost = true
	}
}

// interrupted reports whether values of the last SPI may still come: it has none yet, or not as many as the first.
func (n *negotiation) interrupted() bool {
	first, last := n.sas[0], n.sas[len(n.sas)-1]
	return last.authLine == 0 && (last.keyLine == 0 || first.authLine != 0)
}

func (n *negotiation) spi(ev *event) {
	if len(n.sas) >= 2*len(n.phase) {
		n.endSAs()
	}
	sa := n.newSA()
	*sa = yamahaSA{line: ev.line, spiOK: ev.ok}
	if !ev.ok {
		n.lost = true // the label may stand twice, so the order of the others tells nothing
	}
	if ev.ok {
		sa.spi = uint32(ev.data[0])<<24 | uint32(ev.data[1])<<16 | uint32(ev.data[2])<<8 | uint32(ev.data[3])
	}
}

// newSA adds an SA; its memory may be that of one which was given out.
func (n *negotiation) newSA() *yamahaSA {
	if len(n.sas) < cap(n.sas) {
		n.sas = n.sas[:len(n.sas)+1]
	} else {
		n.sas = append(n.sas, nil)
	}
	last := &n.sas[len(n.sas)-1]
	if *last == nil {
		*last = new(yamahaSA)
	}
	return *last
}

func (n *negotiation) espKey(ev *event) {
	what := ev.kind.String()
	if len(n.sas) == 0 {
		if ev.ok {
			n.out.note(ev.line, what+": no SPI stands before it")
		}
		return
	}
	last := len(n.sas) - 1
	sa := n.sas[last]
	line := &sa.keyLine
	if ev.kind == labelAuthKey {
		line = &sa.authLine
	}
	if *line != 0 {
		// A second one for the same SPI. Where rows are misplaced under it, the line of the next SPI is missing. Else two
		// negotiations may be mixed, and neither can be told to be this SPI's.
		n.out.note(ev.line, what+": it follows another one without an SPI between")
		n.lost = true
		if !sa.shape && !(sa.key.IsZero() && sa.auth.IsZero()) {
			n.out.note(max(sa.keyLine, sa.authLine), "key material: it may belong to another SPI")
			sa.key, sa.auth = esp.Key{}, esp.Key{}
		}
		return
	}
	sa.shape = sa.shape || ev.shape
	*line = ev.line
	if !ev.ok {
		n.lost = n.lost || len(n.phase) > 1
		return
	}
	head := ev.first != 0 && len(ev.data) == ev.first
	if ev.kind == labelAuthKey {
		sa.auth, sa.authHead = esp.NewKey(ev.data), head
	} else {
		sa.key, sa.keyHead = esp.NewKey(ev.data), head
	}
}

// endSAs gives out the keys of the SPIs that have come.
func (n *negotiation) endSAs() {
	defer n.beginSAs()
	n.checkShort()
	n.checkMixed()
	var space [2]*esp.Secret
	secrets := append(space[:0], make([]*esp.Secret, len(n.sas))...)
	count := 0
	for i, sa := range n.sas {
		switch {
		case !sa.spiOK && (!sa.key.IsZero() || !sa.auth.IsZero()):
			n.out.note(max(sa.keyLine, sa.authLine), "key material: the SPI that it belongs to is damaged")
			continue
		case !sa.spiOK:
			continue
		case sa.key.IsZero():
			if sa.keyLine == 0 {
				n.out.note(sa.line, "SPI "+spiName(sa.spi)+": no key material follows it")
			}
			continue
		}
		line := sa.keyLine
		secrets[i] = &esp.Secret{SPI: sa.spi, SPIMask: 0xffffffff, Key: sa.key, KeyHead: sa.keyHead,
			AuthKey: sa.auth, AuthKeyHead: sa.authHead, Origin: n.out.origin(line)}
		count++
	}
	if len(n.sas) == 2 && n.sas[0].authLine == 0 != (n.sas[1].authLine == 0) {
		sa := n.sas[0]
		if sa.authLine != 0 {
			sa = n.sas[1]
		}
		if sa.spiOK && !sa.key.IsZero() {
			n.out.doubt(sa.line, "SPI "+spiName(sa.spi)+": no authentication key follows it, but the other direction's does")
		}
	}
	if len(n.phase) == 1 && len(n.sas) == 2 && !n.lost {
		if n.sas[0].spiOK && n.sas[1].spiOK {
			for i, s := range secrets {
				if s != nil {
					s.PairSPI = n.sas[1-i].spi
				}
			}
		}
		// After "respond" the first SPI is the one that the router sends with. For "initiate" this is not known.
		if p := &n.phase[0]; p.respond && p.addr.IsValid() {
			if secrets[0] != nil {
				secrets[0].Dst = esp.AddrPatternFrom(p.addr)
			}
			if secrets[1] != nil {
				secrets[1].Src = esp.AddrPatternFrom(p.addr)
			}
		}
	}
	if count == 0 {
		return
	}
	whole := secrets[:0]
	for _, s := range secrets {
		if s != nil {
			whole = append(whole, s)
		}
	}
	n.out.esp(whole...)
}

func (n *negotiation) beginSAs() {
	for _, sa := range n.sas {
		*sa = yamahaSA{} // key bytes
	}
	n.phase, n.sas, n.lost = n.phase[:0], n.sas[:0], false
}

// checkShort refuses a key of 8 bytes where more were announced, unless it is clear that the algorithm is DES: the key may have
// lost its row, and the authentication key its caption.
func (n *negotiation) checkShort() {
	for i, sa := range n.sas {
		if sa.key.Len() != 8 || sa.keyHead || sa.authLine != 0 {
			continue
		}
		if len(n.sas) == 2 && n.sas[1-i].key.Len() == 8 {
			continue
		}
		n.out.note(sa.keyLine, "key material: it has 8 bytes and no authentication key follows: lines are missing, or the key is the authentication key")
		sa.key = esp.Key{}
	}
}

// checkMixed refuses all values of negotiations that ran at once where they do not come SPI by SPI: then a key may stand under another
// negotiation's SPI.
func (n *negotiation) checkMixed() {
	if len(n.phase) < 2 {
		return
	}
	mixed := false
	for _, sa := range n.sas {
		mixed = mixed || (sa.keyLine == 0) != (n.sas[0].keyLine == 0) || (sa.authLine == 0) != (n.sas[0].authLine == 0)
	}
	if !mixed && !n.lost {
		return
	}
	for _, sa := range n.sas {
		if !sa.key.IsZero() || !sa.auth.IsZero() {
			n.out.note(max(sa.keyLine, sa.authLine), fmt.Sprintf("key material: %d negotiations run at once and mix their lines; it can't be told whose it is", len(n.phase)))
		}
		sa.key, sa.auth = esp.Key{}, esp.Key{}
	}
}
