package main

import (
	"flag"
	"fmt"
	"os"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"l2tpdump/cmd/internal/traffic"
)

var (
	speedPackets = flag.Int("speed.packets", 20_000, "TestLiveSpeed: packets to send")
	speedGbits   = flag.Float64("speed.gbits", 0, "TestLiveSpeed: Gbit/s to send at; 0: as fast as the interface takes it")
)

// TestLiveSpeed sends ESP packets of 1400 bytes while live decrypts them and writes a file. Nothing
// may be lost but what the kernel says that it dropped; how fast it goes depends on the machine,
// and is logged. To measure:
//
//	go test ./cmd/l2tpdump -run LiveSpeed -v -speed.packets 1000000 -speed.gbits 1
func TestLiveSpeed(t *testing.T) {
	l := newLab(t)
	sa := traffic.NewSA(0x10001)
	frames := make([][]byte, *speedPackets)
	arena := make([]byte, 0, len(frames)*1440)
	bytes := 0
	for i := range frames {
		from := len(arena)
		arena = sa.Append(arena, 1400)
		frames[i] = arena[from:len(arena):len(arena)]
		bytes += len(frames[i])
	}
	keys := l.path("esp_sa")
	if err := os.WriteFile(keys, []byte(sa.TableRow()), 0o644); err != nil {
		t.Fatal(err)
	}
	l.awaitLink()
	var s *frameSender
	l.within(l.nameA, func() (err error) {
		s, err = newFrameSender(l.sendInterface)
		return err
	})
	defer unix.Close(s.fd)
	out := l.path("out.pcapng")
	p := l.start("live", "-i", l.interfaceToTap, "-k", keys, "-w", out)
	p.waitFor("listening on")
	mine := cpuTime(syscall.RUSAGE_SELF)
	took, err := s.sendPaced(frames, *speedGbits*1e9)
	if err != nil {
		t.Fatal(err)
	}
	mine = cpuTime(syscall.RUSAGE_SELF) - mine
	// All that was not dropped is in the file when the summary so far says so.
	p.awaitSummary(fmt.Sprintf("%d packets", len(frames)), func(text string) bool {
		return number(text, receivedCount) == len(frames) && number(text, frameCount)+number(text, droppedCount) == len(frames)
	})
	if status := p.interrupt(); status != exitInterrupted {
		t.Errorf("exit status %d:\n%s", status, p.report())
	}
	text := p.lastSummary()
	received, dropped := number(text, receivedCount), number(text, droppedCount)
	verified := number(text, `ESP \((\d+) verified\)`)
	if received != len(frames) || verified != len(frames)-dropped {
		t.Errorf("%d packets were sent:\n%s\n%s", len(frames), p.report(), l.carried())
	}
	if got := len(wholeCapture(t, out)); got != verified {
		t.Errorf("the file has %d packets, not %d", got, verified)
	}
	used := p.cmd.ProcessState.UserTime() + p.cmd.ProcessState.SystemTime()
	t.Logf("sent %d packets of %d bytes in %v: %.2f Gbit/s; %d lost (%.3f %%)", len(frames), len(frames[0]), took.Round(time.Millisecond),
		float64(8*bytes)/took.Seconds()/1e9, dropped, 100*float64(dropped)/float64(len(frames)))
	t.Logf("processor time: l2tpdump %v, sender with the kernel's receiving %v", used.Round(time.Millisecond), mine.Round(time.Millisecond))
}

// cpuTime is the processor time used so far.
func cpuTime(who int) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(who, &u); err != nil {
		panic(fmt.Sprint("getrusage: ", err))
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
