package sessions_test

import (
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"l2tpdump/cmd/internal/pipeline"
	"l2tpdump/cmd/internal/sessions"
	"l2tpdump/testdata/race"
)

// oriented is a session with who its client is, and whether a message of it says so.
type oriented struct {
	client string
	says   bool
	found  string // state, ID of the cause and cause
	ike    string // what is said of IKE
}

// rolesOf returns the roles of the sessions of a recording without its first frames.
func rolesOf(t *testing.T, s *recorded, skip int, keys []string) (list []oriented) {
	t.Helper()
	s.next = skip
	p := newRun(t, pipeline.Config{Source: s, Workers: 1}, keys...)
	g := sessions.NewGatherer(func(s *sessions.Session) error {
		f := s.Facts()
		var b strings.Builder
		w := sessions.NewWriter(&b, false, func(*sessions.Session) string { return "" })
		if err := errors.Join(w.Session(s), w.Close()); err != nil {
			return err
		}
		_, ike, _ := strings.Cut(b.String(), "   ike       ")
		ike, _, _ = strings.Cut(ike, "\n")
		list = append(list, oriented{f.OrigHost, slices.ContainsFunc(s.Events(), func(e sessions.Event) bool {
			return slices.Contains([]string{"main 1", "aggressive 1", "SCCRQ", "CHAP Challenge", "CHAP Response"}, e.Name)
		}), string(f.State) + " " + f.CauseID + ": " + f.Cause, ike})
		return nil
	})
	g.KeepDetails()
	p.AddSink(g)
	finish(t, p, g)
	return list
}

// TestLateRoles: where a capture begins does not matter to who is the client, as long as a message
// of the session says it.
func TestLateRoles(t *testing.T) {
	var files []string
	for _, root := range []string{"captures", "causes"} {
		found, _ := filepath.Glob("../../../testdata/" + root + "/*/outer.pcap")
		files = append(files, found...)
	}
	said := 0
	files = race.Sampled(files)
	for _, f := range files {
		s := readAll(t, f)
		for _, keys := range [][]string{nil, keySets(filepath.Dir(f))["tables"]} {
			var clients []string
			for _, o := range rolesOf(t, s, 0, keys) {
				clients = append(clients, o.client)
			}
			for _, skip := range []int{1, 2, 3, 5, 7, 8, 9, 10, 12, 15, 17, 20, 30, 50, 80} {
				if skip >= len(s.packets) {
					break
				}
				for _, o := range rolesOf(t, s, skip, keys) {
					if o.says {
						said++
						if !slices.Contains(clients, o.client) {
							t.Errorf("%s from frame %d, %d keys: the client is %s, one of %v in the whole: %s", f, skip+1, len(keys),
								o.client, clients, o.found)
						}
					}
				}
			}
		}
	}
	if said < 4*len(files) {
		t.Errorf("the roles of %d sessions were said", said)
	}
}

// TestLateMode: where phase 1 was not captured, its mode is not said.
func TestLateMode(t *testing.T) {
	dir := "../../../testdata/captures/01-basic-aes128-sha1"
	s := readAll(t, filepath.Join(dir, "outer.pcap"))
	const lacks = "phase 1 was not captured; "
	for _, c := range []struct {
		skip int
		keys []string
		want string
	}{
		{9, nil, "main mode; aes-cbc-256 sha256 modp2048 psk; no retransmissions; phase 1 took 0.21 s"},
		{16, nil, lacks + "no retransmissions"},
		{16, keySets(dir)["router.log"], lacks + "aes-cbc-256 sha256; no retransmissions"},
	} {
		if list := rolesOf(t, s, c.skip, c.keys); len(list) != 1 || list[0].ike != c.want {
			t.Errorf("from frame %d, %d keys: %+v, not %q", c.skip+1, len(c.keys), list, c.want)
		}
	}
}

// TestLateClaims: what is missing in a capture that begins late is not taken for what did not
// happen.
func TestLateClaims(t *testing.T) {
	for _, c := range []struct {
		name  string
		skip  int
		wrong string // in what is said of a session
	}{
		{"causes/50a-client-demands-auth", 14, "no login method in common"},
		{"captures/08x-auth-failed-l2tp-in-clear", 7, "IPsec had failed before: PPP"},
		{"causes/58a-tunnel-against-transport", 11, "IPsec had failed before: PPP"},
	} {
		dir := "../../../testdata/" + c.name
		s := readAll(t, filepath.Join(dir, "outer.pcap"))
		list := rolesOf(t, s, c.skip, keySets(dir)["tables"])
		if len(list) == 0 {
			t.Errorf("%s: no session", c.name)
		}
		for _, o := range list {
			if strings.Contains(o.found, c.wrong) {
				t.Errorf("%s from frame %d: %s", c.name, c.skip+1, o.found)
			}
		}
	}
}

// TestLateTraffic: where nothing else is left of a connection, its client is who begins connections
// inside it.
func TestLateTraffic(t *testing.T) {
	for _, name := range []string{"01-basic-aes128-sha1", "08-rsa-ipfrag", "10-ipv6-outer", "13-ip-fragmented-esp",
		"15-libreswan-server", "17a-aes128gcm16", "25-forceencaps-no-nat"} {
		dir := "../../../testdata/captures/" + name
		s := readAll(t, filepath.Join(dir, "outer.pcap"))
		keys := keySets(dir)["tables"]
		want := rolesOf(t, s, 0, keys)[0].client
		for skip := 40; skip < 60; skip++ {
			if list := rolesOf(t, s, skip, keys); len(list) != 1 || list[0].client != want {
				t.Errorf("%s from frame %d: %+v, the client is %s", name, skip+1, list, want)
			}
		}
	}
}

// TestRetransmissions: a message of L2TP is a retransmission where its sender sent it before, and
// not where the other end sent one of the same type.
func TestRetransmissions(t *testing.T) {
	const dir = "../../../testdata/causes/46a-esp-server-to-client-dropped"
	p := newRun(t, pipeline.Config{Source: readAll(t, dir+"/outer.pcap"), Workers: 1}, keySets(dir)["tables"]...)
	again := make(map[sessions.Side][]bool)
	g := sessions.NewGatherer(func(s *sessions.Session) error {
		for _, e := range s.Events() {
			if e.Name == "StopCCN" {
				again[e.Sender] = append(again[e.Sender], e.Retransmission)
			}
		}
		return nil
	})
	g.KeepDetails()
	p.AddSink(g)
	finish(t, p, g)
	want := []bool{false, true, true, true, true}
	if !slices.Equal(again[sessions.FromClient], want) || !slices.Equal(again[sessions.FromServer], want) {
		t.Errorf("%v", again)
	}
}
