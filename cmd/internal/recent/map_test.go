package recent

import "testing"

// TestBound: the last keys that were used are known, and no more than twice as many.
func TestBound(t *testing.T) {
	var m Map[int, int]
	for i := range 5 * size {
		m.Set(i, -i)
		if v, ok := m.Get(0); !ok || v != 0 {
			t.Fatal("a key in use is forgotten")
		}
		if n := m.Len(); n > 2*size {
			t.Fatalf("%d keys", n)
		}
	}
	for i := 4*size + 1; i < 5*size; i++ {
		if v, ok := m.Get(i); !ok || v != -i {
			t.Fatalf("%d: %d, %v", i, v, ok)
		}
	}
}
