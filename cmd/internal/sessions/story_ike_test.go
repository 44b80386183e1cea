package sessions_test

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha1"
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"time"
)

// sealedIKE is an ISAKMP SA: AES-CBC of 128 bits with SHA-1, a pre-shared key and modp1024.
type sealedIKE struct {
	cookies [2][]byte // of the initiator and the responder
	ka      []byte
	public  [2][]byte
	chain   []byte // last block of ciphertext of phase 1
}

// Types of payloads and exchanges.
const (
	plSA, plKE, plID, plCert, plHash, plSig, plNonce, plNotify, plDelete, plVendor, plConfig, plNATD = 1, 4, 5, 6,
		8, 9, 10, 11, 12, 13, 14, 20

	mainMode, quickMode, informational, transaction = 2, 32, 5, 6
)

type payload struct {
	kind byte
	body []byte
}

// chain are payloads one behind the other.
func chain(payloads []payload) (first byte, out []byte) {
	for i, p := range payloads {
		next := byte(0)
		if i+1 < len(payloads) {
			next = payloads[i+1].kind
		}
		out = append(out, next, 0)
		out = append(append(out, u16(uint16(4+len(p.body)))...), p.body...)
	}
	return payloads[0].kind, out
}

// isakmp adds a message; id is its message ID, and sealed says that it is encrypted.
func (s *story) isakmp(from int, exchange byte, id uint32, sealed bool, payloads ...payload) {
	first, body := chain(payloads)
	i := &s.ike
	flags := byte(0)
	if sealed {
		flags = 1
		body = append(body, make([]byte, (16-len(body)%16)%16)...)
		iv := i.chain
		if id != 0 {
			sum := sha1.Sum(binary.BigEndian.AppendUint32(slices.Clone(i.chain), id))
			iv = sum[:16]
			if previous := s.ivs[id]; previous != nil {
				iv = previous
			}
		}
		block, err := aes.NewCipher(i.ka)
		if err != nil {
			panic(err)
		}
		cipher.NewCBCEncrypter(block, iv).CryptBlocks(body, body)
		if last := body[len(body)-16:]; id == 0 {
			i.chain = slices.Clone(last)
		} else {
			s.ivs[id] = slices.Clone(last)
		}
	}
	m := slices.Concat(i.cookies[0], i.cookies[1], []byte{first, 0x10, exchange, flags},
		binary.BigEndian.AppendUint32(nil, id),
		binary.BigEndian.AppendUint32(nil, uint32(28+len(body))), body)
	if s.natt {
		m = append([]byte{0, 0, 0, 0}, m...)
	}
	s.datagram(from, m)
}

// attribute is one of a transform, with a value of two bytes.
func attribute(kind, value uint16) []byte { return append(u16(0x8000|kind), u16(value)...) }

// proposal is an SA payload with one transform.
func proposal(protocol byte, spi []byte, transform byte, attributes ...[]byte) payload {
	t := append([]byte{1, transform, 0, 0}, slices.Concat(attributes...)...)
	t = append([]byte{0, 0, byte((len(t) + 4) >> 8), byte(len(t) + 4)}, t...)
	p := append([]byte{1, protocol, byte(len(spi)), 1}, spi...)
	p = append(p, t...)
	p = append([]byte{0, 0, byte((len(p) + 4) >> 8), byte(len(p) + 4)}, p...)
	return payload{plSA, append([]byte{0, 0, 0, 1, 0, 0, 0, 1}, p...)}
}

// phase1SA is the SA payload of phase 1, for a method of authentication.
func phase1SA(method uint16, life uint16) payload {
	return proposal(1, nil, 1, attribute(1, 7), attribute(14, 128), attribute(2, 2), attribute(3, method),
		attribute(4, 2), attribute(11, 1), attribute(12, life))
}

// Methods of authentication.
const (
	preShared = 1
	rsaSig    = 3
	xauthPSK  = 65001
)

// begin begins an ISAKMP SA.
func (s *story) begin() {
	s.ike = sealedIKE{cookies: [2][]byte{pseudo(8, "CKY-I %s %d", s.name, s.out), make([]byte, 8)}, ka: pseudo(16,
		"Ka %d", s.out)}
	s.ivs = make(map[uint32][]byte)
}

// chosen has the responder take part.
func (s *story) chosen() {
	i := &s.ike
	i.cookies[1] = pseudo(8, "CKY-R %s %d", s.name, s.out)
	fmt.Fprintf(s.tables["ikev1_decryption_table"], "%x,%x\n", i.cookies[0], i.ka)
}

// detection are the NAT-D payloads of a message; own is an address that the sender believes to
// have.
func (s *story) detection(from int, own netip.AddrPort) []payload {
	var list []payload
	for _, end := range [...]netip.AddrPort{s.ends[1-from], own} {
		sum := sha1.Sum(slices.Concat(s.ike.cookies[0], s.ike.cookies[1], end.Addr().AsSlice(), u16(end.Port())))
		list = append(list, payload{plNATD, sum[:]})
	}
	return list
}

// firstFour adds messages 1 to 4 of main mode. own are the addresses that the ends believe to have,
// vendors the client's.
func (s *story) firstFour(sa payload, own [2]netip.AddrPort, vendors ...[]byte) {
	s.begin()
	first := []payload{sa}
	for _, v := range vendors {
		first = append(first, payload{plVendor, v})
	}
	s.isakmp(fromClient, mainMode, 0, false, first...)
	if s.asked != nil {
		s.asked()
	}
	s.chosen()
	s.isakmp(fromServer, mainMode, 0, false, sa)
	i := &s.ike
	for side := range i.public {
		i.public[side] = pseudo(128, "KE %d %d", side, s.out)
		s.isakmp(side, mainMode, 0, false, append([]payload{{plKE, i.public[side]}, {plNonce, pseudo(20,
			"nonce %d %d", side, s.out)}}, s.detection(side, own[side])...)...)
	}
	sum := sha1.Sum(append(slices.Clone(i.public[0]), i.public[1]...))
	i.chain = sum[:16]
}

// identity is an ID payload with an address.
func identity(addr netip.Addr, protocol byte, port uint16) payload {
	return payload{plID, append(append([]byte{1, protocol}, u16(port)...), addr.AsSlice()...)}
}

func hashed(name string) payload { return payload{plHash, pseudo(20, "hash %s", name)} }

// phase1 sets up an ISAKMP SA.
func (s *story) phase1(vendors ...[]byte) {
	s.firstFour(phase1SA(preShared, 28800), s.ends, vendors...)
	s.isakmp(fromClient, mainMode, 0, true, identity(s.ends[0].Addr(), 0, 0), hashed("I"))
	s.isakmp(fromServer, mainMode, 0, true, identity(s.ends[1].Addr(), 0, 0), hashed("R"))
}

// phase2SA is the SA payload of Quick Mode.
func (s *story) phase2SA(from int) payload {
	mode := uint16(2)
	if s.natt {
		mode = 4
	}
	spi := binary.BigEndian.AppendUint32(nil, s.sas[1-from].spi) // that the other is to send
	return proposal(3, spi, 12, attribute(6, 128), attribute(5, 2), attribute(4, mode), attribute(1, 1),
		attribute(2, 3600))
}

// quick sets up ESP SAs for UDP of a port of the client and port 1701.
func (s *story) quick(port uint16) {
	s.protect()
	id := binary.BigEndian.Uint32(pseudo(4, "message ID %d", s.out))
	ids := []payload{identity(s.ends[0].Addr(), 17, port), identity(s.ends[1].Addr(), 17, 1701)}
	for _, from := range []int{fromClient, fromServer} {
		s.isakmp(from, quickMode, id, true, append([]payload{hashed("quick"), s.phase2SA(from), {plNonce,
			pseudo(20, "nonce %d", s.out)}}, ids...)...)
	}
	s.isakmp(fromClient, quickMode, id, true, hashed("3"))
}

// secured sets up both phases.
func (s *story) secured() {
	s.phase1()
	s.quick(1701)
	s.wait(50 * time.Millisecond)
}

// notify is a Notification payload.
func (s *story) notify(protocol byte, kind uint16, data ...byte) payload {
	return payload{plNotify, append(append([]byte{0, 0, 0, 1, protocol, 0}, u16(kind)...), data...)}
}

// inform adds an encrypted Informational message.
func (s *story) inform(from int, p payload) {
	s.isakmp(from, informational, binary.BigEndian.Uint32(pseudo(4, "inform %d", s.out)), true,
		hashed("informational"), p)
}

// leave has a side delete its SAs.
func (s *story) leave(from int) {
	if s.sas[1-from].key != nil {
		s.inform(from, s.deletesESP(from))
	}
	s.inform(from, payload{plDelete, slices.Concat([]byte{0, 0, 0, 1, 1, 16, 0, 1}, s.ike.cookies[0],
		s.ike.cookies[1])})
}

// windows are the vendor IDs of Windows 8 and later.
var windows = [][]byte{
	unhex("1e2b516905991c7d7c96fcbfb587e46100000009"), unhex("4a131c81070358455c5728f20e95452f"),
	unhex("90cb80913ebb696e086381b5ec427b1f"),
	unhex("4048b7d56ebce88525e7de7f00d6c2d3"), unhex("fb1de3cdf341b7ea16b7e5be0855f120"),
	unhex("26244d38eddb61b3172a36e3d0cfb819"),
	unhex("e3a5966a76379fe707228231e5ce8652"),
}
