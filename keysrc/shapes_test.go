package keysrc

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"
)

// TestShapes: what an editor, a page or a terminal made of a source changes none of its keys.
func TestShapes(t *testing.T) {
	utf16le := func(s string) string {
		var b []byte
		for _, c := range utf16.Encode([]rune("\ufeff" + s)) {
			b = binary.LittleEndian.AppendUint16(b, c)
		}
		return string(b)
	}
	newestFirst := func(s string) string {
		lines := strings.Split(strings.TrimSuffix(s, "\n"), "\n")
		slices.Reverse(lines)
		return strings.Join(lines, "\n") + "\n"
	}
	each := func(before, after string) func(string) string {
		return func(s string) string {
			return before + strings.ReplaceAll(strings.TrimSuffix(s, "\n"), "\n", after+"\n"+before) + after + "\n"
		}
	}
	for _, c := range []struct {
		file, what string
		change     func(string) string
	}{
		{"y41b-detail-jp-keys-utf8", "UTF-16", utf16le},
		{"m12-with-key", "newest first", newestFirst},
		{"x04-screen-hardcopy-80", "indented", each("    ", "")},
		{"x04-screen-hardcopy-80", "padded", each("", "      ")},
		{"x04-screen-hardcopy-80", "in a table", each("<tr><td>", "</td></tr>")},
		{"j2-charon-systemd-o-cat", "a table of tabs", func(s string) string {
			return "\"time\"\t\"message\"\n" + each("\"07:15:18\"\t\"", "\"")(strings.ReplaceAll(s, `"`, `""`))
		}},
		{"r-dlink", "a container's log", each("2026-11-23T07:15:18.123456789Z stdout F ", "")},
		{"r-dlink", "a table", func(s string) string { return "time,message\n" + each("\"07:15:18\",\"", "\"")(s) }},
		{"r-dlink", "a table without a heading", each("2026-11-23 07:15:18;gw;\"", "\"")},
		{"x18-docker-logs-ts", "double-spaced", each("", "\n")},
		{"b3-ipsecctl-vvk", "a text field", func(s string) string { return "<textarea>" + s + "</textarea>" }},
	} {
		text, err := os.ReadFile("../testdata/field/keys/" + c.file)
		if err != nil {
			t.Fatal(err)
		}
		want, err := Parse(bytes.NewReader(text), "x", "")
		if err != nil {
			t.Fatal(err)
		}
		got, err := Parse(strings.NewReader(c.change(string(text))), "x", "")
		if err != nil {
			t.Errorf("%s, %s: %v", c.file, c.what, err)
			continue
		}
		noLines(got)
		noLines(want)
		sameKeys(t, c.file+", "+c.what, got, want)
	}
}

// TestExportNewestFirst: the messages of an export, in one line or in many, come in either order.
func TestExportNewestFirst(t *testing.T) {
	type entry struct {
		Source map[string]string `json:"_source"`
	}
	for _, file := range []string{
		"field/keys/b1-isakmpd-D", "field/keys/m12-with-key", "field/keys/r-dlink",
		"field/keys/j2-charon-systemd-o-cat", "captures/02-natt-aes256-sha1/charon-server.log",
		"captures/01-basic-aes128-sha1/router.log",
	} {
		text, err := os.ReadFile("../testdata/" + file)
		if err != nil {
			t.Fatal(err)
		}
		want, err := Parse(bytes.NewReader(text), "x", "")
		if err != nil {
			t.Fatal(err)
		}
		noLines(want)
		for _, newest := range []bool{false, true} {
			var hits []entry
			for i, line := range strings.Split(string(text), "\n") {
				stamp := fmt.Sprintf("2026-11-23T07:13:%02d.%03dZ", i/1000, i%1000)
				hits = append(hits, entry{map[string]string{"@timestamp": stamp, "message": line}})
			}
			if newest {
				slices.Reverse(hits)
			}
			export := map[string]any{"hits": map[string]any{"hits": hits}}
			one, _ := json.Marshal(export)
			many, _ := json.MarshalIndent(export, "", "  ")
			array, _ := json.Marshal(hits)
			for i, data := range [][]byte{one, many, array} {
				got, err := Parse(bytes.NewReader(data), "x", "")
				if err != nil {
					t.Errorf("%s, newest first %v, %d: %v", file, newest, i, err)
					continue
				}
				noLines(got)
				sameKeys(t, fmt.Sprintf("%s, newest first %v, %d", file, newest, i), got, want)
			}
		}
	}
}

// noLines forgets where keys were found.
func noLines(k *Keys) {
	for _, s := range k.ESP {
		s.Origin.Line = 0
	}
	for _, s := range k.IKE {
		s.Origin.Line, s.Origins = 0, nil
	}
}

// TestArchiveOfMac: beside the file such an archive holds what the system knows of it.
func TestArchiveOfMac(t *testing.T) {
	text, err := os.ReadFile("../testdata/field/keys/x10-state-add-1line")
	if err != nil {
		t.Fatal(err)
	}
	var archive bytes.Buffer
	w := zip.NewWriter(&archive)
	for name, data := range map[string][]byte{
		"logs/": nil, "logs/vpn.log": text, "__MACOSX/logs/._vpn.log": []byte("\x00\x05\x16\x07\x00\x02\x00\x00Mac OS X"),
	} {
		f, err := w.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		f.Write(data)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if k, err := Parse(&archive, "x", ""); err != nil || len(k.ESP) != 2 {
		t.Errorf("%+v, %v", k, err)
	}
}

// TestBrokenCommand: where a terminal or a mail broke a command of ip at its width, it is put
// together; at these other widths no key comes of it.
func TestBrokenCommand(t *testing.T) {
	text, err := os.ReadFile("../testdata/field/keys/x10-state-add-1line")
	if err != nil {
		t.Fatal(err)
	}
	want, err := Parse(bytes.NewReader(text), "x", "")
	if err != nil {
		t.Fatal(err)
	}
	noLines(want)
	for width := 40; width <= 110; width++ {
		var broken strings.Builder
		for line := range strings.Lines(string(text)) {
			for ; len(line) > width+1; line = line[width:] {
				broken.WriteString(line[:width] + "\n")
			}
			broken.WriteString(line)
		}
		got, err := Parse(strings.NewReader(broken.String()), "x", "")
		if width >= minTorn && width <= maxTorn {
			noLines(got)
			sameKeys(t, fmt.Sprint("width ", width), got, want)
		} else if err == nil || strings.Contains(err.Error(), "no keys yet") || len(got.ESP) > 0 {
			t.Errorf("width %d: %d keys, %v", width, len(got.ESP), err)
		}
	}
	// A whole command is no part of what follows.
	whole := fmt.Sprintf("ip xfrm state add proto esp spi 0x1 enc 'cbc(des)' 0x%016x", 0x1234567890abcdef)
	whole += strings.Repeat(" ", 76-len(whole)) + "\necho done\n"
	if got, err := Parse(strings.NewReader(whole), "x", ""); err != nil || len(got.ESP) != 1 || got.ESP[0].Key.Len() != 8 {
		t.Errorf("%+v, %v", got, err)
	}
}

// TestLongExport: an export or a page in one line that is longer than any line of a log.
func TestLongExport(t *testing.T) {
	text, err := os.ReadFile("../testdata/captures/02-natt-aes256-sha1/charon-server.log")
	if err != nil {
		t.Fatal(err)
	}
	want, err := Parse(bytes.NewReader(text), "x", "")
	if err != nil {
		t.Fatal(err)
	}
	noLines(want)
	type hit struct {
		Source map[string]string `json:"_source"`
		Sort   []int             `json:"sort"`
	}
	var lines []string
	var hits []hit
	for i, line := range slices.Concat(slices.Repeat([]string{`{}, "},{"`}, 9000), strings.Split(string(text), "\n"),
		slices.Repeat([]string{`<b> \},`}, 9000)) {
		lines = append(lines, line)
		hits = append(hits, hit{map[string]string{"message": line}, []int{i}})
	}
	export, _ := json.Marshal(map[string]any{"took": 5, "hits": hits})
	value, _ := json.Marshal(map[string]any{"result": strings.Join(lines, "\n")})
	page := strings.Join(lines, "<br>")
	for _, data := range []string{string(export), string(value), page, strings.Join(lines, "</td></tr><tr><td>")} {
		if len(data) < maxLine || strings.Contains(data, "\n") {
			t.Fatal("no long line")
		}
		got, err := Parse(strings.NewReader(data+"\n\n"), "x", "")
		if err != nil {
			t.Errorf("%.40s: %v", data, err)
			continue
		}
		for _, s := range got.IKE {
			if s.Origin.Line != 1 {
				t.Errorf("%.40s: %s", data, s.Origin)
			}
		}
		noLines(got)
		sameKeys(t, data[:40], got, want)
	}
}

// TestCommandsInALine: where several commands stand in one line, at a prompt or behind ssh, no key
// is lost, and none is put to another's SPI.
func TestCommandsInALine(t *testing.T) {
	const one = `ip xfrm state add src 10.0.0.1 dst 10.0.0.2 proto esp spi 0x11111111 enc "cbc(aes)" 0x00112233445566778899aabbccddeeff`
	const two = `ip xfrm state add src 10.0.0.2 dst 10.0.0.1 proto esp spi 0x22222222 enc "cbc(aes)" 0xffeeddccbbaa99887766554433221100`
	for text, want := range map[string]int{
		one + " && " + two:                                         2,
		one + "; " + two + ";":                                     2,
		"if true; then " + one + "; fi; " + two:                    2,
		"root@gw:~# " + one + " || exit 1":                         1,
		"ssh root@gw '" + one + "'":                                1,
		"ssh root@gw '" + one + "; " + two + "'":                   2,
		`ssh root@gw "` + strings.ReplaceAll(one, `"`, `\"`) + `"`: 1,
	} {
		got, err := Parse(strings.NewReader(text+"\n"), "x", "")
		if err != nil || len(got.ESP) != want || len(got.Notes) > 0 {
			t.Errorf("%s: %+v, %v", text, got, err)
			continue
		}
		for _, s := range got.ESP {
			if first := s.Key.Bytes()[0]; s.SPI == 0x11111111 != (first == 0) {
				t.Errorf("%s: SPI %#x has the key of the other", text, s.SPI)
			}
		}
	}
	half := strings.Replace(two, `enc "cbc(aes)"`, `auth "hmac(sha1)"`, 1)
	got, _ := Parse(strings.NewReader(one+" && "+half+"\n"), "x", "")
	if len(got.ESP) != 1 || got.ESP[0].SPI != 0x11111111 || got.ESP[0].AuthKey.Len() != 0 || len(got.Notes) != 1 {
		t.Errorf("%+v", got)
	}
}
