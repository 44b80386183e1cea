package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"l2tpdump/testdata/race"
)

// tsharkWith counts the IKE messages and the L2TP packets that tshark decrypts with the tables in a
// folder, and the good ICVs.
func tsharkWith(t *testing.T, tables, file string) (ike, esp, icv int) {
	t.Helper()
	program, err := exec.LookPath("tshark")
	if err != nil {
		t.Skip("tshark is not installed")
	}
	c := exec.Command(program, "-n", "-r", file, "-o", "esp.enable_encryption_decode:TRUE", "-o", "esp.enable_authentication_check:TRUE",
		"-Y", "(isakmp.flag_e == 1 and isakmp.typepayload) or esp", "-T", "fields", "-E", "separator=|", "-e", "frame.protocols", "-e", "esp.icv_good")
	c.Env = append(os.Environ(), "WIRESHARK_CONFIG_DIR="+tables, "HOME="+t.TempDir(), "LC_ALL=C")
	var messages strings.Builder
	c.Stderr = &messages
	out, err := c.Output()
	if err != nil {
		t.Fatalf("tshark: %v: %s", err, &messages)
	}
	if strings.Contains(messages.String(), "Error loading table") {
		t.Errorf("tshark refuses a table: %s", &messages)
	}
	for line := range strings.Lines(string(out)) {
		f := strings.Split(strings.TrimSpace(line), "|")
		switch {
		case !strings.Contains(f[0], ":esp"):
			ike++
		case strings.Contains(f[0], ":l2tp"):
			esp++
		}
		if f[1] == "1" || f[1] == "True" {
			icv++
		}
	}
	return ike, esp, icv
}

// tshark decrypts with what keys --wireshark writes as much as with the complete tables.
func TestKeysInTshark(t *testing.T) {
	// With PFS the router's log gives no more than the heads of the keys: of AES-128 all of the
	// encryption key.
	pfs := map[string]int{"06-pfs-rekey-dpd": 0, "26-heavy-loss-ike-retransmits": 148}
	for _, dir := range race.Sampled([]string{
		"01-basic-aes128-sha1", "02-natt-aes256-sha1", "03-3des-sha1-modp1024", "04-aes128-md5-modp1024", "05-aes256-sha256-ecp384", "06-pfs-rekey-dpd",
		"07-aggressive-psk", "08b-rsa-ikefrag-natt", "10-ipv6-outer", "11-three-clients-two-behind-nat", "17a-aes128gcm16", "17b-aes128ctr-sha1",
		"17f-aes192-sha384-modp3072", "26-heavy-loss-ike-retransmits",
	}) {
		t.Run(dir, func(t *testing.T) {
			at := filepath.Join(captures, dir)
			file := filepath.Join(at, "outer.pcap")
			wantIKE, wantESP, wantICV := tsharkWith(t, filepath.Join(at, "keys"), file)
			if wantIKE == 0 || wantESP == 0 {
				t.Fatalf("tshark decrypts %d IKE messages and %d packets with the complete tables", wantIKE, wantESP)
			}
			logs, err := filepath.Glob(filepath.Join(at, "charon-*.log"))
			if err != nil {
				t.Fatal(err)
			}
			for _, log := range append(logs, filepath.Join(at, "router-full.log")) {
				tables := filepath.Join(t.TempDir(), "wireshark")
				text := quietly(t, func() {
					if got := run([]string{"keys", "-k", log, "-r", file, "--wireshark", tables}); got != 0 {
						t.Fatalf("exit status %d", got)
					}
				})
				ike, esp, icv := tsharkWith(t, tables, file)
				wantESP, wantICV := wantESP, wantICV
				if n, ok := pfs[dir]; ok && strings.HasSuffix(log, "router-full.log") {
					wantESP, wantICV = n, 0
				}
				if ike != wantIKE || esp != wantESP || icv != wantICV {
					t.Errorf("%s: tshark decrypts %d IKE messages and %d packets with %d good ICVs, want %d, %d and %d\n%s",
						filepath.Base(log), ike, esp, icv, wantIKE, wantESP, wantICV, text)
				}
			}
		})
	}
}

// quietly returns what f writes to standard output and standard error.
func quietly(t *testing.T, f func()) string {
	t.Helper()
	file, err := os.Create(filepath.Join(t.TempDir(), "output"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	out, err2 := os.Stdout, os.Stderr
	os.Stdout, os.Stderr = file, file
	defer func() { os.Stdout, os.Stderr = out, err2 }()
	f()
	text, err := os.ReadFile(file.Name())
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// keyBytes are all runs of 8 hex digits in the keys of a source, as keys --show lists them.
func keyBytes(t *testing.T, args ...string) map[string]bool {
	t.Helper()
	text := quietly(t, func() { run(append([]string{"keys", "--show", "--json"}, args...)) })
	runs := make(map[string]bool)
	for _, m := range regexp.MustCompile(`"key":"([0-9a-f]+)"`).FindAllStringSubmatch(text, -1) {
		for i := 0; i+8 <= len(m[1]); i += 2 {
			runs[m[1][i:i+8]] = true
		}
	}
	return runs
}

// holdsAny reports whether a text holds one of the runs of hex digits, with or without marks
// between bytes.
func holdsAny(text string, runs map[string]bool) bool {
	text = strings.ToLower(text)
	plain := strings.NewReplacer(" ", "", ":", "", "-", "", ".", "").Replace(text)
	for _, text := range []string{text, plain} {
		for i := 0; i+8 <= len(text); i++ {
			if runs[text[i:i+8]] {
				return true
			}
		}
	}
	return false
}

// Whatever a command prints, it holds no key: for each source, whole and damaged, with a fitting
// capture and with another one. What live prints while it captures is looked at by another test,
// which needs namespaces.
func TestNoCommandShowsKeys(t *testing.T) {
	const dir, other = "01-basic-aes128-sha1", "04-aes128-md5-modp1024"
	at := filepath.Join(captures, dir)
	file, foreign := filepath.Join(at, "outer.pcap"), filepath.Join(captures, other, "outer.pcap")
	sources := []string{"router.log", "router-full.log", "charon-server.log", "xfrm-state.txt", "keys/esp_sa", "keys/ikev1_decryption_table"}
	tmp := t.TempDir()
	embedded := filepath.Join(tmp, "embedded.pcapng")
	quietly(t, func() {
		run([]string{"decrypt", "-r", file, "-k", filepath.Join(at, "keys/esp_sa"), "--embed-keys", "-w", embedded})
	})
	shows := func(secret map[string]bool, args ...string) bool {
		t.Helper()
		text := quietly(t, func() { run(args) })
		if text == "" && args[0] != "decrypt" {
			t.Errorf("%v prints nothing", args)
		}
		return holdsAny(text, secret)
	}
	check := func(secret map[string]bool, args ...string) {
		t.Helper()
		if shows(secret, args...) {
			t.Errorf("%v: key bytes in the output", args)
		}
	}
	for _, name := range sources {
		whole := filepath.Join(at, name)
		secret := keyBytes(t, "-k", whole)
		for run := range keyBytes(t, "-k", whole, "-r", file) { // and what is derived
			secret[run] = true
		}
		if len(secret) < 4 || !shows(secret, "keys", "-k", whole, "--show") {
			t.Fatalf("%s: keys --show shows none", name)
		}
		text, err := os.ReadFile(whole)
		if err != nil {
			t.Fatal(err)
		}
		paths := []string{whole}
		lines := strings.SplitAfter(string(text), "\n")
		step := max(1, len(lines)/40)
		for i := 0; i < len(lines); i += step {
			// Cut the file in the middle of a line; damage a digit of the line; take the line before it
			// away.
			cut := strings.Join(lines[:i], "") + lines[i][:len(lines[i])/2]
			digit := strings.Join(lines[:i], "") + strings.Replace(lines[i], "4", "g", 1) + strings.Join(lines[i+1:], "")
			missing := strings.Join(lines[:max(i-1, 0)], "") + strings.Join(lines[i:], "")
			for j, damaged := range []string{cut, digit, missing} {
				path := filepath.Join(tmp, fmt.Sprintf("%s-%d-%d", filepath.Base(name), i, j))
				if err := os.WriteFile(path, []byte(damaged), 0o600); err != nil {
					t.Fatal(err)
				}
				paths = append(paths, path)
			}
		}
		for i, path := range paths {
			check(secret, "keys", "-k", path)
			check(secret, "keys", "-k", path, "--json", "--wireshark", filepath.Join(tmp, "tables"+filepath.Base(path)))
			if i > 0 && i%7 != 0 {
				continue
			}
			check(secret, "verify", "-k", path, "-r", file)
			check(secret, "verify", "-k", path, "-r", foreign, "--json")
			check(secret, "keys", "-k", path, "-r", file)
			if i%49 == 0 {
				// In a process of its own: it may give up what this one is allowed to do.
				live := l2tpdump(t, "live", "-i", "no-such-interface", "-k", path)
				if text, _ := live.CombinedOutput(); len(text) == 0 || holdsAny(string(text), secret) {
					t.Errorf("%v: nothing, or key bytes in the output", live.Args)
				}
			}
			if i == 0 {
				check(secret, "verify", "-k", path, "-r", embedded)
				check(secret, "decrypt", "-k", path, "-r", file, "-c", "40", "-vv")
				check(secret, "decrypt", "-k", path, "-r", file, "-c", "40", "--json", "-vv")
				check(secret, "decrypt", "-k", path, "-r", file, "-w", filepath.Join(tmp, "clear.pcapng"))
				check(secret, "decrypt", "-k", path, "-r", foreign, "-c", "40")
			}
		}
		// A key source where a capture belongs, another format's name, and a key in place of a file.
		check(secret, "decrypt", "-r", whole, "-k", whole)
		check(secret, "verify", "-r", whole, "-k", whole)
		check(secret, "keys", "-k", whole, "--key-format", "racoon")
		check(secret, "keys", "-k", file)
	}
}

// A list that is made on several processors has all rows in order, as on one.
func TestKeysOfLargeLog(t *testing.T) {
	var log strings.Builder
	const negotiations = 4000
	for i := range negotiations {
		fmt.Fprintf(&log, `2026/11/23 07:13:24: [IKE] respond ISAKMP phase to 203.0.%d.%d
2026/11/23 07:13:24: [IKE] CKY-I
2026/11/23 07:13:24: [IKE]   14 80 48 a5 bc 8c %02x %02x
2026/11/23 07:13:24: [IKE] SKEYID_e
2026/11/23 07:13:24: [IKE]   4a f9 0f 25 cf 10 27 73 61 11 19 37 c2 e1 %02x %02x
2026/11/23 07:13:24: [IKE]   b7 53 e9 b5
2026/11/23 07:13:25: [IKE] respond IPsec phase to 203.0.%d.%d
2026/11/23 07:13:25: [IKE] SPI
2026/11/23 07:13:25: [IKE]   c5 a0 %02x %02x
2026/11/23 07:13:25: [IKE] key material (first 16byte)
2026/11/23 07:13:25: [IKE]   e1 38 4d cd d2 55 21 e2 d8 00 1e 68 c5 5a %02x %02x
2026/11/23 07:13:25: [IKE] authentication key (first 8byte)
2026/11/23 07:13:25: [IKE]   7c dd eb 4a c4 78 %02x %02x
`, i>>8, i&255, i>>8, i&255, i>>8, i&255, i>>8, i&255, i>>8, i&255, i>>8, i&255, i>>8, i&255)
	}
	path := filepath.Join(t.TempDir(), "router.log")
	if err := os.WriteFile(path, []byte(log.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, form := range []string{"--show", "--json"} {
		var texts []string
		for _, n := range []int{1, 2, 5} {
			old := runtime.GOMAXPROCS(n)
			texts = append(texts, quietly(t, func() {
				if got := run([]string{"keys", "-k", path, form}); got != 0 {
					t.Errorf("exit status %d", got)
				}
			}))
			runtime.GOMAXPROCS(old)
		}
		if texts[0] != texts[1] || texts[0] != texts[2] {
			t.Errorf("%s: the list depends on the number of processors", form)
		}
		if n := strings.Count(texts[0], "router.log:"); n != 3*negotiations {
			t.Errorf("%s: %d rows, want %d", form, n, 3*negotiations)
		}
		at := 0
		for i := range negotiations {
			j := strings.Index(texts[0][at:], fmt.Sprintf("0xc5a0%04x", i))
			if j < 0 {
				t.Fatalf("%s: SPI 0xc5a0%04x is not in its place", form, i)
			}
			at += j
		}
	}
}
