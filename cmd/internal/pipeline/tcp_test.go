package pipeline_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"l2tpdump/cmd/internal/output"
	"l2tpdump/cmd/internal/pipeline"
	"l2tpdump/cmd/internal/why"
)

// segmentAt is tcp with a sequence number.
func segmentAt(seq uint32, from, to uint16, payload []byte) []byte {
	s := tcp(here4, there4, from, to, payload)
	binary.BigEndian.PutUint32(s[4:], seq)
	binary.BigEndian.PutUint16(s[16:], 0)
	binary.BigEndian.PutUint16(s[16:], onesComplement(here4.AsSlice(), there4.AsSlice(), []byte{0, 6, byte(len(s) >> 8), byte(len(s))}, s))
	return ipPacket(here4, there4, 6, s)
}

// tcpMessages are ESP packets as a TCP stream has them.
func tcpMessages(s *sealer, n int) (stream []byte, ends []int) {
	for i := range n {
		p := s.seal(17, udp(here4, there4, 1701, 1701, l2tpData(userPacket(i))))
		stream = binary.BigEndian.AppendUint16(stream, uint16(len(p)+2))
		stream = append(stream, p...)
		ends = append(ends, len(stream))
	}
	return stream, ends
}

// TestTCPStream: whatever the segments, each message is opened once, and its frame is that of the
// segment which completes it.
func TestTCPStream(t *testing.T) {
	const messages, first = 120, uint32(0xfffff000) // the numbers come round
	for _, c := range []struct {
		name        string
		prefix      bool
		port        uint16
		largest     int // bytes of a segment
		swap, again bool
	}{
		{name: "one port", prefix: true, port: 443, largest: 400},
		{name: "small", prefix: true, port: 4500, largest: 20},
		{name: "large", prefix: true, port: 4500, largest: 1400},
		{name: "without the prefix", port: 4500, largest: 300},
		{name: "out of order", prefix: true, port: 4500, largest: 300, swap: true},
		{name: "sent again", prefix: true, port: 4500, largest: 300, again: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := rand.New(rand.NewPCG(1, 2))
			s := aesSA(0x7000)
			stream, _ := tcpMessages(s, messages)
			if c.prefix {
				stream = append([]byte("IKETCP"), stream...)
			}
			var packets [][]byte
			for at := 0; at < len(stream); {
				n := min(6+r.IntN(c.largest), len(stream)-at)
				packets = append(packets, segmentAt(first+uint32(at), 50000, c.port, stream[at:at+n]))
				if c.again && r.IntN(3) == 0 {
					packets = append(packets, packets[max(len(packets)-3, 0)])
				}
				at += n
			}
			if c.swap {
				for i := 2; i+1 < len(packets); i += 3 {
					packets[i], packets[i+1] = packets[i+1], packets[i]
				}
			}
			o := follow(t, rawFrames(packets...), secrets(s.secret()), mode{text: true, layer: output.LayerL2TP})
			opened, last := 0, uint64(0)
			for i := range o.results {
				if o.results[i].verdict == why.Verified {
					opened++
				}
				if n := o.results[i].number; n < last {
					t.Errorf("frame %d after %d", n, last)
				} else {
					last = n
				}
			}
			if opened != messages || o.stats.Frames != uint64(len(packets)) || last != uint64(len(packets)) {
				t.Errorf("%d of %d messages; %d frames, the last %d, of %d", opened, messages, o.stats.Frames, last, len(packets))
			}
		})
	}
}

// TestTCPLoss: what is missing costs the messages that it was part of, and those in the segments
// that go on in the middle of one.
func TestTCPLoss(t *testing.T) {
	const messages = 300
	for _, aligned := range []bool{true, false} {
		s := aesSA(0x7000)
		stream, ends := tcpMessages(s, messages)
		var packets [][]byte
		for at, n := 0, 0; at < len(stream); {
			end := min(at+333, len(stream))
			if aligned {
				end = ends[n]
			}
			if n != 20 {
				packets = append(packets, segmentAt(uint32(at), 4500, 4500, stream[at:end]))
			}
			at, n = end, n+1
		}
		o := follow(t, rawFrames(packets...), secrets(s.secret()), mode{})
		opened := o.stats.Count(pipeline.ESP, why.Verified)
		least := uint64(messages - 1)
		if !aligned {
			least = messages * 2 / 3 // it takes a while until the gap is given up, and a segment that begins with a message
		}
		if opened < least || opened > messages {
			t.Errorf("aligned %v: %d of %d messages", aligned, opened, messages)
		}
	}
}

// TestTCPManyStreams: they are bounded, also those that wait for a segment that does not come.
func TestTCPManyStreams(t *testing.T) {
	var packets [][]byte
	for i := range 5000 {
		packets = append(packets, segmentAt(1, uint16(i), 4500, []byte("IKETCP")),
			segmentAt(5000, uint16(i), 4500, bytes.Repeat([]byte{byte(i)}, 1400)))
	}
	o := follow(t, rawFrames(packets...), nil, mode{})
	if o.stats.Frames != uint64(len(packets)) || o.stats.ByKind[pipeline.Other] != o.stats.Frames {
		t.Errorf("%+v", o.stats)
	}
}

// FuzzTCP: no stream, in whatever segments, upsets anything, and its frames are kept.
func FuzzTCP(f *testing.F) {
	s := aesSA(0x7000)
	stream, _ := tcpMessages(s, 5)
	f.Add(append([]byte("IKETCP"), stream...), []byte{9, 200, 30})
	f.Add(stream, []byte{255})
	f.Fuzz(func(t *testing.T, data, cuts []byte) {
		var packets [][]byte
		at := 0
		for _, c := range cuts[:min(len(cuts), 100)] {
			n := min(int(c), len(data)-at)
			packets = append(packets, segmentAt(uint32(at), 4500, 4500, data[at:at+n]))
			at += n
			if c%7 == 0 {
				at = max(at-int(c)/2, 0)
			}
		}
		o := follow(t, rawFrames(packets...), secrets(s.secret()), mode{text: true, layer: output.LayerL2TP})
		if o.stats.Frames != uint64(len(packets)) {
			t.Fatal(fmt.Sprint(o.stats.Frames, " frames of ", len(packets)))
		}
	})
}

// TestTCPBothWays: the prefix shows what a connection to any port carries in both directions.
func TestTCPBothWays(t *testing.T) {
	s, back := aesSA(0x7000), aesSA(0x8000)
	forth, _ := tcpMessages(s, 3)
	answers, _ := tcpMessages(back, 3)
	answer := ipPacket(there4, here4, 6, tcp(there4, here4, 443, 50000, answers))
	keys := secrets(s.secret(), back.secret())
	o := follow(t, rawFrames(segmentAt(1, 50000, 443, append([]byte("IKETCP"), forth...)), answer), keys, mode{text: true, layer: output.LayerL2TP})
	if n := o.stats.Count(pipeline.ESP, why.Verified); n != 6 {
		t.Errorf("%d verified, want 6", n)
	}
	o = follow(t, rawFrames(answer), keys, mode{text: true, layer: output.LayerL2TP})
	if n := o.stats.ByKind[pipeline.Other]; n != 1 {
		t.Errorf("%d other: what comes from any port is not looked at", n)
	}
}

// TestTCPAnswerInPieces: the answers begin with the byte that the prefix comes with the number of,
// whatever their segments: a sender may write each length on its own.
func TestTCPAnswerInPieces(t *testing.T) {
	const first = 0xfffffffe
	s, back := aesSA(0x7000), aesSA(0x8000)
	forth, _ := tcpMessages(s, 3)
	answers, _ := tcpMessages(back, 3)
	prefix := segmentAt(1, 50000, 443, append([]byte("IKETCP"), forth...))
	binary.BigEndian.PutUint32(prefix[20+8:], first)
	for _, sizes := range [][]int{{2, 1000}, {1, 1, 3, 1000}, {5, 1, 1000}, {3, 100, 2, 1000}} {
		packets := [][]byte{prefix}
		at := 0
		for _, size := range sizes {
			end := min(at+size, len(answers))
			segment := tcp(there4, here4, 443, 50000, answers[at:end])
			binary.BigEndian.PutUint32(segment[4:], first+uint32(at))
			packets = append(packets, ipPacket(there4, here4, 6, segment))
			at = end
		}
		o := follow(t, rawFrames(packets...), nil, mode{text: true, layer: output.LayerL2TP})
		if n := o.stats.Count(pipeline.ESP, why.NoKey); n != 6 || o.stats.Frames != uint64(len(packets)) {
			t.Errorf("in pieces of %d: %d messages of 6 in %d frames", sizes, n, o.stats.Frames)
		}
	}
}

// TestTCPForged: segments of a stranger, who sees the stream, cost no message of it: each is opened
// once, and its frame is that of the segment which holds it.
func TestTCPForged(t *testing.T) {
	const messages = 60
	random := func(n int) []byte {
		b := make([]byte, n)
		r := rand.NewChaCha8([32]byte{byte(n)})
		r.Read(b)
		return b
	}
	message := func(length int, content []byte) []byte {
		return append(binary.BigEndian.AppendUint16(nil, uint16(length)), content...)
	}
	forged := map[string]func(at uint32, real []byte) [][]byte{
		"garbage in its place": func(at uint32, real []byte) [][]byte { return [][]byte{segmentAt(at, 4500, 4500, random(len(real)))} },
		"garbage far ahead": func(at uint32, real []byte) [][]byte {
			return [][]byte{segmentAt(at+1<<30, 4500, 4500, random(len(real)))}
		},
		"garbage behind a gap": func(at uint32, real []byte) [][]byte {
			return [][]byte{segmentAt(at+5000, 4500, 4500, random(len(real)))}
		},
		"garbage far behind": func(at uint32, real []byte) [][]byte {
			return [][]byte{segmentAt(at-1<<30, 4500, 4500, random(len(real)))}
		},
		"the beginning of a long one": func(at uint32, real []byte) [][]byte {
			return [][]byte{segmentAt(at, 4500, 4500, message(60000, random(30)))}
		},
		"the SPI, random bytes": func(at uint32, real []byte) [][]byte {
			return [][]byte{segmentAt(at, 4500, 4500, append(real[:10:10], random(len(real)-10)...))}
		},
		"the SPI, another length": func(at uint32, real []byte) [][]byte {
			return [][]byte{segmentAt(at, 4500, 4500, message(52, append(real[2:6:6], random(46)...)))}
		},
		"the SPI, a long one begins": func(at uint32, real []byte) [][]byte {
			return [][]byte{segmentAt(at, 4500, 4500, message(60000, append(real[2:6:6], random(46)...)))}
		},
		"the SPI, far ahead": func(at uint32, real []byte) [][]byte {
			return [][]byte{segmentAt(at+1<<30, 4500, 4500, message(52, append(real[2:6:6], random(46)...)))}
		},
		"the prefix": func(at uint32, real []byte) [][]byte { return [][]byte{segmentAt(at, 4500, 4500, []byte("IKETCP"))} },
		"the prefix elsewhere, and more": func(at uint32, real []byte) [][]byte {
			return [][]byte{segmentAt(at+77777, 4500, 4500, append([]byte("IKETCP"), random(100)...))}
		},
		"the connection is set up": func(at uint32, real []byte) [][]byte {
			return [][]byte{synAt(at + 1<<20), synAt(at - 1<<20), synAt(at - 7)}
		},
	}
	for name, forge := range forged {
		for _, every := range []int{1, 3, 17} {
			s := aesSA(0x7000)
			stream, ends := tcpMessages(s, messages)
			var packets [][]byte
			var places []uint64 // of the frames of the stream
			at := 0
			for i, end := range ends {
				if i%every == every/2 {
					packets = append(packets, forge(uint32(at), stream[at:end])...)
				}
				packets = append(packets, segmentAt(uint32(at), 4500, 4500, stream[at:end]))
				places = append(places, uint64(len(packets)))
				at = end
			}
			o := follow(t, rawFrames(packets...), secrets(s.secret()), mode{text: true, layer: output.LayerL2TP})
			var opened []uint64
			for i := range o.results {
				if o.results[i].verdict == why.Verified {
					opened = append(opened, o.results[i].number)
				}
			}
			if !slices.Equal(opened, places) {
				t.Errorf("%s, before every %d: verified are frames %v, not %v", name, every, opened, places)
			}
		}
	}
}

// synAt is a segment that sets up a connection.
func synAt(seq uint32) []byte {
	p := segmentAt(seq, 4500, 4500, nil)
	p[20+13] |= 0x02
	return p
}
