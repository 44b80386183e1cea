//go:build unix

package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"

	"l2tpdump/cmd/internal/traffic"
)

// row is a line of the table of others.
type row struct {
	name string
	of   int // the row whose rate is compared with this one's
	run  func() (cost, error)
}

// others compares the program with the cryptography alone, with other programs, and with cp, over a
// large capture.
func (b *bench) others(size int) error {
	l, err := b.generate("large", size, 1, func(sa *traffic.SA, dst []byte) []byte { return sa.Append(dst, 1400) })
	if err != nil {
		return err
	}
	defer l.remove()
	out := filepath.Join(b.dir, "out.pcap")
	defer os.Remove(out)
	cores := runtime.NumCPU()
	rows := []row{
		{"l2tpdump decrypt -w /dev/null, ICV checked", 0, func() (cost, error) { return b.decrypt(l, cores, os.DevNull) }},
		{"cryptography alone, package lanes", 0, func() (cost, error) { return b.child("lanes", l, cores) }},
		{"cryptography alone, standard library", 0, func() (cost, error) { return b.child("standard", l, cores) }},
		{"l2tpdump decrypt -w FILE", 0, func() (cost, error) { return b.decrypt(l, cores, out) }},
		{"cp FILE FILE", 3, func() (cost, error) { return timed(exec.Command("cp", l.file, out)) }},
	}
	key, _ := traffic.NewSA(firstSPI).Keys()
	for _, other := range []struct {
		name, program string
		args          []string
	}{
		{"tcpdump -E, ICV not checked", "tcpdump",
			[]string{"-E", fmt.Sprintf("0x%08x@192.0.2.2 aes128-hmac96:0x%x", firstSPI, key)}},
		{"tshark, ICV checked", "tshark", []string{"-o", "esp.enable_encryption_decode:TRUE", "-o",
			"esp.enable_authentication_check:TRUE",
			"-o", "uat:esp_sa:" + traffic.NewSA(firstSPI).TableRow()}},
	} {
		args := append([]string{"-n", "-r", l.file}, other.args...)
		first, err := exec.Command(other.program, append(args, "-c", "1")...).Output()
		if err != nil || !bytes.Contains(first, []byte("10.99.0.100")) {
			fmt.Printf("without %s: it is not here, or does not decrypt\n", other.program)
			continue
		}
		rows = append(rows, row{other.name, 0, func() (cost, error) { return timed(exec.Command(other.program, args...)) }})
	}
	measurements := make([]func() (cost, error), len(rows))
	for i, r := range rows {
		measurements[i] = r.run
	}
	costs, err := b.inTurn(measurements...)
	if err != nil {
		return err
	}
	fmt.Printf("\n%d ESP packets of %d bytes, %d MB, %d processors\n", l.packets, l.length, l.size/1e6, cores)
	const head = "%-44s %8s %8s %8s %14s %8s\n"
	fmt.Printf(head, "", "MB/s of", "MB/s by", "memory", "l2tpdump's", "by")
	fmt.Printf(head, "", "a core", "clock", "MB", "rate, of a core", "clock")
	for i, r := range rows {
		c, of := costs[i], costs[r.of]
		megabytes := float64(l.size) / 1e6
		used := "-" // of the cryptography's memory the packets are nearly all
		if m := median(c, memory); m > 0 {
			used = fmt.Sprintf("%.0f", m/1e6)
		}
		fmt.Printf("%-44s %8.0f %8.0f %8s %14.2fx %8.2fx\n", r.name, megabytes/median(c, seconds), megabytes/median(c, clock),
			used,
			ratio(of, c, seconds), ratio(of, c, clock))
	}
	return nil
}

// sizes measures packets of different sizes.
func (b *bench) sizes() error {
	const head = "%-12s %5s %8s %9s %12s %8s %9s %10s %10s\n"
	fmt.Printf("\n"+head, "inner bytes", "cores", "MB/s", "kpackets", "kpackets/s", "ns of a", "memory", "of lanes",
		"standard")
	fmt.Printf(head, "", "", "by clock", "/s", "of all cores", "core", "MB", "alone", "lib. = 1")
	for _, n := range []int{64, 128, 256, 512, 1024, 1400} {
		l, err := b.generate("size", b.small, 2, ofInner(n))
		if err != nil {
			return err
		}
		for _, cores := range coreCounts() {
			c, err := b.inTurn(
				func() (cost, error) { return b.decrypt(l, cores, os.DevNull) },
				func() (cost, error) { return b.child("lanes", l, cores) },
				func() (cost, error) { return b.child("standard", l, cores) },
			)
			if err != nil {
				return err
			}
			wall, ns := median(c[0], clock), l.each(median(c[0], seconds))
			fmt.Printf("%-12d %5d %8.0f %9.0f %12.0f %8.0f %9.0f %10.2f %10.2f\n", n, cores, float64(l.size)/1e6/wall,
				float64(l.packets)/1e3/wall, float64(cores)*1e6/ns, ns, median(c[0], memory)/1e6,
				ratio(c[0], c[1], seconds), ratio(c[0], c[2], seconds))
		}
		l.remove()
	}
	return nil
}

// each is the share of a packet, in nanoseconds.
func (l *load) each(seconds float64) float64 { return seconds * 1e9 / float64(l.packets) }

// coreCounts are the numbers of cores to measure with.
func coreCounts() []int {
	if runtime.NumCPU() == 1 {
		return []int{1}
	}
	return []int{1, 2}
}

// associations measures small packets of many SAs beside those of two. A short and a long capture
// tell what a new SA costs (its keys are read, found by trial and reported) from what a further
// packet does.
func (b *bench) associations() error {
	const inner, head = 64, "%-9s %9s %8s %8s %10s %8s %8s %9s\n"
	fmt.Printf("\n"+head, "SAs", "packets", "ns of a", "of two", "ns of a", "of two", "ns of", "memory")
	fmt.Printf(head, "", "", "core", "SAs = 1", "further", "SAs = 1", "an SA", "MB")
	few, err := b.generate("few", b.small, 2, ofInner(inner))
	if err != nil {
		return err
	}
	defer few.remove()
	cores := runtime.NumCPU()
	for _, n := range append([]int{1, 10, 100, 1000, 10_000, 100_000}, b.sas...) {
		short, err := b.generate("short", max(b.small/2, 2*n*few.size/few.packets), n, ofInner(inner))
		if err != nil {
			return err
		}
		long, err := b.generate("long", 5*short.size, n, ofInner(inner))
		if err != nil {
			return err
		}
		c, err := b.inTurn(
			func() (cost, error) { return b.decrypt(few, cores, os.DevNull) },
			func() (cost, error) { return b.decrypt(short, cores, os.DevNull) },
			func() (cost, error) { return b.decrypt(long, cores, os.DevNull) },
		)
		if err != nil {
			return err
		}
		two, all := few.each(median(c[0], seconds)), long.each(median(c[2], seconds))
		further := (median(c[2], seconds) - median(c[1], seconds)) * 1e9 / float64(long.packets-short.packets)
		perSA := "-" // of few it is nothing beside the start of the program
		if n >= 10_000 {
			perSA = fmt.Sprintf("%.0f", (median(c[2], seconds)*1e9-further*float64(long.packets))/float64(n))
		}
		fmt.Printf("%-9d %9d %8.0f %8.2f %10.0f %8.2f %8s %9.0f\n", n, long.packets, all, all/two, further, further/two,
			perSA,
			median(c[2], memory)/1e6)
		short.remove()
		long.remove()
	}
	return nil
}

func (b *bench) stages() error {
	fmt.Printf("\n%-55s %10s %10s %12s\n", "stage, on one core", "64 bytes", "1400 bytes", "allocations")
	fmt.Printf("%-55s %10s %10s %12s\n", "", "ns", "ns", "per packet")
	var loads []*load
	for _, n := range []int{64, 1400} {
		l, err := b.generate(fmt.Sprint("inner", n), b.small, 1, ofInner(n))
		if err != nil {
			return err
		}
		defer l.remove()
		loads = append(loads, l)
	}
	for _, s := range stages {
		var ns [2]float64
		var allocs float64
		for i, l := range loads {
			c, err := b.inTurn(func() (cost, error) { return b.child(s.name, l, 1) })
			if err != nil {
				return err
			}
			ns[i] = median(c[0], seconds) * 1e9 / float64(l.packets)
			allocs = max(allocs, median(c[0], func(c cost) float64 { return c.Allocs }))
		}
		fmt.Printf("%-55s %10.0f %10.0f %12.4f\n", s.what, ns[0], ns[1], allocs)
	}
	return nil
}

// startUp measures a small capture, which is all start-up.
func (b *bench) startUp() error {
	l, err := b.generate("small", 900e3, 1, ofInner(1400))
	if err != nil {
		return err
	}
	c, err := b.inTurn(func() (cost, error) { return b.decrypt(l, runtime.NumCPU(), os.DevNull) })
	if err != nil {
		return err
	}
	fmt.Printf("\na capture of %d KB from start to end: %.1f ms by the clock, %.1f ms of a core\n", l.size/1000,
		median(c[0], clock)*1e3, median(c[0], seconds)*1e3)
	return nil
}
