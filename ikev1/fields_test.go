package ikev1

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"
)

// checkFields checks that each text and number of a payload's fields is in the line that people
// get.
func checkFields(t testing.TB, p *Payload) {
	text, err := json.Marshal(p.fields())
	if err != nil {
		t.Fatal(err)
	}
	var fields map[string]any
	if err := json.Unmarshal(text, &fields); err != nil {
		t.Fatal(err)
	}
	delete(fields, "length")    // of the body: not where the contents are shown
	delete(fields, "malformed") // of which people get that word alone
	if b, err := p.parse(); b == nil || err != nil {
		return
	}
	line := p.detail()
	checkWithin(t, line, string(text), fields)
}

func checkWithin(t testing.TB, line, all string, value any) {
	switch value := value.(type) {
	case map[string]any:
		for name, v := range value {
			switch name {
			case "length", "data_length", "protocol", "port": // told as a part of a word, or where not all is told
				continue
			case "not_before", "not_after":
				v, _, _ = strings.Cut(v.(string), "T")
			}
			checkWithin(t, line, all, v)
		}
	case []any:
		for _, v := range value {
			checkWithin(t, line, all, v)
		}
	case string:
		// The line has bytes that are no UTF-8 and NULs at the end as they are, and long names cut.
		known, _, _ := strings.Cut(value, "\ufffd")
		quoted := strconv.QuoteToASCII(known)
		quoted = quoted[:min(len(quoted)-1, 200)]
		if !strings.Contains(line, known) && !strings.Contains(line, quoted) {
			t.Errorf("%q is not in %s\n%s", value, line, all)
		}
	case float64:
		if !strings.Contains(line, fmt.Sprintf("%.0f", value)) {
			t.Errorf("%v is not in %s\n%s", value, line, all)
		}
	}
}

// TestFieldsOfCaptures: programs are told nothing else than people, of all payloads in clear.
func TestFieldsOfCaptures(t *testing.T) {
	checked := 0
	for _, name := range []string{"02-natt-aes256-sha1/outer.pcap", "07-aggressive-psk/outer.pcap", "08-rsa-ipfrag/outer.pcap"} {
		for _, m := range isakmpMessages(t, name) {
			h, err := ParseHeader(m.data)
			if err != nil || h.encrypted() {
				continue
			}
			payloads, err := parsePayloads(h.NextPayload, m.data[HeaderLen:])
			if err != nil {
				t.Fatal(err)
			}
			for i := range payloads {
				checkFields(t, &payloads[i])
				checked++
			}
		}
	}
	if checked < 30 {
		t.Errorf("%d payloads", checked)
	}
}

// TestFields: kinds of payloads that are mostly encrypted. Passwords have no value.
func TestFields(t *testing.T) {
	for _, c := range []struct {
		kind PayloadType
		body string
		want string
	}{
		{PayloadNotify, "00000001 03 04 0018 c2c4be60", `"notification":{"type":24,"name":"AUTHENTICATION-FAILED","protocol":"esp","spi":"0xc2c4be60"}`},
		{PayloadNotify, "00000001 01 00 8d28 00000007", `"data_length":4,"seq":7}`},
		{PayloadNotify, "00000001 03 00 6001 00000000", `"replay":false}`},
		{PayloadNotify, "00000001 03 00 6000 80010001 80020e10", `"life_seconds":3600}`},
		{PayloadDelete, "00000001 03 04 0001 c2c4be60", `"delete":{"protocol":"esp","spis":["0xc2c4be60"]}`},
		{PayloadID, "01 11 06a5 0a000002", `"id":{"type":"ipv4","value":"10.0.0.2","protocol":17,"port":1701}`},
		{PayloadID, "03 000000 6120226222", `"id":{"type":"user-fqdn","value":"a \"b\""}`},
		{PayloadID, "0b 000000 612c62", `"id":{"type":"key-id","value":"a,b"}`},
		{PayloadID, "02 000000 1b5b6dc3a9", `"id":{"type":"fqdn","value":"\u001b[mé"}`},
		{PayloadConfig, "02 00 0001 4089 0003 622062", `"attributes":[{"name":"XAUTH_USER_NAME","value":"b b","length":3}]`},
		{PayloadConfig, "02 00 0001 4089 0003 626f62 408a 0003 736563", `"attributes":[{"name":"XAUTH_USER_NAME","value":"bob","length":3},{"name":"XAUTH_USER_PASSWORD","length":3}]`},
		{PayloadConfig, "02 00 0001 0001 0003 0a0000", `"attributes":[{"name":"INTERNAL_IP4_ADDRESS","length":3}]`},
		{PayloadFragment, "0001 02 01 aabbcc", `"fragment":{"id":1,"number":2,"last":true,"length":3}`},
		{PayloadCertRequest, "04 300f310d300b06035504030c046d6f6f6e", `"certificate":{"encoding":"x509","authority":"CN=moon"}`},
		{PayloadNATOA, "01000000 0a000002", `"address":"10.0.0.2"`},
		{PayloadDelete, "00000001 03 04 0002 c2c4be60", `"malformed":true`},
		{PayloadNonce, "0102030405060708", `{"payload":"NONCE","length":8}`},
	} {
		p := Payload{Type: c.kind, Body: unhex(c.body)}
		text, err := json.Marshal(p.fields())
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(text), c.want) {
			t.Errorf("%s\nlacks %s", text, c.want)
		}
		checkFields(t, &p)
	}
}
