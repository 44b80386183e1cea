package keysrc

import (
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"l2tpdump/esp"
)

// routerLogs are the logs from which variants are made.
func routerLogs(t testing.TB) map[string]string {
	t.Helper()
	logs := make(map[string]string)
	for _, dir := range []string{"01-basic-aes128-sha1", "02-natt-aes256-sha1", "05-aes256-sha256-ecp384", "06-pfs-rekey-dpd", "11-three-clients-two-behind-nat"} {
		for _, name := range []string{"router.log", "router-full.log"} {
			data, err := os.ReadFile(filepath.Join("../testdata/captures", dir, name))
			if err != nil {
				t.Fatal(err)
			}
			logs[dir[:2]+"/"+name] = string(data)
		}
	}
	return logs
}

func parseText(t testing.TB, text string) *Keys {
	t.Helper()
	keys, err := Parse(strings.NewReader(text), "x.log", "")
	if err != nil && !isNoKeys(err) {
		t.Fatal(err)
	}
	return keys
}

func yamahaHex(k esp.Key) string { return hex.EncodeToString(k.Bytes()) }

// canonical spells out all that the keys say but where it was found, sorted.
func canonical(k *Keys) []string {
	var list []string
	for _, s := range k.IKE {
		list = append(list, fmt.Sprintf("ike %s %s %s %s %s %s %t %s", s.InitiatorCookie, s.ResponderCookie,
			yamahaHex(s.SKEYID), yamahaHex(s.SKEYIDd), yamahaHex(s.SKEYIDa), yamahaHex(s.SKEYIDe), s.SKEYIDeHead, s.Peer))
	}
	for _, s := range k.ESP {
		list = append(list, fmt.Sprintf("esp %08x/%08x %08x %s>%s %s %t %s %t", s.SPI, s.SPIMask, s.PairSPI, s.Src, s.Dst,
			yamahaHex(s.Key), s.KeyHead, yamahaHex(s.AuthKey), s.AuthKeyHead))
	}
	slices.Sort(list)
	return list
}

func losses(k *Keys) []Note {
	var list []Note
	for _, n := range k.Notes {
		if !n.Doubt {
			list = append(list, n)
		}
	}
	return list
}

const showDetail = `SA[1] Duration: 10675s
Local ID: 192.168.100.1
Remote ID: 72.21.209.225
Protocol: IKE
Algorithm: AES-CBC, SHA-1, MODP 1024bit

SPI: 6b ce fd 8a d5 30 9b 02 0c f3 87 52 4a 87 6e 77 
Key: ** ** ** ** **  (confidential)   ** ** ** ** **
----------------------------------------------------
SA[2] Duration: 1719s
Local ID: 192.168.100.1
Remote ID: 72.21.209.225
Direction: send
Protocol: ESP (Mode: tunnel)
Algorithm: AES-CBC (for Auth.: HMAC-SHA)
SPI: a6 67 47 47 
Key: ** ** ** ** **  (confidential)   ** ** ** ** **
----------------------------------------------------
SA[3] Duration: 1719s
Local ID: 192.168.100.1
Remote ID: 72.21.209.225
Direction: receive
Protocol: ESP (Mode: transport)
Algorithm: AES256-CBC (for Auth.: HMAC-SHA256)
SPI: 7b 07 d4 9d 
Key: 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f 10 
----------------------------------------------------
# 
`

func TestYamahaRecordings(t *testing.T) {
	for _, name := range []string{"router.log", "router-full.log"} {
		for _, file := range recordings(t, name) {
			keys, err := ParseFile(file, "")
			if err != nil {
				t.Error(err)
				continue
			}
			for _, n := range losses(keys) {
				t.Error(n)
			}
			want := readESPSA(t, filepath.Join(filepath.Dir(file), "keys/esp_sa"))
			for _, s := range keys.ESP {
				w, ok := want[s.SPI]
				if !ok || !strings.HasPrefix(w.key, yamahaHex(s.Key)) || !strings.HasPrefix(w.authKey, yamahaHex(s.AuthKey)) || s.Key.IsZero() {
					t.Errorf("%s: keys of SPI %08x are not the heads of those in the table", s.Origin, s.SPI)
				}
				if w.src != "*" && (!s.Src.IsAny() && s.Src.String() != w.src || !s.Dst.IsAny() && s.Dst.String() != w.dst || s.Src.IsAny() == s.Dst.IsAny()) {
					t.Errorf("%s: SPI %08x goes from %s to %s, want %s and %s", s.Origin, s.SPI, s.Src, s.Dst, w.src, w.dst)
				}
				p, ok := want[s.PairSPI]
				if !ok || p.src != w.dst && p.src != "*" && w.dst != "*" {
					t.Errorf("%s: SPI %08x is no pair with %08x", s.Origin, s.SPI, s.PairSPI)
				}
			}
			if len(keys.ESP) != len(want) {
				t.Errorf("%s: %d ESP keys, want %d", file, len(keys.ESP), len(want))
			}
			table := readIKETable(t, filepath.Join(filepath.Dir(file), "keys/ikev1_decryption_table"))
			for _, s := range keys.IKE {
				ka, ok := table[s.InitiatorCookie.String()]
				e := yamahaHex(s.SKEYIDe)
				if !ok || e == "" || len(e) >= len(ka) && !strings.HasPrefix(e, ka) {
					t.Errorf("%s: SKEYID_e does not fit the key in the table", s.Origin)
				}
				if full := name == "router-full.log"; full == s.SKEYIDd.IsZero() || full == s.ResponderCookie.IsZero() {
					t.Errorf("%s: %+v", s.Origin, s)
				}
			}
			if len(keys.IKE) < len(table) {
				t.Errorf("%s: %d IKE keys, want %d", file, len(keys.IKE), len(table))
			}
		}
	}
}
