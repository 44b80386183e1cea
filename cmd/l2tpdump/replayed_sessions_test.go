package main

import (
	"reflect"
	"slices"
	"testing"
	"time"

	"l2tpdump/capture"
	"l2tpdump/cmd/internal/sessions"
)

// unreplayed are the facts of a session that no packet changes which came before: how often packets
// came, is no such fact.
func unreplayed(t *testing.T, s *sessions.Facts) map[string]any {
	facts := proven(t, s)
	delete(facts, "messages")
	for _, sa := range facts["esp"].([]any) {
		for _, name := range []string{"packets", "duplicates"} {
			delete(sa.(map[string]any), name)
		}
	}
	facts["duration"], facts["frames"], facts["traffic"] = s.Duration, s.Frames, s.Traffic
	return facts
}

// replayed is a recording, other traffic for a while, and the recording again, all or every so many
// of its packets.
func (r *recording) replayed(after time.Duration, every int) (*frames, []uint64) {
	f := &frames{link: r.link, packets: slices.Clone(r.packets)}
	first, last := r.packets[0].Time, r.packets[len(r.packets)-1].Time
	other := capture.Packet{Data: make([]byte, 60), Length: 60, Interface: r.packets[0].Interface}
	other.Data[12], other.Data[13] = 0x88, 0xcc // LLDP
	for other.Time = last; other.Time < last+int64(after); other.Time += int64(9 * time.Second) {
		f.packets = append(f.packets, other)
	}
	for i := 0; i < len(r.packets); i += every {
		p := r.packets[i]
		p.Time += last - first + int64(after)
		f.packets = append(f.packets, p)
	}
	number := make([]uint64, len(f.packets))
	for i := range r.packets {
		number[i] = uint64(i + 1)
	}
	return f, number
}

// TestReplayedSessions: a session whose packets somebody sends again, minutes or hours later, is
// what it was, and there is no other.
func TestReplayedSessions(t *testing.T) {
	for _, dir := range []string{"01-basic-aes128-sha1", "02-natt-aes256-sha1", "06-pfs-rekey-dpd", "08b-rsa-ikefrag-natt"} {
		t.Run(dir, func(t *testing.T) {
			t.Parallel()
			r := record(t, dir, parseSources(t, sourcesOf(t, dir, []string{"keys/esp_sa", "keys/ikev1_decryption_table"})...))
			_, number := r.mixed(make([][]capture.Packet, len(r.packets)+1))
			alone := sessionsOf(t, "alone", r.frames, r.keys, number)
			for _, after := range []time.Duration{10 * time.Minute, 3 * time.Hour} {
				for _, every := range []int{1, 2, 7} {
					f, number := r.replayed(after, every)
					again := sessionsOf(t, "again", f, r.keys, number)
					if len(again) != len(alone) {
						t.Fatalf("%d sessions, %d with every %dth packet again %v later", len(alone), len(again), every, after)
					}
					for i, s := range alone {
						if was, is := unreplayed(t, s.Facts), unreplayed(t, again[i].Facts); !reflect.DeepEqual(was, is) {
							t.Errorf("every %dth packet again %v later:\n%v, alone\n%v", every, after, is, was)
						}
					}
				}
			}
		})
	}
}

// TestClockOfSessions: times that are wrong, and a clock that is set, make no other sessions and
// change no outcome; what lasted is never less than nothing.
func TestClockOfSessions(t *testing.T) {
	const year = int64(365 * 24 * time.Hour)
	dir := "06-pfs-rekey-dpd"
	r := record(t, dir, parseSources(t, sourcesOf(t, dir, []string{"keys/esp_sa", "keys/ikev1_decryption_table"})...))
	_, number := r.mixed(make([][]capture.Packet, len(r.packets)+1))
	want := sessionsOf(t, "alone", r.frames, r.keys, number)[0]
	half := len(r.packets) / 2
	for what, times := range map[string]struct {
		n  int // packets, from the middle on
		of func(at int64) int64
	}{
		"one a year ahead":            {1, func(at int64) int64 { return at + year }},
		"one at 0":                    {1, func(int64) int64 { return 0 }},
		"one at the end of time":      {1, func(int64) int64 { return 1<<63 - 1 }},
		"a year ahead for a while":    {100, func(at int64) int64 { return at + year }},
		"a year ahead from there on":  {half, func(at int64) int64 { return at + year }},
		"an hour back from there on":  {half, func(at int64) int64 { return at - int64(time.Hour) }},
		"a second back from there on": {half, func(at int64) int64 { return at - int64(time.Second) }},
	} {
		f := &frames{link: r.link, packets: slices.Clone(r.packets)}
		for i := half; i < half+times.n; i++ {
			f.packets[i].Time = times.of(f.packets[i].Time)
		}
		list := sessionsOf(t, what, f, r.keys, number)
		if len(list) != 1 {
			t.Errorf("%s: %d sessions", what, len(list))
			continue
		}
		s := list[0]
		if s.State != want.State || s.User != want.User || s.EndReason != want.EndReason || s.EndedBy != want.EndedBy ||
			s.OrigPackets != want.OrigPackets || s.RespPackets != want.RespPackets || !reflect.DeepEqual(s.ESP, want.ESP) || s.Duration < 0 {
			t.Errorf("%s:\n%+v, alone\n%+v", what, s.Facts, want.Facts)
		}
	}
}
