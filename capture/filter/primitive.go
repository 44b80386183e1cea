package filter

import "slices"

// qualifiers say what a value is, and where a packet has to have it.
type qualifiers struct {
	used      bool   // there is no value that they could be for
	protocol  string // "" if none is said
	direction string // "src", "dst", "src and dst"; "" is either
	what      string // "host", "net", "port", "portrange", "proto"; "" is a host
}

// transports are the protocols in IP by the words for them.
var transports = map[string]uint32{
	"icmp": 1, "igmp": 2, "tcp": 6, "igrp": 9, "udp": 17, "esp": 50, "ah": 51, "icmp6": 58, "pim": 103, "vrrp": 112, "carp": 112, "sctp": 132,
}

// networks are the words for EtherTypes.
var networks = map[string]uint32{"ip": etherIP, "ip6": etherIP6, "arp": etherARP, "rarp": etherRARP}

// keywords are the words that a condition may begin with, beside those for protocols.
var keywords = []string{
	"ether", "link", "src", "dst", "host", "net", "port", "portrange", "proto", "less", "greater", "broadcast", "multicast",
	"vlan", "pppoes", "pppoed", "inbound", "outbound", "ifindex", "and", "or", "not",
}

// unknown are the words of pcap-filter(7) that take libpcap.
var unknown = []string{
	"gateway", "protochain", "mpls", "geneve", "fddi", "tr", "wlan", "decnet", "atalk", "aarp", "iso", "stp", "ipx", "netbeui",
	"lat", "moprc", "mopdl", "clnp", "esis", "isis", "llc", "lane", "oam", "metac", "bcc", "type", "subtype", "dir", "ra", "ta",
	"addr1", "addr2", "addr3", "addr4", "on", "rnr", "rulenum", "reason", "rset", "ruleset", "srnr", "subrulenum", "action",
	"byte", "l1", "l2", "csnp", "psnp", "lsp", "snp", "iih", "es-is", "is-is",
}

func isLink(word string) bool { return word == "ether" || word == "link" }

func isProtocol(word string) bool {
	return isLink(word) || networks[word] != 0 || transports[word] != 0
}

// IsKeyword says that word is one of the filter language, pcap-filter(7).
func IsKeyword(word string) bool {
	return isProtocol(word) || slices.Contains(keywords, word) || slices.Contains(unknown, word)
}

// qualified parses a condition that begins with a keyword.
func (p *parser) qualified() node {
	var q qualifiers
	t := p.peek()
	if isProtocol(t.text) {
		q.protocol = t.text
		p.i++
	}
	if t = p.peek(); t.kind == word && !t.plain && slices.Contains(unknown, t.text) {
		return p.fail("%q"+notOwn, t.text)
	}
	p.last = qualifiers{used: true}
	if n, ok := p.special(q.protocol); ok {
		return n
	}
	q.direction = p.directions()
	for _, what := range [...]string{"host", "net", "portrange", "port", "proto"} {
		if p.take(what) {
			q.what = what
			break
		}
	}
	switch {
	case q.direction == "" && q.what == "":
		return p.protocol(q.protocol)
	case p.is("("):
		return p.values(q)
	}
	return p.value(q)
}

// directions takes "src", "src or dst" and the like.
func (p *parser) directions() string {
	for _, d := range [...][2]string{{"src", "dst"}, {"dst", "src"}} {
		if !p.take(d[0]) {
			continue
		}
		behind := p.i
		for _, joint := range [...]string{"or", "and"} {
			if p.take(joint) && p.take(d[1]) {
				return "src " + joint + " dst"
			}
			p.i = behind
		}
		return d[0]
	}
	return ""
}

// inDirection makes the condition on source, destination, either or both, whose places are given.
func (q *qualifiers) inDirection(src, dst int, of func(at int) node) node {
	switch q.direction {
	case "src":
		return of(src)
	case "dst":
		return of(dst)
	case "src and dst":
		return and(of(src), of(dst))
	}
	return or(of(src), of(dst))
}

// values parses "port (80 or 443)", behind its qualifiers.
func (p *parser) values(q qualifiers) node {
	defer func() { p.depth-- }()
	if !p.enter() {
		return always(false)
	}
	one := func() node {
		if p.is("(") {
			return p.values(q)
		}
		return p.value(q)
	}
	p.i++
	n := p.joined(one)
	if !p.take(")") {
		p.fail("and, or or a parenthesis is missing")
	}
	return n
}

// value parses a value with those qualifiers, which the next may have in common.
func (p *parser) value(q qualifiers) node {
	t := p.peek()
	switch {
	case q.used && t.kind != word:
		return p.fail("an address goes behind host, net or ether host")
	case q.used:
		return p.fail("not known")
	case t.kind == end || t.kind == symbol || t.kind == word && !t.plain && IsKeyword(t.text):
		return p.fail("a value is missing")
	}
	p.last = q
	switch q.what {
	case "port", "portrange":
		return p.ports(q)
	case "proto":
		return p.protocolNumber(q)
	}
	return p.hosts(q)
}

// special parses the conditions with a form of their own; ok is false if there is none.
func (p *parser) special(protocol string) (n node, ok bool) {
	l := &p.link
	t := p.peek()
	if t.kind != word || t.plain {
		return nil, false
	}
	switch {
	case t.text != "broadcast" && t.text != "multicast" && protocol != "":
		return nil, false
	case t.text == "broadcast" && (protocol == "" || isLink(protocol)):
		return p.ofEthernet(and(equal(2, 4, 0xffffffff), equal(0, 2, 0xffff))), true
	case t.text == "multicast" && (protocol == "" || isLink(protocol)):
		return p.ofEthernet(masked(0, 1, 1, 1)), true
	case protocol == "ip" && p.take("broadcast"): // of no network in particular, as tcpdump -r has it
		return and(l.is(etherIP), or(equal(l.network+16, 4, 0xffffffff), equal(l.network+16, 4, 0))), true
	case protocol == "ip" && p.take("multicast"):
		return and(l.is(etherIP), masked(l.network+16, 1, 0xe0, 0xe0)), true
	case protocol == "ip6" && p.take("multicast"):
		return and(l.is(etherIP6), equal(l.network+24, 1, 0xff)), true
	case protocol != "":
		return p.fail("not known of %s", protocol), true
	case t.text == "less" || t.text == "greater":
		p.i++
		n, _ := p.number("a length in bytes")
		op := map[string]string{"less": "<=", "greater": ">="}[t.text]
		return &relation{always(true), relations[op], wireLength{}, constant(n)}, true
	case t.text == "inbound" || t.text == "outbound":
		return p.directed(t.text == "outbound"), true
	case t.text == "ifindex":
		return p.ifindex(), true
	case t.text == "vlan":
		return p.vlan(), true
	case t.text == "pppoed":
		return p.ofPPPoE(etherPPPoEDiscovery), true
	case t.text == "pppoes":
		return p.pppoes(), true
	}
	return nil, false
}
