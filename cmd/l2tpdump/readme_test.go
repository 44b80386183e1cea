package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// readme is README.md.
func readme(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// shell runs a command line in a folder, where l2tpdump is the program, and returns what it prints.
func shell(t *testing.T, folder, line string) (stdout, stderr string, status int) {
	t.Helper()
	if _, err := exec.LookPath("sh"); err != nil {
		t.Skip(err)
	}
	bin := t.TempDir()
	if err := os.Symlink(self(t), filepath.Join(bin, "l2tpdump")); err != nil {
		t.Skip(err)
	}
	sh := exec.Command("sh", "-c", line)
	sh.Dir = folder
	sh.Env = append(os.Environ(), "TZ=UTC", "COLUMNS=", asProgram+"=1", "GORACE="+raceExit,
		"PATH="+bin+":"+os.Getenv("PATH"))
	var messages bytes.Buffer
	sh.Stderr = &messages
	text, _ := sh.Output() // the status says it
	return string(text), messages.String(), sh.ProcessState.ExitCode()
}

// TestReadme: what README shows behind a command is what that prints.
func TestReadme(t *testing.T) {
	text := readme(t)
	basic := captures + "/01-basic-aes128-sha1"
	for _, c := range []struct {
		begins, folder, keys string
		messages             bool // on standard error are what is shown
	}{
		{"decrypt -r outer.pcap -k router.log -w clear.pcapng\n", basic, "-k router.log", true},
		{"verify -r outer.pcap -k router.log\n", basic, "-k router.log", false},
		{"sessions -r outer.pcap -k router.log\n", captures + "/08x-auth-failed-l2tp-in-clear", "-k router.log", false},
		{"sessions -r outer.pcap -k router.log --json | jq -r 'select(.step==\"auth\"", "../../testdata/causes/50c-pap-refused", "-k esp_sa -k ikev1_decryption_table", false},
		{"sessions -r outer.pcap -k router.log --json | jq -rs 'group_by(.user)", captures + "/08x-auth-failed-l2tp-in-clear", "-k router.log", false},
		{"decrypt -q -r outer.pcap -k router-full.log --json | jq -r 'select(.ike.exchange==\"quick\"", captures + "/06-pfs-rekey-dpd", "-k router-full.log", false},
	} {
		_, shown, ok := strings.Cut(text, "    $ l2tpdump "+c.begins)
		if !ok {
			t.Errorf("README has no %s", c.begins)
			continue
		}
		rest, want, _ := strings.Cut(c.begins+shown, "\n")
		command := strings.Replace(strings.Replace(rest, "-k router.log", c.keys, 1), "-k router-full.log", c.keys, 1)
		if i := regexp.MustCompile(`(?m)^\n?[^ \n]`).FindStringIndex(want); i != nil { // behind what is indented
			want = want[:i[0]]
		}
		want, _, _ = strings.Cut(want, "\n    $ ") // the next command
		if _, err := exec.LookPath("jq"); err != nil && strings.Contains(command, "jq") {
			t.Logf("without jq: %s", command)
			continue
		}
		command = strings.Replace(command, "-w clear.pcapng", "-w "+filepath.Join(t.TempDir(), "clear.pcapng"), 1)
		got, messages, _ := shell(t, c.folder, "l2tpdump "+command)
		if c.messages {
			got = regexp.MustCompile(`to \S*clear.pcapng`).ReplaceAllString(messages, "to clear.pcapng")
		}
		if got, want := indented(got), strings.TrimRight(want, "\n"); got != want {
			t.Errorf("%s\nprints\n%s\nREADME has\n%s", command, got, want)
		}
	}
}

// indented is a text as README shows it.
func indented(text string) string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	for i, line := range lines {
		if line != "" {
			lines[i] = "    " + line
		}
	}
	return strings.Join(lines, "\n")
}

// TestReadmeGo: both READMEs name the version of Go that is needed.
func TestReadmeGo(t *testing.T) {
	module, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	needed := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindSubmatch(module)
	for _, name := range []string{"README.md", "README.ja.md"} {
		text, err := os.ReadFile("../../" + name)
		if err != nil {
			t.Fatal(err)
		}
		if needed == nil || !bytes.Contains(text, []byte("**Go "+string(needed[1])+"**")) {
			t.Errorf("%s does not name Go %s", name, needed)
		}
	}
}

// TestReadmeLines: each line that README shows of a capture is printed of it.
func TestReadmeLines(t *testing.T) {
	basic := captures + "/01-basic-aes128-sha1"
	printed, _, _ := shell(t, basic, "l2tpdump decrypt -q -r outer.pcap -k router.log")
	shown := regexp.MustCompile(`(?m)^    (07:13:.*\n)`).FindAllStringSubmatch(readme(t), -1)
	if len(shown) < 5 {
		t.Fatalf("%d lines", len(shown))
	}
	for _, line := range shown {
		if !strings.Contains(printed, line[1]) {
			t.Errorf("not printed: %s", line[1])
		}
	}
}

// TestReadmeCommands: each command that README has a person type, and that needs no interface and
// no answer, runs.
func TestReadmeCommands(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"outer.pcap", "router.log", "router-full.log"} {
		text, err := os.ReadFile(filepath.Join(captures, "01-basic-aes128-sha1", name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if _, messages, status := shell(t, dir, "l2tpdump decrypt -q -r outer.pcap -w outer.pcapng"); status == exitError {
		t.Fatal(messages)
	}
	t.Setenv("HOME", dir)
	ran := 0
	for _, m := range regexp.MustCompile("(?m)^    (?:\\$ )?(l2tpdump .*)$|`(l2tpdump [^`]*)`").FindAllStringSubmatch(readme(t), -1) {
		command := m[1] + m[2]
		if regexp.MustCompile(`live|extcap|--show|[A-Z]{4,}|jq|help$`).MatchString(command) { // that of jq is compared above
			continue
		}
		ran++
		if _, messages, status := shell(t, dir, command); status != exitOK {
			t.Errorf("%s: status %d: %s", command, status, messages)
		}
	}
	if ran < 10 {
		t.Errorf("%d commands", ran)
	}
}
