package yamaha_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"l2tpdump/esp"
	"l2tpdump/ikev1"
	"l2tpdump/keysrc"
)

// strict compares what was read of a damaged log: each value is one of the log's, under its own
// cookie or SPI, or the head of it with a note or mark that says so. No other bytes are a key.
// SKEYID_e may lack its first row: as long as nothing else tells the length of the hash, 16 bytes
// with a note are all that can be said.
func (tr truth) strict(k *keysrc.Keys) error {
	noted := make(map[esp.Origin]bool)
	for _, n := range k.Notes {
		noted[esp.OriginAt(n.File, n.Line)] = true
	}
	fits := func(got, want esp.Key, origin esp.Origin, head bool) bool {
		return got.IsZero() || got.Equal(want) || want.HasPrefix(got) && (head || noted[origin])
	}
	row := func(got, want esp.Key, origin esp.Origin) bool {
		if got.Len() == 2*16 && want.Len() == 16 && noted[origin] {
			return string(got.Bytes()) == string(want.Bytes())+string(want.Bytes()) // stands twice, which might have been meant
		}
		return got.Len() == 16 && want.Len() == 2*16 && string(want.Bytes()[16:]) == string(got.Bytes()) && noted[origin]
	}
	for _, s := range k.IKE {
		of := func(w *ikev1.Secret) bool {
			return w != nil && fits(s.SKEYID, w.SKEYID, s.OriginOf("SKEYID"), false) && fits(s.SKEYIDd, w.SKEYIDd, s.OriginOf("SKEYID_d"), false) &&
				fits(s.SKEYIDa, w.SKEYIDa, s.OriginOf("SKEYID_a"), false) &&
				(fits(s.SKEYIDe, w.SKEYIDe, s.OriginOf("SKEYID_e"), s.SKEYIDeHead) || row(s.SKEYIDe, w.SKEYIDe, s.OriginOf("SKEYID_e"))) &&
				(s.ResponderCookie.IsZero() || s.ResponderCookie == w.ResponderCookie)
		}
		ok := of(tr.ike[s.InitiatorCookie])
		if s.InitiatorCookie.IsZero() {
			for _, w := range tr.ike {
				ok = ok || of(w)
			}
		}
		if !ok {
			return fmt.Errorf("%s: IKE %s: a value is not the log's", s.Origin, s.InitiatorCookie)
		}
	}
	for _, s := range k.ESP {
		w := tr.esp[s.SPI]
		if s.Uncertain && w != nil && tr.hasKey(s.Key) {
			continue
		}
		if w == nil || !fits(s.Key, w.Key, s.Origin, false) || !fits(s.AuthKey, w.AuthKey, s.Origin, false) {
			return fmt.Errorf("%s: SPI %08x: a value is not the log's", s.Origin, s.SPI)
		}
	}
	return nil
}

// readText is parseText without the buffers of a file.
func readText(t *testing.T, text string) *keysrc.Keys {
	keys, seen := new(keysrc.Keys), keysrc.NewSeen()
	s, err := keysrc.NewStream("x.log", "", func(k *keysrc.Keys) {
		if seen.Fresh(k) {
			keys.IKE, keys.ESP, keys.Notes = append(keys.IKE, k.IKE...), append(keys.ESP, k.ESP...), append(keys.Notes, k.Notes...)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	s.Line([]byte(text))
	s.Close()
	return keys
}

// allRouterLogs are those of all recordings, each text once.
func allRouterLogs(t *testing.T) map[string]string {
	logs, seen := make(map[string]string), make(map[string]bool)
	for _, name := range []string{"router.log", "router-full.log"} {
		for _, file := range recordings(t, name) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if !seen[string(text)] {
				seen[string(text)] = true
				logs[file] = string(text)
			}
		}
	}
	return logs
}

// Cut a log at any byte: what is left holds no key that the whole has not.
func TestCutAnywhere(t *testing.T) {
	for name, log := range allRouterLogs(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tr := truthOf(parseText(t, log))
			back := reversed(log)
			step := 1
			if strings.Contains(name, "shared") {
				step = 5
			}
			for i := 0; i < len(log); i += step {
				for _, part := range []string{log[:i], log[i:], back[:i], back[i:]} {
					keys := readText(t, part)
					if err := tr.strict(keys); err != nil {
						t.Fatalf("cut at byte %d of %d: %v\n%s\n%v", i, len(log), err, part, keys.Notes)
					}
				}
			}
		})
	}
}

// Take any line away, double it, or swap it with the next: the same.
func TestAnyLine(t *testing.T) {
	change := map[string]func(lines []string, i int) []string{
		"missing": func(l []string, i int) []string { return slices.Delete(l, i, i+1) },
		"twice":   func(l []string, i int) []string { return slices.Insert(l, i, l[i]) },
		"swapped": func(l []string, i int) []string {
			if i+1 < len(l) {
				l[i], l[i+1] = l[i+1], l[i]
			}
			return l
		},
	}
	for name, log := range allRouterLogs(t) {
		for what, change := range change {
			t.Run(what+"/"+name, func(t *testing.T) {
				t.Parallel()
				tr := truthOf(parseText(t, log))
				for i := range strings.Count(log, "\n") {
					lines := strings.Split(strings.TrimSuffix(log, "\n"), "\n")
					if undetectable(what, lines, i) {
						continue
					}
					text := strings.Join(change(lines, i), "\n") + "\n"
					for _, text := range []string{text, reversed(text)} {
						keys := readText(t, text)
						if err := tr.strict(keys); err != nil {
							t.Fatalf("line %d: %v\n%s\n%v", i+1, err, text, keys.Notes)
						}
					}
				}
			})
		}
	}
}

// A log that ends behind the first row of a value, and then the whole of it: all keys of the whole
// come out.
func TestBeginsAgain(t *testing.T) {
	tried := 0
	for name, log := range routerLogs(t) {
		want := canonical(parseText(t, log))
		head := ""
		for line := range strings.Lines(log) {
			if strings.Contains(line, "] SKEYID") {
				head += line
				at := len(head)
				row, rest, _ := strings.Cut(log[at:], "\n")
				if next, _, _ := strings.Cut(rest, "\n"); strings.Contains(next, "]   ") {
					tried++
					keys := readText(t, log[:at+len(row)+1]+log)
					got := canonical(keys)
					for _, w := range want {
						if !slices.Contains(got, w) {
							t.Errorf("%s to line %d, then all: %s is missing in\n%s\n%v", name, strings.Count(head, "\n"), w, strings.Join(got, "\n"), keys.Notes)
						}
					}
				}
				break
			}
			head += line
		}
	}
	if tried < 3 {
		t.Errorf("%d logs", tried)
	}
}

// dependents returns the lines of what a missing row spoils, in the log without it: its label, and
// the labels of what belongs to a cookie or SPI. keys is how many SPIs lose their key.
func dependents(lines []string, row int) (list []int, keys int) {
	at := row
	for strings.Contains(lines[at], "]   ") {
		at--
	}
	list = append(list, at+1)
	of := func(i int, label string) bool { return strings.Contains(lines[i], "] "+label) }
	switch {
	case of(at, "key material"):
		return list, 1
	case of(at, "SPI"):
		for i := row + 1; i < len(lines) && !of(i, "SPI") && !of(i, "respond"); i++ {
			if of(i, "key material") || of(i, "authentication key") {
				list = append(list, i)
			}
		}
		return list, 1
	case of(at, "CKY-I"):
		for i := row + 1; i < len(lines) && !of(i, "respond"); i++ {
			if of(i, "SKEYID_e") {
				list = append(list, i)
			}
		}
	}
	return list, 0
}

// Take any row away: the loss is told at the line of its label, no line is told of that it does not
// spoil, and all other keys come out.
func TestEachRowMissing(t *testing.T) {
	rows := 0
	for name, log := range allRouterLogs(t) {
		lines := strings.SplitAfter(log, "\n")
		lines = slices.DeleteFunc(lines, func(l string) bool { return l == "" })
		before := parseText(t, log)
		tr := truthOf(before)
		for i, line := range lines {
			if !strings.Contains(line, "]   ") {
				continue
			}
			rows++
			text := strings.Join(slices.Delete(slices.Clone(lines), i, i+1), "")
			spoilt, lost := dependents(lines, i)
			for _, turned := range []bool{false, true} {
				at := slices.Clone(spoilt)
				if turned {
					text = reversed(text)
					for j := range at {
						at[j] = len(lines) - at[j]
					}
				}
				keys := parseText(t, text)
				same := func(n keysrc.Note) bool {
					return slices.ContainsFunc(before.Notes, func(b keysrc.Note) bool { return n.Doubt && n.Text == b.Text })
				}
				other := func(n keysrc.Note) bool { return !slices.Contains(at, n.Line) && !same(n) }
				if err := tr.strict(keys); err != nil {
					t.Errorf("%s without line %d, reversed %t: %v", name, i+1, turned, err)
				}
				if !slices.ContainsFunc(keys.Notes, func(n keysrc.Note) bool { return n.Line == at[0] }) ||
					slices.ContainsFunc(keys.Notes, other) {
					t.Errorf("%s without line %d, reversed %t: notes %v, want %v", name, i+1, turned, keys.Notes, at)
				}
				if len(keys.ESP) != len(before.ESP)-lost {
					t.Errorf("%s without line %d, reversed %t: %d of %d ESP keys", name, i+1, turned, len(keys.ESP), len(before.ESP))
				}
			}
			if t.Failed() {
				return
			}
		}
	}
	t.Logf("%d rows", rows)
	if rows < 100 {
		t.Errorf("%d rows", rows)
	}
}
