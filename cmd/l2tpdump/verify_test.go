package main

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"l2tpdump/capture"
	"l2tpdump/cmd/internal/pipeline"
	"l2tpdump/esp"
	"l2tpdump/ikev1"
	"l2tpdump/keysrc"
)

// source is a key source in memory.
type source struct {
	name string
	text []byte
}

func readSource(t testing.TB, path string) source {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return source{filepath.Base(path), text}
}

func parseSources(t testing.TB, sources ...source) []*keysrc.Keys {
	t.Helper()
	var keys []*keysrc.Keys
	for _, s := range sources {
		k, err := keysrc.Parse(bytes.NewReader(s.text), s.name, "")
		if err != nil && !keysrc.IsNoKeys(err) {
			t.Fatal(err)
		}
		keys = append(keys, k)
	}
	return keys
}

// verifyKeys is the command verify without its printing. limit is the number of frames, 0 all.
func verifyKeys(t testing.TB, file string, limit uint64, keys []*keysrc.Keys) *verification {
	t.Helper()
	src, err := capture.Open([]string{file})
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	p := pipeline.New(pipeline.Config{Source: src, Limit: limit, Workers: 1})
	p.AddKeys(keys...)
	takeEmbeddedKeys(src, p)
	stats, err := p.Run(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return newVerification(p, stats, keys)
}

// verdicts returns the different verdicts of a kind, sorted.
func (v *verification) verdicts() (ike, esp string) {
	join := func(set map[string]bool) string {
		var list []string
		for s := range set {
			list = append(list, s)
		}
		slices.Sort(list)
		return strings.Join(list, ", ")
	}
	i, e := map[string]bool{}, map[string]bool{}
	for _, s := range v.IKE {
		i[s.Verdict] = true
	}
	for _, s := range v.ESP {
		e[s.Verdict] = true
	}
	return join(i), join(e)
}

func captureDirs(t testing.TB) []string {
	t.Helper()
	list, err := filepath.Glob(filepath.Join(captures, "*", "outer.pcap"))
	if err != nil || len(list) < 20 {
		t.Fatalf("%d captures: %v", len(list), err)
	}
	for i := range list {
		list[i] = filepath.Dir(list[i])
	}
	return list
}

// keyText is where a part of a key stands in a source.
type keyText struct {
	value string // which key
	at    int    // of a hex digit in the text
	digit int    // of the key
}

// keyDigits finds the hex digits of all keys in a source's text: 8 bytes at a time, since rows break in between.
func keyDigits(t testing.TB, s source) []keyText {
	t.Helper()
	keys := parseSources(t, s)[0]
	seen := map[string]bool{}
	var list []keyText
	add := func(value string, k esp.Key) {
		if k.IsZero() || seen[value+string(k.Bytes())] {
			return
		}
		seen[value+string(k.Bytes())] = true
		digits := hex.EncodeToString(k.Bytes())
		found := 0
		for i := 0; i+8 <= len(digits); i += 16 {
			part := digits[i:min(i+16, len(digits))]
			var pattern strings.Builder
			for j := 0; j < len(part); j += 2 {
				pattern.WriteString(`[ :]*` + part[j:j+2])
			}
			for _, m := range regexp.MustCompile(`(?i)`+pattern.String()).FindAllIndex(s.text, -1) {
				found++
				digit := i
				for at := m[0]; at < m[1]; at++ {
					if c := s.text[at]; c != ' ' && c != ':' {
						list = append(list, keyText{value, at, digit})
						digit++
					}
				}
			}
		}
		if found == 0 {
			t.Errorf("%s: %s is not in the text", s.name, value)
		}
	}
	for _, x := range keys.IKE {
		for _, v := range ikeValues(x) {
			add(v.name+" "+x.InitiatorCookie.String(), v.key)
		}
	}
	for _, x := range keys.ESP {
		add(fmt.Sprintf("encryption key %08x", x.SPI), x.Key)
		add(fmt.Sprintf("authentication key %08x", x.SPI), x.AuthKey)
	}
	return list
}

// flipDigit returns the source with one bit of a hex digit changed.
func flipDigit(s source, at, bit int) source {
	text := bytes.Clone(s.text)
	v := bytes.IndexByte([]byte("0123456789abcdef"), text[at]|0x20)
	if text[at] <= '9' {
		v = int(text[at] - '0')
	}
	c := "0123456789abcdef"[v^1<<bit]
	if text[at] >= 'A' && text[at] <= 'F' || bytes.ContainsAny(s.text[max(0, at-40):min(len(s.text), at+40)], "ABCDEF") && c > '9' && text[at] <= '9' && !bytes.ContainsAny(s.text[max(0, at-4):at+4], "abcdef") {
		c = strings.ToUpper(string(c))[0]
	}
	text[at] = c
	return source{s.name, text}
}

var _ = ikev1.Cookie{}

var limitX uint64

func TestExplore(t *testing.T) {
	type row struct {
		n, bad int
		ex     string
	}
	for _, dir := range captureDirs(t) {
		if !strings.Contains(dir, "/06") && !strings.Contains(dir, "/11") && !strings.Contains(dir, "/26") {
			continue
		}
		names := []string{"router.log", "router-full.log", "keys/esp_sa", "keys/ikev1_decryption_table", "xfrm-state.txt"}
		m, _ := filepath.Glob(dir + "/charon-*.log")
		for _, f := range m {
			names = append(names, filepath.Base(f))
		}
		m, _ = filepath.Glob(dir + "/pluto-*.log")
		for _, f := range m {
			names = append(names, filepath.Base(f))
		}
		for _, n := range names {
			if _, err := os.Stat(filepath.Join(dir, n)); err != nil {
				continue
			}
			s := readSource(t, filepath.Join(dir, n))
			digits := keyDigits(t, s)
			base := verifyKeys(t, filepath.Join(dir, "outer.pcap"), limitX, parseSources(t, s))
			bi, be := base.verdicts()
			res := map[string]*row{}
			order := []string{}
			step := max(1, len(digits)/60)
			for i := 0; i < len(digits); i += step {
				d := digits[i]
				v := verifyKeys(t, filepath.Join(dir, "outer.pcap"), limitX, parseSources(t, flipDigit(s, d.at, 1+i%3)))
				a, b := v.verdicts()
				wrong := strings.Contains(a+b, "wrong key")
				r := res[d.value]
				if r == nil {
					r = &row{}
					res[d.value] = r
					order = append(order, d.value)
				}
				r.n++
				if !wrong || v.Exit != 3 {
					r.bad++
					r.ex = fmt.Sprintf("digit %d exit %d ike %s esp %s", d.digit, v.Exit, a, b)
				}
			}
			for _, o := range order {
				if r := res[o]; r.bad > 0 {
					fmt.Printf("%s %s [base %s | %s exit %d] %s: %d of %d not wrong: %s\n", filepath.Base(dir), n, bi, be, base.Exit, o, r.bad, r.n, r.ex)
				}
			}
		}
	}
}
