package keysrc

import (
	"bytes"
	"net/netip"
	"strconv"
	"strings"

	"l2tpdump/esp"
)

// childAt returns the pair of ESP SAs at hand.
func (t *charonThread) childAt() *charonChild {
	if t.child == nil {
		t.child = new(charonChild)
	}
	return t.child
}

// childMessage takes a message about a pair of ESP SAs:
//
//	CHILD_SA l2tp{1} state change: CREATED => INSTALLING
//	  using AES_CBC for encryption
//	  using HMAC_SHA1_96 for integrity
//	adding inbound ESP SA
//	  SPI 0xcb3f202d, src 203.0.113.10 dst 203.0.113.1
func (c *charon) childMessage(t *charonThread, n int, msg []byte) {
	msg = bytes.TrimLeft(msg, " ")
	switch {
	case bytes.HasPrefix(msg, []byte("CHILD_SA ")):
		if bytes.HasSuffix(trimLine(msg), []byte("CREATED => INSTALLING")) {
			c.childGive(t)
		}
	case bytes.HasPrefix(msg, []byte("using ")):
		name, rest := word(msg[len("using "):])
		switch string(trimLine(rest)) {
		case "for encryption":
			if t.child != nil && t.child.cipher != "" {
				c.childGive(t)
			}
			t.childAt().cipher = string(name)
		case "for integrity":
			t.childAt().auth = string(name)
		}
	case bytes.HasPrefix(msg, []byte("adding inbound ESP SA")):
		t.inbound = 1
	case bytes.HasPrefix(msg, []byte("adding outbound ESP SA")),
		bytes.HasPrefix(msg, []byte("registering outbound ESP SA")):
		t.inbound = 2
	case bytes.HasPrefix(msg, []byte("SPI 0x")) && t.inbound != 0:
		c.childSPI(t, n, msg[len("SPI "):])
	}
}

// childSPI takes "0xcb3f202d, src 203.0.113.10 dst 203.0.113.1".
func (c *charon) childSPI(t *charonThread, n int, s []byte) {
	inbound := t.inbound == 1
	t.inbound = 0
	w, rest := word(s)
	spi, err := strconv.ParseUint(string(bytes.TrimSuffix(w, []byte(","))), 0, 32)
	if err != nil || t.child == nil {
		return
	}
	addr := func(mark string) netip.Addr {
		rest, _ := after(rest, mark)
		w, _ := word(rest)
		a, _ := netip.ParseAddr(string(w))
		return a
	}
	if dir, ok := t.direction(uint32(spi), inbound); ok {
		c.childSecret(t, dir, uint32(spi), addr("src "), addr("dst "))
	} else {
		t.out.note(n, "ESP keys of SPI "+spiName(uint32(spi))+": the log doesn't say which of the two keys are its")
	}
}

// direction tells which keys belong to an SPI: 0 the initiator's, 1 the responder's.
func (t *charonThread) direction(spi uint32, inbound bool) (dir int, ok bool) {
	switch s := t.child.spi; {
	case s[0] == spi && spi != 0:
		return 0, true
	case s[1] == spi && spi != 0:
		return 1, true
	case s[0] != 0 || s[1] != 0 || !t.roleKnown:
		return 0, false
	}
	// The initiator's keys are for what the responder gets.
	if t.mine == inbound {
		return 1, true
	}
	return 0, true
}

// established takes "CHILD_SA l2tp{1} established with SPIs cb3f202d_i c6e18858_o and TS …".
func (c *charon) established(t *charonThread, msg []byte) {
	rest, ok := after(msg, " established with SPIs ")
	if !ok || t.child == nil {
		return
	}
	in, rest := word(rest)
	out, _ := word(rest)
	for i, w := range [][]byte{in, out} {
		w, ok := bytes.CutSuffix(w, []byte([]string{"_i", "_o"}[i]))
		if !ok {
			continue
		}
		spi, err := strconv.ParseUint(string(w), 16, 32)
		if err != nil {
			continue
		}
		if dir, ok := t.direction(uint32(spi), i == 0); ok {
			c.childSecret(t, dir, uint32(spi), netip.Addr{}, netip.Addr{})
		}
	}
	c.childGive(t)
}

// childGive gives out what is left of the pair of SAs at hand.
func (c *charon) childGive(t *charonThread) {
	child := t.child
	if child == nil {
		return
	}
	for dir := range child.key {
		switch {
		case child.given[dir] || len(child.key[dir]) == 0:
		case child.spi[dir] != 0:
			c.childSecret(t, dir, child.spi[dir], netip.Addr{}, netip.Addr{})
		default:
			t.out.note(child.line[dir], "encryption "+[]string{"initiator", "responder"}[dir]+" key: the log doesn't "+
				"say the SPI that it is for")
		}
	}
	t.child, t.inbound = nil, 0
}

// childSecret gives the keys of one direction out, once.
func (c *charon) childSecret(t *charonThread, dir int, spi uint32, src, dst netip.Addr) {
	child := t.child
	if child.given[dir] || len(child.key[dir]) == 0 && plainName(child.cipher) != "null" {
		return
	}
	child.given[dir] = true
	k := espKeys{cipher: child.cipher, key: child.key[dir], auth: child.auth, authKey: child.authKey[dir]}
	proposal, hasProposal := "", false
	if t.quick {
		proposal, hasProposal = c.modes[t.mid]
	}
	var named []string
	if hasProposal {
		named = strings.Split(proposal, "/")
		if k.cipher == "" {
			k.cipher = named[0]
		}
		for _, p := range named[1:] {
			if _, ok := authSpellings[plainName(p)]; ok && k.auth == "" {
				k.auth = p
			}
		}
	}
	if k.auth != "" && len(k.authKey) == 0 {
		k.doubt = "its authentication key is missing"
	}
	s := t.out.secret(child.line[dir], "ESP keys of SPI ", spi, &k)
	if s == nil {
		return
	}
	for _, p := range named {
		switch p {
		case "EXT_SEQ":
			s.ESNKnown, s.Suite.ESN = true, true
		case "NO_EXT_SEQ":
			s.ESNKnown = true
		}
	}
	s.PairSPI = child.spi[1-dir]
	if t.from.Port() == 500 && t.to.Port() == 500 { // else there may be a NAT, and the addresses differ along the way
		s.Src, s.Dst = esp.AddrPatternFrom(src), esp.AddrPatternFrom(dst)
	}
	t.out.esp(s)
}
