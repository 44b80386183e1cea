package keysrc

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"strconv"
	"strings"

	"l2tpdump/esp"
	"l2tpdump/ikev1"
)

// The debug log of racoon (ipsec-tools), in a file or in syslog, where #012 stands for a line end:
//
//	2026-03-13 22:00:51: DEBUG: SKEYID_e computed:
//	2026-03-13 22:00:51: DEBUG:
//	79d5eabc 78ae740b 47258300 f8de371e a4a9da87
//	Mar 13 22:00:51 host racoon: DEBUG: #01279d5eabc 78ae740b 47258300 f8de371e a4a9da87
//
// A row has 32 bytes in words of 4; the length of a value stands nowhere. The cookies are those of
// the packet that racoon got last, which its dump begins with, and of the line "ISAKMP-SA
// established … spi:CKY-I:CKY-R" that follows later.
var racoonFormat = Format{
	Name:  "racoon",
	Title: "racoon log",
	Looks: "DEBUG: lines with SKEYID_e computed and final encryption key computed, which take log debug",
	holds: cluesOf("DEBUG:", "INFO:"),
	match: func(line []byte) bool {
		msg, ok := racoonMessage(line)
		return ok && racoonMatch(msg)
	},
	new: func(out *output) parser { return &racoon{racoonLog: racoonLog{out: out}} },
}

type racoon struct {
	racoonLog
	joined bool   // lines were put together, for near
	sender []byte // of the last message, where it came by syslog
}

// racoonMessage returns what follows "DEBUG: " or "INFO: ".
func racoonMessage(text []byte) (msg []byte, ok bool) {
	if bytes.IndexByte(text, 'G') < 0 && bytes.IndexByte(text, 'F') < 0 {
		return nil, false
	}
	for _, m := range racoonLevels {
		if i := m.in(text); i >= 0 && i < 120 && (i == 0 || text[i-1] == ' ' || text[i-1] == ':') {
			return cutPlace(text[i+len(m.text):]), true
		}
	}
	return nil, false
}

var racoonLevels = []mark{{"DEBUG: ", 4}, {"DEBUG2: ", 4}, {"INFO: ", 2}, {"DEBUG:", 4}, {"DEBUG2:", 4}}

// cutPlace cuts off the place in racoon's source that debug levels show, as in
// "oakley.c:2046:oakley_compute_enckey(): ".
func cutPlace(msg []byte) []byte {
	file, rest, ok := bytes.Cut(msg, []byte(".c:"))
	if i := bytes.Index(rest, []byte("():")); ok && i > 0 && bytes.IndexByte(file, ' ') < 0 &&
		bytes.IndexByte(rest[:i], ' ') < 0 {
		return rest[i+3:]
	}
	return msg
}

// racoonMatch knows the messages that are racoon's alone.
func racoonMatch(msg []byte) bool {
	value, _ := racoonLabel(trimLine(msg))
	return value != racoonNone && (value != racoonPacket || !bytes.HasPrefix(msg, []byte("=====")))
}

func (r *racoon) line(n int, text []byte) bool {
	msg, ok := racoonMessage(text)
	sender, bare := syslogHeader(text)
	if !ok {
		// Rows of a file have nothing before them; where syslog or the journal takes the lines of a
		// terminal, each has its header.
		if sender == nil {
			return r.rowOnly(text)
		}
		return bytes.Equal(sender, r.sender) && r.rowOnly(bare)
	}
	r.sender = append(r.sender[:0], sender...)
	if _, joined := racoonMessage(msg); joined {
		r.joined = true
		r.finish()
		r.nonce(n, msg)
		return true
	}
	time, rest := cutTime(text) // a line that begins as racoon's do is its own, whatever it says
	ofFile := bytes.HasSuffix(time, []byte(":")) && bytes.HasPrefix(rest, []byte("DEBUG"))
	return r.message(n, msg) || ofFile || bytes.HasPrefix(programOf(sender), []byte("racoon"))
}

// programOf returns what of a sender is behind its host, all where it has no host.
func programOf(sender []byte) []byte {
	host, program := word(sender)
	if len(program) == 0 {
		return host
	}
	return blanks.trimLeft(program)
}

// A racoonLog takes messages, whatever stood before them: RouterOS logs the same ones.
type racoonLog struct {
	out *output

	value racoonValue // being read
	name  string
	rows  hexRows
	blank bool // an empty message is behind the label
	gap   bool // a blank line or a comment is behind the last row

	initiator, responder ikev1.Cookie // of the last packet, if its dump is in the log
	length               int          // of it in bytes
	peer                 netip.Addr   // its sender
	role                 string       // in the last phase 1: "initiate", "respond", "" for not known

	used   *ikev1.Secret // Ka of a connection that is up, until it is clear whose
	named  bool          // its first line was seen
	ka     esp.Key       // that was given out last
	ike    *ikev1.Secret // keys of phase 1 at hand
	seen   phase1Seen    // which of them the log named
	keyLen int           // of the encryption key, as declared; 0 not
	debug  bool          // a message of racoon's was seen
}

// racoonRow is the number of bytes in a row.
const racoonRow = 32

type racoonValue uint8

const (
	racoonNone racoonValue = iota
	racoonPacket
	racoonNewCookie
	racoonShared
	racoonSKEYID // from here on in the order of phase1Names
	racoonSKEYIDd
	racoonSKEYIDa
	racoonSKEYIDe
	racoonKey
	racoonUsedKey
	racoonIV
	racoonEstablished
)

// racoonLabels are the messages before values, and what the value is called.
var racoonLabels = []struct {
	text  string
	value racoonValue
	name  string
}{
	{"new cookie:", racoonNewCookie, "new cookie"},
	{"compute DH's shared.", racoonShared, "DH's shared"},
	{"SKEYID computed:", racoonSKEYID, "SKEYID"},
	{"SKEYID_d computed:", racoonSKEYIDd, "SKEYID_d"},
	{"SKEYID_a computed:", racoonSKEYIDa, "SKEYID_a"},
	{"SKEYID_e computed:", racoonSKEYIDe, "SKEYID_e"},
	{"final encryption key computed:", racoonKey, "final encryption key"},
	{"with key:", racoonUsedKey, "key"},
	{"IV computed:", racoonIV, "IV"},
	{"ISAKMP-SA established ", racoonEstablished, ""},
	{"===== received ", racoonPacket, ""},
}

// racoonLabel tells what follows a message.
func racoonLabel(msg []byte) (racoonValue, string) {
	if len(msg) == 0 {
		return racoonNone, ""
	}
	for i := range racoonLabels {
		if l := &racoonLabels[i]; msg[0] == l.text[0] && bytes.HasPrefix(msg, []byte(l.text)) {
			return l.value, l.name
		}
	}
	if racoonReceived.in(msg) >= 0 {
		return racoonPacket, ""
	}
	return racoonNone, ""
}

var racoonReceived = mark{" bytes message received from ", 20}

// rowOnly takes a line that can only be a row.
func (r *racoonLog) rowOnly(text []byte) bool {
	if r.value == racoonNone {
		return false
	}
	text = trimLine(text)
	if len(text) == 0 || text[0] == '#' {
		r.gap = r.gap || len(r.rows.got) > 0
		return false
	}
	return r.row(text)
}

// foreign takes a line of another format, which ends the value at hand.
func (r *racoonLog) foreign() {
	if len(r.rows.got) > 0 {
		r.finish()
	}
}

// message takes one message.
func (r *racoonLog) message(n int, msg []byte) bool {
	msg = trimLine(msg)
	if len(msg) == 0 { // before the rows; behind them if each line was turned
		r.rows.damaged = r.rows.damaged || len(r.rows.got) > 0 && !r.blank
		r.blank = true
		return r.value != racoonNone
	}
	if r.row(msg) {
		return true
	}
	r.finish()
	r.giveUsed(n, msg)
	value, name := racoonLabel(msg)
	if value == racoonNone {
		r.other(n, msg)
		return false
	}
	r.debug = true
	switch value {
	case racoonEstablished:
		r.established(msg)
		return true
	case racoonPacket:
		r.ready()
		r.packet(msg)
	case racoonShared:
		r.give()
		r.seen |= seenShared
	case racoonIV:
		r.seen |= seenIV
	case racoonUsedKey:
		r.named = true
	case racoonSKEYID, racoonSKEYIDd, racoonSKEYIDa, racoonSKEYIDe, racoonKey:
		if r.seen > 1<<(value-racoonShared)-1 { // they come in this order
			r.give()
		}
	}
	if value >= racoonSKEYID && value <= racoonKey {
		r.seen.name(int(value - racoonSKEYID))
	}
	r.value, r.name, r.rows = value, name, rowsBelow(n, racoonRow, r.rows.got)
	r.blank, r.gap = false, false
	// MikroTik and old versions put a short value into the same line.
	if i := bytes.IndexByte(msg, ':'); i >= 0 && value != racoonPacket && i+1 < len(msg) {
		r.row(trimLine(msg[i+1:]))
	}
	return true
}

// row takes a row of the value at hand.
func (r *racoonLog) row(msg []byte) bool {
	if r.value == racoonNone || len(msg) == 0 {
		return false
	}
	whole := r.gap && r.rows.last < racoonRow
	return r.rows.words(msg, !whole && r.value != racoonPacket)
}

// finish takes the value at hand.
func (r *racoonLog) finish() {
	value := r.value
	r.value = racoonNone
	switch {
	case value == racoonNone:
		return
	case value == racoonPacket:
		// An ISAKMP header (RFC 2408 section 3.1): the first row may be missing.
		if len(r.rows.got) >= 28 && int(binary.BigEndian.Uint32(r.rows.got[24:])) == r.length {
			r.initiator, r.responder = ikev1.Cookie(r.rows.got), ikev1.Cookie(r.rows.got[8:])
		}
		return
	case r.rows.damaged:
		r.out.note(r.rows.line, r.name+": its rows are damaged")
		return
	case len(r.rows.got) == 0:
		switch value {
		case racoonIV:
		case racoonShared:
			r.seen &^= seenShared
		default:
			r.out.note(r.rows.line, r.name+": its rows are missing")
		}
		return
	case value == racoonNewCookie:
		// racoon's own: the responder's if it answers a packet without one.
		switch {
		case len(r.rows.got) != 8:
		case r.initiator != (ikev1.Cookie{}) && r.responder == (ikev1.Cookie{}):
			r.responder = ikev1.Cookie(r.rows.got)
		case r.role == "initiate":
			r.initiator, r.responder = ikev1.Cookie(r.rows.got), ikev1.Cookie{}
		case r.role == "respond":
			r.initiator, r.responder = ikev1.Cookie{}, ikev1.Cookie(r.rows.got)
		default: // either's
			r.initiator, r.responder = ikev1.Cookie{}, ikev1.Cookie{}
		}
		return
	case value == racoonIV:
		r.ready()
		return
	}
	if value == racoonUsedKey {
		r.used = &ikev1.Secret{Ka: esp.NewKey(r.rows.got), Origin: r.out.origin(r.rows.line)}
		return
	}
	if r.ike == nil {
		r.ike = &ikev1.Secret{
			InitiatorCookie: r.initiator, ResponderCookie: r.responder, Peer: r.peer, Origin: r.out.origin(r.rows.line),
		}
	}
	k := esp.NewKey(r.rows.got)
	if value == racoonShared {
		r.ike.SharedSecret = k
		return
	}
	*phase1Keys(r.ike)[value-racoonSKEYID] = k
	if value == racoonSKEYIDe || value == racoonKey && r.ike.SKEYIDe.IsZero() {
		r.ike.Origin = r.out.origin(r.rows.line)
	}
}

var (
	racoonRoles   = []mark{{"initiate new phase 1 ", 19}, {"respond new phase 1 ", 18}}
	racoonLongKey = mark{"len(SKEYID_e) < len(Ka) (", 5}
)

// other takes a message without a value behind it.
func (r *racoonLog) other(n int, msg []byte) {
	r.nonce(n, msg)
	for _, m := range racoonRoles {
		if m.in(msg) >= 0 {
			r.role, _, _ = strings.Cut(m.text, " ")
		}
	}
	// "len(SKEYID_e) < len(Ka) (20 < 24), generating long key (Ka = K1 | K2 | ...)"
	if rest, ok := racoonLongKey.after(msg); ok {
		if rest, ok := after(rest, "< "); ok {
			if i := bytes.IndexByte(rest, ')'); i > 0 {
				r.keyLen, _ = strconv.Atoi(string(rest[:i]))
			}
		}
	}
	r.ready()
}

// nonce takes "nonce 1:", which stands between g^xy and SKEYID.
func (r *racoonLog) nonce(n int, msg []byte) {
	if bytes.HasPrefix(msg, []byte("nonce 1:")) && r.seen&seenShared == 0 {
		r.out.note(n, "g^xy is missing before this line: a line of the log is lost")
	}
}

// giveUsed gives out the key that opened the last packet, or with which one is made that goes out,
// of any connection: the next message tells, and that the key ends there.
func (r *racoonLog) giveUsed(n int, next []byte) {
	s, named := r.used, r.named
	r.used, r.named = nil, false
	opened := bytes.HasPrefix(next, []byte("decrypted payload by IV"))
	if opened && !named && r.ka.IsZero() {
		r.out.note(n, "the key that opened this message is missing: it stands before this line otherwise")
	}
	switch {
	case s == nil || r.ike != nil && r.ike.Ka.Equal(s.Ka): // phase 1 goes on, and gives more than this
		return
	case opened:
		s.InitiatorCookie, s.ResponderCookie, s.Peer = r.initiator, r.responder, r.peer
	case !bytes.HasPrefix(next, []byte("encrypted payload by IV")):
		r.out.note(s.Origin.Line, "key: the message that follows it is missing, so that its end is not known")
		return
	}
	if !r.ka.IsZero() && s.Ka.Len() > r.ka.Len() && s.Ka.HasPrefix(r.ka) {
		r.out.doubt(s.Origin.Line, "key: an encryption key that stands before it is only a part of it")
	}
	switch known := bytes.Contains(r.ka.Bytes(), s.Ka.Bytes()); {
	case known && s.Ka.Len() < r.ka.Len():
		r.out.note(s.Origin.Line, "key: it is only a part of an encryption key that stands before it")
	case known && s.InitiatorCookie.IsZero(), !checkPhase1(r.out, s): // it made a message, or opened a damaged one
	case opened:
		r.ka = s.Ka
		r.out.ike(s)
	default:
		r.ka = s.Ka
		r.out.known(s)
	}
}

// ready gives the keys of phase 1 out, if all that there will be is there, and the cookies. Without
// them it waits for the line "ISAKMP-SA established".
func (r *racoonLog) ready() {
	if r.ike != nil && !r.ike.Ka.IsZero() && r.ike.InitiatorCookie != (ikev1.Cookie{}) {
		r.give()
	}
}

// packet takes "180 bytes message received from 203.0.113.10[500] to 203.0.113.1[500]" and
// RouterOS's "===== received 180 bytes from 203.0.113.10[500] to 203.0.113.1[500]".
func (r *racoonLog) packet(msg []byte) {
	r.initiator, r.responder, r.peer = ikev1.Cookie{}, ikev1.Cookie{}, netip.Addr{}
	head, rest, _ := bytes.Cut(msg, []byte(" bytes "))
	r.length, _ = strconv.Atoi(string(head[bytes.LastIndexByte(head, ' ')+1:]))
	if rest, ok := bytes.CutPrefix(bytes.TrimPrefix(rest, []byte("message received ")), []byte("from ")); ok {
		w, _ := word(rest)
		r.peer = charonAddr(w).Addr()
	}
}

// established takes "ISAKMP-SA established 203.0.113.1[500]-203.0.113.10[500]
// spi:831d33d46e20f8e6:76f7d24c1b2a3948".
func (r *racoonLog) established(msg []byte) {
	rest, ok := after(msg, " spi:")
	if !ok {
		return
	}
	w, _ := word(rest)
	i, j, _ := bytes.Cut(w, []byte(":"))
	initiator, responder, ok := parseCookies(i, j[:min(len(j), 16)])
	if !ok || r.ike == nil {
		return
	}
	if w, _ := word(msg[len("ISAKMP-SA established "):]); len(w) > 0 && r.ike.Peer.IsValid() {
		if k := bytes.Index(w, []byte("]-")); k >= 0 && charonAddr(w[k+2:]).Addr() != r.ike.Peer {
			return // another one's
		}
	}
	r.ike.InitiatorCookie, r.ike.ResponderCookie = initiator, responder
	r.give()
}

// give gives the keys of phase 1 out.
func (r *racoonLog) give() {
	s := r.ike
	r.ike = nil
	if s == nil {
		r.seen = 0
		return
	}
	r.seen.checkGaps(r.out, s.Origin.Line)
	want := r.keyLen
	r.keyLen = 0
	if n := s.Ka.Len(); n != 0 && want != 0 && n != want {
		r.out.note(s.Origin.Line, "final encryption key has "+byteCount(n)+" where "+strconv.Itoa(want)+" are declared")
		s.Ka = esp.Key{}
	}
	if checkPhase1(r.out, s) { // Quick Mode computes a shared secret too, but no other of these
		r.ka = s.Ka
		r.out.ike(s)
	}
}

// close takes the end of the log.
func (r *racoonLog) close() {
	r.finish()
	r.give()
	r.giveUsed(0, nil)
}

// near says why there was no key.
func (r *racoon) near() string {
	if r.joined {
		return "the lines of a racoon log were joined, so that its values can't be told apart: give the log as racoon " +
			"wrote it"
	}
	if r.debug {
		return r.out.lack("a racoon log without final encryption key computed: set log debug")
	}
	return ""
}
