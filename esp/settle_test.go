package esp

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"l2tpdump/testdata/race"
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
	return newSealer(Suite{Cipher: CipherByName("aes-cbc"), KeyLen: 16, Auth: AuthByName("hmac-sha1-96")})
}

func (e *sealer) secret() *Secret {
	return &Secret{SPI: e.spi, SPIMask: 0xffffffff, Suite: e.suite, Key: NewKey(e.key), AuthKey: NewKey(e.authKey), Origin: Origin{File: "test", Line: 1}}
}

// next seals payload as the next packet.
func (e *sealer) next(payload []byte, proto uint8) espPacket {
	e.seq++
	return espPacket{e.spi, testSrc, testDst, e.seal(payload, proto, nil), 0, int64(e.seq) * 1e6}
}

// Packets that prove little alone have to agree.
func TestWeakEvidenceAddsUp(t *testing.T) {
	e := cbcSealer()
	s := e.secret()
	s.AuthKey = Key{}
	db := newDB([]*Secret{s})
	first := e.next(tcpSegment(10), protoTCP) // no padding at all
	f := db.Lookup(first.spi, first.src, first.dst)
	for range 3 { // copies of one packet are one packet
		sa, _, err := f.Admit(first.data, 0, 0)
		if sa != nil || !errors.Is(err, ErrUndecided) || !errors.Is(err, ErrStructure) {
			t.Fatalf("one packet of little evidence: %v", err)
		}
	}
	if s := f.State(); s.Verdict != WrongKey || !strings.Contains(s.Reason, "may fit") {
		t.Errorf("%+v", s)
	}
	second := e.next(tcpSegment(10), protoTCP)
	if sa, _, err := f.Admit(second.data, 0, 0); sa == nil || err != nil {
		t.Fatalf("two packets: %v", err)
	}
	if s := f.State(); s.Verdict != Decrypted || !strings.Contains(s.Remark, "proved by 2 packets together") {
		t.Errorf("%+v", s)
	}
}

// With a good ICV a little evidence for the encryption key is enough, but it has to be there.
func TestWeakEvidenceBehindGoodICV(t *testing.T) {
	e := cbcSealer()
	db := newDB([]*Secret{e.secret()})
	p := e.next(bytes.Repeat([]byte{0x55}, 14), protoNone)
	if sa, _, err := db.Lookup(p.spi, p.src, p.dst).Admit(p.data, 0, 0); sa == nil || err != nil {
		t.Errorf("dummy packet: %v", err)
	}
	db = newDB([]*Secret{flipped(e.secret(), false, 5)})
	for range 200 {
		p := e.next(bytes.Repeat([]byte{0x55}, 14), protoNone)
		if sa, _, err := db.Lookup(p.spi, p.src, p.dst).Admit(p.data, 0, 0); sa != nil {
			t.Fatalf("wrong encryption key behind a good ICV: %v", err)
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
			secret := &Secret{SPIMask: 0, Key: NewKey(b), KeyHead: n == 16 && rng.IntN(2) == 0, Origin: Origin{File: "random"}}
			for _, list := range [][]espPacket{packets[:40], snapped[:40]} {
				db := newDB([]*Secret{secret})
				if got := run(db, list); got[Verified]+got[Decrypted] > 0 {
					t.Fatalf("random key of %d bytes: %v", n, got)
				}
				for _, f := range db.Flows() {
					if f.State().Err == nil {
						t.Fatalf("random key of %d bytes: %+v", n, f.State())
					}
				}
			}
		}
	}
}

func TestNullEncryption(t *testing.T) {
	e := newSealer(Suite{Cipher: CipherByName("null"), Auth: AuthByName("hmac-sha1-96")})
	for _, unchecked := range []bool{false, true} {
		s, want := e.secret(), Verified
		if unchecked {
			s.AuthKey, want = Key{}, Decrypted
		}
		var packets []espPacket
		for range 5 {
			packets = append(packets, e.next(l2tpPacket(50), protoUDP))
		}
		only(t, "null", run(newDB([]*Secret{s}), packets), want)
	}
}

// The high half of the sequence number in mid-life, then over the wrap of the low half.
func TestHighHalfIsFollowed(t *testing.T) {
	for _, suite := range []Suite{
		{Cipher: CipherByName("aes-cbc"), KeyLen: 16, Auth: AuthByName("hmac-sha2-256-128"), ESN: true},
		{Cipher: CipherByName("aes-gcm"), KeyLen: 16, ICVLen: 16, ESN: true},
	} {
		e := newSealer(suite)
		e.seqHigh, e.seq = 777, 0xfffffff8
		s := e.secret()
		s.Suite.ESN = false
		var packets []espPacket
		for i := range 40 {
			packets = append(packets, e.next(l2tpPacket(40+i), protoUDP))
			if e.seq == 0xffffffff {
				e.seqHigh++
			}
		}
		packets[5], packets[9] = packets[9], packets[5] // out of order over the wrap
		db := newDB([]*Secret{s})
		only(t, suite.String(), run(db, packets), Verified)
		r := db.Flows()[0].Report()
		if r.FirstSeq != 777<<32|0xfffffff9 || r.LastSeq>>32 != 778 || r.Wrapped != 1 || !r.ESN || r.Missing != 0 || !strings.Contains(r.Reason, "777") {
			t.Errorf("%s: %+v", suite, r)
		}
	}
}

// A value that only the longer search finds, with a damaged packet in front.
func TestHighHalfAfterDamage(t *testing.T) {
	e := newSealer(Suite{Cipher: CipherByName("aes-cbc"), KeyLen: 16, Auth: AuthByName("hmac-sha1-96"), ESN: true})
	e.seqHigh = 40000
	s := e.secret()
	s.Suite.ESN = false
	db := newDB([]*Secret{s})
	var packets []espPacket
	for range 5 {
		packets = append(packets, e.next(l2tpPacket(60), protoUDP))
	}
	packets[0].data[len(packets[0].data)-1] ^= 1
	if got := run(db, packets); got[WrongKey] != 1 || got[Verified] != 4 {
		t.Errorf("%v", got)
	}
}

// A wrong key costs no more over many packets than over few.
func TestAttemptsBecomeRare(t *testing.T) {
	e := cbcSealer()
	db := newDB([]*Secret{flipped(e.secret(), false, 1)})
	p := e.next(l2tpPacket(50), protoUDP)
	f := db.Lookup(p.spi, p.src, p.dst)
	for i := range 100000 {
		binary.BigEndian.PutUint32(p.data[4:], uint32(i))
		if sa, _, err := f.Admit(p.data, 0, 0); sa != nil || !errors.Is(err, ErrICV) {
			t.Fatal(err)
		}
	}
	if f.tries > 30 {
		t.Errorf("%d attempts", f.tries)
	}
	spent := fullBudget.foreign - db.budget.foreign
	u := db.Lookup(0x12345678, testSrc, testDst)
	for range 100000 {
		u.Admit(p.data, 0, 1)
	}
	if u.tries > 30 || fullBudget.foreign-db.budget.foreign > spent+200 {
		t.Errorf("%d attempts without a key, %d trials", u.tries, fullBudget.foreign-db.budget.foreign-spent)
	}
	// What is new is tried at once.
	db.AddSecret(e.secret())
	p = e.next(l2tpPacket(50), protoUDP)
	if sa, _, err := f.Admit(p.data, 0, 0); sa == nil || err != nil {
		t.Error(err)
	}
}

// A key that a table has cut, where the Quick Mode tells the length.
func TestShorterThanAgreed(t *testing.T) {
	packets, full := readFlows(t, captureFile("02-natt-aes256-sha1", "outer.pcap")), readSecrets(t, captureFile("02-natt-aes256-sha1", "keys", "esp_sa"))
	db := NewDB()
	for _, s := range full {
		s.Key = s.Key.Head(16)
		db.AddSecret(s)
		n := &Negotiated{SPI: s.SPI, Suite: s.Suite, KeyReason: "PFS: not derivable"}
		n.Suite.KeyLen = 32
		db.AddNegotiated(n)
	}
	only(t, "cut key", run(db, packets), Incomplete)
	if r := db.Flows()[0].Report(); !strings.Contains(r.Reason, "16 of 32 bytes of the key (aes-cbc-256) are known, 16 are missing") || !strings.Contains(r.Reason, "PFS") {
		t.Error(r.Reason)
	}
}

func TestIncompleteSays(t *testing.T) {
	for name, want := range map[string]string{
		"02-natt-aes256-sha1": "16 of 32 (aes-cbc-256) or 24 (aes-cbc-192) bytes", "03-3des-sha1-modp1024": "16 of 24 bytes of the key (3des-cbc) are known, 8 are missing",
		"17a-aes128gcm16": "16 of 20 or more (key and salt of",
	} {
		packets, full := readFlows(t, captureFile(name, "outer.pcap")), readSecrets(t, captureFile(name, "keys", "esp_sa"))
		db := NewDB()
		for _, s := range full {
			db.AddSecret(head(s))
		}
		only(t, name, run(db, packets), Incomplete)
		for _, f := range db.Flows() {
			if r := f.Report(); !strings.Contains(r.Reason, want) {
				t.Errorf("%s: %q, want %q", name, r.Reason, want)
			}
		}
	}
	// AES-CTR: 16 bytes of key without the nonce.
	packets, full := readFlows(t, captureFile("17b-aes128ctr-sha1", "outer.pcap")), readSecrets(t, captureFile("17b-aes128ctr-sha1", "keys", "esp_sa"))
	for _, s := range full {
		s.Key, s.KeyHead = s.Key.Head(16), true
	}
	db := newDB(full)
	only(t, "ctr", run(db, packets), Incomplete)
	if r := db.Flows()[0].Report(); !strings.Contains(r.Reason, "16 of 20 (aes-ctr-128)") {
		t.Error(r.Reason)
	}
}

func TestSecretsSayTheSame(t *testing.T) {
	e := cbcSealer()
	db := newDB([]*Secret{e.secret(), e.secret(), head(e.secret())})
	if len(db.entries) != 2 {
		t.Errorf("%d secrets", len(db.entries))
	}
	n := &Negotiated{SPI: e.spi, Suite: e.suite, Cookie: [8]byte{1}, MessageID: 2}
	db.AddNegotiated(n)
	again := *n
	db.AddNegotiated(&again)
	withKey := *n
	withKey.Key = NewKey(e.key)
	db.AddNegotiated(&withKey)
	if list := db.negotiated[e.spi]; len(list) != 1 || list[0] != &withKey {
		t.Errorf("%d Quick Modes", len(list))
	}
}

func TestFlowsAreBounded(t *testing.T) {
	e := cbcSealer()
	db := newDB([]*Secret{e.secret()})
	p := e.next(l2tpPacket(50), protoUDP)
	if sa, _, _ := db.Lookup(p.spi, p.src, p.dst).Admit(p.data, 0, 0); sa == nil {
		t.Fatal("the key does not fit")
	}
	packet := make([]byte, 80)
	for i := range uint32(maxFlows + maxFlows/2) {
		db.Lookup(i+256, testSrc, testDst).Admit(packet, 0, 1)
	}
	if len(db.flows) > maxFlows || len(db.gone) > maxGone {
		t.Errorf("%d flows, %d accounts", len(db.flows), len(db.gone))
	}
	if n := uint64(len(db.Flows())) + db.Forgotten(); n != maxFlows+maxFlows/2+1 {
		t.Errorf("%d flows accounted for", n)
	}
	if f := db.Lookup(p.spi, p.src, p.dst); f.sa == nil {
		t.Error("a flow with its key went before flows without")
	}
	chained := 0
	for _, f := range db.bySPI {
		for ; f != nil; f = f.next {
			chained++
		}
	}
	if chained != len(db.flows) {
		t.Errorf("%d flows by SPI, %d in all", chained, len(db.flows))
	}
}

func TestExpire(t *testing.T) {
	e := cbcSealer()
	db := newDB([]*Secret{e.secret()})
	other := netip.MustParseAddr("203.0.113.2")
	for _, dst := range []netip.Addr{testDst, other} {
		p := e.next(l2tpPacket(50), protoUDP)
		db.Lookup(p.spi, p.src, dst).Admit(p.data, 0, 100e9)
	}
	db.Lookup(77777, testSrc, testDst).Admit(make([]byte, 40), 0, 100e9)
	db.Delete(e.spi, testDst)
	db.Expire(120e9, 80e9)
	if len(db.flows) != 2 || len(db.Flows()) != 3 {
		t.Errorf("%d flows, %d accounts", len(db.flows), len(db.Flows()))
	}
	r := db.Flows()[0].Report()
	if !r.Deleted || r.Dst != testDst || r.Cipher != "aes-cbc-128" || r.Verdict != Verified {
		t.Errorf("%+v", r)
	}
	p := e.next(l2tpPacket(50), protoUDP)
	if f := db.Lookup(p.spi, p.src, testDst); f == db.Flows()[0] {
		t.Error("an expired flow is in use")
	} else if sa, _, err := f.Admit(p.data, 0, 121e9); sa == nil {
		t.Error(err)
	}
	db.Expire(500e9, 80e9)
	if len(db.flows) != 0 || len(db.bySPI) != 0 {
		t.Errorf("%d flows, %d SPIs", len(db.flows), len(db.bySPI))
	}
	if u := slices.Collect(db.Unused()); len(u) != 0 {
		t.Errorf("unused: %+v", u)
	}
}

func TestAdmitAllocations(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	e := cbcSealer()
	db := newDB([]*Secret{e.secret()})
	p := e.next(l2tpPacket(200), protoUDP)
	db.Lookup(p.spi, p.src, p.dst).Admit(p.data, 0, 1)
	seq := uint32(100)
	if n := testing.AllocsPerRun(2000, func() {
		// The ICV is wrong: once every sampleRecheck packets an attempt is made, which may allocate.
		seq++
		binary.BigEndian.PutUint32(p.data[4:], seq)
		f := db.Lookup(p.spi, p.src, p.dst)
		f.packets |= 1 // never a sample
		f.Admit(p.data, 0, int64(seq))
		f.count(Verified, p.data, 0)
	}); n != 0 {
		t.Errorf("%v allocations per packet of a settled flow", n)
	}
	// The sample itself.
	good := e.next(l2tpPacket(200), protoUDP)
	f := db.Lookup(p.spi, p.src, p.dst)
	if n := testing.AllocsPerRun(200, func() {
		f.check = true
		f.Admit(good.data, 0, int64(seq))
	}); n != 0 {
		t.Errorf("%v allocations per sampled packet", n)
	}
	// Between the attempts of a flow without a key.
	unknown := db.Lookup(0x12345678, testSrc, testDst)
	for range 1000 {
		unknown.Admit(p.data, 0, 1)
	}
	unknown.skip = 1 << 20
	if n := testing.AllocsPerRun(200, func() { db.Lookup(0x12345678, testSrc, testDst).Admit(p.data, 0, 1) }); n != 0 {
		t.Errorf("%v allocations per packet of a flow without a key", n)
	}
}

// What other goroutines may do while packets are admitted.
func TestStateFromOtherGoroutine(t *testing.T) {
	e := cbcSealer()
	db := NewDB()
	f := db.Lookup(e.spi, testSrc, testDst)
	done := make(chan bool)
	go func() {
		for range 1000 {
			f.count(NoKey, nil, 0)
			if s := f.State(); (s.Err == nil) != (f.Origin() == "test:1" && s.Verdict == Verified) && f.State() == s {
				t.Errorf("%+v", s)
			}
		}
		done <- true
	}()
	for i := range 1000 {
		p := e.next(l2tpPacket(50), protoUDP)
		if i == 500 {
			db.AddSecret(e.secret())
		}
		f.Admit(p.data, 0, p.time)
	}
	<-done
	if r := f.Report(); r.NoKey != 1000 || r.Packets != 1000 || r.Key != "test:1" {
		t.Errorf("%+v", r)
	}
}

// FuzzAdmit feeds packets of one flow, each with its length in front, to a DB that knows a right, a wrong and an incomplete key.
func FuzzAdmit(f *testing.F) {
	e := cbcSealer()
	var seed []byte
	for i := range 4 {
		p := e.next(l2tpPacket(30+i), protoUDP).data
		seed = append(append(seed, byte(len(p)), byte(i%2)), p...)
	}
	f.Add(seed)
	f.Add([]byte{8, 0, 0xc0, 0xff, 0xee, 1, 0, 0, 0, 1, 8, 9})
	f.Add(bytes.Repeat([]byte{7}, 300))
	f.Fuzz(func(t *testing.T, data []byte) {
		db := newDB([]*Secret{flipped(e.secret(), true, 3), e.secret(), head(e.secret()), {SPIMask: 0xff, SPI: 1, Key: NewKey(e.key[:13])}})
		db.AddNegotiated(&Negotiated{SPI: e.spi, Suite: Suite{Cipher: CipherByName("aes-gcm"), KeyLen: 32}})
		count := uint64(0)
		for len(data) >= 2 {
			n, cut := min(int(data[0]), len(data)-2), int(data[1]%4)*7
			packet := data[2 : 2+n]
			data = data[2+n:]
			flow := db.Lookup(e.spi, testSrc, testDst)
			sa, high, err := flow.Admit(packet, cut, int64(len(data)))
			count++
			if (sa == nil) != (err != nil) {
				t.Fatalf("sa %v, error %v", sa != nil, err)
			}
			if sa == nil {
				continue
			}
			plain, err := sa.Open(nil, packet, high, cut)
			v, _ := VerdictOf(&plain, err)
			flow.count(v, packet, high)
		}
		for _, flow := range db.Flows() {
			if r := flow.Report(); r.Packets != count || r.Verified+r.Decrypted+r.Wrong+r.Truncated+r.Malformed > count {
				t.Fatalf("%+v after %d packets", r, count)
			}
		}
		for range db.Unused() {
		}
	})
}

func BenchmarkAdmit(b *testing.B) {
	e := cbcSealer()
	db := newDB([]*Secret{e.secret()})
	var packets []espPacket
	for range 4096 {
		packets = append(packets, e.next(l2tpPacket(1300), protoUDP))
	}
	seq := uint32(0)
	b.ReportAllocs()
	for i := range b.N {
		p := &packets[i%len(packets)]
		seq++
		f := db.Lookup(p.spi, p.src, p.dst)
		if _, _, err := f.Admit(p.data, 0, p.time); err != nil {
			b.Fatal(err)
		}
		f.count(Verified, p.data, 0)
	}
}

// A source that has the head of the authentication key does not let through what the whole key of another source refuses.
func TestHeadBesideWholeKey(t *testing.T) {
	packets, full := readFlows(t, captureFile("01-basic-aes128-sha1", "outer.pcap")), readSecrets(t, captureFile("01-basic-aes128-sha1", "keys", "esp_sa"))
	secrets := slices.Clone(full)
	for _, s := range full {
		secrets = append(secrets, head(s))
	}
	packets[0].data = bytes.Clone(packets[0].data)
	packets[0].data[7] ^= 1 // of the sequence number, which the plaintext does not depend on
	got := run(newDB(secrets), packets)
	if got[WrongKey] != 1 || got[Verified] != len(packets)-1 {
		t.Errorf("%v", got)
	}
}
