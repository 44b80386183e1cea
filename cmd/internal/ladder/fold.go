package ladder

import (
	"fmt"
	"slices"
	"strings"
)

// keepalive is a question whether the other end is still there, or the answer to one.
type keepalive int

const (
	none keepalive = iota
	hello
	echo
	dpd
)

var keepaliveNames = [...]string{hello: "Hello", echo: "LCP Echo", dpd: "DPD"}

// asks tells which keepalive a message is, and whether it is the question.
func (r *Rung) asks() (k keepalive, question bool) {
	switch {
	case r.Kind != Message:
	case r.Layer == "l2tp" && r.Name == "HELLO":
		return hello, true
	case r.Layer == "l2tp" && r.Name == "ZLB":
		return hello, false
	case r.Name == "LCP Echo-Req":
		return echo, true
	case r.Name == "LCP Echo-Rep":
		return echo, false
	case r.Name == "informational" && strings.Contains(r.Details, "R-U-THERE-ACK"):
		return dpd, false
	case r.Name == "informational" && strings.Contains(r.Details, "R-U-THERE"):
		return dpd, true
	}
	return none, false
}

// answer finds the keepalives, and whether they were answered. Any control message of L2TP answers
// a Hello.
func answer(rungs []Rung) {
	open := make(map[[2]int]int) // by keepalive and who asks: index of the question
	for i := range rungs {
		r := &rungs[i]
		k, question := r.asks()
		r.alive = k
		if k != none && !question || r.Layer == "l2tp" && r.Kind == Message {
			if k == none || question {
				k = hello
			}
			asked := [2]int{int(k), 1 - int(r.From)}
			if j, ok := open[asked]; ok {
				rungs[j].answered = true
				delete(open, asked)
			}
		}
		if question {
			open[[2]int{int(r.alive), int(r.From)}] = i
		}
	}
}

// foldKeepalives makes one rung of keepalives that follow one another, and another one from where
// they are not answered.
func foldKeepalives(rungs []Rung) []Rung {
	var out []Rung
	for i := 0; i < len(rungs); {
		n := i
		for n < len(rungs) && rungs[n].alive != none && (n == i || !rungs[n].unlike(rungs[i:n])) {
			n++
		}
		if n-i < 2 {
			out = append(out, rungs[i])
			i++
			continue
		}
		f := folded(rungs[i:n])
		f.Layer, f.Name = "alive", keepaliveText(f.Rungs)
		out = append(out, f)
		i = n
	}
	return out
}

// unlike says that of a keepalive and those before it the one is answered, the others are not.
func (r *Rung) unlike(before []Rung) bool {
	if _, question := r.asks(); !question {
		return false
	}
	return slices.ContainsFunc(before, func(b Rung) bool {
		_, question := b.asks()
		return question && b.answered != r.answered
	})
}

// folded is a rung of several.
func folded(rungs []Rung) Rung {
	first, last := &rungs[0], &rungs[len(rungs)-1]
	f := Rung{Kind: Fold, Time: first.Time, Until: last.Time, Frame: first.Frame, Rungs: slices.Clone(rungs)}
	for i := range rungs {
		f.Evidence = f.Evidence || rungs[i].Evidence
	}
	return f
}

// keepaliveText says what was asked how often, and whether it was answered: "12 x Hello, answered".
func keepaliveText(rungs []Rung) string {
	var asked, answered [dpd + 1]int
	for i := range rungs {
		k, question := rungs[i].asks()
		if !question {
			continue
		}
		asked[k]++
		if rungs[i].answered {
			answered[k]++
		}
	}
	var parts []string
	for k := hello; k <= dpd; k++ {
		n, how := asked[k], "answered"
		switch {
		case n == 0:
			continue
		case answered[k] == 0:
			how = "not answered"
		case answered[k] < n:
			how = fmt.Sprintf("%d answered", answered[k])
		}
		name := keepaliveNames[k]
		if n > 1 {
			name = fmt.Sprintf("%d x %s", n, name)
		}
		parts = append(parts, name+", "+how)
	}
	if parts == nil {
		return fmt.Sprintf("%d late answers to keepalives", len(rungs))
	}
	return strings.Join(parts, "; ")
}

// Bounds of what counts as a repetition.
const (
	longestPeriod = 12 // rungs
	leastRepeats  = 2  // behind the first
)

// foldRepeats makes one rung of messages that repeat those before them, one by one or several in
// turn.
func foldRepeats(rungs []Rung) []Rung {
	keys := make([]string, len(rungs))
	for i := range rungs {
		keys[i] = rungs[i].key()
	}
	var out []Rung
	for i := 0; i < len(rungs); {
		period, times := repeats(keys[i:])
		if times < leastRepeats {
			out = append(out, rungs[i])
			i++
			continue
		}
		out = append(out, rungs[i:i+period]...)
		f := folded(rungs[i+period : i+period*(1+times)])
		f.Layer, f.Name = rungs[i].Layer, repeatText(rungs[i:i+period], times)
		out = append(out, f)
		i += period * (1 + times)
	}
	return out
}

// key is what two rungs have in common of which one repeats the other; "" repeats nothing.
func (r *Rung) key() string {
	switch {
	case r.Kind == Fold:
		return "fold"
	case r.Kind == Mark && r.Layer == "icmp":
		return r.Name
	case r.Kind != Message:
		return ""
	}
	key := fmt.Sprint(r.From, r.Layer, r.Name)
	if r.Name == "informational" { // what it tells of, without its numbers
		key += strings.Map(func(c rune) rune {
			if c >= '0' && c <= '9' || c >= 'a' && c <= 'f' {
				return -1
			}
			return c
		}, r.Details)
	}
	return key
}

// repeats finds how many keys, and how many times these, come again behind the first of them: of
// all possibilities the one that makes most of them one.
func repeats(keys []string) (period, times int) {
	best := 0
	for p := 1; p <= min(longestPeriod, len(keys)/(1+leastRepeats)); p++ {
		if slices.Contains(keys[:p], "") {
			break
		}
		n := 0
		for end := p * (n + 2); end <= len(keys) && slices.Equal(keys[:p], keys[end-p:end]); end = p * (n + 2) {
			n++
		}
		if n >= leastRepeats && n*p > best {
			best, period, times = n*p, p, n
		}
	}
	return period, times
}

// repeatText names what comes again: "3 x again: main 5, informational".
func repeatText(rungs []Rung, times int) string {
	const named = 4
	var names []string
	for i := range rungs {
		name := rungs[i].Name
		if rungs[i].Kind == Fold {
			name = "keepalives"
		}
		if i == named {
			names = append(names, fmt.Sprintf("and %d more", len(rungs)-named))
			break
		}
		names = append(names, name)
	}
	return fmt.Sprintf("%d x again: %s", times, strings.Join(names, ", "))
}
