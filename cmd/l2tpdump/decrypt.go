package main

import (
	"context"
	"errors"
	"io"
	"os"
	"syscall"
	"time"

	"l2tpdump/capture"
	"l2tpdump/cmd/internal/output"
	"l2tpdump/cmd/internal/pipeline"
)

// decrypt is the command "decrypt": captures and keys in, lines or a cleartext capture out.
func decrypt(ctx context.Context, args []string) int {
	var o options
	f := newFlags("decrypt")
	o.inputFlags(f)
	o.outputFlags(f)
	f.BoolVar(&o.embedKeys, "embed-keys", false, "")
	rest, status, ok := parse(f, args)
	if !ok {
		return status
	}
	if err := o.checkInput(rest); err != nil {
		return fail(err)
	}
	if err := o.checkOutput(); err != nil {
		return fail(err)
	}
	keys, err := o.readKeys()
	if err != nil {
		return fail(err)
	}
	src, err := capture.Open(o.read)
	if err != nil {
		return fail(o.explainCapture(err))
	}
	defer src.Close()

	p := pipeline.New(o.config(src))
	p.AddKeys(keys...)
	takeEmbeddedKeys(src, p)
	s := newSinks(&o, src, p)
	stop := showProgress(&o, src)
	stats, err := p.Run(ctx)
	stop()
	return s.end(ctx, stats, err)
}

// sinks are the outputs of decrypt and live.
type sinks struct {
	o     *options
	p     *pipeline.Pipeline
	clear *output.Clear
	file  *os.File
}

// newSinks adds the sinks that the options ask for.
func newSinks(o *options, src capture.Source, p *pipeline.Pipeline) *sinks {
	s := &sinks{o: o, p: p}
	if o.write != "" {
		c := output.ClearConfig{Open: s.open, Pcap: o.isPcap(), Layer: output.Layer(o.layer), Source: src}
		if o.embedKeys {
			c.Secrets = newEmbedder().rows
		}
		s.clear = output.NewClear(c)
		p.AddSink(s.only(s.clear))
	}
	switch {
	case o.json:
		p.AddSink(s.only(output.NewJSONLines(os.Stdout)))
	case o.write == "" || o.print:
		p.AddSink(s.only(output.NewText(os.Stdout, o.verbose, o.hexdump, time.Local)))
	}
	return s
}

func (s *sinks) only(sink pipeline.Sink) pipeline.Sink {
	if s.o.only == "" {
		return sink
	}
	return output.Only(s.o.only, sink)
}

// open creates the output, when the first packet is ready.
func (s *sinks) open() (io.Writer, error) {
	if s.o.write == "-" {
		return os.Stdout, nil
	}
	mode := os.FileMode(0o666)
	if s.o.embedKeys {
		mode = 0o600
	}
	f, err := os.OpenFile(s.o.write, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, mode)
	if err != nil {
		return nil, err
	}
	s.file = f
	return f, nil
}

// end finishes the outputs, prints the summary and returns the exit status.
func (s *sinks) end(ctx context.Context, stats *pipeline.Stats, err error) int {
	if s.clear != nil && !isSinkError(err) && (err == nil || s.clear.Packets > 0) {
		if e := s.clear.Close(); e != nil {
			err = &pipeline.SinkError{Err: e}
		}
	}
	if s.file != nil {
		if e := s.file.Close(); e != nil && err == nil {
			err = &pipeline.SinkError{Err: e}
		}
	}
	if isSinkError(err) && errors.Is(err, syscall.EPIPE) {
		return exitOK // the reader has had enough
	}
	interrupted := ctx.Err() != nil && errors.Is(err, ctx.Err())
	if !s.o.quiet && !isSinkError(err) && (err == nil || stats.Frames > 0) {
		s.summary(stats)
	}
	switch {
	case interrupted:
		return exitInterrupted
	case err != nil:
		return fail(err)
	}
	return statusOf(stats, s.p)
}

func isSinkError(err error) bool {
	var e *pipeline.SinkError
	return errors.As(err, &e)
}

// statusOf says how well the decryption went.
func statusOf(stats *pipeline.Stats, p *pipeline.Pipeline) int {
	switch {
	case stats.Failed() == 0:
		return exitOK
	case stats.Opened()+stats.Heads == 0:
		return exitNothing
	}
	return exitPartly
}
