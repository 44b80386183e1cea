package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"
	"text/template"
)

// A file is one of an archive or a package.
type file struct {
	from string // on this machine
	to   string // with slashes
	mode os.FileMode
}

// documents are what goes into every archive beside the program, by their names in the source.
var documents = []string{
	"README.md", "README.ja.md", "SECURITY.md", "CHANGELOG.md", "LICENSE",
	"doc/*.md", "doc/*.png", "doc/l2tpdump.1", "cmd/l2tpdump/completion.*", "packaging/wireshark/L2TP-IPsec/*",
}

// inArchive says where a document goes that does not keep its place.
func inArchive(name string) string {
	if shell, ok := strings.CutPrefix(name, "cmd/l2tpdump/completion."); ok {
		return "completions/l2tpdump." + shell
	}
	return strings.TrimPrefix(name, "packaging/")
}

// sources lists files of the source.
func (r *release) sources(patterns ...string) (names []string, err error) {
	for _, p := range patterns {
		found, err := filepath.Glob(filepath.Join(r.root, filepath.FromSlash(p)))
		if err != nil {
			return nil, err
		}
		if len(found) == 0 {
			return nil, &os.PathError{Op: "find", Path: p, Err: os.ErrNotExist}
		}
		for _, f := range found {
			name, err := filepath.Rel(r.root, f)
			if err != nil {
				return nil, err
			}
			names = append(names, filepath.ToSlash(name))
		}
	}
	return names, nil
}

// archive writes the archive of a target: a zip for Windows, else a gzipped tar.
func (r *release) archive(t target, program string) error {
	names, err := r.sources(documents...)
	if err != nil {
		return err
	}
	files := []file{{program, "l2tpdump", 0o755}}
	if t.os == "windows" {
		files[0].to += ".exe"
	}
	for _, n := range names {
		files = append(files, file{filepath.Join(r.root, n), inArchive(n), 0o644})
	}
	var b bytes.Buffer
	write, extension := r.tar, ".tar.gz"
	if t.os == "windows" {
		write, extension = r.zip, ".zip"
	}
	if err := write(&b, files); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(r.out, "l2tpdump-"+r.version+"-"+t.name+extension), b.Bytes(), 0o644)
}

func (r *release) tar(w io.Writer, files []file) error {
	gz, err := gzip.NewWriterLevel(w, gzip.BestCompression)
	if err != nil {
		return err
	}
	t := tar.NewWriter(gz)
	for _, f := range files {
		data, err := os.ReadFile(f.from)
		if err != nil {
			return err
		}
		h := &tar.Header{
			Name: path.Join("l2tpdump-"+r.version, f.to), Mode: int64(f.mode), Size: int64(len(data)), ModTime: r.time,
			Format: tar.FormatUSTAR,
		}
		if err := t.WriteHeader(h); err != nil {
			return err
		}
		if _, err := t.Write(data); err != nil {
			return err
		}
	}
	if err := t.Close(); err != nil {
		return err
	}
	return gz.Close()
}

func (r *release) zip(w io.Writer, files []file) error {
	z := zip.NewWriter(w)
	for _, f := range files {
		data, err := os.ReadFile(f.from)
		if err != nil {
			return err
		}
		h := &zip.FileHeader{Name: path.Join("l2tpdump-"+r.version, f.to), Method: zip.Deflate, Modified: r.time}
		h.SetMode(f.mode)
		e, err := z.CreateHeader(h)
		if err != nil {
			return err
		}
		if _, err := e.Write(data); err != nil {
			return err
		}
	}
	return z.Close()
}

// fill writes a file that names the archives, of its template.
func (r *release) fill(name string, sums map[string]string) error {
	t, err := template.ParseFiles(filepath.Join(r.root, "packaging", name+".tmpl"))
	if err != nil {
		return err
	}
	var b bytes.Buffer
	err = t.Option("missingkey=error").Execute(&b, map[string]any{
		"Version": r.version, "URL": r.url, "Sums": sums, "Platforms": map[string]string{"darwin": "macos", "linux": "linux"},
	})
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(r.out, name), b.Bytes(), 0o644)
}
