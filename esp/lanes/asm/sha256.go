package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

var sha256K = []uint32{
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
	0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
	0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
	0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
	0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
	0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
	0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
	0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
}

func sha256AVX512() {
	function("sha256AVX512", shaSignature, "sha256AVX512 hashes blocks of 64 bytes of 16 messages. It needs AVX-512 F and BW.")
	state, data, blocks, offset := param("state"), param("data"), param("blocks"), GP64()
	XORQ(offset, offset)
	k := constants("sha256K", sha256K...)
	var s [8]VecVirtual
	for i := range s {
		s[i] = ZMM()
		VMOVDQU32(stateRow(state, i), s[i])
	}
	Label("block")
	flip := ZMM()
	VBROADCASTI32X4(byteOrder(), flip)
	w := load16(data, offset, flip)
	x, y, z := ZMM(), ZMM(), ZMM()
	// add adds to to the parity of three rotations of from, of which the last may be a shift.
	add := func(to, from VecVirtual, last func(Op, Op, Op), n1, n2, n3 uint64) {
		VPRORD(Imm(n1), from, x)
		VPRORD(Imm(n2), from, y)
		last(Imm(n3), from, z)
		VPTERNLOGD(Imm(parity), y, x, z)
		VPADDD(z, to, to)
	}
	rotate := func(n, from, to Op) { VPRORD(n, from, to) }
	shift := func(n, from, to Op) { VPSRLD(n, from, to) }
	for t := range 64 {
		a, b, c, d, e, f, g, h := s[0], s[1], s[2], s[3], s[4], s[5], s[6], s[7]
		if t >= 16 {
			VPADDD(w[(t+9)%16], w[t%16], w[t%16])
			add(w[t%16], w[(t+1)%16], shift, 7, 18, 3)
			add(w[t%16], w[(t+14)%16], shift, 17, 19, 10)
		}
		VPADDD_BCST(k.Offset(4*t), h, h)
		VPADDD(w[t%16], h, h)
		VMOVDQA32(e, x)
		VPTERNLOGD(Imm(choose), g, f, x)
		VPADDD(x, h, h)
		add(h, e, rotate, 6, 11, 25)
		VPADDD(h, d, d)
		VMOVDQA32(a, x)
		VPTERNLOGD(Imm(majority), c, b, x)
		VPADDD(x, h, h)
		add(h, a, rotate, 2, 13, 22)
		s = [8]VecVirtual{h, a, b, c, d, e, f, g}
	}
	for i := range s {
		VPADDD(stateRow(state, i), s[i], s[i])
		VMOVDQU32(s[i], stateRow(state, i))
	}
	next(offset, blocks)
}
