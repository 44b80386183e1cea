package main

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"os"

	"l2tpdump/capture"
	"l2tpdump/testdata/forge"
)

// TestVerifyManyUnnamed: of 1,500 SPIs that no key names, verify's table has 1,000 rows and one for the others.
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
	c := exec.Command(self(t), "verify", "-r", name, "-k", filepath.Join(captures, "01-basic-aes128-sha1/keys/esp_sa"))
	c.Env = append(os.Environ(), asProgram+"=1")
	text, _ := c.Output() // the exit status is that no key matches
	if n := strings.Count(string(text), "\n0x"); n != maxUnnamed {
		t.Errorf("%d rows", n)
	}
	if want := fmt.Sprintf("%d more that no key names, %d packets", many-maxUnnamed, many-maxUnnamed); !strings.Contains(string(text), want) {
		t.Errorf("%q is not in the table", want)
	}
}
