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

// otherLinkNames are the numbers and names of the link types that Frame.Decode does not take apart,
// as the tcpdump group lists them.
const otherLinkNames = `
2 EN3MB, 3 AX25, 4 PRONET, 5 CHAOS, 6 IEEE802_5, 7 ARCNET_BSD, 8 SLIP, 10 FDDI,
99 SYMANTEC_FIREWALL, 100 ATM_RFC1483, 102 SLIP_BSDOS, 103 PPP_BSDOS, 106 ATM_CLIP, 107 FRELAY,
112 HDLC, 114 LTALK, 115 ECONET, 116 IPFILTER, 117 PFLOG, 118 CISCO_IOS, 120 AIRONET_HEADER,
121 HHDLC, 122 IP_OVER_FC, 123 SUNATM, 124 RIO, 125 PCI_EXP, 126 AURORA, 128 TZSP,
129 ARCNET_LINUX, 130 JUNIPER_MLPPP, 131 JUNIPER_MLFR, 132 JUNIPER_ES, 133 JUNIPER_GGSN,
134 JUNIPER_MFR, 135 JUNIPER_ATM2, 136 JUNIPER_SERVICES, 137 JUNIPER_ATM1,
138 APPLE_IP_OVER_IEEE1394, 139 MTP2_WITH_PHDR, 140 MTP2, 141 MTP3, 142 SCCP, 143 DOCSIS,
144 LINUX_IRDA, 145 IBM_SP, 146 IBM_SN, 147 USER0, 148 USER1, 149 USER2, 150 USER3, 151 USER4,
152 USER5, 153 USER6, 154 USER7, 155 USER8, 156 USER9, 157 USER10, 158 USER11, 159 USER12,
160 USER13, 161 USER14, 162 USER15, 164 JUNIPER_MONITOR, 165 BACNET_MS_TP, 167 JUNIPER_PPPOE,
168 JUNIPER_PPPOE_ATM, 169 GPRS_LLC, 170 GPF_T, 171 GPF_F, 172 GCOM_T1E1, 173 GCOM_SERIAL,
174 JUNIPER_PIC_PEER, 175 ERF_ETH, 176 ERF_POS, 177 LINUX_LAPD, 178 JUNIPER_ETHER,
179 JUNIPER_PPP, 180 JUNIPER_FRELAY, 181 JUNIPER_CHDLC, 182 MFR, 183 JUNIPER_VP, 184 A429,
185 A653_ICM, 186 USB_FREEBSD, 187 BLUETOOTH_HCI_H4, 188 IEEE802_16_MAC_CPS, 189 USB_LINUX,
190 CAN20B, 191 IEEE802_15_4_LINUX, 193 IEEE802_16_MAC_CPS_RADIO, 194 JUNIPER_ISM,
195 IEEE802_15_4_WITHFCS, 196 SITA, 197 ERF, 198 RAIF1, 199 IPMB_KONTRON, 200 JUNIPER_ST,
201 BLUETOOTH_HCI_H4_WITH_PHDR, 202 AX25_KISS, 203 LAPD, 205 C_HDLC_WITH_DIR, 206 FRELAY_WITH_DIR,
207 LAPB_WITH_DIR, 209 IPMB_LINUX, 210 FLEXRAY, 211 MOST, 212 LIN, 213 X2E_SERIAL, 214 X2E_XORAYA,
215 IEEE802_15_4_NONASK_PHY, 216 LINUX_EVDEV, 217 GSMTAP_UM, 218 GSMTAP_ABIS, 219 MPLS,
220 USB_LINUX_MMAPPED, 221 DECT, 222 AOS, 223 WIHART, 224 FC_2, 225 FC_2_WITH_FRAME_DELIMS,
226 IPNET, 227 CAN_SOCKETCAN, 230 IEEE802_15_4_NOFCS, 231 DBUS, 232 JUNIPER_VS,
233 JUNIPER_SRX_E2E, 234 JUNIPER_FIBRECHANNEL, 235 DVB_CI, 236 MUX27010, 237 STANAG_5066_D_PDU,
238 JUNIPER_ATM_CEMIC, 240 NETANALYZER, 241 NETANALYZER_TRANSPARENT, 242 IPOIB, 243 MPEG_2_TS,
244 NG40, 245 NFC_LLCP, 246 PFSYNC, 247 INFINIBAND, 248 SCTP, 249 USBPCAP, 250 RTAC_SERIAL,
251 BLUETOOTH_LE_LL, 252 WIRESHARK_UPPER_PDU, 253 NETLINK, 254 BLUETOOTH_LINUX_MONITOR,
255 BLUETOOTH_BREDR_BB, 256 BLUETOOTH_LE_LL_WITH_PHDR, 257 PROFIBUS_DL, 259 EPON, 260 IPMI_HPM_2,
261 ZWAVE_R1_R2, 262 ZWAVE_R3, 263 WATTSTOPPER_DLM, 264 ISO_14443, 265 RDS, 266 USB_DARWIN,
267 OPENFLOW, 268 SDLC, 269 TI_LLN_SNIFFER, 270 LORATAP, 271 VSOCK, 272 NORDIC_BLE,
273 DOCSIS31_XRA31, 274 ETHERNET_MPACKET, 275 DISPLAYPORT_AUX, 277 SERCOS_MONITOR, 278 OPENVIZSLA,
279 EBHSCR, 280 VPP_DISPATCH, 281 DSA_TAG_BRCM, 282 DSA_TAG_BRCM_PREPEND, 283 IEEE802_15_4_TAP,
284 DSA_TAG_DSA, 285 DSA_TAG_EDSA, 286 ELEE, 287 Z_WAVE_SERIAL, 288 USB_2_0, 289 ATSC_ALP,
290 ETW, 292 ZBOSS_NCP, 293 USB_2_0_LOW_SPEED, 294 USB_2_0_FULL_SPEED, 295 USB_2_0_HIGH_SPEED
`
