package wstables

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"l2tpdump/esp"
	"l2tpdump/keysrc"
)

// orderRow returns a row for a secret without an authentication key.
func orderRow(src, dst, spi, key string) string {
	return `"IPv4","` + src + `","` + dst + `","` + spi + `","AES-CBC [RFC3602]","0x` + key + `","ANY 96 bit authentication [no checking]",""`
}

func TestESPTableOrder(t *testing.T) {
	const a, b, spi, other = "203.0.113.10", "203.0.113.77", "0xcc5b49ca", "0x11111111"
	k16, k32 := strings.Repeat("5a", 16), strings.Repeat("5a", 32)
	wrong := strings.Repeat("77", 16)
	for _, c := range []struct {
		name     string
		old, new []string
		want     []string
		added    int
	}{
		{name: "a guess with wildcards", old: []string{orderRow("*", b, spi, k16)}, new: []string{orderRow(a, b, spi, k32)},
			want: []string{orderRow(a, b, spi, k32), orderRow("*", b, spi, k16)}, added: 1},
		{name: "a table that is wrong already", old: []string{orderRow("*", b, spi, k16), "# mine", orderRow(a, b, spi, k32)}, new: []string{orderRow(a, b, spi, k32)},
			want: []string{orderRow(a, b, spi, k32), orderRow("*", b, spi, k16), "# mine", orderRow(a, b, spi, k32)}, added: 1},
		{name: "a guess comes after the whole key", old: []string{orderRow(a, b, spi, k32)}, new: []string{orderRow("*", b, spi, k16)},
			want: []string{orderRow(a, b, spi, k32)}},
		{name: "any SPI, foreign algorithm", old: []string{strings.Replace(orderRow("*", "*", "*", wrong), "AES-CBC [RFC3602]", "ROT-13", 1)}, new: []string{orderRow(a, b, spi, k32)},
			want: []string{orderRow(a, b, spi, k32), strings.Replace(orderRow("*", "*", "*", wrong), "AES-CBC [RFC3602]", "ROT-13", 1)}, added: 1},
		{name: "digits of the SPI", old: []string{orderRow("*", "*", "0xcc******", wrong)}, new: []string{orderRow(a, b, spi, k32)},
			want: []string{orderRow(a, b, spi, k32), orderRow("*", "*", "0xcc******", wrong)}, added: 1},
		{name: "octets of the address", old: []string{orderRow("203.0.*.*", "*", spi, wrong)}, new: []string{orderRow(a, b, spi, k32)},
			want: []string{orderRow(a, b, spi, k32), orderRow("203.0.*.*", "*", spi, wrong)}, added: 1},
		{name: "other addresses", old: []string{orderRow(b, a, spi, wrong), orderRow("203.1.*.*", "*", spi, wrong)}, new: []string{orderRow(a, b, spi, k32)},
			want: []string{orderRow(b, a, spi, wrong), orderRow("203.1.*.*", "*", spi, wrong), orderRow(a, b, spi, k32)}, added: 1},
		{name: "the same keys with wildcards", old: []string{orderRow("*", "*", spi, k32)}, new: []string{orderRow(a, b, spi, k32)},
			want: []string{orderRow("*", "*", spi, k32)}},
		{name: "any SPI stays behind", old: []string{orderRow(a, b, spi, k32)}, new: []string{orderRow("*", "*", "*", wrong)},
			want: []string{orderRow(a, b, spi, k32), orderRow("*", "*", "*", wrong)}, added: 1},
		{name: "two for one SPI", new: []string{orderRow(a, b, spi, wrong), orderRow(a, b, other, k16), orderRow(a, b, spi, k32)},
			want: []string{orderRow(a, b, other, k16), orderRow(a, b, spi, k32), orderRow(a, b, spi, wrong)}, added: 3},
		{name: "wildcards behind the addresses", new: []string{orderRow("*", "*", spi, wrong), orderRow(a, b, spi, k32), orderRow("*", "*", other, wrong)},
			want: []string{orderRow(a, b, spi, k32), orderRow("*", "*", other, wrong), orderRow("*", "*", spi, wrong)}, added: 3},
		{name: "wildcards come last", new: []string{orderRow(a, b, spi, k32), orderRow(a, "*", "0xcc5b49cb", k32), orderRow("*", "*", "0xcc******", k16), orderRow("*", "*", "*", wrong)},
			want: []string{orderRow(a, b, spi, k32), orderRow(a, "*", "0xcc5b49cb", k32), orderRow("*", "*", "0xcc******", k16), orderRow("*", "*", "*", wrong)}, added: 4},
		{name: "wildcards among old ones", old: []string{orderRow("*", "*", "*", k16), "# mine"}, new: []string{orderRow(a, b, spi, k32), orderRow("*", "*", "*", wrong)},
			want: []string{orderRow(a, b, spi, k32), orderRow("*", "*", "*", wrong), orderRow("*", "*", "*", k16), "# mine"}, added: 2},
		{name: "wildcards that are there", old: []string{"# mine", orderRow("*", "*", "*", wrong)}, new: []string{orderRow(a, b, spi, k32), orderRow("*", "*", "*", wrong)},
			want: []string{orderRow(a, b, spi, k32), "# mine", orderRow("*", "*", "*", wrong)}, added: 1},
		{name: "the whole key and its head", new: []string{orderRow(a, b, spi, k32), orderRow("*", "*", spi, k16)},
			want: []string{orderRow(a, b, spi, k32), orderRow("*", "*", spi, k16)}, added: 2},
		{name: "order of the source", old: []string{orderRow("*", "*", "*", wrong)}, new: []string{orderRow(a, b, spi, k32), orderRow(b, a, other, k32)},
			want: []string{orderRow(a, b, spi, k32), orderRow(b, a, other, k32), orderRow("*", "*", "*", wrong)}, added: 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, tableESP)
			if c.old != nil {
				if err := os.WriteFile(path, []byte(strings.Join(c.old, "\n")+"\n"), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			var secrets []*esp.Secret
			for _, row := range c.new {
				s, _, err := keysrc.ParseESPRow([]byte(row))
				if err != nil {
					t.Fatal(err)
				}
				secrets = append(secrets, s)
			}
			for _, added := range []int{c.added, 0} { // the second time all is there
				r, err := WriteESP(dir, secrets)
				if err != nil {
					t.Fatal(err)
				}
				if r.Added != added || r.Present != len(secrets)-added {
					t.Errorf("added %d, present %d", r.Added, r.Present)
				}
				got, _ := os.ReadFile(path)
				if want := strings.Join(c.want, "\n") + "\n"; string(got) != want {
					t.Errorf("got\n%swant\n%s", got, want)
				}
			}
		})
	}
}

func TestTableEndIsMended(t *testing.T) {
	dir := t.TempDir()
	rows := []IKERow{{InitiatorCookie: [8]byte{1}, Ka: esp.NewKey(make([]byte, 32))}}
	if _, err := WriteIKE(dir, rows); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, tableIKE)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, whole[:len(whole)-1], 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := WriteIKE(dir, rows)
	if err != nil || r.Added != 0 || r.Present != 1 {
		t.Fatalf("%+v %v", r, err)
	}
	if got, _ := os.ReadFile(path); string(got) != string(whole) {
		t.Errorf("got %q", got)
	}
}
