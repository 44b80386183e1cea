package redaction

import "testing"

func TestValue(t *testing.T) {
	for _, text := range []string{
		"xx xx xx", "XX XX", "** ** ** ** **  (confidential)   ** ** ** ** **", "(confidential)", "***", "[REDACTED]", "<redacted>",
		"[key removed]", "redacted", "xxxxxxxx xxxxxxxx", "....", "-- --", "0xXXXX", "__MASKED__", "<key>", "########", "██████",
		"##**REMOVED**##", `"<hidden>"`, "(redacted)", "0x1a2b3c4d...", "0x1a2b…",
	} {
		if !Value(text) {
			t.Errorf("%q is no redacted value", text)
		}
	}
	for _, text := range []string{
		"", "x", "0x00", "0x1a2b3c4d", "0x1a2b3cx", "4a f9 0f", "mysecretkey12345", "hmac(sha1)", "(20 < 24), generating long key (Ka = K1 | K2 | ...)", "<unknown>",
		"the key was removed", "[IKE]", "cbc(aes)",
	} {
		if Value(text) {
			t.Errorf("%q is a redacted value", text)
		}
	}
}

func TestLine(t *testing.T) {
	for line, want := range map[string]bool{
		"14[IKE]    0: [removed]": true, "14[IKE] SKEYID_e => <redacted>": true, "14[IKE] SKEYID_e => 32 bytes @ [REDACTED]": true,
		"| enc key:  xx xx xx xx": true, "\tauth-trunc hmac(sha1) xx xx xx 96": true, `       enc-key="***"`: true,
		"\tauthkey ******** \\": true, "  dec: spi=c53a8f78 esp=aes key=16 ********": true,
		"14[IKE]    0: 4A F9 0F 25  J..%": false, "\tenc cbc(aes) 0x00 (128 bits)": false, "sending retransmit ...": false,
		"DEBUG: len(SKEYID_e) < len(Ka) (20 < 24), generating long key (Ka = K1 | K2 | ...)": false, "": false,
		"14[IKE]   16: C3 3F 0E BE      .?..": false, "14[IKE]   16: C3 3F xx xx": true,
	} {
		if Line(line) != want {
			t.Errorf("%q: %v", line, !want)
		}
	}
}

func FuzzLine(f *testing.F) {
	f.Add("| enc key:  xx xx")
	f.Fuzz(func(t *testing.T, line string) {
		Line(line)
		Value(line)
	})
}
