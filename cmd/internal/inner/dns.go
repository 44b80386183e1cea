package inner

import (
	"net/netip"
	"strconv"

	"golang.org/x/net/dns/dnsmessage"
)

// How many questions and answers are shown, and with verbose.
const (
	maxAnswers        = 4
	maxAnswersVerbose = 32
)

// appendDNS describes a DNS message (RFC 1035) as tcpdump does: "DNS 4660+ A? www.example.com.
// (33)", "DNS 4660 1/0/1 A 93.184.216.34 (49)".
func appendDNS(dst []byte, name string, data []byte, verbose int) []byte {
	dst = append(dst, name...)
	var p dnsmessage.Parser
	h, err := p.Start(data)
	if err != nil {
		return appendLength(append(dst, "[malformed]"...), len(data))
	}
	dst = strconv.AppendUint(dst, uint64(h.ID), 10)
	if h.OpCode != 0 {
		dst = appendUint(dst, " op", h.OpCode)
	}
	if h.Response {
		dst = appendResponse(dst, &p, &h, data, verbose)
	} else {
		if h.RecursionDesired {
			dst = append(dst, '+')
		}
		for range maxAnswers {
			q, err := p.Question()
			if err != nil {
				if err != dnsmessage.ErrSectionDone {
					dst = append(dst, " [malformed]"...)
				}
				break
			}
			dst = appendType(append(dst, ' '), q.Type)
			dst = appendName(append(dst, "? "...), q.Name)
		}
	}
	dst = appendUint(dst, " (", len(data))
	return append(dst, ')')
}

func appendResponse(dst []byte, p *dnsmessage.Parser, h *dnsmessage.Header, data []byte, verbose int) []byte {
	rcodes := [...]string{
		"", " FormErr", " ServFail", " NXDomain", " NotImp", " Refused", " YXDomain", " YXRRSet", " NXRRSet", " NotAuth",
		" NotZone",
	}
	if int(h.RCode) < len(rcodes) {
		dst = append(dst, rcodes[h.RCode]...)
	} else {
		dst = appendUint(dst, " rcode", h.RCode)
	}
	if h.Authoritative {
		dst = append(dst, '*')
	}
	if h.Truncated {
		dst = append(dst, '|')
	}
	// The three counts of the header: answers, authorities, additional records.
	for i, separator := range []byte{' ', '/', '/'} {
		n := uint64(data[6+2*i])<<8 | uint64(data[7+2*i])
		dst = strconv.AppendUint(append(dst, separator), n, 10)
	}
	if err := p.SkipAllQuestions(); err != nil {
		return append(dst, " [malformed]"...)
	}
	most := maxAnswers
	if verbose > 0 {
		most = maxAnswersVerbose
	}
	for n := 0; ; n++ {
		r, err := p.Answer()
		if err == dnsmessage.ErrSectionDone {
			return dst
		}
		if err != nil {
			return append(dst, " [malformed]"...)
		}
		separator := " "
		if n > 0 {
			separator = ", "
		}
		if n == most {
			return append(append(dst, separator...), "..."...)
		}
		dst = append(dst, separator...)
		if verbose > 0 {
			dst = append(appendName(dst, r.Header.Name), ' ')
		}
		dst = appendAnswer(appendType(dst, r.Header.Type), r.Body)
	}
}

// appendAnswer appends the data of an answer of a usual type.
func appendAnswer(dst []byte, body dnsmessage.ResourceBody) []byte {
	switch r := body.(type) {
	case *dnsmessage.AResource:
		return netip.AddrFrom4(r.A).AppendTo(append(dst, ' '))
	case *dnsmessage.AAAAResource:
		return netip.AddrFrom16(r.AAAA).AppendTo(append(dst, ' '))
	case *dnsmessage.CNAMEResource:
		return appendName(append(dst, ' '), r.CNAME)
	case *dnsmessage.NSResource:
		return appendName(append(dst, ' '), r.NS)
	case *dnsmessage.PTRResource:
		return appendName(append(dst, ' '), r.PTR)
	case *dnsmessage.MXResource:
		return appendName(append(appendUint(dst, " ", r.Pref), ' '), r.MX)
	case *dnsmessage.SRVResource:
		return appendName(append(appendUint(dst, " port ", r.Port), ' '), r.Target)
	}
	return dst
}

// appendName appends a name; bytes that are not printable as \ddd (RFC 4343 section 2.1).
func appendName(dst []byte, name dnsmessage.Name) []byte {
	for _, b := range name.Data[:name.Length] {
		if b > ' ' && b < 0x7f && b != '\\' {
			dst = append(dst, b)
			continue
		}
		dst = append(dst, '\\', '0'+b/100, '0'+b/10%10, '0'+b%10)
	}
	return dst
}

func appendType(dst []byte, t dnsmessage.Type) []byte {
	names := map[dnsmessage.Type]string{
		1: "A", 2: "NS", 5: "CNAME", 6: "SOA", 12: "PTR", 13: "HINFO", 15: "MX", 16: "TXT", 28: "AAAA", 33: "SRV",
		35: "NAPTR", 39: "DNAME", 41: "OPT", 43: "DS", 46: "RRSIG", 47: "NSEC", 48: "DNSKEY", 50: "NSEC3", 52: "TLSA",
		64: "SVCB", 65: "HTTPS", 99: "SPF", 251: "IXFR", 252: "AXFR", 255: "ANY", 257: "CAA",
	}
	if name, ok := names[t]; ok {
		return append(dst, name...)
	}
	return appendUint(dst, "Type", t)
}
