package keysrc

import (
	"bytes"
	"errors"
)

// maxColumns bounds the columns of a row: Wireshark's tables have 10, exports of log servers more.
const maxColumns = 64

var errQuote = errors.New("a quote is not closed")

// csvRow appends the columns of a row of a Wireshark table or of RFC 4180 CSV, or of one with
// another mark between them. Inside quotes a double quote stands for one quote (RFC 4180) and \xHH
// for a byte (Wireshark). With errQuote the last column is the open one.
func csvRow(columns [][]byte, text []byte, comma byte) ([][]byte, error) {
	plain := bytes.IndexByte(text, '\\') < 0
	for {
		text = skipBlanks(text, comma)
		var col []byte
		var err error
		if len(text) > 0 && text[0] == '"' {
			if end := bytes.IndexByte(text[1:], '"') + 1; plain && end > 0 && (end+1 == len(text) || text[end+1] != '"') {
				col, text = text[1:end], text[end+1:]
			} else if col, text, err = quoted(text[1:]); err != nil {
				return append(columns, col), err
			}
			text = skipBlanks(text, comma)
			if len(text) > 0 && text[0] != comma {
				return nil, errors.New("text follows a closing quote")
			}
		} else {
			end := bytes.IndexByte(text, comma)
			if end < 0 {
				end = len(text)
			}
			col, text = bytes.TrimRight(text[:end], " \t"), text[end:]
		}
		columns = append(columns, col)
		switch {
		case len(text) == 0:
			return columns, nil
		case len(columns) == maxColumns:
			return nil, errors.New("too many columns")
		}
		text = text[1:]
	}
}

// skipBlanks cuts off the blanks in front that are no comma.
func skipBlanks(text []byte, comma byte) []byte {
	for len(text) > 0 && blank(text[0]) && text[0] != comma {
		text = text[1:]
	}
	return text
}

// quoted reads up to the closing quote.
func quoted(text []byte) (col, rest []byte, err error) {
	col = make([]byte, 0, len(text))
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case c == '"' && i+1 < len(text) && text[i+1] == '"':
			i++
		case c == '"':
			return col, text[i+1:], nil
		case c == '\\' && i+3 < len(text) && text[i+1] == 'x' && unhex(text[i+2]) != 0xff && unhex(text[i+3]) != 0xff:
			c = unhex(text[i+2])<<4 | unhex(text[i+3])
			i += 3
		}
		col = append(col, c)
	}
	return col, nil, errQuote
}
