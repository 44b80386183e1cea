package ikev1

import (
	"bytes"
	"crypto/cipher"
	"fmt"
	"slices"
	"strings"

	"l2tpdump/esp"
)

// Ka returns the cipher's key that opens the SA's messages, expanded and of the
// cipher's length; it is empty while none has proven right.
func (sa *SA) Ka() esp.Key {
	if sa.key == nil {
		return esp.Key{}
	}
	s := sa.key.suite
	for _, v := range sa.cipherValues(sa.key.secret) {
		for _, ka := range sa.expansions(v.key, s) {
			if b, err := s.cipher.new(ka); err == nil && sameBlock(b, sa.key.block) {
				return esp.NewKey(ka)
			}
		}
	}
	return esp.Key{}
}

// opener names the value that Ka is made from, and its place.
func (sa *SA) opener() string {
	s := sa.key.suite
	for _, v := range sa.cipherValues(sa.key.secret) {
		for _, ka := range sa.expansions(v.key, s) {
			if b, err := s.cipher.new(ka); err == nil && sameBlock(b, sa.key.block) {
				return v.name + " at " + sa.key.secret.OriginOf(v.name).String()
			}
		}
	}
	return sa.KeyOrigin
}

// Tried returns the places of the values that were tried as the cipher's key, as in
// "router.log:17", and of others that belong to the SA where there are none; the
// first three.
func (sa *SA) Tried() string {
	var list []string
	add := func(origin string) {
		if origin != "" && len(list) < 3 && !slices.Contains(list, origin) {
			list = append(list, origin)
		}
	}
	for _, x := range sa.secrets {
		for _, v := range sa.cipherValues(x) {
			add(x.OriginOf(v.name).String())
		}
	}
	for _, x := range sa.secrets {
		if len(list) == 0 {
			add(x.Origin.String())
		}
	}
	return strings.Join(list, ", ")
}

// at returns " at router.log:17", or nothing where it is not known.
func (sa *SA) at() string {
	if t := sa.Tried(); t != "" {
		return " at " + t
	}
	return ""
}

// placed returns the name of SKEYID or SKEYID_a with its place.
func (sa *SA) placed(name string) string {
	for _, x := range sa.secrets {
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

// cipherValue is a value that Ka is made from, and its name.
type cipherValue struct {
	name string
	key  []byte
}

// cipherValues returns what a secret has for the cipher: as given, and SKEYID_e
// derived where it is not given.
func (sa *SA) cipherValues(x *secretState) []cipherValue {
	var list []cipherValue
	if !x.Ka.IsZero() {
		list = append(list, cipherValue{"Ka", x.Ka.Bytes()})
	}
	if !x.SKEYIDe.IsZero() {
		list = append(list, cipherValue{"SKEYID_e", x.SKEYIDe.Bytes()})
	} else if e := x.derive(sa, sa.hash()).e; e != nil {
		list = append(list, cipherValue{"SKEYID_e", e})
	}
	return list
}

// expansions returns the keys that a value may stand for.
func (sa *SA) expansions(value []byte, s suite) [][]byte {
	var list [][]byte
	if len(value) >= s.keyLen {
		list = append(list, value[:s.keyLen:s.keyLen])
	}
	h := s.hash
	if h == nil {
		h = hashBySize(len(value))
	}
	if h != nil && len(value) < s.keyLen {
		list = append(list, expandKa(h, value, s.keyLen))
	}
	return list
}

// sameBlock says whether two block ciphers have the same key.
func sameBlock(a, b cipher.Block) bool {
	n := a.BlockSize()
	if n != b.BlockSize() {
		return false
	}
	x, y := make([]byte, n), make([]byte, n)
	a.Encrypt(x, x)
	b.Encrypt(y, y)
	return bytes.Equal(x, y)
}

// Conflicts names the values of key sources which the SA's messages, or other
// values, prove wrong although another key opens them: "SKEYID_e at router.log:17
// is wrong: …". It is empty while no key is proven: Reason then says why.
func (sa *SA) Conflicts() []string {
	if sa.key == nil {
		return nil
	}
	var list []string
	say := func(format string, args ...any) {
		if s := fmt.Sprintf(format, args...); !slices.Contains(list, s) {
			list = append(list, s)
		}
	}
	named := sa.namedSecrets()
	for _, x := range named {
		for _, v := range sa.cipherValues(x) {
			if !sa.isKa(v.key, x.SKEYIDeHead && v.name == "SKEYID_e") {
				say("%s at %s is wrong: what opens the messages is %s", v.name, x.OriginOf(v.name), sa.opener())
			}
		}
	}
	sa.differences(named, say)
	for _, x := range named {
		sa.checkDerived(x, say)
	}
	return list
}

// namedSecrets returns the secrets of the SA that name one of its cookies, and that
// which opens it.
func (sa *SA) namedSecrets() []*secretState {
	var list []*secretState
	for _, x := range sa.secrets {
		if x == sa.key.secret || !x.InitiatorCookie.IsZero() || !x.ResponderCookie.IsZero() {
			list = append(list, x)
		}
	}
	return list
}

// isKa reports whether a value is the proven key, or what it is made from. head: the
// value may be cut.
func (sa *SA) isKa(value []byte, head bool) bool {
	s := sa.key.suite
	all := sa.expansions(value, s)
	for _, ka := range all {
		if b, err := s.cipher.new(ka); err == nil && sameBlock(b, sa.key.block) {
			return true
		}
	}
	if len(value) >= s.keyLen {
		return false
	}
	// Too short a value stands for the key's head, or can't be compared at all.
	expands := s.hash == nil || s.hash.size < s.keyLen
	if head || s.hash != nil && len(value) != s.hash.size {
		return expands || bytes.HasPrefix(sa.Ka().Bytes(), value)
	}
	return false
}

// differences compares the values that several sources give for one thing.
func (sa *SA) differences(named []*secretState, say func(string, ...any)) {
	for _, v := range [...]struct {
		name   string
		of     func(*secretState) esp.Key
		proven esp.Key
	}{
		{"SKEYID", func(x *secretState) esp.Key { return x.SKEYID }, sa.proven[hashByAuth]},
		{"SKEYID_a", func(x *secretState) esp.Key { return x.SKEYIDa }, sa.proven[hashByKeyA]},
		{"SKEYID_d", func(x *secretState) esp.Key { return x.SKEYIDd }, esp.Key{}},
		{"SKEYID_e", func(x *secretState) esp.Key { return x.SKEYIDe }, esp.Key{}},
		{"g^xy", func(x *secretState) esp.Key { return x.SharedSecret }, esp.Key{}},
	} {
		var first *secretState
		for _, x := range named {
			k := v.of(x)
			switch {
			case k.IsZero():
			case !v.proven.IsZero():
				if !k.Equal(v.proven) {
					say("%s at %s is wrong: HASHes are made with another", v.name, x.OriginOf(v.name))
				}
			case first == nil:
				first = x
			case !k.HasPrefix(v.of(first)) && !v.of(first).HasPrefix(k):
				say("%s at %s and at %s differ: one of them is wrong", v.name, first.OriginOf(v.name), x.OriginOf(v.name))
			}
		}
	}
}

// checkDerived computes the values of one source from each other (RFC 2409 section
// 5) where it has all that this takes.
func (sa *SA) checkDerived(x *secretState, say func(string, ...any)) {
	h := sa.hash()
	if h == nil || x.SKEYID.IsZero() || x.SharedSecret.IsZero() {
		return
	}
	skeyid, gxy := x.SKEYID.Bytes(), x.SharedSecret.Bytes()
	d, a, e := skeyids(h, skeyid, gxy, sa.InitiatorCookie, sa.ResponderCookie)
	var wrong []string
	given := 0
	for _, v := range [...]struct {
		name string
		key  esp.Key
		want []byte
		head bool
	}{
		{"SKEYID_d", x.SKEYIDd, d, false},
		{"SKEYID_a", x.SKEYIDa, a, false},
		{"SKEYID_e", x.SKEYIDe, e, x.SKEYIDeHead},
	} {
		if v.key.IsZero() {
			continue
		}
		given++
		want := esp.NewKey(v.want)
		if v.key.Equal(want) || v.head && want.HasPrefix(v.key) {
			continue
		}
		wrong = append(wrong, v.name)
	}
	switch {
	case len(wrong) == 0:
	case len(wrong) < given:
		for _, name := range wrong {
			say("%s at %s is wrong: it is not what SKEYID and g^xy give", name, x.OriginOf(name))
		}
	case given > 1 && sa.proven[hashByAuth].Equal(x.SKEYID):
		say("g^xy at %s is wrong: with SKEYID, which the HASHes prove, it does not give SKEYID_d, SKEYID_a and SKEYID_e", x.OriginOf("g^xy"))
	default:
		say("SKEYID or g^xy at %s is wrong, or %s is: they do not give it", x.OriginOf("SKEYID"), strings.Join(wrong, ", "))
	}
}

// confirmed says that a secret that opened nothing agrees with what opened an SA
// that it names.
func (t *Tracker) confirmed(x *secretState) bool {
	for _, sa := range t.order {
		if sa.InitiatorCookie == x.InitiatorCookie && slices.Contains(sa.secrets, x) && sa.confirms(x) {
			return true
		}
	}
	return false
}

// confirms says that a secret that opened nothing itself says the same as what did.
func (sa *SA) confirms(x *secretState) bool {
	if sa.key == nil {
		return false
	}
	said := false
	for _, v := range sa.cipherValues(x) {
		if !sa.isKa(v.key, x.SKEYIDeHead && v.name == "SKEYID_e") {
			return false
		}
		said = true
	}
	return said
}
