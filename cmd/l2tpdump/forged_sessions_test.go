package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"l2tpdump/capture"
	"l2tpdump/cmd/internal/pipeline"
	"l2tpdump/cmd/internal/sessions"
	"l2tpdump/keysrc"
	"l2tpdump/testdata/forge"
	"l2tpdump/testdata/race"
)

// forgedFrame is the number of the first frame that is not a recording's.
const forgedFrame = 1 << 40

// renumbered has a Monitor see frames of a recording by their numbers there, and look at the same
// times whatever comes.
type renumbered struct {
	*sessions.Monitor
	number []uint64 // of frame i+1 of the input in the recording, 0: it is forged
	looked int64
}

func (n *renumbered) Record(r *pipeline.Record) error {
	for n.looked = max(n.looked, r.Packet.Time-int64(time.Minute)); n.looked < r.Packet.Time; n.looked += int64(sessions.LookEvery) {
		n.Tick(n.looked)
	}
	at, part := r.Number, r.PartOf
	of := func(frame uint64) uint64 {
		if frame == 0 || n.number[frame-1] == 0 {
			return forgedFrame + frame
		}
		return n.number[frame-1]
	}
	if r.Number = of(at); part != 0 {
		r.PartOf = of(part)
	}
	defer func() { r.Number, r.PartOf = at, part }()
	return n.Monitor.Record(r)
}

// toldSession is a session, and what a Monitor told of it.
type toldSession struct {
	*sessions.Facts
	lines []string
}

// sessionsOf are the sessions of frames.
func sessionsOf(t *testing.T, what string, f *frames, keys []*keysrc.Keys, number []uint64) (list []toldSession) {
	t.Helper()
	f.next = 0
	p := pipeline.New(pipeline.Config{Source: f, Workers: 1})
	p.AddKeys(keys...)
	lines := make(map[string][]string) // by session
	m := sessions.NewMonitor(func(c *sessions.Change) error {
		switch {
		case c.Kind == "loss": // depends on when it looks, which any packet may bring about
		case c.Session == nil:
			text := c.Text
			if c.Kind == "failed" { // how often until then: strangers' packets in clear end a silence
				text, _, _ = strings.Cut(text, " (")
			}
			told := lines[c.UID]
			if n := len(told); n > 0 && c.Kind == "up" && strings.HasPrefix(told[n-1], "failed") {
				told = told[:n-1] // it is taken back: a stranger refused, and the answer took long
			}
			told = append(told, c.Kind+": "+text)
			if n := len(told); n > 1 && c.Kind == "rekeyed" && strings.HasPrefix(told[n-2], "rekeyed") {
				slices.Sort(told[n-2:]) // of two renewals at a time either may be seen first
			}
			lines[c.UID] = told
		default:
			list = append(list, toldSession{c.Session, lines[c.UID]})
		}
		return nil
	})
	m.KeepDetails()
	p.AddSink(&renumbered{Monitor: m, number: number})
	if _, err := p.Run(context.Background()); err != nil {
		t.Fatal(what, err)
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	return list
}

// proves reports whether keys open a session's IKE or ESP, and no L2TP of it is in clear, where
// anybody can say anything.
func proves(s *sessions.Facts) bool {
	opened := len(s.ESP) > 0 && s.ESP[0].Cipher != "" || s.IKE != nil && s.IKE.Identities[0] != ""
	return opened && (s.L2TP == nil || !s.L2TP.Clear) && s.State != sessions.Clear
}

// proven are the facts of a session that keys prove, with its own frames. What its clients seem to
// have tried, what was repeated, which NAT there is, what routers are said to say and what is seen
// in clear, phase 1 in part, is nothing that they prove.
func proven(t *testing.T, s *sessions.Facts) map[string]any {
	t.Helper()
	forged := func(n uint64) bool { return n >= forgedFrame }
	s.Messages = slices.DeleteFunc(slices.Clone(s.Messages), func(e sessions.Event) bool { return forged(e.Frame) || e.Layer == "icmp" })
	s.Evidence = slices.DeleteFunc(slices.Clone(s.Evidence), forged)
	text, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	facts := map[string]any{}
	if err := json.Unmarshal(text, &facts); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"uid", "duration", "frames", "traffic", "nat", "attempts", "clear_pkts", "remarks", "messages_left_out"} {
		delete(facts, name)
	}
	if facts["cause"] == nil {
		delete(facts, "evidence") // of a remark
	}
	if ike, ok := facts["ike"].(map[string]any); ok {
		for _, name := range []string{"retransmissions", "sas", "exchange", "seconds"} {
			delete(ike, name)
		}
	}
	return facts
}

// TestForgedSessions: what strangers send before, between and after the packets of a recording
// changes nothing of what is told of the sessions that its keys open.
func TestForgedSessions(t *testing.T) {
	t.Parallel()
	causes, err := filepath.Glob("../../testdata/causes/*/esp_sa")
	if err != nil || len(causes) < 50 {
		t.Fatalf("%d recordings: %v", len(causes), err)
	}
	tables := map[string]string{}
	for _, c := range causes {
		tables[filepath.Dir(c)] = filepath.Dir(c)
	}
	for _, dir := range captureDirs(t) {
		tables[dir] = filepath.Join(dir, "keys")
	}
	for n, path := range slices.Sorted(maps.Keys(tables)) {
		table := tables[path]
		dir := filepath.Base(path)
		if race.Enabled && dir != "02-natt-aes256-sha1" && dir != "54a-dpd-timeout-client-gone" {
			continue // each takes long
		}
		if strings.HasPrefix(dir, "88") {
			continue // two clients' ESP without their IKE: nothing tells whose a stranger's is
		}
		if strings.HasPrefix(dir, "86a") || strings.HasPrefix(dir, "86i") || strings.HasPrefix(dir, "121a") {
			continue // their cause is inferred from a silence, which anybody can break
		}
		t.Run(dir, func(t *testing.T) {
			t.Parallel()
			keys := parseSources(t, readSource(t, filepath.Join(table, "esp_sa")), readSource(t, filepath.Join(table, "ikev1_decryption_table")))
			r := recordAt(t, filepath.Join(path, "outer.pcap"), keys)
			r.signed = dir == "08-rsa-ipfrag"
			_, number := r.mixed(make([][]capture.Packet, len(r.packets)+1))
			alone := sessionsOf(t, "alone", r.frames, keys, number)
			for _, f := range trials(n) {
				at := r.among(f.forged, f.every)
				if at == nil {
					continue
				}
				if slices.Contains(likeIKE, f.family) {
					r.onceSeen(at)
				}
				mixed, number := r.mixed(at)
				what := fmt.Sprintf("%s, before every %d: ", f.family, f.every)
				sameSessions(t, what, alone, sessionsOf(t, what, mixed, keys, number))
			}
		})
	}
}

// likeIKE are the families that have packets with the cookies of others.
var likeIKE = []string{"IKE", "strange", allFamilies, "wrapped", "the other IP", "lying lengths", "wrapped lying lengths", "elsewhere"}

// onceSeen takes away what names cookies that were not seen by then.
func (r *recording) onceSeen(at [][]capture.Packet) {
	for i := range r.packets {
		if x := forge.New(r.link, &r.packets[i], 0); x != nil && x.Begins() {
			clear(at[:i+1])
		}
	}
}

// sameSessions checks that what is proven of the sessions of a recording alone is told of them also
// with forged packets.
func sameSessions(t *testing.T, what string, alone, mixed []toldSession) {
	t.Helper()
	for _, want := range alone {
		if !proves(want.Facts) {
			continue
		}
		i := slices.IndexFunc(mixed, func(s toldSession) bool { return s.UID == want.UID })
		if i < 0 {
			i = slices.IndexFunc(mixed, func(s toldSession) bool { return sharesSPI(s.Facts, want.Facts) })
		}
		if i < 0 {
			t.Errorf("%sthe session of %s with %s is gone", what, want.OrigHost, want.RespHost)
			continue
		}
		packets := 0
		for j := range want.ESP {
			packets += want.ESP[j].Packets
		}
		if packets == 0 && mixed[i].L2TP != nil && mixed[i].L2TP.Clear {
			continue // L2TP that ESP has not taken, it seems
		}
		if !slices.Equal(want.lines, mixed[i].lines) {
			t.Errorf("%sa Monitor told %q, alone %q", what, mixed[i].lines, want.lines)
		}
		a, m := proven(t, want.Facts), proven(t, mixed[i].Facts)
		for name := range m {
			if _, ok := a[name]; !ok {
				a[name] = nil
			}
		}
		for name, v := range a {
			if !reflect.DeepEqual(m[name], v) {
				t.Errorf("%s%s is\n%.500v, alone\n%.500v", what, name, m[name], v)
			}
		}
	}
}

func sharesSPI(a, b *sessions.Facts) bool {
	for i := range b.ESP {
		for j := range a.ESP {
			if a.ESP[j].SPI == b.ESP[i].SPI {
				return true
			}
		}
	}
	return false
}
