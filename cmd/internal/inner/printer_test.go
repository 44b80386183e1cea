package inner

import (
	"strings"
	"testing"
)

// segment is a TCP segment from 192.0.2.1 to .2, or back, with an acknowledgment.
func segment(back bool, flags byte, seq, ack uint32, options, data string) []byte {
	p := tcp(flags, []byte(options), []byte(data)...)
	for i := range 4 {
		p[4+i], p[8+i] = byte(seq>>(24-8*i)), byte(ack>>(24-8*i))
	}
	ip := ip4(6, 0, p...)
	if back {
		ip[12], ip[13], ip[14], ip[15], ip[16], ip[17], ip[18], ip[19] = ip[16], ip[17], ip[18], ip[19], ip[12], ip[13], ip[14], ip[15]
		ip[20], ip[21], ip[22], ip[23] = ip[22], ip[23], ip[20], ip[21]
	}
	return ip
}

// TestRelative: sequence numbers count from those of the first segment with an ACK, which is as it
// is; each session has connections of its own.
func TestRelative(t *testing.T) {
	sack := "\x01\x01\x05\x0a\x00\x00\x07\xd6\x00\x00\x07\xe0" // 2006 to 2016
	for _, c := range []struct {
		name string
		in   [][]byte
		want []string
	}{
		{"from its begin", [][]byte{
			segment(false, 0x02, 1000, 0, "", ""), segment(true, 0x12, 2000, 1001, "", ""), segment(false, 0x10, 1001, 2001, "", ""),
			segment(false, 0x18, 1001, 2001, "", "hello"), segment(true, 0x10, 2001, 1006, "", ""), segment(true, 0x18, 2001, 1006, "", "yes"),
			segment(false, 0x10, 1006, 2001, sack, ""),
		}, []string{
			"[S], seq 1000, win", "[S.], seq 2000, ack 1001, ", "[.], ack 1, ", "[P.], seq 1:6, ack 1, ", "[.], ack 6, ", "[P.], seq 1:4, ack 6, ",
			"[.], ack 1, win 256, options [nop,nop,sack 1 {6:16}], ",
		}},
		{"from its middle", [][]byte{
			segment(true, 0x18, 500, 90, "", "abc"), segment(false, 0x10, 90, 503, "", ""), segment(true, 0x18, 503, 90, "", "d"),
		}, []string{"seq 500:503, ack 90, ", "ack 3, ", "seq 3:4, ack 1, "}},
		{"over the end of the numbers", [][]byte{
			segment(true, 0x18, 0xfffffffe, 90, "", "abcd"), segment(true, 0x18, 2, 90, "", "d"),
		}, []string{"seq 4294967294:2, ack 90, ", "seq 4:5, ack 1, "}},
	} {
		w := Printer{Relative: true}
		for i, ip := range c.in {
			if line := string(w.Append(nil, ip, c.name)); !strings.Contains(line, c.want[i]) {
				t.Errorf("%s: %s\nlacks %q", c.name, line, c.want[i])
			}
		}
		if line := string(w.Append(nil, c.in[len(c.in)-1], "another session")); strings.Contains(line, c.want[len(c.want)-1]) {
			t.Errorf("%s: another session has its numbers: %s", c.name, line)
		}
	}
}

// TestRelativeIsBounded: what is known of connections does not grow with their number, and a packet
// of one that is known costs no allocation.
func TestRelativeIsBounded(t *testing.T) {
	w := Printer{Relative: true}
	line := make([]byte, 0, 1024)
	ip := segment(false, 0x10, 1, 2, "", "")
	for i := range 100_000 {
		ip[20], ip[21], ip[22] = byte(i>>16), byte(i>>8), byte(i)
		line = w.Append(line[:0], ip, nil)
	}
	if n := w.conversations.Len(); n > 2*8192 {
		t.Errorf("%d connections are known", n)
	}
	if n := testing.AllocsPerRun(100, func() { line = w.Append(line[:0], ip, nil) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestChecksums(t *testing.T) {
	w := Printer{Verbose: 1, Checksums: true}
	right := ip4(17, 0, udp(1000, 2000, 1, 2, 3)...)
	if line := string(w.Append(nil, right, nil)); !strings.Contains(line, ", bad cksum 0 (->e496)!)") || strings.Count(line, "cksum") > 1 {
		t.Errorf("a wrong checksum of the header, and none of UDP: %s", line)
	}
	right[10], right[11] = 0xe4, 0x96
	// Source 192.0.2.1, destination .2, protocol 17, length 11, ports, length, data.
	sum := 0xc000 + 0x0201 + 0xc000 + 0x0202 + 17 + 11 + 1000 + 2000 + 11 + 0x0102 + 0x0300
	sum = ^(sum>>16 + sum&0xffff) & 0xffff
	right[26], right[27] = byte(sum>>8), byte(sum)
	if line := string(w.Append(nil, right, nil)); !strings.HasSuffix(line, " (correct)") {
		t.Error(line)
	}
	right[27] ^= 1
	if line := string(w.Append(nil, right, nil)); !strings.Contains(line, " (incorrect -> 0x") {
		t.Error(line)
	}
	w.Checksums = false
	if line := string(w.Append(nil, right, nil)); strings.Contains(line, "cksum") {
		t.Errorf("unasked: %s", line)
	}
}

// TestContent: the protocol in a segment, and the first line of HTTP; nothing in it is obeyed by a
// terminal.
func TestContent(t *testing.T) {
	for data, want := range map[string]string{
		"GET /a HTTP/1.1\r\nHost: x\r\n\r\n": "length 28: HTTP: GET /a HTTP/1.1",
		"HTTP/1.1 200 OK\r\n\r\n":            "length 19: HTTP: HTTP/1.1 200 OK",
		"GET /\x1b[2J HTTP/1.1\r\n\r\n":      "length 22: HTTP: GET /.[2J HTTP/1.1",
		"not a line of HTTP\r\n":             "length 20: HTTP",
		"GET /" + strings.Repeat("a", 3000):  "length 3005: HTTP",
		"":                                   "length 0",
	} {
		line := string(AppendSummary(nil, ip4(6, 0, tcp(0x18, nil, []byte(data)...)...), 0))
		if _, end, _ := strings.Cut(line, "win 256, "); end != want {
			t.Errorf("%.30q: %s", data, line)
		}
	}
}

func TestDNSFlags(t *testing.T) {
	for message, want := range map[string]string{
		"\x12\x34\x01\x10\x00\x01\x00\x00\x00\x00\x00\x01\x01a\x00\x00\x01\x00\x01\x00\x00\x29\x10\x00\x00\x00\x00\x00\x00\x00": "DNS 4660+% [1au] A? a. (30)",
		"\x12\x34\x81\x20\x00\x01\x00\x00\x00\x00\x00\x00\x01a\x00\x00\x01\x00\x01":                                             "DNS 4660-$ 0/0/0 (19)",
		"\x12\x34\x85\x80\x00\x00\x00\x01\x00\x00\x00\x00\x01a\x00\x00\x10\x00\x01\x00\x00\x00\x00\x00\x07\x02hi\x03\x1b\"x":    `DNS 4660* 1/0/0 TXT "hi" "\x1b\"x" (32)`,
	} {
		if line := string(AppendSummary(nil, ip4(17, 0, udp(53, 53, []byte(message)...)...), 0)); !strings.HasSuffix(line, want) {
			t.Errorf("%s\nwant %s", line, want)
		}
	}
}

// TestTextLines: lines end where they are no text any more, and one without an end is marked.
func TestTextLines(t *testing.T) {
	for text, want := range map[string]string{
		"":                               "",
		"Host: a\r\n\r\n":                "\tHost: a\n\t\n",
		"Host: a\nB: \tc\r\n":            "\tHost: a\n\tB: \tc\n",
		"Host: a\r\n\r\nbody":            "\tHost: a\n\t\n\tbody [|http]\n",
		"Host: a\r\nB: c\r":              "\tHost: a\n",
		"Host: a\r\nB: c\rd\r\n":         "\tHost: a\n",
		"Host: a\r\n\r\n\x00\x01":        "\tHost: a\n\t\n",
		"Host: \xe3\x81\x82\r\nB: c\r\n": "",
	} {
		if got := string(appendTextLines(nil, []byte(text))); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}
