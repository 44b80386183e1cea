// Package redaction knows what people put in the place of keys before they show a log to others.
package redaction

import (
	"strings"
)

// marks are words for it, in capitals.
var marks = []string{
	"REDACT", "REMOVED", "HIDDEN", "CENSOR", "MASK", "CONFIDENTIAL", "SNIP", "STRIPPED", "OMITTED", "DELETED", "SANITI", "SECRET",
	"PRIVATE", "KEY",
}

const (
	characters = "xX*#.-?_█•…: " // each of which stands for a digit
	brackets   = "<>[](){}*#_"
	maxWords   = 3 // in brackets
)

// Value reports whether a text stands where a key was: "##**REMOVED**##", "<hidden>", "xx xx xx".
func Value(text string) bool {
	text = strings.Trim(text, " \t\"',;")
	if len(text) > 2 && text[0] == '0' && text[1]|0x20 == 'x' {
		text = text[2:]
		if rest := strings.TrimLeft(text, "0123456789abcdefABCDEF"); len(rest) > 1 && strings.Trim(rest, characters) == "" {
			return true // its first digits were left: "0x1a2b3c4d…"
		}
	}
	if len(text) < 2 {
		return false
	}
	if strings.Trim(text, characters) == "" {
		return true
	}
	inner := strings.Trim(text, brackets+" ")
	upper := strings.ToUpper(inner)
	if len(inner) == len(text) { // nothing is around it
		return len(upper) < 20 && (strings.Contains(upper, marks[0]) || upper == marks[1] || upper == marks[2])
	}
	if strings.ContainsAny(inner, brackets[:8]) || len(strings.Fields(inner)) > maxWords {
		return false
	}
	for _, mark := range marks {
		if strings.Contains(upper, mark) {
			return true
		}
	}
	return false
}

// Line reports whether such a value is the end of a line, or stands before the length of a key.
func Line(line string) bool {
	line = strings.TrimRight(line, " \t\r\n\\")
	if i := strings.LastIndexByte(line, ' '); i >= 0 && strings.Trim(line[i:], " 0123456789") == "" {
		line = line[:i]
	}
	for at := 0; at < len(line); at++ {
		if line[at] == ' ' || at > 0 && strings.IndexByte(" \t=\">:@", line[at-1]) < 0 {
			continue
		}
		if value := line[at:]; strings.Trim(value, "._-: ") != "" && Value(value) && !column(line[:at], value) {
			return true
		}
	}
	return false
}

// column reports whether a text is the column of characters behind as many bytes of a dump.
func column(before, text string) bool {
	words := strings.Fields(before)
	bytes := words[max(0, len(words)-len(text)):]
	for _, w := range bytes {
		if len(w) != 2 || strings.Trim(w, "0123456789abcdefABCDEF") != "" {
			return false
		}
	}
	return len(bytes) == len(text)
}
