package ppp

import (
	"cmp"
	"net/netip"
)

// Link is a PPP link between two ends, 0 and 1.
type Link struct {
	x         *Expander
	addresses [2]netip.AddrPort
	sums      [2]bool // each end sends with right checksums
	*followed         // nil as long as there were only users' packets, of which nothing is to be known
}

// followed is what is known of a link.
type followed struct {
	bundle    *bundle // nil: none yet, see Link.own
	flip      int     // the direction in the bundle of what end 0 sends
	joined    bool    // the bundle is that of Multilink
	undecided bool    // which one it is will be known with the first fragment

	lcp       negotiation
	multilink [2]bool   // the end may send fragments
	mask      [2]uint32 // the format of their headers; 0: not known
	endpoint  [2]string // Endpoint-Discriminator of each end
	auth      authentication

	recent [2][8]uint64 // the last frames of each end, by a hash

	last [2]uint32 // sequence number sent last in each direction of the bundle; at first that before it joined
	down bool      // it was terminated
	told bool      // that the password is wrong, or can't be checked
}

// NewLink returns a link between two ends, whose addresses tell it from others where they have no
// names.
func (x *Expander) NewLink(a, b netip.AddrPort) *Link {
	return &Link{x: x, addresses: [2]netip.AddrPort{a, b}}
}

// Close frees what is kept for a link that has ended. It is the last call for the link.
func (l *Link) Close() {
	if l.followed != nil && l.bundle != nil {
		l.bundle.remove(l)
	}
}

// own is the bundle of the link, which is one of its own as long as it has joined no other.
func (l *Link) own() *bundle {
	if l.bundle == nil {
		l.bundle = newBundle(l.x, l)
	}
	return l.bundle
}

// Expand follows a frame that an end sent, f having been decoded from it. For a plain frame of a
// known link it does not allocate. What became of it is written to r.
func (l *Link) Expand(r *Result, sender int, f *Frame, frame []byte) {
	*r = Result{}
	x := l.x
	x.arena, x.packets, x.frames, x.position = x.arena[:0], x.packets[:0], 1, f.Position
	payload := frame[f.PayloadStart:f.PayloadEnd]
	switch {
	case f.Cut || l.damaged(sender, f):
		if packed(f.Protocol) {
			r.State = Damaged
			x.count(Damaged, 1)
		}
		return
	case !l.follow(f.Protocol):
		return
	case f.Protocol >= 0xc000:
		l.linkControl(sender, f.Protocol, payload)
		if l.auth.confirmed {
			l.report(Plain, "")
		}
		r.Packets = x.packets
		return
	}
	switch {
	case l.joined:
	case f.Protocol == protocolMultilink:
		l.join(sender, payload)
	case l.multilink != [2]bool{} && !l.undecided:
		l.join(sender, nil)
	}
	b := l.own()
	direction := sender ^ l.flip
	switch copies := packed(f.Protocol) || b.ccp.streams[direction].comp != nil; {
	case f.Protocol == protocolMultilink:
		r.Fragment = true
		l.fragment(r, sender, payload)
	case copies && f.Position.copied(l.recent[sender][:], frame):
		if packed(f.Protocol) {
			r.State = Repeated
			x.count(Repeated, 1)
		}
	default:
		r.State = b.frame(direction, frame, false)
		if r.State != Plain {
			x.count(r.State, 1)
		}
	}
	switch {
	case f.Protocol == protocolCompressed || r.Fragment:
		r.Compression = b.ccp.names[direction]
	case r.State == Unknown:
		r.Compression = ProtocolName(f.Protocol)
	}
	if r.State != Plain || b.ccp.keeps(direction) {
		x.account(b)
	}
	l.report(r.State, r.Compression)
	r.Packets = x.packets
}

// follow reports whether there is anything to be known of the link, as there is from the first
// frame on that is no user's packet.
func (l *Link) follow(protocol uint16) bool {
	if l.followed == nil && protocol != ProtocolIP && protocol != ProtocolIPv6 {
		l.followed = new(followed)
	}
	return l.followed != nil
}

// damaged reports whether a frame was damaged on the way, so that nobody receives it: the checksum
// is wrong of what carries it, and of others was right.
func (l *Link) damaged(sender int, f *Frame) bool {
	l.sums[sender] = l.sums[sender] || f.Checksum == ChecksumRight
	return f.Checksum == ChecksumWrong && l.sums[sender]
}

// packed reports whether frames of a protocol hold packets that have to be expanded.
func packed(protocol uint16) bool {
	switch protocol {
	case protocolVJCompressed, protocolVJUncompressed, protocolCompressed, protocolMultilink:
		return true
	}
	return false
}

// fragment follows a fragment of Multilink.
func (l *Link) fragment(r *Result, sender int, payload []byte) {
	x, b, direction := l.x, l.bundle, sender^l.flip
	mp := &b.mp[direction]
	known := l.mask[sender] != 0
	if !known {
		l.mask[sender] = cmp.Or(mp.mask, guessMask(payload))
	}
	mask := l.mask[sender]
	f, ok := readFragment(payload, mask)
	switch {
	case mask == 0: // the format of its header is not known, and it is not the beginning of a packet
		r.Fragment, r.State = false, Incomplete
	case !ok:
		r.State = Damaged
	}
	if r.State != Plain {
		x.count(r.State, 1)
		return
	}
	r.Number, r.Begin, r.End = f.number, f.begin, f.end
	if mp.mask == 0 {
		if mp.mask = mask; !known || f.number > mpWindow {
			mp.next = f.number // the capture began later
		}
	}
	if (f.number-l.last[direction])&mask <= mask/2 {
		l.last[direction] = f.number
	}
	r.State = mp.receive(x, f, b.passed(direction), b.ordered(direction), b.frameUp[direction])
}

// join makes the link one of the bundle of its ends (RFC 1990 section 5.1.3): of the same endpoints
// and the same user. Where it is not in the capture what they are, of the only bundle between the
// same addresses that can be theirs; the number of the link's first fragment tells, without which,
// nil, the link does not join yet if there is any.
func (l *Link) join(sender int, fragment []byte) {
	if l.joinEnds() {
		return
	}
	var found *bundle
	n := 0
	for _, b := range l.x.between[lowerFirst(l.addresses)] {
		flip := l.flipIn(b)
		if l.mayJoin(b, flip) && (fragment == nil || b.follows(sender^flip, fragment)) {
			found = b
			n++
		}
	}
	switch {
	case n > 0 && fragment == nil:
		l.undecided = true
	case n == 1:
		l.enter(found, l.flipIn(found))
	default:
		b := l.own()
		b.user, b.endpoints, b.addresses = l.auth.user, l.endpoint, l.addresses
		l.joined = true
		l.x.list(b)
		l.giveKeys()
	}
}

// joinEnds joins the bundle of the same ends, if they are known and there is one.
func (l *Link) joinEnds() bool {
	if l.multilink == [2]bool{} {
		return false
	}
	key, first := endsKey(l.endpoint, l.addresses, l.auth.user)
	for _, b := range l.x.bundles[key] {
		if same(b.user, l.auth.user) {
			l.enter(b, first^b.order)
			return true
		}
	}
	return false
}

// flipIn is the direction in a bundle between the same addresses of what end 0 sends.
func (l *Link) flipIn(b *bundle) int {
	if l.addresses == b.addresses {
		return 0
	}
	return 1
}

// mayJoin reports whether nothing that is known of the ends tells the link from those of a bundle.
func (l *Link) mayJoin(b *bundle, flip int) bool {
	return same(b.user, l.auth.user) && same(b.endpoints[flip], l.endpoint[0]) && same(b.endpoints[1-flip], l.endpoint[1])
}

// same reports whether two names, "" for one that is not known, may be the same.
func same(a, b string) bool { return a == "" || b == "" || a == b }

// enter makes the link one of a bundle, of whose ends more may be known by it.
func (l *Link) enter(b *bundle, flip int) {
	l.Close()
	l.x.unlist(b)
	b.user = cmp.Or(b.user, l.auth.user)
	for end, name := range l.endpoint {
		b.endpoints[end^flip] = cmp.Or(b.endpoints[end^flip], name)
	}
	l.x.list(b)
	l.bundle, b.links, l.flip, l.joined = b, append(b.links, l), flip, true
	for i := range l.last {
		l.last[i] = (b.mp[i].next - 1) & b.mp[i].mask
	}
}

// giveKeys makes the keys that logging in yielded those of the bundle.
func (l *Link) giveKeys() {
	if l.auth.keys != nil {
		b := l.own()
		b.keys, b.client = l.auth.keys, 1-l.auth.challenger^l.flip
	}
}

// linkControl follows LCP and the protocols that prove who the ends are.
func (l *Link) linkControl(sender int, protocol uint16, payload []byte) {
	var c Control
	if c.Decode(protocol, payload) != nil {
		return
	}
	switch protocol {
	case protocolLCP:
		l.lcpControl(sender, &c)
	case protocolPAP:
		l.auth.pap(&c)
	case protocolCHAP:
		l.auth.chap(sender, &c, l.auth.algorithms[1-sender], l.x.secrets)
		l.giveKeys()
	case protocolEAP:
		l.auth.eap(sender, &c, l.x.secrets)
		l.giveKeys()
	}
	up := l.auth.accepted || l.auth.algorithms == [2]byte{} && l.lcp.acked == [2]bool{true, true}
	if up && !l.joined && !l.undecided && l.multilink != [2]bool{} {
		l.join(sender, nil) // before it sends anything, so that the others do not run ahead of it
	}
	if l.joined {
		l.bundle.user = cmp.Or(l.bundle.user, l.auth.user)
	}
}

func (l *Link) lcpControl(sender int, c *Control) {
	again, acked := l.lcp.observe(sender, c)
	switch {
	case c.Code == codeTerminateRequest:
		if l.down = true; l.bundle != nil {
			l.bundle.linkDown()
		}
	case again || l.down && c.Code == codeConfigureRequest:
		l.Close()
		*l = Link{x: l.x, addresses: l.addresses, followed: &followed{lcp: l.lcp}}
	}
	switch {
	case acked:
		l.agree(sender, c)
	case c.Code == codeConfigureRequest: // its Ack may not be seen; else a further request follows
		l.agree(1-sender, c)
	}
}

// agree takes note of the options that an end complies with.
func (l *Link) agree(sender int, c *Control) {
	l.mask[sender], l.multilink[sender], l.auth.algorithms[sender] = longMask, false, 0
	for kind, value := range rawOptions(c.Data) {
		switch {
		case kind == lcpMRRU:
			l.multilink[sender] = true
		case kind == lcpShortSequence:
			l.mask[sender] = shortMask
		case kind == lcpEndpoint && len(value) > 1:
			l.endpoint[1-sender] = string(value)
		case kind == lcpAuthentication && len(value) == 3 && value[0] == protocolCHAP>>8 && value[1] == protocolCHAP&0xff:
			l.auth.algorithms[sender] = value[2]
		case kind == lcpAuthentication:
			l.auth.algorithms[sender] = noCHAP
		}
	}
}
