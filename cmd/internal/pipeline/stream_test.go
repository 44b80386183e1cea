package pipeline

import (
	"encoding/binary"
	"fmt"
	"testing"
)

// TestStreamOverlap: segments that come early, again, longer than before or in other pieces yield
// each message once, an IKE message that is sent again too.
func TestStreamOverlap(t *testing.T) {
	ike := append([]byte{0, 34, 0, 0, 0, 0}, make([]byte, 28)...)
	binary.BigEndian.PutUint32(ike[len(ike)-4:], 28)
	esp := append([]byte{0, 42, 0, 0, 2, 1}, make([]byte, 36)...)
	var all []byte
	for i := range 6 {
		if ike[7], esp[7] = byte(i), byte(i); i%2 == 0 {
			all = append(all, ike...)
		} else {
			all = append(all, esp...)
		}
	}
	const n = 34
	begins := func(b []byte) certainty {
		if _, ok := firstMessage(b); ok {
			return surely
		}
		return none
	}
	for name, order := range map[string][][2]int{
		"in order":             {{0, 10}, {10, 34}, {34, 100}, {100, 228}},
		"early":                {{0, 10}, {100, 228}, {34, 100}, {10, 34}},
		"early at first":       {{50, 120}, {0, 50}, {120, 228}},
		"early, then longer":   {{0, 10}, {40, 60}, {40, 228}, {10, 41}},
		"message sent again":   {{0, n}, {n, 60}, {0, n}, {60, 100}, {76, 110}, {100, 228}},
		"sent again in pieces": {{0, 100}, {0, 5}, {5, 34}, {76, 110}, {90, 228}},
	} {
		st := new(stream)
		st.restart(1000)
		got := ""
		for _, s := range order {
			for _, m := range st.add(1000+uint32(s[0]), all[s[0]:s[1]], begins) {
				got += fmt.Sprint(len(m), " ")
			}
		}
		if want := "32 40 32 40 32 40 "; got != want {
			t.Errorf("%s: messages of %sbytes, want %s", name, got, want)
		}
	}
}
