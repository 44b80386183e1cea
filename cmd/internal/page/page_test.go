package page

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"html"
	"regexp"
	"strings"
	"testing"
	"time"

	"l2tpdump/cmd/internal/sessions"
)

func written(t *testing.T, p *Page) string {
	t.Helper()
	var b bytes.Buffer
	if err := p.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestEmpty: a page of no session says so.
func TestEmpty(t *testing.T) {
	text := written(t, New("a.pcap", time.UTC))
	if !strings.Contains(text, "There is no session in this capture.") || strings.Contains(text, "<table") {
		t.Errorf("%s", text)
	}
}

// TestPolicy: the page may load nothing, and its only style is the one whose hash it names.
func TestPolicy(t *testing.T) {
	text := written(t, New("a.pcap", time.UTC))
	style := regexp.MustCompile(`(?s)<style>(.*)</style>`).FindStringSubmatch(text)
	if style == nil {
		t.Fatal("no style")
	}
	sum := sha256.Sum256([]byte(style[1]))
	want := `content="default-src 'none'; style-src 'sha256-` + base64.StdEncoding.EncodeToString(sum[:]) + `';`
	if !strings.Contains(html.UnescapeString(text), want) {
		t.Errorf("no %s in the page", want)
	}
	for _, bad := range []string{"<script", "http:", "https:", "url(", "@import", "style=\""} {
		if strings.Contains(text, bad) {
			t.Errorf("there is %s in the page", bad)
		}
	}
}

// TestBudget: those that went wrong have room before the others, though they come last; the rest is
// counted.
func TestBudget(t *testing.T) {
	p := New("many", time.UTC)
	const good, bad = 20_000, 30
	for range good {
		p.Add(&sessions.Facts{State: sessions.Up, Step: "data", OrigHost: "198.51.100.1", RespHost: "203.0.113.1", Frames: []uint64{1, 2}})
	}
	for range bad {
		p.Add(&sessions.Facts{State: sessions.Failed, Step: "auth", Cause: "a cause", OrigHost: "198.51.100.1", RespHost: "203.0.113.1", Frames: []uint64{1, 2}})
	}
	text := written(t, p)
	if len(text) > 5_000_000 {
		t.Errorf("%d bytes", len(text))
	}
	if n := strings.Count(text, `class="is-failed"`); n != bad {
		t.Errorf("%d that failed in detail, want %d", n, bad)
	}
	if n := strings.Count(text, `class="is-up"`); n == 0 || n > keptDetails {
		t.Errorf("%d that came up in detail", n)
	}
	for _, want := range []string{"20030 sessions. Shown in detail: ", "are only counted", `<td class="n">20000</td>`, `<td class="n">30</td>`, `<a href="#s20030">`} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q", want)
		}
	}
}

// TestSameFacts: a page is made of its sessions alone: the same ones make the same page.
func TestSameFacts(t *testing.T) {
	page := func() string {
		p := New("same", time.UTC)
		for i := range 7000 {
			p.Add(&sessions.Facts{State: states[i%len(states)], CauseID: fmt.Sprint("cause ", i%5), Frames: []uint64{1, 2}})
		}
		return written(t, p)
	}
	if first, again := page(), page(); first != again {
		t.Error("the same sessions make two pages")
	}
}

// TestLongDetails: messages that say very much do not cost their session its place.
func TestLongDetails(t *testing.T) {
	p := New("long", time.UTC)
	s := &sessions.Facts{State: sessions.Failed, Step: "ike-m1", OrigHost: "198.51.100.1", RespHost: "203.0.113.1", Frames: []uint64{1, 256}}
	for i := range uint64(256) {
		s.Messages = append(s.Messages, sessions.Event{Frame: i + 1, Layer: "ike", Name: fmt.Sprintf("main %d", i), Details: strings.Repeat("SA & ", 20_000)})
	}
	p.Add(s)
	text := written(t, p)
	if n := strings.Count(text, `class="m ike c`); n != 256 || len(text) > 2_000_000 {
		t.Errorf("%d messages, %d bytes", n, len(text))
	}
}

// TestVisible: what cannot be seen becomes an escape.
func TestVisible(t *testing.T) {
	var b bytes.Buffer
	v := &visible{w: &b}
	const text = "a\x00\x1b[31m\r\n\u202eb\xff日本\u00a0\U000e0001"
	if n, err := v.Write([]byte(text)); n != len(text) || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	if want := `a\x00\x1b[31m\r` + "\n" + `\u202eb\xff日本\u00a0\U000e0001`; b.String() != want {
		t.Errorf("%q, want %q", b.String(), want)
	}
	v.w = failing{}
	if _, err := v.Write([]byte("x")); err != errFull {
		t.Errorf("%v", err)
	}
}

var errFull = errors.New("full")

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, errFull }

// TestWriteError: a full disk is told.
func TestWriteError(t *testing.T) {
	if err := New("", time.UTC).Write(failing{}); !errors.Is(err, errFull) {
		t.Errorf("%v", err)
	}
}

// TestNumbers: as people read them.
func TestNumbers(t *testing.T) {
	for n, want := range map[uint64]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567"} {
		if got := grouped(n); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
	for n, want := range map[float64]string{0: "0 s", 0.64: "0.64 s", 0.123456: "0.123 s", 12.345: "12.3 s", 600: "10.0 min", 7200: "2.0 h", 864000: "10.0 days"} {
		if got := seconds(n); got != want {
			t.Errorf("%v: %s, want %s", n, got, want)
		}
	}
	for n, want := range map[uint64]string{1: "1 B", 1500: "1.5 kB", 2e6: "2.0 MB", 3e9: "3.0 GB"} {
		if got := volume(n); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
}
