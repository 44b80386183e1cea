package ppp

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// State is what became of a frame.
type State uint8

const (
	Plain      State = iota // it is neither compressed nor encrypted, and no fragment
	Expanded                // what it held was given out, or is part of a packet that was
	Held                    // it waits for frames that ought to have come before it, or for other fragments
	Waiting                 // it can't be read: what it needs is lost, until the next reset
	NoKey                   // it is encrypted, and the key is not known
	Unknown                 // with what it is compressed or encrypted is not known, or not in this package
	Damaged                 // it does not expand, or not to a packet whose checksums are right
	Repeated                // it has come before, or too late
	Incomplete              // it is a fragment of a packet of which others are lost
	numStates
)

// String says of a frame what became of it: "expanded", "waiting for a reset".
func (s State) String() string { return stateNames[s] }

var stateNames = [numStates]string{
	Plain: "plain", Expanded: "expanded", Held: "waiting for others", Waiting: "waiting for a reset", NoKey: "no key",
	Unknown: "unknown compression", Damaged: "damaged", Repeated: "late or repeated", Incomplete: "incomplete",
}

// Packet is a packet of the network layer that came out of frames that were compressed, encrypted
// or fragments.
type Packet struct {
	Protocol uint16
	Data     []byte
}

// Result is what Link.Expand found. It is valid until the next call for any link of the Expander.
type Result struct {
	State       State
	Packets     []Packet // of this frame, and of earlier ones that had waited for it, in their order
	Compression string   // with what the sender compresses or encrypts, as CCP names it: "deflate", "mppe"; "" not known
	Fragment    bool     // of Multilink, with its sequence number and bits:
	Number      uint32
	Begin, End  bool
}

// Counts are of the frames that were no plain ones, by what became of them.
type Counts struct {
	States [numStates]uint64 // by State; of Held those that still wait
	Lost   uint64            // packets and fragments that never came, by their sequence numbers
}

// Plus is the sum of two counts.
func (c Counts) Plus(other Counts) Counts {
	for i, n := range other.States {
		c.States[i] += n
	}
	c.Lost += other.Lost
	return c
}

// String is "228 compressed, encrypted or split: 220 expanded, 8 waiting for a reset; 2 lost".
func (c Counts) String() string {
	total := uint64(0)
	var parts []string
	for s, n := range c.States {
		if total += n; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, State(s)))
		}
	}
	text := fmt.Sprintf("%d compressed, encrypted or split: %s", total, strings.Join(parts, ", "))
	if c.Lost > 0 {
		text += fmt.Sprintf("; %d lost", c.Lost)
	}
	return text
}

// Limits of an Expander.
const (
	maxStateBytes = 64 << 20 // of all state of compression and reassembly
	maxFindings   = 1000
)

// Expander expands and decrypts the frames of any number of links. It is for one goroutine. The
// memory it takes is bounded: of state that has not been used for long it keeps so little that the
// next reset is needed.
type Expander struct {
	secrets  *Secrets
	inflater inflater
	bundles  map[string]*bundle   // of Multilink
	loaded   map[*bundle]struct{} // those that have state
	bytes    int                  // of all state
	clock    uint64

	// Of the frame at hand.
	arena    []byte // what was expanded
	packets  []Packet
	frames   int // how many the packet came in
	position Position

	held     uint64
	counts   Counts
	findings map[Finding]uint64
}

// NewExpander returns an Expander that knows passwords, nil for none.
func NewExpander(secrets *Secrets) *Expander {
	return &Expander{
		secrets:  secrets,
		bundles:  make(map[string]*bundle),
		loaded:   make(map[*bundle]struct{}),
		findings: make(map[Finding]uint64),
	}
}

// Counts returns the counts so far.
func (x *Expander) Counts() Counts {
	c := x.counts
	c.States[Held] = x.held
	return c
}

// count takes note of what became of frames that did not wait.
func (x *Expander) count(s State, frames int) {
	if s == Held {
		x.held += uint64(frames)
	} else {
		x.counts.States[s] += uint64(frames)
	}
}

// settle takes note of what became of frames that have waited.
func (x *Expander) settle(s State, frames int) {
	x.held -= uint64(frames)
	x.count(s, frames)
}

// account takes note of how much memory a bundle takes, and makes room if it is too much.
func (x *Expander) account(b *bundle) {
	x.clock++
	b.used = x.clock
	size := b.bytes()
	x.bytes += size - b.size
	b.size = size
	if size > 0 {
		x.loaded[b] = struct{}{}
	}
	if x.bytes <= maxStateBytes {
		return
	}
	var all []*bundle
	for b := range x.loaded {
		all = append(all, b)
	}
	slices.SortFunc(all, func(a, b *bundle) int { return cmp.Compare(a.used, b.used) })
	for _, b := range all {
		if x.bytes <= maxStateBytes*7/8 {
			return
		}
		b.evict()
		x.forgetSize(b)
	}
}

// forgetSize takes note that a bundle has no state any more.
func (x *Expander) forgetSize(b *bundle) {
	x.bytes -= b.size
	b.size = 0
	delete(x.loaded, b)
}

// forget takes a bundle out that has no link any more.
func (x *Expander) forget(b *bundle) {
	x.forgetSize(b)
	if b.key != "" {
		delete(x.bundles, b.key)
	}
}

// Link is a PPP link between two ends, 0 and 1.
type Link struct {
	x         *Expander
	addresses [2]netip.AddrPort
	bundle    *bundle
	flip      int  // the direction in the bundle of what end 0 sends
	joined    bool // the bundle is that of Multilink

	lcp       negotiation
	multilink [2]bool   // the end may send fragments
	mask      [2]uint32 // the format of their headers; 0: not known
	endpoint  [2]string // Endpoint-Discriminator of each end
	auth      authentication

	recent [2]recentFrames // of each end
	sums   [2]bool         // each end sends with right checksums

	last [2]uint32 // sequence number sent last in each direction of the bundle; at first that before it joined
	down bool      // it was terminated
	told bool      // that the password is wrong
}

// NewLink returns a link between two ends, whose addresses tell it from others where they have no
// names.
func (x *Expander) NewLink(a, b netip.AddrPort) *Link {
	l := &Link{x: x, addresses: [2]netip.AddrPort{a, b}}
	l.bundle = newBundle(x, l)
	return l
}

// Close frees what is kept for a link that has ended.
func (l *Link) Close() {
	l.bundle.remove(l)
	l.bundle = newBundle(l.x, l)
}

// Expand follows a frame that an end sent, f having been decoded from it. For a plain frame of a
// known link it does not allocate.
func (l *Link) Expand(sender int, f *Frame, frame []byte) (r Result) {
	x := l.x
	x.arena, x.packets, x.frames, x.position = x.arena[:0], x.packets[:0], 1, f.Position
	payload := frame[f.PayloadStart:f.PayloadEnd]
	l.sums[sender] = l.sums[sender] || f.Checksum == ChecksumRight
	switch {
	case f.Cut, f.Checksum == ChecksumWrong && l.sums[sender]: // what was damaged on the way is not received
		if packed(f.Protocol) {
			r.State = Damaged
			x.count(Damaged, 1)
		}
		return r
	case f.Protocol >= 0xc000:
		l.linkControl(sender, f.Protocol, payload)
		if l.auth.confirmed {
			l.report(Plain, "")
		}
		r.Packets = x.packets
		return r
	}
	if !l.joined && (f.Protocol == protocolMultilink || l.multilink[0] || l.multilink[1]) {
		l.join()
	}
	b := l.bundle
	direction := sender ^ l.flip
	switch copies := packed(f.Protocol) || b.ccp.streams[direction].comp != nil; {
	case f.Protocol == protocolMultilink:
		r.Fragment = true
		l.fragment(&r, sender, payload)
	case copies && l.recent[sender].repeats(&f.Position, frame):
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
	return r
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
		if mp.mask = mask; !known {
			mp.next = f.number // the capture began later
		}
	}
	if (f.number-l.last[direction])&mask <= mask/2 {
		l.last[direction] = f.number
	}
	r.State = mp.receive(x, f, b.passed(direction), b.ordered(direction), b.frameOf(direction))
}

// join makes the link one of the bundle of its ends (RFC 1990 section 5.1.3): of the same endpoints
// and the same user; where neither is known, of the same addresses.
func (l *Link) join() {
	l.joined = true
	ends := l.endpoint
	order := cmp.Or(cmp.Compare(ends[0], ends[1]), l.addresses[0].Compare(l.addresses[1]))
	if ends == [2]string{} && l.auth.user == "" {
		ends = [2]string{l.addresses[0].String(), l.addresses[1].String()}
	}
	if order > 0 { // links may have been dialled from either end
		ends[0], ends[1], l.flip = ends[1], ends[0], 1
	}
	key := strings.Join([]string{ends[0], ends[1], l.auth.user}, "\x00")
	if b := l.x.bundles[key]; b != nil {
		l.bundle.remove(l)
		l.bundle, b.links = b, append(b.links, l)
		for i := range l.last {
			l.last[i] = (b.mp[i].next - 1) & b.mp[i].mask
		}
		return
	}
	l.x.bundles[key], l.bundle.key = l.bundle, key
	l.giveKeys()
}

// giveKeys makes the keys that logging in yielded those of the bundle.
func (l *Link) giveKeys() {
	if l.auth.keys != nil {
		l.bundle.keys, l.bundle.client = l.auth.keys, 1-l.auth.challenger^l.flip
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
		l.auth.chap(sender, &c, l.x.secrets)
		l.giveKeys()
	case protocolEAP:
		l.auth.eap(sender, &c, l.x.secrets)
		l.giveKeys()
	}
	up := l.auth.accepted || l.auth.algorithms == [2]byte{} && l.lcp.acked == [2]bool{true, true}
	if up && !l.joined && l.multilink != [2]bool{} {
		l.join() // before it sends anything, so that the others do not run ahead of it
	}
}

func (l *Link) lcpControl(sender int, c *Control) {
	again, acked := l.lcp.observe(sender, c)
	switch {
	case c.Code == codeTerminateRequest:
		l.down = true
		l.bundle.linkDown()
	case again || l.down && c.Code == codeConfigureRequest:
		l.Close()
		*l = Link{x: l.x, addresses: l.addresses, bundle: l.bundle, lcp: l.lcp}
	}
	if !acked {
		return
	}
	l.mask[sender] = longMask
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
