package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"l2tpdump/cmd/internal/cells"
)

// A sheet is a table that fits the terminal. Where it is too wide, reasons become numbers of notes
// that stand below all tables, and columns that may move stand in a line of their own below the
// row.
type sheet struct {
	columns []column
	rows    [][]string // a cell for each column; fewer where a row stands for others
	reasons []string   // of each row; "" none
	ids     []string   // of each row, by which another one refers to its reason
}

type column struct {
	head  string
	below string // how a cell is written below its row, "key %s"; "" it stays
}

// moving is the order in which columns move below their rows.
var moving = []string{"KEY", "CIPHER", "HASH", "AUTH", "SEQUENCE", "ADDRESSES", "HASHES", "DECRYPTED"}

func (s *sheet) add(id, reason string, cells ...string) {
	for i := range cells {
		cells[i] = visible(cells[i])
	}
	s.rows, s.reasons, s.ids = append(s.rows, cells), append(s.reasons, visible(reason)), append(s.ids, id)
}

// heads are the names of the columns.
func (s *sheet) heads() (heads []string) {
	for _, c := range s.columns {
		heads = append(heads, c.head)
	}
	return heads
}

// columnWidths returns how wide each column is, and all with a gap behind each.
func columnWidths(heads []string, rows [][]string) (widths []int, total int) {
	for i, head := range heads {
		n := cells.Width(head)
		for _, row := range rows {
			if i < len(row) {
				n = max(n, cells.Width(row[i]))
			}
		}
		widths = append(widths, n)
		total += n + gap
	}
	return widths, total
}

// gap is the blanks between columns.
const gap = 2

// printer prints sheets, which share the numbers of their notes.
type printer struct {
	w       io.Writer
	columns int  // of the terminal; 0: any number
	color   bool // bad verdicts stand out
	narrow  bool // reasons are notes
	said    reasons
	notes   []string // reasons, where narrow
	written bool
}

// newPrinter returns a printer for all of these sheets.
func newPrinter(w io.Writer, columns int, color bool, sheets ...*sheet) *printer {
	p := &printer{w: w, columns: columns, color: color, said: make(reasons)}
	for _, s := range sheets {
		_, total := columnWidths(s.heads(), s.rows)
		for _, r := range s.reasons {
			p.narrow = p.narrow || columns > 0 && total+cells.Width(r) > columns
		}
	}
	return p
}

// print prints a sheet, after a blank line if it is not the first.
func (p *printer) print(s *sheet) {
	if len(s.rows) == 0 {
		return
	}
	if p.written {
		io.WriteString(p.w, "\n")
	}
	p.written = true
	reasons := make([]string, len(s.rows))
	heading, width := "REASON", 0
	if p.narrow {
		heading, width = "NOTE", len("NOTE")
	}
	for i := range s.rows {
		reasons[i] = p.reason(s.ids[i], s.reasons[i])
		width = max(width, len(reasons[i]))
	}
	heads := s.heads()
	widths, total := columnWidths(heads, s.rows)
	var moved []bool
	if p.narrow {
		moved = s.move(widths, total+width-p.columns)
	}
	p.row(s, heads, heading, widths, moved)
	for i, row := range s.rows {
		p.row(s, row, reasons[i], widths, moved)
		p.below(s, row, moved)
	}
}

// reason is how a row gives its reason: what was said is not said again.
func (p *printer) reason(id, reason string) string {
	if !p.narrow || reason == "" {
		return p.said.of(id, reason)
	}
	if !slices.Contains(p.notes, reason) {
		p.notes = append(p.notes, reason)
	}
	return p.note(reason)
}

// note is the number of the note that gives the reason, "" if none does.
func (p *printer) note(reason string) string {
	if i := slices.Index(p.notes, reason); i >= 0 {
		return fmt.Sprintf("[%d]", i+1)
	}
	return ""
}

// reasons shortens those that say the same as an earlier one.
type reasons map[string]string

func (r reasons) of(id, reason string) string {
	const short = 40
	if first, ok := r[reason]; ok {
		return "as " + first
	}
	if len(reason) > short {
		r[reason] = id
	}
	return reason
}

// move chooses the columns that move below their rows, so that the table gets narrower by that
// much.
func (s *sheet) move(widths []int, by int) []bool {
	moved := make([]bool, len(s.columns))
	for _, head := range moving {
		i := slices.IndexFunc(s.columns, func(c column) bool { return c.head == head && c.below != "" })
		if by > 0 && i >= 0 {
			moved[i] = true
			by -= widths[i] + gap
		}
	}
	return moved
}

func (p *printer) row(s *sheet, row []string, reason string, widths []int, moved []bool) {
	var b strings.Builder
	blanks := 0
	put := func(text, shown string, width int) {
		if text != "" {
			b.WriteString(strings.Repeat(" ", blanks) + shown)
			blanks = 0
		}
		blanks += width + gap - cells.Width(text)
	}
	for i, cell := range row {
		if moved != nil && moved[i] {
			continue
		}
		shown := cell
		if p.color && s.columns[i].head == "VERDICT" {
			shown = paint(cell)
		}
		if len(row) < len(s.columns) && i == len(row)-1 {
			put(cell, shown, cells.Width(cell)) // it stands for several rows, and has no more cells
			continue
		}
		put(cell, shown, widths[i])
	}
	put(reason, reason, 0)
	io.WriteString(p.w, b.String()+"\n")
}

// below prints the cells of a row that have moved.
func (p *printer) below(s *sheet, row []string, moved []bool) {
	var parts []string
	for i, cell := range row {
		if moved != nil && moved[i] && cell != "" && cell != "?" {
			parts = append(parts, fmt.Sprintf(s.columns[i].below, cell))
		}
	}
	if len(parts) > 0 {
		io.WriteString(p.w, cells.Wrap("  "+strings.Join(parts, ", "), p.columns, "  "))
	}
}

// end prints the notes, and a sentence.
func (p *printer) end(sentence string) {
	if len(p.notes) > 0 {
		io.WriteString(p.w, "\n")
	}
	for i, note := range p.notes {
		io.WriteString(p.w, cells.Wrap(fmt.Sprintf("[%d] %s", i+1, note), p.columns, "    "))
	}
	if p.written && p.narrow {
		io.WriteString(p.w, "\n")
	}
	io.WriteString(p.w, cells.Wrap(sentence, p.columns, ""))
}
