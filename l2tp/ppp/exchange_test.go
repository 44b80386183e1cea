package ppp

import (
	"crypto/md5"
	"strings"
	"testing"
)

// TestHashed: an NT hash can't be compared with a response of CHAP-MD5, which a password can.
func TestHashed(t *testing.T) {
	const hash = "* * NThash:00112233445566778899aabbccddeeff"
	for file, want := range map[string]Proof{
		hash:                      ProofHashed,
		hash + "\nUser * other":   ProofHashed,
		hash + "\nUser * right":   ProofRight,
		"User * other":            ProofWrong,
		"User * right\n" + hash:   ProofRight,
		"bob * other":             ProofUnknown,
		"bob * other\n" + hash:    ProofHashed,
		"* * other\nUser * wrong": ProofWrong,
	} {
		secrets, err := ReadSecrets(strings.NewReader(file), "f")
		if err != nil {
			t.Fatal(err)
		}
		x := NewExpander(secrets)
		p := &pair{t: t, x: x, link: x.NewLink(ends[0], ends[1])}
		p.agree(protocolLCP, lcpAuthentication, 5, 0xc2, 0x23, chapMD5)
		challenge := []byte("0123456789abcdef")
		sum := md5.Sum(append([]byte("\x07right"), challenge...))
		p.control(1, protocolCHAP, 1, 7, append([]byte{16}, challenge...)...)
		p.control(0, protocolCHAP, 2, 7, append(append([]byte{16}, sum[:]...), "User"...)...)
		p.control(1, protocolCHAP, 3, 7)
		var told Proof
		for f := range x.Findings() {
			told = f.Proof
		}
		if says := want == ProofHashed || want == ProofWrong; p.link.auth.proof != want || says != (told == want) {
			t.Errorf("%q: %d, told %d; want %d", file, p.link.auth.proof, told, want)
		}
	}
}
