package ikev1

import (
	"bytes"
	"encoding/json"
	"os"
	"testing"

	"l2tpdump/esp"
)

// Openswan's log of a 3DES, HMAC-SHA1 SA: "Skeyid_e" and "enc key".
func TestExpandKa(t *testing.T) {
	e := hexKey(t, "b01681215f16202303186d2814dc5686ca5a4733")
	want := hexKey(t, "449e829ea966d421fbcb86bd7ad92e865abab15baa5c672a")
	if ka := ExpandKa(e, 24); !ka.Equal(want) {
		t.Errorf("ExpandKa = %v", ka)
	}
	if ka := ExpandKa(e, 16); !ka.Equal(e.Head(16)) {
		t.Errorf("long enough: %v", ka)
	}
	for _, c := range []struct {
		key esp.Key
		n   int
	}{{esp.Key{}, 16}, {e.Head(18), 24}, {e, 0}, {e, 1 << 20}} {
		if ka := ExpandKa(c.key, c.n); !ka.IsZero() {
			t.Errorf("ExpandKa(%d bytes, %d) = %v", c.key.Len(), c.n, ka)
		}
	}
}

// SKEYID_e of capture 02 (SHA1, 20 bytes) makes the 32 bytes that charon logs as Ka.
func TestExpandKaCaptures(t *testing.T) {
	for _, name := range []string{"02-natt-aes256-sha1", "03-3des-sha1-modp1024", "15-libreswan-server", "06-pfs-rekey-dpd"} {
		table := tableSecrets(t, capturesDir+"/"+name+"/keys/ikev1_decryption_table")
		for i, s := range routerSecrets(t, capturesDir+"/"+name+"/router.log") {
			ka := ExpandKa(s.SKEYIDe, table[i].Ka.Len())
			if !ka.Equal(table[i].Ka) || s.InitiatorCookie != table[i].InitiatorCookie {
				t.Errorf("%s: %v", name, ka)
			}
		}
	}
}

func readJSON(t *testing.T, name string, v any) {
	t.Helper()
	b, err := os.ReadFile(peerFile(t, name))
	if err == nil {
		err = json.Unmarshal(b, v)
	}
	if err != nil {
		t.Fatal(err)
	}
}

type kdfVector struct {
	Name                                 string
	PSK                                  string
	Auth                                 string
	CKYI                                 string `json:"cky_i"`
	CKYR                                 string `json:"cky_r"`
	Ni, Nr                               string
	Gxi                                  string `json:"g_xi"`
	Gxr                                  string `json:"g_xr"`
	Gxy                                  string `json:"g_xy"`
	SAi                                  string `json:"sa_i_b"`
	IDir                                 string `json:"idir_b"`
	QMNi                                 string `json:"qm_ni"`
	QMNr                                 string `json:"qm_nr"`
	SPIIn                                string `json:"spi_in"`
	SPIOut                               string `json:"spi_out"`
	SKEYID, SKEYID_d, SKEYID_a, SKEYID_e string
	Expected                             map[string]string
}

func TestKDFVectors(t *testing.T) {
	var list []kdfVector
	readJSON(t, "rub-nds/kdf-vectors.json", &list)
	sha := hashByID(2)
	for _, v := range list {
		x := func(s string) []byte { return fromHex(t, s) }
		i, r := hexCookie(t, v.CKYI), hexCookie(t, v.CKYR)
		skeyid := sha.prf([]byte(v.PSK), x(v.Ni), x(v.Nr))
		d, a, e := skeyids(sha, skeyid, x(v.Gxy), i, r)
		ka := expandKa(sha, e, 16)
		iv := phase1IV(sha, x(v.Gxi), x(v.Gxr))
		next := phase2IV(sha, iv[:], 0xd8029d42)
		got := map[string][]byte{
			"getSKEYID": skeyid, "getSKEYID_d": d, "getSKEYID_a": a, "getSKEYID_e": e, "getKa": ka,
			"getIV(00000000)": iv[:],
			"getIV(d8029d42)": next[:],
			"getHASH_R":       sha.prf(skeyid, x(v.Gxr), x(v.Gxi), r[:], i[:], x(v.SAi), x(v.IDir)),
		}
		if v.QMNi != "" {
			spi := func(s string) uint32 {
				b := x(s)
				return uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
			}
			got["outbound_keymat36"] = keymat(sha, d, nil, protocolESP, spi(v.SPIOut), x(v.QMNi), x(v.QMNr), 36)
			got["inbound_keymat36"] = keymat(sha, d, nil, protocolESP, spi(v.SPIIn), x(v.QMNi), x(v.QMNr), 36)
		}
		for name, want := range v.Expected {
			if !bytes.Equal(got[name], x(want)) {
				t.Errorf("%s: %s differs", v.Name, name)
			}
		}
	}
}

func TestNISTSignature(t *testing.T) {
	var list []kdfVector
	readJSON(t, "nist/ikev1-kdf.json", &list)
	sha := hashByID(2)
	for _, v := range list {
		if v.Auth != "signature" {
			continue
		}
		x := func(s string) []byte { return fromHex(t, s) }
		skeyid := skeyidOfSignature(sha, x(v.Ni), x(v.Nr), x(v.Gxy))
		d, a, e := skeyids(sha, skeyid, x(v.Gxy), hexCookie(t, v.CKYI), hexCookie(t, v.CKYR))
		for i, want := range []string{v.SKEYID, v.SKEYID_d, v.SKEYID_a, v.SKEYID_e} {
			if !bytes.Equal([][]byte{skeyid, d, a, e}[i], x(want)) {
				t.Errorf("value %d differs", i)
			}
		}
	}
}
