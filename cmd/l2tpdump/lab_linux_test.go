package main

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"l2tpdump/capture"
)

// lab is two network namespaces joined by a pair of interfaces: packets are sent on one and
// captured on the other.
type lab struct {
	t              *testing.T
	nameA, nameB   string
	dir            string // that every user can look into
	sendInterface  string
	interfaceToTap string
	env            []string // more of the program's environment
	program        []string // what is run with the arguments of start; nil: this test binary
}

// newLab makes the namespaces, or skips the test where that can't be done. Tests that use it run
// beside each other: namespaces have nothing in common, and most of the time is spent waiting.
func newLab(t *testing.T) *lab {
	t.Helper()
	if testing.Short() {
		t.Skip("takes a while")
	}
	if os.Getuid() != 0 {
		t.Skip("needs root, for network namespaces and to capture")
	}
	if _, err := exec.LookPath("ip"); err != nil {
		t.Skip("needs the program ip (iproute2)")
	}
	dir, err := os.MkdirTemp("", "l2tpdump-lab")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	name := filepath.Base(dir) // no other has it, also if an earlier run was killed
	l := &lab{t: t, nameA: name + "a", nameB: name + "b", dir: dir, sendInterface: "out0", interfaceToTap: "tap0"}
	for _, ns := range []string{l.nameA, l.nameB} {
		if text, err := exec.Command("ip", "netns", "add", ns).CombinedOutput(); err != nil {
			t.Skipf("needs network namespaces: %v: %s", err, text)
		}
		t.Cleanup(func() { exec.Command("ip", "netns", "del", ns).Run() })
		// No router solicitations among the packets, where the kernel has IPv6.
		if text, err := exec.Command("ip", "netns", "exec", ns, "sh", "-c",
			"cd /proc/sys/net/ipv6/conf || exit 0; echo 1 >all/disable_ipv6; echo 1 >default/disable_ipv6").CombinedOutput(); err != nil {
			t.Skipf("needs to run programs in network namespaces: %v: %s", err, text)
		}
		l.ip("-n", ns, "link", "set", "lo", "up")
	}
	if text, err := exec.Command("ip", "-n", l.nameA, "link", "add", l.sendInterface, "mtu", "9000", "type", "veth", "peer",
		"name", l.interfaceToTap, "mtu", "9000", "netns", l.nameB).CombinedOutput(); err != nil {
		t.Skipf("needs veth interfaces: %v: %s", err, text)
	}
	l.ip("-n", l.nameA, "link", "set", l.sendInterface, "up")
	l.ip("-n", l.nameB, "link", "set", l.interfaceToTap, "up")
	return l
}

func (l *lab) ip(args ...string) {
	l.t.Helper()
	if text, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
		l.t.Fatalf("ip %s: %v: %s", strings.Join(args, " "), err, text)
	}
}

func (l *lab) path(name string) string { return filepath.Join(l.dir, name) }

// within calls f on a thread that is in the namespace. Sockets made there stay there.
func (l *lab) within(ns string, f func() error) {
	l.t.Helper()
	failed := make(chan error)
	go func() {
		failed <- func() error {
			runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
			fd, err := unix.Open("/var/run/netns/"+ns, unix.O_RDONLY|unix.O_CLOEXEC, 0)
			if err != nil {
				return err
			}
			defer unix.Close(fd)
			if err := unix.Setns(fd, unix.CLONE_NEWNET); err != nil {
				return err
			}
			return f()
		}()
	}()
	if err := <-failed; err != nil {
		l.t.Fatalf("in namespace %s: %v", ns, err)
	}
}

// wholeCapture reads a capture.
func wholeCapture(t *testing.T, path string) []capture.Packet {
	t.Helper()
	all, err := readCapture(path)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return all
}

// readCapture returns the whole packets of a capture, and what is wrong with it.
func readCapture(path string) ([]capture.Packet, error) {
	src, err := capture.Open([]string{path})
	if err != nil {
		return nil, err
	}
	defer src.Close()
	var all []capture.Packet
	for {
		var p capture.Packet
		switch err := src.Next(&p); {
		case err == io.EOF:
			return all, nil
		case err != nil:
			return all, err
		}
		p.Data, p.Options = bytes.Clone(p.Data), bytes.Clone(p.Options)
		all = append(all, p)
	}
}

// awaitLink waits until the interface that sends is in operation, which comes some time after its
// peer has been set up: the kernel drops what is sent before without a word.
func (l *lab) awaitLink() {
	l.t.Helper()
	var text []byte
	if !eventually(func() bool {
		text, _ = exec.Command("ip", "-n", l.nameA, "link", "show", l.sendInterface).CombinedOutput()
		return bytes.Contains(text, []byte(" state UP "))
	}) {
		l.t.Fatalf("%s does not go up: %s", l.sendInterface, text)
	}
}

// send sends the frames at so many times their own pace, 0: as fast as it can. It returns how many
// were sent when stop is closed.
func (l *lab) send(all []capture.Packet, pace float64, stop <-chan struct{}) int {
	l.t.Helper()
	l.awaitLink()
	var fd int
	l.within(l.nameA, func() error {
		i, err := net.InterfaceByName(l.sendInterface)
		if err != nil {
			return err
		}
		if fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0); err != nil {
			return err
		}
		return unix.Bind(fd, &unix.SockaddrLinklayer{Ifindex: i.Index})
	})
	defer unix.Close(fd)
	start := time.Now()
	for i, p := range all {
		if pace > 0 {
			at := time.Duration(float64(p.Time-all[0].Time) / pace)
			select {
			case <-time.After(at - time.Since(start)):
			case <-stop:
				return i
			}
		} else if i%64 == 0 {
			select {
			case <-stop:
				return i
			default:
			}
		}
		for {
			_, err := unix.Write(fd, p.Data)
			if err == nil {
				break
			}
			if !errors.Is(err, unix.ENOBUFS) {
				l.t.Fatalf("sending %d bytes: %v", len(p.Data), err)
			}
			time.Sleep(time.Millisecond)
		}
	}
	return len(all)
}

// schedule tells for each line of a router's log when the traffic that it belongs to begins, in
// nanoseconds since the first frame: when a cookie or an SPI of it is first on the wire. Other
// lines go with the one before.
func schedule(log []string, all []capture.Packet) []int64 {
	times := make([]int64, len(log))
	now := int64(0)
	for i, line := range log {
		_, rows, _ := strings.Cut(line, "]")
		if id, err := hex.DecodeString(strings.ReplaceAll(strings.TrimSpace(rows), " ", "")); err == nil && (len(id) == 4 || len(id) == 8) {
			for _, p := range all {
				if bytes.Contains(p.Data, id) {
					now = max(now, p.Time-all[0].Time)
					break
				}
			}
		}
		times[i] = now
	}
	return times
}

// writeLate writes the lines as their time comes, at so many times their own pace and that much
// later.
func writeLate(log []string, times []int64, pace float64, late time.Duration, write func(line string) error) error {
	start := time.Now()
	for i, line := range log {
		at := late
		if pace > 0 {
			at += time.Duration(float64(times[i]) / pace)
		}
		time.Sleep(at - time.Since(start))
		if err := write(line); err != nil {
			return err
		}
	}
	return nil
}

// filtered returns the frames that pass the default filter.
func (l *lab) filtered(all []capture.Packet) (passed []capture.Packet) {
	l.t.Helper()
	for _, p := range all {
		if passes(l.t, &p) {
			passed = append(passed, p)
		}
	}
	return passed
}

// offline decrypts what passes the default filter with "decrypt" and returns what it writes.
func (l *lab) offline(all []capture.Packet, keys string) []capture.Packet {
	l.t.Helper()
	from, to := l.path("offline.pcap"), l.path("offline.pcapng")
	f, err := os.Create(from)
	if err != nil {
		l.t.Fatal(err)
	}
	defer f.Close()
	w := capture.NewPcapWriter(f, true)
	if _, err := w.AddInterface(capture.Interface{LinkType: capture.Ethernet, SnapLen: capture.MaxPacketLen, Resolution: 1e9}); err != nil {
		l.t.Fatal(err)
	}
	for _, p := range l.filtered(all) {
		p.Interface = 0
		if err := w.WritePacket(&p, nil); err != nil {
			l.t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		l.t.Fatal(err)
	}
	cmd := exec.Command(self(l.t), "decrypt", "-r", from, "-k", keys, "-w", to)
	cmd.Env = append(os.Environ(), asProgram+"=1", "GORACE="+raceExit)
	if text, err := cmd.CombinedOutput(); err != nil && cmd.ProcessState.ExitCode() != exitPartly {
		l.t.Fatalf("%v: %s", err, text)
	}
	return wholeCapture(l.t, to)
}

// bag counts packets by what they hold, comments included, whatever their order and time.
func bag(all []capture.Packet) map[string]int {
	m := make(map[string]int)
	for _, p := range all {
		m[fmt.Sprintf("%d %x %q", p.Length, p.Data, p.Options)]++
	}
	return m
}

// sameSet checks that what a run has written is the same packets as are wanted.
func (l *lab) sameSet(p *program, what string, got, want []capture.Packet) {
	l.t.Helper()
	g, w := bag(got), bag(want)
	missing, extra := 0, 0
	for k, n := range w {
		missing += max(n-g[k], 0)
	}
	for k, n := range g {
		extra += max(n-w[k], 0)
	}
	if missing+extra > 0 || len(got) != len(want) {
		l.t.Errorf("%s: %d packets, offline it is %d: %d are missing, %d are others; it said\n%s\n%s",
			what, len(got), len(want), missing, extra, p.report(), l.carried())
	}
}

// carried is what the interfaces have counted, if they are still there: it tells what did not come
// as far as the program.
func (l *lab) carried() string {
	var text []string
	for _, end := range [][2]string{{l.nameA, l.sendInterface}, {l.nameB, l.interfaceToTap}} {
		out, _ := exec.Command("ip", "-n", end[0], "-s", "link", "show", end[1]).CombinedOutput()
		text = append(text, strings.TrimSpace(string(out)))
	}
	return strings.Join(text, "\n")
}

// eventually waits until done, or for as long as patience lasts, and reports whether it is done.
func eventually(done func() bool) bool {
	for end := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		if done() {
			return true
		}
		if time.Now().After(end) {
			return false
		}
	}
}

// holds reports whether the capture has n whole packets or more.
func holds(path string, n int) bool {
	all, _ := readCapture(path)
	return len(all) >= n
}
