// Package fingerprint says of a secret that the traffic shows how long it is, and whether it is the
// same as another.
package fingerprint

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"strconv"
)

// key is of this run alone: who reads the output can't try passwords.
var key = func() (k [sha256.Size]byte) {
	rand.Read(k[:]) // it never fails
	return k
}()

// random is the length in bytes from which on a challenge or a response to it can't be guessed.
const random = 16

// Append appends of a challenge, or of the response to one, "16 bytes, fingerprint 1a2b3c4d". Equal
// values have equal fingerprints, in every run: there is no trying of passwords without the
// challenge, which is not shown.
func Append(dst, value []byte) []byte {
	if len(value) < random {
		return AppendPassword(dst, value)
	}
	sum := sha256.Sum256(value)
	return appendSum(dst, value, sum[:])
}

// AppendPassword does so of a password, or of what may hold one. Its fingerprint tells equal values
// within a run, and nothing beyond it.
func AppendPassword(dst, value []byte) []byte {
	mac := hmac.New(sha256.New, key[:])
	mac.Write(value)
	return appendSum(dst, value, mac.Sum(nil))
}

func appendSum(dst, value, sum []byte) []byte {
	dst = AppendSize(dst, len(value))
	if len(value) == 0 {
		return dst
	}
	return hex.AppendEncode(append(dst, ", fingerprint "...), sum[:4])
}

// AppendSize appends a number of bytes: "1 byte", "16 bytes".
func AppendSize(dst []byte, n int) []byte {
	dst = strconv.AppendInt(dst, int64(n), 10)
	if n == 1 {
		return append(dst, " byte"...)
	}
	return append(dst, " bytes"...)
}
