package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"l2tpdump/capture"
)

// How live ends: told to, by its options, or because something is full or gone.

// TestLiveInterrupted ends live at some time while packets come as fast as they can: the file has
// to be whole.
func TestLiveInterrupted(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	all, log, _ := captureOf(t, "02-natt-aes256-sha1")
	flood := slices.Repeat(all, 400)
	for i, name := range []string{"a.pcapng", "b.pcap", "c.pcapng", "d.pcap", "e.pcapng"} {
		out := l.path(name)
		p := l.start("live", "-i", l.interfaceToTap, "-k", log, "-w", out)
		p.waitFor("listening on")
		stop := make(chan struct{})
		var sender sync.WaitGroup
		sender.Go(func() { l.send(flood, 0, stop) })
		if !eventually(func() bool {
			info, err := os.Stat(out)
			return err == nil && info.Size() > int64(i)*500_000 || p.hasEnded()
		}) {
			t.Errorf("%s does not grow:\n%s\n%s", name, p.report(), l.carried())
		}
		if status := p.interrupt(); status != exitInterrupted {
			t.Errorf("%s: exit status %d:\n%s", name, status, p.report())
		}
		close(stop)
		sender.Wait()
		if got := wholeCapture(t, out); len(got) == 0 {
			t.Errorf("%s is empty", name)
		}
	}
}

// TestLiveInterruptedAtOutput: one signal ends it while it waits for somebody to read the FIFO that
// -w names.
func TestLiveInterruptedAtOutput(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	fifo, saved := l.path("fifo"), l.path("saved.log")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	p := l.start("live", "-i", l.interfaceToTap, "-k", "syslog:127.0.0.1:0", "--syslog-save", saved, "-w", fifo)
	eventually(func() bool { _, err := os.Stat(saved); return err == nil }) // it is about to open the FIFO
	if status := p.interrupt(); status != exitInterrupted {
		t.Errorf("exit status %d:\n%s", status, p.errors())
	}
}

// TestLiveRingEnds: with -G and -W it ends by itself.
func TestLiveRingEnds(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	all, log, _ := captureOf(t, "02-natt-aes256-sha1")
	if err := os.Chmod(l.dir, 0o777); err != nil {
		t.Fatal(err)
	}
	p := l.start("live", "-i", l.interfaceToTap, "-k", log, "-w", l.path("%s.pcapng"), "-G", "1", "-W", "2")
	p.waitFor("running as nobody")
	l.send(all, 5, p.ended)
	if status := p.wait(); status != exitOK || strings.Contains(p.errors(), "truncated") {
		t.Errorf("exit status %d:\n%s", status, p.report())
	}
	names, _ := filepath.Glob(l.path("*.pcapng"))
	if len(names) != 2 {
		t.Errorf("the files are %q", names)
	}
	for _, name := range names {
		wholeCapture(t, name)
	}
}

// TestLiveFullDisk fills a small file system: what is there is whole.
func TestLiveFullDisk(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	all, log, _ := captureOf(t, "06-pfs-rekey-dpd")
	for _, name := range []string{"a.pcapng", "b.pcap"} {
		disk := l.path(name + ".disk")
		if err := os.Mkdir(disk, 0o777); err != nil {
			t.Fatal(err)
		}
		if err := syscall.Mount("none", disk, "tmpfs", 0, "size=360k"); err != nil {
			t.Skipf("needs to mount a tmpfs: %v", err)
		}
		t.Cleanup(func() { syscall.Unmount(disk, syscall.MNT_DETACH) })
		out := filepath.Join(disk, name)
		p := l.start("live", "-i", l.interfaceToTap, "-k", log, "-w", out)
		p.waitFor("listening on")
		l.send(all, 1000, p.ended)
		if status := p.wait(); status != exitError {
			t.Errorf("exit status %d", status)
		}
		if !strings.Contains(p.errors(), "no space left on device") {
			t.Errorf("no word of the reason:\n%s", p.report())
		}
		if got := wholeCapture(t, out); len(got) < 100 {
			t.Errorf("%s: only %d packets", name, len(got))
		}
	}
}

// TestLiveInterfaceGone takes the interface away.
func TestLiveInterfaceGone(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	all, log, _ := captureOf(t, "02-natt-aes256-sha1")
	out := l.path("out.pcapng")
	p := l.start("live", "-i", l.interfaceToTap, "-k", log, "-w", out)
	p.waitFor("listening on")
	n := l.send(all, 0, nil)
	p.awaitPackets(out, n/2)
	l.ip("-n", l.nameA, "link", "del", l.sendInterface)
	if status := p.wait(); status != exitError {
		t.Errorf("exit status %d", status)
	}
	if !strings.Contains(p.errors(), "l2tpdump: "+l.interfaceToTap+": ") {
		t.Errorf("no word of the interface:\n%s", p.report())
	}
	if len(wholeCapture(t, out)) < n/2 {
		t.Errorf("packets are missing:\n%s", p.report())
	}
}

// TestLiveInterfaceDown: an interface that goes down and up again is captured on.
func TestLiveInterfaceDown(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	all, log, _ := captureOf(t, "02-natt-aes256-sha1")
	want := l.offline(all, log)
	out := l.path("out.pcapng")
	p := l.start("live", "-i", l.interfaceToTap, "-k", log, "-w", out)
	p.waitFor("listening on")
	half := all[:len(all)/2]
	passed := len(l.filtered(half))
	l.send(half, 0, nil)
	p.awaitFrames(passed)
	l.ip("-n", l.nameB, "link", "set", l.interfaceToTap, "down")
	time.Sleep(time.Second) // it looks whether the interface is gone
	l.ip("-n", l.nameB, "link", "set", l.interfaceToTap, "up")
	l.send(all[len(half):], 0, nil)
	p.awaitPackets(out, len(want))
	if status := p.interrupt(); status != exitInterrupted {
		t.Errorf("exit status %d:\n%s", status, p.report())
	}
	l.sameSet(p, "down and up", wholeCapture(t, out), want)
}

// TestLiveEnds: with -c and --duration the exit status is 0, though nothing could be decrypted.
func TestLiveEnds(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	all, _, _ := captureOf(t, "02-natt-aes256-sha1")
	for _, args := range [][]string{{"-c", "20"}, {"--duration", "2s"}} {
		p := l.start(append([]string{"live", "-i", l.interfaceToTap}, args...)...)
		p.waitFor("listening on")
		l.send(all, 0, nil)
		if status := p.wait(); status != exitOK {
			t.Errorf("%q: exit status %d:\n%s", args, status, p.report())
		}
		if args[0] == "-c" && bytes.Count(p.stdout.Bytes(), []byte("\n")) != 20 {
			t.Errorf("%q: printed\n%s", args, p.stdout.String())
		}
	}
}

// TestLivePipe streams a capture to a reader who has enough after a while.
func TestLivePipe(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	all, log, _ := captureOf(t, "02-natt-aes256-sha1")
	want := l.offline(all, log)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	p := l.startWith(w, "live", "-i", l.interfaceToTap, "-k", log, "-w", "-")
	w.Close()
	p.waitFor("listening on")
	l.send(all, 0, nil)
	if err := r.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	in, err := capture.NewReader(r, "pipe")
	if err != nil {
		t.Fatal(err)
	}
	var got []capture.Packet
	for range want {
		var c capture.Packet
		if err := in.Next(&c); err != nil {
			t.Fatalf("%v behind %d packets:\n%s\n%s", err, len(got), p.report(), l.carried())
		}
		c.Data, c.Options = bytes.Clone(c.Data), bytes.Clone(c.Options)
		got = append(got, c)
	}
	l.sameSet(p, "pipe", got, want)
	r.Close()
	l.send(all, 0, nil)
	if status := p.wait(); status != exitOK {
		t.Errorf("exit status %d:\n%s", status, p.report())
	}
	if strings.Contains(p.errors(), "pipe") {
		t.Errorf("it complains:\n%s", p.report())
	}
}

// TestLiveIdleReaderGone: with nobody left to read what it would write, it ends though no packet
// comes.
func TestLiveIdleReaderGone(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	fifo := l.path("fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"-w", "-"}, {"-v"}, {"-w", fifo}} {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		p := l.startWith(w, append([]string{"live", "-i", l.interfaceToTap}, args...)...)
		w.Close()
		if args[len(args)-1] == fifo {
			f, err := os.Open(fifo)
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			r = f
		}
		p.waitFor("listening on")
		r.Close()
		if status := p.wait(); status != exitOK {
			t.Errorf("%q: exit status %d:\n%s", args, status, p.report())
		}
	}
}

// TestLiveLinesToClosedPipe: the capture is whole though the reader of the lines has gone.
func TestLiveLinesToClosedPipe(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	all, log, _ := captureOf(t, "02-natt-aes256-sha1")
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	out := l.path("out.pcapng")
	p := l.startWith(w, "live", "-i", l.interfaceToTap, "-k", log, "-w", out, "--print")
	w.Close()
	p.waitFor("listening on")
	r.Close()
	l.send(all, 0, nil)
	if status := p.wait(); status != exitOK {
		t.Errorf("exit status %d:\n%s", status, p.report())
	}
	if len(wholeCapture(t, out)) == 0 {
		t.Error("the capture is empty")
	}
}
