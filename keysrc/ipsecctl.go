package keysrc

import (
	"bytes"
	"net/netip"
	"strconv"

	"l2tpdump/esp"
)

// The output of `ipsecctl -sa -k` of OpenBSD, and SAs in ipsec.conf, where a pair has both
// directions in one rule:
//
//	esp transport from 10.0.0.1 to 10.0.0.2 spi 0x2d2148ab auth hmac-sha2-256 enc aes \
//		authkey 0x… \
//		enckey 0x…
//	esp from 10.0.0.1 to 10.0.0.2 spi 0x1000:0x1001 authkey 0x…:0x… enckey 0x…:0x…
//
// A backslash at the end of a line says that the rule goes on; -vv numbers the rules, as in "@0 esp
// …".
var ipsecctlFormat = Format{
	Name:  "ipsecctl",
	Title: "OpenBSD ipsecctl",
	Looks: "esp transport from … to … spi 0x… with authkey and enckey",
	holds: cluesOf("esp from to spi x"),
	match: ipsecctlRule,
	new:   func(out *output) parser { return &ipsecctl{out: out} },
}

type ipsecctl struct {
	out  *output
	rule ipsecctlRuleState
	bare bool // a rule without keys was seen
}

type ipsecctlRuleState struct {
	line    int // where it begins, 0 no rule
	more    bool
	last    string // word whose value comes next
	values  map[string]string
	keyLine int
}

// ipsecctlText cuts off blanks, and the number of the rule that -vv puts before it: "@0 ".
func ipsecctlText(line []byte) []byte {
	s := trimLine(line)
	if first, rest := word(s); len(first) > 1 && first[0] == '@' && decimal.all(first[1:]) {
		s = trimLine(rest)
	}
	return s
}

// ipsecctlRule reports whether a line begins a rule for an ESP SA.
func ipsecctlRule(line []byte) bool {
	s := ipsecctlText(line)
	if !bytes.HasPrefix(s, []byte("esp ")) {
		return false
	}
	_, rest := word(s)
	w, rest := word(rest)
	if string(w) == "tunnel" || string(w) == "transport" {
		w, rest = word(rest)
	}
	if string(w) != "from" {
		return false
	}
	return bytes.Contains(rest, []byte(" to ")) && bytes.Contains(rest, []byte(" spi 0x"))
}

// ipsecctlKey reports whether a line is a key: -k prints them in lines of their own in some
// versions.
func ipsecctlKey(s []byte) bool {
	w, _ := word(s)
	return string(w) == "authkey" || string(w) == "enckey"
}

func (p *ipsecctl) line(n int, text []byte) bool {
	s := ipsecctlText(text)
	r := &p.rule
	switch {
	case ipsecctlRule(s):
		p.give()
		*r = ipsecctlRuleState{line: n, values: make(map[string]string)}
	case r.line == 0:
		if ipsecctlKey(s) && bytes.Contains(s, []byte(" 0x")) {
			p.out.orphan(n, "a key without an SA before it")
		}
		return ipsecctlKey(s)
	case !r.more && !ipsecctlKey(s):
		p.give()
		return false
	}
	s, r.more = bytes.CutSuffix(s, []byte("\\"))
	for len(s) > 0 {
		var w []byte
		if w, s = word(s); len(w) == 0 {
			break
		}
		if r.last != "" {
			r.values[r.last] = string(w)
			r.last = ""
			continue
		}
		switch string(w) {
		case "from", "to", "spi", "auth", "enc", "authkey", "enckey":
			r.last = string(w)
			if string(w) == "enckey" || r.keyLine == 0 && string(w) == "authkey" {
				r.keyLine = n
			}
		}
	}
	if n-r.line > 16 {
		p.give()
	}
	if !r.more && r.values["enckey"] != "" {
		p.give()
	}
	return true
}

// give gives the rule at hand out.
func (p *ipsecctl) give() {
	r := p.rule
	p.rule = ipsecctlRuleState{}
	if r.line == 0 {
		return
	}
	if r.values["enckey"] == "" && r.values["authkey"] == "" && r.keyLine == 0 {
		p.bare = true
		return
	}
	spi, back, pair := bytes.Cut([]byte(r.values["spi"]), []byte(":"))
	key, backKey, _ := bytes.Cut([]byte(r.values["enckey"]), []byte(":"))
	auth, backAuth, _ := bytes.Cut([]byte(r.values["authkey"]), []byte(":"))
	var list []*esp.Secret
	if out := p.secret(&r, spi, key, auth, r.values["from"], r.values["to"]); out != nil {
		list = append(list, out)
	}
	if pair {
		if in := p.secret(&r, back, backKey, backAuth, r.values["to"], r.values["from"]); in != nil {
			list = append(list, in)
		}
	}
	if len(list) == 2 {
		list[0].PairSPI, list[1].PairSPI = list[1].SPI, list[0].SPI
	}
	if len(list) > 0 {
		p.out.esp(list...)
	}
}

// secret returns the keys of one direction, nil if they are of no use.
func (p *ipsecctl) secret(r *ipsecctlRuleState, spiText, key, auth []byte, from, to string) *esp.Secret {
	spi, err := strconv.ParseUint(string(spiText), 0, 32)
	if err != nil {
		p.out.note(r.line, "the SPI can't be read")
		return nil
	}
	name := "SA " + spiName(uint32(spi)) + ": "
	k := espKeys{cipher: r.values["enc"], auth: r.values["auth"]}
	ok1, ok2 := true, true
	if len(key) > 0 {
		k.key, ok1 = hex0x(key)
	}
	if len(auth) > 0 {
		k.authKey, ok2 = hex0x(auth)
	}
	if !ok1 || !ok2 {
		p.out.note(r.keyLine, name+notBytes(string(key), string(auth)))
		return nil
	}
	if k.cipher == "" {
		k.cipher = "aes"
	}
	k.lacksAuth()
	if k.lacksKey() {
		p.out.note(r.line, name+"its encryption key is missing")
		return nil
	}
	s := p.out.secret(r.keyLine, "SA ", uint32(spi), &k)
	if s == nil {
		return nil
	}
	src, _ := netip.ParseAddr(from)
	dst, _ := netip.ParseAddr(to)
	s.Src, s.Dst = esp.AddrPatternFrom(src), esp.AddrPatternFrom(dst)
	s.Origin = p.out.origin(r.line)
	return s
}

// close takes the end of the source.
func (p *ipsecctl) close() { p.give() }

// near says why there was no key.
func (p *ipsecctl) near() string {
	if p.bare {
		return p.out.lack("the output of ipsecctl is without keys: ipsecctl -sa -k shows them")
	}
	return ""
}
