package yamaha_test

import (
	"bytes"
	"compress/gzip"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"l2tpdump/esp"
	"l2tpdump/ikev1"
	"l2tpdump/keysrc"
	"l2tpdump/testdata/race"
)

// routerLogs are the logs from which variants are made.
func routerLogs(t testing.TB) map[string]string {
	t.Helper()
	logs := make(map[string]string)
	for _, dir := range []string{"01-basic-aes128-sha1", "02-natt-aes256-sha1", "05-aes256-sha256-ecp384", "06-pfs-rekey-dpd", "11-three-clients-two-behind-nat"} {
		for _, name := range []string{"router.log", "router-full.log"} {
			data, err := os.ReadFile(filepath.Join("../../testdata/captures", dir, name))
			if err != nil {
				t.Fatal(err)
			}
			logs[dir[:2]+"/"+name] = string(data)
		}
	}
	return logs
}

func parseText(t testing.TB, text string) *keysrc.Keys {
	t.Helper()
	keys, err := keysrc.Parse(strings.NewReader(text), "x.log", "")
	if err != nil && !errors.As(err, new(*keysrc.NoKeysError)) {
		t.Fatal(err)
	}
	return keys
}

func yamahaHex(k esp.Key) string { return hex.EncodeToString(k.Bytes()) }

// canonical spells out all that the keys say but where it was found, sorted.
func canonical(k *keysrc.Keys) []string {
	var list []string
	for _, s := range k.IKE {
		list = append(list, fmt.Sprintf("ike %s %s %s %s %s %s %t %s", s.InitiatorCookie, s.ResponderCookie,
			yamahaHex(s.SKEYID), yamahaHex(s.SKEYIDd), yamahaHex(s.SKEYIDa), yamahaHex(s.SKEYIDe), s.SKEYIDeHead, s.Peer))
	}
	for _, s := range k.ESP {
		list = append(list, fmt.Sprintf("esp %08x/%08x %08x %s>%s %s %t %s %t", s.SPI, s.SPIMask, s.PairSPI, s.Src, s.Dst,
			yamahaHex(s.Key), s.KeyHead, yamahaHex(s.AuthKey), s.AuthKeyHead))
	}
	slices.Sort(list)
	return list
}

// recordings are the files of that name in all recordings.
func recordings(t *testing.T, file string) []string {
	t.Helper()
	var list []string
	for _, root := range []string{"../../testdata/captures", "../../../shared/captures"} {
		found, err := filepath.Glob(filepath.Join(root, "*", file))
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, found...)
	}
	return list
}

func losses(k *keysrc.Keys) []keysrc.Note {
	var list []keysrc.Note
	for _, n := range k.Notes {
		if !n.Doubt {
			list = append(list, n)
		}
	}
	return list
}

func eachLine(log string, f func(line string) string) string {
	var b strings.Builder
	for line := range strings.Lines(log) {
		b.WriteString(f(strings.TrimSuffix(line, "\n")))
		b.WriteByte('\n')
	}
	return b.String()
}

const stampLen = len("2026/11/23 07:13:24: ")

// restamped puts another prefix in place of the time; the form may use the time of day.
func restamped(form string) func(string) string {
	return func(log string) string {
		return eachLine(log, func(l string) string {
			return strings.ReplaceAll(form, "TIME", l[len("2026/11/23 "):stampLen-2]) + l[stampLen:]
		})
	}
}

func reversed(log string) string {
	lines := strings.SplitAfter(strings.TrimSuffix(log, "\n")+"\n", "\n")
	slices.Reverse(lines)
	return strings.Join(lines, "")
}

func wrapped(log string, width int, trim bool) string {
	return eachLine(log, func(l string) string {
		var parts []string
		for len(l) > width {
			parts = append(parts, l[:width])
			l = l[width:]
		}
		parts = append(parts, l)
		if trim {
			for i := range parts {
				parts[i] = strings.TrimRight(parts[i], " ")
			}
		}
		return strings.Join(parts, "\n")
	})
}

// wrapRows wraps the rows of 16 bytes only.
func wrapRows(log string, width int) string {
	return eachLine(log, func(l string) string {
		if strings.Contains(l, "]   ") && len(l) > width {
			return l[:width] + "\n" + l[width:]
		}
		return l
	})
}

// longPrefix makes rows of 16 bytes wrap at n bytes before their end.
func longPrefix(n int) string {
	const row = len("[IKE]   00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00")
	p := "Nov 23 TIME "
	return p + strings.Repeat("r", 80-row+n-len("Nov 23 07:13:24 ")-1) + " "
}

func chain(fs ...func(string) string) func(string) string {
	return func(s string) string {
		for _, f := range fs {
			s = f(s)
		}
		return s
	}
}

// harmless are the ways in which a log may reach the reader without losing anything.
var harmless = map[string]func(string) string{
	"CRLF":           func(l string) string { return strings.ReplaceAll(l, "\n", "\r\n") },
	"CR CR LF":       func(l string) string { return strings.ReplaceAll(l, "\n", "\r\r\n") },
	"lone CR":        func(l string) string { return strings.ReplaceAll(l, "\n", "\r") },
	"telnet NUL":     func(l string) string { return strings.ReplaceAll(l, "\n", "\r\x00\n") },
	"no end":         func(l string) string { return strings.TrimSuffix(l, "\n") },
	"upper case":     func(l string) string { return strings.ToUpper(l) },
	"double space":   func(l string) string { return doubleSpaced(l) },
	"BOM":            func(l string) string { return "\xef\xbb\xbf" + l },
	"UTF-16":         utf16Text,
	"no-break space": func(l string) string { return strings.ReplaceAll(l, "  ", "\u00a0 ") },
	"mail to UTF-16": func(l string) string { return utf16Text(strings.ReplaceAll(l, "  ", "\xa0 ")) },
	"gzip":           gzipped,
	"no time":        restamped(""),
	"syslog":         restamped("Nov 23 TIME router "),
	"raw syslog":     restamped("<135>"),
	"RFC 3164":       restamped("<135>Nov 23 TIME router.example.net "),
	"RFC 5424":       restamped("<135>1 2026-11-23TTIME.123456+09:00 router ike 77 - - "),
	"grep -nH":       func(l string) string { return numbered(l, "router.log:%d:") },
	"grep -n":        func(l string) string { return numbered(l, "%d:") },
	"grep IKE":       func(l string) string { return onlyTagged(l) },
	"[IKE1]":         func(l string) string { return strings.ReplaceAll(l, "[IKE]", "[IKE1]") },
	"[IKE2]":         func(l string) string { return strings.ReplaceAll(l, "[IKE]", "[IKE2]") },
	"other captions": func(l string) string { return captions(l, " (first 16 bytes)", " (first 8 bytes)") },
	"tight captions": func(l string) string { return captions(l, "(first 16byte)", "(first 8byte):") },
	"spaced label":   func(l string) string { return strings.ReplaceAll(l, "] SPI", "]  SPI ") },
	"other tags": func(l string) string {
		return eachLine(l, func(l string) string {
			return l + "\n2026/11/23 09:00:00: [L2TP] TUNNEL[1] connected from 198.51.100.7\nPP[ANONYMOUS01] Call detected from user 'name'"
		})
	},
	"message-info": messageInfo,
	"console prompt": func(l string) string {
		return "Password:\n\nRTX1220 Rev.15.04.05\n> administrator\n# show log\n" + l + "# \n"
	},
	"pager": func(l string) string {
		return strings.ReplaceAll(l, "[IKE] SPI\n", "[IKE] SPI\n---more---\r          \r")
	},
	"colored":          func(l string) string { return strings.ReplaceAll(l, "[IKE]", "\x1b[1m[IKE]\x1b[0m") },
	"wrap in a byte":   func(l string) string { return wrapped(restamped(longPrefix(1))(l), 80, false) },
	"wrap mid-row":     func(l string) string { return wrapped(restamped(longPrefix(22))(l), 80, false) },
	"wrap at a space":  func(l string) string { return wrapped(restamped(longPrefix(2))(l), 80, true) },
	"wrap before byte": func(l string) string { return wrapped(restamped(longPrefix(3))(l), 80, false) },
	"wrap CRLF": func(l string) string {
		return strings.ReplaceAll(wrapped(restamped(longPrefix(7))(l), 80, false), "\n", "\r\n")
	},
	"padded": func(l string) string {
		return eachLine(restamped("")(l), func(l string) string { return fmt.Sprintf("%-80s", l) })
	},
	"padded wrap": func(l string) string {
		return eachLine(wrapped(restamped(longPrefix(7))(l), 80, false), func(l string) string {
			if strings.HasPrefix(l, "Nov 23 ") {
				return fmt.Sprintf("%-80s", l)
			}
			return fmt.Sprintf("%-80s\nrouter", l) // the line is at its end, what follows is another
		})
	},
	"wrap at 100":      func(l string) string { return wrapRows(restamped(longPrefix(41))(l), 100) },
	"row beside label": rowBesideLabel,
	"beside, reversed": chain(restamped(""), rowBesideLabel, reversed),
	"one line":         func(l string) string { return strings.ReplaceAll(l, "\n", " ") },
	"one line, syslog": func(l string) string { return strings.ReplaceAll(restamped("Nov 23 TIME router ")(l), "\n", " ") },
	"reversed":         reversed,
	"reversed no time": chain(restamped(""), reversed),
	"reversed tagged":  chain(onlyTagged, reversed),
	"reversed prompt":  func(l string) string { return "# show log reverse\n" + reversed(l) },
	"reversed wrapped": func(l string) string { return wrapped(reversed(restamped(longPrefix(7))(l)), 80, false) },
	"twice":            func(l string) string { return l + l },
	"both orders":      func(l string) string { return "# show log\n" + l + "# show log reverse\n" + reversed(l) },
	"orders reversed":  func(l string) string { return "# show log reverse\n" + reversed(l) + "# show log\n" + l },
}

// rowBesideLabel puts the first row of each value in the line of its label.
func rowBesideLabel(log string) string {
	var b strings.Builder
	label := false
	for line := range strings.Lines(log) {
		if _, row, ok := strings.Cut(line, "]   "); ok && label {
			label = false
			b.WriteString(" " + row)
			continue
		}
		if label {
			b.WriteByte('\n')
		}
		label = strings.Contains(line, "[IKE] ") && !strings.Contains(line, "]   ") && !strings.Contains(line, " phase to ")
		if label {
			line = strings.TrimSuffix(line, "\n")
		}
		b.WriteString(line)
	}
	return b.String()
}

func doubleSpaced(log string) string {
	return eachLine(log, func(l string) string {
		i := strings.Index(l, "]   ")
		if i < 0 || len(l) < i+4+25 {
			return l
		}
		return l[:i+4+24] + " " + l[i+4+24:]
	})
}

func utf16Text(log string) string {
	var b strings.Builder
	b.WriteString("\xff\xfe")
	for i := range len(log) {
		b.WriteByte(log[i])
		b.WriteByte(0)
	}
	return b.String()
}

func gzipped(log string) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write([]byte(log))
	z.Close()
	return b.String()
}

func numbered(log, form string) string {
	n := 0
	return eachLine(log, func(l string) string {
		n++
		return fmt.Sprintf(form, n) + l
	})
}

func onlyTagged(log string) string {
	var b strings.Builder
	for line := range strings.Lines(log) {
		if strings.Contains(line, "[IKE]") {
			b.WriteString(line)
		}
	}
	return b.String()
}

func captions(log, key, auth string) string {
	return strings.ReplaceAll(strings.ReplaceAll(log, " (first 16byte)", key), " (first 8byte)", auth)
}

// messageInfo puts lines of other information before each label.
func messageInfo(log string) string {
	return eachLine(log, func(l string) string {
		if i := strings.Index(l, "[IKE] "); i >= 0 && l[i+6] != ' ' {
			p := l[:i]
			return p + "[IKE] receive message from 203.0.113.10 (aggressive)\n" + p + "[IKE]  payload: ID, length 12\n" +
				p + "[IKE] nonce\n" + p + "[IKE]   01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f 10\n" + l
		}
		return l
	})
}

// Nothing is lost, whatever way the log took.
func TestTransports(t *testing.T) {
	for name, log := range routerLogs(t) {
		plain := canonical(parseText(t, log))
		for variant, change := range harmless {
			t.Run(variant+"/"+name, func(t *testing.T) {
				changed := change(log)
				if changed == log && variant != "no end" {
					t.Fatal("the variant is no variant")
				}
				keys := parseText(t, changed)
				want := plain
				if got := canonical(keys); !slices.Equal(got, want) {
					t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
				}
				for _, n := range losses(keys) {
					t.Error(n)
				}
			})
		}
	}
}

// truth is what the values of a log really are.
type truth struct {
	ike map[ikev1.Cookie]*ikev1.Secret
	esp map[uint32]*esp.Secret
}

func truthOf(k *keysrc.Keys) truth {
	tr := truth{make(map[ikev1.Cookie]*ikev1.Secret), make(map[uint32]*esp.Secret)}
	for _, s := range k.IKE {
		tr.ike[s.InitiatorCookie] = s
	}
	for _, s := range k.ESP {
		tr.esp[s.SPI] = s
	}
	return tr
}

// hasKey reports whether a key is one of the log's.
func (tr truth) hasKey(k esp.Key) bool {
	for _, s := range tr.esp {
		if s.Key.Equal(k) {
			return true
		}
	}
	return false
}

// check compares what was read from a damaged log: each value is right, or there is a note that
// names its line. It reports whether all values of the log are there.
func (tr truth) check(t *testing.T, what, log string, k *keysrc.Keys) (complete bool) {
	t.Helper()
	noted := func(origin string) bool {
		for _, n := range k.Notes {
			if origin == fmt.Sprintf("%s:%d", n.File, n.Line) {
				return true
			}
		}
		return false
	}
	complete = true
	whole := func(a, b esp.Key) bool {
		if a.IsZero() && !b.IsZero() {
			complete = false
		}
		return a.IsZero() || a.Equal(b)
	}
	found := make(map[ikev1.Cookie]bool)
	for _, s := range k.IKE {
		if s.InitiatorCookie.IsZero() {
			complete = false
			ok := false
			for _, w := range tr.ike {
				ok = ok || (s.SKEYIDe.Equal(w.SKEYIDe) || s.SKEYIDe.Len() == 16 && w.SKEYIDe.HasPrefix(s.SKEYIDe)) && whole(s.SKEYID, w.SKEYID) && whole(s.SKEYIDd, w.SKEYIDd) && whole(s.SKEYIDa, w.SKEYIDa) &&
					(s.ResponderCookie.IsZero() || s.ResponderCookie == w.ResponderCookie)
			}
			if !ok || !noted(s.Origin.String()) {
				t.Errorf("%s: a secret without cookie was made up at %s\n%s", what, s.Origin, log)
			}
			continue
		}
		w := tr.ike[s.InitiatorCookie]
		if w == nil {
			t.Errorf("%s: cookie %s was made up\n%s", what, s.InitiatorCookie, log)
			continue
		}
		found[s.InitiatorCookie] = true
		if !whole(s.SKEYID, w.SKEYID) || !whole(s.SKEYIDd, w.SKEYIDd) || !whole(s.SKEYIDa, w.SKEYIDa) ||
			!s.ResponderCookie.IsZero() && s.ResponderCookie != w.ResponderCookie {
			t.Errorf("%s: a value of %s is wrong\n%s", what, s.Origin, log)
		}
		if !s.SKEYIDe.Equal(w.SKEYIDe) {
			complete = false
			if !s.SKEYIDe.IsZero() && !noted(s.Origin.String()) {
				t.Errorf("%s: SKEYID_e at %s is wrong, and no note says so\n%s", what, s.Origin, log)
			}
		}
	}
	spis := make(map[uint32]bool)
	for _, s := range k.ESP {
		w := tr.esp[s.SPI]
		if w == nil {
			t.Errorf("%s: SPI %08x was made up\n%s", what, s.SPI, log)
			continue
		}
		if s.Uncertain {
			complete = false
			if !tr.hasKey(s.Key) {
				t.Errorf("%s: the key at %s was made up\n%s", what, s.Origin, log)
			}
			continue
		}
		spis[s.SPI] = true
		if !whole(s.Key, w.Key) || !whole(s.AuthKey, w.AuthKey) {
			t.Errorf("%s: a key of SPI %08x at %s is wrong\n%s", what, s.SPI, s.Origin, log)
		}
		if !s.Src.IsAny() && s.Src != w.Src || !s.Dst.IsAny() && s.Dst != w.Dst || s.PairSPI != 0 && s.PairSPI != w.PairSPI {
			t.Errorf("%s: SPI %08x at %s: direction or pair is wrong\n%s", what, s.SPI, s.Origin, log)
		}
	}
	return complete && len(found) == len(tr.ike) && len(spis) == len(tr.esp)
}

// With any line missing or damaged each value is right, or a note names it.
func TestDamage(t *testing.T) {
	damages := map[string]func(lines []string, i int) []string{
		"missing":       func(l []string, i int) []string { return slices.Delete(l, i, i+1) },
		"two missing":   func(l []string, i int) []string { return slices.Delete(l, i, min(i+2, len(l))) },
		"three missing": func(l []string, i int) []string { return slices.Delete(l, i, min(i+3, len(l))) },
		"cut by 1":      func(l []string, i int) []string { l[i] = l[i][:len(l[i])-1]; return l },
		"cut by 2":      func(l []string, i int) []string { l[i] = l[i][:len(l[i])-2]; return l },
		"cut by 5":      func(l []string, i int) []string { l[i] = l[i][:len(l[i])-5]; return l },
		"no digit":      func(l []string, i int) []string { l[i] = l[i][:len(l[i])-1] + "z"; return l },
		"no digits":     func(l []string, i int) []string { l[i] = l[i][:len(l[i])-4] + "~ ~~"; return l },
		"hidden": func(l []string, i int) []string {
			if p := strings.Index(l[i], "]   "); p > 0 {
				l[i] = l[i][:p] + "]   ** ** ** ** **  (confidential)   ** ** ** ** **"
			}
			return l
		},
		"info before": func(l []string, i int) []string {
			return slices.Insert(l, i, l[i][:stampLen]+"[IKE] receive message from 203.0.113.10")
		},
		"dump before": func(l []string, i int) []string {
			return slices.Insert(l, i, l[i][:stampLen]+"[IKE] payload", l[i][:stampLen]+"[IKE]   01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f 10")
		},
		"twice": func(l []string, i int) []string { return slices.Insert(l, i, l[i]) },
		"repeated": func(l []string, i int) []string {
			return slices.Insert(l, i+1, l[i][:stampLen]+"same message repeated 1 times")
		},
		"swapped": func(l []string, i int) []string {
			if i+1 < len(l) {
				l[i], l[i+1] = l[i+1], l[i]
			}
			return l
		},
	}
	orders := map[string]func(string) string{"forward": func(s string) string { return s }, "reversed": reversed}
	logs := routerLogs(t)
	for _, name := range race.Sampled(slices.Sorted(maps.Keys(logs))) {
		log := logs[name]
		tr := truthOf(parseText(t, log))
		n := strings.Count(log, "\n")
		for what, damage := range damages {
			for order, turn := range orders {
				t.Run(what+"/"+order+"/"+name, func(t *testing.T) {
					for i := range n {
						lines := strings.Split(strings.TrimSuffix(log, "\n"), "\n")
						if undetectable(what, lines, i) {
							continue
						}
						hurt := turn(strings.Join(damage(lines, i), "\n") + "\n")
						keys := parseText(t, hurt)
						if !tr.check(t, fmt.Sprintf("line %d", i+1), hurt, keys) && len(keys.Notes) == 0 {
							t.Errorf("line %d: something is missing, and there is no note\n%s", i+1, hurt)
						}
						if t.Failed() {
							for _, n := range keys.Notes {
								t.Log(n)
							}
						}
						if t.Failed() {
							return
						}
					}
				})
			}
		}
	}
}

// undetectable reports whether the damaged log is as good a log as another: no reader can tell.
func undetectable(what string, lines []string, i int) bool {
	row := func(i int) int {
		if i >= len(lines) || !strings.Contains(lines[i], "]   ") {
			return 0
		}
		return len(lines[i])
	}
	switch {
	case strings.Contains(lines[i], " phase to "):
		return strings.HasPrefix(what, "cut") // another address
	case what == "cut by 2" && (strings.HasSuffix(lines[i], "SKEYID_e") || strings.HasSuffix(lines[i], "SKEYID_d") || strings.HasSuffix(lines[i], "SKEYID_a")):
		return true // SKEYID
	case what == "swapped":
		return row(i) != 0 && row(i) == row(i+1) // rows of one value
	case what == "two missing" && row(i) != 0:
		return row(i+1) == 0 && row(i+2) == row(i) // the row of one label, and the next label
	case what == "three missing" && row(i) == 0 && strings.Contains(lines[i], "SKEYID") && !strings.HasSuffix(lines[i], "_e"):
		return row(i+3) == 0 // a whole value
	case what == "three missing" && row(i) != 0:
		return row(i+2) == 0 && row(i+3) == row(i) || row(i+1) == 0 && row(i+3) != 0
	}
	return false
}
