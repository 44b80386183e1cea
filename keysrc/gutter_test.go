package keysrc

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
)

var gutters = map[string]func(n int, line string) string{
	"grep -n":          func(n int, line string) string { return fmt.Sprintf("%d:%s", n, line) },
	"grep -n -C":       func(n int, line string) string { return fmt.Sprintf("%d%c%s", n, ":--"[n%3], line) },
	"grep -H":          func(_ int, line string) string { return "/var/log/vpn-2026.log:" + line },
	"grep -H -C":       func(n int, line string) string { return fmt.Sprintf("vpn-2026.log%c%s", ":--"[n%3], line) },
	"grep -Hn":         func(n int, line string) string { return fmt.Sprintf("./a.log:%d:%s", n, line) },
	"grep -Hn -C":      func(n int, line string) string { c := ":--"[n%3]; return fmt.Sprintf("a.log%c%d%c%s", c, n, c, line) },
	"cat -n":           func(n int, line string) string { return fmt.Sprintf("%6d\t%s", n, line) },
	"less -N":          func(n int, line string) string { return fmt.Sprintf("%7d %s", n, line) },
	"diff -u":          func(_ int, line string) string { return "+" + line },
	"+ ":               func(_ int, line string) string { return "+ " + line },
	"bat":              func(n int, line string) string { return fmt.Sprintf("%5d │ %s", n, line) },
	"psql":             func(n int, line string) string { return fmt.Sprintf("%d | %s", n, line) },
	"list":             func(n int, line string) string { return fmt.Sprintf("%d. %s", n, line) },
	"[1]":              func(n int, line string) string { return fmt.Sprintf("[%d] %s", n, line) },
	"tab":              func(_ int, line string) string { return "\t" + line },
	"| ":               func(_ int, line string) string { return strings.TrimSpace("| " + line) },
	"cat -n | grep -n": func(n int, line string) string { return fmt.Sprintf("%d:%6d\t%s", n, n, line) },
	"cat -A":           func(_ int, line string) string { return strings.ReplaceAll(line, "\t", "^I") + "$" },
	"cat -A, CR LF":    func(_ int, line string) string { return strings.ReplaceAll(line, "\t", "^I") + "^M$" },
	"cat -e":           func(_ int, line string) string { return line + "$" },
	"diff -u, old":     func(n int, line string) string { return strings.Repeat("@@ -1,9 +0,0 @@\n", 1/n) + "-" + line },
	"diff, old":        func(_ int, line string) string { return "< " + line },
	"diff": func(n int, line string) string {
		if n == 1 {
			return "@@ -1,2 +1,3 @@\n-src 10.0.0.1 dst 10.0.0.9\n+" + line
		}
		return string("+ "[n%2]) + line
	},
}

// headed are headers of lines, in forms that are known by nothing but that all lines have them.
var headed = map[string]func(n int, line string) string{
	"journalctl -o short-monotonic": func(n int, line string) string { return fmt.Sprintf("[ %4d.%06d] gw vpn[812]: %s", 1000+n, n*50, line) },
	"journalctl -o short-unix": func(n int, line string) string {
		return fmt.Sprintf("1700000%03d.%06d gw vpn[812]: %s", n/20, n*50, line)
	},
	"journalctl -o short-full": func(n int, line string) string {
		return "Mon " + stamp(n)[:10] + " " + stamp(n)[11:19] + " UTC gw vpn[812]: " + line
	},
	"journalctl -o with-unit": func(n int, line string) string {
		return "Mon " + stamp(n)[:10] + " " + stamp(n)[11:19] + " UTC gw strongswan.service[812]: " + line
	},
	"OpenWrt's logread": func(n int, line string) string {
		return "Mon " + syslogStamp(n) + " 2026 daemon.debug vpn[812]: " + line
	},
	"busybox":        func(n int, line string) string { return syslogStamp(n) + " gw daemon.debug vpn[812]: " + line },
	"priority first": func(n int, line string) string { return "daemon.debug " + syslogStamp(n) + " gw vpn[812]: " + line },
	"relayed": func(n int, line string) string {
		return stamp(n)[:19] + " 192.0.2.1 " + syslogStamp(n) + " gw vpn[812]: " + line
	},
	"tftpd32": func(n int, line string) string {
		return "Mon " + syslogStamp(n) + " 2026: <30>" + syslogStamp(n) + " gw vpn[812]: " + line
	},
	"logcat": func(n int, line string) string {
		return fmt.Sprintf("11-23 07:15:%02d.%03d  1234  1250 I vpn     : %s", n/20%60, n%20*50, line)
	},
	"logcat -v brief":       func(_ int, line string) string { return "I/vpn     ( 1234): " + line },
	"logcli":                func(n int, line string) string { return stamp(n)[:19] + `Z {job="vpn"} ` + line },
	"aws logs tail":         func(n int, line string) string { return stamp(n) + "000+00:00 vpn/gw/1a2b " + line },
	"RFC 5424, no priority": func(n int, line string) string { return stamp(n) + "Z gw vpn 812 - - " + line },
	"RFC 5424, a bracket in data": func(n int, line string) string {
		return "<30>1 " + stamp(n) + `Z gw vpn 812 ID1 [meta x="a\] b"] ` + line
	},
	"octet counting": func(n int, line string) string {
		return fmt.Sprintf("%d <30>1 %sZ gw vpn 812 - - %s", 40+len(line), stamp(n), line)
	},
	"a time in brackets": func(n int, line string) string { return "[" + stamp(n) + "+09:00] " + line },
	"RFC 3164":           func(n int, line string) string { return syslogStamp(n) + " gw vpn[812]: " + line },
	"RFC 3164, no host":  func(n int, line string) string { return syslogStamp(n) + " vpn: " + line },
	"RFC 3164, priority": func(n int, line string) string { return "<30>" + syslogStamp(n) + " gw vpn[812]: " + line },
	"RFC 3164, ISO 8601": func(n int, line string) string { return stamp(n) + "+00:00 gw vpn[812]: " + line },
	"RFC 5424":           func(n int, line string) string { return "<30>1 " + stamp(n) + "Z gw vpn 812 - - " + line },
	"ts":                 func(n int, line string) string { return syslogStamp(n) + " " + line },
	"ts -s":              func(n int, line string) string { return fmt.Sprintf("00:%02d:%02d %s", n/60%60, n%60, line) },
	"ts %.s":             func(n int, line string) string { return fmt.Sprintf("1700000%03d.%06d %s", n/20, n*50, line) },
	"#1":                 func(n int, line string) string { return fmt.Sprintf("#%d %s", n, line) },
}

// TestHeaders reads each source of more than one line with such headers.
func TestHeaders(t *testing.T) {
	names, texts := mixable()
	for i, text := range texts {
		text = strings.Trim(text, "\n")
		if strings.Contains(names[i], "damaged") || !strings.Contains(text, "\n") {
			continue
		}
		want, err := Parse(strings.NewReader(text), "x", "")
		if err != nil {
			t.Fatal(names[i], err)
		}
		for what, header := range headed {
			var b strings.Builder
			for n, line := range strings.Split(text, "\n") {
				b.WriteString(header(n+1, line) + "\n")
			}
			got, err := Parse(strings.NewReader(b.String()), "x", "")
			switch {
			case err == nil && maps.Equal(values(got), values(want)):
			case names[i] == "fortigate/gateway list" || strings.HasPrefix(names[i], "setkey") && len(got.Notes) > 0:
			default:
				t.Errorf("%s, %s: %v, %v", names[i], what, got.Notes, err)
			}
		}
	}
}

// Lines of two senders are of two listings.
func TestHeadersOfTwo(t *testing.T) {
	for _, c := range []string{"a logger: %s\nb logger: %s\na logger: %s\n", "x 192.0.2.1 %s\nx 192.0.2.2 %s\nx 192.0.2.1 %s\n"} {
		text := fmt.Sprintf(c, "src 10.0.0.1 dst 10.0.0.2", "\tproto esp spi 0x11111111 reqid 1 mode transport", "\tenc cbc(aes) 0x"+hex16)
		if k, _ := Parse(strings.NewReader(text), "x", ""); len(k.ESP) > 0 && !k.ESP[0].Src.IsAny() {
			t.Errorf("%q: %v", text, k.ESP[0])
		}
	}
}

// TestRejoined reads charon's logs as they are copied from a terminal.
func TestRejoined(t *testing.T) {
	for _, file := range []string{
		"captures/02-natt-aes256-sha1/charon-server.log", "field/keys/j1-charon-systemd-journalctl",
		"field/keys/j2-charon-systemd-o-cat",
	} {
		log, err := os.ReadFile("../testdata/" + file)
		if err != nil {
			t.Fatal(err)
		}
		want, err := Parse(bytes.NewReader(log), "x", "")
		if err != nil {
			t.Fatal(err)
		}
		for _, columns := range []int{80, 84, 90, 100} {
			var b strings.Builder
			for line := range strings.Lines(string(log)) {
				for len(line)-1 > columns {
					b.WriteString(line[:columns] + "\n")
					line = line[columns:]
				}
				b.WriteString(line)
			}
			got, err := Parse(strings.NewReader(b.String()), "x", "")
			if err != nil || !maps.Equal(values(got), values(want)) {
				t.Errorf("%s, %d columns: %v, %v", file, columns, got.Notes, err)
			}
			// A line that is lost is not made up for.
			cut := strings.Split(b.String(), "\n")
			for i := 0; i < len(cut); i += 7 {
				less, _ := Parse(strings.NewReader(strings.Join(slices.Delete(slices.Clone(cut), i, i+1), "\n")), "x", "")
				for v := range values(less) {
					if !values(want)[v] {
						t.Fatalf("%s, %d columns, without line %d: %.16s…", file, columns, i+1, v)
					}
				}
			}
		}
	}
}

// TestGutters reads each source with what programs put before its lines.
func TestGutters(t *testing.T) {
	names, texts := mixable()
	for i, text := range texts {
		text = strings.TrimPrefix(text, "\n")
		want, err := Parse(strings.NewReader(text), "x", "")
		if err != nil {
			t.Fatal(names[i], err)
		}
		for what, gutter := range gutters {
			if what == "diff" && strings.Contains(names[i], "damaged") { // a line that is damaged may be read in two ways
				continue
			}
			var b strings.Builder
			for n, line := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
				b.WriteString(gutter(n+1, line) + "\n")
			}
			got, err := Parse(strings.NewReader(b.String()), "x", "")
			if err != nil || !maps.Equal(values(got), values(want)) {
				t.Errorf("%s, %s: %v, %v", names[i], what, got.Notes, err)
			}
		}
	}
}

// TestGutterLines checks that lines keep their numbers, and what is no gutter.
func TestGutterLines(t *testing.T) {
	const state = "src 10.0.0.1 dst 10.0.0.2\n\tproto esp spi 0x11111111 reqid 1 mode transport\n\tenc cbc(aes) 0x" + hex16 + "\n"
	text := ""
	for n, line := range strings.Split(state, "\n") {
		text += fmt.Sprintf("\n%d:%s\n--\n", 10+n, line)
	}
	k, err := Parse(strings.NewReader(text), "x", "")
	if err != nil || len(k.ESP) != 1 || k.ESP[0].Origin.Line != 2 {
		t.Errorf("%v, %v", k, err)
	}
	for _, text := range []string{
		"2 src 10.0.0.1 dst 10.0.0.2\n1 \tproto esp spi 0x11111111 mode transport\n3 \tenc cbc(aes) 0x" + hex16 + "\n", // numbers fall
		"+src 10.0.0.1 dst 10.0.0.2\n\tproto esp spi mode transport\n+\tenc cbc(aes) 0x" + hex16 + "\n",                // not all
	} {
		if k, err := Parse(strings.NewReader(text), "x", ""); err == nil {
			t.Errorf("%q: %v", text, k)
		}
	}
}

// What has no keys is not read again for a header that the formats pass over.
func TestHeadersOfNoKeys(t *testing.T) {
	for _, log := range []string{
		"Nov 23 07:15:18 gw pluto[77]: | releasing whack\nNov 23 07:15:19 gw sshd[12]: session opened\n",
		"Nov 23 07:15:18 gw charon[812]: 07[IKE] IKE_SA vpn[1] established\nNov 23 07:15:19 gw charon[812]: 08[NET] sending packet\n",
		"2026-11-23 07:15:18.628 SoftEther VPN Server Version 5.01\n2026-11-23 07:15:18.629 The server has started.\n",
	} {
		k, last, _ := wholeText(strings.NewReader(log), "x", "")
		for range headers(last.gutterLines(), len(k.Notes) > 0) {
			t.Errorf("%q is read again", log)
		}
	}
}
