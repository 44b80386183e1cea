package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"l2tpdump/capture"
	"l2tpdump/testdata/forge"
)

// TestVerifyManyUnnamed: of 1,500 SPIs that no key names, verify lists 1,000, and sums up the
// others.
func TestVerifyManyUnnamed(t *testing.T) {
	const many = 1500
	name := filepath.Join(t.TempDir(), "flood.pcap")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	w := capture.NewPcapWriter(f, false)
	if _, err := w.AddInterface(capture.Interface{LinkType: capture.Raw}); err != nil {
		t.Fatal(err)
	}
	for n := range uint32(many) {
		data := forge.Floods["SPIs"](n)
		if err := w.WritePacket(&capture.Packet{Time: int64(n), Length: len(data), Data: data}, nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	run := func(options ...string) string {
		c := exec.Command(self(t), append([]string{"verify", "-r", name, "-k", filepath.Join(captures, "01-basic-aes128-sha1/keys/esp_sa")}, options...)...)
		c.Env = append(os.Environ(), asProgram+"=1")
		text, _ := c.Output() // the exit status is that no key matches
		return string(text)
	}
	text := run()
	if n := strings.Count(text, "\n0x"); n != maxUnnamed {
		t.Errorf("%d rows", n)
	}
	if want := fmt.Sprintf("%d more that no key names, %d packets", many-maxUnnamed, many-maxUnnamed); !strings.Contains(text, want) {
		t.Errorf("%q is not in the table", want)
	}
	var o struct {
		ESP      []json.RawMessage
		Unlisted struct{ IKE, ESP unlisted }
	}
	text = run("--json")
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		t.Fatal(err)
	}
	if want := (unlisted{SAs: many - maxUnnamed, Packets: many - maxUnnamed}); len(o.ESP) != maxUnnamed || o.Unlisted.ESP != want || o.Unlisted.IKE != (unlisted{}) {
		t.Errorf("%d objects, and %+v", len(o.ESP), o.Unlisted)
	}
	object, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if err := compiled(t, "verify").Validate(object); err != nil {
		t.Error(err)
	}
}
