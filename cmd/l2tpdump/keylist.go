package main

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"encoding/json"
	"io"
	"slices"
	"strconv"
	"strings"

	"l2tpdump/esp"
	"l2tpdump/keysrc"
)

// rows calls f with a row for each value of each source, and for each key that was derived with the
// capture and that no source has.
func (k *keyring) rows(f func(listedKey)) {
	derived := make(map[[2]string][]listedKey) // by ID and kind; several keys may have opened an SA one after the other
	list := k.derived()
	for _, r := range list {
		at := [2]string{r.ID, r.Kind}
		derived[at] = append(derived[at], r)
	}
	listed := func(r listedKey) {
		at := [2]string{r.ID, r.Kind}
		if same := derived[at]; same != nil {
			derived[at] = slices.DeleteFunc(same, func(d listedKey) bool { return d.key.Equal(r.key) })
		}
		f(r)
	}
	for _, source := range k.sources {
		for _, s := range source.IKE {
			k.ikeRows(s, listed)
		}
		for _, s := range source.ESP {
			k.espRows(s, listed)
		}
	}
	for i := range list {
		r := &list[i]
		if slices.ContainsFunc(derived[[2]string{r.ID, r.Kind}], func(d listedKey) bool { return d.key.Equal(r.key) }) {
			listed(*r) // once
		}
	}
}

// printJSON prints the list as one object, and what became of Wireshark's tables.
func (k *keyring) printJSON(w io.Writer, tables []writtenTable) error {
	b := bufio.NewWriter(w)
	var line bytes.Buffer
	enc := json.NewEncoder(&line)
	enc.SetEscapeHTML(false)
	encode := func(v any) []byte {
		line.Reset()
		enc.Encode(v) // all that is listed has a JSON form
		return bytes.TrimSuffix(line.Bytes(), []byte("\n"))
	}
	b.WriteString(`{"keys":[`)
	comma := ""
	k.rows(func(r listedKey) {
		r.Source, r.Fingerprint = r.origin.String(), r.key.Fingerprint()
		if k.show {
			r.Key = hex.EncodeToString(r.key.Bytes())
		}
		b.WriteString(comma)
		b.Write(encode(r))
		comma = ","
	})
	next := `],"tables":[`
	for i := range tables {
		t := &tables[i]
		b.WriteString(next)
		b.Write(bytes.TrimSuffix(encode(t), []byte("}")))
		end, before := "}", `,"left":[`
		n, text := t.left()
		for i := range n {
			b.WriteString(before)
			b.Write(encode(text(i)))
			end, before = "]}", ","
		}
		b.WriteString(end)
		next = ","
	}
	b.WriteString("]}\n")
	return b.Flush()
}

// print prints the list as a table. The verdict is there with a capture, or where a key is
// uncertain; the key with --show.
func (k *keyring) print(w io.Writer) error {
	header := []string{"SOURCE", "KIND", "ID", "ADDRESSES", "ALGORITHM", "BITS", "FINGERPRINT"}
	verdicts := k.p != nil || slices.ContainsFunc(k.sources, func(source *keysrc.Keys) bool {
		return slices.ContainsFunc(source.ESP, func(s *esp.Secret) bool { return s.Uncertain })
	})
	if verdicts {
		header = append(header, "VERDICT")
	}
	if k.show {
		header = append(header, "KEY")
	}
	t := newAligned(header)
	var row []byte
	k.rows(func(r listedKey) {
		row = append(row[:0], visible(r.origin.File())...)
		if r.origin.Line > 0 {
			row = strconv.AppendInt(append(row, ':'), int64(r.origin.Line), 10)
		}
		for _, cell := range [...]string{r.Kind, r.ID} {
			row = append(append(row, cellEnd...), cell...)
		}
		row = r.appendAddresses(append(row, cellEnd...))
		row = append(append(row, cellEnd...), orUnknown(r.Algorithm)...)
		row = strconv.AppendInt(append(row, cellEnd...), int64(r.Bits), 10)
		if r.Needed > 0 {
			row = strconv.AppendInt(append(row, '/'), int64(r.Needed), 10)
		} else {
			row = append(row, "/?"...)
		}
		row = append(append(row, cellEnd...), r.key.Fingerprint()...)
		if verdicts {
			row = append(append(row, cellEnd...), orUnknown(r.Verdict)...)
		}
		if k.show {
			row = hex.AppendEncode(append(row, cellEnd...), r.key.Bytes())
		}
		t.add(row)
	})
	return t.print(w)
}

func (r *listedKey) appendAddresses(b []byte) []byte {
	switch {
	case r.Src != "" || r.Dst != "":
		return append(append(append(b, orAny(r.Src)...), " > "...), orAny(r.Dst)...)
	case strings.HasPrefix(r.Kind, "ESP"):
		return append(b, '?')
	}
	return append(b, '-')
}

func orAny(s string) string {
	if s == "" {
		return "*"
	}
	return s
}
