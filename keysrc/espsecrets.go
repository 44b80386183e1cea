package keysrc

import "bytes"

// ParseESPSecrets reads the data of a pcapng Decryption Secrets Block of type ESPS: CSV (RFC 4180)
// with the ten columns of Wireshark's esp_sa. name is for origins and notes, as in "capture.pcapng
// (secrets)". Rows that can't be used are notes.
func ParseESPSecrets(data []byte, name string) *Keys {
	keys := new(Keys)
	out := &output{name: name, emit: keys.add}
	w := newESPTable(out)
	n := 0
	for line := range bytes.Lines(data) {
		n++
		t := bytes.TrimSpace(line)
		head := n == 1 && bytes.ContainsRune(t, ',') && !bytes.ContainsRune(t, '[') // it may name the columns
		if len(t) == 0 || t[0] == '#' || w.line(n, t) || head {
			continue
		}
		out.note(n, "not a row of ESP secrets")
	}
	return keys
}
