package esp

import (
	"bytes"
	"encoding/binary"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// espPacket is an ESP packet of a capture.
type espPacket struct {
	spi      uint32
	src, dst netip.Addr
	data     []byte
	cut      int
	time     int64
}

// readFlows returns the ESP packets of a capture, a millisecond apart.
func readFlows(t testing.TB, path string) []espPacket {
	t.Helper()
	if _, err := os.Stat(path); err != nil && strings.Contains(path, "peer-captures") {
		t.Skip(err)
	}
	var list []espPacket
	for i, p := range readESP(t, path) {
		list = append(list, espPacket{binary.BigEndian.Uint32(p.data), p.src, p.dst, p.data, p.truncatedBy, int64(i+1) * 1e6})
	}
	if len(list) == 0 {
		t.Fatalf("%s: no ESP", path)
	}
	return list
}

// readSecrets returns the rows of an esp_sa table as secrets.
func readSecrets(t testing.TB, path string) []*Secret {
	t.Helper()
	var list []*Secret
	for i, r := range readTable(t, path) {
		list = append(list, &Secret{SPI: r.spi, SPIMask: 0xffffffff, Src: r.src, Dst: r.dst, Suite: r.suite, Key: r.key, AuthKey: r.authKey,
			Origin: Origin{File: "esp_sa", Line: i + 1}})
	}
	return list
}

func captureFile(name ...string) string {
	return filepath.Join(append([]string{"..", "testdata", "captures"}, name...)...)
}

func peerCapture(name ...string) string {
	return filepath.Join(append([]string{"..", "..", "shared", "peer-captures"}, name...)...)
}

// head cuts a secret to what a router's log shows of it: no algorithm, 16 and 8 bytes.
func head(s *Secret) *Secret {
	return &Secret{SPI: s.SPI, SPIMask: s.SPIMask, Key: s.Key.Head(16), AuthKey: s.AuthKey.Head(8), KeyHead: true, AuthKeyHead: true, Origin: s.Origin}
}

// flipped is the secret with one bit of the encryption or the authentication key changed.
func flipped(s *Secret, auth bool, bit int) *Secret {
	c := *s
	k := &c.Key
	if auth {
		k = &c.AuthKey
	}
	b := bytes.Clone(k.Bytes())
	b[bit/8] ^= 0x80 >> (bit % 8)
	*k = NewKey(b)
	return &c
}

// run admits and opens all packets and counts the verdicts.
func run(db *DB, packets []espPacket) map[Verdict]int {
	count := make(map[Verdict]int)
	for _, p := range packets {
		f := db.Lookup(p.spi, p.src, p.dst)
		sa, high, err := f.Admit(p.data, p.cut, p.time)
		var plain Plaintext
		if sa != nil {
			plain, err = sa.Open(nil, p.data, high, p.cut)
		}
		v, _ := VerdictOf(&plain, err)
		f.count(v, p.data, high)
		count[v]++
	}
	return count
}

// count is Count for a packet that was admitted just now.
func (f *Flow) count(v Verdict, packet []byte, high uint32) {
	seq := uint32(0)
	if len(packet) >= HeaderLen {
		seq = binary.BigEndian.Uint32(packet[4:])
	}
	f.Count(v, f.State(), seq, high)
}

func newDB(secrets []*Secret) *DB {
	db := NewDB()
	for _, s := range secrets {
		db.AddSecret(s)
	}
	return db
}

// reports returns the accounts of the flows by verdict.
func reports(db *DB) map[Verdict][]Report {
	m := make(map[Verdict][]Report)
	for _, f := range db.Flows() {
		r := f.Report()
		m[r.Verdict] = append(m[r.Verdict], r)
	}
	return m
}

func only(t *testing.T, what string, got map[Verdict]int, want Verdict) {
	t.Helper()
	if len(got) != 1 || got[want] == 0 {
		t.Errorf("%s: %v, want only %q", what, got, want)
	}
}

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
		db := newDB(secrets)
		only(t, name, run(db, packets), Verified)
		for _, f := range db.Flows() {
			if r := f.Report(); r.Verdict != Verified || r.Key == "" || r.Verified != r.Packets || (f.State().Remark != "") != r.ESN && name != "17d-aes128-sha256-esn" {
				t.Errorf("%s: %+v", name, r)
			}
		}
		for u := range db.Unused() {
			if u.Reason != "SPI never seen" {
				t.Errorf("%s: %s: %s", name, u.Secret.Origin, u.Reason)
			}
		}
		// Without the names of the algorithms.
		var unnamed []*Secret
		for _, s := range secrets {
			c := *s
			c.Suite = Suite{}
			unnamed = append(unnamed, &c)
		}
		only(t, name+" without names", run(newDB(unnamed), packets), Verified)
		// And with the addresses of somebody else.
		elsewhere := AddrPatternFrom(netip.MustParseAddr("192.0.2.1"))
		var translated []*Secret
		for _, s := range secrets {
			c := *s
			c.Src, c.Dst = elsewhere, elsewhere
			translated = append(translated, &c)
		}
		only(t, name+" with other addresses", run(newDB(translated), packets), Verified)
	}
}

func TestHeadsOfKeys(t *testing.T) {
	for name, want := range map[string]Verdict{
		"01-basic-aes128-sha1": Decrypted, "04-aes128-md5-modp1024": Decrypted, "06-pfs-rekey-dpd": Incomplete, "17d-aes128-sha256-esn": Decrypted,
		"11-three-clients-two-behind-nat": Incomplete, "02-natt-aes256-sha1": Incomplete, "03-3des-sha1-modp1024": Incomplete,
		"05-aes256-sha256-ecp384": Incomplete, "17f-aes192-sha384-modp3072": Incomplete,
	} {
		packets, full := readFlows(t, captureFile(name, "outer.pcap")), readSecrets(t, captureFile(name, "keys", "esp_sa"))
		var heads []*Secret
		for _, s := range full {
			heads = append(heads, head(s))
		}
		only(t, name, run(newDB(heads), packets), want)

		// A Quick Mode that names the algorithms.
		db := newDB(heads)
		for _, s := range full {
			n := &Negotiated{SPI: s.SPI, Suite: s.Suite, KeyReason: "PFS: not derivable"}
			n.Suite.KeyLen = s.Key.Len()
			db.AddNegotiated(n)
		}
		only(t, name+" named", run(db, packets), want)
		for _, f := range db.Flows() {
			r := f.Report()
			switch {
			case want == Incomplete && (!strings.Contains(r.Reason, "16 of "+map[int]string{24: "24", 32: "32"}[full[0].Key.Len()]+" bytes of the key (") || !strings.Contains(r.Reason, "ipsec sa policy")):
				t.Errorf("%s: reason %q", name, r.Reason)
			case want == Decrypted && !strings.Contains(r.Reason, "integrity not checked: 8 of"):
				t.Errorf("%s: remark %q", name, r.Reason)
			}
		}

		// KEYMAT of a Quick Mode: verified, and the heads are found to belong to it.
		db = newDB(heads)
		for _, s := range full {
			n := &Negotiated{SPI: s.SPI, Suite: s.Suite, Key: s.Key, AuthKey: s.AuthKey}
			n.Suite.KeyLen = s.Key.Len()
			n.Suite.ESN = name == "17d-aes128-sha256-esn"
			db.AddNegotiated(n)
		}
		only(t, name+" with KEYMAT", run(db, packets), Verified)
		for u := range db.Unused() {
			if u.Reason != "SPI never seen" {
				t.Errorf("%s: %s: %s", name, u.Secret.Origin, u.Reason)
			}
		}

		// The same with heads that contradict it.
		db = newDB(nil)
		for _, s := range full {
			db.AddSecret(flipped(head(s), false, 100))
			n := &Negotiated{SPI: s.SPI, Suite: s.Suite, Key: s.Key, AuthKey: s.AuthKey}
			n.Suite.ESN = name == "17d-aes128-sha256-esn"
			db.AddNegotiated(n)
		}
		only(t, name+" with other KEYMAT", run(db, packets), Verified)
		for _, f := range db.Flows() {
			if r := f.Report(); !strings.Contains(r.Reason, "another key is given by esp_sa") {
				t.Errorf("%s: remark %q", name, r.Reason)
			}
		}
		if n := len(slices.Collect(db.Unused())); n != len(full) {
			t.Errorf("%s: %d of %d wrong heads unused", name, n, len(full))
		}
	}
}

func TestFlippedKeyIsWrong(t *testing.T) {
	for _, name := range []string{"01-basic-aes128-sha1", "02-natt-aes256-sha1", "04-aes128-md5-modp1024", "17a-aes128gcm16", "17b-aes128ctr-sha1",
		"17d-aes128-sha256-esn", "17h-aes128ccm16"} {
		packets, full := readFlows(t, captureFile(name, "outer.pcap")), readSecrets(t, captureFile(name, "keys", "esp_sa"))
		for bit := 0; bit < 8*full[0].Key.Len(); bit += 37 {
			var wrong []*Secret
			for _, s := range full {
				wrong = append(wrong, flipped(s, false, bit))
			}
			db := newDB(wrong)
			only(t, name, run(db, packets), WrongKey)
			for _, r := range reports(db)[WrongKey] {
				if !full[0].AuthKey.IsZero() && !strings.Contains(r.Reason, "the authentication key fits and the encryption key does not") {
					t.Errorf("%s: %q", name, r.Reason)
				}
			}
		}
		if full[0].AuthKey.IsZero() {
			continue
		}
		var wrong []*Secret
		for _, s := range full {
			wrong = append(wrong, flipped(s, true, 42))
		}
		db := newDB(wrong)
		only(t, name+" authentication", run(db, packets), WrongKey)
		for _, r := range reports(db)[WrongKey] {
			if !strings.Contains(r.Reason, "the encryption key fits and the authentication key does not") {
				t.Errorf("%s: %q", name, r.Reason)
			}
		}
		if full[0].Key.Len() != 16 {
			continue
		}
		// A head with its algorithm named is wrong; without a name it may also be the head of a longer key.
		db = NewDB()
		for _, s := range full {
			h := flipped(head(s), false, 77)
			h.Suite = s.Suite
			h.Suite.KeyLen = 16
			db.AddSecret(h)
		}
		only(t, name+" head", run(db, packets), WrongKey)
		if name[:2] == "01" {
			db = NewDB()
			for _, s := range full {
				db.AddSecret(flipped(head(s), false, 77))
			}
			only(t, name+" unnamed head", run(db, packets), Incomplete)
		}
	}
}

func TestSwappedPair(t *testing.T) {
	for _, name := range []string{"01-basic-aes128-sha1", "02-natt-aes256-sha1", "17a-aes128gcm16"} {
		packets, full := readFlows(t, captureFile(name, "outer.pcap")), readSecrets(t, captureFile(name, "keys", "esp_sa"))
		var swapped []*Secret
		for i, s := range full {
			c := *full[i^1]
			c.SPI, c.Src, c.Dst, c.Origin = s.SPI, s.Src, s.Dst, s.Origin
			swapped = append(swapped, &c)
		}
		db := newDB(swapped)
		only(t, name, run(db, packets), WrongKey)
		for _, r := range reports(db)[WrongKey] {
			if !strings.Contains(r.Reason, "key of the other direction") || !strings.Contains(r.Reason, "swapped") {
				t.Errorf("%s: %q", name, r.Reason)
			}
		}
		// The heads only, as a log has them.
		db = NewDB()
		for _, s := range swapped {
			h := head(s)
			h.Suite = s.Suite
			h.Suite.KeyLen = s.Key.Len() - s.Suite.Cipher.SaltLen
			db.AddSecret(h)
		}
		if name[:2] == "01" {
			only(t, name+" heads", run(db, packets), WrongKey)
			for _, r := range reports(db)[WrongKey] {
				if !strings.Contains(r.Reason, "key of the other direction") {
					t.Errorf("%s heads: %q", name, r.Reason)
				}
			}
		}
	}
}

func TestUnknownSPI(t *testing.T) {
	packets, full := readFlows(t, captureFile("01-basic-aes128-sha1", "outer.pcap")), readSecrets(t, captureFile("01-basic-aes128-sha1", "keys", "esp_sa"))
	reason := func(db *DB) string {
		only(t, "unknown SPI", run(db, packets), NoKey)
		return reports(db)[NoKey][0].Reason
	}
	if r := reason(NewDB()); r != "no ESP key was given" {
		t.Error(r)
	}
	other := readSecrets(t, captureFile("04-aes128-md5-modp1024", "keys", "esp_sa"))
	db := newDB(other)
	if r := reason(db); !strings.Contains(r, "another connection") || !strings.Contains(r, "the nearest is 0x") {
		t.Error(r)
	}
	if u := slices.Collect(db.Unused()); len(u) != len(other) || u[0].Reason != "SPI never seen" {
		t.Errorf("unused: %+v", u)
	}
	var misread []*Secret
	for _, s := range full {
		c := *s
		c.SPI ^= 0x00300000
		misread = append(misread, &c)
	}
	if r := reason(newDB(misread)); !strings.Contains(r, "opens it: an SPI misread") {
		t.Error(r)
	}
	for i := range misread {
		misread[i] = flipped(misread[i], false, 3)
		misread[i] = flipped(misread[i], true, 3)
	}
	if r := reason(newDB(misread)); !strings.Contains(r, "differs in 1 of 8 digits") {
		t.Error(r)
	}
	db = NewDB()
	for _, s := range full {
		db.AddNegotiated(&Negotiated{SPI: s.SPI, Suite: s.Suite, KeyReason: "PFS: not derivable"})
	}
	if r := reason(db); !strings.Contains(r, "PFS: not derivable") || !strings.Contains(r, "aes-cbc/hmac-sha1-96") {
		t.Error(r)
	}
}

func TestICVLength(t *testing.T) {
	// The old truncation under the new name, and the other way round.
	packets, full := readFlows(t, captureFile("05-aes256-sha256-ecp384", "outer.pcap")), readSecrets(t, captureFile("05-aes256-sha256-ecp384", "keys", "esp_sa"))
	var wrong []*Secret
	for _, s := range full {
		c := *s
		c.Suite.Auth = AuthByName("hmac-sha2-256-96")
		wrong = append(wrong, &c)
	}
	check := func(db *DB, packets []espPacket, verdict Verdict, auth, remark string) {
		t.Helper()
		only(t, auth, run(db, packets), verdict)
		for _, r := range reports(db)[verdict] {
			if r.Auth != auth || !strings.Contains(r.Reason, remark) {
				t.Errorf("auth %q, remark %q", r.Auth, r.Reason)
			}
		}
	}
	check(newDB(wrong), packets, Verified, "hmac-sha2-256-128", "128 bits, not the 96")
	short := slices.Clone(packets)
	for i := range short {
		short[i].data = short[i].data[:len(short[i].data)-4]
	}
	check(newDB(full), short, Verified, "hmac-sha2-256-96", "96 bits, not the 128")
	for _, s := range wrong {
		s.AuthKey, s.AuthKeyHead = s.AuthKey.Head(8), true
	}
	check(newDB(wrong), packets, Decrypted, "hmac-sha2-256-128", "128 bits, not the 96")
	gcm, full := readFlows(t, captureFile("17a-aes128gcm16", "outer.pcap")), readSecrets(t, captureFile("17a-aes128gcm16", "keys", "esp_sa"))
	for _, s := range full {
		s.Suite.ICVLen = 8
	}
	check(newDB(full), gcm, Verified, "aead-128", "128 bits, not the 64")
}

func TestExtendedSequenceNumbers(t *testing.T) {
	packets, full := readFlows(t, captureFile("17d-aes128-sha256-esn", "outer.pcap")), readSecrets(t, captureFile("17d-aes128-sha256-esn", "keys", "esp_sa"))
	db := newDB(full)
	only(t, "high half 0", run(db, packets), Verified)
	for _, r := range reports(db)[Verified] {
		if !r.ESN || r.FirstSeq != 1 {
			t.Errorf("%+v", r)
		}
	}
	packets, full = readFlows(t, peerCapture("scapy", "esp-esn-aes128-sha256.pcap")), readSecrets(t, peerCapture("scapy", "esp-esn-aes128-sha256.esp_sa"))
	db = newDB(full)
	only(t, "high half 68", run(db, packets), Verified)
	if r := reports(db)[Verified][0]; !r.ESN || r.FirstSeq>>32 != 68 || !strings.Contains(r.Reason, "68") {
		t.Errorf("%+v", r)
	}
	// A Quick Mode that denies them ends the search.
	db = newDB(full)
	db.AddNegotiated(&Negotiated{SPI: full[0].SPI, Suite: full[0].Suite})
	only(t, "denied", run(db, packets), WrongKey)
	// A source that knows the high half.
	full[0].ESNKnown, full[0].Suite.ESN, full[0].SeqHigh = true, true, 68
	db = newDB(full)
	db.budget.searches = 0
	only(t, "given", run(db, packets), Verified)
}

func TestTruncatedPackets(t *testing.T) {
	packets, full := readFlows(t, captureFile("01-basic-aes128-sha1", "outer-snap96.pcap")), readSecrets(t, captureFile("01-basic-aes128-sha1", "keys", "esp_sa"))
	whole := 0
	for _, p := range packets {
		if p.cut == 0 {
			whole++
		}
	}
	got := run(newDB(full), packets)
	if got[Verified] != whole || got[Truncated] != len(packets)-whole {
		t.Errorf("%v, %d of %d whole", got, whole, len(packets))
	}
	cut := slices.DeleteFunc(slices.Clone(packets), func(p espPacket) bool { return p.cut == 0 })
	db := newDB(full)
	only(t, "cut only", run(db, cut), Truncated)
	for _, f := range db.Flows() {
		if f.State().Err != nil {
			t.Errorf("cut packets did not settle the flow: %+v", f.State())
		}
	}
	var wrong []*Secret
	for _, s := range full {
		wrong = append(wrong, flipped(s, false, 9))
	}
	db = newDB(wrong)
	run(db, cut)
	for _, f := range db.Flows() {
		if f.State().Err == nil {
			t.Errorf("a wrong key settled on cut packets: %+v", f.State())
		}
	}
}

func TestStructureProvesTunnels(t *testing.T) {
	for _, name := range []string{"02-sunrise-sunset-esp", "08-sunrise-sunset-aes", "08-sunrise-sunset-esp2"} {
		packets, secrets := readFlows(t, peerCapture("tcpdump", name+".pcap")), readSecrets(t, peerCapture("tcpdump", name+".esp_sa"))
		db := newDB(secrets)
		only(t, name, run(db, packets), Decrypted)
		for _, s := range secrets {
			s.Suite = Suite{}
		}
		only(t, name+" without names", run(newDB(secrets), packets), Decrypted)
		for i, s := range secrets {
			secrets[i] = flipped(s, false, 11)
		}
		only(t, name+" wrong", run(newDB(secrets), packets), WrongKey)
	}
}

func TestKeyOfOneConcatenatedPiece(t *testing.T) {
	// pluto logs KEYMAT in one piece.
	packets, full := readFlows(t, captureFile("15-libreswan-server", "outer.pcap")), readSecrets(t, captureFile("15-libreswan-server", "keys", "esp_sa"))
	for i, s := range full {
		full[i] = &Secret{SPI: s.SPI, SPIMask: s.SPIMask, Key: NewKey(append(bytes.Clone(s.Key.Bytes()), s.AuthKey.Bytes()...)), Origin: s.Origin}
	}
	only(t, "one piece", run(newDB(full), packets), Verified)
	for i, s := range full {
		full[i] = flipped(s, false, 8*16+5)
	}
	only(t, "one piece, wrong", run(newDB(full), packets), WrongKey)
}

func TestSourcesCombine(t *testing.T) {
	packets, full := readFlows(t, captureFile("01-basic-aes128-sha1", "outer.pcap")), readSecrets(t, captureFile("01-basic-aes128-sha1", "keys", "esp_sa"))
	db := NewDB()
	for _, s := range full { // the encryption key in one source, the authentication key in another
		db.AddSecret(head(s))
		db.AddSecret(&Secret{SPI: s.SPI, SPIMask: s.SPIMask, AuthKey: s.AuthKey, Origin: Origin{File: "b"}})
	}
	only(t, "two sources", run(db, packets), Verified)
	if u := slices.Collect(db.Unused()); len(u) != 0 {
		t.Errorf("unused: %+v", u)
	}
	if r := reports(db)[Verified][0]; r.Key != "esp_sa:1, b" && r.Key != "esp_sa:2, b" {
		t.Errorf("origin %q", r.Key)
	}
	// Any SPI, as a table with wildcards has it.
	db = NewDB()
	for _, s := range full {
		c := *s
		c.SPI, c.SPIMask, c.Src, c.Dst = 0, 0, AddrPattern{}, AddrPattern{}
		db.AddSecret(&c)
	}
	only(t, "wildcards", run(db, packets), Verified)
	db = NewDB()
	for _, s := range full {
		c := *flipped(s, false, 9)
		c.SPI, c.SPIMask = s.SPI&0xff00ff00, 0xff00ff00
		db.AddSecret(&c)
	}
	only(t, "wrong key with wildcards", run(db, packets), WrongKey)
}

func TestSecretComesLate(t *testing.T) {
	packets, full := readFlows(t, captureFile("01-basic-aes128-sha1", "outer.pcap")), readSecrets(t, captureFile("01-basic-aes128-sha1", "keys", "esp_sa"))
	db := NewDB()
	before := run(db, packets[:100])
	only(t, "before", before, NoKey)
	for _, s := range full {
		db.AddSecret(s)
	}
	only(t, "after", run(db, packets[100:]), Verified)
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
	var again *Secret
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
	again.AuthKey, again.Suite.Auth = Key{}, AuthByName("any-96")
	for _, told := range []bool{true, false} {
		db := newDB([]*Secret{full[0], again})
		only(t, "first", run(db, old), Verified)
		if told {
			db.Delete(spi, dst)
		}
		only(t, "again", run(db, packets), Decrypted)
		r := db.Flows()[0].Report()
		if !strings.Contains(r.Reason, "into use again") || r.Wrong != 0 || r.Verified == 0 || r.Decrypted == 0 || r.Restarts != 1 || r.Missing != 0 || r.Deleted != told {
			t.Errorf("%+v", r)
		}
		if u := slices.Collect(db.Unused()); len(u) != 0 {
			t.Errorf("unused: %+v", u)
		}
		// The capture begins in the middle of the second use: some packets pass before it is noticed.
		db = newDB([]*Secret{full[0], again})
		only(t, "first", run(db, old), Verified)
		if told {
			db.Delete(spi, dst)
		}
		got := run(db, packets[20:])
		if allowed := map[bool]int{true: 0, false: behindRecheck}[told]; got[WrongKey]+got[Malformed] > allowed || got[Decrypted] < len(packets)-20-allowed {
			t.Errorf("told %v: %v", told, got)
		}
	}
}

func TestSequenceAccounts(t *testing.T) {
	anything := uint64(0)
	packets, full := readFlows(t, captureFile("16-netem-loss-reorder-dup", "outer.pcap")), readSecrets(t, captureFile("16-netem-loss-reorder-dup", "keys", "esp_sa"))
	db := newDB(full)
	run(db, packets)
	for _, f := range db.Flows() {
		seen, duplicates, reordered, last := make(map[uint32]bool), uint64(0), uint64(0), uint32(0)
		for _, p := range packets {
			if p.spi != f.SPI() {
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
		r := f.Report()
		anything += min(r.Missing, r.Duplicates, r.Reordered)
		if r.FirstSeq != 1 || r.LastSeq != uint64(last) || r.Duplicates != duplicates || r.Reordered != reordered || r.Wrapped != 0 || r.Missing != uint64(last)-uint64(len(seen)) || r.Packets != r.Verified {
			t.Errorf("%+v, want last %d, duplicates %d, reordered %d, %d distinct", r, last, duplicates, reordered, len(seen))
		}
	}
}

func TestShortPackets(t *testing.T) {
	db := newDB(readSecrets(t, captureFile("01-basic-aes128-sha1", "keys", "esp_sa")))
	packets := readFlows(t, captureFile("01-basic-aes128-sha1", "outer.pcap"))
	for n := range len(packets[0].data) {
		f := db.Lookup(packets[0].spi, packets[0].src, packets[0].dst)
		sa, _, err := f.Admit(packets[0].data[:n], 0, 0)
		if sa != nil || err == nil {
			t.Fatalf("%d bytes: %v", n, err)
		}
		if n < HeaderLen && !errors.Is(err, ErrMalformed) {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
	if got := run(db, packets); got[Verified] < len(packets)-7 {
		t.Errorf("afterwards: %v", got)
	}
}
