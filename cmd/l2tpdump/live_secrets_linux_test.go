package main

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// TestLiveSecrets: live decrypts MPPE with the users' passwords and uncovers AVPs with the tunnel's
// secret, which it has read before it gives up root's rights, and says which is wrong.
func TestLiveSecrets(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	sets, err := filepath.Abs("../../testdata/ppp")
	if err != nil {
		t.Fatal(err)
	}
	wrong := secretFile(t, "alice * not-it\n")
	for i, c := range []struct {
		set, option, file string
		packets           int    // of the users
		say               string // on standard error
	}{
		{"mppe-56-stateless", "--ppp-secrets", "SET/chap-secrets", 57, "57 expanded"},
		{"mppe-56-stateless", "--ppp-secrets", wrong, 0, `PPP user "alice": 57 frames encrypted and not decrypted: wrong password (` + wrong + `:1)`},
		{"hidden-avps", "--l2tp-secret-file", "SET/l2tp-secret", 10, "hidden AVPs of 3 messages: the secret is right (SET/l2tp-secret:1)"},
		{"hidden-avps", "--l2tp-secret-file", "SET/l2tp-secret.wrong", 10, "hidden AVPs of 3 messages: wrong secret (SET/l2tp-secret.wrong:1)"},
	} {
		set := filepath.Join(sets, c.set)
		in := func(s string) string { return strings.ReplaceAll(s, "SET", set) }
		all := wholeCapture(t, filepath.Join(set, "outer.pcap"))
		out := l.path(fmt.Sprintf("out%d.pcapng", i))
		p := l.start("live", "-i", l.interfaceToTap, c.option, in(c.file), "--layer", "ip", "-w", out)
		p.waitFor("listening on")
		l.send(all, 0, nil)
		p.awaitFrames(len(all))
		p.interrupt()
		if !strings.Contains(p.errors(), in(c.say)) {
			t.Errorf("%s %s: no %q in\n%s", c.set, c.option, in(c.say), p.report())
		}
		var got []string
		if fileExists(out) {
			got = packetsOf(t, out)
		}
		if len(got) != c.packets {
			t.Errorf("%s %s: %d packets, want %d", c.set, c.option, len(got), c.packets)
		}
		if len(got) > 0 {
			readPPPTruth(t, set).check(t, got)
		}
	}
}
