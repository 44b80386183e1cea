package keysrc

import (
	"bytes"
	"cmp"
	"net/netip"
	"slices"
	"strings"

	"l2tpdump/esp"
	"l2tpdump/ikev1"
)

// The debug log of pluto: Openswan and old strongSwan (plutodebug=crypt) show the keys of phase 1
// and KEYMAT,
//
//	| ICOOKIE:  c6 d1 45 92  85 15 0c 7e
//	| Skeyid_e:  b0 16 81 21  5f 16 20 23  03 18 6d 28  14 dc 56 86
//	|   ca 5a 47 33
//	| enc key:  44 9e 82 9e  a9 66 d4 21  …
//	| our  keymat
//	|   87 ba a5 46  69 74 1d d0  …
//
// libreswan (plutodebug=all,private) only those of ESP:
//
//	| ESP enckey:
//	|   62 87 ba 70  28 92 8e fa  22 35 d9 ef  0e 6c 60 f4   b..p(..."5...l`.
//	| ESP authkey:
//	|   26 ba 3b dc  …
//	| kernel: add_sa() … …->203.0.113.1[c3991ac7]==>203.0.113.10-UDP->… HMAC_SHA1_96:20 AES_CBC:16
//
// Openswan's helpers write "! " where the others write "| ", and the label before each row;
// "!enckey:" has all digits in its line. A dump has 16 bytes in each row but the last, and says
// nowhere how many there are in all.
var plutoFormat = Format{
	Name:  "pluto",
	Title: "pluto log",
	Looks: "| lines with Skeyid_e, enc key, keymat or ESP enckey, which take plutodebug=all,private",
	holds: cluesOf("|:", "!:", "|keymat", "!keymat"),
	match: func(line []byte) bool {
		msg, ok := plutoDebug(line)
		if !ok {
			return false
		}
		_, _, known := plutoLabel(bytes.TrimLeft(msg, " "))
		return known
	},
	new: func(out *output) parser { return &pluto{out: out} },
}

type pluto struct {
	out  *output
	dump plutoDump

	initiator, responder ikev1.Cookie // of the last message
	peer                 netip.Addr
	encap                bool // the last message was not between ports 500

	ike     *ikev1.Secret // keys of phase 1 at hand
	seen    phase1Seen    // which of them the log named
	ikeLine int           // of the last of them

	ourKeymat, peerKeymat plutoKeymat
	half                  plutoHalf

	debug     bool // a debug line was seen
	joined    bool // a value at hand has whole rows behind labels of their own
	collapsed bool // blanks that tell a row from other lines are missing
}

// A plutoDump is a value whose rows are being read.
type plutoDump struct {
	value plutoValue
	label string
	hexRows
}

// plutoPhase1Lines is the number of lines after which no more keys of phase 1 follow, if the IV
// does not end them.
const plutoPhase1Lines = 20

type plutoValue uint8

const (
	plutoNone plutoValue = iota
	plutoInitiator
	plutoResponder
	plutoSkeyid // from here on in the order of phase1Names
	plutoSkeyidD
	plutoSkeyidA
	plutoSkeyidE
	plutoEncKey
	plutoIV
	plutoOurKeymat
	plutoPeerKeymat
	plutoESPEnc
	plutoESPAuth
)

var plutoLabels = []struct {
	text  string
	value plutoValue
}{
	{"ICOOKIE:", plutoInitiator},
	{"RCOOKIE:", plutoResponder},
	{"initiator cookie:", plutoInitiator},
	{"responder cookie:", plutoResponder},
	{"initiator SPI:", plutoInitiator},
	{"responder SPI:", plutoResponder},
	{"Skeyid:", plutoSkeyid},
	{"Skeyid_d:", plutoSkeyidD},
	{"Skeyid_a:", plutoSkeyidA},
	{"Skeyid_e:", plutoSkeyidE},
	{"enc key:", plutoEncKey},
	{"enckey:", plutoEncKey},
	{"IV:", plutoIV},
	{"our  keymat", plutoOurKeymat},
	{"peer keymat", plutoPeerKeymat},
	{"KEYMAT computed:", plutoOurKeymat},
	{"Peer KEYMAT computed:", plutoPeerKeymat},
	{"ESP enckey:", plutoESPEnc},
	{"ESP authkey:", plutoESPAuth},
}

// plutoDebug returns what follows the bar of a debug line.
func plutoDebug(text []byte) (msg []byte, ok bool) {
	if s := blanks.trimLeft(text); len(s) > 1 && (s[0] == '|' && s[1] == ' ' || s[0] == '!') {
		return s[1:], true
	}
	for _, m := range plutoBars {
		if i := m.in(text); i >= 0 && i <= 100 {
			return text[i+3:], true
		}
	}
	return nil, false
}

var (
	plutoBars     = []mark{{": | ", 2}, {": !", 2}}
	plutoRepeated = mark{" repeated ", 3}
)

// plutoLabel takes "Skeyid_e:  b0 16 …" apart.
func plutoLabel(s []byte) (value plutoValue, rest []byte, ok bool) {
	for _, l := range plutoLabels {
		if len(s) == 0 || s[0] != l.text[0] {
			continue
		}
		if rest, ok := bytes.CutPrefix(s, []byte(l.text)); ok {
			rest = bytes.TrimLeft(rest, ":")
			if len(rest) > 0 && rest[0] != ' ' && l.text != "enckey:" {
				return plutoNone, nil, false
			}
			return l.value, rest, true
		}
	}
	return plutoNone, nil, false
}

func (p *pluto) line(n int, text []byte) bool {
	text = spaces.trimRight(text)
	msg, ok := plutoDebug(text)
	if !ok {
		return p.message(text)
	}
	p.debug = true
	if p.dump.value != plutoNone && p.row(msg) {
		return true
	}
	s := bytes.TrimLeft(msg, " ")
	if value, rest, ok := plutoLabel(s); ok {
		if p.again(value, rest) {
			return true
		}
		// Rows with the same label are of one value.
		p.dump.damaged = p.dump.damaged || value == p.dump.value && len(p.dump.got) == 16
		p.finish(value)
		p.label(n, value, s, rest)
		return true
	}
	if p.dump.value >= plutoSkeyid && plutoCollapsed(s) {
		p.collapsed, p.dump.damaged = true, true
		return true
	}
	p.finish(plutoNone)
	if p.ike != nil && n-p.ikeLine > plutoPhase1Lines {
		p.phase1Give()
	}
	p.kernel(s)
	return true
}

// row takes a row of the dump at hand.
func (p *pluto) row(msg []byte) bool {
	d := &p.dump
	was := len(d.got)
	if !bytes.HasPrefix(msg, []byte("  ")) {
		return false
	}
	got, rest := dumpRow(d.got, msg, 16)
	if len(got) == was {
		return false
	}
	if len(trimLine(rest)) > 0 && len(got)-was < 16 && !bytes.HasPrefix(rest, []byte("   ")) {
		d.damaged = d.damaged || len(got)-was > 2 // else these are words
		return d.damaged
	}
	d.add(got)
	return true
}

// again takes a row of the dump at hand that has the label before it too.
func (p *pluto) again(value plutoValue, rest []byte) bool {
	d := &p.dump
	if d.value != value || value < plutoSkeyid || len(d.got) == 0 || d.last != d.size || d.damaged {
		return false
	}
	got, tail := dumpRow(d.got, rest, d.size)
	if len(got) == len(d.got) || len(trimLine(tail)) > 0 || len(got) > maxValue {
		return false
	}
	d.add(got)
	p.joined = p.joined || d.last == d.size
	return true
}

// plutoCollapsed reports whether a line is bytes of two digits each: a row that lost blanks.
func plutoCollapsed(s []byte) bool {
	if len(s) < 5 {
		return false
	}
	for w := range bytes.FieldsSeq(s) {
		if len(w) != 2 || notHex(w) > 0 {
			return false
		}
	}
	return true
}

// label begins a dump.
func (p *pluto) label(n int, value plutoValue, s, rest []byte) {
	switch {
	case value == plutoSkeyid, value >= plutoOurKeymat:
		p.phase1Give()
	case value == plutoInitiator && p.ike != nil:
		p.phase1Give()
	}
	switch {
	case value >= plutoSkeyid && value <= plutoEncKey:
		p.seen.name(int(value - plutoSkeyid))
	case value == plutoIV:
		p.seen |= seenIV
	}
	d := &p.dump
	*d = plutoDump{value, string(trimLine(s[:len(s)-len(rest)])), rowsBelow(n, 16, d.got)}
	if digits, ok := hexDigits(d.got, trimLine(rest)); ok && len(digits) > 1 {
		d.got = digits
		if over := len(digits) % d.size; over > 0 { // as if it stood in rows
			d.last = over
		}
	} else if len(trimLine(rest)) > 0 {
		got, tail := dumpRow(d.got, rest, d.size)
		if len(got) > 0 {
			d.add(got)
		}
		if len(trimLine(tail)) > 0 && len(got) < 16 && !bytes.HasPrefix(tail, []byte("   ")) {
			d.damaged = true
		}
	}
}

// finish takes the value at hand; next is what follows it.
func (p *pluto) finish(next plutoValue) {
	d := &p.dump
	if d.value == plutoNone {
		return
	}
	value := d.value
	d.value = plutoNone
	if value >= plutoSkeyid && value <= plutoSkeyidE && len(d.got) > 16 && next != value+1 && next != plutoNone {
		// Its last row may be of the value whose line with the label is missing.
		d.damaged = true
	}
	if d.damaged || len(d.got) == 0 {
		p.damaged(value)
		return
	}
	switch value {
	case plutoInitiator, plutoResponder:
		p.cookie(value, d.got)
	case plutoSkeyid, plutoSkeyidD, plutoSkeyidA, plutoSkeyidE, plutoEncKey:
		if p.ike == nil {
			p.ike = &ikev1.Secret{Origin: p.out.origin(d.line)}
		}
		p.ikeLine = d.line
		*phase1Keys(p.ike)[value-plutoSkeyid] = esp.NewKey(d.got)
		if value == plutoSkeyidE {
			p.ike.Origin = p.out.origin(d.line)
		}
	case plutoIV:
		p.phase1Give()
	case plutoOurKeymat:
		p.keymatGive()
		p.ourKeymat = plutoKeymat{line: d.line, bytes: bytes.Clone(d.got)}
	case plutoPeerKeymat:
		if len(p.peerKeymat.bytes) > 0 {
			p.keymatGive()
		}
		p.peerKeymat = plutoKeymat{line: d.line, bytes: bytes.Clone(d.got)}
	case plutoESPEnc:
		if p.half.line != 0 {
			p.halfLost()
		}
		p.half.key, p.half.line = bytes.Clone(d.got), d.line
	case plutoESPAuth:
		p.half.line, p.half.authKey = cmp.Or(p.half.line, d.line), bytes.Clone(d.got)
	}
}

// damaged tells of a value, the one at hand, whose rows are not whole.
func (p *pluto) damaged(value plutoValue) {
	d := &p.dump
	label := strings.TrimSuffix(d.label, ":")
	switch {
	case p.collapsed && p.out.bad > 0:
	case p.collapsed:
		p.out.note(d.line, "the blanks of this log are collapsed, as where it was copied from a web page, so that "+
			"the rows of a key can't be told from other lines: give the log as pluto wrote it")
	case value < plutoSkeyid && d.damaged:
		p.out.note(d.line, label+": bytes of another value follow it, without their label")
	case value >= plutoSkeyid && value != plutoIV && !(len(d.got) == 0 && value == plutoESPAuth):
		p.out.note(d.line, label+": its rows are damaged")
	}
}

// cookie takes a cookie of the message at hand.
func (p *pluto) cookie(value plutoValue, got []byte) {
	if len(got) != len(p.initiator) {
		return
	}
	c := ikev1.Cookie(got)
	if value == plutoResponder {
		p.responder = c
	} else if c != p.initiator {
		p.initiator, p.responder = c, ikev1.Cookie{}
	}
}

// phase1Give gives the keys of phase 1 out.
func (p *pluto) phase1Give() {
	s, joined := p.ike, p.joined
	p.ike, p.joined = nil, false
	if s != nil {
		p.seen.checkGaps(p.out, s.Origin.Line)
	}
	p.seen = 0
	if s != nil && joined && phase1Count(s) <= 1 {
		p.out.note(s.Origin.Line, "the rows of a value have its label each, and no other value stands beside it: they "+
			"may be of several negotiations")
		return
	}
	if s != nil && s.SKEYIDe.IsZero() && s.Ka.IsZero() &&
		(s.SKEYID.Len() == 16 || s.SKEYIDd.Len() == 16 || s.SKEYIDa.Len() == 16) {
		p.out.note(s.Origin.Line, "no Skeyid_e and no enc key follow these values of phase 1, and rows of them may be missing")
		return
	}
	if s != nil && checkPhase1(p.out, s) {
		s.InitiatorCookie, s.ResponderCookie, s.Peer = p.initiator, p.responder, p.peer
		p.out.ike(s)
	}
}

// message takes a line that is not of the debug log.
func (p *pluto) message(text []byte) bool {
	if plutoRepeated.in(text) >= 0 &&
		(bytes.Contains(text, []byte(" message repeated ")) || bytes.HasSuffix(trimLine(text), []byte(" times"))) {
		p.dump.damaged = true // rows that are equal may be collapsed
		return false
	}
	mine := func(mark string) bool { return bytes.Contains(text, []byte(mark)) }
	if !slices.ContainsFunc([]string{"pluto[", `" #`, "{ESP", `"[`}, mine) {
		return false
	}
	p.finish(plutoNone)
	p.phase1Give()
	return p.established(text)
}

// close takes the end of the log.
func (p *pluto) close() {
	p.finish(plutoNone)
	p.phase1Give()
	p.keymatGive()
	p.halfLost()
}

// near says why there was no key.
func (p *pluto) near() string {
	if p.debug {
		return p.out.lack("a pluto log, but without keys: set plutodebug=all,private (libreswan shows only those of " +
			"ESP, never those of IKEv1)")
	}
	return ""
}
