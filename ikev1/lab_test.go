package ikev1

import (
	"crypto/cipher"
	"encoding/binary"
	"math/rand"
	"net/netip"
	"testing"
)

// lab plays both peers of an ISAKMP SA.
type lab struct {
	t        testing.TB
	rnd      *rand.Rand
	suite    suite
	block    cipher.Block
	secret   *Secret
	i, r     Cookie
	d, a     []byte
	skeyid   []byte
	kei, ker []byte
	sai      []byte
	last     []byte // of phase 1
	chains   map[uint32][]byte
	pad      func(l *lab, n int) []byte // padding for a plaintext of n bytes

	initiator, responder netip.AddrPort
	list                 []*Datagram
}

// part is a payload to send.
type part struct {
	t    PayloadType
	body []byte
}

func chainOf(parts ...part) (PayloadType, []byte) {
	var b []byte
	for i, p := range parts {
		next := PayloadNone
		if i+1 < len(parts) {
			next = parts[i+1].t
		}
		b = append(b, byte(next), 0)
		b = binary.BigEndian.AppendUint16(b, uint16(len(p.body)+payloadHeaderLen))
		b = append(b, p.body...)
	}
	return parts[0].t, b
}

func (l *lab) bytes(n int) []byte {
	b := make([]byte, n)
	l.rnd.Read(b)
	return b
}

func labTV(t, v uint16) []byte {
	return binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16(nil, 0x8000|t), v)
}

func join(parts ...[]byte) []byte {
	var b []byte
	for _, p := range parts {
		b = append(b, p...)
	}
	return b
}

// proposal makes a proposal payload with one transform, last or not.
func labProposal(more bool, number byte, protocol protocolID, spi []byte, id byte, attributes ...[]byte) []byte {
	t := append([]byte{1, id, 0, 0}, join(attributes...)...)
	t = append([]byte{0, 0, 0, byte(len(t) + 4)}, t...)
	p := append([]byte{number, byte(protocol), byte(len(spi)), 1}, append(append([]byte(nil), spi...), t...)...)
	next := byte(0)
	if more {
		next = byte(PayloadProposal)
	}
	return append([]byte{next, 0, 0, byte(len(p) + 4)}, p...)
}

func saBody(proposals ...[]byte) []byte {
	return append([]byte{0, 0, 0, 1, 0, 0, 0, 1}, join(proposals...)...)
}

func zeroPad(l *lab, n int) []byte {
	bl := l.block.BlockSize()
	return make([]byte, (bl-n%bl)%bl)
}

func fullPad(l *lab, n int) []byte {
	bl := l.block.BlockSize()
	return make([]byte, bl-n%bl)
}

func randomPad(l *lab, n int) []byte { return l.bytes(len(zeroPad(l, n))) }

func countPad(l *lab, n int) []byte {
	p := l.bytes(len(fullPad(l, n)) + l.block.BlockSize())
	p[len(p)-1] = byte(len(p) - 1)
	return p
}

func newLab(t testing.TB, seed int64, encryption, hash uint16, keyLen int) *lab {
	l := &lab{
		t: t, rnd: rand.New(rand.NewSource(seed)), chains: map[uint32][]byte{}, pad: zeroPad,
		initiator: netip.MustParseAddrPort("192.0.2.1:500"), responder: netip.MustParseAddrPort("198.51.100.2:500"),
	}
	l.suite = suite{cipherByID(encryption), keyLen, hashByID(hash)}
	copy(l.i[:], l.bytes(8))
	copy(l.r[:], l.bytes(8))
	h := l.suite.hash
	l.skeyid = l.bytes(h.size)
	gxy := l.bytes(128)
	l.kei, l.ker = l.bytes(128), l.bytes(128)
	var e []byte
	l.d, l.a, e = skeyids(h, l.skeyid, gxy, l.i, l.r)
	var err error
	if l.block, err = l.suite.cipher.new(expandKa(h, e, keyLen)); err != nil {
		t.Fatal(err)
	}
	l.secret = &Secret{InitiatorCookie: l.i, SKEYID: keyOf(l.skeyid), SKEYIDd: keyOf(l.d), SKEYIDa: keyOf(l.a), SKEYIDe: keyOf(e)}
	attributes := [][]byte{labTV(1, encryption), labTV(2, hash), labTV(3, 1), labTV(4, 2)}
	if len(l.suite.cipher.keyLens) > 1 {
		attributes = append(attributes, labTV(14, uint16(8*keyLen)))
	}
	l.sai = saBody(labProposal(false, 1, protocolISAKMP, nil, 1, attributes...))
	return l
}

// clear sends a message in clear.
func (l *lab) clear(fromI bool, x ExchangeType, parts ...part) {
	first, b := chainOf(parts...)
	h := Header{InitiatorCookie: l.i, ResponderCookie: l.r, NextPayload: first, MajorVersion: 1, Exchange: x, Length: uint32(HeaderLen + len(b))}
	if len(l.list) == 0 {
		h.ResponderCookie = Cookie{}
	}
	l.put(fromI, append(h.Append(nil), b...))
}

func (l *lab) put(fromI bool, data []byte) {
	d := &Datagram{Src: l.initiator, Dst: l.responder, Data: data, Time: int64(len(l.list)+1) * 1e8}
	if !fromI {
		d.Src, d.Dst = d.Dst, d.Src
	}
	l.list = append(l.list, d)
}

// sealed encrypts a message and sends it.
func (l *lab) sealed(fromI bool, x ExchangeType, id uint32, parts ...part) {
	first, b := chainOf(parts...)
	l.sealedBytes(fromI, x, id, first, b)
}

// sealedBytes does so with payloads that need not be a chain.
func (l *lab) sealedBytes(fromI bool, x ExchangeType, id uint32, first PayloadType, b []byte) {
	b = append(b, l.pad(l, len(b))...)
	bl := l.block.BlockSize()
	iv := l.chains[id]
	if iv == nil {
		first := phase2IV(l.suite.hash, l.last, id)
		iv = first[:bl]
	}
	out := make([]byte, len(b))
	cipher.NewCBCEncrypter(l.block, iv).CryptBlocks(out, b)
	l.chains[id] = out[len(out)-bl:]
	if id == 0 {
		l.last = l.chains[id]
	}
	h := Header{InitiatorCookie: l.i, ResponderCookie: l.r, NextPayload: first, MajorVersion: 1, Exchange: x, Flags: FlagEncryption,
		MessageID: id, Length: uint32(HeaderLen + len(out))}
	l.put(fromI, append(h.Append(nil), out...))
}

// hashed encrypts a message of phase 2 with HASH = prf(SKEYID_a, before | payloads).
func (l *lab) hashed(fromI bool, x ExchangeType, id uint32, before [][]byte, parts ...part) {
	var rest []byte
	if len(parts) > 0 {
		_, rest = chainOf(parts...)
	}
	hash := l.suite.hash.prf(l.a, append(before, rest)...)
	l.sealed(fromI, x, id, append([]part{{PayloadHash, hash}}, parts...)...)
}

func mid(id uint32) []byte { return binary.BigEndian.AppendUint32(nil, id) }

// main sends main mode. idi is the initiator's ID body.
func (l *lab) main(idi, idr []byte) {
	l.clear(true, ExchangeMain, part{PayloadSA, l.sai}, part{PayloadVendorID, l.bytes(16)})
	l.clear(false, ExchangeMain, part{PayloadSA, l.sai})
	l.clear(true, ExchangeMain, part{PayloadKE, l.kei}, part{PayloadNonce, l.bytes(16)})
	l.clear(false, ExchangeMain, part{PayloadKE, l.ker}, part{PayloadNonce, l.bytes(20)})
	h := l.suite.hash
	iv := phase1IV(h, l.kei, l.ker)
	l.chains[0] = iv[:l.block.BlockSize()]
	l.sealed(true, ExchangeMain, 0, part{PayloadID, idi},
		part{PayloadHash, h.prf(l.skeyid, l.kei, l.ker, l.i[:], l.r[:], l.sai, idi)}, part{PayloadNotify, fromHex(l.t, "00000001 01 10 6002"+l.i.String()+l.r.String())})
	l.sealed(false, ExchangeMain, 0, part{PayloadID, idr},
		part{PayloadHash, h.prf(l.skeyid, l.ker, l.kei, l.r[:], l.i[:], l.sai, idr)})
}

func ipID(a netip.AddrPort) []byte {
	ip := a.Addr().As4()
	return append([]byte{1, 17, 1, 0xf4}, ip[:]...)
}

// quick sends a Quick Mode with the SA bodies given for both sides.
func (l *lab) quick(fromI bool, id uint32, offers, answers [][]byte, extra ...part) (ni, nr []byte) {
	ni, nr = l.bytes(16), l.bytes(24)
	message := func(sas [][]byte, nonce []byte) []part {
		var parts []part
		for _, b := range sas {
			parts = append(parts, part{PayloadSA, b})
		}
		return append(append(parts, part{PayloadNonce, nonce}), extra...)
	}
	l.hashed(fromI, ExchangeQuick, id, [][]byte{mid(id)}, message(offers, ni)...)
	l.hashed(!fromI, ExchangeQuick, id, [][]byte{mid(id), ni}, message(answers, nr)...)
	l.hashed(fromI, ExchangeQuick, id, [][]byte{{0}, mid(id), ni, nr})
	return ni, nr
}

var espAttributes = [][]byte{labTV(1, 1), labTV(2, 3600), labTV(4, 2), labTV(5, 2), labTV(6, 128)}

func espSA(spi string, t testing.TB) []byte {
	return saBody(labProposal(false, 1, protocolESP, fromHex(t, spi), 12, espAttributes...))
}

// session sends main mode and a bit of all that follows.
func (l *lab) session() {
	l.main(ipID(l.initiator), ipID(l.responder))
	l.hashed(false, ExchangeTransaction, 0x11111111, [][]byte{mid(0x11111111)}, part{PayloadConfig, fromHex(l.t, "01000001 40880000 40890000")})
	l.hashed(true, ExchangeTransaction, 0x11111111, [][]byte{mid(0x11111111)}, part{PayloadConfig, fromHex(l.t, "02000001 40880004 61626364 40890003 313233")})
	l.hashed(true, ExchangeNewGroup, 0x22222222, [][]byte{mid(0x22222222)}, part{PayloadSA, saBody(labProposal(false, 1, protocolISAKMP, nil, 1, labTV(4, 32769)))})
	l.hashed(false, ExchangeNewGroup, 0x22222222, [][]byte{mid(0x22222222)}, part{PayloadSA, saBody(labProposal(false, 1, protocolISAKMP, nil, 1, labTV(4, 32769)))})
	l.quick(true, 0x33333333, [][]byte{espSA("11223344", l.t)}, [][]byte{espSA("55667788", l.t)}, part{PayloadID, ipID(l.initiator)}, part{PayloadID, ipID(l.responder)})
	l.quick(false, 0x44444444, [][]byte{espSA("99aabbcc", l.t)}, [][]byte{espSA("ddeeff00", l.t)})
	l.hashed(true, ExchangeInformational, 0x55555555, [][]byte{mid(0x55555555)}, part{PayloadDelete, fromHex(l.t, "00000001 03 04 0001 11223344")})
	l.hashed(true, ExchangeInformational, 0x66666666, [][]byte{mid(0x66666666)}, part{PayloadNotify, fromHex(l.t, "00000001 01 10 8d28"+l.i.String()+l.r.String()+"00000007")})
	l.hashed(false, ExchangeInformational, 0x77777777, [][]byte{mid(0x77777777)}, part{PayloadDelete, fromHex(l.t, "00000001 01 10 0001"+l.i.String()+l.r.String())})
}

// state sums up what became of an SA's messages.
func state(sa *SA) string {
	for _, h := range []Hashes{sa.Phase1Hashes, sa.Phase2Hashes} {
		if h.Bad > 0 && h.Good == 0 {
			return "wrong key"
		}
	}
	switch {
	case sa.Decrypted > 0 && sa.HashesChecked() > 0:
		return "verified"
	case sa.Decrypted > 0:
		return "decrypted"
	case sa.Unopened > 0:
		return "wrong key"
	case sa.Short != nil:
		return "incomplete"
	}
	return "no key"
}

// unused returns the secrets that opened nothing.
func unused(tr *Tracker) (list []*Secret) {
	for x := range tr.Unused() {
		list = append(list, x)
	}
	return list
}
