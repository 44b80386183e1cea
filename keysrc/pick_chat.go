package keysrc

import (
	"bytes"
	"regexp"
)

// chatHead is what a chat's export puts before a message: its time and who wrote it.
var chatHead = regexp.MustCompile(`^\[?(?:\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4},? )?\d{1,2}:\d\d(?::\d\d)?(?: [AaPp][Mm])?` +
	`(?:\t[^\t]{1,64}\t| - [^:\[\]\t]{1,64}: |\] [^:\[\]\t]{1,64}: )`)

// chatBegins returns the beginning of a line if a message of a chat may begin there.
func chatBegins(line []byte) []byte {
	const time = 32 // bytes
	head := line[:min(len(line), time)]
	if len(head) == 0 || !digit(head[0]) && head[0] != '[' || head[0] != '[' && bytes.IndexByte(head, '\t') < 0 &&
		!bytes.Contains(head, []byte(" - ")) {
		return nil
	}
	return chatHead.Find(line)
}

// fromChat takes the messages of a chat apart, in each of which are lines of the log. LINE puts
// quotes around one of several lines, and doubles those in it.
func (t *turner) fromChat() pick {
	if !t.has(func(line []byte) bool { return chatBegins(line) != nil }) {
		return nil
	}
	quoted := false
	return func(i int) (text []byte, ok bool) {
		text = lineEnds.trimRight(t.at(i).text())
		if head := chatBegins(text); head != nil {
			text = text[len(head):]
			if quoted = bytes.HasSuffix(head, []byte("\t")) && bytes.HasPrefix(text, []byte(`"`)); quoted {
				text = text[1:]
			}
		}
		if quoted {
			ends := len(text) - len(bytes.TrimRight(text, `"`))
			if ends%2 == 1 {
				text, quoted = text[:len(text)-1], false
			}
			text = bytes.ReplaceAll(text, []byte(`""`), []byte(`"`))
		}
		return text, true
	}
}
