package keysrc

import (
	"bytes"

	"l2tpdump/esp"
)

var (
	showSA    = []byte("SA[")
	showPP    = []byte("PP IP Address Local:")
	showStart = []byte("] Duration:")
)

// matchYamahaShow knows the first line of an SA in `show ipsec sa gateway N detail`, and the
// addresses in `show status pp N`.
func matchYamahaShow(line []byte) bool {
	t := bytes.TrimLeft(line, " \t")
	return bytes.HasPrefix(t, showSA) && bytes.Contains(t, showStart) || bytes.HasPrefix(t, showPP)
}

// yamahaShow reads the outputs of show commands: which algorithms an SPI has, and the router's own
// address. The router shows keys on its serial console only, and of a key only the head.
type yamahaShow struct {
	out    *output
	sa     SAHint
	inSA   bool
	at     int // line of "SA[n]"
	hidden bool
	seen   bool
}

// line takes one line, and reports whether it is of such an output.
func (y *yamahaShow) line(n int, text []byte) bool {
	t := bytes.TrimSpace(text)
	if len(t) == 0 {
		return false
	}
	switch t[0] {
	case 'S', 'P', 'L', 'R', 'D', 'A', 'K', '-':
	default:
		if y.inSA && !beginsYamaha(text) {
			y.end() // another command's output
		}
		return false
	}
	if bytes.HasPrefix(t, showPP) {
		y.addresses(t)
		return true
	}
	if bytes.HasPrefix(t, showSA) && bytes.Contains(t, showStart) {
		y.end()
		y.inSA, y.seen, y.at = true, true, n
		return true
	}
	if !y.inSA {
		return false
	}
	name, value, ok := bytes.Cut(t, []byte(":"))
	value = bytes.TrimSpace(value)
	switch {
	case bytes.HasPrefix(t, []byte("-----")):
		y.end()
	case !ok:
		return false
	case string(name) == "Local ID":
		y.sa.Local = parseAddr(string(value))
	case string(name) == "Remote ID":
		y.sa.Remote = parseAddr(string(value))
	case string(name) == "Direction":
		y.sa.Send = bytes.HasPrefix(value, []byte("send"))
		y.sa.DirectionKnown = y.sa.Send || bytes.HasPrefix(value, []byte("receive"))
	case string(name) == "Protocol":
		y.protocol(value)
	case string(name) == "Algorithm":
		y.algorithm(value)
	case string(name) == "SPI":
		y.spi(n, value)
	case string(name) == "Key":
		y.key(n, value)
	default:
		return false
	}
	return true
}

// addresses reads "PP IP Address Local: 100.1.1.1, Remote: 50.1.1.1".
func (y *yamahaShow) addresses(t []byte) {
	y.seen = true
	var h Hints
	if a := addrAfter(t, "Local: "); a.IsValid() {
		h.Local = append(h.Local, a)
	}
	if a := addrAfter(t, "Remote: "); a.IsValid() {
		h.Peers = append(h.Peers, a)
	}
	if h.Local != nil || h.Peers != nil {
		y.out.hints(h)
	}
}

// protocol reads "IKE" and "ESP (Mode: tunnel)".
func (y *yamahaShow) protocol(value []byte) {
	first, rest := word(value)
	switch string(first) {
	case "IKE", "ESP", "AH":
		y.sa.Protocol = string(first)
	}
	y.sa.IKE = y.sa.Protocol == "IKE"
	if mode, ok := after(rest, "Mode: "); ok {
		switch m := string(bytes.TrimRight(mode, " )")); m {
		case "tunnel", "transport":
			y.sa.Mode = m
		}
	}
}

// algorithm reads "AES-CBC, SHA-1, MODP 1024bit" (IKE) and "AES-CBC (for Auth.: HMAC-SHA)". AES-CBC without a
// length is AES-128 in these routers' words.
func (y *yamahaShow) algorithm(value []byte) {
	end := bytes.IndexAny(value, " ,(")
	if end < 0 {
		end = len(value)
	}
	if end > 24 {
		return
	}
	c, keyLen, _ := cipherNamed(string(value[:end]))
	y.sa.Suite.Cipher = c
	if c != nil {
		if keyLen == 0 {
			keyLen = c.KeyLens[0]
		}
		y.sa.Suite.KeyLen = keyLen
	}
	if auth, ok := after(value, "for Auth.: "); ok && len(auth) < 40 {
		y.sa.Suite.Auth = authNamed(string(bytes.TrimRight(auth, " )")), 0, 128)
	}
}

// spi reads 4 bytes, or 16 for IKE: both cookies.
func (y *yamahaShow) spi(n int, value []byte) {
	b, kind := parseRow(nil, value)
	switch {
	case kind == rowBytes && len(b) == 16:
		copy(y.sa.InitiatorCookie[:], b)
		copy(y.sa.ResponderCookie[:], b[8:])
		y.sa.IKE = true
	case kind == rowBytes && len(b) == 4:
		y.sa.SPI = uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
	default:
		y.out.note(n, "SPI: neither 4 nor 16 bytes")
		y.inSA = false
		y.sa = SAHint{}
	}
}

// key reads the head of the key where the router shows it.
func (y *yamahaShow) key(n int, value []byte) {
	b, kind := parseRow(nil, value)
	switch {
	case kind == rowBytes && len(b) <= 32:
		y.sa.KeyHead = esp.NewKey(b)
		y.sa.Origin = y.out.origin(n)
		clear(b)
	case kind == rowHidden:
		y.hidden = true
	default:
		y.out.note(n, "key: not a row of bytes")
	}
}

// end gives out the SA.
func (y *yamahaShow) end() {
	sa := y.sa
	inSA := y.inSA
	y.sa, y.inSA = SAHint{}, false
	if !inSA || sa.SPI == 0 && !sa.IKE {
		return
	}
	if sa.Origin.IsZero() {
		sa.Origin = y.out.origin(y.at)
	}
	y.out.hints(Hints{SAs: []SAHint{sa}})
	if sa.IKE || sa.KeyHead.Len() < 8 || sa.Protocol != "ESP" {
		return
	}
	if sa.Suite.KeyLen != 0 && sa.KeyHead.Len() > sa.Suite.KeyLen {
		y.out.note(y.at, "SPI "+spiName(sa.SPI)+": the key is longer than its algorithm takes")
		return
	}
	y.out.esp(&esp.Secret{
		SPI: sa.SPI, SPIMask: 0xffffffff, Suite: sa.Suite,
		Key: sa.KeyHead, KeyHead: sa.KeyHead.Len() != sa.Suite.KeyLen,
		Origin: sa.Origin,
	})
}

func (y *yamahaShow) close() { y.end() }
