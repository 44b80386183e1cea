package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" { // a test runs this binary as the program
		if name := os.Getenv(peakFile); name != "" {
			status := stdout.finished(run(os.Args[1:]))
			if err := writePeak(name); err != nil {
				panic(err)
			}
			os.Exit(status)
		}
		main()
	}
	testscript.Main(m, map[string]func(){"l2tpdump": mainOrOther})
}

// otherProgram, in the environment, has the scripts run another l2tpdump: a command, as in
// "qemu-arm dist/l2tpdump".
const otherProgram = "L2TPDUMP_SCRIPTS_RUN"

// mainOrOther is what the scripts call l2tpdump.
func mainOrOther() {
	other := strings.Fields(os.Getenv(otherProgram))
	if len(other) == 0 {
		main()
	}
	cmd := exec.Command(other[0], append(other[1:], os.Args[1:]...)...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	err := cmd.Run()
	if cmd.ProcessState == nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(127)
	}
	os.Exit(cmd.ProcessState.ExitCode())
}

// raceExit keeps the race detector from sleeping for a second at the end of each process.
const raceExit = "atexit_sleep_ms=0"

// TestScripts runs the program as a person does: a script for each feature and each message.
func TestScripts(t *testing.T) {
	root, err := filepath.Abs(captures)
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireExplicitExec: true,
		Setup: func(e *testscript.Env) error {
			e.Setenv("CAPTURES", root)
			e.Setenv("FIELD", filepath.Join(root, "../field"))
			e.Setenv("TZ", "UTC")
			e.Setenv("GORACE", raceExit)
			for _, name := range []string{otherProgram, "WINEPREFIX", "WINEDEBUG"} {
				e.Setenv(name, os.Getenv(name))
			}
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"status":   status,
			"head":     head,
			"linktype": linkType,
			"split":    split,
			"uid":      uid,
			"shift":    shift,
			"utf16":    utf16le,
		},
		Condition: func(name string) (bool, error) {
			switch name {
			case "root":
				return os.Geteuid() == 0, nil
			case "wine":
				return strings.HasPrefix(os.Getenv(otherProgram), "wine "), nil
			}
			return false, fmt.Errorf("unknown condition %q", name)
		},
		UpdateScripts: os.Getenv("UPDATE_SCRIPTS") != "",
	})
}

// status runs the program and checks its exit status: status 3 decrypt -r ...
func status(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: status N command...")
	}
	err := ts.Exec("l2tpdump", args[1:]...)
	got := "0"
	if err != nil {
		got = "?"
		var exit interface{ ExitCode() int }
		if errors.As(err, &exit) {
			got = strconv.Itoa(exit.ExitCode())
		}
	}
	if got != args[0] {
		ts.Fatalf("exit status %s, want %s", got, args[0])
	}
}

// shift writes a pcap file with all times some seconds later: shift SECONDS from to.
func shift(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: shift seconds from to")
	}
	seconds, err := strconv.Atoi(args[0])
	ts.Check(err)
	data, err := os.ReadFile(ts.MkAbs(args[1]))
	ts.Check(err)
	items := itemsOf(data)
	for i := range items[:len(items)-1] {
		at := data[items[i].end:]
		binary.LittleEndian.PutUint32(at, binary.LittleEndian.Uint32(at)+uint32(seconds))
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[2]), data, 0o666))
}

// uid sets a variable to the UID of the one session in a file: uid FILE NAME.
func uid(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: uid file name")
	}
	found := regexp.MustCompile(`"uid":"([^"]+)"`).FindAllStringSubmatch(ts.ReadFile(args[0]), -1)
	if len(found) != 1 {
		ts.Fatalf("%d sessions", len(found))
	}
	ts.Setenv(args[1], found[0][1])
}

// head writes the first N bytes of a file to another: head N from to.
func head(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: head N from to")
	}
	data, err := os.ReadFile(ts.MkAbs(args[1]))
	ts.Check(err)
	n, err := strconv.Atoi(args[0])
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[2]), data[:min(n, len(data))], 0o666))
}

// utf16le writes a text as PowerShell's > does, in UTF-16 with CR LF: utf16 from to.
func utf16le(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: utf16 from to")
	}
	text := strings.ReplaceAll(ts.ReadFile(args[0]), "\n", "\r\n")
	data := []byte{0xff, 0xfe}
	for _, unit := range utf16.Encode([]rune(text)) {
		data = append(data, byte(unit), byte(unit>>8))
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), data, 0o666))
}

// linkType writes a pcap file as one of another link type: linktype N from to.
func linkType(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: linktype N from to")
	}
	data, err := os.ReadFile(ts.MkAbs(args[1]))
	ts.Check(err)
	n, err := strconv.Atoi(args[0])
	ts.Check(err)
	data[20] = byte(n)
	ts.Check(os.WriteFile(ts.MkAbs(args[2]), data, 0o666))
}

// split writes a pcap file as several of N packets each, as tcpdump -C does: split from PREFIX N.
func split(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: split from prefix N")
	}
	data, err := os.ReadFile(ts.MkAbs(args[0]))
	ts.Check(err)
	n, err := strconv.Atoi(args[2])
	ts.Check(err)
	items := itemsOf(data)
	for i := 0; i < len(items)-1; i += n {
		part := append(data[:24:24], data[items[i].end:items[min(i+n, len(items)-1)].end]...)
		ts.Check(os.WriteFile(ts.MkAbs(args[1]+strconv.Itoa(i/n)), part, 0o666))
	}
}
