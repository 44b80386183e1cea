package wstables

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"l2tpdump/esp"
	"l2tpdump/ikev1"
	"l2tpdump/keysrc"
)

const captures = "../../../testdata/captures"

// Rows of tables are written again as they were.
func TestRowsAreRead(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(captures, "*", "keys", "esp_sa"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		keys, err := keysrc.Parse(bytes.NewReader(data), file, "")
		if err != nil && !errors.As(err, new(*keysrc.NoKeysError)) {
			t.Error(err)
		}
		for _, s := range keys.ESP {
			row, err := appendESPRow(nil, s)
			if s.Suite.Cipher.Name == "aes-ccm" {
				if err == nil {
					t.Errorf("%s: a row that Wireshark refuses", file)
				}
				continue
			}
			if err != nil || !bytes.Contains(data, row[5:]) { // the family may be another where there are no addresses
				t.Errorf("%s: %v, wrote %s", s.Origin, err, row)
			}
			wide := AppendESPSecret(nil, s)
			if again := keysrc.ParseESPSecrets(wide, "x"); len(again.ESP) != 1 || !again.ESP[0].ESNKnown || !again.ESP[0].Key.Equal(s.Key) {
				t.Errorf("%s: wrote %s", s.Origin, wide)
			}
		}
	}
}

// A head of a key is never written as if it were the key.
func TestWiresharkHeads(t *testing.T) {
	key, auth := esp.NewKey(make([]byte, 16)), esp.NewKey(make([]byte, 8))
	s := esp.Secret{SPI: 1, SPIMask: 0xffffffff, Key: key, KeyHead: true, AuthKey: auth, AuthKeyHead: true}
	if _, err := appendESPRow(nil, &s); err == nil {
		t.Error("the cipher is not known, and a row was written")
	}
	s.Suite = esp.Suite{Cipher: esp.CipherByName("aes-cbc"), KeyLen: 32, Auth: esp.AuthByName("hmac-sha1-96")}
	if _, err := appendESPRow(nil, &s); err == nil || !strings.Contains(err.Error(), "16 of 32") {
		t.Errorf("%v", err)
	}
	s.Suite.KeyLen = 16
	row, err := appendESPRow(nil, &s)
	const want = `"IPv4","*","*","0x00000001","AES-CBC [RFC3602]","0x00000000000000000000000000000000","ANY 96 bit authentication [no checking]",""` + "\n"
	if err != nil || string(row) != want {
		t.Errorf("%v\n%s", err, row)
	}
	for _, r := range []IKERow{{ikev1.Cookie{1}, esp.NewKey(make([]byte, 20))}, {ikev1.Cookie{}, key}} { // a SKEYID_e, and no cookie
		if r, err := WriteIKE(t.TempDir(), []IKERow{r}); err != nil || r.Added != 0 || len(r.Left) != 1 {
			t.Errorf("%+v, %v", r, err)
		}
	}
}

func TestWriteTables(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "profile")
	k16, k32 := strings.Repeat("0f", 16), strings.Repeat("1a", 32)
	first := `"IPv4","10.0.0.1","10.0.0.2","0x1a2b3c4d","AES-CBC [RFC3602]","0x` + k16 + `","HMAC-SHA-1-96 [RFC2404]","0x` + k32[:40] + `"`
	second := `"IPv4","10.0.0.1","10.0.0.2","0x1a2b3c4f","AES-CBC [RFC3602]","0x` + k32 + `","HMAC-SHA-256-128 [RFC4868]","0x` + k32 + `","64-bit","3"`
	keys, err := keysrc.Parse(strings.NewReader(first+"\n"+second+"\n"), "x", "")
	if err != nil {
		t.Fatal(err)
	}
	check := func(r *Report, err error, added, present int) {
		t.Helper()
		if err != nil || r.Added != added || r.Present != present {
			t.Fatalf("%+v, %v", r, err)
		}
		if info, err := os.Stat(r.Path); err != nil || info.Mode().Perm() != 0o600 {
			t.Fatalf("%v %v", info.Mode(), err)
		}
	}
	read := func(name string) string {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	r, err := WriteESP(dir, keys.ESP)
	check(r, err, 2, 0)
	if got, want := read(tableESP), first+"\n"+second+"\n"; got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	// Again: nothing to add, even where the other hand spelt it in another way, and without the
	// last line end.
	other := "# mine\n" + strings.ToLower(first[:40]) + first[40:] + "\n" + second
	if err := os.WriteFile(filepath.Join(dir, tableESP), []byte(other), 0o644); err != nil {
		t.Fatal(err)
	}
	r, err = WriteESP(dir, keys.ESP)
	check(r, err, 0, 2)
	if read(tableESP) != other+"\n" { // Wireshark drops a last line without its end
		t.Errorf("got\n%s", read(tableESP))
	}
	// The row of another SPI goes behind the last line, whose end is mended.
	if err := os.WriteFile(filepath.Join(dir, tableESP), []byte(other), 0o644); err != nil {
		t.Fatal(err)
	}
	third := *keys.ESP[0]
	third.SPI++
	r, err = WriteESP(dir, []*esp.Secret{&third, &third})
	check(r, err, 1, 1)
	if got, want := read(tableESP), other+"\n"+strings.Replace(first, "3c4d", "3c4e", 1)+"\n"; got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	// Other keys for the same SPI and addresses go before, as Wireshark takes the first.
	fourth := *keys.ESP[0]
	fourth.Key = esp.NewKey(make([]byte, 16))
	r, err = WriteESP(dir, []*esp.Secret{&fourth})
	check(r, err, 1, 0)
	if !strings.HasPrefix(read(tableESP), strings.Replace(first, k16+`",`, strings.Repeat("00", 16)+`",`, 1)+"\n# mine\n") {
		t.Errorf("got\n%s", read(tableESP))
	}
	r, err = WriteESP(dir, []*esp.Secret{&fourth})
	check(r, err, 0, 1)

	rows := []IKERow{{ikev1.Cookie{1, 2, 3}, esp.NewKey(make([]byte, 32))}, {ikev1.Cookie{4}, esp.NewKey(make([]byte, 20))}}
	r, err = WriteIKE(dir, rows)
	check(r, err, 1, 0)
	if len(r.Left) != 1 || !strings.HasPrefix(r.Left[0], "left out: IKE 04") {
		t.Errorf("%v", r.Left)
	}
	r, err = WriteIKE(dir, rows)
	check(r, err, 0, 1)
	rows[0].Ka = esp.NewKey([]byte(strings.Repeat("x", 16)))
	r, err = WriteIKE(dir, rows[:1])
	check(r, err, 1, 0)
	if got, want := read(tableIKE), "0102030000000000,"+strings.Repeat("00", 32)+"\n0102030000000000,"+strings.Repeat("78", 16)+"\n"; got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".*")); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

// tshark reads the tables that are written here, and decrypts with them.
func TestTablesInTshark(t *testing.T) {
	tshark, err := exec.LookPath("tshark")
	if err != nil {
		t.Skip("no tshark")
	}
	for _, name := range []string{"02-natt-aes256-sha1", "03-3des-sha1-modp1024", "17a-aes128gcm16"} {
		dir := filepath.Join("../../../testdata/captures", name)
		config := filepath.Join(t.TempDir(), "wireshark")
		esps, err := keysrc.ParseFile(filepath.Join(dir, "keys/esp_sa"), "")
		if err != nil {
			t.Fatal(err)
		}
		ikes, err := keysrc.ParseFile(filepath.Join(dir, "keys/ikev1_decryption_table"), "")
		if err != nil {
			t.Fatal(err)
		}
		var rows []IKERow
		for _, s := range ikes.IKE {
			rows = append(rows, IKERow{s.InitiatorCookie, s.Ka})
		}
		if _, err := WriteIKE(config, rows); err != nil {
			t.Fatal(err)
		}
		if _, err := WriteESP(config, esps.ESP); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(tshark, "-r", filepath.Join(dir, "outer.pcap"), "-o", "esp.enable_encryption_decode:TRUE", "-o", "esp.enable_authentication_check:TRUE",
			"-Y", "esp.icv_good==1 or isakmp.flag_e==1 and isakmp.typepayload", "-T", "fields", "-e", "frame.protocols")
		cmd.Env = append(os.Environ(), "WIRESHARK_CONFIG_DIR="+config)
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%v: %s", err, stderr.Bytes())
		}
		if strings.Contains(stderr.String(), "esp_sa") || strings.Contains(stderr.String(), "ikev1") {
			t.Errorf("%s: %s", name, stderr.String())
		}
		lines := strings.Split(strings.TrimSpace(string(out)), "\n")
		ike := slices.IndexFunc(lines, func(l string) bool { return strings.HasSuffix(l, ":isakmp") })
		if len(lines) < 100 || ike < 0 {
			t.Errorf("%s: tshark decrypted %d frames with the tables, IKE among them: %t", name, len(lines), ike >= 0)
		}
	}
}

// What is written of keys from any source is one row, and is read back the same.
func FuzzRows(f *testing.F) {
	for _, name := range []string{"01-basic-aes128-sha1/keys/esp_sa", "17a-aes128gcm16/keys/esp_sa", "01-basic-aes128-sha1/xfrm-state.txt"} {
		text, err := os.ReadFile(filepath.Join(captures, name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if bytes.HasPrefix(data, []byte{0x1f, 0x8b}) {
			return
		}
		keys, _ := keysrc.Parse(bytes.NewReader(data), "fuzz", "") // a text without keys is an error
		for _, s := range keys.ESP {
			row, err := appendESPRow(nil, s)
			if err != nil {
				continue
			}
			if bytes.Count(row, []byte("\n")) != 1 {
				t.Fatalf("a row of two lines: %q", row)
			}
			again, _, err := keysrc.ParseESPRow(bytes.TrimSpace(row))
			if err != nil || again.SPI&again.SPIMask != s.SPI&s.SPIMask || again.SPIMask != s.SPIMask || !again.Key.Equal(s.Key) {
				t.Fatalf("%q is not read back: %v", row, err)
			}
			if again.Suite.Auth != nil && again.Suite.Auth.Checked && !again.AuthKey.Equal(s.AuthKey) {
				t.Fatalf("%q: the authentication key is not read back", row)
			}
		}
		if _, err := WriteESP(t.TempDir(), keys.ESP); err != nil {
			t.Fatal(err)
		}
	})
}
