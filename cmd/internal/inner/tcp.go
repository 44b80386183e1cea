package inner

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"regexp"
	"slices"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
)

// conversation is a connection, the end with the smaller address first.
type conversation struct {
	ends   [2]netip.AddrPort
	within any
}

// follow returns from where the sequence numbers of the sender and of the receiver count. As with
// tcpdump, those of the first packet with an ACK do not, from which it is known.
func (w *Printer) follow(h *packet) (base [2]uint32, first bool) {
	t := &w.tcp
	sender, receiver := 0, 1
	src, dst := h.Ends()
	key := conversation{[2]netip.AddrPort{src, dst}, w.within}
	if key.ends[1].Compare(key.ends[0]) < 0 {
		sender, receiver = 1, 0
		key.ends[0], key.ends[1] = key.ends[1], key.ends[0]
	}
	start, known := w.conversations.Get(key)
	if first = !known || t.SYN; first {
		start[sender], start[receiver] = t.Seq, t.Ack-1
		w.conversations.Set(key, start)
	}
	return [2]uint32{start[sender], start[receiver]}, first
}

// tcpFlags are the letters that tcpdump gives the flags, from the lowest bit.
const tcpFlags = "FSRP.UEW"

func (w *Printer) appendTCP(dst []byte, h *packet) []byte {
	if len(h.payload) < tcpHeader {
		return append(append(dst, "TCP"...), short...)
	}
	dst = append(appendTCPFlags(append(dst, "Flags ["...), h.payload[13]), ']')
	size, err, ok := w.readTCP(h)
	if !ok {
		return append(dst, " [bad header length]"...)
	}
	t := &w.tcp
	var base [2]uint32
	seq, ack := t.Seq, t.Ack
	if w.Relative && t.ACK {
		var first bool
		if base, first = w.follow(h); !first {
			seq, ack = seq-base[0], ack-base[1]
		}
	}
	if size > 0 || t.SYN || t.FIN || t.RST || w.Verbose > 1 {
		dst = appendUint(dst, ", seq ", seq)
		if size > 0 {
			dst = appendUint(dst, ":", seq+uint32(size))
		}
	}
	if t.ACK {
		dst = appendUint(dst, ", ack ", ack)
	}
	dst = appendUint(dst, ", win ", t.Window)
	if t.URG {
		dst = appendUint(dst, ", urg ", t.Urgent)
	}
	if err != nil {
		dst = append(dst, ", options [malformed]"...)
	} else if len(t.Options) > 0 {
		what := ", options ["
		for i := range t.Options {
			dst = appendTCPOption(append(dst, what...), &t.Options[i], base[1])
			what = ","
		}
		dst = append(dst, ']')
	}
	if _, more := httpMessage(t); w.Verbose > 0 {
		w.Below = appendTextLines(w.Below, more)
	}
	return appendContent(appendLength(dst, size), t)
}

// appendContent names the protocol of a segment's data by its port, and appends the first line of a
// message of HTTP.
func appendContent(dst []byte, t *layers.TCP) []byte {
	switch data := t.Payload; {
	case len(data) == 0:
	case isOf(t, httpPorts[:]...):
		dst = append(dst, ": HTTP"...)
		if line, _ := httpMessage(t); line != nil {
			dst = appendPrintable(append(dst, ": "...), line)
		}
	case isOf(t, 53) && len(data) > 2:
		dst = appendDNS(append(dst, ": DNS "...), data[2:], 0)
	case isOf(t, 21):
		dst = append(dst, ": FTP"...)
	case isOf(t, 25):
		dst = append(dst, ": SMTP"...)
	case isOf(t, 139, 445):
		dst = append(dst, ": SMB"...)
	}
	return dst
}

var httpPorts = [...]uint16{80, 8080, 3128}

// isOf reports whether one of the ports of a segment is among these.
func isOf(t *layers.TCP, ports ...uint16) bool {
	return slices.Contains(ports, uint16(t.SrcPort)) || slices.Contains(ports, uint16(t.DstPort))
}

// httpMessage returns the first line of a message of HTTP that a segment begins with, and the text
// behind it; nil if none does.
func httpMessage(t *layers.TCP) (first, more []byte) {
	if !isOf(t, httpPorts[:]...) {
		return nil, nil
	}
	first, _, ok := bytes.Cut(t.Payload[:min(len(t.Payload), maxLine)], []byte("\r\n"))
	if !ok || !httpLine.Match(first) {
		return nil, nil
	}
	return first, t.Payload[len(first)+2:]
}

// appendTextLines appends lines of text, each behind a tab, up to what is no text. Of a line that
// has no end it says so.
func appendTextLines(dst, text []byte) []byte {
	for len(text) > 0 {
		end := bytes.IndexFunc(text, func(c rune) bool { return c != '\t' && (c < ' ' || c > '~') })
		rest := text[max(end, 0):]
		switch {
		case end < 0:
			return append(append(append(dst, '\t'), text...), " [|http]\n"...)
		case rest[0] == '\n':
			rest = rest[1:]
		case bytes.HasPrefix(rest, []byte("\r\n")):
			rest = rest[2:]
		default:
			return dst
		}
		dst = append(append(append(dst, '\t'), text[:end]...), '\n')
		text = rest
	}
	return dst
}

// maxLine is up to where a line's end is looked for.
const maxLine = 2048

// httpLine is how a request or a response begins (RFC 9112 sections 3 and 4).
var httpLine = regexp.MustCompile(`^(?:[A-Z]{3,16} \S+ HTTP/[0-9]\.[0-9]|HTTP/[0-9]\.[0-9] [0-9]{3}(?: .*)?)$`)

const tcpHeader = 20 // without options

// readTCP reads a TCP header into w.tcp, and says how much data is behind it, in bytes. damage is
// of the options; ok is false where the header is cut off or its length is wrong.
func (w *Printer) readTCP(h *packet) (size int, damage error, ok bool) {
	if len(h.payload) < tcpHeader {
		return 0, nil, false
	}
	t := &w.tcp
	t.Payload = nil
	damage = t.DecodeFromBytes(h.payload, gopacket.NilDecodeFeedback)
	size = h.PayloadLen - int(t.DataOffset)*4
	return size, damage, t.DataOffset >= 5 && size >= 0
}

func appendTCPFlags(dst []byte, flags byte) []byte {
	if flags == 0 {
		return append(dst, "none"...)
	}
	for i := range len(tcpFlags) {
		if flags&(1<<i) != 0 {
			dst = append(dst, tcpFlags[i])
		}
	}
	return dst
}

// appendTCPOption appends an option; what it says of the other end's sequence numbers counts from
// base.
func appendTCPOption(dst []byte, o *layers.TCPOption, base uint32) []byte {
	d := o.OptionData
	switch {
	case o.OptionType == layers.TCPOptionKindEndList:
		dst = append(dst, "eol"...)
	case o.OptionType == layers.TCPOptionKindNop:
		dst = append(dst, "nop"...)
	case o.OptionType == layers.TCPOptionKindMSS && len(d) == 2:
		dst = appendUint(dst, "mss ", binary.BigEndian.Uint16(d))
	case o.OptionType == layers.TCPOptionKindWindowScale && len(d) == 1:
		dst = appendUint(dst, "wscale ", d[0])
	case o.OptionType == layers.TCPOptionKindSACKPermitted && len(d) == 0:
		dst = append(dst, "sackOK"...)
	case o.OptionType == layers.TCPOptionKindSACK && len(d)%8 == 0:
		dst = appendUint(dst, "sack ", len(d)/8)
		for ; len(d) >= 8; d = d[8:] {
			dst = appendUint(dst, " {", binary.BigEndian.Uint32(d)-base)
			dst = appendUint(dst, ":", binary.BigEndian.Uint32(d[4:])-base)
			dst = append(dst, '}')
		}
	case o.OptionType == layers.TCPOptionKindTimestamps && len(d) == 8:
		dst = appendUint(dst, "TS val ", binary.BigEndian.Uint32(d))
		dst = appendUint(dst, " ecr ", binary.BigEndian.Uint32(d[4:]))
	default:
		dst = appendUint(dst, "opt-", o.OptionType)
	}
	return dst
}
