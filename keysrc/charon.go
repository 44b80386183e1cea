package keysrc

import (
	"bytes"
	"net/netip"
	"strconv"

	"l2tpdump/esp"
	"l2tpdump/ikev1"
)

// The log of strongSwan's charon with ike = 4 and chd = 4, in a file, in syslog or on a terminal:
//
//	13[IKE] SKEYID_e => 32 bytes @ 0x7f16b8049620
//	13[IKE]    0: 4A F9 0F 25 CF 10 27 73 61 11 19 37 C2 E1 48 65  J..%..'sa..7..He
//
// The number of the thread keeps dumps apart that run side by side: each thread has its own state. The number of
// bytes tells where the bytes of the last row end.
var charonFormat = Format{
	Name:  "charon",
	Title: "strongSwan charon log",
	Looks: "13[IKE] and 13[CHD] lines with SKEYID_e, encryption key Ka and encryption initiator key, which take log levels ike = 4 and chd = 4",
	match: func(line []byte) bool {
		_, ok := charonTag(line)
		return ok
	},
	new: func(out *output) parser {
		return &charon{out: out, threads: make(map[string]*charonThread), modes: make(map[uint32]string)}
	},
}

const (
	maxCharonThreads = 4096 // of all daemons in one log
	maxCharonModes   = 4096 // Quick Modes whose proposal is remembered
)

type charon struct {
	out     *output
	threads map[string]*charonThread
	modes   map[uint32]string // proposal selected in a Quick Mode, by message ID
	dumps   int               // dumps of any kind, for near
	scratch []byte
}

// A charonThread is what one thread of one daemon is busy with.
type charonThread struct {
	out  *output
	dump charonDump

	from, to netip.AddrPort // of the packet that it works on

	initiator, responder ikev1.Cookie // of the SA that it works on
	checkedOut           bool         // the cookies are the SA manager's

	ike      *ikev1.Secret // phase 1 secrets at hand
	ikeReady bool          // all there, but for the cookies

	quick     bool   // it is in a Quick Mode
	mid       uint32 // its message ID
	mine      bool   // which this host began
	roleKnown bool

	child   *charonChild
	inbound int // the next SPI line is of an SA: 1 inbound, 2 outbound, 0 of none
}

// A charonChild is the keys of a pair of ESP SAs. An index is 0 for what goes from the initiator to the
// responder, 1 for the other direction.
type charonChild struct {
	line         [2]int
	cipher, auth string
	key, authKey [2][]byte
	spi          [2]uint32 // from the seeds, 0 not known
	given        [2]bool
	shared       int // length of the Diffie-Hellman secret in the seeds
}

// charonValue is what a dump is of.
type charonValue uint8

const (
	charonOther charonValue = iota
	charonShared
	charonSKEYID
	charonSKEYIDd
	charonSKEYIDa
	charonSKEYIDe
	charonKa
	charonIV
	charonNATD
	charonQuickShared
	charonSeedInitiator
	charonSeedResponder
	charonKeyInitiator
	charonKeyResponder
	charonAuthInitiator
	charonAuthResponder
)

var charonLabels = map[string]charonValue{
	"shared Diffie Hellman secret": charonShared,
	"SKEYID":                       charonSKEYID,
	"SKEYID_d":                     charonSKEYIDd,
	"SKEYID_a":                     charonSKEYIDa,
	"SKEYID_e":                     charonSKEYIDe,
	"encryption key Ka":            charonKa,
	"initial IV":                   charonIV,
	"natd_chunk":                   charonNATD,
	"DH secret":                    charonQuickShared,
	"initiator SA seed":            charonSeedInitiator,
	"responder SA seed":            charonSeedResponder,
	"encryption initiator key":     charonKeyInitiator,
	"encryption responder key":     charonKeyResponder,
	"integrity initiator key":      charonAuthInitiator,
	"integrity responder key":      charonAuthResponder,
}

// charonPhase1Names are the names of RFC 2409.
var charonPhase1Names = map[charonValue]string{
	charonSKEYID: "SKEYID", charonSKEYIDd: "SKEYID_d", charonSKEYIDa: "SKEYID_a", charonSKEYIDe: "SKEYID_e", charonKa: "Ka",
}

// A charonDump is a value whose rows are being read.
type charonDump struct {
	value charonValue
	label string
	line  int
	want  int
	got   []byte
	open  bool
}

// A charonLine is a line of the log taken apart.
type charonLine struct {
	daemon []byte // "host charon[123]:" of syslog
	thread []byte // digits
	group  []byte // "IKE"
	msg    []byte
}

// charonTag finds "13[IKE] " in a line.
func charonTag(text []byte) (l charonLine, ok bool) {
	for i := 1; i+5 < len(text) && i < 200; i++ {
		if text[i] != '[' || text[i-1] < '0' || text[i-1] > '9' || !upper(text[i+1]) || !upper(text[i+2]) || !upper(text[i+3]) {
			continue
		}
		end := i + 4
		if text[end] >= '0' && text[end] <= '4' { // the level
			end++
		}
		if end+1 >= len(text) || text[end] != ']' || text[end+1] != ' ' {
			continue
		}
		start := i
		for start > 0 && text[start-1] >= '0' && text[start-1] <= '9' {
			start--
		}
		if i-start > 4 || start > 0 && text[start-1] != ' ' && text[start-1] != '\t' {
			continue
		}
		l.thread, l.group, l.msg = text[start:i], text[i+1:i+4], text[end+2:]
		if len(l.msg) > 0 && l.msg[0] == '<' { // <connection|number>
			if j := bytes.Index(l.msg, []byte("> ")); j > 0 && j < 100 {
				l.msg = l.msg[j+2:]
			}
		}
		if head := bytes.TrimRight(text[:start], " \t"); len(head) > 0 && head[len(head)-1] == ':' {
			// syslog, and not the time of a file
			if j := bytes.LastIndexByte(head, ' '); j >= 0 {
				head = head[1+bytes.LastIndexByte(head[:j], ' '):]
			}
			l.daemon = head
		}
		return l, true
	}
	return l, false
}

func upper(c byte) bool { return c >= 'A' && c <= 'Z' }

func (c *charon) line(n int, text []byte) bool {
	l, ok := charonTag(text)
	if !ok {
		return false
	}
	c.scratch = append(append(append(c.scratch[:0], l.daemon...), '/'), l.thread...)
	t := c.threads[string(c.scratch)]
	if t == nil {
		if len(c.threads) >= maxCharonThreads {
			c.close()
			clear(c.threads)
		}
		t = &charonThread{out: c.out}
		c.threads[string(c.scratch)] = t
	}
	c.message(t, n, string(l.group), bytes.TrimRight(l.msg, "\r\n"))
	return true
}

// message takes one message of a thread.
func (c *charon) message(t *charonThread, n int, group string, msg []byte) {
	if off, rest, ok := charonRow(msg); ok {
		t.row(n, off, rest)
		return
	}
	t.cut()
	if label, size, ok := charonDumpHead(msg); ok {
		c.dumps++
		value := charonLabels[string(label)]
		if t.ike != nil && !t.ikeReady && value != charonOther && (value < charonSKEYID || value > charonIV) {
			t.phase1Done()
		}
		if value != charonOther && size > maxValue {
			t.out.note(n, string(label)+" of "+byteCount(size)+" is too long")
			value = charonOther
		}
		t.dump = charonDump{value: value, line: n, want: size, got: t.dump.got[:0], open: value != charonOther}
		if t.dump.open {
			t.dump.label = string(label)
		}
		t.full()
		return
	}
	switch group {
	case "NET":
		c.net(t, msg)
	case "MGR":
		t.manager(msg)
	case "ENC":
		t.encoding(msg)
	case "CFG":
		if p, ok := after(msg, "selected proposal: ESP:"); ok && t.quick {
			if len(c.modes) >= maxCharonModes {
				clear(c.modes)
			}
			c.modes[t.mid] = string(trimLine(p))
		}
	case "CHD":
		c.childMessage(t, n, msg)
	case "IKE":
		if bytes.HasPrefix(msg, []byte("CHILD_SA ")) {
			c.established(t, msg)
		}
	}
	if t.ike != nil && !t.ikeReady && group == "IKE" {
		t.phase1Done()
	}
}

// charonRow takes "   0: 4A F9 …" apart.
func charonRow(msg []byte) (off int, rest []byte, ok bool) {
	s := bytes.TrimLeft(msg, " ")
	if len(s) == len(msg) && (len(s) == 0 || s[0] < '0' || s[0] > '9') {
		return 0, nil, false
	}
	i := 0
	for i < len(s) && i < 6 && s[i] >= '0' && s[i] <= '9' {
		off = off*10 + int(s[i]-'0')
		i++
	}
	if i == 0 || i+2 >= len(s) || s[i] != ':' || s[i+1] != ' ' {
		return 0, nil, false
	}
	return off, s[i+2:], unhex(s[i+2]) != 0xff
}

// charonDumpHead takes "SKEYID_e => 32 bytes @ 0x7f16b8049620" apart.
func charonDumpHead(msg []byte) (label []byte, size int, ok bool) {
	i := bytes.Index(msg, []byte(" => "))
	if i < 0 {
		return nil, 0, false
	}
	num, rest := word(msg[i+4:])
	size, err := strconv.Atoi(string(num))
	if err != nil || size < 0 || !bytes.HasPrefix(rest, []byte(" bytes @")) {
		return nil, 0, false
	}
	return bytes.TrimLeft(msg[:i], " "), size, true
}

// row takes a row of the dump.
func (t *charonThread) row(n, off int, rest []byte) {
	d := &t.dump
	if !d.open {
		return
	}
	if off != len(d.got) {
		d.open = false
		t.out.note(d.line, d.label+": row "+strconv.Itoa(len(d.got))+" is missing")
		return
	}
	size := min(16, d.want-off)
	was := len(d.got)
	d.got, _ = dumpRow(d.got, rest, size)
	if len(d.got)-was != size {
		d.open = false
		t.out.note(n, d.label+": row "+strconv.Itoa(off)+" has "+byteCount(len(d.got)-was)+" where "+strconv.Itoa(size)+" are declared")
		return
	}
	t.full()
}

// cut ends a dump that has not all of its rows.
func (t *charonThread) cut() {
	if d := &t.dump; d.open {
		d.open = false
		t.out.note(d.line, d.label+": "+byteCount(len(d.got))+" of "+strconv.Itoa(d.want)+", the rest is missing")
	}
}

// full takes the value, if all of it is there.
func (t *charonThread) full() {
	d := &t.dump
	if !d.open || len(d.got) != d.want {
		return
	}
	d.open = false
	switch d.value {
	case charonShared:
		t.phase1Give()
		t.ike = &ikev1.Secret{SharedSecret: esp.NewKey(d.got), Origin: t.out.origin(d.line),
			Origins: map[string]esp.Origin{"g^xy": t.out.origin(d.line)}}
	case charonSKEYID, charonSKEYIDd, charonSKEYIDa, charonSKEYIDe, charonKa:
		t.phase1(d)
	case charonIV:
		if t.ike != nil {
			t.phase1Done()
		}
	case charonNATD:
		// CKY-I, CKY-R, address, port: what NAT-D hashes (RFC 3947 section 3.2).
		if (len(d.got) == 22 || len(d.got) == 34) && !t.checkedOut {
			copy(t.initiator[:], d.got)
			copy(t.responder[:], d.got[8:])
			t.cookies()
		}
	case charonQuickShared:
		if t.quick {
			t.out.ike(&ikev1.Secret{
				QuickSecret: esp.NewKey(d.got), MessageID: t.mid,
				InitiatorCookie: t.initiator, ResponderCookie: t.responder,
				Peer: t.from.Addr(), Origin: t.out.origin(d.line),
			})
		}
		t.childAt().shared = len(d.got)
	case charonSeedInitiator, charonSeedResponder:
		// [g(qm)^xy |] protocol | SPI | Ni_b | Nr_b (RFC 2409 section 5.5); the initiator's keys are those of the
		// SA that the responder gets, with the responder's SPI.
		child := t.childAt()
		if s := d.got; len(s) > child.shared+5 && s[child.shared] == 3 {
			s = s[child.shared+1:]
			child.spi[d.value-charonSeedInitiator] = uint32(s[0])<<24 | uint32(s[1])<<16 | uint32(s[2])<<8 | uint32(s[3])
		}
	case charonKeyInitiator, charonKeyResponder:
		child := t.childAt()
		child.key[d.value-charonKeyInitiator] = bytes.Clone(d.got)
		child.line[d.value-charonKeyInitiator] = d.line
	case charonAuthInitiator, charonAuthResponder:
		t.childAt().authKey[d.value-charonAuthInitiator] = bytes.Clone(d.got)
	}
}

// phase1 takes one of the keys that phase 1 yields.
func (t *charonThread) phase1(d *charonDump) {
	if t.ike != nil && t.ikeReady {
		t.phase1Give()
	}
	if t.ike == nil {
		t.ike = &ikev1.Secret{Origin: t.out.origin(d.line)}
	}
	k := esp.NewKey(d.got)
	if t.ike.Origins == nil {
		t.ike.Origins = make(map[string]esp.Origin)
	}
	t.ike.Origins[charonPhase1Names[d.value]] = t.out.origin(d.line)
	switch d.value {
	case charonSKEYID:
		t.ike.SKEYID = k
	case charonSKEYIDd:
		t.ike.SKEYIDd = k
	case charonSKEYIDa:
		t.ike.SKEYIDa = k
	case charonSKEYIDe:
		t.ike.SKEYIDe = k
		t.ike.Origin = t.out.origin(d.line)
	case charonKa:
		t.ike.Ka = k
	}
}

// phase1Done says that all keys of phase 1 that the log has are there.
func (t *charonThread) phase1Done() {
	t.ikeReady = true
	t.cookies()
}

// cookies gives the keys of phase 1 out if they were waiting for their cookies.
func (t *charonThread) cookies() {
	if t.ikeReady && t.initiator != (ikev1.Cookie{}) {
		t.phase1Give()
	}
}

// phase1Give gives the keys of phase 1 out, with cookies or without.
func (t *charonThread) phase1Give() {
	s := t.ike
	t.ike, t.ikeReady = nil, false
	if s == nil || s.SKEYID.IsZero() && s.SKEYIDd.IsZero() && s.SKEYIDa.IsZero() && s.SKEYIDe.IsZero() && s.Ka.IsZero() {
		return // IKEv2 has a shared secret too, and other names for what follows
	}
	s.InitiatorCookie, s.ResponderCookie = t.initiator, t.responder
	s.Peer = t.from.Addr()
	t.out.ike(s)
}

// manager takes "checkout IKEv1 SA with SPIs 5829d9833cfb3f3c_i 241f4d50d477c2fd_r".
func (t *charonThread) manager(msg []byte) {
	rest, ok := after(msg, "checkout IKEv1 SA with SPIs ")
	if !ok {
		return
	}
	i, rest := word(rest)
	r, _ := word(rest)
	var initiator, responder ikev1.Cookie
	if charonCookie(&initiator, i, "_i") && charonCookie(&responder, r, "_r") {
		t.phase1Give()
		t.initiator, t.responder, t.checkedOut = initiator, responder, true
	}
}

func charonCookie(c *ikev1.Cookie, w []byte, end string) bool {
	w, ok := bytes.CutSuffix(w, []byte(end))
	if !ok || len(w) != 16 {
		return false
	}
	_, ok = hexDigits(c[:0], w)
	return ok
}

// net takes "received packet: from 203.0.113.10[500] to 203.0.113.1[500] (180 bytes)". With it begins other work.
func (c *charon) net(t *charonThread, msg []byte) {
	received := bytes.HasPrefix(msg, []byte("received packet: from "))
	if !received && !bytes.HasPrefix(msg, []byte("sending packet: from ")) {
		return
	}
	rest, _ := after(msg, "from ")
	a, rest := word(rest)
	rest, ok := after(rest, " to ")
	if !ok {
		return
	}
	b, _ := word(rest)
	from, to := charonAddr(a), charonAddr(b)
	if received {
		c.end(t)
		t.initiator, t.responder, t.checkedOut = ikev1.Cookie{}, ikev1.Cookie{}, false
		t.quick, t.roleKnown = false, false
		t.from, t.to = from, to
	} else if !t.from.IsValid() {
		t.from, t.to = to, from
	}
}

// charonAddr takes "203.0.113.10[500]".
func charonAddr(w []byte) netip.AddrPort {
	i := bytes.IndexByte(w, '[')
	if i < 0 || w[len(w)-1] != ']' {
		return netip.AddrPort{}
	}
	a, err1 := netip.ParseAddr(string(w[:i]))
	p, err2 := strconv.ParseUint(string(w[i+1:len(w)-1]), 10, 16)
	if err1 != nil || err2 != nil {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(a, uint16(p))
}

// encoding takes "parsed QUICK_MODE request 2847563223 [ HASH SA No ID ID ]" and the like.
func (t *charonThread) encoding(msg []byte) {
	verb, rest := word(msg)
	parsed := string(verb) == "parsed"
	if !parsed && string(verb) != "generating" {
		return
	}
	exchange, rest := word(rest)
	if string(exchange) != "QUICK_MODE" {
		if parsed && !t.checkedOut { // cookies of the thread's last packet, if the log doesn't tell where one begins
			t.initiator, t.responder = ikev1.Cookie{}, ikev1.Cookie{}
		}
		return
	}
	kind, rest := word(rest)
	id, _ := word(rest)
	mid, err := strconv.ParseUint(string(id), 10, 32)
	if err != nil {
		return
	}
	if parsed && !t.checkedOut {
		t.initiator, t.responder = ikev1.Cookie{}, ikev1.Cookie{}
	}
	t.quick, t.mid = true, uint32(mid)
	t.mine, t.roleKnown = (string(kind) == "request") != parsed, true
}

// close takes the end of the log.
func (c *charon) close() {
	for _, t := range c.threads {
		t.cut()
		c.end(t)
	}
}

// flush gives out what waits for cookies, or for addresses only.
func (c *charon) flush() {
	for _, t := range c.threads {
		if t.ikeReady {
			t.phase1Give()
		}
		if child := t.child; child != nil {
			for dir, spi := range child.spi {
				if spi != 0 && len(child.key[dir]) > 0 && (len(child.authKey[dir]) > 0 || child.auth == "") && !t.dump.open {
					c.childSecret(t, dir, spi, netip.Addr{}, netip.Addr{})
				}
			}
		}
	}
}

// end ends the thread's work on a packet.
func (c *charon) end(t *charonThread) {
	t.phase1Give()
	c.childGive(t)
}

// near says why there was no key.
func (c *charon) near() string {
	if c.dumps == 0 {
		return c.out.lack("a charon log, but without hex dumps: set the log levels ike = 4 and chd = 4")
	}
	return c.out.lack("a charon log, but without SKEYID_e, Ka or ESP keys: set the log levels ike = 4 and chd = 4")
}
