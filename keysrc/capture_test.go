package keysrc

import (
	"bytes"
	"encoding/csv"
	"encoding/hex"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"l2tpdump/esp"
	"l2tpdump/ikev1"
)

// parseWith feeds a whole source to one format's parser.
func parseWith(f *Format, name string, data []byte) *Keys {
	keys := new(Keys)
	p := f.new(&output{name: name, emit: keys.add})
	for n, line := range bytes.Split(data, []byte("\n")) {
		var u unwrapper
		u.entries(line, func(depth int, text []byte) {
			u.split(depth, text, func(line []byte) { p.line(n+1, line) })
		})
	}
	p.close()
	return keys
}

// matches reports whether any line of data starts the format.
func (f *Format) matches(data []byte) bool {
	for _, line := range bytes.Split(data, []byte("\n")) {
		if f.match(line) && f.holds.allow(lettersIn(line)) {
			return true
		}
	}
	return false
}

// recordings returns the files of a name in the recordings of which the tables in keys/ say all:
// those of the repository, and of the full set where it is present those in which both ends have
// the same keys. A folder with a cause.json is of a connection that failed: its tables may be of
// one end only, or of another attempt.
func recordings(t *testing.T, file string) []string {
	t.Helper()
	var list []string
	for _, root := range []string{"../testdata/captures", "../../shared/captures"} {
		found, err := filepath.Glob(filepath.Join(root, "*", file))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range found {
			folder := filepath.Dir(path)
			_, err := os.Stat(filepath.Join(folder, "cause.json"))
			if os.IsNotExist(err) && !differentKeys[filepath.Base(folder)] {
				list = append(list, path)
			}
		}
	}
	if len(list) == 0 {
		t.Skip("no recordings with " + file)
	}
	return list
}

// differentKeys are recordings whose two ends had different pre-shared keys in one of the attempts.
var differentKeys = map[string]bool{"38a-day-in-the-life-natt": true, "39y-racoon-aggressive-invalid-key-information": true}

// A truthSA is a row of keys/esp_sa.
type truthSA struct{ src, dst, cipher, key, auth, authKey string }

func readESPSA(t *testing.T, file string) map[uint32]truthSA {
	t.Helper()
	data, err := os.ReadFile(file)
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	r := csv.NewReader(bytes.NewReader(data))
	r.Comment = '#'
	r.FieldsPerRecord = -1
	rows, err := r.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	sas := make(map[uint32]truthSA)
	for _, row := range rows {
		spi, err := strconv.ParseUint(row[3], 0, 32)
		if err != nil {
			t.Fatal(err)
		}
		sas[uint32(spi)] = truthSA{row[1], row[2], row[4], strings.TrimPrefix(row[5], "0x"), row[6], strings.TrimPrefix(row[7], "0x")}
	}
	return sas
}

func readIKETable(t *testing.T, file string) map[string]string {
	t.Helper()
	data, err := os.ReadFile(file)
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	table := make(map[string]string)
	for line := range strings.Lines(string(data)) {
		if cookie, ka, ok := strings.Cut(strings.TrimSpace(line), ","); ok && !strings.HasPrefix(line, "#") {
			table[cookie] = ka
		}
	}
	return table
}

// checkESP compares keys with a table; each SA of the table has to be there if all is set.
func checkESP(t *testing.T, keys *Keys, want map[uint32]truthSA, all bool) {
	t.Helper()
	got := make(map[uint32]bool)
	for _, s := range keys.ESP {
		w, ok := want[s.SPI]
		switch {
		case !ok:
			t.Errorf("%s: SPI %08x is not in the table", s.Origin, s.SPI)
			continue
		case s.SPIMask != 0xffffffff || s.KeyHead || s.AuthKeyHead:
			t.Errorf("%s: secret of SPI %08x is not whole", s.Origin, s.SPI)
		case hex.EncodeToString(s.Key.Bytes()) != w.key:
			t.Errorf("%s: key of SPI %08x differs", s.Origin, s.SPI)
		case hex.EncodeToString(s.AuthKey.Bytes()) != w.authKey:
			t.Errorf("%s: authentication key of SPI %08x differs", s.Origin, s.SPI)
		}
		if !s.Src.IsAny() && (s.Src.String() != w.src || s.Dst.String() != w.dst) {
			t.Errorf("%s: SPI %08x: addresses %s and %s, want %s and %s", s.Origin, s.SPI, s.Src, s.Dst, w.src, w.dst)
		}
		if c := wiresharkCipher(s.Suite); !strings.HasPrefix(w.cipher, c) || c == "" {
			t.Errorf("%s: SPI %08x: cipher %s, the table has %q", s.Origin, s.SPI, s.Suite, w.cipher)
		}
		if a := wiresharkAuth(s.Suite); a != w.auth {
			t.Errorf("%s: SPI %08x: authentication %s, the table has %q", s.Origin, s.SPI, s.Suite, w.auth)
		}
		got[s.SPI] = true
	}
	for spi := range want {
		if all && !got[spi] {
			t.Errorf("no key for SPI %08x", spi)
		}
	}
}

func wiresharkCipher(s esp.Suite) string {
	if s.Cipher == nil {
		return ""
	}
	return map[string]string{
		"aes-cbc": "AES-CBC [", "3des-cbc": "TripleDES-CBC [", "aes-ctr": "AES-CTR [",
		"aes-gcm": "AES-GCM with 16 octet ICV [", "aes-ccm": "rfc4309(ccm(aes))", // not Wireshark's: it has no name for it
	}[s.Cipher.Name]
}

func wiresharkAuth(s esp.Suite) string {
	if s.Auth == nil {
		return "NULL"
	}
	return map[string]string{
		"hmac-sha1-96": "HMAC-SHA-1-96 [RFC2404]", "hmac-md5-96": "HMAC-MD5-96 [RFC2403]",
		"hmac-sha2-256-128": "HMAC-SHA-256-128 [RFC4868]", "hmac-sha2-384-192": "HMAC-SHA-384-192 [RFC4868]",
		"hmac-sha2-512-256": "HMAC-SHA-512-256 [RFC4868]",
	}[s.Auth.Name]
}

func checkNotes(t *testing.T, keys *Keys) {
	t.Helper()
	for _, n := range keys.Notes {
		t.Errorf("note: %s", n)
	}
}

func TestXfrmRecordings(t *testing.T) {
	for _, pattern := range []string{"xfrm-state.txt", "xfrm-monitor-server.txt"} {
		for _, file := range recordings(t, pattern) {
			t.Run(filepath.Base(filepath.Dir(file))+"/"+pattern, func(t *testing.T) {
				data, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				want := readESPSA(t, filepath.Join(filepath.Dir(file), "keys/esp_sa"))
				if want == nil {
					t.Skip("without IPsec SAs")
				}
				if len(want) > 0 && !xfrmFormat.matches(data) {
					t.Error("not recognised")
				}
				keys := parseWith(&xfrmFormat, file, data)
				checkESP(t, keys, want, true)
				checkNotes(t, keys)
				esn := strings.Contains(file, "-esn")
				for _, s := range keys.ESP {
					if !s.ESNKnown || s.Suite.ESN != esn {
						t.Errorf("%s: ESN %t, known %t", s.Origin, s.Suite.ESN, s.ESNKnown)
					}
				}
			})
		}
	}
}

func TestCharonRecordings(t *testing.T) {
	for _, file := range recordings(t, "charon-*.log") {
		t.Run(filepath.Base(filepath.Dir(file))+"/"+filepath.Base(file), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			dir := filepath.Dir(file)
			// A client's log has its own SAs only.
			all := len(recordings(t, "charon-server.log")) > 0 && (strings.HasSuffix(file, "server.log") || !strings.Contains(dir, "/11-"))
			if !charonFormat.matches(data) {
				t.Error("not recognised")
			}
			keys := parseWith(&charonFormat, file, data)
			checkESP(t, keys, readESPSA(t, filepath.Join(dir, "keys/esp_sa")), all)
			checkIKE(t, keys, readIKETable(t, filepath.Join(dir, "keys/ikev1_decryption_table")), all)
			checkNotes(t, keys)
			checkQuick(t, keys, data)
		})
	}
}

// checkIKE compares phase 1 secrets with Wireshark's table.
func checkIKE(t *testing.T, keys *Keys, want map[string]string, all bool) {
	t.Helper()
	got := make(map[string]bool)
	for _, s := range keys.IKE {
		if !s.QuickSecret.IsZero() {
			continue
		}
		cookie := s.InitiatorCookie.String()
		got[cookie] = true
		if s.ResponderCookie == (ikev1.Cookie{}) {
			t.Errorf("%s: no responder cookie", s.Origin)
		}
		if ka, ok := want[cookie]; !ok {
			t.Errorf("%s: cookie %s is not in the table", s.Origin, cookie)
		} else if hex.EncodeToString(s.Ka.Bytes()) != ka {
			t.Errorf("%s: Ka of cookie %s differs", s.Origin, cookie)
		}
		n := s.SKEYID.Len()
		if n == 0 || s.SKEYIDd.Len() != n || s.SKEYIDa.Len() != n || s.SKEYIDe.Len() != n {
			t.Errorf("%s: SKEYID %d, SKEYID_d %d, SKEYID_a %d, SKEYID_e %d bytes", s.Origin, n, s.SKEYIDd.Len(), s.SKEYIDa.Len(), s.SKEYIDe.Len())
		}
		if s.SharedSecret.IsZero() || !s.Peer.IsValid() {
			t.Errorf("%s: shared secret %s, peer %s", s.Origin, s.SharedSecret, s.Peer)
		}
	}
	for cookie := range want {
		if all && !got[cookie] {
			t.Errorf("no key for cookie %s", cookie)
		}
	}
}

// checkQuick checks that each Diffie-Hellman secret of a Quick Mode has a message ID of its own.
func checkQuick(t *testing.T, keys *Keys, data []byte) {
	t.Helper()
	seen := make(map[uint32]bool)
	for _, s := range keys.IKE {
		if s.QuickSecret.IsZero() {
			continue
		}
		if s.MessageID == 0 || seen[s.MessageID] {
			t.Errorf("%s: secret of a Quick Mode with message ID %d", s.Origin, s.MessageID)
		}
		seen[s.MessageID] = true
	}
	if n := bytes.Count(data, []byte("[CHD] DH secret => ")); n != len(seen) {
		t.Errorf("%d secrets of Quick Modes, the log has %d", len(seen), n)
	}
}

func TestPlutoRecording(t *testing.T) {
	for _, file := range recordings(t, "pluto-*.log") {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !plutoFormat.matches(data) {
			t.Error("not recognised")
		}
		keys := parseWith(&plutoFormat, file, data)
		checkESP(t, keys, readESPSA(t, filepath.Join(filepath.Dir(file), "keys/esp_sa")), true)
		checkNotes(t, keys)
		if len(keys.ESP) != 2 || len(keys.IKE) != 0 {
			t.Errorf("%d ESP keys, %d IKE keys", len(keys.ESP), len(keys.IKE))
		}
	}
}
