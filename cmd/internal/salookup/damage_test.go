package salookup_test

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"
	"testing"

	"l2tpdump/testdata/race"
	"l2tpdump/testdata/seal"

	"l2tpdump/cmd/internal/why"
	"l2tpdump/esp"
)

// TestDamagedPacket flips one bit anywhere in one packet, its SPI included: it alone is refused,
// and never for want of a key.
func TestDamagedPacket(t *testing.T) {
	for _, name := range []string{"01-basic-aes128-sha1", "02-natt-aes256-sha1", "03-3des-sha1-modp1024", "04-aes128-md5-modp1024", "05-aes256-sha256-ecp384",
		"17a-aes128gcm16", "17b-aes128ctr-sha1", "17d-aes128-sha256-esn", "17h-aes128ccm16"} {
		step := 7 // coprime with 8 and with the lengths of all fields
		switch {
		case race.Enabled:
			step = 61
		case name[:2] == "01":
			step = 1
		}
		packets, full := readFlows(t, captureFile(name, "outer.pcap"))[:12], readSecrets(t, captureFile(name, "keys", "esp_sa"))
		for _, at := range []int{0, 1, 7} {
			for bit := 0; bit < 8*len(packets[at].data); bit++ {
				if bit >= 32 && (bit+at)%step != 0 {
					continue
				}
				damaged := slices.Clone(packets)
				p := &damaged[at]
				p.data = bytes.Clone(p.data)
				p.data[bit/8] ^= 1 << (bit % 8)
				p.spi = binary.BigEndian.Uint32(p.data)
				db := newTable(full...)
				got := db.run(damaged)
				refused := why.WrongKey
				if bit < 32 {
					refused = why.NoKey // the packet alone does not show whose it is
				}
				if got[refused]+got[why.Malformed] != 1 || got[why.Verified] != len(packets)-1 {
					t.Fatalf("%s: packet %d bit %d: %v", name, at, bit, got)
				}
				for _, r := range db.reports() {
					if r.SPI == p.spi && bit < 32 && (r.Verdict != why.Malformed || !strings.Contains(r.Reason, "the SPI was damaged")) {
						t.Fatalf("%s: packet %d bit %d of the SPI: %s: %s", name, at, bit, r.Verdict, r.Reason)
					}
				}
			}
		}
	}
}

// TestDamagedSPI: what the ICV does not prove is called damaged neither with a wrong key nor
// without one; packets that follow with the same SPI are of another SA.
func TestDamagedSPI(t *testing.T) {
	e := cbcSealer()
	strange := func() espPacket {
		p := e.next(seal.L2TP(50), 17)
		p.spi ^= 1 << 9
		binary.BigEndian.PutUint32(p.data, p.spi)
		return p
	}
	last := func(db *table) report {
		list := db.reports()
		return list[len(list)-1]
	}
	for _, s := range []*esp.Secret{flipped(e.secret(), true, 1), head(e.secret())} {
		db := newTable(s)
		db.run([]espPacket{e.next(seal.L2TP(50), 17), strange()})
		if r := last(db); r.Verdict != why.NoKey {
			t.Errorf("not proved: %s: %s", r.Verdict, r.Reason)
		}
	}
	db := newTable(e.secret())
	db.run([]espPacket{strange()})
	if r := last(db); r.Verdict != why.Malformed {
		t.Errorf("damaged: %s: %s", r.Verdict, r.Reason)
	}
	db.run([]espPacket{strange(), strange(), strange()})
	if r := last(db); r.Verdict != why.NoKey || strings.Contains(r.Reason, "damaged") {
		t.Errorf("an SA of its own: %s: %s", r.Verdict, r.Reason)
	}
	// With extended sequence numbers the high half is that of the SA.
	e = newSealer(esp.Suite{Cipher: esp.CipherByName("aes-gcm"), KeyLen: 16, ICVLen: 16, ESN: true})
	e.seqHigh = 3
	db = newTable(e.secret())
	only(t, "whole", db.run([]espPacket{e.next(seal.L2TP(50), 17), e.next(seal.L2TP(50), 17)}), why.Verified)
	db.run([]espPacket{strange()})
	if r := last(db); r.Verdict != why.Malformed {
		t.Errorf("damaged, ESN: %s: %s", r.Verdict, r.Reason)
	}
}

// TestCutCopiesTakeNoPlaces: anybody can write another number into the head of a packet, and where
// its end was not captured nothing shows that. The packets whose numbers an ICV proves come once.
func TestCutCopiesTakeNoPlaces(t *testing.T) {
	for _, ahead := range []uint32{5, 500, 2000} {
		e := cbcSealer()
		db := newTable(e.secret())
		long := e.next(tcpSegment(300), 6)
		if x := db.open(long); x.Verdict != why.Verified {
			t.Fatal(x.err)
		}
		seq := e.seq
		for i := range uint32(6) {
			forged := long
			forged.data, forged.cut = bytes.Clone(long.data[:128]), len(long.data)-128
			binary.BigEndian.PutUint32(forged.data[4:], seq+ahead*(i/2+1)+i%2)
			if x := db.open(forged); x.Verdict != why.Truncated || x.again {
				t.Fatal(x.Verdict, x.err, x.again)
			}
		}
		var list []espPacket
		for i := range 20 {
			list = append(list, e.next(tcpSegment(10), 6))
			if x := db.open(list[i]); x.Verdict != why.Verified || x.again {
				t.Errorf("%d ahead, packet %d: %v, there before: %v", ahead, i, x.Verdict, x.again)
			}
		}
		for i, p := range list {
			if x := db.open(p); !x.again {
				t.Errorf("%d ahead, packet %d again: it is none that was there", ahead, i)
			}
		}
	}
}
