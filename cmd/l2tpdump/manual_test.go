package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
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

// TestReadmes: what the Japanese README has a person type or shows is what the English one does,
// and both have the same sections, and parts of the first hour.
func TestReadmes(t *testing.T) {
	parts := func(name string) (code []string, sections, hour int) {
		text, err := os.ReadFile(filepath.Join("../..", name))
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			switch {
			case strings.HasPrefix(line, "    "):
				command, _, _ := strings.Cut(line, "  #") // a comment
				code = append(code, strings.TrimSpace(command))
			case strings.HasPrefix(line, "## "):
				sections++
			case strings.HasPrefix(line, "### "):
				hour++
			}
		}
		return code, sections, hour
	}
	code, sections, hour := parts("README.md")
	translated, translatedSections, translatedHour := parts("README.ja.md")
	if hour != 7 || translatedHour != hour || translatedSections != sections {
		t.Errorf("%d and %d sections, %d and %d parts", sections, translatedSections, hour, translatedHour)
	}
	if len(translated) < 25 {
		t.Errorf("%d lines of commands", len(translated))
	}
	for _, c := range translated {
		if !slices.Contains(code, c) {
			t.Errorf("not in README.md: %s", c)
		}
	}
}
