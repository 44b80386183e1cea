package main

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"l2tpdump/capture"
	"l2tpdump/esp"
	"l2tpdump/testdata/seal"
)

// TestUnfamiliarInsideByProgram: of an SA all of whose packets hold UDP that says to be longer than
// it is, behind right ICVs, `verify` says that the key is right, and `decrypt` prints what is
// inside. With another encryption key `verify` says that it is wrong.
func TestUnfamiliarInsideByProgram(t *testing.T) {
	const spi, packets = 0xc0ffee01, 12
	key, authKey := []byte("0123456789abcdef0123"), []byte("abcdefghijklmnopqrst")
	for _, c := range []struct {
		encryption, authentication string // as the table names them
		sealed                     seal.Packet
		keyLen                     int // with the salt
	}{
		{"AES-CBC [RFC3602]", "HMAC-SHA-1-96 [RFC2404]", seal.Packet{Cipher: "aes-cbc", ICVLen: 12}, 16},
		{"NULL", "HMAC-SHA-1-96 [RFC2404]", seal.Packet{Cipher: "null", ICVLen: 12}, 0},
		{"AES-GCM with 16 octet ICV [RFC4106]", "NULL", seal.Packet{Cipher: "aes-gcm", ICVLen: 16}, 20},
	} {
		cipher := esp.CipherByName(c.sealed.Cipher)
		e := c.sealed
		e.BlockLen, e.IVLen, e.SPI = cipher.BlockLen, cipher.IVLen, spi
		e.Key, e.Salt = key[:c.keyLen-cipher.SaltLen], key[c.keyLen-cipher.SaltLen:c.keyLen]
		auth := authKey
		if cipher.AEAD {
			auth = nil
		} else {
			e.MAC = seal.MAC("hmac-sha1-96", authKey)
		}
		dir := t.TempDir()
		file, table := filepath.Join(dir, "outer.pcap"), filepath.Join(dir, "esp_sa")
		f, err := os.Create(file)
		if err != nil {
			t.Fatal(err)
		}
		w := capture.NewPcapWriter(f, false)
		if _, err := w.AddInterface(capture.Interface{LinkType: capture.Raw}); err != nil {
			t.Fatal(err)
		}
		for i := range packets {
			e.Seq = uint32(i + 1)
			inside := seal.L2TP(14 + 16*(2+i%3)) // which needs no padding
			binary.BigEndian.PutUint16(inside[4:], 1000)
			data := append([]byte{0x45, 0, 0, 0, 0, 0, 0, 0, 64, 50, 0, 0, 198, 51, 100, 7, 203, 0, 113, 1}, e.Seal(inside, 17, nil)...)
			binary.BigEndian.PutUint16(data[2:], uint16(len(data)))
			if err := w.WritePacket(&capture.Packet{Time: int64(i) * 1e9, Length: len(data), Data: data}, nil); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		for _, wrong := range []bool{false, true} {
			given := append(append([]byte{}, e.Key...), e.Salt...)
			if wrong {
				if len(given) == 0 {
					continue
				}
				given[3] ^= 4
			}
			row := fmt.Sprintf("\"IPv4\",\"198.51.100.7\",\"203.0.113.1\",\"0x%08x\",\"%s\",\"0x%x\",\"%s\",\"0x%x\"\n", spi, c.encryption, given, c.authentication, auth)
			row = strings.ReplaceAll(row, `"0x"`, `""`)
			if err := os.WriteFile(table, []byte(row), 0o600); err != nil {
				t.Fatal(err)
			}
			run := func(args ...string) string {
				p := exec.Command(self(t), append(args, "-r", file, "-k", table)...)
				p.Env = append(os.Environ(), asProgram+"=1")
				text, _ := p.Output() // the exit status says what the text does
				return string(text)
			}
			var o struct {
				ESP []struct{ Verdict, Reason string }
			}
			text := run("verify", "--json")
			if err := json.Unmarshal([]byte(text), &o); err != nil || len(o.ESP) != 1 {
				t.Fatalf("%v: %s", err, text)
			}
			want, least := "verified", packets-2
			if wrong {
				want, least = "wrong key", 0
			}
			if got := o.ESP[0]; got.Verdict != want {
				t.Errorf("%s, wrong key %v: %+v", c.encryption, wrong, got)
			}
			if n := strings.Count(run("decrypt"), ".1701 > "); n < least || least == 0 && n > 0 {
				t.Errorf("%s, wrong key %v: %d insides are printed:\n%s", c.encryption, wrong, n, run("decrypt"))
			}
		}
	}
}
