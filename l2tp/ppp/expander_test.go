package ppp

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"

	"l2tpdump/testdata/race"
)

// pair is two ends that speak PPP to each other, and the Expander that listens.
type pair struct {
	t        testing.TB
	x        *Expander
	link     *Link
	position Position // of what is sent
}

var ends = [2]netip.AddrPort{netip.MustParseAddrPort("192.0.2.1:1701"), netip.MustParseAddrPort("192.0.2.2:1701")}

func newPair(t testing.TB) *pair {
	secrets, err := ReadSecrets(strings.NewReader("User * clientPass\n"), "chap-secrets")
	if err != nil {
		t.Fatal(err)
	}
	x := NewExpander(secrets)
	return &pair{t: t, x: x, link: x.NewLink(ends[0], ends[1])}
}

// send lets an end send a frame, and returns copies of the packets that came out.
func (p *pair) send(end int, protocol uint16, payload []byte) (State, [][]byte) {
	p.t.Helper()
	return sendAt(p.t, p.link, p.position, end, protocol, payload)
}

func sendOn(t testing.TB, l *Link, end int, protocol uint16, payload []byte) (State, [][]byte) {
	t.Helper()
	return sendAt(t, l, Position{}, end, protocol, payload)
}

func expand(l *Link, end int, f *Frame, frame []byte) (r Result) {
	l.Expand(&r, end, f, frame)
	return r
}

func sendAt(t testing.TB, l *Link, position Position, end int, protocol uint16, payload []byte) (State, [][]byte) {
	t.Helper()
	frame := append(binary.BigEndian.AppendUint16([]byte{0xff, 0x03}, protocol), payload...)
	var f Frame
	if err := f.Decode(frame); err != nil {
		t.Fatal(err)
	}
	f.Position = position
	r := expand(l, end, &f, frame)
	var out [][]byte
	for _, packet := range r.Packets {
		out = append(out, bytes.Clone(packet.Data))
	}
	return r.State, out
}

// control sends a packet of a control protocol.
func (p *pair) control(end int, protocol uint16, code, id byte, data ...byte) {
	p.t.Helper()
	p.send(end, protocol, append([]byte{code, id, 0, byte(4 + len(data))}, data...))
}

// agree has both ends ask for an option, and acknowledge it.
func (p *pair) agree(protocol uint16, options ...byte) {
	p.t.Helper()
	for end := range 2 {
		p.control(end, protocol, codeConfigureRequest, 1, options...)
		p.control(1-end, protocol, codeConfigureAck, 1, options...)
	}
}

// logIn is the exchange of RFC 2759 section 9.2; end 0 is the client, and is let in.
func (p *pair) logIn() {
	p.t.Helper()
	p.respond()
	p.control(1, protocolCHAP, 3, 9, []byte("S=407A5589115FD0D6209F510FE9C04566932CDA56")...)
}

// respond is the challenge and the response to it.
func (p *pair) respond() {
	p.t.Helper()
	value := append(unhex(p.t, "21402324255e262a28295f2b3a337c7e0000000000000000"+
		"82309ecd8d708b5ea08faa3981cd83544233114a3d85d6df00"), "User"...)
	p.control(1, protocolCHAP, 1, 9, append(append([]byte{16}, unhex(p.t, "5b5d7c7d7b3f2f3e3c2c602132262628")...), "lns"...)...)
	p.control(0, protocolCHAP, 2, 9, append([]byte{49}, value...)...)
}

// traffic makes packets that compress well.
func traffic(n int) (packets [][]byte) {
	r := rand.New(rand.NewPCG(5, 6))
	for i := range n {
		packets = append(packets, tcpPacket(2000, uint16(i), uint32(i*1000), 7, 500, 0x18, words(r, 100+r.IntN(300))))
	}
	return packets
}

// sender makes frames of protocol 00fd.
type sender struct {
	option []byte // of CCP
	packet func(frame []byte) []byte
	reset  func() // what a Reset-Request makes it do
	alone  bool   // a lost packet costs no other
	acks   bool   // the reset takes effect with a Reset-Ack
}

// senders are all compressions with what sends them.
func senders(t testing.TB) map[string]func() *sender {
	microsoft := func(options uint32, linux bool) func() *sender {
		return func() *sender {
			s := &sender{option: binary.BigEndian.AppendUint32([]byte{ccpMPPE, 6}, options), alone: options&mppeStateless != 0}
			keys := keysV2(secret("clientPass").ntHashes()[0], unhex(t, "82309ecd8d708b5ea08faa3981cd83544233114a3d85d6df"))
			cipher := newMPPECipher(options, keys, 0)
			var history []byte
			count := uint16(0)
			flush := !linux
			s.packet = func(frame []byte) []byte {
				header := uint16(0)
				if flush {
					history = nil
				}
				if options&mppeMPPC != 0 {
					if len(history)+len(frame) > mppcSize {
						history, header = nil, mppeRestart
						flush = true // simpler than to keep what is behind the front
					}
					packed := mppcCompress(history, frame)
					history = append(history, frame...)
					frame, header = packed, header|mppeCompressed
				}
				if cipher != nil {
					packet := cipher.encrypt(frame, flush, linux)
					flush = s.alone
					binary.BigEndian.PutUint16(packet, binary.BigEndian.Uint16(packet)|header)
					return packet
				}
				if flush {
					header |= mppeFlushed
				}
				flush = false
				header |= count
				count = (count + 1) & mppeCountMask
				return append(binary.BigEndian.AppendUint16(nil, header), frame...)
			}
			s.reset = func() { flush = true }
			return s
		}
	}
	return map[string]func() *sender{
		"deflate": func() *sender {
			c := newDeflateSender()
			return &sender{
				option: []byte{ccpDeflate, 4, 7<<4 | 8, 0}, acks: true,
				packet: func(frame []byte) []byte { return c.packet(t, frame) },
				reset:  c.reset,
			}
		},
		"bsd": func() *sender {
			c := &bsdSender{bsdDictionary: newBSDDictionary(10)}
			return &sender{
				option: []byte{ccpBSD, 3, 1<<5 | 10}, acks: true,
				packet: func(frame []byte) []byte { return c.packet(frame[0], frame[1:]) },
				reset:  func() { *c = bsdSender{bsdDictionary: newBSDDictionary(10)} },
			}
		},
		"mppc":                    microsoft(mppeMPPC, false),
		"mppe-128 stateless":      microsoft(mppe128|mppeStateless, false),
		"mppe-56 stateful":        microsoft(mppe56, false),
		"mppe-40 stateful, Linux": microsoft(mppe40, true),
		"mppe-128 mppc":           microsoft(mppe128|mppeMPPC, false),
		"mppe-40 mppc stateless":  microsoft(mppe40|mppeMPPC|mppeStateless, false),
	}
}

// connect brings a session up in which both ends send like s.
func (p *pair) connect(s *sender) {
	p.t.Helper()
	p.agree(protocolLCP, lcpAuthentication, 5, 0xc2, 0x23, msCHAPv2)
	p.logIn()
	p.agree(protocolCCP, s.option...)
}

func plainFrame(packet []byte) []byte { return append([]byte{ProtocolIP}, packet...) }

// TestEachLoss drops each packet in turn. It costs what the protocol says: the packets until the
// reset, and of a stateless one none but itself.
func TestEachLoss(t *testing.T) {
	const notice = 3 // packets until the sender has heard of the loss
	packets := traffic(24)
	for name, newSender := range senders(t) {
		t.Run(name, func(t *testing.T) {
			for lost := -1; lost < len(packets)-notice-1; lost++ {
				p, s := newPair(t), newSender()
				p.connect(s)
				var got, want [][]byte
				for i, packet := range packets {
					if lost >= 0 && i == lost+notice+1 && !s.alone {
						p.control(1, protocolCCP, codeResetRequest, 7)
						s.reset()
						p.control(0, protocolCCP, codeResetAck, 7)
					}
					frame := s.packet(plainFrame(packet))
					if i == lost {
						continue
					}
					if lost < 0 || i < lost || s.alone || i > lost+notice {
						want = append(want, packet)
					}
					_, out := p.send(0, protocolCompressed, frame)
					got = append(got, out...)
				}
				if !slices.EqualFunc(got, want, bytes.Equal) {
					t.Fatalf("packet %d lost: %d packets, want %d", lost, len(got), len(want))
				}
				c := p.x.Counts()
				if lost >= 0 && !s.alone && c.States[Waiting] != notice || c.States[Expanded] != uint64(len(want)) || c.States[Held] != 0 {
					t.Fatalf("packet %d lost: %v", lost, c)
				}
				if lost >= 0 && !s.acks && c.Lost != 1 {
					t.Fatalf("packet %d lost: %v", lost, c)
				}
			}
		})
	}
}

// TestEachOvertaken has each packet overtake the one before it: all are there, once; and each
// repeated: no packet comes twice.
func TestEachOvertaken(t *testing.T) {
	packets := traffic(20)
	for name, newSender := range senders(t) {
		for early := 1; early < len(packets); early++ {
			for _, repeated := range []bool{false, true} {
				p, s := newPair(t), newSender()
				p.connect(s)
				var frames, got [][]byte
				for _, packet := range packets {
					frames = append(frames, s.packet(plainFrame(packet)))
				}
				if repeated {
					frames = slices.Insert(frames, early, frames[early-1])
				} else {
					frames[early-1], frames[early] = frames[early], frames[early-1]
				}
				for _, frame := range frames {
					_, out := p.send(0, protocolCompressed, frame)
					got = append(got, out...)
				}
				slices.SortFunc(got, bytes.Compare)
				want := slices.SortedFunc(slices.Values(packets), bytes.Compare)
				if !slices.EqualFunc(got, want, bytes.Equal) && !(early == 1 && !s.acks && !s.alone && len(got) == len(want)-1) {
					t.Errorf("%s: packet %d: %d packets of %d, %v", name, early, len(got), len(want), p.x.Counts())
				}
			}
		}
	}
}

// TestFlippedBits flips bits in the packets: there is no panic, and no packet with a wrong checksum
// comes out.
func TestFlippedBits(t *testing.T) {
	packets := traffic(12)
	for name, newSender := range senders(t) {
		r := rand.New(rand.NewPCG(7, 8))
		for range 100 {
			p, s := newPair(t), newSender()
			p.connect(s)
			at := r.IntN(len(packets))
			for i, packet := range packets {
				frame := s.packet(plainFrame(packet))
				if i == at {
					bit := r.IntN(8 * len(frame))
					frame[bit/8] ^= 1 << (bit % 8)
				}
				frame = append([]byte{protocolCompressed}, frame...)
				f := Frame{Protocol: protocolCompressed, PayloadStart: 1, PayloadEnd: len(frame)}
				for _, got := range expand(p.link, 0, &f, frame).Packets {
					if got.Protocol == ProtocolIP && (WholeIP(got.Data) == nil || !transportFits(got.Data)) {
						t.Fatalf("%s: a packet with a wrong checksum", name)
					}
				}
			}
		}
	}
}

// mixed are frames of Deflate or BSD-compress, of which each fifth is sent as it is, which both
// count.
func mixed(t testing.TB, p *pair, name string, packets [][]byte) (frames []numbered) {
	deflate, bsd := newDeflateSender(), &bsdSender{bsdDictionary: newBSDDictionary(12)}
	option := []byte{ccpDeflate, 4, 7<<4 | 8, 0}
	if name == "bsd" {
		option = []byte{ccpBSD, 3, 1<<5 | 12}
	}
	p.agree(protocolCCP, option...)
	for i, packet := range packets {
		var frame []byte
		if name == "bsd" {
			frame = bsd.packet(ProtocolIP, packet)
		} else {
			frame = deflate.packet(t, plainFrame(packet))
		}
		f := numbered{uint32(i), protocolCompressed, frame}
		if i%5 == 3 {
			f.protocol, f.payload = ProtocolIP, packet
		}
		frames = append(frames, f)
	}
	return frames
}

// numbered is a frame and its place among those of its sender.
type numbered struct {
	number   uint32
	protocol uint16
	payload  []byte
}

// TestPassed has packets that are sent as they are overtake and be overtaken. Where what carries
// them has numbers, that costs nothing; where it has none, those behind an overtaken one wait, for
// it could be a later one, and another lost.
func TestPassed(t *testing.T) {
	packets := traffic(60)
	for _, name := range []string{"deflate", "bsd"} {
		for _, c := range []struct {
			late, numbers bool
			want          int
		}{{false, false, 48}, {false, true, 48}, {true, true, 48}, {true, false, 11}} {
			p := newPair(t)
			frames := mixed(t, p, name, packets)
			if c.late {
				frames[13], frames[14] = frames[14], frames[13] // it comes behind the one that was compressed after it
				frames[17], frames[18] = frames[18], frames[17] // it comes before the one that was compressed before it
			}
			got := 0
			for _, f := range frames {
				if c.numbers {
					p.position = Position{Counter: 7, Number: f.number, Ordered: true}
				}
				_, out := p.send(1, f.protocol, f.payload)
				got += len(out)
			}
			if got != c.want {
				t.Errorf("%s, %+v: %d packets: %v", name, c, got, p.x.Counts())
			}
		}
	}
}

// TestPassedLoss loses each packet of a stream in which some are sent as they are: none that was
// sent later stands in for it.
func TestPassedLoss(t *testing.T) {
	packets := traffic(60)
	for _, name := range []string{"deflate", "bsd"} {
		for lost := range packets {
			p := newPair(t)
			frames := mixed(t, p, name, packets)
			for i, f := range frames {
				if i == lost {
					continue
				}
				state, out := p.send(1, f.protocol, f.payload)
				if i > lost && len(out) > 0 || len(out) > 0 && !bytes.Equal(out[0], packets[i]) || i > lost && f.protocol == protocolCompressed && state != Held && state != Waiting {
					t.Fatalf("%s: without packet %d, packet %d is %v", name, lost, i, state)
				}
			}
			p.control(1, protocolCCP, codeResetAck, 1)
			if c := p.x.Counts(); lost < 58 && c.Lost != 1 || c.States[Held] != 0 {
				t.Errorf("%s: without packet %d: %v", name, lost, c)
			}
		}
	}
}

// TestCopies: a copy of a frame that the network makes changes nothing, where its carrier shows
// that it is one.
func TestCopies(t *testing.T) {
	p := newPair(t)
	p.agree(protocolIPCP, ipcpCompression, 6, 0, protocolVJCompressed, 15, 0)
	var c vjSender
	window := uint16(9000)
	for i := range 20 { // the window shrinks by what is acknowledged: frames are alike
		packet := tcpPacket(1000, uint16(i), 7, uint32(100*i), window-uint16(100*i), 0x10, nil)
		protocol, payload := c.frame(packet)
		for copies := range 2 {
			p.position = Position{Counter: 1, Number: uint32(i)}
			state, out := p.send(0, protocol, payload)
			if copies == 0 && (len(out) != 1 || !bytes.Equal(out[0], packet)) || copies == 1 && state != Repeated {
				t.Fatalf("copy %d of packet %d: %v", copies, i, state)
			}
		}
	}
}

// TestNegotiatedAnew: what a new negotiation makes void, and what a repeated packet does not.
func TestNegotiatedAnew(t *testing.T) {
	packets := traffic(4)
	begin := func() (*pair, *sender) {
		p, s := newPair(t), senders(t)["deflate"]()
		p.connect(s)
		return p, s
	}
	for name, c := range map[string]struct {
		do   func(p *pair, s *sender)
		want State
	}{
		"repeated request": {func(p *pair, s *sender) { p.control(0, protocolCCP, codeConfigureRequest, 1, s.option...) }, Expanded},
		"repeated ack":     {func(p *pair, s *sender) { p.control(0, protocolCCP, codeConfigureAck, 1, s.option...) }, Expanded},
		"new request":      {func(p *pair, s *sender) { p.control(0, protocolCCP, codeConfigureRequest, 2, s.option...) }, Unknown},
		"terminate":        {func(p *pair, s *sender) { p.control(0, protocolCCP, codeTerminateRequest, 2) }, Unknown},
		"new LCP":          {func(p *pair, s *sender) { p.control(0, protocolLCP, codeConfigureRequest, 2, 1, 4, 5, 220) }, Unknown},
		"repeated LCP": {func(p *pair, s *sender) {
			p.control(0, protocolLCP, codeConfigureRequest, 1, lcpAuthentication, 5, 0xc2, 0x23, msCHAPv2)
		}, Expanded},
	} {
		p, s := begin()
		for _, packet := range packets {
			p.send(0, protocolCompressed, s.packet(plainFrame(packet)))
		}
		c.do(p, s)
		if got, _ := p.send(0, protocolCompressed, s.packet(plainFrame(packets[0]))); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

// TestMidCapture: where nothing was seen of the negotiation, what needs nothing before it is read.
func TestMidCapture(t *testing.T) {
	packets := traffic(8)
	for _, name := range []string{"deflate", "bsd", "mppc"} {
		p, s := newPair(t), senders(t)[name]()
		got := 0
		for i, packet := range packets {
			frame := s.packet(plainFrame(packet))
			if i < 2 {
				continue
			}
			if i == 4 {
				p.control(1, protocolCCP, codeResetRequest, 7)
				s.reset()
				p.control(0, protocolCCP, codeResetAck, 7)
				frame = s.packet(plainFrame(packet))
			}
			_, out := p.send(0, protocolCompressed, frame)
			got += len(out)
		}
		if got != 4 {
			t.Errorf("%s: %d packets, want 4", name, got)
		}
	}
	p, s := newPair(t), senders(t)["mppe-128 stateless"]()
	for _, packet := range packets {
		if state, _ := p.send(0, protocolCompressed, s.packet(plainFrame(packet))); state != Unknown {
			t.Fatalf("encrypted: %v", state)
		}
	}
	if f := p.x.Findings(); len(f) != 1 || f[Finding{State: Unknown}] != 8 {
		t.Errorf("%v", f)
	}
}

// TestPasswords: what is found out of the user's password.
func TestPasswords(t *testing.T) {
	for _, c := range []struct {
		file   string
		refuse bool
		want   Finding
	}{
		{"User * clientPass", false, Finding{}},
		{"User * other", false, Finding{State: NoKey, Proof: ProofWrong, User: "User", Place: "f:1", Compression: "mppe"}},
		{"User * other\n* * clientPass", false, Finding{}},
		{"bob * other", false, Finding{State: NoKey, Proof: ProofUnknown, User: "User", Compression: "mppe"}},
		{"User * other", true, Finding{State: NoKey, User: "User", Place: "f:1", Compression: "mppe"}},
	} {
		secrets, err := ReadSecrets(strings.NewReader(c.file), "f")
		if err != nil {
			t.Fatal(err)
		}
		x := NewExpander(secrets)
		p, s := &pair{t: t, x: x, link: x.NewLink(ends[0], ends[1])}, senders(t)["mppe-128 stateless"]()
		p.agree(protocolLCP, lcpAuthentication, 5, 0xc2, 0x23, msCHAPv2)
		if c.refuse {
			p.respond()
			p.control(1, protocolCHAP, 4, 9)
		} else {
			p.logIn()
			p.control(1, protocolEAP, 4, 10) // of another method
		}
		p.agree(protocolCCP, s.option...)
		packet := traffic(1)[0]
		state, out := p.send(0, protocolCompressed, s.packet(plainFrame(packet)))
		findings := x.Findings()
		if c.want == (Finding{}) {
			if state != Expanded || !bytes.Equal(out[0], packet) || len(findings) != 0 {
				t.Errorf("%s: %v, %v", c.file, state, findings)
			}
			continue
		}
		if n := findings[c.want]; n != 1 || state != NoKey || len(out) != 0 {
			t.Errorf("%s: %v, %+v", c.file, state, findings)
		}
	}
}

// TestEAP: MS-CHAPv2 inside of EAP yields the same keys.
func TestEAP(t *testing.T) {
	p, s := newPair(t), senders(t)["mppe-128 stateless"]()
	challenge := append([]byte{26, 1, 9, 0, 24, 16}, unhex(t, "5b5d7c7d7b3f2f3e3c2c602132262628")...)
	value := unhex(t, "21402324255e262a28295f2b3a337c7e0000000000000000"+"82309ecd8d708b5ea08faa3981cd83544233114a3d85d6df00")
	response := append(append([]byte{26, 2, 9, 0, 58, 49}, value...), "User"...)
	p.control(0, protocolEAP, 2, 1, append([]byte{1}, "User"...)...)
	p.control(1, protocolEAP, 1, 2, append(challenge, "lns"...)...)
	p.control(0, protocolEAP, 2, 2, response...)
	p.control(1, protocolEAP, 3, 2)
	p.agree(protocolCCP, s.option...)
	packet := traffic(1)[0]
	if state, out := p.send(0, protocolCompressed, s.packet(plainFrame(packet))); state != Expanded || !bytes.Equal(out[0], packet) {
		t.Errorf("%v, %v", state, p.x.Findings())
	}
}

// TestUnknown: what is not expanded is named.
func TestUnknown(t *testing.T) {
	p := newPair(t)
	p.agree(protocolCCP, 17, 5, 0, 1, 4)
	p.send(0, protocolCompressed, []byte("stac"))
	p.send(0, protocolEncrypted, []byte("ecp"))
	p.send(1, protocolLinkCompressed, []byte("link"))
	for _, name := range []string{"stac", "Encrypted", "Link compressed"} {
		if n := p.x.Findings()[Finding{State: Unknown, Compression: name}]; n != 1 {
			t.Errorf("%d frames of %s", n, name)
		}
	}
}

// TestBounded: state of many sessions is bounded, and that of the oldest comes again with a reset.
func TestBounded(t *testing.T) {
	x := NewExpander(nil)
	packets := traffic(2)
	var first *pair
	sessions := 3 * maxStateBytes / (32 << 10)
	var links []*Link
	for i := range sessions {
		p := &pair{t: t, x: x, link: x.NewLink(ends[0], ends[1])}
		s := newDeflateSender()
		p.agree(protocolCCP, ccpDeflate, 4, 7<<4|8, 0)
		if state, _ := p.send(0, protocolCompressed, s.packet(t, plainFrame(packets[0]))); state != Expanded {
			t.Fatal(state)
		}
		if i == 0 {
			first = p
		}
		big := bytes.Repeat([]byte{1}, 30<<10)
		p.send(0, ProtocolIPv6+0x1000, big)
		p.send(0, protocolCompressed, s.packet(t, plainFrame(packets[1])))
		links = append(links, p.link)
		if x.bytes > maxStateBytes {
			t.Fatalf("%d bytes after %d sessions", x.bytes, i)
		}
	}
	s := newDeflateSender()
	if state, _ := first.send(0, protocolCompressed, s.packet(t, plainFrame(packets[0]))); state == Expanded {
		t.Error("the first session still has its state")
	}
	first.control(0, protocolCCP, codeResetAck, 1)
	s = newDeflateSender()
	if state, _ := first.send(0, protocolCompressed, s.packet(t, plainFrame(packets[0]))); state != Expanded {
		t.Errorf("after the reset: %v", state)
	}
	for _, l := range links {
		l.Close()
	}
	if x.bytes != 0 || len(x.loaded) != 0 || x.held != 0 {
		t.Errorf("after the end of all sessions: %d bytes, %d held", x.bytes, x.held)
	}
}

// TestBoundedPassed: so is the state that packets make which are sent as they are, where CCP was
// seen and where no more than a Reset-Ack was.
func TestBoundedPassed(t *testing.T) {
	for name, begin := range map[string]func(p *pair){
		"deflate":   func(p *pair) { p.agree(protocolCCP, ccpDeflate, 4, 7<<4|8, 0) },
		"bsd":       func(p *pair) { p.agree(protocolCCP, ccpBSD, 3, 1<<5|15) },
		"reset-ack": func(p *pair) { p.control(0, protocolCCP, codeResetAck, 1) },
	} {
		x := NewExpander(nil)
		packet := bytes.Repeat([]byte{1}, 30<<10)
		var links []*Link
		for i := range 601 {
			p := &pair{t: t, x: x, link: x.NewLink(ends[0], ends[1])}
			begin(p)
			for range 4 {
				p.send(0, ProtocolIP, packet)
			}
			links = append(links, p.link)
			if i%100 != 0 {
				continue
			}
			total := 0
			for _, l := range links {
				total += l.bundle.bytes()
			}
			if x.bytes > maxStateBytes || total > maxStateBytes+1<<20 {
				t.Fatalf("%s: %d bytes, %d of them counted, after %d sessions", name, total, x.bytes, i+1)
			}
		}
		if x.bytes < 1<<20 {
			t.Errorf("%s: %d bytes counted", name, x.bytes)
		}
	}
}

// TestKeptBounded: of one link no more packets wait than the bounds say, early ones and those that
// are sent as they are, small ones and large ones.
func TestKeptBounded(t *testing.T) {
	for _, size := range []int{10, 4000} {
		p := newPair(t)
		p.agree(protocolCCP, ccpDeflate, 4, 7<<4|8, 0)
		s := &p.link.bundle.ccp.streams[0]
		early, passed := 0, 0
		for i := range uint16(2000) {
			payload := make([]byte, size)
			if i%500 < 250 {
				p.send(0, ProtocolIP, payload)
			} else {
				p.send(0, protocolCompressed, append(binary.BigEndian.AppendUint16(nil, s.next+200+i%250), payload...))
			}
			early, passed = max(early, len(s.early)), max(passed, len(s.passed))
			if s.earlyData > maxKeptData || len(s.passedData) > maxKeptData {
				t.Fatalf("%d and %d bytes", s.earlyData, len(s.passedData))
			}
		}
		want := min(maxEarly, maxPassed, maxKeptData/size)
		if early > maxEarly || passed > maxPassed || min(early, passed) < want/2 {
			t.Errorf("%d bytes each: %d early, %d passed", size, early, passed)
		}
	}
}

// TestFindingsBounded: what is said of the passwords of many users has a bound.
func TestFindingsBounded(t *testing.T) {
	x := NewExpander(nil)
	for i := range 2 * maxFindings {
		l := &Link{x: x, followed: &followed{auth: authentication{user: strconv.Itoa(i)}}}
		l.report(NoKey, "")
	}
	if n := len(x.Findings()); n != maxFindings {
		t.Errorf("%d findings", n)
	}
}

// TestExpandNoAllocations: plain frames cost none, also beside compressed ones.
func TestExpandNoAllocations(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	p, s := newPair(t), senders(t)["deflate"]()
	p.connect(s)
	packets := traffic(2)
	plain := append([]byte{0xff, 3, 0, ProtocolIP}, packets[0]...)
	packed := append([]byte{0xff, 3, 0, protocolCompressed}, 0, 0)
	var (
		f, g Frame
		r    Result
	)
	if f.Decode(plain) != nil {
		t.Fatal()
	}
	number := uint16(0)
	n := testing.AllocsPerRun(1000, func() {
		p.link.Expand(&r, 0, &f, plain)
		if number++; number%8 == 0 {
			packed = append(packed[:4], byte(number>>8), byte(number))
			number++
			packed = append(packed, deflateEmpty...)
			if g.Decode(packed) == nil {
				p.link.Expand(&r, 0, &g, packed)
			}
		}
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// deflateEmpty is an empty block, without its last bytes.
var deflateEmpty = []byte{0}

func TestMultilink(t *testing.T) {
	for _, short := range []bool{false, true} {
		t.Run(fmt.Sprint(short), func(t *testing.T) {
			x := NewExpander(nil)
			b := newMPSender(t, x, 3, short)
			packets := traffic(100)
			r := rand.New(rand.NewPCG(9, 10))
			for _, packet := range packets {
				b.split(plainFrame(packet), 1+r.IntN(5))
			}
			want := slices.Clone(packets)
			b.shuffle(r, 20)
			got := b.flush()
			slices.SortFunc(got, bytes.Compare)
			slices.SortFunc(want, bytes.Compare)
			if !slices.EqualFunc(got, want, bytes.Equal) {
				t.Errorf("%d packets, want %d: %v", len(got), len(want), x.Counts())
			}
		})
	}
}

// TestMultilinkLoss drops each fragment in turn: it costs its packet and no other, and is counted.
func TestMultilinkLoss(t *testing.T) {
	packets := traffic(12)
	for lost := range 36 {
		x := NewExpander(nil)
		b := newMPSender(t, x, 2, false)
		for _, packet := range packets {
			b.split(plainFrame(packet), 3)
		}
		b.drop(lost)
		got := b.flush()
		want := slices.Delete(slices.Clone(packets), lost/3, lost/3+1)
		if !slices.EqualFunc(got, want, bytes.Equal) {
			t.Errorf("fragment %d lost: %d packets", lost, len(got))
		}
		if c := x.Counts(); lost < 20 && (c.Lost != 1 || c.States[Incomplete] != 2) {
			t.Errorf("fragment %d lost: %v", lost, c)
		}
	}
}

// TestMultilinkInside has Deflate inside of fragments that come in any order.
func TestMultilinkInside(t *testing.T) {
	x := NewExpander(nil)
	b := newMPSender(t, x, 2, false)
	deflate := newDeflateSender()
	b.split([]byte{0x80, 0xfd, codeConfigureAck, 1, 0, 8, ccpDeflate, 4, 7<<4 | 8, 0}, 1)
	b.flush()
	packets := traffic(50)
	for _, packet := range packets {
		b.split(append([]byte{protocolCompressed}, deflate.packet(t, plainFrame(packet))...), 2)
	}
	b.shuffle(rand.New(rand.NewPCG(11, 12)), 10)
	if got := b.flush(); !slices.EqualFunc(got, packets, bytes.Equal) {
		t.Errorf("%d packets, want %d: %v", len(got), len(packets), x.Counts())
	}
}

// TestMultilinkEnd: what is behind a lost fragment comes out when the link is terminated.
func TestMultilinkEnd(t *testing.T) {
	x := NewExpander(nil)
	b := newMPSender(t, x, 1, false)
	b.split([]byte{0x80, 0x21, codeConfigureAck, 1, 0, 10, ipcpCompression, 6, 0, protocolVJCompressed, 15, 1}, 1)
	b.split(plainFrame(traffic(1)[0]), 2)
	b.split(plainFrame(traffic(1)[0]), 1)
	b.drop(1)
	if got := b.flush(); len(got) != 1 { // IPCP
		t.Fatalf("%d packets", len(got))
	}
	if _, got := sendOn(t, b.links[0], 1, protocolLCP, []byte{codeTerminateRequest, 9, 0, 4}); len(got) != 1 {
		t.Errorf("%d packets at the end: %v", len(got), x.Counts())
	}
}

// TestMultilinkBounded: fragments of packets that never become whole do not pile up, be it that
// some are missing or that the packet has no end, whether they are many or large.
func TestMultilinkBounded(t *testing.T) {
	for _, step := range []uint32{1, 2} {
		for _, size := range []int{10, 4000} {
			l := newMPSender(t, NewExpander(nil), 1, false).links[0]
			most := 0
			for i := range uint32(3 * maxFragments) {
				payload := binary.BigEndian.AppendUint32(nil, step*i)
				if i == 0 {
					payload[0] |= 0x80
				}
				sendOn(t, l, 0, protocolMultilink, append(payload, make([]byte, size)...))
				r := &l.bundle.mp[0]
				if most = max(most, len(r.fragments)); most > maxFragments || r.data > maxFragmentData {
					t.Fatalf("numbers in steps of %d: %d fragments, %d bytes", step, len(r.fragments), r.data)
				}
			}
			if step == 1 && most < min(maxFragments, maxFragmentData/size) {
				t.Errorf("%d fragments of %d bytes at most", most, size)
			}
		}
	}
}

// mpSender splits packets over links.
type mpSender struct {
	t         testing.TB
	links     []*Link
	short     bool
	number    uint32
	fragments []mpFragment
}

type mpFragment struct {
	link    int
	payload []byte
}

func newMPSender(t testing.TB, x *Expander, links int, short bool) *mpSender {
	b := &mpSender{t: t, short: short}
	for range links {
		p := &pair{t: t, x: x, link: x.NewLink(ends[0], ends[1])}
		options := []byte{lcpMRRU, 4, 5, 220, lcpEndpoint, 9, 3, 2, 0, 0, 0, 0}
		for end := range 2 {
			o := append(slices.Clone(options), byte(end), 0)[:13]
			if short {
				o = append(o, lcpShortSequence, 2)
			}
			o[5] = byte(len(o) - 4)
			if short {
				o[5] -= 2
			}
			p.control(end, protocolLCP, codeConfigureRequest, 1, o...)
			p.control(1-end, protocolLCP, codeConfigureAck, 1, o...)
		}
		b.links = append(b.links, p.link)
	}
	return b
}

func (b *mpSender) split(frame []byte, parts int) {
	size := (len(frame) + parts - 1) / parts
	for at := 0; at < len(frame); at += size {
		bits := uint32(0)
		if at == 0 {
			bits |= 2
		}
		if at+size >= len(frame) {
			bits |= 1
		}
		var payload []byte
		if b.short {
			payload = binary.BigEndian.AppendUint16(nil, uint16(bits<<14|b.number&shortMask))
		} else {
			payload = binary.BigEndian.AppendUint32(nil, bits<<30|b.number)
		}
		link := int(b.number) % len(b.links)
		b.fragments = append(b.fragments, mpFragment{link, append(payload, frame[at:min(at+size, len(frame))]...)})
		b.number++
	}
}

// shuffle delays some links, each of which keeps its order.
func (b *mpSender) shuffle(r *rand.Rand, most int) {
	var queues [8][]mpFragment
	for _, f := range b.fragments {
		queues[f.link] = append(queues[f.link], f)
	}
	var all []mpFragment
	for n := len(b.fragments); len(all) < n; {
		link := r.IntN(len(b.links))
		k := min(1+r.IntN(most), len(queues[link]))
		all = append(all, queues[link][:k]...)
		queues[link] = queues[link][k:]
	}
	b.fragments = all
}

func (b *mpSender) drop(i int) { b.fragments = slices.Delete(b.fragments, i, i+1) }

func (b *mpSender) flush() (packets [][]byte) {
	for _, f := range b.fragments {
		_, out := sendOn(b.t, b.links[f.link], 0, protocolMultilink, f.payload)
		packets = append(packets, out...)
	}
	b.fragments = nil
	return packets
}
