package keysrc

import (
	"bytes"
	"encoding/binary"
	"maps"
	"net/netip"
	"slices"
	"strconv"

	"l2tpdump/esp"
	"l2tpdump/ikev1"
	"l2tpdump/keysrc/redaction"
)

// The log of strongSwan's charon with ike = 4 and chd = 4, in a file, in syslog or on a terminal:
//
//	13[IKE] SKEYID_e => 32 bytes @ 0x7f16b8049620
//	13[IKE]    0: 4A F9 0F 25 CF 10 27 73 61 11 19 37 C2 E1 48 65  J..%..'sa..7..He
//
// The number of the thread keeps dumps apart that run side by side: each thread has its own state.
// The number of bytes tells where the bytes of the last row end.
var charonFormat = Format{
	Name:  "charon",
	Title: "strongSwan charon log",
	Looks: "13[IKE] and 13[CHD] lines with SKEYID_e, encryption key Ka and encryption initiator key, which take log " +
		"levels ike = 4 and chd = 4",
	holds: cluesOf("[]", "=>"),
	match: func(line []byte) bool {
		_, ok := charonTag(line, nil)
		return ok || matchCharonMessage(line) || bareTag(line) && !bytes.HasPrefix(line, []byte("[IKE]"))
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
	journal []byte            // daemon of the last line without a tag

	last *charonThread // the thread of the last line
	name []byte        // of it

	front, sender []byte // what stood before the last tag behind which syslog put a daemon, and that daemon
}

// A charonThread is what one thread of one daemon is busy with.
type charonThread struct {
	out  *output
	dump charonDump
	charonPlace

	untagged bool           // it stands for all threads of a daemon that writes to the journal
	groups   [2]charonGroup // of such

	from, to netip.AddrPort // of the packet that it works on
	received bool           // which it has not parsed yet

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

// A charonChild is the keys of a pair of ESP SAs. An index is 0 for what goes from the initiator to
// the responder, 1 for the other direction.
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
	charonSKEYID // from here on in the order of phase1Names
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

// A charonDump is a value whose rows are being read.
type charonDump struct {
	value    charonValue
	label    string
	line     int
	want     int
	got      []byte
	open     bool
	redacted bool // something stands where a row of it was
}

func digit(c byte) bool { return c >= '0' && c <= '9' }

func upper(c byte) bool { return c >= 'A' && c <= 'Z' }

func (c *charon) line(n int, text []byte) bool {
	l, ok := charonTag(text, c.front)
	if !ok {
		return c.untagged(n, text)
	}
	c.message(c.thread(c.daemon(l.front), l.thread), n, l.group, lineEnds.trimRight(l.msg))
	return true
}

// thread returns what a thread is busy with.
func (c *charon) thread(daemon, thread []byte) *charonThread {
	if end, ok := bytes.CutPrefix(c.name, daemon); ok && c.last != nil && len(end) > 0 && end[0] == '/' &&
		bytes.Equal(end[1:], thread) {
		return c.last
	}
	c.name = append(append(append(c.name[:0], daemon...), '/'), thread...)
	c.last = c.threads[string(c.name)]
	if c.last == nil {
		if len(c.threads) >= maxCharonThreads {
			c.close()
			clear(c.threads)
		}
		c.last = &charonThread{out: c.out}
		c.threads[string(c.name)] = c.last
	}
	return c.last
}

// message takes one message of a thread: a row or the beginning of a dump, or what charon says.
func (c *charon) message(t *charonThread, n int, group, msg []byte) {
	if off, rest, ok := charonRow(msg); ok {
		t.row(n, off, rest)
		return
	}
	label, value, arrow := charonArrow(msg)
	if size, ok := charonSize(value); ok {
		c.dumps++
		t.head(n, label, size)
		return
	}
	t.dump.redacted = t.dump.open && charonRedacted(msg)
	t.cut()
	t.charonPlace = charonPlace{next: min(t.next, 0) - 1}
	if arrow && charonLabels[string(label)] != charonOther && redaction.Value(string(value)) {
		c.dumps++
		t.out.note(n, string(label)+": "+errRedacted.Error())
		return
	}
	c.said(t, n, group, msg)
}

// said takes a message of a thread that is no part of a dump.
func (c *charon) said(t *charonThread, n int, group, msg []byte) {
	all := len(group) == 0 // no message of one group reads as one of another
	if all || string(group) == "NET" {
		c.net(t, msg)
	}
	if string(group) == "MGR" {
		t.manager(msg)
	}
	if all || string(group) == "ENC" {
		t.encoding(msg)
	}
	if p, ok := bytes.CutPrefix(msg, []byte("selected proposal: ESP:")); ok && t.quick {
		c.proposal(t.mid, p)
	}
	if all || string(group) == "CHD" {
		c.childMessage(t, n, msg)
	}
	if all || string(group) == "IKE" {
		if bytes.HasPrefix(msg, []byte("CHILD_SA ")) {
			c.established(t, msg)
		}
		if t.ike != nil && !t.ikeReady && !all {
			t.phase1Done()
		}
	}
}

// proposal remembers what a Quick Mode agreed on.
func (c *charon) proposal(mid uint32, p []byte) {
	if len(c.modes) >= maxCharonModes {
		clear(c.modes)
	}
	c.modes[mid] = string(trimLine(p))
}

// begin begins a dump of size bytes.
func (t *charonThread) begin(n int, label []byte, size int) {
	value := charonLabels[string(label)]
	if t.untagged && !t.inOrder(n, value) {
		value = charonOther
	}
	if t.ike != nil && !t.ikeReady && value != charonOther && (value < charonSKEYID || value > charonIV) {
		t.phase1Done()
	}
	if value != charonOther && size > maxValue || value >= charonSKEYID && value <= charonKa && size == 0 {
		t.out.note(n, string(label)+": its length of "+byteCount(size)+" is damaged")
		value = charonOther
	}
	t.dump = charonDump{value: value, line: n, want: size, got: t.dump.got[:0], open: value != charonOther}
	if t.dump.open {
		t.dump.label = string(label)
	}
	t.full()
}

// charonRow takes "   0: 4A F9 …" apart.
func charonRow(msg []byte) (off int, rest []byte, ok bool) {
	s := msg
	for len(s) > 0 && s[0] == ' ' {
		s = s[1:]
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

// charonRedacted reports whether something stands in the place of a row or of its bytes:
// "   0: [removed]".
func charonRedacted(msg []byte) bool {
	off, rest, ok := bytes.Cut(bytes.TrimLeft(msg, " "), []byte(": "))
	if !ok || len(off) == 0 || len(off) > 5 || !decimal.all(off) {
		rest = msg
	}
	return redaction.Value(string(rest))
}

// charonArrow cuts a message in two at " => ".
func charonArrow(msg []byte) (label, rest []byte, ok bool) {
	i := charonIs.in(msg)
	if i < 0 {
		return nil, nil, false
	}
	return bytes.TrimLeft(msg[:i], " "), msg[i+len(charonIs.text):], true
}

var charonIs = mark{" => ", 2}

// charonSize takes "32 bytes @ 0x7f16b8049620", which is behind the label of a dump.
func charonSize(s []byte) (size int, ok bool) {
	num, rest := word(s)
	if !bytes.HasPrefix(rest, []byte(" bytes @")) {
		return 0, false
	}
	size, err := strconv.Atoi(string(num))
	return size, err == nil && size >= 0
}

// row takes a row of the dump.
func (t *charonThread) row(n, off int, rest []byte) {
	d := &t.dump
	if t.again(off, rest) {
		return
	}
	if off == 0 && t.next != 0 {
		t.stray(n)
	}
	was := t.next
	if t.next = off + 16; !d.open {
		if d.value != charonOther && len(d.got) == d.want && t.another(was, off, rest) {
			t.longer()
		}
		return
	}
	if off != len(d.got) {
		t.fail(d.line, "row "+strconv.Itoa(len(d.got))+" is missing")
		return
	}
	size := min(16, d.want-off)
	had := len(d.got)
	d.got, _ = dumpRow(d.got, rest, size)
	if len(d.got)-had != size {
		t.fail(n, "row "+strconv.Itoa(off)+" has "+byteCount(len(d.got)-had)+" where "+strconv.Itoa(size)+" are declared")
		return
	}
	if size < 16 {
		if all, _ := dumpRow(nil, rest, 16); len(all) == 16 {
			t.longer()
			return
		}
	}
	t.full()
}

// cut ends a dump that has not all of its rows.
func (t *charonThread) cut() {
	switch d := &t.dump; {
	case !d.open:
	case d.redacted:
		t.fail(d.line, errRedacted.Error())
	default:
		t.fail(d.line, byteCount(len(d.got))+" of "+strconv.Itoa(d.want)+", the rest is missing")
	}
}

// fail gives the dump up. It is told of a key, and of what names the SPI of one.
func (t *charonThread) fail(line int, why string) {
	d := &t.dump
	d.open = false
	if d.value != charonNATD && d.value != charonIV {
		t.out.note(line, d.label+": "+why)
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
		// [g(qm)^xy |] protocol | SPI | Ni_b | Nr_b (RFC 2409 section 5.5); the initiator's keys
		// are those of the SA that the responder gets, with the responder's SPI.
		child := t.childAt()
		if d.value == charonSeedInitiator && child.shared > 0 && !t.quick {
			t.out.note(d.line, "DH secret: the message that begins its Quick Mode is missing")
		}
		if s := d.got; len(s) > child.shared+5 && s[child.shared] == 3 {
			s = s[child.shared+1:]
			child.spi[d.value-charonSeedInitiator] = binary.BigEndian.Uint32(s)
		}
	case charonKeyInitiator, charonKeyResponder:
		child := t.childAt()
		child.key[d.value-charonKeyInitiator] = bytes.Clone(d.got)
		child.line[d.value-charonKeyInitiator] = d.line
	case charonAuthInitiator, charonAuthResponder:
		t.childAt().authKey[d.value-charonAuthInitiator] = bytes.Clone(d.got)
	}
}

// close takes the end of the log.
func (c *charon) close() {
	for _, name := range slices.Sorted(maps.Keys(c.threads)) {
		t := c.threads[name]
		t.cut()
		c.end(t)
	}
}

// end ends the thread's work on a packet.
func (c *charon) end(t *charonThread) {
	t.phase1Give()
	c.childGive(t)
}

// near says why there was no key.
func (c *charon) near() string {
	switch {
	case c.dumps == 0 && c.out.swanctl:
		return c.out.lack("it is what swanctl or ipsec up prints, which has no keys: strongSwan writes them only to its " +
			"log, with the log levels ike = 4 and chd = 4, as in journalctl -u strongswan")
	case c.dumps == 0:
		return c.out.lack("a charon log, but without hex dumps: set the log levels ike = 4 and chd = 4")
	}
	return c.out.lack("a charon log, but without SKEYID_e, Ka or ESP keys: set the log levels ike = 4 and chd = 4")
}
