package printable

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestAppend(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"iPhone", "iPhone"},
		{"iPhone\x00\x00", "iPhone"},
		{"", `""`},
		{"\x00", `""`},
		{"My Phone", `"My Phone"`},
		{"a,b", `"a,b"`},
		{"\x1b[2J", `"\x1b[2J"`},
		{"日本", "日本"},
		{"\xff\xfe", `"\xff\xfe"`},
		{"a\u202eb", `"a\u202eb"`},
		{strings.Repeat("x", 128), strings.Repeat("x", 128)},
		{strings.Repeat("x", 129), strings.Repeat("x", 128) + "..."},
		{strings.Repeat("x", 127) + "日", strings.Repeat("x", 127) + "..."},
	} {
		if got := string(Append(nil, []byte(c.in))); got != c.want {
			t.Errorf("Append(%q) = %s, want %s", c.in, got, c.want)
		}
	}
	for n := 120; n < 140; n++ {
		if got := Append(nil, []byte(strings.Repeat("é", n))); !utf8.Valid(got) {
			t.Errorf("%d two-byte characters: %q is not UTF-8", n, got)
		}
	}
}
