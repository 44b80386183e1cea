package main

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"l2tpdump/capture"
	"l2tpdump/cmd/internal/pipeline"
	"l2tpdump/esp"
	"l2tpdump/keysrc"
)

// source is a key source in memory.
type source struct {
	name string
	text []byte
}

func readSource(t testing.TB, path string) source {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return source{filepath.Base(path), text}
}

func parseSources(t testing.TB, sources ...source) []*keysrc.Keys {
	t.Helper()
	var keys []*keysrc.Keys
	for _, s := range sources {
		k, err := keysrc.Parse(bytes.NewReader(s.text), s.name, "")
		if err != nil && !keysrc.IsNoKeys(err) {
			t.Fatal(err)
		}
		keys = append(keys, k)
	}
	return keys
}

// verifyKeys is the command verify without its printing. limit is the number of frames, 0 all.
func verifyKeys(t testing.TB, file string, limit uint64, keys []*keysrc.Keys) *verification {
	t.Helper()
	src, err := capture.Open([]string{file})
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	p := pipeline.New(pipeline.Config{Source: src, Limit: limit, Workers: 1})
	p.AddKeys(keys...)
	takeEmbeddedKeys(src, p)
	stats, err := p.Run(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return newVerification(p, stats, keys)
}

// verdicts returns the different verdicts of a kind, sorted.
func (v *verification) verdicts() (ike, esp string) {
	join := func(set map[string]bool) string {
		var list []string
		for s := range set {
			list = append(list, s)
		}
		slices.Sort(list)
		return strings.Join(list, ", ")
	}
	i, e := map[string]bool{}, map[string]bool{}
	for _, s := range v.IKE {
		i[s.Verdict] = true
	}
	for _, s := range v.ESP {
		e[s.Verdict] = true
	}
	return join(i), join(e)
}

func captureDirs(t testing.TB) []string {
	t.Helper()
	list, err := filepath.Glob(filepath.Join(captures, "*", "outer.pcap"))
	if err != nil || len(list) < 20 {
		t.Fatalf("%d captures: %v", len(list), err)
	}
	for i := range list {
		list[i] = filepath.Dir(list[i])
	}
	return list
}

// keyText is where a part of a key stands in a source.
type keyText struct {
	value string // which key
	at    int    // of a hex digit in the text
	digit int    // of the key
}

// keyDigits finds the hex digits of all keys in a source's text: 8 bytes at a time, since rows break in between.
func keyDigits(t testing.TB, s source) []keyText {
	t.Helper()
	keys := parseSources(t, s)[0]
	seen := map[string]bool{}
	var list []keyText
	add := func(value string, k esp.Key) {
		if k.IsZero() || seen[value+string(k.Bytes())] {
			return
		}
		seen[value+string(k.Bytes())] = true
		digits := hex.EncodeToString(k.Bytes())
		found := 0
		for i := 0; i+8 <= len(digits); i += 16 {
			part := digits[i:min(i+16, len(digits))]
			var pattern strings.Builder
			for j := 0; j < len(part); j += 2 {
				pattern.WriteString(`[ :]*` + part[j:j+2])
			}
			for _, m := range regexp.MustCompile(`(?i)`+pattern.String()).FindAllIndex(s.text, -1) {
				found++
				digit := i
				for at := m[0]; at < m[1]; at++ {
					if c := s.text[at]; c != ' ' && c != ':' {
						list = append(list, keyText{value, at, digit})
						digit++
					}
				}
			}
		}
		if found == 0 {
			t.Errorf("%s: %s is not in the text", s.name, value)
		}
	}
	for _, x := range keys.IKE {
		for _, v := range ikeValues(x) {
			add(v.name+" "+x.InitiatorCookie.String(), v.key)
		}
	}
	for _, x := range keys.ESP {
		add(fmt.Sprintf("encryption key %08x", x.SPI), x.Key)
		add(fmt.Sprintf("authentication key %08x", x.SPI), x.AuthKey)
	}
	return list
}

// flipDigit returns the source with one bit of a hex digit changed.
func flipDigit(s source, at, bit int) source {
	const digits = "0123456789abcdef"
	text := bytes.Clone(s.text)
	v := strings.IndexByte(digits, text[at]|0x20)
	if text[at] <= '9' {
		v = int(text[at] - '0')
	}
	text[at] = digits[v^1<<bit]
	return source{s.name, text}
}

// sourceSets returns the names of the key sources in a folder of the recordings; those in one set are given together.
func sourceSets(dir string) [][]string {
	sets := [][]string{{"router.log"}, {"router-full.log"}, {"keys/esp_sa", "keys/ikev1_decryption_table"}, {"xfrm-state.txt"}}
	for _, pattern := range []string{"charon-*.log", "pluto-*.log"} {
		list, _ := filepath.Glob(filepath.Join(dir, pattern))
		for _, path := range list {
			sets = append(sets, []string{filepath.Base(path)})
		}
	}
	return slices.DeleteFunc(sets, func(set []string) bool {
		_, err := os.Stat(filepath.Join(dir, set[0]))
		return err != nil
	})
}

// withPFS is the recordings whose Quick Modes have perfect forward secrecy.
var withPFS = []string{"06-pfs-rekey-dpd", "26-heavy-loss-ike-retransmits", "26b-ike-every-message-retransmitted"}

// routerShowsAll reports whether the 16 bytes that router.log shows of an ESP key are all of it.
func routerShowsAll(t testing.TB, dir string) bool {
	n, err := os.ReadFile(filepath.Join(dir, "key-bytes"))
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(n)) == "16"
}

// Every source on every recording: verified where it holds the full keys or SKEYID_d without PFS, decrypted where only the
// authentication key is short.
func TestVerifySources(t *testing.T) {
	for _, dir := range captureDirs(t) {
		name := filepath.Base(dir)
		clear := name == "08x-auth-failed-l2tp-in-clear" // no ESP
		for _, set := range sourceSets(dir) {
			var sources []source
			for _, n := range set {
				sources = append(sources, readSource(t, filepath.Join(dir, n)))
			}
			ike, esp, exit := "verified", "verified", exitOK
			short := "incomplete"
			if !clear && routerShowsAll(t, dir) {
				short = "decrypted"
			}
			switch n := set[0]; {
			case n == "router.log":
				ike, esp = "decrypted", short
			case n == "router-full.log":
				if slices.Contains(withPFS, name) {
					esp = short
				}
			case n == "keys/esp_sa":
				ike = "decrypted"
			case n == "xfrm-state.txt", strings.HasPrefix(n, "pluto"):
				ike = "no key"
			}
			if clear {
				esp = ""
			}
			switch {
			case clear && ike == "no key":
				exit = exitNothing
			case ike == "no key", esp == "incomplete":
				exit = exitPartly
			}
			files, _ := filepath.Glob(filepath.Join(dir, "outer*.pcap*"))
			for _, file := range files {
				switch base := filepath.Base(file); {
				case strings.Contains(base, "snap96"), strings.Contains(base, "midstart"):
					continue
				}
				v := verifyKeys(t, file, 0, parseSources(t, sources...))
				gotIKE, gotESP := v.verdicts()
				if gotIKE != ike || gotESP != esp || v.Exit != exit {
					t.Errorf("%s %s %s: IKE %s, ESP %s, exit %d; want %s, %s, %d", name, filepath.Base(file), set[0], gotIKE, gotESP, v.Exit, ike, esp, exit)
				}
				for _, s := range v.IKE {
					if s.Verdict == "verified" && (s.HashesChecked == 0 || s.Decrypted != s.Encrypted) || s.Key == "" != (s.Verdict == "no key") {
						t.Errorf("%s %s: %+v", name, set[0], s)
					}
				}
				for _, s := range v.ESP {
					if s.Verdict == "verified" && s.Verified != s.Packets || s.Verdict == "decrypted" && s.Decrypted != s.Packets || s.Key == "" {
						t.Errorf("%s %s: %+v", name, set[0], s)
					}
					if s.Verdict != "verified" && s.Reason == "" {
						t.Errorf("%s %s: SPI %s is %s for no reason", name, set[0], s.SPI, s.Verdict)
					}
				}
			}
		}
	}
}

// unknowable says why a changed bit of a value can't be noticed, "" if it can.
func unknowable(name, source, value string, digit int) string {
	log := source == "router.log" || source == "router-full.log"
	pfs := slices.Contains(withPFS, name)
	switch {
	case log && strings.HasPrefix(value, "authentication") && (source == "router.log" || pfs):
		return "the head of an authentication key, and nothing to compare it with"
	case pfs && strings.HasPrefix(value, "SKEYID_d") && log:
		return "PFS: SKEYID_d gives no key"
	case log && name == "07-aggressive-psk" && strings.HasPrefix(value, "SKEYID_e") && digit >= 32,
		log && name == "17f-aes192-sha384-modp3072" && strings.HasPrefix(value, "SKEYID_e") && digit >= 48:
		return "behind the head of SKEYID_e that is Ka"
	case name == "03-3des-sha1-modp1024" && source != "charon-server.log" && digit%2 == 1 &&
		(strings.HasPrefix(value, "Ka") || strings.HasPrefix(value, "encryption")):
		return "a DES key's parity bit is among the four"
	case name == "08x-auth-failed-l2tp-in-clear" && log && strings.HasPrefix(value, "SKEYID_d"):
		return "no ESP"
	case strings.HasPrefix(value, "g(qm)^xy"):
		return "dumped again as the seed of KEYMAT, which is not read" // the value itself: TestVerifyQuickSecret
	}
	return ""
}

// A changed bit of any key in any source is a wrong key, never verified and never decrypted.
func TestVerifyFlippedBits(t *testing.T) {
	dirs := []string{"01-basic-aes128-sha1", "02-natt-aes256-sha1", "03-3des-sha1-modp1024", "05-aes256-sha256-ecp384", "07-aggressive-psk",
		"08-rsa-ipfrag", "08b-rsa-ikefrag-natt", "15-libreswan-server", "17a-aes128gcm16", "17b-aes128ctr-sha1", "17d-aes128-sha256-esn",
		"17f-aes192-sha384-modp3072", "17h-aes128ccm16", "26-heavy-loss-ike-retransmits"}
	each := 6
	if raceEnabled || testing.Short() {
		dirs, each = []string{"01-basic-aes128-sha1", "03-3des-sha1-modp1024", "08-rsa-ipfrag", "17a-aes128gcm16"}, 1
	}
	flips := 0
	for _, name := range dirs {
		dir := filepath.Join(captures, name)
		for _, set := range sourceSets(dir) {
			for _, n := range set {
				s := readSource(t, filepath.Join(dir, n))
				byValue := make(map[string][]keyText)
				var values []string
				for _, d := range keyDigits(t, s) {
					if byValue[d.value] == nil {
						values = append(values, d.value)
					}
					byValue[d.value] = append(byValue[d.value], d)
				}
				before := verifyKeys(t, filepath.Join(dir, "outer.pcap"), 60, parseSources(t, s))
				for _, value := range values {
					digits := byValue[value]
					for i := range each {
						d := digits[(i*len(digits)+len(digits)/3)/each%len(digits)]
						if unknowable(name, s.name, value, d.digit) != "" {
							continue
						}
						v := verifyKeys(t, filepath.Join(dir, "outer.pcap"), 60, parseSources(t, flipDigit(s, d.at, (i+d.digit)%4)))
						flips++
						ike, esp := v.verdicts()
						_, was := before.verdicts()
						if was == "incomplete" && strings.Contains(value, "cryption key") && esp == was {
							continue // no less than before, and nothing is decrypted
						}
						if !strings.Contains(ike+esp, "wrong key") || v.Exit != exitPartly {
							t.Errorf("%s %s: %s, digit %d at %d: IKE %s, ESP %s, exit %d", name, s.name, value, d.digit, d.at, ike, esp, v.Exit)
							continue
						}
						if reason := v.wrongReason(); !strings.Contains(reason, s.name+":") {
							t.Errorf("%s %s: %s: the reason names no place: %s", name, s.name, value, reason)
						}
					}
				}
			}
		}
	}
	t.Logf("%d bits", flips)
}

// wrongReason is the reason of the first wrong key.
func (v *verification) wrongReason() string {
	for _, s := range v.IKE {
		if s.Verdict == "wrong key" {
			return s.Reason
		}
	}
	for _, s := range v.ESP {
		if s.Verdict == "wrong key" {
			return s.Reason
		}
	}
	return ""
}
