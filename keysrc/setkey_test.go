package keysrc

import (
	"strings"
	"testing"
)

var setkeySamples = []sample{
	{name: "setkey", format: &setkeyFormat, text: `
10.0.1.13 10.0.1.241
	esp mode=transport spi=163029363(0x09b7a173) reqid=0(0x00000000)
	E: aes-cbc  75767778 797a7b7c 7d7e7f80 81828384
	A: hmac-sha512  b7b8b9ba bbbcbdbe bfc0c1c2 c3c4c5c6 c7c8c9ca cbcccdce cfd0d1d2 d3d4d5d6
 d7d8d9da dbdcddde dfe0e1e2 e3e4e5e6 e7e8e9ea ebecedee eff0f1f2 f3f4f5f6
	seq=0x00000000 replay=4 flags=0x00000000 state=mature 
	created: Mar  6 21:59:07 2015	current: Mar  6 21:59:17 2015
	diff: 10(s)	hard: 43200(s)	soft: 34560(s)
	sadb_seq=1 pid=20603 refcnt=0
10.0.1.241[4500] 10.0.1.13[4500] 
	esp-udp mode=transport spi=187807444(0x0b31b6d4) reqid=0(0x00000000)
	E: 3des-cbc  449e829e a966d421 fbcb86bd 7ad92e86 5abab15b aa5c672a
	A: hmac-sha1  41424344 45464748 494a4b4c 4d4e4f50 51525354
	seq=0x00000000 replay=4 flags=0x00000000 state=mature 
192.0.2.1 192.0.2.2
	esp mode=tunnel spi=256(0x00000100) reqid=0(0x00000000)
	E: rijndael-cbc  01020304 05060708 090a0b0c 0d0e0f10 11121314 15161718 191a1b1c 1d1e1f20
	A: hmac-sha2-256  02030405 06070809 0a0b0c0d 0e0f1011 12131415 16171819 1a1b1c1d 1e1f2021
	seq=0x00000000 replay=4 flags=0x00000000 state=mature 
`, want: `
esp 2 09b7a173 10.0.1.13>10.0.1.241 aes-cbc-128/hmac-sha2-512-256 75767778797a7b7c7d7e7f8081828384 b7b8b9babbbcbdbebfc0c1c2c3c4c5c6c7c8c9cacbcccdcecfd0d1d2d3d4d5d6d7d8d9dadbdcdddedfe0e1e2e3e4e5e6e7e8e9eaebecedeeeff0f1f2f3f4f5f6
esp 11 0b31b6d4 *>* 3des-cbc/hmac-sha1-96 449e829ea966d421fbcb86bd7ad92e865abab15baa5c672a 4142434445464748494a4b4c4d4e4f5051525354
esp 16 00000100 192.0.2.1>192.0.2.2 aes-cbc-256/hmac-sha2-256-128 0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20 02030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f2021`},

	{name: "damaged", format: &setkeyFormat, text: `
10.0.1.13 10.0.1.241
	esp mode=transport spi=163029363(0x09b7a173) reqid=0(0x00000000)
	E: aes-cbc  75767778 797a7b7c 7d7e7f80 81828384
	A: hmac-sha512  b7b8b9ba bbbcbdbe bfc0c1c2 c3c4c5c6 c7c8c9ca cbcccdce cfd0d1d2 d3d4d5d6
	seq=0x00000000 replay=4 flags=0x00000000 state=mature 
10.0.1.13 10.0.1.241
	esp mode=transport spi=163029364(0x09b7a173) reqid=0(0x00000000)
	E: aes-cbc  75767778 797a7b7c 7d7e7f80 81828384
	A: hmac-sha1  41424344 45464748 494a4b4c 4d4e4f50 51525354
10.0.1.13 10.0.1.241
	esp mode=transport spi=163029363(0x09b7a173) reqid=0(0x00000000)
	E: aes-cbc  75767778 797a7b7c 7d7e7f80 81828
	A: hmac-sha1  41424344 45464748 494a4b4c 4d4e4f50 51525354
`, want: `
note 2 SA 0x09b7a173: hmac-sha2-512-256 takes no key of 32 bytes
note 7 the SPI can't be read, or its two spellings differ
note 12 SA 0x09b7a173: a row of its keys is damaged`},
}

// TestSetkeyAdd: the ends of an SA are addresses, with ports or without, or names.
func TestSetkeyAdd(t *testing.T) {
	for ends, want := range map[string]string{
		"10.0.1.13 10.0.1.241 esp":                    "10.0.1.13>10.0.1.241",
		"-4 10.0.1.13 10.0.1.241 esp":                 "10.0.1.13>10.0.1.241",
		"10.0.1.13[4500] 10.0.1.241[4500] esp-udp":    "*>*",
		"10.0.1.13 [4500] 10.0.1.241 [4500] esp":      "*>*",
		"2001:db8::1[any] 2001:db8::2[any] esp":       "*>*",
		"gw.example.net client.example.net esp":       "*>*",
		"gw.example.net client.example.net [500] esp": "*>*",
	} {
		keys, err := Parse(strings.NewReader("add "+ends+" 0x09b7a173 -E aes-cbc 0x75767778797a7b7c7d7e7f8081828384 ;\n"), "x", "")
		if err != nil || len(keys.ESP) != 1 {
			t.Error(ends, err)
		} else if s := keys.ESP[0]; s.SPI != 0x09b7a173 || s.Src.String()+">"+s.Dst.String() != want {
			t.Errorf("%s: %08x %s>%s", ends, s.SPI, s.Src, s.Dst)
		}
	}
	if _, err := Parse(strings.NewReader("add milk and esp, then stir\n"), "x", ""); err == nil || strings.Contains(err.Error(), "the SPI of the command") {
		t.Error(err)
	}
}
