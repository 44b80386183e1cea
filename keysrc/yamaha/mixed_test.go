package yamaha_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"l2tpdump/esp"
	"l2tpdump/keysrc"
)

// merged puts the values of logs between each other at random; those of each log keep their order.
func merged(random *rand.Rand, logs ...string) string {
	left := make([][]string, len(logs))
	for i, log := range logs {
		left[i] = strings.SplitAfter(strings.TrimSuffix(byValue(log), "\n"), "\n")
	}
	most := 1 + random.IntN(6)
	var b strings.Builder
	for len(left) > 0 {
		i := random.IntN(len(left))
		n := min(1+random.IntN(most), len(left[i]))
		b.WriteString(strings.Join(left[i][:n], ""))
		if left[i] = left[i][n:]; len(left[i]) == 0 {
			left = slices.Delete(left, i, i+1)
		}
	}
	return asLines(b.String())
}

// labelLines returns the line of the label of each key of a log whose first rows stand right under,
// or reversed above, their label.
func labelLines(text string, all truth, turned bool) map[string]string {
	at := make(map[string]string)
	for i, line := range strings.Split(text, "\n") {
		place := func(what string, k esp.Key) {
			key := yamahaHex(k.Head(min(16, k.Len())))
			if key == "" || !strings.HasSuffix(strings.ReplaceAll(line, " ", ""), "[IKE]"+key) {
				return
			}
			label := i // counted from 1
			if turned {
				label += 2
			}
			at[what] = fmt.Sprintf("x.log:%d", label)
		}
		for spi, s := range all.esp {
			place(fmt.Sprintf("key %08x", spi), s.Key)
			place(fmt.Sprintf("auth %08x", spi), s.AuthKey)
		}
		for cookie, s := range all.ike {
			place("SKEYID_e "+cookie.String(), s.SKEYIDe)
		}
	}
	return at
}

// However the values of two or three logs fall between each other: what is given for certain is
// right, and each value is given for certain, or among those that are possible, or a note names its
// line.
func TestMixed(t *testing.T) {
	var texts []string
	for _, file := range recordings(t, "router.log") {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Contains(texts, string(text)) {
			texts = append(texts, string(text))
		}
	}
	if len(texts) < 2 {
		t.Skip("fewer than two logs")
	}
	random := rand.New(rand.NewPCG(3, 4))
	pairs, certain, uncertain, withheld := 0, 0, 0, 0
	for round := range 400 {
		logs := make([]string, 0, 3)
		for _, i := range random.Perm(len(texts))[:min(len(texts), 2+round%2)] {
			logs = append(logs, texts[i])
		}
		all := truthOf(parseText(t, strings.Join(logs, "")))
		text := merged(random, logs...)
		if round%4 != 3 {
			text = restamped([]string{"", "2026/11/23 07:13:24: "}[round%4/2])(text)
		}
		for i, text := range []string{text, reversed(text)} {
			keys := parseText(t, text)
			where := labelLines(text, all, i == 1)
			noted := func(place string) bool {
				return slices.ContainsFunc(keys.Notes, func(n keysrc.Note) bool {
					return place == fmt.Sprintf("%s:%d", n.File, n.Line)
				})
			}
			fail := func(format string, args ...any) {
				t.Errorf("round %d: "+format, append([]any{round}, args...)...)
			}
			for _, s := range keys.IKE {
				if !s.InitiatorCookie.IsZero() && !s.SKEYIDe.Equal(all.ike[s.InitiatorCookie].SKEYIDe) {
					fail("SKEYID_e of %s at %s is another's", s.InitiatorCookie, s.Origin)
				}
			}
			for cookie, w := range all.ike {
				found := false
				for _, s := range keys.IKE {
					found = found || (s.InitiatorCookie.IsZero() || s.InitiatorCookie == cookie) && s.SKEYIDe.Equal(w.SKEYIDe)
				}
				if !found && !noted(where["SKEYID_e "+cookie.String()]) {
					fail("SKEYID_e of %s is lost", cookie)
				}
			}
			for _, s := range keys.ESP {
				w := all.esp[s.SPI]
				switch {
				case s.Uncertain:
				case !s.Key.Equal(w.Key):
					fail("the key of SPI %08x at %s is another's", s.SPI, s.Origin)
				case s.PairSPI != 0 && s.PairSPI != w.PairSPI || !s.Src.IsAny() && s.Src != w.Src || !s.Dst.IsAny() && s.Dst != w.Dst:
					fail("SPI %08x at %s: direction or pair is wrong", s.SPI, s.Origin)
				case !s.AuthKey.IsZero() && !s.AuthKey.Equal(w.AuthKey):
					fail("the authentication key of SPI %08x at %s is another's", s.SPI, s.Origin)
				}
			}
			for spi, w := range all.esp {
				pairs++
				key, auth := 0, false
				for _, s := range keys.ESP {
					if s.SPI == spi && s.Key.Equal(w.Key) {
						if key = 1; s.Uncertain {
							key = 2
						}
						auth = auth || s.AuthKey.Equal(w.AuthKey)
					}
				}
				switch key {
				case 0:
					if withheld++; !noted(where[fmt.Sprintf("key %08x", spi)]) {
						fail("the key of SPI %08x is lost (%s)", spi, where[fmt.Sprintf("key %08x", spi)])
					}
				case 1:
					certain++
				case 2:
					uncertain++
				}
				if !auth && key != 0 && !noted(where[fmt.Sprintf("auth %08x", spi)]) {
					fail("the authentication key of SPI %08x is lost (%s)", spi, where[fmt.Sprintf("auth %08x", spi)])
				}
			}
			if t.Failed() {
				t.Fatalf("%v\n%s", keys.Notes, text)
			}
		}
	}
	t.Logf("%d keys: %d certain, %d among several, %d left out", pairs, certain, uncertain, withheld)
	if uncertain == 0 || certain == 0 || withheld > pairs/50 {
		t.Errorf("%d keys: %d certain, %d among several, %d left out", pairs, certain, uncertain, withheld)
	}
}
