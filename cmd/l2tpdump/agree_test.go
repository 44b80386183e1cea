package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
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
	"l2tpdump/testdata/race"
)

// judgement is what a command makes of a capture with keys: its exit status, and the keys that it
// calls wrong.
type judgement struct {
	exit  int
	wrong []string
}

// decryptJudges is the command decrypt, verifyJudges the command verify, both without their output.
func decryptJudges(t *testing.T, file string, keys []*keysrc.Keys) (j judgement) {
	src, err := capture.Open([]string{file})
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	p := pipeline.New(pipeline.Config{Source: src, Workers: 1})
	p.AddKeys(keys...)
	s := newSinks(&options{keys: []string{"given"}, write: os.DevNull, layer: "l2tp"}, src, p, new(chooser))
	s.keys = keys
	stats, err := p.Run(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	said := strings.Join(s.report().failed(), "\n")
	for _, k := range s.report().Wrong {
		if j.wrong = append(j.wrong, k.Reason); !strings.Contains(said, k.Reason) {
			t.Errorf("the summary lacks: %s", k.Reason)
		}
	}
	j.exit = s.status(stats)
	return j
}

func verifyJudges(t *testing.T, file string, keys []*keysrc.Keys) (j judgement) {
	v := verifyKeys(t, file, 0, keys)
	for _, k := range v.Wrong {
		if j.wrong = append(j.wrong, k.Reason); !strings.Contains(k.Reason, k.Key) || k.Key == "" {
			t.Errorf("no place: %+v", k)
		}
	}
	j.exit = v.Exit
	return j
}

// withBit returns the key with one bit changed.
func withBit(k esp.Key) esp.Key {
	b := bytes.Clone(k.Bytes())
	b[0] ^= 0x40
	return esp.NewKey(b)
}

// wrongRows returns sources of wrong keys for the SAs that keys are for: each kind of mistake in
// one of its own.
func wrongRows(keys []*keysrc.Keys) map[string]*keysrc.Keys {
	list := map[string]*keysrc.Keys{"": {}}
	row := func(kind string, line int) (*keysrc.Keys, esp.Origin) {
		if list[kind] == nil {
			list[kind] = &keysrc.Keys{}
		}
		return list[kind], esp.OriginAt("wrong", line)
	}
	for _, k := range keys {
		for i, s := range k.ESP {
			if s.Key.Len() >= 8 {
				c := *s
				w, at := row("encryption key", i)
				c.Key, c.Origin = withBit(s.Key), at
				w.ESP = append(w.ESP, &c)
			}
			if !s.AuthKey.IsZero() {
				c := *s
				w, at := row("authentication key", i)
				c.AuthKey, c.Origin = withBit(s.AuthKey), at
				w.ESP = append(w.ESP, &c)
			}
			if i^1 < len(k.ESP) {
				c := *k.ESP[i^1]
				w, at := row("key of the other direction", i)
				c.SPI, c.Src, c.Dst, c.Origin = s.SPI, s.Src, s.Dst, at
				w.ESP = append(w.ESP, &c)
			}
		}
		for i, s := range k.IKE {
			if !s.SKEYIDe.IsZero() {
				w, at := row("SKEYID_e", i)
				w.IKE = append(w.IKE, &ikev1.Secret{InitiatorCookie: s.InitiatorCookie, SKEYIDe: withBit(s.SKEYIDe), Origin: at})
			}
			if !s.SKEYIDd.IsZero() {
				w, at := row("SKEYID_d", i)
				w.IKE = append(w.IKE, &ikev1.Secret{InitiatorCookie: s.InitiatorCookie, SKEYIDd: withBit(s.SKEYIDd), Origin: at})
			}
		}
	}
	return list
}

// TestDecryptAndVerifyAgree: on every capture, with every key source, and with wrong keys beside
// the right ones, the two commands end with the same status and call the same keys wrong. A wrong
// key beside the right one takes nothing from what the right one decrypts.
func TestDecryptAndVerifyAgree(t *testing.T) {
	dirs := captureDirs(t)
	if race.Enabled || testing.Short() {
		dirs = dirs[:1]
	}
	called := 0
	for _, dir := range dirs {
		for _, set := range sourceSets(dir) {
			var sources []source
			for _, n := range set {
				sources = append(sources, readSource(t, filepath.Join(dir, n)))
			}
			right := parseSources(t, sources...)
			files, _ := filepath.Glob(filepath.Join(dir, "outer*.pcap*"))
			for _, file := range files {
				alone := verifyJudges(t, file, right)
				for kind, wrong := range wrongRows(right) {
					for order, keys := range [][]*keysrc.Keys{append(slices.Clone(right), wrong), append([]*keysrc.Keys{wrong}, right...)} {
						what := fmt.Sprintf("%s, %s, wrong %q, order %d", file, set[0], kind, order)
						d, v := decryptJudges(t, file, keys), verifyJudges(t, file, keys)
						if d.exit != v.exit || !slices.Equal(d.wrong, v.wrong) {
							t.Errorf("%s: decrypt ends with %d, verify with %d; %q, %q", what, d.exit, v.exit, d.wrong, v.wrong)
						}
						if kind == "" || strings.HasPrefix(kind, "SKEYID") || alone.exit != exitOK {
							continue
						}
						if called += len(v.wrong); len(v.wrong) > 0 && v.exit != exitPartly {
							t.Errorf("%s: exit %d, though %q", what, v.exit, v.wrong)
						}
						for _, s := range verifyKeys(t, file, 0, keys).ESP {
							if s.Verdict != string(why.Verified) && s.Verdict != string(why.Decrypted) {
								t.Errorf("%s: SPI %s is %s: %s", what, s.SPI, s.Verdict, s.Reason)
							}
						}
					}
				}
			}
		}
	}
	if called < 10*len(dirs) {
		t.Errorf("only %d keys were called wrong", called)
	}
	t.Logf("%d keys were called wrong", called)
}
