package copies

import "testing"

// TestAmong: what was among the last is a copy, until as many others have come as are kept.
func TestAmong(t *testing.T) {
	last := make([]uint64, 3)
	steps := []struct {
		data string
		with uint64
		want bool
	}{
		{"a", 0, false}, {"a", 0, true}, {"a", 1, false}, {"b", 0, false},
		{"a", 0, true}, {"a", 1, true}, {"c", 0, false}, {"a", 0, false}, {"b", 0, true},
	}
	for i, s := range steps {
		if got := Among(last, []byte(s.data), s.with); got != s.want {
			t.Errorf("step %d: %q with %d is a copy: %v", i, s.data, s.with, got)
		}
	}
}
