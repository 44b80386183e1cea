package main

import (
	"fmt"

	"l2tpdump/cmd/internal/wstables"
)

// writtenTable is what became of a table, and what is said of its rows.
type writtenTable struct {
	*wstables.Report
	remarks `json:"-"`
}

// remarks are sentences about what is not in a table, or may be wrong with it, made where they are
// read: there may be one for each key of a log.
type remarks []func() string

func (r *remarks) add(text func() string) { *r = append(*r, text) }

// writeTables adds what Wireshark can use to its tables in a folder. With an error it returns the
// table that is written nevertheless.
func (k *keyring) writeTables(dir string) (written []writtenTable, err error) {
	hints := make([]hintIndex, len(k.sources))
	for i, source := range k.sources {
		hints[i].init(&source.Hints)
	}
	ike := ikeTable{k: k, hints: hints}
	r, err := wstables.WriteIKE(dir, ike.rows())
	if err != nil {
		return nil, err
	}
	written = append(written, writtenTable{r, ike.remarks})
	sa := espTable{k: k, hints: hints}
	if r, err = wstables.WriteESP(dir, sa.rows()); err != nil {
		return written, err
	}
	return append(written, writtenTable{r, sa.remarks}), nil
}

// left is how many things are said of the rows, and one of them: those about rows that can't be
// spelt come last.
func (t *writtenTable) left() (n int, text func(i int) string) {
	return len(t.remarks) + len(t.Left), func(i int) string {
		if i < len(t.remarks) {
			return t.remarks[i]()
		}
		return t.Left[i-len(t.remarks)]
	}
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
		listedOf(t.left())
	}
}
