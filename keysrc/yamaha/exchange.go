package yamaha

import (
	"bytes"
	"fmt"
	"net/netip"

	"l2tpdump/esp"
	"l2tpdump/ikev1"
)

// exchange is the values of one phase 1.
type exchange struct {
	start            label
	cookieI, cookieR ikev1.Cookie
	cookieLost       bool     // CKY-I is damaged or not in the log
	vals             [4]value // SKEYID, SKEYID_d, SKEYID_a, SKEYID_e
	peer             netip.Addr
	torn             bool // rows of one of its values are missing or are of another
}

// value is a SKEYID of any kind.
type value struct {
	key   esp.Key // zero: damaged, or has not come
	line  int     // of the label; 0: has not come
	again bool    // the CKY-I came once more since
	last  bool    // the log ends with it, and may lack the rest of it
	doubt bool    // a row of it may be missing, or may be there twice
}

func (x *exchange) val(k kind) *value { return &x.vals[k-skeyid] }

const endDoubt = ": no other line follows it in the log: the end of it may be missing"

// emit gives out what is known of a phase 1.
func (a *assembler) emit(x *exchange) {
	if x.vals[3].line == 0 && !x.cookieLost {
		a.out.doubt(x.start.line, "CKY-I %s: no SKEYID_e follows: the negotiation failed, or lines are missing", x.cookieI)
	}
	hash := a.checkHash(x)
	head := a.checkE(x, hash)
	known, at := 0, 0 // values, and the place of the last
	for i := range x.vals {
		if !x.vals[i].key.IsZero() {
			known, at = known+1, i
		}
	}
	v := &x.vals[at]
	switch {
	case known == 0:
		return
	case known == 1 && v.last:
		a.out.Doubt(v.line, (skeyid+kind(at)).String()+endDoubt)
	}
	if x.cookieLost && at != 3 {
		a.out.note(v.line, "no CKY-I and no SKEYID_e belong to this value: it is of no use")
		return
	}
	if x.cookieLost {
		a.out.doubt(v.line, "SKEYID_e: no CKY-I is certain to be its own: a capture of the connection shows whose it is")
	}
	s := &ikev1.Secret{
		InitiatorCookie: x.cookieI, ResponderCookie: x.cookieR,
		SKEYID: x.vals[0].key, SKEYIDd: x.vals[1].key, SKEYIDa: x.vals[2].key, SKEYIDe: x.vals[3].key,
		SKEYIDeHead: head, SKEYIDeDoubtful: hash == 0 && (x.vals[3].doubt || x.vals[3].key.Len() == rowLen),
		Peer: x.peer, Origin: a.out.origin(v.line),
	}
	for i, v := range x.vals[:at] {
		if v.key.IsZero() {
			continue
		}
		if s.Origins == nil {
			s.Origins = make(map[string]esp.Origin, at)
		}
		s.Origins[(skeyid + kind(i)).String()] = a.out.origin(v.line)
	}
	a.out.IKE(s)
}

// votes returns how many values have the length that they have where the hash has size bytes, and
// whether one of them is more than SKEYID_e, of which the router logs no more than 32 bytes.
func (x *exchange) votes(size int) (n int, sure bool) {
	for i := range x.vals {
		have := x.vals[i].key.Len()
		if have == size || have != 0 && i == 3 && have == min(size, maxLogged) {
			n, sure = n+1, sure || i < 3
		}
	}
	return n, sure
}

// checkHash returns the length that SKEYID, SKEYID_d and SKEYID_a have in common, 0 if it is not
// known. One that differs has lost a line or swallowed another's and is left out.
func (a *assembler) checkHash(x *exchange) int {
	best, most := 0, 0
	for _, size := range hashLens {
		n, sure := x.votes(size)
		if n > most && sure {
			best = size
		} else if n >= most {
			best = 0
		}
		most = max(most, n)
	}
	torn := false
	for i := range x.vals[:3] {
		if v := &x.vals[i]; v.key.Len() != best && !v.key.IsZero() {
			a.otherLength(skeyid+kind(i), v)
			torn = true
		}
	}
	if e := &x.vals[3]; torn && best == 0 && !e.key.IsZero() && e.key.Len() != rowLen {
		a.otherLength(skeyidE, e)
	}
	x.torn = x.torn || torn
	return best
}

func (a *assembler) otherLength(k kind, v *value) {
	a.out.note(v.line, "%s: it has %s, the other values of this negotiation another length: a line is missing",
		k, byteCount(v.key.Len()))
	v.key = esp.Key{}
}

// maxLogged is the most of a SKEYID_e that the router logs, in bytes.
const maxLogged = 32

// checkE leaves a SKEYID_e out that can't be whole where the hash has so many bytes, 0 for not
// known. It reports whether what is there is only the head of the value.
func (a *assembler) checkE(x *exchange, hash int) (head bool) {
	v := &x.vals[3]
	n, why := v.key.Len(), ""
	switch {
	case n == 0:
	case x.torn && (hash == 0 && n == rowLen || n > maxLogged):
		why = "and rows of the values before it are misplaced: one may be of another value"
	case hash == 0 && n == rowLen:
		// Not marked as a head: the capture names the hash, and with it how long the value has to be.
		a.out.doubt(v.line, "SKEYID_e: 16 bytes are all of it if the hash is MD5; else one of its two rows is missing")
	case hash == 0 || n == hash:
	case n == maxLogged && hash > maxLogged:
		return true
	case n == rowLen && hash == 20:
		// The row that is left has 16 bytes, so it is the first.
		a.out.note(v.line, "SKEYID_e: 16 of 20 bytes, its second row is missing")
		return true
	default:
		why = fmt.Sprintf("where %d are expected from the other values: a line is missing", min(hash, maxLogged))
	}
	if why != "" {
		a.out.note(v.line, "SKEYID_e: it has %s %s", byteCount(n), why)
		v.key = esp.Key{}
	}
	return false
}

// rowSeconds is how long after its label a row of a value may come.
const rowSeconds = 1

// tear is a value of a single row, which may lack others, behind which another negotiation begins.
// The rest of it may come under the labels of that one, so a value of more rows is not to be
// trusted until it is too late for that, unless it begins with that row: then it is the same value
// again.
type tear struct {
	line   int    // of the other negotiation; 0: nothing is torn
	torn   oneRow // the value, or of several the last
	same   bool   // all have this row
	latest oneRow // the last event was this value
}

// oneRow is a value of one row of 16 bytes; the zero value is none.
type oneRow struct {
	label
	row [rowLen]byte
}

// watch takes the next event; several is whether more than one negotiation is open. The result is
// the line where a value was interrupted to which the last row of this one may belong, 0 if there
// is none.
func (t *tear) watch(ev *event, several bool) (line int) {
	latest := t.latest
	t.latest = oneRow{}
	switch {
	case ev.kind == phase2:
		t.line = 0
	case latest.kind != noLabel && (ev.kind == phase1 || ev.kind == cookieI || ev.kind == latest.kind):
		t.open(ev.line, latest)
	}
	if !ev.kind.isSKEYID() || ev.fault != whole {
		return 0
	}
	switch {
	case len(ev.data) == rowLen:
		t.latest = oneRow{ev.label, [rowLen]byte(ev.data)}
		if several {
			t.open(ev.line, t.latest)
		}
		return 0
	case t.line == 0 || dead(&t.torn.label, &ev.label) || apart(&t.torn.label, &ev.label, rowSeconds):
		return 0
	case t.same && t.torn.kind == ev.kind && bytes.HasPrefix(ev.data, t.torn.row[:]):
		t.line = 0 // the log begins again
	}
	return t.line
}

func (t *tear) open(line int, value oneRow) {
	t.same = t.line == 0 || t.same && t.torn.kind == value.kind && t.torn.row == value.row
	t.line, t.torn = line, value
}
