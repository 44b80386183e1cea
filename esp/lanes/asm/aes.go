package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// expandKey does the key expansion of the equivalent inverse cipher (FIPS 197, 5.2 and 5.3.5).
func expandKey() {
	function("expandKey", "func(keys, words *byte, n, count int)", "expandKey makes the round keys for decryption, "+
		"the first round's first, of a key, which is the first n of count words. It needs AES-NI.")
	keys, words, n, count := param("keys"), param("words"), param("n"), param("count")
	word := func(base GPVirtual) Mem { return Mem{Base: base} }
	earlier, next, end, place := GP64(), GP64(), GP64(), GP64() // place: of the next word in a row of n
	MOVQ(words, earlier)
	LEAQ(Mem{Base: words, Index: n, Scale: 4}, next)
	LEAQ(Mem{Base: words, Index: count, Scale: 4}, end)
	XORQ(place, place)
	w, constant, x := GP32(), GP32(), XMM()
	MOVL(Mem{Base: next, Disp: -4}, w)
	MOVL(U32(1), constant)
	// substitute puts w through the S-box; part 1 rotates it, too.
	substitute := func(part uint64) {
		MOVD(w, x)
		PSHUFD(Imm(0), x, x)
		AESKEYGENASSIST(Imm(0), x, x)
		PSHUFD(Imm(part), x, x)
		MOVD(x, w)
	}

	Label("words")
	CMPQ(place, Imm(4))
	JE(LabelRef("middle"))
	TESTQ(place, place)
	JNE(LabelRef("add"))
	substitute(1)
	XORL(constant, w)
	ADDL(constant, constant)
	TESTL(U32(0x100), constant)
	JE(LabelRef("add"))
	XORL(U32(0x11b), constant)
	JMP(LabelRef("add"))
	Label("middle") // of a row of 8
	CMPQ(n, Imm(8))
	JNE(LabelRef("add"))
	substitute(0)
	Label("add")
	XORL(word(earlier), w)
	MOVL(w, word(next))
	ADDQ(Imm(4), earlier)
	ADDQ(Imm(4), next)
	INCQ(place)
	CMPQ(place, n)
	JNE(LabelRef("more"))
	XORQ(place, place)
	Label("more")
	CMPQ(next, end)
	JB(LabelRef("words"))

	SUBQ(Imm(16), end)
	MOVOU(word(end), x)
	MOVOU(x, word(keys))
	Label("rounds")
	ADDQ(Imm(16), keys)
	SUBQ(Imm(16), end)
	MOVOU(word(end), x)
	CMPQ(end, words)
	JE(LabelRef("last"))
	AESIMC(x, x)
	MOVOU(x, word(keys))
	JMP(LabelRef("rounds"))
	Label("last")
	MOVOU(x, word(keys))
	RET()
}

const cbcSignature = "func(keys *byte, rounds int, dst, src, iv *byte, blocks int)"

// cbc has the parameters of both functions.
type cbc struct{ keys, rounds, dst, src, iv, blocks GPVirtual }

func loadCBC() cbc {
	return cbc{param("keys"), param("rounds"), param("dst"), param("src"), param("iv"), param("blocks")}
}

// decrypt applies all rounds: round does one with the given key, last the last one. The rounds that
// only longer keys have are jumped over.
func (p cbc) decrypt(label string, round, last func(key Mem)) {
	key := func(i int) Mem { return Mem{Base: p.keys, Disp: 16 * i} }
	for i := 1; i < 10; i++ {
		round(key(i))
	}
	CMPQ(p.rounds, Imm(12))
	JB(LabelRef(label + "Last"))
	round(key(10))
	round(key(11))
	JE(LabelRef(label + "Last"))
	round(key(12))
	round(key(13))
	Label(label + "Last")
	end := GP64()
	MOVQ(p.rounds, end)
	SHLQ(Imm(4), end)
	last(Mem{Base: p.keys, Index: end, Scale: 1})
}

func cbcAESNI() {
	function("cbcAESNI", cbcSignature, "cbcAESNI decrypts with 8 blocks in flight. dst may be src.")
	p := loadCBC()
	previous := XMM()
	MOVOU(Mem{Base: p.iv}, previous)
	for _, n := range []int{8, 1} {
		label := map[int]string{8: "eight", 1: "one"}[n]
		Label(label)
		CMPQ(p.blocks, Imm(uint64(n)))
		JB(LabelRef(label + "Done"))
		block := func(base GPVirtual, i int) Mem { return Mem{Base: base, Disp: 16 * i} }
		x, key := make([]VecVirtual, n), XMM()
		MOVOU(Mem{Base: p.keys}, key)
		for i := range x {
			x[i] = XMM()
			MOVOU(block(p.src, i), x[i])
			PXOR(key, x[i])
		}
		p.decrypt(label, func(m Mem) {
			MOVOU(m, key)
			for i := range x {
				AESDEC(key, x[i])
			}
		}, func(m Mem) {
			MOVOU(m, key)
			for i := range x {
				AESDECLAST(key, x[i])
			}
		})
		// All ciphertext is read before any plaintext is written.
		PXOR(previous, x[0])
		for i := 1; i < n; i++ {
			MOVOU(block(p.src, i-1), key)
			PXOR(key, x[i])
		}
		MOVOU(block(p.src, n-1), previous)
		for i := range x {
			MOVOU(x[i], block(p.dst, i))
		}
		ADDQ(U32(16*n), p.src)
		ADDQ(U32(16*n), p.dst)
		SUBQ(Imm(uint64(n)), p.blocks)
		JMP(LabelRef(label))
		Label(label + "Done")
	}
	RET()
}

// cbcVAES keeps 4 vectors of 4 blocks in flight. The rest of a message is done in the same way
// under a mask.
func cbcVAES() {
	function("cbcVAES", cbcSignature, "cbcVAES decrypts with 16 blocks in flight. It needs AVX-512 and VAES. dst may be src.")
	p := loadCBC()
	previous := ZMM()
	VBROADCASTI32X4(Mem{Base: p.iv}, previous)
	Label("sixteen")
	CMPQ(p.blocks, Imm(16))
	JB(LabelRef("sixteenDone"))
	p.vectors("sixteen", previous, nil)
	ADDQ(U32(256), p.src)
	ADDQ(U32(256), p.dst)
	SUBQ(Imm(16), p.blocks)
	JMP(LabelRef("sixteen"))
	Label("sixteenDone")

	TESTQ(p.blocks, p.blocks)
	JZ(LabelRef("done"))
	// Two bits of the mask for each block.
	bits, count := GP64(), GP64()
	MOVQ(p.blocks, count)
	ADDQ(count, count)
	MOVQ(I64(-1), bits)
	SHLXQ(count, bits, bits)
	NOTQ(bits)
	masks := make([]Register, 4)
	for i := range masks {
		k := K()
		masks[i] = k
		KMOVW(bits.As32(), k)
		SHRQ(Imm(8), bits)
	}
	p.vectors("rest", previous, masks)
	Label("done")
	VZEROUPPER()
	RET()
}

// vectors decrypts 4 vectors, of which only what the masks tell exists.
func (p cbc) vectors(label string, previous VecVirtual, masks []Register) {
	var x, c [4]VecVirtual
	key := ZMM()
	VBROADCASTI32X4(Mem{Base: p.keys}, key)
	for i := range x {
		x[i], c[i] = ZMM(), ZMM()
		from := Mem{Base: p.src, Disp: 64 * i}
		if masks == nil {
			VMOVDQU64(from, c[i])
		} else {
			VMOVDQU64_Z(from, masks[i], c[i])
		}
		VPXORQ(key, c[i], x[i])
	}
	p.decrypt(label, func(m Mem) {
		VBROADCASTI32X4(m, key)
		for i := range x {
			VAESDEC(key, x[i], x[i])
		}
	}, func(m Mem) {
		VBROADCASTI32X4(m, key)
		for i := range x {
			VAESDECLAST(key, x[i], x[i])
		}
	})
	for i := range x {
		// The ciphertext one block earlier.
		VALIGNQ(Imm(6), previous, c[i], previous)
		VPXORQ(previous, x[i], x[i])
		VMOVDQA64(c[i], previous)
		to := Mem{Base: p.dst, Disp: 64 * i}
		if masks == nil {
			VMOVDQU64(x[i], to)
		} else {
			VMOVDQU64(x[i], masks[i], to)
		}
	}
}
