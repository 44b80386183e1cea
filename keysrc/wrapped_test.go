package keysrc

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"html"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"
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
	{"journalctl -o json-pretty", lineByLine(func(i int, l string) string {
		return fmt.Sprintf("{\n\t\"_PID\" : \"12\",\n\t\"MESSAGE\" : %s,\n\t\"__REALTIME_TIMESTAMP\" : \"%d\"\n}", quoteJSON(l), 1700000000000000+i*50000)
	})},
	{"journalctl -o export", lineByLine(func(i int, l string) string {
		return fmt.Sprintf("__CURSOR=s=1;i=%d\n__REALTIME_TIMESTAMP=%d\n_PID=12\nMESSAGE=%s\nPRIORITY=6\n", i, 1700000000000000+i*50000, l)
	})},
	{"journalctl -o verbose", lineByLine(func(i int, l string) string {
		return fmt.Sprintf("Mon 2026-11-23 07:%02d:%02d.%06d UTC [s=%d;i=1]\n    _PID=12\n    MESSAGE=%s\n    PRIORITY=6", 15+i/8000, i/20%60, i%20*50000, i, l)
	})},
	{"kubectl logs --prefix", lineByLine(func(i int, l string) string { return "[pod/vpn-0/vpn] " + l })},
	{"OPNsense's page", lineByLine(func(i int, l string) string {
		return "<tr><td>" + stamp(i)[:19] + `</td><td><strong>Debug</strong></td><td>vpn</td><td class="message">` + html.EscapeString(l) + `</td><td><i class="fa"></i></td></tr>`
	})},
	{"docker JSON", lineByLine(func(i int, l string) string {
		return fmt.Sprintf(`{"log":%s,"stream":"stderr","time":"%s000Z"}`, quoteJSON(l+"\n"), stamp(i))
	})},
	{"Elasticsearch JSON lines", lineByLine(func(i int, l string) string {
		return fmt.Sprintf(`{"_index":"logs","_source":{"@timestamp":"%sZ","host":{"name":"gw"},"message":%s}}`, stamp(i), quoteJSON(l))
	})},
	{"Elasticsearch, with fields", lineByLine(func(i int, l string) string {
		return fmt.Sprintf(`{"_source":{"@timestamp":"%[1]sZ","message":%[2]s,"host":{"name":"gw"}},"fields":{"@timestamp":["%[1]sZ"],"message":[%[2]s]}}`, stamp(i), quoteJSON(l))
	})},
	{"an array of lines", func(l []string) string {
		b, _ := json.Marshal(l)
		return string(b) + "\n"
	}},
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
	{"RFC 3164, priority", lineByLine(func(i int, l string) string { return "<31>" + syslogStamp(i) + " gw vpn[812]: " + l })},
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

// encodings are what an editor or a terminal makes of a text.
var encodings = []struct {
	name string
	wrap func([]string) string
}{
	{"CR LF", func(l []string) string { return strings.Join(l, "\r\n") + "\r\n" }},
	{"CR", func(l []string) string { return strings.Join(l, "\r") + "\r" }},
	{"no end", func(l []string) string { return strings.Join(l, "\n") }},
	{"byte order mark", func(l []string) string { return "\xef\xbb\xbf" + strings.Join(l, "\n") }},
	{"UTF-16", func(l []string) string { return "\xff\xfe" + wide(strings.Join(l, "\r\n"), binary.LittleEndian) }},
	{"UTF-16, big endian", func(l []string) string { return "\xfe\xff" + wide(strings.Join(l, "\n"), binary.BigEndian) }},
	{"UTF-16 without a mark", func(l []string) string { return wide(strings.Join(l, "\r\n")+"\r\n", binary.LittleEndian) }},
	{"colours", lineByLine(func(i int, l string) string { return "\x1b[0;32m" + l + "\x1b[0m" })},
	{"no-break spaces", lineByLine(func(i int, l string) string { return strings.ReplaceAll(l, " ", "\u00a0") })},
	{"gzip", func(l []string) string {
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		w.Write([]byte(strings.Join(l, "\n")))
		w.Close()
		return b.String()
	}},
}

func wide(s string, order binary.AppendByteOrder) string {
	var b []byte
	for _, c := range utf16.Encode([]rune(s)) {
		b = order.AppendUint16(b, c)
	}
	return string(b)
}

// wrappable are sources of all formats.
func wrappable(t *testing.T) (names, texts []string) {
	names, texts = mixable()
	for _, file := range []string{
		"field/keys/b1-isakmpd-D", "field/keys/b3-ipsecctl-vvk", "field/keys/m12-with-key",
		"field/keys/racoon-with-key.log", "field/keys/r9-racoon-debug2-location", "field/keys/pluto-helper.log",
		"field/keys/pluto-bar-labels-repeated.log", "field/keys/j2-charon-systemd-o-cat", "field/keys/setkey-add.conf",
		"field/keys/tcpdump-E.txt", "field/keys/vpp-sa-add.txt", "field/keys/xfrm-state-add.sh",
		"captures/02-natt-aes256-sha1/charon-server.log", "captures/02-natt-aes256-sha1/router-full.log",
		"captures/01-basic-aes128-sha1/xfrm-state.txt", "captures/15-libreswan-server/pluto-server.log",
	} {
		text, err := os.ReadFile("../testdata/" + file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(file, "pluto-server.log") { // the part that installs the SAs
			text = text[bytes.Index(text, []byte("ESP enckey"))-3000:]
			text = text[bytes.IndexByte(text, '\n')+1 : 12000]
		}
		names, texts = append(names, file), append(texts, string(text))
	}
	return names, texts
}

var placeOfKey = regexp.MustCompile(`(?m)^(ike|esp) \d+ `)

// foundIn is what a source holds, wherever it stands: keys, and how many values were left out.
func foundIn(k *Keys) (keys []string, damaged int) {
	for l := range strings.Lines(placeOfKey.ReplaceAllString(summary(k), "$1 ")) {
		switch l = strings.TrimSuffix(l, "\n"); {
		case strings.HasPrefix(l, "note "):
			damaged++
		case !strings.HasPrefix(l, "doubt "):
			keys = append(keys, l)
		}
	}
	slices.Sort(keys)
	return keys, damaged
}

// TestWrapped: every format in every wrapping gives what it gives without.
func TestWrapped(t *testing.T) {
	names, texts := wrappable(t)
	for i, text := range texts {
		text = strings.TrimRight(text, "\n")
		k, err := Parse(strings.NewReader(text+"\n"), "x", "")
		if err != nil {
			t.Errorf("%s: %v", names[i], err)
			continue
		}
		want, damaged := foundIn(k)
		for _, w := range slices.Concat(encodings, wraps, exports) {
			wrapped := w.wrap(strings.Split(text, "\n"))
			if strings.Contains(names[i], "charon-systemd") { // whose name stands in the headers
				wrapped = strings.NewReplacer("vpn[812]", "charon-systemd[812]", "root:", "charon-systemd:", "vpn 812", "charon-systemd 812").Replace(wrapped)
			}
			k, err := Parse(strings.NewReader(wrapped), "x", "")
			if err != nil {
				t.Errorf("%s, %s: %v", names[i], w.name, err)
				continue
			}
			if got, d := foundIn(k); !slices.Equal(got, want) || d != damaged {
				t.Errorf("%s, %s: got\n%s\nwant\n%s\n%v", names[i], w.name, strings.Join(got, "\n"), strings.Join(want, "\n"), k.Notes)
			}
		}
	}
}

// TestWrappedNewestFirst: the same with the newest line first. What holds no sign of its order may
// be lost, which is told; nothing is joined wrongly.
func TestWrappedNewestFirst(t *testing.T) {
	names, texts := wrappable(t)
	for i, text := range texts {
		k, err := Parse(strings.NewReader(text), "x", "")
		if err != nil {
			t.Fatal(err)
		}
		want, damaged := foundIn(k)
		short := strings.Contains(names[i], "/damaged") || slices.Contains(noOrder, names[i])
		for _, w := range wraps {
			wrapped := strings.SplitAfter(strings.TrimSuffix(w.wrap(strings.Split(strings.TrimRight(text, "\n"), "\n")), "\n"), "\n")
			wrapped[len(wrapped)-1] += "\n"
			head := 0
			if strings.Contains(wrapped[0], "message") && strings.Contains(wrapped[0], "time") && wrapped[0][0] != '{' {
				head = 1 // it stays the first
			}
			slices.Reverse(wrapped[head:])
			reversed := strings.Join(wrapped, "")
			if strings.Contains(names[i], "charon-systemd") { // whose name stands in the headers
				reversed = strings.NewReplacer("vpn[812]", "charon-systemd[812]", "root:", "charon-systemd:", "vpn 812", "charon-systemd 812").Replace(reversed)
			}
			k, err := Parse(strings.NewReader(reversed), "x", "")
			got, d := foundIn(k)
			switch {
			case err == nil && slices.Equal(got, want) && d == damaged:
			case !short:
				t.Errorf("%s, %s: got\n%s\nwant\n%s\n%v, %v", names[i], w.name, strings.Join(got, "\n"), strings.Join(want, "\n"), k.Notes, err)
			case err == nil && d == 0:
				t.Errorf("%s, %s: lost in silence", names[i], w.name)
			case slices.ContainsFunc(got, func(s string) bool { return !slices.Contains(want, s) }):
				t.Errorf("%s, %s: invented: got\n%s\nwant\n%s\n%v", names[i], w.name, strings.Join(got, "\n"), strings.Join(want, "\n"), k.Notes)
			}
		}
	}
}

// noOrder are sources of a few lines that hold no sign of their order if their times are all the
// same.
var noOrder = []string{
	"pluto/old strongswan in syslog", "charon/initiator without seeds", "charon/characters like digits", "racoon/syslog",
	"racoon/cookies afterwards", "pluto/keymat alone", "mikrotik/version 2.9, cut",
}

// A stream that is read in pieces of many lines, which are searched for signs of wrappings at once,
// gives what it gives line by line.
func TestPiecesAndLines(t *testing.T) {
	names, texts := wrappable(t)
	logs := routerLogs(t)
	names, texts = append(names, "yamaha"), append(texts, logs["02/router-full.log"])
	for i, text := range texts {
		for _, w := range wraps {
			// A router's lines stand before it, so that they are known when the wrapping comes.
			wrapped := logs["02/router.log"] + w.wrap(strings.Split(strings.TrimRight(text, "\n"), "\n"))
			var pieces, lines Keys
			p, _ := NewStream("x", "", pieces.add)
			if _, err := p.ReadFrom(strings.NewReader(wrapped)); err != nil {
				t.Fatal(err)
			}
			p.Close()
			l, _ := NewStream("x", "", lines.add)
			for line := range strings.Lines(wrapped) {
				l.Line([]byte(line))
			}
			l.Close()
			if got, want := summary(&pieces), summary(&lines); got != want || want == "" {
				t.Errorf("%s, %s: in pieces\n%s\nline by line\n%s", names[i], w.name, got, want)
			}
		}
	}
}
