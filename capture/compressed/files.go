package compressed

import (
	"archive/tar"
	"archive/zip"
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
)

// maxUnpacked bounds the bytes that all files of an archive hold together.
const maxUnpacked = 4 << 30

// Files calls file with each file that r holds: decompressed if it is compressed, and of a zip or
// tar archive all files for which wanted, given their first bytes, returns true, with their names,
// whose unprintable characters are escaped. The name of what is no archive is "". The readers are
// valid until file returns. An archive that has no such file is an error; errors are otherwise
// those of NewReader, and those that file returns.
func Files(r io.Reader, wanted func(head []byte) bool, file func(name string, r io.Reader) error) error {
	plain, archive, err := open(r)
	if err != nil {
		return err
	}
	w := &unpacker{wanted: wanted, file: file, left: maxUnpacked}
	if archive != nil {
		return w.zip(archive)
	}
	br := bufio.NewReaderSize(plain, tarHead)
	head, err := br.Peek(tarHead)
	if err == nil && bytes.HasPrefix(head[tarMagicAt:], []byte("ustar")) {
		return w.tar(br)
	}
	return file("", br)
}

// A header of tar has its magic at this place.
const (
	tarHead    = 512
	tarMagicAt = 257
)

// unpacker hands out the files of an archive.
type unpacker struct {
	wanted func(head []byte) bool
	file   func(name string, r io.Reader) error
	left   int64 // bytes that may still come out
}

func (w *unpacker) zip(archive *zip.Reader) error {
	found, _, err := wantedIn(archive, w.wanted)
	if err != nil {
		return err
	}
	some := false
	for _, f := range archive.File {
		if f.Flags&encrypted == 0 {
			continue
		}
		if err := w.file(printable(f.Name), failed{errPassword}); err != nil {
			return err
		}
	}
	for _, f := range found {
		r, err := f.Open()
		if err != nil {
			return &DamageError{"zip"}
		}
		ok, err := w.one(f.Name, &decompressor{format: "zip", r: r})
		r.Close()
		if err != nil {
			return err
		}
		some = some || ok
	}
	if !some {
		return errors.New("none of the files in the zip archive is what is wanted here")
	}
	return nil
}

func (w *unpacker) tar(r io.Reader) error {
	t := tar.NewReader(r)
	found := false
	for n := 0; ; n++ {
		h, err := t.Next()
		switch {
		case err == io.EOF && !found:
			return errors.New("none of the files in the tar archive is what is wanted here")
		case err == io.EOF:
			return nil
		case err != nil:
			return (&decompressor{format: "tar"}).because(err)
		case n == maxEntries:
			return fmt.Errorf("the tar archive holds more than %d files: unpack it first", maxEntries)
		case h.Typeflag != tar.TypeReg:
			continue
		}
		ok, err := w.one(h.Name, t)
		if err != nil {
			return err
		}
		found = found || ok
	}
}

// one hands out a file, if what it holds is wanted, or can't be opened.
func (w *unpacker) one(name string, r io.Reader) (ok bool, err error) {
	name = printable(name)
	plain, err := NewReader(r, w.wanted)
	if err != nil {
		return true, w.file(name, failed{err})
	}
	br := bufio.NewReader(&bounded{plain, w})
	head, err := br.Peek(HeadLen)
	if (err == nil || err == io.EOF) && (len(head) == 0 || !w.wanted(head)) {
		return false, nil
	}
	return true, w.file(name, br)
}

// printable escapes what can't be printed.
func printable(name string) string {
	quoted := strconv.Quote(name)
	return quoted[1 : len(quoted)-1]
}

// failed is a file that can't be opened.
type failed struct{ err error }

func (f failed) Read([]byte) (int, error) { return 0, f.err }

// bounded counts the bytes of all files of an archive.
type bounded struct {
	r io.Reader
	w *unpacker
}

func (b *bounded) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	if b.w.left -= int64(n); b.w.left < 0 {
		return 0, fmt.Errorf("the archive holds more than %d GiB: unpack it first", maxUnpacked>>30)
	}
	return n, err
}
