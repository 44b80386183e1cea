// Package wstables writes the tables of keys that Wireshark keeps in a profile's folder, and the
// ESP secrets of pcapng, which are spelt alike. They have no specification: what is written is what
// Wireshark 3 and 4 read and write.
package wstables

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"unicode"
)

// The names of the tables.
const (
	tableIKE = "ikev1_decryption_table"
	tableESP = "esp_sa"
)

// maxTable bounds a table that is added to, in bytes: it is read into memory.
const maxTable = 64 << 20

// Report says what became of a table's rows.
type Report struct {
	Path    string   `json:"path"`
	Added   int      `json:"added"`
	Present int      `json:"present"` // rows that were there already
	Left    []string `json:"-"`       // what is said of rows that are not in the table, or may be wrong
}

// table is a file of Wireshark's that gets new rows.
type table struct {
	Report
	old   []byte
	found bool // there is a file
}

// openTable reads the table, if there is one.
func openTable(dir, name string) (*table, error) {
	path := filepath.Join(dir, name)
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	t := &table{Report: Report{Path: path}}
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
	if i.Size() > maxTable {
		return nil, fmt.Errorf("%s: larger than %d bytes: move it away, and a new table is begun", path, maxTable)
	}
	t.found = true
	t.old, err = os.ReadFile(path)
	return t, err
}

// rows returns the rows that are there.
func (t *table) rows() iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for line := range bytes.Lines(t.old) {
			row := bytes.TrimFunc(line, unicode.IsSpace)
			if len(row) > 0 && row[0] != '#' && !yield(row) {
				return
			}
		}
	}
}

// write replaces the file in one step, with mode 0600: head is what is to stand before the old
// lines, tail what is to stand behind. A table that gets no row is not touched, but for its mode
// and the end of its last line: Wireshark drops a last line without its end.
func (t *table) write(head, tail iter.Seq[[]byte]) (*Report, error) {
	path := t.Path
	cut := len(t.old) > 0 && t.old[len(t.old)-1] != '\n'
	if t.Added == 0 && !cut {
		if t.found {
			return &t.Report, os.Chmod(path, 0o600)
		}
		return &t.Report, nil
	}
	if err := makeFolder(filepath.Dir(path)); err != nil {
		return nil, err
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*") // mode 0600
	if err != nil {
		return nil, err
	}
	defer os.Remove(f.Name())
	own(f, path)
	w := bufio.NewWriter(f)
	for row := range head {
		w.Write(row)
	}
	w.Write(t.old)
	if cut {
		w.WriteByte('\n')
	}
	for row := range tail {
		w.Write(row)
	}
	err = w.Flush()
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = t.unchanged()
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return nil, err
	}
	return &t.Report, nil
}

// unchanged returns an error if the table is not what it was when it was read.
func (t *table) unchanged() error {
	f, err := os.Open(t.Path)
	if errors.Is(err, os.ErrNotExist) && !t.found {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	rest := expected(t.old)
	if _, err = io.Copy(&rest, f); err == nil && len(rest) > 0 || !t.found {
		err = errChanged
	}
	if err != nil {
		return fmt.Errorf("%s: %w", t.Path, err)
	}
	return nil
}

// expected is what is still to be written, and nothing else.
type expected []byte

var errChanged = errors.New("it was changed while it was read, nothing was written: close Wireshark, and try again")

func (e *expected) Write(b []byte) (int, error) {
	rest, ok := bytes.CutPrefix(*e, b)
	if !ok {
		return 0, errChanged
	}
	*e = rest
	return len(b), nil
}
