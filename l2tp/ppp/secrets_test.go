package ppp

import (
	"fmt"
	"strings"
	"testing"
)

func TestReadSecrets(t *testing.T) {
	const file = `# a comment
alice	*	"Wonder-Land-7"  *
  'bob b'  server "a b#c"   10.0.0.1 # the rest of the line is one
carol "" x\ y\"\x41\101\s\tz
"DOM\\dave" * NThash:44EBBA8D5312B8D611474411F56989AE
eve * con\
tinued
* * anybody
frank * ""
`
	s, err := ReadSecrets(strings.NewReader(file), "chap")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ user, server, want string }{
		{"alice", "x", "Wonder-Land-7 chap:2, anybody chap:8"},
		{`DOM\alice`, "x", "Wonder-Land-7 chap:2, anybody chap:8"},
		{"bob b", "server", "a b#c chap:3, anybody chap:8"},
		{"carol", "x", "x y\"AA \tz chap:4, anybody chap:8"},
		{`DOM\dave`, "x", "hash chap:5, anybody chap:8"},
		{"eve", "x", "continued chap:6, anybody chap:8"},
		{"frank", "x", " chap:9, anybody chap:8"},
		{"nobody", "x", "anybody chap:8"},
	} {
		var got []string
		for _, e := range s.of(c.user, c.server) {
			text := string(e.password.text())
			if e.password.hashed {
				text = "hash"
			}
			got = append(got, text+" "+e.place)
		}
		if g := strings.Join(got, ", "); g != c.want {
			t.Errorf("%s: %q, want %q", c.user, g, c.want)
		}
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x"} {
		if out := fmt.Sprintf(verb, s.entries); strings.Contains(out, "Wonder") || strings.Contains(out, "576f6e646572") {
			t.Errorf("%s shows a password", verb)
		}
	}
}

func TestReadSecretsDamaged(t *testing.T) {
	for file, want := range map[string]string{
		"":                                      "f: no secret in it; a line has a client, a server and a secret",
		"# nothing\n":                           "f: no secret in it; a line has a client, a server and a secret",
		"a b c\n\nalice pw\n":                   "f:3: 2 words; a line has a client, a server and a secret",
		"a b \"c\n":                             "f:2: a quoted word has no end",
		"a b NThash:12\n":                       "f:1: NThash: is not followed by 32 hexadecimal digits",
		"a b @/etc/secret\n":                    "f:1: a secret in another file is not read",
		"a b NThash:" + strings.Repeat("g", 32): "f:1: NThash: is not followed by 32 hexadecimal digits",
	} {
		if _, err := ReadSecrets(strings.NewReader(file), "f"); err == nil || err.Error() != want {
			t.Errorf("%q: %v, want %s", file, err, want)
		}
	}
}

func FuzzCHAPSecrets(f *testing.F) {
	f.Add("alice * \"pass\" *\n'b' \\x41\\101 NThash:44EBBA8D5312B8D611474411F56989AE # x\n")
	f.Fuzz(func(t *testing.T, file string) {
		s, err := ReadSecrets(strings.NewReader(file), "f")
		if (s == nil) == (err == nil) {
			t.Fatalf("%v, %v", s, err)
		}
		if s != nil {
			s.of("alice", "server")
		}
	})
}
