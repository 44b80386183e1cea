package keysrc

import (
	"bytes"
	"net/netip"
	"strconv"

	"l2tpdump/esp"
	"l2tpdump/keysrc/redaction"
)

// The output of `setkey -D` (KAME, FreeBSD, NetBSD, macOS, ipsec-tools) and of `racoonctl show-sa
// ipsec`:
//
//	10.0.1.13 10.0.1.241
//		esp mode=transport spi=163029363(0x09b7a173) reqid=0(0x00000000)
//		E: aes-cbc  7575d5cc ceb2f132 d3ca09c1 08bc1b0c
//		A: hmac-sha512  b7c5d5e8 18a18929 ec676e49 cdf45d23 a00ca0ba c7fcb7d4 200ad3b8 8dc4271c
//	 ed6454f4 c4d8604a 3f9ecec6 e5093763 39e669fc 37d4f989 b1f135be 9348171e
//		seq=0x00000000 replay=4 flags=0x00000000 state=mature
//
// A row has 32 bytes in words of 4.
var setkeyFormat = Format{
	Name:  "setkey",
	Title: "setkey -D",
	Looks: "esp mode=… spi=N(0x…) with E: and A: lines",
	holds: cluesOf("esp spi=x"),
	match: func(line []byte) bool {
		_, ok := setkeySPI(trimLine(line))
		return ok
	},
	new: func(out *output) parser { return &setkey{out: out} },
}

type setkey struct {
	out      *output
	src, dst netip.AddrPort // of the last line with two addresses
	age      int            // of that line, in lines

	sa   setkeySA
	bare bool // an SA without keys was seen
}

type setkeySA struct {
	line     int // where it begins, 0 no SA
	spi      uint32
	src, dst netip.AddrPort
	udp      bool
	keys     espKeys
	open     *[]byte // the key of which rows may follow
	rows     hexRows // of it
	damaged  bool
}

// setkeySPI takes "esp mode=transport spi=163029363(0x09b7a173) …"; it returns what follows "spi=".
func setkeySPI(s []byte) (rest []byte, ok bool) {
	if !bytes.HasPrefix(s, []byte("esp mode=")) && !bytes.HasPrefix(s, []byte("esp-udp mode=")) &&
		!bytes.HasPrefix(s, []byte("esp/")) {
		return nil, false
	}
	rest, ok = after(s, " spi=")
	return rest, ok && bytes.Contains(rest, []byte("(0x"))
}

func (k *setkey) line(n int, text []byte) bool {
	s := trimLine(text)
	sa := &k.sa
	k.age++
	if rest, ok := setkeySPI(s); ok {
		k.give()
		*sa = setkeySA{line: n, udp: bytes.HasPrefix(s, []byte("esp-udp"))}
		if k.src.IsValid() && k.age <= 2 {
			sa.src, sa.dst = k.src, k.dst
		}
		w, _ := word(rest)
		dec, hex, _ := bytes.Cut(w, []byte("(0x"))
		d, err1 := strconv.ParseUint(string(dec), 10, 32)
		h, err2 := strconv.ParseUint(string(bytes.TrimSuffix(hex, []byte(")"))), 16, 32)
		sa.spi = uint32(h)
		if err1 != nil || err2 != nil || d != h {
			k.out.note(n, "the SPI can't be read, or its two spellings differ")
			sa.damaged = true
		}
		return true
	}
	if sa.line != 0 && sa.open != nil {
		if k.row(n, s) {
			return true
		}
		sa.open = nil
	}
	first, rest := word(s)
	switch {
	case sa.line != 0 && string(first) == "E:":
		name, rest := word(rest)
		sa.keys.cipher = string(name)
		k.value(n, &sa.keys.key, rest)
		return true
	case sa.line != 0 && string(first) == "A:":
		name, rest := word(rest)
		sa.keys.auth = string(name)
		k.value(n, &sa.keys.authKey, rest)
		return true
	case sa.line != 0 && bytes.HasPrefix(first, []byte("seq=0x")):
		k.give()
		return true
	}
	switch string(first) {
	case "E:":
		k.out.orphan(n, "a key without an SA before it")
		return true
	case "A:":
		return true
	}
	src, rest := setkeyAddr(first), trimLine(rest)
	if src.IsValid() && len(rest) > 0 && !bytes.ContainsAny(rest, " \t") {
		if dst := setkeyAddr(rest); dst.IsValid() {
			k.give()
			k.src, k.dst, k.age = src, dst, 0
		}
	}
	return false
}

// setkeyAddr takes "10.0.1.13" and "10.0.1.13[4500]".
func setkeyAddr(w []byte) netip.AddrPort {
	if len(w) == 0 || !isAddrStart(w[0]) {
		return netip.AddrPort{}
	}
	if w[len(w)-1] == ']' {
		return charonAddr(w)
	}
	a, err := netip.ParseAddr(string(w))
	if err != nil {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(a, 0)
}

// value begins a key.
func (k *setkey) value(n int, key *[]byte, rest []byte) {
	*key = nil
	k.sa.open, k.sa.rows = key, rowsBelow(n, 32, nil)
	if redaction.Value(string(rest)) {
		k.out.note(n, "SA "+spiName(k.sa.spi)+": "+notBytes(string(rest)))
		k.sa.damaged = true
		return
	}
	if len(trimLine(rest)) > 0 && !k.row(n, trimLine(rest)) {
		k.damage(n)
	}
}

// row takes a row of the key at hand: a longer one where the lines are not wrapped.
func (k *setkey) row(n int, s []byte) bool {
	sa := &k.sa
	got, ok := hexWords(sa.rows.got, s)
	if ok {
		sa.rows.add(got)
		*sa.open = sa.rows.got
	}
	if sa.rows.damaged || !ok && startsHex(s) {
		k.damage(n)
	}
	return ok
}

func (k *setkey) damage(n int) {
	if !k.sa.damaged {
		k.out.note(n, "SA "+spiName(k.sa.spi)+": a row of its keys is damaged")
	}
	k.sa.damaged = true
}

// give gives the SA at hand out.
func (k *setkey) give() {
	sa := k.sa
	k.sa = setkeySA{}
	if sa.line == 0 || sa.damaged {
		return
	}
	if sa.keys.cipher == "" && sa.keys.auth == "" {
		k.bare = true
		return
	}
	// Linux, whose setkey says hmac-sha256, cuts the ICV to 96 bits; BSD, which says hmac-sha2-256,
	// to 128.
	sa.keys.sha256 = 128
	if plainName(sa.keys.auth) == "hmacsha256" {
		sa.keys.sha256 = 96
	}
	if sa.keys.lacksKey() {
		k.out.note(sa.line, "SA "+spiName(sa.spi)+": its E: line with the encryption key is missing")
		return
	}
	sa.keys.lacksAuth()
	s := k.out.secret(sa.line, "SA ", sa.spi, &sa.keys)
	if s == nil {
		return
	}
	// Else there is a NAT, and the addresses differ along the way.
	if !sa.udp && sa.src.Port() == 0 && sa.dst.Port() == 0 {
		s.Src, s.Dst = esp.AddrPatternFrom(sa.src.Addr()), esp.AddrPatternFrom(sa.dst.Addr())
	}
	k.out.esp(s)
}

// close takes the end of the source.
func (k *setkey) close() { k.give() }

// near says why there was no key.
func (k *setkey) near() string {
	if k.bare {
		return k.out.lack("the SAs in the output of setkey have no keys")
	}
	return ""
}
