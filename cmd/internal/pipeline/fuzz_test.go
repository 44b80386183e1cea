package pipeline_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/binary"
	"errors"
	"hash"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"l2tpdump/capture"
	"l2tpdump/cmd/internal/output"
	"l2tpdump/cmd/internal/pipeline"
	"l2tpdump/cmd/internal/why"
	"l2tpdump/keysrc"
)

// hashes are those of the suites whose ICV the fuzz target computes itself, with the bytes of the
// ICV.
var hashes = map[string]struct {
	new func() hash.Hash
	icv int
}{
	"hmac-md5-96": {md5.New, 12}, "hmac-sha1-96": {sha1.New, 12}, "hmac-sha2-256-128": {sha256.New, 16},
	"hmac-sha2-384-192": {sha512.New384, 24}, "hmac-sha2-512-256": {sha512.New, 32},
}

// judge is a sink that computes the ICV of each packet that is called verified, with code of its
// own.
type judge struct {
	t      *testing.T
	keys   []*keysrc.Keys
	number uint64
	frames uint64
}

func (j *judge) Flush() error { return nil }

func (j *judge) Record(r *pipeline.Record) error {
	if !r.Further {
		if j.frames++; r.Number != j.number+1 {
			j.t.Errorf("frame %d comes behind frame %d", r.Number, j.number)
		}
		j.number = r.Number
	}
	if r.Kind != pipeline.ESP || r.Verdict != why.Verified || slices.ContainsFunc(j.keys, func(k *keysrc.Keys) bool { return len(k.IKE) > 0 }) {
		return nil
	}
	h, known := hashes[r.SA.AuthName()]
	if !known {
		return nil
	}
	data := r.Data()[r.Net.PayloadStart:r.Net.PayloadEnd]
	if r.Net.UDP {
		data = r.Data()[r.Net.UDPStart:r.Net.UDPEnd]
	}
	for _, k := range j.keys {
		for _, s := range k.ESP {
			mac := hmac.New(h.new, s.AuthKey.Bytes())
			mac.Write(data[:len(data)-h.icv])
			if r.SA.Suite.ESN {
				mac.Write(binary.BigEndian.AppendUint32(nil, r.SeqHigh))
			}
			if hmac.Equal(mac.Sum(nil)[:h.icv], data[len(data)-h.icv:]) {
				return nil
			}
		}
	}
	j.t.Errorf("frame %d: no key gives the ICV of SPI %#x", r.Number, r.SPI)
	return nil
}

// FuzzPipeline carries any capture with any keys through the pipeline to all outputs: nothing
// panics, every frame comes out in its place, and what is called verified has an ICV that another
// implementation computes from one of the keys.
func FuzzPipeline(f *testing.F) {
	paths, err := filepath.Glob(filepath.Join(capturesDir, "*", "outer.pcap")) // none: built for another fuzzing engine
	if err != nil {
		f.Fatal(err)
	}
	for _, path := range paths {
		file, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		at := 24
		for n := 0; n < 60 && at+16 <= len(file); n++ {
			at += 16 + int(binary.LittleEndian.Uint32(file[at+8:]))
		}
		for _, name := range []string{"keys/esp_sa", "router.log"} {
			keys, err := os.ReadFile(filepath.Join(filepath.Dir(path), name))
			if err != nil {
				f.Fatal(err)
			}
			f.Add(file[:at], keys)
		}
	}
	f.Fuzz(func(t *testing.T, file, keys []byte) {
		if len(file) > 1<<16 || len(keys) > 1<<14 {
			return
		}
		src, err := capture.NewReader(bytes.NewReader(file), "capture")
		if err != nil {
			return
		}
		j := &judge{t: t}
		p := pipeline.New(pipeline.Config{Source: src, Workers: 1})
		if k, err := keysrc.Parse(bytes.NewReader(keys), "keys", ""); err == nil {
			p.AddKeys(k)
			j.keys = append(j.keys, k)
		}
		p.AddSink(j)
		p.AddSink(output.NewText(io.Discard, output.TextConfig{Verbose: 2, Bytes: output.Bytes{Hex: true, ASCII: true, Link: true}, Numbers: true, Link: true, Checksums: true, Zone: time.UTC}))
		p.AddSink(output.NewJSONLines(io.Discard))
		p.AddSink(output.NewClear(output.ClearConfig{Open: func() (io.Writer, error) { return io.Discard, nil }, Layer: output.LayerL2TP, Source: src}))
		stats, err := p.Run(context.Background())
		var sink *pipeline.SinkError
		if errors.As(err, &sink) && !errors.Is(err, capture.ErrLinkTypes) {
			t.Fatal(err)
		}
		if sink == nil && stats.Frames != j.frames {
			t.Fatalf("%d frames read, %d came out", stats.Frames, j.frames)
		}
		for _, flow := range p.Flows() {
			if c := flow.Report().Counts; c.Verified > c.Packets() {
				t.Fatalf("%+v", c)
			}
		}
	})
}
