package pipeline_test

import (
	"encoding/binary"
	"net/netip"
	"path/filepath"
	"testing"

	"l2tpdump/capture"
	"l2tpdump/cmd/internal/output"
	"l2tpdump/cmd/internal/why"
)

// badChecksum finds what is wrong with the checksums and lengths of an IP packet, "" if nothing is.
// It computes them itself.
func badChecksum(ip []byte) string {
	var protocol byte
	var src, dst, payload []byte
	switch {
	case len(ip) >= 20 && ip[0]>>4 == 4:
		n := int(ip[0]&15) * 4
		if onesComplement(ip[:n]) != 0 {
			return "IPv4 header"
		}
		if int(binary.BigEndian.Uint16(ip[2:])) != len(ip) {
			return "IPv4 length"
		}
		if binary.BigEndian.Uint16(ip[6:])&0x3fff != 0 {
			return "" // a fragment
		}
		protocol, src, dst, payload = ip[9], ip[12:16], ip[16:20], ip[n:]
	case len(ip) >= 40 && ip[0]>>4 == 6:
		if int(binary.BigEndian.Uint16(ip[4:]))+40 != len(ip) {
			return "IPv6 length"
		}
		protocol, src, dst, payload = ip[6], ip[8:24], ip[24:40], ip[40:]
	default:
		return "not IP"
	}
	size := []byte{0, protocol, byte(len(payload) >> 8), byte(len(payload))}
	switch protocol {
	case 17:
		n := int(binary.BigEndian.Uint16(payload[4:]))
		if n != len(payload) {
			return "UDP length"
		}
		if payload[6] == 0 && payload[7] == 0 {
			if len(src) == 16 {
				return "UDP without checksum over IPv6"
			}
			return ""
		}
		if onesComplement(src, dst, size, payload) != 0 {
			return "UDP"
		}
	case 6:
		if onesComplement(src, dst, size, payload) != 0 {
			return "TCP"
		}
	}
	return ""
}

// TestChecksums: the cleartext captures of the lab have no wrong checksum and no wrong length that
// the captures themselves do not have; so has what is inside.
func TestChecksums(t *testing.T) {
	for _, c := range lab {
		for _, layer := range []output.Layer{output.LayerL2TP, output.LayerIP} {
			t.Run(c.dir+"/"+c.file+"/"+string(layer), func(t *testing.T) {
				t.Parallel()
				names := tables
				if c.esp == 0 {
					names = names[1:]
				}
				f := mustRead(t, filepath.Join(capturesDir, c.dir, c.file))
				own := make(map[string]int) // wrong in the captured frames that pass as they are
				o := follow(t, f, labKeys(t, c.dir, names...), mode{layer: layer})
				for i := range f.list {
					var n capture.Frame
					p := &f.list[i]
					if err := n.Decode(f.interfaces[p.Interface].LinkType, p.Data); err == nil && n.IPVersion != 0 && layer == output.LayerL2TP {
						own[badChecksum(p.Data[n.LinkLen:n.PayloadEnd])]++
					}
				}
				for i := range o.clear {
					p := &o.clear[i]
					link := capture.Raw
					if layer == output.LayerL2TP {
						link = f.interfaces[p.Interface].LinkType
					}
					var n capture.Frame
					if err := n.Decode(link, p.Data); err != nil {
						t.Errorf("packet %d: %v", i+1, err)
						continue
					}
					if n.IPVersion == 0 {
						continue
					}
					if bad := badChecksum(p.Data[n.LinkLen:n.PayloadEnd]); bad != "" {
						if own[bad]--; own[bad] < 0 {
							t.Errorf("packet %d: wrong checksum or length: %s", i+1, bad)
						}
					}
				}
			})
		}
	}
}

// TestChecksumsAfterNAT: in UDP-encapsulated transport mode the sender computed the checksum of TCP
// and UDP inside with the addresses it had; the cleartext capture has the ones that the packet
// travelled with.
func TestChecksumsAfterNAT(t *testing.T) {
	private4, private6 := netip.MustParseAddr("10.7.7.7"), netip.MustParseAddr("fd00::7")
	for _, w := range wires {
		private := private4
		if w.here.Is6() {
			private = private6
		}
		if !w.encapsulated {
			private = w.here // without encapsulation no NAT is passed
		}
		s := aesSA(0xb000)
		noSum := udp(private, w.there, 1701, 1701, l2tpData(userPacket(1)))
		noSum[6], noSum[7] = 0, 0
		o := follow(t, rawFrames(
			w.packet(s.seal(17, udp(private, w.there, 1701, 1701, l2tpData(userPacket(1))))),
			w.packet(s.seal(17, udp(private, w.there, 5000, 53, []byte("odd")))),
			w.packet(s.seal(6, tcp(private, w.there, 5000, 80, []byte("GET / HTTP/1.0")))),
			w.packet(s.seal(17, noSum)),
		), secrets(s.secret()), mode{layer: output.LayerL2TP})
		for i := range o.results {
			if o.results[i].verdict != why.Verified {
				t.Fatalf("%s: packet %d: %s", w.name, i, o.results[i].reason)
			}
		}
		for i := range o.clear {
			bad := badChecksum(o.clear[i].Data)
			if w.here.Is6() && i == 3 && !w.encapsulated {
				continue // sent without one
			}
			if bad != "" {
				t.Errorf("%s: packet %d: %s", w.name, i, bad)
			}
		}
		if !w.here.Is6() {
			if p := o.clear[3].Data; p[26] != 0 || p[27] != 0 {
				t.Errorf("%s: a UDP checksum was made where there was none", w.name)
			}
		}
	}
}
