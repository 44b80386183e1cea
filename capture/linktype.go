package capture

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

// LinkType is a LINKTYPE_ value as files hold it (not the DLT_ value of a platform's libpcap, which
// differs for raw IP).
type LinkType uint16

// The link types that Frame.Decode takes apart.
const (
	Null       LinkType = 0   // BSD loopback: address family, 4 bytes, in the host's byte order
	Ethernet   LinkType = 1   // IEEE 802.3
	PPP        LinkType = 9   // PPP, with or without the address and control bytes
	RawBSD     LinkType = 12  // DLT_RAW of most systems, by mistake; OpenBSD's DLT_LOOP
	RawOpenBSD LinkType = 14  // DLT_RAW of OpenBSD, likewise
	PPPHDLC    LinkType = 50  // PPP in HDLC-like framing, or Cisco HDLC
	PPPEther   LinkType = 51  // PPPoE session packets without the Ethernet header
	Raw        LinkType = 101 // IPv4 or IPv6, as the first four bits say
	CiscoHDLC  LinkType = 104 // Cisco HDLC
	Loop       LinkType = 108 // OpenBSD loopback: address family, 4 bytes, in network byte order
	LinuxSLL   LinkType = 113 // Linux cooked capture v1, 16 bytes
	PPPD       LinkType = 166 // PPP; its address byte is the direction (0 received, 1 sent)
	PPPWithDir LinkType = 204 // one byte of direction (0 received, else sent), then PPP
	IEEE80211  LinkType = 105 // 802.11
	ENC        LinkType = 109 // OpenBSD's enc(4): address family, SPI and flags, 12 bytes, then IP
	Prism      LinkType = 119 // 802.11 behind a Prism header
	Radiotap   LinkType = 127 // 802.11 behind a radiotap header
	AVS        LinkType = 163 // 802.11 behind an AVS header
	PPI        LinkType = 192 // Per-Packet Information, which names the link type behind it
	NFLOG      LinkType = 239 // Linux netfilter's log
	PKTAP      LinkType = 258 // macOS: the process and the interface, then that interface's link type
	IPv4       LinkType = 228 // raw IPv4
	IPv6       LinkType = 229 // raw IPv6
	LinuxSLL2  LinkType = 276 // Linux cooked capture v2, 20 bytes
)

var linkNames = map[LinkType]string{
	Null: "NULL", Ethernet: "ETHERNET", PPP: "PPP", RawBSD: "RAW", RawOpenBSD: "RAW", PPPHDLC: "PPP_HDLC",
	PPPEther: "PPP_ETHER", Raw: "RAW", CiscoHDLC: "C_HDLC", Loop: "LOOP", LinuxSLL: "LINUX_SLL",
	IEEE80211: "IEEE802_11", ENC: "ENC", Prism: "IEEE802_11_PRISM", Radiotap: "IEEE802_11_RADIOTAP",
	AVS: "IEEE802_11_AVS", PPI: "PPI", NFLOG: "NFLOG", PKTAP: "PKTAP",
	PPPD: "PPP_PPPD", PPPWithDir: "PPP_WITH_DIR", IPv4: "IPV4", IPv6: "IPV6", LinuxSLL2: "LINUX_SLL2",
}

// String gives the name without LINKTYPE_. Of a type that this package can't take apart it gives
// the number too.
func (lt LinkType) String() string {
	if s := linkNames[lt]; s != "" {
		return s
	}
	number := strconv.Itoa(int(lt))
	for entry := range strings.SplitSeq(otherLinkNames, ",") {
		if n, name, _ := strings.Cut(strings.TrimSpace(entry), " "); n == number {
			return name + " (" + number + ")"
		}
	}
	return "LINKTYPE_" + number
}

// LinkTypes are the names of those that Frame.Decode takes apart.
func LinkTypes() []string {
	return slices.Compact(slices.Sorted(maps.Values(linkNames)))
}

// Supported reports whether Frame.Decode knows the link layer.
func (lt LinkType) Supported() bool { return linkNames[lt] != "" }
