package keysrc

import (
	"bytes"
	"net/netip"
	"strconv"
	"strings"

	"l2tpdump/esp"
	"l2tpdump/ikev1"
)

// FortiOS: `diagnose vpn tunnel list`, `diagnose vpn ike gateway list` and the log of `diagnose
// debug application ike -1`:
//
//	name=l2tp ver=1 serial=1 203.0.113.1:0->203.0.113.10:0 lgwy=static …
//	SA: ref=3 options=18227 type=00 soft=0 mtu=1438 expire=42901/0B replaywin=2048 seqno=1 esn=0 …
//	  dec: spi=c53a8f78 esp=aes key=16 7cc50c5c9df1751f6497a4ad764c5e9a
//	       ah=sha1 key=20 269292ddbf7309a6fc05871e63ed8a5297b5c9a1
//	  enc: spi=… esp=aes key=16 …
//	       ah=sha1 key=20 …
//	  dec:pkts/bytes=0/0, enc:pkts/bytes=0/0
//
//	  id/spi: 5 9e99b894d5de25e7/f6f50471f8504b5c
//	  key: 12b4b577207df3b1-72d0c8ab630bca42
//
//	ike 0:l2tp:5: ISAKMP SA 9e99b894d5de25e7/f6f50471f8504b5c key 16:12B4B577207DF3B172D0C8AB630BCA42
//
// "dec" is what the FortiGate gets. The key of an IKE SA is Ka.
var fortigateFormat = Format{
	Name:  "fortigate",
	Title: "FortiGate diagnose vpn",
	Looks: "dec: spi=… esp=… key=… and id/spi: lines of diagnose vpn tunnel list and diagnose vpn ike gateway list",
	holds: cluesOf("dec: spi=", "enc: spi=", "id/spi: ", fortigateIKE.text+"key"),
	match: func(line []byte) bool {
		s := trimLine(line)
		switch {
		case bytes.HasPrefix(s, []byte("dec: spi=")), bytes.HasPrefix(s, []byte("enc: spi=")),
			bytes.HasPrefix(s, []byte("id/spi: ")):
			return true
		}
		return fortigateIKE.in(s) >= 0 && bytes.Contains(s, []byte(" key "))
	},
	new: func(out *output) parser { return &fortigate{out: out} },
}

var fortigateIKE = mark{": ISAKMP SA ", 5}

type fortigate struct {
	out           *output
	local, remote netip.Addr
	nat           bool // a port is not 0 or 500: there is a NAT
	esn, esnKnown bool

	sa   fortigateSA
	pair [2]uint32 // SPIs of the last dec and enc

	initiator, responder ikev1.Cookie
	cookieLine           int // 0 none
	seen                 bool
}

// A fortigateSA is one direction whose ah line may follow.
type fortigateSA struct {
	line    int // 0 none
	out     bool
	spi     uint32
	keys    espKeys
	damaged bool
}

func (f *fortigate) line(n int, text []byte) bool {
	s := trimLine(text)
	if len(s) == 0 {
		f.give()
		return false
	}
	switch {
	case bytes.HasPrefix(s, []byte("dec: spi=")), bytes.HasPrefix(s, []byte("enc: spi=")):
		f.give()
		f.seen = true
		f.direction(n, s[0] == 'e', s[len("dec: spi="):])
		return true
	case f.sa.line == 0 && bytes.HasPrefix(s, []byte("ah=")):
		f.out.orphan(n, "an authentication key without an SA before it")
		return true
	case f.sa.line != 0 && (bytes.HasPrefix(s, []byte("ah=")) || bytes.HasPrefix(s, []byte("key="))):
		f.ah(n, s)
		f.give()
		return true
	case bytes.HasPrefix(s, []byte("id/spi: ")):
		f.give()
		f.seen = true
		_, rest := word(s)
		_, rest = word(rest)
		w, _ := word(rest)
		f.cookieLine = 0
		if f.cookies(w) {
			f.cookieLine = n
		}
		return true
	case bytes.HasPrefix(s, []byte("key: ")) && f.cookieLine == 0 && startsHex(s[len("key: "):]):
		f.out.orphan(n, "a key without an IKE SA before it")
		return true
	case bytes.HasPrefix(s, []byte("key: ")) && f.cookieLine != 0:
		f.ikeKey(n, s[len("key: "):], 0)
		f.cookieLine = 0
		return true
	case bytes.HasPrefix(s, []byte("name=")):
		f.give()
		f.esnKnown, f.pair = false, [2]uint32{}
		for _, w := range bytes.Fields(s) {
			if a, b, ok := bytes.Cut(w, []byte("->")); ok {
				f.tunnel(a, b)
			}
		}
		return f.seen
	case bytes.HasPrefix(s, []byte("addr: ")):
		_, rest := word(s)
		a, rest := word(rest)
		_, rest = word(rest)
		b, _ := word(rest)
		f.tunnel(a, b)
		return f.seen
	case bytes.HasPrefix(s, []byte("SA: ")):
		f.pair = [2]uint32{}
		if rest, ok := after(s, " esn="); ok && len(rest) > 0 {
			f.esn, f.esnKnown = rest[0] == '1', rest[0] == '0' || rest[0] == '1'
		}
		return f.seen
	case bytes.HasPrefix(s, []byte("natt: mode=")):
		f.nat = f.nat || !bytes.HasPrefix(s, []byte("natt: mode=none"))
		return f.seen
	}
	if rest, ok := after(s, ": ISAKMP SA "); ok {
		return f.debug(n, rest)
	}
	return false
}

// fortigateTunnel reports whether a line names the two gateways, before all keys.
func fortigateTunnel(text []byte) bool {
	s := trimLine(text)
	return (bytes.HasPrefix(s, []byte("name=")) || bytes.HasPrefix(s, []byte("addr: "))) && bytes.Contains(s, []byte("->"))
}

// tunnel takes the two gateways, "203.0.113.1:0" and "203.0.113.10:4500".
func (f *fortigate) tunnel(a, b []byte) {
	local, port := plutoAddr(a)
	remote, port2 := plutoAddr(b)
	f.local, f.remote = local, remote
	f.nat = port != 0 && port != 500 || port2 != 0 && port2 != 500
}

// direction takes "c53a8f78 esp=aes key=16 7cc50c5c9df1751f6497a4ad764c5e9a".
func (f *fortigate) direction(n int, out bool, s []byte) {
	f.sa = fortigateSA{line: n, out: out}
	w, rest := word(s)
	spi, err := strconv.ParseUint(string(w), 16, 32)
	if err != nil {
		f.out.note(n, "the SPI can't be read")
		f.sa.damaged = true
		return
	}
	f.sa.spi = uint32(spi)
	name, key, what := fortigateKey(rest, "esp=")
	if what != "" {
		f.out.note(n, "SA "+spiName(f.sa.spi)+": esp "+what)
		f.sa.damaged = true
	}
	f.sa.keys.cipher, f.sa.keys.key = name, key
}

// ah takes "ah=sha1 key=20 269292ddbf7309a6fc05871e63ed8a5297b5c9a1".
func (f *fortigate) ah(n int, s []byte) {
	name, key, what := fortigateKey(s, "ah=")
	if what != "" && !f.sa.damaged {
		f.out.note(n, "SA "+spiName(f.sa.spi)+": ah "+what)
		f.sa.damaged = true
	}
	f.sa.keys.auth, f.sa.keys.authKey = name, key
}

// fortigateKey takes "esp=aes key=16 7cc5…", or without the algorithm; what says what is wrong with
// it.
func fortigateKey(s []byte, mark string) (name string, key []byte, what string) {
	w, rest := word(s)
	v, ok := bytes.CutPrefix(w, []byte(mark))
	if ok {
		name = string(v)
		w, rest = word(rest)
	}
	v, ok = bytes.CutPrefix(w, []byte("key="))
	size, err := strconv.Atoi(string(v))
	if !ok || err != nil || size < 0 {
		return name, nil, "key has no length"
	}
	w, _ = word(rest)
	key, ok = hexDigits(nil, w)
	if !ok {
		return name, nil, "key is not a whole number of hex bytes"
	}
	if len(key) != size {
		return name, nil, "key has " + byteCount(len(key)) + " where " + strconv.Itoa(size) + " are declared"
	}
	return name, key, ""
}

// give gives the SA at hand out.
func (f *fortigate) give() {
	sa := f.sa
	f.sa = fortigateSA{}
	if sa.line == 0 || sa.damaged {
		return
	}
	if sa.keys.lacksKey() {
		f.out.note(sa.line, "SA "+spiName(sa.spi)+": its encryption key is not shown")
		return
	}
	switch name := plainName(sa.keys.cipher); {
	case name == "":
		sa.keys.doubt = noCipher
	case sa.keys.auth == "" && len(sa.keys.authKey) == 0 && !strings.Contains(name, "gcm") && !strings.Contains(name, "chacha"):
		sa.keys.doubt = "its authentication key is missing"
	}
	s := f.out.secret(sa.line, "SA ", sa.spi, &sa.keys)
	if s == nil {
		return
	}
	src, dst, this := f.remote, f.local, 0
	if sa.out {
		src, dst, this = f.local, f.remote, 1
	}
	f.pair[this] = sa.spi
	s.PairSPI = f.pair[1-this]
	if !f.nat {
		s.Src, s.Dst = esp.AddrPatternFrom(src), esp.AddrPatternFrom(dst)
	}
	s.ESNKnown, s.Suite.ESN = f.esnKnown, f.esn && f.esnKnown
	f.out.esp(s)
}

// cookies takes "9e99b894d5de25e7/f6f50471f8504b5c".
func (f *fortigate) cookies(w []byte) bool {
	i, r, _ := bytes.Cut(w, []byte("/"))
	initiator, responder, ok := parseCookies(i, r)
	if ok {
		f.initiator, f.responder = initiator, responder
	}
	return ok
}

// debug takes "9e99b894d5de25e7/f6f50471f8504b5c key 16:12B4…".
func (f *fortigate) debug(n int, s []byte) bool {
	w, rest := word(s)
	mark, rest := word(rest)
	if string(mark) != "key" || !f.cookies(w) {
		return false
	}
	w, _ = word(rest)
	size, key, ok := bytes.Cut(w, []byte(":"))
	declared, err := strconv.Atoi(string(size))
	if !ok || err != nil || declared <= 0 {
		f.out.note(n, "key of the IKE SA has no length")
		return true
	}
	f.ikeKey(n, key, declared)
	return true
}

// ikeKey takes a Ka, in groups of 8 bytes with dashes between, or without.
func (f *fortigate) ikeKey(n int, s []byte, declared int) {
	s = bytes.ReplaceAll(trimLine(s), []byte("-"), nil)
	key, ok := hexDigits(nil, s)
	switch {
	case !ok || len(key) == 0:
		f.out.note(n, "key of the IKE SA is not a whole number of hex bytes")
		return
	case declared != 0 && len(key) != declared:
		f.out.note(n, "key of the IKE SA has "+byteCount(len(key))+" where "+strconv.Itoa(declared)+" are declared")
		return
	case len(key)%8 != 0 || len(key) > 32:
		f.out.note(n, "key of the IKE SA of "+byteCount(len(key))+" is no key of a cipher")
		return
	}
	f.out.ike(&ikev1.Secret{
		InitiatorCookie: f.initiator, ResponderCookie: f.responder, Ka: esp.NewKey(key), Peer: f.remote,
		Origin: f.out.origin(n),
	})
}

// close takes the end of the source.
func (f *fortigate) close() { f.give() }

// near says why there was no key.
func (f *fortigate) near() string {
	if f.seen {
		return f.out.lack("the output of diagnose vpn has no keys in it")
	}
	return ""
}
