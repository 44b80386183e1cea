package ikev1

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"testing"

	"l2tpdump/esp"
)

// TestTrackerBounds: SAs of one cookie, messages put off or in one datagram, fragments and
// addresses are bounded.
func TestTrackerBounds(t *testing.T) {
	tr := NewTracker()
	for i := range maxPerCookie + 10 {
		key := saKey{initiator: Cookie{1}}
		binary.BigEndian.PutUint64(key.responder[:], uint64(i)+1)
		tr.sas[key] = tr.newSA(key, 0)
	}
	if n := len(tr.families[Cookie{1}].sas); n != maxPerCookie || len(tr.sas) != n {
		t.Errorf("%d SAs of one cookie, %d in all", n, len(tr.sas))
	}

	l := newLab(t, 16, 7, 2, 16)
	for size, want := range map[int]int{maxPutOffBytes: 1, maxPutOffBytes + 16: 0} {
		tr := NewTracker()
		if tr.Observe(l.garbage("quick", size-HeaderLen, 0)); len(tr.putOff.ring) != want {
			t.Errorf("%d messages of %d bytes are put off", len(tr.putOff.ring), size)
		}
	}

	d := l.garbage("quick", 160, 0)
	for n, trailing := range map[int]int{maxMessages: 0, maxMessages + 2: 2 * len(d.Data)} {
		more := *d
		more.Data = slices.Concat(slices.Repeat([][]byte{d.Data}, n)...)
		list := NewTracker().Observe(&more)
		if len(list) != maxMessages || int(list[len(list)-1].Trailing) != trailing {
			t.Errorf("%d messages of %d, %d bytes behind them", len(list), n, list[len(list)-1].Trailing)
		}
	}

	for size, most := range map[int]int{1: maxFragmentSets, 40000: fragmentBytes / 40000} {
		tr := NewTracker()
		for i := range 2 * maxFragmentSets {
			key := FragmentKey{ID: uint16(i)}
			tr.fragments.add(key, Fragment{ID: key.ID, Number: 1, Data: make([]byte, size)}, 0, nil)
		}
		if n := len(tr.fragments.sets); n != most || tr.fragments.bytes != n*size {
			t.Errorf("%d messages in fragments of %d bytes, %d bytes of all", n, size, tr.fragments.bytes)
		}
	}

	e, f := new(ends), new(family)
	for i := range uint16(maxPairs + 10) {
		from := netip.AddrPortFrom(l.initiator.Addr(), i)
		e.add(from, l.responder)
		f.begin(pair{from, l.responder})
	}
	if len(e.seen) != maxPairs || len(f.began) != maxPairs {
		t.Errorf("%d pairs of addresses, %d of first messages", len(e.seen), len(f.began))
	}
}

// TestClaimBounds: what strangers say of an SA, and what may be tried for it, has bounds.
func TestClaimBounds(t *testing.T) {
	tr := NewTracker()
	sa := tr.newSA(saKey{initiator: Cookie{1}}, 0)
	say := func(kind PayloadType, size, i int) {
		body := binary.BigEndian.AppendUint32(make([]byte, size-4), uint32(i))
		sa.learn(&Message{Payloads: []Payload{{Type: kind, Body: body}}}, &record{})
	}
	for kind, size := range map[PayloadType]int{PayloadSA: maxSABody, PayloadKE: maxClaimBody, PayloadNonce: maxClaimBody, PayloadID: maxClaimBody} {
		list := sa.claims.of(kind)
		if say(kind, size+1, 0); len(*list) != 0 {
			t.Errorf("payload %d: one of %d bytes is kept", kind, size+1)
		}
		for i := range maxClaims + 10 {
			say(kind, size, i)
		}
		if len(*list) != maxClaims {
			t.Errorf("payload %d: %d are kept", kind, len(*list))
		}
	}
	if n := sa.claims.bytes(); n != tr.claimed {
		t.Errorf("%d bytes, counted as %d", n, tr.claimed)
	}
	for tr.claimed <= maxClaimed {
		sa = tr.newSA(saKey{initiator: Cookie{2}, responder: Cookie{byte(tr.begun >> 8), byte(tr.begun)}}, 0)
		for i := range maxClaims {
			say(PayloadSA, maxSABody, i)
		}
	}
	sa = tr.newSA(saKey{initiator: Cookie{3}}, 0)
	for i := range maxClaims {
		say(PayloadNonce, 20, i)
	}
	if n := len(*sa.claims.of(PayloadNonce)); n != fewClaims || tr.claimed > maxClaimed+maxSABody+fewClaims*20 {
		t.Errorf("%d claims of a new SA, %d bytes of all", n, tr.claimed)
	}

	for chosen, most := range map[bool]int{true: maxChosen, false: maxOffered} {
		sa := tr.newSA(saKey{initiator: Cookie{4}}, 0)
		for bytes := 5; bytes <= 56; bytes++ { // of Blowfish
			sa.mayHave(terms{Cipher: 3, KeyBits: 8 * bytes, Hash: 2}, chosen, false)
		}
		if n := len(sa.suites); n != most {
			t.Errorf("%d combinations of algorithms, of those chosen: %v", n, chosen)
		}
	}

	for range maxAnonymous + 10 {
		tr.AddSecret(&Secret{Ka: esp.NewKey(binary.BigEndian.AppendUint64(make([]byte, 8), uint64(len(tr.secrets.all))))})
	}
	if n := len(tr.secrets.of(sa)); n != maxAnonymous {
		t.Errorf("%d secrets without a cookie", n)
	}
	x, aes := tr.secrets.all[0], suite{cipher: cipherByID(7)}
	for i := range maxCandidates + 10 {
		sa.addCandidate(x, aes, binary.BigEndian.AppendUint64(make([]byte, 8), uint64(i)), "", 0)
	}
	if len(sa.candidates) != maxCandidates || len(x.ciphers) != maxCiphers {
		t.Errorf("%d candidates, %d ciphers of a secret", len(sa.candidates), len(x.ciphers))
	}
}

// TestTryBounds: what is tried for a message, and for all, has bounds.
func TestTryBounds(t *testing.T) {
	set := &fragmentSet{copies: map[uint8][]*fragmentCopy{}}
	r := newReassembler(fragmentBytes, fragmentIdle)
	for i := range maxCopies + 10 {
		set.put(r, Fragment{Number: 1, Data: []byte{byte(i)}})
	}
	copies := set.copies[1]
	if len(copies) != maxCopies || set.size != maxCopies {
		t.Errorf("%d copies of a fragment", len(copies))
	}
	if n := len(combine([][]*fragmentCopy{copies, copies, copies})); n != maxPuzzles {
		t.Errorf("%d ways to join fragments", n)
	}

	sa := &SA{}
	for i := range maxQuickSecrets + 10 {
		secret := esp.NewKey([]byte{byte(i) + 1})
		sa.secrets = append(sa.secrets, &secretState{Secret: &Secret{QuickSecret: secret}})
	}
	if n := len(sa.quickSecrets(&exchange{key: exchangeKey{id: 1}})); n != maxQuickSecrets {
		t.Errorf("%d secrets of a Quick Mode", n)
	}

	check, tried := &hashCheck{got: []byte{1}}, 0
	for range maxTries + 10 {
		check.try(func() []byte { tried++; return nil })
	}
	if tried != maxTries {
		t.Errorf("%d HASHes of a message", tried)
	}

	tr := NewTracker()
	for tr.affordsGuess(0, 1) {
	}
	if tr.spent != maxEffort/2 {
		t.Errorf("%d guesses", tr.spent)
	}
	tr.spent = maxEffort - effortPerMessage - 1
	if !tr.affords(effortPerMessage+1) || tr.affords(effortPerMessage+2) || !tr.affords(effortPerMessage) {
		t.Error("keys beyond the bound are tried, or some below it not")
	}
	if tr.observed = 1; !tr.affords(2*effortPerMessage+1) || tr.affords(2*effortPerMessage+2) {
		t.Error("what a message adds to the bound")
	}
}
