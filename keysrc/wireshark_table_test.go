package keysrc

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
	"l2tpdump/ikev1"
)

// The rows of a table are found again wherever they stand, whatever their length.
func TestTableRows(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	for _, end := range []string{"", "\n"} {
		path := filepath.Join(t.TempDir(), "table")
		var lines, want []string
		for i := range 4000 {
			line := fmt.Sprintf("row %d.%s", i, strings.Repeat("x", rnd.IntN(200)))
			switch i {
			case 1000, 1001, 3999:
				line += strings.Repeat("long", 50000)
			}
			want = append(want, line)
			lines = append(lines, []string{"", " \t", "\u00a0"}[i%3]+line+[]string{"", " ", "\r"}[rnd.IntN(3)])
			if rnd.IntN(4) == 0 {
				lines = append(lines, []string{"", "# no row", "  #", "\r"}[rnd.IntN(4)])
			}
		}
		if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")+end), 0o600); err != nil {
			t.Fatal(err)
		}
		table, err := openTable(path)
		if err != nil {
			t.Fatal(err)
		}
		defer table.close()
		var places []int64
		var got []string
		if err := table.each(func(at int64, row []byte) {
			places, got = append(places, at), append(got, string(row))
		}); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got, want) || table.cut == (end != "") {
			t.Fatalf("%d rows, want %d; cut: %t", len(got), len(want), table.cut)
		}
		check := func(i int) {
			if row, err := table.row(places[i]); err != nil || string(row) != want[i] {
				t.Fatalf("row %d: %v, %d bytes, want %d", i, err, len(row), len(want[i]))
			}
		}
		for i := range places {
			check(len(places) - 1 - i)
		}
		for i := range places {
			check(i)
		}
		for range 300 {
			check(rnd.IntN(len(places)))
		}
	}
}

// A table that another program writes at the same time is left as it is.
func TestTableChanges(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, TableIKE)
	old := strings.Repeat("00112233445566778899aabbccddeeff,00112233445566778899aabbccddeeff\n", 5)
	row := IKERow{InitiatorCookie: ikev1.Cookie{1}, Ka: esp.NewKey(make([]byte, 16))}
	for _, changed := range []string{old + "# more\n", old[:len(old)-3], strings.Replace(old, "ff,", "fe,", 1), ""} {
		if err := os.WriteFile(path, []byte(old), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := WriteIKETable(dir, func(yield func(IKERow) bool) {
			if err := os.WriteFile(path, []byte(changed), 0o600); err != nil {
				t.Fatal(err)
			}
			yield(row)
		})
		if err == nil || !strings.Contains(err.Error(), "changed while it was read") {
			t.Errorf("%d bytes: %v", len(changed), err)
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != changed {
			t.Errorf("%d bytes: %v, the file has %d", len(changed), err, len(got))
		}
	}
	// A row of the other table that is not there any more.
	path = filepath.Join(dir, TableESP)
	line := orderRow("*", "*", "0x00000001", strings.Repeat("5a", 16)) + "\n"
	if err := os.WriteFile(path, []byte(strings.Repeat(line, 2000)), 0o600); err != nil {
		t.Fatal(err)
	}
	s, _, err := parseESPRow([]byte(orderRow("*", "*", "0x00000001", strings.Repeat("77", 16))))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := WriteESPTable(dir, 1, func(int) *esp.Secret {
		if err := os.WriteFile(path, []byte(line), 0o600); err != nil {
			t.Fatal(err)
		}
		return s
	}); err == nil || !strings.Contains(err.Error(), "changed while it was read") {
		t.Error(err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".*")); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

// What is no file, or too large to be a table, is refused.
func TestTableRefused(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, TableESP), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := WriteESPTable(dir, 0, nil); err == nil || !strings.Contains(err.Error(), "replaced") {
		t.Error(err)
	}
	f, err := os.Create(filepath.Join(dir, TableIKE))
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
	if _, err := WriteIKETable(dir, slices.Values([]IKERow(nil))); err == nil || !strings.Contains(err.Error(), "larger than") {
		t.Error(err)
	}
}

// Many rows are placed as few are: those that are there already are found, and the others stand before what they replace.
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
			text, _ = AppendESPRow(text, secret(key)(i))
		}
		return text
	}
	check := func(n int, key byte, added, present int, want ...[]byte) {
		t.Helper()
		r, err := WriteESPTable(dir, n, secret(key))
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
