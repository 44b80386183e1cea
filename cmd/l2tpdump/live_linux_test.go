package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"l2tpdump/capture"
)

// captureOf returns the frames of a capture of the lab, its log and the lines of it.
func captureOf(t *testing.T, name string) (all []capture.Packet, log string, lines []string) {
	t.Helper()
	dir, err := filepath.Abs(filepath.Join(captures, name))
	if err != nil {
		t.Fatal(err)
	}
	log = filepath.Join(dir, "router.log")
	text, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		lines = append(lines, strings.TrimRight(line, "\r\n"))
	}
	return wholeCapture(t, filepath.Join(dir, "outer.pcap")), log, lines
}

// lateRun is a live run whose keys come late.
type lateRun struct {
	name string
	late time.Duration
	p    *program
	out  string
	feed func(line string) error // the next line of the log
}

// lateRuns starts a run for each way in which keys come and each lateness.
func (l *lab) lateRuns(late ...time.Duration) []*lateRun {
	l.t.Helper()
	var runs []*lateRun
	port := 5140
	for _, d := range late {
		for _, kind := range []string{"file", "syslog by UDP", "syslog by TCP", "exec"} {
			n := len(runs)
			r := &lateRun{name: fmt.Sprintf("%s, %v late", kind, d), late: d, out: l.path(fmt.Sprintf("live%d.pcapng", n))}
			log := l.path(fmt.Sprintf("router%d.log", n))
			spec := log
			switch kind {
			case "file", "exec":
				if err := os.WriteFile(log, nil, 0o644); err != nil {
					l.t.Fatal(err)
				}
				r.feed = func(line string) error { return appendTo(log, line+"\n") }
				if kind == "exec" {
					spec = "exec:tail -n +1 -f " + log
				}
			default:
				port++
				spec = "syslog:127.0.0.1:" + strconv.Itoa(port)
			}
			r.p = l.start("live", "-i", l.interfaceToTap, "-k", spec, "-w", r.out, "--hold-time", "1m")
			r.p.waitFor("listening on")
			if strings.HasPrefix(kind, "syslog") {
				r.feed = l.syslog(strings.ToLower(kind[len(kind)-3:]), port)
			}
			runs = append(runs, r)
		}
	}
	return runs
}

func appendTo(path, text string) error {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	if e := f.Close(); err == nil {
		err = e
	}
	return err
}

// syslog returns what sends lines as syslog messages, within the namespace where packets arrive.
func (l *lab) syslog(network string, port int) func(string) error {
	l.t.Helper()
	var c net.Conn
	l.within(l.nameB, func() (err error) {
		c, err = net.Dial(network, "127.0.0.1:"+strconv.Itoa(port))
		return err
	})
	l.t.Cleanup(func() { c.Close() })
	return func(line string) error {
		text := "<134>Nov 23 07:13:24 router " + line
		if network == "tcp" {
			text += "\n"
		}
		_, err := c.Write([]byte(text))
		return err
	}
}

// play sends the frames, and each run its log in time with them.
func (l *lab) play(all []capture.Packet, lines []string, pace float64, runs []*lateRun) {
	l.t.Helper()
	times := schedule(lines, all)
	var writers sync.WaitGroup
	for _, r := range runs {
		writers.Go(func() {
			if err := writeLate(lines, times, pace, r.late, r.feed); err != nil {
				l.t.Errorf("%s: %v", r.name, err)
			}
		})
	}
	l.send(all, pace, nil)
	writers.Wait()
}

// check ends the runs when they have written what is expected of all that was sent, and compares.
func (l *lab) check(runs []*lateRun, all, want []capture.Packet) {
	l.t.Helper()
	sent := len(l.filtered(all))
	for _, r := range runs {
		r.p.awaitPackets(r.out, len(want))
		if status := r.p.interrupt(); status != exitInterrupted {
			l.t.Errorf("%s: exit status %d:\n%s", r.name, status, r.p.report())
		}
		got := wholeCapture(l.t, r.out)
		dropped := l.counted(r, sent)
		if dropped == 0 {
			l.sameSet(r.p, r.name, got, want)
		}
		if l.t.Failed() {
			l.t.Logf("%s:\n%s", r.name, r.p.report())
		}
	}
}

// counted checks that nothing was lost but what the kernel says that it dropped, and returns that.
func (l *lab) counted(r *lateRun, sent int) (dropped int) {
	l.t.Helper()
	text := r.p.lastSummary()
	received := number(text, receivedCount)
	dropped = number(text, droppedCount)
	if frames := number(text, frameCount); received != sent || frames != sent-dropped {
		l.t.Errorf("%s: %d frames were sent, %d passed the filter, the kernel dropped %d, %d were taken", r.name, sent, received, dropped, frames)
	}
	return dropped
}

// number is what the group of the expression matches first in text, -1 if it does not.
func number(text, expression string) int {
	m := regexp.MustCompile(expression).FindStringSubmatch(text)
	if m == nil {
		return -1
	}
	n, err := strconv.Atoi(m[1])
	if err != nil {
		return -1
	}
	return n
}

// TestLiveLateKeys sends a capture at its own pace, while its log comes 0, 1 and 5 seconds late by
// each kind of source. What is written has to be what decrypt writes of the whole.
func TestLiveLateKeys(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	all, log, lines := captureOf(t, "01-basic-aes128-sha1")
	runs := l.lateRuns(0, time.Second, 5*time.Second)
	l.play(all, lines, 1, runs)
	l.check(runs, all, l.offline(all, log))
}

// pace is a capture and how it is sent.
type pace struct {
	capture string
	times   float64 // its own pace, 0: as fast as the interface takes it
	late    time.Duration
}

// TestLivePaces sends captures at 10 and 100 times their pace, and as fast as the interface takes
// them.
func TestLivePaces(t *testing.T) {
	t.Parallel()
	var lanes sync.WaitGroup // beside each other: the first takes as long as all others
	for _, lane := range [][]pace{
		{{"06-pfs-rekey-dpd", 10, time.Second}},
		{
			{"06-pfs-rekey-dpd", 100, 0},
			{"06-pfs-rekey-dpd", 0, time.Second},
			{"08b-rsa-ikefrag-natt", 100, time.Second},
			{"13-ip-fragmented-esp", 0, time.Second},
			{"13-ip-fragmented-esp", 100, 0},
			{"14-pppoe-wan", 0, 0},
			{"11-three-clients-two-behind-nat", 100, 0},
			{"10-ipv6-outer", 0, time.Second},
		},
	} {
		lanes.Go(func() {
			for _, c := range lane {
				t.Run(fmt.Sprintf("%s at %v", c.capture, c.times), func(t *testing.T) {
					l := newLab(t)
					all, log, lines := captureOf(t, c.capture)
					runs := l.lateRuns(c.late)
					l.play(all, lines, c.times, runs)
					l.check(runs, all, l.offline(all, log))
				})
			}
		})
	}
	lanes.Wait()
}

// TestLiveVLAN: a tag, which the kernel takes out on the way, is put back.
func TestLiveVLAN(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	all, log, _ := captureOf(t, "02-natt-aes256-sha1")
	for i := range all {
		p := &all[i]
		p.Data = slices.Concat(p.Data[:12], []byte{0x81, 0, 0, 5}, p.Data[12:])
		p.Length += 4
	}
	want := l.offline(all, log)
	out := l.path("out.pcapng")
	p := l.start("live", "-i", l.interfaceToTap, "-k", log, "-w", out)
	p.waitFor("listening on")
	l.send(all, 0, nil)
	p.awaitPackets(out, len(want))
	p.interrupt()
	l.sameSet(p, "VLAN", wholeCapture(t, out), want)
}

// TestLiveNanoseconds: the time stamps of the kernel are kept whole.
func TestLiveNanoseconds(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	all, log, _ := captureOf(t, "02-natt-aes256-sha1")
	for _, name := range []string{"out.pcapng", "out.pcap"} {
		out := l.path(name)
		p := l.start("live", "-i", l.interfaceToTap, "-k", log, "-w", out, "-c", "100")
		p.waitFor("listening on")
		l.send(all, 0, nil)
		p.wait()
		finer := 0
		for _, c := range wholeCapture(t, out) {
			if c.Time%1000 != 0 {
				finer++
			}
		}
		if finer == 0 {
			t.Errorf("%s: microseconds", name)
		}
	}
}

// TestLiveRing writes a ring of files: each of them is whole, and all together hold everything.
func TestLiveRing(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	all, log, _ := captureOf(t, "06-pfs-rekey-dpd")
	want := l.offline(all, log)
	out := l.path("ring.pcapng")
	p := l.start("live", "-i", l.interfaceToTap, "-k", log, "-w", out, "-C", "1")
	p.waitFor("listening on")
	l.send(all, 500, nil)
	var got []capture.Packet
	eventually(func() bool {
		ended := p.hasEnded()
		got = nil
		names, _ := filepath.Glob(out + "*")
		slices.Sort(names)
		for _, name := range names {
			part, _ := readCapture(name)
			got = append(got, part...)
		}
		return len(got) >= len(want) || ended
	})
	if status := p.interrupt(); status != exitInterrupted {
		t.Errorf("exit status %d:\n%s", status, p.report())
	}
	names, err := filepath.Glob(out + "*")
	if err != nil || len(names) < 2 {
		t.Errorf("the files are %q, %v", names, err)
	}
	for _, name := range names {
		if len(wholeCapture(t, name)) == 0 {
			t.Errorf("%s is empty", name)
		}
	}
	l.sameSet(p, "ring", got, want)
	if !strings.Contains(p.errors(), "running as nobody, with no capability but CAP_DAC_OVERRIDE") {
		t.Errorf("the folder is root's:\n%s", p.report())
	}
}

// TestLiveSummarySoFar asks for the summary while it runs.
func TestLiveSummarySoFar(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	all, log, _ := captureOf(t, "02-natt-aes256-sha1")
	p := l.start("live", "-i", l.interfaceToTap, "-k", log, "-w", l.path("out.pcapng"))
	p.waitFor("listening on")
	n := l.send(all[:50], 0, nil)
	p.awaitPackets(l.path("out.pcapng"), n/2)
	p.signal(syscall.SIGUSR1)
	p.waitFor("received by the filter")
	if strings.Contains(p.errors(), "wrote") {
		t.Errorf("it has ended:\n%s", p.report())
	}
	if status := p.interrupt(); status != exitInterrupted {
		t.Errorf("exit status %d", status)
	}
}

// TestLiveLogToCome: neither the log nor its folder is there yet, and both are made when root's
// rights are gone.
func TestLiveLogToCome(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	all, log, _ := captureOf(t, "01-basic-aes128-sha1")
	want := l.offline(all, log)
	out, folder := l.path("out.pcapng"), l.path("to/come")
	p := l.start("live", "-i", l.interfaceToTap, "-k", filepath.Join(folder, "router.log"), "-w", out, "--hold-time", "1m")
	p.waitFor("waiting for ")
	if !strings.Contains(p.errors(), "running as nobody, no_new_privs") {
		t.Errorf("it keeps rights:\n%s", p.report())
	}
	l.send(all, 0, nil)
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := copyFile(log, filepath.Join(folder, "router.log")); err != nil {
		t.Fatal(err)
	}
	p.awaitPackets(out, len(want))
	p.interrupt()
	l.sameSet(p, "to come", wholeCapture(t, out), want)
	for _, news := range []string{
		`packets wait for a key: (IKE|ESP) .*; no key has come from \S*router.log`,
		`keys came: IKE 148048a5bc8c637f, ESP 0xc5a01359, ESP 0xc2c4be60`,
	} {
		if !regexp.MustCompile(news).MatchString(p.errors()) {
			t.Errorf("no word of %s:\n%s", news, p.report())
		}
	}
	if info, err := os.Stat(out); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("others may read what was encrypted: %v, %v", info, err)
	}
}

// TestLiveRotatedLog: the log is rotated, and its successor opened without root's rights.
func TestLiveRotatedLog(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	all, log, lines := captureOf(t, "01-basic-aes128-sha1")
	followed := l.path("router.log")
	if err := os.WriteFile(followed, []byte(strings.Join(lines[:3], "\n")+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	out := l.path("out.pcapng")
	p := l.start("live", "-i", l.interfaceToTap, "-k", followed, "-w", out, "--hold-time", "1m")
	p.waitFor("running as nobody")
	if err := os.Rename(followed, followed+".1"); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(followed, []byte(strings.Join(lines, "\n")+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	l.send(all, 0, nil)
	want := l.offline(all, log)
	p.awaitPackets(out, len(want))
	p.interrupt()
	l.sameSet(p, "rotated", wholeCapture(t, out), want)
}

// TestLiveLines sends one packet at a time, each when the line of the one before has appeared: no
// line waits for later packets. How soon they appear is logged.
func TestLiveLines(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	all, log, _ := captureOf(t, "01-basic-aes128-sha1")
	all = l.filtered(all)[:60]
	for _, format := range [][]string{nil, {"--json"}} {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		p := l.startWith(w, append([]string{"live", "-i", l.interfaceToTap, "-k", log}, format...)...)
		w.Close()
		p.waitFor("listening on")
		lines := bufio.NewReader(r)
		var took []time.Duration
		for i := range all {
			if err := r.SetReadDeadline(time.Now().Add(patience)); err != nil {
				t.Fatal(err)
			}
			start := time.Now()
			l.send(all[i:i+1], 0, nil)
			if _, err := lines.ReadString('\n'); err != nil {
				t.Fatalf("%q: the line of packet %d: %v\n%s", format, i+1, err, p.report())
			}
			took = append(took, time.Since(start))
		}
		slices.Sort(took)
		t.Logf("%q: a line appears after %v in the middle, %v at most", format, took[len(took)/2], took[len(took)-1])
		if status := p.interrupt(); status != exitInterrupted {
			t.Errorf("%q: exit status %d", format, status)
		}
	}
}

// TestLiveSessions: a line at each change, at once; the same as objects, whose sessions are those
// of the command sessions.
func TestLiveSessions(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	all, log, _ := captureOf(t, "06-pfs-rekey-dpd")
	log = filepath.Join(filepath.Dir(log), "router-full.log")
	table := filepath.Join(filepath.Dir(log), "keys/esp_sa")
	all = l.filtered(all)
	p := l.start("live", "-i", l.interfaceToTap, "-k", log, "-k", table, "--sessions")
	p.waitFor("listening on")
	l.send(all, 60, nil) // it lasts 3.5 s
	p.awaitFrames(len(all))
	p.interrupt()
	for _, line := range []string{
		`203\.0\.113\.10 > 203\.0\.113\.1 alice: came up \S+ s after its first packet: mschap-v2 alice accepted`,
		`alice: rekeyed: new ESP SAs, 0x[0-9a-f]{8} and 0x[0-9a-f]{8}`,
		`alice: ended by the client: PPP "User request"; client 1211 packets`, `alice: over: it was up`,
	} {
		if !regexp.MustCompile(line).MatchString(p.stdout.String()) {
			t.Errorf("no line %s:\n%s\n%s", line, p.stdout.String(), p.report())
		}
	}
	if n := strings.Count(p.stdout.String(), "\n"); n > 12 {
		t.Errorf("%d lines", n)
	}
	recorded := l.path("recorded.pcapng")
	j := l.start("live", "-i", l.interfaceToTap, "-k", log, "-k", table, "--sessions", "--json")
	r := l.start("live", "-i", l.interfaceToTap, "-w", recorded) // as it is, for there is no key
	j.waitFor("listening on")
	r.waitFor("listening on")
	l.send(all, 60, nil) // it lasts 3.5 s
	j.awaitFrames(len(all))
	r.awaitFrames(len(all))
	j.interrupt()
	r.interrupt()
	kinds := make(map[string]int)
	over := ""
	for line := range strings.Lines(j.stdout.String()) {
		var c struct {
			Change  string          `json:"change"`
			Session json.RawMessage `json:"session"`
		}
		if err := json.Unmarshal([]byte(line), &c); err != nil {
			t.Fatal(err, line)
		}
		if kinds[c.Change]++; c.Change == "over" {
			over += string(c.Session) + "\n"
		}
	}
	file := l.start("sessions", "-r", recorded, "-k", log, "-k", table, "--json")
	if file.wait(); over != file.stdout.String() {
		t.Errorf("live says\n%s\nand the recorded file has\n%s", over, file.stdout.String())
	}
	if kinds["up"] != 1 || kinds["over"] != 1 || kinds["rekeyed"] == 0 {
		t.Errorf("%v:\n%s", kinds, j.report())
	}
}
