// Package lanes is the cryptography that most ESP packets take, as fast as the processor allows:
// AES-CBC with many blocks in flight, and HMAC-SHA1 and HMAC-SHA-256 (RFC 2104) of many messages
// side by side, each in a lane of a vector register.
//
// [Prefetch] is of the same kind: it has what the packets of many SAs need fetched from memory
// together.
//
// The assembly is chosen once at start: VAES or AES-NI, AVX-512 or AVX2. It is written by the
// module in asm. On other processors, and with the build tag purego, the standard library does it
// all behind the same functions.
package lanes

//go:generate go run -C asm . -pkg lanes -out ../asm_amd64.s -stubs ../asm_amd64.go
