package keysrc

import (
	"bytes"
	"strings"

	"l2tpdump/keysrc/yamaha"
)

// A wrapping takes off what a log server, an export, a web page or a mail program put around a line
// of text. It appends what was inside to dst, in which LF separates lines; ok is false where the
// line is none of its kind. Nothing is put together: what is inside stood in this one line. Where
// nothing is inside, not even an empty line, it appends nothing.
type wrapping func(dst, line []byte) (inner []byte, ok bool)

// wrappings are in the order in which they are tried. They see every line of files of any kind:
// each looks at a cheap sign first, at the beginning of the line or one of signTexts.
var wrappings = []struct {
	signs signs // of which one is in such a line; none: it may be any
	take  wrapping
}{
	{0, unquoteMail}, {signsOf("<&"), unwrapHTML}, {signsOf("#"), replacing("#01", syslogEscapes)},
	{signsOf("\xe2"), replacing("\xe2", ascii)}, {signsOf(","), unwrapUAT}, {0, cutStamp}, {0, cutContainer},
	{0, unwrapDLink},
}

// maxWrapped is how many wrappings may be around one another.
const maxWrapped = 4

// unwrapper takes lines out of their wrappings.
type unwrapper struct {
	bufs    [maxWrapped][]byte
	table   logTable
	object  jsonObject
	ends    []int    // where the messages end that the last line of JSON held
	times   []string // of these messages, "" where they have none
	time    string   // of the entry at hand, likewise
	path    []string // the names of the objects of JSON that the next line is in, "" of what has none
	member  string   // the name of the next one
	guessed string   // the name of the member that is the message, where it is no known one
	guesses int      // members looked at for it
	array   string   // the name of the last member, which may have a line for each element
	source  []byte   // the message in the _source of a hit of Elasticsearch
	part    bool     // the last line has a member of an object, or nothing but brackets
	export  bool     // the last line is of objects that have messages: what else they have is no line of a log
	fields  bool     // it is a journal, field by field
	deep    bool     // a line was in more wrappings than are taken off
	charon  bool     // nothing was in front of the last line but what is in front of charon's
	front   []byte   // which syslog put in front of one since
	lister  []byte   // who sent the last line of syslog that was of a listing
	lacks   signs    // that are not in the line, nor in what is cut out of it
}

// bare reports whether a line is surely in no wrapping: it begins with a router's time, or is of
// charon as the last one was, and has no sign of one.
func (u *unwrapper) bare(line []byte) bool {
	if u.lacks&wrapped != wrapped || u.table.expected() || u.export {
		return false
	}
	switch {
	case !u.charon || u.fields:
		return yamaha.BeginsWithTime(line)
	case len(u.front) > 0 && bytes.HasPrefix(line, u.front) && beginsWithTag(line[len(u.front):]):
	case beginsWithTag(behindTimes(line)):
	default:
		sender, text := syslogHeader(line)
		if u.charon = u.ofCharon(line, sender, text); u.charon {
			u.front = append(u.front[:0], line[:len(line)-len(text)]...)
		}
	}
	return u.charon || yamaha.BeginsWithTime(line)
}

// row reports whether a line is surely in no wrapping as it begins as a row of esp_sa does.
func (u *unwrapper) row(line []byte) bool {
	return (u.lacks|comma)&wrapped == wrapped && len(line) > 0 && line[0] == '"' && !u.table.expected() && !u.export &&
		!u.fields && len(u.path) == 0 && matchESPRow(line)
}

// entries gives out what a line holds of a log: the line itself, or the message of each object of
// JSON in it, which may have several lines, or the lines of a web page that are in it. depth is for
// split.
func (u *unwrapper) entries(line []byte, give func(depth int, text []byte)) {
	inner, ok := u.json(u.bufs[0][:0], line)
	if !ok && u.lacks&htmlTag == 0 && bytes.IndexByte(line, '<') >= 0 {
		if inner, ok = unwrapHTML(inner[:0], line); ok {
			u.bufs[0], u.export, u.lacks = inner, false, 0
			for text := range bytes.Lines(inner) {
				give(1, text)
			}
			return
		}
	}
	u.bufs[0] = inner
	if u.export = ok || u.export && u.part; !u.export {
		give(0, line)
		return
	}
	u.lacks = 0
	start := 0
	ends, times := u.ends, u.times
	u.ends, u.times = nil, nil // there may be JSON in a message
	for i, end := range ends {
		u.time = times[i]
		give(1, inner[start:end])
		start = end
	}
	u.ends, u.times, u.time = ends, times, ""
}

// split gives out the lines of an entry, and those inside them.
func (u *unwrapper) split(depth int, text []byte, give func([]byte)) {
	text = lineEnds.trimRight(text)
	for {
		i := bytes.IndexByte(text, '\n')
		if i < 0 {
			u.each(depth, text, give)
			return
		}
		u.each(depth, bytes.TrimRight(text[:i], "\r"), give)
		text = text[i+1:]
	}
}

// each gives out the lines inside a line.
func (u *unwrapper) each(depth int, line []byte, give func([]byte)) {
	if depth == maxWrapped {
		u.deep = u.deep || inWrapping(line)
		give(line)
		return
	}
	sender, text := syslogHeader(line)
	charon := u.ofCharon(line, sender, text)
	inner, ok := u.bufs[depth][:0], false
	if u.charon = charon; !charon {
		u.front = u.front[:0]
		inner, ok = u.outer(depth, inner, line, sender, text)
	}
	for i := 0; !ok && i < len(wrappings); i++ {
		w := &wrappings[i]
		if w.signs&^u.lacks == 0 && (charon || w.signs != 0) {
			continue
		}
		if inner, ok = w.take(inner[:0], line); ok && w.signs != 0 {
			u.lacks = 0 // as entities and escapes stand for any
		}
	}
	u.bufs[depth] = inner
	switch {
	case !ok:
		give(line)
	case len(inner) > 0:
		u.split(depth+1, inner, give)
	}
}

// outer takes what is not known by one of signTexts off a line. That of depth 0 is no JSON.
func (u *unwrapper) outer(depth int, dst, line, sender, text []byte) (inner []byte, ok bool) {
	if depth > 0 {
		if inner, ok = u.json(dst, line); ok {
			u.lacks = 0
			return inner, true
		}
	}
	if inner, ok = u.table.row(depth, dst, line); ok {
		return inner, true
	}
	if inner, ok = u.journalField(dst, line); ok {
		return inner, true
	}
	return u.cutHeader(dst, line, sender, text)
}

// ofCharon reports whether nothing is in front of a line but what is in front of charon's.
func (u *unwrapper) ofCharon(line, sender, text []byte) bool {
	return (beginsWithTag(behindTimes(text)) || beginsWithTag(line)) && !u.table.expected() && !u.fields &&
		(len(sender) == 0 || !of5424(sender) && !bytes.Equal(sender, u.lister))
}

// inWrapping reports whether a line begins as one in a wrapping.
func inWrapping(line []byte) bool {
	if mayBeJSON(bytes.TrimSpace(line)) {
		return true
	}
	for _, w := range wrappings {
		if _, ok := w.take(nil, line); ok {
			return true
		}
	}
	return false
}

// unquoteMail takes off the marks of a quoted mail. "> show …" is typed at a prompt.
func unquoteMail(dst, line []byte) ([]byte, bool) {
	if len(line) == 0 || line[0] != '>' || bytes.HasPrefix(line, []byte("> show ")) {
		return dst, false
	}
	for len(line) > 0 && line[0] == '>' {
		line = bytes.TrimPrefix(line[1:], []byte(" "))
	}
	return append(append(dst, line...), '\n'), true
}

// replacing takes off what stands for other text, all of which is longer and begins with sign.
func replacing(sign string, texts *strings.Replacer) wrapping {
	return func(dst, line []byte) ([]byte, bool) {
		if !bytes.Contains(line, []byte(sign)) {
			return dst, false
		}
		text := texts.Replace(string(line))
		return append(dst, text...), len(text) < len(line)
	}
}

// syslogEscapes are how syslog daemons write tabs and line ends.
var syslogEscapes = strings.NewReplacer("#011", "\t", "#012", "\n")

// ascii puts ASCII for the quotes, blanks and hyphens that word processors and web pages set; the
// last blank is of no width.
var ascii = strings.NewReplacer(
	"\u2018", "'", "\u2019", "'", "\u201a", "'", "\u201b", "'",
	"\u201c", `"`, "\u201d", `"`, "\u201e", `"`, "\u201f", `"`,
	"\u2010", "-", "\u2011", "-",
	"\u2000", " ", "\u2001", " ", "\u2002", " ", "\u2003", " ", "\u2004", " ", "\u2005", " ", "\u2006", " ",
	"\u2007", " ", "\u2008", " ", "\u2009", " ", "\u200a", " ", "\u202f", " ", "\u200b", "",
)

var uatMark = mark{"uat:", 0}

// unwrapUAT takes the rows of Wireshark's tables out of a command line: -o 'uat:esp_sa:"IPv4",…'.
func unwrapUAT(dst, line []byte) ([]byte, bool) {
	found := false
	for {
		rest, ok := uatMark.after(line)
		if !ok {
			return dst, found
		}
		name, row, ok := bytes.Cut(rest, []byte(":"))
		if line = rest; !ok || string(name) != "esp_sa" && string(name) != "ikev1_decryption_table" {
			continue
		}
		row, _, _ = bytes.Cut(row, []byte("'"))
		row, _, _ = bytes.Cut(row, []byte(" -"))
		if bytes.HasPrefix(row, []byte(`\"`)) { // in quotes of the shell, the first of which stands before "uat:"
			row = bytes.ReplaceAll(row, []byte(`\"`), []byte("'"))
			row, _, _ = bytes.Cut(row, []byte(`"`))
			row = bytes.ReplaceAll(row, []byte("'"), []byte(`"`))
		}
		row = bytes.TrimSpace(bytes.ReplaceAll(row, []byte(`\`), nil))
		dst, found = append(append(dst, row...), '\n'), true
	}
}

var stampChars = setOf("0123456789-:.,T+Z")

// cutStamp takes off the time that docker logs -t and the like put before each line, and what is
// nothing but a time. A Yamaha router's lines keep theirs: it tells connections apart. So do those
// of syslog.
func cutStamp(dst, line []byte) ([]byte, bool) {
	if isTime(line) {
		return dst, true
	}
	if len(line) < 21 || line[4] != '-' || line[7] != '-' || line[10] != 'T' || line[13] != ':' || line[16] != ':' ||
		!digit(line[0]) {
		return dst, false
	}
	i := bytes.IndexByte(line, ' ')
	if i < 20 || i > 36 || !stampChars.all(line[:i]) || ofYamaha(line) {
		return dst, false
	}
	sender, _ := syslogHeader(line)
	const docker = 30 // bytes of its times, which have nanoseconds
	if bytes.HasSuffix(sender, []byte("]")) || bytes.IndexByte(sender, ' ') > 0 && sender[0] != '|' && sender[0] != '!' && i < docker {
		return dst, false
	}
	line = line[i+1:]
	for _, stream := range []string{"stdout F ", "stderr F "} { // of Kubernetes
		line = bytes.TrimPrefix(line, []byte(stream))
	}
	return append(dst, line...), true
}

// ofYamaha reports whether a line has the tag of a Yamaha router: [IKE], [IKE1], [IKE2]. A digit is
// before that of charon.
func ofYamaha(line []byte) bool {
	i := bytes.Index(line, []byte("[IKE"))
	return i >= 0 && (i == 0 || !digit(line[i-1])) && i+4 < len(line) && line[i+4] != ':'
}

// cutContainer takes off the name that docker compose puts before each line, "vpn-1  | ", or
// kubectl logs --prefix, "[pod/vpn-0/vpn] ".
func cutContainer(dst, line []byte) ([]byte, bool) {
	if bytes.HasPrefix(line, []byte("[pod/")) {
		_, text, ok := bytes.Cut(line, []byte("] "))
		return append(append(dst, text...), '\n'), ok
	}
	if composeName(line) == nil {
		return dst, false
	}
	return append(dst, line[bytes.IndexByte(line, '|')+2:]...), true
}

// composeName returns the name of a container before a line, nil if there is none.
func composeName(line []byte) []byte {
	n := bytes.IndexByte(line, ' ')
	if n < 2 {
		return nil
	}
	name, rest := line[:n], bytes.TrimLeft(line[n:], " ")
	gap := len(line) - n - len(rest)
	if n+gap > 65 || !bytes.HasPrefix(rest, []byte("| ")) || bytes.IndexByte(name, '|') >= 0 {
		return nil
	}
	numbered := n > 2 && digit(name[n-1]) && (name[n-2] == '-' || name[n-2] == '_')
	if !numbered && gap == 1 || n+gap < 4 { // others have two blanks behind them
		return nil
	}
	return name
}

// unwrapDLink takes a message of racoon's out of the log of a router of D-Link:
//
//	VPN Debug [Mon Nov 23 07:15:18 2026(GMT-0500)] [DSR-250] [2.11] [VPN] [Debugging] [IPSEC] [IKE: SKEYID computed:
//	: oakley.c:2046:oakley_compute_enckey(]
func unwrapDLink(dst, line []byte) ([]byte, bool) {
	if isDLink(line) {
		msg, _ := after(line, " [IKE: ")
		return append(append(dst, "DEBUG: "...), msg...), true
	}
	return dst, bytes.HasPrefix(line, []byte(": ")) && bytes.HasSuffix(line, []byte("(]"))
}

// isDLink reports whether such a message begins in a line.
func isDLink(line []byte) bool {
	return bytes.HasPrefix(line, []byte("VPN ")) && bytes.Contains(line, []byte(" [IKE: "))
}

var fieldChars = setOf("ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789")

// journalField takes the message of an entry that journalctl -o export or -o verbose shows field by
// field, a line each:
//
//	Mon 2026-11-23 07:15:18.619884 JST [s=0639…;i=1]
//	    _PID=812
//	    MESSAGE=13[IKE] SKEYID_e => 20 bytes @ 0x7fb518046f90
//
// The other fields, and what stands between entries, are no lines of a log.
func (u *unwrapper) journalField(dst, line []byte) ([]byte, bool) {
	if !u.fields && (len(line) == 0 || line[0] != ' ' && line[0] != '_' && line[0] != 'M') {
		return dst, false
	}
	field := line
	for i := 0; i < 4 && len(field) > 0 && field[0] == ' '; i++ {
		field = field[1:]
	}
	message, ok := bytes.CutPrefix(field, []byte("MESSAGE="))
	switch {
	case ok:
		u.fields = true
		return append(append(dst, message...), '\n'), true
	case bytes.HasPrefix(field, []byte("__CURSOR=")), bytes.HasPrefix(field, []byte("_BOOT_ID=")):
		u.fields = true
		return dst, true
	case !u.fields:
		return dst, false
	}
	name, _, ok := bytes.Cut(field, []byte("="))
	ok = ok && fieldChars.all(name)
	return dst, ok || len(bytes.TrimSpace(line)) == 0 || bytes.Contains(line, []byte(" [s=")) && bytes.HasSuffix(line, []byte("]"))
}
