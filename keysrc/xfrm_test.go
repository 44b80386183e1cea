package keysrc

import (
	"strings"
	"testing"
)

var xfrmSamples = []sample{
	{name: "plain", format: &xfrmFormat, whole: true, text: `
src 10.0.0.161 dst 69.27.252.3
	proto esp spi 0x66a336c8 reqid 6 mode transport
	replay-window 32 flag af-unspec
	auth-trunc hmac(sha1) 0x00112233445566778899aabbccddeeff01234567 96
	enc cbc(aes) 0x000102030405060708090a0b0c0d0e0f
	encap type espinudp sport 4500 dport 4500 addr 0.0.0.0
`, want: `esp 1 66a336c8 *>* aes-cbc-128/hmac-sha1-96 000102030405060708090a0b0c0d0e0f 00112233445566778899aabbccddeeff01234567 esn=false`},

	{name: "statistics", format: &xfrmFormat, whole: true, text: `
src 2001:db8::1 dst 2001:db8::10
	proto esp spi 0xc02b62a8(3224068776) reqid 1(0x00000001) mode transport
	replay-window 0 seq 0x00000000 flag esn (0x10000000)
	auth-trunc hmac(sha256) 0x000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f (256 bits) 128
	enc cbc(des3_ede) 0xa0a1a2a3a4a5a6a7b0b1b2b3b4b5b6b7c0c1c2c3c4c5c6c7 (192 bits)
	anti-replay esn context:
	 seq-hi 0x0, seq 0x0, oseq-hi 0x2, oseq 0x17
	 replay_window 32, bitmap-length 1
	 00000000 
	sel src 2001:db8::1/128 dst 2001:db8::10/128 uid 0
	lifetime config:
	  limit: soft (INF)(bytes), hard (INF)(bytes)
	stats:
	  replay-window 0 replay 0 failed 0
`, want: `esp 1 c02b62a8 2001:db8::1>2001:db8::10 3des-cbc/hmac-sha2-256-128/esn a0a1a2a3a4a5a6a7b0b1b2b3b4b5b6b7c0c1c2c3c4c5c6c7 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f esn=true high=2`},

	{name: "aead and older spellings", format: &xfrmFormat, text: `
src 192.0.2.1 dst 192.0.2.2
	proto esp spi 0x00000101 reqid 1 mode tunnel dir in
	replay-window 32 
	aead rfc4106(gcm(aes)) 0x000102030405060708090a0b0c0d0e0f10111213 128
src 192.0.2.2 dst 192.0.2.1
	proto esp spi 0x00000102 reqid 1 mode tunnel
	replay-window 32 
	aead rfc4309(ccm(aes)) 0x000102030405060708090a0b0c0d0e0f101112 64
src 192.0.2.2 dst 192.0.2.1
	proto esp spi 0x00000103 reqid 1 mode tunnel
	replay-window 32 
	aead rfc7539esp(chacha20,poly1305) 0x000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20212223 128
src 192.0.2.2 dst 192.0.2.1
	proto esp spi 0x00000104 reqid 1 mode tunnel
	replay-window 32 
	auth hmac(sha256) 0x000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f
	enc rfc3686(ctr(aes)) 0x202122232425262728292a2b2c2d2e2f30313233
src 192.0.2.2 dst 192.0.2.1
	proto esp spi 0x00000105 reqid 1 mode tunnel
	replay-window 32 
	auth-trunc xcbc(aes) 0x000102030405060708090a0b0c0d0e0f 96
	enc ecb(cipher_null) 
src 192.0.2.2 dst 192.0.2.1
	proto esp spi 0x00000106 reqid 1 mode tunnel
	replay-window 32 
	auth-trunc cmac(aes) 0x000102030405060708090a0b0c0d0e0f 96
	enc cbc(des) 0x0011223344556677
`, want: `
esp 1 00000101 192.0.2.1>192.0.2.2 aes-gcm-128/aead-128 000102030405060708090a0b0c0d0e0f10111213 - esn=false
esp 5 00000102 192.0.2.2>192.0.2.1 aes-ccm-128/aead-64 000102030405060708090a0b0c0d0e0f101112 - esn=false
esp 9 00000103 192.0.2.2>192.0.2.1 chacha20-poly1305/aead-128 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20212223 - esn=false
esp 13 00000104 192.0.2.2>192.0.2.1 aes-ctr-128/hmac-sha2-256-96 202122232425262728292a2b2c2d2e2f30313233 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f esn=false
esp 18 00000105 192.0.2.2>192.0.2.1 null/aes-xcbc-96 - 000102030405060708090a0b0c0d0e0f esn=false
esp 23 00000106 192.0.2.2>192.0.2.1 des-cbc/aes-cmac-96 0011223344556677 000102030405060708090a0b0c0d0e0f esn=false`},

	{name: "monitor", format: &xfrmFormat, text: `
Timestamp: Mon Nov 23 08:00:47 2026 520445 usec
Updated src 203.0.113.10 dst 203.0.113.1
	proto comp spi 0x000070ec reqid 1 mode transport
	replay-window 0 flag noecn nopmtudisc
	comp deflate 
	sel src 203.0.113.10/32 dst 203.0.113.1/32 
Timestamp: Mon Nov 23 08:00:47 2026 531245 usec
Updated src 203.0.113.10 dst 203.0.113.1
	proto esp spi 0xc3ccb94e reqid 1 mode transport
	replay-window 32 
	auth-trunc hmac(md5) 0x00112233445566778899aabbccddeeff 96
	enc cbc(aes) 0x101112131415161718191a1b1c1d1e1f2021222324252627
	anti-replay context: seq 0x0, oseq 0x0, bitmap 0x00000000
	sel src 203.0.113.10/32 dst 203.0.113.1/32 
Deleted src 203.0.113.10 dst 203.0.113.1
	proto esp spi 0xc3ccb94e reqid 1 mode transport
	replay-window 32 
	auth-trunc hmac(md5) 0x00112233445566778899aabbccddeeff 96
	enc cbc(aes) 0x101112131415161718191a1b1c1d1e1f2021222324252627
	sel src 203.0.113.10/32 dst 203.0.113.1/32 
Deleted src 10.0.0.0/24 dst 10.0.1.0/24 
	dir out priority 1
	tmpl src 203.0.113.10 dst 203.0.113.1
		proto esp spi 0x00000000 reqid 1 mode tunnel
`, want: `esp 8 c3ccb94e 203.0.113.10>203.0.113.1 aes-cbc-192/hmac-md5-96 101112131415161718191a1b1c1d1e1f2021222324252627 00112233445566778899aabbccddeeff esn=false`},

	{name: "one line", format: &xfrmFormat, text: `
src 10.0.0.1 dst 10.0.0.2 \	proto esp spi 0x00000201 reqid 0 mode transport\	replay-window 0 \	auth-trunc hmac(sha1) 0x00112233445566778899aabbccddeeff01234567 96\	enc cbc(aes) 0x000102030405060708090a0b0c0d0e0f\	sel src 0.0.0.0/0 dst 0.0.0.0/0 
`, want: `esp 1 00000201 10.0.0.1>10.0.0.2 aes-cbc-128/hmac-sha1-96 000102030405060708090a0b0c0d0e0f 00112233445566778899aabbccddeeff01234567 esn=false`},

	{name: "damaged", format: &xfrmFormat, text: `
src 10.0.0.1 dst 10.0.0.2
	proto esp spi 0x00000301(768) reqid 0 mode transport
	enc cbc(aes) 0x000102030405060708090a0b0c0d0e0f
src 10.0.0.1 dst 10.0.0.2
	proto esp spi 0x00000302 reqid 0 mode transport
	enc cbc(aes) 0x000102030405060708090a0b0c0d0e
src 10.0.0.1 dst 10.0.0.2
	proto esp spi 0x00000303 reqid 0 mode transport
	enc cbc(aes) 0x000102030405060708090a0b0c0d0e0f (256 bits)
src 10.0.0.1 dst 10.0.0.2
	proto esp spi 0x00000304 reqid 0 mode transport
	auth-trunc hmac(sha1) 0x00112233445566778899aabbccddeeff01234567
	enc cbc(aes) 0x000102030405060708090a0b0c0d0e0f
src 10.0.0.1 dst 10.0.0.2
	proto esp spi 0x00000305 reqid 0 mode transport
	enc cbc(aes) 0x000102030405060708090a0b0c0d0e0f
101112131415161718191a1b1c1d1e1f
src 10.0.0.1 dst 10.0.0.2
	proto esp spi 0x00000306 reqid 0 mode transport
	enc cbc(aes) <<Keys hidden>>
src 10.0.0.1 dst 10.0.0.2
	proto esp spi 0x00000307 reqid 0 mode transport
	enc cbc(sm9) 0x000102030405060708090a0b0c0d0e0f
src 10.0.0.1 dst 10.0.0.2
	proto esp spi 0x00000308 reqid 0 mode transport
	enc cbc(aes) 0x00000000000000000000000000000000
`, want: `
esp 21 00000307 10.0.0.1>10.0.0.2 ?/? 000102030405060708090a0b0c0d0e0f -
esp 24 00000308 10.0.0.1>10.0.0.2 aes-cbc-128/? 00000000000000000000000000000000 -
note 2 the SPI can't be read, or its two spellings differ
note 4 SA 0x00000302: aes-cbc takes no key of 15 bytes
note 9 SA 0x00000303: enc key of 16 bytes where 256 bits are declared
note 12 SA 0x00000304: auth-trunc line ends before the length of the ICV
note 17 SA 0x00000305: the line with its key is broken, the rest follows in a line of its own
note 18 SA 0x00000306: the keys are hidden
doubt 21 SA 0x00000307: cipher "cbc(sm9)" is not known here; the key is tried by its length
doubt 24 SA 0x00000308: a key is nothing but zeros: a kernel in lockdown shows keys so`},
}

func TestXfrmLarval(t *testing.T) {
	_, err := Parse(strings.NewReader("src 10.0.0.1 dst 10.0.0.2\n\tproto esp spi 0x0000015d reqid 0 mode transport\n\treplay-window 0 \n\tsel src 10.0.0.1/32 dst 10.0.0.2/32 \n"), "state", "")
	if err == nil || !strings.Contains(err.Error(), "have no keys yet") {
		t.Errorf("error %v", err)
	}
	_, err = Parse(strings.NewReader("src 10.0.0.1 dst 10.0.0.2 \\\tproto esp spi 0x0000015d mode transport\n\\\t"+
		"enc cbc(aes) 0x00112233445566778899aabbccddeeff\n"), "state", "")
	if err == nil || !strings.Contains(err.Error(), "are broken") {
		t.Errorf("error %v", err)
	}
}

// TestXfrmFused: where the first lines of a state are missing, its keys are not those of the state
// before it.
func TestXfrmFused(t *testing.T) {
	const first = "src 10.0.0.1 dst 10.0.0.2\n\tproto esp spi 0x00000101 mode transport\n" +
		"\tauth-trunc hmac(sha1) 0x000102030405060708090a0b0c0d0e0f10111213 96\n\tenc cbc(aes) 0x000102030405060708090a0b0c0d0e0f\n"
	const rest = "\tauth-trunc hmac(sha1) 0xf00102030405060708090a0b0c0d0e0f10111213 96\n\tenc cbc(aes) 0xf00102030405060708090a0b0c0d0e0f\n"
	keys, err := Parse(strings.NewReader(first+rest), "state", "")
	if err != nil || len(keys.ESP) != 1 || keys.ESP[0].Key.Bytes()[0] != 0 || keys.ESP[0].AuthKey.Bytes()[0] != 0 || len(keys.Notes) != 1 {
		t.Errorf("%+v, %v", keys, err)
	}
}

func TestXfrmComp(t *testing.T) {
	keys := parseWith(&xfrmFormat, "state", []byte(strings.Repeat("src 10.0.0.1 dst 10.0.0.2\n\tproto comp spi 0x000070ec reqid 1 mode transport\n\tcomp deflate \n", 3)))
	if len(keys.Hints.SAs) != 1 || keys.Hints.SAs[0].SPI != 0x70ec || keys.Hints.SAs[0].Protocol != "IPComp" {
		t.Errorf("hints %+v", keys.Hints.SAs)
	}
}
