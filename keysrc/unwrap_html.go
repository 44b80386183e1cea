package keysrc

import (
	"bytes"
	"html"
	"slices"
	"strings"
)

// cellMark stands before each cell of a table until its row is whole.
const cellMark = "\x1f"

// htmlTags are the elements of web pages that logs are shown in, with what they stand for.
var htmlTags = map[string]string{
	"br": "\n", "tr": "\n", "p": "\n", "div": "\n", "li": "\n", "pre": "\n", "table": "\n", "html": "\n", "body": "\n",
	"td": cellMark, "th": cellMark, "textarea": "\n",
	"span": "", "b": "", "i": "", "a": "", "font": "", "code": "", "tt": "", "tbody": "", "thead": "", "ul": "", "ol": "",
	"strong": "", "em": "", "small": "", "mark": "", "samp": "", "kbd": "", "nobr": "", "label": "", "time": "", "section": "\n",
}

// unwrapHTML takes the text of a web page: without tags, with entities replaced.
func unwrapHTML(dst, line []byte) ([]byte, bool) {
	if bytes.IndexByte(line, '<') < 0 && bytes.IndexByte(line, '&') < 0 {
		return dst, false
	}
	start, row, found := len(dst), len(dst), false
	for at := 0; at < len(line); {
		i := bytes.IndexAny(line[at:], "<&")
		if i < 0 {
			if !found {
				return dst[:start], false
			}
			dst = append(dst, line[at:]...)
			break
		}
		dst = append(dst, line[at:at+i]...)
		at += i
		text, n := htmlMark(line[at:])
		if found = found || n > 0; n == 0 {
			text, n = string(line[at]), 1
		}
		if text == "\n" && n > 1 {
			if dst = htmlRow(dst, row); len(dst) > row {
				dst = append(dst, '\n')
			}
			row = len(dst)
		} else {
			dst = append(dst, text...)
		}
		at += n
	}
	return htmlRow(dst, row), found
}

// htmlRow puts tabs between the cells of the row of a table that begins at start, if one of them is
// a time: then another is the message. It puts blanks between those of others, and takes off a
// number before one other.
func htmlRow(dst []byte, start int) []byte {
	row := dst[start:]
	if bytes.IndexByte(row, cellMark[0]) < 0 {
		return dst
	}
	cells := bytes.Split(bytes.TrimLeft(row, " \t"), []byte(cellMark))
	if len(cells[0]) == 0 { // before the first mark
		cells = cells[1:]
	}
	if len(cells) == 2 && isLineNumber(cells[0]) {
		cells = cells[1:]
	}
	between := byte(' ')
	if slices.ContainsFunc(cells, isTime) || slices.ContainsFunc(cells, isMessageName) {
		between = '\t'
	}
	text := make([]byte, 0, len(row))
	for i, cell := range cells {
		if i > 0 {
			text = append(text, between)
		}
		text = append(text, bytes.ReplaceAll(cell, []byte("\t"), []byte(" "))...)
	}
	return append(dst[:start], text...)
}

// isLineNumber reports whether a cell is no more than that.
func isLineNumber(cell []byte) bool {
	cell = bytes.TrimSpace(cell)
	return len(cell) < 8 && len(bytes.Trim(cell, "0123456789")) == 0
}

// htmlMark returns what the tag or the entity at the beginning of s stands for, and its length; 0
// if there is none.
func htmlMark(s []byte) (text string, n int) {
	end := bytes.IndexByte(s, '>')
	if s[0] == '&' {
		end = bytes.IndexByte(s, ';')
		if end < 2 || end > 10 {
			return "", 0
		}
		text = html.UnescapeString(string(s[:end+1]))
		if text == string(s[:end+1]) {
			return "", 0
		}
		return strings.ReplaceAll(text, "\u00a0", " "), end + 1
	}
	if end < 0 || end > 300 {
		return "", 0
	}
	name := bytes.TrimLeft(s[1:end], "/")
	if i := bytes.IndexAny(name, " /\t"); i > 0 {
		name = name[:i]
	}
	text, ok := htmlTags[strings.ToLower(string(name))]
	if !ok {
		return "", 0
	}
	if text == cellMark && s[1] == '/' {
		text = ""
	}
	return text, end + 1
}
