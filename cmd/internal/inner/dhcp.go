package inner

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"net/netip"
	"strconv"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
)

// dhcpMessage is a message of DHCP or BOOTP (RFC 2131).
type dhcpMessage struct {
	Message   string     `json:"message"`          // "DHCP request"
	Client    string     `json:"client,omitempty"` // its link-layer address
	XID       string     `json:"xid"`              // hexadecimal
	Addr      netip.Addr `json:"client_addr,omitzero"`
	Requested netip.Addr `json:"requested_addr,omitzero"`
	Your      netip.Addr `json:"your_addr,omitzero"`

	// Options (RFC 2132).
	Server      netip.Addr   `json:"server_addr,omitzero"`
	Mask        netip.Addr   `json:"subnet_mask,omitzero"`
	Routers     []netip.Addr `json:"routers,omitempty"`
	NameServers []netip.Addr `json:"name_servers,omitempty"`
	Lease       *uint32      `json:"lease_seconds,omitempty"`
	HostName    string       `json:"hostname,omitempty"`
	Domain      string       `json:"domain,omitempty"`
	Vendor      string       `json:"vendor_class,omitempty"`
	Asked       []int        `json:"asks_for,omitempty"` // numbers of options
}

// dhcpNames are those of RFC 2131 section 3.1 and RFC 3203.
var dhcpNames = [256]string{
	1: "DHCP discover", 2: "DHCP offer", 3: "DHCP request", 4: "DHCP decline", 5: "DHCP ack", 6: "DHCP nak",
	7: "DHCP release", 8: "DHCP inform", 9: "DHCP forcerenew",
}

// readDHCP reads a message, nil if it is none.
func (w *Printer) readDHCP(data []byte) *dhcpMessage {
	// gopacket takes the address length from the packet, without a check. RFC 2131 has 16 bytes for
	// the address.
	if len(data) < 240 || data[2] > 16 {
		return nil
	}
	d := &w.dhcp
	if d.DecodeFromBytes(data, gopacket.NilDecodeFeedback) != nil && len(d.Options) == 0 {
		return nil
	}
	m := &dhcpMessage{Message: "BOOTP request"}
	if d.Operation == layers.DHCPOpReply {
		m.Message = "BOOTP reply"
	}
	for i := range d.Options {
		m.option(&d.Options[i])
	}
	if len(d.ClientHWAddr) > 0 {
		m.Client = d.ClientHWAddr.String()
	}
	m.XID = fmt.Sprintf("%x", d.Xid)
	m.Addr, m.Your = someAddr(d.ClientIP), someAddr(d.YourClientIP)
	return m
}

// option takes what an option says.
func (m *dhcpMessage) option(o *layers.DHCPOption) {
	switch o.Type {
	case layers.DHCPOptMessageType:
		if len(o.Data) == 1 {
			m.Message = cmp.Or(dhcpNames[o.Data[0]], m.Message)
		}
	case layers.DHCPOptRequestIP:
		m.Requested = someAddr(o.Data)
	case layers.DHCPOptServerID:
		m.Server = someAddr(o.Data)
	case layers.DHCPOptSubnetMask:
		m.Mask = someAddr(o.Data)
	case layers.DHCPOptRouter:
		m.Routers = addrs(o.Data)
	case layers.DHCPOptDNS:
		m.NameServers = addrs(o.Data)
	case layers.DHCPOptLeaseTime:
		if len(o.Data) == 4 {
			n := binary.BigEndian.Uint32(o.Data)
			m.Lease = &n
		}
	case layers.DHCPOptHostname:
		m.HostName = printable(o.Data)
	case layers.DHCPOptDomainName:
		m.Domain = printable(o.Data)
	case layers.DHCPOptClassID:
		m.Vendor = printable(o.Data)
	case layers.DHCPOptParamsRequest:
		for _, n := range o.Data {
			m.Asked = append(m.Asked, int(n))
		}
	}
}

// addrs are the IPv4 addresses that follow each other.
func addrs(b []byte) (list []netip.Addr) {
	for ; len(b) >= 4; b = b[4:] {
		list = append(list, address4(b))
	}
	return list
}

// printable is a text, with a dot in place of what is not printable.
func printable(b []byte) string {
	return string(appendPrintable(nil, bytes.TrimRight(b, "\x00")))
}

func appendPrintable(dst, text []byte) []byte {
	for _, c := range text {
		if c < ' ' || c > '~' {
			c = '.'
		}
		dst = append(dst, c)
	}
	return dst
}

// someAddr is an IPv4 address; invalid if it is none, or 0.0.0.0.
func someAddr(b []byte) netip.Addr {
	if a, ok := netip.AddrFromSlice(b); ok && a.Is4() && !a.IsUnspecified() {
		return a
	}
	return netip.Addr{}
}

func (m *dhcpMessage) append(dst []byte, verbose int) []byte {
	dst = append(dst, m.Message...)
	if m.Client != "" {
		dst = append(append(dst, " from "...), m.Client...)
	}
	if verbose > 0 {
		dst = append(append(dst, ", xid 0x"...), m.XID...)
	}
	dst = appendAddrs(dst, ", client ", m.Addr)
	dst = appendAddrs(dst, ", requests ", m.Requested)
	dst = appendAddrs(dst, ", your ", m.Your)
	if verbose == 0 {
		return dst
	}
	dst = appendAddrs(dst, ", server ", m.Server)
	dst = appendAddrs(dst, ", mask ", m.Mask)
	dst = appendAddrs(dst, ", router ", m.Routers...)
	dst = appendAddrs(dst, ", dns ", m.NameServers...)
	if m.Lease != nil {
		dst = append(appendUint(dst, ", lease ", *m.Lease), 's')
	}
	for _, text := range [...][2]string{
		{", hostname ", m.HostName}, {", domain ", m.Domain}, {", vendor class ", m.Vendor},
	} {
		if text[1] != "" {
			dst = strconv.AppendQuote(append(dst, text[0]...), text[1])
		}
	}
	what := ", asks for "
	for _, n := range m.Asked {
		dst, what = appendUint(dst, what, n), " "
	}
	return dst
}

// appendAddrs appends the addresses that are valid, behind what they are.
func appendAddrs(dst []byte, what string, all ...netip.Addr) []byte {
	for _, a := range all {
		if a.IsValid() {
			dst, what = a.AppendTo(append(dst, what...)), " "
		}
	}
	return dst
}
