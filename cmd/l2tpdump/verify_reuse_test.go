package main

import (
	"bytes"
	"context"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"l2tpdump/cmd/internal/pipeline"
)

// TestVerifyDamageAndReuse: packets that another key was for make the exit status 3, single damaged
// ones do not.
func TestVerifyDamageAndReuse(t *testing.T) {
	const spi, row = 0xc2c4be60, "0xc2c4be60"
	lab := filepath.Join(captures, "01-basic-aes128-sha1")
	for _, c := range []struct {
		what     string
		damage   func(i int) bool // of the SA's packets
		exit     int
		verdict  string
		reason   string
		sequence string
		sentence string
	}{
		{"none", func(int) bool { return false }, exitOK, "verified", "", "1-118, 6 late", "The keys are right: every SA of the capture was decrypted."},
		{"one", func(i int) bool { return i == 117 }, exitOK, "verified", "1 of 118 packets is damaged or forged", "1-117, 6 late",
			"The keys are right: every SA of the capture was decrypted, but for 1 packet."},
		{"the second half", func(i int) bool { return i >= 100 }, exitPartly, "verified", "18 of 118 packets do not fit the key at esp_sa:2 that fits the others: another SA used this SPI later", "1-100,",
			"Every SA of the capture was decrypted, but 18 packets may be of another SA with the same SPI: look for another key of it in the source."},
	} {
		f := readFrames(t, filepath.Join(lab, "outer.pcap"), 1<<20)
		n := 0
		for i := 0; i < len(f.packets); i++ {
			packet, got := espPacket(f, i)
			if got == 0 {
				f.packets = append(f.packets[:i], f.packets[i+1:]...) // IKE, for which there is no key
				i--
			} else if got == spi {
				if c.damage(n) {
					packet[len(packet)-1] ^= 1
				}
				n++
			}
		}
		keys := parseSources(t, readSource(t, filepath.Join(lab, "keys", "esp_sa")))
		p := pipeline.New(pipeline.Config{Source: f, Workers: 2})
		p.AddKeys(keys...)
		stats, err := p.Run(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		v := newVerification(p, stats, keys)
		if v.Exit != c.exit || !strings.HasPrefix(v.sentence(new(printer), false), c.sentence) {
			t.Errorf("%s: exit %d: %s", c.what, v.Exit, v.sentence(new(printer), false))
		}
		for _, e := range v.ESP {
			if e.SPI == row && (e.Verdict != c.verdict || !strings.HasPrefix(e.Reason, c.reason) || c.reason == "" && e.Reason != "" || !strings.HasPrefix(sequence(&e), c.sequence)) {
				t.Errorf("%s: %s: %s: %s", c.what, e.Verdict, e.Reason, sequence(&e))
			}
		}
		var out bytes.Buffer
		if err := v.writeJSON(&out); err != nil {
			t.Fatal(err)
		}
		var fields struct{ ESP []map[string]any }
		if err := json.Unmarshal(out.Bytes(), &fields); err != nil {
			t.Fatal(err)
		}
		if e := fields.ESP[0]; e["reordered"] == nil || e["wrapped"] == nil || e["restarts"] != nil {
			t.Errorf("%v", e)
		}
	}
	for _, c := range []struct {
		e    verifiedESP
		want string
	}{
		{verifiedESP{FirstSeq: 1, LastSeq: 9, Missing: 1, Duplicates: 2, Reordered: 3, Wrapped: 1, Restarts: 1}, "1-9, 1 missing, 2 twice, 3 late, wrapped, begun again"},
		{verifiedESP{FirstSeq: 1, LastSeq: 9, Wrapped: 2, Restarts: 3}, "1-9, wrapped 2 times, begun again 3 times"},
	} {
		if got := sequence(&c.e); got != c.want {
			t.Errorf("%s, want %s", got, c.want)
		}
	}
}
