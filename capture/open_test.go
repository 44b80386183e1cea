package capture

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// ring writes files of two packets each, the first at the given second, and returns their paths.
func ring(t *testing.T, seconds ...int64) []string {
	t.Helper()
	dir := t.TempDir()
	var paths []string
	for i, s := range seconds {
		var b bytes.Buffer
		w := NewPcapWriter(&b, false)
		w.AddInterface(Interface{LinkType: Ethernet})
		w.WritePacket(&Packet{Time: s * 1e9, Data: []byte{byte(i)}, Length: 1}, nil)
		w.WritePacket(&Packet{Time: s*1e9 + 5e8, Data: []byte{byte(i), 1}, Length: 2}, nil)
		w.Flush()
		name := filepath.Join(dir, string(rune('a'+i)))
		if err := os.WriteFile(name, b.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, name)
	}
	return paths
}

// order gives the first byte of each packet.
func order(all []kept) string {
	var s strings.Builder
	for _, p := range all {
		s.WriteByte('a' + p.data[0])
	}
	return s.String()
}

func TestOpenRing(t *testing.T) {
	src, err := Open(ring(t, 30, 10, 40, 20, 10))
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	all, err := readAll(src)
	if err != nil || order(all) != "bbeeddaacc" {
		t.Errorf("order %s, %v", order(all), err)
	}
	if len(src.Interfaces()) != 1 {
		t.Errorf("%d interfaces", len(src.Interfaces()))
	}
	if err := src.Next(new(Packet)); err != io.EOF {
		t.Errorf("after the end: %v", err)
	}
	if done, total := src.(ProgressSource).Progress(); done != total || total != 5*(24+17+18) {
		t.Errorf("%d bytes of %d", done, total)
	}
}

func TestOpenMixed(t *testing.T) {
	paths := ring(t, 30, 10)
	file, want, _ := sample() // its first packet is at 1600000100
	ng := filepath.Join(t.TempDir(), "ng")
	os.WriteFile(ng, gzipped(file), 0o600)
	src, err := Open([]string{ng, paths[0], ng, paths[1]})
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	secrets := 0
	src.(SecretsSource).OnSecrets(func(uint32, []byte) { secrets++ })
	all, err := readAll(src)
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != 4+2*len(want) || order(all[:4]) != "bbaa" || secrets != 4 {
		t.Fatalf("%d packets, %d secrets", len(all), secrets)
	}
	for i := range want {
		want[i].ifc++ // the interface of the pcap files comes first
	}
	check(t, all[4:], append(want, want...))
	types := []LinkType{Ethernet, Ethernet, Raw, LinuxSLL}
	for i, ifc := range src.Interfaces() {
		if i >= len(types) || ifc.LinkType != types[i] {
			t.Errorf("interface %d: %+v", i, ifc)
		}
	}
}

// TestOpenRingDamaged: what is whole in all files is delivered, then comes the error.
func TestOpenRingDamaged(t *testing.T) {
	paths := ring(t, 30, 10, 20, 40)
	for i, size := range map[int]int64{1: 24 + 17 + 10, 2: 24 + 8, 3: 0} {
		if err := os.Truncate(paths[i], size); err != nil {
			t.Fatal(err)
		}
	}
	src, err := Open(paths)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	all, err := readAll(src)
	if order(all) != "baa" || !errors.Is(err, ErrCut) || strings.Count(err.Error(), "cut short") != 2 || !strings.Contains(err.Error(), "is empty") {
		t.Errorf("order %s, %v", order(all), err)
	}
	for _, i := range []int{1, 2, 3} {
		if !strings.Contains(err.Error(), paths[i]) {
			t.Errorf("%v: does not name %s", err, paths[i])
		}
	}
}

func TestOpenStandardInput(t *testing.T) {
	paths := ring(t, 30, 10)
	in, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	w := NewPcapngWriter(&b)
	w.WriteSecrets(SecretsESPS, []byte("x"))
	w.AddInterface(Interface{LinkType: Ethernet})
	w.WritePacket(&Packet{Time: 20e9, Data: []byte{2}, Length: 1}, []byte("kept"))
	w.WritePacket(&Packet{Time: 21e9, Data: []byte{2}, Length: 1}, nil)
	w.Flush()
	out.Write(b.Bytes())
	out.Close()
	stdin := os.Stdin
	os.Stdin = in
	defer func() { os.Stdin = stdin }()
	src, err := Open([]string{paths[0], "-", paths[1]})
	if err != nil {
		t.Fatal(err)
	}
	secrets := 0
	src.(SecretsSource).OnSecrets(func(uint32, []byte) { secrets++ })
	all, err := readAll(src)
	if err != nil || order(all) != "bbccaa" || secrets != 1 || !strings.Contains(all[2].opt, "kept") {
		t.Errorf("order %s, %d secrets, %v", order(all), secrets, err)
	}
	if _, total := src.(ProgressSource).Progress(); total != 0 {
		t.Errorf("total %d of a pipe", total)
	}
	if err := src.Close(); err != nil {
		t.Error(err)
	}
	if _, err := Open([]string{"-", "-"}); err == nil {
		t.Error("standard input was opened twice")
	}
}

func TestOpenErrors(t *testing.T) {
	paths := ring(t, 1)
	missing := filepath.Join(t.TempDir(), "missing")
	text := filepath.Join(t.TempDir(), "text")
	os.WriteFile(text, []byte("this is no capture"), 0o600)
	for _, c := range []struct {
		paths []string
		want  string
	}{
		{nil, "no file"},
		{[]string{missing}, missing},
		{[]string{paths[0], missing}, missing},
		{[]string{text}, text + ": at byte 0: neither pcap nor pcapng"},
		{[]string{paths[0], text}, text + ": at byte 0: neither pcap nor pcapng"},
		{[]string{filepath.Dir(text)}, "is a directory"},
	} {
		src, err := Open(c.paths)
		if err == nil || !strings.Contains(err.Error(), c.want) || src != nil {
			t.Errorf("%v: %v", c.paths, err)
		}
	}
	if _, err := Open([]string{missing}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v", err)
	}
}
