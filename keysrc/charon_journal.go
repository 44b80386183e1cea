package keysrc

import (
	"bytes"

	"l2tpdump/keysrc/redaction"
)

// charon-systemd writes to the journal without tags. A dump is one message of several lines, which
// journalctl indents; with -o cat there is nothing before a message:
//
//	Jun 20 14:29:47 gw charon-systemd[2428]: SKEYID_e => 20 bytes @ 0x7fb518046f90
//	                                            0: BB 7F 92 5E 3A 06 D1 AC FE 00 BB D2 54 17 1A 4B  ...^:.......T..K
//
// A dump is whole, but nothing tells which thread a message is of. So a cookie is taken only where
// the keys prove it, a direction only where the seed of the key names its SPI, and values that
// threads may have mixed are left out.

// charonMessage returns the daemon and the message of a line without a tag. Syslog puts
// "name[1234]: ", "name: " or "name 1234 - - " before it.
func charonMessage(text []byte) (daemon, msg []byte) {
	head := text[:min(len(text), 120)]
	for _, end := range []string{"]: ", ": ", " - - "} {
		i := bytes.Index(head, []byte(end))
		if i < 0 {
			continue
		}
		name := head[1+bytes.LastIndexByte(head[:i], ' ') : i]
		if end == " - - " {
			name = head[1+bytes.LastIndexByte(head[:max(0, i-len(name)-1)], ' ') : i]
		}
		if bytes.HasPrefix(name, []byte("charon")) || bytes.HasPrefix(name, []byte("ipsec")) || end == "]: " {
			return name, text[i+len(end):]
		}
	}
	return nil, text
}

// matchCharonMessage knows the first line of a dump by its label and its number of bytes.
func matchCharonMessage(text []byte) bool {
	if _, _, ok := charonArrow(text); !ok {
		return false
	}
	_, msg := charonMessage(text)
	label, size, ok := charonArrow(msg)
	return ok && charonLabels[string(label)] != charonOther &&
		(bytes.Contains(size, []byte(" bytes @ ")) || redaction.Value(string(size)))
}

// bareTag reports whether a line begins with a tag without a thread, as swanctl prints it: "[ENC]
// ".
func bareTag(text []byte) bool {
	return len(text) > 6 && text[0] == '[' && upper(text[1]) && upper(text[2]) && upper(text[3]) && text[4] == ']' &&
		text[5] == ' '
}

// untagged takes a line without a tag.
func (c *charon) untagged(n int, text []byte) bool {
	if bareTag(text) {
		c.out.swanctl = c.out.swanctl || !bytes.HasPrefix(text, []byte("[IKE]"))
		return true
	}
	if len(trimLine(text)) == 0 {
		return false
	}
	daemon, msg := charonMessage(text)
	if daemon == nil {
		daemon = c.journal // of the last line: rows have none
	} else if !bytes.HasPrefix(daemon, []byte("charon")) && !bytes.HasPrefix(daemon, []byte("ipsec")) {
		return false
	}
	t := c.thread(daemon, nil)
	c.journal = append(c.journal[:0], daemon...)
	_, _, row := charonRow(msg)
	_, value, _ := charonArrow(msg)
	_, dump := charonSize(value)
	t.untagged = true
	c.message(t, n, nil, lineEnds.trimRight(msg))
	return dump || row && t.dump.label != "" || bytes.HasPrefix(daemon, []byte("charon-systemd"))
}

// inOrder reports whether the value of a dump comes next in its group, the keys of phase 1 or those
// of a pair of ESP SAs: charon writes them in one go. Where two threads write at once their values
// are left out, until a group begins behind a whole one.
func (t *charonThread) inOrder(n int, value charonValue) bool {
	var g *charonGroup
	whole := false
	switch {
	case value >= charonShared && value <= charonIV:
		g = &t.groups[0]
		whole = g.at >= charonKa
	case value >= charonSeedInitiator:
		g = &t.groups[1]
		whole = g.at == charonAuthResponder || g.at == charonKeyResponder && t.childAt().auth == ""
	default:
		return true
	}
	if whole || g.at == charonOther {
		g.mixed = false
	} else if value != g.at+1 {
		if !g.mixed {
			t.out.note(n, "values of several connections are mixed: a journal does not tell whose they are")
		}
		g.mixed = true
	}
	if g.at = value; g.mixed && g == &t.groups[0] {
		t.ike, t.ikeReady = nil, false
	} else if g.mixed {
		t.child = nil
	}
	return !g.mixed
}

// A charonGroup is how far the values of a group have come.
type charonGroup struct {
	at    charonValue
	mixed bool
}

// proved reports whether SKEYID_d is made with the cookies at hand (RFC 2409 section 5).
func (t *charonThread) proved() bool {
	s := *t.ike
	s.InitiatorCookie, s.ResponderCookie = t.initiator, t.responder
	return s.GivesSKEYIDd()
}
