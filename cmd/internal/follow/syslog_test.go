package follow

import (
	"bytes"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"l2tpdump/keysrc"
)

// header puts the line of a program into a syslog message.
type header func(line []byte) []byte

var headers = map[string]header{
	"priority": func(b []byte) []byte { return append([]byte("<135>"), b...) },
	"RFC 3164": func(b []byte) []byte { return append([]byte("<135>Nov  3 07:13:24 rtx1210 "), b...) },
	"RFC 3164 with a tag": func(b []byte) []byte {
		return append([]byte("<30>Nov 23 07:13:24 gw charon[812]: "), b...)
	},
	"RFC 5424": func(b []byte) []byte {
		return append([]byte(`<135>1 2026-11-23T07:13:24.003Z rtx1210 ike - ID47 [a@1 b="]\"c"][d@2] `+"\xef\xbb\xbf"), b...)
	},
	"RFC 5424 without data": func(b []byte) []byte { return append([]byte("<135>1 - - - - - - "), b...) },
	"none":                  func(b []byte) []byte { return b },
}

// framing puts a message into a TCP stream.
type framing func(message []byte) []byte

var framings = map[string]framing{
	"lines":         func(b []byte) []byte { return append(b, '\n') },
	"CR LF":         func(b []byte) []byte { return append(b, '\r', '\n') },
	"NUL":           func(b []byte) []byte { return append(b, 0) },
	"counted":       func(b []byte) []byte { return append(fmt.Appendf(nil, "%d ", len(b)), b...) },
	"counted lines": func(b []byte) []byte { return append(fmt.Appendf(nil, "%d ", len(b)+1), append(b, '\n')...) },
}

func dial(t *testing.T, network, from string, src Source) net.Conn {
	t.Helper()
	d := net.Dialer{}
	if from != "" {
		if network == "udp" {
			d.LocalAddr = &net.UDPAddr{IP: net.ParseIP(from)}
		} else {
			d.LocalAddr = &net.TCPAddr{IP: net.ParseIP(from)}
		}
	}
	c, err := d.Dial(network, src.(*syslog).udp.LocalAddr().String())
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func messages(text []byte) [][]byte {
	var list [][]byte
	for _, line := range lines(text) {
		if line = bytes.TrimRight(line, "\n"); len(line) > 0 {
			list = append(list, line)
		}
	}
	return list
}

func TestSyslogUDP(t *testing.T) {
	for _, log := range []string{"01-basic-aes128-sha1/router.log", "01-basic-aes128-sha1/charon-server.log"} {
		text := readLog(t, log)
		want := wholeOf(t, text, "log")
		for name, h := range headers {
			t.Run(filepath.Base(log)+"/"+name, func(t *testing.T) {
				src, _ := openTest(t, "syslog:127.0.0.1:0", Options{})
				r := start(t, src)
				c := dial(t, "udp", "", src)
				sent := 0
				for _, m := range messages(text) {
					if _, err := c.Write(h(bytes.Clone(m))); err != nil {
						t.Fatal(err)
					}
					// Not more than the socket's buffer takes.
					if sent++; sent%64 == 0 {
						eventually(t, "messages", func() bool { return takenBy(src) >= sent })
					}
				}
				r.await(want)
				r.finish(want)
			})
		}
	}
}

func takenBy(src Source) int { return int(src.(*syslog).count.Load()) }

func TestSyslogTCP(t *testing.T) {
	text := routerLog(t)
	want := wholeOf(t, text, "log")
	for hn, h := range headers {
		for fn, f := range framings {
			if hn == "none" && strings.HasPrefix(fn, "counted") {
				continue // a counted frame begins with a priority
			}
			t.Run(hn+"/"+fn, func(t *testing.T) {
				src, _ := openTest(t, "syslog:127.0.0.1:0", Options{})
				r := start(t, src)
				c := dial(t, "tcp", "", src)
				var stream []byte
				for _, m := range messages(text) {
					stream = append(stream, f(h(bytes.Clone(m)))...)
				}
				for len(stream) > 0 { // segments that care for no frame
					n := min(37, len(stream))
					if _, err := c.Write(stream[:n]); err != nil {
						t.Fatal(err)
					}
					stream = stream[n:]
				}
				r.await(want)
				r.finish(want)
			})
		}
	}
}

// Two senders whose lines alternate: by address, and by host name behind one address.
func TestSyslogSenders(t *testing.T) {
	a, b := routerLog(t), readLog(t, "02-natt-aes256-sha1/router.log")
	want := append(wholeOf(t, a, "a.log"), wholeOf(t, b, "b.log")...)
	alternate := func(t *testing.T, send func(sender int, line []byte)) {
		la, lb := messages(a), messages(b)
		for i := 0; i < max(len(la), len(lb)); i++ {
			if i < len(la) {
				send(0, la[i])
			}
			if i < len(lb) {
				send(1, lb[i])
			}
		}
	}
	for _, network := range []string{"udp", "tcp"} {
		t.Run(network+" addresses", func(t *testing.T) {
			src, l := openTest(t, "syslog:127.0.0.1:0", Options{})
			r := start(t, src)
			conns := []net.Conn{dial(t, network, "127.0.0.1", src), dial(t, network, "127.0.0.2", src)}
			alternate(t, func(sender int, line []byte) {
				conns[sender].Write(append(append([]byte("<135>"), line...), '\n'))
			})
			r.await(want)
			r.finish(want)
			for _, from := range []string{"127.0.0.1", "127.0.0.2"} {
				if !strings.Contains(l.all(), "syslog "+from+": receiving") {
					t.Errorf("messages: %s", l.all())
				}
			}
		})
		t.Run(network+" hosts", func(t *testing.T) {
			src, _ := openTest(t, "syslog:127.0.0.1:0", Options{})
			r := start(t, src)
			c := dial(t, network, "", src)
			alternate(t, func(sender int, line []byte) {
				c.Write(fmt.Appendf(nil, "<135>1 - router%d - - - - %s\n", sender, line))
			})
			r.await(want)
			r.finish(want)
		})
	}
}

func TestSyslogManySenders(t *testing.T) {
	src, l := openTest(t, "syslog:127.0.0.1:0", Options{})
	s := src.(*syslog)
	var got []string
	emit := func(k *keysrc.Keys) { got = append(got, identities(k)...) }
	known := keysrc.NewSeen()
	text := routerLog(t)
	for _, m := range messages(text) {
		s.take(&received{text: fmt.Appendf(nil, "<135>1 - first - - - - %s", m)}, known, emit)
	}
	for i := 0; i < 3*maxSenders; i++ {
		s.take(&received{text: fmt.Appendf(nil, "<135>1 - host%d - - - - nothing", i)}, known, emit)
	}
	if len(s.senders) > maxSenders {
		t.Errorf("%d senders", len(s.senders))
	}
	// What the first one had said is not lost when it has to go.
	if want := wholeOf(t, text, "log"); len(got) != len(want) {
		t.Errorf("%d keys, want %d", len(got), len(want))
	}
	if n := strings.Count(l.all(), "receiving"); n != maxAnnounced {
		t.Errorf("%d senders were named", n)
	}
	src.Close()
}

func TestSyslogManyConnections(t *testing.T) {
	src, _ := openTest(t, "syslog:127.0.0.1:0", Options{})
	r := start(t, src)
	for i := range maxConns + 10 {
		dial(t, "tcp", fmt.Sprintf("127.0.1.%d", 1+i/(maxConnsOfOne/2)), src)
	}
	text := routerLog(t)
	want := wholeOf(t, text, "log")
	if _, err := dial(t, "tcp", "", src).Write(text); err != nil {
		t.Fatal(err)
	}
	r.await(want)
	s := src.(*syslog)
	s.mu.Lock()
	n := len(s.conns)
	s.mu.Unlock()
	if n != maxConns {
		t.Errorf("%d connections", n)
	}
	r.finish(want)
}

// Connections of one host do not cut those of another.
func TestSyslogConnectionsOfOne(t *testing.T) {
	src, _ := openTest(t, "syslog:127.0.0.1:0", Options{})
	r := start(t, src)
	router := dial(t, "tcp", "127.0.0.1", src)
	text := routerLog(t)
	want := wholeOf(t, text, "log")
	router.Write(text[:len(text)/2])
	for range 200 {
		dial(t, "tcp", "127.0.0.2", src)
	}
	s := src.(*syslog)
	of := func(from string) (n int) {
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, x := range s.conns {
			if x.from.String() == from {
				n++
			}
		}
		return n
	}
	dial(t, "tcp", "127.0.0.3", src)
	eventually(t, "the last connection", func() bool { return of("127.0.0.3") == 1 })
	if n := of("127.0.0.2"); n != maxConnsOfOne {
		t.Errorf("%d connections of one host", n)
	}
	router.Write(text[len(text)/2:])
	r.await(want)
	r.finish(want)
}

func TestNetwork(t *testing.T) {
	for from, want := range map[string]string{
		"192.0.2.1": "192.0.2.1/32", "2001:db8:1:2:3::4": "2001:db8:1:2::/64", "fe80::1%eth0": "fe80::/64",
	} {
		if got := network(netip.MustParseAddr(from)).String(); got != want {
			t.Errorf("%s: %s", from, got)
		}
	}
}

func TestSyslogSave(t *testing.T) {
	path := filepath.Join(t.TempDir(), "saved.log")
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	src, _ := openTest(t, "syslog:127.0.0.1:0", Options{SyslogSave: f})
	r := start(t, src)
	text := routerLog(t)
	var sent []byte
	c := dial(t, "tcp", "", src)
	for _, m := range messages(text) {
		m = append([]byte("<135>"), m...)
		c.Write(framings["counted"](bytes.Clone(m)))
		sent = append(append(sent, m...), '\n')
	}
	want := wholeOf(t, text, "log")
	r.await(want)
	r.finish(want)
	if err := src.Close(); err != nil {
		t.Error(err)
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, sent) {
		t.Errorf("saved %d bytes, want %d", len(got), len(sent))
	}
	// The file is a key source by itself.
	path2 := filepath.Join(t.TempDir(), "saved.log")
	if err := os.WriteFile(path2, got, 0o600); err != nil {
		t.Fatal(err)
	}
	k, err := keysrc.ParseFile(path2, "")
	if err != nil || len(identities(k)) != len(want) {
		t.Errorf("the saved file: %v", err)
	}
}

// An error of the file is told once, and no line begins in the middle of another.
func TestSaveFails(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "save"))
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
	told := 0
	s := saveFile{f: f, log: func(string, ...any) { told++ }}
	s.line([]byte("two"))
	s.line([]byte("three"))
	if told != 1 {
		t.Errorf("%d messages about an error", told)
	}
}

func TestSyslogTaken(t *testing.T) {
	src, _ := openTest(t, "syslog:127.0.0.1:0", Options{})
	defer src.Close()
	if other, err := Open("syslog:"+src.(*syslog).udp.LocalAddr().String(), Options{}); err == nil {
		other.Close()
		t.Error("a port is opened twice")
	}
}
