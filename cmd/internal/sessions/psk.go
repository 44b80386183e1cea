package sessions

import (
	"bufio"
	"bytes"
	"crypto/hmac"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
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
		list = append(list, PSK{esp.NewKey(key), esp.OriginAt(name, line)})
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

// trial is what came of the keys of a file at a side: it has one of them, or none, or that can't be
// told.
type trial struct {
	key  *PSK
	lack string // what is missing to tell; "" nothing
}

// tryPSKs tries keys on what each side made of its own: the HASH of phase 1 (RFC 2409 section 5),
// or else the SKEYID that a key source has. nil: there are no keys, or phase 1 uses none.
func (x *exchange) tryPSKs(keys []PSK) []trial {
	if len(keys) == 0 || !x.usesPSK() {
		return nil
	}
	trials := make([]trial, 2)
	for side := range trials {
		fits, lack := x.madeOf(side)
		trials[side].lack = lack
		for i := range keys {
			if lack == "" && fits(keys[i].Key) {
				trials[side].key = &keys[i]
				break
			}
		}
	}
	return trials
}

// madeOf returns a function that reports whether a side has a key; lack says what is missing for
// that, and is "" if nothing is.
func (x *exchange) madeOf(side int) (fits func(esp.Key) bool, lack string) {
	p := x.proofs
	i, r := x.initiator, 1-x.initiator
	have := func(list ...[]byte) bool {
		return !slices.ContainsFunc(list, func(b []byte) bool { return b == nil })
	}
	made := ikev1.NewHash(x.chosen.Hash)
	if made == nil || !have(p.nonce[i], p.nonce[r]) {
		return nil, "the nonces of phase 1 are not in the capture"
	}
	prf := func(key []byte, parts ...[]byte) []byte {
		h := hmac.New(made, key)
		for _, b := range parts {
			h.Write(b)
		}
		return h.Sum(nil)
	}
	skeyid := func(key esp.Key) []byte { return prf(key.Bytes(), p.nonce[i], p.nonce[r]) }
	if have(p.sa, p.ke[i], p.ke[r], p.id[side], p.hash[side]) {
		var cookies [2][]byte
		cookies[i], cookies[r] = x.cookies[0][:], x.cookies[1][:]
		return func(key esp.Key) bool {
			return hmac.Equal(p.hash[side],
				prf(skeyid(key), p.ke[side], p.ke[1-side], cookies[side], cookies[1-side], p.sa, p.id[side]))
		}, ""
	}
	if known := x.skeyid(side); !known.IsZero() {
		return func(key esp.Key) bool { return hmac.Equal(skeyid(key), known.Bytes()) }, ""
	}
	switch n := x.proofNumber(side); {
	case !x.messages[n].seen():
		return nil, fmt.Sprintf("the capture has no message %d of it", n)
	case !have(p.id[side], p.hash[side]):
		return nil, fmt.Sprintf("no key that was given opens its message %d", n)
	}
	return nil, "what its HASH is made of was not all captured"
}

// skeyid is the SKEYID that a key source has for the messages of a side, zero if none does.
func (x *exchange) skeyid(side int) esp.Key {
	if secret := x.terms.Secrets[side^x.initiator]; secret != nil {
		return secret.SKEYID
	}
	return esp.Key{}
}

// proofNumber is the number of the message in which a side sends its HASH.
func (x *exchange) proofNumber(side int) int {
	switch aggressive := x.kind == ikev1.ExchangeAggressive; {
	case aggressive && side == x.initiator:
		return 3
	case aggressive:
		return 2
	case side == x.initiator:
		return 5
	}
	return 6
}

// pskTried: of the keys that somebody named one is that of one end, and not that of the other.
func pskTried(s *Session, x *exchange) *proof {
	trials := x.tryPSKs(s.psks)
	for side := range trials {
		mine, other := trials[side], trials[1-side]
		if mine.key == nil || other.lack != "" || other.key == mine.key {
			continue
		}
		has := "another"
		if other.key != nil {
			has = "the one at " + other.key.Origin.String()
		}
		return proven(x.proofFrames(), "IKE: the pre-shared keys differ: %s has the one at %s, %s %s",
			s.who(side), mine.key.Origin, s.who(1-side), has).at(x.step())
	}
	return nil
}

// pskForeign: nothing else is known than that the keys which somebody named are not those of an
// end.
func pskForeign(s *Session, x *exchange) *proof {
	for side, t := range x.tryPSKs(s.psks) {
		if t.lack == "" && t.key == nil {
			return typical(x.proofFrames(), "IKE: none of the pre-shared keys of the file is the one that %s has",
				s.who(side)).at(x.step())
		}
	}
	return nil
}

// proofFrames are those of the messages that have a HASH, and of what it is made of.
func (x *exchange) proofFrames() []uint64 {
	return append(x.messages[2].frames(), x.messages[5].frames()...)
}

// pskRemarks says of each end what came of the keys that somebody named, where the cause does not.
func (s *Session) pskRemarks() []string {
	x := s.exchange()
	switch {
	case len(s.psks) == 0, ofPhase1(pskTried)(s) != nil:
		return nil
	case x == nil:
		return []string{"no pre-shared key was tried: no IKE was captured"}
	case !x.usesPSK():
		return []string{"no pre-shared key was tried: phase 1 uses none, or how it began was not captured"}
	}
	trials := x.tryPSKs(s.psks)
	if trials[client] == trials[server] && trials[client].key != nil {
		return []string{"both ends have the pre-shared key at " + trials[client].key.Origin.String()}
	}
	var list []string
	for side, t := range trials {
		switch {
		case t.key != nil:
			list = append(list, fmt.Sprintf("%s has the pre-shared key at %s", s.who(side), t.key.Origin))
		case t.lack == "":
			list = append(list, s.who(side)+" has none of the pre-shared keys of the file")
		default:
			list = append(list, fmt.Sprintf("which pre-shared key %s has can't be told: %s", s.who(side), t.lack))
		}
	}
	return list
}
