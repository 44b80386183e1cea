package keysrc

import (
	"bufio"
	"iter"
	"path/filepath"

	"l2tpdump/esp"
	"l2tpdump/ikev1"
)

// IKERow is a row of ikev1_decryption_table: the expanded key.
type IKERow struct {
	InitiatorCookie ikev1.Cookie
	Ka              esp.Key
}

// tableKa is the bytes of a key. One that is longer than any that is written has the length only.
type tableKa struct {
	n int16
	b [32]byte
}

func newTableKa(k esp.Key) (ka tableKa) {
	ka.n = int16(k.Len())
	if k.Len() <= len(ka.b) {
		copy(ka.b[:], k.Bytes())
	}
	return ka
}

// WriteIKETable adds rows to the ikev1_decryption_table in dir, which is made if it is not there. A cookie that is in the
// table with another key gets its new row behind the old: Wireshark takes the last. The rows are gone through twice.
func WriteIKETable(dir string, rows iter.Seq[IKERow]) (*TableReport, error) {
	t, err := openTable(filepath.Join(dir, TableIKE))
	if err != nil {
		return nil, err
	}
	defer t.close()
	last := make(map[ikev1.Cookie]tableKa) // the key that counts
	err = t.each(func(_ int64, row []byte) {
		if s, _, err := parseIKERow(row); err == nil {
			last[s.InitiatorCookie] = newTableKa(s.Ka)
		}
	})
	if err != nil {
		return nil, err
	}
	var (
		added []uint32 // numbers of the rows that are new
		space []byte
		n     int
	)
	for r := range rows {
		i := n
		n++
		if space, err = AppendIKERow(space[:0], r.InitiatorCookie, r.Ka); err != nil {
			t.report.Left = append(t.report.Left, i)
			continue
		}
		ka := newTableKa(r.Ka)
		if old, ok := last[r.InitiatorCookie]; ok && old == ka {
			t.report.Present++
			continue
		}
		last[r.InitiatorCookie] = ka
		added = append(added, uint32(i))
	}
	t.report.Added = len(added)
	last = nil
	return t.write(
		func(*bufio.Writer) error { return nil },
		func(w *bufio.Writer) error {
			i := uint32(0)
			for r := range rows {
				if len(added) == 0 {
					return nil
				}
				if i == added[0] {
					added = added[1:]
					if space, err = AppendIKERow(space[:0], r.InitiatorCookie, r.Ka); err != nil {
						return err
					}
					if _, err := w.Write(space); err != nil {
						return err
					}
				}
				i++
			}
			return nil
		})
}
