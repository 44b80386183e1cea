package why_test

import (
	"context"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"l2tpdump/capture"
	"l2tpdump/cmd/internal/pipeline"
	"l2tpdump/cmd/internal/why"
	"l2tpdump/esp"
	"l2tpdump/ikev1"
	"l2tpdump/keysrc"
)

const capturesDir = "../../../testdata/captures"

// follow returns the Tracker after a capture of the lab, with these secrets.
func follow(t *testing.T, dir string, secrets ...*ikev1.Secret) *ikev1.Tracker {
	t.Helper()
	src, err := capture.Open([]string{filepath.Join(capturesDir, dir, "outer.pcap")})
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	p := pipeline.New(pipeline.Config{Source: src})
	p.AddKeys(&keysrc.Keys{IKE: secrets})
	if _, err := p.Run(context.Background()); err != nil {
		t.Fatal(err)
	}
	return p.IKE()
}

// secretOf returns the first IKE secret of a file of a capture of the lab.
func secretOf(t *testing.T, dir, name string) *ikev1.Secret {
	t.Helper()
	k, err := keysrc.ParseFile(filepath.Join(capturesDir, dir, name), "")
	if err != nil {
		t.Fatal(err)
	}
	return k.IKE[0]
}

// flip returns the key with one bit changed.
func flip(k esp.Key, bit int) esp.Key {
	b := slices.Clone(k.Bytes())
	b[bit/8] ^= 0x80 >> (bit % 8)
	return esp.NewKey(b)
}

// said is all that is said of the keys of the first SA.
func said(tr *ikev1.Tracker) string {
	sa := tr.SAs()[0]
	var parts []string
	if f := why.ISAKMP(tr, sa); f.Verdict == why.WrongKey {
		parts = append(parts, f.Reason())
	}
	for _, k := range why.IKEKeys(sa) {
		parts = append(parts, k.Reason)
	}
	return strings.Join(parts, "; ")
}

// Each form in which a source may give the key of capture 02 (AES-256, SHA1).
func TestIKEKeyForms(t *testing.T) {
	const dir = "02-natt-aes256-sha1"
	ka := secretOf(t, dir, "keys/ikev1_decryption_table").Ka
	full := secretOf(t, dir, "router-full.log")
	i, r := full.InitiatorCookie, full.ResponderCookie
	other := ikev1.Cookie{1, 2, 3}
	for _, c := range []struct {
		name    string
		secret  ikev1.Secret
		verdict why.Verdict
		reason  string
	}{
		{"Ka", ikev1.Secret{InitiatorCookie: i, Ka: ka}, why.Decrypted, ""},
		{"Ka as SKEYID_e", ikev1.Secret{InitiatorCookie: i, SKEYIDe: ka}, why.Decrypted, "is Ka"},
		{"SKEYID_e as Ka", ikev1.Secret{InitiatorCookie: i, Ka: full.SKEYIDe}, why.Decrypted, "is SKEYID_e"},
		{"no cookie, other peer", ikev1.Secret{Ka: ka, Peer: netip.MustParseAddr("192.0.2.77")}, why.NoKey, "no key for initiator cookie"},
		{"other CKY-R", ikev1.Secret{InitiatorCookie: i, ResponderCookie: other, Ka: ka}, why.NoKey, "another attempt"},
		{"other CKY-I", ikev1.Secret{InitiatorCookie: other, Ka: ka}, why.NoKey, "other connections"},
		{"swapped", ikev1.Secret{InitiatorCookie: r, Ka: ka}, why.NoKey, "names the responder cookie as the initiator's"},
		{"16 of 20", ikev1.Secret{InitiatorCookie: i, SKEYIDe: full.SKEYIDe.Head(16)}, why.Incomplete, "16 bytes, 20 are needed: 4 are missing"},
		{"head", ikev1.Secret{InitiatorCookie: i, SKEYIDe: full.SKEYIDe, SKEYIDeHead: true}, why.Incomplete, "head"},
		{"24 of 32", ikev1.Secret{InitiatorCookie: i, Ka: ka.Head(24)}, why.Incomplete, "24 bytes, 32 are needed: 8 are missing"},
		{"SKEYID_d only", ikev1.Secret{InitiatorCookie: i, SKEYIDd: full.SKEYIDd}, why.NoKey, "neither SKEYID_e nor Ka"},
		{"nothing", ikev1.Secret{InitiatorCookie: other}, why.NoKey, "other connections"},
		{"wrong", ikev1.Secret{InitiatorCookie: i, Ka: flip(ka, 3)}, why.WrongKey, "the key at file:1 fits no message"},
	} {
		c.secret.Origin = esp.OriginAt("file", 1)
		tr := follow(t, dir, &c.secret)
		sa := tr.SAs()[0]
		f := why.ISAKMP(tr, sa)
		if f.Verdict != c.verdict || !strings.Contains(f.Reason(), c.reason) || c.reason == "" && f.Reason() != "" {
			t.Errorf("%s: %s: %q", c.name, f.Verdict, f.Reason())
		}
		unused := 0
		for _, reason := range why.UnusedIKE(tr) {
			if unused++; reason == "" {
				t.Errorf("%s: unused without a reason", c.name)
			}
		}
		if (unused == 0) != f.Verdict.Opened() {
			t.Errorf("%s: %d secrets unused", c.name, unused)
		}
		if at := why.IKEKeyAt(sa); f.Verdict.Opened() && at != "file:1" {
			t.Errorf("%s: the key is at %q", c.name, at)
		}
	}
	tr := follow(t, dir)
	if f := why.ISAKMP(tr, tr.SAs()[0]); f.Verdict != why.NoKey || !strings.Contains(f.Reason(), "no IKE key was given") {
		t.Errorf("without keys: %s: %s", f.Verdict, f.Reason())
	}
}

// Keys of several sources that contradict each other: which is wrong is said.
func TestIKEKeys(t *testing.T) {
	for _, dir := range []string{"01-basic-aes128-sha1", "02-natt-aes256-sha1", "08-rsa-ipfrag"} {
		good := secretOf(t, dir, "router-full.log")
		table := secretOf(t, dir, "keys/ikev1_decryption_table")
		judge := func(what, want string, secrets ...*ikev1.Secret) {
			t.Helper()
			if got := said(follow(t, dir, secrets...)); want == "" && got != "" || !strings.Contains(got, want) {
				t.Errorf("%s, %s: %q, want %q", dir, what, got, want)
			}
		}
		judge("no conflict", "", good, table)
		tr := follow(t, dir, table, good)
		for x, reason := range why.UnusedIKE(tr) {
			t.Errorf("%s: %v is unused: %s", dir, x.Origin, reason)
		}
		if !tr.SAs()[0].Ka().Equal(table.Ka) {
			t.Errorf("%s: Ka is not the table's", dir)
		}
		for bit := 0; bit < 128; bit += 13 {
			b := *table
			b.Ka, b.Origin, b.Origins = flip(table.Ka, bit), esp.OriginAt("b", 1), nil
			judge("Ka beside a good one", "Ka at b:1 is wrong", good, &b)
			judge("Ka before a good one", "Ka at b:1 is wrong", &b, good)
			for _, v := range []struct {
				name string
				of   func(*ikev1.Secret) *esp.Key
			}{
				{"SKEYID", func(s *ikev1.Secret) *esp.Key { return &s.SKEYID }},
				{"SKEYID_a", func(s *ikev1.Secret) *esp.Key { return &s.SKEYIDa }},
				{"SKEYID_d", func(s *ikev1.Secret) *esp.Key { return &s.SKEYIDd }},
				{"SKEYID_e", func(s *ikev1.Secret) *esp.Key { return &s.SKEYIDe }},
			} {
				x := *good
				x.Origin, x.Origins = esp.OriginAt("x", 1), nil
				*v.of(&x) = flip(*v.of(good), bit)
				judge(v.name+" beside a good one", "at x:1", good, &x)
				judge(v.name+" before a good one", v.name+" at", &x, good)
				switch v.name {
				case "SKEYID", "SKEYID_a":
					judge(v.name+" alone", "made with "+v.name+" at x:1:", &x)
				case "SKEYID_e":
					judge(v.name+" alone", "fits no message", &x)
				}
			}
		}
	}
}

// The values of one source are computed from each other.
func TestIKEKeysDerived(t *testing.T) {
	const dir = "02-natt-aes256-sha1"
	full := *secretOf(t, dir, "charon-server.log")
	if full.SharedSecret.IsZero() || full.SKEYID.IsZero() || full.SKEYIDd.IsZero() || full.SKEYIDe.IsZero() {
		t.Fatal("the log does not hold all keys")
	}
	full.Origin, full.Origins = esp.OriginAt("x", 1), nil
	if got := said(follow(t, dir, &full)); got != "" {
		t.Errorf("conflicts of keys that are right: %s", got)
	}
	for bit := 0; bit < 8*full.SKEYIDd.Len(); bit += 7 {
		x := full
		x.SKEYIDd = flip(full.SKEYIDd, bit)
		if got := said(follow(t, dir, &x)); !strings.HasPrefix(got, "SKEYID_d at x:1 is wrong: it is not what SKEYID and g^xy give") {
			t.Errorf("SKEYID_d, bit %d: %q", bit, got)
		}
		x = full
		x.SharedSecret = flip(full.SharedSecret, bit)
		if got := said(follow(t, dir, &x)); !strings.HasPrefix(got, "g^xy at x:1 is wrong: with SKEYID") {
			t.Errorf("g^xy, bit %d: %q", bit, got)
		}
		x.SKEYIDa = esp.Key{}
		x.SKEYID = flip(full.SKEYID, bit)
		if got := said(follow(t, dir, &x)); !strings.Contains(got, "SKEYID or g^xy at x:1 is wrong") {
			t.Errorf("SKEYID and g^xy, bit %d: %q", bit, got)
		}
	}
}
