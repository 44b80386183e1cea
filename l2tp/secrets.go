package l2tp

import (
	"bufio"
	"bytes"
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha1"
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"
	"unicode"
	"unicode/utf8"

	"l2tpdump/esp"
)

// Bounds of a file of secrets.
const (
	maxSecrets    = 64
	maxSecretSize = 4096 // bytes
)

// Secrets are the shared secrets that tunnels may have.
type Secrets struct {
	all   []secret
	place string // of all: "FILE:1", "FILE:1-9"
}

// secret is one of them.
type secret struct {
	key   esp.Key
	place string // "FILE:1"
}

// ReadSecrets reads a file of shared secrets, one on each line. name is what errors and findings
// call the file.
func ReadSecrets(r io.Reader, name string) (*Secrets, error) {
	s := &Secrets{}
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, maxSecretSize), maxSecretSize)
	for number := 1; lines.Scan(); number++ {
		line := bytes.TrimSuffix(lines.Bytes(), []byte("\r"))
		switch {
		case len(line) == 0:
		case len(s.all) == maxSecrets:
			return nil, fmt.Errorf("%s: more than %d secrets", name, maxSecrets)
		default:
			s.all = append(s.all, secret{esp.NewKey(line), fmt.Sprintf("%s:%d", name, number)})
		}
	}
	switch err := lines.Err(); {
	case errors.Is(err, bufio.ErrTooLong):
		return nil, fmt.Errorf("%s: a line has more than %d bytes; a secret has a line of its own", name, maxSecretSize)
	case err != nil:
		return nil, err
	case len(s.all) == 0:
		return nil, fmt.Errorf("%s: no secret in it; each line is one", name)
	}
	s.place = s.all[0].place
	if last := s.all[len(s.all)-1].place; last != s.place {
		s.place += "-" + last[len(name)+1:]
	}
	return s, nil
}

// Proof is what traffic says of a secret.
type Proof uint8

const (
	Unproved  Proof = iota // nothing: there is nothing to compare, or no secret
	Right                  // it was made with one of the secrets
	Wrong                  // it was made with none of them
	Unchecked              // what it was made of, too, is not in the capture
)

// String is "", "right", "wrong" or "unchecked".
func (p Proof) String() string { return [...]string{"", "right", "wrong", "unchecked"}[p] }

// prove has each secret tried, and returns with the proof the place of the first that is right, or
// of all.
func (s *Secrets) prove(right func(secret []byte) bool) (p Proof, place string) {
	if s == nil {
		return Unproved, ""
	}
	for i := range s.all {
		if right(s.all[i].key.Bytes()) {
			return Right, s.all[i].place
		}
	}
	return Wrong, s.place
}

// response is the Challenge Response that a message of this type has to hold (RFC 2661 section
// 4.2).
func response(kind uint16, secret, challenge []byte) [md5.Size]byte {
	return md5.Sum(append(append([]byte{byte(kind)}, secret...), challenge...))
}

// Types of a Message Digest (RFC 3931 section 5.4.1).
const (
	digestMD5  = 0
	digestSHA1 = 1
)

// What the keys of L2TPv3 are for that are made from a secret (RFC 3931 sections 4.3 and 5.3).
const (
	forHiding  = 1
	forDigests = 2
)

// sharedKey makes the key of L2TPv3 for a purpose.
func sharedKey(secret []byte, purpose byte) []byte {
	sum := hmac.New(md5.New, secret)
	sum.Write([]byte{purpose})
	return sum.Sum(nil)
}

// digestFits reports whether one of the Message Digests of a message was made with the secret (RFC
// 3931 section 4.3). message is the control message from its flags on, nonces those of its sender
// and its receiver, nil as long as they are not known.
func digestFits(secret, message []byte, nonces [2][]byte) bool {
	key := sharedKey(secret, forDigests)
	at := controlSize3
	for a, err := range walkAVPs(message[at:]) {
		if err != nil {
			return false
		}
		at += avpHeader + len(a.Value)
		if a.Vendor != 0 || a.Type != avpMessageDigest || len(a.Value) < 1 {
			continue
		}
		kinds := map[byte]func() hash.Hash{digestMD5: md5.New, digestSHA1: sha1.New}
		made := kinds[a.Value[0]]
		if made == nil {
			continue
		}
		mac := hmac.New(made, key)
		mac.Write(nonces[0])
		mac.Write(nonces[1])
		digest := a.Value[1:]
		mac.Write(message[:at-len(digest)])
		mac.Write(make([]byte, len(digest)))
		mac.Write(message[at:])
		if hmac.Equal(mac.Sum(nil), digest) {
			return true
		}
	}
	return false
}

// uncover is the value of a hidden AVP (RFC 2661 section 4.3, RFC 3931 section 5.3). It is false if
// the length in it, or the value, does not fit.
func (a *avp) uncover(secret, vector []byte) (value []byte, ok bool) {
	if len(a.Value) < 2 {
		return nil, false
	}
	plain := make([]byte, len(a.Value))
	sum := md5.Sum(append(append(binary.BigEndian.AppendUint16(nil, a.Type), secret...), vector...))
	for at := 0; at < len(plain); at += md5.Size {
		block := a.Value[at:min(at+md5.Size, len(plain))]
		subtle.XORBytes(plain[at:], block, sum[:])
		sum = md5.Sum(append(append([]byte(nil), secret...), block...))
	}
	n := int(binary.BigEndian.Uint16(plain))
	if n > len(plain)-2 {
		return nil, false
	}
	clear := avp{Vendor: a.Vendor, Type: a.Type, Value: plain[2 : 2+n]}
	return clear.Value, clear.fits()
}

// fits reports whether the value is one that the attribute can have.
func (a *avp) fits() bool {
	write := a.attribute().value
	switch {
	case write == nil:
		return true
	case isText[a.Type]:
		return utf8.Valid(a.Value) && bytes.IndexFunc(a.Value, unicode.IsControl) < 0
	}
	_, ok := write(nil, a.Value)
	return ok
}

// isText are the attributes that are texts.
var isText = map[uint16]bool{
	avpHostName: true, avpVendorName: true, avpCalledNumber: true, avpCallingNumber: true, 23: true,
	avpProxyAuthenName: true, 37: true, 43: true, 44: true, avpRemoteEnd: true, 72: true,
}

// uncover uncovers the hidden AVPs of a message with the secret that fits all of them.
func (c *Control) uncover(version uint8, s *Secrets) (proof Proof, place string) {
	var values [][]byte
	proof, place = s.prove(func(secret []byte) bool {
		if version == Version3 {
			secret = sharedKey(secret, forHiding)
		}
		var vector []byte
		values = values[:0]
		for i := range c.avps {
			switch a := &c.avps[i]; {
			case a.Hidden:
				value, ok := a.uncover(secret, vector)
				if !ok {
					return false
				}
				values = append(values, value)
			case a.Vendor == 0 && a.Type == avpRandomVector:
				vector = a.Value
			}
		}
		return true
	})
	for i := range c.avps {
		switch a := &c.avps[i]; {
		case !a.Hidden:
		case proof == Right:
			a.Value, a.uncovered = values[0], true
			values = values[1:]
		case proof == Wrong:
			a.wrong = true
		}
	}
	return proof, place
}
