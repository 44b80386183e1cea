package keysrc

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
)

// quoteLogfmt is a value of logfmt.
func quoteLogfmt(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\t", `\t`).Replace(s) + `"`
}

// paged puts a prompt of a pager before each fifth line.
func paged(prompt, end string) func([]string) string {
	return lineByLine(func(i int, l string) string {
		if i%5 == 4 {
			return prompt + l + end
		}
		return l + end
	})
}

// forms are what terminals, chats and exports of other forms make of a log.
var forms = []struct {
	name string
	wrap func([]string) string
}{
	{"logfmt", lineByLine(func(i int, l string) string {
		return `time="` + stamp(i) + `Z" level=debug msg=` + quoteLogfmt(l)
	})},
	{"Influx", lineByLine(func(_ int, l string) string {
		return "syslog,host=gw message=" + quoteLogfmt(l) + " 1700000000000000000"
	})},
	{"Fluent Bit", lineByLine(func(i int, l string) string {
		return fmt.Sprintf(`[%d] vpn: [1700000000.%09d, {"log"=>%s}]`, i, i, quoteJSON(l))
	})},
	{"Logstash", lineByLine(func(_ int, l string) string {
		return "{\n    \"@timestamp\" => 2026-11-23T07:15:18.000Z,\n       \"message\" => " + quoteLogfmt(l) + ",\n          \"host\" => \"gw\"\n}"
	})},
	{"Windows' event viewer", func(l []string) string {
		return "\"Level\",\"Date and Time\",\"Source\",\"Event ID\",\"Task Category\"\n" +
			lineByLine(func(_ int, l string) string { return "Information,11/23/2026 7:15:18 AM,VPN,1,None," + csvQuote(l) })(l)
	}},
	{"wevtutil", lineByLine(func(i int, l string) string {
		return "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System><TimeCreated SystemTime='" + stamp(i) +
			"Z'/></System><EventData><Data>" + html.EscapeString(l) + "</Data></EventData></Event>"
	})},
	{"Synology CSV", func(l []string) string {
		return "\"Level\",\"Log\",\"Time\",\"User\",\"Event\"\n" +
			lineByLine(func(_ int, l string) string {
				return `"Info","Connection","2026/11/23 07:15:18","SYSTEM",` + csvQuote(l)
			})(l)
	}},
	{"CSV, quotes where needed", func(l []string) string {
		return "Date;Source;Data\n" + lineByLine(func(_ int, l string) string {
			if strings.ContainsAny(l, `";`) {
				l = csvQuote(l)
			}
			return "23.11.2026 07:15:18;gw;" + l
		})(l)
	}},
	{"asciinema", func(l []string) string {
		out := "{\"version\": 2, \"width\": 120, \"height\": 40}\n"
		text := strings.Join(l, "\r\n") + "\r\n\x1b[?2004hroot@gw:~# "
		for i := 0; len(text) > 0; i++ {
			n := min(len(text), 1+i*37%211)
			for n < len(text) && text[n]&0xc0 == 0x80 { // of a character
				n++
			}
			event, _ := json.Marshal([]any{float64(i) / 100, "o", text[:n]})
			out += string(event) + "\n"
			text = text[n:]
		}
		return out
	}},
	{"pager, backspaces", paged("--More--"+strings.Repeat("\b", 8)+"        "+strings.Repeat("\b", 8), "\r")},
	{"pager, CR", paged("--More--\r        \r", "\r")},
	{"pager, Japanese", paged("---つづく---\r           \r", "\r")},
	{"pager, cleared", paged("\x1b[7m--More--\x1b[27m\x1b[8D\x1b[K", "\r")},
	{"pager, RouterOS", paged("-- [Q quit|D dump|down]\r                       \r", "\r")},
	{"pager, less", paged(":\n", "")},
	{"pager, less -M", paged("lines 20-24/340 7%\n", "")},
	{"pager, a line", paged("--More--(42%)\n", "")},
	{"Slack, fences", func(l []string) string { return "Alice  [7:15 AM]\n```" + strings.Join(l, "\n") + "```\nthanks\n" }},
	{"BBCode", func(l []string) string { return "[CODE=text]" + strings.Join(l, "\n") + "[/CODE]\n" }},
	{"double-spaced", lineByLine(func(_ int, l string) string { return l + "\n" })},
	{"compose, a name", lineByLine(func(_ int, l string) string { return "strongswan  | " + l })},
	{"stamps and labels before docker's JSON", lineByLine(func(_ int, l string) string {
		return `2026-11-23T07:15:18.123456789Z {job="vpn"} {"log": ` + quoteJSON(l+"\n") + `, "stream": "stdout"}`
	})},
	{"Kubernetes, CSV", lineByLine(func(_ int, l string) string {
		return `2026-11-23T07:15:18.123456789Z stdout F "2026-11-23 07:15:18","vpn",` + csvQuote(l)
	})},
	{"LINE, messages of four lines", func(l []string) string {
		b := "[LINE] Chat history\n\n2026/11/23(Mon)\n"
		for part := range slices.Chunk(l, 4) {
			b += "08:15\tSato\t\"" + strings.ReplaceAll(strings.Join(part, "\n"), `"`, `""`) + "\"\n"
		}
		return b
	}},
	{"WhatsApp, messages of seven lines", func(l []string) string {
		b := ""
		for part := range slices.Chunk(l, 7) {
			b += "23/11/2026, 08:15 - Sato: " + strings.Join(part, "\n") + "\n"
		}
		return b
	}},
	{"GitHub Actions", lineByLine(func(i int, l string) string { return stamp(i) + "0000Z " + l })},
}

// lossy are the sources that lose keys in a form, and say so.
var lossy = map[string]bool{
	"charon/two threads, pager, backspaces":               true,
	"charon/two threads, pager, cleared":                  true,
	"softether/debug output, CSV, quotes where needed":    true,
	"softether/several clients, CSV, quotes where needed": true,
	"fortigate/gateway list, CSV, quotes where needed":    true,

	"softether/several clients, WhatsApp, messages of seven lines":   true,
	"fortigate/gateway list, stamps and labels before docker's JSON": true,
}

// TestForms: every format in every such form gives what it gives without.
func TestForms(t *testing.T) {
	names, texts := wrappable(t)
	for i, text := range texts {
		if strings.Contains(names[i], "damaged") {
			continue
		}
		text = strings.TrimRight(text, "\n")
		k, err := Parse(strings.NewReader(text+"\n"), "x", "")
		if err != nil {
			t.Fatal(names[i], err)
		}
		want := values(k)
		for _, f := range forms {
			got, err := Parse(strings.NewReader(f.wrap(strings.Split(text, "\n"))), "x", "")
			if keys := values(got); !maps.Equal(keys, want) && !(lossy[names[i]+", "+f.name] && (err != nil || len(got.Notes) > 0)) {
				t.Errorf("%s, %s: %d values of %d, %v, %v", names[i], f.name, len(keys), len(want), got.Notes, err)
			}
		}
	}
}

// TestFenceBeforeTheFirstValue: it is missed though nothing else is damaged.
func TestFenceBeforeTheFirstValue(t *testing.T) {
	text, err := os.ReadFile("../testdata/field/keys/r-dlink")
	if err != nil {
		t.Fatal(err)
	}
	bare, err := Parse(bytes.NewReader(text), "x", "")
	if err != nil {
		t.Fatal(err)
	}
	fenced := "```" + strings.TrimSpace(string(text)) + "```"
	got, err := Parse(strings.NewReader(fenced), "x", "")
	if err != nil || len(values(bare)) != 5 || !maps.Equal(values(got), values(bare)) {
		t.Error(len(values(got)), len(values(bare)), err)
	}
}

// TestSheets: Wireshark's tables as spreadsheets and wikis have them. A row of which a column is
// lost is told.
func TestSheets(t *testing.T) {
	esp := []string{"IPv4", "203.0.113.1", "*", "0x0a1b2c3d", "AES-CBC [RFC3602]", "0x91b1c1d1e1f1a1b1c1d1e1f1a1b1c1d1",
		"HMAC-SHA-1-96 [RFC2404]", "0x92b2c2d2e2f2a2b2c2d2e2f2a2b2c2d2e2f2a2b2"}
	ike := []string{"831d33d46e20f8e6", "94d5eabc78ae740b47258300f8de371e"}
	for _, row := range [][]string{esp, ike} {
		want, err := Parse(strings.NewReader(strings.Join(row, ",")+"\n"), "x", "")
		if err != nil {
			t.Fatal(err)
		}
		for _, form := range []struct{ before, comma, end string }{
			{"", ";", ""}, {"", "\t", ""}, {"", "|", ""}, {"sep=;\r\n", ";", ";;\r"}, {"", " , ", ""},
			{"| A | B |\n|---|---|\n| ", " | ", " |"}, {"", `";"`, ""},
		} {
			quote := ""
			if strings.HasPrefix(form.comma, `"`) {
				quote = `"`
			}
			text := form.before + quote + strings.Join(row, form.comma) + quote + form.end + "\n"
			got, err := Parse(strings.NewReader(text), "x", "")
			if !maps.Equal(values(got), values(want)) {
				t.Errorf("%q: %d of %d, %v", text, len(values(got)), len(values(want)), err)
			}
		}
	}
	keys, _ := Parse(strings.NewReader(strings.Join(esp, ";")+"\n"+strings.Join(esp[:5], ";")+"\n"), "x", "")
	if len(keys.ESP) != 1 || len(keys.Notes) != 1 || keys.Notes[0].Line != 2 {
		t.Error(len(keys.ESP), keys.Notes)
	}
}

// TestFormsWithoutALine: a line that is lost in such a form is not made up for.
func TestFormsWithoutALine(t *testing.T) {
	names, texts := mixable()
	for i, text := range texts {
		k, err := Parse(strings.NewReader(text), "x", "")
		if err != nil {
			t.Fatal(names[i], err)
		}
		lines := strings.Split(text, "\n")
		for at := range lines {
			less := append(append([]string(nil), lines[:at]...), lines[at+1:]...)
			bare, _ := Parse(strings.NewReader(strings.Join(less, "\n")), "x", "")
			may := values(bare)
			for v := range values(k) {
				may[v] = true
			}
			for _, f := range forms {
				got, _ := Parse(strings.NewReader(f.wrap(less)), "x", "")
				if len(got.Notes) > 0 { // it is told
					continue
				}
				for v := range values(got) {
					if !may[v] {
						t.Errorf("%s, %s, without line %d: %.16s…", names[i], f.name, at+1, v)
					}
				}
			}
		}
	}
}

// TestQuotations checks how a line is taken apart.
func TestQuotations(t *testing.T) {
	for line, want := range map[string]string{
		`a="b" c=d msg="say \"x\"\ty"`:   "a=|b msg=|say \"x\"\ty",
		`"a","b ""c""",""`:               `|a |b "c" |`,
		`{"log"=>"x\\y"}`:                `|log "log"=>|x\y`,
		`"message" => "x",`:              `|message "message"=>|x`,
		`['it', "isn't"]`:                `|it |isn't`,
		`it isn't "quoted`:               ``,
		`("quoted \`:                     `|quoted \`,
		`<e><d>a &lt; b</d></e>`:         `d|a < b`,
		`<e>not closed`:                  ``,
		"`code`":                         `|code`,
		`""`:                             `|`,
		`x="` + strings.Repeat("a", 300): `x=|` + strings.Repeat("a", 300),
	} {
		var got []string
		for _, q := range quotations([]byte(line)) {
			got = append(got, string(q.name)+"|"+string(q.text))
		}
		if s := strings.Join(got, " "); s != want {
			t.Errorf("%s: %q, want %q", line, s, want)
		}
	}
}

func FuzzQuotations(f *testing.F) {
	f.Add([]byte(`a="b" <d>x</d> 'y'`))
	f.Add([]byte("IPv4;*;*;0x1;NULL;;NULL;"))
	f.Fuzz(func(t *testing.T, line []byte) {
		for _, q := range quotations(line) {
			if len(q.text) > len(line) {
				t.Fatal(len(q.text))
			}
		}
		overwritten(line)
		chatBegins(line)
		pagerPrompt.Find(line)
		if row, ok := sheetRow(line); ok && !matchESPRow(row) && !matchIKERow(row) {
			t.Fatalf("%q", row)
		}
	})
}

// TestItemsApart: of what the API of RouterOS gives the keys of an item whose first lines are lost
// do not go to the item before it, whose last lines are.
func TestItemsApart(t *testing.T) {
	const (
		first = "!re\n=.id=*1\n=spi=0x1a2b3c4d\n=src-address=10.0.0.2\n=dst-address=10.0.0.1\n"
		names = "=auth-algorithm=sha1\n=enc-algorithm=aes-cbc\n"
		auth  = "=auth-key=0102030405060708090a0b0c0d0e0f1011121314\n"
		enc   = "=enc-key=0102030405060708090a0b0c0d0e0f10\n"
		end   = "=enc-key-size=128\n!done\n"
	)
	for what, text := range map[string]string{
		"the next begins":       first + "!re\n" + names + auth + enc + end,
		"its beginning is lost": first + names + enc + auth + end,
	} {
		keys, err := Parse(strings.NewReader(text), "x", "")
		if err == nil || len(keys.ESP) > 0 {
			t.Errorf("%s: %d of ESP, %v", what, len(keys.ESP), err)
		}
	}
	if keys, err := Parse(strings.NewReader(first+names+auth+enc+end), "x", ""); err != nil || len(keys.ESP) != 1 {
		t.Errorf("whole: %d of ESP, %v", len(keys.ESP), err)
	}
}
