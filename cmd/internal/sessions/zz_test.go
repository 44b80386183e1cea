package sessions

import (
	"context"
	"fmt"
	"l2tpdump/capture"
	"l2tpdump/cmd/internal/pipeline"
	"os"
	"path/filepath"
	"testing"
)

func TestDump(t *testing.T) {
	m, _ := filepath.Glob("/work/shared/captures/*/outer*.pcap")
	for _, f := range m {
		src, err := capture.OpenContext(context.Background(), []string{f})
		if err != nil {
			t.Log(err)
			continue
		}
		p := pipeline.New(pipeline.Config{Source: src})
		g := NewGatherer(func(s *Session) error {
			c, r := &s.protected[0], &s.protected[1]
			d := float64(max(c.last.time, r.last.time)-min(c.first.time, r.first.time)) / 1e9
			fmt.Printf("%-60s %-8s %-18s c %d/%d sizes %d max %d back %d  r %d/%d max %d back %d span %.1f\n", f[len("/work/shared/captures/"):], s.finding.State, s.finding.ID, c.n, len(s.flows), c.sizes, c.largest, c.backoff, r.n, r.sizes, r.largest, r.backoff, d)
			return nil
		})
		p.AddSink(g)
		p.Run(context.Background())
		g.Close()
		src.Close()
	}
	_ = os.Args
}
