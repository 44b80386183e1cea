package ikev1

import (
	"bytes"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// peerFrame is a frame of the lists of plaintexts beside the peers' captures.
type peerFrame struct {
	Frame     uint64
	Dir       string
	Encrypted bool
	IV        string
	Plaintext string
	Payloads  []int
	Padding   string
}

// checkFrame compares a decrypted message with the plaintext of its frame.
func checkFrame(t *testing.T, name string, m *Message, f *peerFrame) {
	t.Helper()
	plain := fromHex(t, f.Plaintext)
	plain = plain[:len(plain)-len(fromHex(t, f.Padding))]
	if !m.Decrypted || m.Reconstructed || len(m.Plain) < HeaderLen || !bytes.Equal(m.Plain[HeaderLen:], plain) {
		t.Errorf("%s frame %d: decrypted %v, reconstructed %v: %v", name, f.Frame, m.Decrypted, m.Reconstructed, m.Err)
		return
	}
	var types []int
	for i := range m.Payloads {
		types = append(types, int(m.Payloads[i].Type))
	}
	if f.Payloads != nil && fmt.Sprint(types) != fmt.Sprint(f.Payloads) {
		t.Errorf("%s frame %d: payloads %v, want %v", name, f.Frame, types, f.Payloads)
	}
}

func TestWiresharkCaptures(t *testing.T) {
	secrets := tableSecrets(t, peerFile(t, "wireshark/ikev1_decryption_table"))
	for _, file := range []string{"ikev1-certs.pcap", "ikev1-bug-12610.pcapng.gz", "ikev1-bug-12620.pcapng.gz"} {
		var want struct{ Frames []peerFrame }
		readJSON(t, "wireshark/"+strings.SplitN(file, ".", 2)[0]+".expected.json", &want)
		tr, messages := follow(secrets, readDatagrams(t, filepath.Join(peerDir, "wireshark", file)))
		frames := map[uint64]*peerFrame{}
		for i := range want.Frames {
			frames[want.Frames[i].Frame] = &want.Frames[i]
		}
		n := 0
		for i, m := range messages {
			if f := frames[uint64(i+1)]; f != nil {
				checkFrame(t, file, m, f)
				n++
				if fromI := f.Dir == "I"; m.at.ex == m.SA.phase1 && m.FromInitiator != fromI {
					t.Errorf("%s frame %d: from initiator %v", file, f.Frame, m.FromInitiator)
				}
			} else if m.Encrypted && !(m.Decrypted && m.Retransmission) {
				t.Errorf("%s frame %d: %v", file, i+1, m.Err)
			}
		}
		if n == 0 || n != len(want.Frames) {
			t.Errorf("%s: %d of %d frames compared", file, n, len(want.Frames))
		}
		for _, sa := range tr.SAs() {
			if state(sa) != "decrypted" {
				t.Errorf("%s: %s", file, state(sa))
			}
		}
	}
}

type handshake struct {
	Name     string
	Cookie   string `json:"initiator_cookie"`
	Frames   []peerFrame
	Gxy      string `json:"g_xy"`
	SKEYID   string
	SKEYID_d string
	SKEYID_a string
	SKEYID_e string
	Ka       string
	Phase1IV string `json:"phase1_iv"`
	Keymat   map[string]struct {
		SPI, Enc_aes128, Auth_hmac_sha1 string
	}
}

func handshakes(t *testing.T) []handshake {
	var list []handshake
	readJSON(t, "rub-nds/handshakes.json", &list)
	return list
}

func TestHandshakes(t *testing.T) {
	for _, h := range handshakes(t) {
		full := &Secret{InitiatorCookie: hexCookie(t, h.Cookie), SKEYID: hexKey(t, h.SKEYID), SKEYIDd: hexKey(t, h.SKEYID_d),
			SKEYIDa: hexKey(t, h.SKEYID_a), SKEYIDe: hexKey(t, h.SKEYID_e)}
		derived := &Secret{InitiatorCookie: full.InitiatorCookie, SKEYID: full.SKEYID, SharedSecret: hexKey(t, h.Gxy)}
		for _, secret := range []*Secret{full, derived} {
			list := readDatagrams(t, filepath.Join(peerDir, "rub-nds", h.Name+".pcap"))
			tr, messages := follow([]*Secret{secret}, list)
			i, n := 0, 0
			keymats := 0
			for k := range h.Frames {
				f := &h.Frames[k]
				if i >= len(messages) {
					t.Fatalf("%s: %d messages", h.Name, len(messages))
				}
				m := messages[i]
				i++
				if f.Encrypted {
					checkFrame(t, h.Name, m, f)
					n++
					if !m.Verified {
						t.Errorf("%s frame %d: not verified: %v", h.Name, f.Frame, m.Err)
					}
				}
				for _, x := range m.Negotiated {
					for _, want := range h.Keymat {
						if fmt.Sprintf("%08x", x.SPI) == want.SPI {
							keymats++
							if !x.Key.Equal(hexKey(t, want.Enc_aes128)) || !x.AuthKey.Equal(hexKey(t, want.Auth_hmac_sha1)) {
								t.Errorf("%s: KEYMAT of %08x differs", h.Name, x.SPI)
							}
						}
					}
				}
			}
			if n == 0 || keymats != len(h.Keymat) || i != len(messages) {
				t.Errorf("%s: %d encrypted, %d KEYMATs, %d of %d messages", h.Name, n, keymats, i, len(messages))
			}
			if sa := tr.SAs()[0]; state(sa) != "verified" || len(unused(tr)) != 0 {
				t.Errorf("%s: %s", h.Name, state(sa))
			}
		}
	}
}

// derivedCaptures says how many messages of each are reconstructed: those whose IV is not in the
// capture.
var derivedCaptures = map[string]int{
	"12610-drop-cfg-reply": 0, "12610-late-MM1-after-MM6": 0, "12610-retransmit-MM1-after-MM2": 0, "12610-retransmit-QM": 0,
	"drop-MM3-KEi": 1, "drop-MM5": 1, "drop-MM6": 1, "drop-QM2": 1,
	"initiator-ip-change-after-MM2": 0, "initiator-ip-change-after-MM4": 0, "late-MM5-before-QM": 0, "late-MM6-after-QM3": 0,
	"late-QM1-between-QM2-QM3": 0, "retransmit-MM1-MM3-MM4-clear": 0, "retransmit-MM5-MM6": 0, "retransmit-MM5": 0,
	"retransmit-MM6": 0, "retransmit-QM1-QM2-after-QM2": 0, "retransmit-QM1": 0, "retransmit-QM2": 0,
	"start-after-MM1": 0, "start-after-MM4": 1,
}

func TestDerivedCaptures(t *testing.T) {
	table := tableSecrets(t, peerFile(t, "derived-ikev1/ikev1_decryption_table"))
	full := append([]*Secret(nil), table...)
	for _, h := range handshakes(t) {
		full = append(full, &Secret{InitiatorCookie: hexCookie(t, h.Cookie), SKEYID: hexKey(t, h.SKEYID), SKEYIDa: hexKey(t, h.SKEYID_a)})
	}
	for name, want := range derivedCaptures {
		whole := "rub-nds/main-psk-aes128-sha1-g2.pcap"
		if strings.HasPrefix(name, "12610") {
			whole = "wireshark/ikev1-bug-12610.pcapng.gz"
		}
		for _, secrets := range [][]*Secret{table, full} {
			truth := truths(t, secrets, readDatagrams(t, filepath.Join(peerDir, whole)))
			list := readDatagrams(t, filepath.Join(peerDir, "derived-ikev1", name+".pcap"))
			_, messages := follow(secrets, list)
			reconstructed := 0
			for i, m := range messages {
				compare(t, truth, m)
				if m.Encrypted && !m.Decrypted {
					t.Errorf("%s frame %d: %v", name, i+1, m.Err)
				}
				if m.Reconstructed {
					reconstructed++
					t.Logf("%s frame %d: %v", name, i+1, m.Err)
				}
			}
			if reconstructed != want {
				t.Errorf("%s: %d messages reconstructed, want %d", name, reconstructed, want)
			}
		}
	}
}
