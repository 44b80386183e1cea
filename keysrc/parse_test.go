package keysrc

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"l2tpdump/testdata/race"
)

func linesOf(t *testing.T, text string, r func(io.Reader) io.Reader) []string {
	t.Helper()
	var list []string
	n := 0
	s := splitter{line: func(line []byte, next bool) {
		if next {
			n++
		}
		list = append(list, fmt.Sprintf("%d %s", n, line))
	}}
	total, err := s.run(r(strings.NewReader(text)))
	if err != nil || total != int64(len(text)) {
		t.Errorf("%q: %d bytes, %v", text, total, err)
	}
	return list
}

// No sign that is in a line is missed, wherever the line is cut off from what is read.
func TestSigns(t *testing.T) {
	words := []string{"\n", "\n", "a", " [IKE] ", "same message repeated 2 times", "<b>", "x,y", "\xe2\x80\x9c", "&amp;", "#012",
		"\x1b[1m", "\r", strings.Repeat("2026/11/23 07:13:24: x\n", 30)}
	for seed := range 40 {
		rnd := rand.New(rand.NewPCG(uint64(seed), 0))
		var b strings.Builder
		for b.Len() < 1<<rnd.IntN(20) {
			b.WriteString(words[rnd.IntN(len(words))])
		}
		var s splitter
		plain := 0
		s.line = func(line []byte, _ bool) {
			found := s.signs
			for i := yamahas; i < len(signTexts); i++ {
				if s.has(i) {
					found |= 1 << i
				}
			}
			if is := signsOf(string(line)); is&^found != 0 {
				t.Fatalf("seed %d: %q has the signs %b, not %b", seed, line, is, found)
			}
			if found == 0 {
				plain++
			}
		}
		if _, err := s.run(iotest.HalfReader(strings.NewReader(b.String()))); err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(b.String(), ": x\n"); plain < n*9/10-20 {
			t.Errorf("seed %d: %d of %d plain lines are known as such", seed, plain, n)
		}
	}
}

func TestLines(t *testing.T) {
	for text, want := range map[string][]string{
		"":                        nil,
		"a":                       {"1 a"},
		"a\nb\n":                  {"1 a", "2 b"},
		"a\n\nb":                  {"1 a", "2 ", "3 b"},
		"a\r\nb\r\n":              {"1 a", "2 b"},
		"a\r\r\nb\r\r\n":          {"1 a", "2 b"},
		"a\rb\rc":                 {"1 a", "2 b", "3 c"},
		"a\r\n-more-\r   \rb\n":   {"1 a", "2 -more-", "2    ", "2 b"},
		"a\x00b\x1b[31;1mc\x1b[m": {"1 abc"},
		"\x1b$B80\x1b(B : 4a":     {"1 \xb8\xb0 : 4a"}, // ISO-2022-JP
		"a\u00a0 b\n\xc2\nc\xc2":  {"1 a  b", "2 \xc2", "3 c\xc2"},
		"\n":                      {"1 "},
	} {
		for name, r := range map[string]func(io.Reader) io.Reader{
			"whole": func(r io.Reader) io.Reader { return r }, "by bytes": iotest.OneByteReader, "with EOF": iotest.DataErrReader,
		} {
			if got := linesOf(t, text, r); !slices.Equal(got, want) {
				t.Errorf("%q %s: %q, want %q", text, name, got, want)
			}
		}
	}
	long := strings.Repeat("x", splitterSize)
	if got := linesOf(t, "a\n"+long+long+"\nb\n", func(r io.Reader) io.Reader { return r }); !slices.Equal(got, []string{"1 a", "2 ", "3 b"}) {
		t.Errorf("%d lines", len(got))
	}
}

// A line that no format can have is passed over, and the keys around it count.
func TestLongLine(t *testing.T) {
	log := routerLogs(t)["01/router.log"]
	want := canonical(parseText(t, log))
	keys := parseText(t, log+strings.Repeat("4a ", splitterSize)+"\n"+strings.ReplaceAll(log, "c5 a0", "c5 a1"))
	if len(keys.ESP) != 4 || !slices.Contains(canonical(keys), want[len(want)-1]) {
		t.Errorf("%q", canonical(keys))
	}
	if !slices.ContainsFunc(keys.Notes, func(n Note) bool { return n.Line == 21 && strings.Contains(n.Text, "longer than") }) {
		t.Errorf("%v", keys.Notes)
	}
}

// One file may hold a log, both tables, what a show command printed, and text.
func TestMixed(t *testing.T) {
	log := routerLogs(t)["01/router.log"]
	ike, err := os.ReadFile("../testdata/captures/03-3des-sha1-modp1024/keys/ikev1_decryption_table")
	if err != nil {
		t.Fatal(err)
	}
	table, err := os.ReadFile("../testdata/captures/03-3des-sha1-modp1024/keys/esp_sa")
	if err != nil {
		t.Fatal(err)
	}
	parts := []string{log, string(ike), string(table), showDetail, "Dear all,\n\nthis is what I have:\n"}
	for i := range parts {
		keys := parseText(t, strings.Join(append(slices.Clone(parts[i:]), parts[:i]...), ""))
		if len(keys.IKE) != 2 || len(keys.ESP) != 5 || len(keys.Hints.SAs) != 3 || len(losses(keys)) != 0 {
			t.Errorf("%d: %d IKE, %d ESP, %d hints, %v", i, len(keys.IKE), len(keys.ESP), len(keys.Hints.SAs), keys.Notes)
		}
	}
}

func isNoKeys(err error) bool { return errors.As(err, new(*NoKeysError)) }

func TestNoKeys(t *testing.T) {
	router := "2026/11/23 07:13:24: [IKE] respond ISAKMP phase to 203.0.113.10\n2026/11/23 07:13:24: [IKE] add ISAKMP SA[1] (gateway[1])\n"
	for _, c := range []struct{ name, text, format, says string }{
		{"empty", "", "", "no key: it is empty"},
		{"text", "some\ntext\n", "", "no key in 2 lines; looked for: Yamaha router log ([IKE] lines"},
		{"text, format named", "some\ntext\n", "wireshark-ike", "no key in 2 lines; looked for: Wireshark's ikev1_decryption_table (rows of two"},
		{"no key-info", router, "", "without rows of key bytes: the router needs `ipsec ike log N key-info` and `syslog debug on`"},
		{"other rows", router + "2026/11/23 07:13:24: [IKE] nonce\n2026/11/23 07:13:24: [IKE]   01 02 03 04\n", "", "none under CKY-I, SKEYID_e, SPI or key material"},
		{"confidential", strings.ReplaceAll(showDetail, "01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f 10", "** ** ** ** **  (confidential)   ** ** ** ** **"), "",
			"(confidential) except on its serial console"},
		{"damaged", router + "[IKE] SPI\n[IKE]   01 02 03 0x\n", "", "1 value is damaged; the first: line 4: SPI: a row is damaged (value of line 3)"},
		{"capture", "\x0a\x0d\x0d\x0a\x1c\x00\x00\x00", "", "it is a packet capture, which belongs behind -r; the keys of its secrets block are taken there, if it has one"},
	} {
		keys, err := Parse(strings.NewReader(c.text), "f", c.format)
		var e *NoKeysError
		if !errors.As(err, &e) || !isNoKeys(err) || keys == nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if !strings.HasPrefix(err.Error(), "f: ") || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %q, want %q", c.name, err, c.says)
		}
	}
	if _, err := Parse(strings.NewReader(""), "f", "wireguard"); err == nil || isNoKeys(err) || !strings.Contains(err.Error(), "yamaha, wireshark-esp") {
		t.Errorf("%v", err)
	}
	if _, err := ParseFile(filepath.Join(t.TempDir(), "none"), ""); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v", err)
	}
}

// What was read before the source broke off counts.
func TestReadError(t *testing.T) {
	log := routerLogs(t)["06/router.log"]
	broken := errors.New("the disk is gone")
	keys, err := Parse(io.MultiReader(strings.NewReader(log), iotest.ErrReader(broken)), "f", "")
	if !errors.Is(err, broken) || len(keys.IKE) != 3 {
		t.Errorf("%v, %d keys", err, len(keys.IKE))
	}
	if _, err := Parse(strings.NewReader("\x1f\x8b\x08 is no gzip"), "f", ""); err == nil || isNoKeys(err) {
		t.Errorf("%v", err)
	}
}

// A parser that starts at its first sure sign is shown the lines before it too.
func TestHistory(t *testing.T) {
	var h history
	for n := 1; n <= historyLines+5; n++ {
		h.push(n, fmt.Appendf(nil, "line %d", n))
	}
	h.push(99, make([]byte, historyMaxLen+1))
	var r recorder
	h.replay(&r)
	if len(r) != historyLines || r[0] != "6 line 6" || r[historyLines-1] != fmt.Sprintf("%d line %[1]d", historyLines+5) {
		t.Errorf("%q", r)
	}
}

type recorder []string

func (r *recorder) line(n int, text []byte) bool {
	*r = append(*r, fmt.Sprintf("%d %s", n, text))
	return false
}
func (r *recorder) close()       {}
func (r *recorder) near() string { return "" }

func TestFormats(t *testing.T) {
	seen := make(map[string]bool)
	for _, f := range formats {
		if seen[f.Name] || f.Name == "" || f.Title == "" || f.Looks == "" || formatNamed(f.Name) == nil {
			t.Errorf("%+v", f)
		}
		seen[f.Name] = true
	}
	for _, name := range []string{"yamaha", "wireshark-esp", "wireshark-ike"} {
		if !seen[name] {
			t.Errorf("no format %s", name)
		}
	}
}

// No line of a large log costs memory.
func TestLinesAllocateNothing(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	lines := [][]byte{
		[]byte("2026/11/23 07:13:24: [IKE] receive message from 203.0.113.10"),
		[]byte("2026/11/23 07:13:24: [IKE]   01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f 10"),
		[]byte("2026/11/23 07:13:24: [L2TP] TUNNEL[1] connected from 198.51.100.7"),
		[]byte("Nov 23 07:13:24 host sshd[123]: Accepted publickey for user from 10.0.0.1 port 2222"),
		[]byte("2026/11/23 07:13:24: [IKE] nonce of 16 bytes, which is no key, in a line of 80 b"),
	}
	s, err := NewStream("f", "", func(*Keys) {})
	if err != nil {
		t.Fatal(err)
	}
	s.Line([]byte(routerLogs(t)["06/router.log"])) // the order of the lines is known from here on
	for range 2 * historyLines {
		for _, l := range lines {
			s.Line(l)
		}
	}
	if n := testing.AllocsPerRun(1000, func() {
		for _, l := range lines {
			s.Line(l)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// Whatever way keys, notes and errors are printed, no bytes of a key show.
func TestNothingPrints(t *testing.T) {
	var sources []string
	for _, log := range routerLogs(t) {
		sources = append(sources, log, strings.Replace(log, "[IKE] SPI\n", "", 1), strings.ReplaceAll(log, "  c", "  g"), strings.ReplaceAll(log, " 0", " "))
	}
	for _, r := range espRows {
		sources = append(sources, r.row, strings.Replace(r.row, ",", "", 1), strings.Replace(r.row, `"*",`, "", 1), strings.ReplaceAll(r.row, "3", "g"))
	}
	sources = append(sources, "148048a5bc8c637f,"+k32+"\n", "148048a5bc8c637f,"+k32+"00\n", "148048a5bc8c637f,"+k32+"g0\n", showDetail)
	for _, text := range sources {
		keys, err := Parse(strings.NewReader(text), "f", "")
		secret := make(map[string]bool)
		add := func(b []byte) {
			for i := 0; i+4 <= len(b); i++ {
				secret[string(b[i:i+4])] = true
			}
		}
		for _, l := range strings.Split(text, "\n") {
			if _, row, ok := strings.Cut(l, "]   "); ok && len(row) > 12 {
				b, _ := hexWords(nil, []byte(row))
				add(b)
			}
		}
		for i := 0; i+8 <= len(k36); i += 2 {
			b, _ := appendHex(nil, []byte(k36[i:i+8]))
			secret[string(b)] = true
		}
		for _, s := range keys.IKE {
			// Cookies are no secret, and rows of their length were taken for one.
			for _, c := range [][]byte{s.InitiatorCookie[:], s.ResponderCookie[:]} {
				for i := 0; i+4 <= len(c); i++ {
					delete(secret, string(c[i:i+4]))
				}
			}
			add(s.SKEYIDe.Bytes())
		}
		marshalled, jsonErr := json.Marshal(keys)
		if jsonErr != nil {
			t.Fatal(jsonErr)
		}
		out := string(marshalled)
		things := []any{keys, *keys, err}
		for _, s := range keys.IKE {
			things = append(things, s, *s, s.SKEYIDe)
		}
		for _, s := range keys.ESP {
			things = append(things, s, *s, s.Key)
		}
		for _, n := range keys.Notes {
			things = append(things, n, n.String())
		}
		for _, h := range keys.Hints.SAs {
			things = append(things, h)
		}
		for _, thing := range things {
			for _, verb := range []string{"%v", "%+v", "%#v", "%x", "%q", "%s", "%d"} {
				out += fmt.Sprintf(verb, thing) + "\n"
			}
		}
		lower := strings.ToLower(out)
		for b := range secret {
			h := fmt.Sprintf("%x", b)
			for _, form := range []string{h, fmt.Sprintf("% x", b), fmt.Sprintf("%d", []byte(b)), fmt.Sprintf("%#v", []byte(b))[7:]} {
				if strings.Contains(lower, strings.Trim(form, "[]{}")) && !strings.Contains(strings.ToLower(fmt.Sprint(cookiesOf(keys))), h) {
					t.Fatalf("bytes of a key show as %s, from\n%s", form, text)
				}
			}
			if strings.Contains(out, b) {
				t.Fatalf("bytes of a key show as they are, from\n%s", text)
			}
		}
	}
}

func cookiesOf(k *Keys) (list []string) {
	for _, s := range k.IKE {
		list = append(list, s.InitiatorCookie.String(), s.ResponderCookie.String())
	}
	return list
}
