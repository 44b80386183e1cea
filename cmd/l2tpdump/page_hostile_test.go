package main

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"l2tpdump/cmd/internal/page"
	"l2tpdump/cmd/internal/sessions"
)

// hostile is text that a page must show, and must not obey.
const hostile = "</style></script><script>window.hit=1</script>\"'><img src=https://example.com/x onerror=window.hit=1>" +
	"<svg onload=window.hit=1>javascript:window.hit=1 {{.}} \x1b[31m\x07\u202e\u2028&amp;\x00\xff"

// hostileShown is the end of it as a page shows it.
const hostileShown = `javascript:window.hit=1 {{.}} \x1b[31m\a\u202e\u2028&amp;`

// fill puts text into each string of v, and something into all else.
func fill(v reflect.Value, text string) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(text)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), text)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fallthrough
	case reflect.Array:
		for i := range v.Len() {
			fill(v.Index(i), text)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i), text)
		}
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(1)
	default:
		v.SetUint(3)
	}
}

// hostileFacts is a session each string of which is hostile.
func hostileFacts(state sessions.State) *sessions.Facts {
	s := new(sessions.Facts)
	fill(reflect.ValueOf(s).Elem(), hostile)
	s.State = state
	for i := range s.NAT {
		s.NAT[i] = sessions.FromServer
	}
	return s
}

func writePage(t *testing.T, p *page.Page) (name string, size int64) {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "page.html"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := p.Write(f); err != nil {
		t.Fatal(err)
	}
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	return f.Name(), info.Size()
}

// checkHarmless looks whether anything of what the strings say was done.
func (o *opened) checkHarmless(t *testing.T) {
	t.Helper()
	if evaluate[bool](t, o, "'hit' in window") {
		t.Error("a script of a name ran")
	}
	if n := evaluate[int](t, o, "document.querySelectorAll('script, img, iframe, link, object, embed, form, base').length"); n != 0 {
		t.Errorf("%d elements that no page has", n)
	}
	if n := evaluate[int](t, o, "[...document.querySelectorAll('*')].filter(e => [...e.attributes].some(a => a.name.startsWith('on') || a.name === 'src' || a.name === 'style')).length"); n != 0 {
		t.Errorf("%d elements with an attribute that no page has", n)
	}
	if text := evaluate[string](t, o, "document.documentElement.textContent"); strings.ContainsFunc(text, func(r rune) bool {
		return r < ' ' && r != '\n' || r == '\u202e' || r == '\u2028'
	}) {
		t.Error("there are control characters in the page")
	}
	o.checkQuiet(t)
}

// TestPageHostile: script and control characters in each string of a session, and in the name of
// the file, change nothing but the text that is shown.
func TestPageHostile(t *testing.T) {
	browser := chromium(t)
	p := page.New(hostile, time.UTC)
	list := []sessions.State{sessions.Failed, sessions.Lost, sessions.Clear, sessions.Ill, sessions.Up, sessions.Partial}
	for _, state := range list {
		p.Add(hostileFacts(state))
	}
	name, _ := writePage(t, p)
	o := openPage(t, browser, name, views[0])
	if n := evaluate[int](t, o, "document.querySelectorAll('article').length"); n != len(list) {
		t.Errorf("%d sessions, want %d", n, len(list))
	}
	text := evaluate[string](t, o, "document.body.textContent")
	if n := strings.Count(text, "<script>window.hit=1</script>"); n < 100 {
		t.Errorf("the text is shown %d times", n)
	}
	if !strings.Contains(text, hostileShown) {
		t.Errorf("the text is not shown as %q", hostileShown)
	}
	o.checkHarmless(t)
}

// TestPageHostileCapture: the same from the wire, of all that can be said without a key, and of the
// name of a capture: what each field says is shown, and no more than shown.
func TestPageHostileCapture(t *testing.T) {
	browser := chromium(t)
	var fields []string
	of := func(text func(string, int) []byte) func(string, int) []byte {
		return func(field string, length int) []byte {
			fields = append(fields, field)
			return text(field, length)
		}
	}
	data := hostileCapture(t, of(hostileText), of(hostileVisible))
	const fileName = "'\"><img src=x onerror=window.hit=1>\x1b[2J\u202e\xff.pcap"
	capture := filepath.Join(t.TempDir(), fileName)
	if err := os.WriteFile(capture, data, 0o600); err != nil {
		t.Fatal(err)
	}
	name, list := pageOf(t, capture, "")
	o := openPage(t, browser, name, views[0])
	text := evaluate[string](t, o, "document.body.textContent")
	if shown := `'"><img src=x onerror=window.hit=1>\x1b[2J\u202e\xff.pcap`; !strings.Contains(text, shown) {
		t.Errorf("the name of the file is not shown as %q", shown)
	}
	frames := quietly(t, func() { run([]string{"decrypt", "-q", "--json", "-r", capture}) })
	for _, f := range fields {
		shown := regexp.MustCompile(regexp.QuoteMeta("{"+f+"}") + `\S{0,60}script`)
		if where := text; !shown.MatchString(where) {
			if where = frames; f != "DNS-name" && f != "issuer" || !shown.MatchString(where) { // the page has neither
				t.Errorf("%s is not shown", f)
			}
		}
	}
	all := fmt.Sprint(list)
	for _, f := range []string{"CHAP user", "CDN"} {
		if !strings.Contains(all, "{"+f+"}") {
			t.Errorf("%s is not in the JSON", f)
		}
	}
	o.checkLayout(t, views[0])
	o.checkHarmless(t)
}

// TestPageOfMany: a page of 100,000 sessions is small, opens, shows those that went wrong first,
// and says what is left out.
func TestPageOfMany(t *testing.T) {
	const sessionsInAll = 100_000
	p := page.New("many", time.UTC)
	for i := range sessionsInAll {
		s := new(sessions.Facts)
		fill(reflect.ValueOf(s).Elem(), "a text as long as those of sessions are")
		for j := range 6 {
			s.Messages = append(s.Messages, s.Messages[0])
			s.Messages[j].Frame, s.Messages[j].Retransmission = uint64(8*i+j), false
		}
		s.OrigHost, s.RespHost, s.NAT = fmt.Sprintf("198.51.100.%d", i%250), "203.0.113.1", nil
		if s.State = sessions.Up; i%10 == 0 {
			s.State, s.Step = sessions.Failed, "auth"
		}
		p.Add(s)
	}
	name, size := writePage(t, p)
	if size > 5_000_000 {
		t.Errorf("the page has %d bytes", size)
	}
	o := openPage(t, chromium(t), name, views[0])
	text := evaluate[string](t, o, "document.body.innerText")
	for _, want := range []string{"10000 FAILED", "90000 up", "100000 sessions. Shown in detail: ", "are only counted", "All sessions by cause"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q", want)
		}
	}
	if !evaluate[bool](t, o, "document.querySelector('.groups').getBoundingClientRect().bottom < 900") {
		t.Error("the causes of all are not seen at once")
	}
	if n := evaluate[int](t, o, "document.querySelectorAll('article.is-up').length"); n != 0 {
		t.Errorf("%d sessions that came up are shown before all that failed", n)
	}
	o.checkQuiet(t)
}
