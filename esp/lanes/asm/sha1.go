package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// Truth tables for VPTERNLOGD, of the operands b, c, d.
const (
	choose   = 0xca
	parity   = 0x96
	majority = 0xe8
)

func sha1AVX512() {
	function("sha1AVX512", shaSignature, "sha1AVX512 hashes blocks of 64 bytes of 16 messages. It needs AVX-512 F and BW.")
	state, data, blocks, offset := param("state"), param("data"), param("blocks"), GP64()
	XORQ(offset, offset)
	flip := ZMM()
	VBROADCASTI32X4(byteOrder(), flip)
	var k [4]VecVirtual
	for i := range k {
		k[i] = ZMM()
		VPBROADCASTD(sha1K().Offset(4*i), k[i])
	}
	var s [5]VecVirtual
	for i := range s {
		s[i] = ZMM()
		VMOVDQU32(stateRow(state, i), s[i])
	}
	Label("block")
	w := load16(data, offset, flip)
	f, r := ZMM(), ZMM()
	for t := range 80 {
		a, b, c, d, e := s[0], s[1], s[2], s[3], s[4]
		x := w[t%16]
		if t >= 16 {
			VPTERNLOGD(Imm(parity), w[(t+2)%16], w[(t+8)%16], x)
			VPXORD(w[(t+13)%16], x, x)
			VPROLD(Imm(1), x, x)
		}
		VPADDD(k[t/20], e, e)
		VMOVDQA32(b, f)
		VPTERNLOGD(Imm([]uint64{choose, parity, majority, parity}[t/20]), d, c, f)
		VPADDD(x, e, e)
		VPADDD(f, e, e)
		VPROLD(Imm(5), a, r)
		VPADDD(r, e, e)
		VPROLD(Imm(30), b, b)
		s = [5]VecVirtual{e, a, b, c, d}
	}
	for i := range s {
		VPADDD(stateRow(state, i), s[i], s[i])
		VMOVDQU32(s[i], stateRow(state, i))
	}
	next(offset, blocks)
}

// next ends the loop over the blocks, and the function.
func next(offset, blocks GPVirtual) {
	ADDQ(Imm(64), offset)
	DECQ(blocks)
	JNZ(LabelRef("block"))
	VZEROUPPER()
	RET()
}

// load16 loads a block of 16 messages and returns vectors of which each holds one word of all.
func load16(data, offset GPVirtual, flip VecVirtual) (w [16]VecVirtual) {
	var row [16]VecVirtual
	for i := range row {
		row[i] = ZMM()
		VMOVDQU32(lane(data, offset, i), row[i])
		VPSHUFB(flip, row[i], row[i])
	}
	// In each group of 4 messages, each 16 bytes of 4 words become 4 vectors' one word.
	for g := 0; g < 16; g += 4 {
		transpose4(row[g:g+4], ZMM)
	}
	// Then the same with groups and 16 bytes.
	for j := range 4 {
		g0, g1, g2, g3 := row[j], row[4+j], row[8+j], row[12+j]
		p, q := ZMM(), ZMM()
		VSHUFI32X4(Imm(0x44), g1, g0, p)
		VSHUFI32X4(Imm(0xee), g1, g0, g0)
		VSHUFI32X4(Imm(0x44), g3, g2, q)
		VSHUFI32X4(Imm(0xee), g3, g2, g2)
		VSHUFI32X4(Imm(0xdd), q, p, g1)
		VSHUFI32X4(Imm(0x88), q, p, p)
		VSHUFI32X4(Imm(0xdd), g2, g0, g3)
		VSHUFI32X4(Imm(0x88), g2, g0, g0)
		w[j], w[4+j], w[8+j], w[12+j] = p, g1, g0, g3
	}
	return w
}

// transpose4 transposes 4 x 4 words in each 16 bytes of four vectors.
func transpose4(r []VecVirtual, vector func() VecVirtual) {
	t0, t1 := vector(), vector()
	VPUNPCKLDQ(r[1], r[0], t0)
	VPUNPCKHDQ(r[1], r[0], r[0])
	VPUNPCKLDQ(r[3], r[2], t1)
	VPUNPCKHDQ(r[3], r[2], r[2])
	high0, high1 := r[0], r[2]
	VPUNPCKHQDQ(t1, t0, r[1])
	VPUNPCKLQDQ(t1, t0, t0)
	VPUNPCKHQDQ(high1, high0, r[3])
	VPUNPCKLQDQ(high1, high0, high0)
	r[0], r[2] = t0, high0
}

func sha1AVX2() {
	function("sha1AVX2", shaSignature, "sha1AVX2 hashes blocks of 64 bytes of the first 8 messages. It needs AVX2.")
	state, data, blocks, offset := param("state"), param("data"), param("blocks"), GP64()
	XORQ(offset, offset)
	words := AllocLocal(16 * 32)
	word := func(i int) Mem { return words.Offset(32 * (i % 16)) }
	Label("block")
	load8(data, offset, word)
	var s [5]VecVirtual
	for i := range s {
		s[i] = YMM()
		VMOVDQU(stateRow(state, i), s[i])
	}
	k, f, x, y := YMM(), YMM(), YMM(), YMM()
	for t := range 80 {
		a, b, c, d, e := s[0], s[1], s[2], s[3], s[4]
		if t%20 == 0 {
			VPBROADCASTD(sha1K().Offset(4*(t/20)), k)
		}
		VPADDD(k, e, e)
		if t >= 16 {
			VMOVDQU(word(t+13), x)
			VPXOR(word(t+8), x, x)
			VPXOR(word(t+2), x, x)
			VPXOR(word(t), x, x)
			VPSRLD(Imm(31), x, y)
			VPADDD(x, x, x)
			VPOR(y, x, x)
			VMOVDQU(x, word(t))
			VPADDD(x, e, e)
		} else {
			VPADDD(word(t), e, e)
		}
		switch t / 20 {
		case 0:
			VPXOR(d, c, f)
			VPAND(b, f, f)
			VPXOR(d, f, f)
		case 2:
			VPXOR(c, b, f)
			VPAND(d, f, f)
			VPAND(c, b, x)
			VPOR(x, f, f)
		default:
			VPXOR(d, c, f)
			VPXOR(b, f, f)
		}
		VPADDD(f, e, e)
		VPSLLD(Imm(5), a, x)
		VPSRLD(Imm(27), a, y)
		VPOR(y, x, x)
		VPADDD(x, e, e)
		VPSLLD(Imm(30), b, x)
		VPSRLD(Imm(2), b, b)
		VPOR(x, b, b)
		s = [5]VecVirtual{e, a, b, c, d}
	}
	for i := range s {
		VPADDD(stateRow(state, i), s[i], s[i])
		VMOVDQU(s[i], stateRow(state, i))
	}
	next(offset, blocks)
}

// load8 loads a block of 8 messages and stores vectors of which each holds one word of all.
func load8(data, offset GPVirtual, word func(int) Mem) {
	flip := YMM()
	VBROADCASTI128(byteOrder(), flip)
	for half := range 2 {
		var row [8]VecVirtual
		for i := range row {
			row[i] = YMM()
			m := lane(data, offset, i)
			m.Disp = 32 * half
			VMOVDQU(m, row[i])
			VPSHUFB(flip, row[i], row[i])
		}
		transpose4(row[:4], YMM)
		transpose4(row[4:], YMM)
		for j := range 4 {
			low := YMM()
			VPERM2I128(Imm(0x20), row[4+j], row[j], low)
			VPERM2I128(Imm(0x31), row[4+j], row[j], row[j])
			VMOVDQU(low, word(8*half+j))
			VMOVDQU(row[j], word(8*half+4+j))
		}
	}
}
