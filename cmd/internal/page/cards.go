package page

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"l2tpdump/cmd/internal/ladder"
	"l2tpdump/cmd/internal/sessions"
)

// cards are the facts of a session.
func cards(s *sessions.Facts, zone *time.Location) []card {
	all := []card{connection(s, zone), ikeCard(s), l2tpCard(s), pppCard(s), trafficCard(s)}
	return slices.DeleteFunc(all, func(c card) bool { return c.Facts == nil })
}

// both prints what two sides say: "labvm > lns".
func both[T ~string | uint32](v [2]T) string {
	a, b := fmt.Sprint(v[0]), fmt.Sprint(v[1])
	if a == "" && b == "" {
		return ""
	}
	return cmp.Or(a, "-") + " > " + cmp.Or(b, "-")
}

// end prints an address and a port.
func end(host string, port *uint16) string {
	if port == nil {
		return host
	}
	return fmt.Sprintf("%s port %d", host, *port)
}

// answer adds the answer to a question, where there is one.
func (c *card) answer(name string, yes *bool) {
	if yes != nil {
		c.add(name, "%s", map[bool]string{true: "yes", false: "no"}[*yes])
	}
}

// some adds a count, unless it is 0.
func (c *card) some(name, format string, n int) {
	if n > 0 {
		c.add(name, format, n)
	}
}

func connection(s *sessions.Facts, zone *time.Location) card {
	c := card{Title: "Connection"}
	c.add("client", "%s", end(s.OrigHost, s.OrigPort))
	c.add("server", "%s", end(s.RespHost, s.RespPort))
	c.add("user", "%s", s.User)
	c.add("began", "%s", clock(int64(s.Time), zone))
	c.add("lasted", "%.6f s", s.Duration.Seconds())
	if s.Setup != nil {
		c.add("up after", "%.6f s", s.Setup.Seconds())
	}
	if s.Ended != nil {
		by := map[string]string{"orig": "client", "resp": "server"}[s.EndedBy]
		c.add("ended", "%s by the %s: %s", clock(int64(*s.Ended), zone), by, s.EndReason)
	}
	for _, side := range s.NAT {
		c.add("NAT", "the %s is behind one", ladder.Sides[side])
	}
	c.some("moved", "%d x to another address or port", s.Moves)
	c.add("frames", "%d to %d", s.Frames[0], s.Frames[1])
	c.add("id", "%s", s.UID)
	c.add("Community ID", "%s", s.Flow)
	return c
}

func ikeCard(s *sessions.Facts) card {
	c := card{Title: "IKE"}
	k := s.IKE
	if k == nil {
		return c
	}
	c.add("mode", "%s", k.Exchange)
	agreed := strings.Fields(strings.Join([]string{k.Cipher, k.Hash, k.Group, k.Auth}, " "))
	c.add("agreed on", "%s", strings.Join(agreed, ", "))
	c.add("offered", "%s", strings.Join(k.Offered, "; "))
	c.add("identities", "%s", both(k.Identities))
	c.add("looks like", "%s", both(k.LooksLike))
	c.add("ISAKMP SAs", "%d", k.SAs)
	c.add("retransmissions", "%d", k.Retransmissions)
	c.some("tries", "%d", s.Attempts)
	if x := k.XAuth; x != nil {
		c.add("XAUTH user", "%s", x.User)
		c.answer("XAUTH accepted", x.Accepted)
	}
	if k.Config != nil {
		c.add("client's address", "%s", k.Config.Assigned)
		c.add("DNS", "%s", strings.Join(k.Config.DNS, ", "))
	}
	if k.Seconds != nil {
		c.add("phase 1 took", "%.6f s", k.Seconds.Seconds())
	}
	c.add("cookies", "%s %s", k.InitiatorCookie, k.ResponderCookie)
	c.add("client's vendor IDs", "%s", strings.Join(k.Vendors[0], ", "))
	c.add("server's vendor IDs", "%s", strings.Join(k.Vendors[1], ", "))
	return c
}

func l2tpCard(s *sessions.Facts) card {
	c := card{Title: "L2TP"}
	l := s.L2TP
	if l == nil {
		return c
	}
	c.add("version", "%d", l.Version)
	if l.Tunnel != nil {
		c.add("tunnel", "%s", both(*l.Tunnel))
	}
	if l.Session != nil {
		c.add("session", "%s", both(*l.Session))
	}
	c.add("hosts", "%s", both(l.Host))
	c.add("vendors", "%s", both(l.Vendor))
	c.add("looks like", "%s", both(l.LooksLike))
	if l.Result != nil {
		c.add("result", "%d, error %d", *l.Result, *l.Error)
	}
	if l.Clear {
		c.add("IPsec", "none: in clear")
	}
	return c
}

func pppCard(s *sessions.Facts) card {
	c := card{Title: "PPP"}
	p := s.PPP
	if p == nil {
		return c
	}
	c.add("login", "%s", p.Auth)
	c.answer("accepted", p.Accepted)
	c.add("client's address", "%s", p.Assigned)
	c.add("server's address", "%s", p.Peer)
	c.add("DNS", "%s", strings.Join(p.DNS, ", "))
	c.some("MRU", "%d", p.MRU)
	c.some("links", "%d", p.Links)
	c.add("compression", "%s", p.Compression)
	return c
}

func trafficCard(s *sessions.Facts) card {
	c := card{Title: "Users' traffic"}
	if s.OrigPackets+s.RespPackets+s.Unread > 0 {
		c.add("client sent", "%s bytes in %s packets", grouped(s.OrigBytes), grouped(s.OrigPackets))
		c.add("server sent", "%s bytes in %s packets", grouped(s.RespBytes), grouped(s.RespPackets))
	}
	if s.Unread > 0 {
		c.add("not read", "%s frames that PPP compresses or encrypts", grouped(s.Unread))
	}
	if s.ClearPackets > 0 {
		c.add("not encrypted", "%s L2TP packets", grouped(uint64(s.ClearPackets)))
	}
	return c
}
