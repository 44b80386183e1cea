package main

import (
	"encoding/json"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/spf13/pflag"

	"l2tpdump/capture"
)

// What the linker is given for a release (-X main.version=...). Without it, what Go itself has put
// into the program is told.
var (
	version    string
	commit     string // in full
	commitDate string // of the commit, RFC 3339
)

// buildInfo is what version prints.
type buildInfo struct {
	Version string `json:"version"`
	Commit  string `json:"commit,omitempty"`
	Date    string `json:"date,omitempty"`
	Go      string `json:"go"`
	OS      string `json:"os"`
	Arch    string `json:"arch"`
	Capture string `json:"capture"`
}

// thisBuild returns what is known of this program.
func thisBuild() buildInfo {
	b := buildInfo{
		Version: version, Commit: commit, Date: commitDate,
		Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH, Capture: capture.LibraryVersion(),
	}
	if info, ok := debug.ReadBuildInfo(); ok && version == "" {
		b.Version = info.Main.Version
		for _, s := range info.Settings {
			switch s.Key {
			case "vcs.revision":
				b.Commit = s.Value
			case "vcs.time":
				b.Date = s.Value
			}
		}
	}
	if b.Version == "" || b.Version == "(devel)" {
		b.Version = "development version"
	}
	return b
}

func (o *options) versionFlags() *pflag.FlagSet {
	f := newFlags("version")
	f.BoolVar(&o.json, "json", false, "")
	return f
}

// versionCommand is the command "version".
func versionCommand(args []string) error {
	var o options
	if err := parseNone(o.versionFlags(), args); err != nil {
		return err
	}
	b := thisBuild()
	if o.json {
		text, err := json.Marshal(b)
		out("%s\n", text)
		return err
	}
	out("l2tpdump %s\n", b.Version)
	if b.Commit != "" {
		out("commit %s of %s\n", b.Commit, shortTime(b.Date))
	}
	out("%s, %s/%s\n%s\n", b.Go, b.OS, b.Arch, b.Capture)
	return nil
}

// shortTime is a time of RFC 3339 as a person reads it.
func shortTime(text string) string {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return text
	}
	return t.UTC().Format("2006-01-02 15:04 UTC")
}
