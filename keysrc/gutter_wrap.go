package keysrc

import "bytes"

// A terminal ends lines at its last column, and what was copied from it has them so. The lines of
// charon's dumps can be put together again: their first lines say of how many bytes they are, and
// each row at which of them it begins.

const (
	narrowest = 72 // of a terminal
	widest    = 132
)

// rejoined returns the lines of a source, each at its place, and those that a terminal may have
// broken put together with the next; nil if charon's rows are not broken in it.
func rejoined(lines []*turnedLine) []byte {
	columns := 0
	for _, l := range lines {
		columns = max(columns, len(l.text()))
	}
	if columns < narrowest || columns > widest {
		return nil
	}
	goesOn := func(i int) bool { // in the next line
		if len(lines[i].text()) < columns || i+1 == len(lines) {
			return false
		}
		return !beginsCharon(lines[i+1].text())
	}
	var b bytes.Buffer
	broken := false
	n := 1
	for i, l := range lines {
		if i == 0 || !goesOn(i-1) {
			for ; n < l.n; n++ {
				b.WriteByte('\n')
			}
		}
		b.Write(l.text())
		msg, tagged := charonTag(l.text(), nil)
		if !tagged {
			_, msg.msg = charonMessage(l.text())
		}
		_, _, row := charonRow(msg.msg)
		broken = broken || row && goesOn(i)
	}
	if !broken {
		return nil
	}
	return b.Bytes()
}

// beginsCharon reports whether a line begins as charon writes them, with a tag, or as the journal
// shows them.
func beginsCharon(line []byte) bool {
	if _, ok := charonTag(line, nil); ok {
		return true
	}
	sender, _ := syslogHeader(line)
	_, _, row := charonRow(line)
	return len(sender) > 0 || row
}
