package main

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"

	"l2tpdump/cmd/internal/pipeline"
	"l2tpdump/cmd/internal/sessions"
)

// sessionsGC is how much garbage there may be, in percent of the memory in use: what is known of thousands of sessions is much.
const sessionsGC = 35

// sessionsCommand is the command "sessions": what happened to each VPN connection?
func sessionsCommand(ctx context.Context, args []string) int {
	var o options
	f := newFlags("sessions")
	o.inputFlags(f)
	f.BoolVar(&o.json, "json", false, "")
	f.CountVarP(&o.verbose, "verbose", "v", "")
	f.StringVar(&o.secrets, "ppp-secrets", "", "")
	f.StringVar(&o.tunnels, "l2tp-secret-file", "", "")
	f.StringVar(&o.psk, "psk-file", "", "")
	rest, status, ok := parse(f, args)
	if !ok {
		return status
	}
	if err := o.checkInput(rest); err != nil {
		return fail(err)
	}
	if err := checkApart(o.inputs(), stdinout); err != nil {
		return fail(err)
	}
	keys, err := o.readKeys(ctx)
	if err != nil {
		return fail(err)
	}
	src, status := o.openCapture(ctx)
	if src == nil {
		return status
	}
	defer src.Close()
	config := o.config(src)
	if err := o.readSecrets(ctx, &config); err != nil {
		return fail(err)
	}
	psks, err := o.preSharedKeys(ctx)
	if err != nil {
		return fail(err)
	}
	p := pipeline.New(config)
	p.AddKeys(keys...)
	takeEmbeddedKeys(src, p)

	w := sessions.NewWriter(stdout, o.json, o.verbose > 0)
	g := sessions.NewGatherer(w.Session)
	g.AddPSKs(psks)
	if o.verbose > 0 {
		g.KeepEvents()
	}
	p.AddSink(g)
	debug.SetGCPercent(sessionsGC)
	stats, err := p.Run(ctx)
	err = errors.Join(err, g.Close(), w.Close())
	switch {
	case ctx.Err() != nil && errors.Is(err, ctx.Err()):
		return exitInterrupted
	case err != nil:
		return fail(err)
	case len(o.keys) > 0 && stats.Failed() > 0 && matched(stats) == 0:
		return exitNothing
	case w.Troubled > 0:
		return exitPartly
	}
	return exitOK
}

// sessionWatch remembers what decrypt and verify say of sessions.
type sessionWatch struct {
	gatherer *sessions.Gatherer
	failed   []string
	clear    []string
}

// watchSessions has the sessions of a run watched.
func watchSessions(p *pipeline.Pipeline) *sessionWatch {
	w := new(sessionWatch)
	w.gatherer = sessions.NewGatherer(func(s *sessions.Session) error {
		if line := s.ClearWarning(); line != "" && len(w.clear) <= maxListed {
			w.clear = append(w.clear, line)
		}
		if line := s.Failure(); line != "" && len(w.failed) <= maxListed {
			w.failed = append(w.failed, line)
		}
		return nil
	})
	p.AddSink(w.gatherer)
	return w
}

// tell warns of users' traffic that crossed in clear next to IKE, and names a session that failed.
func (w *sessionWatch) tell() {
	if err := w.gatherer.Close(); err != nil {
		message("%v", err)
	}
	listed(w.clear)
	if n := len(w.failed); n > 0 {
		more := ""
		if n > 1 {
			more = fmt.Sprintf(" (and %d more)", n-1)
		}
		message("%s%s: `l2tpdump sessions` says why", w.failed[0], more)
	}
}
