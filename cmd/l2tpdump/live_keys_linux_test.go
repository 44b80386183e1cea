package main

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// TestLiveKeyCommandDies: a command that has failed is started again; if it is not running in the
// end the status says so, and what has been written is whole.
func TestLiveKeyCommandDies(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	all, log, _ := captureOf(t, "01-basic-aes128-sha1")
	want := l.offline(all, log)
	out := l.path("out.pcapng")
	p := l.start("live", "-i", l.interfaceToTap, "-k", "exec:cat "+log+"; exit 7", "-w", out, "-c", strconv.Itoa(len(want)))
	for _, pause := range []string{"1s", "2s", "4s", "8s"} {
		p.waitFor("exec:cat ended (exit status 7); starting it again in " + pause)
	}
	l.send(all, 0, nil)
	if status := p.wait(); status != exitError || !strings.Contains(p.errors(), "keys may be missing: exec:cat: exit status 7") {
		t.Errorf("exit status %d:\n%s", status, p.report())
	}
	l.sameSet(p, "dead command", wholeCapture(t, out), want)

	for args, says := range map[string]string{
		"exec:no-such-program-here -x": "exec:no-such-program-here: the shell finds no program of this name",
		"exec:":                        "exec: without a command",
		"syslog:127.0.0.1:none":        "syslog: ",
	} {
		p := l.start("live", "-i", l.interfaceToTap, "-k", args)
		if status := p.wait(); status != exitError || !strings.Contains(p.errors(), says) {
			t.Errorf("%s: exit status %d:\n%s", args, status, p.report())
		}
	}
}

// TestLiveHold: packets whose key does not come in time, or that have no room, come out as they
// are, and are counted.
func TestLiveHold(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	all, _, _ := captureOf(t, "13-ip-fragmented-esp")
	all = l.filtered(all)
	keys := l.path("router.log")
	if err := os.WriteFile(keys, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args            []string
		expired, noRoom bool
	}{
		{[]string{"--hold-time", "100ms"}, true, false},
		{[]string{"--hold-time", "1h"}, true, false}, // at the end
		{[]string{"--hold-time", "1h", "--hold-bytes", "50k"}, true, true},
	} {
		out := l.path("out.pcapng")
		p := l.start(append([]string{"live", "-i", l.interfaceToTap, "-k", keys, "-w", out, "-c", strconv.Itoa(len(all))}, c.args...)...)
		p.waitFor("listening on")
		l.send(all, 0, nil)
		if status := p.wait(); status != exitOK {
			t.Errorf("%q: exit status %d:\n%s", c.args, status, p.report())
		}
		text := p.errors()
		held, expired, noRoom := number(text, `(\d+) frames waited`), number(text, `waited for a key: (\d+) in vain`), number(text, `(\d+) not to the end`)
		if held <= 0 || held != expired+noRoom || expired > 0 != c.expired || noRoom > 0 != c.noRoom {
			t.Errorf("%q: %s", c.args, text)
		}
		// Without a key all is written as it came.
		got, want := wholeCapture(t, out), all
		for i := range want {
			want[i].Options = nil
		}
		l.sameSet(p, strings.Join(c.args, " "), got, want)
	}
}

// TestLiveSyslogSave keeps what comes by syslog where only its owner may read it.
func TestLiveSyslogSave(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	_, _, lines := captureOf(t, "01-basic-aes128-sha1")
	saved := l.path("saved.log")
	p := l.start("live", "-i", l.interfaceToTap, "-k", "syslog:127.0.0.1:5514", "--syslog-save", saved)
	p.waitFor("listening on")
	for _, network := range []string{"udp", "tcp"} {
		send := l.syslog(network, 5514)
		for _, line := range lines {
			if err := send(line); err != nil {
				t.Fatal(err)
			}
		}
	}
	var text []byte
	if !eventually(func() bool {
		text, _ = os.ReadFile(saved)
		return strings.Count(string(text), "\n") == 2*len(lines)
	}) {
		t.Errorf("%d lines were sent twice, %d are saved:\n%s", len(lines), strings.Count(string(text), "\n"), p.report())
	}
	for _, line := range lines {
		if n := strings.Count(string(text), "router "+line+"\n"); line != "" && n < 2 {
			t.Errorf("%d times of 2: %q", n, line)
		}
	}
	if info, err := os.Stat(saved); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	if status := p.interrupt(); status != exitInterrupted {
		t.Errorf("exit status %d", status)
	}
	if strings.Contains(p.errors(), saved) {
		t.Errorf("it complains of a file that it has made itself:\n%s", p.report())
	}
}

// TestLiveOwners: what is written belongs to who called, or to the user of -Z; not to nobody.
func TestLiveOwners(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	for _, c := range []struct {
		sudo  string
		args  []string
		owner uint32
	}{
		{"", nil, 0}, {"1", nil, 1}, {"", []string{"-Z", "daemon"}, 1}, {"1", []string{"-Z", "root"}, 0},
	} {
		for _, folder := range []os.FileMode{0o755, 0o777} { // root's, and everyone's
			dir, err := os.MkdirTemp(l.dir, "")
			if err == nil {
				err = os.Chmod(dir, folder)
			}
			if err != nil {
				t.Fatal(err)
			}
			l.env = []string{"SUDO_UID=" + c.sudo}
			saved, out := filepath.Join(dir, "saved.log"), filepath.Join(dir, "out.pcapng")
			p := l.start(append([]string{"live", "-i", l.interfaceToTap, "-k", "syslog:127.0.0.1:0", "--syslog-save", saved, "-w", out,
				"--duration", "10ms"}, c.args...)...)
			if status := p.wait(); status != exitOK {
				t.Errorf("%q: exit status %d:\n%s", c.args, status, p.report())
			}
			for name, mode := range map[string]os.FileMode{saved: 0o600, out: 0o644} {
				info, err := os.Stat(name)
				if err != nil {
					t.Fatal(err)
				}
				if owner := info.Sys().(*syscall.Stat_t).Uid; owner != c.owner || info.Mode().Perm()&^mode != 0 {
					t.Errorf("sudo %q %q: %s belongs to user %d and has mode %v", c.sudo, c.args, filepath.Base(name), owner, info.Mode())
				}
			}
		}
	}
}

// TestLiveAdvice: the hint is about what was asked for.
func TestLiveAdvice(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	all, log, _ := captureOf(t, "01-basic-aes128-sha1")
	_, other, _ := captureOf(t, "02-natt-aes256-sha1")
	passed := len(l.filtered(all))
	for _, c := range []struct {
		args []string
		send bool
		want string // "": no hint
	}{
		{nil, false, "hint: no IKE, ESP or L2TP came by: is " + l.interfaceToTap},
		{[]string{"--all"}, false, "hint: no packet came by on " + l.interfaceToTap},
		{nil, true, "hint: name the keys with -k"},
		{[]string{"-k", "there-is-none"}, true, "hint: no key has come from there-is-none"},
		{[]string{"-k", "xfrm:"}, true, "hint: the kernel has the keys of connections that end on this host only"},
		{[]string{"-k", "exec:cat " + other}, true, "hint: none of the keys is of these connections: the log"},
		{[]string{"-k", log, "--hold-time", "1m"}, true, ""},
	} {
		p := l.start(append([]string{"live", "-i", l.interfaceToTap, "--hold-time", "1ms"}, c.args...)...)
		p.waitFor("listening on")
		if len(c.args) > 1 && isCommand(c.args[1]) {
			p.waitFor("starting it again in") // all of its keys have come
		}
		if c.send {
			l.send(all, 0, nil)
			p.awaitFrames(passed)
		}
		p.interrupt()
		if text := p.errors(); !strings.Contains(text, c.want) || c.want == "" && strings.Contains(text, "hint: ") {
			t.Errorf("%q: no %q in\n%s", c.args, c.want, p.report())
		}
	}
}

// TestLiveShowsNoKeys: what live prints holds no key, whatever it is told to print and wherever the
// keys come from, whole and damaged.
func TestLiveShowsNoKeys(t *testing.T) {
	l := newLab(t) // not beside other tests: standard output is turned away for a while
	all, log, lines := captureOf(t, "01-basic-aes128-sha1")
	all = l.filtered(all)[:120]
	dir := filepath.Dir(log)
	secret := make(map[string]bool)
	sources := []string{log}
	for _, name := range []string{"router-full.log", "charon-server.log", "xfrm-state.txt", "keys/esp_sa", "keys/ikev1_decryption_table"} {
		sources = append(sources, filepath.Join(dir, name))
	}
	for _, name := range sources {
		for run := range keyBytes(t, "-k", name, "-r", filepath.Join(dir, "outer.pcap")) {
			secret[run] = true
		}
	}
	if len(secret) < 100 || !holdsAny(strings.Join(lines, "\n"), secret) {
		t.Fatalf("%d pieces of keys are known", len(secret))
	}
	// A row cut in the middle, a digit that is none, and a key that is another's.
	text := strings.Join(lines, "\n") + "\n"
	var damaged []string
	for i, broken := range []string{
		strings.Replace(text, "d8 00 1e 68 c5 5a e0 94", "d8 00 1e 6", 1), strings.Replace(text, "e1 38 4d", "e1 3g 4d", 1), strings.Replace(text, "4a f9 0f", "ca 6b dc", 1),
	} {
		if broken == text {
			t.Fatalf("log %d is not damaged", i)
		}
		name := l.path("damaged" + strconv.Itoa(i) + ".log")
		if err := os.WriteFile(name, []byte(broken), 0o644); err != nil {
			t.Fatal(err)
		}
		damaged = append(damaged, name)
	}
	with := func(what []string, args ...string) []string {
		for _, k := range what {
			args = append(args, "-k", k)
		}
		return args
	}
	for _, c := range []struct {
		args   []string
		opened string // is printed if the keys do their work; "": they do not, or nothing is printed of it
	}{
		{with([]string{log}, "-vv"), "[decrypted]"},
		{with([]string{log}, "-vv", "--json"), `"verdict":"decrypted"`},
		{with([]string{log}, "-w", l.path("clear.pcapng")), ""},
		{with(sources, "-vv"), "[verified]"},
		{with([]string{"exec:cat " + log}), "[decrypted]"},
		{with(damaged[:1], "-vv"), ""},
		{with(damaged[1:2], "-vv", "--json"), ""},
		{with(damaged[2:], "-vv"), ""},
		{with([]string{"exec:cat " + damaged[0] + "; cat " + damaged[1] + " >&2; exit 3"}), ""},
	} {
		out, err := os.Create(l.path("stdout"))
		if err != nil {
			t.Fatal(err)
		}
		defer out.Close()
		args := append([]string{"live", "-i", l.interfaceToTap}, c.args...)
		if c.opened == "" {
			args = append(args, "-c", strconv.Itoa(len(all)))
		}
		p := l.startWith(out, args...)
		p.waitFor("listening on")
		l.send(all, 0, nil)
		stdout := func() string {
			text, _ := os.ReadFile(out.Name())
			return string(text)
		}
		if c.opened == "" {
			p.wait()
		} else {
			eventually(func() bool { return strings.Contains(stdout(), c.opened) })
			p.interrupt()
		}
		printed := stdout() + p.errors()
		if !strings.Contains(printed, c.opened) {
			t.Errorf("%q: no %s in the output:\n%s", c.args, c.opened, p.report())
		}
		if holdsAny(printed, secret) {
			t.Errorf("%q: key bytes in the output", c.args)
		}
	}
}
