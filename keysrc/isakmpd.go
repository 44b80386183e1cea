package keysrc

import (
	"bytes"

	"l2tpdump/esp"
	"l2tpdump/ikev1"
)

// The debug output of OpenBSD's isakmpd -D A=99, on the terminal or in syslog:
//
//	071518.619884 Exch 10 exchange_setup_p1: icookie 631827ec0fefc720 rcookie 57b5e187a6225cec
//	071518.619884 Negt 80 ike_phase_1_post_exchange_KE_NONCE: SKEYID_e:
//	071518.619884 Negt 80 bb7f925e 3a06d1ac fe00bbd2 54171a4b
//	071518.619884 Negt 80 06955b69
//
// A row has 16 bytes; the length of a value stands nowhere.
var isakmpdFormat = Format{
	Name:  "isakmpd",
	Title: "OpenBSD isakmpd",
	Looks: "Negt 80 lines with SKEYID_e, which take isakmpd -D A=99",
	holds: cluesOf(isakmpdPhase1.text),
	match: func(line []byte) bool {
		return isakmpdPhase1.in(line) >= 0
	},
	new: func(out *output) parser { return &isakmpd{out: out, value: -1} },
}

var isakmpdPhase1 = mark{"phase_1_post_exchange_KE_NONCE: ", 22}

type isakmpd struct {
	out                  *output
	initiator, responder ikev1.Cookie // of the exchange that was set up last
	ike                  *ikev1.Secret
	seen                 phase1Seen
	value                int // being read, as in phase1Names; -1 none
	rows                 hexRows
}

// isakmpdMessage returns what follows "Negt 80 ": a class of four letters and a level.
func isakmpdMessage(text []byte) (msg []byte, ok bool) {
	for _, class := range []string{"Negt ", "Exch ", "Mesg ", "Misc ", "Cryp ", "SA   ", "Timr ", "Trpt ", "Sdep ", "Plcy "} {
		i := bytes.Index(text, []byte(class))
		if i < 0 || i > 120 || i > 0 && text[i-1] != ' ' {
			continue
		}
		level, rest := word(text[i+len(class):])
		if len(level) > 0 && len(level) <= 2 && digit(level[0]) && digit(level[len(level)-1]) {
			return trimLine(rest), true
		}
	}
	return nil, false
}

func (p *isakmpd) line(n int, text []byte) bool {
	msg, ok := isakmpdMessage(text)
	if !ok {
		return false
	}
	if p.value >= 0 && p.ike != nil && p.rows.words(msg, true) {
		return true
	}
	p.finish()
	if rest, ok := after(msg, "exchange_setup_p1: icookie "); ok {
		p.give()
		i, rest := word(rest)
		r, named := bytes.CutPrefix(bytes.TrimLeft(rest, " "), []byte("rcookie "))
		if p.initiator, p.responder, ok = parseCookies(i, r[:min(len(r), 16)]); !ok || !named {
			p.initiator, p.responder = ikev1.Cookie{}, ikev1.Cookie{}
		}
		return true
	}
	rest, ok := isakmpdPhase1.after(msg)
	if !ok {
		return true
	}
	for i, name := range phase1Names[:4] {
		if string(rest) != name+":" {
			continue
		}
		if i == 0 {
			p.give()
		}
		if p.ike == nil {
			p.ike = &ikev1.Secret{Origin: p.out.origin(n)}
		}
		p.seen.name(i)
		p.value, p.rows = i, rowsBelow(n, 16, p.rows.got)
	}
	return true
}

// finish takes the value at hand.
func (p *isakmpd) finish() {
	i := p.value
	if p.value = -1; i < 0 || p.ike == nil {
		return
	}
	if p.rows.damaged || len(p.rows.got) == 0 {
		p.out.note(p.rows.line, phase1Names[i]+": its rows are damaged")
		return
	}
	*phase1Keys(p.ike)[i] = esp.NewKey(p.rows.got)
	if i == 3 {
		p.ike.Origin = p.out.origin(p.rows.line)
		p.give()
	}
}

// give gives the keys of phase 1 out.
func (p *isakmpd) give() {
	s := p.ike
	p.ike = nil
	if s == nil {
		return
	}
	for _, i := range [...]int{0, 3} { // the first and the last, which are not between others
		if !p.seen.has(i) {
			p.out.note(s.Origin.Line, phase1Names[i]+" is missing beside the others: a line of the log is lost")
		}
	}
	p.seen.checkGaps(p.out, s.Origin.Line)
	if checkPhase1(p.out, s) {
		s.InitiatorCookie, s.ResponderCookie = p.initiator, p.responder
		p.out.ike(s)
	}
}

func (p *isakmpd) close() {
	p.finish()
	p.give()
}

func (p *isakmpd) near() string {
	return p.out.lack("isakmpd's output, but without SKEYID_e: it takes isakmpd -D A=99")
}
