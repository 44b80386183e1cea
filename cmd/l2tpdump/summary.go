package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"l2tpdump/capture"
	"l2tpdump/cmd/internal/pipeline"
	"l2tpdump/cmd/internal/why"
	"l2tpdump/keysrc"
	"l2tpdump/l2tp/ppp"
)

// summary prints what became of the frames, and for each SA that was not decrypted why.
func (s *sinks) summary(stats *pipeline.Stats) {
	s.counts(stats)
	if s.clear != nil && s.o.write != "-" && (s.clear.Packets > 0 || s.file != nil) {
		to := s.o.write
		if s.ring != nil {
			to = fmt.Sprintf("%s, %s in all", s.ring.Name(), plural(s.ring.Count(), "file"))
			switch {
			case s.ring.Ended():
				to += ", as -W says: later packets are not written"
			case s.ring.Overwrote():
				to += ", as -W says: earlier packets are written over"
			}
		}
		message("wrote %s to %s", plural(s.clear.Packets, "packet"), to)
	} else if s.clear != nil && s.o.write != "-" {
		message("wrote nothing to %s: there is no packet for it", s.o.write)
	}
	if stats.Foreign > 0 {
		message("%s of link type %s could not be taken apart; known are %s", plural(stats.Foreign, "frame"),
			stats.ForeignLink, strings.Join(capture.LinkTypes(), ", "))
	}
	if stats.Lost > 0 {
		message("%s of IKE or ESP packets could not be put together: others of these packets are missing or cut",
			plural(stats.Lost, "fragment"))
	}
	if s.sessions != nil {
		s.sessions.close()
	}
	listed(s.report().failed())
	listed(tunnelFindings(s.p.Tunnels()))
	listed(pppProblems(s.p.PPP(), s.o.secrets))
	if s.sessions != nil {
		s.sessions.tell()
	}
	if h := s.advice(stats); h != "" {
		hint("%s", h)
	}
}

// advice says what to do about the most likely mistake.
func (s *sinks) advice(stats *pipeline.Stats) string {
	if s.advise != nil {
		if h := s.advise(stats); h != "" {
			return h
		}
	}
	switch {
	case stats.Frames == 0 && s.o.filter != "":
		return "no frame passed the filter: --inner has one for what is inside; one for what is behind VLAN tags or in PPPoE begins with vlan and, or pppoes and"
	case stats.Frames == 0:
		return "there is no packet in this capture"
	case s.o.choice.any() && s.picks.Passed == 0:
		return s.o.choice.nothing()
	case stats.Foreign == stats.Frames || stats.Frames == s.o.count:
	case stats.Tunnelled() == 0 && stats.Line > 0:
	case stats.Tunnelled() == 0 && s.o.filter != "":
		return "there is no IKE, ESP or L2TP among the frames that passed the filter"
	case stats.Tunnelled() == 0 && stats.Closed > 0:
		return "there is no IKE, ESP or L2TP in what can be opened of this capture: " + notOpened(stats)
	case stats.Tunnelled() == 0:
		return "there is no IKE, ESP or L2TP in this capture: was it taken on the router's outer (WAN) interface?"
	case stats.Failed() == 0 && stats.Lost > 0 && stats.Lost == stats.LostBehind && stats.Merged == 0:
		return "a filter on UDP ports lets only the first fragment of a packet pass: add `or ip[6:2] & 0x1fff != 0 or ip6[6] == 44` to it"
	case stats.Failed() == 0:
	case len(s.o.keys) == 0:
		return "name the keys with -k: a router's log, Wireshark's tables, ip xfrm state or a daemon's log"
	case stats.Count(pipeline.IKE, why.NoKey)+stats.Count(pipeline.ESP, why.NoKey) > 0 && s.report().Lost != "":
		return "a value in a key source is damaged: take the source anew from where it comes"
	case ofOthers(stats):
		return otherKeys(stats, s.keys)
	case stats.ByKind[pipeline.ESP] == 0, s.report().KeyD != nil:
	case stats.Count(pipeline.ESP, why.NoKey) != stats.ByKind[pipeline.ESP] || stats.Opened() == 0:
	case slices.ContainsFunc(s.keys, func(k *keysrc.Keys) bool { return len(k.ESP) > 0 }):
		return "the keys of ESP are of other SAs: the log has to be of the time of the capture and go on " +
			"until the IPsec SA is set up, or give SKEYID_d"
	default:
		return "there are keys of IKE only: the log has to go on until the IPsec SA is set up, or give SKEYID_d"
	}
	return ""
}

// ofOthers says that none of the keys is of a connection of the capture.
func ofOthers(stats *pipeline.Stats) bool {
	return matched(stats) == 0 &&
		stats.Count(pipeline.IKE, why.NoKey)+stats.Count(pipeline.ESP, why.NoKey) == stats.Failed()
}

// otherKeys says what to do about keys that are of other connections.
func otherKeys(stats *pipeline.Stats, keys []*keysrc.Keys) string {
	return "none of the keys is of these connections: the log has to be of the time of the capture, from before the connection was set up" +
		otherDay(stats, keys)
}

// notOpened says how many frames may carry what is looked for, and can't be opened.
func notOpened(stats *pipeline.Stats) string {
	return fmt.Sprintf("%s can't (%s)", plural(stats.Closed, "frame"), stats.ClosedName)
}

// without says what to do about a capture without IKE and ESP.
func without(stats *pipeline.Stats) string {
	switch {
	case stats.ByKind[pipeline.L2TP] > 0:
		return "its L2TP is in clear and needs no key"
	case stats.Closed > 0:
		return notOpened(stats) + " be opened"
	}
	return "take it on the router's outer (WAN) interface, where UDP 500, UDP 4500 and ESP pass"
}

// counts prints what became of the frames.
func (s *sinks) counts(stats *pipeline.Stats) {
	message("%s", frameCounts(stats))
	if line := contentCounts(stats); line != "" {
		message("%s", line)
	}
	if s.more != nil {
		for _, line := range s.more(stats) {
			message("%s", line)
		}
	}
}

// frameCounts returns "280 frames: 11 IKE (4 clear, 7 decrypted), 253 ESP (253 verified), 16
// other".
func frameCounts(stats *pipeline.Stats) string {
	var parts []string
	for _, k := range [...]struct {
		kind pipeline.Kind
		name string
	}{{pipeline.IKE, "IKE"}, {pipeline.ESP, "ESP"}, {pipeline.L2TP, "clear L2TP"}} {
		if n := stats.ByKind[k.kind]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s%s", n, k.name, verdictCounts(stats, k.kind)))
		}
	}
	if n := stats.ByKind[pipeline.Other]; n > 0 {
		parts = append(parts, fmt.Sprintf("%d other", n))
	}
	if stats.Merged > 0 {
		parts = append(parts, fmt.Sprintf("%d merged into reassembled packets", stats.Merged))
	}
	line := plural(stats.Frames, "frame")
	if len(parts) > 0 {
		line += ": " + strings.Join(parts, ", ")
	}
	return line
}

func verdictCounts(stats *pipeline.Stats, k pipeline.Kind) string {
	if k == pipeline.L2TP && stats.Count(k, why.Clear) == stats.ByKind[k] {
		return ""
	}
	var counts []string
	for _, v := range why.Verdicts {
		if n := stats.Count(k, v); n > 0 {
			counts = append(counts, fmt.Sprintf("%d %s", n, v))
		}
	}
	if k == pipeline.IKE && stats.Rebuilt > 0 {
		counts = append(counts, fmt.Sprintf("of these %d but for the first block", stats.Rebuilt))
	}
	return " (" + strings.Join(counts, ", ") + ")"
}

func contentCounts(stats *pipeline.Stats) string {
	frames, packets := stats.PPP, stats.Inner
	if stats.Tunnelled() == 0 {
		frames, packets = frames+stats.Line, packets+stats.Doubtful
	}
	if stats.L2TP+packets == 0 {
		return ""
	}
	line := fmt.Sprintf("inside: %d L2TP", stats.L2TP)
	if n := stats.Numbers; n.Missing+n.Late+n.Repeated > 0 {
		line += fmt.Sprintf(" (%d numbered: %d missing, %d late, %d repeated)", n.Messages, n.Missing, n.Late, n.Repeated)
	}
	line += fmt.Sprintf(", %d PPP", frames)
	if stats.Expansion != (ppp.Counts{}) {
		line += fmt.Sprintf(" (%v)", stats.Expansion)
	}
	if stats.Ethernet > 0 {
		line += fmt.Sprintf(", %d Ethernet", stats.Ethernet)
	}
	return line + fmt.Sprintf(", %d of the users' IP packets", packets)
}

// showProgress shows on a terminal how far the reading is, when asked to or when the input is
// large. It returns what ends it.
func showProgress(o *options, src capture.Source) (stop func()) {
	const large = 16 << 20
	ps, ok := src.(capture.ProgressSource)
	if !ok || o.quiet || !isTerminal(os.Stderr) || o.write == "" && o.sessionLines() && isTerminal(os.Stdout) {
		return func() {}
	}
	_, total := ps.Progress()
	if total == 0 || total < large && !o.progress {
		return func() {}
	}
	const width = 40
	end := every(200*time.Millisecond, func() {
		n, total := ps.Progress()
		filled := int(min(n, total) * width / total)
		fmt.Fprintf(os.Stderr, "\r[%s%s] %3d %%", strings.Repeat("#", filled), strings.Repeat(" ", width-filled),
			min(n, total)*100/total)
	})
	return func() {
		end()
		fmt.Fprintf(os.Stderr, "\r%*s\r", width+len("[] 100 %"), "") // not every console knows escape sequences
	}
}
