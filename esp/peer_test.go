package esp

import (
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"l2tpdump/testdata/seal"
)

// Captures of other projects, which are not part of this repository.
const peers = "../../shared/peer-captures"

func peerFile(t *testing.T, name string) string {
	t.Helper()
	path := filepath.Join(peers, name)
	if _, err := os.Stat(path); err != nil {
		t.Skip("not here: ", name)
	}
	return path
}

func TestPeerVectors(t *testing.T) {
	b, err := os.ReadFile(peerFile(t, "rub-nds/esp-vectors.json"))
	if err != nil {
		t.Fatal(err)
	}
	var vectors []struct {
		Name       string
		EncKey     string  `json:"enc_key"`
		AuthKey    *string `json:"auth_key"`
		ESP        string
		Payload    string
		NextHeader uint8 `json:"next_header"`
		PadLen     int   `json:"pad_len"`
	}
	if err := json.Unmarshal(b, &vectors); err != nil {
		t.Fatal(err)
	}
	for _, v := range vectors {
		s := Suite{Cipher: CipherByName("aes-cbc"), Auth: AuthByName("none")}
		var authKey Key
		if v.AuthKey != nil {
			s.Auth, authKey = AuthByName("hmac-sha1-96"), NewKey(unhex(t, *v.AuthKey))
		}
		plain, err := seal.Must(NewSA(1, s, NewKey(unhex(t, v.EncKey)), authKey)).Open(nil, unhex(t, v.ESP), 0, 0)
		if err != nil || plain.Verified != (v.AuthKey != nil) || hex.EncodeToString(plain.Data) != v.Payload || plain.NextHeader != v.NextHeader || plain.PadLen != v.PadLen {
			t.Errorf("%s: %+v, %v", v.Name, plain, err)
		}
	}
}

func TestPeerCaptures(t *testing.T) {
	for _, c := range []struct {
		capture, table string
		packets        int
		verified       bool
		seqHigh        uint32
		esn            bool
	}{
		{"rub-nds/esp-vectors.pcap", "rub-nds/esp-vectors.esp_sa", 5, false, 0, false},
		{"scapy/esp-esn-aes128-sha256.pcap", "scapy/esp-esn-aes128-sha256.esp_sa", 1, true, 68, true},
		{"tcpdump/02-sunrise-sunset-esp.pcap", "tcpdump/02-sunrise-sunset-esp.esp_sa", 8, false, 0, false},
		{"tcpdump/08-sunrise-sunset-aes.pcap", "tcpdump/08-sunrise-sunset-aes.esp_sa", 8, false, 0, false},
		{"tcpdump/08-sunrise-sunset-esp2.pcap", "tcpdump/08-sunrise-sunset-esp2.esp_sa", 8, false, 0, false},
		{"tcpdump/espudp1.pcap", "tcpdump/espudp1.esp_sa", 8, false, 0, false},
		{"wireshark-wiki/ipsec_ikev2_esp_natt/capture.pcapng", "wireshark-wiki/ipsec_ikev2_esp_natt/esp_sa", 0, true, 0, false},
	} {
		t.Run(c.capture, func(t *testing.T) {
			rows := readTable(t, peerFile(t, c.table))
			opened := 0
			for i, p := range readESP(t, peerFile(t, c.capture)) {
				sa := mustSA(t, rows, p, func(r *tableRow) { r.suite.ESN = c.esn })
				if sa == nil {
					continue
				}
				plain, err := sa.Open(nil, p.data, c.seqHigh, 0)
				if err != nil || c.verified && !plain.Verified {
					t.Errorf("packet %d: %+v, %v", i, plain, err)
					continue
				}
				// ESP in ESP.
				for plain.NextHeader == protoIPv4 && len(plain.Data) > 28 && plain.Data[9] == protoESP {
					inner := wirePacket{data: plain.Data[20:]}
					for j := range rows {
						if rows[j].spi == binary.BigEndian.Uint32(inner.data) {
							rows[j].src, rows[j].dst = AddrPattern{}, AddrPattern{}
						}
					}
					if plain, err = mustSA(t, rows, inner, nil).Open(nil, inner.data, 0, 0); err != nil {
						t.Fatalf("packet %d, inner: %v", i, err)
					}
				}
				if plain.NextHeader == 0 || len(plain.Data) == 0 {
					t.Errorf("packet %d: %+v", i, plain)
				}
				opened++
			}
			if opened == 0 || c.packets != 0 && opened != c.packets {
				t.Errorf("%d packets opened, want %d", opened, c.packets)
			}
			t.Logf("%d packets opened", opened)
		})
	}
}
