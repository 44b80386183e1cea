package pipeline_test

import (
	"crypto/sha256"
	"encoding/binary"
	"net/netip"

	"l2tpdump/capture"
	"l2tpdump/esp"
	"l2tpdump/keysrc"
	"l2tpdump/testdata/seal"
)

// sealer makes ESP packets of one SA, with code of its own: nothing of package esp has a part in
// it.
type sealer struct {
	seal.Packet
	seq   uint64 // of the last packet, the high half included
	suite esp.Suite
	auth  []byte
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
	s.Seq, s.SeqHigh = uint32(s.seq), uint32(s.seq>>32)
	return s.Packet.Seal(payload, next, nil)
}

// algorithm is a suite; lengths are in bytes.
type algorithm struct {
	cipher  string
	keyLen  int // with the salt
	salt    int
	block   int
	iv      int
	auth    string // none: the cipher authenticates
	authLen int
	icv     int
}

var algorithms = []algorithm{
	{"aes-cbc", 16, 0, 16, 16, "hmac-sha1-96", 20, 12},
	{"aes-cbc", 24, 0, 16, 16, "hmac-sha2-384-192", 48, 24},
	{"aes-cbc", 32, 0, 16, 16, "hmac-sha2-256-128", 32, 16},
	{"aes-cbc", 32, 0, 16, 16, "hmac-sha2-512-256", 64, 32},
	{"3des-cbc", 24, 0, 8, 8, "hmac-md5-96", 16, 12},
	{"des-cbc", 8, 0, 8, 8, "hmac-sha1-96", 20, 12},
	{"cast5-cbc", 16, 0, 8, 8, "hmac-sha1-96", 20, 12},
	{"blowfish-cbc", 16, 0, 8, 8, "hmac-md5-96", 16, 12},
	{"blowfish-cbc", 56, 0, 8, 8, "hmac-sha1-96", 20, 12},
	{"null", 0, 0, 1, 0, "hmac-sha1-96", 20, 12},
	{"aes-ctr", 20, 4, 1, 8, "hmac-sha1-96", 20, 12},
	{"aes-ctr", 36, 4, 1, 8, "hmac-sha2-256-128", 32, 16},
	{"aes-cbc", 16, 0, 16, 16, "aes-xcbc-96", 16, 12},
	{"aes-cbc", 16, 0, 16, 16, "aes-cmac-96", 16, 12},
	{"aes-cbc", 16, 0, 16, 16, "hmac-ripemd160-96", 20, 12},
	{"aes-gcm", 20, 4, 1, 8, "", 0, 16},
	{"aes-gcm", 28, 4, 1, 8, "", 0, 12},
	{"aes-gcm", 36, 4, 1, 8, "", 0, 8},
	{"aes-ccm", 19, 3, 1, 8, "", 0, 16},
	{"aes-ccm", 27, 3, 1, 8, "", 0, 12},
	{"aes-ccm", 35, 3, 1, 8, "", 0, 8},
	{"null-gmac", 20, 4, 1, 8, "", 0, 16},
	{"null-gmac", 36, 4, 1, 8, "", 0, 16},
	{"chacha20-poly1305", 36, 4, 1, 8, "", 0, 16},
}

// sa makes an SA of the algorithm.
func (a *algorithm) sa(spi uint32) *sealer {
	key, auth := bytesOf("key", a.keyLen), bytesOf("authentication", a.authLen)
	n := a.keyLen - a.salt
	s := &sealer{auth: auth, suite: esp.Suite{Cipher: esp.CipherByName(a.cipher), KeyLen: n}, Packet: seal.Packet{
		Cipher: a.cipher, BlockLen: a.block, IVLen: a.iv, Key: key[:n:n], Salt: key[n:], ICVLen: a.icv, SPI: spi,
	}}
	if a.auth == "" {
		s.suite.ICVLen = a.icv
	} else {
		s.suite.Auth, s.MAC = esp.AuthByName(a.auth), seal.MAC(a.auth, auth)
	}
	return s
}

// secret is what a key source that names everything says of the SA.
func (s *sealer) secret() *esp.Secret {
	suite := s.suite
	suite.ESN = s.ESN
	return &esp.Secret{SPI: s.SPI, SPIMask: ^uint32(0), Suite: suite, Key: esp.NewKey(append(s.Key, s.Salt...)), AuthKey: esp.NewKey(s.auth), Origin: esp.OriginAt("table", 1)}
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
