package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"l2tpdump/capture"
)

// answer runs the program as Wireshark does.
func answer(t *testing.T, args ...string) (stdout, stderr string, status int) {
	t.Helper()
	var o, e strings.Builder
	cmd := exec.Command(self(t), args...)
	cmd.Env = append(os.Environ(), asProgram+"=1", "GORACE="+raceExit)
	cmd.Stdout, cmd.Stderr = &o, &e
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return o.String(), e.String(), cmd.ProcessState.ExitCode()
}

// loopback is an interface that there is everywhere.
func loopback(t *testing.T) string {
	t.Helper()
	devices, err := capture.Devices()
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range devices {
		if d.Loopback {
			return d.Name
		}
	}
	t.Skip("no loopback interface")
	return ""
}

// sentence is a line of an answer: a word, and values in braces.
var sentence = regexp.MustCompile(`^(extcap|interface|dlt|arg|value) (\{[a-z]+=[^{}]*\})+$`)

// TestExtcapAnswers: what Wireshark asks before it captures (extcap(4)).
func TestExtcapAnswers(t *testing.T) {
	lo := extcapPrefix + loopback(t)
	for _, c := range []struct {
		name   string
		args   []string
		want   []string // lines hold these
		status int
		stderr string
	}{
		{"interfaces", []string{"--extcap-interfaces"}, []string{"extcap {version=", "interface {value=" + lo + "}{display=L2TP/IPsec decrypted: "}, exitOK, ""},
		{"of a version", []string{"--extcap-interfaces", "--extcap-version=4.4"}, []string{"extcap {version=", "{value=" + lo + "}"}, exitOK, ""},
		{"dlts", []string{"--extcap-interface", lo, "--extcap-dlts"}, []string{"dlt {number="}, exitOK, ""},
		{"config", []string{"--extcap-interface=" + lo, "--extcap-config"}, []string{"{call=--key-file}", "{call=--key-source}", "{call=--layer}", "{call=--filter}", "{call=--hold-time}"}, exitOK, ""},
		{"options of later versions", []string{"--extcap-interface", lo, "--extcap-config", "--extcap-later", "--extcap-latest=5", "--extcap-last", "5"},
			[]string{"{call=--key-file}"}, exitOK, ""},
		{"no such interface", []string{"--extcap-interface", "eth0", "--extcap-dlts"}, nil, exitError, "there is no interface \"eth0\""},
		{"no FIFO", []string{"--extcap-interface", lo, "--capture"}, nil, exitError, "no --fifo"},
		{"bad layer", []string{"--extcap-interface", lo, "--capture", "--fifo", "f", "--layer", "x"}, nil, exitError, "unknown layer"},
		{"gone", []string{"--extcap-interface", extcapPrefix + "none0", "--capture", "--fifo", "f"}, nil, exitError, "none0: no such interface"},
	} {
		stdout, stderr, status := answer(t, c.args...)
		if status != c.status || !strings.Contains(stderr, c.stderr) || (stderr == "") != (c.stderr == "") {
			t.Errorf("%s: status %d, standard error:\n%s", c.name, status, stderr)
		}
		for _, w := range c.want {
			if !strings.Contains(stdout, w) {
				t.Errorf("%s: no %q in\n%s", c.name, w, stdout)
			}
		}
		for line := range strings.Lines(stdout) {
			if !sentence.MatchString(strings.TrimSuffix(line, "\n")) {
				t.Errorf("%s: a line that Wireshark does not understand: %s", c.name, line)
			}
		}
	}
}

// TestExtcapConfigIsTaken: the program takes each option that it offers.
func TestExtcapConfigIsTaken(t *testing.T) {
	calls := regexp.MustCompile(`\{call=(--[a-z-]+)\}.*\{type=([a-z]+)\}`).FindAllStringSubmatch(extcapConfig, -1)
	if len(calls) != 6 {
		t.Fatalf("%d options", len(calls))
	}
	values := map[string]string{"unsigned": "5", "boolflag": "", "selector": "ip", "string": "x", "fileselect": "y"}
	args := []string{"--extcap-interface", extcapPrefix + "none0", "--capture", "--fifo", "f"}
	for _, c := range calls {
		args = append(args, c[1])
		if v := values[c[2]]; v != "" {
			args = append(args, v)
		}
	}
	// All have been understood when it comes to the interface.
	if _, stderr, status := answer(t, args...); status != exitError || !strings.Contains(stderr, "none0: no such interface") {
		t.Errorf("status %d: %s", status, stderr)
	}
}

// TestExtcapFilter: Wireshark takes a filter for valid when nothing is printed.
func TestExtcapFilter(t *testing.T) {
	lo := extcapPrefix + loopback(t)
	for filter, valid := range map[string]bool{"udp port 500": true, "": true, "udp port nowhere": false, "and": false} {
		stdout, stderr, status := answer(t, "--extcap-interface", lo, "--extcap-capture-filter", filter)
		if status != exitOK || stderr != "" || (stdout == "") != valid {
			t.Errorf("%q: status %d: %s%s", filter, status, stdout, stderr)
		}
	}
}

// TestExtcapInstall puts the program where Wireshark finds it, in place of an earlier one.
func TestExtcapInstall(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "extcap")
	path := filepath.Join(dir, "l2tpdump")
	if runtime.GOOS == "windows" {
		path += ".exe"
	}
	for _, before := range []func() error{
		func() error { return nil },
		func() error { return nil }, // it is there already
		func() error { os.Remove(path); return os.WriteFile(path, []byte("an earlier one"), 0o755) },
		func() error { os.Remove(path); return os.Symlink("/nowhere", path) },
	} {
		if err := before(); err != nil {
			t.Fatal(err)
		}
		if _, stderr, status := answer(t, "extcap", "install", dir); status != exitOK || !strings.Contains(stderr, path+" is there; if Wireshark looks in that folder") {
			t.Errorf("status %d: %s", status, stderr)
		}
		if same(self(t), path) {
			continue
		}
		a, err := os.Stat(self(t))
		if err != nil {
			t.Fatal(err)
		}
		if b, err := os.Stat(path); err != nil || a.Size() != b.Size() {
			t.Errorf("%s is not the program: %v", path, err)
		}
	}
	if _, stderr, status := answer(t, "extcap"); status != exitError || !strings.Contains(stderr, "install") {
		t.Errorf("status %d: %s", status, stderr)
	}
}

// TestPersonalExtcap reads what tshark -G folders prints.
func TestPersonalExtcap(t *testing.T) {
	for text, want := range map[string]string{
		"Personal configuration:\t/home/u/.config/wireshark\nExtcap path:\t/usr/lib/wireshark/extcap\n":            filepath.Join("/home/u/.config/wireshark", "extcap"),
		"Personal configuration:\t/home/u/.config/wireshark\nPersonal Extcap path:\t/home/u/.local/lib/x/extcap\n": "/home/u/.local/lib/x/extcap",
		"nothing of the kind\n": "",
	} {
		if got := personalExtcap(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}
