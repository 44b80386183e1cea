package keysrc

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
)

// messageNames are what log servers call the text of a line.
var messageNames = []string{
	"message", "msg", "log", "line", "stdout", "_raw", "raw", "@message", "textpayload", "short_message", "text",
}

// json takes the message of each object in a line: of docker's json-file, journalctl -o json,
// json-pretty, json-seq and json-sse, Elasticsearch; and the SAs that RouterOS gives in JSON, as
// its print shows them. An object may have a line for each member.
func (u *unwrapper) json(dst, line []byte) ([]byte, bool) {
	line = bytes.TrimSpace(bytes.TrimPrefix(bytes.TrimPrefix(line, []byte("\x1e")), []byte("data: ")))
	u.ends, u.part = u.ends[:0], len(bytes.Trim(line, "{}[], ")) == 0
	if !mayBeJSON(line) {
		return dst, false
	}
	start := len(dst)
	for at := 0; at < len(line); at++ {
		i := bytes.IndexAny(line[at:], `"{}`)
		if i < 0 {
			break
		}
		if at += i; line[at] != '"' {
			dst = u.endObject(dst)
			continue
		}
		name, end, ok := jsonString(line, at)
		if !ok {
			break
		}
		rest := bytes.TrimLeft(line[end+1:], " \t")
		if at = end; len(rest) > 0 && rest[0] == ':' {
			u.part = true
			value, n := jsonText(bytes.TrimLeft(rest[1:], " \t"))
			if n > 0 {
				u.object.take(name, value)
			}
			at = len(line) - len(bytes.TrimLeft(rest[1:], " \t")) + n - 1
		} else if line[0] == '"' {
			return dst[:start], false // a table
		}
	}
	if u.object.message != "" {
		dst = u.endObject(dst)
	}
	return dst, len(dst) > start
}

// jsonText returns the text at the beginning of s, in an array or as one of numbers too, and its
// length; 0 if there is none.
func jsonText(s []byte) (text string, n int) {
	inner := bytes.TrimLeft(s, "[ \t")
	switch {
	case len(inner) > 0 && inner[0] == '"':
		text, end, ok := jsonString(inner, 0)
		if ok {
			return text, len(s) - len(inner) + end + 1
		}
	case len(s) > 0 && s[0] == '[' && len(inner) > 0 && digit(inner[0]):
		var b []byte
		n = bytes.IndexByte(s, ']') + 1
		if json.Unmarshal(s[:n], &b) == nil {
			return string(b), n
		}
	}
	return "", 0
}

// mayBeJSON reports whether a line begins as JSON that has objects, or a part of it, does.
func mayBeJSON(line []byte) bool {
	switch {
	case len(line) == 0:
		return false
	case line[0] == '"':
		return !matchESPRow(line)
	case line[0] == '[':
		return bytes.IndexByte(line, '{') >= 0
	}
	return line[0] == '{' || line[0] == '}'
}

// A jsonObject is what is of use in an object.
type jsonObject struct {
	message, spi string
	sa           []string // fields of RouterOS
	twice        bool     // a field of it stands twice: there are two
}

func (o *jsonObject) take(name, value string) {
	switch {
	case o.message == "" && slices.Contains(messageNames, strings.ToLower(name)):
		o.message = value
	case name == "spi":
		o.twice = o.twice || o.spi != ""
		o.spi = value
	case mikrotikUsed([]byte(name)) && !strings.ContainsAny(value, " \""):
		if strings.HasSuffix(name, "-key") {
			value = `"` + value + `"`
		}
		field := name + "=" + value
		o.twice = o.twice || slices.ContainsFunc(o.sa, func(s string) bool { return strings.HasPrefix(s, name+"=") })
		if !o.twice {
			o.sa = append(o.sa, field)
		}
	}
}

// endObject appends what is inside of the object at hand, and begins another.
func (u *unwrapper) endObject(dst []byte) []byte {
	n := len(dst)
	if dst = u.object.text(dst); len(dst) > n {
		u.ends = append(u.ends, len(dst))
	}
	u.object = jsonObject{}
	return dst
}

func (o *jsonObject) text(dst []byte) []byte {
	switch {
	case o.twice:
	case o.message != "":
		return append(append(dst, strings.TrimRight(o.message, "\r\n")...), '\n')
	case o.spi != "" && len(o.sa) > 1:
		return append(dst, "0 E spi="+o.spi+" "+strings.Join(o.sa, " ")+"\n"...)
	}
	return dst
}

// jsonString returns the string whose quote is at text[at], and where its other quote is.
func jsonString(text []byte, at int) (s string, end int, ok bool) {
	for end = at + 1; end < len(text); end++ {
		switch text[end] {
		case '\\':
			end++
		case '"':
			err := json.Unmarshal(text[at:end+1], &s)
			return s, end, err == nil
		}
	}
	return "", 0, false
}
