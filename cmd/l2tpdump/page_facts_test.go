package main

import (
	"encoding/json"
	"fmt"
	"math"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"l2tpdump/testdata/race"
)

// recordings are the captures of testdata with keys, "" where none are there.
func recordings(t *testing.T) (list [][2]string) {
	t.Helper()
	files, err := filepath.Glob("../../testdata/*/*/outer.pcap")
	if day, e := filepath.Glob("../../testdata/day/outer.pcap"); err != nil || e != nil {
		t.Fatal(err, e)
	} else if files = append(files, day...); len(files) < 90 {
		t.Fatalf("%d recordings", len(files))
	}
	for _, f := range files {
		keys := ""
		for _, name := range []string{"router-full.log", "keys", "esp_sa", "router.log"} {
			if _, err := os.Stat(filepath.Join(filepath.Dir(f), name)); err == nil && keys == "" {
				keys = filepath.Join(filepath.Dir(f), name)
			}
		}
		list = append(list, [2]string{f, keys})
	}
	return list
}

// TestPageFacts: all facts of the JSON are on the page of each recording, with and without keys,
// and all numbers of the page are in the JSON, or follow from it.
func TestPageFacts(t *testing.T) {
	for _, r := range race.Sampled(recordings(t)) {
		for _, keys := range slices.Compact([]string{"", r[1]}) {
			file, list := pageOf(t, r[0], keys)
			page := articles(t, file)
			if len(page) != len(list) {
				t.Fatalf("%v: %d sessions on the page, %d in the JSON", r, len(page), len(list))
			}
			for i, s := range list {
				t.Run(fmt.Sprintf("%s/%d", filepath.Base(filepath.Dir(r[0])), i+1), func(t *testing.T) {
					checkFacts(t, page[i], s)
					checkNumbers(t, page[i], i+1, s)
				})
			}
		}
	}
}

// articles are the sessions in detail of a page.
func articles(t *testing.T, file string) []*html.Node {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	root, err := html.Parse(f)
	if err != nil {
		t.Fatal(err)
	}
	return elements(root, "article")
}

// elements are those of a name within a node, in their order.
func elements(n *html.Node, name string) (list []*html.Node) {
	for d := range n.Descendants() {
		if d.Type == html.ElementNode && d.Data == name {
			list = append(list, d)
		}
	}
	return list
}

// textOf is all text of a node, with its pieces apart by between, and one blank in place of
// several.
func textOf(n *html.Node, between string) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			b.WriteString(d.Data + between)
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

// checkFacts looks for what the JSON has of a session on its page.
func checkFacts(t *testing.T, article *html.Node, s map[string]any) {
	t.Helper()
	text := textOf(article, "")
	want := func(format string, args ...any) {
		if w := fmt.Sprintf(format, args...); !strings.Contains(text, w) {
			t.Errorf("no %q", w)
		}
	}
	for _, name := range []string{"uid", "user", "cause", "cure", "id.orig_h", "id.resp_h", "community_id", "end_reason"} {
		if v, ok := s[name].(string); ok {
			want("%s", strings.Join(strings.Fields(v), " "))
		}
	}
	for _, r := range items(s["remarks"]) {
		want("%s", r)
	}
	if s["orig_pkts"] != json.Number("0") || s["resp_pkts"] != json.Number("0") {
		want("client sent%s bytes in %s packets", grouped(s["orig_bytes"]), grouped(s["orig_pkts"]))
		want("server sent%s bytes in %s packets", grouped(s["resp_bytes"]), grouped(s["resp_pkts"]))
	}
	var rows []string
	for _, r := range elements(article, "tr") {
		var cells []string
		for _, c := range elements(r, "td") {
			cells = append(cells, textOf(c, ""))
		}
		rows = append(rows, strings.Join(cells, "|"))
	}
	row := func(format string, args ...any) {
		w := fmt.Sprintf(format, args...)
		if !slices.ContainsFunc(rows, func(r string) bool { return strings.HasPrefix(r, w) }) {
			t.Errorf("no row %q", w)
		}
	}
	for _, e := range items(s["esp"]) {
		e := e.(map[string]any)
		row("%v|%v|%s|%s|%s|%v|%v|%v|%v", e["spi"], e["dst"], strings.TrimSpace(orEmpty(e["cipher"])+" "+orEmpty(e["auth"])),
			orEmpty(e["agreed_frame"]), orEmpty(e["life_seconds"]), e["packets"], e["missing"], e["duplicates"], e["late"])
	}
	for _, c := range items(s["conversations"]) {
		c := c.(map[string]any)
		if a, err := netip.ParseAddr(fmt.Sprint(c["orig_h"])); err != nil || a.IsMulticast() {
			t.Errorf("%v began a conversation: %v", c["orig_h"], err)
		}
		row("%v|%s|%s|%s|%s|%s|%s + %s", c["protocol"], map[any]string{"orig": "client", "resp": "server"}[c["from"]], endOf(c["orig_h"], c["orig_p"]), endOf(c["resp_h"], c["resp_p"]),
			grouped(c["orig_bytes"]), grouped(c["resp_bytes"]), grouped(c["orig_pkts"]), grouped(c["resp_pkts"]))
	}
	for _, m := range items(s["messages"]) {
		m := m.(map[string]any)
		if m["from"] == "other" {
			continue
		}
		want("frame %v, ", m["frame"])
		for _, member := range []string{"details", "avps"} {
			if d, ok := m[member].(string); ok && len(d) < 1000 {
				want("%s", strings.Join(strings.Fields(d), " "))
			}
		}
	}
	if traffic, ok := s["traffic"].(map[string]any); ok {
		want("client sent %d bytes server sent %d bytes", sum(t, traffic["orig_bytes"]), sum(t, traffic["resp_bytes"]))
		if traffic["of"] == "users" && fmt.Sprint(sum(t, traffic["orig_bytes"])) != fmt.Sprint(s["orig_bytes"]) {
			t.Error("the traffic over time is not that of the session")
		}
	}
}

// vocabulary is the words with a digit that a page may have: those of the JSON, and numbers that
// follow from it.
type vocabulary map[string]bool

// apart is what stands between words.
var apart = regexp.MustCompile(`[\s()\[\]";,]+`)

// thousands are the commas within a number.
var thousands = regexp.MustCompile(`(\d),(\d{3})\b`)

// words are those of a text that have a digit, without the signs around them.
func words(text string) (list []string) {
	for thousands.MatchString(text) {
		text = thousands.ReplaceAllString(text, "$1$2")
	}
	for _, w := range apart.Split(text, -1) {
		if w = strings.Trim(w, ".:…#"); strings.ContainsAny(w, "0123456789") {
			list = append(list, w)
		}
	}
	return list
}

// cutWord is one of which the page has the beginning only.
var cutWord = regexp.MustCompile(`\S+…`)

func (k vocabulary) add(format string, args ...any) {
	for _, w := range words(fmt.Sprintf(format, args...)) {
		k[w] = true
	}
}

// all adds the words of all strings and all numbers of the JSON.
func (k vocabulary) all(v any) {
	switch v := v.(type) {
	case map[string]any:
		for _, x := range v {
			k.all(x)
		}
	case []any:
		for _, x := range v {
			k.all(x)
		}
	case string, json.Number:
		k.add("%s", v)
	}
}

// span adds a span of time as people read it. The JSON has microseconds, and the page is made from
// nanoseconds.
func (k vocabulary) span(seconds float64) {
	for _, s := range [...]float64{seconds - 1e-6, seconds, seconds + 1e-6} {
		k.add("%.3f %.1f %.1f %.1f %.1f", s, s, s/60, s/3600, s/86400)
		k.add("%s", strconv.FormatFloat(math.Round(s*1e3)/1e3, 'f', -1, 64))
	}
}

// clock adds a time of day.
func (k vocabulary) clock(at float64) {
	k.add("%s", time.UnixMicro(int64(math.Round(at*1e6))).Format("2006-01-02 15:04:05.000"))
}

// checkNumbers looks in the JSON of a session for each number of its page.
func checkNumbers(t *testing.T, article *html.Node, number int, s map[string]any) {
	t.Helper()
	k := make(vocabulary)
	k.all(s)
	float := func(v any) float64 {
		f, err := v.(json.Number).Float64()
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	start := float(s["ts"])
	k.add("%d L2TP", number)
	for _, c := range items(s["conversations"]) {
		c := c.(map[string]any)
		k.add("%s %s", endOf(c["orig_h"], c["orig_p"]), endOf(c["resp_h"], c["resp_p"]))
	}
	k.clock(start)
	k.span(float(s["duration"]))
	k.span(0)
	if ended, ok := s["ended"]; ok {
		k.clock(float(ended))
		k.span(float(ended) - start)
	}
	if setup, ok := s["setup"]; ok {
		k.span(float(setup))
	}
	messages, told := items(s["messages"]), 0.0
	for _, m := range messages {
		m := m.(map[string]any)
		k.clock(float(m["ts"]))
		k.span(float(m["ts"]) - start)
		if n, ok := m["left_out"]; ok {
			told += float(n)
		}
	}
	if n, ok := s["messages_left_out"]; ok {
		k.add("%.0f", float(n)-told)
	}
	if traffic, ok := s["traffic"].(map[string]any); ok {
		begin, interval, peak := float(traffic["ts"])-start, float(traffic["interval"]), 0.0
		k.span(interval)
		for i := range len(items(traffic["orig_bytes"])) + 1 {
			k.span(begin + interval*float64(i))
		}
		var runs [2]int64 // of losses that follow one another
		for i := range items(traffic["orig_bytes"]) {
			peak = max(peak, float(items(traffic["orig_bytes"])[i]), float(items(traffic["resp_bytes"])[i]))
			for side, name := range []string{"orig_lost", "resp_lost"} {
				if lost := items(traffic[name]); lost != nil {
					n, _ := lost[i].(json.Number).Int64()
					runs[side] += n
				}
			}
			k.add("%d %d", runs[0], runs[1])
		}
		k.add("%.0f %.1f %.1f %.1f", peak, peak/1e3, peak/1e6, peak/1e9)
		for _, name := range []string{"orig_bytes", "resp_bytes", "orig_lost", "resp_lost", "rekeys"} {
			k.add("%d", sum(t, traffic[name]))
		}
	}
	for n := range len(messages) + 1 { // "12 x Hello", "and 3 more"
		k[strconv.Itoa(n)] = true
	}
	for _, w := range words(cutWord.ReplaceAllString(textOf(article, " "), "")) {
		if !k[w] {
			t.Errorf("%q does not follow from the JSON", w)
		}
	}
}

func orEmpty(v any) string {
	if v == nil {
		return ""
	}
	return fmt.Sprint(v)
}

func items(v any) []any {
	list, _ := v.([]any)
	return list
}

func sum(t *testing.T, v any) (n int64) {
	for _, x := range items(v) {
		i, err := x.(json.Number).Int64()
		if err != nil {
			t.Fatal(err)
		}
		n += i
	}
	return n
}

// grouped has the thousands of a number apart.
func grouped(v any) string {
	s := fmt.Sprint(v)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func endOf(host, port any) string {
	h := fmt.Sprint(host)
	switch {
	case port == nil:
		return h
	case strings.Contains(h, ":"):
		return fmt.Sprintf("[%s]:%v", h, port)
	}
	return fmt.Sprintf("%s:%v", h, port)
}
