package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What is to be in the tables where sources say several things of an SPI or of a cookie, in
// whatever order they are given.
func TestKeysInTables(t *testing.T) {
	const (
		cookie = "148048a5bc8c637f"
		k1     = "11111111111111111111111111111111"
		k2     = "22222222222222222222222222222222"
		k3     = "33333333333333333333333333333333"
	)
	state := func(src, dst, key string) string {
		return "src " + src + " dst " + dst + "\n\tproto esp spi 0x00001000 reqid 0 mode transport\n\treplay-window 0 \n\tenc cbc(aes) 0x" + key + "\n"
	}
	rows := func(list ...string) string {
		var text strings.Builder
		for _, row := range list {
			src, spi, _ := strings.Cut(row, " ")
			spi, key, _ := strings.Cut(spi, " ")
			text.WriteString(`"IPv4","` + src + `","*","` + spi + `","AES-CBC [RFC3602]","0x` + key + `","NULL",""` + "\n")
		}
		return text.String()
	}
	any96 := func(text string) string {
		return strings.ReplaceAll(text, `"NULL"`, `"ANY 96 bit authentication [no checking]"`)
	}
	spaced := func(key string) string {
		var b strings.Builder
		for i := 0; i < len(key); i += 2 {
			b.WriteString(" " + key[i:i+2])
		}
		return b.String()
	}
	log := "[IKE] CKY-I\n[IKE]  " + spaced(cookie) + "\n[IKE] SKEYID_e\n[IKE]  " + spaced(k1) + "\n[IKE]  " + spaced(k2) +
		"\n[IKE] respond IPsec phase to 10.0.0.2\n[IKE] SPI\n[IKE]   00 00 10 00\n[IKE] key material (first 16byte)\n[IKE]  " + spaced(k1) +
		"\n[IKE] authentication key (first 8byte)\n[IKE]   01 02 03 04 05 06 07 08\n"
	for _, c := range []struct {
		name     string
		sources  []string
		ike, esp string
	}{
		{"one SPI in both directions", []string{state("10.0.0.1", "10.0.0.2", k1) + state("10.0.0.2", "10.0.0.1", k2)}, "",
			strings.ReplaceAll(any96(rows("10.0.0.1 0x00001000 "+k1)), `"*"`, `"10.0.0.2"`) + strings.ReplaceAll(any96(rows("10.0.0.2 0x00001000 "+k2)), `"*"`, `"10.0.0.1"`)},
		{"a cookie twice", []string{cookie + "," + k1 + "\n" + cookie + "," + k2 + "\n"}, cookie + "," + k2 + "\n", ""},
		{"an SPI twice", []string{rows("* 0x00001000 "+k1, "* 0x00001000 "+k2)}, "", rows("* 0x00001000 " + k1)},
		{"patterns", []string{rows("* * "+k3, "* 0x1******* "+k1, "* 0x10000000 "+k2, "10.0.0.1 0x00001000 "+k1)}, "",
			rows("* 0x10000000 "+k2, "10.0.0.1 0x00001000 "+k1, "* 0x1******* "+k1, "* * "+k3)},
		{"the heads of keys, and the keys", []string{log, cookie + "," + k1 + "\n", state("10.0.0.1", "10.0.0.2", k1+k2)}, cookie + "," + k1 + "\n",
			strings.ReplaceAll(any96(rows("10.0.0.1 0x00001000 "+k1+k2)), `"*"`, `"10.0.0.2"`)},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, backwards := range []bool{false, true} {
				dir := t.TempDir()
				tables := filepath.Join(dir, "wireshark")
				args := []string{"keys", "--wireshark", tables}
				for i := range c.sources {
					if backwards {
						i = len(c.sources) - 1 - i
					}
					path := filepath.Join(dir, "source"+string(rune('a'+i)))
					if err := os.WriteFile(path, []byte(c.sources[i]), 0o600); err != nil {
						t.Fatal(err)
					}
					args = append(args, "-k", path)
				}
				for range 2 { // the second time all is there
					text := quietly(t, func() {
						if got := run(args); got != exitOK {
							t.Errorf("exit status %d", got)
						}
					})
					for name, want := range map[string]string{"ikev1_decryption_table": c.ike, "esp_sa": c.esp} {
						got, err := os.ReadFile(filepath.Join(tables, name))
						if want == "" && os.IsNotExist(err) {
							continue
						}
						if err != nil || string(got) != want {
							t.Errorf("%s: %v, got\n%swant\n%s%s", name, err, got, want, text)
						}
					}
				}
			}
		})
	}
}

// Where the second table can't be written it is said that the first one was.
func TestOneTableWritten(t *testing.T) {
	dir := t.TempDir()
	source, tables := filepath.Join(dir, "source"), filepath.Join(dir, "wireshark")
	if err := os.WriteFile(source, []byte("148048a5bc8c637f,11111111111111111111111111111111\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(tables, "esp_sa"), 0o700); err != nil {
		t.Fatal(err)
	}
	text := quietly(t, func() {
		if got := run([]string{"keys", "-k", source, "--wireshark", tables}); got != exitError {
			t.Errorf("exit status %d", got)
		}
	})
	for _, want := range []string{"ikev1_decryption_table: 1 row added\n", "esp_sa: it is not a file that can be replaced\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
}

// A SKEYID_e that may lack a row is in no table, and its length is marked as not known.
func TestDoubtfulKeyInNoTable(t *testing.T) {
	const (
		label  = "[IKE] CKY-I\n[IKE]   14 80 48 a5 bc 8c 63 7f\n[IKE] SKEYID_e\n"
		first  = "[IKE]   00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f\n"
		second = "[IKE]   10 11 12 13 14 15 16 17 18 19 1a 1b 1c 1d 1e 1f\n"
		next   = "[IKE] respond IPsec phase to 10.0.0.2\n"
		whole  = "148048a5bc8c637f,000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n"
	)
	for _, c := range []struct{ name, log, rows, bits string }{
		{"whole", label + first + second + next, whole, `"bits":256,"needed":256,`},
		{"its first row is missing", label + second + next, "", `"bits":128,"fingerprint"`},
		{"its second row is missing", label + first + next, "", `"bits":128,"fingerprint"`},
		{"a line between its rows", label + first + "[IKE] add ISAKMP context [3] 0 ac1f0301\n" + second + next, "", `"bits":128,"fingerprint"`},
		{"equal rows", label + first + first + next, "", `"bits":256,"fingerprint"`},
		{"the end of the log", label + first, "", `"bits":128,"fingerprint"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			source, tables := filepath.Join(dir, "router.log"), filepath.Join(dir, "wireshark")
			if err := os.WriteFile(source, []byte(c.log), 0o600); err != nil {
				t.Fatal(err)
			}
			text := quietly(t, func() {
				if got := run([]string{"keys", "--json", "-k", source, "--wireshark", tables}); got != exitOK {
					t.Errorf("exit status %d", got)
				}
			})
			rows, err := os.ReadFile(filepath.Join(tables, "ikev1_decryption_table"))
			if string(rows) != c.rows || err != nil && !os.IsNotExist(err) {
				t.Errorf("%v, got %q, want %q", err, rows, c.rows)
			}
			left := strings.Contains(text, "bytes of SKEYID_e may be only a part of it")
			if !strings.Contains(text, c.bits) || left != (c.rows == "") {
				t.Errorf("%q, or what is left out, is not in\n%s", c.bits, text)
			}
		})
	}
}
