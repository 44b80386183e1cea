package keysrc

import (
	"bytes"
	"fmt"

	"l2tpdump/esp"
)

// ParseESPSecrets reads the data of a pcapng Decryption Secrets Block of type ESPS: CSV (RFC 4180) with the ten columns of
// Wireshark's esp_sa. name is for origins and notes, as in "capture.pcapng (secrets)". Rows that can't be used
// are notes.
func ParseESPSecrets(data []byte, name string) *Keys {
	keys := new(Keys)
	out := &output{name: name, emit: keys.add}
	w := wiresharkESP{out: out}
	n := 0
	for line := range bytes.Lines(data) {
		n++
		t := bytes.TrimSpace(line)
		if len(t) == 0 || t[0] == '#' || w.line(n, t) || n == 1 && bytes.ContainsRune(t, ',') && bytes.IndexByte(t, '[') < 0 {
			continue // the first line may name the columns
		}
		out.note(n, "not a row of ESP secrets")
	}
	return keys
}

// AppendESPSecrets appends a row for each secret, as the data of a Decryption Secrets Block of type ESPS holds them.
// What Wireshark has no spelling for is left out; the errors, one for each, name its SPI.
func AppendESPSecrets(dst []byte, secrets []*esp.Secret) ([]byte, []error) {
	var left []error
	for _, s := range secrets {
		var err error
		if dst, err = appendESPRow(dst, s, true); err != nil {
			left = append(left, fmt.Errorf("SPI %s: %w", tableSPIText(s), err))
		}
	}
	return dst, left
}
