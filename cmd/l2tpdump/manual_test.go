package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

func manual(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../doc/l2tpdump.1")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestManualExamples runs the manual's examples with jq.
func TestManualExamples(t *testing.T) {
	for _, name := range []string{"sh", "jq"} {
		if _, err := exec.LookPath(name); err != nil {
			t.Skip(err)
		}
	}
	dir := t.TempDir()
	for from, to := range map[string]string{
		captures + "/08x-auth-failed-l2tp-in-clear/outer.pcap": "outer.pcap",
		captures + "/01-basic-aes128-sha1/router.log":          "router.log",
	} {
		text, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, to), text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(self(t), filepath.Join(dir, "l2tpdump")); err != nil {
		t.Fatal(err)
	}
	examples := regexp.MustCompile(`(?ms)^\.Bd -literal[^\n]*\n(l2tpdump .*?)^\.Ed`).FindAllStringSubmatch(manual(t), -1)
	if len(examples) < 3 {
		t.Fatalf("%d examples", len(examples))
	}
	for _, e := range examples {
		cmd := exec.Command("sh", "-c", e[1])
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), asProgram+"=1", "GORACE="+raceExit, "PATH="+dir+":"+os.Getenv("PATH"))
		var said strings.Builder
		cmd.Stderr = &said
		if text, err := cmd.Output(); err != nil || len(text) == 0 || strings.Contains(string(text), "null") {
			t.Errorf("%v: %s%s\n%s", err, text, said.String(), e[1])
		}
	}
}

// TestManualNamesFlags: the manual has each option of each command.
func TestManualNamesFlags(t *testing.T) {
	text := manual(t)
	for _, command := range commandNames {
		if !strings.Contains(text, ".Cm "+command) && !strings.Contains(text, "| "+command) {
			t.Errorf("no word of %s", command)
		}
		flagsOf(command).VisitAll(func(f *pflag.Flag) {
			if !f.Hidden && !strings.Contains(text, "Fl -"+f.Name) && (f.Shorthand == "" || !strings.Contains(text, "Fl "+f.Shorthand)) {
				t.Errorf("no word of %s --%s", command, f.Name)
			}
		})
	}
}
