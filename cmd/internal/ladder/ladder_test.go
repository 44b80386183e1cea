package ladder_test

import (
	"fmt"
	"strings"
	"testing"

	"l2tpdump/cmd/internal/ladder"
	"l2tpdump/cmd/internal/sessions"
)

// messages are events a second apart, given as "sender layer name" or "sender layer name: details".
func messages(lines ...string) *sessions.Facts {
	s := &sessions.Facts{State: sessions.Up, OrigHost: "198.51.100.7", RespHost: "203.0.113.1", Frames: []uint64{1, uint64(len(lines))}}
	for i, line := range lines {
		head, details, _ := strings.Cut(line, ": ")
		f := strings.SplitN(head, " ", 3)
		e := sessions.Event{Frame: uint64(i + 1), Sender: map[string]sessions.Side{"c": 0, "s": 1, "o": 2}[f[0]], Layer: f[1], Name: f[2], Details: details}
		e.Time += 1e9
		for range i {
			e.Time += 1e9
		}
		s.Messages = append(s.Messages, e)
	}
	s.Time = 0
	return s
}

func repeat(n int, lines ...string) (list []string) {
	for range n {
		list = append(list, lines...)
	}
	return list
}

// names are those of the rungs, folds in brackets.
func names(s *sessions.Facts) string {
	var list []string
	for _, r := range ladder.New(s).Rungs {
		switch r.Kind {
		case ladder.Fold:
			list = append(list, "["+r.Name+"]")
		case ladder.Verdict:
			list = append(list, "!"+r.Name)
		default:
			list = append(list, r.Name)
		}
	}
	return strings.Join(list, " / ")
}

// TestFold: what repeats is one rung, which says how often, and whether it was answered.
func TestFold(t *testing.T) {
	dpd := []string{"s ike informational: HASH, N R-U-THERE seq 7", "c ike informational: HASH, N R-U-THERE-ACK seq 7"}
	for _, c := range []struct {
		lines []string
		want  string
	}{
		{repeat(12, "c l2tp HELLO", "s l2tp ZLB"), "[12 x Hello, answered]"},
		{repeat(1, "c l2tp HELLO", "s l2tp ZLB"), "[Hello, answered]"},
		{[]string{"c l2tp HELLO", "s l2tp HELLO", "c l2tp ZLB"}, "[2 x Hello, answered]"},
		{repeat(3, "s ppp LCP Echo-Req: id 1"), "[3 x LCP Echo, not answered]"},
		{append(repeat(3, "s ppp LCP Echo-Req", "c ppp LCP Echo-Rep"), repeat(4, "s ppp LCP Echo-Req")...), "[3 x LCP Echo, answered] / [4 x LCP Echo, not answered]"},
		{append(repeat(2, "s ppp LCP Echo-Req", "c ppp LCP Echo-Rep"), dpd...), "[2 x LCP Echo, answered; DPD, answered]"},
		{[]string{"s ppp LCP Echo-Req", "s ppp CHAP Challenge", "c ppp LCP Echo-Rep"}, "LCP Echo-Req / CHAP Challenge / LCP Echo-Rep"},
		{repeat(6, "c ike main 1"), "main 1 / [5 x again: main 1]"},
		{repeat(2, "c ike main 1"), "main 1 / main 1"},
		{append(repeat(1, "c ike main 1"), repeat(4, "c ike main 5", "s ike informational: HASH, N PAYLOAD-MALFORMED")...),
			"main 1 / main 5 / informational / [3 x again: main 5, informational]"},
		{[]string{"s ike informational: D isakmp", "s ike informational: N INVALID-COOKIE", "s ike informational: D esp 0x1"}, "informational / informational / informational"},
		{repeat(100, "c ike quick 1", "s ike quick 2", "c ike quick 3", "c ike informational: D esp 0xab", "s ppp LCP Echo-Req", "c ppp LCP Echo-Rep"),
			"quick 1 / quick 2 / quick 3 / informational / [LCP Echo, answered] / [99 x again: quick 1, quick 2, quick 3, informational, and 1 more]"},
		{[]string{"s ppp LCP Echo-Rep", "s ppp LCP Echo-Rep"}, "[2 late answers to keepalives]"},
	} {
		if got := names(messages(c.lines...)); got != c.want {
			t.Errorf("%v\n got %s\nwant %s", c.lines[:1], got, c.want)
		}
	}
}

// TestFoldKeepsAll: what is folded is still there.
func TestFoldKeepsAll(t *testing.T) {
	lines := append(repeat(9, "c l2tp HELLO", "s l2tp ZLB"), repeat(30, "c ppp LCP Conf-Req", "s ppp LCP Conf-Nak")...)
	var count func([]ladder.Rung) int
	count = func(rungs []ladder.Rung) (n int) {
		for _, r := range rungs {
			if r.Kind == ladder.Message {
				n++
			}
			n += count(r.Rungs)
		}
		return n
	}
	if n := count(ladder.New(messages(lines...)).Rungs); n != len(lines) {
		t.Errorf("%d messages, want %d", n, len(lines))
	}
}

// TestVerdict: the step that was not passed stands behind the last message that shows it, or at the
// end.
func TestVerdict(t *testing.T) {
	s := messages("c ppp PAP Auth-Req", "s ppp PAP Auth-Nak", "c ppp LCP Term-Req")
	s.State, s.Step, s.Evidence = sessions.Failed, "auth", []uint64{1, 2}
	if got, want := names(s), "PAP Auth-Req / PAP Auth-Nak / !FAILED at the login / LCP Term-Req"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	s.Evidence = nil
	if got, want := names(s), "PAP Auth-Req / PAP Auth-Nak / LCP Term-Req / !FAILED at the login"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	s.State, s.Step = sessions.Up, "data"
	if got := names(s); strings.Contains(got, "!") {
		t.Errorf("a verdict on what went well: %s", got)
	}
}

// TestLeftOut: what is missing is said where it is missing.
func TestLeftOut(t *testing.T) {
	s := messages("c ike main 1", "s ike main 2", "c ike main 3")
	s.Messages[1].LeftOut, s.LeftOut = 5, 12
	if got, want := names(s), "main 1 / 5 messages are left out / main 2 / main 3 / 7 messages are left out"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestSteps: all before the step that was not passed were passed, all behind it were not reached.
func TestSteps(t *testing.T) {
	words := map[ladder.Outcome]string{ladder.Passed: "+", ladder.Stopped: "!", ladder.Unreached: "-", ladder.Absent: "0"}
	steps := func(s *sessions.Facts) (text string) {
		for _, x := range ladder.Steps(s) {
			text += words[x.Outcome] + x.Name + " "
		}
		return strings.TrimSpace(text)
	}
	s := &sessions.Facts{State: sessions.Failed, Step: "ike-m5"}
	for _, c := range []struct {
		state sessions.State
		step  string
		want  string
	}{
		{sessions.Failed, "ike-m5", "!IKE -phase 2 -ESP -tunnel -call -LCP -login -IPCP -traffic"},
		{sessions.Failed, "ccp", "!compression -IPCP -traffic"},
		{sessions.Up, "data", "+traffic"},
		{sessions.Lost, "data", "!traffic"},
		{sessions.Clear, "data", "0IKE 0phase 2 0ESP +traffic"},
		{sessions.Partial, "", ""},
	} {
		s.State, s.Step = c.state, c.step
		if got := steps(s); got != c.want {
			t.Errorf("%s at %s: %s, want %s", c.state, c.step, got, c.want)
		}
	}
}

// TestWidth: no line is longer than the terminal, whatever the texts and the width.
func TestWidth(t *testing.T) {
	long := strings.Repeat("日本語 very long details, ", 40)
	s := messages("c ike main 1: "+long, "s ike main 2: "+long, "c l2tp HELLO: x", "s l2tp ZLB: y", "o icmp port unreachable: "+long, "c ppp PAP Auth-Req: "+long)
	s.State, s.Step, s.Cause, s.Evidence = sessions.Failed, "auth", long, []uint64{6}
	for _, nat := range [][]sessions.Side{nil, {0}, {1}, {0, 1}} {
		s.NAT = nat
		for _, signs := range []ladder.Signs{ladder.Unicode, ladder.ASCII} {
			for columns := 40; columns < 240; columns += 7 {
				for line := range strings.Lines(ladder.New(s).Text(columns, signs, ladder.Steps(s))) {
					n := 0
					for _, c := range strings.TrimSuffix(line, "\n") {
						n++
						if c > 0x2fff && c < 0xa000 {
							n++ // a wide character
						}
					}
					if n > columns {
						t.Fatalf("%d columns, want %d: %s", n, columns, fmt.Sprint(line))
					}
				}
			}
		}
	}
}
