package main

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"l2tpdump/capture"
	"l2tpdump/cmd/internal/pipeline"
	"l2tpdump/esp"
	"l2tpdump/keysrc"
	"l2tpdump/testdata/race"
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
		if err != nil && !errors.As(err, new(*keysrc.NoKeysError)) {
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
	takeEmbeddedKeys(src, p, nil)
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

// keyDigits finds the hex digits of all keys in a source's text: 8 bytes at a time, since rows
// break in between.
func keyDigits(t testing.TB, s source) []keyText {
	t.Helper()
	keys := parseSources(t, s)[0]
	var packed strings.Builder // the text without blanks and colons
	var places []int           // where its bytes stand in the text
	for at, c := range bytes.ToLower(s.text) {
		if c != ' ' && c != ':' {
			packed.WriteByte(c)
			places = append(places, at)
		}
	}
	text := packed.String()
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
			for from := 0; ; from += len(part) {
				n := strings.Index(text[from:], part)
				if n < 0 {
					break
				}
				from += n
				found++
				before := s.text[:places[from]]
				if bytes.HasSuffix(before[:max(0, bytes.LastIndex(before, []byte(" => ")))], []byte(" seed")) {
					continue // charon shows g(qm)^xy again as a part of what KEYMAT is made from, which is not read
				}
				for d := range part {
					list = append(list, keyText{value, places[from+d], i + d})
				}
			}
		}
		if found == 0 {
			t.Errorf("%s: %s is not in the text", s.name, value)
		}
	}
	for _, x := range keys.IKE {
		for v := range ikeValues(x) {
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

// sourceSets returns the names of the key sources in a folder of the recordings; those in one set
// are given together.
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

// ikeKeyLen is the length of Ka in bytes where it is less than what a router shows of SKEYID_e.
var ikeKeyLen = map[string]int{"07-aggressive-psk": 16, "17f-aes192-sha384-modp3072": 24}

// routerShowsAll reports whether the 16 bytes that router.log shows of an ESP key are all of it.
func routerShowsAll(t testing.TB, dir string) bool {
	n, err := os.ReadFile(filepath.Join(dir, "key-bytes"))
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(n)) == "16"
}

// Every source on every recording: verified where it holds the full keys or SKEYID_d without PFS,
// decrypted where only the authentication key is short.
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

// unknowable says why a changed bit of a value can't be noticed, "" if it can. README.md names
// these limits.
func unknowable(name, source, value string, digit, bit int) string {
	log := source == "router.log" || source == "router-full.log"
	pfs := slices.Contains(withPFS, name)
	begins := func(prefix string) bool { return log && strings.HasPrefix(value, prefix) }
	switch {
	case begins("authentication") && (source == "router.log" || pfs):
		return "the head of an authentication key, and no SKEYID_d to derive it with"
	case begins("SKEYID_d") && pfs:
		return "with PFS it gives no key"
	case begins("SKEYID_d") && name == "08x-auth-failed-l2tp-in-clear":
		return "there is no Quick Mode that it would give a key for"
	case begins("SKEYID_e") && ikeKeyLen[name] > 0 && digit >= 2*ikeKeyLen[name]:
		return "behind the head of SKEYID_e that is Ka"
	case name == "03-3des-sha1-modp1024" && !log && digit%2 == 1 && bit == 0 && (strings.HasPrefix(value, "Ka") || strings.HasPrefix(value, "encryption")):
		return "a parity bit of a DES key, which the cipher ignores"
	}
	return ""
}

// flipped is a capture with a source of which bits are to be changed.
type flipped struct {
	dir    string
	source source
	limit  uint64 // frames
	was    string // verdict on ESP with the source as it is
}

// flip changes one bit and returns what is wrong with the verdicts then, "" if they are right.
func (f *flipped) flip(t *testing.T, d keyText, bit int) string {
	v := verifyKeys(t, filepath.Join(f.dir, "outer.pcap"), f.limit, parseSources(t, flipDigit(f.source, d.at, bit)))
	ike, esp := v.verdicts()
	if f.was == "incomplete" && strings.HasPrefix(d.value, "encryption key") && esp == f.was {
		return "" // nothing is decrypted with it either way
	}
	what := fmt.Sprintf("%s %s: %s, digit %d, bit %d, at %d: ", filepath.Base(f.dir), f.source.name, d.value, d.digit, bit, d.at)
	if !strings.Contains(ike+esp, "wrong key") && len(v.Wrong) == 0 || v.Exit != exitPartly {
		return what + fmt.Sprintf("IKE %s, ESP %s, exit %d", ike, esp, v.Exit)
	}
	for _, reason := range v.wrongReasons() {
		if !strings.Contains(reason, f.source.name+":") {
			return what + "the reason names no place: " + reason
		}
	}
	return ""
}

// A changed bit of any key in any source is a wrong key, never verified and never decrypted.
func TestVerifyFlippedBits(t *testing.T) {
	dirs := []string{"01-basic-aes128-sha1", "02-natt-aes256-sha1", "03-3des-sha1-modp1024", "05-aes256-sha256-ecp384", "07-aggressive-psk",
		"08-rsa-ipfrag", "08b-rsa-ikefrag-natt", "15-libreswan-server", "17a-aes128gcm16", "17b-aes128ctr-sha1", "17d-aes128-sha256-esn",
		"17f-aes192-sha384-modp3072", "17h-aes128ccm16", "26-heavy-loss-ike-retransmits"}
	each := 6
	if race.Enabled || testing.Short() {
		dirs, each = []string{"01-basic-aes128-sha1", "03-3des-sha1-modp1024", "08-rsa-ipfrag", "17a-aes128gcm16", "26-heavy-loss-ike-retransmits"}, 1
	}
	flips := 0
	for _, name := range dirs {
		dir := filepath.Join(captures, name)
		for _, n := range slices.Concat(sourceSets(dir)...) {
			flips += flipBits(t, dir, readSource(t, filepath.Join(dir, n)), each, 60)
		}
	}
	if flips < 100*each {
		t.Errorf("only %d bits", flips)
	}
}

// flipBits changes bits of each value in a source for a recording, and returns how many.
func flipBits(t *testing.T, dir string, s source, each int, limit uint64) (flips int) {
	f := flipped{dir: dir, source: s, limit: limit}
	_, f.was = verifyKeys(t, filepath.Join(dir, "outer.pcap"), limit, parseSources(t, s)).verdicts()
	byValue := make(map[string][]keyText)
	var values []string
	for _, d := range keyDigits(t, s) {
		if byValue[d.value] == nil {
			values = append(values, d.value)
		}
		byValue[d.value] = append(byValue[d.value], d)
	}
	for _, value := range values {
		digits := byValue[value]
		for i := range each {
			d, bit := digits[(i*len(digits)+len(digits)/3)/each%len(digits)], (3*i+len(value)+len(s.name))%4
			if unknowable(filepath.Base(dir), s.name, value, d.digit, bit) != "" {
				continue
			}
			flips++
			if wrong := f.flip(t, d, bit); wrong != "" {
				t.Error(wrong)
			}
		}
	}
	return flips
}

// wrongReasons are the reasons of the wrong keys, and of the SAs for which a wrong key is given.
func (v *verification) wrongReasons() (list []string) {
	for _, k := range v.Wrong {
		list = append(list, k.Reason)
	}
	for _, s := range v.IKE {
		if s.Verdict == "wrong key" {
			list = append(list, s.Reason)
		}
	}
	for _, s := range v.ESP {
		if s.Verdict == "wrong key" {
			list = append(list, s.Reason)
		}
	}
	return list
}
