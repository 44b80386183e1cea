package ppp

import (
	"encoding/binary"
	"fmt"
)

// ipcpCompression is the type of the IP-Compression-Protocol option.
const ipcpCompression = 2

// ipcpOptions are IPCP's options (RFC 1332, 2290, 1877).
var ipcpOptions = options{
	1:               {"addrs", sized(8, 8, addressPair)},
	ipcpCompression: {"compress", sized(2, maxData, ipCompression)},
	3:               {"addr", address},
	4:               {"mobile-ip", address},
	129:             {"dns1", address},
	130:             {"wins1", address},
	131:             {"dns2", address},
	132:             {"wins2", address},
	144:             {"netmask", address},
}

// addressPair writes the two addresses of the old IP-Addresses option (RFC 1332 section 3.1).
func addressPair(data []byte) any {
	return address4(data[:4]) + " " + address4(data[4:])
}

// ipCompression writes an IP-Compression-Protocol option: Van Jacobson's with the highest slot
// number and whether the slot number may be left out (RFC 1332 section 4), header compression (RFC
// 3544), ROHC (RFC 3241).
func ipCompression(data []byte) any {
	const vj, misprint, iphc, rohc = protocolVJCompressed, 0x0037, 0x0061, 0x0003 // 0037: RFC 1172's number
	p := binary.BigEndian.Uint16(data)
	switch isVJ := p == vj || p == misprint; {
	case isVJ && len(data) == 2:
		return "vj"
	case isVJ && len(data) == 4:
		return fmt.Sprintf("vj max-slot %d slot-id %d", data[2], data[3])
	case p == iphc && len(data) >= 12:
		return pairOf("iphc tcp %d non-tcp %d", data)
	case p == rohc && len(data) >= 8:
		return pairOf("rohc max-cid %d mrru %d", data)
	case isVJ, p == iphc, p == rohc:
		return nil
	}
	return string(appendHex16(nil, p))
}

// pairOf writes the two numbers behind the protocol of header compression.
func pairOf(format string, data []byte) string {
	return fmt.Sprintf(format, binary.BigEndian.Uint16(data[2:]), binary.BigEndian.Uint16(data[4:]))
}

// ipv6cpOptions are IPV6CP's options (RFC 5072 section 4, RFC 5172).
var ipv6cpOptions = options{
	1: {"interface-id", sized(8, 8, interfaceID)},
	2: {"compress", sized(2, maxData, ipCompression)},
}

func interfaceID(data []byte) any {
	return fmt.Sprintf("%x:%x:%x:%x", data[:2], data[2:4], data[4:6], data[6:])
}
