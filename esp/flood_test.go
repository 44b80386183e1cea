package esp

import (
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"strings"
	"testing"

	"l2tpdump/testdata/race"
)

// manySecrets returns n secrets for SPIs that no test's packets have, with a sealer's suite.
func manySecrets(n int) []*Secret {
	rng := rand.New(rand.NewPCG(7, 8))
	list := make([]*Secret, n)
	for i := range list {
		b := make([]byte, 36)
		for j := range b {
			b[j] = byte(rng.Uint32())
		}
		list[i] = &Secret{SPI: 0x80000000 | uint32(i)<<4, SPIMask: 0xffffffff, Suite: cbcSealer().suite, Key: NewKey(b[:16]), AuthKey: NewKey(b[16:]), Origin: Origin{File: "table"}}
	}
	return list
}

// TestFloodOfUnknownSPIs sends packets of ever new SPIs past many keys and one SA that is decrypted: what a packet costs has a bound that does not
// depend on the number of keys or of flows.
func TestFloodOfUnknownSPIs(t *testing.T) {
	e := cbcSealer()
	db := newDB(append(manySecrets(5000), e.secret()))
	good := e.next(l2tpPacket(50), protoUDP)
	if sa, _, _ := db.Lookup(good.spi, testSrc, testDst).Admit(good.data, 0, 0); sa == nil {
		t.Fatal("the key does not fit")
	}
	n := 3 * maxFlows
	if race.Enabled {
		n = maxFlows / 4
		db.budget.foreign, db.budget.compares = db.budget.foreign/8, db.budget.compares/8
	}
	packet := make([]byte, 80)
	spent := func(from budget) (foreign, compares int) {
		return from.foreign - db.budget.foreign, from.compares - max(db.budget.compares, 0)
	}
	flood := func(n int) (allocs uint64) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range n {
			spi := 0x40000000 + uint32(db.opened)
			binary.BigEndian.PutUint32(packet, spi)
			db.Lookup(spi, testSrc, testDst).Admit(packet, 0, 1)
		}
		runtime.ReadMemStats(&after)
		return (after.Mallocs - before.Mallocs) / uint64(n)
	}
	start := db.budget
	flood(n)
	// What was left at the start and what the packets brought back.
	foreign, compares := spent(start)
	if foreign > start.foreign || compares > start.compares {
		t.Errorf("%d packets cost %d trials of other keys and %d comparisons", n, foreign, compares)
	}
	if db.budget.foreign > refillForeign || db.budget.compares > refillCompares {
		t.Fatalf("the flood was too small to use the budget up: %+v", db.budget)
	}
	db.budget.foreign, db.budget.compares, db.budget.at = 0, 0, db.clock
	from := db.budget
	many := flood(5000)
	if foreign, compares := spent(from); foreign != 0 || compares != 0 {
		t.Errorf("%d trials and %d comparisons without a budget", foreign, compares)
	}
	if !race.Enabled && many > 16 {
		t.Errorf("%d allocations for a packet of a new SPI", many)
	}
	// The SA that is decrypted has suffered nothing, and a reason is still given.
	good = e.next(l2tpPacket(50), protoUDP)
	f := db.Lookup(good.spi, testSrc, testDst)
	if sa, _, err := f.Admit(good.data, 0, 2); sa == nil || f.Report().Packets != 2 {
		t.Errorf("the SA in between: %v", err)
	}
	spi := binary.BigEndian.Uint32(packet)
	if r := db.Lookup(spi, testSrc, testDst).Reason(); !strings.Contains(r, "SPI 0xc0ffee01 between the same addresses has a key (test:1)") {
		t.Error(r)
	}
}

// TestBudgetComesBack: what was spent on diagnosis is there again after many packets, up to what there was.
func TestBudgetComesBack(t *testing.T) {
	var b budget
	b.compares = -1
	b.refill(refillEvery - 1)
	if b.searches != 0 || b.foreign != 0 {
		t.Errorf("%+v", b)
	}
	b.refill(2*refillEvery + 1)
	if b.searches != 2 || b.foreign != 2*refillForeign || b.compares != 2*refillCompares || b.at != 2*refillEvery {
		t.Errorf("%+v", b)
	}
	b.refill(1 << 40)
	if b.at = 0; b != fullBudget {
		t.Errorf("%+v", b)
	}
}

// TestOneSPIToManyAddresses: flows of one SPI are found and forgotten one by one.
func TestOneSPIToManyAddresses(t *testing.T) {
	db := NewDB()
	const spi, n = 4711, 600
	dst := func(i int) netip.Addr { return netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}) }
	packet := make([]byte, 40)
	for i := range n {
		db.Lookup(spi, testSrc, dst(i)).Admit(packet, 0, int64(i)*1e9)
	}
	chain := func() (list []*Flow) {
		for f := db.bySPI[spi]; f != nil; f = f.next {
			if f.next != nil && f.next.prev != f || len(list) == 0 && f.prev != nil {
				t.Fatal("the list is broken")
			}
			list = append(list, f)
		}
		return list
	}
	if len(chain()) != n {
		t.Fatalf("%d flows", len(chain()))
	}
	db.Delete(spi, dst(300)) // goes early
	db.Expire(600e9, 500e9)
	if got := chain(); len(got) != n-101 || len(db.flows) != len(got) {
		t.Errorf("%d flows, %d in the list", len(db.flows), len(got))
	}
	db.Expire(5000e9, 1e9)
	if len(chain()) != 0 || len(db.bySPI) != 0 || len(db.flows) != 0 {
		t.Errorf("%d flows, %d SPIs", len(db.flows), len(db.bySPI))
	}
}

func BenchmarkUnknownSPIs(b *testing.B) {
	db := newDB(manySecrets(5000))
	packet := make([]byte, 80)
	b.ReportAllocs()
	for i := range b.N {
		spi := 0x40000000 + uint32(i)
		binary.BigEndian.PutUint32(packet, spi)
		db.Lookup(spi, testSrc, testDst).Admit(packet, 0, 1)
	}
}
