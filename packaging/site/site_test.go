package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestSite makes all pages; no link leads nowhere.
func TestSite(t *testing.T) {
	if _, err := exec.LookPath("mandoc"); err != nil {
		t.Skip(err)
	}
	dir := t.TempDir()
	if err := build("../..", dir); err != nil {
		t.Fatal(err)
	}
	if err := check(dir); err != nil {
		t.Error(err)
	}
	for file, want := range map[string]string{
		"index.html":              `href="index.ja.html"`,
		"index.ja.html":           `<html lang="ja">`,
		"doc/l2tpdump.1.html":     `id="EXIT_STATUS"`,
		"doc/schema/decrypt.html": `<code>verdict</code>`,
		"SECURITY.html":           `What is promised`,
	} {
		text, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(file)))
		if err != nil || !strings.Contains(string(text), want) {
			t.Errorf("%s: no %s; %v", file, want, err)
		}
	}
}

// TestCheck: a link to a page or an anchor that is not there is found.
func TestCheck(t *testing.T) {
	dir := t.TempDir()
	page := `<h1 id="there">x</h1><a href="#there">x</a><a href="b.html">x</a><a href="#not">x</a><a href="https://example.com/">x</a>`
	if err := os.WriteFile(filepath.Join(dir, "a.html"), []byte(page), 0o644); err != nil {
		t.Fatal(err)
	}
	err := check(dir)
	if err == nil || strings.Count(err.Error(), "leads nowhere") != 2 {
		t.Errorf("%v", err)
	}
}
