package ikev1

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/maphash"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"l2tpdump/esp"
)

func keyOf(b []byte) esp.Key { return esp.NewKey(b) }

// Each cipher and hash, each kind of padding, all exchanges, any message lost.
func TestSessions(t *testing.T) {
	pads := map[string]func(*lab, int) []byte{"zeros": zeroPad, "full": fullPad, "random": randomPad, "count": countPad}
	for _, c := range cipherAlgs {
		for _, n := range c.keyLens {
			for _, h := range hashAlgs {
				for name, pad := range pads {
					most := c.name == "aes-cbc" && n == 16 || c.name == "3des-cbc"
					if !most && (h.name != "sha1" || name != "count") || most && h.name != "sha1" && name != "zeros" {
						continue
					}
					t.Run(fmt.Sprintf("%s-%d/%s/%s", c.name, 8*n, h.name, name), func(t *testing.T) {
						l := newLab(t, int64(n)+int64(h.size), c.id, h.id, n)
						l.pad = pad
						l.session()
						ka := expandKa(h, l.secret.SKEYIDe.Bytes(), n)
						for _, secret := range []*Secret{l.secret, {InitiatorCookie: l.i, Ka: keyOf(ka)}} {
							sessionOf(t, l, secret, name)
						}
					})
				}
			}
		}
	}
}

func sessionOf(t *testing.T, l *lab, secret *Secret, padding string) {
	secrets := []*Secret{secret}
	truth := truths(t, secrets, l.list)
	tr, messages := follow(secrets, l.list)
	negotiated := 0
	for i, m := range messages {
		negotiated += len(m.Negotiated)
		if m.Encrypted && m.Verified != !secret.SKEYIDa.IsZero() {
			t.Errorf("message %d, %s %d: verified %v", i, m.Header.ExchangeName(), m.Number, m.Verified)
		}
		for _, n := range m.Negotiated {
			if (n.KeyReason == "") != !secret.SKEYIDd.IsZero() || n.Key.IsZero() != secret.SKEYIDd.IsZero() {
				t.Errorf("SPI %08x: key %v, %s", n.SPI, n.Key, n.KeyReason)
			}
		}
	}
	sa := tr.SAs()[0]
	if negotiated != 4 || sa.Cipher != l.suite.name() || sa.Hash != l.suite.hash.name {
		t.Errorf("%d SAs negotiated, %s, %s", negotiated, sa.Cipher, sa.Hash)
	}
	lost := func(list []*Datagram, what string) {
		tr, messages := follow(secrets, list)
		for _, m := range messages { // a later message may have proven the key
			tr.Decrypt(m)
		}
		for _, m := range messages {
			if padding == "random" && m.Reconstructed {
				continue // nothing says where the last payload ends
			}
			compare(t, truth, m)
			if m.Encrypted && !m.Decrypted && padding != "random" && len(m.SA.keys) > 0 {
				t.Errorf("%s: %s %d: %v", what, m.Header.ExchangeName(), m.Number, m.Err)
			}
		}
	}
	for i := range l.list {
		lost(slices.Delete(slices.Clone(l.list), i, i+1), fmt.Sprint("without ", i))
		lost(l.list[i:], fmt.Sprint("from ", i))
	}
}

// Names as ID, of lengths around the block size.
func TestReconstructNames(t *testing.T) {
	for _, c := range []uint16{7, 5} {
		for n := 1; n < 60; n++ {
			l := newLab(t, int64(n), c, 2, map[uint16]int{7: 32, 5: 24}[c])
			id := append([]byte{2, 0, 0, 0}, slices.Repeat([]byte("n"), n)...)
			l.main(id, id)
			truth := truths(t, []*Secret{l.secret}, l.list)
			_, messages := follow([]*Secret{l.secret}, slices.Delete(slices.Clone(l.list), 3, 4)) // no g^xr
			m := messages[3]
			compare(t, truth, m)
			if !m.Reconstructed {
				t.Errorf("cipher %d, name of %d bytes: %v", c, n, m.Err)
			}
			if messages[4].Reconstructed || !messages[4].Decrypted {
				t.Errorf("message 6: %v", messages[4].Err)
			}
		}
	}
}

// A lost ID of an IPv4 address comes back where HASH_R proves it.
func TestRecoverID(t *testing.T) {
	l := newLab(t, 1, 7, 2, 16)
	l.main(ipID(l.initiator), ipID(l.responder))
	truth := truths(t, []*Secret{l.secret}, l.list)
	_, messages := follow([]*Secret{l.secret}, slices.Delete(slices.Clone(l.list), 4, 5))
	m := messages[4]
	compare(t, truth, m)
	if m.Number != 6 || !m.Reconstructed || string(m.Plain) != string(truth[digestOf(m)].Plain) {
		t.Errorf("message %d: reconstructed %v: %v", m.Number, m.Reconstructed, m.Err)
	}
}

// A peer that encrypts a retransmission anew.
func TestReencrypted(t *testing.T) {
	l := newLab(t, 2, 7, 4, 32)
	l.pad = countPad
	l.main(ipID(l.initiator), ipID(l.responder))
	id := uint32(0xabcdef01)
	ni := l.bytes(16)
	first := func() {
		l.hashed(true, ExchangeQuick, id, [][]byte{mid(id)}, part{PayloadSA, espSA("11223344", t)}, part{PayloadNonce, ni})
	}
	first()
	delete(l.chains, id) // the same IV, other padding
	first()
	first() // the chain moved on
	nr := l.bytes(16)
	l.hashed(false, ExchangeQuick, id, [][]byte{mid(id), ni}, part{PayloadSA, espSA("55667788", t)}, part{PayloadNonce, nr})
	l.hashed(true, ExchangeQuick, id, [][]byte{{0}, mid(id), ni, nr})
	for _, secret := range []*Secret{l.secret, {InitiatorCookie: l.i, SKEYIDe: l.secret.SKEYIDe}} {
		_, messages := follow([]*Secret{secret}, l.list)
		for i, want := range []int{1, 1, 1, 2, 3} {
			m := messages[6+i]
			if m.Number != want || m.Retransmission != (i == 1 || i == 2) || !m.Decrypted || m.Reconstructed || m.Verified != !secret.SKEYIDa.IsZero() {
				t.Errorf("message %d: number %d, retransmission %v, decrypted %v, verified %v: %v", i, m.Number, m.Retransmission, m.Decrypted, m.Verified, m.Err)
			}
			if m.FromInitiator != (i != 3) {
				t.Errorf("message %d: from initiator %v", i, m.FromInitiator)
			}
		}
		if n := len(messages[9].Negotiated); n != 2 {
			t.Errorf("%d SAs", n)
		}
	}
}

// Two Quick Modes at once, one from each side, their messages mixed and reordered.
func TestInterleaved(t *testing.T) {
	l := newLab(t, 3, 7, 2, 16)
	l.main(ipID(l.initiator), ipID(l.responder))
	at := len(l.list)
	l.quick(true, 0x01, [][]byte{espSA("11111111", t)}, [][]byte{espSA("22222222", t)})
	l.quick(false, 0x02, [][]byte{espSA("33333333", t)}, [][]byte{espSA("44444444", t)})
	q := l.list[at:]
	for _, order := range [][]int{{0, 3, 1, 4, 2, 5}, {3, 0, 4, 1, 5, 2}, {1, 0, 2, 4, 3, 5}, {2, 1, 0, 5, 4, 3}} {
		list := slices.Clone(l.list[:at])
		for _, i := range order {
			list = append(list, q[i])
		}
		truth := truths(t, []*Secret{l.secret}, l.list)
		_, messages := settle(t, []*Secret{l.secret}, truth, list)
		spis := map[uint32]*esp.Negotiated{}
		for _, m := range messages {
			if m.Encrypted && (!m.Verified || m.Reconstructed) {
				t.Errorf("order %v: %s %d: %v", order, m.Header.ExchangeName(), m.Number, m.Err)
			}
			for _, n := range m.Negotiated {
				if old := spis[n.SPI]; old == nil || old.PairSPI == 0 {
					spis[n.SPI] = n
				}
			}
		}
		i, r := l.initiator.Addr(), l.responder.Addr()
		if len(spis) != 4 || spis[0x22222222].Src != i || spis[0x11111111].Src != r || spis[0x44444444].Src != r || spis[0x33333333].Dst != r ||
			spis[0x33333333].PairSPI != 0x44444444 {
			t.Errorf("order %v: %v", order, spis)
		}
	}
}

// Two SA payloads in one Quick Mode, each with a choice among several proposals, and IPComp in the
// first.
func TestQuickChoices(t *testing.T) {
	l := newLab(t, 4, 7, 2, 16)
	l.main(ipID(l.initiator), ipID(l.responder))
	aes256 := [][]byte{labTV(4, 2), labTV(5, 5), labTV(6, 256)}
	des := [][]byte{labTV(4, 1), labTV(5, 1)}
	spi := func(s string) []byte { return fromHex(t, s) }
	offer1 := saBody(
		labProposal(true, 1, protocolESP, spi("a0000001"), 12, aes256...),
		labProposal(true, 1, protocolIPCOMP, spi("1111"), 2, labTV(4, 2)),
		labProposal(true, 2, protocolESP, spi("a0000002"), 3, des...),
		labProposal(false, 3, protocolAH, spi("a0000003"), 2, labTV(5, 1)))
	offer2 := saBody(
		labProposal(true, 1, protocolESP, spi("b0000001"), 3, des...),
		labProposal(false, 2, protocolESP, spi("b0000002"), 12, aes256...))
	answer1 := saBody(
		labProposal(true, 1, protocolESP, spi("c0000001"), 12, aes256...),
		labProposal(false, 1, protocolIPCOMP, spi("2222"), 2, labTV(4, 2)))
	answer2 := saBody(labProposal(false, 1, protocolESP, spi("d0000002"), 12, aes256...)) // renumbered, as some do
	ni, nr := l.quick(true, 0x99, [][]byte{offer1, offer2}, [][]byte{answer1, answer2})
	_, messages := follow([]*Secret{l.secret}, l.list)
	got := messages[len(messages)-2].Negotiated
	want := []struct{ spi, pair uint32 }{
		{0xa0000001, 0xc0000001}, {0xc0000001, 0xa0000001}, {0xb0000002, 0xd0000002}, {0xd0000002, 0xb0000002},
	}
	if len(got) != len(want) {
		t.Fatalf("%d SAs", len(got))
	}
	for i, w := range want {
		n := got[i]
		if n.SPI != w.spi || n.PairSPI != w.pair || n.Suite.String() != "aes-cbc-256/hmac-sha2-256-128" {
			t.Errorf("SA %d: %08x %08x %v", i, n.SPI, n.PairSPI, n.Suite)
		}
		b := keymat(l.suite.hash, l.d, nil, protocolESP, w.spi, ni, nr, 64)
		if !n.Key.Equal(keyOf(b[:32])) || !n.AuthKey.Equal(keyOf(b[32:])) {
			t.Errorf("SA %d: keys differ", i)
		}
	}
}

// PFS with the secret of the exchange given, before or after.
func TestQuickPFS(t *testing.T) {
	l := newLab(t, 5, 7, 2, 16)
	l.main(ipID(l.initiator), ipID(l.responder))
	ni, nr := l.quick(true, 0x99, [][]byte{espSA("11111111", t)}, [][]byte{espSA("22222222", t)}, part{PayloadKE, l.bytes(128)})
	g := l.bytes(128)
	want := keyOf(keymat(l.suite.hash, l.d, g, protocolESP, 0x11111111, ni, nr, 16))
	for _, x := range []*Secret{
		{InitiatorCookie: l.i, MessageID: 0x99, QuickSecret: keyOf(g)},
		{InitiatorCookie: l.i, QuickSecret: keyOf(g)},
	} {
		tr, messages := follow([]*Secret{l.secret, x}, l.list)
		if n := messages[7].Negotiated; len(n) != 2 || !n[0].Key.Equal(want) || n[0].KeyReason != "" || len(unused(tr)) != 0 {
			t.Errorf("with the secret: %+v", n)
		}
		tr, messages = follow([]*Secret{l.secret}, l.list)
		if n := messages[7].Negotiated; len(n) != 2 || n[0].KeyReason != "PFS: not derivable" {
			t.Errorf("without: %+v", n)
		}
		if n := tr.Derive(); len(n) != 0 {
			t.Errorf("nothing new: %d SAs", len(n))
		}
		tr.AddSecret(x)
		if n := tr.Derive(); len(n) != 2 || !n[0].Key.Equal(want) {
			t.Errorf("later: %+v", n)
		}
		if n := tr.Derive(); len(n) != 0 {
			t.Errorf("once more: %d SAs", len(n))
		}
	}
}

// Only one of the first two messages of a Quick Mode.
func TestQuickHalf(t *testing.T) {
	l := newLab(t, 6, 7, 2, 16)
	l.main(ipID(l.initiator), ipID(l.responder))
	l.quick(true, 0x99, [][]byte{espSA("11111111", t)}, [][]byte{espSA("22222222", t)})
	for drop, spi := range map[int]uint32{6: 0x22222222, 7: 0x11111111} {
		_, messages := follow([]*Secret{l.secret}, slices.Delete(slices.Clone(l.list), drop, drop+1))
		var got []*esp.Negotiated
		for _, m := range messages {
			got = append(got, m.Negotiated...)
		}
		if len(got) != 1 || got[0].SPI != spi || got[0].Suite.String() != "aes-cbc-128/hmac-sha1-96" || got[0].KeyReason == "" ||
			(got[0].Dst == l.responder.Addr()) != (drop == 6) {
			t.Errorf("without %d: %v", drop, got)
		}
	}
}

// The commit bit: a fourth message says CONNECTED.
func TestCommit(t *testing.T) {
	l := newLab(t, 7, 7, 2, 16)
	l.main(ipID(l.initiator), ipID(l.responder))
	l.quick(true, 0x99, [][]byte{espSA("11111111", t)}, [][]byte{espSA("22222222", t)})
	l.hashed(false, ExchangeQuick, 0x99, [][]byte{mid(0x99)}, part{PayloadNotify, fromHex(t, "00000001 03 04 4000 22222222")})
	_, messages := follow([]*Secret{l.secret}, l.list)
	if m := messages[9]; !m.Verified || m.Number != 4 || m.FromInitiator {
		t.Errorf("number %d, verified %v, from initiator %v: %v", m.Number, m.Verified, m.FromInitiator, m.Err)
	}
}

// CONNECTED in an Informational exchange with the message ID of the Quick Mode: its IV is one of
// its own (RFC 2409 section 5.7), or continues the Quick Mode.
func TestConnected(t *testing.T) {
	for _, own := range []bool{true, false} {
		l := newLab(t, 7, 7, 2, 16)
		l.main(ipID(l.initiator), ipID(l.responder))
		l.quick(true, 0x99, [][]byte{espSA("11111111", t)}, [][]byte{espSA("22222222", t)})
		if own {
			delete(l.chains, 0x99)
		}
		l.hashed(false, ExchangeInformational, 0x99, [][]byte{mid(0x99)}, part{PayloadNotify, fromHex(t, "00000001 03 04 4000 22222222")})
		_, messages := follow([]*Secret{l.secret}, l.list)
		if m := messages[9]; !m.Verified || m.Reconstructed || m.Number != 1 || m.FromInitiator {
			t.Errorf("own IV %v: number %d, verified %v, reconstructed %v: %v", own, m.Number, m.Verified, m.Reconstructed, m.Err)
		}
	}
}

// The messages of one side change their address in mid-exchange, then the ports of both.
func TestAddressChanges(t *testing.T) {
	for at := range 14 {
		l := newLab(t, 8, 7, 2, 16)
		l.session()
		truth := truths(t, []*Secret{l.secret}, l.list)
		from := l.initiator
		for i, d := range l.list[at:] {
			x := *d
			for _, a := range []*netip.AddrPort{&x.Src, &x.Dst} {
				if *a == from {
					*a = netip.MustParseAddrPort("192.0.2.77:61000")
				} else if i > 2 {
					*a = netip.MustParseAddrPort("198.51.100.2:4500")
				}
			}
			l.list[at+i] = &x
		}
		_, messages := follow([]*Secret{l.secret}, l.list)
		for i, m := range messages {
			compare(t, truth, m)
			if m.Encrypted && !m.Verified {
				t.Errorf("from %d, message %d: %v", at, i, m.Err)
			}
		}
	}
}

// One bit changed anywhere in an encrypted message: never verified unless it is only in the
// padding, and no other message is wrong for it.
func TestCorruptEveryByte(t *testing.T) {
	l := newLab(t, 9, 7, 2, 16)
	l.session()
	secrets := []*Secret{l.secret}
	truth := truths(t, secrets, l.list)
	for i, d := range l.list {
		for off := range d.Data {
			if off >= 24 && off < 28 && i%3 > 0 {
				continue
			}
			x := *d
			x.Data = slices.Clone(d.Data)
			x.Data[off] ^= 1 << (off % 8)
			list := slices.Clone(l.list)
			list[i] = &x
			tr, messages := follow(secrets, list)
			for j, m := range messages {
				if j != i && len(messages) == len(list) {
					if !m.Encrypted || !m.Decrypted || m.Header.InitiatorCookie != l.i {
						continue
					}
					// The next message of the exchange decrypts with the changed block as IV: its
					// first block is wrong, which only a HASH can tell.
					if h, err := ParseHeader(d.Data); err != nil || h.MessageID != m.Header.MessageID || m.Verified {
						compare(t, truth, m)
					}
					continue
				}
				if j != i || !m.Verified || !m.Encrypted || off < HeaderLen {
					continue
				}
				got, want := m.Plain, truth[maphash.Bytes(seed, d.Data)].Plain
				if m.at.ex == m.SA.phase1 { // HASH_I and HASH_R cover no more than the ID
					n := HeaderLen + m.Payloads[1].end()
					got, want = got[HeaderLen:n], want[HeaderLen:n]
				}
				if string(got) != string(want) {
					t.Errorf("message %d, byte %d: verified", i, off)
				}
			}
			for _, sa := range tr.SAs() {
				_ = sa.Openers()
			}
		}
	}
}

// Each message cut anywhere.
func TestCutEverywhere(t *testing.T) {
	l := newLab(t, 10, 5, 1, 24)
	l.session()
	secrets := []*Secret{l.secret}
	truth := truths(t, secrets, l.list)
	for i, d := range l.list {
		for n := range d.Data {
			x := *d
			x.Data, x.Truncated = d.Data[:n], true
			list := slices.Clone(l.list)
			list[i] = &x
			_, messages := follow(secrets, list)
			m := messages[i]
			if m.Decrypted || m.Verified || m.Err != ErrTruncated {
				t.Fatalf("message %d cut to %d: decrypted %v: %v", i, n, m.Decrypted, m.Err)
			}
			if m.Encrypted && m.Plain != nil && !m.Reconstructed {
				whole := truth[maphash.Bytes(seed, d.Data)].Plain
				if k := min(len(m.Plain), len(whole)); string(m.Plain[HeaderLen:k]) != string(whole[HeaderLen:k]) {
					t.Fatalf("message %d cut to %d: wrong plaintext", i, n)
				}
			}
			for j, m := range messages {
				if j != i && m.Encrypted && m.Decrypted {
					compare(t, truth, m)
				}
			}
		}
	}
}

// What a Tracker keeps is bounded.
func TestBounds(t *testing.T) {
	l := newLab(t, 11, 7, 2, 16)
	l.session()
	tr := NewTracker()
	tr.AddSecret(l.secret)
	for _, d := range l.list {
		tr.Observe(d)
	}
	now := l.list[len(l.list)-1].Time
	flood := func(n int, change func(i int, b []byte)) {
		for i := range n {
			d := *l.list[0]
			d.Data = slices.Clone(l.list[i%len(l.list)].Data)
			change(i, d.Data)
			now += 1e6
			d.Time = now
			tr.Observe(&d)
		}
	}
	flood(4*maxSAs, func(i int, b []byte) { binary.BigEndian.PutUint64(b, uint64(i)+1) })
	flood(2*maxExchanges, func(i int, b []byte) { binary.BigEndian.PutUint32(b[20:], uint32(i)+1) })
	flood(200, func(i int, b []byte) { b[len(b)-1] ^= byte(i); b[19] |= FlagEncryption })
	flood(2*maxExchanges, func(i int, b []byte) {
		binary.BigEndian.PutUint64(b, uint64(i)%64+1)
		binary.BigEndian.PutUint32(b[20:], uint32(i)+1)
		b[19], b[18] = FlagEncryption, byte(ExchangeQuick)
	})
	exchanges := 0
	for _, sa := range tr.SAs() {
		exchanges += len(sa.exchanges)
		if len(sa.exchanges) > maxPerSA || len(sa.phase1.records) > maxRecords {
			t.Errorf("%d exchanges, %d records", len(sa.exchanges), len(sa.phase1.records))
		}
	}
	if len(tr.SAs()) > maxSAs || len(tr.sas) > maxSAs || exchanges != tr.exchanges || exchanges > maxExchanges {
		t.Errorf("%d SAs, %d by cookie, %d exchanges, counted %d", len(tr.SAs()), len(tr.sas), exchanges, tr.exchanges)
	}
	found := false
	for _, sa := range tr.SAs() {
		found = found || sa.InitiatorCookie == l.i && sa.Decrypted > 0
	}
	if !found {
		t.Error("the SA with a key was given up before the others")
	}
	flood(4*maxSAs, func(i int, b []byte) { // claims of many SAs
		binary.BigEndian.PutUint64(b, uint64(i)%1500+1)
		b[19], b[18], b[len(b)-1] = 0, byte(ExchangeMain), byte(i/1500)
	})
	claimed := 0
	for _, f := range tr.families {
		claimed += f.claims.bytes()
		for _, sa := range f.sas {
			claimed += sa.claims.bytes()
		}
	}
	if claimed != tr.claimed || claimed > maxClaimed+maxSABody {
		t.Errorf("%d bytes of claims, counted as %d", claimed, tr.claimed)
	}
	tr.Expire(now + 2*saIdle)
	if len(tr.sas) != 0 || tr.exchanges != 0 || tr.claimed != 0 {
		t.Errorf("after expiry: %d SAs, %d exchanges", len(tr.sas), tr.exchanges)
	}
}

// TestManyOpened: however many SAs keys have opened, there is room for those that begin, and for
// their exchanges.
func TestManyOpened(t *testing.T) {
	const together = 7 // room is made for exchanges while one of them has begun its first Quick Mode
	tr := NewTracker()
	for first := 0; first < maxSAs+2*together; first += together {
		var labs []*lab
		for i := range together {
			l := newLab(t, int64(first+i), 7, 2, 16)
			l.main(ipID(l.initiator), ipID(l.responder))
			for id := uint32(1); id <= 3; id++ {
				l.quick(true, id, [][]byte{espSA("11223344", l.t)}, [][]byte{espSA("55667788", l.t)})
			}
			tr.AddSecret(l.secret)
			labs = append(labs, l)
		}
		for n := range labs[0].list {
			for _, l := range labs {
				for _, m := range tr.Observe(l.list[n]) {
					if m.Encrypted && (!m.Verified || m.Reconstructed || m.Number == 0) {
						t.Fatalf("message %d behind %d SAs: number %d, %v", n+1, first, m.Number, m.Err)
					}
				}
			}
		}
	}
	if n := len(tr.SAs()); n != maxOpenedSAs {
		t.Errorf("%d SAs are reported", n)
	}
}

// Keys without a cookie find their SAs, and blame no other.
func TestAnonymousKeys(t *testing.T) {
	a, b, c := newLab(t, 20, 7, 2, 16), newLab(t, 21, 5, 1, 24), newLab(t, 22, 7, 4, 32)
	var list []*Datagram
	for _, l := range []*lab{a, b, c} {
		l.session()
	}
	for i := range a.list {
		list = append(list, a.list[i], b.list[i], c.list[i])
	}
	_, messages := follow([]*Secret{{SKEYIDe: a.secret.SKEYIDe}, {SKEYIDe: b.secret.SKEYIDe}}, list)
	for _, m := range messages {
		switch {
		case !m.Encrypted:
		case m.Header.InitiatorCookie != c.i:
			if !m.Decrypted {
				t.Errorf("%v", m.Err)
			}
		case !errors.Is(m.Err, ErrNoKey) || state(m.SA) != "no key":
			t.Errorf("the SA without a key: %v", m.Err)
		}
	}
}

// Keys without a cookie open their SAs though more messages of others come, which none opens, than
// may be tried in vain: the negotiations were not captured, so that each may be of any cipher.
func TestAnonymousKeysAmongStrangers(t *testing.T) {
	const strangers = 3 // for each of ours
	tr := NewTracker()
	var ours [20]*lab
	for i := range ours {
		ours[i] = newLab(t, int64(100+i), 7, 2, 16)
		ours[i].session()
		tr.AddSecret(&Secret{SKEYIDe: ours[i].secret.SKEYIDe})
	}
	for n, l := range ours {
		for i := range strangers {
			other := newLab(t, int64(1000+n*strangers+i), 7, 2, 16)
			other.session()
			for at, d := range other.list[4:] {
				tr.Observe(d)
				if i == strangers-1 {
					tr.Observe(l.list[4+at])
				}
			}
		}
		for _, sa := range tr.SAs() {
			if sa.InitiatorCookie == l.i && (sa.Unopened > 1 || state(sa) != "decrypted") { // the one would take a guess
				t.Errorf("after %d others: %s, %d messages were not opened", strangers*(n+1), state(sa), sa.Unopened)
			}
		}
	}
}

func TestUnsupportedCipher(t *testing.T) {
	l := newLab(t, 23, 7, 2, 16)
	l.sai = saBody(labProposal(false, 1, protocolISAKMP, nil, 1, labTV(1, 8), labTV(2, 2), labTV(3, 1), labTV(4, 2), labTV(14, 256)))
	l.session()
	tr, messages := follow([]*Secret{l.secret}, l.list)
	sa := tr.SAs()[0]
	if state(sa) != "no key" || sa.Unsupported != "camellia-cbc-256 with sha1" {
		t.Errorf("%s, unsupported %q", state(sa), sa.Unsupported)
	}
	if m := messages[4]; !errors.Is(m.Err, ErrNoKey) {
		t.Errorf("%v", m.Err)
	}
}

func TestLimitSecrets(t *testing.T) {
	l := newLab(t, 24, 7, 2, 16)
	l.session()
	tr := NewTracker()
	tr.LimitSecrets(16)
	for i := range 100 {
		tr.AddSecret(&Secret{InitiatorCookie: Cookie{byte(i)}, Ka: keyOf(l.bytes(16))})
	}
	tr.AddSecret(l.secret)
	if n := len(tr.secrets.all); n < 16 || n > 20 {
		t.Errorf("%d secrets kept", n)
	}
	for _, d := range l.list {
		for _, m := range tr.Observe(d) {
			if m.Encrypted && !m.Verified {
				t.Errorf("%v", m.Err)
			}
		}
	}
}

// A header that contradicts its exchange is never verified: no HASH covers its type, version and
// flags, and in phase 1 none covers the message ID.
func TestHeaderContradicts(t *testing.T) {
	l := newLab(t, 13, 7, 2, 16)
	l.session()
	types := []ExchangeType{ExchangeBase, ExchangeMain, ExchangeAuthOnly, ExchangeAggressive, ExchangeInformational, ExchangeTransaction,
		ExchangeQuick, ExchangeNewGroup, 99}
	for i, d := range l.list {
		h, err := ParseHeader(d.Data)
		if err != nil || !h.encrypted() {
			continue
		}
		try := func(what string, change func(h *Header)) {
			t.Helper()
			x := h
			change(&x)
			if x == h {
				return
			}
			list := slices.Clone(l.list)
			c := *d
			c.Data = append(x.Append(nil), d.Data[HeaderLen:]...)
			list[i] = &c
			_, messages := follow([]*Secret{l.secret}, list)
			if m := messages[i]; m.Verified {
				t.Errorf("message %d (%s %d) with %s: verified", i, h.Exchange, m.Number, what)
			}
			for j, m := range messages {
				if j != i && m.Encrypted && !m.Decrypted {
					t.Errorf("message %d with %s: message %d: %v", i, what, j, m.Err)
				}
			}
		}
		for _, e := range types {
			try(e.String(), func(h *Header) { h.Exchange = e })
		}
		try("version 1.1", func(h *Header) { h.MinorVersion = 1 })
		try("flag 4", func(h *Header) { h.Flags |= FlagAuthOnly })
		try("flag 8", func(h *Header) { h.Flags |= 8 })
		try("another message ID", func(h *Header) { h.MessageID ^= 1 })
		try("message ID 0", func(h *Header) { h.MessageID = 0 })
	}
}

// What the HASH of phase 1 does not cover is named.
func TestUncovered(t *testing.T) {
	l := newLab(t, 14, 7, 2, 16)
	l.session()
	_, messages := follow([]*Secret{l.secret}, l.list)
	for i, want := range map[int]string{4: "N", 5: "", 10: "", 11: ""} {
		if got := strings.Join(messages[i].Uncovered(), ","); got != want || !messages[i].Verified {
			t.Errorf("message %d: %q is not covered", i, got)
		}
	}
}

// TestForgottenSuite: should more come of an SA that a key opened and that was forgotten, the key
// is tried with the cipher that was agreed on and with no other.
func TestForgottenSuite(t *testing.T) {
	l := newLab(t, 1, 7, 2, 16)
	l.main(ipID(l.initiator), ipID(l.responder))
	l.quick(true, 1, [][]byte{espSA("11223344", l.t)}, [][]byte{espSA("55667788", l.t)})
	candidates := func(tr *Tracker) (list []*candidate) {
		sa := tr.newSA(saKey{l.i, l.r}, 0)
		tr.configure(sa)
		list = sa.candidates
		tr.evict(sa)
		return list
	}
	unknown := NewTracker()
	unknown.AddSecret(l.secret)
	if n := len(candidates(unknown)); n < 3 {
		t.Fatalf("%d candidates before anything was opened", n)
	}
	tr := NewTracker()
	tr.AddSecret(l.secret)
	for _, d := range l.list {
		tr.Observe(d)
	}
	tr.evict(tr.SAs()[0])
	if c := candidates(tr); len(c) != 1 || c[0].alg.name != "aes-cbc" || c[0].suite.keyLen != 16 {
		t.Fatalf("%d candidates of an SA that was forgotten", len(c))
	}
	before := len(l.list)
	l.quick(true, 2, [][]byte{espSA("11223345", l.t)}, [][]byte{espSA("55667789", l.t)})
	for _, d := range l.list[before:] {
		for _, m := range tr.Observe(d) {
			if m.Err != nil {
				t.Errorf("a Quick Mode of it: %v", m.Err)
			}
		}
	}
}
