package ppp

import "slices"

// compressor is the receiving side of a compression or encryption that CCP negotiates (RFC 1962),
// of one direction.
type compressor interface {
	// number is the packet's number; alone says that it can be read whatever is missing before it.
	number(packet []byte) (number uint16, alone, ok bool)
	// expand appends the frame that a packet holds, from the protocol field on. errLate says that
	// it has come too late or twice, errHistory that it refers to what is not known. After another
	// error of a packet that is not alone, the state is of no use until a reset.
	expand(dst, packet []byte) ([]byte, error)
	// counts reports whether packets of this protocol that are sent as they are have a number too;
	// pass takes note of one.
	counts(protocol uint16) bool
	pass(protocol uint16, data []byte)
	// restart reports whether the state can be begun anew with a packet, whatever was before: with
	// that packet, or, as after says, with the next.
	restart(packet []byte) (after, ok bool)
	// reset reports whether a Reset-Ack makes state and numbers begin again.
	reset() bool
	// drop frees the state, which is then that of the beginning.
	drop()
	// size is about how many bytes the state has.
	size() int
}

const (
	maxEarly    = 64       // packets that wait for one before them
	maxPassed   = 64       // packets sent as they are that wait for the next number
	maxKeptData = 96 << 10 // bytes of either
)

// stream puts the packets of a compressor in the order of their numbers, for networks and kernels
// reorder them, and expands them.
type stream struct {
	comp    compressor // nil: none was negotiated, or none that is known
	mask    uint16     // of the numbers
	next    uint16     // that is expected, not counting passed
	waiting bool       // for a reset

	// passed are the packets that were sent as they are since the last number. They show no number:
	// how many of them were sent before a compressed packet is known when that comes.
	passed     []passedPacket
	passedData []byte
	unshown    uint64 // bit i: a packet that shows no number was taken for next-1-i
	early      []earlyPacket
	earlyData  int    // bytes
	losses     uint64 // how often packets were lost, as far as is known
}

type passedPacket struct {
	position Position
	protocol uint16
	end      int // in passedData
}

// earlyPacket is one that came before another of a lower number.
type earlyPacket struct {
	number   uint16
	position Position
	passed   int // how many of those passed were sent before it
	frames   int // that it came in
	packet   []byte
}

// begin starts with a compressor, nil for none.
func (s *stream) begin(x *Expander, c compressor, mask uint16) {
	s.giveUp(x)
	*s = stream{comp: c, mask: mask, passed: s.passed, passedData: s.passedData, early: s.early, losses: s.losses + 1}
}

// reset follows a Reset-Ack of the sender.
func (s *stream) reset(x *Expander) {
	if s.comp != nil && s.comp.reset() {
		s.lose(x)
		s.evict(x)
		s.next, s.unshown, s.waiting = 0, 0, false
	}
}

// evict frees memory. What follows has to wait for a reset.
func (s *stream) evict(x *Expander) {
	s.giveUp(x)
	if s.comp != nil {
		s.comp.drop()
	}
	s.passedData, s.waiting = nil, true
	s.losses++
}

// lose goes on without what the packets that wait are waiting for: with the next reset.
func (s *stream) lose(x *Expander) {
	if len(s.early) == 0 {
		return
	}
	missing := int(s.mask)
	for _, e := range s.early {
		missing = min(missing, int((e.number-s.next)&s.mask)-e.passed)
	}
	x.counts.Lost += uint64(missing)
	s.giveUp(x)
	s.waiting = true
	s.losses++
}

// giveUp forgets the packets that wait.
func (s *stream) giveUp(x *Expander) {
	for _, e := range s.early {
		x.settle(Waiting, e.frames)
	}
	s.early, s.earlyData = s.early[:0], 0
	s.passed, s.passedData = s.passed[:0], s.passedData[:0]
}

// size is about how many bytes s holds.
func (s *stream) size() int {
	n := cap(s.passedData) + s.earlyData
	if s.comp != nil {
		n += s.comp.size()
	}
	return n
}

// pass takes note of a packet that was sent as it is, and expands those that waited for it. It is
// taken for one that was sent before an early packet only if its position says so: if a packet was
// lost, one that was sent later does not stand in for it.
func (s *stream) pass(x *Expander, protocol uint16, data []byte, up func([]byte) State) {
	if s.comp == nil || s.waiting || !s.comp.counts(protocol) {
		return
	}
	at, start := s.before(&x.position), 0
	if at > 0 {
		start = s.passed[at-1].end
	}
	s.passedData = slices.Insert(s.passedData, start, data...)
	s.passed = slices.Insert(s.passed, at, passedPacket{x.position, protocol, start})
	for i := range s.passed[at:] {
		s.passed[at+i].end += len(data)
	}
	for i := range s.early {
		if e := &s.early[i]; at < e.passed || at == e.passed && e.position.behind(&x.position) {
			e.passed++
		}
	}
	switch {
	case len(s.passed) <= maxPassed && len(s.passedData) <= maxKeptData:
	case len(s.early) > 0: // the packet that is missing never comes
		s.lose(x)
	default:
		s.take((len(s.passed) + 1) / 2)
	}
	s.drain(x, up)
}

// take hands the first n of the passed packets to the compressor.
func (s *stream) take(n int) {
	at := 0
	for _, p := range s.passed[:n] {
		s.comp.pass(p.protocol, s.passedData[at:p.end])
		at = p.end
	}
	s.advance(n, uint64(1)<<n-1)
	for i := range s.early {
		s.early[i].passed = max(s.early[i].passed-n, 0)
	}
	s.passed = slices.Delete(s.passed, 0, n)
	s.passedData = s.passedData[:copy(s.passedData, s.passedData[at:])]
	for i := range s.passed {
		s.passed[i].end -= at
	}
}

// receive expands a packet, and those that waited for it. up is given each frame.
func (s *stream) receive(x *Expander, packet []byte, up func([]byte) State) State {
	number, alone, ok := s.comp.number(packet)
	ahead := (number - s.next) & s.mask
	switch behind := ahead > s.mask/2; {
	case !ok:
		return Damaged
	case alone:
		if ahead > 0 && !behind {
			s.losses++
		}
		state, read := s.expand(x, packet, up)
		switch {
		case read && behind:
			x.counts.Lost -= min(x.counts.Lost, 1)
		case read:
			s.skip(x, number, int(ahead))
			s.drain(x, up)
		}
		return state
	case behind && s.unshown>>((s.next-1-number)&s.mask)&1 != 0:
		s.evict(x) // what was taken for this packet was sent later
		return Waiting
	case behind:
		return Repeated
	case s.waiting:
		return s.restart(x, number, packet, up)
	case int(ahead) > s.beforeNumber(&x.position, number):
		return s.hold(x, number, packet)
	default:
		state := s.turn(x, int(ahead), packet, up)
		s.drain(x, up)
		return state
	}
}

// restart goes on with a packet of a sender of whom too much was lost, if that is possible.
func (s *stream) restart(x *Expander, number uint16, packet []byte, up func([]byte) State) State {
	after, ok := s.comp.restart(packet)
	if !ok {
		return Waiting
	}
	s.next, s.unshown, s.waiting = number, 0, false
	if after {
		s.advance(1, 0)
		return Waiting
	}
	return s.turn(x, 0, packet, up)
}

// before is how many of the packets passed were sent before one of this position, as far as is
// known.
func (s *stream) before(p *Position) int {
	n := len(s.passed)
	for n > 0 && s.passed[n-1].position.behind(p) {
		n--
	}
	return n
}

// beforeNumber is the same for a packet of this number: those that were sent behind one of a higher
// number do not count.
func (s *stream) beforeNumber(p *Position, number uint16) int {
	n := s.before(p)
	for _, e := range s.early {
		if (e.number-number)&s.mask <= s.mask/2 {
			n = min(n, e.passed)
		}
	}
	return n
}

// advance goes on behind n numbers; unshown has a bit for each that no packet showed.
func (s *stream) advance(n int, unshown uint64) {
	s.next += uint16(n)
	s.unshown = s.unshown<<n | unshown
}

// turn expands the packet whose turn it is, ahead of which some were passed.
func (s *stream) turn(x *Expander, ahead int, packet []byte, up func([]byte) State) State {
	s.take(ahead)
	state, read := s.expand(x, packet, up)
	s.advance(1, 0)
	if !read {
		s.waiting = true
		s.losses++
	}
	return state
}

// expand hands up what a packet holds; read says whether that could be read.
func (s *stream) expand(x *Expander, packet []byte, up func([]byte) State) (state State, read bool) {
	at := len(x.arena)
	out, err := s.comp.expand(x.arena, packet)
	switch err {
	case nil:
		x.arena = out
		return max(up(out[at:len(out):len(out)]), Expanded), true
	case errHistory:
		x.arena = out
		return Waiting, true
	case errLate:
		return Repeated, false
	case errGap, errKey:
		return Waiting, false
	}
	return Damaged, false
}

// skip goes on behind a packet that could be read although packets before it are missing, or wait.
func (s *stream) skip(x *Expander, number uint16, ahead int) {
	s.early = slices.DeleteFunc(s.early, func(e earlyPacket) bool {
		gone := (number-e.number)&s.mask <= s.mask/2
		if gone {
			x.settle(Waiting, e.frames)
			ahead--
		}
		return gone
	})
	x.counts.Lost += uint64(max(ahead, 0))
	s.next, s.waiting = number+1, false
}

// hold keeps a packet until those before it have come. When too many wait, what they wait for is
// lost.
func (s *stream) hold(x *Expander, number uint16, packet []byte) State {
	switch {
	case slices.ContainsFunc(s.early, func(e earlyPacket) bool { return e.number == number }):
		return Repeated
	case len(s.early) == maxEarly || s.earlyData+len(packet) > maxKeptData:
		s.lose(x)
		return Waiting
	}
	s.early = append(s.early, earlyPacket{number, x.position, s.beforeNumber(&x.position, number), x.frames,
		slices.Clone(packet)})
	s.earlyData += len(packet)
	return Held
}

// drain expands the packets that wait for no other any more.
func (s *stream) drain(x *Expander, up func([]byte) State) {
	frames, position := x.frames, x.position
	for i := 0; i < len(s.early) && !s.waiting; {
		e := s.early[i]
		ahead := int((e.number - s.next) & s.mask)
		if i++; ahead > e.passed {
			continue
		}
		s.early = slices.Delete(s.early, i-1, i)
		s.earlyData -= len(e.packet)
		i, x.frames, x.position = 0, e.frames, e.position
		x.settle(s.turn(x, ahead, e.packet, up), e.frames)
	}
	x.frames, x.position = frames, position
	if s.waiting {
		s.giveUp(x)
	}
}
