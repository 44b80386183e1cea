package pipeline_test

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"l2tpdump/capture"
	"l2tpdump/cmd/internal/output"
	"l2tpdump/cmd/internal/pipeline"
	"l2tpdump/cmd/internal/why"
	"l2tpdump/keysrc"
)

const capturesDir = "../../../testdata/captures"

// frames is a capture in memory. It is a Source that can be read again and again.
type frames struct {
	interfaces []capture.Interface
	list       []capture.Packet
	at         int
}

func (f *frames) Interfaces() []capture.Interface { return f.interfaces }
func (f *frames) Close() error                    { return nil }

func (f *frames) Next(p *capture.Packet) error {
	if f.at == len(f.list) {
		return io.EOF
	}
	*p = f.list[f.at]
	f.at++
	return nil
}

// with is the same capture with other packets.
func (f *frames) with(list []capture.Packet) *frames {
	return &frames{interfaces: f.interfaces, list: list}
}

// readFrames reads a capture into memory, as far as it can be read.
func readFrames(t testing.TB, paths ...string) (*frames, error) {
	t.Helper()
	src, err := capture.Open(paths)
	if err != nil {
		return nil, err
	}
	defer src.Close()
	f := &frames{}
	var p capture.Packet
	for {
		if err = src.Next(&p); err != nil {
			break
		}
		p.Data, p.Options = slices.Clone(p.Data), slices.Clone(p.Options)
		f.list = append(f.list, p)
	}
	f.interfaces = slices.Clone(src.Interfaces())
	if err == io.EOF {
		err = nil
	}
	return f, err
}

func mustRead(t testing.TB, paths ...string) *frames {
	t.Helper()
	f, err := readFrames(t, paths...)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// keysIn reads key files; one that holds no key at all is passed over.
func keysIn(t testing.TB, paths ...string) []*keysrc.Keys {
	t.Helper()
	var all []*keysrc.Keys
	for _, path := range paths {
		if info, err := os.Stat(path); err != nil {
			t.Fatal(err)
		} else if info.Size() == 0 {
			continue
		}
		k, err := keysrc.ParseFile(path, "")
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, k)
	}
	return all
}

// labKeys reads key files of a capture of the lab.
func labKeys(t testing.TB, dir string, names ...string) []*keysrc.Keys {
	t.Helper()
	var paths []string
	for _, n := range names {
		paths = append(paths, filepath.Join(capturesDir, dir, n))
	}
	return keysIn(t, paths...)
}

// tables are the two tables of a capture of the lab, which hold every key in full.
var tables = []string{"keys/esp_sa", "keys/ikev1_decryption_table"}

// result is what is kept of a record.
type result struct {
	number    uint64
	partOf    uint64
	time      int64
	kind      pipeline.Kind
	verdict   why.Verdict
	reason    string
	fragments int
	nested    int
	expanded  bool
	spi, seq  uint32
	next      uint8
	suite     string
	plain     []byte
	inner     []byte
	l2tp, ppp bool
	ike       []*pipeline.Message
	text      string
	json      string
}

// outcome is a whole run.
type outcome struct {
	results []result
	stats   *pipeline.Stats
	p       *pipeline.Pipeline
	clear   []capture.Packet // of -w, where it was asked for
}

// keeper is the sink that keeps results.
type keeper struct {
	o          *outcome
	text, json bytes.Buffer
	t          *output.Text
	j          *output.JSONLines
}

func (k *keeper) Flush() error { return nil }

func (k *keeper) Record(r *pipeline.Record) error {
	x := result{
		number: r.Number, partOf: r.PartOf, time: r.Packet.Time, kind: r.Kind, verdict: r.Verdict, reason: r.Why(), fragments: r.Fragments, nested: len(r.Nested),
		expanded: r.Expanded, spi: r.SPI, seq: r.Seq, next: r.Plain.NextHeader, plain: bytes.Clone(r.Plain.Data), inner: bytes.Clone(r.Payload.Inner),
		l2tp: r.Payload.HasL2TP, ppp: r.Payload.HasPPP,
	}
	for _, m := range r.IKE { // a message may gain from later ones; what counts is what the sinks saw
		c := *m.Message
		x.ike = append(x.ike, &pipeline.Message{Message: &c, Verdict: m.Verdict, Reason: m.Reason})
	}
	if r.SA != nil {
		x.suite = r.SA.CipherName() + " " + r.SA.AuthName()
	}
	if k.t != nil {
		if err := k.t.Record(r); err != nil {
			return err
		}
		if err := k.j.Record(r); err != nil {
			return err
		}
		k.t.Flush()
		k.j.Flush()
		x.text, x.json = strings.TrimSuffix(k.text.String(), "\n"), strings.TrimSuffix(k.json.String(), "\n")
		k.text.Reset()
		k.json.Reset()
	}
	k.o.results = append(k.o.results, x)
	return nil
}

// mode is what a run is to give beside the results.
type mode struct {
	text  bool         // lines, too
	layer output.Layer // and the cleartext capture
}

// follow runs the pipeline over a capture in memory.
func follow(t testing.TB, f *frames, keys []*keysrc.Keys, m mode) *outcome {
	t.Helper()
	f.at = 0
	o := &outcome{}
	o.p = pipeline.New(pipeline.Config{Source: f, Workers: 2})
	o.p.AddKeys(keys...)
	k := &keeper{o: o}
	if m.text {
		k.t, k.j = output.NewText(&k.text, output.TextConfig{Verbose: 1, Zone: time.UTC}), output.NewJSONLines(&k.json)
	}
	o.p.AddSink(k)
	var file bytes.Buffer
	var clear *output.Clear
	if m.layer != "" {
		clear = output.NewClear(output.ClearConfig{Open: func() (io.Writer, error) { return &file, nil }, Layer: m.layer, Source: f})
		o.p.AddSink(clear)
	}
	var err error
	if o.stats, err = o.p.Run(context.Background()); err != nil {
		t.Fatal(err)
	}
	if clear != nil {
		if err := clear.Close(); err != nil {
			t.Fatal(err)
		}
		r, err := capture.NewReader(&file, "cleartext")
		if err != nil {
			t.Fatal(err)
		}
		var p capture.Packet
		for r.Next(&p) == nil {
			p.Data, p.Options = slices.Clone(p.Data), slices.Clone(p.Options)
			o.clear = append(o.clear, p)
		}
	}
	return o
}

// checkOrder checks that every frame of the input is there once and in order.
func (o *outcome) checkOrder(t testing.TB, f *frames) {
	t.Helper()
	if len(o.results) != len(f.list) {
		t.Errorf("%d frames came out of %d", len(o.results), len(f.list))
		return
	}
	for i := range o.results {
		r := &o.results[i]
		if r.number != uint64(i+1) || r.time != f.list[i].Time {
			t.Errorf("frame %d came out in place %d", r.number, i+1)
			return
		}
		if r.partOf != 0 && (r.partOf > uint64(len(o.results)) || o.results[r.partOf-1].fragments < 2) {
			t.Errorf("frame %d is part of frame %d, which was not put together from fragments", r.number, r.partOf)
		}
	}
}

// encrypted counts the encrypted IKE messages, and how many of them were opened and verified.
func (o *outcome) encrypted() (all, opened, verified int) {
	for i := range o.results {
		for _, m := range o.results[i].ike {
			if !m.Encrypted {
				continue
			}
			all++
			if m.Decrypted {
				opened++
			}
			if m.Verified {
				verified++
			}
		}
	}
	return
}
