package yamaha

import (
	"net/netip"
	"testing"
)

func TestCaptions(t *testing.T) {
	for text, want := range map[string]label{
		" CKY-I":                              {kind: cookieI},
		" cky_r:":                             {kind: cookieR},
		" SKEYID":                             {kind: skeyid},
		" SKEYID-d":                           {kind: skeyidD},
		" SKEYIDe =":                          {kind: skeyidE},
		"  SPI ":                              {kind: spi},
		" key material (first 16byte)":        {kind: espKey, first: 16},
		" Key Material  (first 16 bytes)":     {kind: espKey, first: 16},
		" key material(first 8byte)":          {kind: espKey, first: 8},
		" encryption key":                     {kind: espKey},
		" authentication key (first 8 bytes)": {kind: authKey, first: 8},
		" authentication key material (first 8byte)": {kind: authKey, first: 8},
		" respond IPsec phase to 203.0.113.10":       {kind: phase2, respond: true, addr: netip.MustParseAddr("203.0.113.10")},
		" initiate ISAKMP phase to 2001:db8::1 (local address 2001:db8::2)": {kind: phase1, addr: netip.MustParseAddr("2001:db8::1"),
			local: netip.MustParseAddr("2001:db8::2")},
		" SKEYID_":                          {kind: unreadable},
		" authentication":                   {kind: unreadable},
		" key mat":                          {kind: unreadable},
		" authenticationkey (first 8byte)":  {kind: authKey, first: 8}, // the space was where the line was wrapped
		" key material was deleted by user": {},
		" add ISAKMP SA[1] (gateway[1])":    {},
	} {
		if got := classify([]byte(text)); got != want {
			t.Errorf("%q: %+v, want %+v", text, got, want)
		}
		if _, kind := parseRow(nil, []byte(text)); kind != noRow {
			t.Errorf("%q is a row", text)
		}
	}
}
