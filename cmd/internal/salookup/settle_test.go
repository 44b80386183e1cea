package salookup_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"l2tpdump/cmd/internal/salookup"
	"l2tpdump/cmd/internal/why"
	"l2tpdump/esp"
	"l2tpdump/testdata/race"
	"l2tpdump/testdata/seal"
)

var (
	testSrc = netip.MustParseAddr("198.51.100.7")
	testDst = netip.MustParseAddr("203.0.113.1")
)

// tcpSegment is a segment with n bytes of data: weak evidence for a key.
func tcpSegment(n int) []byte {
	b := make([]byte, 20+n)
	copy(b, []byte{0xc3, 0x50, 0, 80, 1, 2, 3, 4, 5, 6, 7, 8, 0x50, 0x10, 0xff, 0xff, 0x12, 0x34, 0, 0})
	for i := range n {
		b[20+i] = byte(i * 7)
	}
	return b
}

func cbcSealer() *sealer {
	return newSealer(esp.Suite{Cipher: esp.CipherByName("aes-cbc"), KeyLen: 16, Auth: esp.AuthByName("hmac-sha1-96")})
}

func (e *sealer) secret() *esp.Secret {
	return &esp.Secret{SPI: e.spi, SPIMask: 0xffffffff, Suite: e.suite, Key: esp.NewKey(e.key), AuthKey: esp.NewKey(e.authKey), Origin: origin("test", 1)}
}

// next seals payload as the next packet.
func (e *sealer) next(payload []byte, proto uint8) espPacket {
	e.seq++
	return espPacket{e.spi, testSrc, testDst, e.seal(payload, proto, nil), 0, int64(e.seq) * 1e6}
}

// Packets that prove little alone have to agree. Until then nothing is called a wrong key.
func TestWeakEvidenceAddsUp(t *testing.T) {
	e := cbcSealer()
	s := e.secret()
	s.AuthKey = esp.Key{}
	db := newTable(s)
	little := func() espPacket { return e.next(bytes.Repeat([]byte{0x55}, 14), 59) } // no padding at all
	first := little()
	for range 3 { // copies of one packet are one packet
		if x := db.open(first); x.err != salookup.ErrUndecided || !errors.Is(x.err, esp.ErrStructure) || x.Verdict != why.NoKey {
			t.Fatalf("one packet of little evidence: %v: %v", x.Verdict, x.err)
		}
	}
	if r := db.reports()[0]; r.Verdict != why.NoKey || !strings.Contains(r.Reason, "may fit") {
		t.Errorf("%+v", r)
	}
	only(t, "one more", db.run([]espPacket{little()}), why.NoKey)
	if x := db.open(little()); x.Verdict != why.Decrypted {
		t.Fatalf("three packets: %v", x.err)
	}
	if r := db.reports()[0]; r.Verdict != why.Decrypted || !strings.Contains(r.Remark, "proved by 3 packets together") {
		t.Errorf("%+v", r)
	}
}

// TestLikelyIsLetThrough: a packet that nearly proves the key is let through, and with it those
// before the proof.
func TestLikelyIsLetThrough(t *testing.T) {
	e := cbcSealer()
	s := e.secret()
	s.AuthKey = esp.Key{}
	db := newTable(s)
	only(t, "one segment", db.run([]espPacket{e.next(tcpSegment(10), 6)}), why.Decrypted) // no padding at all
	if r := db.reports()[0]; r.Verdict != why.Decrypted || !strings.Contains(r.Reason, "leave no doubt") {
		t.Errorf("%+v", r)
	}
	only(t, "two", db.run([]espPacket{e.next(tcpSegment(10), 6)}), why.Decrypted)
	if r := db.reports()[0]; r.Verdict != why.Decrypted || r.Decrypted != 2 || r.Missing != 0 || !strings.Contains(r.Remark, "proved by 2 packets together") {
		t.Errorf("%+v", r)
	}
}

// TestUnfamiliarInside: under a proved key right padding is enough, whatever protocol follows and
// whatever is in it; under another key it proves nothing.
func TestUnfamiliarInside(t *testing.T) {
	e := cbcSealer()
	s := e.secret()
	s.AuthKey = esp.Key{}
	unfamiliar := func() []espPacket {
		return []espPacket{
			e.next(bytes.Repeat([]byte{0x55}, 14), 115), // L2TPv3 data, no padding
			e.next(bytes.Repeat([]byte{0x55}, 14), 200), // no protocol
			e.next(bytes.Repeat([]byte{0x55}, 12), 17),  // UDP of an impossible length, with padding
		}
	}
	db := newTable(s)
	only(t, "proof", db.run(e.several(1)), why.Decrypted)
	only(t, "unfamiliar", db.run(unfamiliar()), why.Decrypted)
	only(t, "contradicting, without padding", db.run([]espPacket{e.next(bytes.Repeat([]byte{0x55}, 14), 17)}), why.WrongKey)
	only(t, "proof again", db.run(e.several(1)), why.Decrypted)
	if r := db.reports()[0]; r.Verdict != why.Decrypted || r.Decrypted != 5 || r.Refused != 1 {
		t.Errorf("%+v", r)
	}
	wrong := flipped(e.secret(), false, 5)
	wrong.AuthKey = esp.Key{}
	db = newTable(wrong)
	only(t, "wrong key", db.run(append(e.several(1), unfamiliar()...)), why.WrongKey)
}

// With a good ICV a little evidence for the encryption key is enough, but it has to be there.
func TestWeakEvidenceBehindGoodICV(t *testing.T) {
	e := cbcSealer()
	db := newTable(e.secret())
	if x := db.open(e.next(bytes.Repeat([]byte{0x55}, 14), 59)); x.Verdict != why.Verified {
		t.Errorf("dummy packet: %v", x.err)
	}
	db = newTable(flipped(e.secret(), false, 5))
	for range 200 {
		if x := db.open(e.next(bytes.Repeat([]byte{0x55}, 14), 59)); x.Verdict.Opened() {
			t.Fatalf("wrong encryption key behind a good ICV: %v", x.Verdict)
		}
	}
}

// No random key is ever taken for the right one.
func TestRandomKeysNeverFit(t *testing.T) {
	packets := readFlows(t, captureFile("01-basic-aes128-sha1", "outer.pcap"))
	snapped := readFlows(t, captureFile("01-basic-aes128-sha1", "outer-snap96.pcap"))
	rng := rand.New(rand.NewPCG(3, 4))
	rounds := 400
	if testing.Short() || race.Enabled {
		rounds = 40
	}
	for range rounds {
		for _, n := range []int{8, 16, 24, 32, 20} {
			b := make([]byte, n)
			for i := range b {
				b[i] = byte(rng.Uint32())
			}
			secret := &esp.Secret{SPIMask: 0, Key: esp.NewKey(b), KeyHead: n == 16 && rng.IntN(2) == 0, Origin: origin("random", 0)}
			for _, list := range [][]espPacket{packets[:40], snapped[:40]} {
				db := newTable(secret)
				if got := db.run(list); got[why.Verified]+got[why.Decrypted] > 0 {
					t.Fatalf("random key of %d bytes: %v", n, got)
				}
				for _, r := range db.reports() {
					if r.SA != nil {
						t.Fatalf("random key of %d bytes: %+v", n, r)
					}
				}
			}
		}
	}
}

func TestNullEncryption(t *testing.T) {
	e := newSealer(esp.Suite{Cipher: esp.CipherByName("null"), Auth: esp.AuthByName("hmac-sha1-96")})
	for _, unchecked := range []bool{false, true} {
		s, want := e.secret(), why.Verified
		if unchecked {
			s.AuthKey, want = esp.Key{}, why.Decrypted
		}
		var packets []espPacket
		for range 5 {
			packets = append(packets, e.next(seal.L2TP(50), 17))
		}
		only(t, "null", newTable(s).run(packets), want)
	}
}

// The high half of the sequence number in mid-life, then over the wrap of the low half.
func TestHighHalfIsFollowed(t *testing.T) {
	for _, suite := range []esp.Suite{
		{Cipher: esp.CipherByName("aes-cbc"), KeyLen: 16, Auth: esp.AuthByName("hmac-sha2-256-128"), ESN: true},
		{Cipher: esp.CipherByName("aes-gcm"), KeyLen: 16, ICVLen: 16, ESN: true},
	} {
		e := newSealer(suite)
		e.seqHigh, e.seq = 777, 0xfffffff8
		s := e.secret()
		s.Suite.ESN = false
		var packets []espPacket
		for i := range 40 {
			packets = append(packets, e.next(seal.L2TP(40+i), 17))
			if e.seq == 0xffffffff {
				e.seqHigh++
			}
		}
		packets[5], packets[9] = packets[9], packets[5] // out of order over the wrap
		db := newTable(s)
		only(t, suite.String(), db.run(packets), why.Verified)
		r := db.reports()[0]
		if r.FirstSeq != 777<<32|0xfffffff9 || r.LastSeq>>32 != 778 || r.Wrapped != 1 || !r.ESN() || r.Missing != 0 || !strings.Contains(r.Reason, "777") {
			t.Errorf("%s: %+v", suite, r)
		}
	}
}

// A value that only the longer search finds, with a damaged packet in front.
func TestHighHalfAfterDamage(t *testing.T) {
	e := newSealer(esp.Suite{Cipher: esp.CipherByName("aes-cbc"), KeyLen: 16, Auth: esp.AuthByName("hmac-sha1-96"), ESN: true})
	e.seqHigh = 40000
	s := e.secret()
	s.Suite.ESN = false
	db := newTable(s)
	var packets []espPacket
	for range 5 {
		packets = append(packets, e.next(seal.L2TP(60), 17))
	}
	packets[0].data[len(packets[0].data)-1] ^= 1
	if got := db.run(packets); got[why.WrongKey] != 1 || got[why.Verified] != 4 {
		t.Errorf("%v", got)
	}
}

// A wrong key costs no more over many packets than over few.
func TestAttemptsBecomeRare(t *testing.T) {
	e := cbcSealer()
	db := newTable(flipped(e.secret(), false, 1))
	p := e.next(seal.L2TP(50), 17)
	unknown := p
	unknown.spi = 0x12345678
	for i := range 100000 {
		binary.BigEndian.PutUint32(p.data[4:], uint32(i))
		if x := db.open(p); x.err != esp.ErrICV || x.Tries() > 30 {
			t.Fatal(x.err, x.Tries())
		}
		if x := db.open(unknown); x.err != salookup.ErrNoKey || x.Tries() > 0 {
			t.Fatal(x.err, x.Tries())
		}
	}
	// What is new is tried at once.
	db.AddSecrets(e.secret())
	if x := db.open(e.next(seal.L2TP(50), 17)); x.Verdict != why.Verified {
		t.Error(x.err)
	}
}

// A key that a table has cut, where the Quick Mode tells the length.
func TestShorterThanAgreed(t *testing.T) {
	packets, full := readFlows(t, captureFile("02-natt-aes256-sha1", "outer.pcap")), readSecrets(t, captureFile("02-natt-aes256-sha1", "keys", "esp_sa"))
	db := newTable()
	for _, s := range full {
		s.Key = s.Key.Head(16)
		db.AddSecrets(s)
		n := &esp.Negotiated{SPI: s.SPI, Suite: s.Suite, KeyReason: "PFS: not derivable"}
		n.Suite.KeyLen = 32
		db.AddNegotiated(n)
	}
	only(t, "cut key", db.run(packets), why.Incomplete)
	if r := db.reports()[0]; !strings.Contains(r.Reason, "16 of 32 bytes of the key (aes-cbc-256) are known, 16 are missing") || !strings.Contains(r.Reason, "PFS") {
		t.Error(r.Reason)
	}
}

func TestIncompleteSays(t *testing.T) {
	for name, want := range map[string]string{
		"02-natt-aes256-sha1": "16 of 32 (aes-cbc-256) or 24 (aes-cbc-192) bytes", "03-3des-sha1-modp1024": "16 of 24 bytes of the key (3des-cbc) are known, 8 are missing",
		"17a-aes128gcm16": "16 of 20 or more (key and salt of",
	} {
		packets, full := readFlows(t, captureFile(name, "outer.pcap")), readSecrets(t, captureFile(name, "keys", "esp_sa"))
		db := newTable()
		for _, s := range full {
			db.AddSecrets(head(s))
		}
		only(t, name, db.run(packets), why.Incomplete)
		for _, r := range db.reports() {
			if !strings.Contains(r.Reason, want) {
				t.Errorf("%s: %q, want %q", name, r.Reason, want)
			}
		}
	}
	// AES-CTR: 16 bytes of key without the nonce.
	packets, full := readFlows(t, captureFile("17b-aes128ctr-sha1", "outer.pcap")), readSecrets(t, captureFile("17b-aes128ctr-sha1", "keys", "esp_sa"))
	for _, s := range full {
		s.Key, s.KeyHead = s.Key.Head(16), true
	}
	db := newTable(full...)
	only(t, "ctr", db.run(packets), why.Incomplete)
	if r := db.reports()[0]; !strings.Contains(r.Reason, "16 of 20 (aes-ctr-128)") {
		t.Error(r.Reason)
	}
}

func TestSecretsSayTheSame(t *testing.T) {
	e := cbcSealer()
	db := newTable(e.secret(), e.secret(), head(e.secret()))
	if n := db.All(); n != 2 {
		t.Errorf("%d secrets", n)
	}
	n := &esp.Negotiated{SPI: e.spi, Suite: e.suite, Cookie: [8]byte{1}, MessageID: 2}
	db.AddNegotiated(n)
	again := *n
	db.AddNegotiated(&again)
	withKey := *n
	withKey.Key = esp.NewKey(e.key)
	db.AddNegotiated(&withKey)
	if list := db.Negotiated(e.spi); len(list) != 1 || list[0] != &withKey {
		t.Errorf("%d Quick Modes", len(list))
	}
}

func TestFlowsAreBounded(t *testing.T) {
	e := cbcSealer()
	db := newTable(e.secret())
	p := e.next(seal.L2TP(50), 17)
	if x := db.open(p); !x.Verdict.Opened() {
		t.Fatal("the key does not fit")
	}
	const n = salookup.MaxUnopened + salookup.MaxUnopened/2
	for i := range uint32(n) {
		db.open(espPacket{i + 256, testSrc, testDst, make([]byte, 80), 0, 1})
	}
	flows, consistent := db.Len()
	if flows != salookup.MaxUnopened+1 || db.Gone() != salookup.MaxGone || !consistent {
		t.Errorf("%d flows, %d accounts, consistent: %v", flows, db.Gone(), consistent)
	}
	if n := uint64(len(db.Flows())) + db.Forgotten(); n != salookup.MaxUnopened+salookup.MaxUnopened/2+1 {
		t.Errorf("%d flows accounted for", n)
	}
	if x := db.open(p); x.Order() != 0 {
		t.Error("a flow with its key went before flows without")
	}
}

// TestIdlestGoesFirst: of the flows that no key opens the one goes whose last packet is oldest.
func TestIdlestGoesFirst(t *testing.T) {
	db := newTable()
	packet := func(spi uint32) espPacket { return espPacket{spi, testSrc, testDst, make([]byte, 80), 0, 1} }
	for i := range uint32(salookup.MaxUnopened) {
		db.open(packet(i + 256))
	}
	db.open(packet(256)) // which now is the newest
	db.open(packet(1 << 30))
	if db.open(packet(256)).Order() != 0 || db.open(packet(258)).Order() != 2 {
		t.Error("a flow went that was not the idlest")
	}
	if db.open(packet(257)).Order() == 1 {
		t.Error("the idlest flow is still there")
	}
}

// TestExpire: what no key opens is forgotten with time. Of other flows it is known for long which
// packets came, also of those that IKE deleted.
func TestExpire(t *testing.T) {
	e := cbcSealer()
	db := newTable(e.secret())
	other := netip.MustParseAddr("203.0.113.2")
	for _, dst := range []netip.Addr{testDst, other} {
		p := e.next(seal.L2TP(50), 17)
		p.dst, p.time = dst, 100e9
		db.open(p)
	}
	db.open(espPacket{77777, testSrc, testDst, make([]byte, 40), 0, 100e9})
	db.Delete(e.spi, testDst)
	db.Expire(190e9, 80e9)
	if n, ok := db.Len(); n != 2 || !ok || len(db.Flows()) != 3 {
		t.Errorf("%d flows, %d accounts", n, len(db.Flows()))
	}
	r := db.reports()[0]
	if !r.Deleted || r.Dst != testDst || r.Cipher != "aes-cbc-128" || r.Verdict != why.Verified {
		t.Errorf("%+v", r)
	}
	p := e.next(seal.L2TP(50), 17)
	p.time = 191e9
	for _, again := range []bool{false, true} {
		x := db.open(p)
		if x.Flow != db.Flows()[0] || !x.Verdict.Opened() {
			t.Errorf("not of the flow that rests: %v", x.err)
		}
		if x.again != again {
			t.Errorf("it came before: %v, want %v", x.again, again)
		}
		db.Expire(500e9, 80e9)
	}
	if n, ok := db.Len(); n != 2 || !ok {
		t.Errorf("%d flows", n)
	}
	if u := db.unused(); len(u) != 0 {
		t.Errorf("unused: %+v", u)
	}
}

// TestDeletedPair: the SA of the other direction rests as early as the one that a Delete names; not
// so another with its SPI, to somewhere else. Its packets are opened as before, and it is not told
// to be deleted.
func TestDeletedPair(t *testing.T) {
	e := cbcSealer()
	db := newTable(e.secret())
	other := netip.MustParseAddr("203.0.113.2")
	db.AddNegotiated(&esp.Negotiated{SPI: 77777, PairSPI: e.spi, Src: testDst, Dst: testSrc, Suite: e.secret().Suite})
	send := func(dst netip.Addr, time int64) admitted {
		p := e.next(seal.L2TP(50), 17)
		p.dst, p.time = dst, time
		return db.open(p)
	}
	send(testDst, 100e9)
	send(other, 100e9)
	db.Delete(77777, netip.Addr{})
	db.Expire(102e9, 80e9)
	if n := db.Resting(); n != 0 {
		t.Errorf("%d flows rest: 2 of 80 s are no thirtieth", n)
	}
	db.Expire(103e9, 80e9)
	if n, ok := db.Len(); n != 2 || !ok || db.Resting() != 1 || len(db.Flows()) != 2 || db.reports()[0].Deleted {
		t.Errorf("%d flows, %d rest, %d accounts, %+v", n, db.Resting(), len(db.Flows()), db.reports()[0])
	}
	if x := send(testDst, 112e9); !x.Verdict.Opened() {
		t.Error(x.err)
	}
}

// TestDeletedForgotten: what was agreed on of an SA that IKE deleted is known as long as its
// account is; that of another SA remains.
func TestDeletedForgotten(t *testing.T) {
	db := newTable()
	const n = salookup.MaxGone + 10
	for spi := range uint32(n) {
		db.AddNegotiated(&esp.Negotiated{SPI: 1000 + spi, Src: testSrc, Dst: testDst})
		db.open(espPacket{1000 + spi, testSrc, testDst, make([]byte, 80), 0, 1e9})
		if spi != n-1 {
			db.Delete(1000+spi, netip.Addr{})
		}
	}
	db.Expire(20e9, 80e9)
	db.Expire(100e9, 80e9) // the last one, that nobody deleted
	known := 0
	for spi := range uint32(n) {
		known += len(db.Negotiated(1000 + spi))
	}
	if known != salookup.MaxGone+1 || db.Gone() != salookup.MaxGone || len(db.Negotiated(1000+n-1)) != 1 {
		t.Errorf("%d of %d are known, with %d accounts", known, n, db.Gone())
	}
}

func TestAdmitAllocations(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	e := cbcSealer()
	db := newTable(e.secret(), again(9, 0).from(2)) // with a rival
	p := e.next(seal.L2TP(200), 17)
	db.open(p)
	var o esp.Opener
	dst := make([]byte, 0, 1000)
	open := func(p espPacket) {
		packet := salookup.Packet{Data: p.data, Cut: p.cut}
		a := db.AdmitOne(salookup.Header{SPI: p.spi, Src: p.src, Dst: p.dst}, packet, p.time)
		if a.Ring == nil {
			a.Flow.Count(nil, nil, a.Err, 1, 0)
			return
		}
		var plain esp.Plaintext
		sa, high, err := a.Ring.Open(&o, &plain, dst, packet)
		a.Flow.Count(&plain, sa, err, 1, high)
	}
	damaged := e.next(seal.L2TP(200), 17)
	damaged.data[30] ^= 1
	unknown := p
	unknown.spi = 0x12345678
	for what, p := range map[string]espPacket{"open": p, "damaged": damaged, "unknown": unknown} {
		open(p)
		open(p)
		if n := testing.AllocsPerRun(2000, func() { open(p) }); n != 0 {
			t.Errorf("%s: %v allocations per packet", what, n)
		}
	}
	// Between the attempts of a flow without the right key.
	db = newTable(flipped(e.secret(), true, 3))
	for range 1000 {
		db.open(p)
	}
	db.Flows()[0].Skip()
	if n := testing.AllocsPerRun(200, func() { open(p) }); n != 0 {
		t.Errorf("%v allocations per packet of a flow under a wrong key", n)
	}
}

// TestSideBySide: packets are admitted, opened and counted by a goroutine each.
func TestSideBySide(t *testing.T) {
	e := cbcSealer()
	db := newTable()
	type packet struct {
		p espPacket
		a salookup.Admission
		x admitted
	}
	admitted, opened := make(chan *packet, 8), make(chan *packet, 8)
	go func() {
		defer close(admitted)
		for i := range 1000 {
			x := &packet{p: e.next(seal.L2TP(50), 17)}
			if i == 500 {
				db.AddSecrets(e.secret())
			}
			x.a = db.AdmitOne(salookup.Header{SPI: e.spi, Src: testSrc, Dst: testDst}, salookup.Packet{Data: x.p.data}, x.p.time)
			admitted <- x
		}
	}()
	go func() {
		defer close(opened)
		var o esp.Opener
		for x := range admitted {
			if x.x.err = x.a.Err; x.a.Ring != nil {
				x.x.sa, _, x.x.err = x.a.Ring.Open(&o, &x.x.plain, nil, salookup.Packet{Data: x.p.data})
			}
			opened <- x
		}
	}()
	for x := range opened {
		x.a.Flow.Count(&x.x.plain, x.x.sa, x.x.err, binary.BigEndian.Uint32(x.p.data[4:]), 0)
	}
	if r := db.reports()[0]; r.NoKey != 500 || r.Verified != 500 || r.Key != "test:1" {
		t.Errorf("%+v", r)
	}
}

// FuzzAdmit feeds packets of one flow, each with its length in front, to a table that knows a
// right, a wrong and an incomplete key.
func FuzzAdmit(f *testing.F) {
	e := cbcSealer()
	var seed []byte
	for i := range 4 {
		p := e.next(seal.L2TP(30+i), 17).data
		seed = append(append(seed, byte(len(p)), byte(i%2)), p...)
	}
	f.Add(seed)
	f.Add([]byte{8, 0, 0xc0, 0xff, 0xee, 1, 0, 0, 0, 1, 8, 9})
	f.Add(bytes.Repeat([]byte{7}, 300))
	f.Fuzz(func(t *testing.T, data []byte) {
		db := newTable(flipped(e.secret(), true, 3), e.secret(), head(e.secret()), &esp.Secret{SPIMask: 0xff, SPI: 1, Key: esp.NewKey(e.key[:13])})
		db.AddNegotiated(&esp.Negotiated{SPI: e.spi, Suite: esp.Suite{Cipher: esp.CipherByName("aes-gcm"), KeyLen: 32}})
		count := uint64(0)
		for len(data) >= 2 {
			n, cut := min(int(data[0]), len(data)-2), int(data[1]%4)*7
			p := espPacket{e.spi, testSrc, testDst, data[2 : 2+n], cut, int64(len(data))}
			data = data[2+n:]
			if n < esp.HeaderLen {
				continue
			}
			if x := db.open(p); (x.err == nil) != x.Verdict.Opened() {
				t.Fatalf("%s, error %v", x.Verdict, x.err)
			}
			count++
		}
		for _, r := range db.reports() {
			if r.Packets() != count {
				t.Fatalf("%+v after %d packets", r, count)
			}
		}
		db.unused()
	})
}

// BenchmarkOpen is the way of a packet with a known key, with the right secret alone and with a
// wrong one beside it.
func BenchmarkOpen(b *testing.B) {
	e := cbcSealer()
	var packets []espPacket
	for range 4096 {
		packets = append(packets, e.next(seal.L2TP(1300), 17))
	}
	for name, secrets := range map[string][]*esp.Secret{"right": {e.secret()}, "right and wrong": {flipped(e.secret(), false, 1), e.secret()}} {
		b.Run(name, func(b *testing.B) {
			db := newTable(secrets...)
			var o esp.Opener
			dst := make([]byte, 0, 2000)
			b.ReportAllocs()
			for i := range b.N {
				p := &packets[i%len(packets)]
				packet := salookup.Packet{Data: p.data}
				a := db.AdmitOne(salookup.Header{SPI: p.spi, Src: p.src, Dst: p.dst}, packet, p.time)
				var plain esp.Plaintext
				sa, high, err := a.Ring.Open(&o, &plain, dst, packet)
				a.Flow.Count(&plain, sa, err, uint32(i), high)
			}
		})
	}
}

// A source that has the head of the authentication key does not let through what the whole key of
// another source refuses.
func TestHeadBesideWholeKey(t *testing.T) {
	packets, full := readFlows(t, captureFile("01-basic-aes128-sha1", "outer.pcap")), readSecrets(t, captureFile("01-basic-aes128-sha1", "keys", "esp_sa"))
	secrets := slices.Clone(full)
	for _, s := range full {
		secrets = append(secrets, head(s))
	}
	packets[0].data = bytes.Clone(packets[0].data)
	packets[0].data[7] ^= 1 // of the sequence number, which the plaintext does not depend on
	got := newTable(secrets...).run(packets)
	if got[why.WrongKey] != 1 || got[why.Verified] != len(packets)-1 {
		t.Errorf("%v", got)
	}
}

// TestNothingToBeWrong: no packet of an SA that has no keys at all is under a wrong one, however
// little it says.
func TestNothingToBeWrong(t *testing.T) {
	e := newSealer(esp.Suite{Cipher: esp.CipherByName("null")})
	db := newTable(e.secret())
	opened := 0
	for i := range 12 {
		data := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, e.spi), uint32(i+1))
		data = append(append(data, make([]byte, 42)...), 0, 88) // EIGRP; no padding
		x := db.open(espPacket{e.spi, testSrc, testDst, data, 0, 1e9})
		if x.Verdict == why.WrongKey {
			t.Errorf("packet %d: %v", i, x.err)
		}
		if x.Verdict.Opened() {
			opened++
		}
	}
	if opened < 6 || opened == 12 {
		t.Errorf("%d of 12 packets are opened", opened)
	}
}
