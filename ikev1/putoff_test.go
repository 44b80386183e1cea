package ikev1

import (
	"encoding/binary"
	"fmt"
	"slices"
	"testing"
)

// TestPutOff: from wherever a capture begins, a key that comes behind the messages opens, numbers
// and counts them as one that was there before them, though no SA was made of the first message;
// and so does one without a cookie behind many messages that it did not open.
func TestPutOff(t *testing.T) {
	l := newLab(t, 15, 7, 2, 16)
	l.session()
	anonymous := *l.secret
	anonymous.InitiatorCookie, anonymous.ResponderCookie = Cookie{}, Cookie{}
	says := func(tr *Tracker, list []*Message) (s []string) {
		for range 2 { // what one proves helps with others
			for _, m := range list {
				tr.Decrypt(m)
				tr.Renumber(m)
			}
		}
		for _, m := range list {
			s = append(s, fmt.Sprintf("%s %d, from the initiator %v, decrypted %v, verified %v, %v", m.Header.ExchangeName(), m.Number, m.FromInitiator, m.Decrypted, m.Verified, m.Err))
		}
		for _, sa := range tr.SAs() {
			s = append(s, fmt.Sprintf("%s: %d messages, %d encrypted, %d decrypted, %d HASHes", sa.InitiatorCookie, sa.Messages, sa.Encrypted, sa.Decrypted, sa.HashesChecked()))
		}
		return s
	}
	for from := range l.list {
		for to := from + 1; to <= len(l.list); to++ {
			for _, secret := range []*Secret{l.secret, &anonymous} {
				before, first := follow([]*Secret{secret}, l.list[from:to])
				behind, then := follow(nil, l.list[from:to])
				if n := len(behind.families); to == from+1 && n > 0 {
					t.Errorf("%d SAs of message %d alone", n, from)
				}
				behind.AddSecret(secret)
				want := says(before, first)
				if got := says(behind, then); !slices.Equal(got, want) {
					t.Errorf("messages %d to %d, the key behind them:\n%q\nnot\n%q", from, to, got, want)
				}
				spent, late := NewTracker(), []*Message(nil)
				spent.AddSecret(secret)
				spent.alone = maxFailures
				for _, d := range l.list[from:to] {
					late = append(late, spent.Observe(d)...)
				}
				if got := says(spent, late); to > from+1 && !slices.Equal(got, want) {
					t.Errorf("messages %d to %d, behind many:\n%q\nnot\n%q", from, to, got, want)
				}
			}
		}
	}
}

// TestPutOffAggressive: a key that comes behind the last message of aggressive mode, with which a
// capture begins, opens it though its number was known before.
func TestPutOffAggressive(t *testing.T) {
	l := newLab(t, 15, 7, 2, 16)
	l.session()
	d := l.list[4]
	d.Data[18] = byte(ExchangeAggressive)
	tr, list := follow(nil, []*Datagram{d})
	m := list[0]
	if m.Decrypted || m.Number != 3 || len(tr.families) > 0 {
		t.Fatalf("message %d decrypted %v, %d SAs", m.Number, m.Decrypted, len(tr.families))
	}
	tr.AddSecret(l.secret)
	if !tr.Decrypt(m) || m.Number != 3 || !m.FromInitiator || m.Err != nil || m.SA == nil {
		t.Errorf("message %d, from the initiator %v, decrypted %v: %v", m.Number, m.FromInitiator, m.Decrypted, m.Err)
	}
}

// TestPutOffBounds: of messages with ever new cookies no SA is made, whatever they look like, and
// the newest are remembered.
func TestPutOffBounds(t *testing.T) {
	l := newLab(t, 15, 7, 2, 16)
	tr, _ := follow([]*Secret{l.secret}, nil)
	for _, kind := range []string{"quick", "informational", "main, ID", "main, KE", "offers"} {
		d := l.garbage(kind, 160, 0)
		per := testing.AllocsPerRun(2*maxPutOff, func() {
			tr.begun++
			binary.BigEndian.PutUint32(d.Data, uint32(tr.begun))
			tr.Observe(d)
		})
		if len(tr.families) > 0 || len(tr.putOff.at) != maxPutOff || len(tr.putOff.ring) != maxPutOff || per > 8 {
			t.Errorf("%s: %d SAs, %d and %d messages put off, %v allocations for each", kind, len(tr.families), len(tr.putOff.at), len(tr.putOff.ring), per)
		}
	}
	if n := len(tr.SAs()); n != maxSAs {
		t.Errorf("%d SAs are reported", n)
	}
}
