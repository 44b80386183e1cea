package keysrc

import (
	"fmt"
	"maps"
	"os"
	"regexp"
	"strings"
	"testing"
)

var mikrotikSamples = []sample{
	{name: "log", format: &mikrotikFormat, text: `
22:00:51 ipsec,debug ===== received 372 bytes from 203.0.113.10[500] to 203.0.113.1[500]
22:00:51 ipsec,debug SKEYID computed:
22:00:51 ipsec,debug 41424344 45464748 494a4b4c 4d4e4f50 51525354
22:00:51 ipsec,debug SKEYID_d computed:
22:00:51 ipsec,debug 61626364 65666768 696a6b6c 6d6e6f70 71727374
22:00:51 ipsec,debug SKEYID_a computed:
22:00:51 ipsec,debug 81828384 85868788 898a8b8c 8d8e8f90 91929394
22:00:51 ipsec,debug SKEYID_e computed:
22:00:51 ipsec,debug a1a2a3a4 a5a6a7a8 a9aaabac adaeafb0 b1b2b3b4
22:00:51 ipsec,debug final encryption key computed:
22:00:51 ipsec,debug a1a2a3a4 a5a6a7a8 a9aaabac adaeafb0
22:00:51 ipsec,debug hash(sha1)
22:00:51 ipsec,info ISAKMP-SA established 203.0.113.1[500]-203.0.113.10[500] spi:831d33d46e20f8e6:76f7d24c1b2a3948
`, want: `
ike 8 831d33d46e20f8e6/76f7d24c1b2a3948 skeyid=4142434445464748494a4b4c4d4e4f5051525354 d=6162636465666768696a6b6c6d6e6f7071727374 a=8182838485868788898a8b8c8d8e8f9091929394 e=a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4 ka=a1a2a3a4a5a6a7a8a9aaabacadaeafb0 peer=203.0.113.10`},

	{name: "installed-sa print", format: &mikrotikFormat, whole: true, text: `
[admin@gw] > /ip ipsec installed-sa print
Flags: H - hw-aead, A - AH, E - ESP
 0   E spi=0xE841441 src-address=150.0.0.150 dst-address=50.0.0.50 state=mature
       auth-algorithm=sha256 enc-algorithm=aes-cbc enc-key-size=256
       auth-key="9192939495969798999a9b9c9d9e9fa0a1a2a3a4a5a6a7a8a9aaa
         bacadaeafb0"
       enc-key="6162636465666768696a6b6c6d6e6f70717273747576777879
         7a7b7c7d7e7f80" addtime=mar/13/2026 22:00:52
       add-lifetime=24m11s/30m14s replay=128

 1   E spi=0x0A0B0C0D src-address=50.0.0.50:4500 dst-address=150.0.0.150:4500 state=mature
       auth-algorithm=sha1 enc-algorithm=3des enc-key-size=192 auth-key="4142434445464748494a4b4c4d4e4f5051525354"
       enc-key="449e829ea966d421fbcb86bd7ad92e865abab15baa5c672a" replay=128

 2  A  spi=0x0A0B0C0E src-address=50.0.0.50 dst-address=150.0.0.150 state=mature
       auth-algorithm=sha1 auth-key="8182838485868788898a8b8c8d8e8f9091929394"
[admin@gw] > 
`, want: `
esp 3 0e841441 150.0.0.150>50.0.0.50 aes-cbc-256/hmac-sha2-256-128 6162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f80 9192939495969798999a9b9c9d9e9fa0a1a2a3a4a5a6a7a8a9aaabacadaeafb0
esp 11 0a0b0c0d *>* 3des-cbc/hmac-sha1-96 449e829ea966d421fbcb86bd7ad92e865abab15baa5c672a 4142434445464748494a4b4c4d4e4f5051525354`},

	{name: "version 2.9, cut", format: &mikrotikFormat, whole: true, text: `
0 E spi=E727605 direction=in src-address=10.0.0.148 dst-address=10.0.0.147
auth-algorithm=sha1 enc-algorithm=3des replay=4 state=mature
auth-key="4142434445464748494a4b4c4d4e4f5051525354"
enc-key="449e829ea966d421fbcb86bd7ad92e865abab15baa5c672a"
add-lifetime=24m/30m
1 E spi=E727606 src-address=10.0.0.147 dst-address=10.0.0.148
auth-algorithm=sha1 enc-algorithm=3des
auth-key="4142434445464748494a4b4c4d4e4f5051525354"
enc-key="449e829ea966d421fbcb86bd7ad92e865abab15b
`, want: `
esp 1 0e727605 10.0.0.148>10.0.0.147 3des-cbc/hmac-sha1-96 449e829ea966d421fbcb86bd7ad92e865abab15baa5c672a 4142434445464748494a4b4c4d4e4f5051525354
note 9 SA 0x0e727606: enc-key has no closing quote`},
}

// TestRouterOSItems: the SAs that its REST interface gives come in other forms too; a field that is
// lost is told, and so is a key that is cut with the end of its object.
func TestRouterOSItems(t *testing.T) {
	text, err := os.ReadFile("../testdata/field/keys/m26-api-json")
	if err != nil {
		t.Fatal(err)
	}
	want, err := Parse(strings.NewReader(string(text)), "x", "")
	if err != nil {
		t.Fatal(err)
	}
	fields := regexp.MustCompile(`"([^"]+)": "([^"]*)"`).FindAllStringSubmatch(string(text), -1)
	without := func(at int) (asValue, api, indented string) {
		for i, f := range fields {
			if i == at {
				continue
			}
			if f[1] == ".id" {
				api += "!re\n"
				indented += "},\n{\n"
			}
			asValue += ";" + f[1] + "=" + f[2]
			api += "=" + f[1] + "=" + f[2] + "\n"
			indented += fmt.Sprintf("%q: %q,\n", f[1], f[2])
		}
		return asValue[1:] + "\n", api + "!done\n", indented
	}
	check := func(what, text string, whole bool) {
		keys, err := Parse(strings.NewReader(text), "x", "")
		if got := values(keys); whole && !maps.Equal(got, values(want)) ||
			len(got) < len(values(want)) && err == nil && len(keys.Notes) == 0 {
			t.Errorf("%s: %d keys of %d, %v", what, len(got), len(values(want)), err)
		}
	}
	for at := -1; at < len(fields); at++ {
		what := "nothing"
		if at >= 0 {
			what = fields[at][1]
		}
		asValue, api, indented := without(at)
		check("as-value without "+what, asValue, at < 0)
		check("API without "+what, api, at < 0)
		check("JSON without "+what, indented, at < 0)
	}
}
