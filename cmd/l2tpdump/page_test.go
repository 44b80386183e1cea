package main

import (
	"bytes"
	"cmp"
	"context"
	_ "embed"
	"encoding/json"
	"flag"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"maps"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

var (
	pagePicture = flag.String("page.picture", "", "TestPagePicture writes the picture of the README to this file")
	pageShots   = flag.String("page.shots", "", "TestPageInBrowser writes a picture of each page into this folder")
)

// chromium starts the browser of the pages' tests. Where there is none the test is skipped, but not
// in CI, which installs one.
func chromium(t *testing.T) context.Context {
	t.Helper()
	found := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"} {
		if path, err := exec.LookPath(name); err == nil {
			found = path
			break
		}
	}
	switch {
	case found == "" && os.Getenv("CI") != "":
		t.Fatal("there is no Chromium, and scripts/setup test installs it")
	case found == "":
		t.Skip("there is no Chromium: apt-get install chromium")
	}
	options := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]), chromedp.ExecPath(found), chromedp.NoSandbox,
		chromedp.UserDataDir(t.TempDir()))
	allocator, stop := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(stop)
	ctx, stop := chromedp.NewContext(allocator)
	t.Cleanup(stop)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatal(err)
	}
	return ctx
}

// view is how a page is looked at.
type view struct {
	width int64
	dark  bool
}

func (v view) String() string {
	if v.dark {
		return fmt.Sprintf("%d dark", v.width)
	}
	return fmt.Sprintf("%d light", v.width)
}

var views = []view{{1280, false}, {1280, true}, {400, false}, {400, true}}

// opened is a page in a tab of its own, and what the browser had to complain of.
type opened struct {
	ctx  context.Context
	lock sync.Mutex
	bad  []string
}

func (o *opened) complain(format string, args ...any) {
	o.lock.Lock()
	defer o.lock.Unlock()
	o.bad = append(o.bad, fmt.Sprintf(format, args...))
}

// openPage opens a file in a new tab.
func openPage(t *testing.T, browser context.Context, file string, v view) *opened {
	t.Helper()
	ctx, stop := chromedp.NewContext(browser)
	t.Cleanup(stop)
	o := &opened{ctx: ctx}
	address := (&url.URL{Scheme: "file", Path: file}).String()
	err := chromedp.Listen(ctx, func(event any) {
		switch e := event.(type) {
		case *network.EventRequestWillBeSent:
			if e.Request.URL != address {
				o.complain("request of %s", e.Request.URL)
			}
		case *runtime.EventConsoleAPICalled:
			o.complain("console: %s", e.Type)
		case *runtime.EventExceptionThrown:
			o.complain("exception: %v", e.ExceptionDetails)
		case *log.EventEntryAdded:
			o.complain("log: %s", e.Entry.Text)
		case *page.EventJavascriptDialogOpening:
			o.complain("dialog: %s", e.Message)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	scheme := "light"
	if v.dark {
		scheme = "dark"
	}
	media := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}}
	if _, err := chromedp.Call(ctx, network.Enable, network.EnableParams{}); err != nil {
		t.Fatal(err)
	}
	if _, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, media); err != nil {
		t.Fatal(err)
	}
	if err := chromedp.Do(ctx, chromedp.EmulateViewport(v.width, 900), chromedp.Navigate(address)); err != nil {
		t.Fatal(err)
	}
	return o
}

// evaluate has the browser compute something.
func evaluate[T any](t *testing.T, o *opened, script string) T {
	t.Helper()
	result, err := chromedp.Run(o.ctx, chromedp.Evaluate[T](script))
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// checkQuiet fails where the browser complained, or a page asked for something.
func (o *opened) checkQuiet(t *testing.T) {
	t.Helper()
	o.lock.Lock()
	defer o.lock.Unlock()
	for _, bad := range o.bad {
		t.Error(bad)
	}
}

// layoutFaults is a script that lists what is wrong with how a page looks.
//
//go:embed testdata/layout.js
var layoutFaults string

// pageOf writes the page of a capture, and returns its sessions as JSON has them.
func pageOf(t *testing.T, file, keys string) (name string, list []map[string]any) {
	t.Helper()
	name = filepath.Join(t.TempDir(), "page.html")
	args := []string{"sessions", "-r", file}
	if keys != "" {
		args = append(args, "-k", keys)
	}
	text := quietly(t, func() { run(append(args, "--json", "--html", name)) })
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "l2tpdump: ") {
			continue
		}
		var s map[string]any
		d := json.NewDecoder(strings.NewReader(line))
		d.UseNumber()
		if err := d.Decode(&s); err != nil {
			t.Fatal(err)
		}
		list = append(list, s)
	}
	return name, list
}

// TestPageInBrowser looks at the pages of some recordings in Chromium, wide and narrow, light and
// dark: all is there, nothing overlaps, nothing is cut, the browser complains of nothing and asks
// for nothing.
func TestPageInBrowser(t *testing.T) {
	browser := chromium(t)
	for _, c := range []struct {
		name, file, keys string
		texts            []string
	}{
		{"06", captures + "/06-pfs-rekey-dpd/outer.pcap", captures + "/06-pfs-rekey-dpd/keys",
			[]string{"alice", "new keys: ", "DPD, answered", "client sent"}},
		{"11", captures + "/11-three-clients-two-behind-nat/outer.pcap", captures + "/11-three-clients-two-behind-nat/keys",
			[]string{"alice", "bob", "carol", "NAT"}},
		{"16", captures + "/16-netem-loss-reorder-dup/outer.pcap", captures + "/16-netem-loss-reorder-dup/router-full.log",
			[]string{"alice", "up after"}},
		{"26", captures + "/26-heavy-loss-ike-retransmits/outer.pcap", captures + "/26-heavy-loss-ike-retransmits/router-full.log",
			[]string{"lost: 20 of the client, 0 of the server", "1 ESP packet of the client lost", "again"}},
		{"day", "../../testdata/day/outer.pcap", "../../testdata/day/router-full.log",
			[]string{"FAILED at message 5 of IKE", "FAILED at message 1 of IKE", "FAILED at the login", "pre-shared keys differ", "What to do: ", "again: main 5, informational",
				"the client comes from", "ended by the server"}},
		{"no keys", captures + "/06-pfs-rekey-dpd/outer.pcap", "", []string{"encrypted, ", "none of the users' packets was read"}},
		{"failed", "../../testdata/causes/50c-pap-refused/outer.pcap", "../../testdata/causes/50c-pap-refused/esp_sa",
			[]string{"FAILED at the login", `PPP: 203.0.113.1 refused user "alice" with pap: "Login incorrect"`, "PAP Auth-Nak"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			file, list := pageOf(t, c.file, c.keys)
			for _, v := range views {
				o := openPage(t, browser, file, v)
				text := evaluate[string](t, o, "document.body.innerText")
				for _, want := range c.texts {
					if !strings.Contains(text, want) {
						t.Errorf("%v: no %q in the page", v, want)
					}
				}
				o.checkLayout(t, v)
				if n := evaluate[int](t, o, "document.querySelectorAll('article').length"); n != len(list) {
					t.Errorf("%v: %d sessions, want %d", v, n, len(list))
				}
				if dark := evaluate[bool](t, o, "parseInt(getComputedStyle(document.body).backgroundColor.slice(4)) < 80"); dark != v.dark {
					t.Errorf("%v: dark is %v", v, dark)
				}
				o.checkQuiet(t)
				o.shoot(t, filepath.Join(*pageShots, fmt.Sprintf("%s-%d-%v.png", c.name, v.width, v.dark)))
			}
		})
	}
}

// checkLayout looks at the page as it is, and with all opened that can be.
func (o *opened) checkLayout(t *testing.T, v view) {
	t.Helper()
	for _, fault := range evaluate[[]string](t, o, layoutFaults) {
		t.Errorf("%v: %s", v, fault)
	}
	if n := evaluate[int](t, o, "document.querySelectorAll('details').forEach(d => d.open = true), document.querySelectorAll('details').length"); n == 0 {
		t.Errorf("%v: nothing to open", v)
	}
	for _, fault := range evaluate[[]string](t, o, layoutFaults) {
		t.Errorf("%v, all opened: %s", v, fault)
	}
	evaluate[int](t, o, "document.querySelectorAll('details').forEach(d => d.open = false), 0")
}

// shoot takes a picture of the whole page where that is asked for.
func (o *opened) shoot(t *testing.T, name string) {
	if *pageShots == "" {
		return
	}
	picture, err := chromedp.Run(o.ctx, chromedp.FullScreenshot(100))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, picture, 0o666); err != nil {
		t.Fatal(err)
	}
}

// TestPageByKeyboardAndOnPaper: each message is reached and opened with the keyboard, and on paper
// nothing overlaps or is cut.
func TestPageByKeyboardAndOnPaper(t *testing.T) {
	browser := chromium(t)
	file, _ := pageOf(t, "../../testdata/causes/50c-pap-refused/outer.pcap", "../../testdata/causes/50c-pap-refused/esp_sa")
	o := openPage(t, browser, file, views[0])
	press := func(keys string) {
		if err := chromedp.Do(o.ctx, chromedp.KeyEvent(keys)); err != nil {
			t.Fatal(err)
		}
	}
	const link, summaries = 1, "document.querySelectorAll('summary').length"
	n := evaluate[int](t, o, summaries)
	for range link + n {
		press(kb.Tab)
		if evaluate[bool](t, o, "document.activeElement.tagName === 'SUMMARY'") {
			press(kb.Enter)
		}
	}
	if open := evaluate[int](t, o, "document.querySelectorAll('details[open]').length"); open != n || n < 30 {
		t.Errorf("%d of %d messages were opened", open, n)
	}
	const paper = 720 // pixels between the margins
	media := emulation.SetEmulatedMediaParams{Media: "print"}
	if _, err := chromedp.Call(o.ctx, emulation.SetEmulatedMedia, media); err != nil {
		t.Fatal(err)
	}
	if err := chromedp.Do(o.ctx, chromedp.EmulateViewport(paper, 900)); err != nil {
		t.Fatal(err)
	}
	o.checkLayout(t, view{width: paper})
	o.checkQuiet(t)
}

// TestPagePicture makes the picture that the README shows: the list of sessions, and the ladder of
// one that failed.
func TestPagePicture(t *testing.T) {
	const width, committed = 1080, "../../doc/sessions.png"
	browser := chromium(t)
	file, _ := pageOf(t, "../../testdata/day/outer.pcap", "../../testdata/day/router-full.log")
	o := openPage(t, browser, file, view{width: width})
	height := evaluate[float64](t, o, "document.querySelector('.ladder').getBoundingClientRect().bottom + 16")
	if err := chromedp.Do(o.ctx, chromedp.EmulateViewport(width, int64(height))); err != nil {
		t.Fatal(err)
	}
	picture, err := chromedp.Run(o.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		t.Fatal(err)
	}
	if picture, err = smaller(picture); err != nil {
		t.Fatal(err)
	}
	if *pagePicture != "" {
		if err := os.WriteFile(*pagePicture, picture, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	shown, err := os.ReadFile(committed)
	if err != nil {
		t.Fatal(err)
	}
	for _, data := range [][]byte{picture, shown} {
		c, err := png.DecodeConfig(bytes.NewReader(data))
		if err != nil || c.Width != width || c.Height < 600 || len(data) > 150_000 {
			t.Errorf("%d bytes, %d x %d: %v", len(data), c.Width, c.Height, err)
		}
	}
}

// smaller is a picture with the 256 colours only that most of its points have.
func smaller(picture []byte) ([]byte, error) {
	from, err := png.Decode(bytes.NewReader(picture))
	if err != nil {
		return nil, err
	}
	points := make(map[color.Color]int)
	for y := range from.Bounds().Dy() {
		for x := range from.Bounds().Dx() {
			points[from.At(x, y)]++
		}
	}
	colours := slices.SortedFunc(maps.Keys(points), func(a, b color.Color) int { return cmp.Compare(points[b], points[a]) })
	to := image.NewPaletted(from.Bounds(), colours[:min(len(colours), 256)])
	draw.Draw(to, to.Bounds(), from, image.Point{}, draw.Src)
	var b bytes.Buffer
	err = (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&b, to)
	return b.Bytes(), err
}
