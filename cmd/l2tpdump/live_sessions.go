package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"l2tpdump/cmd/internal/pipeline"
	"l2tpdump/cmd/internal/sessions"
)

// checkMonitor refuses what does not go with --sessions.
func (o *liveOptions) checkMonitor() error {
	switch {
	case !o.monitor:
	case o.write == "-":
		return errors.New("the capture and the lines of --sessions can't both go to standard output")
	case o.print || len(o.only) > 0:
		return errors.New("--sessions prints a line at each change of a session, and none for each frame: " +
			"it goes with neither --print nor --only")
	case o.choice.any():
		return errors.New("--sessions tells of all sessions: it goes with neither --inner, --user nor --session")
	}
	return nil
}

// changeTeller prints what happens to sessions, each change at once: a line, with --json an object,
// or below the table.
func (o *liveOptions) changeTeller() func(*sessions.Change) error {
	if s := o.screen; s != nil {
		return func(c *sessions.Change) error {
			s.add(visible(c.Line(time.Local, time.TimeOnly)))
			return nil
		}
	}
	if o.json {
		enc := json.NewEncoder(stdout)
		enc.SetEscapeHTML(false)
		return func(c *sessions.Change) error { return enc.Encode(c) }
	}
	return func(c *sessions.Change) error {
		out("%s\n", visible(c.Line(time.Local, time.DateTime)))
		return stdout.err
	}
}

// watch has a Monitor tell what time alone tells, and a screen, if it is not nil, draw its
// sessions, until stop is called, which ends the sessions.
func (o *liveOptions) watch(ctx context.Context, interrupt func(), p *pipeline.Pipeline, src *liveSource) (
	stop func() error, err error,
) {
	if o.watched == nil {
		return func() error { return nil }, nil
	}
	endScreen := func() {}
	if o.screen != nil {
		table := func() *sessionTable {
			list := o.watched.Standings(until(p))
			return &sessionTable{title: o.standingTitle(p, src), now: time.Now(), sessions: list}
		}
		if endScreen, err = o.screen.run(ctx, table, src.end, interrupt); err != nil {
			return nil, err
		}
	}
	endLooks := every(sessions.LookEvery, func() { o.watched.Tick(until(p)) })
	return func() error {
		endLooks()
		endScreen()
		return o.watched.Close()
	}, nil
}

// until is the time up to which all that came was delivered, in nanoseconds since the Unix epoch:
// some packets wait for a key, and others are on their way.
func until(p *pipeline.Pipeline) int64 {
	t := time.Now().Add(-sessions.LookEvery).UnixNano()
	if waits := p.Snapshot().Oldest; waits != 0 {
		return min(t, waits)
	}
	return t
}

// standingTitle says what is captured, and how much has come.
func (o *liveOptions) standingTitle(p *pipeline.Pipeline, src *liveSource) string {
	stats := p.Snapshot()
	text := visible(o.iface) + ", " + plural(stats.Frames, "frame")
	if k, err := src.Stats(); err == nil && k.Dropped > 0 {
		text += fmt.Sprintf(", %d dropped", k.Dropped)
	}
	return text
}
