package follow

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
)

func TestParseSyslog(t *testing.T) {
	for _, c := range []struct{ in, host, text string }{
		{"<135>[IKE]   4a f9", "", "[IKE]   4a f9"},
		{"2026/11/23 07:13:24: [IKE] SPI", "", "2026/11/23 07:13:24: [IKE] SPI"},
		{"<135>2026/11/23 07:13:24: [IKE] SPI", "", "2026/11/23 07:13:24: [IKE] SPI"},
		{"<34>Oct 11 22:14:15 mymachine su: 'su root' failed", "mymachine", "su: 'su root' failed"},
		{"<34>Oct  1 22:14:15 10.0.0.1   indented", "10.0.0.1", "  indented"},
		{"<34>Oct 11 22:14:15 charon: 13[IKE] x", "", "charon: 13[IKE] x"},
		{"<34>Oct 11 2019 22:14:15: host x", "host", "x"},
		{"<34>Oct 11 22:14:15 gw racoon[12]: DEBUG: x", "gw", "DEBUG: x"},
		{"<34>Oct 11 22:14:15 [IKE]   4a f9", "", "[IKE]   4a f9"},
		{"<34>2026-11-23T07:13:24.003+09:00 gw key: 1", "gw", "key: 1"},
		{"<34>Oct 11 22:14:15 gw PP[01] Call", "gw", "PP[01] Call"},
		{"<165>1 2003-10-11T22:14:15.003Z mymachine.example.com evntslog - ID47 [exampleSDID@32473 iut=\"3\" eventSource=\"Application\" eventID=\"1011\"] \xef\xbb\xbfAn application", "mymachine.example.com", "An application"},
		{"<165>1 - - - - - -", "", ""},
		{"<165>1 - h - - - [a b=\"\\]\"]x", "", "1 - h - - - [a b=\"\\]\"]x"}, // no space behind the data
		{"<165>1 - h - - - [a b=\"", "", "1 - h - - - [a b=\""},
		{"<165>1 - h a", "", "1 - h a"},
		{"<192>x", "", "<192>x"}, {"<>x", "", "<>x"}, {"<1", "", "<1"}, {"<-1>x", "", "<-1>x"}, {"", "", ""}, {"<0>", "", ""},
	} {
		host, text := newSyslogParser().parse([]byte(c.in))
		if host != c.host || string(text) != c.text {
			t.Errorf("%q: %q %q, want %q %q", c.in, host, text, c.host, c.text)
		}
	}
}

// pieces is a stream whose reads give one each.
type pieces [][]byte

func (p *pieces) Read(b []byte) (int, error) {
	if len(*p) == 0 {
		return 0, io.EOF
	}
	n := copy(b, (*p)[0])
	if (*p)[0] = (*p)[0][n:]; len((*p)[0]) == 0 {
		*p = (*p)[1:]
	}
	return n, nil
}

func deframe(stream ...[]byte) (list []string, long int) {
	var d deframer
	messages := bufio.NewScanner((*pieces)(&stream))
	messages.Buffer(nil, deframerBuffer)
	messages.Split(d.split)
	for messages.Scan() {
		list = append(list, messages.Text())
	}
	if messages.Err() != nil {
		panic(messages.Err())
	}
	return list, d.long
}

func TestDeframer(t *testing.T) {
	big := strings.Repeat("x", maxMessage)
	for _, c := range []struct {
		name, in string
		want     []string
		long     int
	}{
		{"lines", "<1>a\n<2>b\r\n<3>c", []string{"<1>a", "<2>b\r", "<3>c"}, 0},
		{"counted", "4 <1>a5 <2>b\n\n6 <3>\nab", []string{"<1>a", "<2>b\n", "<3>\nab"}, 0},
		{"mixed", "<1>a\n4 <2>b<3>c\n", []string{"<1>a", "<2>b", "<3>c"}, 0},
		{"cut", "<1>a\n10 <2>b", []string{"<1>a"}, 0},
		{"count alone", "12", nil, 0},
		{"no count", "2026/11/23 x\n13[IKE] y\n4 z\n0 <1>\n12345678 <1>\n", []string{"2026/11/23 x", "13[IKE] y", "4 z", "0 <1>", "12345678 <1>"}, 0},
		{"longest line", big + "\nb\n", []string{big, "b"}, 0},
		{"too long a line", big + "x\nb\n", []string{"b"}, 1},
		{"far too long a line", strings.Repeat(big, 3) + "\nb\n", []string{"b"}, 1},
		{"longest frame", fmt.Sprintf("%d <1>%s<2>b", maxMessage, big[3:]), []string{"<1>" + big[3:], "<2>b"}, 0},
		{"too long a frame", fmt.Sprintf("%d <1>%s4 <2>b", maxMessage+1, big[2:]), []string{"<2>b"}, 1},
		{"far too long a frame", "9999999 <1>" + big, nil, 1},
		{"empty", "\n\n\x00\r\n", []string{"\r"}, 0},
	} {
		for _, size := range []int{len(c.in), 1, 7, 4096} {
			if size == 1 && len(c.in) > 2*maxMessage {
				continue
			}
			var pieces [][]byte
			for b := []byte(c.in); len(b) > 0; b = b[min(size, len(b)):] {
				pieces = append(pieces, b[:min(size, len(b))])
			}
			got, long := deframe(pieces...)
			if !slices.Equal(got, c.want) || long != c.long {
				t.Errorf("%s in pieces of %d: %.40q and %d too long", c.name, size, got, long)
			}
		}
	}
}

func FuzzSyslog(f *testing.F) {
	f.Add([]byte("<135>[IKE] SPI\n<135>[IKE]   c5 a0 13 59\n"), 3)
	f.Add([]byte("9 <1>Oct 11\n17 <34>Oct 11 22:14:9999999 <1>"), 1)
	f.Add([]byte(`<165>1 2003-10-11T22:14:15.003Z h evntslog - ID47 [e@1 i="3\"]"][x] `+"\xef\xbb\xbfmessage\x00"), 20)
	f.Add([]byte("<30>Nov 23 07:13:24 gw charon[812]: 13[IKE]    0: 4A F9\n5 <1>\n"), 11)
	f.Fuzz(func(t *testing.T, b []byte, cut int) {
		whole, long := deframe(b)
		cut = max(0, min(cut, len(b)))
		parts, long2 := deframe(b[:cut], b[cut:])
		if !slices.Equal(whole, parts) || long != long2 {
			t.Fatalf("%q at once, %q in two pieces", whole, parts)
		}
		total := 0
		for _, m := range whole {
			if len(m) == 0 || len(m) > maxMessage {
				t.Fatalf("message of %d bytes", len(m))
			}
			total += len(m)
			_, text := newSyslogParser().parse([]byte(m))
			if !bytes.HasSuffix([]byte(m), text) {
				t.Fatalf("%q is not in %q", text, m)
			}
		}
		if total > len(b) {
			t.Fatal("more text than there was")
		}
		// As one counted frame it comes out as it is.
		m := append([]byte("<135>"), b...)
		if len(m) > maxMessage {
			return
		}
		framed := fmt.Appendf(nil, "%d %s", len(m), m)
		if got, _ := deframe(append(framed, framed...)); len(got) != 2 || got[0] != string(m) || got[1] != got[0] {
			t.Fatalf("%q framed gives %q", m, got)
		}
	})
}

func TestRedact(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"ssh: connect to host gw port 22: refused\r", "ssh: connect to host gw port 22: refused"},
		{"[IKE]   4a f9 0f 25 cf 10 27 73 61 11 19 37 c2 e1 48 65", "[IKE]   […]"},
		{"row  5a ba b1 5b", "row  […]"},
		{"key 0x0472ec471f7342db23904ccae9091303c710a318 96", "key […]"},
		{"7cc50c5c9df1751f6497a4ad764c5e9a end", "[…] end"},
		{"ssh: connect to host 2001:db8:1234:5678:9abc:def0:1:2 port 22: refused", "ssh: connect to host […] port 22: refused"},
		{"00000000: 5a4b 33ca 4142 4344 4546 4748 494a 4b4c  ZK3.ABCDEFGHIJKL", "[…]"},
		{"[ENC]    0: 5A 4B 33 CA 41 42 43 44 45 46 47 48 49 4A 4B 4C  ZK3.ABCDEFGHIJKL", "[ENC]    […]"},
		{"key {0x5a, 0x4b, 0x33, 0xca, 0x41, 0x42, 0x43, 0x44}", "key {[…]"},
		{"key 5a,4b,33,ca,41,42", "key […]"},
		{"at 10,20", "at 10,20"},
		{"spi=0xc2c4be60 bad end", "spi=0xc2c4be60 bad end"},
		{"a\x1b[31mb\x07", "a?[31mb?"},
		{"\xff\xfe", "?"},
		{strings.Repeat("é", 500), strings.Repeat("é", stderrLine) + "…"},
		{"07:13:24 up", "07:13:24 up"},
		{"", ""},
	} {
		if got := redact([]byte(c.in)); got != c.want {
			t.Errorf("%q: %q, want %q", c.in, got, c.want)
		}
	}
}
