package salookup_test

import (
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"strings"
	"testing"

	"l2tpdump/testdata/race"
	"l2tpdump/testdata/seal"

	"l2tpdump/cmd/internal/salookup"
	"l2tpdump/cmd/internal/why"
	"l2tpdump/esp"
)

// manySecrets returns n secrets for SPIs that no test's packets have, with a sealer's suite.
func manySecrets(n int) []*esp.Secret {
	rng := rand.New(rand.NewPCG(7, 8))
	list := make([]*esp.Secret, n)
	for i := range list {
		b := make([]byte, 36)
		for j := range b {
			b[j] = byte(rng.Uint32())
		}
		list[i] = &esp.Secret{SPI: 0x80000000 | uint32(i)<<4, SPIMask: 0xffffffff, Suite: cbcSealer().suite, Key: esp.NewKey(b[:16]), AuthKey: esp.NewKey(b[16:]), Origin: origin("table", 0)}
	}
	return list
}

// unknown is a packet of an SPI of which nothing is known.
func unknown(spi uint32, dst netip.Addr, time int64) espPacket {
	p := espPacket{spi, testSrc, dst, make([]byte, 80), 0, time}
	binary.BigEndian.PutUint32(p.data, spi)
	return p
}

// TestFloodOfUnknownSPIs sends packets of ever new SPIs past many keys and one SA that is
// decrypted: what they cost has a bound.
func TestFloodOfUnknownSPIs(t *testing.T) {
	e := cbcSealer()
	db := newTable(append(manySecrets(5000), e.secret())...)
	if x := db.open(e.next(seal.L2TP(50), 17)); !x.Verdict.Opened() {
		t.Fatal("the key does not fit")
	}
	n := 3 * salookup.MaxUnopened
	if race.Enabled {
		n /= 12
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for i := range n {
		db.open(unknown(0x40000000+uint32(i), testDst, 1))
	}
	runtime.ReadMemStats(&after)
	if per := (after.Mallocs - before.Mallocs) / uint64(n); !race.Enabled && per > 8 {
		t.Errorf("%d allocations for a packet of a new SPI", per)
	}
	// The SA that is decrypted has suffered nothing, and a reason is still given.
	if x := db.open(e.next(seal.L2TP(50), 17)); !x.Verdict.Opened() || x.Order() != 0 {
		t.Errorf("the SA in between: %v", x.err)
	}
	d := why.Diagnose(db.Table)
	flows := db.Flows()
	for _, f := range flows {
		d.ESP(f)
	}
	if x := d.ESP(flows[len(flows)-1]); !strings.Contains(x.Cause, "SPI 0xc0ffee01 between the same addresses has a key (test:1)") {
		t.Error(x.Cause)
	}
}

// TestFloodPastKeysForAnySPI: packets of ever new SPIs that keys for any SPI do not open take no
// memory for the candidates of each, and the one that a key opens in between is opened.
func TestFloodPastKeysForAnySPI(t *testing.T) {
	e := cbcSealer()
	secrets := append(manySecrets(32), e.secret())
	for _, s := range secrets {
		s.SPI, s.SPIMask = 0, 0
	}
	db := newTable(secrets...)
	db.open(unknown(0x40000000, testDst, 1))
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	const n = 64
	for i := range uint32(n) {
		db.open(unknown(0x40000001+i, testDst, 1))
	}
	if x := db.open(e.next(seal.L2TP(50), 17)); !x.Verdict.Opened() {
		t.Errorf("the SA in between: %v", x.err)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if per := (int(after.HeapAlloc) - int(before.HeapAlloc)) / n; per > 4<<10 {
		t.Errorf("%d bytes for an SPI", per)
	}
	runtime.KeepAlive(db)
}

// TestOneSPIToManyAddresses: flows of one SPI are found and forgotten one by one.
func TestOneSPIToManyAddresses(t *testing.T) {
	db := newTable()
	const spi, n = 4711, 600
	dst := func(i int) netip.Addr { return netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}) }
	for i := range n {
		db.open(unknown(spi, dst(i), int64(i)*1e9))
	}
	left := func(want int) {
		t.Helper()
		if n, ok := db.Len(); n != want || !ok {
			t.Errorf("%d flows, consistent: %v, want %d", n, ok, want)
		}
	}
	left(n)
	db.Expire(600e9, 500e9)
	left(n - 100)
	db.Expire(5000e9, 1e9)
	left(0)
}

// TestManyDestinationsOfASA: forged packets of an SA's SPI to ever new destinations cost little,
// whether a key opened the SA before them or not, and its own packets are opened wherever they go.
func TestManyDestinationsOfASA(t *testing.T) {
	for _, before := range []bool{true, false} {
		e := cbcSealer()
		db := newTable(e.secret())
		own := func(dst netip.Addr) {
			t.Helper()
			p := e.next(seal.L2TP(50), 17)
			p.dst = dst
			if x := db.open(p); !x.Verdict.Opened() {
				t.Errorf("opened before: %v; to %v: %v", before, dst, x.err)
			}
		}
		if before {
			own(testDst)
		}
		flood := func(network byte) (perPacket uint64) {
			const n = 3000
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			for i := range n {
				db.open(unknown(e.spi, netip.AddrFrom4([4]byte{10, network, byte(i >> 8), byte(i)}), 1))
			}
			runtime.ReadMemStats(&after)
			return (after.Mallocs - before.Mallocs) / n
		}
		flood(1)
		if n := flood(2); !race.Enabled && n > 10 {
			t.Errorf("opened before: %v; %d allocations for a packet", before, n)
		}
		own(testDst)
		own(netip.MustParseAddr("203.0.113.2"))
		own(testDst)
		if _, ok := db.Len(); !ok {
			t.Error("the lists of flows are broken")
		}
	}
}

func BenchmarkUnknownSPIs(b *testing.B) {
	db := newTable(manySecrets(5000)...)
	p := unknown(0, testDst, 1)
	b.ReportAllocs()
	for i := range b.N {
		p.spi = 0x40000000 + uint32(i)
		db.open(p)
	}
}

// BenchmarkFirstPackets is the first packet of each of many SAs, whose keys are all known in full.
func BenchmarkFirstPackets(b *testing.B) {
	const sas = 8192
	secrets := manySecrets(sas)
	packets := make([]salookup.Arrival, sas)
	for i, s := range secrets {
		e := cbcSealer()
		e.spi, e.key, e.authKey = s.SPI, s.Key.Bytes(), s.AuthKey.Bytes()
		p := e.next(seal.L2TP(50), 17)
		packets[i].Header = salookup.Header{SPI: p.spi, Src: p.src, Dst: p.dst}
		packets[i].Data, packets[i].Time = p.data, p.time
	}
	db := salookup.New()
	b.ReportAllocs()
	for i := 0; i < b.N; i += 32 {
		at := i % sas
		if at == 0 {
			b.StopTimer()
			db = salookup.New()
			db.AddSecrets(secrets...)
			b.StartTimer()
		}
		db.Admit(packets[at : at+32])
		if packets[at].Ring == nil {
			b.Fatal("a packet is not opened")
		}
	}
}
