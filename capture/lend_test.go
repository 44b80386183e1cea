package capture

import (
	"bytes"
	"os"
	"testing"
)

// TestLend: with lent memory, of whatever size and however often, the packets are the same, of
// damaged files too, and those that lie in it stay as they are until it is lent again.
func TestLend(t *testing.T) {
	for _, path := range outer(t)[:12] {
		file, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		damaged := bytes.Clone(file)
		for i := len(file) / 3; i < min(len(file)/3+2000, len(file)); i++ {
			damaged[i] ^= 0xff
		}
		for _, data := range [][]byte{file, damaged, file[:len(file)-5]} {
			for _, c := range []struct{ size, every int }{{inputSize, 90}, {4096, 7}, {100, 1}, {inputSize + 1, 50}} {
				compareLent(t, name(path), data, c.size, c.every)
			}
		}
	}
}

// compareLent reads a file with memory of some bytes that is lent again after every so many
// packets, or when the next one is not at hand, and without.
func compareLent(t *testing.T, name string, file []byte, size, every int) {
	t.Helper()
	plain, err := NewReader(bytes.NewReader(file), name)
	if err != nil {
		t.Fatal(err)
	}
	lent, err := NewReader(bytes.NewReader(file), name)
	if err != nil {
		t.Fatal(err)
	}
	type pair struct{ got, want []byte }
	var since []pair
	turn := 0
	memory := [2][]byte{make([]byte, size), make([]byte, size)}
	inLent := 0
	unchanged := func(n int) {
		for _, p := range since {
			if !bytes.Equal(p.got, p.want) {
				t.Fatalf("%s, %d bytes lent, packet before %d: it has changed", name, size, n)
			}
		}
	}
	for n := 0; ; n++ {
		if n%every == 0 || !lent.Ready() {
			unchanged(n)
			since, turn = since[:0], 1-turn
			clear(memory[turn])
			lent.Lend(memory[turn])
		}
		var p, q Packet
		errP, errQ := plain.Next(&p), lent.Next(&q)
		if (errP == nil) != (errQ == nil) || errP != nil && errP.Error() != errQ.Error() {
			t.Fatalf("%s, %d bytes lent, packet %d: %v, without %v", name, size, n, errQ, errP)
		}
		if errP != nil {
			unchanged(n)
			break
		}
		if p.Time != q.Time || p.Length != q.Length || !bytes.Equal(p.Data, q.Data) || !bytes.Equal(p.Options, q.Options) {
			t.Fatalf("%s, %d bytes lent: packet %d differs", name, size, n)
		}
		if lent.Lent() {
			inLent++
			since = append(since, pair{q.Data, bytes.Clone(p.Data)})
		}
	}
	if fits := size <= inputSize && size >= 4096; fits != (inLent > 0) && size != 100 {
		t.Errorf("%s, %d bytes lent: %d packets lie in them", name, size, inLent)
	}
}
