package main

import (
	"context"
	"errors"

	"l2tpdump/cmd/internal/pipeline"
	"l2tpdump/cmd/internal/sessions"
)

// sessionsCommand is the command "sessions": what happened to each VPN connection?
func sessionsCommand(ctx context.Context, args []string) int {
	var o options
	f := newFlags("sessions")
	o.inputFlags(f)
	f.BoolVar(&o.json, "json", false, "")
	f.CountVarP(&o.verbose, "verbose", "v", "")
	f.StringVar(&o.secrets, "ppp-secrets", "", "")
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
	p := pipeline.New(config)
	p.AddKeys(keys...)
	takeEmbeddedKeys(src, p)

	w := sessions.NewWriter(stdout, o.json, o.verbose > 0)
	gatherer := sessions.NewGatherer(w.Session)
	p.AddSink(gatherer)
	stats, err := p.Run(ctx)
	if e := gatherer.Close(); e != nil && err == nil {
		err = e
	}
	if e := w.Close(); e != nil && err == nil {
		err = e
	}
	switch {
	case ctx.Err() != nil && errors.Is(err, ctx.Err()):
		return exitInterrupted
	case err != nil:
		return fail(err)
	case stats.Opened()+stats.Heads == 0 && len(o.keys) > 0 && stats.Failed() > 0:
		message("no key matched anything")
		return exitNothing
	case w.Troubled > 0:
		return exitPartly
	}
	return exitOK
}
