package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// drawn gathers what a program draws on a terminal.
type drawn struct {
	lock sync.Mutex
	all  []byte
}

func (s *drawn) gather(master *os.File) {
	buf := make([]byte, 4096)
	for {
		n, err := master.Read(buf)
		if err != nil {
			return
		}
		s.lock.Lock()
		s.all = append(s.all, buf[:n]...)
		s.lock.Unlock()
	}
}

func (s *drawn) text() string {
	s.lock.Lock()
	defer s.lock.Unlock()
	return string(s.all)
}

// escape is a sequence that a terminal obeys.
var escape = regexp.MustCompile(`\x1b\[[0-9;?]*[a-zA-Z]`)

// page is what is on the terminal: what was drawn since its first place was gone to.
func (s *drawn) page() []string {
	text := s.text()
	text = text[strings.LastIndex(text, "\x1b[H")+1:]
	return strings.Split(escape.ReplaceAllString(strings.TrimPrefix(text, "[H"), ""), "\r\n")
}

func settings(t *testing.T, tty *os.File) unix.Termios {
	t.Helper()
	s, err := unix.IoctlGetTermios(int(tty.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	return *s
}

func resize(t *testing.T, tty *os.File, columns, rows uint16) {
	t.Helper()
	if err := unix.IoctlSetWinsize(int(tty.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Col: columns, Row: rows}); err != nil {
		t.Fatal(err)
	}
}

// TestLiveTable: on a terminal the sessions are drawn as a table, in the size that the terminal has
// now; it ends with a key, Ctrl-C or a signal, and the terminal is as before.
func TestLiveTable(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.env = append(l.env, "LC_ALL=C.UTF-8", "TERM=xterm")
	all, log, _ := captureOf(t, "06-pfs-rekey-dpd")
	log = filepath.Join(filepath.Dir(log), "router-full.log")
	table := filepath.Join(filepath.Dir(log), "keys/esp_sa")
	all = l.filtered(all)
	for _, end := range []struct {
		name   string
		do     func(p *program, master *os.File)
		status int
	}{
		{"q", func(_ *program, master *os.File) { master.WriteString("xq") }, exitOK},
		{"Ctrl-C", func(_ *program, master *os.File) { master.WriteString("\x03") }, exitInterrupted},
		{"SIGTERM", func(p *program, _ *os.File) { p.signal(syscall.SIGTERM) }, exitInterrupted},
	} {
		master, slave := terminal(t)
		before := settings(t, slave)
		resize(t, slave, 120, 30)
		s := new(drawn)
		go s.gather(master)
		p := l.startWith(slave, "live", "-i", l.interfaceToTap, "-k", log, "-k", table, "--hold-time", "0", "--sessions")
		p.waitFor("listening on")
		l.send(all[:2000], 100, nil) // it lasts 1.6 s
		row := regexp.MustCompile(`^up +alice +203\.0\.113\.10:500 +[0-9.]+k +[0-9.]+k +0\.0% +\d+s +(ESP|IKE) (1m)?\d+s$`)
		has := func(pattern *regexp.Regexp) bool {
			return eventually(func() bool {
				for _, line := range s.page() {
					if pattern.MatchString(line) {
						return true
					}
				}
				return false
			})
		}
		for _, line := range []*regexp.Regexp{row, regexp.MustCompile(`^state +user +client +sends +gets +loss +up for +keys$`),
			regexp.MustCompile(`^\d\d:\d\d:\d\d tap0, 2000 frames; 1 up$`),
			regexp.MustCompile(`^\d\d:\d\d:\d\d 203\.0\.113\.10 > 203\.0\.113\.1 alice: rekeyed: new ESP SAs, `)} {
			if !has(line) {
				t.Fatalf("no line %v in\n%s\n%s", line, strings.Join(s.page(), "\n"), p.report())
			}
		}
		if now := settings(t, slave); now == before {
			t.Error("keys are not read as they are typed")
		}
		resize(t, slave, 60, 12)
		if !has(regexp.MustCompile(`^q ends\..{52}…$`)) || len(s.page()) != 12 {
			t.Errorf("%s: not of 60 columns and 12 lines:\n%s", end.name, strings.Join(s.page(), "\n"))
		}
		end.do(p, master)
		if status := p.wait(); status != end.status {
			t.Errorf("%s: exit status %d, not %d:\n%s", end.name, status, end.status, p.report())
		}
		if after := settings(t, slave); after != before {
			t.Errorf("%s: the terminal is %+v, and was %+v", end.name, after, before)
		}
		if !eventually(func() bool { return strings.HasSuffix(s.text(), closeScreen) }) {
			t.Errorf("%s: the terminal is left with %q", end.name, s.text()[max(0, len(s.text())-200):])
		}
		if !strings.Contains(p.errors(), "l2tpdump: 2000 frames: ") {
			t.Errorf("%s: no summary:\n%s", end.name, p.report())
		}
	}
}

// TestLiveNoTable: keys that are typed in, and JSON, have lines on a terminal too.
func TestLiveNoTable(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.env = append(l.env, "TERM=xterm")
	for _, args := range [][]string{{"-k", "-"}, {"--json"}} {
		master, slave := terminal(t)
		s := new(drawn)
		go s.gather(master)
		p := l.startWith(slave, append([]string{"live", "-i", l.interfaceToTap, "--sessions"}, args...)...)
		p.waitFor("listening on")
		if p.interrupt(); strings.Contains(s.text(), "\x1b") {
			t.Errorf("%q: %q", args, s.text())
		}
	}
}

// TestTakenMessages: a message of a program that draws a table is kept for behind it.
func TestTakenMessages(t *testing.T) {
	s := new(screen)
	for range newsKept + 3 {
		if !s.take("l2tpdump: a\n  b") {
			t.Fatal("not taken")
		}
	}
	if s.closed = true; s.take("x") || len(s.messages) != newsKept || len(s.news) != newsKept || s.news[0] != "l2tpdump: a   b" {
		t.Errorf("%d, %d, %q", len(s.messages), len(s.news), s.news[0])
	}
}
