package keysrc

import (
	"bytes"
	"cmp"
	"encoding/json"
	"slices"
	"strings"
	"unicode/utf8"
)

// messageNames are what log servers call the text of a line.
var messageNames = []string{
	"message", "msg", "log", "line", "stdout", "_raw", "raw", "@message", "textpayload", "short_message", "text", "body",
	"stringvalue", "content", "syslogmessage", "output", "messages", "_msg", "full_message",
}

// timeNames are what they call its time, which tells the order of lines.
var timeNames = []string{
	"@timestamp", "timestamp", "time", "ts", "__realtime_timestamp", "_source_realtime_timestamp", "_time", "eventtime",
}

// maxJSONDepth bounds the objects in objects of which it is known what they are called.
const maxJSONDepth = 32

// noJSON are bytes with which no line of JSON begins, nor what may stand before it.
var noJSON = setOf("0123456789abcefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ|<>(")

var jsonMarks = setOf(`"{}`)

// json takes the message of each object in a line: of docker's json-file, journalctl -o json,
// json-pretty, json-seq and json-sse, Elasticsearch, whose hits may have it in _source and again in
// fields; and the SAs that RouterOS gives in JSON, as
// its print shows them. An object may have a line for each member.
func (u *unwrapper) json(dst, line []byte) ([]byte, bool) {
	u.ends, u.times = u.ends[:0], u.times[:0]
	if start := blanks.trimLeft(line); len(u.path) == 0 && len(start) > 0 && noJSON[start[0]] {
		u.part = false
		return dst, false
	}
	line = bytes.TrimSpace(bytes.TrimPrefix(bytes.TrimPrefix(line, []byte("\x1e")), []byte("data: ")))
	u.part = u.withoutMember(line)
	if !mayBeJSON(line) {
		return dst, false
	}
	if text, ok := jsonElement(line); ok {
		if u.part = true; !slices.Contains(timeNames, strings.ToLower(u.array)) {
			u.object.lines(text)
		}
		return u.endObject(dst), true
	}
	start := len(dst)
	for at := 0; at < len(line); at++ {
		if !jsonMarks[line[at]] {
			continue
		}
		if line[at] != '"' {
			dst = u.endObject(dst)
			u.brace(line[at])
			continue
		}
		name, end, ok := jsonString(line, at)
		if !ok {
			break
		}
		rest := bytes.TrimLeft(line[end+1:], " \t")
		if at = end; len(rest) > 0 && rest[0] == ':' {
			at = len(line) - len(u.jsonMember(name, rest[1:])) - 1
		} else if line[0] == '"' {
			return dst[:start], false // a table
		}
	}
	if u.object.message != "" || u.object.guess != "" || len(u.object.other) > 0 {
		dst = u.endObject(dst)
	}
	return dst, len(dst) > start
}

// withoutMember reports whether a line of objects is empty, nothing but brackets, or a number of an
// array.
func (u *unwrapper) withoutMember(line []byte) bool {
	const brackets = "{}[], "
	return len(line) == 0 || strings.IndexByte(brackets, line[0]) >= 0 && len(bytes.Trim(line, brackets)) == 0 ||
		len(u.path) > 0 && json.Valid(bytes.TrimRight(line, ", ")) && line[0] != '"'
}

// jsonMember takes what is behind the colon of a member, and returns what follows its value.
func (u *unwrapper) jsonMember(name string, text []byte) (rest []byte) {
	u.part, u.array = true, name
	text = bytes.TrimLeft(text, " \t")
	value, n := jsonText(text)
	switch {
	case len(text) > 0 && text[0] == '{':
		u.member = name
	case n > 0:
		u.object.take(name, value)
		u.guess(name, value)
	default:
		u.object.takeTime(name, text)
	}
	return text[n:]
}

// jsonElement returns the text of an array that has a line for each, or all in one.
func jsonElement(line []byte) (text string, ok bool) {
	if isJSONTexts(line) {
		text, n := jsonTexts(line)
		return text, n == len(line)
	}
	if line[0] != '"' {
		return "", false
	}
	text, end, ok := jsonString(line, 0)
	return text, ok && len(bytes.Trim(line[end+1:], ", ")) == 0
}

// isJSONTexts reports whether an array of texts begins.
func isJSONTexts(line []byte) bool { return bytes.HasPrefix(line, []byte(`["`)) }

// jsonText returns the text at the beginning of s, that of an array of texts or as one of numbers
// too, and its length; 0 if there is none.
func jsonText(s []byte) (text string, n int) {
	switch {
	case len(s) == 0:
	case s[0] == '"':
		if text, end, ok := jsonString(s, 0); ok {
			return text, end + 1
		}
	case s[0] == '[':
		inner := bytes.TrimLeft(s, "[ \t")
		if len(inner) > 0 && inner[0] == '"' {
			return jsonTexts(s)
		}
		var b []byte
		n = bytes.IndexByte(s, ']') + 1
		if len(inner) > 0 && digit(inner[0]) && json.Unmarshal(s[:n], &b) == nil {
			return string(b), n
		}
	}
	return "", 0
}

// jsonTexts returns the texts of an array, in lines, and its length. It may have arrays of a time
// and a text in it, as Loki's answers have.
func jsonTexts(s []byte) (text string, n int) {
	var lines []string
	depth := 0
	for at := 0; at < len(s); at++ {
		switch s[at] {
		case '[':
			depth++
		case ']':
			if depth--; depth == 0 {
				return strings.Join(lines, "\n"), at + 1
			}
		case '"':
			line, end, ok := jsonString(s, at)
			if !ok {
				return "", 0
			}
			if at = end; len(line) < 13 || len(strings.Trim(line, "0123456789")) > 0 {
				lines = append(lines, line)
			}
		case '{':
			return "", 0
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
		return bytes.IndexByte(line, '{') >= 0 || isJSONTexts(line)
	}
	return line[0] == '{' || line[0] == '}'
}

// A jsonObject is what is of use in an object.
type jsonObject struct {
	message, spi string
	guess        string   // the message if no other is
	other        []string // values of several lines or with a key, whatever they are called
	time         string
	sa           []string // fields of RouterOS
	twice        bool     // a field of it stands twice: there are two
}

// lines takes the text of a member that may have any name.
func (o *jsonObject) lines(text string) {
	if text != o.message && !slices.Contains(o.other, text) {
		o.other = append(o.other, text)
	}
}

func (o *jsonObject) take(name, value string) {
	lower := strings.ToLower(name)
	switch {
	case o.message == "" && slices.Contains(messageNames, lower):
		o.message = value
	case strings.Contains(value, "\n") || strings.Contains(value, " 0x"):
		o.lines(value)
	case slices.Contains(timeNames, lower):
		o.time = value
	case name == "spi":
		o.twice = o.twice || o.spi != ""
		o.spi = value
	case mikrotikUsed([]byte(name)) && !strings.ContainsAny(value, " \""):
		if strings.HasSuffix(name, "-key") {
			value = `"` + value + `"`
		}
		field := name + "=" + value
		o.twice = o.twice || o.has(name)
		if !o.twice {
			o.sa = append(o.sa, field)
		}
	}
}

// maxGuesses is how many texts of members with unknown names are looked at.
const maxGuesses = 1 << 14

// guess takes a member with an unknown name for the message if one of that name was a line of a
// log, and no member has a name that is known.
func (u *unwrapper) guess(name, value string) {
	switch {
	case u.guessed == name:
	case u.guesses >= maxGuesses || u.guessed != "":
		return
	case slices.Contains(messageNames, strings.ToLower(name)):
		u.guesses = maxGuesses
		return
	case !isOfLog([]byte(value)):
		u.guesses++
		return
	}
	u.guessed, u.object.guess = name, value
}

// isOfLog reports whether a line is of a format and of no other.
func isOfLog(line []byte) bool {
	return matching(formats, line) >= 0
}

// takeTime takes a time that is a number.
func (o *jsonObject) takeTime(name string, value []byte) {
	if len(value) > 0 && digit(value[0]) && slices.Contains(timeNames, strings.ToLower(name)) {
		o.time = string(value[:len(value)-len(bytes.TrimLeft(value, "0123456789."))])
	}
}

// brace begins or ends an object.
func (u *unwrapper) brace(c byte) {
	switch depth := len(u.path); {
	case c == '{' && depth < maxJSONDepth:
		u.path = append(u.path, u.member)
	case c == '}' && depth > 0:
		if u.path = u.path[:depth-1]; depth == 1 {
			u.source = u.source[:0]
		}
	}
	u.member = ""
}

// endObject appends what is inside of the object at hand, and begins another.
func (u *unwrapper) endObject(dst []byte) []byte {
	n := len(dst)
	dst = u.object.text(dst)
	switch text := dst[n:]; {
	case len(text) == 0:
	case slices.Contains(u.path, "_source"):
		u.source = append(u.source[:0], text...)
	case slices.Contains(u.path, "fields"):
		if bytes.Equal(text, u.source) {
			dst = dst[:n]
		}
	}
	if len(dst) > n {
		u.ends, u.times = append(u.ends, len(dst)), append(u.times, u.object.time)
		u.object.time = ""
	}
	u.object = jsonObject{time: u.object.time} // which may be that of the object around this one
	return dst
}

// has reports whether a field of RouterOS has come.
func (o *jsonObject) has(name string) bool {
	return slices.ContainsFunc(o.sa, func(field string) bool { return strings.HasPrefix(field, name+"=") })
}

// hasKey reports whether a field of RouterOS is a key.
func (o *jsonObject) hasKey() bool {
	return slices.ContainsFunc(o.sa, func(field string) bool {
		return strings.Contains(field, `-key="`) && !strings.HasSuffix(field, `=""`)
	})
}

func (o *jsonObject) text(dst []byte) []byte {
	switch {
	case (o.twice || o.spi == "") && o.hasKey(): // nothing tells whose it is
		return append(dst, "0 E spi=\n"...)
	case o.twice:
	case o.message != "" || o.guess != "" || len(o.other) > 0:
		first := cmp.Or(o.message, o.guess)
		for i, text := range append([]string{first}, o.other...) {
			if text != "" && (i == 0 || text != first) {
				dst = append(append(dst, strings.TrimRight(text, "\r\n")...), '\n')
			}
		}
	case o.spi != "" && len(o.sa) > 1:
		return append(dst, "0 E spi="+o.spi+" "+strings.Join(o.sa, " ")+"\n"...)
	}
	return dst
}

// jsonEscapes are those of one byte that logs have.
var jsonEscapes = [256]byte{'n': '\n', 't': '\t', 'r': '\r', '"': '"', '\\': '\\', '/': '/'}

// jsonString returns the string whose quote is at text[at], and where its other quote is.
func jsonString(text []byte, at int) (s string, end int, ok bool) {
	plain := true // ASCII and jsonEscapes
	for end = at + 1; end < len(text); end++ {
		switch c := text[end]; {
		case c == '\\':
			end++
			plain = plain && end < len(text) && jsonEscapes[text[end]] != 0
		case c < ' ' || c >= utf8.RuneSelf:
			plain = false
		case c == '"':
			s, ok = unescapedJSON(text[at:end+1], plain)
			return s, end, ok
		}
	}
	return "", 0, false
}

// unescapedJSON returns what a string in its quotes says.
func unescapedJSON(quoted []byte, plain bool) (string, bool) {
	if !plain {
		var s string
		err := json.Unmarshal(quoted, &s)
		return s, err == nil
	}
	text := quoted[1 : len(quoted)-1]
	var s strings.Builder
	for s.Grow(len(text)); ; text = text[2:] {
		i := bytes.IndexByte(text, '\\')
		if i < 0 {
			break
		}
		s.Write(text[:i])
		text = text[i:]
		s.WriteByte(jsonEscapes[text[1]])
	}
	s.Write(text)
	return s.String(), true
}
