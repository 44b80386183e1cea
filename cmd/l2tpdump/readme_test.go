package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestReadme: what README shows of sessions, and of its JSON with jq, is what is printed.
func TestReadme(t *testing.T) {
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(t.TempDir(), "l2tpdump")
	if out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, c := range []struct{ begins, folder, keys string }{
		{"sessions -r outer.pcap -k router.log\n", captures + "/08x-auth-failed-l2tp-in-clear", "-k router.log"},
		{"sessions -r outer.pcap -k router.log --json | jq -r 'select(.step==\"auth\"", "../../testdata/causes/50c-pap-refused", "-k esp_sa -k ikev1_decryption_table"},
		{"sessions -r outer.pcap -k router.log --json | jq -rs 'group_by(.user)", captures + "/08x-auth-failed-l2tp-in-clear", "-k router.log"},
		{"decrypt -q -r outer.pcap -k router-full.log --json | jq -r 'select(.ike.exchange==\"quick\"", captures + "/06-pfs-rekey-dpd", "-k router-full.log"},
	} {
		_, shown, ok := strings.Cut(string(text), "    $ l2tpdump "+c.begins)
		if !ok {
			t.Errorf("README has no %s", c.begins)
			continue
		}
		rest, want, _ := strings.Cut(c.begins+shown, "\n")
		command := strings.Replace(strings.Replace(rest, "-k router.log", c.keys, 1), "-k router-full.log", c.keys, 1)
		want, _, _ = strings.Cut(want, "\n\n")
		if _, err := exec.LookPath("jq"); err != nil && strings.Contains(command, "jq") {
			t.Logf("without jq: %s", command)
			continue
		}
		sh := exec.Command("sh", "-c", program+" "+command)
		sh.Dir, sh.Env = c.folder, append(os.Environ(), "TZ=UTC")
		out, _ := sh.Output() // the exit status tells of the sessions
		got := strings.TrimRight(string(out), "\n")
		if got = "    " + strings.ReplaceAll(got, "\n", "\n    "); got != want {
			t.Errorf("%s\nprints\n%s\nREADME has\n%s", command, got, want)
		}
	}
}
