package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// expandKey does the key expansion of the equivalent inverse cipher (FIPS 197, 5.2 and 5.3.5) of
// keys of 4, 6 or 8 words.
func expandKey(words int) {
	name := fmt.Sprint("expandKey", 32*words)
	function(name, "func(keys, key *byte)", fmt.Sprint(name, " makes the round keys for decryption, the first round's ",
		"first, of a key of ", 4*words, " bytes. It needs AES-NI."))
	keys, key := param("keys"), param("key")
	rounds := words + 6
	at := rounds // of the next round key
	store := func(x VecVirtual) {
		if 0 < at && at < rounds {
			y := XMM()
			AESIMC(x, y)
			x = y
		}
		if at >= 0 {
			MOVOU(x, Mem{Base: keys, Disp: 16 * at})
		}
		at--
	}
	// expand makes the words of x those that follow the key's. The one in front of them went through
	// AESKEYGENASSIST, which left it in a place of assisted.
	expand := func(x, assisted VecVirtual, place uint64) {
		PSHUFD(Imm(place*0b01010101), assisted, assisted)
		earlier := XMM()
		for _, bytes := range []uint64{4, 8} {
			MOVO(x, earlier)
			PSLLDQ(Imm(bytes), earlier)
			PXOR(earlier, x)
		}
		PXOR(assisted, x)
	}
	a, b, assisted := XMM(), XMM(), XMM() // a row of the words, as many as the key has
	MOVOU(Mem{Base: key}, a)
	switch words {
	case 6:
		MOVQ(Mem{Base: key, Disp: 16}, b)
	case 8:
		MOVOU(Mem{Base: key, Disp: 16}, b)
	}
	constant := uint64(1)
	next := func() {
		place, last := map[int]uint64{4: 3, 6: 1, 8: 3}[words], b
		if words == 4 {
			last = a
		}
		AESKEYGENASSIST(Imm(constant), last, assisted)
		expand(a, assisted, place)
		if constant <<= 1; constant > 0xff {
			constant ^= 0x11b
		}
		switch words {
		case 6:
			PSHUFD(Imm(0xff), a, assisted)
			PXOR(b, assisted)
			PSLLDQ(Imm(4), b)
			PXOR(assisted, b)
		case 8:
			AESKEYGENASSIST(Imm(0), a, assisted)
			expand(b, assisted, 2)
		}
	}
	for store(a); at >= 0; store(a) {
		switch words {
		case 6: // three round keys are two rows
			mixed := XMM()
			MOVO(b, mixed)
			next()
			PUNPCKLQDQ(a, mixed)
			store(mixed)
			MOVO(a, mixed)
			SHUFPD(Imm(1), b, mixed)
			store(mixed)
		case 8:
			store(b)
		}
		next()
	}
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
