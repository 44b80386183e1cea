package main

import (
	"cmp"
	"context"
	"errors"
	"io"
	"os"
	"sync"
	"syscall"

	"github.com/spf13/pflag"

	"l2tpdump/capture"
	"l2tpdump/cmd/internal/output"
	"l2tpdump/cmd/internal/pipeline"
	"l2tpdump/cmd/internal/why"
	"l2tpdump/keysrc"
)

// decrypt is the command "decrypt": captures and keys in, lines or a cleartext capture out.
func decrypt(ctx context.Context, args []string) error {
	var o options
	keys, err := o.start(ctx, o.decryptFlags(), args, func() error { return o.checkOutput() })
	if err != nil {
		return err
	}
	makeRoom(keys)
	choose, errFilter := newChooser(o.choice)
	ring, errRing := o.rings.ring(o.write)
	config, errSecrets := o.readSecrets(ctx)
	if err := cmp.Or(errFilter, errRing, errSecrets); err != nil {
		return err
	}
	if choose.looksAhead(o.read) {
		if err := choose.look(ctx, &o, config, keys); err != nil {
			return err
		}
	}
	r, err := o.openCaptures(ctx, config, keys, nil)
	if err != nil {
		return err
	}
	defer r.Close()
	var watch *sessionWatch
	if !o.quiet || o.json || choose.needsSessions() {
		watch = watchSessions(r.p)
	}
	s := newSinks(&o, r.Source, r.p, choose)
	s.keys, s.sessions, s.ring = keys, watch, ring
	stats, err := r.run(ctx)
	return s.end(stats, err)
}

func (o *options) decryptFlags() *pflag.FlagSet {
	f := newFlags("decrypt")
	o.inputFlags(f)
	o.outputFlags(f)
	f.BoolVar(&o.embedKeys, "embed-keys", false, "")
	return f
}

// sinks are the outputs of decrypt and live.
type sinks struct {
	o     *options
	p     *pipeline.Pipeline
	clear *output.Clear
	file  io.WriteCloser // that is being written
	picks *output.Selection

	keys     []*keysrc.Keys // decrypt only: what the summary tells of them
	sessions *sessionWatch  // decrypt only; nil: nobody asks
	report   func() *report // made once, after the run

	ring *output.Ring // nil: -w is one file

	// live only
	prepared *os.File                       // opened before privileges were dropped
	more     func(*pipeline.Stats) []string // lines of the summary
	advise   func(*pipeline.Stats) string   // comes before advice, unless it is ""
}

// newSinks adds the sinks that the options ask for. The gatherer of choose, a sink in front of
// them, says which session a frame is of; it is needed for JSON.
func newSinks(o *options, src capture.Source, p *pipeline.Pipeline, choose *chooser) *sinks {
	s := &sinks{o: o, p: p, picks: choose.selection(o.only)}
	s.report = sync.OnceValue(func() *report { return newReport(p, s.keys) })
	if o.write != "" {
		c := output.ClearConfig{Open: s.open, Pcap: output.IsPcapName(o.write), Layer: output.Layer(o.layer),
			Source: src, Full: s.full, Inner: choose.filter}
		if o.embedKeys {
			c.Secrets = newEmbedder().rows
		}
		s.clear = output.NewClear(c)
		p.AddSink(s.picks.Of(atOnce(s.clear, o.eachPacket)))
	}
	switch {
	case o.monitor: // it tells of sessions
	case o.json:
		p.AddSink(s.picks.Of(atOnce(output.NewJSONLines(stdout), o.atOnce)))
	case o.write == "" || o.print:
		p.AddSink(s.picks.Of(atOnce(output.NewText(stdout, o.lineOptions.config()), o.atOnce)))
	}
	return s
}

// full reports whether a packet of that time has to begin another file of the ring.
func (s *sinks) full(time, size int64) bool { return s.ring != nil && s.ring.Full(time, size) }

// open creates the output, when the first packet is ready, and each file of a ring when its first
// packet is.
func (s *sinks) open() (io.Writer, error) {
	if s.o.write == "-" {
		return stdout, nil
	}
	f, err := s.create()
	if err != nil {
		return nil, err
	}
	if s.file, err = output.NewFile(f, s.o.write); err != nil {
		return nil, err
	}
	return s.file, nil
}

func (s *sinks) create() (*os.File, error) {
	name := s.o.write
	switch {
	case s.prepared != nil:
		return s.prepared, truncate(s.prepared)
	case s.ring != nil:
		if s.file != nil {
			err := s.file.Close()
			if s.file = nil; err != nil {
				return nil, err
			}
		}
		var err error
		if name, err = s.ring.Next(); err != nil {
			return nil, err
		}
	}
	if s.o.embedKeys {
		f, err := openPrivate(name, 0, nil)
		return s.o.emptied(f, err)
	}
	return s.o.createOutput(name)
}

// createOutput opens a file for writing and empties it. A new one, which holds what was encrypted,
// only its owner may read.
func (o *options) createOutput(name string) (*os.File, error) {
	f, err := openOutput(name, 0, 0o600)
	return o.emptied(f, err)
}

// emptied empties a file that was opened for writing, unless err, and unless it is an input or a
// terminal.
func (o *options) emptied(f *os.File, err error) (*os.File, error) {
	if err != nil {
		return nil, err
	}
	switch info, e := f.Stat(); {
	case e != nil:
		err = e
	case isTerminal(f):
		err = errTerminal
	default:
		if in, ok := among(o.inputs(), info); ok { // a file of a ring
			err = isInput(f.Name(), in)
		} else {
			err = truncate(f)
		}
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// truncate empties a file, if it is one.
func truncate(f *os.File) error {
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return err
	}
	return f.Truncate(0)
}

// finish finishes the outputs. err is how the run ended, or else what the outputs say.
func (s *sinks) finish(err error) error {
	if errors.Is(err, output.ErrRingEnd) {
		err = nil
	} else if s.clear != nil && (s.clear.Any() || s.prepared != nil || s.o.write == "-" && err == nil) {
		// Where another output has failed, the file is finished all the same.
		if e := s.clear.Close(); e != nil && !isSinkError(err) {
			err = &pipeline.SinkError{Err: e}
		}
	}
	if s.file != nil {
		if e := s.file.Close(); e != nil && err == nil {
			err = &pipeline.SinkError{Err: e}
		}
	}
	return err
}

// end finishes the outputs, prints the summary and says how the run has ended.
func (s *sinks) end(stats *pipeline.Stats, err error) error {
	err = s.finish(err)
	if isSinkError(err) && errors.Is(err, syscall.EPIPE) {
		return nil // the reader has had enough
	}
	interrupted := errors.Is(err, context.Canceled)
	if !s.o.quiet && !isSinkError(err) && (err == nil || stats.Frames > 0 || interrupted && s.advise != nil) {
		s.summary(stats)
	}
	switch {
	case errors.Is(err, capture.ErrLinkTypes):
		return hinted{err, "give the output a name that ends in .pcapng"}
	case err != nil:
		return err
	}
	return exitStatus(s.status(stats))
}

func isSinkError(err error) bool {
	var e *pipeline.SinkError
	return errors.As(err, &e)
}

// matched counts the packets that a key was meant for.
func matched(stats *pipeline.Stats) uint64 {
	n := stats.Opened() + stats.Heads + stats.Undecided
	for _, v := range [...]why.Verdict{why.WrongKey, why.Incomplete} {
		n += stats.Count(pipeline.ESP, v) + stats.Count(pipeline.IKE, v)
	}
	return n
}

// status says how well the decryption went.
func (s *sinks) status(stats *pipeline.Stats) int {
	switch {
	case matched(stats) == 0 && (stats.Failed() > 0 || len(s.o.keys) > 0):
		return exitNothing
	case stats.Failed() > 0, len(s.report().Wrong) > 0, s.o.secrets != "" && pppFailed(s.p.PPP()),
		wrongTunnelSecret(s.p.Tunnels()):
		return exitPartly
	}
	return exitOK
}
