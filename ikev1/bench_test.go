package ikev1

import (
	"encoding/binary"
	"fmt"
	"testing"
)

// BenchmarkGarbage is messages that nobody with a key has sent, under cookies that are known: of an
// SA whose key is proven, of one whose phase 1 is not in the capture, of one whose key is wrong;
// and under new cookies.
func BenchmarkGarbage(b *testing.B) {
	l := newLab(b, 15, 7, 2, 16)
	l.session()
	wrong := *l.secret
	wrong.SKEYIDe = flip(wrong.SKEYIDe, 5)
	for _, state := range []struct {
		name   string
		secret *Secret
		list   []*Datagram
	}{
		{"proven", l.secret, l.list},
		{"no phase 1", l.secret, l.list[6:10]},
		{"no phase 1, nothing decrypted", l.secret, nil},
		{"wrong key", &wrong, l.list},
		{"wrong key, no phase 1", &wrong, l.list[6:]},
		{"no key", nil, l.list},
	} {
		for _, kind := range []string{"quick", "quick, known ID", "informational", "main, ID", "main, KE", "aggressive, HASH in clear", "offers", "new cookies"} {
			for _, size := range []int{32, 160, 1400} {
				if size != 160 && kind != "quick" && kind != "main, ID" {
					continue
				}
				b.Run(fmt.Sprintf("%s/%s/%d", state.name, kind, size), func(b *testing.B) {
					tr := NewTracker()
					if state.secret != nil {
						tr.AddSecret(state.secret)
					}
					for _, d := range state.list {
						tr.Observe(d)
					}
					var garbage []*Datagram
					for i := range 512 {
						garbage = append(garbage, l.garbage(kind, size, uint32(i)))
					}
					for i := 0; b.Loop(); i++ {
						d := garbage[i%len(garbage)]
						binary.BigEndian.PutUint32(d.Data[len(d.Data)-4:], uint32(i))
						if kind == "new cookies" {
							binary.BigEndian.PutUint32(d.Data, uint32(i))
						}
						d.Time = int64(i) * 1e6
						tr.Observe(d)
					}
				})
			}
		}
	}
}

// garbage makes a message that looks like one of the lab.
func (l *lab) garbage(kind string, size int, n uint32) *Datagram {
	h := Header{InitiatorCookie: l.i, ResponderCookie: l.r, MajorVersion: 1, Flags: FlagEncryption, NextPayload: PayloadHash, Exchange: ExchangeQuick}
	body := l.bytes(size)
	switch kind {
	case "quick":
		h.MessageID = n + 1
	case "quick, known ID":
		h.MessageID = 0x33333333
	case "informational":
		h.Exchange, h.MessageID = ExchangeInformational, n+1
	case "main, ID":
		h.Exchange, h.NextPayload = ExchangeMain, PayloadID
	case "main, KE", "new cookies":
		h.Exchange, h.Flags = ExchangeMain, 0
		h.NextPayload, body = chainOf(part{PayloadKE, l.bytes(128)}, part{PayloadNonce, l.bytes(20)})
	case "aggressive, HASH in clear":
		h.Exchange, h.Flags = ExchangeAggressive, 0
		h.NextPayload, body = chainOf(part{PayloadHash, l.bytes(20)})
	case "offers":
		h.Exchange, h.Flags = ExchangeMain, 0
		bits := [4]uint16{128, 192, 256, 0}[n%4]
		h.NextPayload, body = chainOf(part{PayloadSA, saBody(labProposal(false, 1, protocolISAKMP, nil, 1, labTV(1, uint16(n%8)), labTV(2, uint16(n/8%7)),
			labTV(14, bits), labTV(4, uint16(n))))})
	}
	h.Length = uint32(HeaderLen + len(body))
	src, dst := l.initiator, l.responder
	if n%2 == 1 {
		src, dst = dst, src
	}
	return &Datagram{Src: src, Dst: dst, Data: append(h.Append(nil), body...)}
}
