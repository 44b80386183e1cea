package pipeline

import (
	"errors"

	"l2tpdump/capture"
	"l2tpdump/cmd/internal/salookup"
	"l2tpdump/cmd/internal/why"
	"l2tpdump/esp"
	"l2tpdump/ikev1"
	"l2tpdump/keysrc"
	"l2tpdump/l2tp"
)

const (
	admitTogether     = 32           // ESP packets that the table is asked of at a time
	reassemblyBytes   = 8 << 20      // held for fragments at most
	reassemblyTimeout = int64(30e9)  // RFC 791 and RFC 8200 section 4.5: 60 s at most
	expireEvery       = int64(60e9)  // of capture time, between looks for state to forget
	maxIKEGroups      = 1024         // IKE messages in fragments at a time
	liveWait          = int64(50e6)  // nanoseconds that the output of a live run waits for a fragment or an IKE message
	liveSecrets       = 4096         // of each kind that a live run keeps
	flowIdle          = int64(900e9) // after which a flow's or an exchange's state is forgotten
)

// framer is the first stage: it takes frames apart down to IKE and ESP, in capture order, and
// is the only one to use the IKE tracker.
type framer struct {
	table      *salookup.Table
	due        []salookup.Arrival // ESP packets that the table is to be asked of
	dueOf      []*Record          // theirs
	classifier classifier
	ike        *ikev1.Tracker
	reassembly *capture.Reassembler
	ikeGroups  map[ikev1.FragmentKey]*group
	hold       *hold // nil: frames do not wait for their key
	holdsIKE   bool
	streams    streams
	more       []further // frames of the one at hand
	late       late      // IKE frames that wait for later messages
	learned    bool      // of ESP from IKE, which frames that wait may have waited for
	clock      Clock
	expireAt   int64
	// lost is told of IKE and ESP packets of which other fragments are missing; ports: all that came
	// have UDP ports.
	lost func(fragments int, ports bool)
}

func newFramer(secrets *l2tp.Secrets) *framer {
	f := &framer{
		table:      salookup.New(),
		due:        make([]salookup.Arrival, 0, admitTogether),
		ike:        ikev1.NewTracker(),
		reassembly: capture.NewReassembler(reassemblyBytes, reassemblyTimeout),
		ikeGroups:  make(map[ikev1.FragmentKey]*group),
		late:       newLate(),
	}
	f.classifier = classifier{named: f.table.Named, keyed: f.table.Keyed, ike: f.ike,
		tunnels: seenTunnels{Tracker: l2tp.NewTracker(secrets)}}
	f.reassembly.OnDoubt(f.proves)
	f.reassembly.OnGiveUp(func(d *capture.Datagram) {
		if g, ok := d.Value.(*group); ok {
			if d.Complete {
				g.close()
				return
			}
			if g.ipsec && f.lost != nil {
				f.lost(d.Fragments, !g.noPorts)
			}
			f.settle(g, 0)
		}
	})
	return f
}

// addKeys makes keys known, and with them those of ESP that follow from Quick Modes which were
// decrypted before.
func (f *framer) addKeys(k *keysrc.Keys) {
	f.admit()
	for _, s := range k.IKE {
		f.ike.AddSecret(s)
	}
	f.table.AddSecrets(k.ESP...)
	if len(k.IKE) > 0 {
		for _, n := range f.ike.Derive() {
			f.table.AddNegotiated(n)
			f.learned = true
		}
	}
}

// frame finds out what r is, as far as it can be told without decrypting ESP.
func (f *framer) frame(r *Record) {
	f.clock.Tick(r.Packet.Time)
	f.expire(f.clock.Now)
	f.open(r, 0)
	f.opened(r)
}

// opened says what becomes of the fragments that r completed, as far as it is known by now.
func (f *framer) opened(r *Record) {
	if g := r.complete; g != nil && !r.waits {
		f.dropCopies(g)
		if r.Kind != ESP && r.late == nil {
			// Of ESP it shows later, as it may turn out not to decrypt.
			g.decide(r)
		}
	}
}

var (
	errIPLength  = errors.New("ip: the length is larger than the frame, which is whole: no receiver takes it")
	errUDPLength = errors.New("udp: the length is larger than the packet")
)

// open takes a frame apart; depth counts the frames that carried it. It reports whether a frame
// that r carried has taken its place.
func (f *framer) open(r *Record, depth int) (taken bool) {
	if err := r.Net.Decode(r.Link, r.Frame()); err != nil {
		r.Verdict, r.Reason = why.Undecoded(err, r.Net.Truncated)
		return false
	}
	if r.Net.Truncated && depth == 0 && !r.Cut() {
		r.Verdict, r.Reason = why.Undecoded(errIPLength, false)
		return false
	}
	if r.Net.Fragment && !f.reassemble(r) {
		return false
	}
	f.carried(r)
	if r.Net.UDPTooLong && r.Kind == Other && r.Verdict == why.Clear {
		r.Verdict, r.Reason = why.Undecoded(errUDPLength, false)
	}
	return f.unwrap(r, depth)
}

// carried finds out what a whole datagram carries, and hands it on.
func (f *framer) carried(r *Record) {
	if r.Net.TCP {
		f.tcp(r)
		return
	}
	c := f.classifier.classify(&r.Net, r.Data())
	if r.inTCP {
		c = classifyNATT(&r.Net, r.Data()[r.Net.UDPStart:r.Net.UDPEnd])
	}
	f.classifier.learn(&r.Net, &c)
	r.Kind, r.Reason = c.kind, c.reason
	switch {
	case c.kind == IKE:
		f.isakmp(r, c.data, c.marker)
	case c.kind == ESP:
		f.esp(r, c.data, c.length)
	}
}

// reassemble adds a fragment to its datagram, and reports whether r now has the whole of it.
func (f *framer) reassemble(r *Record) bool {
	d, err := f.reassembly.Add(nil, &r.Net, r.Frame(), f.clock.Now)
	switch {
	case errors.Is(err, capture.ErrDuplicate):
		if g, ok := d.Value.(*group); ok {
			f.repeat(r, g)
		}
		return false
	case errors.Is(err, capture.ErrFragmentTruncated):
		r.Verdict, r.Reason = why.Snapped("fragment")
		return false
	case err != nil:
		r.Verdict, r.Reason = why.Undecoded(err, false)
		return false
	case d == nil:
		return false
	}
	g, ok := d.Value.(*group)
	if !ok || d.Complete && g.gone() { // those before have passed: this one may still be part of another
		g = f.groupOf(d, r.Packet.Time)
		d.Value = g
	}
	g.ipsec = g.ipsec || isIPsec(&r.Net)
	g.noPorts = g.noPorts || !r.Net.UDP
	if !d.Complete {
		if !g.isSettled() {
			f.join(r, g)
		}
		return false
	}
	var net capture.Frame
	whole, err := net.DecodeReassembled(nil, &r.Net, r.Frame(), d.Data)
	if err != nil {
		f.settle(g, 0)
		r.Verdict, r.Reason = why.Undecoded(err, false)
		return false
	}
	g.open.Add(1)
	g.doubtful = d.Doubtful
	r.Net, r.Whole, r.Fragments, r.complete = net, whole, d.Fragments, g
	return true
}

// groupOf returns the group of the fragments of a datagram that begins. It is that of the one
// before, if nothing opened that: one of its fragments may have been forged, and the others of this
// datagram.
func (f *framer) groupOf(d *capture.Datagram, time int64) *group {
	if d.After != nil {
		if g, ok := d.After.Value.(*group); ok && !g.isSettled() {
			if !f.proves(d.After.Data) {
				return g
			}
			g.close()
		}
	}
	return newGroup(time)
}

// proves reports whether there is proof that a datagram, some fragments of which are contradicted
// by others, was put together right.
func (f *framer) proves(ip []byte) bool {
	var n capture.Frame
	if n.DecodeIP(ip) != nil {
		return false
	}
	switch c := f.classifier.classify(&n, ip); c.kind {
	case IKE:
		src, dst := n.Ends()
		return exactIKE(c.data, c.length) &&
			(c.data[19]&ikev1.FlagEncryption == 0 || f.ike.Opens(&ikev1.Datagram{Src: src, Dst: dst, Data: c.data}))
	case ESP:
		f.admit()
		var h esp.Header
		return h.Decode(c.data) == nil &&
			f.table.Opens(salookup.Header{SPI: h.SPI, Src: n.Src, Dst: n.Dst}, salookup.Packet{Data: c.data})
	}
	return false
}

// isIPsec reports whether a fragment is of IKE or ESP. Of UDP only the first one shows it.
func isIPsec(n *capture.Frame) bool {
	return n.Protocol == protoESP || n.UDP && (isPort(n, portIKE) || isPort(n, portNATT))
}

// giveUp lets the line, which waits for g, go on: fragments pass as they are, though the datagram
// is still put together when the rest of it comes; IKE frames pass with what is known by now.
func (f *framer) giveUp(g *group) {
	f.letIf(func(o *group) bool { return o == g })
	f.settle(g, 0)
}

// giveUpAll settles everything that waits: the input has ended.
func (f *framer) giveUpAll() {
	f.letIf(func(*group) bool { return true })
	f.reassembly.Abandon()
	f.giveUpIKE()
}

// expire lets go and forgets what has had its time.
func (f *framer) expire(now int64) {
	f.letOld(now)
	if now < f.expireAt && now > f.expireAt-2*expireEvery {
		return
	}
	f.expireAt = now + expireEvery
	f.admit()
	f.table.Expire(now, flowIdle)
	f.ike.Expire(now)
}
