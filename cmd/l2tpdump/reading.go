package main

import (
	"context"
	"errors"
	"slices"

	"github.com/spf13/pflag"

	"l2tpdump/capture"
	"l2tpdump/cmd/internal/pipeline"
	"l2tpdump/keysrc"
)

// reading is a run over the captures that the command line names.
type reading struct {
	capture.Source
	p *pipeline.Pipeline
	o *options

	undirected bool // -Q: a frame does not tell which way it went
}

// start takes the command line of a command that reads captures, and the keys. check refuses
// outputs that contradict each other or the input. If ok is false the command ends with the status.
func (o *options) start(ctx context.Context, f *pflag.FlagSet, args []string, check func() error) (
	keys []*keysrc.Keys, status int, ok bool) {
	rest, status, ok := parse(f, args)
	if !ok {
		return nil, status, false
	}
	if err := o.checkInput(ctx, rest); err != nil {
		return nil, fail(err), false
	}
	if err := check(); err != nil {
		return nil, fail(err), false
	}
	if o.listLinks {
		return nil, o.printLinkTypes(ctx), false
	}
	keys, err := o.readKeys(ctx)
	if err != nil {
		return nil, fail(err), false
	}
	return keys, exitOK, true
}

// openCaptures opens the captures for a run with those keys, and with the ones in the captures, of
// which found is told if it is not nil. If there is none the command ends with the status.
func (o *options) openCaptures(ctx context.Context, config pipeline.Config, keys []*keysrc.Keys,
	found func(*keysrc.Keys)) (*reading, int) {
	defer exitAt(ctx)()
	src, err := capture.OpenContext(ctx, o.read)
	switch {
	case err != nil && ctx.Err() != nil:
		return nil, exitInterrupted
	case err != nil:
		return nil, fail(o.explainCapture(err))
	}
	r := &reading{Source: src, o: o}
	config.Source, config.Limit = src, o.count
	if o.filter != "" {
		config.Filter = func(lt capture.LinkType) (pipeline.Filter, error) { return capture.NewFilter(lt, o.filter) }
	}
	if want := directions[o.direction]; want != capture.DirectionUnknown {
		config.Wanted = func(lt capture.LinkType, p *capture.Packet) bool {
			way := capture.DirectionOf(lt, p)
			r.undirected = r.undirected || way == capture.DirectionUnknown
			return way == want || way == capture.DirectionUnknown
		}
	}
	r.p = pipeline.New(config)
	r.p.AddKeys(keys...)
	takeEmbeddedKeys(src, r.p, found)
	return r, exitOK
}

// run reads the captures to their end. interrupted is true where somebody has ended it.
func (r *reading) run(ctx context.Context) (stats *pipeline.Stats, interrupted bool, err error) {
	stop := showProgress(r.o, r.Source)
	stats, err = r.p.Run(ctx)
	stop()
	if r.undirected {
		message("-Q: frames that do not tell which way they went are taken")
	}
	return stats, ctx.Err() != nil && errors.Is(err, ctx.Err()), err
}

// printLinkTypes lists the link types of the captures, in place of the one that tcpdump -L has of
// an interface.
func (o *options) printLinkTypes(ctx context.Context) int {
	r, status := o.openCaptures(ctx, pipeline.Config{}, nil, nil)
	if r == nil {
		return status
	}
	defer r.Close()
	_, interrupted, err := r.run(ctx)
	switch {
	case interrupted:
		return exitInterrupted
	case err != nil:
		return fail(err)
	}
	var names []string
	for _, i := range r.Interfaces() {
		if name := i.LinkType.String(); !slices.Contains(names, name) {
			names = append(names, name)
			out("%s\n", name)
		}
	}
	return exitOK
}
