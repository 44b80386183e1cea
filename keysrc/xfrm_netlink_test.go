package keysrc

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
)

// netlinkMessage builds a netlink message by the layouts of linux/netlink.h and linux/xfrm.h.
type netlinkMessage struct {
	order binary.AppendByteOrder
	b     []byte
}

func newMessage(order binary.AppendByteOrder, kind uint16) *netlinkMessage {
	m := &netlinkMessage{order: order}
	m.b = order.AppendUint32(m.b, 0) // nlmsg_len, set by bytes
	m.b = order.AppendUint16(m.b, kind)
	m.b = order.AppendUint16(m.b, 2) // NLM_F_MULTI
	m.b = order.AppendUint32(m.b, 1)
	m.b = order.AppendUint32(m.b, 0)
	return m
}

// usersa appends a struct xfrm_usersa_info.
func usersa(order binary.AppendByteOrder, b []byte, src, dst []byte, proto byte, spi uint32, flags byte) []byte {
	addr := func(a []byte) []byte { return append(append([]byte(nil), a...), make([]byte, 16-len(a))...) }
	family := uint16(2)
	if len(src) == 16 {
		family = 10
	}
	b = append(b, make([]byte, 56)...) // sel
	b = append(b, addr(dst)...)        // id.daddr
	b = binary.BigEndian.AppendUint32(b, spi)
	b = append(b, proto, 0, 0, 0)
	b = append(b, addr(src)...) // saddr
	b = append(b, bytes.Repeat([]byte{0xff}, 64)...)
	b = append(b, make([]byte, 32)...) // curlft
	b = append(b, make([]byte, 12)...) // stats
	b = order.AppendUint32(b, 0)       // seq
	b = order.AppendUint32(b, 1)       // reqid
	b = order.AppendUint16(b, family)
	b = append(b, 0, 32, flags) // mode, replay_window, flags
	return append(b, make([]byte, 7)...)
}

func (m *netlinkMessage) sa(src, dst []byte, proto byte, spi uint32, flags byte) *netlinkMessage {
	m.b = usersa(m.order, m.b, src, dst, proto, spi, flags)
	return m
}

func (m *netlinkMessage) attr(kind uint16, value []byte) *netlinkMessage {
	m.b = m.order.AppendUint16(m.b, uint16(4+len(value)))
	m.b = m.order.AppendUint16(m.b, kind)
	m.b = append(m.b, value...)
	for len(m.b)%4 != 0 {
		m.b = append(m.b, 0)
	}
	return m
}

// algo is the value of an algorithm's attribute; icv is in bits, 0 for none.
func (m *netlinkMessage) algo(kind uint16, name string, key []byte, icv uint32) *netlinkMessage {
	v := append([]byte(name), make([]byte, 64-len(name))...)
	v = m.order.AppendUint32(v, uint32(8*len(key)))
	if icv != 0 {
		v = m.order.AppendUint32(v, icv)
	}
	return m.attr(kind, append(v, key...))
}

func (m *netlinkMessage) esn(oseq, seq, oseqHigh, seqHigh uint32) *netlinkMessage {
	var v []byte
	for _, n := range []uint32{1, oseq, seq, oseqHigh, seqHigh, 32, 0} {
		v = m.order.AppendUint32(v, n)
	}
	return m.attr(xfrmaReplayESNVal, v)
}

func (m *netlinkMessage) bytes() []byte {
	var size []byte
	size = m.order.AppendUint32(size, uint32(len(m.b)))
	copy(m.b, size)
	return m.b
}

func count8(from byte, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = from + byte(i)
	}
	return b
}

// netlinkDump is a dump with all kinds of SAs.
func netlinkDump(order binary.AppendByteOrder) []byte {
	a4, b4 := []byte{203, 0, 113, 10}, []byte{203, 0, 113, 1}
	a6 := []byte{0x20, 1, 0xd, 0xb8, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10}
	b6 := []byte{0x20, 1, 0xd, 0xb8, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}
	var dump []byte
	add := func(m *netlinkMessage) { dump = append(dump, m.bytes()...) }
	// Both attributes for the authentication algorithm, as kernels send them for old programs.
	add(newMessage(order, xfrmMsgNewSA).sa(a4, b4, 50, 0xc2c4be60, 0).
		algo(xfrmaAlgAuth, "hmac(sha256)", count8(0x10, 32), 0).
		algo(xfrmaAlgAuthTrunc, "hmac(sha256)", count8(0x10, 32), 128).
		algo(xfrmaAlgCrypt, "cbc(aes)", count8(0x40, 32), 0))
	add(newMessage(order, xfrmMsgNewSA).sa(b6, a6, 50, 0xc6c64192, xfrmStateESN).
		algo(xfrmaAlgAEAD, "rfc4106(gcm(aes))", count8(0x50, 20), 128).
		esn(7, 0, 3, 0))
	// In UDP, with a key whose length is no multiple of 4.
	add(newMessage(order, xfrmMsgUpdSA).sa(b4, a4, 50, 0x00000101, 0).
		attr(xfrmaEncap, make([]byte, 24)).
		algo(xfrmaAlgAEAD, "rfc4309(ccm(aes))", count8(0x60, 19), 64))
	// IPComp, a larval SA, AH, a policy.
	add(newMessage(order, xfrmMsgNewSA).sa(b4, a4, 108, 0x70ec, 0).algo(xfrmaAlgComp, "deflate", nil, 0))
	add(newMessage(order, xfrmMsgNewSA).sa(b4, a4, 50, 0x15d, 0))
	add(newMessage(order, xfrmMsgNewSA).sa(b4, a4, 51, 0x16d, 0).algo(xfrmaAlgAuthTrunc, "hmac(sha1)", count8(1, 20), 96))
	add(newMessage(order, 0x13).attr(5, make([]byte, 64)))
	// An SA that was in use until now.
	del := newMessage(order, xfrmMsgDelSA)
	del.b = append(del.b, make([]byte, xfrmUsersaIDLen)...)
	add(del.attr(xfrmaSA, usersa(order, nil, a4, b4, 50, 0xc2c4be61, 0)).
		algo(xfrmaAlgAuth, "hmac(sha1)", count8(0x20, 20), 0).
		algo(xfrmaAlgCrypt, "cbc(des3_ede)", count8(0x70, 24), 0))
	// NLMSG_DONE
	add(newMessage(order, 3).attr(0, nil))
	return dump
}

const netlinkWant = `esp 1 c2c4be60 203.0.113.10>203.0.113.1 aes-cbc-256/hmac-sha2-256-128 404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f 101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f esn=false
esp 2 c6c64192 2001:db8:1::1>2001:db8:1::10 aes-gcm-128/aead-128/esn 505152535455565758595a5b5c5d5e5f60616263 - esn=true high=3
esp 3 00000101 *>* aes-ccm-128/aead-64 606162636465666768696a6b6c6d6e6f707172 - esn=false
esp 8 c2c4be61 203.0.113.10>203.0.113.1 3des-cbc/hmac-sha1-96 707172737475767778797a7b7c7d7e7f8081828384858687 202122232425262728292a2b2c2d2e2f30313233 esn=false`

func TestNetlink(t *testing.T) {
	for _, order := range []interface {
		binary.ByteOrder
		binary.AppendByteOrder
	}{binary.LittleEndian, binary.BigEndian} {
		keys, err := parseNetlink(netlinkDump(order), order, "dump")
		if err != nil {
			t.Fatal(err)
		}
		if got := summary(keys); got != netlinkWant {
			t.Errorf("%s: got\n%s\nwant\n%s", order, got, netlinkWant)
		}
		if len(keys.Hints.SAs) != 1 || keys.Hints.SAs[0].Protocol != "IPComp" {
			t.Errorf("%s: hints %+v", order, keys.Hints.SAs)
		}
	}
}

// larvalDump is what a Linux 6.18 kernel answered to XFRM_MSG_GETSA after
// `ip xfrm state allocspi src 10.0.0.1 dst 10.0.0.2 proto esp min 0x100 max 0x200`.
const larvalDump = `
	000100001000020001000000000000000a000002000000000000000000000000
	0a00000100000000000000000000000000000000000000000000202000000000
	00000000000000000a0000020000000000000000000000000000010632000000
	0a000001000000000000000000000000ffffffffffffffffffffffffffffffff
	ffffffffffffffffffffffffffffffff00000000000000001e00000000000000
	0000000000000000000000000000000000000000000000000000000000000000
	e405046b00000000000000000000000000000000000000000000000000000000
	0000000002000000000000000000000010000a00000000000000000000000000`

func TestNetlinkLarval(t *testing.T) {
	dump, err := hex.DecodeString(strings.Join(strings.Fields(larvalDump), ""))
	if err != nil {
		t.Fatal(err)
	}
	keys := new(Keys)
	x := xfrm{out: &output{name: "dump", emit: keys.add}}
	n := 0
	for len(dump) > 0 {
		size := binary.LittleEndian.Uint32(dump)
		if err := x.message(n, binary.LittleEndian.Uint16(dump[4:]), dump[16:size], binary.LittleEndian, xfrmUsersaLen); err != nil {
			t.Fatal(err)
		}
		dump = dump[size:]
		n++
	}
	if n != 1 || x.larval != 1 || len(keys.ESP) != 0 || len(keys.Notes) != 0 {
		t.Errorf("%d messages, %d larval SAs: %s", n, x.larval, summary(keys))
	}
}

// TestNetlinkCut takes bytes off the end, and changes each byte.
func TestNetlinkCut(t *testing.T) {
	dump := netlinkDump(binary.LittleEndian)
	good := values(must(parseNetlink(dump, binary.LittleEndian, "dump")))
	for n := range dump {
		keys, _ := parseNetlink(dump[:n], binary.LittleEndian, "dump")
		for v := range values(keys) {
			if !good[v] {
				t.Fatalf("cut to %d bytes: invented %.12s…", n, v)
			}
		}
		changed := bytes.Clone(dump)
		changed[n] ^= 0xff
		parseNetlink(changed, binary.LittleEndian, "dump")
	}
}

// parseNetlink takes whole messages of which each has its header.
func parseNetlink(b []byte, order binary.ByteOrder, name string) (*Keys, error) {
	const headerLen = 16 // struct nlmsghdr
	keys := new(Keys)
	x := newXFRM(&output{name: name, emit: keys.add})
	for n := 1; len(b) > 0; n++ {
		if len(b) < headerLen {
			return keys, fmt.Errorf("message %d: %w", n, errNetlinkShort)
		}
		size := order.Uint32(b)
		if size < headerLen || uint64(size) > uint64(len(b)) {
			return keys, fmt.Errorf("message %d has an impossible length of %d bytes", n, size)
		}
		if err := x.message(n, order.Uint16(b[4:]), b[headerLen:size], order, xfrmUsersaLen); err != nil {
			return keys, fmt.Errorf("message %d: %w", n, err)
		}
		b = b[min(uint64(len(b)), uint64(size+3)&^3):]
	}
	return keys, nil
}

func must(k *Keys, err error) *Keys {
	if err != nil {
		panic(err)
	}
	return k
}

func FuzzNetlink(f *testing.F) {
	f.Add(netlinkDump(binary.LittleEndian))
	f.Add(newMessage(binary.LittleEndian, xfrmMsgNewSA).bytes())
	f.Fuzz(func(t *testing.T, data []byte) {
		keys, err := parseNetlink(data, binary.LittleEndian, "fuzz")
		if keys == nil {
			t.Fatal("no Keys")
		}
		if err != nil && strings.TrimSpace(err.Error()) == "" {
			t.Fatal("empty error")
		}
		for _, s := range keys.ESP {
			if s.Key.Len()+s.AuthKey.Len() > len(data) {
				t.Fatal("key longer than the message")
			}
		}
	})
}
