package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"

	"l2tpdump/capture"
	"l2tpdump/cmd/internal/pipeline"
	"l2tpdump/cmd/internal/why"
	"l2tpdump/keysrc"
)

var (
	tortureStep  = flag.Int("torture-step", 4999, "TestTorture takes one position of so many; 1: all")
	tortureShard = flag.Int("torture-shard", 0, "the first position")
)

// TestTorture changes a byte of a recording's file, or ends the file there, at any position:
// nothing panics, no error but one of the file comes of it, and no ESP packet is verified with
// other content than the recording's.
func TestTorture(t *testing.T) {
	for _, dir := range []string{"01-basic-aes128-sha1", "02-natt-aes256-sha1"} {
		whole, err := os.ReadFile(filepath.Join(captures, dir, "outer.pcap"))
		if err != nil {
			t.Fatal(err)
		}
		keys := parseKeys(t, dir, "keys/esp_sa", "keys/ikev1_decryption_table")
		alone, err := outcomesOf(whole, keys)
		if err != nil {
			t.Fatal(err)
		}
		right := map[string]bool{}
		for _, o := range alone {
			if o.kind == pipeline.ESP && o.verdict == why.Verified {
				right[o.clear] = true
			}
		}
		try := func(file []byte, at int, what string) {
			got, err := outcomesOf(file, keys)
			var sink *pipeline.SinkError
			if errors.As(err, &sink) || len(got) > len(alone)+1 {
				t.Errorf("%s, byte %d %s: %d frames, %v", dir, at, what, len(got), err)
			}
			for i, o := range got {
				if o.kind == pipeline.ESP && o.verdict == why.Verified && !right[o.clear] {
					t.Errorf("%s, byte %d %s: frame %d is verified with other content", dir, at, what, i+1)
				}
			}
		}
		positions := make(chan int)
		var all sync.WaitGroup
		for range runtime.GOMAXPROCS(0) {
			all.Go(func() {
				for at := range positions {
					file := bytes.Clone(whole)
					file[at] ^= byte(1 + at%255)
					try(file, at, "changed")
					try(whole[:at], at, "is the end")
				}
			})
		}
		for at := *tortureShard; at < len(whole); at += *tortureStep {
			positions <- at
		}
		close(positions)
		all.Wait()
	}
}

// outcomesOf runs the pipeline over a file as far as it goes.
func outcomesOf(file []byte, keys []*keysrc.Keys) (o outcomes, err error) {
	src, err := capture.NewReader(bytes.NewReader(file), "tortured")
	if err != nil {
		return nil, err
	}
	p := pipeline.New(pipeline.Config{Source: src, Workers: 1})
	p.AddKeys(keys...)
	p.AddSink(&o)
	_, err = p.Run(context.Background())
	return o, err
}
