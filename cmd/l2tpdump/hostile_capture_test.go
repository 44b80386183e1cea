package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/binary"
	"math/big"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// hostileText is what a sender writes into a field: its name, then what a terminal or a browser
// might obey, then so much that the field is long.
func hostileText(field string, length int) []byte {
	text := "{" + field + "}\x1b[2J\u202e\u2066</script><script>window.hit=1</script><img src=x onerror=window.hit=1>"
	return append([]byte(text), bytes.Repeat([]byte("'\">"), max(0, length-len(text))/3)...)
}

// hostileVisible is the same where text that has control characters is not shown as text.
func hostileVisible(field string, length int) []byte {
	return bytes.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return -1
		}
		return r
	}, hostileText(field, length))
}

// hostileCapture is a capture of L2TP in clear and of IKE messages that say a text wherever they
// can: what say returns for a field and the length that it may have, or where text that has control
// characters is not shown as text, what show returns.
func hostileCapture(t *testing.T, say, show func(field string, length int) []byte) []byte {
	t.Helper()
	const longest = 10_000 // bytes
	const raw = 101
	b := binary.LittleEndian.AppendUint32(nil, 0xa1b2c3d4)
	b = append(b, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0)
	b = binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(b, 1<<16), raw)
	client, server := netip.MustParseAddr("198.51.100.7"), netip.MustParseAddr("203.0.113.1")
	n := uint32(0)
	send := func(back bool, port uint16, payload []byte) {
		src, dst := client, server
		if back {
			src, dst = server, client
		}
		packet := ipUDP(src, dst, port, port, payload)
		b = binary.LittleEndian.AppendUint32(b, 1_800_000_000+n)
		b = binary.LittleEndian.AppendUint32(b, 0)
		b = binary.LittleEndian.AppendUint32(b, uint32(len(packet)))
		b = append(binary.LittleEndian.AppendUint32(b, uint32(len(packet))), packet...)
		n++
	}
	const main, aggressive = 2, 4
	send(false, 500, ikeMessage(main, 0, ikePayload{13, show("vendor ID", longest)}))
	identity := join([]byte{2, 0, 0, 0}, say("identity", longest)) // FQDN
	send(false, 500, ikeMessage(aggressive, 0, ikePayload{1, ikeProposal}, ikePayload{4, make([]byte, 128)}, ikePayload{10, make([]byte, 20)},
		ikePayload{5, identity}))
	certificate := hostileCertificate(t, string(say("subject", longest)), string(say("issuer", 500)))
	send(true, 500, ikeMessage(aggressive, 1, ikePayload{1, ikeProposal}, ikePayload{4, make([]byte, 128)}, ikePayload{10, make([]byte, 20)},
		ikePayload{5, join([]byte{2, 0, 0, 0}, say("server's identity", 200))}, ikePayload{6, append([]byte{4}, certificate...)}, ikePayload{9, make([]byte, 128)}))
	const sccrq, sccrp, scccn, stop, icrq, icrp, iccn, cdn = 1, 2, 3, 4, 10, 11, 12, 14
	const longestAVP = 1000
	name := func(kind uint16, field string) []byte { return avp(kind, say(field, longestAVP)) }
	id := func(kind, value uint16) []byte { return avp(kind, binary.BigEndian.AppendUint16(nil, value)) }
	tunnel := func(value uint16, side string) []byte {
		return join(id(2, 0x100), name(7, side+" host"), name(8, side+" vendor"), id(9, value))
	}
	send(false, 1701, l2tpControl(0, 0, 0, sccrq, tunnel(7, "client")))
	send(true, 1701, l2tpControl(7, 0, 0, sccrp, tunnel(9, "server")))
	send(false, 1701, l2tpControl(9, 0, 1, scccn, nil))
	send(false, 1701, l2tpControl(9, 0, 2, icrq, join(id(14, 3), name(21, "called"), name(22, "calling"), name(23, "sub-address"))))
	send(true, 1701, l2tpControl(7, 3, 1, icrp, id(14, 4)))
	send(false, 1701, l2tpControl(9, 4, 3, iccn, join(name(30, "proxy name"))))
	ppp := func(back bool, protocol uint16, data []byte) {
		h := []byte{0x00, 2, 0, 9, 0, 4}
		if back {
			h = []byte{0x00, 2, 0, 7, 0, 3}
		}
		send(back, 1701, append(binary.BigEndian.AppendUint16(append(h, 0xff, 3), protocol), data...))
	}
	both := func(protocol uint16, options ...byte) {
		for _, back := range []bool{false, true} {
			ppp(back, protocol, pppControl(1, options))
			ppp(!back, protocol, pppControl(2, options))
		}
	}
	both(0xc021, 1, 4, 5, 0xdc)
	const lcp, chap, pap, eap = 0xc021, 0xc223, 0xc023, 0xc227
	ppp(true, lcp, pppControl(12, join([]byte{0, 0, 0, 0}, show("identification", longest))))
	ppp(true, chap, pppControl(1, join([]byte{4, 1, 2, 3, 4}, say("challenger", longest))))
	ppp(false, chap, pppControl(2, join([]byte{4, 1, 2, 3, 4}, say("CHAP user", longest))))
	ppp(true, chap, pppControl(4, show("CHAP message", longest)))
	ppp(false, eap, pppControl(2, join([]byte{1}, say("EAP identity", longest))))
	ppp(true, eap, pppControl(1, join([]byte{2}, show("EAP notification", longest))))
	user, refusal := say("PAP user", 250), show("PAP message", 250)
	ppp(false, pap, pppControl(1, join([]byte{byte(len(user))}, user, []byte{3, 'a', 'b', 'c'})))
	ppp(true, pap, pppControl(2, join([]byte{byte(len(refusal))}, refusal)))
	both(0x8021, 3, 6, 10, 0, 0, 1)
	label := bytes.ReplaceAll(say("DNS-name", 0), []byte("."), []byte("-"))[:63]
	query := join([]byte{0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0}, []byte{63}, label, []byte{0, 0, 1, 0, 1})
	ppp(false, 0x0021, ipUDP(netip.MustParseAddr("10.0.0.2"), netip.MustParseAddr("10.0.0.1"), 5353, 53, query))
	ppp(false, lcp, pppControl(5, show("Terminate", longest)))
	result := func(field string) []byte { return avp(1, join([]byte{0, 2, 0, 6}, say(field, longestAVP))) }
	send(true, 1701, l2tpControl(7, 3, 2, cdn, join(result("CDN"), id(14, 4))))
	send(true, 1701, l2tpControl(7, 0, 3, stop, join(result("StopCCN"), id(9, 9))))
	return b
}

func join(parts ...[]byte) (b []byte) {
	for _, p := range parts {
		b = append(b, p...)
	}
	return b
}

func avp(kind uint16, value []byte) []byte {
	b := binary.BigEndian.AppendUint16(nil, 0x8000|uint16(6+len(value)))
	return append(binary.BigEndian.AppendUint16(append(b, 0, 0), kind), value...)
}

func l2tpControl(tunnel, session, ns, kind uint16, avps []byte) []byte {
	body := append(avp(0, binary.BigEndian.AppendUint16(nil, kind)), avps...)
	b := []byte{0xc8, 2}
	for _, v := range []uint16{uint16(12 + len(body)), tunnel, session, ns, 0} {
		b = binary.BigEndian.AppendUint16(b, v)
	}
	return append(b, body...)
}

func pppControl(code byte, data []byte) []byte {
	return append(binary.BigEndian.AppendUint16([]byte{code, 1}, uint16(4+len(data))), data...)
}

// ikePayload is a payload of IKE: its type and what is behind its header.
type ikePayload struct {
	kind byte
	body []byte
}

// ikeProposal is an SA payload's body: a proposal of AES-CBC-128, SHA-1, RSA signatures, group 2.
var ikeProposal = []byte{0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 36, 1, 1, 0, 1, 0, 0, 0, 28, 1, 1, 0, 0,
	0x80, 1, 0, 7, 0x80, 14, 0, 128, 0x80, 2, 0, 2, 0x80, 3, 0, 3, 0x80, 4, 0, 2}

// ikeMessage is a message of phase 1 in clear, the first of an exchange or an answer.
func ikeMessage(exchange, answer byte, payloads ...ikePayload) []byte {
	const header = 28
	var body []byte
	for i, p := range payloads {
		next := byte(0)
		if i+1 < len(payloads) {
			next = payloads[i+1].kind
		}
		body = append(binary.BigEndian.AppendUint16(append(body, next, 0), uint16(4+len(p.body))), p.body...)
	}
	cookies := join([]byte("initiat"), []byte{exchange}, bytes.Repeat([]byte{answer}, 8))
	b := join(cookies, []byte{payloads[0].kind, 0x10, exchange, 0}, make([]byte, 4))
	return append(binary.BigEndian.AppendUint32(b, uint32(header+len(body))), body...)
}

// hostileCertificate is one with these names.
func hostileCertificate(t *testing.T, subject, issuer string) []byte {
	t.Helper()
	key := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	c := x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: strings.ToValidUTF8(subject, "")}, NotAfter: time.Unix(2e9, 0)}
	by := x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: strings.ToValidUTF8(issuer, "")}}
	der, err := x509.CreateCertificate(nil, &c, &by, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

// ipUDP is a UDP datagram over IPv4, without checksums.
func ipUDP(src, dst netip.Addr, sport, dport uint16, payload []byte) []byte {
	b := binary.BigEndian.AppendUint16([]byte{0x45, 0}, uint16(28+len(payload)))
	b = append(b, 0, 0, 0, 0, 64, 17, 0, 0)
	b = append(append(b, src.AsSlice()...), dst.AsSlice()...)
	for _, v := range []uint16{sport, dport, uint16(8 + len(payload)), 0} {
		b = binary.BigEndian.AppendUint16(b, v)
	}
	return append(b, payload...)
}
