package sessions_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"time"
)

// story is a capture that is made up packet by packet, with the keys of its connection.
type story struct {
	name    string // what looks random is made of
	pcap    bytes.Buffer
	tables  map[string]*bytes.Buffer // of keys, by the names that Wireshark gives them
	now     time.Time
	ends    [2]netip.AddrPort // the client and the server
	natt    bool              // ESP in UDP
	port    uint16            // of the client's UDP inside ESP
	asked   func()            // is called behind message 1
	out     int               // frames
	lastAt  int               // where the last one begins, with its header
	id      uint16
	sas     [2]sealing // by who sends
	ike     sealedIKE
	ivs     map[uint32][]byte // of the exchanges of phase 2, by message ID
	numbers [2][2]uint16      // Ns and Nr of L2TP, by who sends
}

const (
	fromClient = 0
	fromServer = 1
)

// The IDs that the two ends of a story give the tunnel and the call.
var (
	tunnelIDs = [2]uint16{7001, 7002}
	callIDs   = [2]uint16{8001, 8002}
)

// sealing is an ESP SA: AES-CBC of 128 bits with HMAC-SHA1-96.
type sealing struct {
	spi, seq  uint32
	key, auth []byte
}

// pseudo are bytes that look random and are the same in each run.
func pseudo(n int, format string, args ...any) []byte {
	var out []byte
	for i := 0; len(out) < n; i++ {
		sum := sha1.Sum(fmt.Appendf(fmt.Appendf(nil, format, args...), " %d", i))
		out = append(out, sum[:]...)
	}
	return out[:n]
}

func newStory(name string) *story {
	s := &story{
		name: name,
		now:  time.Date(2026, 11, 27, 9, 0, 0, 0, time.UTC), port: 1701,
		ends: [2]netip.AddrPort{netip.MustParseAddrPort("198.51.100.20:500"),
			netip.MustParseAddrPort("203.0.113.1:500")},
		tables: map[string]*bytes.Buffer{"esp_sa": new(bytes.Buffer), "ikev1_decryption_table": new(bytes.Buffer)},
	}
	s.pcap.Write([]byte{0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 1, 0, 0, 0})
	return s
}

// wait lets time pass.
func (s *story) wait(d time.Duration) { s.now = s.now.Add(d) }

// frame adds a frame with an IPv4 packet.
func (s *story) frame(src, dst netip.Addr, protocol uint8, payload []byte) {
	s.now = s.now.Add(7 * time.Millisecond)
	s.out++
	s.lastAt = s.pcap.Len()
	data := append([]byte{2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0}, s.ip(src, dst, protocol, payload)...)
	var h [16]byte
	binary.LittleEndian.PutUint32(h[:], uint32(s.now.Unix()))
	binary.LittleEndian.PutUint32(h[4:], uint32(s.now.Nanosecond()/1000))
	binary.LittleEndian.PutUint32(h[8:], uint32(len(data)))
	binary.LittleEndian.PutUint32(h[12:], uint32(len(data)))
	s.pcap.Write(h[:])
	s.pcap.Write(data)
}

// ip is an IPv4 packet.
func (s *story) ip(src, dst netip.Addr, protocol uint8, payload []byte) []byte {
	s.id++
	p := []byte{0x45, 0, 0, 0, byte(s.id >> 8), byte(s.id), 0x40, 0, 64, protocol, 0, 0}
	binary.BigEndian.PutUint16(p[2:], uint16(20+len(payload)))
	p = append(append(p, src.AsSlice()...), dst.AsSlice()...)
	sum := uint32(0)
	for i := 0; i < 20; i += 2 {
		sum += uint32(binary.BigEndian.Uint16(p[i:]))
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	binary.BigEndian.PutUint16(p[10:], ^uint16(sum))
	return append(p, payload...)
}

// udp is a UDP datagram without a checksum.
func udp(src, dst uint16, payload []byte) []byte {
	p := binary.BigEndian.AppendUint16(nil, src)
	p = binary.BigEndian.AppendUint16(p, dst)
	p = binary.BigEndian.AppendUint16(p, uint16(8+len(payload)))
	return append(append(p, 0, 0), payload...)
}

// datagram adds a frame with a UDP datagram of one of the ends.
func (s *story) datagram(from int, payload []byte) {
	src, dst := s.ends[from], s.ends[1-from]
	s.frame(src.Addr(), dst.Addr(), 17, udp(src.Port(), dst.Port(), payload))
}

// float has the ends go over to port 4500.
func (s *story) float(client uint16) {
	s.natt = true
	s.ends = [2]netip.AddrPort{netip.AddrPortFrom(s.ends[fromClient].Addr(), client),
		netip.AddrPortFrom(s.ends[fromServer].Addr(), 4500)}
}

// protect makes the ESP SAs, and their row of keys.
func (s *story) protect() {
	for side := range s.sas {
		spi := pseudo(4, "SPI %s %d %d", s.name, side, s.out)
		s.sas[side] = sealing{binary.BigEndian.Uint32(spi), 0, pseudo(16, "key %x", spi), pseudo(20, "auth %x", spi)}
		fmt.Fprintf(s.tables["esp_sa"],
			"\"IPv4\",\"*\",\"*\",\"0x%x\",\"AES-CBC [RFC3602]\",\"0x%x\",\"HMAC-SHA-1-96 [RFC2404]\",\"0x%x\"\n",
			spi, s.sas[side].key, s.sas[side].auth)
	}
}

// esp adds a frame with a packet of ESP.
func (s *story) esp(from int, next uint8, payload []byte) {
	a := &s.sas[from]
	a.seq++
	p := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, a.spi), a.seq)
	iv := pseudo(16, "IV %d %d", a.spi, a.seq)
	padding := byte(15 - (len(payload)+1)%16)
	for n := range padding {
		payload = append(payload[:len(payload):len(payload)], n+1)
	}
	payload = append(payload, padding, next)
	block, err := aes.NewCipher(a.key)
	if err != nil {
		panic(err)
	}
	sealed := make([]byte, len(payload))
	cipher.NewCBCEncrypter(block, iv).CryptBlocks(sealed, payload)
	p = append(append(p, iv...), sealed...)
	mac := hmac.New(sha1.New, a.auth)
	mac.Write(p)
	p = append(p, mac.Sum(nil)[:12]...)
	if s.natt {
		s.datagram(from, p)
		return
	}
	s.frame(s.ends[from].Addr(), s.ends[1-from].Addr(), 50, p)
}

// message adds a message of L2TP: in ESP if there are SAs, else in clear.
func (s *story) message(from int, m []byte) {
	ports := [2]uint16{s.port, 1701}
	d := udp(ports[from], ports[1-from], m)
	if s.sas[from].key == nil {
		s.frame(s.ends[from].Addr(), s.ends[1-from].Addr(), 17, d)
		return
	}
	s.esp(from, 17, d)
}

// avp is an AVP of L2TP.
func avp(kind uint16, value ...byte) []byte {
	p := binary.BigEndian.AppendUint16(nil, 0x8000|uint16(6+len(value)))
	p = append(p, 0, 0)
	return append(binary.BigEndian.AppendUint16(p, kind), value...)
}

func u16(n uint16) []byte { return binary.BigEndian.AppendUint16(nil, n) }

// resultCode is the value of a Result Code AVP.
func resultCode(result, code uint16, text string) []byte {
	return append(append(u16(result), u16(code)...), text...)
}

// control adds a control message of L2TP to a tunnel and a call.
func (s *story) control(from int, tunnel, call uint16, avps ...[]byte) {
	body := slices.Concat(avps...)
	m := append([]byte{0xc8, 2}, u16(uint16(12+len(body)))...)
	m = append(append(m, u16(tunnel)...), u16(call)...)
	n := &s.numbers[from]
	m = append(append(m, u16(n[0])...), u16(n[1])...)
	if len(body) > 0 {
		n[0]++
		s.numbers[1-from][1]++
	}
	s.message(from, append(m, body...))
}

// again repeats a control message.
func (s *story) again(from int, tunnel, call uint16, avps ...[]byte) {
	s.numbers[from][0]--
	s.numbers[1-from][1]--
	s.control(from, tunnel, call, avps...)
}

// request is a SCCRQ or SCCRP.
func request(kind, tunnel uint16, host string, more ...[]byte) [][]byte {
	return append([][]byte{avp(0, u16(kind)...), avp(2, 1, 0), avp(3, 0, 0, 0, 3), avp(7, []byte(host)...), avp(8,
		[]byte("xelerance.com")...),
		avp(9, u16(tunnel)...)}, more...)
}

// tunnel sets up the tunnel.
func (s *story) tunnel(more ...[]byte) {
	s.control(fromClient, 0, 0, request(1, tunnelIDs[0], "labvm", more...)...)
	s.control(fromServer, tunnelIDs[0], 0, request(2, tunnelIDs[1], "lns", more...)...)
	s.control(fromClient, tunnelIDs[1], 0, avp(0, 0, 3))
}

// call sets up the call.
func (s *story) call() {
	s.control(fromClient, tunnelIDs[1], 0, avp(0, 0, 10), avp(14, u16(callIDs[0])...), avp(15, 0, 0, 0, 1))
	s.control(fromServer, tunnelIDs[0], callIDs[0], avp(0, 0, 11), avp(14, u16(callIDs[1])...))
	s.control(fromClient, tunnelIDs[1], callIDs[1], avp(0, 0, 12), avp(24, 0, 0, 0, 1), avp(19, 0, 0, 0, 3))
}

// ppp adds a frame of PPP.
func (s *story) ppp(from int, protocol uint16, data []byte) {
	m := append([]byte{0, 2}, u16(tunnelIDs[1-from])...)
	m = append(append(m, u16(callIDs[1-from])...), 0xff, 3)
	s.message(from, append(append(m, u16(protocol)...), data...))
}

// packet is a packet of a control protocol of PPP.
func packet(code, id byte, data ...byte) []byte {
	return append([]byte{code, id, byte((len(data) + 4) >> 8), byte(len(data) + 4)}, data...)
}

// option is an option of PPP.
func option(kind byte, value ...byte) []byte {
	return append([]byte{kind, byte(2 + len(value))}, value...)
}

// Protocols of PPP.
const (
	ipv4 = 0x0021
	lcp  = 0xc021
	pap  = 0xc023
	chap = 0xc223
	eap  = 0xc227
	ipcp = 0x8021
	ecp  = 0x8053
	ipv6 = 0x0057
	ip6c = 0x8057 // IPV6CP
)

// asks has one side ask for options, and the other agree to them.
func (s *story) asks(from int, protocol uint16, options ...byte) {
	s.ppp(from, protocol, packet(1, byte(s.out), options...))
	s.ppp(1-from, protocol, packet(2, byte(s.out-1), options...))
}

// chapMSv2 is the value of the authentication option of LCP for MS-CHAPv2.
var chapMSv2 = option(3, 0xc2, 0x23, 0x81)

// link sets up LCP; the server asks for authentication with auth.
func (s *story) link(auth []byte, more ...byte) {
	s.asks(fromClient, lcp, append(option(5, 1, 2, 3, 4), more...)...)
	s.asks(fromServer, lcp, slices.Concat(option(1, 5, 0x82), auth, option(5, 5, 6, 7, 8), more)...)
}

// login has alice log in with MS-CHAPv2, and the server answer.
func (s *story) login(code byte, text string) {
	s.ppp(fromServer, chap, packet(1, 9, append(append([]byte{16}, pseudo(16, "challenge %d", s.out)...), "lns"...)...))
	s.ppp(fromClient, chap, packet(2, 9, append(append([]byte{49}, pseudo(49, "response %d", s.out)...),
		"alice"...)...))
	s.ppp(fromServer, chap, packet(code, 9, []byte(text)...))
}

var (
	userAddr  = netip.MustParseAddr("10.99.0.100")
	gateAddr  = netip.MustParseAddr("10.99.0.1")
	outerHost = netip.MustParseAddr("192.0.2.33")
)

// addresses sets up IPCP.
func (s *story) addresses() {
	s.asks(fromServer, ipcp, option(3, gateAddr.AsSlice()...)...)
	s.asks(fromClient, ipcp, option(3, userAddr.AsSlice()...)...)
}

// user adds a packet of the user, to or from somebody.
func (s *story) user(from int, other netip.Addr, protocol uint8, payload []byte) {
	src, dst := userAddr, other
	if from == fromServer {
		src, dst = other, userAddr
	}
	s.ppp(from, ipv4, s.ip(src, dst, protocol, payload))
}

// pings has the user ask and be answered.
func (s *story) pings(n int) {
	for i := range n {
		s.user(fromClient, outerHost, 1, append([]byte{8, 0, 0, 0, 0, 1, 0, byte(i)}, pseudo(56, "ping")...))
		s.user(fromServer, outerHost, 1, append([]byte{0, 0, 0, 0, 0, 1, 0, byte(i)}, pseudo(56, "ping")...))
		s.wait(900 * time.Millisecond)
	}
}

// terminate has a side end PPP.
func (s *story) terminate(from int, text string) {
	s.ppp(from, lcp, packet(5, 77, []byte(text)...))
	s.ppp(1-from, lcp, packet(6, 77))
}

// hangUp has a side end the call and the tunnel.
func (s *story) hangUp(from int, result, code uint16, text string) {
	s.control(from, tunnelIDs[1-from], callIDs[1-from], avp(0, 0, 14), avp(1, resultCode(result, code, text)...),
		avp(14, u16(callIDs[from])...))
	s.stop(from, 6, 0, "")
}

// stop has a side end the tunnel.
func (s *story) stop(from int, result, code uint16, text string) {
	s.control(from, tunnelIDs[1-from], 0, avp(0, 0, 4), avp(9, u16(tunnelIDs[from])...), avp(1, resultCode(result,
		code, text)...))
	s.control(1-from, tunnelIDs[from], 0)
}

// connected sets up everything up to IPCP.
func (s *story) connected(more ...byte) {
	s.secured()
	s.tunnel()
	s.call()
	s.link(chapMSv2, more...)
	s.login(3, "S=0123456789ABCDEF0123456789ABCDEF01234567 M=Access granted")
	s.addresses()
}
