package keysrc

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strconv"
	"strings"

	"l2tpdump/esp"
	"l2tpdump/ikev1"
	"l2tpdump/keysrc/redaction"
)

// The debug output of SoftEther VPN Server, which has the messages of its log in it:
//
//	LOG: IPsec IKE Session (IKE SA) 4 (Client: 4) (…): A new IKE SA (Main Mode) is created.
//	     Initiator Cookie: 0xAFAE6D9F165F6631, Responder Cookie: 0x…
//	SKEYID: 0D 7D C1 19 …
//	SKEYID_d: F7 49 0E 43 …
//	SKEYID_a: 44 04 EE EF …
//	SKEYID_e: 2B B2 18 63 …
//	LOG: IPsec ESP Session (IPsec SA) 7 (Client: 4) (…): A new IPsec SA
//	     (Direction: Client -> Server) is created. SPI: 0x501BEE7A, DH Group: (null), Hash Algorithm: SHA-1,
//	     Cipher Algorithm: AES-CBC, Cipher Key Size: 256 bits, …
//	  KEYMAT: 11 22 33 …
//
// Each LOG is one line. KEYMAT is shown without the authentication key. Cookies and SPIs have no
// leading zeros. Which SA the SKEYIDs are of is not said: it is the one that was created and has
// none yet, if there is only one.
var softetherFormat = Format{
	Name:  "softether",
	Title: "SoftEther VPN Server debug output",
	Looks: "SKEYID_e: 2B B2 … and Initiator Cookie: 0x… lines",
	holds: cluesOf("SKEYID:", "KEYMAT:", softetherCookie.text),
	match: func(line []byte) bool {
		return softetherValue(line) || softetherCookie.in(line) >= 0
	},
	new: func(out *output) parser { return &softether{out: out} },
}

type softether struct {
	out    *output
	fresh  []softetherSA // IKE SAs without keys
	keyed  int           // keys given out since fresh was empty that may be those of any of them
	ike    *ikev1.Secret
	seen   phase1Seen
	spi    uint32 // of the last IPsec SA, 0 none
	cipher string
	hash   string
	size   int // of its encryption key in bytes

	cookies bool // an IKE SA was seen
}

type softetherSA struct {
	number               string
	initiator, responder ikev1.Cookie
}

const maxSoftether = 256 // IKE SAs without keys

var softetherCookie = mark{"Initiator Cookie: 0x", 10}

var softetherLabels = []string{"SKEYID", "SKEYID_d", "SKEYID_a", "SKEYID_e", "KEYMAT"}

// softetherKey takes "SKEYID_e: 2B B2 18 …" and "  KEYMAT: …"; rest is what follows the label, ok
// that it is digits.
func softetherKey(line []byte) (label string, rest []byte, ok bool) {
	s := trimLine(line)
	if len(s) == 0 || s[0] != 'S' && s[0] != 'K' {
		return "", nil, false
	}
	for _, l := range softetherLabels {
		rest, ok := bytes.CutPrefix(s, []byte(l))
		if rest, colon := bytes.CutPrefix(rest, []byte(": ")); ok && colon {
			var two [2]byte
			b, _ := dumpRow(two[:0], rest, len(two))
			return l, rest, len(b) == len(two)
		}
	}
	return "", nil, false
}

func softetherValue(line []byte) bool {
	_, _, ok := softetherKey(line)
	return ok
}

func (p *softether) line(n int, text []byte) bool {
	switch label, rest, ok := softetherKey(text); {
	case ok:
		p.key(n, label, rest)
	case p.cookies && label != "" && redaction.Value(string(rest)):
		p.out.note(n, label+": "+errRedacted.Error())
	case softetherCookie.in(text) >= 0:
		p.newIKE(n, text)
	case bytes.Contains(text, []byte("A new IPsec SA (Direction: ")):
		p.newESP(text)
	case bytes.Contains(text, []byte("(IKE SA)")) && bytes.Contains(text, []byte("This IKE SA is deleted")):
		number := softetherNumber(text)
		if i := slices.IndexFunc(p.fresh, func(sa softetherSA) bool { return sa.number == number }); i >= 0 {
			p.fresh = slices.Delete(p.fresh, i, i+1)
		}
	default:
		return false
	}
	return true
}

// softetherNumber returns N of "(IKE SA) N (Client: …".
func softetherNumber(text []byte) string {
	rest, _ := after(text, "(IKE SA) ")
	w, _ := word(rest)
	return string(w)
}

// softetherHex returns the number after mark.
func softetherHex(text []byte, mark string) (uint64, bool) {
	number, _, _ := strings.Cut(softetherField(text, mark), " ")
	v, err := strconv.ParseUint(number, 16, 64)
	return v, err == nil
}

// newIKE takes the message about a new IKE SA.
func (p *softether) newIKE(n int, text []byte) {
	i, ok1 := softetherHex(text, "Initiator Cookie: 0x")
	r, ok2 := softetherHex(text, "Responder Cookie: 0x")
	if !ok1 || !ok2 {
		p.out.note(n, "the cookies of the new IKE SA can't be read")
		return
	}
	p.cookies = true
	sa := softetherSA{number: softetherNumber(text)}
	binary.BigEndian.PutUint64(sa.initiator[:], i)
	binary.BigEndian.PutUint64(sa.responder[:], r)
	if len(p.fresh) == maxSoftether {
		p.fresh = p.fresh[:copy(p.fresh, p.fresh[1:])]
	}
	p.fresh = append(p.fresh, sa)
}

// newESP takes the message about a new IPsec SA.
func (p *softether) newESP(text []byte) {
	p.spi = 0
	spi, ok := softetherHex(text, "SPI: 0x")
	if !ok || spi > 0xffffffff {
		return
	}
	p.spi = uint32(spi)
	p.cipher, p.hash, p.size = softetherField(text, "Cipher Algorithm: "), softetherField(text, "Hash Algorithm: "), 0
	if bits, err := strconv.Atoi(strings.TrimSuffix(softetherField(text, "Cipher Key Size: "), " bits")); err == nil {
		p.size = bits / 8
	}
}

// softetherField returns what stands between mark and the next comma.
func softetherField(text []byte, mark string) string {
	rest, _ := after(text, mark)
	f, _, _ := bytes.Cut(rest, []byte(","))
	return string(trimLine(f))
}

// key takes a line with a key.
func (p *softether) key(n int, label string, rest []byte) {
	b, tail := dumpRow(nil, rest, maxKeyLen)
	if len(trimLine(tail)) > 0 {
		p.out.note(n, label+" has other characters than hex digits in it")
		b = nil
	}
	if label == "KEYMAT" {
		p.keymat(n, b)
		return
	}
	if p.ike == nil || label == "SKEYID" {
		p.out.orphans = p.out.orphans || label == "SKEYID_e"
		p.give()
		p.ike = &ikev1.Secret{}
	}
	i := slices.Index(phase1Names[:], label)
	p.seen.name(i)
	*phase1Keys(p.ike)[i] = esp.NewKey(b)
	p.ike.Origin = p.out.origin(n)
	if label == "SKEYID_e" { // the last of them
		p.give()
	}
}

// give gives the keys of phase 1 out.
func (p *softether) give() {
	s := p.ike
	p.ike = nil
	if s == nil {
		return
	}
	p.seen.checkGaps(p.out, s.Origin.Line)
	if !checkPhase1(p.out, s) {
		return
	}
	if len(p.fresh) == 1 {
		s.InitiatorCookie, s.ResponderCookie = p.fresh[0].initiator, p.fresh[0].responder
		p.fresh = p.fresh[:0]
	} else if len(p.fresh) > 1 {
		if p.keyed++; p.keyed >= len(p.fresh) {
			p.fresh, p.keyed = p.fresh[:0], 0
		}
	}
	p.out.ike(s)
}

// keymat takes the encryption key of the last IPsec SA.
func (p *softether) keymat(n int, b []byte) {
	spi := p.spi
	p.spi = 0
	if spi == 0 || len(b) == 0 {
		return
	}
	k := espKeys{cipher: p.cipher, key: b, keyLen: p.size, auth: p.hash}
	if s := p.out.secret(n, "KEYMAT of SPI ", spi, &k); s != nil {
		p.out.esp(s)
	}
}

// close takes the end of the source.
func (p *softether) close() { p.give() }

// near says why there was no key.
func (p *softether) near() string {
	if p.cookies {
		return p.out.lack("a SoftEther log without keys: only the debug output of the server has SKEYID_e")
	}
	return ""
}
