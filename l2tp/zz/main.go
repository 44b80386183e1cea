package main

import (
	"fmt"
	"io"
	"net/netip"
	"os"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"github.com/google/gopacket/pcapgo"
	"l2tpdump/cmd/internal/inner"
	"l2tpdump/l2tp"
	"l2tpdump/l2tp/ppp"
)

func main() {
	v := 0
	if len(os.Args) > 2 {
		v = 1
	}
	f, _ := os.Open(os.Args[1])
	r, err := pcapgo.NewReader(f)
	if err != nil {
		panic(err)
	}
	tr := l2tp.NewTracker()
	n := 0
	for {
		d, ci, err := r.ReadPacketData()
		if err == io.EOF {
			break
		}
		if err != nil {
			fmt.Println(err)
			break
		}
		n++
		if r.LinkType() == layers.LinkTypePPP {
			var line []byte
			var pf ppp.Frame
			err := pf.Decode(d)
			if err != nil {
				fmt.Println(n, err)
				continue
			}
			line = ppp.AppendSummary(line, &pf, d)
			if pf.Protocol == 0x21 {
				line = inner.AppendSummary(append(line, ": "...), d[pf.PayloadStart:], v)
			}
			fmt.Println(n, string(line))
			continue
		}
		p := gopacket.NewPacket(d, r.LinkType(), gopacket.Lazy)
		u, _ := p.Layer(layers.LayerTypeUDP).(*layers.UDP)
		if u == nil || (u.DstPort != 1701 && u.SrcPort != 1701) {
			continue
		}
		s, _ := netip.AddrFromSlice(p.NetworkLayer().NetworkFlow().Src().Raw())
		t, _ := netip.AddrFromSlice(p.NetworkLayer().NetworkFlow().Dst().Raw())
		var h l2tp.Header
		err = h.Decode(u.Payload)
		line := l2tp.AppendSummary(nil, &h, u.Payload, v)
		if err != nil {
			line = append(line, " ERR "+err.Error()...)
		}
		tr.Observe(netip.AddrPortFrom(s, uint16(u.SrcPort)), netip.AddrPortFrom(t, uint16(u.DstPort)), ci.Timestamp.UnixNano(), &h, u.Payload)
		if !h.Control && h.Version == 2 {
			var pf ppp.Frame
			d := u.Payload[h.PayloadStart:h.PayloadEnd]
			if err := pf.Decode(d); err != nil {
				line = append(line, err.Error()...)
			} else {
				line = append(line, ": PPP "...)
				line = ppp.AppendSummary(line, &pf, d)
				if pf.Protocol == 0x21 || pf.Protocol == 0x57 {
					line = inner.AppendSummary(append(line, ": "...), d[pf.PayloadStart:], v)
				}
			}
		}
		fmt.Println(n, string(line))
	}
	for _, t := range tr.Tunnels() {
		fmt.Printf("%+v\n", *t)
		for _, s := range t.Sessions {
			fmt.Println("  ", s.IDs, s.State, s.Packets, s.Bytes, s.Late)
		}
	}
}
