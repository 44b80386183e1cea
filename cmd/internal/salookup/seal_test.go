package salookup_test

import (
	"math/rand/v2"

	"l2tpdump/esp"
	"l2tpdump/testdata/seal"
)

// sealer makes the packets of one SA.
type sealer struct {
	suite    esp.Suite
	key      []byte
	authKey  []byte
	spi, seq uint32
	seqHigh  uint32
}

// newSealer returns a sealer with keys that depend on the suite only.
func newSealer(s esp.Suite) *sealer {
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
// row of the authentication table that is an HMAC with AES-CBC, 3DES-CBC, AES-CTR and NULL.
func allSuites() []esp.Suite {
	var suites []esp.Suite
	sha1 := esp.AuthByName("hmac-sha1-96")
	for _, c := range esp.Ciphers {
		for _, k := range c.KeyLens {
			switch {
			case c.AEAD:
				for _, n := range c.ICVLens {
					suites = append(suites, esp.Suite{Cipher: c, KeyLen: k, ICVLen: n})
				}
			case len(c.KeyLens) > 5 && k%8 != 0:
			default:
				suites = append(suites, esp.Suite{Cipher: c, KeyLen: k, Auth: sha1})
			}
		}
	}
	for _, a := range esp.Auths {
		if seal.Hashes[a.Name] == nil {
			continue
		}
		for _, name := range []string{"aes-cbc", "3des-cbc", "aes-ctr", "null"} {
			c := esp.CipherByName(name)
			suites = append(suites, esp.Suite{Cipher: c, KeyLen: c.KeyLens[0], Auth: a})
		}
	}
	for _, s := range suites {
		s.ESN = true
		suites = append(suites, s)
	}
	return suites
}
