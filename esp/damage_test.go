package esp

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"
	"testing"

	"l2tpdump/testdata/race"
)

// TestDamagedPacket flips one bit anywhere in one packet, its SPI included: it alone is refused, and never for want of a key.
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
				db := newDB(full)
				got := run(db, damaged)
				if got[WrongKey]+got[Malformed] != 1 || got[Verified] != len(packets)-1 {
					t.Fatalf("%s: packet %d bit %d: %v", name, at, bit, got)
				}
				if f := db.Lookup(p.spi, p.src, p.dst); bit < 32 && (f.State().Verdict != Malformed || !strings.Contains(f.Reason(), "the SPI was damaged")) {
					t.Fatalf("%s: packet %d bit %d of the SPI: %s: %s", name, at, bit, f.State().Verdict, f.Reason())
				}
			}
		}
	}
}

// TestDamagedSPI: what the ICV does not prove is called damaged neither with a wrong key nor without one; packets that follow with the same SPI
// are of another SA.
func TestDamagedSPI(t *testing.T) {
	e := cbcSealer()
	strange := func() espPacket {
		p := e.next(l2tpPacket(50), protoUDP)
		p.spi ^= 1 << 9
		binary.BigEndian.PutUint32(p.data, p.spi)
		return p
	}
	for _, s := range []*Secret{flipped(e.secret(), true, 1), head(e.secret())} {
		db := newDB([]*Secret{s})
		run(db, []espPacket{e.next(l2tpPacket(50), protoUDP)})
		only(t, "not proved", run(db, []espPacket{strange()}), NoKey)
	}
	db := newDB([]*Secret{e.secret()})
	only(t, "damaged", run(db, []espPacket{strange()}), Malformed)
	only(t, "an SA of its own", run(db, []espPacket{strange(), strange(), strange()}), NoKey)
	if r := db.Flows()[0].Reason(); strings.Contains(r, "damaged") {
		t.Error(r)
	}
	// With extended sequence numbers the high half is that of the SA.
	e = newSealer(Suite{Cipher: CipherByName("aes-gcm"), KeyLen: 16, ICVLen: 16, ESN: true})
	e.seqHigh = 3
	db = newDB([]*Secret{e.secret()})
	only(t, "whole", run(db, []espPacket{e.next(l2tpPacket(50), protoUDP), e.next(l2tpPacket(50), protoUDP)}), Verified)
	only(t, "damaged, ESN", run(db, []espPacket{strange()}), Malformed)
}
