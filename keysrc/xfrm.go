package keysrc

import (
	"bytes"
	"cmp"
	"hash/maphash"
	"net/netip"
	"slices"
	"strconv"

	"l2tpdump/esp"
)

// What `ip xfrm state` and `ip xfrm monitor` of iproute2 print, with and without -s, -d and -o. A
// state is
//
//	src 203.0.113.10 dst 203.0.113.1
//		proto esp spi 0xc2c4be60(3267673696) reqid 1(0x00000001) mode transport
//		replay-window 32 flag af-unspec esn
//		auth-trunc hmac(sha1) 0x… (160 bits) 96
//		enc cbc(aes) 0x… (128 bits)
//		encap type espinudp sport 4500 dport 4500 addr 0.0.0.0
//		anti-replay esn context:
//		 seq-hi 0x0, seq 0x0, oseq-hi 0x0, oseq 0x0
//		sel src 203.0.113.10/32 dst 203.0.113.1/32
//
// and ends with the line "sel", or where another one begins.
var xfrmFormat = Format{
	Name:  "xfrm",
	Title: "Linux ip xfrm state",
	Looks: "blocks of src … dst …, proto esp spi 0x…, enc and auth-trunc",
	holds: cluesOf("src dst", "proto esp spi x"),
	match: func(line []byte) bool {
		text := trimLine(line)
		if bytes.HasPrefix(text, []byte("proto esp spi 0x")) {
			return true
		}
		_, _, ok := xfrmAddrs(text)
		return ok
	},
	new: func(out *output) parser { return newXFRM(out) },
}

type xfrm struct {
	out   *output
	state xfrmState
	seen  *Seen
	text  []byte // of the last line with a key

	hidden, larval, redacted int  // states without keys, for near
	joined, broken, policies bool // the lines of a state were put together, or are in parts; they are of policies
	width, lead              int  // of the line as it stood, tabs being 8 columns wide, and of the blanks in front
}

func newXFRM(out *output) *xfrm { return &xfrm{out: out, seen: NewSeen()} }

// fresh reports whether an SA was not met before: a listing may come again and again.
func (x *xfrm) fresh(s *xfrmState) bool {
	k := &s.keys
	id := maphash.Comparable(x.seen.seed, struct {
		src, dst                          netip.Addr
		spi, seqHigh                      uint32
		encap, esn, flags                 bool
		proto, comp, cipher, auth, doubt  string
		keyLen, icvBits, authBits, sha256 int
	}{
		s.src, s.dst, s.spi, s.seqHigh, s.encap, s.esn, s.flags, s.proto, s.comp, k.cipher, k.auth, k.doubt,
		k.keyLen, k.icvBits, k.authBits, k.sha256,
	})
	for _, key := range [...][]byte{k.key, k.authKey} {
		id = 31*id + maphash.Bytes(x.seen.seed, key)
	}
	return x.seen.add(id)
}

// An xfrmState is an SA of the kernel, from its text or from netlink.
type xfrmState struct {
	line   int  // where it begins, 0 no state
	policy bool // not an SA but a policy, which has no keys

	src, dst netip.Addr
	proto    string // "esp", "ah", "comp", "" not seen
	spi      uint32

	keys    espKeys
	comp    string
	encap   bool // in UDP
	esn     bool
	flags   bool // the flags were seen
	seqHigh uint32
	damaged bool // a value was, and a note said so
	hidden  bool // the keys are not shown
	removed bool // the keys were replaced by something else

	torn xfrmTorn // the last line, if it held a key
}

func (x *xfrm) line(n int, text []byte) bool {
	text = blanks.trimRight(text)
	x.width = len(text) + 7*bytes.Count(text, []byte("\t")) // tabs stand at the beginning
	x.lead = len(text) - len(bytes.TrimLeft(text, " "))
	first, rest, oneLine := bytes.Cut(text, []byte("\\")) // ip -o
	if oneLine {
		_, _, oneLine = xfrmAddrs(trimLine(first))
	}
	if !oneLine {
		return x.one(n, trimLine(text))
	}
	x.one(n, trimLine(first))
	for part := range bytes.SplitSeq(rest, []byte("\\")) {
		x.one(n, trimLine(part))
	}
	x.close()
	return true
}

// one takes one line without the blanks at its ends.
func (x *xfrm) one(n int, text []byte) bool {
	s := &x.state
	if s.torn.line != 0 && x.mend(n, text) {
		return true
	}
	if src, dst, ok := xfrmAddrs(text); ok {
		x.begin(n, src, dst)
		x.joined = x.joined || bytes.Contains(text, []byte(" proto esp spi "))
		return true
	}
	first, rest := word(text)
	if string(first) == "proto" {
		return x.proto(n, text, rest)
	}
	if s.line == 0 {
		x.broken = x.broken || x.larval > 0 && (bytes.Contains(text, []byte(") 0x")) || len(first) > 16 && startsHex(first))
		switch string(first) {
		case "auth", "auth-trunc", "enc", "aead":
			x.out.orphans = x.out.orphans || xfrmKey(rest)
		}
		return false
	}
	switch key := string(first); key {
	case "auth", "auth-trunc", "enc", "aead":
		return x.key(n, key, text, rest)
	case "comp":
		name, _ := word(rest)
		s.comp = string(name)
	case "replay-window":
		s.flags = true
		f, _ := after(rest, " flag")
		s.esn = slices.ContainsFunc(bytes.Fields(f), func(w []byte) bool { return string(w) == "esn" }) || s.esn
	case "seq-hi":
		s.high(text)
	case "encap":
		s.encap = true
	case "tmpl":
		s.policy, x.policies = true, true
	case "sel", "lifetime":
		x.close()
	case "", "anti-replay", "replay_window", "mark", "output-mark", "if_id", "offload", "crypto", "dir", "lastused", "coa",
		"security", "tfcpad", "extra_flag", "nsid", "limit:", "expire", "stats:", "add":
	default:
		if s.proto == "esp" && xfrmKey(rest) && s.keys.doubt == "" {
			s.keys.doubt = "line " + strconv.Itoa(n) + " has a key, but does not begin as one"
		}
		return false
	}
	return true
}

// key takes a line with a key; rest is what follows its first word, kind.
func (x *xfrm) key(n int, kind string, text, rest []byte) bool {
	s := &x.state
	if s.policy || s.proto == "" {
		if !s.policy && xfrmKey(rest) && !s.damaged {
			s.damaged = true
			x.out.orphan(n, "a key stands before the line with its SPI")
		}
		return false
	}
	was := s.keys
	what := s.algorithm(kind, rest)
	if was.replacedBy(&s.keys) { // what stands between two states is missing
		s.keys = was
		x.close()
		x.out.orphan(n, "a key stands before the line with its SPI")
		return false
	}
	x.text = append(x.text[:0], text...)
	s.torn = xfrmTorn{line: n, text: x.text, width: x.width, lead: x.lead, what: what}
	return true
}

// begin takes the line with the addresses.
func (x *xfrm) begin(n int, src, dst []byte) {
	x.close()
	x.state = xfrmState{line: n}
	s := &x.state
	var err1, err2 error
	s.src, err1 = netip.ParseAddr(string(src))
	s.dst, err2 = netip.ParseAddr(string(dst))
	switch {
	case err1 == nil && err2 == nil:
	case bytes.IndexByte(src, '/') >= 0 && bytes.IndexByte(dst, '/') >= 0:
		s.policy = true
	default:
		s.src, s.dst = netip.Addr{}, netip.Addr{}
		s.keys.doubt = "its addresses can't be read: the keys are taken for any"
	}
}

// proto takes the line with the SPI; rest is what follows "proto".
func (x *xfrm) proto(n int, text, rest []byte) bool {
	s := &x.state
	switch {
	case s.line == 0 && !bytes.HasPrefix(text, []byte("proto esp spi 0x")):
		return false
	case s.line == 0, s.proto != "": // the line with the addresses is missing
		x.close()
		*s = xfrmState{line: n}
	}
	if !s.policy && !s.id(rest) {
		x.out.note(n, "the SPI can't be read, or its two spellings differ")
		s.damaged = true
	}
	return true
}

// damaged says what is wrong with the state at hand, which is left out.
func (x *xfrm) damaged(n int, what string) {
	if x.state.damaged {
		return
	}
	x.out.note(n, "SA "+spiName(x.state.spi)+": "+what)
	x.state.damaged = true
}

// xfrmKey reports whether a word in text is a key.
func xfrmKey(text []byte) bool {
	for len(text) > 0 {
		var w []byte
		w, text = word(text)
		if b, ok := hex0x(w); ok && len(b) >= 8 {
			return true
		}
	}
	return false
}

// startsHex reports whether w begins with digits of a key that was cut by a line end. Digits before
// a comma are a column of a table.
func startsHex(w []byte) bool {
	for i, c := range w {
		if unhex(c) == 0xff {
			return i >= 8 && c != ','
		}
	}
	return len(w) > 0
}

// near says why there was no key.
func (x *xfrm) near() string {
	switch {
	case x.redacted > 0:
		return "the keys in the output of ip xfrm state were replaced by something else (redacted) before it was " +
			"given: take it as ip printed it"
	case x.joined:
		return x.out.lack("the lines of ip xfrm state were joined into one: give them as ip printed them, or run ip -o " +
			"xfrm state")
	case x.hidden > 0:
		return "ip xfrm state was run without the right to see keys, or with nokeys"
	case x.broken:
		return x.out.lack("the lines of ip xfrm state are broken: give them as ip printed them")
	case x.larval > 0:
		return x.out.lack("the SAs in the output of ip xfrm state have no keys yet")
	case x.policies:
		return x.out.lack("it is the output of ip xfrm policy, which has no keys: `ip xfrm state` shows those of SAs")
	}
	return ""
}

// close ends the state at hand, as the end of the source does.
func (x *xfrm) close() {
	s := &x.state
	if s.torn.what != "" {
		x.damaged(s.torn.line, s.torn.what)
	}
	s.torn = xfrmTorn{}
	if s.line != 0 && !s.policy {
		x.give(s)
	}
	*s = xfrmState{}
}

// give gives a state out, once.
func (x *xfrm) give(s *xfrmState) {
	switch {
	case s.damaged || s.proto == "":
		return
	case s.proto == "comp":
		if x.fresh(s) {
			x.out.hints(Hints{SAs: []SAHint{{SPI: s.spi, Protocol: "IPComp", Origin: x.out.origin(s.line)}}})
		}
		return
	case s.proto != "esp":
		return
	case s.removed:
		x.redacted++
		return
	case s.hidden:
		x.hidden++
		x.out.note(s.line, "SA "+spiName(s.spi)+": the keys are hidden")
		return
	case s.keys.cipher == "" && s.keys.auth == "" && len(s.keys.key)+len(s.keys.authKey) == 0 && s.keys.doubt == "":
		x.larval++
		return
	case s.keys.cipher == "" && len(s.keys.key) == 0:
		x.out.note(s.line, "SA "+spiName(s.spi)+": its line with the encryption key is missing")
		return
	}
	if allZero(s.keys.key) || allZero(s.keys.authKey) {
		s.keys.doubt = cmp.Or(s.keys.doubt, "a key is nothing but zeros: a kernel in lockdown shows keys so")
	}
	if s.flags && x.width > 0 { // it is of a listing
		s.keys.lacksAuth()
	}
	s.keys.sha256 = 96 // what the kernel takes where no length is given
	if !x.fresh(s) {
		return
	}
	secret := x.out.secret(s.line, "SA ", s.spi, &s.keys)
	if secret == nil {
		return
	}
	if !s.encap { // in UDP there is a NAT, and the addresses differ along the way
		secret.Src, secret.Dst = esp.AddrPatternFrom(s.src), esp.AddrPatternFrom(s.dst)
	}
	if s.flags {
		secret.ESNKnown = true
		secret.Suite.ESN = s.esn
	}
	if s.esn {
		secret.SeqHigh = s.seqHigh
	}
	x.out.esp(secret)
}

var xfrmBegins = setOf("UDEs")

// xfrmAddrs takes the first line of a state or a policy.
func xfrmAddrs(text []byte) (src, dst []byte, ok bool) {
	if len(text) == 0 || !xfrmBegins[text[0]] {
		return nil, nil, false
	}
	for _, event := range []string{"Updated ", "Deleted ", "Expired "} {
		text = bytes.TrimPrefix(text, []byte(event))
	}
	text, ok = bytes.CutPrefix(text, []byte("src "))
	if !ok {
		return nil, nil, false
	}
	src, text = word(text)
	between, text := word(text)
	if string(between) != "dst" {
		return nil, nil, false
	}
	dst, _ = word(text)
	return src, dst, len(src) > 0 && len(dst) > 0 && isAddrStart(src[0])
}

func isAddrStart(c byte) bool {
	return unhex(c) != 0xff || c == ':'
}

// id takes what follows "proto".
func (s *xfrmState) id(rest []byte) bool {
	proto, rest := word(rest)
	s.proto = string(proto)
	rest, ok := after(rest, "spi ")
	if !ok {
		return false
	}
	w, _ := word(rest)
	w, dec, twice := bytes.Cut(w, []byte("("))
	if len(w) != 10 || w[0] != '0' || w[1] != 'x' { // always 8 digits
		return false
	}
	spi, err := strconv.ParseUint(string(w[2:]), 16, 32)
	if err != nil {
		return false
	}
	s.spi = uint32(spi)
	d, err := strconv.ParseUint(string(bytes.TrimSuffix(dec, []byte(")"))), 10, 32)
	return !twice || err == nil && d == spi
}
