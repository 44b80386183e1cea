//go:build !cgo

package capture

import "testing"

// TestWanted compares the filter in Go with what is expected.
func TestWanted(t *testing.T) {
	for _, f := range filterFrames() {
		var frame Frame
		if err := frame.Decode(Ethernet, f.frame); err != nil {
			t.Errorf("%s: %v", f.name, err)
		}
		if got := Wanted(&frame); got != f.wanted {
			t.Errorf("%s: Wanted is %t", f.name, got)
		}
	}
}
