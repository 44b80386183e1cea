package sessions_test

import (
	"context"
	"encoding/json"
	"io"
	"os"
	"testing"

	"l2tpdump/capture"
	"l2tpdump/cmd/internal/pipeline"
	"l2tpdump/cmd/internal/sessions"
)

// altered is a source whose packets have been damaged: each byte of change is xored into a packet,
// at a place that it chooses.
type altered struct {
	capture.Source
	change []byte
	n      int
}

func (s *altered) Next(p *capture.Packet) error {
	err := s.Source.Next(p)
	if err == nil && len(s.change) > 1 && len(p.Data) > 14 {
		at := 14 + (int(s.change[s.n%len(s.change)])*7+s.n)%(len(p.Data)-14)
		if s.n%3 == 0 {
			p.Data[at] ^= s.change[(s.n+1)%len(s.change)]
		}
		s.n++
	}
	return err
}

// FuzzSessions: whatever the packets hold, there is no panic, each session has a state, and is
// valid JSON.
func FuzzSessions(f *testing.F) {
	f.Add("../../../testdata/captures/08x-auth-failed-l2tp-in-clear/outer.pcap", []byte{1, 2, 4, 8, 16, 32, 64, 128})
	f.Add("../../../testdata/causes/50c-pap-refused/outer.pcap", []byte{0xff, 3, 0x80})
	f.Add("../../../testdata/causes/60a-ip-fragments-of-m5-lost/outer.pcap", []byte{5, 0xaa})
	f.Add("../../../testdata/causes/40c-ike-no-answer-icmp-admin-prohibited/outer.pcap", []byte{9, 7})
	f.Fuzz(func(t *testing.T, name string, change []byte) {
		if _, err := os.Stat(name); err != nil {
			t.Skip()
		}
		src, err := capture.OpenContext(context.Background(), []string{name})
		if err != nil {
			t.Skip()
		}
		defer src.Close()
		p := pipeline.New(pipeline.Config{Source: &altered{Source: src, change: change}, Limit: 400})
		text := sessions.NewWriter(io.Discard, false, (*sessions.Session).EventLines)
		g := sessions.NewGatherer(func(s *sessions.Session) error {
			b, err := printed(s)
			if err != nil {
				return err
			}
			var r report
			if err := json.Unmarshal(b, &r); err != nil || r.State == "" {
				t.Errorf("%s: %v", b, err)
			}
			return text.Session(s)
		})
		g.KeepDetails()
		p.AddSink(g)
		finish(t, p, g)
	})
}
