package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/pflag"

	"l2tpdump/capture"
	"l2tpdump/cmd/internal/output"
	"l2tpdump/cmd/internal/pipeline"
	"l2tpdump/cmd/internal/sessions"
	"l2tpdump/keysrc"
)

// choice is what the command line says of the sessions and the users' packets that are wanted.
type choice struct {
	inner   string // a filter on the users' packets
	user    string
	session string // its UID
	control bool   // the messages of chosen sessions, too
}

func (c *choice) flags(f *pflag.FlagSet) {
	valueVar(f, &c.inner, "inner", parseGiven)
	valueVar(f, &c.user, "user", parseGiven)
	valueVar(f, &c.session, "session", parseGiven)
}

// any reports whether not all is wanted.
func (c *choice) any() bool { return c.inner != "" || c.user != "" || c.session != "" }

// nothing says what to do where no frame is wanted.
func (c *choice) nothing() string {
	if c.user == "" && c.session == "" {
		return "no user's packet passes --inner"
	}
	return "no user's packet is of such a session: `l2tpdump sessions --json` lists them with their uid and user"
}

// checkSelection refuses what says nothing.
func (o *options) checkSelection() error {
	for _, what := range o.only {
		if !slices.Contains(output.OnlyNames, what) {
			return withHint(didYouMean(what, "--only ", output.OnlyNames, ""),
				"--only takes ike, esp, l2tp, ppp, ip or eth, or several with commas, not %s", quote(what))
		}
	}
	if o.control && !o.choice.any() {
		return errors.New("--with-control goes with --inner, --user or --session")
	}
	return nil
}

// chooser tells which frames are wanted.
type chooser struct {
	choice
	filter pipeline.Filter // of inner, nil if there is none
	chosen map[string]bool // the UIDs of the sessions that are, where that was looked up; else nil
}

func newChooser(c choice) (*chooser, error) {
	h := &chooser{choice: c}
	if c.inner != "" {
		f, err := capture.NewFilter(capture.Raw, c.inner)
		if err != nil {
			return nil, fmt.Errorf("--inner: %w", err)
		}
		h.filter = f
	}
	return h, nil
}

// needsSessions reports whether a frame's session has to be known.
func (h *chooser) needsSessions() bool { return h.user != "" || h.session != "" || h.control }

// selection is that of the frames whose sessions the gatherer knows.
func (h *chooser) selection(only []string) *output.Selection {
	s := &output.Selection{Only: only, Inner: h.filter}
	if h.user != "" || h.session != "" {
		s.Session = func(r *pipeline.Record) bool { return h.wants(r.Session, false) }
	}
	if h.control {
		s.Control = func(r *pipeline.Record) bool { return h.wants(r.Session, true) }
	}
	return s
}

// wants reports whether a session is chosen, or else may turn out to be, as far as is known by now.
func (h *chooser) wants(of pipeline.Session, may bool) bool {
	s, ok := of.(*sessions.Session)
	switch {
	case !ok, h.session != "" && s.UID != h.session:
		return false
	case h.chosen != nil:
		return h.chosen[s.UID]
	case h.user == "":
		return true
	}
	user := s.User().Value()
	return user == h.user || may && user == ""
}

// looksAhead reports whether it is of use to know the end of a capture at its beginning.
func (h *chooser) looksAhead(captures []string) bool {
	return (h.user != "" || h.control && h.inner != "") &&
		!slices.ContainsFunc(captures, func(path string) bool { return !isRegular(path) })
}

// look goes through the captures for the sessions that are chosen.
func (h *chooser) look(ctx context.Context, o *options, config pipeline.Config, keys []*keysrc.Keys) error {
	r, err := o.openCaptures(ctx, config, keys, nil)
	if err != nil {
		return err
	}
	defer r.Close()
	h.chosen = make(map[string]bool)
	g := h.gather(r.p, func(s *sessions.Session) error {
		h.chosen[s.UID] = true
		return nil
	})
	if _, err := r.run(ctx); isSinkError(err) || errors.Is(err, context.Canceled) {
		return err
	}
	return g.Close() // what is wrong with the capture, the run itself says
}

// gather has the sessions of a run gathered, and each told that is over and is chosen.
func (h *chooser) gather(p *pipeline.Pipeline, tell func(*sessions.Session) error) *sessions.Gatherer {
	matched := make(map[string]bool) // sessions of which a packet passed the filter
	g := sessions.NewGatherer(func(s *sessions.Session) error {
		passed := h.filter == nil || matched[s.UID]
		delete(matched, s.UID)
		if !passed || h.user != "" && s.User().Value() != h.user || h.session != "" && s.UID != h.session {
			return nil
		}
		return tell(s)
	})
	p.AddSink(g)
	if h.filter != nil {
		inner := output.Selection{Inner: h.filter}
		p.AddSink(inner.Of(recordFunc(func(r *pipeline.Record) {
			if r.Session != nil {
				matched[r.Session.ID()] = true
			}
		})))
	}
	return g
}
