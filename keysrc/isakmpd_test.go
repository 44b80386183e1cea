package keysrc

import (
	"os"
	"strings"
	"testing"

	"l2tpdump/ikev1"
)

// TestIsakmpdCookies: of cookies that are damaged nothing is kept.
func TestIsakmpdCookies(t *testing.T) {
	text, err := os.ReadFile("../testdata/field/keys/b1-isakmpd-D")
	if err != nil {
		t.Fatal(err)
	}
	const cookies = "icookie 631827ec0fefc720 rcookie 57b5e187a6225cec"
	for line, want := range map[string]ikev1.Cookie{
		cookies: {0x63, 0x18, 0x27, 0xec, 0x0f, 0xef, 0xc7, 0x20},
		"icookie 631827ec0fefc7?0 rcookie 57b5e187a6225cec": {},
		"icookie 631827ec0fefc720 rcookie 57b5e187a6225ce?": {},
	} {
		keys, err := Parse(strings.NewReader(strings.ReplaceAll(string(text), cookies, line)), "x", "")
		if err != nil || len(keys.IKE) != 1 {
			t.Fatalf("%s: %d of IKE, %v", line, len(keys.IKE), err)
		}
		if got := keys.IKE[0]; got.InitiatorCookie != want || want.IsZero() && !got.ResponderCookie.IsZero() {
			t.Errorf("%s: cookies %s, %s", line, got.InitiatorCookie, got.ResponderCookie)
		}
	}
}
