package sessions_test

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"l2tpdump/capture"
	"l2tpdump/cmd/internal/pipeline"
	"l2tpdump/keysrc"
)

// unwell are the recordings of the repository in which a session does not go well.
const unwell = "08x"

// TestHealthy: what is well is never called failed, whatever part of it the capture holds.
func TestHealthy(t *testing.T) {
	files, _ := filepath.Glob("../../../testdata/captures/*/outer.pcap")
	if len(files) < 20 {
		t.Fatalf("%d captures", len(files))
	}
	for _, f := range files {
		name := filepath.Base(filepath.Dir(f))
		if strings.HasPrefix(name, unwell) || testing.Short() && !strings.HasPrefix(name, "0") {
			continue
		}
		keys := keySets(filepath.Dir(f))["tables"]
		for what, list := range map[string][]report{
			"without keys":             gather(t, f, "", 0),
			"with keys":                gather(t, f, "", 0, keys...),
			"UDP 500":                  gather(t, f, "udp port 500", 0, keys...),
			"UDP 500 and 4500":         gather(t, f, "udp port 500 or udp port 4500", 0, keys...),
			"from the server":          gather(t, f, "src host 203.0.113.1 or src host 2001:db8:1::1", 0, keys...),
			"to the server":            gather(t, f, "dst host 203.0.113.1 or dst host 2001:db8:1::1", 0, keys...),
			"15 frames":                gather(t, f, "", 15, keys...),
			"40 frames, without keys":  gather(t, f, "", 40),
			"30 frames late":           late(t, f, 30, keys...),
			"30 frames late, unread":   late(t, f, 30),
			"150 frames late":          late(t, f, 150, keys...),
			"150 frames late, unread":  late(t, f, 150),
			"UDP 500, without keys":    gather(t, f, "udp port 500", 0),
			"to the server, unread":    gather(t, f, "dst host 203.0.113.1 or dst host 2001:db8:1::1", 0),
			"from the server, unread ": gather(t, f, "src host 203.0.113.1 or src host 2001:db8:1::1", 0),
		} {
			for _, r := range list {
				if r.State != "up" && r.State != "partial" {
					t.Errorf("%s, %s: %+v", name, what, r)
				}
			}
		}
	}
}

// skipping is a source without its first frames.
type skipping struct {
	capture.Source
	skip int
}

func (s *skipping) Next(p *capture.Packet) error {
	for ; s.skip > 0; s.skip-- {
		if err := s.Source.Next(p); err != nil {
			return err
		}
	}
	return s.Source.Next(p)
}

// late returns the sessions of a capture without its first frames.
func late(t *testing.T, file string, skip int, keys ...string) []report {
	t.Helper()
	src, err := capture.OpenContext(context.Background(), []string{file})
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	p := pipeline.New(pipeline.Config{Source: &skipping{src, skip}})
	for _, name := range keys {
		k, err := keysrc.ParseFile(name, "")
		if err != nil {
			t.Fatal(err)
		}
		p.AddKeys(k)
	}
	return run(t, p)
}

// TestTruth: packets and bytes of each direction are those that the server's PPP interface saw.
func TestTruth(t *testing.T) {
	files, _ := filepath.Glob("../../../testdata/captures/*/truth-inner-server.pcap")
	checked := 0
	for _, f := range files {
		dir := filepath.Dir(f)
		switch name := filepath.Base(dir); name[:2] {
		case "16", "26", "11", "22": // loss behind the place of the capture; several sessions
			if name[:3] != "26b" {
				continue
			}
		}
		if base := filepath.Base(dir); strings.HasPrefix(base, unwell) || strings.HasPrefix(base, "09") {
			continue // not all is expanded without a password, or what was lost is missing
		}
		list := gather(t, filepath.Join(dir, "outer.pcap"), "", 0, keySets(dir)["tables"]...)
		if len(list) != 1 || list[0].PPP.Assigned == "" || list[0].User != "alice" {
			t.Errorf("%s: %+v", dir, list)
			continue
		}
		r := &list[0]
		up, down := truth(t, f, r.PPP.Assigned)
		near(t, dir+" client", r.OrigPackets, r.OrigBytes, up)
		near(t, dir+" server", r.RespPackets, r.RespBytes, down)
		checked++
	}
	if checked < 15 {
		t.Errorf("%d captures were compared", checked)
	}
}

type volume struct{ packets, bytes uint64 }

// near demands the volume that is true. There are router solicitations on the wire of before the truth was recorded.
func near(t *testing.T, what string, packets, bytes uint64, want volume) {
	t.Helper()
	const most, short, long = 3, 48, 56
	extra := packets - want.packets
	if packets < want.packets || extra > most || bytes < want.bytes+extra*short || bytes > want.bytes+extra*long {
		t.Errorf("%s: %d packets and %d bytes, the truth is %d and %d", what, packets, bytes, want.packets, want.bytes)
	}
}

// truth counts the packets of a capture of a PPP interface, from the client and to it.
func truth(t *testing.T, file, assigned string) (up, down volume) {
	t.Helper()
	src, err := capture.OpenContext(context.Background(), []string{file})
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	var p capture.Packet
	var n capture.Frame
	for {
		switch err := src.Next(&p); err {
		case nil:
		case io.EOF:
			return up, down
		default:
			t.Fatal(err)
		}
		if n.Decode(src.Interfaces()[0].LinkType, p.Data) != nil || n.IPVersion == 0 {
			continue
		}
		v := &down
		if n.IPVersion == 4 && n.Src.String() == assigned || n.IPVersion == 6 && n.Direction == capture.DirectionIn {
			v = &up
		}
		v.packets++
		v.bytes += uint64(p.Length - n.LinkLen)
	}
}

// TestNothing: a capture without VPN has no session.
func TestNothing(t *testing.T) {
	name := filepath.Join(t.TempDir(), "empty.pcap")
	header := []byte{0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 1, 0, 0, 0}
	if err := os.WriteFile(name, header, 0o600); err != nil {
		t.Fatal(err)
	}
	if list := gather(t, name, "", 0); len(list) != 0 {
		t.Errorf("%+v", list)
	}
}
