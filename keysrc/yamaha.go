package keysrc

import (
	"net/netip"

	"l2tpdump/esp"
	"l2tpdump/ikev1"
	"l2tpdump/keysrc/yamaha"
)

var yamahaFormat = Format{
	Name:  "yamaha",
	Title: "Yamaha router log",
	Looks: "[IKE] lines with CKY-I, SKEYID_e, SPI and key material",
	holds: cluesOf(yamaha.Tag, "SA[]:", "PP IP Address Local:"),
	match: yamaha.Match,
	new: func(out *output) parser {
		return &yamahaParser{yamaha.NewReader(out.name, &yamahaSink{out: out}), out}
	},
}

type yamahaParser struct {
	*yamaha.Reader
	out *output
}

func (y *yamahaParser) line(n int, text []byte) bool { return y.Line(n, text) }
func (y *yamahaParser) close()                       { y.Close() }

func (y *yamahaParser) near() string {
	if y.out.swanctl {
		return ""
	}
	return y.Near()
}

// yamahaSink puts what a Yamaha router says in this package's words.
type yamahaSink struct {
	out  *output
	last [2]netip.Addr // of the last line with addresses
}

func (s *yamahaSink) IKE(k *ikev1.Secret)         { s.out.known(k) }
func (s *yamahaSink) ESP(k []*esp.Secret)         { s.out.esp(k...) }
func (s *yamahaSink) Note(line int, text string)  { s.out.note(line, text) }
func (s *yamahaSink) Doubt(line int, text string) { s.out.doubt(line, text) }

func (s *yamahaSink) Addresses(local, peer netip.Addr) {
	if at := [2]netip.Addr{local, peer}; at != s.last {
		s.last = at
	} else {
		return
	}
	var h Hints
	if local.IsValid() {
		h.Local = []netip.Addr{local}
	}
	if peer.IsValid() {
		h.Peers = []netip.Addr{peer}
	}
	s.out.hints(h)
}

// SA takes an SA of a listing: its algorithms, and the head of its key where it is shown.
func (s *yamahaSink) SA(sa *yamaha.SA) {
	hint := SAHint{
		IKE: sa.Protocol == "IKE" || !sa.InitiatorCookie.IsZero(), InitiatorCookie: sa.InitiatorCookie,
		SPI: sa.SPI, Local: sa.Local, Remote: sa.Remote,
		Send: sa.Direction == "send", DirectionKnown: sa.Direction != "", Protocol: sa.Protocol,
		KeyHead: sa.KeyHead, Origin: s.out.origin(sa.Line),
	}
	cipher, keyLen, _ := cipherNamed(sa.Cipher)
	if hint.Suite.Cipher = cipher; cipher != nil {
		if hint.Suite.KeyLen = keyLen; keyLen == 0 {
			hint.Suite.KeyLen = cipher.KeyLens[0] // AES-CBC without a length is AES-128 in these routers' words
		}
	}
	if sa.Auth != "" {
		hint.Suite.Auth = authNamed(sa.Auth, 0, 128)
	}
	s.out.hints(Hints{SAs: []SAHint{hint}})
	if hint.IKE || sa.KeyHead.Len() < 8 || sa.Protocol != "ESP" {
		return
	}
	if hint.Suite.KeyLen != 0 && sa.KeyHead.Len() > hint.Suite.KeyLen {
		s.out.note(sa.Line, "SPI "+spiName(sa.SPI)+": the key is longer than its algorithm takes")
		return
	}
	s.out.esp(&esp.Secret{
		SPI: sa.SPI, SPIMask: 0xffffffff, Suite: hint.Suite,
		Key: sa.KeyHead, KeyHead: sa.KeyHead.Len() != hint.Suite.KeyLen,
		Origin: hint.Origin,
	})
}
