//go:build unix

// Bench measures the throughput of the program as a person runs it, beside what the standard
// library's cryptography alone takes for the same bytes on the same number of processors. The
// two are run in turn, so that their ratio holds on a machine whose speed changes.
package main

import (
	"bufio"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha1"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"l2tpdump/capture"
	"l2tpdump/cmd/internal/traffic"
)

// Lengths in bytes.
const (
	pcapHeader = 24
	pcapRecord = 16 // in front of each packet
	outerLen   = 34 // Ethernet and IPv4
	espLen     = 8
	icvLen     = 12
)

func main() {
	megabytes := flag.Int("size", 1000, "megabytes of capture")
	rounds := flag.Int("rounds", 5, "rounds of each measurement")
	packet := flag.Int("packet", 1400, "bytes of an ESP packet")
	flag.Parse()
	if err := run(*megabytes*1e6, *rounds, *packet); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(size, rounds, packet int) error {
	dir, err := os.MkdirTemp("", "l2tpdump-bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	program := filepath.Join(dir, "l2tpdump")
	if out, err := exec.Command("go", "build", "-o", program, "./cmd/l2tpdump").CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	file, keys := filepath.Join(dir, "outer.pcap"), filepath.Join(dir, "esp_sa")
	sa := traffic.NewSA(0x10001)
	if err := os.WriteFile(keys, []byte(sa.TableRow()), 0o600); err != nil {
		return err
	}
	packets, length, err := generate(file, sa, size, packet)
	if err != nil {
		return err
	}
	processors := runtime.GOMAXPROCS(0)
	fmt.Printf("%d packets of %d bytes, %d MB, %d processors\n", packets, length, size/1e6, processors)

	// The memory of a process that is started later would seem to be no less than what this one has
	// then.
	_, _, memory, err := endToEnd(program, file, keys, size)
	if err != nil {
		return err
	}
	records, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	records = records[pcapHeader:]

	var whole, pure, ratios, cpuRatios []float64
	for i := range rounds + 1 {
		w, cpu, _, err := endToEnd(program, file, keys, size)
		if err != nil {
			return err
		}
		before := processorTime()
		p, err := crypto(sa, records, pcapRecord+length, length-outerLen, size, processors)
		if err != nil {
			return err
		}
		pureCPU := processorTime() - before
		if i == 0 {
			continue // to warm up
		}
		whole, pure, ratios = append(whole, w), append(pure, p), append(ratios, w/p)
		cpuRatios = append(cpuRatios, pureCPU.Seconds()/cpu.Seconds())
	}
	fmt.Printf("%-58s %s MB/s\n", "l2tpdump decrypt -w to the null device, ICV checked", spread(whole, "%6.0f"))
	fmt.Printf("%-58s %s MB/s\n", "the standard library's HMAC-SHA1 and AES-CBC alone", spread(pure, "%6.0f"))
	fmt.Printf("%-58s %s\n", "ratio, round by round", spread(ratios, "%6.2f"))
	fmt.Printf("%-58s %s\n", "ratio by processor time, which other load disturbs less", spread(cpuRatios, "%6.2f"))
	fmt.Printf("%-58s %6.0f MB\n", "memory at its largest", float64(memory)/1e6)
	return nil
}

// spread is the median, with minimum and maximum.
func spread(v []float64, format string) string {
	slices.Sort(v)
	return fmt.Sprintf("median "+format+" (min "+format+", max "+format+")", v[len(v)/2], v[0], v[len(v)-1])
}

// generate writes a capture of about size bytes.
func generate(name string, sa *traffic.SA, size, packet int) (packets, length int, err error) {
	f, err := os.Create(name)
	if err != nil {
		return 0, 0, err
	}
	b := bufio.NewWriterSize(f, 1<<20)
	w := capture.NewPcapWriter(b, false)
	if _, err := w.AddInterface(capture.Interface{LinkType: capture.Ethernet, SnapLen: capture.MaxPacketLen}); err != nil {
		return 0, 0, err
	}
	var frame []byte
	for written := pcapHeader; written < size; written += pcapRecord + len(frame) {
		frame = sa.Append(frame[:0], packet)
		p := capture.Packet{Time: 1.7e18 + int64(packets)*1e4, Length: len(frame), Data: frame}
		if err := w.WritePacket(&p, nil); err != nil {
			return 0, 0, err
		}
		packets++
	}
	if err := w.Flush(); err != nil {
		return 0, 0, err
	}
	if err := b.Flush(); err != nil {
		return 0, 0, err
	}
	return packets, len(frame), f.Close()
}

// endToEnd runs the program once.
func endToEnd(program, file, keys string, size int) (rate float64, cpu time.Duration, maxRSS int64, err error) {
	c := exec.Command(program, "decrypt", "-r", file, "-k", keys, "-q", "-w", os.DevNull)
	c.Stderr = os.Stderr
	start := time.Now()
	if err := c.Run(); err != nil {
		return 0, 0, 0, err
	}
	elapsed := time.Since(start)
	cpu = c.ProcessState.UserTime() + c.ProcessState.SystemTime()
	if u, ok := c.ProcessState.SysUsage().(*syscall.Rusage); ok {
		maxRSS = int64(u.Maxrss)
		if runtime.GOOS == "linux" {
			maxRSS *= 1024
		}
	}
	return float64(size) / 1e6 / elapsed.Seconds(), cpu, maxRSS, nil
}

// processorTime is what this process has used of the processors.
func processorTime() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// crypto does what decryption can't do without, over the same packets, which lie in memory: it
// compares each ICV and decrypts. Each record of the capture is stride bytes long, of which the
// last length are the ESP packet.
func crypto(sa *traffic.SA, records []byte, stride, length, size, processors int) (float64, error) {
	key, authKey := sa.Keys()
	packets := len(records) / stride
	var bad atomic.Int64
	start := time.Now()
	var all sync.WaitGroup
	for i := range processors {
		part := records[packets*i/processors*stride : packets*(i+1)/processors*stride]
		all.Go(func() {
			block, _ := aes.NewCipher(key)
			mac := hmac.New(sha1.New, authKey)
			plain := make([]byte, length)
			var sum [sha1.Size]byte
			cbc := cipher.NewCBCDecrypter(block, make([]byte, aes.BlockSize)).(interface {
				cipher.BlockMode
				SetIV([]byte)
			})
			for ; len(part) > 0; part = part[stride:] {
				packet := part[stride-length : stride]
				covered, icv := packet[:length-icvLen], packet[length-icvLen:]
				mac.Reset()
				mac.Write(covered)
				if !hmac.Equal(mac.Sum(sum[:0])[:icvLen], icv) {
					bad.Add(1)
				}
				text := covered[espLen+aes.BlockSize:]
				cbc.SetIV(covered[espLen:][:aes.BlockSize])
				cbc.CryptBlocks(plain[:len(text)], text)
			}
		})
	}
	all.Wait()
	elapsed := time.Since(start)
	if n := bad.Load(); n > 0 {
		return 0, fmt.Errorf("%d of %d packets have a wrong ICV", n, packets)
	}
	return float64(size) / 1e6 / elapsed.Seconds(), nil
}
