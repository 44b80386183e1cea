package l2tp

import (
	"crypto/md5"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
)

// hide hides a value (RFC 2661 section 4.3), with padding behind it.
func hide(kind uint16, value, secret, vector []byte, padding int) []byte {
	plain := append(binary.BigEndian.AppendUint16(nil, uint16(len(value))), value...)
	plain = append(plain, make([]byte, padding)...)
	sum := md5.Sum(append(append(binary.BigEndian.AppendUint16(nil, kind), secret...), vector...))
	for at := range plain {
		if at > 0 && at%md5.Size == 0 {
			sum = md5.Sum(append(append([]byte(nil), secret...), plain[at-md5.Size:at]...))
		}
		plain[at] ^= sum[at%md5.Size]
	}
	return avpBytes(0xc000, 0, kind, plain...)
}

func mustSecrets(t *testing.T, text string) *Secrets {
	t.Helper()
	s, err := ReadSecrets(strings.NewReader(text), "FILE")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestHidden(t *testing.T) {
	secret := []byte("the secret")
	vectors := [][]byte{[]byte("first vector"), []byte("second")}
	var payload []byte
	payload = append(payload, message(ICRQ)...)
	payload = append(payload, avpBytes(0x8000, 0, avpRandomVector, vectors[0]...)...)
	payload = append(payload, hide(avpAssignedSession, []byte{1, 2}, secret, vectors[0], 0)...)
	payload = append(payload, hide(avpCalledNumber, []byte("0312345678"), secret, vectors[0], 7)...)
	payload = append(payload, avpBytes(0x8000, 0, avpRandomVector, vectors[1]...)...)
	payload = append(payload, hide(avpCallingNumber, []byte("+81-90-1234-5678-and-more-than-32"), secret, vectors[1], 16)...)

	c := readControl(payload)
	proof, used := c.uncover(Version2, mustSecrets(t, "another\r\n\nthe secret\n"))
	if proof != Right || used != "FILE:3" {
		t.Fatalf("%v with %v", proof, used)
	}
	got := fmt.Sprint(c.number(avpAssignedSession), c.text(avpCalledNumber), c.text(avpCallingNumber))
	if want := fmt.Sprint(258, "0312345678", "+81-90-1234-5678-and-more-than-32"); got != want {
		t.Errorf("%s, want %s", got, want)
	}

	c = readControl(payload)
	if proof, _ := c.uncover(Version2, mustSecrets(t, "wrong")); proof != Wrong || c.number(avpAssignedSession) != 0 || c.text(avpCalledNumber) != "" {
		t.Errorf("%v with a wrong secret", proof)
	}
	c = readControl(payload)
	if proof, _ := c.uncover(Version2, nil); proof != Unproved || c.value(avpCalledNumber) != nil {
		t.Errorf("%v without a secret", proof)
	}
}

func TestReadSecrets(t *testing.T) {
	for text, want := range map[string]string{
		"":                                   "FILE: no secret in it; each line is one",
		"\n\r\n":                             "FILE: no secret in it; each line is one",
		strings.Repeat("x", 2*maxSecretSize): "FILE: a line has more than 4096 bytes; a secret has a line of its own",
		strings.Repeat("x\n", maxSecrets+1):  "FILE: more than 64 secrets",
	} {
		if _, err := ReadSecrets(strings.NewReader(text), "FILE"); err == nil || err.Error() != want {
			t.Errorf("%.20q: %v", text, err)
		}
	}
	s := mustSecrets(t, "tunnel secret 9 \n")
	if got := string(s.all[0].key.Bytes()); got != "tunnel secret 9 " {
		t.Errorf("%q", got)
	}
	if text := fmt.Sprintf("%v %+v %#v", s, s, s.all); strings.Contains(text, "tunnel secret") {
		t.Errorf("printed: %s", text)
	}
}

// TestResponse: RFC 2661 section 4.2; the hash of a known input.
func TestResponse(t *testing.T) {
	want := md5.Sum([]byte("\x02secretchallenge"))
	if got := response(SCCRP, []byte("secret"), []byte("challenge")); got != want {
		t.Errorf("%x", got)
	}
	tr := NewTracker(mustSecrets(t, "secret"))
	answer := func(kind uint16, sum [16]byte) []byte {
		return control(21, 0, 0, 1, message(kind), id(avpAssignedTunnel, 9), avpBytes(0x8000, 0, avpChallengeResponse, sum[:]...))
	}
	observe(t, tr, client, server, control(0, 0, 0, 0, message(SCCRQ), id(avpAssignedTunnel, 21), avpBytes(0x8000, 0, avpChallenge, []byte("challenge")...)))
	for _, c := range []struct {
		sum  [16]byte
		want Proof
	}{{want, Right}, {[16]byte{1}, Wrong}} {
		var h Header
		data := answer(SCCRP, c.sum)
		if err := h.Decode(data); err != nil {
			t.Fatal(err)
		}
		if o := observation(tr, server, client, &h, data); o.Control.Authentication != c.want {
			t.Errorf("%v, want %v", o.Control.Authentication, c.want)
		}
	}
	if n := len(tr.Findings()); n != 2 {
		t.Errorf("%d findings", n)
	}
}

// TestFindingsBounded: what is said of the secrets of many ends, and the name of each, has a bound.
func TestFindingsBounded(t *testing.T) {
	tr := NewTracker(mustSecrets(t, "secret"))
	for i := range uint16(2 * maxFindings) {
		name := fmt.Appendf(nil, "%04d%s", i, strings.Repeat("x", 500))
		observe(t, tr, client, server, control(0, 0, 0, 0, message(SCCRQ), id(avpAssignedTunnel, 2*i+1), avpBytes(0x8000, 0, avpHostName, name...),
			avpBytes(0x8000, 0, avpChallenge, []byte("challenge")...)))
		observe(t, tr, server, client, control(2*i+1, 0, 0, 1, message(SCCRP), id(avpAssignedTunnel, 9), avpBytes(0x8000, 0, avpHostName, name...),
			avpBytes(0x8000, 0, avpChallengeResponse, make([]byte, 16)...)))
	}
	if n := len(tr.Findings()); n != maxFindings {
		t.Errorf("%d findings", n)
	}
	for f := range tr.Findings() {
		if len(f.Host) != maxName {
			t.Fatalf("a name of %d bytes", len(f.Host))
		}
	}
}
