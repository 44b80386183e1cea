package sessions_test

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"testing"

	"l2tpdump/capture"
	"l2tpdump/testdata/race"
)

// until are the packets without those of an address from an index on.
func (s *recorded) until(n int, addr netip.Addr) (list []capture.Packet) {
	for i, p := range s.packets {
		var f capture.Frame
		if i < n || f.Decode(s.Interfaces()[p.Interface].LinkType, p.Data) != nil || f.Src != addr {
			list = append(list, p)
		}
	}
	return list
}

// TestHalved: a capture that lacks a direction from some place on proves no cause that the whole
// one does not have, wherever that place is.
func TestHalved(t *testing.T) {
	for dir, cause := range map[string]string{
		"captures/01-basic-aes128-sha1": "", "captures/06-pfs-rekey-dpd": "", "captures/07-aggressive-psk": "",
		"causes/43g-psk-strongswan-main-natt": "ike-psk", "causes/50c-pap-refused": "ppp-auth-failed",
		"causes/57a-pfs-on-server-only": "quick-proposal", "causes/62a-server-stops-stopccn": "orderly-end",
	} {
		dir = "../../../testdata/" + dir
		s := readAll(t, dir+"/outer.pcap")
		step := max(1, len(s.packets)/32)
		if race.Enabled {
			step *= 6
		}
		for n := step; n < len(s.packets); n += step {
			for _, end := range []string{"203.0.113.1", "203.0.113.10", "203.0.113.77"} {
				for name, keys := range map[string][]string{"no keys": nil, "keys": keySets(dir)["tables"]} {
					for _, r := range s.sessionsOf(t, s.until(n, netip.MustParseAddr(end)), keys) {
						if r.Proven && r.CauseID != cause && r.CauseID != "orderly-end" {
							t.Errorf("%s without %s from frame %d on, %s: %s %s: %s", dir, end, n+1, name, r.State, r.CauseID, r.Cause)
						}
					}
				}
			}
		}
	}
}

// TestHalvedRenewal: who renews keys, and goes on behind messages that were not captured, is not
// alone, though nobody can read what it sends.
func TestHalvedRenewal(t *testing.T) {
	s := readAll(t, "../../../testdata/captures/06-pfs-rekey-dpd/outer.pcap")
	for n := len(s.packets) / 4; n < len(s.packets)*3/4; n += 100 {
		for _, r := range s.sessionsOf(t, s.until(n, netip.MustParseAddr("203.0.113.1")), nil) {
			if r.State != "up" {
				t.Errorf("without the server from frame %d on: %s %s: %s", n+1, r.State, r.CauseID, r.Cause)
			}
		}
	}
}

// TestHalvedAddresses: an end that sends users' packets is up, though the server's answer to its
// addresses was not captured.
func TestHalvedAddresses(t *testing.T) {
	const dir = "../../../testdata/causes/71a-healthy-second-try"
	s := readAll(t, dir+"/outer.pcap")
	list := s.until(41, netip.MustParseAddr("203.0.113.1"))
	for _, r := range s.sessionsOf(t, list, keySets(dir)["tables"]) {
		if r.State != "partial" {
			t.Errorf("%s %s: %s", r.State, r.CauseID, r.Cause)
		}
	}
}

// TestStreamToNobody: a client dies while the server streams to it. Questions of IKE that go
// unanswered tell so without keys; nothing but the stream tells nothing.
func TestStreamToNobody(t *testing.T) {
	const from, packets = 75, 150 // the client's last frame is 74
	s := readAll(t, "../../../testdata/causes/54a-dpd-timeout-client-gone/outer.pcap")
	server := netip.MustParseAddr("203.0.113.1")
	var esp []byte
	for _, p := range s.packets[:from] {
		var f capture.Frame
		if f.Decode(s.Interfaces()[p.Interface].LinkType, p.Data) == nil && f.Src == server && f.Protocol == 50 {
			esp = p.Data[:f.PayloadEnd]
		}
	}
	list := slices.Clone(s.packets[:from])
	for i := range packets {
		p := list[len(list)-1]
		p.Data, p.Length = slices.Clone(esp), len(esp)
		binary.BigEndian.PutUint32(p.Data[14+20+4:], uint32(100+i)) // the sequence number
		p.Time += 10e6
		list = append(list, p)
	}
	if r := s.sessionsOf(t, list, nil); len(r) != 1 || r[0].State != "up" || r[0].CauseID != "" {
		t.Errorf("the stream alone: %+v", r)
	}
	if r := s.sessionsOf(t, append(list, s.packets[from:]...), nil); len(r) != 1 || r[0].State != "lost" ||
		r[0].CauseID != "keepalive-timeout" || r[0].Proven {
		t.Errorf("and questions: %+v", r)
	}
}
