package l2tp

import (
	"fmt"
	"strings"
	"testing"
)

func TestValues(t *testing.T) {
	text := func(kind uint16, s string) []byte { return avpBytes(0x8000, 0, kind, []byte(s)...) }
	payload := []byte(strings.Join([]string{
		string(message(SCCRQ)), string(text(7, "4")), string(text(8, "12\x00")), string(id(10, 4)),
		string(avpBytes(0, 0, 39)), string(avpBytes(0, 0, 15, 0, 0, 1, 0)), string(avpBytes(0xc000, 0, 13, 1, 2, 3)),
		string(avpBytes(0, 311, 1, 0, 7)), string(avpBytes(0, 0, 10, 9)), "\x83\xff\x00\x00\x00\x07",
	}, ""))
	var got []string
	for name, value := range readControl(payload).Values {
		got = append(got, fmt.Sprintf("%s %T %v", name, value, value))
	}
	want := []string{
		"Host Name printable.Text 4", "Vendor Name printable.Text 12", "Receive Window Size uint64 4", "Sequencing Required bool true",
		"Call Serial Number uint64 256", "Challenge Response string 3 bytes hidden", "Microsoft AVP 1 string 0x0007",
		"Receive Window Size string 1 byte malformed",
		"malformed string length 1023 of AVP Host Name is more than the 6 bytes left",
	}
	if g, w := strings.Join(got, "\n"), strings.Join(want, "\n"); g != w {
		t.Errorf("%s\nwant\n%s", g, w)
	}
	for range readControl(payload).Values {
		break // the runtime panics if a value comes after it
	}
}

func TestResult(t *testing.T) {
	cdn := append(message(CDN), avpBytes(0x8000, 0, 1, append([]byte{0, 2, 0, 4}, "pool empty"...)...)...)
	want := Result{2, "general error", 4, "insufficient resources", "pool empty"}
	if r, ok := readControl(cdn).Result(); !ok || r != want {
		t.Errorf("%+v %v, want %+v", r, ok, want)
	}
	stop := append(message(StopCCN), avpBytes(0x8000, 0, 1, 0, 6)...)
	want = Result{Code: 6, Text: "requester is being shut down"}
	if r, ok := readControl(stop).Result(); !ok || r != want {
		t.Errorf("%+v %v, want %+v", r, ok, want)
	}
	for _, payload := range [][]byte{message(CDN), append(message(CDN), avpBytes(0x8000, 0, 1, 0, 2, 0)...)} {
		if r, ok := readControl(payload).Result(); ok {
			t.Errorf("%+v of %x", r, payload)
		}
	}
}
