package cells_test

import (
	"testing"

	"l2tpdump/cmd/internal/cells"
)

// TestCut: what is cut takes the room that is there, or less where a wide character would stand
// over its end.
func TestCut(t *testing.T) {
	for _, c := range []struct {
		text    string
		columns int
		want    string
	}{
		{"alice", 5, "alice"}, {"alice", 4, "ali…"}, {"alice", 1, "…"}, {"", 0, ""},
		{"日本語", 6, "日本語"}, {"日本語", 5, "日本…"}, {"日本語", 4, "日…"}, {"e\u0301te\u0301", 3, "e\u0301te\u0301"},
	} {
		got := cells.Cut(c.text, c.columns, "…")
		if got != c.want || cells.Width(got) > c.columns {
			t.Errorf("%q in %d columns is %q, not %q", c.text, c.columns, got, c.want)
		}
	}
}
