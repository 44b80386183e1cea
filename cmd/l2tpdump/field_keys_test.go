package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// fieldKeys are key sources as they come from the field: wrapped by log servers, web pages and mail
// programs, turned, broken into lines, in scripts, from other makers' routers.
var fieldKeys = []struct {
	files    string // of the folder, patterns
	capture  string // in the folder, or of a recording
	ike, esp string // the verdict of every SA, "" for those of which the source has no key
	told     string // else: there is no key, and this is the reason
}{
	{"j* c17* c18* c23* c26* b1* b2* r-dlink r9*", "02", "verified", "verified", ""},
	{"charon-systemd-real-journal.log charon-systemd-real-tagged.log", "charon-systemd-real.pcap", "verified", "", ""},
	{"pluto-*.log", "pluto-helper.pcap", "verified", "verified", ""},
	{"m12* racoon-with-key.log", "02", "decrypted verified", "", ""},
	{"m26* b3* w05* w06* w09* x04* x05* x06* x09* x10* x17* x18*", "02", "", "verified", ""},
	{"w14*", "02", "", "decrypted", ""},
	{"w15*", "03", "", "decrypted", ""},
	{"s0*", "01", "", "verified", ""},
	{"y02* y03* y04* y13d* y14* y17* y22* y29* yamaha-lines-between-01.log", "01", "verified decrypted", "decrypted", ""},
	{"y41*", "01", "", "decrypted", ""},
	{"xfrm-state-add.sh setkey-add.conf tcpdump-E.txt vpp-sa-add.txt yamaha-lost-row-neighbour.log", "", "", "", ""},

	{"y42b*", "01", "", "", "the router shows these keys as (confidential)"},
	{"m24*", "02", "", "", "the word `detail`"},
	{"r-html1line", "02", "", "", "the lines of a racoon log were joined"},
	{"x08*", "02", "", "", "(redacted)"},
	{"x22*", "02", "", "", "the lines of ip xfrm state were joined into one"},
	{"p04*", "02", "", "", "the blanks of this log are collapsed"},
	{"swanctl*.txt", "02", "", "", "it is what swanctl or ipsec up prints"},
}

func TestFieldKeys(t *testing.T) {
	folders := []string{filepath.Join(captures, "../field/keys")}
	if shared := filepath.Join(captures, "../../../shared/field/keys"); isDir(shared) {
		folders = append(folders, shared)
	}
	for _, folder := range folders {
		left := make(map[string]bool) // each file is one of the table
		entries, err := os.ReadDir(folder)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			left[e.Name()] = !strings.HasSuffix(e.Name(), ".pcap")
		}
		for _, c := range fieldKeys {
			for _, pattern := range strings.Fields(c.files) {
				files, _ := filepath.Glob(filepath.Join(folder, pattern))
				for _, file := range files {
					left[filepath.Base(file)] = false
					against := filepath.Join(folder, c.capture)
					if recorded, _ := filepath.Glob(filepath.Join(captures, c.capture+"-*", "outer.pcap")); recorded != nil {
						against = recorded[0]
					}
					switch {
					case c.told != "":
						notKeys(t, against, file, c.told)
					case c.capture == "":
						listsKeys(t, file)
					default:
						opens(t, against, file, c.ike, c.esp)
					}
				}
			}
		}
		for name, unread := range left {
			if unread {
				t.Errorf("%s is in no row of the table", name)
			}
		}
	}
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// opens checks the verdicts of all SAs that a source has the keys of.
func opens(t *testing.T, capture, file, ike, esp string) {
	t.Helper()
	text := quietly(t, func() { run([]string{"verify", "--json", "-r", capture, "-k", file}) })
	_, line, _ := strings.Cut("\n"+text, "\n{")
	line, _, _ = strings.Cut(line, "\n")
	var v struct {
		IKE, ESP, Wrong_keys []struct{ Verdict, Reason string }
	}
	if err := json.Unmarshal([]byte("{"+line), &v); err != nil {
		t.Errorf("%s: %v: %s", file, err, text)
		return
	}
	if len(v.IKE) == 0 || len(v.Wrong_keys) > 0 {
		t.Errorf("%s: %d IKE SAs, wrong keys %v", file, len(v.IKE), v.Wrong_keys)
	}
	for _, sa := range v.IKE {
		if want := ike; !strings.Contains(orNoKey(want), sa.Verdict) {
			t.Errorf("%s: IKE [%s]: %s", file, sa.Verdict, sa.Reason)
		}
	}
	for _, sa := range v.ESP {
		if sa.Verdict != orNoKey(esp) {
			t.Errorf("%s: ESP [%s]: %s", file, sa.Verdict, sa.Reason)
		}
	}
}

func orNoKey(verdict string) string {
	if verdict == "" {
		return "no key"
	}
	return verdict
}

// notKeys checks that a source is refused in one message, with its reason.
func notKeys(t *testing.T, capture, file, told string) {
	t.Helper()
	status := 0
	text := quietly(t, func() { status = run([]string{"verify", "-r", capture, "-k", file}) })
	if status == 0 || !strings.Contains(text, told) || strings.Contains(text, "looked for") || strings.Count(text, "\n") > 2 {
		t.Errorf("%s: exit %d: %s", file, status, text)
	}
}

// listsKeys checks that a source has a key.
func listsKeys(t *testing.T, file string) {
	t.Helper()
	status := 0
	text := quietly(t, func() { status = run([]string{"keys", "-k", file}) })
	if status != 0 || !strings.Contains(text, "FINGERPRINT") {
		t.Errorf("%s: exit %d: %s", file, status, text)
	}
}
