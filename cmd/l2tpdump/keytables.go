package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
)

// writtenTable is what became of one of Wireshark's tables.
type writtenTable struct {
	Path    string `json:"path"`
	Added   int    `json:"added"`
	Present int    `json:"present"`

	left  remarks
	again func(r *remarks) // makes the remarks once more
}

// remarks are sentences about what is not in a table, or may be wrong with it. There may be one for each key of a log, so no more of
// them are kept than a message lists.
type remarks struct {
	first []string
	n     int
	each  func(text string) // is given all of them, if not nil
}

// add adds a sentence; to nil it adds none.
func (r *remarks) add(text func() string) {
	if r == nil {
		return
	}
	r.n++
	switch {
	case r.each != nil:
		r.each(text())
	case r.n <= maxListed+1:
		r.first = append(r.first, text())
	}
}

// writeTables adds what Wireshark can use to its tables in a folder. What has no row is said in the remarks. With
// an error it returns the table that is written nevertheless.
func (k *keyring) writeTables(dir string) ([]writtenTable, error) {
	for _, source := range k.sources {
		if !source.HasPlaces() {
			return nil, errors.New("the key sources hold more keys than tables can take")
		}
	}
	all := make([]hintIndex, len(k.sources))
	for i, source := range k.sources {
		all[i].init(&source.Hints)
	}
	ike := ikeTable{k: k, hints: all, best: bestIKE(k.sources, all)}
	first, err := ike.write(dir)
	if err != nil {
		return nil, err
	}
	sa := espTable{k: k, hints: all}
	second, err := sa.write(dir)
	if err != nil {
		return []writtenTable{first}, err
	}
	return []writtenTable{first, second}, nil
}

// writeTablesJSON writes what became of the tables as a JSON list.
func writeTablesJSON(w io.Writer, tables []writtenTable) error {
	b := bufio.NewWriter(w)
	var line []byte
	for i := range tables {
		t := &tables[i]
		line = append(line[:0], "[,"[min(i, 1)])
		line = appendJSON(line, t)
		if t.left.n > 0 {
			line = append(line[:len(line)-1], `,"left":`...)
		}
		b.Write(line)
		next := byte('[')
		t.again(&remarks{each: func(text string) {
			line = appendJSON(append(line[:0], next), text)
			next = ','
			b.Write(line)
		}})
		if t.left.n > 0 {
			b.WriteString("]}")
		}
	}
	b.WriteByte(']')
	return b.Flush()
}

// reportTables says what became of the tables.
func reportTables(tables []writtenTable) {
	for i := range tables {
		t := &tables[i]
		present := ""
		if t.Present > 0 {
			present = fmt.Sprintf(", %d were there", t.Present)
		}
		message("%s: %s added%s", t.Path, plural(t.Added, "row"), present)
		listedOf(t.left.first, t.left.n)
	}
}
