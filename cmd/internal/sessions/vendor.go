package sessions

import (
	"slices"
	"strings"
)

// named are the vendor IDs that name an implementation.
var named = []string{"strongSwan", "racoon", "ipsec-tools", "Shrew Soft", "FortiGate", "SonicWall", "Check Point",
	"ZyWALL", "NetScreen",
	"Cisco IOS", "Cisco VPN concentrator", "SSH Sentinel"}

// sets are vendor IDs that name no implementation, and are sent by one only in this order, with
// others behind them or not.
var sets = []struct {
	vendors []string
	name    string
}{
	{[]string{"XAUTH", "DPD", "FRAGMENTATION", "NAT-T RFC 3947"}, "strongSwan"},
	{[]string{"XAUTH", "DPD", "Cisco Unity", "FRAGMENTATION", "NAT-T RFC 3947"}, "strongSwan"},
	{[]string{"FRAGMENTATION", "DPD", "NAT-T RFC 3947"}, "libreswan"},
	{[]string{"NAT-T RFC 3947", "NAT-T draft 02", "NAT-T draft 02", "FRAGMENTATION", "DPD"}, "racoon"},
	{[]string{"NAT-T RFC 3947", "NAT-T draft 03", "NAT-T draft 02", "NAT-T draft 02", "NAT-T draft 00", "DPD"},
		"SoftEther"},
}

// looksLike names the implementation that sends such vendor IDs in phase 1, "" not known.
func looksLike(vendors []string) string {
	for _, v := range vendors {
		switch text := strings.Trim(v, `"`); {
		case strings.HasPrefix(v, "Windows "), slices.Contains(named, v):
			return v
		case strings.HasPrefix(text, "Mac OSX"), v == "NAT-T draft" && slices.Contains(vendors, "NAT-T draft 08"):
			return "macOS or iOS"
		case strings.HasPrefix(text, "Libreswan"):
			return text
		}
	}
	for _, set := range sets {
		if len(vendors) >= len(set.vendors) && slices.Equal(vendors[:len(set.vendors)], set.vendors) {
			return set.name
		}
	}
	return ""
}

// ofTunnel names the implementation of L2TP by the Vendor Name and the Host Name that it sends, ""
// not known.
func ofTunnel(vendor, host string) string {
	switch {
	case strings.HasPrefix(vendor, "xelerance"):
		return "xl2tpd"
	case strings.HasPrefix(vendor, "Microsoft"):
		return "Windows"
	case strings.HasPrefix(vendor, "accel-ppp"):
		return "accel-ppp"
	case vendor == "L2TP":
		return "SoftEther"
	case host == "anonymous":
		return "Android (mtpd)"
	}
	return ""
}

// peers are what the two ends look like, by IKE and by L2TP.
func (s *Session) peers() (ike, l2tp [2]string) {
	for _, x := range s.exchanges {
		for side := range ike {
			if ike[side] == "" {
				ike[side] = looksLike(x.vendors[side])
			}
		}
	}
	if t := s.tunnel(); t != nil {
		for side := range l2tp {
			l2tp[side] = ofTunnel(string(t.vendor[side]), string(t.host[side]))
		}
	}
	return ike, l2tp
}
