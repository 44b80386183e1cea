package sessions

import "slices"

// roundLives are the usual life times of phase 2, in seconds.
var roundLives = []int64{40, 60, 120, 180, 300, 600, 900, 1200, 1800, 2700, 3600, 7200, 10800, 14400, 28800, 86400}

// saExpired: a side falls silent when the life time of the ESP SA is over, and no other was agreed
// on.
func saExpired(s *Session) *proof {
	side, ok := s.silence()
	x := s.exchange()
	if !ok || x == nil || len(x.quicks) == 0 || s.hungUp(side) {
		return nil
	}
	q := lastOf(x.quicks, func(q *quick) bool { return q.messages[1].seen() && q.messages[3].seen() })
	if q == nil {
		return nil
	}
	start := q.messages[1].first
	lasted := s.protected[side].last.time - start.time
	lives := roundLives
	if q.life > 0 {
		lives = []int64{int64(q.life)}
	} else if renews := q != x.quicks[len(x.quicks)-1] || s.latest() != x; s.readable() || !s.asks(1-side) && !renews {
		return nil
	}
	for _, life := range lives {
		if !isLife(lasted, life) {
			continue
		}
		return found(q.life > 0, append(q.messages[3].frames(), s.protected[side].last.frame,
			s.alone[1-side].last.frame),
			"the connection ended when the life time of its ESP SA (%d s) was over: no renewal was agreed on",
			life)
	}
	return nil
}

// saDeleted: an end deletes its ESP SA when a usual life time is over, and nothing takes its place.
func saDeleted(s *Session) *proof {
	x := s.exchange()
	if x == nil || s.followed() || s.latest() != x || s.parted() || x.deleted[client].seen() ||
		x.deleted[server].seen() || s.wasEnded() {
		return nil
	}
	last := max(s.lastESP(), s.stray.last.time)
	if s.bounds[1].time-s.last.time < long {
		return nil
	}
	for side, at := range x.deletedESP {
		if !at.seen() || last > at.time+underway {
			continue
		}
		for _, q := range x.quicks {
			age := at.time - q.messages[1].first.time
			ofAge := slices.ContainsFunc(roundLives, func(life int64) bool { return isLife(age, life) })
			another := slices.ContainsFunc(s.flows, func(f *flow) bool {
				return f.span.first.time > q.messages[1].first.time && !slices.Contains(q.spis, f.spi)
			})
			if !ofAge || another || !q.messages[3].seen() || s.agreedAfter(q.messages[1].first) {
				continue
			}
			return typical([]uint64{at.frame},
				"%s deleted the ESP SA when it was %s old, as when its life time is over, and no other was agreed on: "+
					"nothing passed since",
				s.name(side), span64(age))
		}
	}
	return nil
}

// isLife says that a time in nanoseconds is about a life time in seconds.
func isLife(lasted, life int64) bool {
	const second = int64(1e9)
	slack := life * second * 3 / 100
	return lasted >= life*second-slack && lasted <= life*second+slack
}
