package keysrc

import (
	"bytes"
	"net/netip"
	"slices"
	"strconv"
	"unicode"

	"l2tpdump/esp"
)

// RouterOS of MikroTik: its log with the topics ipsec,debug, in which racoon's messages stand, and
// the output of /ip ipsec installed-sa print:
//
//	22:00:51 ipsec,debug final encryption key computed:
//	22:00:51 ipsec,debug 79d5eabc 78ae740b 47258300 f8de371e
//
//	 0   E spi=0xE841441 src-address=150.0.0.150 dst-address=50.0.0.50 state=mature
//	       auth-algorithm=sha256 enc-algorithm=aes-cbc enc-key-size=256
//	       auth-key="61a63f89…0199
//	         03"
//	       enc-key="…"
//
// A quoted key goes on in the next line where the terminal is too narrow for it, in the middle of a
// byte too.
var mikrotikFormat = Format{
	Name:  "mikrotik",
	Title: "MikroTik RouterOS log and installed-sa print",
	Looks: "ipsec,debug lines with final encryption key computed, and E spi=… with auth-key and enc-key",
	holds: cluesOf(mikrotikTopic.text, "spi=", mikrotikLegend.text),
	match: func(line []byte) bool {
		if msg, ok := mikrotikMessage(line); ok {
			return racoonMatch(msg)
		}
		return mikrotikItem(line) || mikrotikLegend.in(line) >= 0
	},
	new: func(out *output) parser { return &mikrotik{racoonLog: racoonLog{out: out}} },
}

var mikrotikTopic, mikrotikLegend = mark{"ipsec,", 5}, mark{"A - AH, E - ESP", 5}

type mikrotik struct {
	racoonLog
	sa mikrotikSA
}

// A mikrotikSA is an item of installed-sa print.
type mikrotikSA struct {
	line    int // where it begins, 0 no item
	more    int // lines behind that
	esp     bool
	values  map[string]string
	lines   map[string]int // of the keys
	open    string         // key whose quotes are open
	value   []byte
	damaged bool
	given   bool
}

// mikrotikMessage returns what follows the topics of a log line.
func mikrotikMessage(text []byte) (msg []byte, ok bool) {
	i := mikrotikTopic.in(text)
	if i < 0 || i > 100 || i > 0 && text[i-1] != ' ' && text[i-1] != ',' && text[i-1] != ':' && text[i-1] != '\t' {
		return nil, false
	}
	_, msg = word(text[i:])
	return msg, true
}

// mikrotikItem reports whether a line begins an item: a number, flags, and spi=.
func mikrotikItem(text []byte) bool {
	text = blanks.trimLeft(text)
	rest := decimal.trimLeft(text)
	if n := len(text) - len(rest); n == 0 || n > 6 || len(rest) > 0 && !blank(rest[0]) {
		return false
	}
	for {
		var flags []byte
		flags, rest = word(rest)
		if bytes.HasPrefix(flags, []byte("spi=")) {
			return true
		}
		if len(flags) == 0 || len(flags) > 6 {
			return false
		}
		for _, c := range flags {
			if !upper(c) {
				return false
			}
		}
	}
}

func (m *mikrotik) line(n int, text []byte) bool {
	text = spaces.trimRight(text)
	if msg, ok := mikrotikMessage(text); ok {
		m.item()
		return m.message(n, msg)
	}
	if mikrotikItem(text) {
		m.item()
		m.sa = mikrotikSA{line: n, values: make(map[string]string), lines: make(map[string]int)}
		_, rest := word(text)
		for {
			w, next := word(rest)
			if bytes.HasPrefix(w, []byte("spi=")) {
				break
			}
			m.sa.esp = m.sa.esp || bytes.IndexByte(w, 'E') >= 0
			rest = next
		}
		m.words(n, rest)
		return true
	}
	if m.sa.line == 0 {
		s := trimLine(text)
		m.out.orphans = m.out.orphans || bytes.HasPrefix(s, []byte(`enc-key="`)) || bytes.HasPrefix(s, []byte(`auth-key="`))
		return false
	}
	s := trimLine(text)
	if m.sa.more++; len(s) == 0 || s[0] == '[' || m.sa.more > 40 {
		m.item()
		return false
	}
	switch m.continues(s) {
	case mikrotikForeign:
		if m.sa.open != "" || (m.sa.values["auth-key"] == "") != (m.sa.values["enc-key"] == "") {
			m.sa.damaged = true
		}
		m.item()
		return false
	case mikrotikRest:
		m.sa.damaged = true
		return false
	case mikrotikUnknown:
		return false
	case mikrotikWrapped:
		m.sa.damaged = true
	}
	m.words(n, s)
	return true
}

// mikrotikLine is what a line is to the item before it.
type mikrotikLine uint8

const (
	mikrotikFields  mikrotikLine = iota // more of it
	mikrotikWrapped                     // more of it, behind the rest of a word that was wrapped
	mikrotikRest                        // perhaps nothing but the rest of such a word
	mikrotikUnknown                     // a field that is not known, or another's line
	mikrotikForeign                     // another's
)

// continues tells what a line is to the item at hand.
func (m *mikrotik) continues(s []byte) mikrotikLine {
	if m.sa.open != "" {
		return mikrotikQuoted(s)
	}
	first, rest := word(s)
	name, _, ok := bytes.Cut(first, []byte("="))
	switch {
	case ok && mikrotikField(name):
		return mikrotikFields
	case m.sa.given && ok:
		return mikrotikUnknown
	case m.sa.given:
		return mikrotikForeign
	case slices.ContainsFunc(bytes.Fields(rest), mikrotikOwn) && ok && len(name) > 0:
		return mikrotikFields
	case slices.ContainsFunc(bytes.Fields(rest), mikrotikOwn):
		return mikrotikWrapped
	case ok:
		return mikrotikUnknown
	case len(rest) == 0 && len(first) <= 40 && !bytes.ContainsFunc(first, unicode.IsUpper) &&
		first[len(first)-1] != ':': // no heading
		return mikrotikRest
	}
	return mikrotikForeign
}

// mikrotikQuoted tells what a line is behind one whose quotes are open.
func mikrotikQuoted(s []byte) mikrotikLine {
	digits, rest, closed := bytes.Cut(s, []byte("\""))
	if closed && len(rest) > 0 && rest[0] != ' ' { // an opening quote
		return mikrotikForeign
	}
	if wrong := notHex(digits); wrong > 0 && (!closed || wrong > 1) {
		return mikrotikForeign
	}
	return mikrotikFields
}

// notHex counts the characters that are no hex digits.
func notHex(s []byte) (n int) {
	for _, c := range s {
		if unhex(c) == 0xff {
			n++
		}
	}
	return n
}

// mikrotikOwn reports whether a word is a field that only installed-sa print has: spi= and replay=
// are others' too.
func mikrotikOwn(w []byte) bool {
	name, _, ok := bytes.Cut(w, []byte("="))
	return ok && mikrotikField(name) && bytes.IndexByte(name, '-') >= 0
}

// mikrotikField reports whether name is a field of installed-sa print.
func mikrotikField(name []byte) bool {
	switch string(name) {
	case "add-lifetime", "addtime", "add-time", "expires-in", "use-lifetime", "usetime", "use-time", "current-addtime",
		"current-usetime",
		"current-bytes", "current-packets", "lifebytes", "replay", "hw-aead", "hw-authenc", "natt":
		return true
	}
	return mikrotikUsed(name)
}

// mikrotikUsed reports whether name is a field that is of use here.
func mikrotikUsed(name []byte) bool {
	switch string(name) {
	case "spi", "src-address", "dst-address", "auth-algorithm", "enc-algorithm", "enc-key-size", "auth-key", "enc-key",
		"state":
		return true
	}
	return false
}

// words takes the name=value pairs of a line.
func (m *mikrotik) words(n int, s []byte) {
	sa := &m.sa
	for len(s) > 0 {
		if sa.open != "" {
			s = sa.quoted(s)
			continue
		}
		s = bytes.TrimLeft(s, " \t")
		name, value, ok := bytes.Cut(s, []byte("="))
		if !ok || bytes.ContainsAny(name, " \t") || !mikrotikUsed(name) {
			_, s = word(s)
			continue
		}
		if string(name) == "spi" && sa.values["spi"] != "" { // of something else
			m.item()
			return
		}
		s = sa.field(n, string(name), value)
	}
	if sa.open == "" && sa.values["enc-key"] != "" && sa.values["auth-key"] != "" {
		m.give()
	}
}

// field takes a value, or begins one in quotes, and returns what follows.
func (sa *mikrotikSA) field(n int, name string, value []byte) (rest []byte) {
	if encLine := sa.lines["enc-key"]; name == "auth-key" && encLine != 0 && encLine != n {
		sa.damaged = true // it stands before it: the lines are turned
	}
	sa.lines[name] = n
	if rest, ok := bytes.CutPrefix(value, []byte("\"")); ok {
		sa.open, sa.value = name, sa.value[:0]
		return rest
	}
	w, rest := word(value)
	sa.values[name] = string(w)
	return rest
}

// quoted takes the value in quotes up to their end, or to that of the line, and returns what
// follows.
func (sa *mikrotikSA) quoted(s []byte) (rest []byte) {
	part, rest, closed := bytes.Cut(s, []byte("\""))
	part = trimLine(part)
	sa.damaged = sa.damaged || notHex(part) > 0
	sa.value = append(sa.value, part...)
	if len(sa.value) > 2*maxKeyLen {
		sa.damaged, sa.value = true, sa.value[:0]
	}
	if closed {
		sa.values[sa.open] = string(sa.value)
		clear(sa.value)
		sa.open = ""
	}
	return rest
}

// item ends the item at hand.
func (m *mikrotik) item() {
	if m.sa.line != 0 {
		m.give()
	}
	m.sa = mikrotikSA{}
}

// give gives the keys of the item out, once.
func (m *mikrotik) give() {
	sa := &m.sa
	if sa.given || !sa.esp {
		return
	}
	sa.given = true
	v := sa.values["spi"]
	if len(v) > 2 && v[:2] == "0x" {
		v = v[2:]
	}
	spi, err := strconv.ParseUint(v, 16, 32)
	if err != nil {
		m.out.note(sa.line, "the SPI can't be read")
		return
	}
	name := "SA " + spiName(uint32(spi)) + ": "
	if sa.open != "" {
		m.out.note(sa.lines[sa.open], name+sa.open+" has no closing quote")
		return
	}
	if sa.damaged || sa.values["src-address"] == "" || sa.values["dst-address"] == "" {
		m.out.note(sa.line, name+"its lines are damaged")
		return
	}
	k := espKeys{cipher: sa.values["enc-algorithm"], auth: sa.values["auth-algorithm"]}
	var ok1, ok2 bool
	k.key, ok1 = hexDigits(nil, []byte(sa.values["enc-key"]))
	k.authKey, ok2 = hexDigits(nil, []byte(sa.values["auth-key"]))
	if !ok1 || !ok2 {
		m.out.note(sa.line, name+notBytes(sa.values["enc-key"], sa.values["auth-key"]))
		return
	}
	if k.lacksKey() {
		if len(k.authKey) > 0 {
			m.out.note(sa.line, name+"its enc-key is missing")
		}
		return // print without keys, which a user without the policy "sensitive" gets
	}
	if bits, err := strconv.Atoi(sa.values["enc-key-size"]); err == nil {
		k.keyLen = bits / 8
	}
	if k.cipher == "" {
		k.doubt = noCipher
	}
	k.lacksAuth()
	s := m.out.secret(sa.line, "SA ", uint32(spi), &k)
	if s == nil {
		return
	}
	src, err1 := netip.ParseAddr(sa.values["src-address"])
	dst, err2 := netip.ParseAddr(sa.values["dst-address"])
	if err1 == nil && err2 == nil { // with ports there is a NAT, and the addresses differ along the way
		s.Src, s.Dst = esp.AddrPatternFrom(src), esp.AddrPatternFrom(dst)
	}
	m.out.esp(s)
}

func (m *mikrotik) close() {
	m.item()
	m.racoonLog.close()
}

func (m *mikrotik) near() string {
	return m.out.lack("RouterOS output without keys: the log takes the topics ipsec,debug, and `/ip ipsec installed-sa " +
		"print` a user with the policy sensitive, and from RouterOS 7 on the word `detail`")
}
