package ppp

import "slices"

// compressor is the receiving side of a compression or encryption that CCP negotiates (RFC 1962),
// of one direction.
type compressor interface {
	// number is the packet's number; alone says that it can be read whatever is missing before it.
	number(packet []byte) (number uint16, alone, ok bool)
	// expand appends the frame that a packet holds, from the protocol field on. errLate says that it
	// has come too late or twice. After another error of a packet that is not alone, the state is of
	// no use until a reset.
	expand(dst, packet []byte) ([]byte, error)
	// counts reports whether packets of this protocol that are sent as they are have a number too;
	// pass takes note of one.
	counts(protocol uint16) bool
	pass(protocol uint16, data []byte)
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

	afterReset bool // comp is nil, and nothing was received since a Reset-Ack

	// passed are the packets that were sent as they are since the last number. They show no number:
	// how many of them came before a compressed packet is known when that comes.
	passed     []passedPacket
	passedData []byte
	early      []earlyPacket
	earlyData  int // bytes
}

type passedPacket struct {
	protocol uint16
	end      int // in passedData
}

// earlyPacket is one that came before another of a lower number.
type earlyPacket struct {
	number uint16
	frames int // that it came in
	packet []byte
}

// begin starts with a compressor, nil for none.
func (s *stream) begin(x *Expander, c compressor, mask uint16) {
	s.giveUp(x)
	*s = stream{comp: c, mask: mask, passed: s.passed, passedData: s.passedData, early: s.early}
}

// reset follows a Reset-Ack of the sender.
func (s *stream) reset(x *Expander) {
	s.afterReset = s.comp == nil
	if s.comp != nil && s.comp.reset() {
		s.evict(x)
		s.next, s.waiting = 0, false
	}
}

// evict frees memory. What follows has to wait for a reset.
func (s *stream) evict(x *Expander) {
	s.giveUp(x)
	if s.comp != nil {
		s.comp.drop()
	}
	s.passedData, s.waiting = nil, true
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

// pass takes note of a packet that was sent as it is, and expands those that waited for it.
func (s *stream) pass(x *Expander, protocol uint16, data []byte, up func([]byte) State) {
	if s.comp == nil || s.waiting || !s.comp.counts(protocol) {
		return
	}
	s.passedData = append(s.passedData, data...)
	s.passed = append(s.passed, passedPacket{protocol, len(s.passedData)})
	if len(s.passed) > maxPassed || len(s.passedData) > maxKeptData {
		s.take(len(s.passed))
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
	s.next += uint16(n)
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
		state, read := s.expand(x, packet, up)
		switch {
		case read && behind:
			x.counts.Lost -= min(x.counts.Lost, 1)
		case read:
			s.skip(x, number, int(ahead))
			s.drain(x, up)
		}
		return state
	case behind:
		return Repeated
	case s.waiting:
		return Waiting
	case int(ahead) > len(s.passed):
		return s.hold(x, number, int(ahead), packet)
	default:
		state := s.turn(x, number, int(ahead), packet, up)
		s.drain(x, up)
		return state
	}
}

// turn expands the packet whose turn it is, ahead of which some were passed.
func (s *stream) turn(x *Expander, number uint16, ahead int, packet []byte, up func([]byte) State) State {
	s.take(ahead)
	state, read := s.expand(x, packet, up)
	s.next, s.waiting = number+1, !read
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
func (s *stream) hold(x *Expander, number uint16, ahead int, packet []byte) State {
	for _, e := range s.early {
		if e.number == number {
			return Repeated
		}
		ahead = min(ahead, int((e.number-s.next)&s.mask))
	}
	if len(s.early) == maxEarly || s.earlyData+len(packet) > maxKeptData {
		x.counts.Lost += uint64(ahead - len(s.passed))
		s.giveUp(x)
		s.waiting = true
		return Waiting
	}
	s.early = append(s.early, earlyPacket{number, x.frames, slices.Clone(packet)})
	s.earlyData += len(packet)
	return Held
}

// drain expands the packets that wait for no other any more.
func (s *stream) drain(x *Expander, up func([]byte) State) {
	frames := x.frames
	for i := 0; i < len(s.early) && !s.waiting; {
		e := s.early[i]
		ahead := int((e.number - s.next) & s.mask)
		if i++; ahead > len(s.passed) {
			continue
		}
		s.early = slices.Delete(s.early, i-1, i)
		s.earlyData -= len(e.packet)
		i, x.frames = 0, e.frames
		x.settle(s.turn(x, e.number, ahead, e.packet, up), e.frames)
	}
	x.frames = frames
	if s.waiting {
		s.giveUp(x)
	}
}
