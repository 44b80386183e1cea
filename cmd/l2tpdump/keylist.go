package main

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"io"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
)

// part calls f with rows of the list, in order. A row is valid until f returns.
type part func(f func(*listedKey))

// parts returns the list: a row for each value of each source, and for each key that was derived with the capture. Without a
// capture they may be called at the same time, else one behind the other. If blank the keys of sources are zeros.
func (k *keyring) parts(blank bool) []part {
	derived := k.derived()
	known := make(map[keyIdentity]bool) // those of them that a source has too
	ids := make(map[string]bool)
	for i := range derived {
		ids[derived[i].ID] = true
	}
	var list []part
	for _, source := range k.sources {
		if blank {
			source = source.Blank()
		}
		for _, st := range source.Split() {
			list = append(list, func(f func(*listedKey)) {
				listed := f
				if len(ids) > 0 {
					listed = func(r *listedKey) {
						if ids[r.ID] {
							known[r.identity()] = true
						}
						f(r)
					}
				}
				var space rowSpace
				for s := range st.IKE() {
					k.ikeRows(s, &space, listed)
				}
				for s := range st.ESP() {
					k.espRows(s, &space, listed)
				}
			})
		}
	}
	return append(list, func(f func(*listedKey)) {
		twice := make(map[keyIdentity]bool)
		for i := range derived {
			r := &derived[i]
			if id := r.identity(); !known[id] && !twice[id] {
				twice[id] = true
				f(r)
			}
		}
	})
}

// workers returns how many parts may be called at the same time: each holds its text.
func (k *keyring) workers() int {
	if k.p != nil {
		return 1
	}
	return min(runtime.GOMAXPROCS(0), maxWorkers)
}

const maxWorkers = 4

// write writes what format appends for each row.
func (k *keyring) write(w io.Writer, format func(dst []byte, r *listedKey) []byte) error {
	parts, n := k.parts(false), k.workers()
	texts := make(chan chan []byte, n-1) // of the parts that are being worked on, in order
	spare := make(chan []byte, n+1)
	stop := make(chan struct{})
	defer close(stop)
	go func() {
		defer close(texts)
		for _, p := range parts {
			text := make(chan []byte, 1)
			select {
			case texts <- text:
			case <-stop:
				return
			}
			render := func() {
				var b []byte
				select {
				case b = <-spare:
				default:
				}
				p(func(r *listedKey) { b = format(b, r) })
				text <- b
			}
			if n == 1 {
				render()
			} else {
				go render()
			}
		}
	}()
	for text := range texts {
		b := <-text
		if _, err := w.Write(b); err != nil {
			return err
		}
		select {
		case spare <- b[:0]:
		default:
		}
	}
	return nil
}

// printJSON prints the list as one object, and what became of Wireshark's tables.
func (k *keyring) printJSON(w io.Writer, tables []writtenTable) error {
	if _, err := io.WriteString(w, `{"keys":[`); err != nil {
		return err
	}
	first := true
	err := k.write(separated{w, &first}, func(dst []byte, r *listedKey) []byte {
		r.Fingerprint = r.key.Fingerprint()
		if k.show {
			r.Key = hex.EncodeToString(r.key.Bytes())
		}
		return appendJSON(append(dst, ','), r)
	})
	if err != nil {
		return err
	}
	end := "]"
	if len(tables) > 0 {
		if _, err = io.WriteString(w, `],"tables":`); err == nil {
			err = writeTablesJSON(w, tables)
		}
		end = ""
	}
	if err != nil {
		return err
	}
	_, err = io.WriteString(w, end+"}\n")
	return err
}

// separated takes the comma off what begins a list.
type separated struct {
	w     io.Writer
	first *bool
}

func (s separated) Write(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	skip := 0
	if *s.first {
		skip, *s.first = 1, false
	}
	n, err := s.w.Write(b[skip:])
	return n + skip, err
}

// appendJSON appends v on one line. All that is listed has a JSON form.
func appendJSON(dst []byte, v any) []byte {
	b := bytes.NewBuffer(dst)
	enc := json.NewEncoder(b)
	enc.SetEscapeHTML(false)
	enc.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte{'\n'})
}

// keyColumns are the columns of the list; the last two are there with a capture, and with --show.
var keyColumns = [...]string{"SOURCE", "KIND", "ID", "ADDRESSES", "ALGORITHM", "BITS", "FINGERPRINT", "VERDICT", "KEY"}

const (
	columnSource = iota
	columnKind
	columnID
	columnAddresses
	columnAlgorithm
	columnBits
	columnFingerprint
	columnVerdict
	columnKey
)

// print prints the list as a table. It goes through the keys twice: the first time for the widths of the columns.
func (k *keyring) print(w io.Writer) error {
	widths := k.widths()
	shown := [len(keyColumns)]bool{columnVerdict: k.p != nil || widths[columnVerdict] >= len(uncertain), columnKey: k.show}
	for i := range columnVerdict {
		shown[i] = true
	}
	last := columnFingerprint
	for i := range keyColumns {
		if shown[i] {
			last = i
		}
	}
	line := make([]byte, 0, 256)
	for i, title := range keyColumns {
		if widths[i] = max(widths[i], len(title)); shown[i] {
			line = padded(append(line, title...), len(title), widths[i], i == last)
		}
	}
	if _, err := w.Write(append(line, '\n')); err != nil {
		return err
	}
	return k.write(w, func(dst []byte, r *listedKey) []byte {
		for i := range keyColumns {
			if shown[i] {
				at := len(dst)
				dst = r.appendCell(dst, i)
				dst = padded(dst, len(dst)-at, widths[i], i == last)
			}
		}
		return append(bytes.TrimRight(dst, " "), '\n')
	})
}

// widths returns how wide the texts of the columns are, but for fingerprints, which are all as wide as their title or less, and
// keys, which come last.
func (k *keyring) widths() (widths [len(keyColumns)]int) {
	var (
		parts = k.parts(k.p == nil)
		next  atomic.Int64
		wait  sync.WaitGroup
		mu    sync.Mutex
	)
	for range k.workers() {
		wait.Add(1)
		go func() {
			defer wait.Done()
			var own [len(keyColumns)]int
			cell := make([]byte, 0, 128)
			for i := int(next.Add(1)) - 1; i < len(parts); i = int(next.Add(1)) - 1 {
				parts[i](func(r *listedKey) {
					for i, text := range [...]string{columnSource: r.Source, columnKind: r.Kind, columnID: r.ID} {
						own[i] = max(own[i], len(text))
					}
					for _, i := range [...]int{columnAddresses, columnAlgorithm, columnBits, columnVerdict} {
						cell = r.appendCell(cell[:0], i)
						own[i] = max(own[i], len(cell))
					}
				})
			}
			mu.Lock()
			defer mu.Unlock()
			for i, n := range own {
				widths[i] = max(widths[i], n)
			}
		}()
	}
	wait.Wait()
	return widths
}

// padded appends blanks up to the next column.
func padded(line []byte, n, width int, last bool) []byte {
	for ; !last && n < width+2; n++ {
		line = append(line, ' ')
	}
	return line
}

// appendCell appends the text of a column.
func (r *listedKey) appendCell(b []byte, column int) []byte {
	switch column {
	case columnSource:
		return append(b, r.Source...)
	case columnKind:
		return append(b, r.Kind...)
	case columnID:
		return append(b, r.ID...)
	case columnAddresses:
		switch {
		case r.Src != "" || r.Dst != "":
			return append(append(append(b, orAny(r.Src)...), " > "...), orAny(r.Dst)...)
		case strings.HasPrefix(r.Kind, "ESP"):
			return append(b, '?')
		}
		return append(b, '-')
	case columnAlgorithm:
		return append(b, orUnknown(r.Algorithm)...)
	case columnBits:
		b = append(strconv.AppendInt(b, int64(r.Bits), 10), '/')
		if r.Needed > 0 {
			return strconv.AppendInt(b, int64(r.Needed), 10)
		}
		return append(b, '?')
	case columnFingerprint:
		return append(b, r.key.Fingerprint()...)
	case columnVerdict:
		return append(b, orUnknown(r.Verdict)...)
	case columnKey:
		return hex.AppendEncode(b, r.key.Bytes())
	}
	return b
}

func orAny(s string) string {
	if s == "" {
		return "*"
	}
	return s
}
