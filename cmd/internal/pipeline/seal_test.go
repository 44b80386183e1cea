package pipeline_test

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/des"
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/binary"
	"hash"
	"net/netip"

	//lint:ignore SA1019 RFC 2451 names it
	"golang.org/x/crypto/blowfish"
	//lint:ignore SA1019 RFC 2451 names it
	"golang.org/x/crypto/cast5"
	"golang.org/x/crypto/chacha20poly1305"
	//lint:ignore SA1019 RFC 2857 names it
	"golang.org/x/crypto/ripemd160"

	"l2tpdump/capture"
	"l2tpdump/esp"
	"l2tpdump/keysrc"
)

// sealer makes ESP packets of one SA, with code of its own: nothing of package esp has a part in
// it.
type sealer struct {
	spi       uint32
	seq       uint64 // of the last packet, the high half included
	esn       bool
	suite     esp.Suite
	key, auth []byte
	block     int // the ciphertext's alignment
	// encrypt returns IV, ciphertext and, for AEAD, ICV.
	encrypt func(s *sealer, aad, plain []byte) []byte
	mac     func(s *sealer, data []byte) []byte // of all in front of the ICV; nil for AEAD
}

// bytesOf are n bytes that look random and are always the same.
func bytesOf(label string, n int) []byte {
	var out []byte
	for i := 0; len(out) < n; i++ {
		sum := sha256.Sum256([]byte{byte(i), label[0], label[len(label)-1], byte(len(label)), byte(n)})
		out = append(out, sum[:]...)
	}
	return out[:n]
}

// seal makes the next packet.
func (s *sealer) seal(next byte, payload []byte) []byte {
	s.seq++
	plain := append([]byte(nil), payload...)
	align := max(s.block, 4)
	for n := byte(1); (len(plain)+2)%align != 0; n++ {
		plain = append(plain, n)
	}
	plain = append(plain, byte(len(plain)-len(payload)), next)
	head := binary.BigEndian.AppendUint32(nil, s.spi)
	aad := head[:4:4]
	if s.esn {
		aad = binary.BigEndian.AppendUint32(aad, uint32(s.seq>>32))
	}
	aad = binary.BigEndian.AppendUint32(aad, uint32(s.seq))
	head = binary.BigEndian.AppendUint32(head, uint32(s.seq))
	packet := append(head, s.encrypt(s, aad, plain)...)
	if s.mac != nil {
		covered := packet
		if s.esn {
			covered = binary.BigEndian.AppendUint32(packet[:len(packet):len(packet)], uint32(s.seq>>32))
		}
		packet = append(packet, s.mac(s, covered)...)
	}
	return packet
}

// iv is what packet s.seq has for its IV of n bytes.
func (s *sealer) iv(n int) []byte {
	sum := sha1.Sum(binary.BigEndian.AppendUint64([]byte("iv"), s.seq))
	return sum[:n]
}

func sealCBC(block func([]byte) (cipher.Block, error)) func(*sealer, []byte, []byte) []byte {
	return func(s *sealer, _, plain []byte) []byte {
		b, err := block(s.key)
		if err != nil {
			panic(err)
		}
		iv := s.iv(b.BlockSize())
		out := make([]byte, len(plain))
		cipher.NewCBCEncrypter(b, iv).CryptBlocks(out, plain)
		return append(iv, out...)
	}
}

func sealNull(_ *sealer, _, plain []byte) []byte { return plain }

func aesBlock(key []byte) cipher.Block {
	b, err := aes.NewCipher(key)
	if err != nil {
		panic(err)
	}
	return b
}

// sealCTR is RFC 3686: nonce, IV, a counter from 1.
func sealCTR(s *sealer, _, plain []byte) []byte {
	key, nonce := s.key[:len(s.key)-4], s.key[len(s.key)-4:]
	iv := s.iv(8)
	counter := append(append(append([]byte(nil), nonce...), iv...), 0, 0, 0, 1)
	out := make([]byte, len(plain))
	cipher.NewCTR(aesBlock(key), counter).XORKeyStream(out, plain)
	return append(iv, out...)
}

// sealAEAD seals with a salt of four bytes at the end of the key, and an ICV cut to n bytes.
func sealAEAD(open func(key []byte) cipher.AEAD, n int) func(*sealer, []byte, []byte) []byte {
	return func(s *sealer, aad, plain []byte) []byte {
		key, salt := s.key[:len(s.key)-4], s.key[len(s.key)-4:]
		iv := s.iv(8)
		out := open(key).Seal(nil, append(append([]byte(nil), salt...), iv...), plain, aad)
		return append(iv, out[:len(plain)+n]...)
	}
}

func gcmOf(key []byte) cipher.AEAD {
	a, err := cipher.NewGCM(aesBlock(key))
	if err != nil {
		panic(err)
	}
	return a
}

func chachaOf(key []byte) cipher.AEAD {
	a, err := chacha20poly1305.New(key)
	if err != nil {
		panic(err)
	}
	return a
}

// sealGMAC is RFC 4543: everything, the IV too, is authenticated and nothing encrypted.
func sealGMAC(s *sealer, aad, plain []byte) []byte {
	key, salt := s.key[:len(s.key)-4], s.key[len(s.key)-4:]
	iv := s.iv(8)
	all := append(append(append([]byte(nil), aad...), iv...), plain...)
	tag := gcmOf(key).Seal(nil, append(append([]byte(nil), salt...), iv...), nil, all)
	return append(append(iv, plain...), tag...)
}

// sealCCM is RFC 4309 on RFC 3610: CBC-MAC over lengths, AAD and plaintext, then counter mode.
func sealCCM(n int) func(*sealer, []byte, []byte) []byte {
	return func(s *sealer, aad, plain []byte) []byte {
		b := aesBlock(s.key[:len(s.key)-3])
		iv := s.iv(8)
		nonce := append(append([]byte(nil), s.key[len(s.key)-3:]...), iv...)
		first := append([]byte{byte(0x40 | (n-2)/2<<3 | 3)}, nonce...)
		first = binary.BigEndian.AppendUint32(first, uint32(len(plain)))
		data := append(first, byte(len(aad)>>8), byte(len(aad)))
		data = zeroPad(append(data, aad...))
		data = zeroPad(append(data, plain...))
		var x [16]byte
		for ; len(data) > 0; data = data[16:] {
			for i := range x {
				x[i] ^= data[i]
			}
			b.Encrypt(x[:], x[:])
		}
		counter := append(append([]byte{3}, nonce...), 0, 0, 0, 0)
		ctr := cipher.NewCTR(b, counter)
		ctr.XORKeyStream(x[:], x[:])
		out := make([]byte, len(plain))
		ctr.XORKeyStream(out, plain)
		return append(append(iv, out...), x[:n]...)
	}
}

func zeroPad(b []byte) []byte {
	for len(b)%16 != 0 {
		b = append(b, 0)
	}
	return b
}

func macOf(h func() hash.Hash, n int) func(*sealer, []byte) []byte {
	return func(s *sealer, data []byte) []byte {
		m := hmac.New(h, s.auth)
		m.Write(data)
		return m.Sum(nil)[:n]
	}
}

// cbcMAC is the last block of CBC over whole blocks, the last of which is combined with k.
func cbcMAC(b cipher.Block, data, k []byte) []byte {
	var x [16]byte
	for ; len(data) > 0; data = data[16:] {
		for i := range x {
			x[i] ^= data[i]
			if len(data) == 16 {
				x[i] ^= k[i]
			}
		}
		b.Encrypt(x[:], x[:])
	}
	return x[:12]
}

// macXCBC is RFC 3566.
func macXCBC(s *sealer, data []byte) []byte {
	derive := func(c byte) []byte {
		k := make([]byte, 16)
		for i := range k {
			k[i] = c
		}
		aesBlock(s.auth).Encrypt(k, k)
		return k
	}
	if len(data) > 0 && len(data)%16 == 0 {
		return cbcMAC(aesBlock(derive(1)), data, derive(2))
	}
	return cbcMAC(aesBlock(derive(1)), zeroPad(append(append([]byte(nil), data...), 0x80)), derive(3))
}

// macCMAC is RFC 4493.
func macCMAC(s *sealer, data []byte) []byte {
	b := aesBlock(s.auth)
	double := func(in []byte) []byte {
		out := make([]byte, 16)
		for i := range out {
			out[i] = in[i] << 1
			if i < 15 {
				out[i] |= in[i+1] >> 7
			}
		}
		if in[0]&0x80 != 0 {
			out[15] ^= 0x87
		}
		return out
	}
	l := make([]byte, 16)
	b.Encrypt(l, l)
	k1 := double(l)
	if len(data) > 0 && len(data)%16 == 0 {
		return cbcMAC(b, data, k1)
	}
	return cbcMAC(b, zeroPad(append(append([]byte(nil), data...), 0x80)), double(k1))
}

// algorithm is a suite with what seals it.
type algorithm struct {
	cipher  string
	keyLen  int // with the salt
	salt    int
	block   int
	encrypt func(*sealer, []byte, []byte) []byte
	auth    string
	authLen int
	icv     int // AEAD
	mac     func(*sealer, []byte) []byte
}

var (
	cbcAES      = sealCBC(aes.NewCipher)
	cbc3DES     = sealCBC(des.NewTripleDESCipher)
	cbcDES      = sealCBC(des.NewCipher)
	cbcCAST     = sealCBC(func(k []byte) (cipher.Block, error) { return cast5.NewCipher(k) })
	cbcBlowfish = sealCBC(func(k []byte) (cipher.Block, error) { return blowfish.NewCipher(k) })
	macSHA1     = macOf(sha1.New, 12)
)

var algorithms = []algorithm{
	{"aes-cbc", 16, 0, 16, cbcAES, "hmac-sha1-96", 20, 0, macSHA1},
	{"aes-cbc", 24, 0, 16, cbcAES, "hmac-sha2-384-192", 48, 0, macOf(sha512.New384, 24)},
	{"aes-cbc", 32, 0, 16, cbcAES, "hmac-sha2-256-128", 32, 0, macOf(sha256.New, 16)},
	{"aes-cbc", 32, 0, 16, cbcAES, "hmac-sha2-512-256", 64, 0, macOf(sha512.New, 32)},
	{"3des-cbc", 24, 0, 8, cbc3DES, "hmac-md5-96", 16, 0, macOf(md5.New, 12)},
	{"des-cbc", 8, 0, 8, cbcDES, "hmac-sha1-96", 20, 0, macSHA1},
	{"cast5-cbc", 16, 0, 8, cbcCAST, "hmac-sha1-96", 20, 0, macSHA1},
	{"blowfish-cbc", 16, 0, 8, cbcBlowfish, "hmac-md5-96", 16, 0, macOf(md5.New, 12)},
	{"blowfish-cbc", 56, 0, 8, cbcBlowfish, "hmac-sha1-96", 20, 0, macSHA1},
	{"null", 0, 0, 1, sealNull, "hmac-sha1-96", 20, 0, macSHA1},
	{"aes-ctr", 20, 4, 1, sealCTR, "hmac-sha1-96", 20, 0, macSHA1},
	{"aes-ctr", 36, 4, 1, sealCTR, "hmac-sha2-256-128", 32, 0, macOf(sha256.New, 16)},
	{"aes-cbc", 16, 0, 16, cbcAES, "aes-xcbc-96", 16, 0, macXCBC},
	{"aes-cbc", 16, 0, 16, cbcAES, "aes-cmac-96", 16, 0, macCMAC},
	{"aes-cbc", 16, 0, 16, cbcAES, "hmac-ripemd160-96", 20, 0, macOf(ripemd160.New, 12)},
	{"aes-gcm", 20, 4, 1, sealAEAD(gcmOf, 16), "", 0, 16, nil},
	{"aes-gcm", 28, 4, 1, sealAEAD(gcmOf, 12), "", 0, 12, nil},
	{"aes-gcm", 36, 4, 1, sealAEAD(gcmOf, 8), "", 0, 8, nil},
	{"aes-ccm", 19, 3, 1, sealCCM(16), "", 0, 16, nil},
	{"aes-ccm", 27, 3, 1, sealCCM(12), "", 0, 12, nil},
	{"aes-ccm", 35, 3, 1, sealCCM(8), "", 0, 8, nil},
	{"null-gmac", 20, 4, 1, sealGMAC, "", 0, 16, nil},
	{"null-gmac", 36, 4, 1, sealGMAC, "", 0, 16, nil},
	{"chacha20-poly1305", 36, 4, 1, sealAEAD(chachaOf, 16), "", 0, 16, nil},
}

// sa makes an SA of the algorithm.
func (a *algorithm) sa(spi uint32) *sealer {
	s := &sealer{spi: spi, block: a.block, encrypt: a.encrypt, mac: a.mac, key: bytesOf("key", a.keyLen), auth: bytesOf("authentication", a.authLen)}
	s.suite = esp.Suite{Cipher: esp.CipherByName(a.cipher), KeyLen: a.keyLen - a.salt, ICVLen: a.icv}
	if a.auth != "" {
		s.suite.Auth = esp.AuthByName(a.auth)
	}
	return s
}

// secret is what a key source that names everything says of the SA.
func (s *sealer) secret() *esp.Secret {
	suite := s.suite
	suite.ESN = s.esn
	return &esp.Secret{SPI: s.spi, SPIMask: ^uint32(0), Suite: suite, Key: esp.NewKey(s.key), AuthKey: esp.NewKey(s.auth), Origin: esp.Origin{File: "table", Line: 1}}
}

func secrets(list ...*esp.Secret) []*keysrc.Keys { return []*keysrc.Keys{{ESP: list}} }

// Addresses of the packets that are made.
var (
	here4, there4 = netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("198.51.100.2")
	here6, there6 = netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("2001:db8:1::2")
)

// onesComplement is the checksum of RFC 1071, made the slow way.
func onesComplement(parts ...[]byte) uint16 {
	var all []byte
	for _, p := range parts {
		all = append(all, p...)
	}
	if len(all)%2 == 1 {
		all = append(all, 0)
	}
	var sum uint32
	for i := 0; i < len(all); i += 2 {
		sum += uint32(all[i])<<8 | uint32(all[i+1])
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}

// ipPacket puts an IP header in front of a payload.
func ipPacket(src, dst netip.Addr, protocol byte, payload []byte) []byte {
	if src.Is6() {
		h := []byte{0x60, 0, 0, 0, byte(len(payload) >> 8), byte(len(payload)), protocol, 64}
		return append(append(append(h, src.AsSlice()...), dst.AsSlice()...), payload...)
	}
	n := 20 + len(payload)
	h := []byte{0x45, 0, byte(n >> 8), byte(n), 0, 0, 0x40, 0, 64, protocol, 0, 0}
	h = append(append(h, src.AsSlice()...), dst.AsSlice()...)
	binary.BigEndian.PutUint16(h[10:], onesComplement(h))
	return append(h, payload...)
}

// udp makes a UDP datagram, with a right checksum.
func udp(src, dst netip.Addr, from, to uint16, payload []byte) []byte {
	d := binary.BigEndian.AppendUint16(nil, from)
	d = binary.BigEndian.AppendUint16(d, to)
	d = binary.BigEndian.AppendUint16(d, uint16(8+len(payload)))
	d = append(append(d, 0, 0), payload...)
	sum := onesComplement(src.AsSlice(), dst.AsSlice(), []byte{0, 17, byte(len(d) >> 8), byte(len(d))}, d)
	if sum == 0 {
		sum = 0xffff
	}
	binary.BigEndian.PutUint16(d[6:], sum)
	return d
}

// tcp makes a TCP segment, with a right checksum.
func tcp(src, dst netip.Addr, from, to uint16, payload []byte) []byte {
	d := binary.BigEndian.AppendUint16(nil, from)
	d = binary.BigEndian.AppendUint16(d, to)
	d = append(d, 0, 0, 0, 1, 0, 0, 0, 2, 0x50, 0x18, 1, 0, 0, 0, 0, 0)
	d = append(d, payload...)
	binary.BigEndian.PutUint16(d[16:], onesComplement(src.AsSlice(), dst.AsSlice(), []byte{0, 6, byte(len(d) >> 8), byte(len(d))}, d))
	return d
}

// userPacket is an IP packet of a user; n makes it different.
func userPacket(n int) []byte {
	a, b := netip.MustParseAddr("10.99.0.100"), netip.MustParseAddr("10.99.0.1")
	return ipPacket(a, b, 17, udp(a, b, 40000, 9, bytesOf("user", 20+n%40)))
}

// l2tpData is the UDP payload that carries a user's packet: L2TP data message, PPP.
func l2tpData(packet []byte) []byte {
	return append([]byte{0, 2, 0, 21, 0, 7, 0xff, 3, 0, 0x21}, packet...)
}

// wire says how ESP packets travel.
type wire struct {
	name         string
	here, there  netip.Addr
	encapsulated bool
	from, to     uint16
}

var wires = []wire{
	{"IPv4", here4, there4, false, 0, 0},
	{"UDP over IPv4", here4, there4, true, 40123, 4500},
	{"IPv6", here6, there6, false, 0, 0},
	{"UDP over IPv6", here6, there6, true, 4500, 27795},
	{"UDP on ports of its own", here4, there4, true, 10000, 10001},
}

func (w *wire) packet(packet []byte) []byte {
	if w.encapsulated {
		return ipPacket(w.here, w.there, 17, udp(w.here, w.there, w.from, w.to, packet))
	}
	return ipPacket(w.here, w.there, 50, packet)
}

// rawFrames is a capture of IP packets.
func rawFrames(packets ...[]byte) *frames {
	f := &frames{interfaces: []capture.Interface{{LinkType: capture.Raw, Resolution: 1e9}}}
	for i, p := range packets {
		f.list = append(f.list, capture.Packet{Time: 1e18 + int64(i)*1e6, Length: len(p), Data: p})
	}
	return f
}
