package ikev1

import (
	"encoding/binary"
	"fmt"
	"iter"
)

// protocolID is the number of a security protocol (RFC 2407 section 4.4.1).
type protocolID uint8

// The security protocols.
const (
	protocolISAKMP protocolID = 1
	protocolAH     protocolID = 2
	protocolESP    protocolID = 3
	protocolIPCOMP protocolID = 4
)

// DOIs of SA, Notify and Delete payloads.
const (
	doiGeneric = 0
	doiIPsec   = 1 // RFC 2407
	doiGDOI    = 2 // RFC 6407
)

// Situation bits of the IPsec DOI (RFC 2407 section 4.2).
const (
	situationIdentityOnly = 1
	situationSecrecy      = 2
	situationIntegrity    = 4
)

// saPayload is the body of an SA payload (RFC 2408 section 3.4, RFC 2407 section 4.6.1).
type saPayload struct {
	DOI       uint32
	Situation uint32
	Labels    []byte // labelled domain, secrecy and integrity fields, where the situation has them
	count     int    // proposals
	list      []byte // of them, as it came
}

// proposal is a Proposal payload (RFC 2408 section 3.5). Proposals of the same number belong
// together: all of them are wanted at once, as ESP with IPComp.
type proposal struct {
	Number   uint8
	Protocol protocolID
	count    uint8  // transforms
	SPI      []byte // 4 bytes for ESP and AH, 2 or 4 for IPComp, often none in phase 1
	list     []byte // of transforms, as it came
}

// transform is a Transform payload (RFC 2408 section 3.6) of a proposal with that protocol.
type transform struct {
	Number     uint8
	ID         uint8
	Protocol   protocolID // of the proposal
	Attributes attributes
}

// parseSA reads the body of an SA payload of phase 1 or Quick Mode. It accepts the DOIs 0 and 1.
// What it returns refers to body.
//
// All lengths must agree exactly: proposals fill the payload, transforms fill their proposal in the
// number that it states, attributes fill their transform, the reserved bytes of their headers are
// zero. On an error, what stood before the damage is returned with it.
func parseSA(body []byte) (saPayload, error) {
	if len(body) < 8 {
		return saPayload{}, malformedf("SA payload of %d bytes", len(body))
	}
	sa := saPayload{
		DOI:       binary.BigEndian.Uint32(body),
		Situation: binary.BigEndian.Uint32(body[4:]),
	}
	if sa.DOI > doiIPsec {
		return sa, malformedf("SA payload of the unknown DOI %d", sa.DOI)
	}
	off := 8
	if sa.Situation&(situationSecrecy|situationIntegrity) != 0 {
		n, err := labelsLen(body[off:])
		if err != nil {
			return sa, err
		}
		sa.Labels = body[off : off+n : off+n]
		off += n
	}
	for from := off; ; {
		next, payload, err := nestedPayload(body, off, PayloadProposal)
		if err != nil {
			return sa, err
		}
		if err := checkProposal(payload); err != nil {
			return sa, fmt.Errorf("ikev1: proposal %d: %w", sa.count+1, err)
		}
		off += payloadHeaderLen + len(payload)
		sa.count++
		sa.list = body[from:off]
		if next == PayloadNone {
			break
		}
	}
	if off != len(body) {
		return sa, malformedf("SA payload: %d bytes behind the last proposal", len(body)-off)
	}
	return sa, nil
}

// proposals yields the proposals in their order.
func (sa *saPayload) proposals() iter.Seq[proposal] {
	return func(yield func(proposal) bool) {
		for rest := sa.list; len(rest) > 0; {
			n := binary.BigEndian.Uint16(rest[2:])
			b := rest[payloadHeaderLen:n]
			at := 4 + int(b[2])
			p := proposal{Number: b[0], Protocol: protocolID(b[1]), count: b[3], SPI: b[4:at:at], list: b[at:]}
			if !yield(p) {
				return
			}
			rest = rest[n:]
		}
	}
}

// number is that of the first proposal.
func (sa *saPayload) number() uint8 { return sa.list[payloadHeaderLen] }

// transforms yields the transforms in their order.
func (p *proposal) transforms() iter.Seq[transform] {
	return func(yield func(transform) bool) {
		for rest := p.list; len(rest) > 0; {
			n := binary.BigEndian.Uint16(rest[2:])
			b := rest[payloadHeaderLen:n]
			if !yield(transform{Number: b[0], ID: b[1], Protocol: p.Protocol, Attributes: b[4:]}) {
				return
			}
			rest = rest[n:]
		}
	}
}

// first returns the first transform, an empty one where there is none.
func (p *proposal) first() transform {
	for t := range p.transforms() {
		return t
	}
	return transform{Protocol: p.Protocol}
}

// nestedPayload returns the body of the proposal or transform at off, and its follower's type.
func nestedPayload(body []byte, off int, want PayloadType) (next PayloadType, payload []byte, err error) {
	rest := body[off:]
	if len(rest) < payloadHeaderLen {
		return 0, nil, malformedf("%s at byte %d has %d bytes", want, off, len(rest))
	}
	n := int(binary.BigEndian.Uint16(rest[2:]))
	if n < payloadHeaderLen || n > len(rest) {
		return 0, nil, malformedf("%s at byte %d: length %d, with %d bytes left", want, off, n, len(rest))
	}
	next = PayloadType(rest[0])
	if next != PayloadNone && next != want || rest[1] != 0 {
		return 0, nil, malformedf("%s at byte %d: next payload %d, reserved byte %d", want, off, rest[0], rest[1])
	}
	return next, rest[payloadHeaderLen:n:n], nil
}

// checkProposal checks the body of a proposal.
func checkProposal(b []byte) error {
	if len(b) < 4 {
		return malformedf("proposal of %d bytes", len(b))
	}
	spiLen, count := int(b[2]), int(b[3])
	off := 4 + spiLen
	if off > len(b) {
		return malformedf("SPI of %d bytes, with %d bytes left", spiLen, len(b)-4)
	}
	for n := 1; n <= count; n++ {
		next, payload, err := nestedPayload(b, off, PayloadTransform)
		if err != nil {
			return err
		}
		if err := checkTransform(payload); err != nil {
			return fmt.Errorf("transform %d: %w", n, err)
		}
		off += payloadHeaderLen + len(payload)
		if last := n == count; last != (next == PayloadNone) {
			return malformedf("transform %d of %d: next payload %d", n, count, next)
		}
	}
	if off != len(b) {
		return malformedf("%d bytes behind the last transform", len(b)-off)
	}
	return nil
}

func checkTransform(b []byte) error {
	if len(b) < 4 {
		return malformedf("transform of %d bytes", len(b))
	}
	_, err := parseAttributes(b[4:])
	return err
}

// labelsLen returns the size of the fields that follow a situation with secrecy or integrity (RFC
// 2407 section 4.6.1): labelled domain identifier, then level and category bitmap of both, each
// padded to 4 bytes.
func labelsLen(b []byte) (int, error) {
	off := 4
	for range 2 { // secrecy, integrity
		for _, unit := range [2]int{1, 8} { // level in bytes, category bitmap in bits
			if off+4 > len(b) {
				return 0, malformedf("SA payload: labels reach behind it")
			}
			n := (int(binary.BigEndian.Uint16(b[off:])) + unit - 1) / unit
			off += 4 + (n+3)&^3
		}
	}
	if off > len(b) {
		return 0, malformedf("SA payload: labels reach behind it")
	}
	return off, nil
}

// spi32 returns the 4-byte SPI of an ESP or AH proposal, or 0.
func (p *proposal) spi32() uint32 {
	if len(p.SPI) != 4 {
		return 0
	}
	return binary.BigEndian.Uint32(p.SPI)
}
