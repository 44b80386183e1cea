package capture

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"testing/iotest"
)

func TestInterruptibleIsTransparent(t *testing.T) {
	data := make([]byte, 5*aheadSize/2)
	for i := range data {
		data[i] = byte(i ^ i>>8)
	}
	for name, r := range map[string]io.Reader{
		"at once":  bytes.NewReader(data),
		"halves":   iotest.HalfReader(bytes.NewReader(data)),
		"with EOF": iotest.DataErrReader(bytes.NewReader(data)),
	} {
		if got, err := io.ReadAll(newInterruptible(context.Background(), r)); err != nil || !bytes.Equal(got, data) {
			t.Errorf("%s: %d bytes of %d, %v", name, len(got), len(data), err)
		}
	}
	broken := errors.New("broken")
	in := newInterruptible(context.Background(), io.MultiReader(bytes.NewReader(data), iotest.ErrReader(broken)))
	if got, err := io.ReadAll(in); err != broken || !bytes.Equal(got, data) {
		t.Errorf("%d bytes of %d, %v", len(got), len(data), err)
	}
	if n, err := in.Read(data); n != 0 || err != broken {
		t.Errorf("behind an error: %d bytes, %v", n, err)
	}
}

func TestInterrupted(t *testing.T) {
	r, w := io.Pipe()
	defer w.Close()
	ctx, cancel := context.WithCancel(context.Background())
	in := newInterruptible(ctx, r)
	go w.Write([]byte("some"))
	buf := make([]byte, 10)
	if n, err := in.Read(buf); n != 4 || err != nil {
		t.Fatalf("%d bytes, %v", n, err)
	}
	cancel()
	for range 2 {
		if n, err := in.Read(buf); n != 0 || err != context.Canceled {
			t.Fatalf("%d bytes, %v", n, err)
		}
	}
}

// Ready tells a whole packet from the beginning of one.
func TestReady(t *testing.T) {
	for _, name := range []string{"01-basic-aes128-sha1/outer.pcap", "01-basic-aes128-sha1/outer-be.pcap", "03-3des-sha1-modp1024/outer.pcapng"} {
		file, err := os.ReadFile(filepath.Join("../testdata/captures", name))
		if err != nil {
			t.Fatal(err)
		}
		whole, err := NewReader(bytes.NewReader(file), name)
		if err != nil {
			t.Fatal(err)
		}
		var ends []int // of the first packets
		var p Packet
		for range 20 {
			if err := whole.Next(&p); err != nil {
				t.Fatal(err)
			}
			ends = append(ends, int(whole.in.offset))
		}
		for _, more := range []int{0, 1, 7, 8, 15, 16, 20, 40} {
			// What is behind comes only when it is asked for.
			at := ends[9] + more
			r, err := NewReader(io.MultiReader(bytes.NewReader(file[:at]), bytes.NewReader(file[at:])), name)
			if err != nil {
				t.Fatal(err)
			}
			for i := range 10 {
				if !r.Ready() && i > 0 {
					t.Fatalf("%s and %d bytes: packet %d is not at hand", name, more, i+1)
				}
				if err := r.Next(&p); err != nil {
					t.Fatal(err)
				}
			}
			if r.Ready() {
				t.Errorf("%s and %d bytes: a packet too many is at hand", name, more)
			}
			if err := r.Next(&p); err != nil {
				t.Fatal(err)
			}
		}
	}
}
