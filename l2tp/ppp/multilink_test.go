package ppp

import (
	"bytes"
	"slices"
	"testing"
)

// unseen makes a link one of which the capture has no LCP, or that of end 0 alone.
func (b *mpSender) unseen(x *Expander, link int, half bool) {
	l := b.links[link]
	endpoint := l.endpoint
	l.Close()
	b.links[link] = x.NewLink(ends[0], ends[1])
	if half {
		p := &pair{t: b.t, x: x, link: b.links[link]}
		o := append([]byte{lcpMRRU, 4, 5, 220, lcpEndpoint, byte(2 + len(endpoint[0]))}, endpoint[0]...)
		p.control(0, protocolLCP, codeConfigureRequest, 1, o...)
		p.control(1, protocolLCP, codeConfigureAck, 1, o...)
	}
}

// TestMultilinkUnseen: a link of which LCP is not in the capture, or not whole, carries fragments
// of the same packets as one of which it is, whichever sends first.
func TestMultilinkUnseen(t *testing.T) {
	for name, c := range map[string]struct {
		short, half bool
		link        int
	}{
		"first": {link: 0}, "second": {link: 1}, "short first": {short: true, link: 0}, "short second": {short: true, link: 1},
		"half first": {half: true, link: 0}, "half second": {half: true, link: 1},
	} {
		t.Run(name, func(t *testing.T) {
			x := NewExpander(nil)
			b := newMPSender(t, x, 2, c.short)
			b.unseen(x, c.link, c.half)
			packets := traffic(100)
			for _, packet := range packets {
				b.split(plainFrame(packet), 3)
			}
			if got := b.flush(); !slices.EqualFunc(got, packets, bytes.Equal) {
				t.Errorf("%d packets, want %d: %v", len(got), len(packets), x.Counts())
			}
			if b.links[0].bundle != b.links[1].bundle {
				t.Error("two bundles")
			}
		})
	}
}

// TestMultilinkDialledLater: the capture begins when the first link has sent thousands of
// fragments, and the second is dialled then.
func TestMultilinkDialledLater(t *testing.T) {
	x := NewExpander(nil)
	b := newMPSender(t, x, 1, false)
	b.unseen(x, 0, false)
	b.number = 70_000
	packets := traffic(100)
	for _, packet := range packets[:10] {
		b.split(plainFrame(packet), 3)
	}
	got := b.flush()
	b.links = append(b.links, newMPSender(t, x, 1, false).links...)
	for _, packet := range packets[10:] {
		b.split(plainFrame(packet), 3)
	}
	if got = append(got, b.flush()...); !slices.EqualFunc(got, packets, bytes.Equal) {
		t.Errorf("%d packets, want %d: %v", len(got), len(packets), x.Counts())
	}
}

// TestMultilinkOthers: of two bundles between the same addresses, an unseen link joins that which
// its numbers continue, and none if both might be.
func TestMultilinkOthers(t *testing.T) {
	for _, c := range []struct {
		apart uint32
		joins bool
	}{{50_000, true}, {0, false}} {
		x := NewExpander(nil)
		a, b := newMPSender(t, x, 2, false), &mpSender{t: t, number: c.apart}
		for range 2 {
			p := &pair{t: t, x: x, link: x.NewLink(ends[0], ends[1])}
			p.agree(protocolLCP, lcpMRRU, 4, 5, 220, lcpEndpoint, 5, 4, 7, 7)
			b.links = append(b.links, p.link)
		}
		a.unseen(x, 1, false)
		packets := traffic(60)
		for i, packet := range packets {
			s := [...]*mpSender{a, b}[i%2]
			s.split(plainFrame(packet), 1)
		}
		bGot, got := len(b.flush()), len(a.flush())
		if a.links[0].bundle == b.links[0].bundle || b.links[0].bundle != b.links[1].bundle || bGot != 30 {
			t.Errorf("%d apart: the other bundle has %d packets", c.apart, bGot)
		}
		if joins := a.links[0].bundle == a.links[1].bundle; joins != c.joins || joins && got != 30 {
			t.Errorf("%d apart: joins %v, %d packets", c.apart, joins, got)
		}
	}
}

// TestMultilinkForgotten: nothing is left of links that have ended.
func TestMultilinkForgotten(t *testing.T) {
	x := NewExpander(nil)
	b := newMPSender(t, x, 3, false)
	b.unseen(x, 1, true)
	b.unseen(x, 2, false)
	for _, packet := range traffic(10) {
		b.split(plainFrame(packet), 3)
	}
	b.flush()
	for _, l := range b.links {
		l.Close()
	}
	if len(x.bundles) != 0 || len(x.between) != 0 || len(x.loaded) != 0 {
		t.Errorf("%d, %d, %d bundles", len(x.bundles), len(x.between), len(x.loaded))
	}
}
