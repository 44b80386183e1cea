package lanes

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"fmt"
	"hash"
	"math/rand/v2"
	"testing"
	"unsafe"
)

// everyLevel runs a test with each choice of kernels that this processor can run, the standard
// library's included.
func everyLevel(t *testing.T, test func(t *testing.T)) {
	saved := best
	defer func() { best = saved }()
	for name, k := range levels() {
		best = k
		t.Run(name, test)
	}
}

func randomBytes(r *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

func TestCBC(t *testing.T) {
	everyLevel(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(1, 2))
		for _, keyLen := range []int{16, 24, 32} {
			key, iv := randomBytes(r, keyLen), randomBytes(r, 16)
			block, err := aes.NewCipher(key)
			if err != nil {
				t.Fatal(err)
			}
			var c CBC
			if err := c.SetKey(key); err != nil {
				t.Fatal(err)
			}
			for n := 0; n <= 16*100; n += 16 {
				src := randomBytes(r, n)
				want := make([]byte, n)
				cipher.NewCBCDecrypter(block, iv).CryptBlocks(want, src)
				for offset := range 16 {
					// The 16 bytes around what is written have to stay.
					from := append(make([]byte, offset), src...)
					to := bytes.Repeat([]byte{0xa5}, 32+n+offset)
					c.Decrypt(to[16+offset:][:n], iv, from[offset:])
					edge := bytes.Repeat([]byte{0xa5}, 16)
					if !bytes.Equal(to[16+offset:][:n], want) || !bytes.Equal(to[offset:][:16], edge) || !bytes.Equal(to[16+offset+n:], edge) {
						t.Fatalf("AES-%d of %d bytes at %d is wrong", 8*keyLen, n, offset)
					}
					if !bytes.Equal(from[offset:], src) {
						t.Fatalf("AES-%d of %d bytes at %d changed its source", 8*keyLen, n, offset)
					}
					copy(to[16+offset:], src)
					in := to[16+offset:][:n]
					if c.Decrypt(in, iv, in); !bytes.Equal(in, want) || !bytes.Equal(to[offset:][:16], edge) || !bytes.Equal(to[16+offset+n:], edge) {
						t.Fatalf("AES-%d of %d bytes at %d in place is wrong", 8*keyLen, n, offset)
					}
				}
			}
		}
	})
}

func TestCBCKeyLength(t *testing.T) {
	if err := new(CBC).SetKey(make([]byte, 20)); err == nil {
		t.Error("a key of 20 bytes was taken")
	}
}

// reference is what the standard library says.
func reference(newHash func() hash.Hash, key []byte, parts ...[]byte) []byte {
	h := hmac.New(newHash, key)
	for _, p := range parts {
		h.Write(p)
	}
	return h.Sum(nil)
}

// mix is messages of random lengths, keys and algorithms with the sums that they should have.
func mix(r *rand.Rand, n, longest int) (messages []Message, want [][]byte) {
	for range n {
		key := randomBytes(r, r.IntN(100))
		m := Message{Data: randomBytes(r, r.IntN(longest+1)), Suffix: randomBytes(r, r.IntN(9))}
		if r.IntN(2) == 0 {
			hmac := NewHMACSHA1(key)
			m.Key = &hmac
			want = append(want, reference(sha1.New, key, m.Data, m.Suffix))
		} else {
			hmac := NewHMACSHA256(key)
			m.Key = &hmac
			want = append(want, reference(sha256.New, key, m.Data, m.Suffix))
		}
		messages = append(messages, m)
	}
	return messages, want
}

func check(t *testing.T, h *Hasher, messages []Message, want [][]byte) {
	t.Helper()
	h.Sums(messages)
	for i, m := range messages {
		if !bytes.Equal(m.Sum[:m.Key.Size()], want[i]) {
			t.Fatalf("message %d of %d, of %d and %d bytes, has a wrong sum", i, len(messages), len(m.Data), len(m.Suffix))
		}
	}
}

func TestSums(t *testing.T) {
	everyLevel(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(3, 4))
		var h Hasher
		for n := range 70 {
			for _, longest := range []int{0, 10, 70, 1500} {
				messages, want := mix(r, n, longest)
				check(t, &h, messages, want)
			}
		}
	})
}

// Every length, all lanes alike.
func TestSumsLengths(t *testing.T) {
	everyLevel(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(5, 6))
		key := randomBytes(r, 20)
		keys := []HMAC{NewHMACSHA1(key), NewHMACSHA256(key)}
		var h Hasher
		for n := range 300 {
			data := randomBytes(r, n)
			want := [][]byte{reference(sha1.New, key, data), reference(sha256.New, key, data)}
			var messages []Message
			var sums [][]byte
			for i := range 2 * maxLanes {
				messages = append(messages, Message{Key: &keys[i%2], Data: data})
				sums = append(sums, want[i%2])
			}
			check(t, &h, messages, sums)
		}
	})
}

// TestPrefetch fetches what there is and what there is not, which no memory access may do.
func TestPrefetch(t *testing.T) {
	b := make([]byte, 1000)
	for _, size := range []uintptr{1, 64, 65, 1 << 20} {
		Prefetch(nil, size)
		Prefetch(unsafe.Pointer(&b[7]), size)
	}
}

func TestNoAllocation(t *testing.T) {
	everyLevel(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(7, 8))
		messages, _ := mix(r, 40, 1500)
		var c CBC
		key := make([]byte, 16)
		c.SetKey(key)
		iv, data := make([]byte, 16), make([]byte, 1360)
		var h Hasher
		h.Sums(messages)
		h.Sums(messages[:1])
		if n := testing.AllocsPerRun(10, func() {
			h.Sums(messages)
			h.Sums(messages[:1])
			if HasCBC() {
				c.SetKey(key)
			}
			c.Decrypt(data, iv, data)
		}); n != 0 {
			t.Errorf("%v allocations", n)
		}
	})
}

func FuzzSums(f *testing.F) {
	f.Add(uint64(1), 17, 1500)
	f.Add(uint64(2), 3, 64)
	f.Fuzz(func(t *testing.T, seed uint64, n, longest int) {
		if n < 0 || n > 100 || longest < 0 || longest > 3000 {
			return
		}
		saved := best
		defer func() { best = saved }()
		for _, best = range levels() {
			messages, want := mix(rand.New(rand.NewPCG(seed, 0)), n, longest)
			check(t, new(Hasher), messages, want)
		}
	})
}

func FuzzCBC(f *testing.F) {
	f.Add([]byte("0123456789abcdef"), []byte("an initialization vector"), make([]byte, 1360))
	f.Fuzz(func(t *testing.T, key, iv, src []byte) {
		block, err := aes.NewCipher(key)
		if err != nil || len(iv) < 16 {
			return
		}
		src = src[:len(src)&^15]
		want := make([]byte, len(src))
		cipher.NewCBCDecrypter(block, iv[:16]).CryptBlocks(want, src)
		saved := best
		defer func() { best = saved }()
		for _, best = range levels() {
			var c CBC
			if err := c.SetKey(key); err != nil {
				t.Fatal(err)
			}
			got := bytes.Clone(src)
			if c.Decrypt(got, iv, got); !bytes.Equal(got, want) {
				t.Fatal("wrong plaintext")
			}
		}
	})
}

var sizes = []int{64, 128, 256, 512, 1024, 1400}

func BenchmarkCBC(b *testing.B) {
	for _, n := range sizes {
		n &^= 15
		src, dst, iv := make([]byte, n), make([]byte, n), make([]byte, 16)
		for name, k := range levels() {
			b.Run(fmt.Sprintf("%d/%s", n, name), func(b *testing.B) {
				saved := best
				defer func() { best = saved }()
				best = k
				var c CBC
				c.SetKey(make([]byte, 16))
				b.SetBytes(int64(n))
				for b.Loop() {
					c.Decrypt(dst, iv, src)
				}
			})
		}
	}
}

func BenchmarkHMACSHA1(b *testing.B) {
	benchmarkSums(b, NewHMACSHA1, func(k kernels) compression { return k.sha1 })
}
func BenchmarkHMACSHA256(b *testing.B) {
	benchmarkSums(b, NewHMACSHA256, func(k kernels) compression { return k.sha256 })
}

func benchmarkSums(b *testing.B, newKey func([]byte) HMAC, kernel func(kernels) compression) {
	for _, n := range sizes {
		for _, count := range []int{1, 2, 3, 4, 6, 8, 16, 128} {
			for name, k := range levels() {
				if kernel(k).blocks == nil && name != "standard" || kernel(k).blocks == nil && count > 1 {
					continue
				}
				b.Run(fmt.Sprintf("%d/%s/%d", n, name, count), func(b *testing.B) {
					saved := best
					defer func() { best = saved }()
					best = k
					best.sha1.least, best.sha256.least = 1, 1
					key := newKey(make([]byte, 20))
					messages := make([]Message, count)
					for i := range messages {
						messages[i] = Message{Key: &key, Data: make([]byte, n)}
					}
					var h Hasher
					b.SetBytes(int64(n * count))
					for b.Loop() {
						h.Sums(messages)
					}
				})
			}
		}
	}
}
