package ikev1

import (
	"bytes"
	"fmt"
	"net/netip"
	"strings"

	"l2tpdump/esp"
)

// SA is an ISAKMP SA as it was observed.
type SA struct {
	InitiatorCookie, ResponderCookie Cookie
	Initiator, Responder             netip.AddrPort // of phase 1, as last seen
	Cipher                           string         // "aes-cbc-256", "" while unknown
	Hash                             string         // "sha1", "" while unknown
	AuthMethod, Group                uint16         // RFC 2409 appendix A, 0 while unknown
	LifeSeconds, LifeKilobytes       uint64         // 0 where not negotiated
	First, Last                      int64          // times of the first and last message
	Deleted                          bool           // a Delete payload named it

	Messages      int // all, with retransmissions; fragments count as the message they make up
	Encrypted     int // of them encrypted
	Decrypted     int // of these decrypted
	Reconstructed int // of these decrypted but for the first block
	HashesChecked int // messages with a HASH that was computed and matches
	Wrong         int // encrypted messages that no key known fits
	Malformed     int // encrypted messages that are broken, or whose HASH does not match
	Truncated     int // encrypted messages that were not captured in whole
	KeyOrigin     string

	roles   roleProof // that Initiator is the initiator
	chosen  bool      // suites is what the responder chose
	suites  []suite   // what may have been negotiated; nil: unknown
	foreign string    // the chosen algorithm where it is not supported

	sai        []byte // body of the initiator's SA payload, for HASH_I and HASH_R
	idi, idr   []byte // bodies of the ID payloads of phase 1
	ke         []*exchanged
	nonces     []*exchanged
	phase1     *exchange
	mode       ExchangeType // main or aggressive
	exchanges  map[exchangeKey]*exchange
	key        *keyConfig // the one that is proven
	configs    []*keyConfig
	configured configVersion
	secrets    []*secretState
	incomplete string     // why a key known is too short
	note       string     // how the key was given
	good, bad  [2]int     // HASHes that match and that do not, by hashClass
	proven     [2]esp.Key // SKEYID and SKEYID_a that HASHes were made with, by hashClass
	unknown    string     // why no key is known
}

// exchanged is a KE or nonce value of phase 1.
type exchanged struct {
	body []byte
	dir  direction
}

const (
	maxSABody = 16 << 10 // bytes of an SA payload that are kept
	maxKEBody = 2 << 10  // bytes of a KE or nonce payload
	maxKEs    = 4        // KE values of one phase 1
)

// phase1Exchange is the exchange type under which all of phase 1 is kept,
// whatever its mode.
const phase1Exchange = ExchangeMain

// side tells from the addresses who sent a message. Either side's address or
// port may have changed since; the other one then decides.
func (sa *SA) side(src, dst netip.AddrPort) direction {
	if !sa.Initiator.IsValid() {
		return fromUnknown
	}
	match := func(a, b netip.AddrPort) int {
		switch {
		case a == b:
			return 5
		case a.Addr() == b.Addr():
			return 4
		}
		return 0
	}
	forth := match(src, sa.Initiator) + match(dst, sa.Responder)
	back := match(src, sa.Responder) + match(dst, sa.Initiator)
	switch {
	case forth > back:
		return fromInitiator
	case back > forth:
		return fromResponder
	}
	return fromUnknown
}

// moved notes the addresses of a message whose sender is known.
func (sa *SA) moved(src, dst netip.AddrPort, dir direction) {
	switch dir {
	case fromInitiator:
		sa.Initiator, sa.Responder = src, dst
	case fromResponder:
		sa.Initiator, sa.Responder = dst, src
	}
}

// learn takes what a message of phase 1 in clear says.
func (sa *SA) learn(m *Message, dir direction) {
	for i := range m.Payloads {
		p := &m.Payloads[i]
		switch p.Type {
		case PayloadSA:
			sa.learnSA(p.Body, dir)
		case PayloadKE:
			sa.ke = keep(sa.ke, p.Body, dir)
		case PayloadNonce:
			sa.nonces = keep(sa.nonces, p.Body, dir)
		case PayloadID:
			sa.learnID(p.Body, dir)
		}
	}
}

func (sa *SA) learnID(body []byte, dir direction) {
	if len(body) > maxKEBody {
		return
	}
	switch dir {
	case fromInitiator:
		sa.idi = bytes.Clone(body)
	case fromResponder:
		sa.idr = bytes.Clone(body)
	}
}

// keep adds a KE or nonce value, once.
func keep(list []*exchanged, body []byte, dir direction) []*exchanged {
	if len(body) > maxKEBody || len(list) >= maxKEs {
		return list
	}
	for _, x := range list {
		if bytes.Equal(x.body, body) {
			return list
		}
	}
	return append(list, &exchanged{bytes.Clone(body), dir})
}

// value returns the KE or nonce value of one side, nil when it is not known or
// there are several.
func value(list []*exchanged, dir direction) []byte {
	var v []byte
	for _, x := range list {
		if x.dir != dir {
			continue
		}
		if v != nil {
			return nil
		}
		v = x.body
	}
	return v
}

// learnSA reads the SA payload of phase 1: the initiator's is an offer, the
// responder's the choice, which alone counts once it is there.
func (sa *SA) learnSA(body []byte, dir direction) {
	if dir == fromInitiator && sa.sai == nil && len(body) <= maxSABody {
		sa.sai = bytes.Clone(body)
	}
	if sa.chosen {
		return
	}
	p, err := parseSA(body)
	if err != nil {
		return
	}
	sa.suites, sa.foreign, sa.configured = nil, "", configVersion{}
	for i := range p.Proposals {
		for j := range p.Proposals[i].Transforms {
			a := p.Proposals[i].Transforms[j].phase1()
			s, ok := suiteOf(a)
			if !ok {
				if dir == fromResponder && sa.foreign == "" {
					sa.foreign = foreignName(a)
				}
				continue
			}
			if dir == fromResponder || len(p.Proposals) == 1 && len(p.Proposals[0].Transforms) == 1 {
				sa.AuthMethod, sa.Group = a.AuthMethod, a.Group
				sa.LifeSeconds, sa.LifeKilobytes = a.LifeSeconds, a.LifeKilobytes
			}
			if !containsSuite(sa.suites, s) && len(sa.suites) < maxSuites {
				sa.suites = append(sa.suites, s)
			}
		}
	}
	sa.chosen = dir == fromResponder
	if len(sa.suites) == 1 {
		sa.setSuite(sa.suites[0])
	}
}

// foreignName describes a transform whose algorithms are not supported.
func foreignName(p phase1Terms) string {
	cipher, keyLen, _, ok := p.cipherSpec()
	if ok {
		cipher = fmt.Sprintf("%s-%d", cipher, 8*keyLen)
	} else {
		cipher = fmt.Sprintf("cipher %d", p.Encryption)
	}
	hash := p.hashName()
	if hash == "" {
		hash = fmt.Sprintf("hash %d", p.Hash)
	}
	return cipher + " with " + hash
}

// maxSuites bounds how many offered combinations are tried where the responder's
// choice was not captured.
const maxSuites = 32

func containsSuite(list []suite, s suite) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

// setSuite fills in the names of the algorithms.
func (sa *SA) setSuite(s suite) {
	sa.Cipher, sa.Hash = s.name(), ""
	if s.hash != nil {
		sa.Hash = s.hash.name
	}
}

// name returns the cipher with its key length: "aes-cbc-256", "3des-cbc".
func (s suite) name() string {
	if len(s.cipher.keyLens) == 1 {
		return s.cipher.name
	}
	return fmt.Sprintf("%s-%d", s.cipher.name, 8*s.keyLen)
}

// Verdict returns the SA's verdict in the words of the report: "verified",
// "decrypted", "wrong key", "no key", "incomplete", "truncated", "malformed",
// or "clear" when no encrypted message was seen.
func (sa *SA) Verdict() string {
	switch {
	case sa.Encrypted == 0:
		return "clear"
	case sa.wrongHashKey() != "", sa.Decrypted == 0 && sa.Wrong > 0:
		return "wrong key"
	case sa.Decrypted > 0 && sa.HashesChecked > 0:
		return "verified"
	case sa.Decrypted > 0:
		return "decrypted"
	case sa.incomplete != "":
		return "incomplete"
	case sa.Truncated > 0 && sa.key != nil:
		return "truncated"
	case len(sa.secrets) == 0:
		return "no key"
	case sa.Truncated > 0:
		return "truncated"
	case sa.Malformed > 0:
		return "malformed"
	}
	return "no key"
}

// Reason returns the cause of the verdict and the cure, "" where there is
// nothing to say.
func (sa *SA) Reason() string {
	var parts []string
	add := func(format string, args ...any) { parts = append(parts, fmt.Sprintf(format, args...)) }
	switch sa.Verdict() {
	case "clear":
		add("no encrypted message was seen")
	case "wrong key":
		switch {
		case sa.wrongHashKey() != "":
			add("the messages decrypt, but no HASH matches that is made with %s: it is of another connection, or mistyped", sa.placed(sa.wrongHashKey()))
		case sa.lacksPhase1():
			add("the key%s fits no message; the capture begins after the negotiation, so its algorithms were tried: is the key of this connection?", sa.at())
		default:
			add("the key%s fits no message: it is of another connection, or mistyped", sa.at())
		}
	case "no key":
		add("%s", sa.reasonNoKey())
	case "incomplete":
		add("%s", sa.incomplete)
	case "truncated":
		add("the packets were not captured in whole: capture with a snaplen of 0")
	case "malformed":
		add("the messages are broken")
	default:
		if sa.note != "" {
			add("%s", sa.note)
		}
		if n := sa.Reconstructed; n > 0 {
			add("%d reconstructed but for the first block: a message before is missing in the capture", n)
		}
		if n := sa.Wrong + sa.Malformed; n > 0 {
			add("%d of %d encrypted messages do not decrypt or are broken", n, sa.Encrypted)
		}
		if sa.Truncated > 0 {
			add("%d cut by the snaplen", sa.Truncated)
		}
	}
	return strings.Join(parts, "; ")
}

// hashClass tells which key makes a HASH: SKEYID in phase 1, SKEYID_a after it.
type hashClass int

const (
	hashByAuth hashClass = iota
	hashByKeyA
)

// wrongHashKey names the key that HASHes prove wrong: not one of them matches.
func (sa *SA) wrongHashKey() string {
	switch {
	case sa.bad[hashByAuth] > 0 && sa.good[hashByAuth] == 0:
		return "SKEYID"
	case sa.bad[hashByKeyA] > 0 && sa.good[hashByKeyA] == 0:
		return "SKEYID_a"
	}
	return ""
}

// lacksPhase1 says that the negotiation itself is not in the capture.
func (sa *SA) lacksPhase1() bool { return len(sa.suites) == 0 && sa.foreign == "" }

func (sa *SA) reasonNoKey() string {
	switch {
	case sa.foreign != "" && len(sa.secrets) > 0:
		return "phase 1 agreed on " + sa.foreign + ", which is not supported"
	case sa.unknown == "":
		return "no key names its cookie, and those without a cookie are of other SAs"
	}
	return sa.unknown
}
