package main

import (
	"errors"
	"net"
	"time"

	"github.com/spf13/pflag"

	"l2tpdump/cmd/internal/output"
	"l2tpdump/cmd/internal/pipeline"
)

// lineOptions are tcpdump's letters for what a line looks like.
type lineOptions struct {
	text      output.TextConfig // as far as one option says a field
	unchecked bool              // checksums
	hex       int               // number of -x, likewise of -X and -A
	hexASCII  int
	ascii     int
	atOnce    bool // each line is made visible as it comes
}

func (l *lineOptions) flags(f *pflag.FlagSet) {
	f.CountVarP(&l.text.Verbose, "verbose", "v", "")
	f.CountVarP(&l.hex, "hex", "x", "")
	f.CountVarP(&l.hexASCII, "hex-ascii", "X", "")
	f.CountVarP(&l.ascii, "ascii", "A", "")
	f.BoolVarP(&l.text.Link, "link-header", "e", false, "")
	f.CountVarP((*int)(&l.text.Times), "time", "t", "")
	f.BoolVar(&l.text.Nano, "nano", false, "")
	for _, name := range []string{"micro", "time-stamp-precision"} { // as tcpdump has them
		f.Func(name, "", func(text string) error {
			if l.text.Nano = text == "nano"; !l.text.Nano && text != "micro" {
				return errors.New("it takes nano or micro")
			}
			return nil
		})
		f.Lookup(name).Hidden = true
	}
	f.Lookup("micro").NoOptDefVal = "micro"
	f.BoolVarP(&l.text.Numbers, "number", "#", false, "")
	f.BoolVarP(&l.text.Absolute, "absolute-tcp-sequence-numbers", "S", false, "")
	f.BoolVarP(&l.unchecked, "dont-verify-checksums", "K", false, "")
	f.BoolVarP(&l.atOnce, "line-buffered", "l", false, "")
}

// hostInterfaces returns what names the interfaces of this host.
func hostInterfaces() func(index uint32) string {
	names := make(map[uint32]string)
	return func(index uint32) string {
		name, known := names[index]
		if known {
			return name
		}
		if i, err := net.InterfaceByIndex(int(index)); err == nil {
			name = i.Name
		}
		if len(names) < 4096 {
			names[index] = name
		}
		return name
	}
}

// check refuses what has no meaning.
func (l *lineOptions) check() error {
	if l.text.Times > output.SinceFirst {
		return withHint("-t, -tt, -ttt, -tttt and -ttttt are no time, seconds, since the line before, with the date, since the first line",
			"-t is given %d times", l.text.Times)
	}
	return nil
}

// config is what the lines are to hold.
func (l *lineOptions) config() output.TextConfig {
	c := l.text
	c.Zone, c.Bytes, c.Checksums = time.Local, l.bytes(), !l.unchecked
	return c
}

// bytes are those behind a line: as with tcpdump -X counts more than -x, and -x more than -A.
func (l *lineOptions) bytes() output.Bytes {
	switch {
	case l.hexASCII > 0:
		return output.Bytes{Hex: true, ASCII: true, Link: l.hexASCII > 1}
	case l.hex > 0:
		return output.Bytes{Hex: true, Link: l.hex > 1}
	}
	return output.Bytes{ASCII: l.ascii > 0, Link: l.ascii > 1}
}

// eager has each record of a sink become visible at once.
type eager struct{ pipeline.Sink }

// Record takes r and flushes.
func (e eager) Record(r *pipeline.Record) error {
	if err := e.Sink.Record(r); err != nil {
		return err
	}
	return e.Sink.Flush()
}

// atOnce returns the sink, or one that keeps nothing back.
func atOnce(sink pipeline.Sink, wanted bool) pipeline.Sink {
	if wanted {
		return eager{sink}
	}
	return sink
}

// recordFunc is a sink that keeps nothing back.
type recordFunc func(*pipeline.Record)

// Record calls f.
func (f recordFunc) Record(r *pipeline.Record) error {
	f(r)
	return nil
}

// Flush has nothing to do.
func (recordFunc) Flush() error { return nil }
