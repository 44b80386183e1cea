package main

import (
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"

	"l2tpdump/cmd/internal/follow"
	"l2tpdump/cmd/internal/pipeline"
	"l2tpdump/cmd/internal/why"
	"l2tpdump/keysrc"
)

// What live says when it begins, when it is asked, and when it ends.

// announce says in one line what is going on.
func (o *liveOptions) announce(src *liveSource, sources []follow.Source, privileges string) {
	if o.quiet {
		return
	}
	i := src.Interfaces()[0]
	line := fmt.Sprintf("listening on %s (%v)", i.Name, i.LinkType)
	names := sourceNames(sources)
	if len(o.espKeys) > 0 {
		names = append(names, "-E")
	}
	from := "without keys"
	if len(names) > 0 {
		from = "keys from " + strings.Join(names, ", ")
	}
	line += ", " + from
	if privileges != "" {
		line += "; " + privileges
	}
	message("%s", line)
}

func sourceNames(sources []follow.Source) (names []string) {
	for _, s := range sources {
		names = append(names, s.Name())
	}
	return names
}

// summaries prints the summary so far whenever SIGUSR1 comes. It returns what ends that.
func (o *liveOptions) summaries(p *pipeline.Pipeline, s *sinks) (stop func()) {
	asked := make(chan os.Signal, 1)
	notifySummary(asked)
	end := onEach(asked, func(os.Signal) {
		stats := p.Snapshot()
		s.counts(&stats)
	})
	return func() {
		signal.Stop(asked)
		end()
	}
}

// liveCounts returns the lines of the summary that only live has.
func liveCounts(src *liveSource, stats *pipeline.Stats) []string {
	var lines []string
	if k, err := src.Stats(); err == nil {
		line := fmt.Sprintf("%s received by the filter, %d dropped by the kernel", plural(k.Received, "packet"), k.Dropped)
		if k.InterfaceDropped > 0 {
			line += fmt.Sprintf(", %d by the interface", k.InterfaceDropped)
		}
		lines = append(lines, line)
	}
	if stats.Held > 0 {
		lines = append(lines, fmt.Sprintf("%s waited for a key: %d in vain, %d not to the end, for lack of room (--hold-bytes)",
			plural(stats.Held, "frame"), stats.Expired, stats.Overflow))
	}
	return lines
}

// statusLine returns what a terminal shows of a capture while nothing else is printed, nil where
// there is no such terminal.
func (o *liveOptions) statusLine(p *pipeline.Pipeline, src *liveSource, file *os.File) func() string {
	if !o.hasStatus(file) {
		return nil
	}
	return func() string {
		stats := p.Snapshot()
		lost := uint64(0)
		if k, err := src.Stats(); err == nil {
			lost = k.Dropped
		}
		return fmt.Sprintf("%s, %s, %d opened, %d waited for a key, %d users' packets, %d lost",
			plural(stats.Frames, "frame"), plural(o.open.Load(), "session"), stats.Opened(), stats.Held, stats.Inner, lost)
	}
}

// hasStatus reports whether there is a line that says how things stand.
func (o *liveOptions) hasStatus(file *os.File) bool {
	return !o.quiet && o.unwatched(file) && isTerminal(os.Stderr) && obeysColor(os.Stderr)
}

// onlyKernel reports whether the kernel is the only source of keys, which has none of IKE.
func (o *liveOptions) onlyKernel() bool {
	return !slices.ContainsFunc(o.keys, func(k string) bool { return k != keysrc.XFRMName })
}

// advice says what to do about the most likely mistake in what only live has.
func (o *liveOptions) advice(stats *pipeline.Stats, news *keyNews) string {
	unkeyed := stats.Count(pipeline.IKE, why.NoKey) + stats.Count(pipeline.ESP, why.NoKey)
	switch {
	case stats.Frames == 0 && o.filter == "" && !o.config.All:
		return "no IKE, ESP or L2TP came by: is " + o.iface + " the router's outer (WAN) interface? --all takes every packet"
	case stats.Frames == 0 && o.config.All:
		return "no packet came by on " + o.iface
	case unkeyed == 0 || unkeyed < stats.Failed() || stats.Opened()+stats.Heads > 0 || len(o.keys) == 0:
	case o.onlyKernel():
		return "the kernel has the keys of connections that end on this host only, and none of them is among these"
	case news.given == 0:
		return news.sources()
	}
	return ""
}
