package sessions

import (
	"fmt"
	"slices"

	"l2tpdump/l2tp/ppp"
)

// question is a message of PPP that asks for an answer with its number.
type question struct {
	protocol uint16
	id       uint8
}

// asking is the last ones of a side, the latest first.
type asking [8]question

// answers says what a code of a control protocol of PPP is.
func answers(protocol uint16, code uint8) (asks, answers bool) {
	switch protocol {
	case protocolPAP:
		return code == papRequest, code == papAck || code == papNak
	case protocolCHAP, protocolEAP: // of both 2 answers 1, and 3 or 4 answers 2
		return code <= chapResponse, code >= chapResponse
	}
	switch code {
	case confReq, termReq, echoReq:
		return true, false
	case confAck, confNak, confRej, termReq + 1, echoRep:
		return false, true
	}
	return false, false
}

// converse takes note of a message of PPP that asks or answers. It reports whether it answers what
// was not captured.
func (l *link) converse(protocol uint16, k *ppp.Control, sender int) (unasked bool) {
	q := question{protocol, k.ID}
	asks, is := answers(protocol, k.Code)
	if asks {
		of := &l.asked[sender]
		copy(of[1:], of[:])
		of[0] = q
	}
	return is && !slices.Contains(l.asked[1-sender][:], q)
}

// halved is a side of which nothing was captured from some place on, though the other goes on as if
// it heard it, or as far as can be told without keys; ok: there is one.
func (s *Session) halved() (side int, from place, ok bool) {
	const some, much = 2, 50 // answers; packets of users that can't be read
	for side := range s.alone {
		a := &s.alone[1-side]
		if s.unasked[1-side] >= some || s.negotiatesAlone(1-side) ||
			a.n >= some && s.spoke[1-side] > 0 && s.negotiates() || // who sends users' packets is up
			!s.readable() && a.n >= much && !s.asksByIKE(1-side) {
			return side, a.first, true
		}
	}
	return 0, place{}, false
}

// holed says that packets of a session which can be read are missing between those that were
// captured: that it did not come up may be in them.
func (s *Session) holed() bool {
	return s.holes > 0 || s.readable() && (s.lacks(client) || s.lacks(server))
}

// lacks says that ESP which a side sent is not in the capture, by its sequence numbers.
func (s *Session) lacks(side int) bool {
	return slices.ContainsFunc(s.flows, func(f *flow) bool {
		return f.sender == side && (f.opened > 0 || !f.refused) && (f.window.Missing() > 0 || !s.late && f.window.Low() > 1)
	})
}

// negotiatesAlone says that a side, which nobody can read, goes on in IKE as it does only when it
// was answered, though no answer was captured.
func (s *Session) negotiatesAlone(side int) bool {
	if s.readable() || !s.alone[side].seen() || !s.cameUp() {
		return false
	}
	goesOn := func(answer, next *span) bool {
		return !answer.seen() && next.seen() && next.first.time >= s.alone[side].first.time
	}
	for _, x := range s.exchanges {
		if x.initiator == side && !x.late && goesOn(&x.messages[2], &x.messages[3]) {
			return true
		}
		for _, q := range x.quicks {
			if q.sender == side && goesOn(&q.messages[2], &q.messages[3]) {
				return true
			}
		}
	}
	return false
}

// halfCaptured says so.
func halfCaptured(s *Session) *proof {
	side, from, ok := s.halved()
	if !ok && !s.readable() {
		if side, ok = s.unheard(); ok {
			a := &s.alone[1-side]
			from, ok = a.first, a.lasted() >= long && !s.asks(1-side)
		}
	}
	if !ok || !s.cameUp() {
		return nil
	}
	return proven(nil, "%s", halfText(s, side, from))
}

func halfText(s *Session, side int, from place) string {
	text := fmt.Sprintf("from frame %d on no packet of %s was captured, and %s goes on",
		from.frame, s.who(side), s.who(1-side))
	if s.readable() || s.unasked[1-side] > 0 || s.negotiatesAlone(1-side) {
		return text + " as if it heard it"
	}
	return text + ": without keys that does not show whether it still hears it"
}

// saidNo says that one end refused a login, in words that were read.
func (s *Session) saidNo() bool {
	l := s.link()
	return l != nil && (l.auth.refused.seen() || l.auth.unproved.seen())
}
