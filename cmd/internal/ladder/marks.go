package ladder

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"l2tpdump/cmd/internal/sessions"
)

// Sides are the words for who sends.
var Sides = [...]string{"client", "server", "network"}

// addMarks puts among the messages what happened beside them: that the session came up, what was
// lost, where it ended, and the step that was not passed.
func addMarks(rungs []Rung, s *sessions.Facts) []Rung {
	var marks []Rung
	if s.Setup != nil {
		marks = append(marks, Rung{Kind: Mark, Time: int64(*s.Setup), Layer: "up",
			Name: fmt.Sprintf("up after %.1f s", s.Setup.Seconds()), Details: "users' packets can pass"})
	}
	if s.Ended != nil && s.State != sessions.Failed {
		by := Sides[sessions.FromClient]
		if s.EndedBy == "resp" {
			by = Sides[sessions.FromServer]
		}
		marks = append(marks, Rung{Kind: Mark, Time: int64(*s.Ended - s.Time), Layer: "end",
			Name: "ended by the " + by, Details: s.EndReason})
	}
	marks = append(marks, losses(s)...)
	for _, m := range marks {
		i, _ := slices.BinarySearchFunc(rungs, m.Time+1, func(r Rung, t int64) int { return cmp.Compare(r.Time, t) })
		rungs = slices.Insert(rungs, i, m)
	}
	told := s.LeftOut
	for i := range s.Messages {
		told -= s.Messages[i].LeftOut
	}
	if told > 0 {
		rungs = append(rungs, leftOut(told, int64(s.Duration), s.Frames[1]))
	}
	return addVerdict(rungs, s)
}

// addVerdict marks the step that was not passed, behind the last frame that shows it.
func addVerdict(rungs []Rung, s *sessions.Facts) []Rung {
	if !troubled(s.State) {
		return rungs
	}
	v := Rung{Kind: Verdict, Time: int64(s.Duration), Name: s.State.Headline(s.Step), Details: s.Cause, Evidence: true}
	if v.Details != "" && s.Proven != nil && !*s.Proven {
		v.Details += " (typical of what is seen, not proven)"
	}
	at := len(rungs)
	if len(s.Evidence) > 0 {
		last := slices.Max(s.Evidence)
		for at > 0 && (rungs[at-1].Frame > last || rungs[at-1].Frame == 0) {
			at--
		}
		if at > 0 {
			v.Time = rungs[at-1].Time
		}
	}
	if at == 0 {
		at = len(rungs)
	}
	return slices.Insert(rungs, at, v)
}

// losses are the packets of ESP that did not come, by spans of time that follow one another.
func losses(s *sessions.Facts) (list []Rung) {
	t := s.Traffic
	if t == nil || t.OrigLost == nil && t.RespLost == nil {
		return nil
	}
	from := -1
	var lost [2]uint64
	for i := range len(t.OrigBytes) + 1 {
		var n [2]uint64
		for side, counts := range [...][]uint64{t.OrigLost, t.RespLost} {
			if i < len(counts) {
				n[side] = counts[i]
			}
		}
		switch {
		case n != [2]uint64{}:
			if from < 0 {
				from = i
			}
			lost[0], lost[1] = lost[0]+n[0], lost[1]+n[1]
		case from >= 0:
			begin := int64(t.Time - s.Time)
			list = append(list, Rung{Kind: Lost, Name: lostText(lost), Layer: "esp",
				Time: begin + int64(t.Interval)*int64(from), Until: begin + int64(t.Interval)*int64(i)})
			from, lost = -1, [2]uint64{}
		}
	}
	return list
}

func lostText(lost [2]uint64) string {
	var parts []string
	for side, n := range lost {
		if n > 0 {
			what := "packets"
			if n == 1 {
				what = "packet"
			}
			parts = append(parts, fmt.Sprintf("%d ESP %s of the %s", n, what, Sides[side]))
		}
	}
	return strings.Join(parts, " and ") + " lost"
}
