package ikev1

import (
	"encoding/binary"
	"slices"
	"testing"
)

// TestPartners: a new KE value is paired with the 16 that came last before it, whoever sends more.
func TestPartners(t *testing.T) {
	sa, h := NewTracker().newSA(saKey{initiator: Cookie{1}}, 0), hashByID(2)
	say := func(from side, i int) {
		body := binary.BigEndian.AppendUint32(make([]byte, 60), uint32(i))
		sa.family.tracker.observed++
		sa.learn(&Message{Payloads: []Payload{{Type: PayloadKE, Body: body}}}, &record{from: from})
	}
	const before = 50
	for i := range before {
		say(1, i)
	}
	known := len(sa.initialIVs(h).list)
	say(-1, before)
	var partners []int
	for _, s := range sa.initialIVs(h).list[known:] {
		for _, c := range s.gx {
			if i := int(binary.BigEndian.Uint32(c.body[60:])); i != before && !slices.Contains(partners, i) {
				partners = append(partners, i)
			}
		}
	}
	slices.Sort(partners)
	if len(partners) != 16 || partners[0] != before-16 || partners[15] != before-1 {
		t.Errorf("it is paired with %v of %d", partners, before)
	}
}

// TestCompared: the cookie that is likest to one without a key is sought among the 1024 newest.
func TestCompared(t *testing.T) {
	wanted := Cookie{1, 2, 3, 4, 5, 6, 7, 8}
	near := wanted
	near[7]++
	for behind, found := range map[int]bool{0: true, 1023: true, 1024: false, 5000: false} {
		tr := NewTracker()
		tr.AddSecret(&Secret{InitiatorCookie: near})
		for i := range behind {
			far := Cookie{0xfe, 0xfd, 0xfc, 0xfb}
			binary.BigEndian.PutUint32(far[4:], uint32(i))
			tr.AddSecret(&Secret{InitiatorCookie: far})
		}
		a := tr.Absence(wanted, Cookie{9})
		if a.Nearest == nil || (a.Nearest.InitiatorCookie == near) != found || a.Secrets != behind+1 {
			t.Errorf("%d secrets behind it: it is found %v", behind, !found)
		}
	}
}

// TestClearHashes: a flood of HASHes in clear costs no more than 4096 attempts and what one message
// takes.
func TestClearHashes(t *testing.T) {
	l := newLab(t, 18, 7, 2, 16)
	l.clear(true, ExchangeAggressive, part{PayloadSA, l.sai}, part{PayloadKE, l.kei}, part{PayloadNonce, l.bytes(16)},
		part{PayloadID, ipID(l.initiator)})
	tr := NewTracker()
	tr.AddSecret(l.secret)
	tr.Observe(l.list[0])
	var sa *SA
	for range 5000 {
		l.clear(false, ExchangeAggressive, part{PayloadSA, l.sai}, part{PayloadKE, l.bytes(128)}, part{PayloadNonce, l.bytes(20)},
			part{PayloadID, ipID(l.responder)}, part{PayloadHash, l.bytes(20)})
		m := tr.Observe(l.list[len(l.list)-1])[0]
		if m.Verified {
			t.Fatal("a forged HASH is verified")
		}
		sa = m.SA
	}
	if sa.hashed < 4096 || sa.hashed > 4096+2*64 {
		t.Errorf("%d HASHes are computed", sa.hashed)
	}
}
