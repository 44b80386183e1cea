package keysrc

import (
	"strings"
	"testing"
)

// mixable are the samples with keys, and sources of the formats that have no sample.
func mixable() (names, texts []string) {
	for _, s := range samples() {
		if strings.Contains(s.want, "ike ") || strings.Contains(s.want, "esp ") {
			names = append(names, s.format.Name+"/"+s.name)
			texts = append(texts, strings.Trim(s.text, "\n"))
		}
	}
	for _, s := range []struct{ name, text string }{
		{"yamaha", `2026/11/23 07:13:24: [IKE] respond ISAKMP phase to 203.0.113.10
2026/11/23 07:13:24: [IKE] CKY-I
2026/11/23 07:13:24: [IKE]   14 80 48 a5 bc 8c 63 7f
2026/11/23 07:13:24: [IKE] SKEYID_e
2026/11/23 07:13:24: [IKE]   4a f9 0f 25 cf 10 27 73 61 11 19 37 c2 e1 48 65
2026/11/23 07:13:24: [IKE]   c3 3f 0e be 32 4e bf 4b 70 9f 00 4b 88 2c 4f c6
2026/11/23 07:13:25: [IKE] respond IPsec phase to 203.0.113.10
2026/11/23 07:13:25: [IKE] SPI
2026/11/23 07:13:25: [IKE]   c5 a0 13 59
2026/11/23 07:13:25: [IKE] key material (first 16byte)
2026/11/23 07:13:25: [IKE]   e1 38 4d cd d2 55 21 e2 d8 00 1e 68 c5 5a e0 94
2026/11/23 07:13:25: [IKE] authentication key (first 8byte)
2026/11/23 07:13:25: [IKE]   7c dd eb 4a c4 78 46 18
2026/11/23 07:13:25: IP Tunnel[1] Up`},
		{"fortigate, two lines", "  dec: spi=c53a8f78 esp=aes key=16 6c7d7e7f808182838485868788898a8b\n       ah=sha1 key=20 3142434445464748494a4b4c4d4e4f5051525354"},
		{"esp_sa", `"IPv4","203.0.113.1","203.0.113.10","0x0a1b2c3d","AES-CBC [RFC3602]","0x91b1c1d1e1f1a1b1c1d1e1f1a1b1c1d1","HMAC-SHA-1-96 [RFC2404]","0x92b2c2d2e2f2a2b2c2d2e2f2a2b2c2d2e2f2a2b2"
"IPv4","*","*","0x0a1b2c3e","AES-CBC","0x93b1c1d1e1f1a1b1c1d1e1f1a1b1c1d1","NULL",""`},
		{"ikev1_decryption_table", `831d33d46e20f8e6,94d5eabc78ae740b47258300f8de371e
931d33d46e20f8e6,95d5eabc78ae740b47258300f8de371ea4a9da87a4a9da87a4a9da8700112233`},
	} {
		names, texts = append(names, s.name), append(texts, s.text)
	}
	return names, texts
}

// TestMixedPairs puts each source behind each other one: the keys of both come out.
func TestMixedPairs(t *testing.T) {
	names, texts := mixable()
	good := make([]map[string]bool, len(texts))
	for i, text := range texts {
		keys, err := Parse(strings.NewReader(text), "sample", "")
		if err != nil {
			t.Fatal(names[i], err)
		}
		good[i] = values(keys)
	}
	for i := range texts {
		for j := range texts {
			for what, between := range map[string]string{"": "\n", " and a blank line": "\n\n", " and a comment": "\n# the other one\n"} {
				keys, err := Parse(strings.NewReader(texts[i]+between+texts[j]+"\n"), "sample", "")
				if err != nil {
					t.Errorf("%s, %s%s: %v", names[i], names[j], what, err)
					continue
				}
				got := values(keys)
				for k, from := range []map[string]bool{good[i], good[j]} {
					for v := range from {
						if !got[v] {
							t.Errorf("%s, %s%s: lost %.16s… of source %d: %v", names[i], names[j], what, v, k+1, keys.Notes)
							break
						}
					}
				}
				for v := range got {
					if !good[i][v] && !good[j][v] {
						t.Errorf("%s, %s%s: invented %.16s…", names[i], names[j], what, v)
						break
					}
				}
			}
		}
	}
}

// TestMixedBehindBareItem puts each source behind an item of RouterOS that shows no keys.
func TestMixedBehindBareItem(t *testing.T) {
	names, texts := mixable()
	const bare = " 0   E spi=0xE841441 src-address=150.0.0.150 dst-address=50.0.0.50 state=mature\n       auth-algorithm=sha256 enc-algorithm=aes-cbc replay=128\n"
	for i, text := range texts {
		want, err := Parse(strings.NewReader(text), "sample", "")
		if err != nil {
			t.Fatal(err)
		}
		keys, err := Parse(strings.NewReader(bare+text), "sample", "")
		if err != nil {
			t.Errorf("%s: %v", names[i], err)
			continue
		}
		got := values(keys)
		for v := range values(want) {
			if !got[v] {
				t.Errorf("%s: lost %.16s…", names[i], v)
			}
		}
		if len(keys.Notes) != len(want.Notes) {
			t.Errorf("%s: notes %v", names[i], keys.Notes)
		}
	}
}
