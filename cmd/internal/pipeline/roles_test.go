package pipeline_test

import (
	"path/filepath"
	"strings"
	"testing"

	"l2tpdump/cmd/internal/pipeline"
)

// TestStartAtResponder: a capture that starts with a message of the responder waits for what tells
// whose it is; where nothing does, the number is left out.
func TestStartAtResponder(t *testing.T) {
	for _, c := range []struct {
		dir   string
		start int      // number of the first frame
		keys  bool     // or none
		lines []string // of the IKE frames
	}{
		{"01-basic-aes128-sha1", 13, true, []string{"main R4 [clear]", "main I5 [", "main R6 [", "quick I1 ["}},
		{"01-basic-aes128-sha1", 13, false, []string{"main R4 [clear]", "main I5 [no key]", "main R6 [no key]", "quick I1 [no key]"}},
		{"01-basic-aes128-sha1", 15, true, []string{"main R6 [", "quick I1 [", "quick R2 [", "quick I3 ["}},
		{"01-basic-aes128-sha1", 15, false, []string{"main [no key]", "quick I1 [no key]"}},
		{"01-basic-aes128-sha1", 17, true, []string{"quick R2 [", "quick I3 ["}},
		{"01-basic-aes128-sha1", 17, false, []string{"quick [no key]", "quick [no key]"}},
		{"26b-ike-every-message-retransmitted", 17, true, []string{"main R4 [", "main I3 [", "main I3 [clear] retr", "main R4 [clear] retr", "main I5 ["}},
	} {
		f := mustRead(t, filepath.Join(capturesDir, c.dir, "outer.pcap"))
		keys := labKeys(t, c.dir, "keys/ikev1_decryption_table")
		if !c.keys {
			keys = nil
		}
		o := follow(t, f.with(f.list[c.start-1:]), keys, mode{text: true})
		n := 0
		for i := range o.results {
			r := &o.results[i]
			if r.kind != pipeline.IKE || n == len(c.lines) {
				continue
			}
			if !strings.Contains(r.text, "IKEv1 "+c.lines[n]) {
				t.Errorf("%s from frame %d, keys %v: %s\nwant %s", c.dir, c.start, c.keys, r.text, c.lines[n])
			}
			if strings.HasPrefix(strings.Split(c.lines[n], " ")[1], "[") == strings.Contains(r.json, `"message":`) {
				t.Errorf("%s from frame %d, keys %v: %s", c.dir, c.start, c.keys, r.json)
			}
			n++
		}
		if sa := o.p.IKE().SAs()[0]; c.keys && sa.Initiator.Addr().String() != "203.0.113.10" {
			t.Errorf("%s from frame %d: the initiator is %v", c.dir, c.start, sa.Initiator)
		}
	}
}
