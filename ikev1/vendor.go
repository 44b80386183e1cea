package ikev1

import (
	"bytes"
	"cmp"
	"crypto/md5"
	"encoding/binary"
	"encoding/hex"
	"fmt"
)

// vendorTexts has the vendor IDs that are the MD5 hash of a text, with the names printed.
var vendorTexts = map[string]string{
	"RFC 3947":                                "NAT-T RFC 3947",
	"draft-ietf-ipsec-nat-t-ike":              "NAT-T draft",
	"draft-ietf-ipsec-nat-t-ike-02\n":         "NAT-T draft 02",
	"Testing NAT-T RFC":                       "NAT-T test",
	"draft-stenberg-ipsec-nat-traversal-01":   "NAT-T stenberg 01",
	"draft-stenberg-ipsec-nat-traversal-02":   "NAT-T stenberg 02",
	"draft-huttunen-ipsec-esp-in-udp-00.txt":  "NAT-T huttunen 00",
	"ESPThruNAT":                              "NAT-T huttunen 01",
	"FRAGMENTATION":                           "FRAGMENTATION", // may be followed by 4 bytes of flags
	"MS NT5 ISAKMPOAKLEY":                     "Windows",       // followed by 4 bytes of version
	"GSSAPI":                                  "GSSAPI",
	"A GSS-API Authentication Method for IKE": "GSSAPI",
	"Vid-Initial-Contact":                     "Windows INITIAL-CONTACT",
	"MS-Negotiation Discovery Capable":        "Windows negotiation discovery",
	"IKE CGA version 1":                       "IKE CGA 1",
	"MS-MamieExists":                          "Windows AuthIP",
	"NLBS_PRESENT":                            "Windows NLB",
	"strongSwan":                              "strongSwan",
	"KAME/racoon":                             "racoon",
	"SSH Sentinel":                            "SSH Sentinel",
	"IKE Challenge/Response for Authenticated Cryptographic Keys": "CRACK",
}

// vendorPrefixes has those that are known by the bytes they begin with.
var vendorPrefixes = map[string]string{
	"afcad71368a1f1c96b8696fc7757":             "DPD",   // RFC 3706: version 1.0 follows
	"09002689dfd6b712":                         "XAUTH", // head of MD5("draft-ietf-ipsra-isakmp-xauth-06.txt")
	"12f5f28c457168a9702d9fe274cc":             "Cisco Unity",
	"1f07f70eaa6514d3b0fa96542a50":             "Cisco VPN concentrator",
	"bdb41038a7ec5e5534dd004d0f91f927":         "Cisco IOS",
	"2d7922c6b301d9b0e1342739e9cfbbd5":         "delete with reason",
	"20a3622c1cea7ce37bee3ca484425276":         "ipsec-tools",
	"f14b94b7bff1fef02773b8c49feded26":         "Shrew Soft",
	"f4ed19e0c114eb516faaac0ee37daf2807b4381f": "Check Point",
	"404bf439522ca3f6":                         "SonicWall",
	"625027749d5ab97f5616c1602765cf480a3b7d0b": "ZyWALL",
	"4865617274426561745f4e6f74696679":         "heartbeat",
	"699369228741c6d4ca094c93e242c9de19e7b7c6": "NetScreen",
	"166f932d55eb64d8e4df4fd37e2313f0d0fd8451": "NetScreen",
	"8299031757a36082c6a621de":                 "FortiGate",
	"01528bbbc00696121849ab9a1c5b2a51":         "Windows 01528bbb", // what it says is not published
}

type knownVendor struct {
	prefix []byte
	name   string
}

// vendorIDs is both lists. No prefix is the beginning of another.
var vendorIDs = func() (list []knownVendor) {
	add := func(text, name string) {
		sum := md5.Sum([]byte(text))
		list = append(list, knownVendor{sum[:], name})
	}
	for text, name := range vendorTexts {
		add(text, name)
	}
	for n := range 10 {
		add(fmt.Sprintf("draft-ietf-ipsec-nat-t-ike-%02d", n), fmt.Sprintf("NAT-T draft %02d", n))
	}
	for prefix, name := range vendorPrefixes {
		b, err := hex.DecodeString(prefix)
		if err != nil {
			panic("ikev1: vendor ID " + prefix)
		}
		list = append(list, knownVendor{b, name})
	}
	return list
}()

// windowsVersions has the versions behind the Windows vendor ID ([MS-IKEE] section 2.2.1).
var windowsVersions = map[uint32]string{
	2: "2000", 3: "XP", 4: "XP SP2", 5: "Vista", 6: "Vista SP1", 7: "7", 8: "7", 9: "8 or later",
}

// vendorName returns what is known of a Vendor ID payload (RFC 2408 section 3.16): "DPD", "NAT-T
// RFC 3947", "FRAGMENTATION", the text in quotes where it is one, or "" for an unknown one.
func vendorName(body []byte) string {
	for _, v := range vendorIDs {
		rest, ok := bytes.CutPrefix(body, v.prefix)
		if !ok {
			continue
		}
		if v.name == "Windows" && len(rest) == 4 {
			n := binary.BigEndian.Uint32(rest)
			return "Windows " + nameOf(windowsVersions, "version", n)
		}
		return v.name
	}
	if isText(body) {
		return shown(body)
	}
	return ""
}

// vendorID is the body of a Vendor ID payload.
type vendorID []byte

// text names the vendor ID, or shows its bytes.
func (v vendorID) text(d detail) string {
	name := vendorName(v)
	switch {
	case d.full && name != "":
		return name + ", " + shortHex(v)
	case d.full || len(v) <= 4:
		return cmp.Or(name, shortHex(v))
	}
	return cmp.Or(name, shortHex(v[:4])+"...")
}
