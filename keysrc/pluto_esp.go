package keysrc

import (
	"bytes"
	"cmp"
	"net/netip"
	"strconv"
	"strings"

	"l2tpdump/esp"
)

// A plutoKeymat is KEYMAT of one direction: the encryption key, then the authentication key.
type plutoKeymat struct {
	line  int
	bytes []byte
}

// A plutoHalf is the keys of one ESP SA that libreswan is about to install.
type plutoHalf struct {
	line         int
	key, authKey []byte
	cipher, auth string
	keyBits      int // as the log declares it, 0 not declared
}

// The numbers that older versions show for transforms and attributes (RFC 2407 sections 4.4.4 and
// 4.5, and their registry).
var (
	plutoTransforms = map[string]string{
		"2": "DES_CBC", "3": "3DES_CBC", "6": "CAST_CBC", "7": "BLOWFISH_CBC", "11": "NULL", "12": "AES_CBC",
		"13": "AES_CTR",
		"14": "AES_CCM_8", "15": "AES_CCM_12", "16": "AES_CCM_16", "18": "AES_GCM_8", "19": "AES_GCM_12",
		"20": "AES_GCM_16",
	}
	plutoIntegrity = map[string]string{
		"0": "NONE", "1": "HMAC_MD5_96", "2": "HMAC_SHA1_96", "5": "HMAC_SHA2_256_128", "6": "HMAC_SHA2_384_192",
		"7": "HMAC_SHA2_512_256", "8": "HMAC_RIPEMD", "9": "AES_XCBC_96",
	}
)

var plutoAlgorithms = mark{"looking for alg with ", 16}

// kernel takes debug lines about packets and the kernel:
//
//	*received 172 bytes from 203.0.113.10:500 on eth0 203.0.113.1:500 using UDP
//	kernel: looking for alg with encrypt: AES_CBC keylen: 128 integ: HMAC_SHA1_96
//	kernel: add_sa() … …->203.0.113.1[c3991ac7]==>203.0.113.10-UDP->… HMAC_SHA1_96:20 AES_CBC:16
//	netlink response for Add SA esp.c3991ac7@203.0.113.10 included non-error error
func (p *pluto) kernel(s []byte) {
	if rest, ok := bytes.CutPrefix(s, []byte("*received ")); ok {
		p.received(rest)
	} else if rest, ok := plutoAlgorithms.after(s); ok {
		p.halfLost()
		p.half.algorithms(rest)
	} else if p.half.line == 0 {
		return
	} else if bytes.Contains(s, []byte("add_sa() ")) {
		p.addSA(s)
	} else if rest, ok := after(s, "Add SA esp."); ok {
		w, _ := word(rest)
		spi, dst, _ := bytes.Cut(w, []byte("@"))
		v, err1 := strconv.ParseUint(string(spi), 16, 32)
		a, err2 := netip.ParseAddr(string(dst))
		if err1 == nil && err2 == nil {
			p.halfGive(uint32(v), netip.Addr{}, a)
		}
	}
}

// received takes "172 bytes from 203.0.113.10:500 on eth0 203.0.113.1:500 using UDP".
func (p *pluto) received(s []byte) {
	rest, ok := after(s, " from ")
	if !ok {
		return
	}
	w, rest := word(rest)
	a, port := plutoAddr(w)
	p.peer, p.encap = a, port != 500
	if rest, ok := after(rest, " on "); ok {
		_, rest = word(rest)
		w, _ = word(rest)
		if _, port := plutoAddr(w); port != 500 && port != 0 {
			p.encap = true
		}
	}
}

// algorithms takes "encrypt: AES_CBC keylen: 128 integ: HMAC_SHA1_96", and "transid: 12" and "auth:
// 2" of older versions.
func (h *plutoHalf) algorithms(s []byte) {
	value := func(mark string) string {
		rest, _ := after(s, mark)
		w, _ := word(rest)
		return string(w)
	}
	h.cipher = cmp.Or(value("encrypt: "), plutoTransforms[value("transid: ")])
	h.keyBits, _ = strconv.Atoi(strings.TrimSuffix(value("keylen: "), ","))
	h.auth = cmp.Or(value("integ: "), value("auth: "))
	h.auth = cmp.Or(plutoIntegrity[h.auth], h.auth)
}

// plutoAddr takes "203.0.113.10:500" and "[2001:db8::1]:500".
func plutoAddr(w []byte) (netip.Addr, int) {
	i := bytes.LastIndexByte(w, ':')
	if i < 0 {
		return netip.Addr{}, 0
	}
	port, _ := strconv.Atoi(string(w[i+1:]))
	a, _ := netip.ParseAddr(string(bytes.Trim(w[:i], "[]")))
	return a, port
}

// addSA takes the line that tells what goes to the kernel.
func (p *pluto) addSA(s []byte) {
	i := bytes.Index(s, []byte("]==>"))
	if i < 0 {
		return
	}
	open := bytes.LastIndexByte(s[:i], '[')
	if open < 0 {
		return
	}
	spi, err := strconv.ParseUint(string(s[open+1:i]), 16, 32)
	if err != nil {
		return
	}
	from := bytes.LastIndexByte(s[:open], '>')
	src, _ := netip.ParseAddr(string(s[from+1 : open]))
	w, _ := word(s[i+4:])
	if j := bytes.IndexByte(w, '-'); j >= 0 {
		w = w[:j]
	}
	dst, _ := netip.ParseAddr(string(w))
	// The last two words declare how long the keys are.
	words := bytes.Fields(s)
	if len(words) > 2 {
		name, size, ok := plutoSize(words[len(words)-1])
		auth, authSize, ok2 := plutoSize(words[len(words)-2])
		if ok && ok2 {
			switch {
			case size != len(p.half.key):
				p.out.note(p.half.line, "ESP enckey of SPI "+spiName(uint32(spi))+" has "+
					byteCount(len(p.half.key))+" where "+strconv.Itoa(size)+" are declared")
				p.half = plutoHalf{}
				return
			case authSize != len(p.half.authKey):
				p.out.note(p.half.line, "ESP authkey of SPI "+spiName(uint32(spi))+" has "+
					byteCount(len(p.half.authKey))+" where "+strconv.Itoa(authSize)+" are declared")
				p.half.authKey = nil
			}
			p.half.cipher, p.half.auth, p.half.keyBits = name, auth, 0
		}
	}
	p.halfGive(uint32(spi), src, dst)
}

// plutoSize takes "AES_CBC:16".
func plutoSize(w []byte) (name string, size int, ok bool) {
	i := bytes.IndexByte(w, ':')
	if i <= 0 {
		return "", 0, false
	}
	size, err := strconv.Atoi(string(w[i+1:]))
	return string(w[:i]), size, err == nil
}

// halfLost tells of the keys of an SA that no line gave an SPI.
func (p *pluto) halfLost() {
	if p.half.line != 0 {
		p.out.note(p.half.line, "ESP keys: the line with the SPI that they are for is missing or cut short")
	}
	p.half = plutoHalf{}
}

// halfGive gives the keys of one SA out.
func (p *pluto) halfGive(spi uint32, src, dst netip.Addr) {
	h := p.half
	p.half = plutoHalf{}
	whole := append(bytes.Clone(h.key), h.authKey...)
	for _, k := range []*plutoKeymat{&p.ourKeymat, &p.peerKeymat} {
		if len(k.bytes) > 0 && bytes.Equal(k.bytes, whole) {
			*k = plutoKeymat{}
		}
	}
	p.give(h.line, spi, src, dst, espKeys{cipher: h.cipher, key: h.key, keyLen: h.keyBits / 8, auth: h.auth,
		authKey: h.authKey})
}

func (p *pluto) give(line int, spi uint32, src, dst netip.Addr, k espKeys) {
	s := p.out.secret(line, "ESP keys of SPI ", spi, &k)
	if s == nil {
		return
	}
	if !p.encap && src.IsValid() && dst.IsValid() { // else there may be a NAT, and the addresses differ along the way
		s.Src, s.Dst = esp.AddrPatternFrom(src), esp.AddrPatternFrom(dst)
	}
	p.out.esp(s)
}

// established takes
//
//	"l2tp"[1] 203.0.113.10 #2: IPsec SA established … {ESP=>0xc3991ac7 <0xb9a52e11 xfrm=AES_CBC_128-HMAC_SHA1_96 …}
//
// in which the first SPI is that of what pluto sends; it names the SAs of a KEYMAT.
func (p *pluto) established(text []byte) bool {
	rest, ok := after(text, "{ESP")
	if !ok {
		return false
	}
	rest, ok = after(rest, "=>")
	if !ok {
		return false
	}
	w, rest := word(rest)
	out, err1 := strconv.ParseUint(string(w), 0, 32)
	w, rest = word(rest)
	in, err2 := strconv.ParseUint(string(bytes.TrimPrefix(w, []byte("<"))), 0, 32)
	if err1 != nil || err2 != nil {
		return false
	}
	var names []byte
	if rest, ok := after(rest, "xfrm="); ok {
		names, _ = word(rest)
		names = bytes.TrimRight(names, "}")
	}
	if n, m := len(p.ourKeymat.bytes), len(p.peerKeymat.bytes); n != m && n != 0 && m != 0 {
		p.out.note(p.ourKeymat.line, "keymat of the two directions has "+byteCount(n)+" and "+strconv.Itoa(m)+": a "+
			"row is missing")
		p.ourKeymat, p.peerKeymat = plutoKeymat{}, plutoKeymat{}
	}
	p.keymat(&p.peerKeymat, uint32(out), names)
	p.keymat(&p.ourKeymat, uint32(in), names)
	return true
}

// keymat splits KEYMAT by the algorithms of the SA, as in "AES_128-HMAC_SHA1".
func (p *pluto) keymat(k *plutoKeymat, spi uint32, names []byte) {
	if len(k.bytes) == 0 {
		return
	}
	m := *k
	*k = plutoKeymat{}
	cipher, auth, _ := bytes.Cut(names, []byte("-"))
	var bits int
	if i := bytes.LastIndexByte(cipher, '_'); i > 0 {
		if n, err := strconv.Atoi(string(cipher[i+1:])); err == nil && (n == 0 || n >= 64) {
			cipher, bits = cipher[:i], n
		}
	}
	a := authNamed(string(auth), 0, 128)
	if a == nil || a.KeyLen >= len(m.bytes) {
		p.out.note(m.line, "keymat of SPI "+spiName(spi)+": its algorithms are not known, so it can't be split")
		return
	}
	at := len(m.bytes) - a.KeyLen
	p.give(m.line, spi, netip.Addr{}, netip.Addr{}, espKeys{
		cipher: string(cipher), key: m.bytes[:at], keyLen: bits / 8, auth: string(auth), authKey: m.bytes[at:],
	})
}

// keymatSplits are the lengths of KEYMAT that only one pair of an encryption key and an
// authentication key adds up to, with the length of the first.
var keymatSplits = map[int]int{28: 8, 32: 16, 36: 16, 44: 24, 52: 32, 64: 32}

// keymatGive gives out KEYMAT of which the log doesn't say what it is for.
func (p *pluto) keymatGive() {
	our, peer := p.ourKeymat, p.peerKeymat
	p.ourKeymat, p.peerKeymat = plutoKeymat{}, plutoKeymat{}
	n := len(our.bytes)
	at, ok := keymatSplits[n]
	if !ok || len(peer.bytes) != n {
		for _, m := range []plutoKeymat{our, peer} {
			if len(m.bytes) > 0 {
				p.out.note(m.line, "keymat of "+byteCount(len(m.bytes))+" without SPI and algorithms: it can't be "+
					"split")
			}
		}
		return
	}
	auth := map[int]string{16: "HMAC_MD5_96", 20: "HMAC_SHA1_96", 32: "HMAC_SHA2_256_128"}[n-at]
	for _, m := range []plutoKeymat{our, peer} {
		p.out.doubt(m.line, "keymat without SPI and algorithms: it is tried with each SPI, as keys of "+
			byteCount(at)+" and "+strconv.Itoa(n-at))
		p.out.esp(&esp.Secret{
			Suite: esp.Suite{KeyLen: at, Auth: authNamed(auth, 0, 128)},
			Key:   esp.NewKey(m.bytes[:at]), AuthKey: esp.NewKey(m.bytes[at:]), Origin: p.out.origin(m.line),
		})
	}
}
