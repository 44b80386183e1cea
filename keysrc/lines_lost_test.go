package keysrc

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// facts are the values that keys hold, each with what it is said to be of. A value is unsure if the
// capture has to show whose it is.
func facts(k *Keys) map[string]fact {
	list := make(map[string]fact)
	for _, s := range k.IKE {
		names, keys := append(phase1Names[:], "g^xy"), phase1Keys(s)
		for i, key := range append(keys[:], &s.SharedSecret) {
			if !key.IsZero() {
				list["ike "+s.InitiatorCookie.String()+" "+names[i]+" "+hexOf(*key)] =
					fact{s.OriginOf(names[i]).Line, s.InitiatorCookie.IsZero() || s.SKEYIDeHead && i == 3, hexOf(*key)}
			}
		}
		if !s.QuickSecret.IsZero() {
			list[fmt.Sprintf("quick %08x %s", s.MessageID, hexOf(s.QuickSecret))] = fact{s.Origin.Line, false, hexOf(s.QuickSecret)}
		}
	}
	for _, s := range k.ESP {
		list[fmt.Sprintf("esp %08x key %s", s.SPI, hexOf(s.Key))] = fact{s.Origin.Line, s.Uncertain || s.SPIMask == 0, hexOf(s.Key)}
		if !s.AuthKey.IsZero() {
			list[fmt.Sprintf("esp %08x auth %s", s.SPI, hexOf(s.AuthKey))] = fact{s.Origin.Line, s.Uncertain || s.SPIMask == 0, hexOf(s.AuthKey)}
		}
	}
	return list
}

type fact struct {
	line   int
	unsure bool
	value  string
}

// without returns the notes of a log that those of the whole are not, of which line n is missing.
func newNotes(k, whole *Keys, n int) []Note {
	was := slices.Clone(whole.Notes)
	return slices.DeleteFunc(slices.Clone(k.Notes), func(note Note) bool {
		i := slices.IndexFunc(was, func(w Note) bool {
			return w.Text == note.Text && (w.Line == note.Line || w.Line == note.Line+1 && w.Line > n)
		})
		if i >= 0 {
			was = slices.Delete(was, i, i+1)
		}
		return i >= 0
	})
}

// TestEachLineMissing takes each line of the logs of daemons away: no value comes out that the
// whole log does not have, and under no other name, without a word; the loss of a value is told
// near its place; where nothing is lost nothing is told.
func TestEachLineMissing(t *testing.T) {
	runs := 0
	for _, c := range []struct {
		pattern string
		step    int
		loose   bool   // a key stands in it more than once: the loss of one is told
		unseen  string // nothing shows that such a line, the first or the last of its group, is missing
	}{
		{"../testdata/captures/*/charon-server.log", 3, false, ""},
		{"../testdata/captures/15*/pluto-server.log", 17, false, ""},
		{"../testdata/field/keys/pluto-*.log", 1, false, "enckey"},
		{"../testdata/field/keys/charon-systemd-real-journal.log", 1, false, ""},
		{"../testdata/field/racoon-aggressive-server.log", 1, true, ""},
		{"../testdata/field/keys/racoon-with-key.log", 1, true, ""},
		{"../testdata/field/keys/m12-with-key", 1, true, ""},
		{"../testdata/field/keys/b[12]*", 1, false, ""},
		{"../testdata/field/keys/b3*", 1, false, ""},
	} {
		files, _ := filepath.Glob(c.pattern)
		for _, file := range files {
			t.Run(filepath.Base(filepath.Dir(file))+"/"+filepath.Base(file), func(t *testing.T) {
				text, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				runs += eachLineMissing(t, string(text), c.step, c.loose, c.unseen)
			})
		}
	}
	if runs < 3000 {
		t.Errorf("%d runs", runs)
	}
}

func eachLineMissing(t *testing.T, text string, step int, loose bool, unseen string) (runs int) {
	parse := func(text string) *Keys {
		k, err := Parse(strings.NewReader(text), "x", "")
		if err != nil && !errors.As(err, new(*NoKeysError)) {
			t.Fatal(err)
		}
		return k
	}
	const near = 45 // lines between the first line of a value and what comes last of its negotiation
	whole := parse(text)
	want := facts(whole)
	values := make(map[string]bool)
	for _, f := range want {
		values[f.value] = true
	}
	lines := strings.SplitAfter(text, "\n")
	for i := 0; i < len(lines); i += step {
		if lines[i] == "" {
			continue
		}
		runs++
		k := parse(strings.Join(slices.Delete(slices.Clone(lines), i, i+1), ""))
		got, notes := facts(k), newNotes(k, whole, i+1)
		told := func(from, to int) bool {
			return slices.ContainsFunc(notes, func(n Note) bool { return n.Line >= from && n.Line <= to })
		}
		bad := ""
		for name, f := range got {
			w, ok := want[name]
			switch {
			case ok && (f.unsure || !w.unsure || f.unsure == w.unsure):
			case !values[f.value]:
				bad = "invented " + name
			case !f.unsure || !told(f.line-near, f.line+near):
				bad = "another name, in silence: " + name
			}
		}
		lost := 0
		for name, f := range want {
			if _, ok := got[name]; ok || unseen != "" && strings.Contains(lines[i], unseen) {
				continue
			}
			if lost++; !told(min(i+1, f.line)-near, max(i+1, f.line)+near) {
				bad = "lost in silence: " + name
			}
		}
		if lost == 0 && len(notes) > 0 && !loose {
			bad = "told though nothing is lost"
		}
		if bad != "" {
			t.Errorf("without line %d %q: %.80s; %v", i+1, lines[i], bad, notes)
		}
	}
	return runs
}
