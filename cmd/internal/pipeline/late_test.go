package pipeline

import (
	"testing"

	"l2tpdump/cmd/internal/why"
)

// TestLateOfSameFragments: of several IKE messages that complete the same fragments and wait for
// others, each has to go before anybody waits for what is to be read yet: else the line waits for
// the framer, and the framer for the line.
func TestLateOfSameFragments(t *testing.T) {
	f, g := &framer{late: newLate()}, newGroup(0)
	const ways = 3
	g.open.Store(ways)
	for range ways {
		f.wait(&Record{Kind: IKE, Verdict: why.WrongKey, complete: g}, true)
	}
	g.close()
	for left := ways; left > 0; left-- {
		if !g.given() || g.isSettled() {
			t.Fatalf("%d messages wait: given up %v, settled %v", left, g.given(), g.isSettled())
		}
		f.let(&f.late.closed, f.late.closed.oldest())
	}
	if !g.isSettled() {
		t.Error("none waits, and it is not known what becomes of the fragments")
	}
}
