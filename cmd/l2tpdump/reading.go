package main

import (
	"cmp"
	"context"
	"runtime/debug"
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
// outputs that contradict each other or the input.
func (o *options) start(ctx context.Context, f *pflag.FlagSet, args []string, check func() error) ([]*keysrc.Keys, error) {
	rest, err := parse(f, args)
	if err != nil {
		return nil, err
	}
	if err := o.checkInput(ctx, rest); err != nil {
		return nil, err
	}
	if err := check(); err != nil {
		return nil, err
	}
	if o.listLinks {
		return nil, cmp.Or(o.printLinkTypes(ctx), error(exitStatus(exitOK)))
	}
	return o.readKeys(ctx)
}

// openCaptures opens the captures for a run with those keys, and with the ones in the captures, of
// which found is told if it is not nil.
func (o *options) openCaptures(ctx context.Context, config pipeline.Config, keys []*keysrc.Keys,
	found func(*keysrc.Keys)) (*reading, error) {
	defer exitAt(ctx)()
	src, err := capture.OpenContext(ctx, o.read)
	switch {
	case err != nil && ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil:
		return nil, o.explainCapture(err)
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
	return r, nil
}

// run reads the captures to their end.
func (r *reading) run(ctx context.Context) (*pipeline.Stats, error) {
	stop := showProgress(r.o, r.Source)
	stats, err := r.p.Run(ctx)
	stop()
	if r.undirected {
		message("-Q: frames that do not tell which way they went are taken")
	}
	return stats, err
}

// printLinkTypes lists the link types of the captures, in place of the one that tcpdump -L has of
// an interface.
func (o *options) printLinkTypes(ctx context.Context) error {
	r, err := o.openCaptures(ctx, pipeline.Config{}, nil, nil)
	if err != nil {
		return err
	}
	defer r.Close()
	if _, err := r.run(ctx); err != nil {
		return err
	}
	var names []string
	for _, i := range r.Interfaces() {
		if name := i.LinkType.String(); !slices.Contains(names, name) {
			names = append(names, name)
			out("%s\n", name)
		}
	}
	return nil
}

// manyKeys is how many are most of the memory: garbage is to take less beside them.
const manyKeys = 1 << 14

// What the SAs of so many keys take at most, in bytes, and what else there may be. Up to that it is
// not worth the time to look for garbage often.
const (
	perSA   = 1 << 10
	besides = 512 << 20
)

// Percentages of garbage.
const (
	fewGarbage  = 50
	muchGarbage = 400 // while keys are read
	mostGarbage = 800 // beside keys, as what their SAs take is to come
)

// saveRoom has the garbage of many keys take little memory.
func saveRoom(keys []*keysrc.Keys) {
	if countKeys(keys) >= manyKeys {
		debug.SetGCPercent(fewGarbage)
	}
}

// makeRoom has the garbage collector make allowance for the SAs of all keys, once these are known.
// GOMEMLIMIT holds.
func makeRoom(keys []*keysrc.Keys) {
	if n := countKeys(keys); n >= manyKeys {
		debug.SetMemoryLimit(min(debug.SetMemoryLimit(-1), besides+int64(n)*perSA))
		debug.SetGCPercent(mostGarbage)
	}
}

func countKeys(keys []*keysrc.Keys) (n int) {
	for _, k := range keys {
		n += len(k.IKE) + len(k.ESP)
	}
	return n
}
