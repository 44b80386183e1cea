package keysrc

import "bytes"

var yamahaFormat = Format{
	Name:  "yamaha",
	Title: "Yamaha router log",
	Looks: "[IKE] lines with CKY-I, SKEYID_e, SPI and key material",
	match: func(line []byte) bool {
		if i := bytes.Index(line, tagIKE); i >= 0 {
			_, _, ok := yamahaTag(line, i)
			return ok
		}
		return matchYamahaShow(line)
	},
	new: func(out *output) parser {
		y := &yamaha{out: out, show: yamahaShow{out: out}}
		for i := range y.logs {
			y.logs[i].init(out)
		}
		return y
	},
}

var (
	tagIKE         = []byte("[IKE")
	repeatedMarker = []byte("message repeated ")
)

// consoleWidth is where the router's console breaks its lines, in mid-word. A paste may have lost a
// space in the last column.
const consoleWidth = 80

// yamaha reads the log of a Yamaha router and the outputs of its show commands, in one file or apart.
type yamaha struct {
	out  *output
	logs [3]ikeLog // [IKE], [IKE1] and [IKE2]: rows follow a label of their own tag
	show yamahaShow

	wrapped     []byte // a line that fills the console's width, held until the next tells whether it goes on
	wrappedLine int

	row     *ikeLog // the log whose row was the line before
	rowLine int

	tagged int // lines with a tag
}

// maxWrapped bounds a line that was put together.
const maxWrapped = 2048

func (y *yamaha) line(n int, text []byte) bool {
	padded := bytes.HasSuffix(text, []byte("    ")) // as what is copied from a Windows console
	if len(y.wrapped) > 0 {
		if !beginsLogLine(text) && len(y.wrapped)+len(text) <= maxWrapped {
			if len(y.wrapped)%consoleWidth == consoleWidth-1 && !onlyHex(text) {
				y.wrapped = append(y.wrapped, ' ') // the space that was lost in the last column
			}
			full := len(text) == consoleWidth && !padded
			y.wrapped = append(y.wrapped, text...)
			if !full {
				y.unwrap()
			}
			return true
		}
		y.unwrap()
	}
	if !padded && (len(text) == consoleWidth || len(text) == consoleWidth-1) {
		y.wrapped = append(y.wrapped[:0], text...)
		y.wrappedLine = n
		return beginsYamaha(text) || bytes.Contains(text, tagIKE)
	}
	return y.whole(n, text)
}

func (y *yamaha) unwrap() {
	text := y.wrapped
	y.whole(y.wrappedLine, text)
	y.wrapped = text[:0]
}

// whole takes a line as the router wrote it.
func (y *yamaha) whole(n int, text []byte) bool {
	if i := bytes.Index(text, tagIKE); i >= 0 {
		log, rest, ok := yamahaTag(text, i)
		if !ok {
			return false
		}
		y.tagged++
		if bytes.Contains(rest, repeatedMarker) {
			y.repeated(n, rest)
			return true
		}
		l := &y.logs[log]
		if l.take(n, text[:i], rest) {
			y.row, y.rowLine = l, n
		} else {
			y.row = nil
		}
		return true
	}
	if len(text) == 0 {
		return false
	}
	if y.row != nil && n == y.rowLine+1 && y.row.extend(text) {
		// The console broke a row at another width.
		y.rowLine = n
		return true
	}
	if bytes.Contains(text, repeatedMarker) {
		y.repeated(n, text)
		return true
	}
	if y.show.line(n, text) {
		return true
	}
	if bytes.Contains(text, []byte("show log")) {
		for i := range y.logs {
			y.logs[i].restart()
		}
		return true
	}
	return beginsYamaha(text)
}

// repeated takes "same message repeated N times", which stands for N more lines equal to the one before (in a
// reversed log: to the next).
func (y *yamaha) repeated(n int, text []byte) {
	text = text[bytes.Index(text, repeatedMarker)+len(repeatedMarker):]
	times := 0
	for _, c := range text {
		if c < '0' || c > '9' || times > 1000 {
			break
		}
		times = 10*times + int(c-'0')
	}
	for i := range y.logs {
		y.logs[i].repeat(n, times)
	}
}

func (y *yamaha) close() {
	if len(y.wrapped) > 0 {
		y.unwrap()
	}
	for i := range y.logs {
		y.logs[i].close()
	}
	y.show.close()
}

func (y *yamaha) flush() {
	if len(y.wrapped) > 0 {
		y.unwrap()
	}
	for i := range y.logs {
		y.logs[i].flush()
	}
}

func (y *yamaha) near() string {
	rows, values := 0, 0
	for i := range y.logs {
		rows += y.logs[i].rowCount
		values += y.logs[i].values
	}
	switch {
	case y.show.hidden && rows == 0:
		return "the router shows these keys as (confidential) except on its serial console; take them from its log: `ipsec ike log N key-info` and `syslog debug on`, then `show log`"
	case y.tagged > 0 && rows == 0:
		return "it is a Yamaha router's log with " + count(y.tagged, "[IKE] line", "[IKE] lines") +
			", but without rows of key bytes: the router needs `ipsec ike log N key-info` and `syslog debug on` while the connection is set up"
	case y.tagged > 0 && values == 0:
		return "it is a Yamaha router's log with rows of bytes, but none under CKY-I, SKEYID_e, SPI or key material"
	case y.tagged > 0:
		return "it is a Yamaha router's log, but neither a SKEYID_e nor an SPI with its key material is whole in it"
	case y.show.seen:
		return "it is what a Yamaha router's show command prints, without keys"
	}
	return ""
}

// yamahaTag returns which log the tag at text[i:] is of, and what follows it. charon's "13[IKE]" is none.
func yamahaTag(text []byte, i int) (log int, rest []byte, ok bool) {
	if i > 0 && text[i-1] >= '0' && text[i-1] <= '9' {
		return 0, nil, false
	}
	rest = text[i+len(tagIKE):]
	switch {
	case len(rest) > 0 && rest[0] == ']':
		return 0, rest[1:], true
	case len(rest) > 1 && (rest[0] == '1' || rest[0] == '2') && rest[1] == ']':
		return int(rest[0] - '0'), rest[2:], true
	}
	return 0, nil, false
}

// beginsYamaha reports whether a line begins as in "2019/03/13 22:00:51: ".
func beginsYamaha(text []byte) bool {
	const form = "dddd/dd/dd dd:dd:dd: "
	if len(text) < len(form)-1 {
		return false
	}
	for i := 0; i < len(form)-1; i++ {
		if c := text[i]; form[i] == 'd' && (c < '0' || c > '9') || form[i] != 'd' && c != form[i] {
			return false
		}
	}
	return true
}

// beginsLogLine reports whether a line has what a wrapped line's second half has not: a time, a
// priority or a tag.
func beginsLogLine(text []byte) bool {
	if len(text) == 0 {
		return true
	}
	if text[0] == '<' || text[0] == '[' || text[0] == '#' || text[0] == '>' || bytes.Contains(text, tagIKE) {
		return true
	}
	_, ok := logTime(text[:min(len(text), 48)])
	return ok
}

// onlyHex reports whether text is hex digits and spaces.
func onlyHex(text []byte) bool {
	for _, c := range text {
		if unhex(c) == 0xff && c != ' ' && c != '\t' {
			return false
		}
	}
	return len(text) > 0
}
