package keysrc

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"sort"
	"strconv"
	"strings"
	"testing"

	"l2tpdump/esp"
)

// A sample is a source and what it holds: one line for each key and note, as summary writes them.
type sample struct {
	name   string
	format *Format
	text   string
	want   string
	// whole: the source says how long its values are, so that a value that was cut is never taken.
	whole bool
}

// samples are of all formats that stand on lines, written for these tests in the formats' own
// words.
func samples() []sample {
	var list []sample
	for _, s := range [][]sample{
		xfrmSamples, charonSamples, plutoSamples, racoonSamples, mikrotikSamples,
		setkeySamples, ipsecctlSamples, softetherSamples, fortigateSamples,
	} {
		list = append(list, s...)
	}
	return list
}

// summary writes Keys with their bytes.
func summary(k *Keys) string {
	var lines []string
	for _, s := range k.IKE {
		line := "ike " + strconv.Itoa(s.Origin.Line) + " " + s.InitiatorCookie.String() + "/" + s.ResponderCookie.String()
		for _, v := range []struct {
			name string
			key  esp.Key
		}{
			{"skeyid", s.SKEYID}, {"d", s.SKEYIDd}, {"a", s.SKEYIDa}, {"e", s.SKEYIDe}, {"ka", s.Ka},
			{"dh", s.SharedSecret}, {"quick", s.QuickSecret},
		} {
			if !v.key.IsZero() {
				line += " " + v.name + "=" + hex.EncodeToString(v.key.Bytes())
			}
		}
		if s.SKEYIDeHead {
			line += " head"
		}
		if s.MessageID != 0 {
			line += fmt.Sprintf(" mid=%08x", s.MessageID)
		}
		if s.Peer.IsValid() {
			line += " peer=" + s.Peer.String()
		}
		lines = append(lines, line)
	}
	for _, s := range k.ESP {
		line := fmt.Sprintf("esp %s %08x %s>%s %s %s %s", strconv.Itoa(s.Origin.Line), s.SPI, s.Src, s.Dst, s.Suite, hexOf(s.Key), hexOf(s.AuthKey))
		if s.SPIMask != 0xffffffff {
			line += fmt.Sprintf(" mask=%08x", s.SPIMask)
		}
		if s.ESNKnown {
			line += fmt.Sprintf(" esn=%t", s.Suite.ESN)
		}
		if s.SeqHigh != 0 {
			line += fmt.Sprintf(" high=%d", s.SeqHigh)
		}
		if s.PairSPI != 0 {
			line += fmt.Sprintf(" pair=%08x", s.PairSPI)
		}
		lines = append(lines, line)
	}
	for _, n := range k.Notes {
		kind := "note"
		if n.Doubt {
			kind = "doubt"
		}
		lines = append(lines, fmt.Sprintf("%s %d %s", kind, n.Line, n.Text))
	}
	return strings.Join(lines, "\n")
}

func hexOf(k esp.Key) string {
	if k.IsZero() {
		return "-"
	}
	return hex.EncodeToString(k.Bytes())
}

func TestSamples(t *testing.T) {
	for _, s := range samples() {
		t.Run(s.format.Name+"/"+s.name, func(t *testing.T) {
			text := strings.TrimPrefix(s.text, "\n")
			want := strings.TrimSpace(s.want)
			if got := summary(parseWith(s.format, "sample", []byte(text))); got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
			if !s.format.matches([]byte(text)) {
				t.Error("not recognised")
			}
			// CR LF, and blanks at the ends of lines.
			for _, end := range []string{"\r\n", " \n"} {
				if got := summary(parseWith(s.format, "sample", []byte(strings.ReplaceAll(text, "\n", end)))); got != want && !strings.Contains(text, "\\\n") {
					t.Errorf("lines that end in %q: got\n%s\nwant\n%s", end, got, want)
				}
			}
			// By content, from a stream.
			keys, err := Parse(strings.NewReader(text), "sample", "")
			if strings.Contains(want, "ike ") || strings.Contains(want, "esp ") {
				if err != nil {
					t.Fatal(err)
				}
			} else if !isNoKeys(err) {
				t.Fatalf("error %v", err)
			}
			if got := summary(keys); sorted(got) != sorted(want) {
				t.Errorf("by content: got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

func sorted(s string) string {
	lines := strings.Split(s, "\n")
	sort.Strings(lines)
	return strings.Join(lines, "\n")
}

// TestOtherFormats checks that no parser takes another format's source for its own.
func TestOtherFormats(t *testing.T) {
	for _, s := range samples() {
		for _, f := range formats {
			if f == s.format {
				continue
			}
			keys := parseWith(f, "sample", []byte(s.text))
			if len(keys.IKE)+len(keys.ESP) != 0 {
				t.Errorf("%s takes %s/%s: %s", f.Name, s.format.Name, s.name, summary(keys))
			}
			if f.matches([]byte(s.text)) && len(s.want) > 0 {
				t.Errorf("%s is recognised in %s/%s", f.Name, s.format.Name, s.name)
			}
		}
	}
}

// values returns all key bytes in Keys as hex, with what they are.
func values(k *Keys) map[string]bool {
	set := make(map[string]bool)
	add := func(kind string, keys ...esp.Key) {
		for i, k := range keys {
			if !k.IsZero() {
				set[fmt.Sprintf("%s%d:%x", kind, i, k.Bytes())] = true
			}
		}
	}
	for _, s := range k.IKE {
		if s.SKEYIDeHead {
			continue // said to be cut
		}
		add("ike", s.SKEYID, s.SKEYIDd, s.SKEYIDa, s.SKEYIDe, s.Ka, s.SharedSecret, s.QuickSecret)
	}
	for _, s := range k.ESP {
		if s.SPIMask != 0 {
			add(fmt.Sprintf("esp%08x/", s.SPI), s.Key, s.AuthKey)
		}
		add("esp/", s.Key, s.AuthKey)
	}
	return set
}

// TestDamage takes lines out of each sample, cuts them, wraps them and puts foreign lines between:
// no value may come out that was not there before.
func TestDamage(t *testing.T) {
	for _, s := range samples() {
		if strings.HasPrefix(s.name, "damaged") {
			continue
		}
		t.Run(s.format.Name+"/"+s.name, func(t *testing.T) {
			lines := strings.Split(strings.TrimPrefix(s.text, "\n"), "\n")
			good := values(parseWith(s.format, "sample", []byte(strings.Join(lines, "\n"))))
			check := func(what string, damaged []string) {
				keys := parseWith(s.format, "sample", []byte(strings.Join(damaged, "\n")))
				for v := range values(keys) {
					if !good[v] {
						t.Errorf("%s: invented %.16s…", what, v)
					}
				}
			}
			with := func(i int, more ...string) []string {
				return append(append(append([]string(nil), lines[:i]...), more...), lines[i+1:]...)
			}
			for i, line := range lines {
				check(fmt.Sprintf("line %d missing", i+1), with(i))
				check(fmt.Sprintf("line behind %d", i+1), with(i, line, "Mar 13 22:00:52 host kernel: eth0: link is up"))
				for at := 1; at < len(line); at++ {
					if s.whole {
						if at == 1 {
							check(fmt.Sprintf("line %d twice", i+1), with(i, line, line))
						}
						check(fmt.Sprintf("line %d cut at %d", i+1, at), with(i, line[:at]))
						check(fmt.Sprintf("line %d wrapped at %d", i+1, at), with(i, line[:at], line[at:]))
					}
					damaged := []byte(line)
					damaged[at] = '?'
					check(fmt.Sprintf("line %d with ? at %d", i+1, at), with(i, string(damaged)))
				}
				if t.Failed() {
					return
				}
			}
		})
	}
}

// TestSecrecy checks that neither notes nor errors, nor keys that are printed in any way, show key
// bytes.
func TestSecrecy(t *testing.T) {
	for _, s := range samples() {
		text := strings.TrimPrefix(s.text, "\n")
		lines := strings.Split(text, "\n")
		secret := make(map[string]bool) // runs of 8 hex digits of the keys
		for v := range values(parseWith(s.format, "sample", []byte(text))) {
			_, digits, _ := strings.Cut(v, ":")
			for i := 0; i+8 <= len(digits); i += 2 {
				secret[digits[i:i+8]] = true
			}
		}
		check := func(out string) {
			t.Helper()
			plain := strings.ToLower(strings.NewReplacer(" ", "", ":", "", "-", "").Replace(out))
			for i := 0; i+8 <= len(plain); i++ {
				if secret[plain[i:i+8]] {
					t.Fatalf("%s/%s: key bytes in the output", s.format.Name, s.name)
				}
			}
		}
		for i := range lines {
			for _, cut := range []int{2, 3, 5} {
				damaged := append([]string(nil), lines...)
				damaged[i] = damaged[i][:len(damaged[i])*(cut-1)/cut]
				keys, err := Parse(strings.NewReader(strings.Join(damaged, "\n")), "sample", s.format.Name)
				for _, n := range keys.Notes {
					check(n.Text)
				}
				if err != nil {
					check(err.Error())
				}
				for _, k := range keys.ESP {
					check(strings.ReplaceAll(fmt.Sprintf("%v %+v %#v %x", k.Key, k.Key, k.AuthKey, k.AuthKey), k.Origin.String(), ""))
				}
				for _, k := range keys.IKE {
					check(fmt.Sprintf("%v %+v %#v %x %s", k.SKEYIDe, k.Ka, k.SKEYIDd, k.SharedSecret, k.QuickSecret))
				}
			}
		}
	}
}

// fuzzFormat runs a parser over any text: it must neither panic nor take a foreign value for a key
// of more bytes than the source has.
func fuzzFormat(f *testing.F, format *Format) {
	for _, s := range samples() {
		if s.format == format {
			f.Add([]byte(strings.TrimPrefix(s.text, "\n")))
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		keys := parseWith(format, "fuzz", data)
		total := 0
		for v := range values(keys) {
			_, digits, _ := strings.Cut(v, ":")
			total = max(total, len(digits)/2)
		}
		if total > len(data) {
			t.Fatalf("key of %d bytes out of %d bytes", total, len(data))
		}
		for _, n := range keys.Notes {
			if n.Line < 0 || n.Line > bytes.Count(data, []byte("\n"))+1 {
				t.Fatalf("note about line %d", n.Line)
			}
		}
		p := format.new(&output{name: "fuzz", emit: func(*Keys) {}})
		for n, line := range bytes.Split(data, []byte("\n")) {
			if format.match(line) && !format.holds.allow(lettersIn(line)) {
				t.Fatalf("the format's clues pass over %q", line)
			}
			p.line(n+1, line)
		}
		p.close()
		p.near()
	})
}

func FuzzXfrm(f *testing.F)      { fuzzFormat(f, &xfrmFormat) }
func FuzzCharon(f *testing.F)    { fuzzFormat(f, &charonFormat) }
func FuzzPluto(f *testing.F)     { fuzzFormat(f, &plutoFormat) }
func FuzzRacoon(f *testing.F)    { fuzzFormat(f, &racoonFormat) }
func FuzzMikrotik(f *testing.F)  { fuzzFormat(f, &mikrotikFormat) }
func FuzzSetkey(f *testing.F)    { fuzzFormat(f, &setkeyFormat) }
func FuzzIpsecctl(f *testing.F)  { fuzzFormat(f, &ipsecctlFormat) }
func FuzzSoftether(f *testing.F) { fuzzFormat(f, &softetherFormat) }
func FuzzFortigate(f *testing.F) { fuzzFormat(f, &fortigateFormat) }
