package sessions_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"path/filepath"
	"testing"

	"l2tpdump/capture"
	"l2tpdump/cmd/internal/pipeline"
	"l2tpdump/testdata/race"
)

// losing are the packets without some that a capture lost at random: part of all.
func (s *recorded) losing(part float64, seed uint64) (list []capture.Packet) {
	random := rand.New(rand.NewPCG(seed, 0))
	for _, p := range s.packets {
		if random.Float64() >= part {
			list = append(list, p)
		}
	}
	return list
}

// since are the packets without those of an address up to an index.
func (s *recorded) since(n int, addr netip.Addr) []capture.Packet {
	first := recorded{Source: s.Source, packets: s.packets[:n]}
	return append(first.until(0, addr), s.packets[n:]...)
}

// inner counts the users' packets that were read in ESP.
type inner struct{ n uint64 }

func (c *inner) Record(r *pipeline.Record) error {
	if p := &r.Payload; r.Kind == pipeline.ESP && p.Inner != nil {
		c.n += uint64(1 + len(p.More))
	}
	return nil
}

func (c *inner) Flush() error { return nil }

// TestHoles: what a capture lost, here and there or of one side up to some place, is not taken for
// what did not happen.
func TestHoles(t *testing.T) {
	said := 0
	list := race.Sampled(recordings(t))
	for _, x := range list {
		s := readAll(t, filepath.Join(x.dir, "outer.pcap"))
		parts := make(map[string][]capture.Packet)
		for seed := range uint64(2) {
			parts[fmt.Sprintf("a twentieth lost, %d", seed)] = s.losing(.05, seed)
			parts[fmt.Sprintf("a fifth lost, %d", seed)] = s.losing(.2, seed)
			parts[fmt.Sprintf("half lost, %d", seed)] = s.losing(.5, seed)
		}
		for _, end := range []string{"203.0.113.1", "203.0.113.10", "203.0.113.77", "198.51.100.20"} {
			for _, n := range []int{len(s.packets) / 2, len(s.packets) * 9 / 10} {
				parts[fmt.Sprintf("%s from frame %d on", end, n+1)] = s.since(n, netip.MustParseAddr(end))
			}
		}
		for what, packets := range parts {
			for _, keys := range [][]string{nil, keySets(x.dir)["tables"]} {
				for _, r := range s.sessionsOf(t, packets, keys) {
					said++
					if !x.holds(&r) {
						t.Errorf("%s, %s, %d keys: %+v", filepath.Base(x.dir), what, len(keys), r)
					}
				}
			}
		}
	}
	if said < 10*len(list) {
		t.Errorf("%d sessions were judged", said)
	}
}

// TestHolesTraffic: users' packets count for their session though the messages that set it up were
// not captured.
func TestHolesTraffic(t *testing.T) {
	for _, name := range []string{"01-basic-aes128-sha1", "02-natt-aes256-sha1", "11-three-clients-two-behind-nat",
		"35a-accel-hidden-avps-sequenced", "10-ipv6-outer"} {
		for _, root := range []string{"../../../testdata/captures", "../../../../shared/captures"} {
			dir := filepath.Join(root, name)
			keys := keySets(dir)["tables"]
			if keys == nil {
				continue
			}
			s := readAll(t, filepath.Join(dir, "outer.pcap"))
			for seed := range uint64(20) {
				p := newRun(t, pipeline.Config{Source: &recorded{Source: s.Source, packets: s.losing(.3, seed)}}, keys...)
				var all inner
				p.AddSink(&all)
				v := usersOf(run(t, p))
				if n := v[0] + v[2]; n != all.n || n == 0 {
					t.Errorf("%s, %d: %d users' packets of %d", name, seed, n, all.n)
				}
			}
		}
	}
}

// TestBothSidesOfNAT: a connection that was captured in front of a NAT and behind it is told once,
// and not called failed where the copies of its messages came.
func TestBothSidesOfNAT(t *testing.T) {
	outside := netip.MustParseAddr("203.0.113.77")
	for _, name := range []string{"02-natt-aes256-sha1", "08b-rsa-ikefrag-natt"} {
		dir := filepath.Join("../../../testdata/captures", name)
		s, keys := readAll(t, filepath.Join(dir, "outer.pcap")), keySets(dir)["tables"]
		copies := s.moved(outside, netip.MustParseAddr("192.168.77.10"))
		for i := range copies {
			copies[i].Time += 40e3
		}
		whole, list := s.sessionsOf(t, s.packets, keys), s.sessionsOf(t, merged(s.packets, copies), keys)
		if len(list) != 2 || list[1].State != "partial" || list[0].State != "up" || usersOf(list) != usersOf(whole) {
			t.Errorf("%s: %s, %v of %v", name, brief(list), usersOf(list), usersOf(whole))
		}
	}
}
