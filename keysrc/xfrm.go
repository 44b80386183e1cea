package keysrc

import (
	"bytes"
	"crypto/sha256"
	"net/netip"
	"strconv"

	"l2tpdump/esp"
)

// What `ip xfrm state` and `ip xfrm monitor` of iproute2 print, with and without -s, -d and -o. A state is
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
	match: func(line []byte) bool {
		text := trimLine(line)
		if bytes.HasPrefix(text, []byte("proto esp spi 0x")) {
			return true
		}
		_, _, ok := xfrmAddrs(text)
		return ok
	},
	new: func(out *output) parser { return &xfrm{out: out} },
}

type xfrm struct {
	out   *output
	state xfrmState
	seen  seenSet

	hidden, larval int // states without keys, for near
}

// An xfrmState is an SA of the kernel, from its text or from netlink.
type xfrmState struct {
	line   int  // where it begins, 0 no state
	policy bool // not an SA but a policy, which has no keys

	src, dst netip.Addr
	proto    string // "esp", "ah", "comp", "" not seen
	spi      uint32

	keys    espKeys
	aead    bool
	comp    string
	encap   bool // in UDP
	esn     bool
	flags   bool // the flags were seen
	seqHigh uint32
	damaged bool // a value was, and a note said so
	lastKey bool // the last line held a key
	hidden  bool // the keys are not shown
	doubt   string
}

func (x *xfrm) line(n int, text []byte) bool {
	if i := bytes.IndexByte(text, '\\'); i >= 0 { // ip -o
		if x.oneLine(text) {
			for len(text) > 0 {
				part := text
				if i := bytes.IndexByte(text, '\\'); i >= 0 {
					part, text = text[:i], text[i+1:]
				} else {
					text = nil
				}
				x.one(n, trimLine(part))
			}
			x.finish()
			return true
		}
	}
	return x.one(n, trimLine(text))
}

// oneLine reports whether a line with backslashes is a whole state.
func (x *xfrm) oneLine(text []byte) bool {
	_, _, ok := xfrmAddrs(trimLine(text[:bytes.IndexByte(text, '\\')]))
	return ok
}

// one takes one line without the blanks at its ends.
func (x *xfrm) one(n int, text []byte) bool {
	if src, dst, ok := xfrmAddrs(text); ok {
		x.finish()
		x.state = xfrmState{line: n}
		switch s := &x.state; {
		case s.addrs(src, dst):
		case bytes.IndexByte(src, '/') >= 0 && bytes.IndexByte(dst, '/') >= 0:
			s.policy = true
		default:
			s.src, s.dst = netip.Addr{}, netip.Addr{}
			s.doubt = "its addresses can't be read: the keys are taken for any"
		}
		return true
	}
	s := &x.state
	first, rest := word(text)
	key := string(first)
	if s.line == 0 && key != "proto" {
		return false
	}
	wasKey := s.lastKey
	s.lastKey = false
	switch key {
	case "proto":
		if s.line == 0 {
			if !bytes.HasPrefix(text, []byte("proto esp spi 0x")) {
				return false
			}
			*s = xfrmState{line: n}
		} else if s.proto != "" { // the line with the addresses is missing
			x.finish()
			*s = xfrmState{line: n}
		}
		if !s.policy && !s.id(rest) {
			x.out.note(n, "the SPI can't be read, or its two spellings differ")
			s.damaged = true
		}
	case "auth", "auth-trunc", "enc", "aead":
		if s.policy || s.proto == "" {
			return false
		}
		s.lastKey = true
		if what := s.algorithm(key, rest); what != "" && !s.damaged {
			x.out.note(n, "SA "+spiName(s.spi)+": "+what)
			s.damaged = true
		}
	case "comp":
		name, _ := word(rest)
		s.comp = string(name)
	case "replay-window":
		if f, ok := after(rest, " flag"); ok {
			s.flags = true
			for len(f) > 0 {
				var w []byte
				w, f = word(f)
				s.esn = s.esn || string(w) == "esn"
			}
		} else {
			s.flags = true
		}
	case "seq-hi":
		s.high(text)
	case "encap":
		s.encap = true
	case "tmpl":
		s.policy = true
	case "sel", "lifetime":
		x.finish()
	case "anti-replay", "replay_window", "mark", "output-mark", "if_id", "offload", "crypto", "dir", "lastused", "coa",
		"security", "tfcpad", "extra_flag", "nsid", "limit:", "expire", "stats:", "add":
	case "":
		x.finish()
	default:
		if wasKey && !s.damaged && startsHex(first) && !mikrotikItem(text) {
			x.out.note(n, "SA "+spiName(s.spi)+": the line with its key is broken, the rest follows in a line of its own")
			s.damaged = true
		} else if s.proto == "esp" && xfrmKey(rest) && s.doubt == "" {
			s.doubt = "line " + strconv.Itoa(n) + " has a key, but does not begin as one"
		}
		return false
	}
	return true
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

// startsHex reports whether w begins with digits of a key that was cut by a line end. Digits before a comma are a column of a table.
func startsHex(w []byte) bool {
	for i, c := range w {
		if unhex(c) == 0xff {
			return i >= 8 && c != ','
		}
	}
	return len(w) > 0
}

// close takes the end of the source.
func (x *xfrm) close() { x.finish() }

// near says why there was no key.
func (x *xfrm) near() string {
	switch {
	case x.hidden > 0:
		return "ip xfrm state was run without the right to see keys, or with nokeys"
	case x.larval > 0:
		return "the SAs in the output of ip xfrm state have no keys yet"
	}
	return ""
}

// finish ends the state at hand.
func (x *xfrm) finish() {
	s := &x.state
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
		if !x.seen.has(&esp.Secret{SPI: s.spi, Src: esp.AddrPatternFrom(s.src), Dst: esp.AddrPatternFrom(s.dst)}) {
			x.out.hints(Hints{SAs: []SAHint{{SPI: s.spi, Protocol: "IPComp", Origin: x.out.origin(s.line)}}})
		}
		return
	case s.proto != "esp":
		return
	case s.hidden:
		x.hidden++
		x.out.note(s.line, "SA "+spiName(s.spi)+": the keys are hidden")
		return
	case s.keys.cipher == "" && s.keys.auth == "" && len(s.keys.key)+len(s.keys.authKey) == 0 && s.doubt == "":
		x.larval++
		return
	case s.keys.cipher == "" && len(s.keys.key) == 0:
		x.out.note(s.line, "SA "+spiName(s.spi)+": its line with the encryption key is missing")
		return
	}
	secret, problem, doubt := s.secret()
	if problem != "" {
		x.out.note(s.line, "SA "+spiName(s.spi)+": "+problem)
		return
	}
	if x.seen.has(secret) {
		return
	}
	if doubt != "" {
		x.out.doubt(s.line, "SA "+spiName(s.spi)+": "+doubt)
	}
	secret.Origin = x.out.origin(s.line)
	x.out.esp(secret)
}

// secret returns the SA's keys.
func (s *xfrmState) secret() (secret *esp.Secret, problem, doubt string) {
	s.keys.sha256 = 96 // what the kernel takes where no length is given
	secret, problem, doubt = s.keys.secret()
	if problem != "" {
		return nil, problem, doubt
	}
	secret.SPI, secret.SPIMask = s.spi, 0xffffffff
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
	if allZero(s.keys.key) || allZero(s.keys.authKey) {
		doubt = "a key is nothing but zeros: a kernel in lockdown shows keys so"
	}
	if s.doubt != "" {
		doubt = s.doubt
	}
	return secret, "", doubt
}

// xfrmAddrs takes the first line of a state or a policy.
func xfrmAddrs(text []byte) (src, dst []byte, ok bool) {
	for _, p := range []string{"Updated ", "Deleted ", "Expired "} {
		if bytes.HasPrefix(text, []byte(p)) {
			text = text[len(p):]
			break
		}
	}
	if !bytes.HasPrefix(text, []byte("src ")) {
		return nil, nil, false
	}
	src, text = word(text[4:])
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

// addrs takes the addresses; false if they are not those of a state.
func (s *xfrmState) addrs(src, dst []byte) bool {
	var err1, err2 error
	s.src, err1 = netip.ParseAddr(string(src))
	s.dst, err2 = netip.ParseAddr(string(dst))
	return err1 == nil && err2 == nil
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
	dec := []byte(nil)
	if i := bytes.IndexByte(w, '('); i >= 0 {
		dec = bytes.TrimSuffix(w[i+1:], []byte(")"))
		w = w[:i]
	}
	if len(w) != 10 || w[0] != '0' || w[1] != 'x' { // always 8 digits
		return false
	}
	spi, err := strconv.ParseUint(string(w[2:]), 16, 32)
	if err != nil {
		return false
	}
	s.spi = uint32(spi)
	if dec != nil {
		d, err := strconv.ParseUint(string(dec), 10, 32)
		return err == nil && d == spi
	}
	return true
}

// algorithm takes what follows "auth", "auth-trunc", "enc" or "aead":
//
//	NAME 0x… [(N bits)] [LENGTH]
//
// It returns what is wrong, "" nothing.
func (s *xfrmState) algorithm(kind string, rest []byte) string {
	name, rest := word(rest)
	rest = trimLine(rest)
	if bytes.HasPrefix(rest, []byte("<<Keys hidden>>")) {
		s.hidden = true
		return ""
	}
	if _, ok := hex0x(name); ok && !bytes.HasPrefix(rest, []byte("0x")) { // the name was lost
		name, rest = nil, append(append(bytes.Clone(name), ' '), rest...)
		s.doubt = "its " + kind + " line names no algorithm; the key is tried by its length"
	}
	var key []byte
	digits := []byte(nil)
	if bytes.HasPrefix(rest, []byte("0x")) {
		digits, rest = word(rest)
		var ok bool
		if key, ok = hex0x(digits); !ok {
			return kind + " key is not a whole number of hex bytes"
		}
	}
	rest = trimLine(rest)
	bits := -1
	if bytes.HasPrefix(rest, []byte("(")) {
		end := bytes.IndexByte(rest, ')')
		if end < 0 {
			return kind + " key has no whole number of bits behind it"
		}
		w, unit := word(rest[1:end])
		n, err := strconv.Atoi(string(w))
		if err != nil || string(trimLine(unit)) != "bits" {
			return kind + " key has no whole number of bits behind it"
		}
		bits = n
		rest = trimLine(rest[end+1:])
	}
	if bits >= 0 && bits != 8*len(key) {
		return kind + " key of " + byteCount(len(key)) + " where " + strconv.Itoa(bits) + " bits are declared"
	}
	length := 0
	if w, _ := word(rest); len(w) > 0 {
		n, err := strconv.Atoi(string(w))
		if err != nil || n < 0 || n > 1024 || n%8 != 0 {
			return kind + " line has a length of the ICV that can't be read"
		}
		length = n
	} else if kind == "auth-trunc" || kind == "aead" {
		return kind + " line ends before the length of the ICV"
	}
	if length == 0 && (kind == "auth-trunc" || kind == "aead") {
		return kind + " line has an ICV of no length"
	}
	switch kind {
	case "auth":
		if s.keys.auth == "" {
			s.keys.auth, s.keys.authKey = string(name), key
		}
	case "auth-trunc":
		s.keys.auth, s.keys.authKey, s.keys.authBits = string(name), key, length
	case "enc":
		s.keys.cipher, s.keys.key = string(name), key
	case "aead":
		s.keys.cipher, s.keys.key, s.keys.icvBits = string(name), key, length
		s.aead = true
	}
	return ""
}

// high takes "seq-hi 0x0, seq 0x0, oseq-hi 0x0, oseq 0x0"; an SA counts one of the two.
func (s *xfrmState) high(text []byte) {
	for _, mark := range []string{"seq-hi ", " oseq-hi "} {
		if rest, ok := after(text, mark); ok {
			w, _ := word(rest)
			w = bytes.TrimSuffix(w, []byte(","))
			if n, err := strconv.ParseUint(string(w), 0, 32); err == nil && n != 0 {
				s.seqHigh = uint32(n)
			}
		}
	}
}

// A seenSet remembers secrets, because a source may print one SA many times. Its size is bounded: an old secret may
// come again.
type seenSet map[[sha256.Size]byte]struct{}

const maxSeen = 1 << 14

// has reports whether the set has s, and adds it.
func (set *seenSet) has(s *esp.Secret) bool {
	h := sha256.New()
	line := strconv.AppendUint(nil, uint64(s.SPI), 16)
	line = strconv.AppendUint(append(line, ' '), uint64(s.SPIMask), 16)
	line = strconv.AppendUint(append(line, ' '), uint64(s.SeqHigh), 16)
	line = strconv.AppendBool(append(line, ' '), s.ESNKnown)
	line = append(line, ' ')
	line = append(line, s.Src.String()+" "+s.Dst.String()+" "+s.Suite.String()+" "...)
	line = strconv.AppendInt(line, int64(s.Key.Len()), 10)
	h.Write(append(line, '\n'))
	h.Write(s.Key.Bytes())
	h.Write(s.AuthKey.Bytes())
	var sum [sha256.Size]byte
	h.Sum(sum[:0])
	if _, ok := (*set)[sum]; ok {
		return true
	}
	if *set == nil || len(*set) >= maxSeen {
		*set = make(seenSet)
	}
	(*set)[sum] = struct{}{}
	return false
}
