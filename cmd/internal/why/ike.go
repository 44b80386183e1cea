package why

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"l2tpdump/esp"
	"l2tpdump/ikev1"
)

const (
	cutAll   = "the packet was not captured in whole"
	wholeCap = "capture with a snaplen of 0"
	foreign  = "no key names its cookie, and those without a cookie are of other SAs"
	altered  = " is not of this connection, or the message was altered"
)

// Message is what is said of one IKE message. t is the Tracker that observed it.
func Message(t *ikev1.Tracker, m *ikev1.Message) Finding {
	switch err := m.Err; {
	case err == nil:
		return readable(m)
	case errors.Is(err, ikev1.ErrTruncated):
		switch {
		case m.Header.Length == 0:
			return Finding{Verdict: Truncated, Cause: cutAll}
		case m.Encrypted && !m.Head():
			return Finding{Verdict: Truncated, Cause: cutAll, Cure: wholeCap}
		}
		return Finding{Verdict: Truncated, Cause: cutAll + ": this is its beginning"}
	case errors.Is(err, ikev1.ErrAltered) && m.Broken != nil:
		return Finding{Verdict: Malformed, Cause: "decrypts up to a place that is broken, " + m.Broken.Error() +
			"; without SKEYID_a its HASH can't tell whether the message was altered"}
	case errors.Is(err, ikev1.ErrAltered):
		return Finding{Verdict: Malformed, Cause: "does not decrypt with the key that fits the other messages: " +
			"it was altered, its contents are broken, or it is of another SA"}
	case errors.Is(err, ikev1.ErrHash):
		hashes, key := m.SA.Phase2Hashes, "SKEYID_a"
		if m.Phase1() {
			hashes, key = m.SA.Phase1Hashes, "SKEYID"
		}
		if hashes.Good == 0 {
			return Finding{Verdict: WrongKey, Cause: "decrypts, but its HASH does not match: " + key + altered}
		}
		return Finding{Verdict: Malformed, Cause: "its HASH does not match: the message was altered"}
	case errors.Is(err, ikev1.ErrForeignKeys):
		return Finding{Verdict: NoKey, Cause: foreign}
	case errors.Is(err, ikev1.ErrUnopened) && triedShort(m.SA):
		return short(m.SA.Short)
	case errors.Is(err, ikev1.ErrOtherSide):
		return Finding{Verdict: NoKey, Cause: "the key that opens the other side's messages does not open this one: its sender has another key"}
	case errors.Is(err, ikev1.ErrUnopened) && m.SA.KeysOfOthers():
		return ofOthers(m.SA)
	case errors.Is(err, ikev1.ErrUnopened):
		return Finding{Verdict: WrongKey, Cause: unopened(m.SA)}
	case errors.Is(err, ikev1.ErrShortKey):
		return short(m.SA.Short)
	case errors.Is(err, ikev1.ErrNoKey) && m.SA == nil:
		return Finding{Verdict: NoKey, Cause: absence(t, m.Header.InitiatorCookie, m.Header.ResponderCookie)}
	case errors.Is(err, ikev1.ErrNoKey):
		return Finding{Verdict: NoKey, Cause: noIKEKey(t, m.SA)}
	}
	return Finding{Verdict: Malformed, Cause: m.Err.Error()}
}

// readable is what is said of a message in which nothing is wrong.
func readable(m *ikev1.Message) Finding {
	f := Finding{Verdict: Decrypted}
	switch {
	case !m.Encrypted:
		f.Verdict = Clear
		if m.HashWrong {
			f.Remark = "its HASH does not match: SKEYID" + altered
		}
		return f
	case m.Verified:
		f.Verdict = Verified
	}
	if m.Reconstructed {
		f.Remark = "first block reconstructed: the message before it is missing"
	}
	if m.Broken != nil {
		f.Remark = "its HASH is right, its contents are broken: " + m.Broken.Error()
	}
	if m.HashTail {
		f.Remark += "; the rest of its HASH matches"
	}
	return f
}

func unopened(sa *ikev1.SA) string {
	origin := sa.Tried()[0].Origin
	if sa.LacksKE() {
		return fmt.Sprintf("the key at %s does not fit, or this message alone, without those before it, can't prove it", origin)
	}
	return fmt.Sprintf("the key at %s does not fit: it is of another connection, or mistyped", origin)
}

// ofOthers is what is said where the keys for the cookies are proven by another SA.
func ofOthers(sa *ikev1.SA) Finding {
	return Finding{Verdict: NoKey, Cause: "the key" + at(sa) + " opens another SA with this cookie: this one is another attempt, or forged"}
}

// triedShort reports whether all that was tried on an SA is a value that is not whole: what is
// there may be its end.
func triedShort(sa *ikev1.SA) bool {
	return sa.Short != nil && !slices.ContainsFunc(sa.Tried(), func(x *ikev1.Secret) bool {
		return x.OriginOf(sa.Short.Value) != sa.Short.Origin
	})
}

func short(s *ikev1.ShortKey) Finding {
	f := Finding{Verdict: Incomplete}
	switch missing := s.Want - s.Have; {
	case missing <= 0:
		f.Cause = fmt.Sprintf("%s at %s is only the head of the value; the whole is needed to expand it", s.Value, s.Origin)
		return f
	case missing == 1:
		f.Cause = "1 is missing"
	default:
		f.Cause = fmt.Sprintf("%d are missing", missing)
	}
	f.Cause = fmt.Sprintf("%s at %s has %d bytes, %d are needed: %s", s.Value, s.Origin, s.Have, s.Want, f.Cause)
	f.Remark = "take the whole value from its source, a log's rows to the last"
	return f
}

// ISAKMP is what is said of an ISAKMP SA.
func ISAKMP(t *ikev1.Tracker, sa *ikev1.SA) Finding {
	wrongHash, wrong, broken := judgeHashes(sa)
	opened := len(sa.Openers()) > 0
	switch {
	case sa.Encrypted == 0:
		return Finding{Verdict: Clear, Cause: "no encrypted message was seen"}
	case wrongHash != "":
		return Finding{Verdict: WrongKey, Cause: "the messages decrypt, but no HASH matches that is made with " + placed(sa, wrongHash) +
			": it is of another connection, or mistyped"}
	case sa.Decrypted == 0 && wrong > 0 && triedShort(sa):
		return short(sa.Short)
	case sa.Decrypted == 0 && wrong > 0 && sa.KeysOfOthers():
		return ofOthers(sa)
	case sa.Decrypted == 0 && wrong > 0 && sa.LacksPhase1():
		return Finding{Verdict: WrongKey, Cause: "the key" + at(sa) + " fits no message; the capture begins after the negotiation, " +
			"so its algorithms were tried: is the key of this connection?"}
	case sa.Decrypted == 0 && wrong > 0:
		return Finding{Verdict: WrongKey, Cause: "the key" + at(sa) + " fits no message: it is of another connection, or mistyped"}
	case sa.Decrypted > 0:
		f := Finding{Verdict: Decrypted, Remark: opening(sa, wrong+broken)}
		if sa.HashesChecked() > 0 {
			f.Verdict = Verified
		}
		return f
	case sa.Short != nil:
		return short(sa.Short)
	case sa.Truncated > 0 && (opened || len(sa.Secrets()) > 0):
		return Finding{Verdict: Truncated, Cause: "the packets were not captured in whole", Cure: wholeCap}
	case broken > 0 && len(sa.Secrets()) > 0:
		return Finding{Verdict: Malformed, Cause: "the messages are broken"}
	}
	return Finding{Verdict: NoKey, Cause: noIKEKey(t, sa)}
}

// judgeHashes names the key that HASHes prove wrong: not one of them matches. wrong counts the
// messages that no key opens, or whose HASH proves it wrong, broken those that are damaged.
func judgeHashes(sa *ikev1.SA) (key string, wrong, broken int) {
	wrong, broken = sa.Unopened, sa.Malformed
	for _, h := range [...]struct {
		key    string
		hashes ikev1.Hashes
	}{{"SKEYID_a", sa.Phase2Hashes}, {"SKEYID", sa.Phase1Hashes}} {
		switch {
		case h.hashes.Bad > 0 && h.hashes.Good == 0:
			key = h.key
			wrong += h.hashes.Bad
		default:
			broken += h.hashes.Bad
		}
	}
	return key, wrong, broken
}

// opening is what is to be known of an SA that a key opens.
func opening(sa *ikev1.SA, bad int) (remark string) {
	add := func(format string, args ...any) { remark = Join(remark, fmt.Sprintf(format, args...)) }
	openers := sa.Openers()
	switch openers[0].Form {
	case ikev1.KaIsSKEYIDe:
		add("the key was given as Ka and is SKEYID_e")
	case ikev1.SKEYIDeIsKa:
		add("the key was given as SKEYID_e and is Ka")
	}
	if len(openers) > 1 {
		add("each side has a key of its own: %s", differ(sa, "their %s differ"))
	}
	initiator, responder := sa.Sides()
	switch {
	case initiator.Unopened > 0 && initiator.Decrypted == 0:
		add("it is the responder's key, which opens no message of the initiator: %s", differ(sa, "do their %s differ?"))
	case responder.Unopened > 0 && responder.Decrypted == 0:
		add("it is the initiator's key, which opens no message of the responder: %s", differ(sa, "do their %s differ?"))
	}
	if n := sa.Reconstructed; n > 0 {
		add("%d reconstructed but for the first block: a message before is missing in the capture", n)
	}
	if bad > 0 {
		add("%d of %d encrypted messages do not decrypt or are broken", bad, sa.Encrypted)
	}
	if sa.Truncated > 0 {
		add("%d cut by the snaplen", sa.Truncated)
	}
	return remark
}

// differ says why two sides can have different keys, in a sentence that names what differs.
func differ(sa *ikev1.SA, sentence string) string {
	what := "key exchange values"
	switch sa.AuthMethod {
	case 1, 65001, 65002: // with XAUTH, too
		what = "pre-shared keys"
	}
	return fmt.Sprintf(sentence, what)
}

// noIKEKey says why no key is known for an SA.
func noIKEKey(t *ikev1.Tracker, sa *ikev1.SA) string {
	switch {
	case len(sa.Secrets()) > 0 && sa.Unsupported != "":
		return "phase 1 agreed on " + sa.Unsupported + ", which is not supported"
	case len(sa.Tried()) > 0:
		return foreign
	case len(sa.Secrets()) > 0:
		return "the key source has neither SKEYID_e nor Ka for these cookies"
	}
	return absence(t, sa.InitiatorCookie, sa.ResponderCookie)
}

// absence says what keys there are instead of one for these cookies.
func absence(t *ikev1.Tracker, initiator, responder ikev1.Cookie) string {
	a := t.Absence(initiator, responder)
	none := "no key for initiator cookie " + initiator.String()
	switch {
	case a.Secrets == 0:
		return "no IKE key was given: take the log while the connection is being set up"
	case a.Another != nil:
		return fmt.Sprintf("the key for initiator cookie %s (%s) names responder cookie %s, not %s: it is of another attempt",
			initiator, a.Another.Origin, a.Another.ResponderCookie, responder)
	case a.Swapped != nil:
		return fmt.Sprintf("the key at %s names the responder cookie as the initiator's", a.Swapped.Origin)
	case a.Nearest == nil:
		return none
	case a.Distance <= similarCookie:
		return fmt.Sprintf("%s: the nearest is %s (%s), which differs in %d bits: mistyped or damaged?",
			none, a.Nearest.InitiatorCookie, a.Nearest.Origin, a.Distance)
	case a.InUse != nil:
		return fmt.Sprintf("%s, though there is one for %s (%s) in this capture: it is another connection, or the next "+
			"negotiation of the same one, and the key source ends before it: take the log to its end",
			none, a.InUse.InitiatorCookie, a.InUse.Origin)
	}
	return none + ": the keys are of other connections, as " + a.Nearest.InitiatorCookie.String() + " (" + a.Nearest.Origin.String() + ")"
}

// similarCookie is the distance in bits up to which one cookie can be a damaged copy of another:
// random ones differ in 32 bits, and in 16 or less about once in 30000.
const similarCookie = 8

// IKEKeyAt returns the places of what opens an SA's messages, or else of the values that were tried
// as the cipher's key, and of others that belong to the SA where there are none; the first three.
func IKEKeyAt(sa *ikev1.SA) string {
	for _, o := range sa.Openers() {
		return o.Secret.Origin.String()
	}
	var list []string
	add := func(o esp.Origin) {
		if s := o.String(); s != "" && len(list) < 3 && !slices.Contains(list, s) {
			list = append(list, s)
		}
	}
	for _, x := range sa.Secrets() {
		for _, v := range sa.CipherValues(x) {
			add(v.Origin)
		}
	}
	if len(list) == 0 {
		for _, x := range sa.Secrets() {
			add(x.Origin)
		}
	}
	return strings.Join(list, ", ")
}

// at returns " at router.log:17", or nothing where it is not known.
func at(sa *ikev1.SA) string {
	if s := IKEKeyAt(sa); s != "" {
		return " at " + s
	}
	return ""
}

// placed returns the name of SKEYID or SKEYID_a with its place.
func placed(sa *ikev1.SA, name string) string {
	for _, x := range sa.Secrets() {
		k := x.SKEYIDa
		if name == "SKEYID" {
			k = x.SKEYID
		}
		if o := x.OriginOf(name); !o.IsZero() && !k.IsZero() {
			return name + " at " + o.String()
		}
	}
	return name
}

// IKEKeys is what an SA's messages, or other values, prove of the keys that sources give for it:
// that they are wrong, although another opens the messages. It is empty while none does.
func IKEKeys(sa *ikev1.SA) []KeyFinding {
	c := &contradictions{sa: sa, openers: sa.Openers()}
	if len(c.openers) == 0 {
		return nil
	}
	for _, x := range sa.Secrets() {
		if !sa.Names(x) {
			continue
		}
		side := 0
		for _, v := range sa.CipherValues(x) {
			if side = sa.Opens(v.Key, x.SKEYIDeHead && v.Name == "SKEYID_e"); side < 0 {
				o := c.openers[0]
				c.say(v.Origin, "%s at %s is wrong: what opens the messages is %s at %s", v.Name, v.Origin, o.Value, o.Secret.OriginOf(o.Value))
			}
		}
		if len(sa.CipherValues(x)) == 0 && len(c.openers) > 1 {
			continue // nothing tells whose it is
		}
		c.named[max(0, side)] = append(c.named[max(0, side)], x)
	}
	for side := range c.openers {
		c.compareSources(side)
	}
	for _, x := range sa.Secrets() {
		if sa.Names(x) {
			c.compareDerived(x)
		}
	}
	return c.list
}

// contradictions gathers what is said of the keys of one SA.
type contradictions struct {
	sa      *ikev1.SA
	openers []ikev1.Opener
	named   [2][]*ikev1.Secret // that name the SA, or open it: of the side that each opener is of
	list    []KeyFinding
}

func (c *contradictions) say(key esp.Origin, format string, args ...any) {
	f := KeyFinding{Kind: "ike", ID: c.sa.InitiatorCookie.String(), Key: key, Reason: fmt.Sprintf(format, args...)}
	if !slices.ContainsFunc(c.list, func(o KeyFinding) bool { return o.Reason == f.Reason }) {
		c.list = append(c.list, f)
	}
}

// compareSources compares the values that several sources give for one thing, of one side where
// each has its own.
func (c *contradictions) compareSources(side int) {
	named := c.named[side]
	for _, v := range [...]struct {
		name   string
		of     func(*ikev1.Secret) esp.Key
		proven []esp.Key
	}{
		{"SKEYID", func(x *ikev1.Secret) esp.Key { return x.SKEYID }, c.sa.Phase1Hashes.Keys},
		{"SKEYID_a", func(x *ikev1.Secret) esp.Key { return x.SKEYIDa }, c.sa.Phase2Hashes.Keys},
		{"SKEYID_d", func(x *ikev1.Secret) esp.Key { return x.SKEYIDd }, nil},
		{"SKEYID_e", func(x *ikev1.Secret) esp.Key { return x.SKEYIDe }, nil},
		{"g^xy", func(x *ikev1.Secret) esp.Key { return x.SharedSecret }, nil},
	} {
		var first *ikev1.Secret
		proven := slices.DeleteFunc(slices.Clone(v.proven), func(k esp.Key) bool {
			return len(c.openers) > 1 && !slices.ContainsFunc(named, func(x *ikev1.Secret) bool { return v.of(x).Equal(k) })
		})
		for _, x := range named {
			switch k := v.of(x); {
			case k.IsZero():
			case len(proven) > 0:
				if !slices.ContainsFunc(proven, k.Equal) {
					c.say(x.OriginOf(v.name), "%s at %s is wrong: HASHes are made with another", v.name, x.OriginOf(v.name))
				}
			case first == nil:
				first = x
			case !k.HasPrefix(v.of(first)) && !v.of(first).HasPrefix(k):
				c.say(x.OriginOf(v.name), "%s at %s and at %s differ: one of them is wrong", v.name, first.OriginOf(v.name), x.OriginOf(v.name))
			}
		}
	}
}

// compareDerived computes the values of one source from each other (RFC 2409 section 5) where it
// has all that this takes.
func (c *contradictions) compareDerived(x *ikev1.Secret) {
	d, a, e, ok := c.sa.Derived(x)
	if !ok {
		return
	}
	var wrong []string
	given := 0
	for _, v := range [...]struct {
		name      string
		key, want esp.Key
		head      bool
	}{
		{"SKEYID_d", x.SKEYIDd, d, false},
		{"SKEYID_a", x.SKEYIDa, a, false},
		{"SKEYID_e", x.SKEYIDe, e, x.SKEYIDeHead},
	} {
		if v.key.IsZero() {
			continue
		}
		if given++; !v.key.Equal(v.want) && !(v.head && v.want.HasPrefix(v.key)) {
			wrong = append(wrong, v.name)
		}
	}
	switch {
	case len(wrong) == 0:
	case len(wrong) < given:
		for _, name := range wrong {
			c.say(x.OriginOf(name), "%s at %s is wrong: it is not what SKEYID and g^xy give", name, x.OriginOf(name))
		}
	case given > 1 && slices.ContainsFunc(c.sa.Phase1Hashes.Keys, x.SKEYID.Equal):
		c.say(x.OriginOf("g^xy"), "g^xy at %s is wrong: with SKEYID, which the HASHes prove, it does not give SKEYID_d, SKEYID_a and SKEYID_e",
			x.OriginOf("g^xy"))
	default:
		c.say(x.OriginOf("SKEYID"), "SKEYID or g^xy at %s is wrong, or %s is: they do not give it", x.OriginOf("SKEYID"), strings.Join(wrong, ", "))
	}
}
