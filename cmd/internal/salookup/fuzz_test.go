package salookup_test

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"slices"
	"testing"

	"l2tpdump/cmd/internal/why"
	"l2tpdump/esp"
	"l2tpdump/testdata/seal"
)

// FuzzTable reads its input as orders to a table: sources of any kind for few SPIs, right, wrong,
// cut and contradicting, among them packets, deletions and pauses. Nothing panics, what is called
// verified is what was sealed, and the indexes agree with the flows.
func FuzzTable(f *testing.F) {
	sealers := []*sealer{
		cbcSealer(),
		newSealer(esp.Suite{Cipher: esp.CipherByName("null"), Auth: esp.AuthByName("hmac-sha2-256-128")}),
		newSealer(esp.Suite{Cipher: esp.CipherByName("aes-gcm"), KeyLen: 16, ICVLen: 16, ESN: true}),
		newSealer(esp.Suite{Cipher: esp.CipherByName("3des-cbc"), KeyLen: 24, Auth: esp.AuthByName("hmac-md5-96")}),
	}
	payload := seal.L2TP(60)
	var packets [][][]byte
	for i, e := range sealers {
		e.spi, e.seqHigh = 0x1000+uint32(i%3), 0 // two have the same SPI
		var list [][]byte
		for range 8 {
			list = append(list, e.next(payload, 17).data)
		}
		packets = append(packets, list)
	}
	addrs := []netip.Addr{testDst, netip.MustParseAddr("203.0.113.9"), netip.MustParseAddr("2001:db8::1")}
	f.Add([]byte{0, 0, 0, 8, 0, 0, 8, 1, 0, 1, 0, 0, 8, 2, 0})
	f.Add([]byte{1, 1, 4, 3, 17, 1, 8, 1, 0, 8, 2, 0, 5, 1, 0, 6, 9, 0, 8, 3, 0})
	f.Add([]byte{2, 3, 1, 0, 0, 0, 8, 0, 1, 9, 0, 2, 10, 3, 3, 6, 200, 0, 8, 0, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		data = data[:min(len(data), 3*24)] // more steps reach nothing more, and take longer
		db := newTable()
		now := int64(0)
		for ; len(data) >= 3; data = data[3:] {
			op, a, b := data[0], data[1], data[2]
			i := int(a) % len(sealers)
			e := sealers[i]
			other := sealers[int(a/16)%len(sealers)]
			switch op % 12 {
			case 0, 1, 2, 3: // a secret, with parts of two
				s := e.secret()
				s.AuthKey = esp.NewKey(other.authKey)
				if b&1 != 0 {
					s.Suite = other.suite
				}
				if b&2 != 0 {
					s.Suite.Cipher, s.Suite.KeyLen = nil, 0
				}
				if b&4 != 0 {
					s.Key, s.KeyHead = s.Key.Head(int(b)), b&8 != 0
				}
				if b&16 != 0 {
					s.AuthKey, s.AuthKeyHead = s.AuthKey.Head(int(b)/16), true
				}
				if b&32 != 0 {
					s.SPIMask = 0xff0
				}
				if b&64 != 0 && !s.Key.IsZero() {
					s = flipped(s, false, int(a)%8)
				}
				s.ESNKnown = b&128 != 0
				db.AddSecrets(s)
			case 4, 5:
				n := &esp.Negotiated{SPI: e.spi, PairSPI: other.spi, Src: testSrc, Dst: addrs[b%3], Suite: other.suite, MessageID: uint32(b)}
				if b&8 != 0 {
					n.Suite, n.Key, n.AuthKey = e.suite, esp.NewKey(e.key), esp.NewKey(e.authKey)
				}
				db.AddNegotiated(n)
			case 6:
				now += int64(a) * 1e9
				db.Expire(now, int64(b)*1e9)
			case 7:
				db.Delete(e.spi, addrs[b%3])
			default:
				list := packets[i]
				p := list[int(a/4)%len(list)]
				cut := 0
				switch {
				case b&0xc0 == 0xc0:
					cut = int(b & 0x3f)
					p = p[:len(p)-cut]
				case b&0x80 != 0:
					p = bytes.Clone(p)
					p[int(b&0x3f)] ^= 1 << (a % 8)
				}
				spi := binary.BigEndian.Uint32(p)
				x := db.open(espPacket{spi, testSrc, addrs[b%2], p, cut, now})
				if (x.err == nil) != x.Verdict.Opened() {
					t.Fatalf("%s, error %v", x.Verdict, x.err)
				}
				if x.Verdict == why.Verified && (!bytes.Equal(x.plain.Data, payload) || b&0xc0 == 0x80) {
					t.Fatalf("%s verified %d bytes", x.sa.Suite, len(x.plain.Data))
				}
			}
		}
		if _, ok := db.Len(); !ok {
			t.Fatal("the lists of flows are broken")
		}
		for _, r := range db.reports() {
			if r.Verified > r.Packets() || slices.Contains([]why.Verdict{"", why.NoKey}, r.Verdict) && r.Verified > 0 && r.Reason == "" {
				t.Fatalf("%+v", r)
			}
		}
		db.unused()
	})
}
