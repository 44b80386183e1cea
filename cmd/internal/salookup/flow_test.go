package salookup_test

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"

	"l2tpdump/cmd/internal/why"
	"l2tpdump/esp"
)

var allCaptures = []string{
	"01-basic-aes128-sha1", "02-natt-aes256-sha1", "03-3des-sha1-modp1024", "04-aes128-md5-modp1024", "05-aes256-sha256-ecp384",
	"06-pfs-rekey-dpd", "09c-ppp-mppe128-stateless", "11-three-clients-two-behind-nat", "15-libreswan-server",
	"16-netem-loss-reorder-dup", "17a-aes128gcm16", "17b-aes128ctr-sha1", "17d-aes128-sha256-esn", "17f-aes192-sha384-modp3072", "17h-aes128ccm16",
	"22-redial-same-sa-vj-deflate", "23-ipcomp-inside-esp", "25-forceencaps-no-nat", "26-heavy-loss-ike-retransmits",
}

func TestFullKeysVerify(t *testing.T) {
	for _, name := range allCaptures {
		if _, err := os.Stat(captureFile(name)); err != nil {
			continue
		}
		packets, secrets := readFlows(t, captureFile(name, "outer.pcap")), readSecrets(t, captureFile(name, "keys", "esp_sa"))
		db := newTable(secrets...)
		only(t, name, db.run(packets), why.Verified)
		for _, r := range db.reports() {
			if r.Verdict != why.Verified || r.Key == "" || r.Verified != r.Packets() || r.Remark != "" {
				t.Errorf("%s: %+v", name, r)
			}
		}
		for _, u := range db.unused() {
			if u.Reason != "SPI never seen" {
				t.Errorf("%s: %s: %s", name, u.Secret.Origin, u.Reason)
			}
		}
		// Without the names of the algorithms.
		var unnamed []*esp.Secret
		for _, s := range secrets {
			c := *s
			c.Suite = esp.Suite{}
			unnamed = append(unnamed, &c)
		}
		only(t, name+" without names", newTable(unnamed...).run(packets), why.Verified)
		// And with the addresses of somebody else.
		elsewhere := esp.AddrPatternFrom(netip.MustParseAddr("192.0.2.1"))
		var translated []*esp.Secret
		for _, s := range secrets {
			c := *s
			c.Src, c.Dst = elsewhere, elsewhere
			translated = append(translated, &c)
		}
		only(t, name+" with other addresses", newTable(translated...).run(packets), why.Verified)
	}
}

func TestHeadsOfKeys(t *testing.T) {
	for name, want := range map[string]why.Verdict{
		"01-basic-aes128-sha1": why.Decrypted, "04-aes128-md5-modp1024": why.Decrypted, "06-pfs-rekey-dpd": why.Incomplete, "17d-aes128-sha256-esn": why.Decrypted,
		"11-three-clients-two-behind-nat": why.Incomplete, "02-natt-aes256-sha1": why.Incomplete, "03-3des-sha1-modp1024": why.Incomplete,
		"05-aes256-sha256-ecp384": why.Incomplete, "17f-aes192-sha384-modp3072": why.Incomplete,
	} {
		packets, full := readFlows(t, captureFile(name, "outer.pcap")), readSecrets(t, captureFile(name, "keys", "esp_sa"))
		var heads []*esp.Secret
		for _, s := range full {
			heads = append(heads, head(s))
		}
		only(t, name, newTable(heads...).run(packets), want)

		// A Quick Mode that names the algorithms.
		db := newTable(heads...)
		for _, s := range full {
			n := &esp.Negotiated{SPI: s.SPI, Suite: s.Suite, KeyReason: "PFS: not derivable"}
			n.Suite.KeyLen = s.Key.Len()
			db.AddNegotiated(n)
		}
		only(t, name+" named", db.run(packets), want)
		for _, r := range db.reports() {
			switch {
			case want == why.Incomplete && (!strings.Contains(r.Reason, "16 of "+map[int]string{24: "24", 32: "32"}[full[0].Key.Len()]+" bytes of the key (") || !strings.Contains(r.Reason, "ipsec sa policy")):
				t.Errorf("%s: reason %q", name, r.Reason)
			case want == why.Decrypted && !strings.Contains(r.Reason, "integrity not checked: 8 of"):
				t.Errorf("%s: remark %q", name, r.Reason)
			}
		}

		// KEYMAT of a Quick Mode: verified, and the heads are found to belong to it.
		db = newTable(heads...)
		for _, s := range full {
			n := &esp.Negotiated{SPI: s.SPI, Suite: s.Suite, Key: s.Key, AuthKey: s.AuthKey}
			n.Suite.KeyLen = s.Key.Len()
			n.Suite.ESN = name == "17d-aes128-sha256-esn"
			db.AddNegotiated(n)
		}
		only(t, name+" with KEYMAT", db.run(packets), why.Verified)
		for _, u := range db.unused() {
			if u.Reason != "SPI never seen" {
				t.Errorf("%s: %s: %s", name, u.Secret.Origin, u.Reason)
			}
		}

		// The same with heads that contradict it.
		db = newTable()
		for _, s := range full {
			db.AddSecrets(flipped(head(s), false, 100))
			n := &esp.Negotiated{SPI: s.SPI, Suite: s.Suite, Key: s.Key, AuthKey: s.AuthKey}
			n.Suite.ESN = name == "17d-aes128-sha256-esn"
			db.AddNegotiated(n)
		}
		only(t, name+" with other KEYMAT", db.run(packets), why.Verified)
		for _, r := range db.reports() {
			if r.Verdict != why.Verified || !strings.Contains(r.Reason, "another key is given by esp_sa") || !strings.Contains(r.Conflict, "the encryption key at esp_sa") {
				t.Errorf("%s: %s; %s", name, r.Reason, r.Conflict)
			}
		}
		if n := len(db.unused()) + len(db.reports()); n != len(full) {
			t.Errorf("%s: of %d heads %d are unused or wrong", name, len(full), n)
		}
	}
}

func TestFlippedKeyIsWrong(t *testing.T) {
	for _, name := range []string{"01-basic-aes128-sha1", "02-natt-aes256-sha1", "04-aes128-md5-modp1024", "17a-aes128gcm16", "17b-aes128ctr-sha1",
		"17d-aes128-sha256-esn", "17h-aes128ccm16"} {
		packets, full := readFlows(t, captureFile(name, "outer.pcap")), readSecrets(t, captureFile(name, "keys", "esp_sa"))
		for bit := 0; bit < 8*full[0].Key.Len(); bit += 37 {
			var wrong []*esp.Secret
			for _, s := range full {
				wrong = append(wrong, flipped(s, false, bit))
			}
			db := newTable(wrong...)
			onlyWrong(t, name, db.run(packets))
			for _, r := range db.with(why.WrongKey) {
				if !full[0].AuthKey.IsZero() && !strings.Contains(r.Reason, "the authentication key fits and the encryption key does not") {
					t.Errorf("%s: %q", name, r.Reason)
				}
			}
		}
		if full[0].AuthKey.IsZero() {
			continue
		}
		var wrong []*esp.Secret
		for _, s := range full {
			wrong = append(wrong, flipped(s, true, 42))
		}
		db := newTable(wrong...)
		only(t, name+" authentication", db.run(packets), why.WrongKey)
		for _, r := range db.with(why.WrongKey) {
			if !strings.Contains(r.Reason, "the encryption key fits and the authentication key does not") {
				t.Errorf("%s: %q", name, r.Reason)
			}
		}
		if full[0].Key.Len() != 16 {
			continue
		}
		// A head with its algorithm named is wrong; without a name it may also be the head of a
		// longer key.
		db = newTable()
		for _, s := range full {
			h := flipped(head(s), false, 77)
			h.Suite = s.Suite
			h.Suite.KeyLen = 16
			db.AddSecrets(h)
		}
		only(t, name+" head", db.run(packets), why.WrongKey)
		if name[:2] == "01" {
			db = newTable()
			for _, s := range full {
				db.AddSecrets(flipped(head(s), false, 77))
			}
			only(t, name+" unnamed head", db.run(packets), why.Incomplete)
		}
	}
}

func TestSwappedPair(t *testing.T) {
	for _, name := range []string{"01-basic-aes128-sha1", "02-natt-aes256-sha1", "17a-aes128gcm16"} {
		packets, full := readFlows(t, captureFile(name, "outer.pcap")), readSecrets(t, captureFile(name, "keys", "esp_sa"))
		var swapped []*esp.Secret
		for i, s := range full {
			c := *full[i^1]
			c.SPI, c.Src, c.Dst, c.Origin = s.SPI, s.Src, s.Dst, s.Origin
			swapped = append(swapped, &c)
		}
		db := newTable(swapped...)
		only(t, name, db.run(packets), why.WrongKey)
		for _, r := range db.with(why.WrongKey) {
			if !strings.Contains(r.Reason, "key of the other direction") || !strings.Contains(r.Reason, "swapped") {
				t.Errorf("%s: %q", name, r.Reason)
			}
		}
		// The heads only, as a log has them.
		db = newTable()
		for _, s := range swapped {
			h := head(s)
			h.Suite = s.Suite
			h.Suite.KeyLen = s.Key.Len() - s.Suite.Cipher.SaltLen
			db.AddSecrets(h)
		}
		if name[:2] == "01" {
			only(t, name+" heads", db.run(packets), why.WrongKey)
			for _, r := range db.with(why.WrongKey) {
				if !strings.Contains(r.Reason, "key of the other direction") {
					t.Errorf("%s heads: %q", name, r.Reason)
				}
			}
		}
	}
}

func TestUnknownSPI(t *testing.T) {
	packets, full := readFlows(t, captureFile("01-basic-aes128-sha1", "outer.pcap")), readSecrets(t, captureFile("01-basic-aes128-sha1", "keys", "esp_sa"))
	reason := func(db *table) string {
		only(t, "unknown SPI", db.run(packets), why.NoKey)
		return db.with(why.NoKey)[0].Reason
	}
	if r := reason(newTable()); r != "no ESP key was given" {
		t.Error(r)
	}
	other := readSecrets(t, captureFile("04-aes128-md5-modp1024", "keys", "esp_sa"))
	db := newTable(other...)
	if r := reason(db); !strings.Contains(r, "another connection") || !strings.Contains(r, "the nearest is 0x") {
		t.Error(r)
	}
	if u := db.unused(); len(u) != len(other) || u[0].Reason != "SPI never seen" {
		t.Errorf("unused: %+v", u)
	}
	var misread []*esp.Secret
	for _, s := range full {
		c := *s
		c.SPI ^= 0x00300000
		misread = append(misread, &c)
	}
	if r := reason(newTable(misread...)); !strings.Contains(r, "opens it: an SPI misread") {
		t.Error(r)
	}
	for i := range misread {
		misread[i] = flipped(misread[i], false, 3)
		misread[i] = flipped(misread[i], true, 3)
	}
	if r := reason(newTable(misread...)); !strings.Contains(r, "differs in 1 of 8 digits") {
		t.Error(r)
	}
	db = newTable()
	for _, s := range full {
		db.AddNegotiated(&esp.Negotiated{SPI: s.SPI, Suite: s.Suite, KeyReason: "PFS: not derivable"})
	}
	if r := reason(db); !strings.Contains(r, "PFS: not derivable") || !strings.Contains(r, "aes-cbc/hmac-sha1-96") {
		t.Error(r)
	}
}

func TestICVLength(t *testing.T) {
	// The old truncation under the new name, and the other way round.
	packets, full := readFlows(t, captureFile("05-aes256-sha256-ecp384", "outer.pcap")), readSecrets(t, captureFile("05-aes256-sha256-ecp384", "keys", "esp_sa"))
	var wrong []*esp.Secret
	for _, s := range full {
		c := *s
		c.Suite.Auth = esp.AuthByName("hmac-sha2-256-96")
		wrong = append(wrong, &c)
	}
	check := func(db *table, packets []espPacket, verdict why.Verdict, auth, remark string) {
		t.Helper()
		only(t, auth, db.run(packets), verdict)
		for _, r := range db.with(verdict) {
			if r.Auth != auth || !strings.Contains(r.Reason, remark) {
				t.Errorf("auth %q, remark %q", r.Auth, r.Reason)
			}
		}
	}
	check(newTable(wrong...), packets, why.Verified, "hmac-sha2-256-128", "128 bits, not the 96")
	short := slices.Clone(packets)
	for i := range short {
		short[i].data = short[i].data[:len(short[i].data)-4]
	}
	check(newTable(full...), short, why.Verified, "hmac-sha2-256-96", "96 bits, not the 128")
	for _, s := range wrong {
		s.AuthKey, s.AuthKeyHead = s.AuthKey.Head(8), true
	}
	check(newTable(wrong...), packets, why.Decrypted, "hmac-sha2-256-128", "128 bits, not the 96")
	gcm, full := readFlows(t, captureFile("17a-aes128gcm16", "outer.pcap")), readSecrets(t, captureFile("17a-aes128gcm16", "keys", "esp_sa"))
	for _, s := range full {
		s.Suite.ICVLen = 8
	}
	check(newTable(full...), gcm, why.Verified, "aead-128", "128 bits, not the 64")
}

func TestExtendedSequenceNumbers(t *testing.T) {
	packets, full := readFlows(t, captureFile("17d-aes128-sha256-esn", "outer.pcap")), readSecrets(t, captureFile("17d-aes128-sha256-esn", "keys", "esp_sa"))
	db := newTable(full...)
	only(t, "high half 0", db.run(packets), why.Verified)
	for _, r := range db.with(why.Verified) {
		if !r.ESN() || r.FirstSeq != 1 {
			t.Errorf("%+v", r)
		}
	}
	packets, full = readFlows(t, peerCapture("scapy", "esp-esn-aes128-sha256.pcap")), readSecrets(t, peerCapture("scapy", "esp-esn-aes128-sha256.esp_sa"))
	db = newTable(full...)
	only(t, "high half 68", db.run(packets), why.Verified)
	if r := db.with(why.Verified)[0]; !r.ESN() || r.FirstSeq>>32 != 68 || !strings.Contains(r.Reason, "68") {
		t.Errorf("%+v", r)
	}
	// A Quick Mode that denies them ends the search.
	db = newTable(full...)
	db.AddNegotiated(&esp.Negotiated{SPI: full[0].SPI, Suite: full[0].Suite})
	only(t, "denied", db.run(packets), why.WrongKey)
	// A source that knows the high half.
	full[0].ESNKnown, full[0].Suite.ESN, full[0].SeqHigh = true, true, 68
	db = newTable(full...)
	db.NoSearches()
	only(t, "given", db.run(packets), why.Verified)
}

func TestTruncatedPackets(t *testing.T) {
	packets, full := readFlows(t, captureFile("01-basic-aes128-sha1", "outer-snap96.pcap")), readSecrets(t, captureFile("01-basic-aes128-sha1", "keys", "esp_sa"))
	whole := 0
	for _, p := range packets {
		if p.cut == 0 {
			whole++
		}
	}
	got := newTable(full...).run(packets)
	if got[why.Verified] != whole || got[why.Truncated] != len(packets)-whole {
		t.Errorf("%v, %d of %d whole", got, whole, len(packets))
	}
	cut := slices.DeleteFunc(slices.Clone(packets), func(p espPacket) bool { return p.cut == 0 })
	db := newTable(full...)
	only(t, "cut only", db.run(cut), why.Truncated)
	for _, r := range db.reports() {
		if r.SA == nil {
			t.Errorf("cut packets did not prove the key: %+v", r)
		}
	}
	var wrong []*esp.Secret
	for _, s := range full {
		wrong = append(wrong, flipped(s, false, 9))
	}
	db = newTable(wrong...)
	db.run(cut)
	for _, r := range db.reports() {
		if r.SA != nil {
			t.Errorf("cut packets proved a wrong key: %+v", r)
		}
	}
}

func TestStructureProvesTunnels(t *testing.T) {
	for _, name := range []string{"02-sunrise-sunset-esp", "08-sunrise-sunset-aes", "08-sunrise-sunset-esp2"} {
		packets, secrets := readFlows(t, peerCapture("tcpdump", name+".pcap")), readSecrets(t, peerCapture("tcpdump", name+".esp_sa"))
		db := newTable(secrets...)
		only(t, name, db.run(packets), why.Decrypted)
		for _, s := range secrets {
			s.Suite = esp.Suite{}
		}
		only(t, name+" without names", newTable(secrets...).run(packets), why.Decrypted)
		for i, s := range secrets {
			secrets[i] = flipped(s, false, 11)
		}
		only(t, name+" wrong", newTable(secrets...).run(packets), why.WrongKey)
	}
}

func TestKeyOfOneConcatenatedPiece(t *testing.T) {
	// pluto logs KEYMAT in one piece.
	packets, full := readFlows(t, captureFile("15-libreswan-server", "outer.pcap")), readSecrets(t, captureFile("15-libreswan-server", "keys", "esp_sa"))
	for i, s := range full {
		full[i] = &esp.Secret{SPI: s.SPI, SPIMask: s.SPIMask, Key: esp.NewKey(append(bytes.Clone(s.Key.Bytes()), s.AuthKey.Bytes()...)), Origin: s.Origin}
	}
	only(t, "one piece", newTable(full...).run(packets), why.Verified)
	for i, s := range full {
		full[i] = flipped(s, false, 8*16+5)
	}
	only(t, "one piece, wrong", newTable(full...).run(packets), why.WrongKey)
}

func TestSourcesCombine(t *testing.T) {
	packets, full := readFlows(t, captureFile("01-basic-aes128-sha1", "outer.pcap")), readSecrets(t, captureFile("01-basic-aes128-sha1", "keys", "esp_sa"))
	db := newTable()
	for _, s := range full { // the encryption key in one source, the authentication key in another
		db.AddSecrets(head(s))
		db.AddSecrets(&esp.Secret{SPI: s.SPI, SPIMask: s.SPIMask, AuthKey: s.AuthKey, Origin: origin("b", 0)})
	}
	only(t, "two sources", db.run(packets), why.Verified)
	if u := db.unused(); len(u) != 0 {
		t.Errorf("unused: %+v", u)
	}
	if r := db.with(why.Verified)[0]; r.Key != "esp_sa:1, b" && r.Key != "esp_sa:2, b" {
		t.Errorf("origin %q", r.Key)
	}
	// Any SPI, as a table with wildcards has it.
	db = newTable()
	for _, s := range full {
		c := *s
		c.SPI, c.SPIMask, c.Src, c.Dst = 0, 0, esp.AddrPattern{}, esp.AddrPattern{}
		db.AddSecrets(&c)
	}
	only(t, "wildcards", db.run(packets), why.Verified)
	db = newTable()
	for _, s := range full {
		c := *flipped(s, false, 9)
		c.SPI, c.SPIMask = s.SPI&0xff00ff00, 0xff00ff00
		db.AddSecrets(&c)
	}
	onlyWrong(t, "wrong key with wildcards", db.run(packets))
}

func TestSecretComesLate(t *testing.T) {
	packets, full := readFlows(t, captureFile("01-basic-aes128-sha1", "outer.pcap")), readSecrets(t, captureFile("01-basic-aes128-sha1", "keys", "esp_sa"))
	db := newTable()
	before := db.run(packets[:100])
	only(t, "before", before, why.NoKey)
	for _, s := range full {
		db.AddSecrets(s)
	}
	only(t, "after", db.run(packets[100:]), why.Verified)
}

func TestSPIInUseAgain(t *testing.T) {
	// The packets of another capture under the SPI of the first.
	first, full := readFlows(t, captureFile("01-basic-aes128-sha1", "outer.pcap")), readSecrets(t, captureFile("01-basic-aes128-sha1", "keys", "esp_sa"))
	second, later := readFlows(t, captureFile("04-aes128-md5-modp1024", "outer.pcap")), readSecrets(t, captureFile("04-aes128-md5-modp1024", "keys", "esp_sa"))
	spi, dst := full[0].SPI, netip.Addr{}
	var old, packets []espPacket
	for _, p := range first {
		if p.spi == spi {
			old, dst = append(old, p), p.dst
		}
	}
	var again *esp.Secret
	for _, p := range second {
		if again == nil {
			for _, s := range later {
				if s.SPI == p.spi {
					c := *s
					c.SPI, again = spi, &c
				}
			}
		}
		if p.dst != second[0].dst {
			continue
		}
		p.spi, p.dst, p.data = spi, dst, bytes.Clone(p.data)
		binary.BigEndian.PutUint32(p.data, spi)
		packets = append(packets, p)
	}
	// The ICV covers the SPI: leave it unchecked for the second key.
	again.AuthKey, again.Suite.Auth = esp.Key{}, esp.AuthByName("any-96")
	for _, told := range []bool{true, false} {
		db := newTable(full[0], again)
		only(t, "first", db.run(old), why.Verified)
		if told {
			db.Delete(spi, dst)
		}
		only(t, "again", db.run(packets), why.Decrypted)
		r := db.reports()[0]
		if !strings.Contains(r.Reason, "into use again") || r.Refused != 0 || r.Verified == 0 || r.Decrypted == 0 || r.Restarts != 1 || r.Missing != 0 || r.Deleted != told {
			t.Errorf("%+v", r)
		}
		if u := db.unused(); len(u) != 0 {
			t.Errorf("unused: %+v", u)
		}
		// The capture begins in the middle of the second use.
		db = newTable(full[0], again)
		only(t, "first", db.run(old), why.Verified)
		if told {
			db.Delete(spi, dst)
		}
		only(t, "in the middle", db.run(packets[20:]), why.Decrypted)
	}
}

func TestSequenceAccounts(t *testing.T) {
	anything := uint64(0)
	packets, full := readFlows(t, captureFile("16-netem-loss-reorder-dup", "outer.pcap")), readSecrets(t, captureFile("16-netem-loss-reorder-dup", "keys", "esp_sa"))
	db := newTable(full...)
	db.run(packets)
	for _, r := range db.reports() {
		seen, duplicates, reordered, last := make(map[uint32]bool), uint64(0), uint64(0), uint32(0)
		for _, p := range packets {
			if p.spi != r.SPI {
				continue
			}
			seq := binary.BigEndian.Uint32(p.data[4:])
			switch {
			case seen[seq]:
				duplicates++
			case seq < last:
				reordered++
			}
			seen[seq] = true
			last = max(last, seq)
		}
		anything += min(r.Missing, r.Duplicates, r.Reordered)
		if r.FirstSeq != 1 || r.LastSeq != uint64(last) || r.Duplicates != duplicates || r.Reordered != reordered || r.Wrapped != 0 || r.Missing != uint64(last)-uint64(len(seen)) || r.Packets() != r.Verified {
			t.Errorf("%+v, want last %d, duplicates %d, reordered %d, %d distinct", r, last, duplicates, reordered, len(seen))
		}
	}
}

func TestShortPackets(t *testing.T) {
	db := newTable(readSecrets(t, captureFile("01-basic-aes128-sha1", "keys", "esp_sa"))...)
	packets := readFlows(t, captureFile("01-basic-aes128-sha1", "outer.pcap"))
	for n := esp.HeaderLen; n < len(packets[0].data); n++ {
		p := packets[0]
		p.data = p.data[:n]
		if x := db.open(p); x.Verdict.Opened() {
			t.Fatalf("%d bytes: %v", n, x.Verdict)
		}
	}
	if got := db.run(packets); got[why.Verified] < len(packets)-7 {
		t.Errorf("afterwards: %v", got)
	}
}
