package printable

import (
	"encoding/json"
	"fmt"
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

// TestText: JSON has the text itself, escaped where a terminal might obey it, and people see it as
// Append writes it.
func TestText(t *testing.T) {
	for _, c := range []struct{ in, value, shown, marshalled string }{
		{"", "", "", `""`},
		{"\x00", "", "", `""`},
		{"alice\x00", "alice", "alice", `"alice"`},
		{`LAB\a`, `LAB\a`, `"LAB\\a"`, `"LAB\\a"`},
		{`a "b", c`, `a "b", c`, `"a \"b\", c"`, `"a \"b\", c"`},
		{"日本", "日本", "日本", `"日本"`},
		{"\x1b[2J\n", "\x1b[2J\n", `"\x1b[2J\n"`, `"\u001b[2J\u000a"`},
		{"a\u009b\u202e\x7f", "a\u009b\u202e\x7f", `"a\u009b\u202e\x7f"`, `"a\u009b\u202e\u007f"`},
		{"\xff\xfe", "\ufffd\ufffd", `"\xff\xfe"`, "\"\ufffd\ufffd\""},
		{"\U000e0001", "\U000e0001", `"\U000e0001"`, `"\udb40\udc01"`},
	} {
		text := NewText([]byte(c.in))
		b, err := json.Marshal(struct{ Name Text }{text})
		if want := `{"Name":` + c.marshalled + `}`; err != nil || string(b) != want {
			t.Errorf("JSON of %q is %s, %v, want %s", c.in, b, err, want)
		}
		var back struct{ Name string }
		if err := json.Unmarshal(b, &back); err != nil || back.Name != c.value || text.Value() != c.value {
			t.Errorf("%q is %q in JSON, and of value %q, not %q (%v)", c.in, back.Name, text.Value(), c.value, err)
		}
		if got := fmt.Sprint(text); got != c.shown {
			t.Errorf("%q is shown as %s, not %s", c.in, got, c.shown)
		}
	}
	if got := Text("aé").Cut(2); got != "a" {
		t.Errorf("cut to %q", got)
	}
}
