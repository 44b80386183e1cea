package ikev1

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"l2tpdump/esp"
)

func TestConflicts(t *testing.T) {
	for _, name := range []string{"01-basic-aes128-sha1", "02-natt-aes256-sha1", "08-rsa-ipfrag"} {
		dir := filepath.Join(capturesDir, name)
		list := readDatagrams(t, filepath.Join(dir, "outer.pcap"))
		good := routerSecrets(t, filepath.Join(dir, "router-full.log"))[0]
		table := tableSecrets(t, filepath.Join(dir, "keys/ikev1_decryption_table"))[0]
		judge := func(what, want string, secrets ...*Secret) {
			t.Helper()
			tr, _ := follow(secrets, list)
			sa := tr.SAs()[0]
			got := strings.Join(sa.Conflicts(), "; ")
			if sa.Verdict() == "wrong key" {
				got = sa.Reason() + "; " + got
			}
			if want == "" && got != "" || !strings.Contains(got, want) {
				t.Errorf("%s, %s: %s, conflicts %q, want %q", name, what, sa.Verdict(), got, want)
			}
		}
		judge("no conflict", "", good, table)
		if tr, _ := follow([]*Secret{table, good}, list); len(slices.Collect(tr.Unused())) != 0 || !tr.SAs()[0].Ka().Equal(table.Ka) {
			t.Errorf("%s: a table that agrees is unused, or Ka is not the table's", name)
		}
		for bit := 0; bit < 128; bit += 13 {
			b := *table
			b.Ka, b.Origin = flip(table.Ka, bit), esp.Origin{File: "b", Line: 1}
			judge("Ka beside a good one", "Ka at b:1 is wrong", good, &b)
			judge("Ka before a good one", "Ka at b:1 is wrong", &b, good)
			for _, v := range []struct {
				name string
				of   func(*Secret) *esp.Key
			}{
				{"SKEYID", func(s *Secret) *esp.Key { return &s.SKEYID }},
				{"SKEYID_a", func(s *Secret) *esp.Key { return &s.SKEYIDa }},
				{"SKEYID_d", func(s *Secret) *esp.Key { return &s.SKEYIDd }},
				{"SKEYID_e", func(s *Secret) *esp.Key { return &s.SKEYIDe }},
			} {
				x := *good
				x.Origin = esp.Origin{File: "x", Line: 1}
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
func TestDerivedConflicts(t *testing.T) {
	l := newLab(t, 31, 7, 2, 16)
	l.session()
	gxy := esp.NewKey([]byte("the secret of a group that is not so small"))
	h := hashByID(2)
	d, a, e := skeyids(h, l.secret.SKEYID.Bytes(), gxy.Bytes(), l.i, l.r)
	sa := &SA{InitiatorCookie: l.i, ResponderCookie: l.r}
	s := suite{cipher: cipherAlgs[0], keyLen: 16, hash: h}
	block, err := s.cipher.new(e[:16])
	if err != nil {
		t.Fatal(err)
	}
	full := Secret{InitiatorCookie: l.i, SKEYID: l.secret.SKEYID, SharedSecret: gxy,
		SKEYIDd: esp.NewKey(d), SKEYIDa: esp.NewKey(a), SKEYIDe: esp.NewKey(e), Origin: esp.Origin{File: "x", Line: 1}}
	conflicts := func(x *Secret) string {
		state := &secretState{Secret: x}
		sa.key = &keyConfig{suite: s, block: block, secret: state}
		sa.secrets = []*secretState{state}
		return strings.Join(sa.Conflicts(), "; ")
	}
	if got := conflicts(&full); got != "" {
		t.Errorf("conflicts of keys that are right: %s", got)
	}
	for bit := 0; bit < 8*len(d); bit += 7 {
		x := full
		x.SKEYIDd = flip(full.SKEYIDd, bit)
		if got := conflicts(&x); !strings.HasPrefix(got, "SKEYID_d at x:1 is wrong") {
			t.Errorf("SKEYID_d, bit %d: %q", bit, got)
		}
		x = full
		x.SKEYIDe = flip(full.SKEYIDe, bit) // of the last 4 bytes too, which no cipher uses
		if got := conflicts(&x); !strings.Contains(got, "SKEYID_e at x:1 is wrong") {
			t.Errorf("SKEYID_e, bit %d: %q", bit, got)
		}
		x = full
		x.SharedSecret = flip(gxy, bit)
		if got := conflicts(&x); !strings.HasPrefix(got, "SKEYID or g^xy at x:1 is wrong") {
			t.Errorf("g^xy, bit %d: %q", bit, got)
		}
	}
}
