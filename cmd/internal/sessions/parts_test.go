package sessions_test

import (
	"encoding/json"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"l2tpdump/capture"
	"l2tpdump/testdata/race"
)

// recording is one of which it is known how its sessions went.
type recording struct {
	dir   string
	known []known
}

// untold are recordings without a cause.json in which not all is well, and sessions that are not in
// theirs.
var untold = map[string][]known{
	"08x-auth-failed-l2tp-in-clear":                 {{State: "clear", Cause: "l2tp-in-clear", User: "alice", Proven: true}},
	"34y-eap-mschapv2-refused-by-client":            {{State: "failed", Cause: "server-not-proved", User: "alice", Proven: true}},
	"35x-accel-hidden-avps-refused-by-xl2tpd":       {{State: "failed", Cause: "hidden-avp-bad", Proven: true}},
	"39x-racoon-quick-mode-id-mismatch":             {{State: "failed", Cause: "quick-id-mismatch", Proven: true}},
	"39y-racoon-aggressive-invalid-key-information": {{State: "failed", Cause: "key-info-loop", Proven: true}},
	"38a-day-in-the-life-natt": {
		{State: "failed", Cause: "ike-psk", Proven: true},
		{State: "failed", Cause: "ike-proposal", Proven: true},
		{State: "failed", Cause: "ppp-auth-failed", Proven: true},
		{State: "up", Cause: "orderly-end", Proven: true},
	},
	"45a-two-clients-one-nat-same-port": {{State: "up"}, {State: "lost", Cause: "l2tp-hello-unanswered", Proven: true}},
	"52a-no-address-left":               {{State: "up"}},
}

// guesses are what parts of recordings look like: it may be said, and not as proven.
var guesses = map[string][]string{
	"39y-racoon-aggressive-invalid-key-information": {"ike-no-answer"},   // one direction
	"39x-racoon-quick-mode-id-mismatch":             {"quick-proposal"},  // without message 2 of Quick Mode
	"116a-other-algorithms":                         {"ike-id-mismatch"}, // without Quick Mode
	"99c-life-of-0-seconds":                         {"ike-psk"},         // without message 6
}

// recordings are all that there are, each once.
func recordings(t *testing.T) (list []recording) {
	t.Helper()
	seen := make(map[string]bool)
	for _, root := range append([]string{"../../../testdata/captures"}, causeRoots...) {
		files, _ := filepath.Glob(filepath.Join(root, "*", "outer.pcap"))
		for _, f := range files {
			dir := filepath.Dir(f)
			name := filepath.Base(dir)
			if seen[name] {
				continue
			}
			seen[name] = true
			x := recording{dir, untold[name]}
			if text, err := os.ReadFile(filepath.Join(dir, "cause.json")); err == nil {
				var k known
				if err := json.Unmarshal(text, &k); err != nil {
					t.Fatal(err)
				}
				x.known = append([]known{k}, x.known...)
			}
			if x.known == nil {
				x.known = []known{{State: "up"}}
			}
			list = append(list, x)
		}
	}
	return list
}

// holds says that a claim is true of the recording, or less than is known.
func (x *recording) holds(r *report) bool {
	name := filepath.Base(x.dir)
	return r.State == "partial" || slices.Contains(symptoms[name], r.CauseID) ||
		slices.Contains(guesses[name], r.CauseID) && !r.Proven ||
		slices.ContainsFunc(x.known, func(k known) bool { return k.holds(r) })
}

func (k *known) holds(r *report) bool {
	switch r.CauseID {
	case "":
		return r.State == k.State || r.State == "up" && k.State != "failed"
	case k.Cause:
		return (r.State == k.State || r.State == "up") && (k.Proven || !r.Proven)
	case k.WithoutKeys.Cause:
		return r.State == k.WithoutKeys.State || r.State == "up"
	}
	return false
}

// firstFragments are the packets without the fragments of IP but the first ones.
func (s *recorded) firstFragments() (list []capture.Packet) {
	for _, p := range s.packets {
		var f capture.Frame
		if f.Decode(s.Interfaces()[p.Interface].LinkType, p.Data) != nil || f.FragOffset == 0 {
			list = append(list, p)
		}
	}
	return list
}

// apart are recordings of which the beginning shows what belongs together: links, and L2TP in clear
// with the ISAKMP SA that it does not use.
var apart = []string{"31a-multilink-two-links", "48a-l2tp-port-not-1701-leaves-in-clear",
	"58a-tunnel-against-transport"}

// parts are what different captures would hold of the same packets.
func (s *recorded) parts() map[string][]capture.Packet {
	parts := map[string][]capture.Packet{
		"all":              s.packets,
		"UDP 500":          s.ports(500),
		"UDP 4500":         s.ports(4500),
		"UDP 500 and 4500": s.ports(500, 4500),
		"first fragments":  s.firstFragments(),
		"96 bytes":         s.cut(96),
	}
	for _, server := range []string{"203.0.113.1", "2001:db8:1::1"} {
		addr := netip.MustParseAddr(server)
		parts["from the server"] = append(parts["from the server"], s.direction(addr, true)...)
		parts["to the server"] = append(parts["to the server"], s.direction(addr, false)...)
	}
	return parts
}

// TestParts: of a part of a recording less is said than of all, and nothing that is not true.
func TestParts(t *testing.T) {
	said := 0
	list := race.Sampled(recordings(t))
	for _, x := range list {
		s := readAll(t, filepath.Join(x.dir, "outer.pcap"))
		for _, keys := range [][]string{nil, keySets(x.dir)["tables"]} {
			said += x.judgeParts(t, s, keys)
		}
	}
	if said < 20*len(list) {
		t.Errorf("%d sessions were judged", said)
	}
}

// judgeParts checks what is said of all parts of a recording, from ten places on, and returns of
// how many sessions something was said.
func (x *recording) judgeParts(t *testing.T, whole *recorded, keys []string) (said int) {
	name, n := filepath.Base(x.dir), len(whole.packets)
	most := len(whole.sessionsOf(t, whole.packets, keys))
	for _, skip := range []int{0, 3, 6, 9, 14, 20, 30, n / 5, n * 2 / 5, n * 3 / 5} {
		late := &recorded{Source: whole.Source, packets: whole.packets[min(skip, n):]}
		for what, packets := range late.parts() {
			list := late.sessionsOf(t, packets, keys)
			for i := range list {
				if !x.holds(&list[i]) {
					t.Errorf("%s from frame %d, %s, %d keys: %+v", name, skip+1, what, len(keys), list[i])
				}
			}
			if what == "all" && len(list) > most && !slices.Contains(apart, name) {
				t.Errorf("%s from frame %d, %d keys: %d sessions, %d in all: %s", name, skip+1, len(keys), len(list),
					most, brief(list))
			}
			said += len(list)
		}
	}
	return said
}
