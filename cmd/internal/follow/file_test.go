package follow

import (
	"bytes"
	"compress/gzip"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"l2tpdump/keysrc"
)

// write appends to a file.
func write(t *testing.T, path string, text []byte) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Write(text); err != nil {
		t.Fatal(err)
	}
}

func lines(text []byte) [][]byte { return bytes.SplitAfter(text, []byte{'\n'}) }

// eventually waits until a source has come to a state that can be seen only by looking.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for limit := time.Now().Add(deadline); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(limit) {
			t.Fatal("waiting for ever: " + what)
		}
	}
}

func TestFileExisting(t *testing.T) {
	log := routerLog(t)
	for _, c := range []struct {
		name string
		text []byte
	}{
		{"whole", log},
		{"no end of line", bytes.TrimRight(log, "\n")},
		{"CR LF", bytes.ReplaceAll(log, []byte("\n"), []byte("\r\n"))},
		{"gzip", zipped(t, log)},
		{"UTF-16", wide(log)},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "router.log")
			write(t, path, c.text)
			src, _ := openTest(t, path, Options{})
			if src.Name() != path {
				t.Errorf("name %q", src.Name())
			}
			want := wholeOf(t, log, "router.log")
			r := start(t, src)
			r.await(want)
			r.finish(want)
		})
	}
}

func zipped(t *testing.T, text []byte) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write(text)
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func wide(text []byte) []byte {
	b := []byte{0xff, 0xfe}
	for _, u := range utf16.Encode([]rune(string(text))) {
		b = append(b, byte(u), byte(u>>8))
	}
	return b
}

// A file that grows, by lines, by halves of lines and by bytes, and from nothing.
func TestFileGrows(t *testing.T) {
	log := routerLog(t)
	want := wholeOf(t, log, "router.log")
	for _, c := range []struct {
		name string
		size int // of each piece, 0: a line, -1: half a line
		late bool
	}{{"lines", 0, false}, {"halves", -1, false}, {"bytes", 1, false}, {"late", 0, true}, {"late halves", -1, true}} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "router.log")
			if !c.late {
				write(t, path, nil)
			}
			src, l := openTest(t, path, Options{})
			r := start(t, src)
			if c.late {
				eventually(t, "the message that it waits", func() bool { return strings.Contains(l.all(), "waiting for "+path) })
			}
			for _, line := range lines(log) {
				switch c.size {
				case 0:
					write(t, path, line)
				case -1:
					write(t, path, line[:len(line)/2])
					write(t, path, line[len(line)/2:])
				default:
					for i := range line {
						write(t, path, line[i:i+1])
					}
				}
			}
			r.await(want)
			r.finish(want)
		})
	}
}

// The file is replaced after each of its lines: by another one under its name, or by itself,
// emptied.
func TestFileRotated(t *testing.T) {
	log := routerLog(t)
	want := wholeOf(t, log, "router.log")
	all := lines(log)
	// The source is known to have read what came before when it has read a key of its own.
	marker := func(n int) []byte {
		return []byte(`"IPv4","192.0.2.1","192.0.2.2","0x0000100` + string(rune('0'+n)) + `","NULL","","HMAC-SHA-1-96 [RFC2404]","0x00112233445566778899aabbccddeeff00112233"` + "\n")
	}
	for _, how := range []string{"rename", "truncate", "remove", "rename and go on", "replace in place"} {
		for cut := 1; cut < len(all)-1; cut += 5 {
			t.Run(how, func(t *testing.T) {
				t.Parallel()
				path := filepath.Join(t.TempDir(), "router.log")
				first, second := bytes.Join(all[:cut], nil), bytes.Join(all[cut:], nil)
				write(t, path, marker(1))
				write(t, path, first)
				src, _ := openTest(t, path, Options{})
				r := start(t, src)
				keys := append([]string(nil), want...)
				keys = append(keys, wholeOf(t, marker(1), "1")...)
				r.await(wholeOf(t, marker(1), "1"))
				switch how {
				case "rename":
					rename(t, path, path+".1")
					write(t, path, second)
				case "rename and go on": // the writer still has the old one open
					rename(t, path, path+".1")
					write(t, path, nil)
					half := len(second) / 2
					half += bytes.IndexByte(second[half:], '\n') + 1
					write(t, path+".1", second[:half])
					write(t, path, second[half:])
				case "remove":
					if err := os.Remove(path); err != nil {
						t.Fatal(err)
					}
					write(t, path, second)
				case "truncate":
					if err := os.Truncate(path, 0); err != nil {
						t.Fatal(err)
					}
					write(t, path, second)
				case "replace in place":
					// Not shorter than before: only the bytes tell.
					pad := bytes.Repeat([]byte("2026/11/23 07:13:26: some other line\n"), 1+len(log)/30)
					if err := os.WriteFile(path, append(append([]byte(nil), second...), pad...), 0o600); err != nil {
						t.Fatal(err)
					}
				}
				r.await(keys)
				r.finish(keys)
			})
		}
	}
}

func rename(t *testing.T, from, to string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}

// The same listing again and again, as a script makes it that asks the router: each key is given
// once.
func TestFileListedAgain(t *testing.T) {
	log := routerLog(t)
	path := filepath.Join(t.TempDir(), "router.log")
	write(t, path, log)
	src, _ := openTest(t, path, Options{})
	r := start(t, src)
	want := wholeOf(t, log, "router.log")
	r.await(want)
	more := readLog(t, "02-natt-aes256-sha1/router.log")
	for i := 0; i < 3; i++ {
		tmp := path + ".new"
		write(t, tmp, log)
		if i == 2 {
			write(t, tmp, more)
		}
		rename(t, tmp, path)
	}
	want = append(want, wholeOf(t, more, "more.log")...)
	r.await(want)
	r.finish(want)
}

// A capture behind -k ends with what ParseFile says.
func TestFileIsCapture(t *testing.T) {
	src, _ := openTest(t, captures+"/01-basic-aes128-sha1/outer.pcap", Options{})
	r := start(t, src)
	select {
	case err := <-r.done:
		if !errors.As(err, new(*keysrc.NoKeysError)) || !strings.Contains(err.Error(), "packet capture") {
			t.Errorf("error %v", err)
		}
	case <-time.After(deadline):
		t.Fatal("it is followed")
	}
}

// A file without keys is followed, and said to be without.
func TestFileWithoutKeys(t *testing.T) {
	path := filepath.Join(t.TempDir(), "messages")
	write(t, path, []byte("nothing\nat all\n"))
	src, l := openTest(t, path, Options{})
	r := start(t, src)
	eventually(t, "the message that no key is in it", func() bool { return strings.Contains(l.all(), "no key in it so far") })
	r.finish(nil)
	if !strings.Contains(l.all(), "looked for") {
		t.Errorf("the end is not told: %s", l.all())
	}
}

func TestFileFormat(t *testing.T) {
	path := filepath.Join(t.TempDir(), "router.log")
	write(t, path, routerLog(t))
	src, l := openTest(t, path, Options{Format: "xfrm"})
	r := start(t, src)
	eventually(t, "the message that no key is in it", func() bool { return strings.Contains(l.all(), "no key in it so far") })
	r.finish(nil)
}

func TestCloseWithoutRun(t *testing.T) {
	path := filepath.Join(t.TempDir(), "router.log")
	write(t, path, routerLog(t))
	for _, spec := range []string{path, path + ".late", "exec:cat", "syslog:127.0.0.1:0"} {
		src, _ := openTest(t, spec, Options{})
		if err := src.Close(); err != nil {
			t.Errorf("%s: %v", spec, err)
		}
	}
}
