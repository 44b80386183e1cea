package ikev1

import "testing"

// An ID of which a reconstructed message has lost the type is never printed as if it were known.
func TestLostID(t *testing.T) {
	for _, c := range []struct{ data, want string }{
		{"\x00\x00\x00\x00", "?"},
		{"", "?"},
		{"\x0a\x00\x03\x01", "10.0.3.1"},
		{"\x00\x00\x00\x00\x00\x00\x00\x00ocaldomain", "...ocaldomain"},
		{"\x00\x00\x00\x00\x00\x00\x00\x00\x01\xff\x02", "...01ff02"},
	} {
		id := identification{Data: []byte(c.data)}
		if got := id.String(); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}
