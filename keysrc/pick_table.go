package keysrc

import "bytes"

// fromItems takes the SAs that RouterOS gives as values and by its API: ".id=*1;spi=…;enc-key=…",
// or "=.id=*1" and each field in a line of its own. RouterOS names the authentication key first:
// where it follows the other key, it is of an item whose beginning is lost.
func (t *turner) fromItems() pick {
	const id = ".id=*"
	begins := func(line []byte) bool { return bytes.HasPrefix(bytes.TrimPrefix(line, []byte("=")), []byte(id)) }
	if !t.has(begins) {
		return nil
	}
	var item jsonObject
	return func(i int) (text []byte, ok bool) {
		line := lineEnds.trimRight(t.at(i).text())
		for field := range bytes.SplitSeq(line, []byte(";")) {
			name, value, _ := bytes.Cut(bytes.TrimPrefix(field, []byte("=")), []byte("="))
			if begins(field) || bytes.HasPrefix(field, []byte("!")) { // of the API: !re, !done
				text, item = item.text(text), jsonObject{}
			} else {
				item.twice = item.twice || string(name) == "auth-key" && item.has("enc-key")
				item.take(string(name), string(value))
			}
		}
		if i == t.count-1 || bytes.HasPrefix(line, []byte(id)) {
			text, item = item.text(text), jsonObject{}
		}
		return text, len(text) > 0
	}
}

// sheetCommas are what spreadsheets and others put between the columns of a table.
const sheetCommas = ";\t|,"

// fromSheet takes the rows of Wireshark's tables out of what a spreadsheet saved, or what is drawn
// with bars.
func (t *turner) fromSheet() pick {
	if !t.has(func(line []byte) bool { _, ok := sheetRow(line); return ok }) {
		return nil
	}
	return func(i int) (text []byte, ok bool) {
		text = t.at(i).text()
		if row, ok := sheetRow(text); ok {
			text = row
		}
		return text, true
	}
}

// sheetRow returns a row as Wireshark has it. That of IKE has to be whole.
func sheetRow(line []byte) (row []byte, ok bool) {
	if len(line) > 4*maxKeyLen {
		return nil, false
	}
	for _, comma := range []byte(sheetCommas) {
		if bytes.IndexByte(line, comma) < 0 {
			continue
		}
		cols := columns(line, comma)
		if comma == '|' {
			cols = bytes.Split(bytes.Trim(line, " |"), []byte("|"))
		}
		if len(cols) > 2 && len(bytes.Join(cols[2:], nil)) == 0 { // a spreadsheet has them as wide as its widest row
			cols = cols[:2]
		}
		row = row[:0]
		for i, col := range cols {
			if i > 0 {
				row = append(row, ',')
			}
			col = bytes.TrimSpace(col)
			row = append(append(append(row, '"'), bytes.ReplaceAll(col, []byte(`"`), []byte(`""`))...), '"')
		}
		if matchESPRow(row) || len(cols) == 2 && len(bytes.TrimSpace(cols[0])) == 16 && matchIKERow(row) {
			return row, true
		}
	}
	return nil, false
}
