package inner

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"golang.org/x/net/dns/dnsmessage"
)

// How many questions and answers are shown.
const (
	maxQuestions = 4
	maxAnswers   = 32
)

// dnsMessage is a message of DNS (RFC 1035), with at most 4 questions and 32 answers.
type dnsMessage struct {
	Protocol      string        `json:"protocol"` // "dns", "mdns", "llmnr"
	ID            uint16        `json:"id"`
	Response      bool          `json:"response"`
	OpCode        uint16        `json:"opcode,omitempty"`
	RCode         string        `json:"rcode,omitempty"` // of a response that is an error: "NXDomain"
	Recursion     bool          `json:"recursion_desired,omitempty"`
	Authoritative bool          `json:"authoritative,omitempty"`
	Truncated     bool          `json:"truncated,omitempty"`
	Questions     []dnsQuestion `json:"questions,omitempty"`
	Answers       []dnsAnswer   `json:"answers,omitempty"`
	Counts        [3]uint16     `json:"counts"`              // answers, authorities, additional records
	Malformed     bool          `json:"malformed,omitempty"` // behind what is told

	header    dnsmessage.Header
	questions uint16
	more      bool // answers than are shown
}

// dnsQuestion is what is asked for.
type dnsQuestion struct {
	Type string `json:"type"`
	Name string `json:"name"`
}

// dnsAnswer is an answer, with the data of the usual types.
type dnsAnswer struct {
	Name string `json:"name"`
	Type string `json:"type"`
	Data string `json:"data,omitempty"`
}

var rcodes = map[dnsmessage.RCode]string{
	1: "FormErr", 2: "ServFail", 3: "NXDomain", 4: "NotImp", 5: "Refused", 6: "YXDomain", 7: "YXRRSet", 8: "NXRRSet",
	9: "NotAuth", 10: "NotZone",
}

// readDNS reads a message, nil if it is none.
func readDNS(data []byte) *dnsMessage {
	var p dnsmessage.Parser
	h, err := p.Start(data)
	if err != nil {
		return nil
	}
	d := &dnsMessage{ID: h.ID, Response: h.Response, OpCode: uint16(h.OpCode), Recursion: h.RecursionDesired,
		Authoritative: h.Authoritative, Truncated: h.Truncated, header: h, questions: binary.BigEndian.Uint16(data[4:])}
	for i := range d.Counts {
		d.Counts[i] = binary.BigEndian.Uint16(data[6+2*i:])
	}
	if h.RCode != 0 {
		d.RCode = cmp.Or(rcodes[h.RCode], "rcode"+strconv.Itoa(int(h.RCode)))
	}
	for range maxQuestions {
		q, err := p.Question()
		if err != nil {
			d.Malformed = err != dnsmessage.ErrSectionDone
			break
		}
		d.Questions = append(d.Questions, dnsQuestion{typeName(q.Type), nameText(q.Name)})
	}
	if d.Response && !d.Malformed {
		d.answers(&p)
	}
	return d
}

func (d *dnsMessage) answers(p *dnsmessage.Parser) {
	if p.SkipAllQuestions() != nil {
		d.Malformed = true
		return
	}
	for {
		r, err := p.Answer()
		if err != nil {
			d.Malformed = err != dnsmessage.ErrSectionDone
			return
		}
		if len(d.Answers) == maxAnswers {
			d.more = true
			return
		}
		d.Answers = append(d.Answers, dnsAnswer{nameText(r.Header.Name), typeName(r.Header.Type), answerData(r.Body)})
	}
}

// appendDNS describes a DNS message as tcpdump does: "4660+ A? www.example.com. (33)",
// "4660 1/0/1 A 93.184.216.34 (49)".
func appendDNS(dst, data []byte, verbose int) []byte {
	d := readDNS(data)
	if d == nil {
		return appendLength(append(dst, "[malformed]"...), len(data))
	}
	dst = strconv.AppendUint(dst, uint64(d.ID), 10)
	if d.OpCode != 0 {
		dst = appendUint(dst, " op", d.OpCode)
	}
	if d.Response {
		dst = d.appendResponse(dst, verbose)
	} else {
		dst = d.appendQuestions(d.appendQuery(dst))
	}
	if d.Malformed {
		dst = append(dst, " [malformed]"...)
	}
	dst = appendUint(dst, " (", len(data))
	return append(dst, ')')
}

// appendQuestions appends " A? www.example.com.".
func (d *dnsMessage) appendQuestions(dst []byte) []byte {
	for _, q := range d.Questions {
		dst = append(append(dst, ' '), q.Type...)
		dst = append(append(dst, "? "...), q.Name...)
	}
	return dst
}

// appendFlags appends the signs of those that are set.
func appendFlags(dst []byte, signs string, set ...bool) []byte {
	for i, is := range set {
		if is {
			dst = append(dst, signs[i])
		}
	}
	return dst
}

// appendQuery appends the flags of a query, and what it has beside one question.
func (d *dnsMessage) appendQuery(dst []byte) []byte {
	dst = appendFlags(dst, "+%", d.Recursion, d.header.CheckingDisabled)
	for i, n := range [...]uint16{d.Counts[0], d.questions, d.Counts[1], d.Counts[2]} {
		what := [...]string{"a", "q", "n", "au"}[i]
		if n > 0 && (what != "q" || n != 1) {
			dst = append(append(appendUint(dst, " [", n), what...), ']')
		}
	}
	return dst
}

func (d *dnsMessage) appendResponse(dst []byte, verbose int) []byte {
	if d.RCode != "" {
		dst = append(append(dst, ' '), d.RCode...)
	}
	dst = appendFlags(dst, "*-|$", d.Authoritative, !d.header.RecursionAvailable, d.Truncated, d.header.AuthenticData)
	if verbose > 1 {
		dst = d.appendQuestions(append(dst, " q:"...))
	}
	for i, separator := range []byte{' ', '/', '/'} {
		dst = strconv.AppendUint(append(dst, separator), uint64(d.Counts[i]), 10)
	}
	separator := " "
	for _, a := range d.Answers {
		dst = append(dst, separator...)
		separator = ", "
		if verbose > 0 {
			dst = append(append(dst, a.Name...), ' ')
		}
		dst = append(dst, a.Type...)
		if a.Data != "" {
			dst = append(append(dst, ' '), a.Data...)
		}
	}
	if d.more {
		dst = append(append(dst, separator...), "..."...)
	}
	return dst
}

// answerData is the data of an answer of a usual type.
func answerData(body dnsmessage.ResourceBody) string {
	switch r := body.(type) {
	case *dnsmessage.AResource:
		return netip.AddrFrom4(r.A).String()
	case *dnsmessage.AAAAResource:
		return netip.AddrFrom16(r.AAAA).String()
	case *dnsmessage.CNAMEResource:
		return nameText(r.CNAME)
	case *dnsmessage.NSResource:
		return nameText(r.NS)
	case *dnsmessage.PTRResource:
		return nameText(r.PTR)
	case *dnsmessage.TXTResource:
		var texts []string
		for _, text := range r.TXT {
			texts = append(texts, strconv.QuoteToASCII(text))
		}
		return strings.Join(texts, " ")
	case *dnsmessage.MXResource:
		return fmt.Sprintf("%d %s", r.Pref, nameText(r.MX))
	case *dnsmessage.SRVResource:
		return fmt.Sprintf("port %d %s", r.Port, nameText(r.Target))
	}
	return ""
}

// nameText is a name; bytes that are not printable are \ddd (RFC 4343 section 2.1).
func nameText(name dnsmessage.Name) string {
	var text []byte
	for _, b := range name.Data[:name.Length] {
		if b > ' ' && b < 0x7f && b != '\\' {
			text = append(text, b)
			continue
		}
		text = append(text, '\\', '0'+b/100, '0'+b/10%10, '0'+b%10)
	}
	return string(text)
}

var typeNames = map[dnsmessage.Type]string{
	1: "A", 2: "NS", 5: "CNAME", 6: "SOA", 12: "PTR", 13: "HINFO", 15: "MX", 16: "TXT", 28: "AAAA", 33: "SRV",
	35: "NAPTR", 39: "DNAME", 41: "OPT", 43: "DS", 46: "RRSIG", 47: "NSEC", 48: "DNSKEY", 50: "NSEC3", 52: "TLSA",
	64: "SVCB", 65: "HTTPS", 99: "SPF", 251: "IXFR", 252: "AXFR", 255: "ANY", 257: "CAA",
}

func typeName(t dnsmessage.Type) string { return cmp.Or(typeNames[t], "Type"+strconv.Itoa(int(t))) }
