package keysrc

import (
	"bytes"
	"net/netip"
	"strconv"

	"l2tpdump/esp"
	"l2tpdump/ikev1"
)

// What a thread says of the packet and of the SA that it works on, and the keys of phase 1.

// manager takes "checkout IKEv1 SA with SPIs 5829d9833cfb3f3c_i 241f4d50d477c2fd_r".
func (t *charonThread) manager(msg []byte) {
	rest, ok := after(msg, "checkout IKEv1 SA with SPIs ")
	if !ok {
		return
	}
	i, rest := word(rest)
	r, _ := word(rest)
	i, isI := bytes.CutSuffix(i, []byte("_i"))
	r, isR := bytes.CutSuffix(r, []byte("_r"))
	if initiator, responder, ok := parseCookies(i, r); ok && isI && isR {
		t.phase1Give()
		t.initiator, t.responder, t.checkedOut = initiator, responder, true
	}
}

// net takes "received packet: from 203.0.113.10[500] to 203.0.113.1[500] (180 bytes)". With it
// begins other work.
func (c *charon) net(t *charonThread, msg []byte) {
	received := bytes.HasPrefix(msg, []byte("received packet: from "))
	if !received && !bytes.HasPrefix(msg, []byte("sending packet: from ")) {
		return
	}
	if t.untagged { // the packet may be another thread's
		if t.ikeReady {
			t.phase1Give()
		}
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
		t.quick, t.roleKnown, t.received = false, false, true
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
	if parsed && !t.received {
		t.from, t.to = netip.AddrPort{}, netip.AddrPort{}
	}
	t.received = t.received && !parsed
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
	t.mine, t.roleKnown = (string(kind) == "request") != parsed, !t.untagged
}

// phase1 takes one of the keys that phase 1 yields.
func (t *charonThread) phase1(d *charonDump) {
	if t.ike != nil && t.ikeReady {
		t.phase1Give()
	}
	if t.ike == nil {
		t.ike = &ikev1.Secret{Origin: t.out.origin(d.line)}
	}
	if t.ike.Origins == nil {
		t.ike.Origins = make(map[string]esp.Origin)
	}
	i := int(d.value - charonSKEYID)
	t.ike.Origins[phase1Names[i]] = t.out.origin(d.line)
	*phase1Keys(t.ike)[i] = esp.NewKey(d.got)
	if d.value == charonSKEYIDe {
		t.ike.Origin = t.out.origin(d.line)
	}
}

// phase1Done says that all keys of phase 1 that the log has are there.
func (t *charonThread) phase1Done() {
	t.ikeReady = true
	t.cookies()
}

// cookies gives the keys of phase 1 out if they were waiting for their cookies.
func (t *charonThread) cookies() {
	if t.ikeReady && t.initiator != (ikev1.Cookie{}) && (!t.untagged || t.ike == nil || t.proved()) {
		t.phase1Give()
	}
}

// phase1Give gives the keys of phase 1 out, with cookies or without.
func (t *charonThread) phase1Give() {
	s := t.ike
	if s != nil && t.untagged && !t.proved() {
		t.initiator, t.responder = ikev1.Cookie{}, ikev1.Cookie{}
	}
	t.ike, t.ikeReady = nil, false
	if s == nil || phase1Count(s) == 0 {
		return // IKEv2 has a shared secret too, and other names for what follows
	}
	s.InitiatorCookie, s.ResponderCookie = t.initiator, t.responder
	s.Peer = t.from.Addr()
	t.out.ike(s)
}
