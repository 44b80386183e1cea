package keysrc

import (
	"bytes"
	"strconv"

	"l2tpdump/esp"
)

// A line of a dump that is missing, that stands twice or in another place is found by what stands
// beside it: charon writes a dump in one go.

// charonPlace is where in a dump the last line of a thread was.
type charonPlace struct {
	next    int  // offset of the row that may follow; below 0 none may, after so many messages that are no dump
	lost    int  // line of a row whose dump has no first line, 0 if it was none
	rowless bool // the dump before the one at hand has no row
}

// head takes the first line of a dump.
func (t *charonThread) head(n int, label []byte, size int) {
	d := &t.dump
	twice := t.next == 0 && d.open && d.want == size && d.label == string(label)
	if twice {
		return
	}
	rowless := t.next == 0 && d.open
	t.cut()
	if t.lost != 0 {
		value := charonLabels[string(label)]
		if value >= charonSKEYID && value <= charonKa || value >= charonSeedInitiator {
			t.out.note(t.lost, charonStray+string(label)+" follows them")
		}
	}
	t.charonPlace = charonPlace{rowless: rowless}
	t.begin(n, label, size)
}

// again reports whether a row is the last one again.
func (t *charonThread) again(off int, rest []byte) bool {
	got := t.dump.got
	switch t.dump.value {
	case charonOther, charonSKEYIDe: // Ka may have the same bytes as the latter
		return false
	}
	if off+16 != t.next || off >= len(got) {
		return false
	}
	row, _ := dumpRow(nil, rest, len(got)-off)
	return bytes.Equal(row, got[off:])
}

const charonStray = "the line before these bytes, which says what they are, is missing; "

// stray takes the first row of a dump whose first line is missing. It is told of where a key stands
// beside it. If it stands behind a dump before which another has no row, it can't be told whose the
// rows are.
func (t *charonThread) stray(n int) {
	d := &t.dump
	switch {
	case d.value == charonOther || t.next < -1: // -1: the message before it may be what is left of its first line
		t.lost = n
	case len(d.got) < d.want, d.value == charonKa, d.value == charonIV, d.value == charonNATD: // an IV follows Ka
	case t.rowless && t.next > 0:
		t.fail(d.line, "its rows may be those of the dump before it")
		t.forget()
	default:
		t.out.note(n, charonStray+"they follow "+d.label)
	}
}

// another reports whether a row behind a dump that is whole, after which the one at next was
// expected, is of the same dump: beyond its end, or its last row with other bytes.
func (t *charonThread) another(next, off int, rest []byte) bool {
	got := t.dump.got
	if off == next {
		return off == len(got)
	}
	if off == 0 || off+16 != next || off >= len(got) {
		return false
	}
	row, _ := dumpRow(nil, rest, len(got)-off)
	return !bytes.Equal(row, got[off:])
}

// longer takes a row that has more bytes of the dump than its first line declares.
func (t *charonThread) longer() {
	t.fail(t.dump.line, "more bytes follow than the "+strconv.Itoa(t.dump.want)+" that are declared")
	t.forget()
}

// forget drops the key of the dump at hand.
func (t *charonThread) forget() {
	switch v := t.dump.value; {
	case v == charonShared && t.ike != nil:
		t.ike.SharedSecret = esp.Key{}
	case v >= charonSKEYID && v <= charonKa && t.ike != nil:
		*phase1Keys(t.ike)[v-charonSKEYID] = esp.Key{}
	case v == charonKeyInitiator || v == charonKeyResponder:
		t.childAt().key[v-charonKeyInitiator] = nil
	case v == charonAuthInitiator || v == charonAuthResponder:
		t.childAt().authKey[v-charonAuthInitiator] = nil
	}
}
