package output

import (
	"encoding/hex"

	"l2tpdump/cmd/internal/pipeline"
)

// Bytes says how the bytes of a packet are printed behind its line, as tcpdump's -x, -X and -A.
type Bytes struct {
	Hex, ASCII bool // with both, the characters stand beside the numbers
	Link       bool // the whole frame, with its link header, and not only the innermost packet
}

// appendBytes appends the bytes of a record.
func (t *Text) appendBytes(b []byte, r *pipeline.Record) []byte {
	if !t.config.Bytes.Hex && !t.config.Bytes.ASCII {
		return b
	}
	if r.Payload.HasPPP && r.Payload.PPP.Login(r.Payload.Frame) {
		return append(b, "\t(a login: its bytes are not shown)\n"...)
	}
	data := innermost(r)
	if t.config.Bytes.Link {
		data = t.clearFrame(r)
	}
	if t.config.Bytes.Hex {
		return appendHex(b, data, t.config.Bytes.ASCII)
	}
	return appendASCII(b, data)
}

// innermost is the innermost packet known, or what was captured behind the link header.
func innermost(r *pipeline.Record) []byte {
	switch p := &r.Payload; {
	case p.Inner != nil:
		return p.Inner
	case p.HasPPP:
		return p.Frame
	case p.HasL2TP:
		return p.Message
	case r.Plain.Data != nil:
		return r.Plain.Data
	}
	return r.Data()[r.Net.LinkLen:]
}

// clearFrame is the frame with what ESP carried in its place; IKE stays encrypted.
func (t *Text) clearFrame(r *pipeline.Record) []byte {
	if r.Kind != pipeline.ESP || r.Plain.Data == nil {
		return r.Data()
	}
	t.packet = r.Net.AppendReplaced(t.packet[:0], r.Data(), r.Plain.NextHeader, r.Plain.Data)
	return t.packet
}

// appendHex appends rows of 16 bytes, as numbers or also as characters.
func appendHex(b, data []byte, characters bool) []byte {
	const width = len("6000 0000 0008 3aff fe80 0000 0000 0000")
	for at := 0; at < len(data); at += 16 {
		row := data[at:min(at+16, len(data))]
		b = append(b, "\t0x"...)
		b = hex.AppendEncode(b, []byte{byte(at >> 8), byte(at)})
		b = append(b, ": "...)
		start := len(b) + 1
		for i, c := range row {
			if i%2 == 0 {
				b = append(b, ' ')
			}
			b = hex.AppendEncode(b, []byte{c})
		}
		if characters {
			for len(b) < start+width+2 {
				b = append(b, ' ')
			}
			for _, c := range row {
				if c == ' ' {
					c = '.' // as tcpdump has it in columns
				}
				b = append(b, visible(c))
			}
		}
		b = append(b, '\n')
	}
	return b
}

// appendASCII appends bytes as characters, with their line ends.
func appendASCII(b, data []byte) []byte {
	for i, c := range data {
		switch {
		case c == '\n' || c == '\t':
			b = append(b, c)
		case c == '\r' && (i+1 == len(data) || data[i+1] == '\n'):
		default:
			b = append(b, visible(c))
		}
	}
	return append(b, '\n')
}

// visible is a character that no terminal obeys.
func visible(c byte) byte {
	if c < ' ' || c > '~' {
		return '.'
	}
	return c
}
