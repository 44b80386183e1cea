package esp

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"unsafe"
)

// Key is key material of any length. It prints its length and a fingerprint, never its
// bytes, whatever way it is printed. The zero value is the empty key. A Key never changes and
// may be shared.
type Key struct {
	// Its length (lengthSize bytes), and behind that its bytes. In an unexported field, where fmt
	// calls no method, a pointer to a byte shows an address for every verb: what it points to fmt
	// would show of pointers to slices, structs and the like only. Without a pointer in what it
	// points to, a million keys cost the garbage collector little.
	p *byte
}

const lengthSize = 4

// NewKey returns a Key with a copy of b; an empty b gives the zero Key.
func NewKey(b []byte) Key {
	return new(KeyRoom).NewKey(b)
}

// A KeyRoom is memory for several keys, which is kept as long as one of them. The zero value is
// ready; its first key has memory of its own.
type KeyRoom []byte

// NewKey is the function NewKey.
func (r *KeyRoom) NewKey(b []byte) Key {
	if len(b) == 0 {
		return Key{}
	}
	if size := lengthSize + len(b); cap(*r)-len(*r) < size {
		if cap(*r) > 0 {
			size = max(512, size)
		}
		*r = make([]byte, 0, size)
	}
	at := len(*r)
	*r = append(binary.NativeEndian.AppendUint32(*r, uint32(len(b))), b...)
	return Key{&(*r)[at]}
}

// Len returns the number of bytes.
func (k Key) Len() int {
	if k.p == nil {
		return 0
	}
	return int(binary.NativeEndian.Uint32(unsafe.Slice(k.p, lengthSize)))
}

// IsZero reports whether the key is empty.
func (k Key) IsZero() bool { return k.p == nil }

// Bytes returns the bytes themselves, nil for the empty key. It is the only way to them. The caller
// must neither change nor print them.
func (k Key) Bytes() []byte {
	if k.p == nil {
		return nil
	}
	n := lengthSize + k.Len()
	return unsafe.Slice(k.p, n)[lengthSize:n:n]
}

// Equal reports whether both keys have the same bytes, in a time that depends on the
// length only, and on whether both are one piece of memory.
func (k Key) Equal(other Key) bool {
	return k == other || subtle.ConstantTimeCompare(k.Bytes(), other.Bytes()) == 1
}

// Head returns the first n bytes, the whole key if it has no more, and the empty key for n <= 0.
func (k Key) Head(n int) Key {
	switch {
	case n <= 0:
		return Key{}
	case n >= k.Len():
		return k
	}
	return NewKey(k.Bytes()[:n])
}

// HasPrefix reports whether the key begins with prefix; each key begins with the empty key.
func (k Key) HasPrefix(prefix Key) bool {
	n := prefix.Len()
	return k == prefix || n <= k.Len() && subtle.ConstantTimeCompare(k.Bytes()[:n], prefix.Bytes()) == 1
}

// Fingerprint tells keys apart without showing them: 8 hex digits of a SHA-256 over a
// label and the key, "-" for the empty key.
func (k Key) Fingerprint() string {
	if k.IsZero() {
		return "-"
	}
	var space [128]byte
	b := append(append(space[:0], "l2tpdump key fingerprint\x00"...), k.Bytes()...)
	sum := sha256.Sum256(b)
	clear(b)
	return hex.EncodeToString(sum[:4])
}

// String returns what may be shown of a key, as in "16 bytes, fingerprint 1a2b3c4d", or "none".
func (k Key) String() string {
	switch n := k.Len(); n {
	case 0:
		return "none"
	case 1:
		return "1 byte, fingerprint " + k.Fingerprint()
	default:
		return fmt.Sprintf("%d bytes, fingerprint %s", n, k.Fingerprint())
	}
}

// Format writes String for every verb, %x and %s too, with its type for %#v.
func (k Key) Format(s fmt.State, verb rune) {
	if verb == 'v' && s.Flag('#') {
		fmt.Fprintf(s, "esp.Key(%s)", k.String())
		return
	}
	io.WriteString(s, k.String())
}

// LogValue is String, for log/slog.
func (k Key) LogValue() slog.Value { return slog.StringValue(k.String()) }

// MarshalText is String; there is no way back.
func (k Key) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// MarshalJSON is String as a JSON string; there is no way back.
func (k Key) MarshalJSON() ([]byte, error) { return []byte(`"` + k.String() + `"`), nil }
