package wstables

import (
	"encoding/hex"
	"errors"
	"fmt"

	"l2tpdump/esp"
	"l2tpdump/ikev1"
	"l2tpdump/keysrc"
)

// IKERow is a row of ikev1_decryption_table: the expanded key.
type IKERow struct {
	InitiatorCookie ikev1.Cookie
	Ka              esp.Key
}

// WriteIKE adds rows to the ikev1_decryption_table in dir, which is made if it is not there. A
// cookie that is in the table with another key gets its new row behind the old: Wireshark takes the
// last.
func WriteIKE(dir string, rows []IKERow) (*Report, error) {
	t, err := openTable(dir, tableIKE)
	if err != nil {
		return nil, err
	}
	last := make(map[ikev1.Cookie]esp.Key) // the key that counts
	for row := range t.rows() {
		if s, _, err := keysrc.ParseIKERow(row); err == nil {
			last[s.InitiatorCookie] = s.Ka
		}
	}
	var added []IKERow
	for _, r := range rows {
		if err := r.check(); err != nil {
			t.Left = append(t.Left, fmt.Sprintf("left out: IKE %s: %s", r.InitiatorCookie, err))
			continue
		}
		if old, ok := last[r.InitiatorCookie]; ok && old.Equal(r.Ka) {
			t.Present++
			continue
		}
		last[r.InitiatorCookie] = r.Ka
		added = append(added, r)
	}
	t.Added = len(added)
	return t.write(noRows, func(yield func([]byte) bool) {
		var row []byte
		for _, r := range added {
			row = hex.AppendEncode(row[:0], r.InitiatorCookie[:])
			row = hex.AppendEncode(append(row, ','), r.Ka.Bytes())
			if !yield(append(row, '\n')) {
				return
			}
		}
	})
}

func noRows(func([]byte) bool) {}

// check says why the row can't be spelt: Wireshark refuses a table with a key of any other length
// than a cipher's.
func (r *IKERow) check() error {
	switch r.Ka.Len() {
	case 8, 16, 24, 32:
	default:
		return fmt.Errorf("%d bytes are the length of no cipher's key", r.Ka.Len())
	}
	if r.InitiatorCookie.IsZero() {
		return errors.New("the initiator cookie is not known")
	}
	return nil
}
