package main

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"l2tpdump/capture"
	"l2tpdump/testdata/race"
)

// relinked writes a capture of Ethernet frames with another link layer, IP packets only, and
// returns how many there are.
func relinked(t *testing.T, from, to string, link capture.LinkType, wrap func(ip []byte, v6 bool) []byte) int {
	t.Helper()
	src, err := capture.Open([]string{from})
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	f, err := os.Create(to)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w := capture.NewPcapWriter(f, true)
	if _, err := w.AddInterface(capture.Interface{LinkType: link}); err != nil {
		t.Fatal(err)
	}
	n := 0
	var p capture.Packet
	for src.Next(&p) == nil {
		var v6 bool
		switch binary.BigEndian.Uint16(p.Data[12:]) {
		case 0x0800:
		case 0x86dd:
			v6 = true
		default:
			continue
		}
		data := wrap(p.Data[14:], v6)
		if data == nil {
			continue
		}
		q := capture.Packet{Time: p.Time, Length: len(data), Data: data}
		if err := w.WritePacket(&q, nil); err != nil {
			t.Fatal(err)
		}
		n++
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	return n
}

// TestLinkLayers puts the same traffic on other link layers: the users' packets are the same, and
// tshark reads the cleartext captures.
func TestLinkLayers(t *testing.T) {
	etherType := func(v6 bool) []byte {
		if v6 {
			return []byte{0x86, 0xdd}
		}
		return []byte{0x08, 0x00}
	}
	protocol := func(v6 bool) []byte {
		if v6 {
			return []byte{0x00, 0x57}
		}
		return []byte{0x00, 0x21}
	}
	family := func(v6 bool) byte {
		if v6 {
			return 24 // of NetBSD
		}
		return 2
	}
	macs := []byte{2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2}
	ethernet := func(ip []byte, v6 bool) []byte { return slices.Concat(macs, etherType(v6), ip) }
	wifi := []byte{8, 1, 0, 0, 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 3, 0, 0, 0xaa, 0xaa, 3, 0, 0, 0}
	// carried is an IPv4 packet between other hosts, of the protocol and with the bytes of all parts.
	carried := func(protocol byte, parts ...[]byte) []byte {
		payload := slices.Concat(parts...)
		ip := binary.BigEndian.AppendUint16([]byte{0x45, 0}, uint16(20+len(payload)))
		ip = append(ip, 0, 0, 0, 0, 64, protocol, 0, 0, 192, 0, 2, 101, 192, 0, 2, 102)
		sum := uint32(0)
		for i := 0; i < len(ip); i += 2 {
			sum += uint32(binary.BigEndian.Uint16(ip[i:]))
		}
		binary.BigEndian.PutUint16(ip[10:], ^uint16(sum+sum>>16))
		return ethernet(append(ip, payload...), false)
	}
	inUDP := func(port uint16, parts ...[]byte) []byte {
		payload := slices.Concat(parts...)
		udp := binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16(nil, 50000), port)
		return carried(17, binary.BigEndian.AppendUint16(udp, uint16(8+len(payload))), []byte{0, 0}, payload)
	}
	isIP := func(v6 bool) byte { // the protocol number of IP in IP
		if v6 {
			return 41
		}
		return 4
	}
	for _, l := range []struct {
		name string
		link capture.LinkType
		wrap func(ip []byte, v6 bool) []byte
	}{
		{"802.1Q", capture.Ethernet, func(ip []byte, v6 bool) []byte {
			return slices.Concat(macs, []byte{0x81, 0, 0, 7}, etherType(v6), ip)
		}},
		{"QinQ", capture.Ethernet, func(ip []byte, v6 bool) []byte {
			return slices.Concat(macs, []byte{0x88, 0xa8, 0, 9, 0x81, 0, 0, 7}, etherType(v6), ip)
		}},
		{"PPPoE in 802.1Q", capture.Ethernet, func(ip []byte, v6 bool) []byte {
			head := []byte{0x81, 0, 0, 35, 0x88, 0x64, 0x11, 0, 0, 1}
			return slices.Concat(macs, binary.BigEndian.AppendUint16(head, uint16(len(ip)+2)), protocol(v6), ip)
		}},
		{"padding behind the packet", capture.Ethernet, func(ip []byte, v6 bool) []byte {
			return slices.Concat(macs, etherType(v6), ip, make([]byte, 46), []byte{1, 2, 3, 4})
		}},
		{"raw", capture.Raw, func(ip []byte, _ bool) []byte { return ip }},
		{"raw of BSD", capture.RawBSD, func(ip []byte, _ bool) []byte { return ip }},
		{"IPv4", capture.IPv4, func(ip []byte, v6 bool) []byte {
			if v6 {
				return nil
			}
			return ip
		}},
		{"null", capture.Null, func(ip []byte, v6 bool) []byte { return slices.Concat([]byte{family(v6), 0, 0, 0}, ip) }},
		{"loop", capture.Loop, func(ip []byte, v6 bool) []byte { return slices.Concat([]byte{0, 0, 0, family(v6)}, ip) }},
		{"PPP", capture.PPP, func(ip []byte, v6 bool) []byte { return slices.Concat([]byte{0xff, 3}, protocol(v6), ip) }},
		{"PPP over HDLC", capture.PPPHDLC, func(ip []byte, v6 bool) []byte { return slices.Concat([]byte{0xff, 3}, protocol(v6), ip) }},
		{"PPP with direction", capture.PPPWithDir, func(ip []byte, v6 bool) []byte {
			return slices.Concat([]byte{1, 0xff, 3}, protocol(v6), ip)
		}},
		{"PPPoE", capture.PPPEther, func(ip []byte, v6 bool) []byte {
			return slices.Concat(binary.BigEndian.AppendUint16([]byte{0x11, 0, 0, 1}, uint16(len(ip)+2)), protocol(v6), ip)
		}},
		{"NFLOG", capture.NFLOG, func(ip []byte, v6 bool) []byte {
			head := []byte{2, 0, 0, 5, 5, 0, 10, 0, 0, 0, 0, 0}
			if v6 {
				head[0] = 10
			}
			return slices.Concat(binary.LittleEndian.AppendUint16(head, uint16(len(ip)+4)), []byte{9, 0}, ip)
		}},
		{"ENC", capture.ENC, func(ip []byte, v6 bool) []byte {
			return slices.Concat([]byte{family(v6), 0, 0, 0, 1, 2, 3, 4, 0, 0, 0, 0}, ip)
		}},
		{"802.11", capture.IEEE80211, func(ip []byte, v6 bool) []byte { return slices.Concat(wifi, etherType(v6), ip) }},
		{"radiotap", capture.Radiotap, func(ip []byte, v6 bool) []byte {
			return slices.Concat([]byte{0, 0, 9, 0, 2, 0, 0, 0, 0x10}, wifi, etherType(v6), ip, []byte{1, 2, 3, 4})
		}},
		{"PKTAP", capture.PKTAP, func(ip []byte, v6 bool) []byte {
			head := make([]byte, 108)
			head[0], head[4], head[8] = 108, 1, 1
			return append(head, ethernet(ip, v6)...)
		}},
		{"TZSP", capture.Ethernet, func(ip []byte, v6 bool) []byte {
			return inUDP(37008, []byte{1, 0, 0, 1, 10, 1, 200, 0, 41, 2, 0, 90, 1}, ethernet(ip, v6))
		}},
		{"VXLAN", capture.Ethernet, func(ip []byte, v6 bool) []byte {
			return inUDP(4789, []byte{8, 0, 0, 0, 0, 0, 7, 0}, ethernet(ip, v6))
		}},
		{"Geneve", capture.Ethernet, func(ip []byte, v6 bool) []byte {
			return inUDP(6081, []byte{1, 0, 0x65, 0x58, 0, 0, 7, 0, 1, 2, 3, 0}, ethernet(ip, v6))
		}},
		{"GTP-U", capture.Ethernet, func(ip []byte, v6 bool) []byte {
			head := binary.BigEndian.AppendUint16([]byte{0x34, 255}, uint16(8+len(ip)))
			return inUDP(2152, head, []byte{0, 0, 0, 9, 0, 0, 0, 0x85, 1, 0, 9, 0}, ip)
		}},
		{"GRE", capture.Ethernet, func(ip []byte, v6 bool) []byte {
			return carried(47, []byte{0x30, 0}, etherType(v6), []byte{0, 0, 0, 9, 0, 0, 0, 1}, ip)
		}},
		{"ERSPAN", capture.Ethernet, func(ip []byte, v6 bool) []byte {
			return carried(47, []byte{0x10, 0, 0x88, 0xbe, 0, 0, 0, 1, 0x10, 5, 0, 1, 0, 0, 0, 0}, ethernet(ip, v6))
		}},
		{"IP in IP", capture.Ethernet, func(ip []byte, v6 bool) []byte { return carried(isIP(v6), ip) }},
		{"MPLS", capture.Ethernet, func(ip []byte, _ bool) []byte {
			return slices.Concat(macs, []byte{0x88, 0x47, 0, 1, 0, 64, 0, 2, 1, 64}, ip)
		}},
		{"pseudowire", capture.Ethernet, func(ip []byte, v6 bool) []byte {
			return slices.Concat(macs, []byte{0x88, 0x47, 0, 1, 1, 64, 0, 0, 0, 0}, ethernet(ip, v6))
		}},
		{"TZSP in GRE", capture.Ethernet, func(ip []byte, v6 bool) []byte {
			inner := inUDP(37008, []byte{1, 0, 0, 1, 1}, ethernet(ip, v6))
			return carried(47, []byte{0, 0, 8, 0}, inner[14:])
		}},
		{"cooked", capture.LinuxSLL, func(ip []byte, v6 bool) []byte {
			return slices.Concat([]byte{0, 0, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0}, etherType(v6), ip)
		}},
		{"cooked 2", capture.LinuxSLL2, func(ip []byte, v6 bool) []byte {
			return slices.Concat(etherType(v6), []byte{0, 0, 0, 0, 0, 2, 0, 1, 4, 6, 2, 0, 0, 0, 0, 1, 0, 0}, ip)
		}},
	} {
		for _, dir := range []string{"13-ip-fragmented-esp", "02-natt-aes256-sha1", "10-ipv6-outer"} {
			if dir == "10-ipv6-outer" && l.link == capture.IPv4 {
				continue
			}
			t.Run(l.name+"/"+dir, func(t *testing.T) {
				t.Parallel()
				original, in := filepath.Join(captures, dir, "outer.pcap"), filepath.Join(t.TempDir(), "in.pcap")
				frames := relinked(t, original, in, l.link, l.wrap)
				want, _ := decryptIP(t, original, fullKeys(dir)[1], fullKeys(dir)[3])
				got, status := decryptIP(t, in, fullKeys(dir)[1], fullKeys(dir)[3])
				if l.link == capture.PPPWithDir { // what this program writes: all is of the users
					got = slices.DeleteFunc(got, func(p string) bool { return !slices.Contains(want, p) })
				}
				if status != exitOK || len(want) == 0 || !slices.Equal(got, want) {
					t.Fatalf("exit status %d, %d packets, want %d", status, len(got), len(want))
				}
				if dir != "13-ip-fragmented-esp" || race.Enabled {
					return // once is enough for what follows
				}
				esp, merged := 0, 0
				for _, f := range tshark(t, original) { // tshark calls packets in tunnels no fragments
					if f.fragment {
						merged++
					} else if strings.Contains(f.protocols, ":esp") {
						esp++
					}
				}
				list := tshark(t, decryptTo(t, exitOK, "clear.pcap", in, fullKeys(dir)...))
				if len(list) != frames-merged {
					t.Errorf("%d frames, want %d - %d", len(list), frames, merged)
				}
				for i, f := range list {
					if f.malformed != "" || f.badChecksum || f.encryptedIKE || strings.Contains(f.protocols, ":esp") {
						t.Errorf("frame %d: %+v", i+1, f)
					}
					if strings.Contains(f.protocols, ":l2tp") {
						esp--
					}
				}
				if esp != 0 {
					t.Errorf("%d ESP packets more than L2TP messages", esp)
				}
			})
		}
	}
}

// TestClosedIsNamed: where the traffic may be in what is not opened, the hint says in what, and not
// that there is none.
func TestClosedIsNamed(t *testing.T) {
	file := filepath.Join(t.TempDir(), "macsec.pcap")
	relinked(t, filepath.Join(captures, "01-basic-aes128-sha1/outer.pcap"), file, capture.Ethernet, func(ip []byte, _ bool) []byte {
		head := []byte{2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x88, 0xe5, 0x2c, 0, 0, 0, 0, 1}
		return slices.Concat(head, ip, make([]byte, 16))
	})
	text := quietly(t, func() { run([]string{"decrypt", "-r", file}) })
	if !strings.Contains(text, "can be opened of this capture: 276 frames can't (MACsec)") || strings.Contains(text, "outer (WAN)") {
		t.Error(text[max(0, len(text)-300):])
	}
}
