package main

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestOSSFuzz: scripts/oss-fuzz/build.sh builds each fuzz target of the module, under a name of its
// own, and OSS-Fuzz's compiler finds each where it looks for it, and needs no library to link it.
func TestOSSFuzz(t *testing.T) {
	t.Parallel()
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip(err)
	}
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip(err)
	}
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	for _, d := range []string{"bin", "out", "work"} {
		if err := os.Mkdir(at(d), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	// The compiler looks for the target like this, and goes on where it is not the only one.
	const compiler = "#!" + `/bin/bash -eu
folder=$SRC/$1
files=$(grep -r -l --include='*.go' -s "$2" "$folder")
echo "$3 $(cat $files | grep "func $2" | grep -c testing.F)"
`
	for name, script := range map[string]string{
		"compile_native_go_fuzzer_v2": compiler,
		"addStdLibCorpusToFuzzer":     "#!/bin/sh\ntouch \"$OUT/$2_seed_corpus.zip\"\n",
		"zip":                         "#!/bin/sh\ncp \"$3\" \"$2\"\n",
	} {
		if err := os.WriteFile(at("bin/"+name), []byte(script), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	target := regexp.MustCompile(`(?m)^func (Fuzz\w+)\(f \*testing\.F\)`)
	var want []string
	seeds := 1 // those of the pipeline
	root := os.DirFS("../..")
	err = fs.WalkDir(root, ".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == ".git" || path == "packaging" || path == "testdata/causes" ||
			filepath.Dir(path) == "testdata/captures" && d.Name() != basic):
			return fs.SkipDir
		case d.IsDir():
			if filepath.Base(filepath.Dir(path)) == "fuzz" {
				seeds++
			}
			return os.Mkdir(filepath.Join(at("l2tpdump"), path), 0o700)
		}
		data, err := fs.ReadFile(root, path)
		if err != nil {
			return err
		}
		if strings.HasSuffix(path, "_test.go") {
			for _, m := range target.FindAllSubmatch(data, -1) {
				want = append(want, strings.ReplaceAll(filepath.Dir(path), "/", "_")+"_"+string(m[1])+" 1")
			}
		}
		return os.WriteFile(filepath.Join(at("l2tpdump"), path), data, 0o600)
	})
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(bash, "-eu", at("l2tpdump/scripts/oss-fuzz/build.sh"))
	c.Env = append(os.Environ(), "SRC="+dir, "WORK="+at("work"), "OUT="+at("out"), "PATH="+at("bin")+":"+os.Getenv("PATH"))
	var messages bytes.Buffer
	c.Stderr = &messages
	out, err := c.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, messages.String())
	}
	got := strings.Split(strings.TrimSpace(string(out)), "\n")
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) || len(want) < 50 {
		t.Errorf("it builds\n%s\nof\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if zips, err := filepath.Glob(at("out/*_seed_corpus.zip")); err != nil || len(zips) != seeds || seeds == 1 {
		t.Errorf("%d seed corpora of %d: %v", len(zips), seeds, err)
	}
	seed, err := os.ReadFile(at("out/cmd_internal_pipeline_FuzzPipeline_seed_corpus.zip"))
	if err != nil || len(seed) < 2 {
		t.Fatal(err)
	}
	both := seed[2:]
	share := len(both) * int(seed[0]) / int(seed[0]+seed[1]) // as its input.Source divides them
	if !bytes.HasPrefix(readFile(t, basic+"/outer.pcap"), both[:share]) || !bytes.HasPrefix(both[share:], readFile(t, basic+"/router.log")) {
		t.Error("a seed of the pipeline is not a capture and a log")
	}
	c = exec.Command("go", "list", "-tags", "gofuzz", "-deps", "-test", "./...")
	c.Dir = filepath.Join("..", "..")
	if packages, err := c.Output(); err != nil || strings.Contains(string(packages), "gopacket/pcap\n") {
		t.Errorf("libpcap would be linked: %v", err)
	}
}
