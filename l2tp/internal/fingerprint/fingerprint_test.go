package fingerprint

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"testing"
)

func TestAppend(t *testing.T) {
	form := regexp.MustCompile("^[0-9]+ bytes?, fingerprint [0-9a-f]{8}$")
	for name, of := range map[string]func(dst, value []byte) []byte{"password": AppendPassword, "response": Append} {
		for _, value := range []string{"a", "Wonder-Land-7", "one of sixteen or more"} {
			got, other := of(nil, []byte(value)), of(nil, []byte(value+"?"))
			if !form.Match(got) || bytes.Equal(got, other) || !bytes.Equal(got, of(nil, []byte(value))) {
				t.Errorf("%s %q: %s, of another %s", name, value, got, other)
			}
			plain := sha256.Sum256([]byte(value))
			lasting := bytes.HasSuffix(got, []byte(hex.EncodeToString(plain[:4])))
			if want := name == "response" && len(value) >= random; lasting != want {
				t.Errorf("%s %q: can be computed by others: %v", name, value, lasting)
			}
		}
		if got := string(of(nil, nil)); got != "0 bytes" {
			t.Error(got)
		}
	}
}
