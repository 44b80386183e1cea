package sessions_test

import (
	"net/netip"
	"testing"

	"l2tpdump/capture"
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
