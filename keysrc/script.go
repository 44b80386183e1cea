package keysrc

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"l2tpdump/esp"
	"l2tpdump/keysrc/redaction"
)

// Commands that set SAs up or open them, in scripts and as they were typed:
//
//	ip xfrm state add src A dst B proto esp spi 0x… auth-trunc 'hmac(sha1)' 0x… 96 enc 'cbc(aes)' 0x…
//	add A B esp 0x… -m transport -E rijndael-cbc 0x… -A hmac-sha1 0x… ;     (setkey)
//	ipsec sa add 10 spi N esp crypto-alg aes-cbc-128 crypto-key … integ-alg sha1-96 integ-key …   (VPP)
//	tcpdump -E '0x…@B aes-cbc-hmac96:0x…', and the lines of its file
//
// Those of a shell go on behind a backslash or end where the next begins, setkey's go on up to a
// semicolon.
var scriptFormat = Format{
	Name:  "script",
	Title: "commands",
	Looks: "ip xfrm state add, setkey's add … -E … -A …, tcpdump -E, VPP's ipsec sa add",
	holds: cluesOf("@:", "-E:", "xfrm s", "ip x s", "ipsec sa add ", "esp add"),
	match: func(line []byte) bool {
		c, _ := scriptStart(line)
		return c != scriptNone
	},
	new: func(out *output) parser {
		return &script{out: out, xfrm: newXFRM(out), setkey: setkey{out: out}}
	},
}

const (
	maxScriptLines = 16 // of a command
	maxScriptText  = 4096
)

type script struct {
	out     *output
	command scriptCommand // at hand
	start   int           // its first line
	text    []byte
	width   int // of ip's command in columns, if a terminal may have broken its line there; else 0

	xfrm   *xfrm // take what the commands say as if it were listed
	setkey setkey
}

type scriptCommand uint8

const (
	scriptNone scriptCommand = iota
	scriptXFRM
	scriptSetkey
	scriptVPP
	scriptTcpdump
)

// tcpdumpSA is an SA of tcpdump -E: SPI, destination, algorithm, secret.
var tcpdumpSA = regexp.MustCompile(`(?:\b(0x[0-9a-fA-F]{1,8}|[0-9]{1,10})@([0-9a-fA-F.:]{3,39})\s+|-E\s*['"]?)` +
	`((?:3des|des|aes|blowfish|bf|cast128|cast5|none)[a-z0-9-]*):(0x[0-9a-zA-Z]*|[^\s,"']+)`)

// Where a command ends before the line does.
var (
	setkeyEnd = regexp.MustCompile(`;`)
	shellEnd  = regexp.MustCompile(`;|&&|\|\|`)
)

var (
	tcpdumpOption = mark{"-E", 1}
	ipXFRM, ipX   = mark{"xfrm s", 0}, mark{"ip x s", 3}
	scriptAdd     = mark{"add", 1}
)

// scriptStart tells which command begins in a line, and what follows its name.
func scriptStart(line []byte) (scriptCommand, []byte) {
	if (atAddress(line) || tcpdumpOption.in(line) >= 0) && tcpdumpSA.Match(line) {
		return scriptTcpdump, line
	}
	if rest, ok := ipCommand(line); ok {
		return scriptXFRM, rest
	}
	for rest := line; ; {
		i := scriptAdd.in(rest)
		if i < 0 {
			return scriptNone, nil
		}
		before := rest[:i]
		rest = rest[i+3:]
		switch {
		case bytes.HasSuffix(before, []byte("ipsec sa ")) && bytes.HasPrefix(rest, []byte(" ")):
			return scriptVPP, rest[1:]
		case (i == 0 || bytes.IndexByte([]byte(" \t\"';"), before[i-1]) >= 0) && setkeyAdd(rest):
			return scriptSetkey, rest
		}
	}
}

// ipCommand returns what follows "ip xfrm state add", or what else ip takes for that.
func ipCommand(line []byte) (rest []byte, ok bool) {
	rest, ok = ipXFRM.after(line)
	if !ok {
		rest, ok = ipX.after(line)
	}
	var object []byte
	if len(rest) > 0 && rest[0] != ' ' {
		object, rest = word(rest)
	}
	verb, rest := word(rest)
	return rest, ok && (len(object) == 0 || string(object) == "tate" || string(object) == "a") && len(verb) > 0 &&
		bytes.IndexByte([]byte("anu"), verb[0]) >= 0
}

// atAddress reports whether an "@" is in a line as between an SPI and an address.
func atAddress(line []byte) bool {
	for {
		before, after, ok := bytes.Cut(line, []byte("@"))
		if !ok {
			return false
		}
		if n := len(before); n > 0 && unhex(before[n-1]) != 0xff && len(after) > 0 && isAddrStart(after[0]) {
			return true
		}
		line = after
	}
}

// setkeyAdd reports whether "[-4n] A B esp …" follows "add". Of ends that have names the SPI has to
// be in the same line.
func setkeyAdd(s []byte) bool {
	var words [4][]byte
	for n := 0; n < len(words); n++ {
		for words[n], s = word(s); len(words[n]) > 0 && setkeyBeside(words[n][0]); {
			words[n], s = word(s)
		}
	}
	src, dst, spi := words[0], words[1], words[3]
	return bytes.HasPrefix(words[2], []byte("esp")) &&
		(isAddrStart(src[0]) && isAddrStart(dst[0]) || len(spi) > 0 && digit(spi[0]))
}

// setkeyBeside reports whether a word that begins so is an option, or a port that a blank separates
// from its address.
func setkeyBeside(first byte) bool { return first == '-' || first == '[' }

func (p *script) line(n int, text []byte) bool {
	s := trimLine(text)
	if c, rest := scriptStart(s); c != scriptNone {
		p.end()
		p.command, p.start, s = c, n, rest
		if w := len(text); c == scriptXFRM && w >= minTorn && w <= maxTorn && text[w-1] != '\\' {
			p.text, p.width = append(p.text, text[bytes.LastIndex(text, rest):]...), w
			return true
		}
	} else if p.command == scriptNone {
		if bytes.HasPrefix(s, []byte("-E ")) && bytes.Contains(s, []byte(" 0x")) {
			p.out.note(n, "the command that this key is of is missing, or its first line is damaged")
		}
		return false
	}
	if p.width != 0 {
		return p.broken(n, text)
	}
	s, next, goesOn := p.command.cut(s)
	p.text = append(append(p.text, s...), ' ')
	if !goesOn || n-p.start >= maxScriptLines || len(p.text) > maxScriptText {
		p.end()
	}
	if c, _ := scriptStart(next); c != scriptNone {
		p.line(n, next)
	}
	return true
}

// cut returns what of a line is of the command, what follows behind its end, and whether the
// command goes on in the next line.
func (c scriptCommand) cut(s []byte) (own, next []byte, goesOn bool) {
	ends := shellEnd
	if c == scriptSetkey {
		ends = setkeyEnd
	}
	if at := ends.FindIndex(s); at != nil && c != scriptTcpdump { // all SAs of tcpdump's line are found
		return s[:at[0]], s[at[1]:], false
	}
	if c == scriptSetkey {
		return s, nil, true
	}
	own, goesOn = bytes.CutSuffix(s, []byte(`\`))
	return own, nil, goesOn
}

// broken takes the line after one that a terminal may have broken: a part of it where that one has
// no key for a cipher, or this one begins with digits.
func (p *script) broken(n int, text []byte) bool {
	first, _ := word(text)
	if !startsHex(first) && scriptHasKey(scriptWords(p.text)) {
		p.end()
		return false
	}
	p.text = append(p.text, text...)
	if len(text) != p.width || n-p.start >= maxScriptLines {
		p.end()
	}
	return true
}

// scriptHasKey reports whether a command of ip has a key of a length that its cipher takes.
func scriptHasKey(words []string) bool {
	for i, w := range words[:max(0, len(words)-2)] {
		if w == "enc" || w == "aead" {
			c, _, _ := cipherNamed(words[i+1])
			key, ok := scriptKey(words[i+2])
			return ok && c != nil && c.KeyLenOK(len(key)-c.SaltLen)
		}
	}
	return false
}

// end takes the command at hand as whole.
func (p *script) end() {
	c := p.command
	p.command, p.width = scriptNone, 0
	switch c {
	case scriptXFRM:
		p.state(scriptWords(p.text))
	case scriptSetkey:
		p.add(scriptWords(p.text))
	case scriptVPP:
		p.vpp(scriptWords(p.text))
	case scriptTcpdump:
		for _, m := range tcpdumpSA.FindAllSubmatch(p.text, -1) {
			p.tcpdump(string(m[1]), string(m[2]), string(m[3]), string(m[4]))
		}
	}
	clear(p.text) // key bytes
	p.text = p.text[:0]
}

// scriptWords splits a command at blanks outside of quotes. Where it stands in quotes itself, as
// behind ssh, those inside have a backslash, and the last has none before it.
func scriptWords(s []byte) (words []string) {
	var w []byte
	var quote byte
	for _, c := range bytes.ReplaceAll(bytes.TrimRight(s, ` "'`), []byte(`\"`), []byte(`"`)) {
		switch {
		case c == quote && quote != 0:
			quote = 0
		case quote == 0 && (c == '"' || c == '\'' || c == '`'):
			quote = c
		case quote == 0 && (c == ' ' || c == '\t'):
			if len(w) > 0 {
				words = append(words, string(w))
			}
			w = w[:0]
		default:
			w = append(w, c)
		}
	}
	if len(w) > 0 {
		words = append(words, string(w))
	}
	return words
}

// scriptKey returns the bytes of a key, which is text where it doesn't begin with 0x.
func scriptKey(s string) (key []byte, ok bool) {
	if strings.HasPrefix(s, "0x") || strings.HasPrefix(s, "0X") {
		return hexDigits(nil, []byte(s[2:]))
	}
	return []byte(s), len(s) > 0 && s[0] != '$' && !redaction.Value(s)
}

// state takes what follows "ip xfrm state add", and gives it on as lines of a listing.
func (p *script) state(words []string) {
	value := func(i int) string {
		if i < len(words) {
			return words[i]
		}
		return ""
	}
	var src, dst, spi, encap, esn string
	var algorithms []string
	for i := 0; i < len(words); i++ {
		switch w := words[i]; w {
		case "src":
			i++
			src = value(i)
		case "dst":
			i++
			dst = value(i)
		case "proto":
			if i++; value(i) != "esp" {
				return
			}
		case "spi":
			if i++; spi != "" {
				p.out.note(p.start, "the command ip xfrm state has two SPIs: give each command in a line of its own")
				return
			}
			spi = value(i)
		case "encap":
			encap = w
		case "sel":
			i = len(words)
		case "esn":
			esn = w
		case "auth", "auth-trunc", "enc", "aead":
			text, n, ok := p.algorithm(words[i:])
			if !ok {
				return
			}
			i += n - 1
			algorithms = append(algorithms, text)
		}
	}
	number, err := strconv.ParseUint(spi, 0, 32)
	switch {
	case len(algorithms) == 0:
		p.out.note(p.start, "the command ip xfrm state has no key in its line: where it goes on in the next, give all "+
			"of it in one line")
		return
	case err != nil:
		p.out.note(p.start, "the SPI of the command can't be read")
		return
	}
	if src == "" || dst == "" {
		src, dst, encap = "0.0.0.0", "0.0.0.0", "encap" // any
	}
	lines := append([]string{"src " + src + " dst " + dst, fmt.Sprintf("proto esp spi 0x%08x", number),
		"replay-window 0 flag " + esn}, algorithms...)
	if encap != "" {
		lines = append(lines, encap)
	}
	for _, line := range lines {
		p.xfrm.one(p.start, []byte(line))
	}
	p.xfrm.close()
}

// algorithm returns an algorithm with its key, and with the size of the ICV where that follows, as
// a listing has it, and of how many words it is; ok is false where the key is none.
func (p *script) algorithm(words []string) (text string, n int, ok bool) {
	if n = 3; words[0] == "auth-trunc" || words[0] == "aead" {
		n = 4
	}
	parts := make([]string, n)
	copy(parts, words)
	if key, ok := scriptKey(parts[2]); ok {
		parts[2] = "0x" + hex.EncodeToString(key)
	} else if !redaction.Value(parts[2]) {
		p.out.note(p.start, "the command ip xfrm state: "+notBytes(parts[2]))
		return "", n, false
	}
	return strings.Join(parts, " "), n, true
}

// add takes what follows setkey's "add".
func (p *script) add(words []string) {
	udp := false
	for i := 0; i < min(len(words), 4); {
		if setkeyBeside(words[i][0]) {
			udp = udp || words[i][0] == '['
			words = slices.Delete(words, i, i+1)
		} else {
			i++
		}
	}
	if len(words) < 4 {
		return
	}
	sa := setkeySA{line: p.start, src: setkeyAddr([]byte(words[0])), dst: setkeyAddr([]byte(words[1])),
		udp: udp || words[2] == "esp-udp"}
	spi, err := strconv.ParseUint(words[3], 0, 32)
	if err != nil {
		p.out.note(p.start, "the SPI of the command can't be read")
		return
	}
	sa.spi = uint32(spi)
	for i := 4; i+2 < len(words); i++ {
		if words[i] != "-E" && words[i] != "-A" {
			continue
		}
		key, ok := scriptKey(words[i+2])
		if !ok {
			p.out.note(p.start, "SA "+spiName(sa.spi)+": "+notBytes(words[i+2]))
			return
		}
		if words[i] == "-E" {
			sa.keys.cipher, sa.keys.key = words[i+1], key
		} else {
			sa.keys.auth, sa.keys.authKey = words[i+1], key
		}
		i += 2
	}
	p.setkey.sa = sa
	p.setkey.give()
}

// vpp takes what follows "ipsec sa add".
func (p *script) vpp(words []string) {
	values := make(map[string]string)
	for i := 0; i+1 < len(words); i++ {
		values[words[i]] = words[i+1]
	}
	spi, err := strconv.ParseUint(values["spi"], 0, 32)
	if err != nil {
		p.out.note(p.start, "the SPI of the command can't be read")
		return
	}
	name := "SA " + spiName(uint32(spi)) + ": "
	k := espKeys{cipher: values["crypto-alg"]}
	if a := values["integ-alg"]; a != "" {
		k.auth = "hmac-" + strings.Replace(a, "sha-", "sha2-", 1)
	}
	var ok1, ok2 bool
	k.key, ok1 = hexDigits(nil, []byte(strings.TrimPrefix(values["crypto-key"], "0x")))
	k.authKey, ok2 = hexDigits(nil, []byte(strings.TrimPrefix(values["integ-key"], "0x")))
	switch c, _, _ := cipherNamed(k.cipher); {
	case !ok1 || !ok2:
		p.out.note(p.start, name+notBytes(values["crypto-key"], values["integ-key"]))
		return
	case c != nil && c.SaltLen > 0:
		p.out.note(p.start, name+"the salt of "+c.Name+" stands apart from the key: it can't be taken from this command")
		return
	}
	if s := p.out.secret(p.start, "SA ", uint32(spi), &k); s != nil {
		p.out.esp(s)
	}
}

// tcpdump takes an SA of tcpdump -E; spi and dst are empty for any. "-hmac96" is the length of an
// ICV that is not checked.
func (p *script) tcpdump(spi, dst, algorithm, secret string) {
	number, err1 := strconv.ParseUint(spi, 0, 32)
	addr, err2 := netip.ParseAddr(dst)
	if spi != "" && (err1 != nil || err2 != nil) {
		p.out.note(p.start, "the SPI or the address before @ can't be read")
		return
	}
	cipher, bits, icv := strings.Cut(algorithm, "-hmac")
	name := "the key behind -E"
	if spi != "" {
		name = "SA " + spiName(uint32(number))
	}
	key, ok := scriptKey(secret)
	if !ok {
		p.out.note(p.start, name+": "+notBytes(secret))
		return
	}
	s := p.out.anySecret(p.start, name, &espKeys{cipher: cipher, key: key})
	if s == nil {
		return
	}
	if icv {
		s.Suite.Auth = esp.AuthByName("any-" + bits)
	}
	if spi != "" {
		s.SPI, s.SPIMask, s.Dst = uint32(number), 0xffffffff, esp.AddrPatternFrom(addr)
	}
	p.out.esp(s)
}

func (p *script) close() { p.end() }

func (p *script) near() string { return p.xfrm.near() }
