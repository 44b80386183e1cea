package pipeline_test

import (
	"bytes"
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"l2tpdump/capture"
	"l2tpdump/cmd/internal/pipeline"
	"l2tpdump/cmd/internal/why"
	"l2tpdump/esp"
	"l2tpdump/ikev1"
	"l2tpdump/keysrc"
	"l2tpdump/testdata/forge"
	"l2tpdump/testdata/processor"
	"l2tpdump/testdata/race"
)

// frameNumber is what a forged frame before it changes of a frame.
var frameNumber = regexp.MustCompile(`"(frame|part_of)":\d+|part of frame \d+`)

// sameAsAlone checks that each frame of the recording comes out as from the recording alone:
// legitimate has the places of its frames.
func sameAsAlone(t *testing.T, what string, alone, mixed *outcome, legitimate []int) {
	t.Helper()
	wrong := 0
	for i, at := range legitimate {
		a, m := &alone.results[i], &mixed.results[at]
		says := func(r *result) string { return frameNumber.ReplaceAllString(r.text+r.json, "") }
		if a.verdict == m.verdict && bytes.Equal(a.plain, m.plain) && says(a) == says(m) {
			continue
		}
		if wrong++; wrong <= 3 {
			t.Errorf("%s: frame %d is\n%s %s\nalone\n%s %s", what, i+1, m.text, m.reason, a.text, a.reason)
		}
	}
	if wrong > 3 {
		t.Errorf("%s: %d frames differ", what, wrong)
	}
	tr := alone.p.IKE()
	for _, sa := range tr.SAs() {
		want := why.ISAKMP(tr, sa)
		i := slices.IndexFunc(mixed.p.IKE().SAs(), func(o *ikev1.SA) bool {
			return o.InitiatorCookie == sa.InitiatorCookie && o.ResponderCookie == sa.ResponderCookie
		})
		if i < 0 {
			t.Errorf("%s: SA %s is gone", what, sa.InitiatorCookie)
			continue
		}
		o := mixed.p.IKE().SAs()[i]
		got := why.ISAKMP(mixed.p.IKE(), o)
		if got.Verdict != want.Verdict || o.Initiator != sa.Initiator || o.Responder != sa.Responder || o.Cipher != sa.Cipher || o.Hash != sa.Hash ||
			o.Decrypted != sa.Decrypted || o.HashesChecked() != sa.HashesChecked() || len(why.IKEKeys(o)) > 0 {
			t.Errorf("%s: SA %s: %s %s, %v > %v, %s %s, %d decrypted, %d HASHes; alone %s, %v > %v, %s %s, %d, %d", what, sa.InitiatorCookie, got.Verdict, got.Reason(),
				o.Initiator, o.Responder, o.Cipher, o.Hash, o.Decrypted, o.HashesChecked(), want.Verdict, sa.Initiator, sa.Responder, sa.Cipher, sa.Hash, sa.Decrypted, sa.HashesChecked())
		}
	}
}

// forgedCaptures are those that forged packets are mixed into.
var forgedCaptures = fewUnderRace("01-basic-aes128-sha1", "02-natt-aes256-sha1", "03-3des-sha1-modp1024", "07-aggressive-psk", "08-rsa-ipfrag", "08b-rsa-ikefrag-natt")

// fewUnderRace are all, or the first two where the race detector makes each take long.
func fewUnderRace(dirs ...string) []string {
	if race.Enabled {
		return dirs[:2]
	}
	return dirs
}

// withoutMost leaves of a recording the IKE messages and some of ESP.
func withoutMost(t testing.TB, f *frames, all *outcome) *frames {
	t.Helper()
	picked := pickESP(all)
	var list []capture.Packet
	for i := range all.results {
		if r := &all.results[i]; r.kind == pipeline.IKE || r.partOf != 0 || picked[i] {
			list = append(list, f.list[i])
		}
	}
	return f.with(list)
}

// TestForgedIKE: a forged packet of each kind, before each IKE message and behind it, changes
// nothing of what is said of the others.
func TestForgedIKE(t *testing.T) {
	for _, dir := range forgedCaptures {
		for _, names := range [][]string{{"router-full.log"}, tables} {
			whole := mustRead(t, filepath.Join(capturesDir, dir, "outer.pcap"))
			keys := labKeys(t, dir, names...)
			f := withoutMost(t, whole, follow(t, whole, keys, mode{}))
			alone := follow(t, f, keys, mode{text: true})
			for at := 1; at < len(f.list); at++ { // before the first nobody knows the cookie
				for _, like := range [2]int{at, max(at-1, 0)} { // it looks like the packet behind it, or the one before
					if like >= len(f.list) {
						continue
					}
					x := forge.New(f.interfaces[0].LinkType, &f.list[like], uint64(at))
					if x == nil {
						continue
					}
					for kind, p := range x.IKE() {
						list := slices.Insert(slices.Clone(f.list), at, p...)
						legitimate := make([]int, len(f.list))
						for i := range legitimate {
							if legitimate[i] = i; i >= at {
								legitimate[i] += len(p)
							}
						}
						sameAsAlone(t, fmt.Sprintf("%s, %s: %s like frame %d before frame %d", dir, names[0], kind, like+1, at+1), alone,
							follow(t, f.with(list), keys, mode{text: true}), legitimate)
					}
				}
			}
		}
	}
}

// TestForgedIKEFlood: forged packets of all kinds between all packets of a recording.
func TestForgedIKEFlood(t *testing.T) {
	for _, dir := range slices.Concat(forgedCaptures, fewUnderRace("26-heavy-loss-ike-retransmits", "16-netem-loss-reorder-dup", "06-pfs-rekey-dpd", "11-three-clients-two-behind-nat")) {
		for _, names := range [][]string{{"router-full.log"}, tables} {
			whole := mustRead(t, filepath.Join(capturesDir, dir, "outer.pcap"))
			keys := labKeys(t, dir, names...)
			f := withoutMost(t, whole, follow(t, whole, keys, mode{}))
			alone := follow(t, f, keys, mode{text: true})
			var list []capture.Packet
			var legitimate []int
			for i := range f.list {
				legitimate = append(legitimate, len(list))
				list = append(list, f.list[i])
				if x := forge.New(f.interfaces[0].LinkType, &f.list[i], uint64(i)); x != nil {
					for range 2 { // below maxUnnumbered, until the message that numbers them
						list = append(list, x.IKE().All()...)
					}
				}
			}
			sameAsAlone(t, fmt.Sprintf("%s, %s, flood", dir, names[0]), alone, follow(t, f.with(list), keys, mode{text: true}), legitimate)
		}
	}
}

// TestForgedSpendNoBudget: forged messages, many of them, in front of one whose IV is not in the
// capture do not keep it from being reconstructed once others have proven the key.
func TestForgedSpendNoBudget(t *testing.T) {
	const dir, many = "01-basic-aes128-sha1", 200
	whole := mustRead(t, filepath.Join(capturesDir, dir, "outer.pcap"))
	keys := labKeys(t, dir, "router-full.log")
	f := withoutMost(t, whole, follow(t, whole, keys, mode{}))
	f = f.with(f.list[4:]) // from message 5 on
	alone := follow(t, f, keys, mode{text: true})
	if first := &alone.results[0]; first.kind != pipeline.IKE || first.verdict != why.Decrypted {
		t.Fatalf("the first frame is %s", first.text)
	}
	var list []capture.Packet
	for n := range uint64(many) {
		list = append(list, forge.New(f.interfaces[0].LinkType, &f.list[0], n).IKE()["encrypted main mode"]...)
	}
	legitimate := make([]int, len(f.list))
	for i := range legitimate {
		legitimate[i] = len(list) + i
	}
	sameAsAlone(t, "without messages 1 to 4", alone, follow(t, f.with(append(list, f.list...)), keys, mode{text: true}), legitimate)
}

// BenchmarkForgedIKE is forged IKE messages behind a recording with its keys, with a wrong key, and
// with the key of a recording that begins after phase 1.
func BenchmarkForgedIKE(b *testing.B) {
	const dir = "02-natt-aes256-sha1"
	whole := mustRead(b, filepath.Join(capturesDir, dir, "outer.pcap"))
	good := labKeys(b, dir, "router-full.log")
	f := withoutMost(b, whole, follow(b, whole, good, mode{}))
	bad := *good[0].IKE[0]
	bad.Ka, bad.SKEYIDe = esp.NewKey(bytesOf("wrong", 32)), esp.Key{}
	wrong := []*keysrc.Keys{{IKE: []*ikev1.Secret{&bad}}}
	for _, c := range []struct {
		name string
		keys []*keysrc.Keys
		from int
	}{{"proven", good, 0}, {"wrong", wrong, 0}, {"no phase 1", good, 6}, {"wrong, no phase 1", wrong, 6}, {"nothing else", good, len(f.list)}, {"nothing else, wrong", wrong, len(f.list)}} {
		kinds := slices.Sorted(maps.Keys(forge.New(f.interfaces[0].LinkType, &f.list[5], 0).IKE()))
		for _, kind := range append(kinds, "all") {
			b.Run(c.name+"/"+kind, func(b *testing.B) {
				list := slices.Clone(f.list[c.from:])
				for len(list) < b.N {
					for i := range 6 {
						x := forge.New(f.interfaces[0].LinkType, &f.list[i], uint64(len(list)))
						for k, packets := range x.IKE() {
							if k != kind && kind != "all" {
								continue
							}
							for _, p := range packets {
								p.Time = f.list[len(f.list)-1].Time + int64(len(list))*1e6
								list = append(list, p)
							}
						}
					}
				}
				b.ResetTimer()
				defer processor.Report(b)()
				follow(b, f.with(list), c.keys, mode{})
			})
		}
	}
}
