//go:build !purego

package lanes

import "golang.org/x/sys/cpu"

// features are what the assembly needs of a processor.
type features struct{ aes, vaes, avx2, avx512 bool }

func init() {
	x := &cpu.X86
	avx512 := x.HasAVX512F && x.HasAVX512BW && x.HasBMI2
	best = choose(features{aes: x.HasAES, vaes: avx512 && x.HasAVX512VAES, avx2: x.HasAVX2, avx512: avx512})
}

func choose(f features) (k kernels) {
	k.prefetch = prefetch
	if f.aes {
		k.expand, k.cbc = expand, cbcAESNI
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

// expand is the key expansion.
func expand(keys *[15][16]byte, key []byte) {
	switch len(key) {
	case 16:
		expandKey128(&keys[0][0], &key[0])
	case 24:
		expandKey192(&keys[0][0], &key[0])
	case 32:
		expandKey256(&keys[0][0], &key[0])
	}
}
