//go:build !purego

package lanes

import "golang.org/x/sys/cpu"

// levels are the choices of kernels that this processor can run.
func levels() map[string]kernels {
	all := map[string]features{
		"standard": {},
		"AES-NI":   {aes: true},
		"AVX2":     {avx2: true},
		"AVX-512":  {avx512: true},
		"VAES":     {aes: true, vaes: true, avx512: true},
	}
	x := &cpu.X86
	levels := map[string]kernels{}
	for name, f := range all {
		avx512 := !f.avx512 || x.HasAVX512F && x.HasAVX512BW && x.HasBMI2
		if (!f.aes || x.HasAES) && (!f.vaes || x.HasAVX512VAES) && (!f.avx2 || x.HasAVX2) && avx512 {
			levels[name] = choose(f)
		}
	}
	return levels
}
