package page

import (
	"io"
	"strconv"
	"unicode/utf8"
)

// visible writes text of which each character can be seen: a control character, one that turns the
// direction of writing, or what is no UTF-8 becomes an escape. Each Write has whole characters, as
// those of a template have.
type visible struct {
	w   io.Writer
	buf []byte
}

// Write writes p.
func (v *visible) Write(p []byte) (int, error) {
	b := v.buf[:0]
	for i := 0; i < len(p); {
		r, n := utf8.DecodeRune(p[i:])
		if r == '\n' || strconv.IsPrint(r) && (r != utf8.RuneError || n > 1) {
			b = append(b, p[i:i+n]...)
		} else {
			quoted := strconv.Quote(string(p[i : i+n]))
			b = append(b, quoted[1:len(quoted)-1]...)
		}
		i += n
	}
	v.buf = b
	if _, err := v.w.Write(b); err != nil {
		return 0, err
	}
	return len(p), nil
}
