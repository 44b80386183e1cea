package keysrc

import (
	"encoding/json"
	"fmt"
	"html"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func lineByLine(f func(i int, line string) string) func([]string) string {
	return func(lines []string) string {
		var b strings.Builder
		for i, line := range lines {
			b.WriteString(f(i, line) + "\n")
		}
		return b.String()
	}
}

func quoteJSON(s string) string {
	b, _ := json.Marshal(s)
	return string(b)
}

func csvQuote(s string) string { return `"` + strings.ReplaceAll(s, `"`, `""`) + `"` }

// stamp is the time of line i.
func stamp(i int) string {
	return fmt.Sprintf("2026-11-23T07:%02d:%02d.%03d", 15+i/8000, i/20%60, i%20*50)
}

func syslogStamp(i int) string { return fmt.Sprintf("Nov 23 07:%02d:%02d", 15+i/8000, i/20%60) }

var wraps = []struct {
	name string
	wrap func([]string) string
}{
	{"plain", lineByLine(func(i int, l string) string { return l })},
	{"journal JSON", lineByLine(func(i int, l string) string {
		return fmt.Sprintf(`{"__REALTIME_TIMESTAMP":"%d","PRIORITY":"6","SYSLOG_IDENTIFIER":"vpn","MESSAGE":%s,"_PID":"12"}`, 1700000000000000+i*50000, quoteJSON(l))
	})},
	{"docker JSON", lineByLine(func(i int, l string) string {
		return fmt.Sprintf(`{"log":%s,"stream":"stderr","time":"%s000Z"}`, quoteJSON(l+"\n"), stamp(i))
	})},
	{"Elasticsearch JSON lines", lineByLine(func(i int, l string) string {
		return fmt.Sprintf(`{"_index":"logs","_source":{"@timestamp":"%sZ","host":{"name":"gw"},"message":%s}}`, stamp(i), quoteJSON(l))
	})},
	{"one message", func(l []string) string {
		return `{"cmd":"x","output":` + quoteJSON(strings.Join(l, "\n")) + `,"rc":0}` + "\n"
	}},
	{"one message, pretty", func(l []string) string {
		return "{\n  \"cmd\": \"x\",\n  \"output\": " + quoteJSON(strings.Join(l, "\n")+"\n") + ",\n  \"rc\": 0\n}\n"
	}},
	{"array of lines", func(l []string) string {
		b, _ := json.Marshal(map[string]any{"rc": 0, "stdout_lines": l})
		return string(b) + "\n"
	}},
	{"array of lines, pretty", func(l []string) string {
		b, _ := json.MarshalIndent(map[string]any{"rc": 0, "stdout_lines": l}, "", "  ")
		return string(b) + "\n"
	}},
	{"CSV", func(l []string) string {
		return "\"@timestamp\",\"host\",\"message\"\n" + lineByLine(func(i int, l string) string { return `"` + stamp(i) + `","gw",` + csvQuote(l) })(l)
	}},
	{"CSV, message first", func(l []string) string {
		return "message,time,host\n" + lineByLine(func(i int, l string) string { return csvQuote(l) + `,` + stamp(i) + `,gw` })(l)
	}},
	{"CSV, no heading", lineByLine(func(i int, l string) string { return `"` + stamp(i) + `","gw",` + csvQuote(l) })},
	{"CSV, semicolons", func(l []string) string {
		return "time;message\n" + lineByLine(func(i int, l string) string { return stamp(i) + `;` + csvQuote(l) })(l)
	}},
	{"TSV, plain", func(l []string) string {
		return "time\tmessage\n" + lineByLine(func(i int, l string) string { return stamp(i) + "\t" + strings.ReplaceAll(l, "\t", "    ") })(l)
	}},
	{"TSV, no heading", lineByLine(func(i int, l string) string { return stamp(i) + "\t" + strings.ReplaceAll(l, "\t", "    ") })},
	{"br", lineByLine(func(i int, l string) string { return html.EscapeString(l) + "<br>" })},
	{"br, one line", func(l []string) string {
		return "<html><body>" + html.EscapeString(strings.Join(l, "\n")) + "</body></html>\n"
	}},
	{"pre", func(l []string) string {
		return "<html>\n<body><pre>" + html.EscapeString(strings.Join(l, "\n")) + "</pre></body>\n</html>\n"
	}},
	{"table", lineByLine(func(i int, l string) string { return "<tr><td>" + html.EscapeString(l) + "</td></tr>" })},
	{"table of two", lineByLine(func(i int, l string) string {
		return `<tr class="odd"><td nowrap>` + stamp(i) + "</td><td>" + html.EscapeString(l) + "</td></tr>"
	})},
	{"table of two, own lines", lineByLine(func(i int, l string) string {
		return "<tr>\n  <td>" + stamp(i) + "</td>\n  <td>" + html.EscapeString(l) + "</td>\n</tr>"
	})},
	{"table of three", lineByLine(func(i int, l string) string {
		return `<tr><td>` + syslogStamp(i) + "</td><td>racoon</td><td>" + strings.ReplaceAll(html.EscapeString(l), "  ", "&nbsp;&nbsp;") + "</td></tr>"
	})},
	{"table of two, one line", func(l []string) string {
		return "<table>" + strings.ReplaceAll(lineByLine(func(i int, l string) string {
			return `<tr><td>` + stamp(i) + "</td><td>" + html.EscapeString(l) + "</td></tr>"
		})(l), "\n", "") + "</table>\n"
	}},
	{"quoted", lineByLine(func(i int, l string) string { return "> " + l })},
	{"quoted, >", lineByLine(func(i int, l string) string { return ">" + l })},
	{"quoted twice", lineByLine(func(i int, l string) string { return "> > " + l })},
	{"RFC 3164", lineByLine(func(i int, l string) string { return syslogStamp(i) + " gw vpn[812]: " + l })},
	{"RFC 3164, racoon", lineByLine(func(i int, l string) string { return "<31>" + syslogStamp(i) + " gw racoon[812]: " + l })},
	{"RFC 3164, no PID", lineByLine(func(i int, l string) string { return syslogStamp(i) + " gw root: " + l })},
	{"RFC 5424", lineByLine(func(i int, l string) string { return "<30>1 " + stamp(i) + "Z gw vpn 812 - - " + l })},
	{"RFC 5424, data", lineByLine(func(i int, l string) string {
		return "<30>1 " + stamp(i) + "Z gw vpn 812 ID1 [meta sequenceId=\"" + fmt.Sprint(i) + "\"] " + l
	})},
	{"ISO syslog", lineByLine(func(i int, l string) string { return stamp(i) + "+09:00 gw vpn[812]: " + l })},
	{"journalctl -o short-iso", lineByLine(func(i int, l string) string {
		return stamp(i)[:19] + "+0900 gw vpn[812]: " + l
	})},
	{"journalctl --no-hostname", lineByLine(func(i int, l string) string { return syslogStamp(i) + " vpn[812]: " + l })},
	{"docker stamps", lineByLine(func(i int, l string) string { return stamp(i) + "000000Z " + l })},
	{"kubernetes", lineByLine(func(i int, l string) string { return stamp(i) + "000000Z stderr F " + l })},
	{"compose", lineByLine(func(i int, l string) string { return "vpn-1  | " + l })},
	{"compose stamps", lineByLine(func(i int, l string) string { return "vpn-1  | " + stamp(i) + "000000Z " + l })},
}

// wrapped are sources to be wrapped: name and text.
func wrappable(t *testing.T) (names, texts []string) {
	names, texts = mixable()
	for _, file := range []string{
		"field/keys/b1-isakmpd-D", "field/keys/b3-ipsecctl-vvk", "field/keys/m12-with-key", "field/keys/racoon-with-key.log", "field/keys/r9-racoon-debug2-location",
		"field/keys/pluto-helper.log", "field/keys/pluto-bar-labels-repeated.log", "field/keys/pluto-bar-rows.log",
		"field/keys/j2-charon-systemd-o-cat",
		"field/keys/setkey-add.conf", "field/keys/tcpdump-E.txt", "field/keys/vpp-sa-add.txt", "field/keys/xfrm-state-add.sh",
		"captures/02-natt-aes256-sha1/charon-server.log", "captures/02-natt-aes256-sha1/router.log", "captures/02-natt-aes256-sha1/router-full.log",
		"captures/01-basic-aes128-sha1/xfrm-state.txt", "captures/15-libreswan-server/pluto-server.log",
	} {
		text, err := os.ReadFile("../testdata/" + file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(file, "pluto-server.log") {
			lines := strings.SplitAfter(string(text), "\n")
			text = []byte(strings.Join(lines[2480:2560], ""))
		}
		names, texts = append(names, file), append(texts, string(text))
	}
	if os.Getenv("FULL") != "" {
		for _, file := range []string{"39a-racoon-client-main/racoon-client.log", "43e-psk-racoon-aggressive/racoon-server.log", "39a-racoon-client-main/setkey-D-client.txt"} {
			text, err := os.ReadFile("/work/shared/captures/" + file)
			if err == nil {
				names, texts = append(names, file), append(texts, string(text))
			}
		}
	}
	return names, texts
}

var summaryLine = regexp.MustCompile(`(?m)^(ike|esp) \d+ `)

func keysOnly(k *Keys) string {
	var keep, notes []string
	for l := range strings.Lines(summaryLine.ReplaceAllString(summary(k), "$1 ")) {
		l = strings.TrimSuffix(l, "\n")
		if strings.HasPrefix(l, "ike") || strings.HasPrefix(l, "esp") {
			keep = append(keep, l)
		} else {
			notes = append(notes, l)
		}
	}
	slices.Sort(keep)
	return strings.Join(keep, "\n")
}

func TestWrapped(t *testing.T) {
	names, texts := wrappable(t)
	for i, text := range texts {
		text = strings.TrimRight(text, "\n")
		want, err := Parse(strings.NewReader(text+"\n"), "x", "")
		if err != nil {
			t.Errorf("%s: %v", names[i], err)
			continue
		}
		lines := strings.Split(text, "\n")
		for _, w := range wraps {
			if os.Getenv("WRAP") != "" && !strings.Contains(w.name, os.Getenv("WRAP")) {
				continue
			}
			wrapped := w.wrap(lines)
			if os.Getenv("NEWEST") != "" {
				parts := strings.SplitAfter(wrapped, "\n")
				parts = parts[:len(parts)-1]
				if h := strings.ToLower(parts[0]); len(parts) > 1 && strings.Contains(h, "message") && strings.Contains(h, "time") && !strings.Contains(h, "{") {
					slices.Reverse(parts[1:])
				} else {
					slices.Reverse(parts)
				}
				wrapped = strings.Join(parts, "")
			}
			if strings.Contains(names[i], "charon-systemd") {
				wrapped = strings.NewReplacer("vpn[812]", "charon-systemd[812]", "racoon[812]", "charon-systemd[812]", "root:", "charon-systemd:", "gw vpn 812", "gw charon-systemd 812").Replace(wrapped)
			}
			got, err := Parse(strings.NewReader(wrapped), "x", "")
			if err != nil && isNoKeys(err) {
				t.Errorf("%-40s %-25s LOST ALL %.100s", names[i], w.name, err)
				continue
			}
			if a, b := keysOnly(got), keysOnly(want); a != b {
				t.Errorf("%-40s %-25s DIFF", names[i], w.name)
				for l := range strings.SplitSeq(a, "\n") {
					if !strings.Contains(b, l) {
						t.Errorf("INVENTED %s %s %.200s", names[i], w.name, l)
					}
				}
				if os.Getenv("V") != "" {
					t.Errorf("got\n%s\nwant\n%s\n%v", a, b, got.Notes)
				}
			} else if a, b := len(got.Notes), len(want.Notes); a != b {
				t.Errorf("%-40s %-25s notes %v want %v", names[i], w.name, got.Notes, want.Notes)
			}
		}
	}
}
