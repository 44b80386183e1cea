package compressed

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
)

// sample is text, with a part that can't be made smaller.
func sample() []byte {
	text := bytes.Repeat([]byte("[IKE] generate Initiator CKY-I = 0011223344556677\n"), 4000)
	noise := make([]byte, 100000)
	rand.NewChaCha8([32]byte{1}).Read(noise)
	return append(text, noise...)
}

func isSample(head []byte) bool { return bytes.HasPrefix(head, []byte("[IKE]")) }

func packed(t testing.TB, format string, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	var w io.WriteCloser
	var err error
	switch format {
	case "gzip":
		w = gzip.NewWriter(&b)
	case "xz":
		w, err = xz.NewWriter(&b)
	case "zstd":
		w, err = zstd.NewWriter(&b)
	case "bzip2": // which the standard library does not write
		file, err := os.ReadFile(filepath.Join("testdata", "sample.bz2"))
		if err != nil {
			t.Fatal(err)
		}
		return file
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func zipped(t testing.TB, files map[string][]byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		w, err := z.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		w.Write(files[name])
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// read reads all, from something that is no file.
func read(data []byte) ([]byte, error) {
	r, err := NewReader(iotest.OneByteReader(bytes.NewReader(data)), isSample)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}

func TestFormats(t *testing.T) {
	want := sample()
	for _, f := range []string{"gzip", "xz", "zstd", "bzip2"} {
		file := packed(t, f, want)
		if got, err := read(file); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %d bytes, %v", f, len(got), err)
		}
		if got, err := read(append(bytes.Clone(file), file...)); err != nil || len(got) != 2*len(want) {
			t.Errorf("%s, one behind the other: %d bytes, %v", f, len(got), err)
		}
		if got, err := read(packed(t, "gzip", file)); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s in gzip: %d bytes, %v", f, len(got), err)
		}
		inZip := zipped(t, map[string][]byte{"log/router.log." + f: file, "log/readme": []byte("see there"), "empty": nil})
		if got, err := read(inZip); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s in zip: %d bytes, %v", f, len(got), err)
		}
		if r, err := NewReader(bytes.NewReader(inZip), isSample); err != nil {
			t.Errorf("%s in a zip that is a file: %v", f, err)
		} else if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s in a zip that is a file: %d bytes, %v", f, len(got), err)
		}
	}
	for _, plain := range [][]byte{nil, []byte("x"), want} {
		if got, err := read(plain); err != nil || !bytes.Equal(got, plain) {
			t.Errorf("%d bytes that are not compressed: %d, %v", len(plain), len(got), err)
		}
	}
}

// What is cut gives a beginning of what it held, and says so.
func TestCut(t *testing.T) {
	want := sample()
	for _, f := range []string{"gzip", "xz", "zstd", "bzip2"} {
		file := packed(t, f, want)
		longest := 0
		for _, n := range []int{7, 20, len(file) / 2, len(file) - 9, len(file) - 1} {
			got, err := read(file[:n])
			if !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("%s cut to %d of %d bytes: %v", f, n, len(file), err)
			}
			if !bytes.HasPrefix(want, got) {
				t.Errorf("%s cut to %d of %d bytes: something else came out", f, n, len(file))
			}
			longest = max(longest, len(got))
		}
		if longest < len(want)/2 {
			t.Errorf("%s: %d bytes at most of %d came out", f, longest, len(want))
		}
	}
}

// Every byte in turn is damaged: it is told, or changes nothing, and nothing else comes out where
// there is a check.
func TestDamaged(t *testing.T) {
	want := []byte("[IKE] generate Initiator CKY-I = 0011223344556677\n")
	for _, f := range []string{"gzip", "xz", "zstd"} {
		file := packed(t, f, want)
		for i := 6; i < len(file); i++ {
			bad := bytes.Clone(file)
			bad[i] ^= 0x55
			got, err := read(bad)
			if err == nil && !bytes.Equal(got, want) && i > 10 {
				t.Errorf("%s, byte %d: %q without an error", f, i, got)
			}
		}
	}
}

func TestRefused(t *testing.T) {
	one := sample()
	for name, c := range map[string]struct {
		file []byte
		err  string
	}{
		"several":  {zipped(t, map[string][]byte{"a": one, "b": one}), "several"},
		"none":     {zipped(t, map[string][]byte{"a": []byte("x")}), "none of the files in the zip archive "},
		"password": {withPassword(zipped(t, map[string][]byte{"a": one})), "takes a password"},
		"cut zip":  {zipped(t, map[string][]byte{"a": one})[:500], "the zip data is damaged"},
		"too deep": {packed(t, "gzip", packed(t, "gzip", packed(t, "gzip", packed(t, "gzip", one)))), "again and again"},
		"window":   {zstdOfWindow(0x99), "too much memory"},
		"xz":       {xzOfDict(29), "too much memory"},
	} {
		if _, err := read(c.file); err == nil || !strings.Contains(err.Error(), c.err) {
			t.Errorf("%s: %v, want %s", name, err, c.err)
		}
	}
	broken := errors.New("broken pipe")
	file := packed(t, "gzip", one)
	r, err := NewReader(io.MultiReader(bytes.NewReader(file[:9999]), iotest.ErrReader(broken)), isSample)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(r); err != broken {
		t.Errorf("%v, want what the reader said", err)
	}
}

// Files that take a password beside the one that is wanted: that is read, and then they are told.
func TestPasswordBeside(t *testing.T) {
	got, err := read(withPassword(zipped(t, map[string][]byte{"a": sample(), "b": []byte("x")})))
	if err != ErrPassword || !bytes.Equal(got, sample()) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

// withPassword marks the last file of a zip archive as encrypted.
func withPassword(file []byte) []byte {
	file[bytes.LastIndex(file, []byte("PK\x01\x02"))+8] |= 1
	return file
}

// xzOfDict is the beginning of an xz file with a dictionary of that code.
func xzOfDict(code byte) []byte {
	var b bytes.Buffer
	w, _ := xz.NewWriter(&b)
	w.Write([]byte("x"))
	w.Close()
	file := b.Bytes()
	at := bytes.Index(file[12:], []byte{0x21, 1}) + 14
	file[at] = code
	return file
}

// zstdOfWindow is the beginning of a zstd frame with a window of that code (RFC 8878 section
// 3.1.1.1.2).
func zstdOfWindow(code byte) []byte {
	return []byte{0x28, 0xb5, 0x2f, 0xfd, 0, code, 1, 0, 0}
}

// A bomb takes time, not memory.
func TestBomb(t *testing.T) {
	const size = 128 << 20
	for _, f := range []string{"gzip", "xz", "zstd"} {
		file := packed(t, f, make([]byte, 16<<20))
		file = bytes.Repeat(file, size>>24)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		r, err := NewReader(bytes.NewReader(file), isSample)
		if err != nil {
			t.Fatal(err)
		}
		n, err := io.Copy(struct{ io.Writer }{io.Discard}, r)
		runtime.ReadMemStats(&after)
		if err != nil || n != size {
			t.Errorf("%s: %d bytes, %v", f, n, err)
		}
		if grown := int64(after.Sys) - int64(before.Sys); grown > 200<<20 {
			t.Errorf("%s: %d MiB more for %d MiB", f, grown>>20, size>>20)
		}
	}
}

func tarred(name string, data []byte) []byte {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Size: int64(len(data))})
	w.Write(data)
	w.Close()
	return b.Bytes()
}

// TestFiles: what is wanted of an archive comes out with its name, up to a bound.
func TestFiles(t *testing.T) {
	one := sample()
	for what, data := range map[string][]byte{
		"plain": one, "gzip": packed(t, "gzip", one),
		"a\x1b": zipped(t, map[string][]byte{"a\x1b": one, "b": []byte("no"), "c.gz": packed(t, "gzip", []byte("no"))}),
		"t":     packed(t, "gzip", tarred("t", one)), "u": zipped(t, map[string][]byte{"u": packed(t, "xz", one)}),
	} {
		var got []string
		if err := Files(bytes.NewReader(data), isSample, func(name string, r io.Reader) error {
			text, err := io.ReadAll(r)
			if !bytes.Equal(text, one) {
				t.Errorf("%q: %d bytes of %q", what, len(text), name)
			}
			got = append(got, name)
			return err
		}); err != nil {
			t.Errorf("%q: %v", what, err)
		}
		if want := strings.ReplaceAll(what, "\x1b", `\x1b`); len(got) != 1 || got[0] != want && (got[0] != "" || len(what) == 1) {
			t.Errorf("%q: %q", what, got)
		}
	}
	// A file that takes a password is none that is passed over in silence.
	mixed := zipped(t, map[string][]byte{"a": one, "b": one})
	said := ""
	if err := Files(bytes.NewReader(withPassword(mixed)), isSample, func(name string, r io.Reader) error {
		if _, err := io.ReadAll(r); err != nil {
			said += err.Error()
		}
		return nil
	}); err != nil || said != "it takes a password: unpack it first" {
		t.Errorf("%q, %v", said, err)
	}
	if err := Files(bytes.NewReader(tarred("t", []byte("no"))), isSample, nil); err == nil {
		t.Error("an archive without what is wanted")
	}
}

// TestBounds: what reaches a bound of an archive is read, what is beyond it is refused.
func TestBounds(t *testing.T) {
	one := []byte("[IKE]")
	dirs := func(n int) []byte { // and a file
		var b bytes.Buffer
		w := tar.NewWriter(&b)
		for range n {
			w.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: "d/"})
		}
		w.Flush()
		return append(b.Bytes(), tarred("t", one)...)
	}
	files := func(n int) []byte {
		all := map[string][]byte{"wanted": one}
		for i := range n {
			all[strconv.Itoa(i)] = []byte("no")
		}
		return zipped(t, all)
	}
	piped := func(n int) []byte {
		return append([]byte("PK\x03\x04"), make([]byte, n-4)...)
	}
	for name, c := range map[string]struct {
		file []byte
		err  string
	}{
		"entries of tar":      {dirs(maxEntries - 1), ""},
		"more entries of tar": {dirs(maxEntries), "more than 1000 files"},
		"entries of zip":      {files(maxEntries - 1), ""},
		"more entries of zip": {files(maxEntries), "more than 1000 files"},
		"zip from a pipe":     {piped(maxPipedZip), "the zip data is damaged"},
		"larger zip":          {piped(maxPipedZip + 1), "64 MiB at most"},
	} {
		n := 0
		err := Files(io.MultiReader(bytes.NewReader(c.file)), isSample, func(string, io.Reader) error {
			n++
			return nil
		})
		if c.err == "" && (err != nil || n != 1) || c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)) {
			t.Errorf("%s: %d files, %v, want %q", name, n, err, c.err)
		}
	}
	for left, want := range map[int64]bool{10: true, 9: false} {
		w := &unpacker{wanted: isSample, left: left, file: func(_ string, r io.Reader) error {
			_, err := io.ReadAll(r)
			return err
		}}
		file := zipped(t, map[string][]byte{"a": one, "b": one})
		archive, err := zip.NewReader(bytes.NewReader(file), int64(len(file)))
		if err != nil {
			t.Fatal(err)
		}
		if err := w.zip(archive); (err == nil) != want || err != nil && !strings.Contains(err.Error(), "more than 4 GiB") {
			t.Errorf("10 bytes of %d: %v", left, err)
		}
	}
}

func FuzzDecompress(f *testing.F) {
	text := []byte("[IKE] text\n")
	for _, format := range []string{"gzip", "xz", "zstd"} {
		f.Add(packed(f, format, text))
	}
	f.Add(zipped(f, map[string][]byte{"router.log": text}))
	f.Add([]byte("BZh91AY&SY"))
	f.Add(tarred("router.log", text))
	f.Fuzz(func(t *testing.T, data []byte) {
		Files(bytes.NewReader(data), isSample, func(name string, r io.Reader) error {
			_, err := io.Copy(io.Discard, io.LimitReader(r, 1<<20))
			return err
		})
		r, err := NewReader(bytes.NewReader(data), isSample)
		if err != nil {
			return
		}
		io.Copy(io.Discard, io.LimitReader(r, 1<<20))
	})
}
