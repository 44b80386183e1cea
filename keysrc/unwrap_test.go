package keysrc

import (
	"slices"
	"strings"
	"testing"
)

// What stands in a wrapping comes out as it was; what is in none stays.
func TestUnwrap(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"[IKE] CKY-I", "[IKE] CKY-I"},
		{"> >> src 192.0.2.1 dst 192.0.2.2", "src 192.0.2.1 dst 192.0.2.2"},
		{"> show log", "> show log"},
		{`{"log":"a \"b\" \u0026\n","stream":"stderr"}`, `a "b" &`},
		{`{"hits":[{"_source":{"message":"one\ntwo"}},{"fields":{"message":["three"]}}]}`, "one|two|three"},
		{`{"MESSAGE":[79,110,101]}`, "One"},
		{"\x1e{\"MESSAGE\":\"one\"}\ndata: {\"MESSAGE\":\"two\"}", "one|two"},
		{"{\n\"MESSAGE\" : \"one\",\n}", "{|one"},
		{`{"spi":"0x1","enc-algorithm":"aes","enc-key":"00"}`, `0 E spi=0x1 enc-algorithm=aes enc-key="00"`},
		{"{\n\"spi\": \"0x1\",\n\"enc-key\": \"00\",\n\"auth-key\": \"01\"\n}",
			`{|"spi": "0x1",|"enc-key": "00",|"auth-key": "01"|0 E spi=0x1 enc-key="00" auth-key="01"`},
		// A line between the two is lost.
		{"{\n\"spi\": \"0x1\",\n\"spi\": \"0x2\",\n\"enc-key\": \"00\",\n\"auth-key\": \"01\"\n}",
			`{|"spi": "0x1",|"spi": "0x2",|"enc-key": "00",|"auth-key": "01"|}`},
		{"\"time\",\"message\",\"host\"\n\"07:15:18\",\"a \"\"b\"\"\",\"gw\"", `a "b"`},
		{"\"time\",\"message\",\"host\"\n\"07:15:18\",\"one\n two, \"\"b\"\"\n three\",\"gw\"", `one| two, ""b""| three`},
		{`"2026-11-23 07:15:18";"[IKE] SPI"`, "2026-11-23 07:15:18 [IKE] SPI"},
		{`"IPv4","*","*","0x1a2b3c4d","NULL","","NULL",""`, `"IPv4","*","*","0x1a2b3c4d","NULL","","NULL",""`},
		{"<tr><td>one</td><td class=x>SKEYID_e =&gt;&nbsp;20&#32;bytes</td></tr><br/>two", "one SKEYID_e => 20 bytes|two"},
		{"13[IKE] <l2tp|1> a<b & c; d", "13[IKE] <l2tp|1> a<b & c; d"},
		{"gw racoon: DEBUG: #01200ff#011x #013", "gw racoon: DEBUG: |00ff\tx #013"},
		{"\u201ca\u2019 \u2013", `"a' ` + "\u2013"},
		{`tshark -o "uat:esp_sa:\"IPv4\",\"*\",\"*\",\"1\",\"\"" -r x`, `"IPv4","*","*","1",""`},
		{`-o 'uat:esp_sa:"IPv4","*","*","1",""' -o 'uat:esp_sa:"IPv6","*","*","2",""' -o 'uat:user_dlts:"x"'`,
			`"IPv4","*","*","1",""|"IPv6","*","*","2",""`},
		{"2026-11-27T12:00:00.000000000Z stdout F \tproto esp", "\tproto esp"},
		{"2026-11-27T12:00:00Z [IKE] SPI", "2026-11-27T12:00:00Z [IKE] SPI"},
		{"\"time\"\t\"message\"\n\"07:15:18\"\t\"one\"", "one"},
		{"<textarea rows=\"9\">src 192.0.2.1 dst 192.0.2.2", "src 192.0.2.1 dst 192.0.2.2"},
		{"vpn-1  | DEBUG: x", "DEBUG: x"},
		{"<13>Nov 23 07:15:18 gw xfrm[1]: src 192.0.2.1 dst 192.0.2.2\nNov 23 07:15:18 gw xfrm[1]: \tenc cbc(aes) 0x00\nNov 23 07:15:18 gw cron[2]: \tenc x",
			"src 192.0.2.1 dst 192.0.2.2|\tenc cbc(aes) 0x00|Nov 23 07:15:18 gw cron[2]: \tenc x"},
		{"<13>1 2026-11-23T07:15:18Z gw xfrm 12 - [a b=\"c\"] \tproto esp spi 0x1", "\tproto esp spi 0x1"},
		{"2026-11-23 07:15:18 gw root: 192.0.2.1 192.0.2.2", "192.0.2.1 192.0.2.2"},
		{"Nov 23 07:15:18 a x[1]: proto esp spi 0x1\nNov 23 07:15:18 b x[1]: proto esp spi 0x2\nNov 23 07:15:18 a x[1]: enc y",
			"proto esp spi 0x1||proto esp spi 0x2|Nov 23 07:15:18 a x[1]: enc y"},
		{"Nov 23 07:15:18 gw racoon: DEBUG: x", "Nov 23 07:15:18 gw racoon: DEBUG: x"},
		{"| enc key:  00 11", "| enc key:  00 11"},
	} {
		var u unwrapper
		var got []string
		for line := range strings.Lines(c.text) {
			u.entries([]byte(strings.TrimSuffix(line, "\n")), func(depth int, text []byte) {
				u.split(depth, text, func(inner []byte) { got = append(got, string(inner)) })
			})
		}
		if want := strings.Split(c.want, "|"); !slices.Equal(got, want) && c.text != c.want {
			t.Errorf("%q: got %q, want %q", c.text, got, want)
		}
	}
}

// TestTooManyWrappings: what is in more wrappings than are taken off is told.
func TestTooManyWrappings(t *testing.T) {
	line := "14[IKE] SKEYID_e => 16 bytes @ 0x1"
	for range maxWrapped + 1 {
		line = `{"message":` + quoteJSON(line) + `}`
	}
	_, err := Parse(strings.NewReader(line+"\n"), "x", "")
	if err == nil || !strings.Contains(err.Error(), "more than 4 wrappings") {
		t.Error(err)
	}
}
