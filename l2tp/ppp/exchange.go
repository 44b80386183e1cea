package ppp

import (
	"crypto/sha1"
	"crypto/sha256"
	"slices"
)

// Proof is what the traffic says of the password of a link's user.
type Proof uint8

const (
	ProofNone    Proof = iota // no challenge with its response was seen
	ProofUnknown              // the file of secrets has none of the user
	ProofWrong                // the response was made with another password than that of the file
	ProofRight
	ProofHashed // the file has the NT hash, and the response was made with the password itself (CHAP, not MS-CHAP)
)

// authentication follows who proves who he is on a link, and how (PAP, CHAP, EAP).
type authentication struct {
	algorithms [2]byte // of CHAP that each end has agreed to answer with, 0: not known or none
	accepted   bool    // somebody was told that he is let in
	exchange   exchange
	challenger int    // the end that sent the challenge
	server     string // its name
	user       string // of the other, "" as long as it is not known
	proof      Proof
	confirmed  bool   // the response was accepted
	place      string // of the password in the file of secrets
	keys       *startKeys
}

const maxUser = 256

// noCHAP stands for PAP and EAP among the algorithms of CHAP.
const noCHAP = 0xff

// setUser takes note of the name under which an end logs in.
func (a *authentication) setUser(name []byte) { a.user = string(name[:min(len(name), maxUser)]) }

// pap follows a PAP packet.
func (a *authentication) pap(c *Control) {
	if name, _, ok := counted(c.Data); ok && c.Code == 1 {
		a.setUser(name)
	}
	a.accepted = a.accepted || c.Code == 2
}

// chap follows a CHAP packet of that algorithm, 0 if it is not known.
func (a *authentication) chap(sender int, c *Control, algorithm byte, secrets *Secrets) {
	value, name, ok := counted(c.Data)
	switch {
	case c.Code == 1 && ok:
		a.challenge(sender, c.ID, algorithm, value, name)
	case c.Code == 2 && ok:
		a.setUser(name)
		a.response(sender, c.ID, value, secrets)
	case c.Code == 3:
		a.accept()
	case c.Code == 4:
		a.refused()
	}
}

// eap follows an EAP packet: the methods MD5-Challenge and MS-CHAPv2.
func (a *authentication) eap(sender int, c *Control, secrets *Secrets) {
	switch c.Code {
	case 3:
		a.accept()
	case 4:
		a.refused()
	}
	if len(c.Data) < 1 || c.Code != 1 && c.Code != 2 {
		return
	}
	data, request := c.Data[1:], c.Code == 1
	const identity, md5Challenge, msCHAP = 1, 4, 26
	switch kind := c.Data[0]; {
	case kind == identity && !request:
		a.setUser(data)
	case kind == md5Challenge:
		value, name, ok := counted(data)
		if ok && request {
			a.challenge(sender, c.ID, chapMD5, value, name)
		} else if ok {
			a.response(sender, c.ID, value, secrets)
		}
	case kind == msCHAP:
		var inner Control
		err := inner.Decode(protocolCHAP, data)
		server := inner.Code == 1 || inner.Code == 4 // of success EAP itself speaks
		if client := inner.Code == 2; err == nil && (request && server || !request && client) {
			a.chap(sender, &inner, msCHAPv2, secrets)
		}
	}
}

func (a *authentication) challenge(sender int, id, algorithm byte, value, name []byte) {
	a.challenger, a.server = sender, string(name[:min(len(name), maxUser)])
	a.exchange = exchange{algorithm: algorithm, id: id, challenge: slices.Clone(value)}
}

// response compares the answer to a challenge with those that the passwords in question make.
func (a *authentication) response(sender int, id byte, value []byte, secrets *Secrets) {
	x := &a.exchange
	if x.challenge == nil || x.id != id || sender == a.challenger {
		return
	}
	x.response, x.user = value, a.user
	if x.algorithm == 0 {
		x.algorithm = guessAlgorithm(x)
	}
	a.proof, a.place, a.confirmed = ProofUnknown, "", false
	var candidates []*secretEntry
	if x.known() {
		candidates = secrets.of(a.user, a.server)
	}
	for _, e := range candidates {
		keys, ok := x.answer(&e.password)
		if ok {
			a.proof, a.place, a.keys = ProofRight, e.place, keys
			break
		}
		switch hashed := chapHashes[x.algorithm] != nil && e.password.hashed; {
		case hashed && a.proof != ProofHashed:
			a.proof, a.place = ProofHashed, e.place
		case a.proof == ProofUnknown:
			a.proof, a.place = ProofWrong, e.place
		}
	}
	x.response = nil // it is part of the packet
}

// guessAlgorithm tells the algorithms apart where LCP was not seen.
func guessAlgorithm(x *exchange) byte {
	switch {
	case len(x.response) == msResponse && len(x.challenge) == 8:
		return msCHAPv1
	case len(x.response) == msResponse:
		return msCHAPv2
	case len(x.response) == sha1.Size:
		return chapSHA1
	case len(x.response) == sha256.Size:
		return chapSHA256
	}
	return chapMD5
}

// accept: the other end let the user in.
func (a *authentication) accept() { a.accepted, a.confirmed = true, true }

// refused: the other end did not accept the response, which then says nothing of the file. A
// response that it accepted before does.
func (a *authentication) refused() {
	if (a.proof == ProofWrong || a.proof == ProofHashed) && !a.confirmed {
		a.proof = ProofNone
	}
}
