package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// ending runs c with its standard streams as they are set, and returns exit status and messages.
func ending(t *testing.T, c *exec.Cmd) (status int, messages string) {
	t.Helper()
	var text bytes.Buffer
	c.Stderr = &text
	stop := start(t, c)
	c.Wait()
	if !stop() {
		t.Fatalf("%v hung", c.Args)
	}
	return c.ProcessState.ExitCode(), text.String()
}

// No input is written to, whether it is named, linked to, or a standard stream.
func TestInputsAreKept(t *testing.T) {
	dir := t.TempDir()
	original := map[string][]byte{}
	for name, from := range map[string]string{"in.pcap": "outer.pcap", "kk": "router.log", "esp_sa": "keys/esp_sa"} {
		original[name] = readFile(t, basic+"/"+from)
	}
	at := func(name string) string { return filepath.Join(dir, name) }
	original["filter"], original["list"] = []byte("udp\n"), []byte(at("in.pcap")+"\n")
	for _, c := range []struct {
		args   string // FILE is of the folder
		stdin  string
		stdout string // is not emptied by the shell, as with 1<> and >>
		want   string
	}{
		{"decrypt -r - -k =kk -w =in.pcap", "in.pcap", "", "standard input is an input"},
		{"decrypt -r =in.pcap -k - -w =kk", "kk", "", "standard input is an input"},
		{"decrypt -r - -k =kk -w =hard.pcap", "in.pcap", "", "standard input is an input"},
		{"decrypt -r =in.pcap -k =kk -w =soft.pcap", "", "", "in.pcap is an input"},
		{"decrypt -r =in.pcap --ppp-secrets =kk -w =kk", "", "", "kk is an input"},
		{"decrypt -r =in.pcap -F =filter -w =filter", "", "", "filter is an input"},
		{"decrypt -V =list -w =list", "", "", "list is an input"},
		{"decrypt -r =in.pcap -F - -w =filter", "filter", "", "standard input is an input"},
		{"decrypt -r =in.pcap -k =kk", "", "kk", "kk is an input"},
		{"decrypt -r =in.pcap -k =kk -w -", "", "in.pcap", "in.pcap is an input"},
		{"decrypt -r =in.pcap -k =kk --json", "", "in.pcap", "in.pcap is an input"},
		{"decrypt -r - -k =kk", "in.pcap", "in.pcap", "standard input is an input"},
		{"decrypt -r =in.pcap -k =kk -w =out.pcap --print", "", "out.pcap", "would be written twice over"},
		{"verify -r =in.pcap -k =kk", "", "in.pcap", "in.pcap is an input"},
		{"verify -r =in.pcap -k -", "kk", "kk", "standard input is an input"},
		{"keys -k =kk", "", "kk", "kk is an input"},
		{"keys -k =esp_sa --wireshark =.", "", "", "esp_sa is an input"},
		{"keys -k - --wireshark =.", "esp_sa", "", "standard input is an input"},
		{"live -i lo -k =kk -w =kk", "", "", "kk is an input"},
		{"live -i lo -k - -w =kk", "kk", "", "standard input is an input"},
		{"live -i lo -k =kk -k syslog::0 --syslog-save =kk", "", "", "kk is an input"},
		{"live -i lo -k syslog::0 --syslog-save =out.pcap -w =out.pcap", "", "", "would be written twice over"},
	} {
		for name, data := range original {
			if err := os.WriteFile(at(name), data, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.WriteFile(at("out.pcap"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		os.Remove(at("hard.pcap"))
		if err := os.Link(at("in.pcap"), at("hard.pcap")); err != nil {
			t.Skip(err)
		}
		os.Remove(at("soft.pcap"))
		if err := os.Symlink("in.pcap", at("soft.pcap")); err != nil {
			t.Skip(err)
		}
		cmd := l2tpdump(t, strings.Fields(strings.ReplaceAll(c.args, " =", " "+dir+"/"))...)
		if c.stdin != "" {
			f, err := os.Open(at(c.stdin))
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			cmd.Stdin = f
		}
		if c.stdout != "" {
			f, err := os.OpenFile(at(c.stdout), os.O_RDWR, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			cmd.Stdout = f
		}
		status, messages := ending(t, cmd)
		if status != exitError || !strings.Contains(messages, c.want) {
			t.Errorf("%s: exit status %d: %s", c.args, status, messages)
		}
		for name, data := range original {
			if got, err := os.ReadFile(at(name)); err != nil || !bytes.Equal(got, data) {
				t.Fatalf("%s: %s has changed (%v)", c.args, name, err)
			}
		}
		if got, err := os.ReadFile(at("out.pcap")); err != nil || len(got) > 0 {
			t.Errorf("%s: %d bytes were written", c.args, len(got))
		}
	}
}

// A file of a ring that is an input is not begun.
func TestRingKeepsInputs(t *testing.T) {
	dir := t.TempDir()
	keys := filepath.Join(dir, "out1")
	data := readFile(t, basic+"/router.log")
	if err := os.WriteFile(keys, data, 0o600); err != nil {
		t.Fatal(err)
	}
	s := sinks{o: &options{keys: []string{keys}, write: filepath.Join(dir, "out")}}
	s.o.write = keys
	if _, err := s.create(); err == nil || !strings.Contains(err.Error(), "is an input") {
		t.Errorf("error %v", err)
	}
	if got, err := os.ReadFile(keys); err != nil || !bytes.Equal(got, data) {
		t.Error("the keys have changed")
	}
}

// That standard output could not be written is told by every command that prints.
func TestFullOutput(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip(err)
	}
	defer full.Close()
	from := filepath.Join(captures, basic)
	input := " -r " + from + "/outer.pcap -k " + from + "/router.log"
	for _, args := range []string{
		"decrypt" + input, "decrypt --json" + input, "decrypt -w -" + input, "verify" + input, "verify --json" + input,
		"sessions" + input, "sessions --json" + input, "sessions --ladder" + input, "sessions --html -" + input,
		"keys" + input, "keys --json" + input, "keys --show" + input, "schema decrypt", "interfaces", "version", "help", "help live", "decrypt --help",
		"--extcap-interfaces", "--extcap-interface l2tpdump-lo --extcap-dlts", "--extcap-interface l2tpdump-lo --extcap-config",
	} {
		if args == "interfaces" && runtime.GOOS != "linux" {
			continue
		}
		c := l2tpdump(t, strings.Fields(args)...)
		c.Stdout = full
		status, messages := ending(t, c)
		if status != exitError || strings.Count(messages, "no space left on device") != 1 {
			t.Errorf("%s: exit status %d: %s", args, status, messages)
		}
	}
}

// The name of a file can't make a terminal obey, nor look like another message.
func TestNamesAreEscaped(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "a\x1b[31mb\nl2tpdump: c\u202ed")
	if err := os.WriteFile(name, readFile(t, basic+"/router.log"), 0o600); err != nil {
		t.Skip(err)
	}
	capture := filepath.Join(captures, basic, "outer.pcap")
	for _, args := range [][]string{
		{"decrypt", "-r", name, "-k", name}, {"decrypt", "-r", capture, "-k", name + "x"}, {"decrypt", "-r", capture, "-k", name, "-w", name},
		{"verify", "-r", capture, "-k", name}, {"keys", "-k", name}, {"keys", "-k", name, "--wireshark", name + "x"},
		{"decrypt", "-r", capture, "-k", name, "-w", name + "/x"},
	} {
		c := l2tpdump(t, args...)
		var printed bytes.Buffer
		c.Stdout = &printed
		_, messages := ending(t, c)
		text := printed.String() + messages
		if strings.ContainsAny(text, "\x1b\u202e") || strings.Contains(text, "\nl2tpdump: c") || strings.Contains(text, "b\n") {
			t.Errorf("%q: %q", args, text)
		}
		if !strings.Contains(text, `a\x1b[31mb\n`) {
			t.Errorf("%q does not name it: %q", args, text)
		}
	}
}

func TestVisible(t *testing.T) {
	for in, want := range map[string]string{
		"router.log: é 日本": "router.log: é 日本", "a\tb": `a\tb`, "a\nb": `a\nb`, "looked for:\n  a\n  b": "looked for:\n  a\n  b",
		"\xff\x9b": `\xff\x9b`, "\u009b": `\u009b`, "\ufffd": "\ufffd", "\u2028": `\u2028`, `C:\keys "x"`: `C:\keys "x"`,
	} {
		if got := visible(in); got != want {
			t.Errorf("%q: %q", in, got)
		}
	}
}
