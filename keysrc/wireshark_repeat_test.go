package keysrc

import (
	"fmt"
	"strings"
	"testing"
)

// A row that was there before, or that is damaged, changes nothing of the rows around it: each
// secret keeps its SPI, its keys and its line.
func TestWiresharkESPRepeatedRows(t *testing.T) {
	const rows = 300
	row := func(i int) string {
		return fmt.Sprintf("\"IPv4\",\"192.0.2.%d\",\"*\",\"0x%08x\",\"AES-CBC [RFC3602]\",\"0x%032x\",\"HMAC-SHA-1-96 [RFC2404]\",\"0x%040x\"\n",
			i%9+1, i+1, i+1000, i+2000)
	}
	var table strings.Builder
	lines, at := 0, make([]int, rows)
	write := func(text string) int {
		table.WriteString(text)
		lines++
		return lines
	}
	for i := range rows {
		at[i] = write(row(i))
		for back := range i % 4 {
			write(row(i - back))
		}
		if i%5 == 0 {
			write(strings.Replace(row(i), "AES-CBC", "unheard-of", 1))
			write(strings.Replace(row(i), "192.0.2.", "192.0.2.x", 1))
		}
	}
	keys, err := Parse(strings.NewReader(table.String()), "esp_sa", "")
	if err != nil || len(keys.ESP) != rows || len(keys.Notes) != 2*rows/5 {
		t.Fatalf("%d secrets, %d notes, %v", len(keys.ESP), len(keys.Notes), err)
	}
	for i, s := range keys.ESP {
		want, _, err := ParseESPRow([]byte(strings.TrimSpace(row(i))))
		if err != nil || describe(s) != describe(want) || s.Origin.Line != at[i] {
			t.Errorf("line %d: %s, expected %s of line %d, %v", s.Origin.Line, describe(s), describe(want), at[i], err)
		}
	}
}
