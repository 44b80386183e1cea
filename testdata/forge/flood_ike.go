package forge

import (
	"bytes"
	"encoding/binary"
	"slices"

	"l2tpdump/ikev1"
)

// ikeFloods are floods of ISAKMP messages.
var ikeFloods = map[string]func(n uint32) []byte{
	"cookies":         firstMessage,
	"answers":         answer,
	"KE values":       keyExchange,
	"encrypted":       func(n uint32) []byte { return encryptedMessage(n, n, ikev1.ExchangeQuick) },
	"encrypted twice": func(n uint32) []byte { return encryptedMessage(n/2, n, ikev1.ExchangeQuick) },
	"encrypted phase 1": func(n uint32) []byte {
		return isakmp(sealed(header(n/2, n/2+1, ikev1.PayloadID, ikev1.ExchangeMain), 0), noise(n, 64))
	},
	"exchanges":        func(n uint32) []byte { return mainMode(n/6, n, n%6) },
	"longer exchanges": func(n uint32) []byte { return mainMode(n/24, n, n%24) },
	"Quick Modes":      func(n uint32) []byte { return encryptedMessage(1, n, ikev1.ExchangeQuick) },
	"Quick Modes of many": func(n uint32) []byte {
		return encryptedMessage(n%1000, n, ikev1.ExchangeQuick)
	},
	"Informationals":        func(n uint32) []byte { return encryptedMessage(1, n, ikev1.ExchangeInformational) },
	"Informationals of one": func(n uint32) []byte { return encryptedMessage(n/2, n, ikev1.ExchangeInformational) },
	"Transactions":          func(n uint32) []byte { return encryptedMessage(n/4, n/2, ikev1.ExchangeTransaction) },
	"responders": func(n uint32) []byte {
		return isakmp(header(1, n, ikev1.PayloadSA, ikev1.ExchangeMain), payload(0, offer(7, 4, 128)))
	},
	"offers": func(n uint32) []byte {
		return isakmp(firstHeader(n/64, ikev1.PayloadSA, ikev1.ExchangeMain),
			payload(0, append(offer(7, byte(n), 128), noise(n, 8)...)))
	},
	"proposals": func(n uint32) []byte {
		transform := offer(7, 4, 128)[16:]
		body := []byte{0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 1, 1, 0, 30}
		for i := range byte(30) {
			t := bytes.Clone(transform)
			t[4] = i
			if i < 29 {
				t[0] = 3
			}
			body = append(body, t...)
		}
		binary.BigEndian.PutUint16(body[10:], uint16(len(body)-8))
		return isakmp(firstHeader(n, ikev1.PayloadSA, ikev1.ExchangeMain), payload(0, body))
	},
	"vendor IDs": func(n uint32) []byte {
		var body []byte
		for i := range uint32(40) {
			body = append(body, payload(ikev1.PayloadVendorID, noise(n+i, 16))...)
		}
		body[len(body)-20] = 0
		return isakmp(firstHeader(n, ikev1.PayloadVendorID, ikev1.ExchangeMain), body)
	},
	"aggressive": func(n uint32) []byte {
		return isakmp(firstHeader(n, ikev1.PayloadSA, ikev1.ExchangeAggressive),
			slices.Concat(payload(ikev1.PayloadKE, offer(5, 1, 0)), payload(ikev1.PayloadNonce, noise(n, 128)),
				payload(ikev1.PayloadID, noise(n, 20)),
				payload(0, append([]byte{1, 0, 0, 0}, noise(n, 4)...))))
	},
	"aggressive HASHes": func(n uint32) []byte {
		return isakmp(header(n, n+1, ikev1.PayloadHash, ikev1.ExchangeAggressive), payload(0, noise(n, 20)))
	},
	"notifications": func(n uint32) []byte {
		return isakmp(numbered(header(n, n+1, ikev1.PayloadNotify, ikev1.ExchangeInformational), n),
			payload(0, []byte{0, 0, 0, 1, 1, 0, 0, 14}))
	},
	"DELETEs": func(n uint32) []byte {
		return isakmp(numbered(header(1, 2, ikev1.PayloadDelete, ikev1.ExchangeInformational), n),
			payload(0, append([]byte{0, 0, 0, 1, 3, 4, 0, 1}, noise(n, 4)...)))
	},
	"IKEv2": func(n uint32) []byte {
		c := cookie(n)
		b := append(c[:], make([]byte, 8)...)
		b = append(b, 33, 0x20, 34, 8, 0, 0, 0, 0, 0, 0, 0, 60)
		return ipv4(protoUDP, there, udp(500, 500, append(b, make([]byte, 32)...)))
	},
	"IKE sources": func(n uint32) []byte {
		return sourced(n, encryptedMessage(1, n, ikev1.ExchangeQuick))
	},
	"messages together": func(n uint32) []byte {
		var all []byte
		for i := range uint32(8) {
			all = append(all, firstMessage(8*n + i)[28:]...)
		}
		return ipv4(protoUDP, there, udp(500, 500, all))
	},
	"IKE fragments":             func(n uint32) []byte { return ikeFragment(n, 0, 1, false) },
	"IKE fragments of one":      func(n uint32) []byte { return ikeFragment(1, uint16(n), byte(n>>16)|1, false) },
	"IKE fragments that differ": func(n uint32) []byte { return ikeFragment(1, 1, byte(n%16)+1, n%16 == 15) },
	"IKE fragments, last":       func(n uint32) []byte { return ikeFragment(n/2, uint16(n/2), byte(n%2)+1, n%2 == 1) },
}

func cookie(n uint32) (c ikev1.Cookie) {
	binary.BigEndian.PutUint64(c[:], (uint64(n)+1)*0x9e3779b97f4a7c15)
	return c
}

// noise is bytes that look random, others for each n.
func noise(n uint32, size int) []byte {
	b := make([]byte, 0, size+7)
	for x := uint64(n) + 1; len(b) < size; x += 0x632be59bd9b4e019 {
		y := x * 0x9e3779b97f4a7c15
		b = binary.BigEndian.AppendUint64(b, y^y>>29)
	}
	return b[:size]
}

func firstHeader(sa uint32, first ikev1.PayloadType, e ikev1.ExchangeType) ikev1.Header {
	return ikev1.Header{InitiatorCookie: cookie(sa), NextPayload: first, Exchange: e}
}

func header(initiator, responder uint32, first ikev1.PayloadType, e ikev1.ExchangeType) ikev1.Header {
	h := firstHeader(initiator, first, e)
	h.ResponderCookie = cookie(responder)
	return h
}

func numbered(h ikev1.Header, id uint32) ikev1.Header {
	h.MessageID = id
	return h
}

func sealed(h ikev1.Header, id uint32) ikev1.Header {
	h.Flags = ikev1.FlagEncryption
	return numbered(h, id)
}

func isakmp(h ikev1.Header, body []byte) []byte {
	h.MajorVersion, h.Length = 1, uint32(ikev1.HeaderLen+len(body))
	return ipv4(protoUDP, there, udp(500, 500, append(h.Append(nil), body...)))
}

// fromThere is the packet from there to here.
func fromThere(p []byte) []byte {
	copy(p[12:], there[:])
	copy(p[16:], here[:])
	return p
}

func firstMessage(n uint32) []byte {
	return isakmp(firstHeader(n, ikev1.PayloadSA, ikev1.ExchangeMain),
		payload(0, offer(5, 1, 0)))
}

func answer(n uint32) []byte {
	return isakmp(header(n, n+1, ikev1.PayloadSA, ikev1.ExchangeMain), payload(0, offer(7, 4, 128)))
}

func keyExchange(n uint32) []byte { return keyExchangeOf(n, n) }

func keyExchangeOf(sa, n uint32) []byte {
	return isakmp(header(sa, sa+1, ikev1.PayloadKE, ikev1.ExchangeMain),
		append(payload(ikev1.PayloadNonce, noise(n, 128)), payload(0, noise(n, 20))...))
}

// mainMode is a message of an exchange: the first six are main mode, those behind it Quick Mode.
func mainMode(sa, n, at uint32) (p []byte) {
	switch at {
	case 0:
		p = firstMessage(sa)
	case 1:
		p = answer(sa)
	case 2, 3:
		p = keyExchangeOf(sa, n)
	case 4, 5:
		p = isakmp(sealed(header(sa, sa+1, ikev1.PayloadID, ikev1.ExchangeMain), 0), noise(n, 64))
	default:
		p = encryptedMessage(sa, n/3, ikev1.ExchangeQuick)
		copy(p[28+ikev1.HeaderLen:], noise(n, 160))
	}
	if at%2 == 1 {
		return fromThere(p)
	}
	return p
}

func encryptedMessage(sa, id uint32, e ikev1.ExchangeType) []byte {
	return isakmp(sealed(header(sa, sa+1, ikev1.PayloadHash, e), id+1), noise(id, 160))
}

// ikeFragment is a fragment with a part of an encrypted message, which each first one begins.
func ikeFragment(sa uint32, id uint16, number byte, last bool) []byte {
	part := noise(sa<<8|uint32(number)^uint32(id)<<16, 200)
	if number == 1 {
		copy(part, encryptedMessage(sa, uint32(id), ikev1.ExchangeQuick)[28:][:ikev1.HeaderLen])
		binary.BigEndian.PutUint32(part[24:], 400)
	}
	head := []byte{0, 0, number, 0}
	binary.BigEndian.PutUint16(head, id)
	if last {
		head[3] = 1
	}
	return isakmp(header(sa, sa+1, ikev1.PayloadFragment, ikev1.ExchangeMain), payload(0, append(head, part...)))
}
