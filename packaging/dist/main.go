// Command dist makes what a release consists of, from the last commit: static programs in archives,
// packages of Debian, RPM and Alpine, a Homebrew formula, a Dockerfile and SHA256SUMS. The same
// commit and the same version of Go give the same bytes. It is run by "make dist".
package main

import (
	"crypto/sha256"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// A target is a system that a program is made for.
type target struct {
	os, arch string
	name     string   // of its archive
	env      []string // for Go
	packages string   // nfpm's name of the architecture; "": no packages
}

var targets = []target{
	{"linux", "amd64", "linux-amd64", []string{"GOAMD64=v1"}, "amd64"},
	{"linux", "arm64", "linux-arm64", nil, "arm64"},
	{"linux", "arm", "linux-armv7", []string{"GOARM=7"}, "arm7"},
	{"linux", "riscv64", "linux-riscv64", nil, "riscv64"},
	{"linux", "mips", "linux-mips-softfloat", []string{"GOMIPS=softfloat"}, ""},
	{"linux", "mipsle", "linux-mipsle-softfloat", []string{"GOMIPS=softfloat"}, ""},
	{"darwin", "amd64", "darwin-amd64", []string{"GOAMD64=v1"}, ""},
	{"darwin", "arm64", "darwin-arm64", nil, ""},
	{"windows", "amd64", "windows-amd64", []string{"GOAMD64=v1"}, ""},
	{"freebsd", "amd64", "freebsd-amd64", []string{"GOAMD64=v1"}, ""},
	{"openbsd", "amd64", "openbsd-amd64", []string{"GOAMD64=v1"}, ""},
}

// A release is a commit and where it goes.
type release struct {
	root, out, scratch string // folders
	url                string // of the folder from which the archives will be had, "" if not known
	version            string
	commit             string
	time               time.Time // of the commit
}

func main() {
	root := flag.String("root", "..", "the source")
	out := flag.String("o", "../dist", "folder to write to, which must not be there")
	url := flag.String("url", "", "where the archives will be had, for the Homebrew formula")
	flag.Parse()
	if err := run(*root, *out, *url); err != nil {
		fmt.Fprintln(os.Stderr, "dist:", err)
		os.Exit(1)
	}
}

func run(root, out, url string) error {
	r, err := newRelease(root, out)
	if err != nil {
		return err
	}
	r.url = strings.TrimSuffix(url, "/")
	defer os.RemoveAll(r.scratch)
	if err := r.export(); err != nil {
		return err
	}
	for _, t := range targets {
		program, err := r.build(t)
		if err != nil {
			return err
		}
		if err := r.archive(t, program); err != nil {
			return err
		}
		if err := r.packages(t, program); err != nil {
			return err
		}
	}
	sums, err := r.sums()
	if err != nil {
		return err
	}
	for _, name := range []string{"Dockerfile", "l2tpdump.rb"} {
		if err := r.fill(name, sums); err != nil {
			return err
		}
	}
	if sums, err = r.sums(); err != nil {
		return err
	}
	var text strings.Builder
	for _, name := range slices.Sorted(maps.Keys(sums)) {
		fmt.Fprintf(&text, "%s  %s\n", sums[name], name)
	}
	return os.WriteFile(filepath.Join(r.out, "SHA256SUMS"), []byte(text.String()), 0o644)
}

// newRelease asks git for the commit, and makes the folders.
func newRelease(root, out string) (*release, error) {
	r := &release{root: root, out: out}
	changed, err := r.git("status", "--porcelain", "--untracked-files=no")
	if err != nil {
		return nil, err
	}
	if changed != "" {
		return nil, fmt.Errorf("a release is made of a commit, and these are changed:\n%s", changed)
	}
	if r.commit, err = r.git("rev-parse", "HEAD"); err != nil {
		return nil, err
	}
	date, err := r.git("show", "--no-patch", "--format=%cI", "HEAD")
	if err != nil {
		return nil, err
	}
	if r.time, err = time.Parse(time.RFC3339, date); err != nil {
		return nil, err
	}
	r.time = r.time.UTC()
	// A version that packages of all kinds can sort, also where the commit is no release.
	r.version = "0.0.0-git" + r.time.Format("20060102150405")
	if tag, err := r.git("describe", "--tags", "--exact-match", "--match", "v[0-9]*"); err == nil {
		r.version = strings.TrimPrefix(tag, "v")
	}
	if err := os.Mkdir(out, 0o755); err != nil {
		return nil, err
	}
	r.scratch, err = os.MkdirTemp("", "l2tpdump-dist")
	return r, err
}

// export lays the source out as the commit has it, whatever is changed meanwhile, and goes on with
// that. The recordings of the tests are left out.
func (r *release) export() error {
	archive, source := filepath.Join(r.scratch, "source.tar"), filepath.Join(r.scratch, "source")
	name, err := filepath.Abs(archive)
	if err != nil {
		return err
	}
	if _, err := r.git("archive", "-o", name, r.commit, "--", ".", ":(exclude,glob)**/testdata/**"); err != nil {
		return err
	}
	if err := os.Mkdir(source, 0o755); err != nil {
		return err
	}
	if text, err := exec.Command("tar", "-xf", archive, "-C", source).CombinedOutput(); err != nil {
		return fmt.Errorf("tar: %w: %s", err, text)
	}
	r.root = source
	return nil
}

func (r *release) git(args ...string) (string, error) {
	cmd := exec.Command("git", args...)
	cmd.Dir, cmd.Stderr = r.root, nil
	text, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("git %s: %w", args[0], err)
	}
	return strings.TrimSpace(string(text)), nil
}

// build compiles the program, and returns the name of its file.
func (r *release) build(t target) (string, error) {
	name := filepath.Join(r.scratch, t.name)
	stamp := fmt.Sprintf("-s -w -buildid= -X main.version=%s -X main.commit=%s -X main.commitDate=%s",
		r.version, r.commit, r.time.Format(time.RFC3339))
	cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-ldflags", stamp, "-o", name, "./cmd/l2tpdump")
	cmd.Dir = r.root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=", "GOEXPERIMENT=", "GOOS="+t.os, "GOARCH="+t.arch)
	cmd.Env = append(cmd.Env, t.env...)
	if text, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%s: %w: %s", t.name, err, text)
	}
	fmt.Println(t.name)
	return name, nil
}

// sums returns the checksums of the files that are there.
func (r *release) sums() (map[string]string, error) {
	entries, err := os.ReadDir(r.out)
	if err != nil {
		return nil, err
	}
	sums := make(map[string]string)
	for _, e := range entries {
		data, err := os.ReadFile(filepath.Join(r.out, e.Name()))
		if err != nil {
			return nil, err
		}
		sums[e.Name()] = fmt.Sprintf("%x", sha256.Sum256(data))
	}
	return sums, nil
}
