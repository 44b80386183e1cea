package output

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"testing"

	"l2tpdump/capture"
)

// capture of n packets, each of its number of bytes, in the format.
func written(t *testing.T, pcap bool, n int) []byte {
	t.Helper()
	var b bytes.Buffer
	w := capture.NewPcapngWriter(&b)
	if pcap {
		w = capture.NewPcapWriter(&b, true)
	}
	id, err := w.AddInterface(capture.Interface{LinkType: capture.Raw, Resolution: 1e9})
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		p := capture.Packet{Time: int64(i), Length: i, Data: bytes.Repeat([]byte{byte(i)}, i), Interface: id}
		if err := w.WritePacket(&p, []byte("comment")[:i%8%7]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestFileBoundaries writes a capture in pieces, cut at each place, and checks that what counts as
// whole is what a reader can read.
func TestFileBoundaries(t *testing.T) {
	for _, pcap := range []bool{false, true} {
		data := written(t, pcap, 20)
		for _, step := range []int{1, 7, 100, len(data)} {
			name := map[bool]string{true: "out.pcap", false: "out.pcapng"}[pcap]
			f, err := os.Create(filepath.Join(t.TempDir(), name))
			if err != nil {
				t.Fatal(err)
			}
			w, err := newFile(f, name)
			if err != nil {
				t.Fatal(err)
			}
			for i := 0; i < len(data); i += step {
				if _, err := w.Write(data[i:min(i+step, len(data))]); err != nil {
					t.Fatal(err)
				}
				if w.written != int64(min(i+step, len(data))) {
					t.Fatalf("written is %d", w.written)
				}
				if step < 100 {
					checkWhole(t, data[:w.whole], data[:w.written])
				}
			}
			if w.whole != int64(len(data)) {
				t.Errorf("pcap %t, step %d: %d of %d bytes count as whole", pcap, step, w.whole, len(data))
			}
			if err := w.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}

// checkWhole checks that whole can be read to a clean end, and that the bytes beyond it in all are
// no whole packet.
func checkWhole(t *testing.T, whole, all []byte) {
	t.Helper()
	if len(whole) == 0 {
		return
	}
	n, err := packets(whole)
	if err != io.EOF {
		t.Fatalf("%d bytes: %v", len(whole), err)
	}
	if more, _ := packets(all); more != n {
		t.Fatalf("%d bytes hold %d packets, the whole ones %d", len(all), more, n)
	}
}

func packets(data []byte) (int, error) {
	r, err := capture.NewReader(bytes.NewReader(data), "test")
	if err != nil {
		return 0, err
	}
	var p capture.Packet
	for n := 0; ; n++ {
		if err := r.Next(&p); err != nil {
			return n, err
		}
	}
}
