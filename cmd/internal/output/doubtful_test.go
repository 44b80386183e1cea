package output

import (
	"testing"

	"l2tpdump/capture"
)

// TestDoubtfulBounded: no more is kept than the bound allows, and what follows is not kept any
// more.
func TestDoubtfulBounded(t *testing.T) {
	var d doubtful
	p := capture.Packet{Data: make([]byte, 1500)}
	n := 0
	for d.add(&p, nil, nil, capture.Raw) {
		n++
	}
	if kept := n * len(p.Data); kept > maxDoubtful || kept < maxDoubtful*9/10 || len(d.list) != n {
		t.Errorf("%d packets kept", n)
	}
	d.drop()
	if len(d.list) > 0 || d.add(&p, nil, nil, capture.Raw) {
		t.Error("kept though there were too many before")
	}
}
