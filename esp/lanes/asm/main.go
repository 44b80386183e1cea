// Asm writes the assembly of package lanes. It is a module of its own, so that avo is no dependency
// of the program.
package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

func main() {
	ConstraintExpr("!purego")
	for _, words := range []int{4, 6, 8} {
		expandKey(words)
	}
	cbcAESNI()
	cbcVAES()
	sha1AVX2()
	sha1AVX512()
	sha256AVX512()
	prefetch()
	Generate()
}

func prefetch() {
	function("prefetch", "func(p *byte, size int)", "prefetch has memory fetched into the cache, line by line.")
	p, size := param("p"), param("size")
	Label("line")
	PREFETCHT0(Mem{Base: p})
	ADDQ(U8(64), p)
	SUBQ(U8(64), size)
	JG(LabelRef("line"))
	RET()
}

// function begins a function whose arguments do not escape.
func function(name, signature, doc string) {
	TEXT(name, NOSPLIT, signature)
	Pragma("noescape")
	Doc(doc)
}

var tables = map[string]Mem{}

// constants is a table of 32-bit words.
func constants(name string, words ...uint32) Mem {
	m, ok := tables[name]
	if !ok {
		m = GLOBL(name, RODATA|NOPTR)
		for i, w := range words {
			DATA(4*i, U32(w))
		}
		tables[name] = m
	}
	return m
}

// param loads a parameter.
func param(name string) GPVirtual { return Load(Param(name), GP64()).(GPVirtual) }

// Each lane reads a message of its own: data[lane] + offset.
func lane(data, offset GPVirtual, i int) Mem {
	p := GP64()
	MOVQ(Mem{Base: data, Disp: 8 * i}, p)
	return Mem{Base: p, Index: offset, Scale: 1}
}

// stateRow is a word of the state, in all lanes.
func stateRow(state GPVirtual, i int) Mem { return Mem{Base: state, Disp: 64 * i} }

// shaSignature is of the functions that hash whole blocks in lanes.
const shaSignature = "func(state *[8][16]uint32, data *[16]*byte, blocks int)"

// byteOrder reverses the bytes of each word, with VPSHUFB.
func byteOrder() Mem { return constants("byteOrder", 0x00010203, 0x04050607, 0x08090a0b, 0x0c0d0e0f) }

// sha1K are the constants of FIPS 180-4, 4.2.1, one for 20 rounds each.
func sha1K() Mem { return constants("sha1K", 0x5a827999, 0x6ed9eba1, 0x8f1bbcdc, 0xca62c1d6) }
