package esp

import (
	"bytes"
	"compress/flate"
	"testing"
)

func ipcomp(t testing.TB, next byte, payload []byte) []byte {
	t.Helper()
	b := bytes.NewBuffer([]byte{next, 0, 0, 2})
	w, err := flate.NewWriter(b, 9)
	if err != nil {
		t.Fatal(err)
	}
	w.Write(payload)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestInflaterExpand(t *testing.T) {
	var x Inflater
	for _, n := range []int{0, 1, 1400, 65535} {
		want := bytes.Repeat([]byte("L2TP "), n/5+1)[:n]
		got, next, err := x.Expand([]byte("before"), ipcomp(t, 17, want))
		if err != nil || next != 17 || !bytes.Equal(got, append([]byte("before"), want...)) {
			t.Errorf("%d bytes: got %d bytes, next header %d, error %v", n, len(got), next, err)
		}
	}
	for _, n := range []int{maxIPPayload + 1, 16 << 20} {
		if out, _, err := x.Expand(nil, ipcomp(t, 17, make([]byte, n))); err != errIPCompData || len(out) != 0 || cap(out) > 4*maxIPPayload {
			t.Errorf("a payload that expands to %d bytes: room for %d, error %v", n, cap(out), err)
		}
	}
	whole := ipcomp(t, 17, []byte("some bytes that are compressed"))
	for n := range whole {
		if _, _, err := x.Expand(nil, whole[:n]); err == nil {
			t.Errorf("cut to %d of %d bytes: no error", n, len(whole))
		}
	}
}

// A payload whose Deflate stream has no final block, but ends where the sender flushed it.
func TestInflaterSyncFlush(t *testing.T) {
	var x Inflater
	for _, n := range []int{1, 300, 1400} {
		want := bytes.Repeat([]byte("PPP in L2TP "), n/12+1)[:n]
		b := bytes.NewBuffer([]byte{17, 0, 0, 2})
		w, err := flate.NewWriter(b, 9)
		if err != nil {
			t.Fatal(err)
		}
		w.Write(want)
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
		got, next, err := x.Expand(nil, b.Bytes())
		if err != nil || next != 17 || !bytes.Equal(got, want) {
			t.Errorf("%d bytes: got %d bytes, next header %d, error %v", n, len(got), next, err)
		}
		for cut := range b.Len() {
			if _, _, err := x.Expand(nil, b.Bytes()[:cut]); err == nil {
				t.Errorf("cut to %d of %d bytes: no error", cut, b.Len())
			}
		}
	}
}

func FuzzInflater(f *testing.F) {
	f.Add(ipcomp(f, 17, []byte("seed")))
	f.Add([]byte{4, 0, 0, 2, 1, 0, 0})
	var x Inflater
	f.Fuzz(func(t *testing.T, data []byte) {
		out, _, err := x.Expand(nil, data)
		if len(out) > maxIPPayload || err != nil && len(out) != 0 {
			t.Errorf("%d bytes, error %v", len(out), err)
		}
	})
}
