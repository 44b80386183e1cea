//go:build unix

package main

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestExtcapAsksWireshark: the folder is the one that tshark names, and tshark is asked whether it
// has found the program. What could not be asked is told.
func TestExtcapAsksWireshark(t *testing.T) {
	defer func(patience time.Duration) { wiresharkPatience = patience }(wiresharkPatience)
	const answers = `case $1 in
-G) printf 'Personal configuration:\t%s\nExtcap path:\t/usr/lib/wireshark/extcap\n' "$HOME/config" ;;
-D) echo '1. eth0' ;; esac
`
	lists := strings.Replace(answers, "1. eth0", "1. l2tpdump-eth0 (L2TP/IPsec decrypted: eth0)", 1)
	for _, c := range []struct {
		name, tshark string // a shell script; "": there is none
		patience     time.Duration
		folder       string // in the home folder
		status       int
		says         string
	}{
		{"found", lists, time.Minute, "config/extcap", exitOK, "press F5"},
		{"not found", answers, time.Minute, "config/extcap", exitError, "tshark -D does not list its interfaces"},
		{"too slow", "exec sleep 60\n", 50 * time.Millisecond, ".local/lib/wireshark/extcap", exitOK,
			"Wireshark could not be asked for its folder: tshark -G folders did not end within 50ms; the usual one is taken"},
		{"broken", "exit 3\n", time.Minute, ".local/lib/wireshark/extcap", exitOK, "tshark -G folders: exit status 3"},
		{"names none", "exit 0\n", time.Minute, ".local/lib/wireshark/extcap", exitError, "tshark -G folders names none"},
		{"none", "", time.Minute, ".local/lib/wireshark/extcap", exitOK, "Wireshark could not be asked for its folder: there is no tshark"},
	} {
		t.Run(c.name, func(t *testing.T) {
			home := t.TempDir()
			bin := filepath.Join(home, "bin")
			if err := os.Mkdir(bin, 0o755); err != nil {
				t.Fatal(err)
			}
			if c.tshark != "" {
				if err := os.WriteFile(filepath.Join(bin, "tshark"), []byte("#!/bin/sh\n"+c.tshark), 0o755); err != nil {
					t.Fatal(err)
				}
				for _, name := range []string{"sleep"} { // all that the script finds
					if err := os.Symlink("/bin/"+name, filepath.Join(bin, name)); err != nil {
						t.Fatal(err)
					}
				}
			}
			t.Setenv("HOME", home)
			t.Setenv("PATH", bin)
			t.Setenv("WIRESHARK_EXTCAP_DIR", "")
			wiresharkPatience = c.patience
			status := 0
			said := quietly(t, func() { status = run([]string{"extcap", "install"}) })
			if status != c.status || !strings.Contains(said, c.says) {
				t.Errorf("status %d:\n%s", status, said)
			}
			path := filepath.Join(home, c.folder, "l2tpdump")
			if !same(self(t), path) {
				t.Errorf("%s is not the program", path)
			}
			for _, want := range []string{"removed " + path, path + " is not there"} {
				if said := quietly(t, func() { status = run([]string{"extcap", "remove"}) }); status != exitOK || !strings.Contains(said, want) {
					t.Errorf("status %d, no %q:\n%s", status, want, said)
				}
			}
		})
	}
}

// TestExtcapRemoveKeeps: what is no program is kept.
func TestExtcapRemoveKeeps(t *testing.T) {
	for what, make := range map[string]func(path string) error{
		"folder": func(path string) error { return os.Mkdir(path, 0o755) },
		"FIFO":   func(path string) error { return syscall.Mkfifo(path, 0o755) },
	} {
		dir := t.TempDir()
		path := filepath.Join(dir, "l2tpdump")
		if err := make(path); err != nil {
			t.Fatal(err)
		}
		for _, args := range [][]string{{"remove", dir}, {"install", dir}, {"install", path}} {
			status := 0
			said := quietly(t, func() { status = run(append([]string{"extcap"}, args...)) })
			if status != exitError && !(what == "folder" && args[1] == path) || status == exitError && !strings.Contains(said, " is not ") {
				t.Errorf("%s, %q: status %d:\n%s", what, args, status, said)
			}
			if _, err := os.Lstat(path); err != nil {
				t.Errorf("%s, %q: %v", what, args, err)
			}
		}
	}
}

// TestReaderGone: a pipe whose reader has closed it is told from one that is full or empty.
func TestReaderGone(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if readerGone(w) {
		t.Error("gone while it is there")
	}
	w.SetWriteDeadline(time.Now().Add(10 * time.Millisecond))
	w.Write(make([]byte, 1<<20))
	if readerGone(w) {
		t.Error("gone while it does not read")
	}
	r.Close()
	if !readerGone(w) {
		t.Error("there when it is gone")
	}
}
