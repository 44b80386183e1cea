package sessions

import (
	"bufio"
	"bytes"
	"crypto/hmac"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"strings"

	"l2tpdump/esp"
	"l2tpdump/ikev1"
)

// PSK is a pre-shared key that is tried on the hashes of phase 1.
type PSK struct {
	Key    esp.Key
	Origin esp.Origin
}

// maxPSKs bounds the keys of a file.
const maxPSKs = 1024

// ReadPSKs reads pre-shared keys: one on each line, or as ipsec.secrets has them, `ID... : PSK
// "secret"`. A key may be in quotes, hexadecimal behind 0x, or base64 behind 0s; # begins a
// comment. name is what the file is called.
func ReadPSKs(r io.Reader, name string) ([]PSK, error) {
	var list []PSK
	in := bufio.NewScanner(r)
	for line := 1; in.Scan(); line++ {
		text := strings.TrimSpace(in.Text())
		if text == "" || text[0] == '#' {
			continue
		}
		if _, secret, ok := strings.Cut(text, ": PSK "); ok {
			text = strings.TrimSpace(secret)
		}
		key, err := secretBytes(text)
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", name, line, err)
		}
		if len(list) == maxPSKs {
			return nil, fmt.Errorf("%s: more than %d keys", name, maxPSKs)
		}
		list = append(list, PSK{esp.NewKey(key), esp.Origin{File: name, Line: line}})
	}
	if err := in.Err(); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if list == nil {
		return nil, fmt.Errorf("%s holds no pre-shared key", name)
	}
	return list, nil
}

var (
	errSecretHex    = errors.New("behind 0x there are no hexadecimal digits")
	errSecretBase64 = errors.New("behind 0s there is no base64")
)

// secretBytes reads a key. Its errors hold nothing of it.
func secretBytes(s string) ([]byte, error) {
	if digits, ok := strings.CutPrefix(s, "0x"); ok {
		b, err := hex.DecodeString(digits)
		if err != nil {
			return nil, errSecretHex
		}
		return b, nil
	}
	if text, ok := strings.CutPrefix(s, "0s"); ok {
		b, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return nil, errSecretBase64
		}
		return b, nil
	}
	for _, q := range `"'` {
		if n := len(s); n >= 2 && rune(s[0]) == q && rune(s[n-1]) == q {
			return []byte(s[1 : n-1]), nil
		}
	}
	return []byte(s), nil
}

// AddPSKs has pre-shared keys tried. It is called before the first record.
func (g *Gatherer) AddPSKs(list []PSK) { g.psks = list }

// proofs are what the hashes of phase 1 are made of (RFC 2409 section 5), by side; they are kept
// only if there are keys to try.
type proofs struct {
	sa                  []byte // body of the initiator's SA payload
	nonce, ke, id, hash [2][]byte
}

// take takes note of the payloads of a message of phase 1.
func (p *proofs) take(m *ikev1.Message, side int, initiates bool) {
	keep := func(to *[]byte, t ikev1.PayloadType) {
		if payload := m.Find(t); payload != nil && *to == nil {
			*to = bytes.Clone(payload.Body)
		}
	}
	if initiates {
		keep(&p.sa, ikev1.PayloadSA)
	}
	keep(&p.nonce[side], ikev1.PayloadNonce)
	keep(&p.ke[side], ikev1.PayloadKE)
	keep(&p.id[side], ikev1.PayloadID)
	keep(&p.hash[side], ikev1.PayloadHash)
}

// made reports whether a side's hash is made with a key; known is false where not all is known that
// it is made of.
func (x *exchange) made(side int, key esp.Key) (ok, known bool) {
	p := x.proofs
	if p == nil || newHash(x.chosen.Hash) == nil {
		return false, false
	}
	i, r := x.initiator, 1-x.initiator
	for _, b := range [...][]byte{p.sa, p.nonce[i], p.nonce[r], p.ke[i], p.ke[r], p.id[side], p.hash[side]} {
		if b == nil {
			return false, false
		}
	}
	prf := func(key []byte, parts ...[]byte) []byte {
		h := hmac.New(func() hash.Hash { return newHash(x.chosen.Hash) }, key)
		for _, b := range parts {
			h.Write(b)
		}
		return h.Sum(nil)
	}
	skeyid := prf(key.Bytes(), p.nonce[i], p.nonce[r])
	var cookies [2][]byte
	cookies[i], cookies[r] = x.cookies[0][:], x.cookies[1][:]
	want := prf(skeyid, p.ke[side], p.ke[1-side], cookies[side], cookies[1-side], p.sa, p.id[side])
	return hmac.Equal(want, p.hash[side]), true
}

// tried says what the keys of the file are: of which side each is.
func (x *exchange) tried(keys []PSK, s *Session) *proof {
	var known [2]bool
	var owner [2]*PSK
	for k := range keys {
		for side := range owner {
			ok, all := x.made(side, keys[k].Key)
			known[side] = known[side] || all
			if ok && owner[side] == nil {
				owner[side] = &keys[k]
			}
		}
	}
	frames := append(x.messages[2].frames(), x.messages[5].frames()...)
	for side := range owner {
		mine, other := owner[side], owner[1-side]
		switch {
		case mine != nil && known[1-side] && other == nil:
			return &proof{fmt.Sprintf("IKE: the pre-shared keys differ: %s has the one at %s, %s another",
				s.who(side), mine.Origin, s.who(1-side)), true, frames, x.step()}
		case mine != nil && other != nil && mine != other:
			return &proof{fmt.Sprintf("IKE: the pre-shared keys differ: %s has the one at %s, %s that at %s",
				s.who(side), mine.Origin, s.who(1-side), other.Origin),
				true, frames, x.step()}
		}
	}
	return nil
}

// foreign says that the keys of the file are not those of a side.
func (x *exchange) foreign(keys []PSK, s *Session) *proof {
	for side := range x.ids {
		known, own := false, false
		for k := range keys {
			ok, all := x.made(side, keys[k].Key)
			known, own = known || all, own || ok
		}
		if known && !own {
			return &proof{fmt.Sprintf("IKE: none of the pre-shared keys of the file is the one that %s has",
				s.who(side)), false,
				append(x.messages[2].frames(), x.messages[5].frames()...), x.step()}
		}
	}
	return nil
}
