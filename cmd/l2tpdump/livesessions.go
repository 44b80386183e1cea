package main

import (
	"encoding/json"
	"errors"
	"time"

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

// changeTeller prints what happens to sessions, each change at once: a line, or with --json an
// object.
func (o *liveOptions) changeTeller() func(*sessions.Change) error {
	if o.json {
		enc := json.NewEncoder(stdout)
		enc.SetEscapeHTML(false)
		return func(c *sessions.Change) error { return enc.Encode(c) }
	}
	return func(c *sessions.Change) error {
		out("%s\n", visible(c.Line(time.Local)))
		return stdout.err
	}
}
