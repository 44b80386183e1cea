package keysrc

import "bytes"

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
