package esp

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"errors"
	"fmt"
	"hash"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/chacha20poly1305"

	"l2tpdump/testdata/race"
	"l2tpdump/testdata/seal"
)

// sealer makes the packets of one SA.
type sealer struct {
	suite    Suite
	key      []byte
	authKey  []byte
	spi, seq uint32
	seqHigh  uint32
}

// newSealer returns a sealer with keys that depend on the suite only.
func newSealer(s Suite) *sealer {
	r := rand.New(rand.NewPCG(1, 2))
	b := make([]byte, 200)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	e := &sealer{suite: s, spi: 0xc0ffee01, seq: 7, seqHigh: 0x01020304, key: b[:s.KeyLen+s.Cipher.SaltLen]}
	if s.Auth != nil {
		e.authKey = b[100 : 100+s.Auth.KeyLen]
	}
	return e
}

func (e *sealer) sa() *SA {
	return seal.Must(NewSA(e.spi, e.suite, NewKey(e.key), NewKey(e.authKey)))
}

// packet says how the next packet is made.
func (e *sealer) packet() seal.Packet {
	c := e.suite.Cipher
	p := seal.Packet{
		Cipher: c.Name, BlockLen: c.BlockLen, IVLen: c.IVLen, ImplicitIV: c.ImplicitIV,
		Key: e.key[:e.suite.KeyLen], Salt: e.key[e.suite.KeyLen:], ICVLen: e.suite.ICVLen,
		SPI: e.spi, Seq: e.seq, SeqHigh: e.seqHigh, ESN: e.suite.ESN,
	}
	if a := e.suite.Auth; a != nil {
		p.ICVLen, p.MAC = a.ICVLen, seal.MAC(a.Name, e.authKey)
	}
	return p
}

func (e *sealer) seal(payload []byte, next uint8, pad func(i int) byte) []byte {
	return e.packet().Seal(payload, next, pad)
}

// allSuites returns each row of the cipher table with each key length and ICV length, and each
// row of the authentication table with AES-CBC, 3DES-CBC, AES-CTR and NULL.
func allSuites() []Suite {
	var suites []Suite
	sha1 := AuthByName("hmac-sha1-96")
	for _, c := range Ciphers {
		for _, k := range c.KeyLens {
			switch {
			case c.AEAD:
				for _, n := range c.ICVLens {
					suites = append(suites, Suite{Cipher: c, KeyLen: k, ICVLen: n})
				}
			case len(c.KeyLens) > 5 && k%8 != 0:
			default:
				suites = append(suites, Suite{Cipher: c, KeyLen: k, Auth: sha1})
			}
		}
	}
	for _, a := range Auths {
		for _, name := range []string{"aes-cbc", "3des-cbc", "aes-ctr", "null"} {
			c := CipherByName(name)
			suites = append(suites, Suite{Cipher: c, KeyLen: c.KeyLens[0], Auth: a})
		}
	}
	for _, s := range suites {
		s.ESN = true
		suites = append(suites, s)
	}
	return suites
}

func TestTables(t *testing.T) {
	names := map[string]bool{}
	for _, c := range Ciphers {
		if names[c.Name] || CipherByName(c.Name) != c || len(c.KeyLens) == 0 || c.AEAD != (len(c.ICVLens) > 0) || c.BlockLen < 1 {
			t.Errorf("cipher %q: the row is wrong", c.Name)
		}
		names[c.Name] = true
	}
	for _, a := range Auths {
		if names[a.Name] || AuthByName(a.Name) != a || a.Checked != (a.prepare != nil || a.lanes != nil) || a.Checked != (a.KeyLen > 0) {
			t.Errorf("authentication %q: the row is wrong", a.Name)
		}
		names[a.Name] = true
	}
	if CipherByName("rot13") != nil || AuthByName("rot13") != nil {
		t.Error("an unknown name has a row")
	}
}

// Every row opens what a plain implementation sealed, of every length modulo the block.
func TestOpenEveryRow(t *testing.T) {
	for _, s := range allSuites() {
		t.Run(s.String(), func(t *testing.T) {
			e := newSealer(s)
			sa := e.sa()
			if sa.Suite() != s {
				t.Errorf("suite %v", sa.Suite())
			}
			buf := make([]byte, 0, 4096)
			for n := 24; n < 60; n++ {
				payload := seal.L2TP(n)
				packet := e.seal(payload, 17, nil)
				plain, err := sa.Open(buf, packet, e.seqHigh, 0)
				if err != nil || plain.Verified != sa.Checks() || plain.NextHeader != 17 || !bytes.Equal(plain.Data, payload) {
					t.Fatalf("%d bytes: %+v, %v", n, plain, err)
				}
				if sa.Checks() != sa.CheckICV(packet, e.seqHigh) {
					t.Error("CheckICV differs")
				}
				if !sa.Checks() && plain.Evidence < 40 {
					t.Errorf("%d bits of evidence", plain.Evidence)
				}
				if s.ESN && sa.Checks() {
					if _, err := sa.Open(buf, packet, e.seqHigh^1<<31, 0); err != ErrICV {
						t.Errorf("another high half: %v", err)
					}
				}
				for cut := 1; cut < len(packet); cut += 5 {
					plain, err := sa.Open(buf, packet[:len(packet)-cut], e.seqHigh, cut)
					k := min(len(plain.Data), n)
					if err != ErrTruncated || plain.Verified || !bytes.Equal(plain.Data[:k], payload[:k]) {
						t.Fatalf("%d of %d bytes cut off: %+v, %v", cut, len(packet), plain, err)
					}
					if want := len(packet) - cut - HeaderLen - s.Cipher.IVLen - s.Cipher.BlockLen; k < min(want, n) {
						t.Fatalf("%d of %d bytes cut off: only %d bytes decrypted", cut, len(packet), k)
					}
				}
			}
		})
	}
}

// One byte changed, in every row: with an ICV ErrICV, and never Verified.
func TestCorruptEveryByteOfEveryRow(t *testing.T) {
	for _, s := range allSuites() {
		e := newSealer(s)
		sa := e.sa()
		packet := e.seal(seal.L2TP(40), 17, nil)
		for i := range packet {
			packet[i] ^= 0x10
			plain, err := sa.Open(nil, packet, e.seqHigh, 0)
			if plain.Verified || sa.Checks() && (err != ErrICV || plain.Data != nil) {
				t.Errorf("%v, byte %d: %+v, %v", s, i, plain, err)
			}
			packet[i] ^= 0x10
		}
		for n := range packet {
			if plain, err := sa.Open(nil, packet[:n], e.seqHigh, 0); plain.Verified || sa.Checks() && err == nil {
				t.Errorf("%v, %d bytes: %v", s, n, err)
			}
		}
	}
}

// Behind a good ICV any padding is right, and padding behind the payload.
func TestPaddingBehindGoodICV(t *testing.T) {
	for _, name := range []string{"aes-cbc", "3des-cbc", "aes-gcm", "null"} {
		c := CipherByName(name)
		s := Suite{Cipher: c, KeyLen: c.KeyLens[0], Auth: AuthByName("hmac-sha1-96")}
		if c.AEAD {
			s.Auth, s.ICVLen = nil, 16
		}
		e := newSealer(s)
		sa := e.sa()
		for what, pad := range map[string]func(int) byte{
			"zeros":  func(int) byte { return 0 },
			"random": func(i int) byte { return byte(0xa7 * (i + 3)) },
		} {
			payload := seal.L2TP(37)
			plain, err := sa.Open(nil, e.seal(payload, 17, pad), 0, 0)
			if err != nil || !plain.Verified || !bytes.Equal(plain.Data, payload) {
				t.Errorf("%s, %s: %v", name, what, err)
			}
		}
		tfc := append(seal.L2TP(40), make([]byte, 200)...)
		plain, err := sa.Open(nil, e.seal(tfc, 17, nil), 0, 0)
		if err != nil || !plain.Verified || !bytes.Equal(plain.Data, tfc) {
			t.Errorf("%s, traffic flow confidentiality padding: %v", name, err)
		}
		// A dummy packet (RFC 4303, 2.6) of any content.
		plain, err = sa.Open(nil, e.seal(bytes.Repeat([]byte{0xee}, 64), protoNone, nil), 0, 0)
		if err != nil || plain.NextHeader != protoNone {
			t.Errorf("%s, dummy packet: %v", name, err)
		}
		// A pad length that goes beyond the packet.
		bad := make([]byte, 48)
		bad[46], bad[47] = 47, 17
		if plain, err := sa.Open(nil, e.packet().SealPlain(bad), 0, 0); err != ErrPlaintext || plain.Verified {
			t.Errorf("%s, impossible pad length: %v", name, err)
		}
	}
}

func TestZeroPaddingWithoutICV(t *testing.T) {
	e := newSealer(Suite{Cipher: CipherByName("aes-cbc"), KeyLen: 16, Auth: AuthByName("any-96")})
	plain, err := e.sa().Open(nil, e.seal(seal.L2TP(37), 17, func(int) byte { return 0 }), 0, 0)
	if err != nil || plain.Verified || len(plain.Data) != 37 {
		t.Errorf("%+v, %v", plain, err)
	}
}

func TestNewSAErrors(t *testing.T) {
	aesCBC, gcm := CipherByName("aes-cbc"), CipherByName("aes-gcm")
	sha1, none := AuthByName("hmac-sha1-96"), AuthByName("none")
	key := func(n int) Key { return NewKey(bytes.Repeat([]byte{1}, n)) }
	tests := []struct {
		suite      Suite
		key, auth  int
		incomplete bool
		msg        string // "": no error
	}{
		{Suite{}, 16, 0, false, "encryption algorithm is not known"},
		{Suite{Cipher: aesCBC}, 16, 0, false, "authentication algorithm is not known"},
		{Suite{Cipher: aesCBC, Auth: none}, 16, 0, false, ""},
		{Suite{Cipher: aesCBC, Auth: sha1}, 32, 0, false, ""}, // ICV of that length, unchecked
		{Suite{Cipher: aesCBC, KeyLen: 32, Auth: none}, 16, 0, true, "aes-cbc-256 takes 32 bytes, 16 are known"},
		{Suite{Cipher: aesCBC, KeyLen: 16, Auth: none}, 32, 0, false, "aes-cbc-128 takes 16 bytes of key, not 32"},
		{Suite{Cipher: aesCBC, KeyLen: 17, Auth: none}, 17, 0, false, "takes no key of 17 bytes"},
		{Suite{Cipher: aesCBC, Auth: none}, 20, 0, true, "aes-cbc-192 takes 24 bytes, 20 are known"},
		{Suite{Cipher: CipherByName("3des-cbc"), Auth: none}, 16, 0, true, "3des-cbc takes 24 bytes, 16 are known"},
		{Suite{Cipher: aesCBC, Auth: sha1}, 16, 8, true, "hmac-sha1-96 takes 20 bytes, 8 are known"},
		{Suite{Cipher: aesCBC, Auth: sha1}, 16, 21, false, "hmac-sha1-96 takes 20 bytes of key, not 21"},
		{Suite{Cipher: gcm, ICVLen: 16}, 20, 0, false, ""},
		{Suite{Cipher: gcm, ICVLen: 16}, 16, 0, true, "aes-gcm-128 takes 20 bytes, 16 are known"},
		{Suite{Cipher: gcm}, 20, 0, false, "no integrity check value of 0 bytes"},
		{Suite{Cipher: CipherByName("null"), Auth: sha1}, 0, 20, false, ""},
		{Suite{Cipher: CipherByName("des-cbc"), Auth: none}, 0, 0, true, "des-cbc takes 8 bytes, 0 are known"},
	}
	for _, c := range tests {
		_, err := NewSA(1, c.suite, key(c.key), key(c.auth))
		if c.msg == "" {
			if err != nil {
				t.Errorf("%v: %v", c.suite, err)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), c.msg) || errors.Is(err, ErrIncomplete) != c.incomplete {
			t.Errorf("%v with %d and %d bytes: %v, want %q", c.suite, c.key, c.auth, err, c.msg)
		}
	}
}

func TestSuiteNames(t *testing.T) {
	for want, s := range map[string]Suite{
		"aes-cbc-128/hmac-sha1-96": {Cipher: CipherByName("aes-cbc"), KeyLen: 16, Auth: AuthByName("hmac-sha1-96")},
		"3des-cbc/any-96":          {Cipher: CipherByName("3des-cbc"), KeyLen: 24, Auth: AuthByName("any-96")},
		"aes-gcm-256/aead-96":      {Cipher: CipherByName("aes-gcm"), KeyLen: 32, ICVLen: 12},
		"aes-gcm/?":                {Cipher: CipherByName("aes-gcm")},
		"null/none/esn":            {Cipher: CipherByName("null"), Auth: AuthByName("none"), ESN: true},
		"?/?":                      {},
	} {
		if got := s.String(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if n := (Suite{Cipher: CipherByName("aes-cbc")}).ICVSize(); n != -1 {
		t.Errorf("unknown ICV: %d", n)
	}
	if n := (Suite{Auth: AuthByName("hmac-sha2-384-192")}).ICVSize(); n != 24 {
		t.Errorf("ICV of %d bytes", n)
	}
}

// Open is for many goroutines at the same time.
func TestOpenConcurrently(t *testing.T) {
	for _, s := range []Suite{
		{Cipher: CipherByName("aes-cbc"), KeyLen: 16, Auth: AuthByName("hmac-sha1-96")},
		{Cipher: CipherByName("aes-cbc"), KeyLen: 16, Auth: AuthByName("hmac-ripemd160-96")},
		{Cipher: CipherByName("aes-cbc"), KeyLen: 16, Auth: AuthByName("aes-cmac-96")},
		{Cipher: CipherByName("aes-ccm"), KeyLen: 16, ICVLen: 8},
		{Cipher: CipherByName("aes-gcm"), KeyLen: 16, ICVLen: 8},
		{Cipher: CipherByName("chacha20-poly1305"), KeyLen: 32, ICVLen: 16},
	} {
		e := newSealer(s)
		sa := e.sa()
		var wg sync.WaitGroup
		for w := range 4 {
			payload := seal.L2TP(100 + w)
			packet := e.seal(payload, 17, nil)
			wg.Go(func() {
				buf := make([]byte, 0, 512)
				for range 200 {
					plain, err := sa.Open(buf, packet, 0, 0)
					if err != nil || !bytes.Equal(plain.Data, payload) {
						t.Errorf("%v: %v", s, err)
						return
					}
				}
			})
		}
		wg.Wait()
		if o := sa.own; o != nil && o.shared == nil && (len(o.free) == 0 || len(o.free) > 4) {
			t.Errorf("%v: %d states for 4 goroutines", s, len(o.free))
		}
	}
}

// No packet allocates, whatever comes out.
func TestOpenAllocations(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	for _, s := range allSuites() {
		e := newSealer(s)
		sa := e.sa()
		packet := e.seal(seal.L2TP(1300), 17, nil)
		bad := bytes.Clone(packet)
		bad[len(bad)-1] ^= 1
		buf := make([]byte, 0, len(packet)+16)
		most := 0.0
		if strings.HasPrefix(s.Cipher.Name, "chacha20") {
			most = chachaAllocations()
		}
		for what, f := range map[string]func(){
			"good":      func() { sa.Open(buf, packet, e.seqHigh, 0) },
			"bad":       func() { sa.Open(buf, bad, e.seqHigh, 0) },
			"short":     func() { sa.Open(buf, packet[:20], e.seqHigh, 0) },
			"truncated": func() { sa.Open(buf, packet[:100], e.seqHigh, len(packet)-100) },
			"ICV only":  func() { sa.CheckICV(packet, e.seqHigh) },
		} {
			if n := testing.AllocsPerRun(20, f); n > most {
				t.Errorf("%v, %s: %v allocations, not %v", s, what, n, most)
			}
		}
	}
}

// chachaAllocations is how often ChaCha20-Poly1305 itself allocates for a packet: its portable code
// does, which is that of most processors and of -tags purego.
func chachaAllocations() float64 {
	aead, err := chacha20poly1305.New(make([]byte, chacha20poly1305.KeySize))
	if err != nil {
		panic(err) // of a key's length alone
	}
	nonce, packet := make([]byte, aead.NonceSize()), make([]byte, 1300, 1300+aead.Overhead())
	return testing.AllocsPerRun(20, func() { aead.Seal(packet[:0], nonce, packet, nil) })
}

// FuzzOpen: no input makes Open panic, use dst beyond its bounds, or give a good ICV.
func FuzzOpen(f *testing.F) {
	suites := allSuites()
	for i, s := range suites {
		e := newSealer(s)
		f.Add(uint(i), e.seal(seal.L2TP(40), 17, nil), 0)
		f.Add(uint(i), e.seal(seal.L2TP(40), 17, nil)[:30], 20)
	}
	sas := make([]*SA, len(suites))
	sealers := make([]*sealer, len(suites))
	for i, s := range suites {
		sealers[i] = newSealer(s)
		sas[i] = sealers[i].sa()
	}
	f.Fuzz(func(t *testing.T, i uint, packet []byte, truncatedBy int) {
		if truncatedBy < 0 || truncatedBy > 1<<16 {
			return
		}
		i %= uint(len(suites))
		sa, e := sas[i], sealers[i]
		before := bytes.Clone(packet)
		plain, err := sa.Open(nil, packet, e.seqHigh, truncatedBy)
		switch err {
		case nil:
			if plain.Verified != sa.Checks() || truncatedBy > 0 {
				t.Errorf("%v: %+v", suites[i], plain)
			}
			if plain.Verified && !bytes.Equal(packet[:4], []byte{0xc0, 0xff, 0xee, 1}) {
				t.Errorf("%v: verified another SPI", suites[i])
			}
		case ErrICV, ErrStructure, ErrMalformed, ErrPlaintext:
			if plain.Data != nil || plain.Verified {
				t.Errorf("%v: %v, but %+v", suites[i], err, plain)
			}
		case ErrWeak:
			if plain.Verified != sa.Checks() || suites[i].Cipher.AEAD || truncatedBy > 0 {
				t.Errorf("%v: %v, but %+v", suites[i], err, plain)
			}
		case ErrTruncated:
			if truncatedBy == 0 || plain.Verified {
				t.Errorf("%v: %+v", suites[i], plain)
			}
		default:
			t.Errorf("%v: %v", suites[i], err)
		}
		if len(plain.Data) > len(packet) || !bytes.Equal(before, packet) {
			t.Errorf("%v: %d bytes out of %d, or the packet changed", suites[i], len(plain.Data), len(packet))
		}
	})
}

// BenchmarkOpen shows each row beside the plain calls of the libraries over the same bytes:
// the metric "ratio" is the plain time divided by that of Open.
func BenchmarkOpen(b *testing.B) {
	for _, s := range allSuites() {
		if s.ESN || s.KeyLen != s.Cipher.KeyLens[0] && s.KeyLen != 32 || s.Auth != nil && !s.Auth.Checked || s.Auth != nil && s.Cipher.Name == "null" {
			continue
		}
		b.Run(strings.ReplaceAll(s.String(), "/", "+"), func(b *testing.B) {
			e := newSealer(s)
			sa := e.sa()
			packet := e.seal(seal.L2TP(1380), 17, nil)
			buf := make([]byte, 0, 2048)
			plainly := e.plainCalls(packet)
			b.SetBytes(int64(len(packet)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := sa.Open(buf, packet, 0, 0); err != nil {
					b.Fatal(err)
				}
			}
			open := b.Elapsed().Seconds() / float64(b.N)
			if plainly == nil {
				return
			}
			start := time.Now()
			for range b.N {
				plainly()
			}
			b.ReportMetric(time.Since(start).Seconds()/float64(b.N)/open, "ratio")
		})
	}
}

// plainCalls returns what anybody would write for one packet with the same objects kept, nil where
// the libraries have no such algorithm.
func (e *sealer) plainCalls(packet []byte) func() {
	c := e.suite.Cipher
	key, salt := e.key[:e.suite.KeyLen], e.key[e.suite.KeyLen:]
	start, end := HeaderLen+c.IVLen, len(packet)-e.suite.ICVSize()
	iv := packet[HeaderLen:start]
	out := make([]byte, 0, 2048)
	nonce := append(bytes.Clone(salt), iv...)
	if c.ImplicitIV {
		nonce = append(nonce, 0, 0, 0, 0, 0, 0, 0, 7)
	}
	var aead cipher.AEAD
	switch strings.TrimSuffix(c.Name, "-iiv") {
	case "aes-gcm":
		if e.suite.ICVLen < 12 {
			return nil
		}
		aead = seal.Must(cipher.NewGCMWithTagSize(seal.Must(aes.NewCipher(key)), e.suite.ICVLen))
	case "chacha20-poly1305":
		aead = seal.Must(chacha20poly1305.New(key))
	case "aes-ccm", "null-gmac":
		return nil
	}
	if aead != nil {
		return func() {
			if _, err := aead.Open(out, nonce, packet[start:], packet[:8]); err != nil {
				panic(fmt.Sprint(c.Name, err))
			}
		}
	}
	var m hash.Hash
	if h := seal.Hashes[e.suite.Auth.Name]; h != nil {
		m = hmac.New(h, e.authKey)
	} else {
		return nil
	}
	sum := make([]byte, 0, 64)
	icv := func() {
		m.Reset()
		m.Write(packet[:end])
		if !hmac.Equal(m.Sum(sum)[:len(packet)-end], packet[end:]) {
			panic(c.Name)
		}
	}
	if c.Name == "aes-ctr" {
		block := seal.Must(aes.NewCipher(key))
		counter := append(bytes.Clone(nonce), 0, 0, 0, 1)
		return func() {
			icv()
			cipher.NewCTR(block, counter).XORKeyStream(out[:end-start], packet[start:end])
		}
	}
	block := seal.Must(seal.Blocks[c.Name](key))
	return func() {
		icv()
		cipher.NewCBCDecrypter(block, iv).CryptBlocks(out[:end-start], packet[start:end])
	}
}
