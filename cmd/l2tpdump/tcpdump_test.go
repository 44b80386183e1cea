package main

import (
	"bytes"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// tcpdumpLines are the lines that tcpdump prints of a capture, each with those that go on with it.
func tcpdumpLines(t *testing.T, args ...string) []string {
	t.Helper()
	program, err := exec.LookPath("tcpdump")
	if err != nil {
		t.Skip("tcpdump is not installed")
	}
	c := exec.Command(program, args...)
	c.Env = append(os.Environ(), "TZ=UTC")
	text, err := c.Output()
	if err != nil {
		t.Fatalf("tcpdump %q: %v", args, err)
	}
	if slices.Contains(args, "-v") { // the line goes on behind the IP header
		text = bytes.ReplaceAll(text, []byte("\n    "), []byte(" "))
	}
	return strings.SplitAfter(string(text), "\n")
}

// ownLines are the lines that decrypt prints.
func ownLines(t *testing.T, args ...string) []string {
	t.Helper()
	t.Setenv("TZ", "UTC")
	text, stderr, status := answer(t, append([]string{"decrypt", "-q"}, args...)...)
	if status != exitOK {
		t.Fatalf("decrypt %q: status %d: %s", args, status, stderr)
	}
	return strings.SplitAfter(text, "\n")
}

// fact is a word or a number of a line.
var fact = regexp.MustCompile(`[A-Za-z0-9.:]*[A-Za-z0-9]`)

var (
	lengthOf6 = regexp.MustCompile(`payload length: (\d+)`) // of a packet without the IPv6 header
	linkOf6   = regexp.MustCompile(`(source|destination) link-address option \(\d\), length 8 \(1\)`)
	again     = regexp.MustCompile(`: HTTP, length: \d+`)
)

// inOwnWords has what tcpdump -v says in the words of this program.
func inOwnWords(line string) string {
	line = lengthOf6.ReplaceAllStringFunc(line, func(s string) string {
		n, _ := strconv.Atoi(lengthOf6.FindStringSubmatch(s)[1])
		return "length " + strconv.Itoa(n+40)
	})
	line = linkOf6.ReplaceAllString(line, "link-address")
	line = again.ReplaceAllString(line, ": HTTP")
	return strings.NewReplacer("ICMPv6", "icmp6", "Options (0)", "hopopt (0)",
		"[icmp6 sum ok]", "correct", "[udp sum ok]", "correct",
		"(rtalert: 0x0000) (padn)", "", "Ethernet (len 6), IPv4 (len 4), ", "", "[bad udp cksum ", "incorrect cksum ").Replace(line)
}

// facts counts the facts of a line.
func facts(line string) map[string]int {
	n := make(map[string]int)
	for _, f := range fact.FindAllString(strings.ToLower(line), -1) {
		n[f]++
	}
	return n
}

// TestLinesBesideTcpdump: a line about a packet in clear has each word and each number that tcpdump
// prints of it. Of a fragment tcpdump knows less: those that complete a packet are told as that
// packet here.
func TestLinesBesideTcpdump(t *testing.T) {
	compared := 0
	for _, name := range []string{
		"02-natt-aes256-sha1", "09-ppp-vj-deflate-acfc-pfc", "10-ipv6-outer", "11-three-clients-two-behind-nat",
		"16-netem-loss-reorder-dup", "26-heavy-loss-ike-retransmits",
	} {
		in := captures + "/" + name + "/outer.pcap"
		ip := decryptTo(t, exitOK, "ip.pcap", in, append(fullKeys(name), "--layer", "ip")...)
		for _, args := range [][]string{
			{"-nnr", ip}, {"-nn", "-S", "-r", ip}, {"-nn", "-v", "-r", ip},
			{"-nn", "-v", "-r", in, "arp or icmp6 or igmp or icmp"},
		} {
			compared += compareLines(t, name, args)
		}
	}
	if compared < 5000 {
		t.Errorf("%d lines compared", compared)
	}
}

// compareLines returns how many lines of tcpdump with these arguments were compared.
func compareLines(t *testing.T, name string, args []string) (compared int) {
	theirs, theirText := textApart(tcpdumpLines(t, args...))
	own, text := textApart(ownLines(t, args...))
	if !slices.Equal(text, theirText) {
		t.Errorf("%s, %q: lines of text are\n%q\nand tcpdump's\n%q", name, args, text, theirText)
	}
	compared += len(text)
	if len(theirs) != len(own) {
		t.Fatalf("%s, %q: %d lines, tcpdump has %d", name, args, len(own), len(theirs))
	}
	for i, line := range theirs {
		if strings.Contains(line, ": ip-proto-") || strings.Contains(own[i], "length 3008") {
			continue
		}
		compared++
		have := facts(own[i])
		for f, n := range facts(inOwnWords(line)) {
			if have[f] < n {
				t.Errorf("%s lacks %q\ntcpdump: %sl2tpdump: %s", name, f, line, own[i])
			}
		}
	}
	return compared
}

// firstOfHTTP is a line of text that stands in the line of the packet here.
var firstOfHTTP = regexp.MustCompile(`^\t(HTTP/1\.[01] \d+ |[A-Z]+ \S+ HTTP/1\.[01]$)`)

// textApart takes the lines of text out that -v has below a packet.
func textApart(all []string) (packets, text []string) {
	for _, line := range all {
		if !strings.HasPrefix(line, "\t") {
			packets = append(packets, line)
		} else if strings.HasPrefix(line, "\t  ") { // an option of ICMPv6
			packets[len(packets)-1] += line
		} else if line = strings.TrimSuffix(line, "\n"); !firstOfHTTP.MatchString(line) {
			text = append(text, line)
		}
	}
	return packets, text
}

// TestFormsBesideTcpdump: times, numbers and bytes stand there as tcpdump prints them.
func TestFormsBesideTcpdump(t *testing.T) {
	const name, whole = "02-natt-aes256-sha1", "ip6 or tcp or icmp and ip[6:2] & 0x3fff = 0"
	ip := decryptTo(t, exitOK, "ip.pcap", captures+"/"+name+"/outer.pcap", append(fullKeys(name), "--layer", "ip")...)
	before := func(lines []string) (heads []string) {
		for _, line := range lines {
			head, _, _ := strings.Cut(line, "IP")
			heads = append(heads, head)
		}
		return heads
	}
	for _, form := range []string{"", "-t", "-tt", "-ttt", "-tttt", "-ttttt", "-#", "--nano", "-tt --nano", "-ttt --nano -#"} {
		args := append(strings.Fields(form), "-r", ip)
		want, got := before(tcpdumpLines(t, append(args, "-nn")...)), before(ownLines(t, args...))
		for i := range max(len(want), len(got)) {
			if i >= len(want) || i >= len(got) || want[i] != got[i] {
				t.Fatalf("%s: line %d: %q, tcpdump: %q", form, i+1, got[i:min(i+1, len(got))], want[i:min(i+1, len(want))])
			}
		}
	}
	for _, form := range []string{"-x", "-xx", "-X", "-XX", "-A", "-AA", "-xA", "-xX"} {
		bytes := func(lines []string) string {
			var b strings.Builder
			for _, line := range lines {
				if !strings.HasPrefix(line, "IP") {
					b.WriteString(line)
				}
			}
			return b.String()
		}
		want := bytes(tcpdumpLines(t, form, "-nn", "-t", "-r", ip, whole))
		if got := bytes(ownLines(t, form, "-t", "-r", ip, "-f", whole)); got != want || len(got) < 10_000 {
			t.Errorf("%s: %d bytes, tcpdump has %d, or they differ", form, len(got), len(want))
		}
	}
}
