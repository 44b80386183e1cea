package keysrc

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"unicode"
)

// The names of Wireshark's tables in a profile's folder.
const (
	TableIKE = "ikev1_decryption_table"
	TableESP = "esp_sa"
)

// maxTable bounds a table that is read to be added to.
const maxTable = 64 << 20

// usualRow is about how many bytes a row of the longer table has.
const usualRow = 128

// TableReport says what became of a table's rows.
type TableReport struct {
	Path    string
	Added   int
	Present int   // rows that were there already
	Left    []int // numbers of the rows that can't be spelt, from 0, ascending
}

// table is a file of Wireshark's that gets new rows. It is not held in memory: the lines are read where they are needed.
type table struct {
	report TableReport
	file   *os.File          // nil: there is none
	size   int64             // in bytes, when the rows were looked at
	sum    [sha256.Size]byte // of all bytes then
	likely int64             // how many rows it may have
	cut    bool              // the last line has no end
	window []byte            // a piece of the file
	at     int64             // where it begins
}

// openTable opens the table, if there is one. The caller closes it.
func openTable(path string) (*table, error) {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	t := &table{report: TableReport{Path: path}}
	i, err := os.Stat(path) // to open a FIFO would wait for its writer
	if errors.Is(err, os.ErrNotExist) {
		return t, nil
	}
	if err != nil {
		return nil, err
	}
	if !i.Mode().IsRegular() {
		return nil, fmt.Errorf("%s: it is not a file that can be replaced", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	t.file, t.likely = f, min(i.Size(), maxTable)/usualRow
	return t, nil
}

func (t *table) close() {
	if t.file != nil {
		t.file.Close()
	}
}

// each calls f with the rows that are there and their places, all before the table is written. A row is valid until f returns.
func (t *table) each(f func(at int64, row []byte)) error {
	if t.file == nil {
		return nil
	}
	hash := sha256.New()
	r := bufio.NewReaderSize(io.TeeReader(io.LimitReader(t.file, maxTable+1), hash), 64<<10)
	var long []byte // a line that is longer than the reader's buffer
	for {
		line, err := r.ReadSlice('\n')
		if len(line) > 0 {
			t.cut = line[len(line)-1] != '\n'
		}
		at := t.size - int64(len(long))
		t.size += int64(len(line))
		if errors.Is(err, bufio.ErrBufferFull) {
			long = append(long, line...)
			continue
		}
		if len(long) > 0 {
			line = append(long, line...)
		}
		if row := bytes.TrimLeftFunc(line, unicode.IsSpace); len(row) > 0 && row[0] != '#' {
			f(at+int64(len(line)-len(row)), bytes.TrimSpace(row))
		}
		long = long[:0]
		switch {
		case t.size > maxTable:
			return fmt.Errorf("%s: larger than %d bytes: move it away, and a new table is begun", t.report.Path, maxTable)
		case errors.Is(err, io.EOF):
			hash.Sum(t.sum[:0])
			return nil
		case err != nil:
			return err
		}
	}
}

// How much of a table is read at once to find one row, and how much of it stands before the row: new rows are looked at from
// the last to the first.
const (
	tableWindow = 64 << 10
	tableBefore = 48 << 10
)

// row returns the row at a place that each gave; it is valid until the next call.
func (t *table) row(at int64) ([]byte, error) {
	if at >= t.at && at < t.at+int64(len(t.window)) {
		if row, _, ok := bytes.Cut(t.window[at-t.at:], []byte{'\n'}); ok {
			return bytes.TrimSpace(row), nil
		}
	}
	for size := tableWindow; ; size *= 2 {
		t.at = max(0, at-tableBefore)
		if cap(t.window) < size {
			t.window = make([]byte, size)
		}
		n, err := t.file.ReadAt(t.window[:size], t.at)
		t.window = t.window[:n]
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
		if at-t.at > int64(n) {
			return nil, t.changed()
		}
		row, _, ok := bytes.Cut(t.window[at-t.at:], []byte{'\n'})
		if ok || err != nil {
			return bytes.TrimSpace(row), nil
		}
	}
}

func (t *table) changed() error {
	return fmt.Errorf("%s: it was changed while it was read, nothing was written: close Wireshark, and try again", t.report.Path)
}

// write replaces the file in one step, with mode 0600: head writes what is to stand before the old lines, tail what is to stand behind.
// A table that gets no row is not touched, but for its mode and the end of its last line.
func (t *table) write(head, tail func(w *bufio.Writer) error) (*TableReport, error) {
	path := t.report.Path
	if t.report.Added == 0 && !t.cut {
		if t.file != nil {
			return &t.report, os.Chmod(path, 0o600)
		}
		return &t.report, nil
	}
	if err := makeFolder(filepath.Dir(path)); err != nil {
		return nil, err
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*") // mode 0600
	if err != nil {
		return nil, err
	}
	defer os.Remove(f.Name())
	w := bufio.NewWriterSize(f, 64<<10)
	own(f, path)
	err = head(w)
	if err == nil {
		err = t.copy(w)
	}
	if err == nil {
		err = tail(w)
	}
	if err == nil {
		err = w.Flush()
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		t.close() // some systems replace no open file
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return nil, err
	}
	return &t.report, nil
}

// copy writes the old lines, if they are still those that were looked at.
func (t *table) copy(w *bufio.Writer) error {
	if t.file == nil {
		return nil
	}
	hash := sha256.New()
	n, err := io.Copy(w, io.TeeReader(io.NewSectionReader(t.file, 0, maxTable+1), hash))
	if err != nil {
		return err
	}
	if n != t.size || [sha256.Size]byte(hash.Sum(nil)) != t.sum {
		return t.changed()
	}
	if t.cut {
		return w.WriteByte('\n') // Wireshark drops a last line without its end, and would join it to the next here
	}
	return nil
}
