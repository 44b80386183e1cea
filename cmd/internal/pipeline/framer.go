package pipeline

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"strconv"

	"l2tpdump/capture"
	"l2tpdump/esp"
	"l2tpdump/ikev1"
	"l2tpdump/keysrc"
	"l2tpdump/l2tp"
)

const (
	portIKE  = 500
	portNATT = 4500
	portL2TP = 1701

	protoESP = 50

	reassemblyBytes   = 8 << 20      // held for fragments at most
	reassemblyTimeout = int64(30e9)  // RFC 791 and RFC 8200 section 4.5: 60 s at most
	expireEvery       = int64(60e9)  // of capture time, between looks for state to forget
	maxIKEGroups      = 1024         // IKE messages in fragments at a time
	liveWait          = int64(50e6)  // nanoseconds that the output of a live run waits for a fragment or an IKE message
	liveSecrets       = 4096         // of each kind that a live run keeps
	flowIdle          = int64(900e9) // after which a flow's or an exchange's state is forgotten
)

// framer is the first stage: it takes frames apart down to IKE and ESP, in capture order, and
// is the only one to use the IKE tracker and the SA database.
type framer struct {
	db         *esp.DB
	ike        *ikev1.Tracker
	reassembly *capture.Reassembler
	ikeGroups  map[ikev1.FragmentKey]*group
	hold       *hold // nil: frames do not wait for their key
	holdsIKE   bool
	streams    streams
	more       [][]byte // further messages of the segment at hand, as frames
	late       late     // IKE frames that wait for later messages
	learned    bool     // of ESP from IKE, which frames that wait may have waited for
	clock      clock
	expireAt   int64
	lost       func(fragments int, ports bool) // is told of IKE and ESP packets of which other fragments are missing; ports: all that came have UDP ports
}

func newFramer() *framer {
	f := &framer{
		db:         esp.NewDB(),
		ike:        ikev1.NewTracker(),
		reassembly: capture.NewReassembler(reassemblyBytes, reassemblyTimeout),
		ikeGroups:  make(map[ikev1.FragmentKey]*group),
		late:       late{patience: defaultPatience},
	}
	f.reassembly.OnGiveUp(func(d *capture.Datagram) {
		if g, ok := d.Value.(*group); ok {
			if g.ipsec && f.lost != nil {
				f.lost(d.Fragments, !g.noPorts)
			}
			f.settle(g, 0)
		}
	})
	return f
}

// frame finds out what r is, as far as it can be told without decrypting ESP.
func (f *framer) frame(r *Record) {
	f.clock.tick(r.Packet.Time)
	f.expire(f.clock.now)
	f.late.expire(f.clock.now)
	f.open(r, 0)
	if g := r.complete; g != nil && !r.waits {
		f.dropCopies(g)
		if r.Kind != ESP && r.late == nil {
			// Of ESP it shows later, as it may turn out not to decrypt.
			g.settle(mergedInto(r))
		}
	}
}

// open takes a frame apart; inside is what it carries: depth counts the frames around it. It reports whether
// a frame that r carried has taken its place.
func (f *framer) open(r *Record, depth int) (taken bool) {
	if err := r.Net.Decode(r.Link, r.Frame()); err != nil {
		r.Verdict, r.Reason = Malformed, err.Error()
		if r.Net.Truncated {
			r.Verdict, r.Reason = Truncated, "the snap length left no whole header"
		}
		return false
	}
	if r.Net.Fragment && !f.reassemble(r) {
		return false
	}
	f.classify(r)
	if r.Net.UDPTooLong && r.Kind == Other && r.Verdict == Clear {
		r.Verdict, r.Reason = Malformed, "udp: the length is larger than the packet"
	}
	return f.unwrap(r, depth)
}

// reassemble adds a fragment to its datagram, and reports whether r now has the whole of it.
func (f *framer) reassemble(r *Record) bool {
	d, err := f.reassembly.Add(&r.Net, r.Frame(), f.clock.now)
	switch {
	case errors.Is(err, capture.ErrDuplicate):
		if g, ok := d.Value.(*group); ok {
			f.repeat(r, g)
		}
		return false
	case errors.Is(err, capture.ErrFragmentTruncated):
		r.Verdict, r.Reason = Truncated, "the capture holds only part of the fragment (snaplen)"
		return false
	case err != nil:
		r.Verdict, r.Reason = Malformed, err.Error()
		return false
	case d == nil:
		return false
	}
	g, ok := d.Value.(*group)
	if !ok {
		g = newGroup(r.Packet.Time)
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
		r.Verdict, r.Reason = Malformed, err.Error()
		return false
	}
	g.completed = true
	r.Net, r.Whole, r.Fragments, r.complete = net, whole, d.Fragments, g
	return true
}

// isIPsec reports whether a fragment is of IKE or ESP. Of UDP only the first one shows it.
func isIPsec(n *capture.Frame) bool {
	either := func(port uint16) bool { return n.SrcPort == port || n.DstPort == port }
	return n.Protocol == protoESP || n.UDP && (either(portIKE) || either(portNATT))
}

// classify tells IKE, ESP and L2TP apart and hands each on.
func (f *framer) classify(r *Record) {
	data, n := r.Data(), &r.Net
	switch {
	case n.IPVersion == 0:
	case n.Protocol == protoESP:
		f.esp(r, data[n.PayloadStart:n.PayloadEnd], n.PayloadLen)
	case r.inTCP:
		f.natt(r, data[n.UDPStart:n.UDPEnd])
	case n.UDP:
		f.udp(r, data[n.UDPStart:n.UDPEnd])
	case n.TCP:
		f.tcp(r)
	}
}

func (f *framer) udp(r *Record, payload []byte) {
	n := &r.Net
	either := func(port uint16) bool { return n.SrcPort == port || n.DstPort == port }
	switch {
	case either(portIKE) && isKeepalive(payload):
		r.Reason = Keepalive
	case either(portIKE):
		if len(payload) >= 4 && binary.BigEndian.Uint32(payload) == 0 && f.plausibleIKE(payload[4:]) {
			f.isakmp(r, payload[4:], true) // the marker, on a translated port
			return
		}
		if len(payload) >= esp.HeaderLen && f.db.Named(binary.BigEndian.Uint32(payload)) && !f.plausibleIKE(payload) {
			f.esp(r, payload, n.UDPLen) // before RFC 3948 ESP shared the port of IKE
			return
		}
		f.isakmp(r, payload, false)
	case either(portNATT):
		f.natt(r, payload)
	case either(portL2TP) && !validL2TP(payload):
		if isKeepalive(payload) && len(payload) > 0 {
			r.Reason = Keepalive
			return
		}
		if f.unknownPort(r, payload); r.Kind == Other {
			r.Kind = L2TP
		}
	case either(portL2TP):
		if f.plausibleIKE(payload) { // its cookie looks like L2TP's flags
			f.isakmp(r, payload, false)
			return
		}
		r.Kind = L2TP
	default:
		f.unknownPort(r, payload)
	}
}

// isKeepalive reports whether a UDP payload is that of a NAT keepalive (RFC 3948 section 2.3); some senders leave it empty.
func isKeepalive(payload []byte) bool {
	return len(payload) == 0 || len(payload) == 1 && payload[0] == 0xff
}

// natt tells the three users of port 4500 apart (RFC 3948 section 2).
func (f *framer) natt(r *Record, payload []byte) {
	switch {
	case isKeepalive(payload) && !r.Net.Truncated:
		r.Reason = Keepalive
	case len(payload) < 4:
		r.Verdict, r.Reason = Malformed, "too short for ESP, for IKE and for a NAT keepalive"
	case binary.BigEndian.Uint32(payload) == 0:
		f.isakmp(r, payload[4:], true)
	case f.plausibleIKE(payload):
		f.isakmp(r, payload, false) // without the marker that RFC 3947 asks for
	default:
		f.esp(r, payload, r.Net.UDPLen)
	}
}

// unknownPort finds IKE and ESP by content on ports that are not theirs.
func (f *framer) unknownPort(r *Record, payload []byte) {
	if len(payload) < 8 {
		return
	}
	word := binary.BigEndian.Uint32(payload)
	switch {
	case word == 0 && f.plausibleIKE(payload[4:]):
		f.isakmp(r, payload[4:], true)
	case f.plausibleIKE(payload):
		f.isakmp(r, payload, false)
	case word > 255 && f.db.Named(word):
		f.esp(r, payload, r.Net.UDPLen)
	case plausibleL2TP(payload):
		r.Kind = L2TP
	}
}

// plausibleIKE reports whether data begins with an ISAKMP header of version 1 that fits the
// datagram: a test that random data passes once in 2^40.
func (f *framer) plausibleIKE(data []byte) bool {
	if len(data) < ikev1.HeaderLen || data[17] != 0x10 {
		return false
	}
	h, err := ikev1.ParseHeader(data)
	return err == nil && h.MajorVersion == 1 && h.MinorVersion == 0 &&
		h.Length >= ikev1.HeaderLen && uint64(h.Length) == uint64(len(data)) &&
		knownExchange(h.Exchange) && h.Flags&^7 == 0 && h.InitiatorCookie != (ikev1.Cookie{})
}

func knownExchange(e ikev1.ExchangeType) bool {
	switch e {
	case ikev1.ExchangeMain, ikev1.ExchangeAggressive, ikev1.ExchangeInformational, ikev1.ExchangeTransaction,
		ikev1.ExchangeQuick, ikev1.ExchangeNewGroup:
		return true
	}
	return false
}

// validL2TP reports whether a payload on the port of L2TP, which a NAT may have given to another protocol, begins with an L2TP header: it decodes,
// and of version 2 the reserved bits are zero (RFC 2661 section 3.1).
func validL2TP(data []byte) bool {
	const reserved = 0x34f0
	var h l2tp.Header
	if err := h.Decode(data); err != nil && err != l2tp.ErrTruncated {
		return false
	}
	return h.Version != l2tp.Version2 || binary.BigEndian.Uint16(data)&reserved == 0
}

// plausibleL2TP accepts L2TP on a port of its own only where the header proves it: a control
// message whose length is the datagram's and whose first AVP is a message type.
func plausibleL2TP(data []byte) bool {
	var h l2tp.Header
	return h.Decode(data) == nil && h.Version == 2 && h.Control && int(h.Length) == len(data) &&
		len(data) >= 20 && data[14] == 0 && data[15] == 0 && data[16] == 0 && data[17] == 0
}

func (f *framer) isakmp(r *Record, data []byte, natt bool) {
	r.Kind, r.Marker = IKE, natt
	n := &r.Net
	r.IKE = f.ike.Observe(&ikev1.Datagram{
		Src:       netip.AddrPortFrom(n.Src, n.SrcPort),
		Dst:       netip.AddrPortFrom(n.Dst, n.DstPort),
		Time:      f.clock.now,
		Frame:     r.Number,
		Data:      data,
		Truncated: n.Truncated,
		NATT:      natt,
	})
	f.ikeFragments(r, data)
	f.learn(r.IKE)
	judgeIKE(r)
	if r.group != nil {
		f.join(r, r.group)
	} else {
		r.waits = f.holdsIKE && awaitsKey(r.Verdict)
	}
	if !r.waits && gains(r) {
		f.late.add(r, f.clock.now)
	}
	f.retry(r.IKE)
}

// ikeFragments puts the fragments of one IKE message (payload 132) into a group.
func (f *framer) ikeFragments(r *Record, data []byte) {
	for _, m := range r.IKE {
		if m.Reassembled == 0 && (m.Err != nil || m.Fragment == nil) {
			continue
		}
		h, err := ikev1.ParseHeader(data)
		if err != nil || len(data) < ikev1.HeaderLen+4 {
			return
		}
		part, err := ikev1.ParseFragment(data[ikev1.HeaderLen+4:]) // behind the generic payload header
		if err != nil {
			return
		}
		n := &r.Net
		key := ikev1.FragmentKey{
			Src: netip.AddrPortFrom(n.Src, n.SrcPort), Dst: netip.AddrPortFrom(n.Dst, n.DstPort),
			InitiatorCookie: h.InitiatorCookie, ResponderCookie: h.ResponderCookie, ID: part.ID,
		}
		g := f.ikeGroups[key]
		if g == nil || g.isSettled() {
			if len(f.ikeGroups) >= maxIKEGroups {
				f.giveUpIKE()
			}
			g = newGroup(r.Packet.Time)
			f.ikeGroups[key] = g
		}
		if m.Reassembled == 0 {
			r.group = g
			return
		}
		delete(f.ikeGroups, key)
		if c := r.complete; c != nil {
			f.settle(c, 0) // fragments of IP, or of an earlier message in the datagram
		}
		g.completed = true
		r.complete, r.Fragments = g, m.Reassembled
	}
}

// giveUpIKE settles all IKE fragments that wait for more.
func (f *framer) giveUpIKE() {
	for _, g := range f.ikeGroups {
		f.settle(g, 0)
	}
	clear(f.ikeGroups)
}

// addKeys makes keys known.
func (f *framer) addKeys(k *keysrc.Keys) {
	for _, s := range k.IKE {
		f.ike.AddSecret(s)
	}
	for _, s := range k.ESP {
		f.db.AddSecret(s)
	}
}

// learn takes over what decrypted Quick Modes and DELETEs say of ESP.
func (f *framer) learn(messages []*ikev1.Message) {
	for _, m := range messages {
		for _, n := range m.Negotiated {
			f.db.AddNegotiated(n)
			f.learned = true
		}
		for _, spi := range m.Deleted {
			f.db.Delete(spi, netip.Addr{})
		}
	}
}

// judgeIKE gives the record the verdict of its worst message.
func judgeIKE(r *Record) {
	rank := func(v Verdict) int {
		switch v {
		case Clear:
			return 0
		case Verified:
			return 1
		case Decrypted:
			return 2
		}
		return 3
	}
	r.Verdict, r.Reason = Clear, ""
	for _, m := range r.IKE {
		v := MessageVerdict(m)
		if rank(v) >= rank(r.Verdict) {
			r.Verdict = v
			if m.Reason != "" || !Opened(v) {
				r.Reason = m.Reason
			}
		}
	}
	for _, m := range r.IKE {
		if n := m.Trailing; n > 0 {
			if r.Reason != "" {
				r.Reason += "; "
			}
			r.Reason += strconv.Itoa(n) + " bytes behind the message"
		}
	}
}

// MessageVerdict is the verdict on one IKE message.
func MessageVerdict(m *ikev1.Message) Verdict {
	switch {
	case m.Err != nil:
		return verdictOf(m.Err)
	case !m.Encrypted:
		return Clear
	case m.Verified:
		return Verified
	case m.Decrypted:
		return Decrypted
	}
	return NoKey
}

func (f *framer) esp(r *Record, packet []byte, length int) {
	r.Kind = ESP
	if len(packet) < esp.HeaderLen {
		r.Verdict, r.Reason = Malformed, "shorter than the ESP header"
		if length >= esp.HeaderLen {
			r.Verdict, r.Reason = Truncated, "the snap length left no ESP header"
		}
		f.settlePlain(r)
		return
	}
	r.SPI = binary.BigEndian.Uint32(packet)
	r.Seq = binary.BigEndian.Uint32(packet[4:])
	r.esp, r.cut = packet, length-len(packet)
	if f.hold != nil && !r.released && !f.db.Keyed(r.SPI) {
		r.waits = true
		return
	}
	r.flow = f.db.Lookup(r.SPI, r.Net.Src, r.Net.Dst)
	sa, high, err := r.flow.Admit(packet, r.cut, f.clock.now)
	r.State = r.flow.State()
	r.Reason = r.State.Reason
	if sa == nil {
		var reason string
		r.Verdict, reason = esp.VerdictOf(nil, err)
		if r.Reason == "" {
			r.Reason = reason
		}
		f.settlePlain(r)
		return
	}
	r.SA, r.seqHigh = sa, high
}

// settlePlain settles the fragments of a datagram that is not to be decrypted.
func (f *framer) settlePlain(r *Record) {
	if g := r.complete; g != nil {
		g.settle(0)
	}
}

// verdictOf is the verdict that an error of package ikev1 means.
func verdictOf(err error) Verdict {
	for _, e := range [...]struct {
		err error
		v   Verdict
	}{
		{ikev1.ErrNoKey, NoKey}, {ikev1.ErrWrongKey, WrongKey}, {ikev1.ErrIncomplete, Incomplete}, {ikev1.ErrTruncated, Truncated},
	} {
		if errors.Is(err, e.err) {
			return e.v
		}
	}
	return Malformed
}

// giveUp lets the line, which waits for g, go on: fragments pass as they are, though the
// datagram is still put together when the rest of it comes; IKE frames pass with what is known by now.
func (f *framer) giveUp(g *group) {
	f.late.settle(f.late.position(g) + 1)
	f.settle(g, 0)
}

// giveUpAll settles everything that waits: the input has ended.
func (f *framer) giveUpAll() {
	f.late.settle(len(f.late.queue))
	f.reassembly.Abandon(0)
	f.giveUpIKE()
}

func (f *framer) expire(now int64) {
	if now < f.expireAt && now > f.expireAt-2*expireEvery {
		return
	}
	f.expireAt = now + expireEvery
	f.db.Expire(now, flowIdle)
	f.ike.Expire(now)
}
