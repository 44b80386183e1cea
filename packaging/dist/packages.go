package main

import (
	"bytes"
	"compress/gzip"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/goreleaser/nfpm/v2"
	_ "github.com/goreleaser/nfpm/v2/apk"
	_ "github.com/goreleaser/nfpm/v2/deb"
	"github.com/goreleaser/nfpm/v2/files"
	_ "github.com/goreleaser/nfpm/v2/rpm"
)

const description = `capture, decrypt and decode L2TP/IPsec
l2tpdump reads a capture or an interface, takes the keys from where they
already are (a router's log, a Wireshark table, ip xfrm state, a daemon's
log), decrypts IKEv1 and ESP, decodes L2TP and PPP, and prints or writes what
was inside.`

// A kind of packages, and where its distributions look for what is not everywhere the same.
type kind struct {
	format string
	zsh    string
	extcap map[string]string // Wireshark's folder of extcaps, by architecture
}

var kinds = []kind{
	{"deb", "/usr/share/zsh/vendor-completions", map[string]string{
		"amd64": "/usr/lib/x86_64-linux-gnu", "arm64": "/usr/lib/aarch64-linux-gnu",
		"arm7": "/usr/lib/arm-linux-gnueabihf", "riscv64": "/usr/lib/riscv64-linux-gnu",
	}},
	{"rpm", "/usr/share/zsh/site-functions", map[string]string{
		"amd64": "/usr/lib64", "arm64": "/usr/lib64", "arm7": "/usr/lib", "riscv64": "/usr/lib64",
	}},
	{"apk", "/usr/share/zsh/site-functions", map[string]string{
		"amd64": "/usr/lib", "arm64": "/usr/lib", "arm7": "/usr/lib", "riscv64": "/usr/lib",
	}},
}

// packages writes the packages of a target, if there are any.
func (r *release) packages(t target, program string) error {
	if t.packages == "" {
		return nil
	}
	for _, k := range kinds {
		contents, err := r.contents(k, t, program)
		if err != nil {
			return err
		}
		info := nfpm.WithDefaults(&nfpm.Info{
			Name: "l2tpdump", Arch: t.packages, Version: r.version, Release: "1", Section: "net", Priority: "optional",
			Maintainer: "The l2tpdump project", Description: description, License: "Apache-2.0", MTime: r.time,
			DisableGlobbing: true,
			Overridables: nfpm.Overridables{
				Contents: contents, Suggests: []string{"wireshark"},
				RPM: nfpm.RPM{BuildHost: "localhost", Summary: strings.SplitN(description, "\n", 2)[0]},
			},
		})
		if err := nfpm.PrepareForPackager(info, k.format); err != nil {
			return err
		}
		p, err := nfpm.Get(k.format)
		if err != nil {
			return err
		}
		var b bytes.Buffer
		if err := p.Package(info, &b); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(r.out, p.ConventionalFileName(info)), b.Bytes(), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// contents lists what a package holds.
func (r *release) contents(k kind, t target, program string) (files.Contents, error) {
	manual, err := r.gzipped("doc/l2tpdump.1")
	if err != nil {
		return nil, err
	}
	source := func(name string) string { return filepath.Join(r.root, filepath.FromSlash(name)) }
	all := []file{
		{program, "/usr/bin/l2tpdump", 0o755},
		{manual, "/usr/share/man/man1/l2tpdump.1.gz", 0o644},
		{source("cmd/l2tpdump/completion.bash"), "/usr/share/bash-completion/completions/l2tpdump", 0o644},
		{source("cmd/l2tpdump/completion.zsh"), k.zsh + "/_l2tpdump", 0o644},
		{source("cmd/l2tpdump/completion.fish"), "/usr/share/fish/vendor_completions.d/l2tpdump.fish", 0o644},
		{source("LICENSE"), "/usr/share/doc/l2tpdump/copyright", 0o644},
	}
	for folder, patterns := range map[string][]string{
		"/usr/share/doc/l2tpdump":                   {"*.md"},
		"/usr/share/doc/l2tpdump/doc":               {"doc/*.md", "doc/*.png"},
		"/usr/share/wireshark/profiles/L2TP-IPsec/": {"packaging/wireshark/L2TP-IPsec/*"},
	} {
		names, err := r.sources(patterns...)
		if err != nil {
			return nil, err
		}
		for _, n := range names {
			all = append(all, file{source(n), path.Join(folder, path.Base(n)), 0o644})
		}
	}
	var contents files.Contents
	for _, f := range all {
		contents = append(contents, &files.Content{
			Source: f.from, Destination: f.to,
			FileInfo: &files.ContentFileInfo{Mode: f.mode, MTime: r.time, Owner: "root", Group: "root"},
		})
	}
	return append(contents, &files.Content{
		Source: "/usr/bin/l2tpdump", Destination: k.extcap[t.packages] + "/wireshark/extcap/l2tpdump",
		Type:     files.TypeSymlink,
		FileInfo: &files.ContentFileInfo{MTime: r.time},
	}), nil
}

// gzipped compresses a file of the source, and returns the name of what came of it.
func (r *release) gzipped(name string) (string, error) {
	data, err := os.ReadFile(filepath.Join(r.root, filepath.FromSlash(name)))
	if err != nil {
		return "", err
	}
	var b bytes.Buffer
	gz, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return "", err
	}
	if _, err := gz.Write(data); err != nil {
		return "", err
	}
	if err := gz.Close(); err != nil {
		return "", err
	}
	to := filepath.Join(r.scratch, path.Base(name)+".gz")
	return to, os.WriteFile(to, b.Bytes(), 0o644)
}
