package sessions

import "slices"

// Bounds of a series: how many buckets there are, and how long one is at first.
const (
	maxBuckets  = 120
	firstBucket = int64(10e6) // nanoseconds
)

// series is the traffic of a session over time, in buckets of equal length. When there is no room
// for a later one, each two neighbours become one of twice the length.
type series struct {
	start   int64 // of the first bucket, nanoseconds since the Unix epoch
	length  int64 // of each, nanoseconds
	buckets []bucket
}

// bucket is what passed in a span of time. Arrays are of the client and the server.
type bucket struct {
	users  [2]uint64 // bytes of the users' IP packets
	bare   [2]uint64 // bytes of those that came without IPsec
	sealed [2]uint64 // bytes of ESP packets
	lost   [2]uint64 // ESP packets that the sequence numbers say were sent, and that did not come
	rekeys uint64
}

// at is the bucket of a time.
func (s *series) at(time int64) *bucket {
	if s.buckets == nil {
		s.start, s.length = time, firstBucket
		s.buckets = make([]bucket, 1)
	}
	past := max(0, time-s.start) // a clock may be set back
	for past/s.length >= maxBuckets {
		s.halve()
	}
	i := int(past / s.length)
	for len(s.buckets) <= i {
		s.buckets = append(s.buckets, bucket{})
	}
	return &s.buckets[i]
}

// halve makes each two buckets one.
func (s *series) halve() {
	s.length *= 2
	n := (len(s.buckets) + 1) / 2
	for i := range n {
		b := s.buckets[2*i]
		if 2*i+1 < len(s.buckets) {
			b.add(&s.buckets[2*i+1])
		}
		s.buckets[i] = b
	}
	s.buckets = s.buckets[:n]
}

func (b *bucket) add(o *bucket) {
	for side := range b.users {
		b.users[side] += o.users[side]
		b.bare[side] += o.bare[side]
		b.sealed[side] += o.sealed[side]
		b.lost[side] += o.lost[side]
	}
	b.rekeys += o.rekeys
}

// miss counts lost packets of a side; n is less than 0 where some came late: they are taken off the
// latest losses.
func (s *series) miss(side int, n, time int64) {
	b := s.at(time)
	if n > 0 {
		b.lost[side] += uint64(n)
		return
	}
	for i := len(s.buckets) - 1; i >= 0 && n < 0; i-- {
		b := &s.buckets[i]
		late := min(b.lost[side], uint64(-n))
		b.lost[side] -= late
		n += int64(late)
	}
}

// adoptBare counts what came without IPsec as what the session is.
func (s *series) adoptBare() {
	for i := range s.buckets {
		b := &s.buckets[i]
		for side, n := range b.bare {
			b.users[side] += n
		}
	}
}

// jsonTraffic is the series as it is printed. Arrays have a value for each bucket; absent: all are
// 0.
type jsonTraffic struct {
	Time      seconds  `json:"ts"`
	Interval  seconds  `json:"interval"` // length of a bucket
	Of        string   `json:"of"`       // "users": their IP packets; "esp": ESP packets, as none of these was read
	OrigBytes []uint64 `json:"orig_bytes"`
	RespBytes []uint64 `json:"resp_bytes"`
	OrigLost  []uint64 `json:"orig_lost,omitempty"`
	RespLost  []uint64 `json:"resp_lost,omitempty"`
	Rekeys    []uint64 `json:"rekeys,omitempty"`
}

// object is the series as it is printed; nil: there was no traffic. users: some of the users'
// packets could be read.
func (s *series) object(users bool) *jsonTraffic {
	if s.buckets == nil {
		return nil
	}
	o := &jsonTraffic{Time: seconds(s.start), Interval: seconds(s.length), Of: "esp"}
	bytes := func(b *bucket) [2]uint64 { return b.sealed }
	if users {
		o.Of = "users"
		bytes = func(b *bucket) [2]uint64 { return b.users }
	}
	o.OrigBytes = s.values(func(b *bucket) uint64 { return bytes(b)[client] })
	o.RespBytes = s.values(func(b *bucket) uint64 { return bytes(b)[server] })
	o.OrigLost = unlessZero(s.values(func(b *bucket) uint64 { return b.lost[client] }))
	o.RespLost = unlessZero(s.values(func(b *bucket) uint64 { return b.lost[server] }))
	o.Rekeys = unlessZero(s.values(func(b *bucket) uint64 { return b.rekeys }))
	return o
}

func (s *series) values(of func(*bucket) uint64) []uint64 {
	list := make([]uint64, len(s.buckets))
	for i := range s.buckets {
		list[i] = of(&s.buckets[i])
	}
	return list
}

// unlessZero is a list, which is not empty, nil if all of it is 0.
func unlessZero(list []uint64) []uint64 {
	if slices.Max(list) == 0 {
		return nil
	}
	return list
}
