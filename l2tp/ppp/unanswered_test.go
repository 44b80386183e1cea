package ppp

import (
	"bytes"
	"testing"
)

// TestAckLost: what an end has asked for is in use though the other's answer was not captured.
func TestAckLost(t *testing.T) {
	packets := traffic(6)
	for name, newSender := range senders(t) {
		p, s := newPair(t), newSender()
		p.control(0, protocolLCP, codeConfigureAck, 1, lcpAuthentication, 5, 0xc2, 0x23, msCHAPv2)
		p.logIn()
		p.control(1, protocolCCP, codeConfigureRequest, 1, s.option...)
		for i, packet := range packets {
			if state, out := p.send(0, protocolCompressed, s.packet(plainFrame(packet))); state != Expanded || !bytes.Equal(out[0], packet) {
				t.Fatalf("%s: packet %d: %v", name, i, state)
			}
		}
	}
	p, s := newPair(t), senders(t)["deflate"]()
	p.control(1, protocolCCP, codeConfigureRequest, 1, s.option...)
	p.control(0, protocolCCP, codeConfigureReject, 1, s.option...)
	if b := p.link.bundle; b.unanswered(0, []byte{0, 0}) {
		t.Error("what was rejected is in use")
	}
}

// TestLinkHalfKnown: a link is one of its bundle though the answer to its request was lost, or the
// name of its user.
func TestLinkHalfKnown(t *testing.T) {
	for _, name := range []string{"", "alice", "bob"} {
		x := NewExpander(nil)
		links := []*Link{x.NewLink(ends[0], ends[1]), x.NewLink(ends[0], ends[1])}
		for i, l := range links {
			p := &pair{t: t, x: x, link: l}
			for end := range 2 {
				options := []byte{lcpMRRU, 4, 5, 220, lcpEndpoint, 9, 3, 2, 0, 0, 0, 0, byte(end)}
				p.control(end, protocolLCP, codeConfigureRequest, 1, options...)
				if i == 0 || end == 0 {
					p.control(1-end, protocolLCP, codeConfigureAck, 1, options...)
				}
			}
			user := name
			if i == 0 {
				user = "alice"
			}
			if user != "" {
				p.control(0, protocolPAP, 1, 1, append([]byte{byte(len(user))}, user+"\x01x"...)...)
			}
			p.control(1, protocolPAP, 2, 1, 0)
		}
		if same := links[0].bundle == links[1].bundle; same != (name != "bob") {
			t.Errorf("%q: one bundle: %v", name, same)
		}
		links[0].Close()
		links[1].Close()
		if len(x.bundles) != 0 {
			t.Errorf("%q: bundles are left", name)
		}
	}
}
