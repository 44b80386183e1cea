package wstables

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"l2tpdump/esp"
)

// The rows of a table are those lines that are not blank and no comments, whatever their length.
func TestTableRows(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	for _, end := range []string{"", "\n"} {
		dir := t.TempDir()
		var lines, want []string
		for i := range 1000 {
			line := fmt.Sprintf("row %d.%s", i, strings.Repeat("x", rnd.IntN(200)))
			if i == 500 || i == 999 {
				line += strings.Repeat("long", 50000)
			}
			want = append(want, line)
			lines = append(lines, []string{"", " \t", "\u00a0"}[i%3]+line+[]string{"", " ", "\r"}[rnd.IntN(3)])
			if rnd.IntN(4) == 0 {
				lines = append(lines, []string{"", "# no row", "  #", "\r"}[rnd.IntN(4)])
			}
		}
		if err := os.WriteFile(filepath.Join(dir, tableESP), []byte(strings.Join(lines, "\n")+end), 0o600); err != nil {
			t.Fatal(err)
		}
		table, err := openTable(dir, tableESP)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for row := range table.rows() {
			got = append(got, string(row))
		}
		if !slices.Equal(got, want) {
			t.Fatalf("%d rows, want %d", len(got), len(want))
		}
	}
}

// A table that another program writes at the same time is left as it is.
func TestTableChanges(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, tableIKE)
	old := strings.Repeat("00112233445566778899aabbccddeeff,00112233445566778899aabbccddeeff\n", 5)
	for _, changed := range []string{old + "# more\n", old[:len(old)-3], strings.Replace(old, "ff,", "fe,", 1), ""} {
		for _, was := range []string{old, "none"} {
			if err := os.WriteFile(path, []byte(was), 0o600); err != nil {
				t.Fatal(err)
			}
			if was == "none" {
				os.Remove(path)
			}
			table, err := openTable(dir, tableIKE)
			if err != nil {
				t.Fatal(err)
			}
			table.Added = 1
			if err := os.WriteFile(path, []byte(changed), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := table.write(noRows, slices.Values([][]byte{[]byte("row\n")})); err == nil || !strings.Contains(err.Error(), "changed while it was read") {
				t.Errorf("%d bytes: %v", len(changed), err)
			}
			if got, err := os.ReadFile(path); err != nil || string(got) != changed {
				t.Errorf("%d bytes: %v, the file has %d", len(changed), err, len(got))
			}
		}
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".*")); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

// What is no file, or too large to be a table, is refused.
func TestTableRefused(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, tableESP), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := WriteESP(dir, nil); err == nil || !strings.Contains(err.Error(), "replaced") {
		t.Error(err)
	}
	f, err := os.Create(filepath.Join(dir, tableIKE))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w := bufio.NewWriter(f)
	for range maxTable/64 + 1 {
		w.WriteString(strings.Repeat("#", 63) + "\n")
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	if _, err := WriteIKE(dir, nil); err == nil || !strings.Contains(err.Error(), "larger than") {
		t.Error(err)
	}
}

// Many rows are placed as few are: those that are there already are found, and the others stand
// before what they replace.
func TestLargeESPTable(t *testing.T) {
	const n = 3000
	dir := t.TempDir()
	secret := func(key byte) func(i int) *esp.Secret {
		return func(i int) *esp.Secret {
			return &esp.Secret{SPI: 0x1000 + uint32(i), SPIMask: 0xffffffff, Suite: esp.Suite{Cipher: esp.CipherByName("aes-cbc"), KeyLen: 16},
				Key: esp.NewKey(append(make([]byte, 15), key))}
		}
	}
	want := func(key byte, from, to int) (text []byte) {
		for i := from; i < to; i++ {
			text, _ = appendESPRow(text, secret(key)(i))
		}
		return text
	}
	check := func(n int, key byte, added, present int, want ...[]byte) {
		t.Helper()
		var list []*esp.Secret
		for i := range n {
			list = append(list, secret(key)(i))
		}
		r, err := WriteESP(dir, list)
		if err != nil || r.Added != added || r.Present != present {
			t.Fatalf("%+v, %v", r, err)
		}
		got, err := os.ReadFile(r.Path)
		if err != nil || string(got) != string(slices.Concat(want...)) {
			t.Fatalf("%v: the table has %d bytes, want %d", err, len(got), len(slices.Concat(want...)))
		}
	}
	check(n/2, 1, n/2, 0, want(1, 0, n/2))
	check(n, 1, n/2, n/2, want(1, 0, n))
	check(n, 1, 0, n, want(1, 0, n))
	check(n/3, 2, n/3, 0, want(2, 0, n/3), want(1, 0, n))
	check(n/3, 2, 0, n/3, want(2, 0, n/3), want(1, 0, n))
}
