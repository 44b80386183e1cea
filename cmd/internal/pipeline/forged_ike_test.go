package pipeline_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"l2tpdump/capture"
	"l2tpdump/cmd/internal/pipeline"
	"l2tpdump/cmd/internal/why"
	"l2tpdump/esp"
	"l2tpdump/ikev1"
	"l2tpdump/keysrc"
)

// forger makes IKE messages that somebody who sees the packets, and has no key, can make.
type forger struct {
	t     testing.TB
	base  *capture.Packet // that the forged packet looks like
	net   capture.Frame
	real  ikev1.Header // of the message in it
	bytes int          // made so far
}

// newForger returns a forger of packets like p, nil where that holds no IKE message.
func newForger(t testing.TB, f *frames, p *capture.Packet) *forger {
	t.Helper()
	x := &forger{t: t, base: p}
	if err := x.net.Decode(f.interfaces[0].LinkType, p.Data); err != nil || !x.net.UDP || x.net.Fragment {
		return nil
	}
	data := bytes.TrimPrefix(p.Data[x.net.UDPStart:x.net.UDPEnd], x.marker())
	h, err := ikev1.ParseHeader(data)
	if err != nil || h.MajorVersion != 1 {
		return nil
	}
	x.real = h
	return x
}

// marker is what stands before IKE on the port of NAT traversal.
func (x *forger) marker() []byte {
	if x.net.SrcPort == 500 || x.net.DstPort == 500 {
		return nil
	}
	return make([]byte, 4)
}

// random returns n bytes that are others each time.
func (x *forger) random(n int) []byte {
	x.bytes++
	return bytesOf(fmt.Sprintf("%d forged %d", x.bytes, x.real.MessageID), n+x.bytes%8)[:n]
}

// payload makes a payload of a chain.
func payload(next ikev1.PayloadType, body []byte) []byte {
	b := binary.BigEndian.AppendUint16([]byte{byte(next), 0}, uint16(len(body)+4))
	return append(b, body...)
}

// message makes a packet with a message; change may change its header.
func (x *forger) message(first ikev1.PayloadType, body []byte, change func(h *ikev1.Header)) capture.Packet {
	h := x.real
	h.NextPayload, h.Flags, h.Length = first, 0, uint32(ikev1.HeaderLen+len(body))
	change(&h)
	p := *x.base
	p.Data = x.net.AppendUDPPayload(nil, p.Data, slices.Concat(x.marker(), h.Append(nil), body))
	p.Length = len(p.Data)
	return p
}

// offer is an SA payload's body with one transform of phase 1.
func offer(encryption, hash, bits byte) []byte {
	attributes := []byte{0x80, 1, 0, encryption, 0x80, 2, 0, hash, 0x80, 3, 0, 1, 0x80, 4, 0, 2, 0x80, 14, 0, bits}
	transform := append([]byte{0, 0, 0, byte(8 + len(attributes)), 1, 1, 0, 0}, attributes...)
	proposal := append([]byte{0, 0, 0, byte(8 + len(transform)), 1, 1, 0, 1}, transform...)
	return append([]byte{0, 0, 0, 1, 0, 0, 0, 1}, proposal...)
}

// forgeries makes a packet of each kind.
func (x *forger) forgeries() map[string]capture.Packet {
	const (
		sa, ke, id, hash, nonce, del, fragment = ikev1.PayloadSA, ikev1.PayloadKE, ikev1.PayloadID, ikev1.PayloadHash, ikev1.PayloadNonce, ikev1.PayloadDelete, ikev1.PayloadFragment
		encrypted                              = ikev1.FlagEncryption
	)
	clear := func(e ikev1.ExchangeType) func(*ikev1.Header) {
		return func(h *ikev1.Header) { h.Exchange, h.MessageID = e, 0 }
	}
	all := map[string]capture.Packet{}
	main, aggressive := clear(ikev1.ExchangeMain), clear(ikev1.ExchangeAggressive)
	all["an offer"] = x.message(sa, payload(0, offer(7, 4, 128)), main)
	all["an offer in 3DES and MD5"] = x.message(sa, payload(0, offer(5, 1, 0)), main)
	all["a first message"] = x.message(sa, payload(0, offer(5, 1, 0)), func(h *ikev1.Header) { main(h); h.ResponderCookie = ikev1.Cookie{} })
	all["an answer of another responder"] = x.message(sa, payload(0, offer(5, 1, 0)), func(h *ikev1.Header) { main(h); h.ResponderCookie[7] ^= 1 })
	all["KE and nonce"] = x.message(ke, slices.Concat(payload(nonce, x.random(128)), payload(0, x.random(20))), main)
	all["KE of one byte"] = x.message(ke, slices.Concat(payload(nonce, x.random(1)), payload(0, x.random(20))), main)
	all["aggressive"] = x.message(sa, slices.Concat(payload(ke, offer(5, 1, 0)), payload(nonce, x.random(128)), payload(id, x.random(20)),
		payload(hash, append([]byte{1, 0, 0, 0}, x.random(4)...)), payload(0, x.random(20))), aggressive)
	all["aggressive, HASH"] = x.message(hash, payload(0, x.random(20)), aggressive)
	all["main, ID and HASH in clear"] = x.message(id, slices.Concat(payload(hash, append([]byte{1, 0, 0, 0}, x.random(4)...)), payload(0, x.random(20))), main)
	cookies := slices.Concat(x.real.InitiatorCookie[:], x.real.ResponderCookie[:])
	informational := clear(ikev1.ExchangeInformational)
	all["DELETE of ISAKMP"] = x.message(del, payload(0, slices.Concat([]byte{0, 0, 0, 1, 1, 16, 0, 1}, cookies)), informational)
	all["encrypted main mode"] = x.message(id, x.random(64), func(h *ikev1.Header) { main(h); h.Flags = encrypted })
	all["encrypted main mode of two blocks"] = x.message(id, x.random(32), func(h *ikev1.Header) { main(h); h.Flags = encrypted })
	all["encrypted aggressive"] = x.message(hash, x.random(48), func(h *ikev1.Header) { aggressive(h); h.Flags = encrypted })
	for name, e := range map[string]ikev1.ExchangeType{"quick": ikev1.ExchangeQuick, "informational": ikev1.ExchangeInformational, "transaction": ikev1.ExchangeTransaction} {
		all[name+" mode"] = x.message(hash, x.random(160), func(h *ikev1.Header) { h.Exchange, h.Flags = e, encrypted })
		all[name+" mode with another ID"] = x.message(hash, x.random(160), func(h *ikev1.Header) {
			h.Exchange, h.Flags, h.MessageID = e, encrypted, binary.BigEndian.Uint32(x.random(4))
		})
	}
	for n := range byte(3) {
		body := slices.Concat([]byte{0, 1, n + 1, n / 2}, x.random(200))
		all[fmt.Sprintf("fragment %d", n+1)] = x.message(fragment, payload(0, body), main)
	}
	return all
}

// frameNumber is what a forged frame before it changes of a frame.
var frameNumber = regexp.MustCompile(`"(frame|part_of)":\d+|part of frame \d+`)

// sameAsAlone checks that each frame of the recording comes out as from the recording alone: legitimate has the places of its frames.
func sameAsAlone(t *testing.T, what string, alone, mixed *outcome, legitimate []int) {
	t.Helper()
	wrong := 0
	for i, at := range legitimate {
		a, m := &alone.results[i], &mixed.results[at]
		says := func(r *result) string { return frameNumber.ReplaceAllString(r.text+r.json, "") }
		if a.verdict == m.verdict && bytes.Equal(a.plain, m.plain) && says(a) == says(m) {
			continue
		}
		if wrong++; wrong <= 3 {
			t.Errorf("%s: frame %d is\n%s %s\nalone\n%s %s", what, i+1, m.text, m.reason, a.text, a.reason)
		}
	}
	if wrong > 3 {
		t.Errorf("%s: %d frames differ", what, wrong)
	}
	tr := alone.p.IKE()
	for _, sa := range tr.SAs() {
		want := why.ISAKMP(tr, sa)
		i := slices.IndexFunc(mixed.p.IKE().SAs(), func(o *ikev1.SA) bool {
			return o.InitiatorCookie == sa.InitiatorCookie && o.ResponderCookie == sa.ResponderCookie
		})
		if i < 0 {
			t.Errorf("%s: SA %s is gone", what, sa.InitiatorCookie)
			continue
		}
		o := mixed.p.IKE().SAs()[i]
		got := why.ISAKMP(mixed.p.IKE(), o)
		if got.Verdict != want.Verdict || o.Initiator != sa.Initiator || o.Responder != sa.Responder || o.Cipher != sa.Cipher || o.Hash != sa.Hash ||
			o.Decrypted != sa.Decrypted || o.HashesChecked != sa.HashesChecked || o.Deleted != sa.Deleted || len(why.IKEKeys(o)) > 0 {
			t.Errorf("%s: SA %s: %s %s, %v > %v, %s %s, %d decrypted, %d HASHes, deleted %v; alone %s, %v > %v, %s %s, %d, %d", what, sa.InitiatorCookie, got.Verdict, got.Reason(),
				o.Initiator, o.Responder, o.Cipher, o.Hash, o.Decrypted, o.HashesChecked, o.Deleted, want.Verdict, sa.Initiator, sa.Responder, sa.Cipher, sa.Hash, sa.Decrypted, sa.HashesChecked)
		}
	}
}

// forgedCaptures are those that forged packets are mixed into.
var forgedCaptures = []string{"01-basic-aes128-sha1", "02-natt-aes256-sha1", "03-3des-sha1-modp1024", "07-aggressive-psk", "08-rsa-ipfrag", "08b-rsa-ikefrag-natt"}

// withoutMost leaves of a recording the IKE messages and some of ESP.
func withoutMost(t testing.TB, f *frames, all *outcome) *frames {
	t.Helper()
	picked := pickESP(all)
	var list []capture.Packet
	for i := range all.results {
		if r := &all.results[i]; r.kind == pipeline.IKE || r.partOf != 0 || picked[i] {
			list = append(list, f.list[i])
		}
	}
	return f.with(list)
}

// TestForgedIKE: a forged packet of each kind, before each IKE message and behind it, changes nothing of what is said of the others.
func TestForgedIKE(t *testing.T) {
	for _, dir := range forgedCaptures {
		for _, names := range [][]string{{"router-full.log"}, tables} {
			whole := mustRead(t, filepath.Join(capturesDir, dir, "outer.pcap"))
			keys := labKeys(t, dir, names...)
			f := withoutMost(t, whole, follow(t, whole, keys, mode{}))
			alone := follow(t, f, keys, mode{text: true})
			for at := 1; at < len(f.list); at++ { // before the first nobody knows the cookie
				for _, like := range [2]int{at, max(at-1, 0)} { // it looks like the packet behind it, or the one before
					if like >= len(f.list) {
						continue
					}
					x := newForger(t, f, &f.list[like])
					if x == nil {
						continue
					}
					for kind, p := range x.forgeries() {
						list := slices.Insert(slices.Clone(f.list), at, p)
						legitimate := make([]int, len(f.list))
						for i := range legitimate {
							if legitimate[i] = i; i >= at {
								legitimate[i]++
							}
						}
						sameAsAlone(t, fmt.Sprintf("%s, %s: %s like frame %d before frame %d", dir, names[0], kind, like+1, at+1), alone,
							follow(t, f.with(list), keys, mode{text: true}), legitimate)
					}
				}
			}
		}
	}
}

// TestForgedIKEFlood: forged packets of all kinds between all packets of a recording.
func TestForgedIKEFlood(t *testing.T) {
	for _, dir := range slices.Concat(forgedCaptures, []string{"06-pfs-rekey-dpd", "11-three-clients-two-behind-nat", "26-heavy-loss-ike-retransmits", "16-netem-loss-reorder-dup"}) {
		for _, names := range [][]string{{"router-full.log"}, tables} {
			whole := mustRead(t, filepath.Join(capturesDir, dir, "outer.pcap"))
			keys := labKeys(t, dir, names...)
			f := withoutMost(t, whole, follow(t, whole, keys, mode{}))
			alone := follow(t, f, keys, mode{text: true})
			var list []capture.Packet
			var legitimate []int
			for i := range f.list {
				legitimate = append(legitimate, len(list))
				list = append(list, f.list[i])
				x := newForger(t, f, &f.list[i])
				if x == nil {
					continue
				}
				for range 3 {
					all := x.forgeries()
					for _, kind := range slices.Sorted(maps.Keys(all)) {
						list = append(list, all[kind])
					}
				}
			}
			sameAsAlone(t, fmt.Sprintf("%s, %s, flood", dir, names[0]), alone, follow(t, f.with(list), keys, mode{text: true}), legitimate)
		}
	}
}

// BenchmarkForgedIKE is forged IKE messages behind a recording with its keys, with a wrong key, and with the key of a recording that begins
// after phase 1.
func BenchmarkForgedIKE(b *testing.B) {
	const dir = "02-natt-aes256-sha1"
	whole := mustRead(b, filepath.Join(capturesDir, dir, "outer.pcap"))
	good := labKeys(b, dir, "router-full.log")
	f := withoutMost(b, whole, follow(b, whole, good, mode{}))
	bad := *good[0].IKE[0]
	bad.Ka, bad.SKEYIDe = esp.NewKey(bytesOf("wrong", 32)), esp.Key{}
	wrong := []*keysrc.Keys{{IKE: []*ikev1.Secret{&bad}}}
	for _, c := range []struct {
		name string
		keys []*keysrc.Keys
		from int
	}{{"proven", good, 0}, {"wrong", wrong, 0}, {"no phase 1", good, 6}, {"wrong, no phase 1", wrong, 6}, {"nothing else", good, len(f.list)}, {"nothing else, wrong", wrong, len(f.list)}} {
		kinds := slices.Sorted(maps.Keys(newForger(b, f, &f.list[5]).forgeries()))
		for _, kind := range append(kinds, "all") {
			b.Run(c.name+"/"+kind, func(b *testing.B) {
				list := slices.Clone(f.list[c.from:])
				for len(list) < b.N {
					for i := range 6 {
						x := newForger(b, f, &f.list[i])
						x.bytes = len(list)
						for k, p := range x.forgeries() {
							if k == kind || kind == "all" {
								p.Time = f.list[len(f.list)-1].Time + int64(len(list))*1e6
								list = append(list, p)
							}
						}
					}
				}
				b.ResetTimer()
				follow(b, f.with(list), c.keys, mode{})
			})
		}
	}
}
