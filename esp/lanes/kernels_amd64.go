//go:build !purego

package lanes

import (
	"encoding/binary"
	"math/bits"

	"golang.org/x/sys/cpu"
)

// features are what the assembly needs of a processor.
type features struct{ aes, vaes, avx2, avx512 bool }

func init() {
	x := &cpu.X86
	avx512 := x.HasAVX512F && x.HasAVX512BW && x.HasBMI2
	best = choose(features{aes: x.HasAES, vaes: avx512 && x.HasAVX512VAES, avx2: x.HasAVX2, avx512: avx512})
}

func choose(f features) (k kernels) {
	if f.aes {
		k.expand, k.cbc = expandKey, cbcAESNI
	}
	if f.aes && f.vaes {
		k.cbc = cbcVAES
	}
	switch {
	case f.avx512:
		k.sha1 = compression{blocks: sha1AVX512, lanes: 16, least: 3}
		k.sha256 = compression{blocks: sha256AVX512, lanes: 16, least: 5}
	case f.avx2:
		k.sha1 = compression{blocks: sha1AVX2, lanes: 8, least: 5}
	}
	return k
}

// expandKey does the key expansion of the equivalent inverse cipher (FIPS 197, 5.3.5), the first
// round's key first.
func expandKey(keys [][16]byte, key []byte) {
	n := len(key) / 4
	var words [4 * (8 + 7)]uint32
	w := words[:4*(n+7)]
	for i := range n {
		w[i] = binary.LittleEndian.Uint32(key[4*i:])
	}
	constant := uint32(1)
	for i := n; i < len(w); i++ {
		x := w[i-1]
		switch {
		case i%n == 0:
			x = subWord(bits.RotateLeft32(x, -8)) ^ constant
			constant = constant<<1 ^ constant>>7*0x11b
		case n > 6 && i%n == 4:
			x = subWord(x)
		}
		w[i] = w[i-n] ^ x
	}
	for i := range keys {
		from := w[len(w)-4*i-4:]
		for j := range 4 {
			binary.LittleEndian.PutUint32(keys[i][4*j:], from[j])
		}
		if i > 0 && i < len(keys)-1 {
			inverseMixColumns(&keys[i])
		}
	}
}
