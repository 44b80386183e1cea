package output_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"l2tpdump/capture"
	"l2tpdump/cmd/internal/output"
	"l2tpdump/cmd/internal/pipeline"
	"l2tpdump/keysrc"
)

const captures = "../../../testdata/captures"

// twoInterfaces is a pcapng with the frames of a capture twice: on an Ethernet interface with
// microseconds, and without the Ethernet header on a raw one with nanoseconds. Each packet has a
// comment.
func twoInterfaces(t *testing.T, name string) []byte {
	t.Helper()
	src, err := capture.Open([]string{filepath.Join(captures, name)})
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	var file bytes.Buffer
	w := capture.NewPcapngWriter(&file)
	for _, i := range []capture.Interface{
		{LinkType: capture.Ethernet, Name: "lan0", Resolution: 1e6, SnapLen: 1600},
		{LinkType: capture.Raw, Name: "tun0", Resolution: 1e9},
	} {
		if _, err := w.AddInterface(i); err != nil {
			t.Fatal(err)
		}
	}
	var p capture.Packet
	for n := 0; src.Next(&p) == nil; n++ {
		q := p
		if err := w.WritePacket(&q, []byte("on the wire")); err != nil {
			t.Fatal(err)
		}
		if binary.BigEndian.Uint16(p.Data[12:]) == 0x0806 {
			continue
		}
		q.Interface, q.Time = 1, p.Time+1
		q.Data, q.Length = p.Data[14:], p.Length-14
		if err := w.WritePacket(&q, nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

// clearOf decrypts a capture in memory.
func clearOf(t *testing.T, file []byte, config output.ClearConfig, keys ...string) (out []byte, in capture.Source) {
	t.Helper()
	src, err := capture.NewReader(bytes.NewReader(file), "test")
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	config.Source = src
	config.Open = func() (io.Writer, error) { return &b, nil }
	p := pipeline.New(pipeline.Config{Source: src})
	for _, name := range keys {
		k, err := keysrc.ParseFile(filepath.Join(captures, name), "")
		if err != nil {
			t.Fatal(err)
		}
		p.AddKeys(k)
	}
	c := output.NewClear(config)
	p.AddSink(c)
	if _, err := p.Run(context.Background()); err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes(), src
}

// comments are the comments of a packet.
func comments(options []byte) (list []string) {
	const comment = 1
	for len(options) >= 4 {
		code, n := binary.LittleEndian.Uint16(options), int(binary.LittleEndian.Uint16(options[2:]))
		if code == comment {
			list = append(list, string(options[4:4+n]))
		}
		options = options[4+(n+3)&^3:]
	}
	return list
}

func TestClearKeepsInterfacesTimesAndComments(t *testing.T) {
	file := twoInterfaces(t, "01-basic-aes128-sha1/outer.pcap")
	clear, in := clearOf(t, file, output.ClearConfig{Layer: output.LayerL2TP}, "01-basic-aes128-sha1/keys/esp_sa", "01-basic-aes128-sha1/router-full.log")
	before, err := capture.NewReader(bytes.NewReader(file), "before")
	if err != nil {
		t.Fatal(err)
	}
	after, err := capture.NewReader(bytes.NewReader(clear), "after")
	if err != nil {
		t.Fatal(err)
	}
	var p, q capture.Packet
	rewritten := 0
	for n := 1; ; n++ {
		err := before.Next(&p)
		if e := after.Next(&q); e != err {
			t.Fatalf("packet %d: %v, not %v", n, e, err)
		}
		if err == io.EOF {
			break
		}
		if p.Time != q.Time || after.Interfaces()[q.Interface].Name != before.Interfaces()[p.Interface].Name {
			t.Fatalf("packet %d: time %d, interface %d; was %d, %d", n, q.Time, q.Interface, p.Time, p.Interface)
		}
		was, is := comments(p.Options), comments(q.Options)
		for i := range was {
			if i >= len(is) || is[i] != was[i] {
				t.Fatalf("packet %d: comments %q, were %q", n, is, was)
			}
		}
		if bytes.Equal(p.Data, q.Data) {
			if len(is) != len(was) {
				t.Errorf("packet %d is the same, and has the comments %q", n, is)
			}
			continue
		}
		rewritten++
		if len(is) != len(was)+1 {
			t.Fatalf("packet %d: comments %q", n, is)
		}
		switch c := is[len(is)-1]; {
		case strings.HasPrefix(c, "ESP 0xc2c4be60 seq ") && strings.HasSuffix(c, " aes-cbc-128 hmac-sha1-96, verified"):
		case strings.HasPrefix(c, "ESP 0xc5a01359 seq ") && strings.HasSuffix(c, " aes-cbc-128 hmac-sha1-96, verified"):
		case strings.HasPrefix(c, "IKE main aes-cbc-256, ") || strings.HasPrefix(c, "IKE quick aes-cbc-256, ") || strings.HasPrefix(c, "IKE informational aes-cbc-256, "):
		default:
			t.Errorf("packet %d: comment %q", n, c)
		}
	}
	if want := 2 * (253 + 7); rewritten != want {
		t.Errorf("%d packets were rewritten, want %d", rewritten, want)
	}
	for i, want := range in.Interfaces() {
		got := after.Interfaces()[i]
		if got.LinkType != want.LinkType || got.Name != want.Name || got.Resolution != want.Resolution {
			t.Errorf("interface %d: %+v, was %+v", i, got, want)
		}
	}
}

// A layer turns every interface into one of its link type.
func TestClearLayersKeepInterfaces(t *testing.T) {
	file := twoInterfaces(t, "01-basic-aes128-sha1/outer.pcap")
	for layer, link := range map[output.Layer]capture.LinkType{output.LayerPPP: capture.PPPWithDir, output.LayerIP: capture.Raw} {
		clear, _ := clearOf(t, file, output.ClearConfig{Layer: layer}, "01-basic-aes128-sha1/keys/esp_sa")
		src, err := capture.NewReader(bytes.NewReader(clear), "clear")
		if err != nil {
			t.Fatal(err)
		}
		count := make(map[string]int)
		var p capture.Packet
		for src.Next(&p) == nil {
			i := src.Interfaces()[p.Interface]
			if i.LinkType != link {
				t.Fatalf("%s: link type %v", layer, i.LinkType)
			}
			if count[i.Name]++; p.Length != len(p.Data) {
				t.Fatalf("%s: %d bytes of %d", layer, len(p.Data), p.Length)
			}
		}
		want := map[output.Layer]int{output.LayerPPP: 240, output.LayerIP: 219}[layer]
		if count["lan0"] != want || count["tun0"] != want {
			t.Errorf("%s: %v, want %d each", layer, count, want)
		}
	}
}

// Direction of PPP frames: 0 from the side that opened the tunnel.
func TestPPPDirection(t *testing.T) {
	for _, c := range []struct {
		dir    string
		client string // its address
	}{{"01-basic-aes128-sha1", "10.99.0.100"}, {"02-natt-aes256-sha1", "10.99.0.100"}, {"08x-auth-failed-l2tp-in-clear", "10.99.0.100"}} {
		keys := c.dir + "/keys/esp_sa"
		if c.dir == "08x-auth-failed-l2tp-in-clear" {
			keys = c.dir + "/router.log"
		}
		file := readAll(t, c.dir+"/outer.pcap")
		clear, _ := clearOf(t, file, output.ClearConfig{Layer: output.LayerPPP, Pcap: true}, keys)
		r, err := capture.NewReader(bytes.NewReader(clear), "clear")
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		var p capture.Packet
		for r.Next(&p) == nil {
			var f capture.Frame
			if err := f.Decode(capture.PPPWithDir, p.Data); err != nil || f.IPVersion != 4 {
				continue
			}
			n++
			if want := byte(1); (f.Src.String() == c.client) == (p.Data[0] == want) {
				t.Errorf("%s: packet from %v has direction %d", c.dir, f.Src, p.Data[0])
			}
		}
		if n < 100 {
			t.Errorf("%s: %d packets", c.dir, n)
		}
	}
}

func readAll(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(captures, name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}
