package keysrc

import (
	"testing"

	"l2tpdump/esp"
)

// TestAlgorithmRows checks that the tables of names lead to rows that esp has, but for those that
// it does without.
func TestAlgorithmRows(t *testing.T) {
	without := map[string]bool{"camellia-cbc": true, "serpent-cbc": true}
	for name, s := range cipherSpellings {
		if esp.CipherByName(s.row) == nil && !without[s.row] {
			t.Errorf("%s: esp has no cipher %s", name, s.row)
		}
		if name != plainName(name) {
			t.Errorf("%s is not as plainName writes it", name)
		}
	}
	for name, s := range authSpellings {
		if authNamed(name, 0, 128) == nil && s.bits != 160 {
			t.Errorf("%s: esp has no %s", name, s.family)
		}
		if name != plainName(name) {
			t.Errorf("%s is not as plainName writes it", name)
		}
	}
}

func TestAlgorithmNames(t *testing.T) {
	for _, c := range []struct {
		name           string
		row            string
		keyLen, icvLen int
	}{
		{"cbc(aes)", "aes-cbc", 0, 0},
		{"cbc(des3_ede)", "3des-cbc", 0, 0},
		{"rfc4106(gcm(aes))", "aes-gcm", 0, 0},
		{"rfc4309(ccm(aes))", "aes-ccm", 0, 0},
		{"rfc4543(gcm(aes))", "null-gmac", 0, 16},
		{"rfc3686(ctr(aes))", "aes-ctr", 0, 0},
		{"rfc7539esp(chacha20,poly1305)", "chacha20-poly1305", 0, 16},
		{"ecb(cipher_null)", "null", 0, 0},
		{"AES_CBC_256", "aes-cbc", 32, 0},
		{"AES_GCM_16_128", "aes-gcm", 16, 16},
		{"AES_GCM_8", "aes-gcm", 0, 8},
		{"AES_CCM_12_256", "aes-ccm", 32, 12},
		{"CHACHA20_POLY1305", "chacha20-poly1305", 0, 16},
		{"3DES_CBC", "3des-cbc", 0, 0},
		{"rijndael-cbc", "aes-cbc", 0, 0},
		{"aes-128-gcm", "aes-gcm", 16, 16},
		{"AES-CBC", "aes-cbc", 0, 0},
	} {
		got, keyLen, icvLen := cipherNamed(c.name)
		if got == nil || got.Name != c.row || keyLen != c.keyLen || icvLen != c.icvLen {
			t.Errorf("%s: %v, key %d, ICV %d bytes", c.name, got, keyLen, icvLen)
		}
	}
	for _, c := range []struct {
		name string
		bits int
		row  string
	}{
		{"hmac(sha1)", 96, "hmac-sha1-96"},
		{"hmac(sha256)", 96, "hmac-sha2-256-96"},
		{"hmac(sha256)", 128, "hmac-sha2-256-128"},
		{"hmac(sha256)", 0, "hmac-sha2-256-128"},
		{"hmac(sha384)", 192, "hmac-sha2-384-192"},
		{"hmac(sha512)", 256, "hmac-sha2-512-256"},
		{"hmac(md5)", 96, "hmac-md5-96"},
		{"hmac(rmd160)", 96, "hmac-ripemd160-96"},
		{"xcbc(aes)", 96, "aes-xcbc-96"},
		{"cmac(aes)", 96, "aes-cmac-96"},
		{"hmac(sha512)", 128, "any-128"},
		{"digest_null", 0, "none"},
		{"HMAC_SHA2_256_128", 0, "hmac-sha2-256-128"},
		{"HMAC_SHA2_256_TRUNCBUG", 0, "hmac-sha2-256-96"},
		{"HMAC_MD5_96", 0, "hmac-md5-96"},
		{"SHA-1", 0, "hmac-sha1-96"},
	} {
		if got := authNamed(c.name, c.bits, 128); got == nil || got.Name != c.row {
			t.Errorf("%s with %d bits: %v", c.name, c.bits, got)
		}
	}
	if c, _, _ := cipherNamed("cbc(sm4)"); c != nil {
		t.Errorf("cbc(sm4): %v", c)
	}
}

// A name that may be a piece of a key is not quoted.
func TestQuoteName(t *testing.T) {
	for name, want := range map[string]string{
		"cbc(sm4)": `"cbc(sm4)"`, "0x001122334455": "named in this line", "AbCdEf0123": "named in this line",
	} {
		if got := quoteName(name); got != want {
			t.Errorf("%s: %s", name, got)
		}
	}
}
