package sessions_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"l2tpdump/capture"
	"l2tpdump/cmd/internal/pipeline"
	"l2tpdump/cmd/internal/sessions"
	"l2tpdump/keysrc"
)

// The recordings with known causes: small ones are part of the repository, all of them may lie
// beside it.
var causeRoots = []string{"../../../testdata/causes", "../../../../shared/captures"}

// report is what is printed of a session.
type report struct {
	State    string   `json:"state"`
	CauseID  string   `json:"cause_id"`
	Step     string   `json:"step"`
	Proven   bool     `json:"proven"`
	User     string   `json:"user"`
	Cause    string   `json:"cause"`
	Evidence []uint64 `json:"evidence"`
	Frames   []uint64 `json:"frames"`

	OrigHost    string `json:"id.orig_h"`
	OrigPackets uint64 `json:"orig_pkts"`
	OrigBytes   uint64 `json:"orig_bytes"`
	RespPackets uint64 `json:"resp_pkts"`
	RespBytes   uint64 `json:"resp_bytes"`
	Clear       int    `json:"clear_pkts"`
	ESP         []struct {
		SPI     string `json:"spi"`
		Packets int    `json:"packets"`
	} `json:"esp"`
	PPP struct {
		Assigned string `json:"assigned"`
	} `json:"ppp"`
	IKE struct {
		Config struct {
			Assigned string `json:"assigned"`
		} `json:"config"`
	} `json:"ike"`
}

// gather returns the sessions of a capture, of which a filter takes the frames that take part; "":
// all.
func gather(t *testing.T, file, filter string, limit uint64, keys ...string) []report {
	t.Helper()
	src, err := capture.OpenContext(context.Background(), []string{file})
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	config := pipeline.Config{Source: src, Limit: limit}
	if _, err := capture.NewFilter(capture.Ethernet, filter); filter != "" && err != nil &&
		strings.Contains(err.Error(), "no libpcap") {
		t.Logf("%s: %v", filter, err)
		return nil
	}
	if filter != "" {
		config.Filter = func(lt capture.LinkType) (pipeline.Filter, error) { return capture.NewFilter(lt, filter) }
	}
	return run(t, newRun(t, config, keys...))
}

// newRun is a pipeline with the keys of files.
func newRun(t testing.TB, config pipeline.Config, keys ...string) *pipeline.Pipeline {
	t.Helper()
	p := pipeline.New(config)
	for _, name := range keys {
		k, err := keysrc.ParseFile(name, "")
		if err != nil {
			t.Fatal(err)
		}
		p.AddKeys(k)
	}
	return p
}

// finish runs a pipeline to its end, and closes what gathers.
func finish(t testing.TB, p *pipeline.Pipeline, gatherers ...io.Closer) {
	t.Helper()
	if _, err := p.Run(context.Background()); err != nil {
		t.Fatal(err)
	}
	for _, g := range gatherers {
		if err := g.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// printed is the JSON of a session.
func printed(s *sessions.Session) ([]byte, error) {
	var b bytes.Buffer
	w := sessions.NewWriter(&b, true, nil)
	err := errors.Join(w.Session(s), w.Close())
	return b.Bytes(), err
}

// run returns the sessions of a run.
func run(t *testing.T, p *pipeline.Pipeline) []report {
	t.Helper()
	var list []report
	g := sessions.NewGatherer(func(s *sessions.Session) error {
		b, err := printed(s)
		if err != nil {
			return err
		}
		list = append(list, report{})
		return json.Unmarshal(b, &list[len(list)-1])
	})
	p.AddSink(g)
	finish(t, p, g)
	return list
}

// printedOf returns the JSON of the sessions of a capture.
func printedOf(t *testing.T, file string, keys ...string) (list [][]byte) {
	t.Helper()
	s := readAll(t, file)
	p := newRun(t, pipeline.Config{Source: s}, keys...)
	g := sessions.NewGatherer(func(s *sessions.Session) error {
		b, err := printed(s)
		list = append(list, b)
		return err
	})
	p.AddSink(g)
	finish(t, p, g)
	return list
}

// known is a cause.json.
type known struct {
	State, Cause, Step, User string
	Proven                   bool
	WithoutKeys              struct{ State, Cause string } `json:"without_keys"`
}

// neverSent are recordings whose user's name is not in their packets: PPP came to nothing before it
// was sent.
var neverSent = []string{"50a-client-demands-auth", "52a-no-address-left"}

// keySets are the sources of keys of a recording that say much or little, each with what it is
// called.
func keySets(dir string) map[string][]string {
	sets := make(map[string][]string)
	for name, patterns := range map[string][]string{
		"tables":     {"esp_sa", "ikev1_decryption_table", "keys/esp_sa", "keys/ikev1_decryption_table"},
		"router.log": {"router.log"},
		"both ends":  {"*decryption_table*", "keys/*decryption_table*", "esp_sa", "keys/esp_sa"},
		"daemons":    {"charon-*.log", "racoon-*.log", "pluto-*.log", "xfrm-state.txt"},
	} {
		for _, p := range patterns {
			files, _ := filepath.Glob(filepath.Join(dir, p))
			for _, f := range files {
				if k, err := keysrc.ParseFile(f, ""); err == nil && len(k.IKE)+len(k.ESP) > 0 {
					sets[name] = append(sets[name], f)
				}
			}
		}
	}
	return sets
}

func TestCauses(t *testing.T) {
	seen := 0
	for _, root := range causeRoots {
		files, _ := filepath.Glob(filepath.Join(root, "*", "cause.json"))
		for _, f := range files {
			dir := filepath.Dir(f)
			name := filepath.Base(dir)
			text, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			var want known
			if err := json.Unmarshal(text, &want); err != nil {
				t.Fatalf("%s: %v", f, err)
			}
			if slices.Contains(neverSent, name) {
				want.User = ""
			}
			seen++
			check(t, name+" without keys", gather(t, filepath.Join(dir, "outer.pcap"), "", 0), func(r *report) bool {
				return r.State == want.WithoutKeys.State && r.CauseID == want.WithoutKeys.Cause
			})
			for set, keys := range keySets(dir) {
				check(t, name+" with "+set, gather(t, filepath.Join(dir, "outer.pcap"), "", 0, keys...),
					func(r *report) bool {
						return r.State == want.State && r.CauseID == want.Cause && r.Step == want.Step &&
							(want.Cause == "" || r.Proven == want.Proven) &&
							(want.User == "" || r.User == want.User)
					})
			}
		}
	}
	if seen < 20 {
		t.Errorf("%d recordings with known causes were found", seen)
	}
}

// check demands that a session is as known, and that the others are well.
func check(t *testing.T, name string, list []report, fits func(*report) bool) {
	t.Helper()
	found := false
	for i := range list {
		r := &list[i]
		switch {
		case fits(r):
			found = true
			if r.CauseID != "" && len(r.Evidence) == 0 {
				t.Errorf("%s: %s has no evidence", name, r.CauseID)
			}
			for _, n := range r.Evidence {
				if n < r.Frames[0] || n > r.Frames[1] {
					t.Errorf("%s: frame %d proves %s and is not of the session %v", name, n, r.CauseID, r.Frames)
				}
			}
		case r.State != "up":
			t.Errorf("%s: another session: %+v", name, *r)
		}
	}
	if !found {
		t.Errorf("%s: %+v", name, list)
	}
}

// states are the states and causes of sessions, in one text.
func states(list []report) string {
	var parts []string
	for _, r := range list {
		parts = append(parts, strings.TrimSpace(r.State+" "+r.CauseID))
	}
	return strings.Join(parts, ", ")
}

// TestRefusedOnce: what was refused before something else was agreed on is told, and once.
func TestRefusedOnce(t *testing.T) {
	dir := "../../../testdata/day"
	list := printedOf(t, filepath.Join(dir, "outer.pcap"), filepath.Join(dir, "router-full.log"))
	const said = "phase 2 was refused: 203.0.113.1 takes none of what was offered (3des-cbc hmac-md5-96 udp-transport 55s)"
	for i, b := range list {
		if told := bytes.Contains(b, []byte(said)); told != (i == 2) {
			t.Errorf("session %d: %s", i+1, b)
		}
	}
	if len(list) < 5 {
		t.Errorf("%d sessions", len(list))
	}
}

// TestOthers: recordings without a cause.json whose story is known.
func TestOthers(t *testing.T) {
	for _, c := range []struct{ name, want, without string }{
		{"08x-auth-failed-l2tp-in-clear", "clear l2tp-in-clear", "clear l2tp-in-clear"},
		{"22-redial-same-sa-vj-deflate", "up, up", "up"},
		{"26-heavy-loss-ike-retransmits", "up", "up"},
		{"11-three-clients-two-behind-nat", "up, up, up", "up, up, up"},
		{"06-pfs-rekey-dpd", "up", "up"},
		{"31a-multilink-two-links", "up", "up"},
		{"34y-eap-mschapv2-refused-by-client", "failed server-not-proved", "partial"},
		{"35x-accel-hidden-avps-refused-by-xl2tpd", "failed hidden-avp-bad", "failed"},
		{"37c-xauth-psk-main-natt", "up", "up"},
		{"38a-day-in-the-life-natt",
			"failed ike-psk, failed ike-proposal, failed ppp-auth-failed, up orderly-end, up orderly-end, up",
			"failed ike-psk, failed ike-proposal, up"},
		{"39x-racoon-quick-mode-id-mismatch", "failed quick-id-mismatch", "failed"},
		{"39y-racoon-aggressive-invalid-key-information", "failed key-info-loop", "failed key-info-loop"},
	} {
		for _, root := range []string{"../../../testdata/captures", "../../../../shared/captures"} {
			dir := filepath.Join(root, c.name)
			if _, err := os.Stat(dir); err != nil {
				continue
			}
			if got := states(gather(t, filepath.Join(dir, "outer.pcap"), "", 0)); got != c.without {
				t.Errorf("%s without keys: %s, want %s", c.name, got, c.without)
			}
			keys := keySets(dir)["tables"]
			if got := states(gather(t, filepath.Join(dir, "outer.pcap"), "", 0, keys...)); got != c.want {
				t.Errorf("%s: %s, want %s", c.name, got, c.want)
			}
		}
	}
}

// TestOtherEnd: what is said of the same connection as its client saw it. It does not see what its
// server sends and gets: then no more is said than what is typical.
func TestOtherEnd(t *testing.T) {
	for _, c := range []struct {
		name, want string
		proven     bool
	}{
		{"41a-m2-lost-on-the-way-back", "failed ike-no-answer ike-m1", true},
		{"42a-natt-4500-blocked", "failed natt-4500-blocked ike-m5", false},
		{"46a-esp-server-to-client-dropped", "failed l2tp-no-sccrp l2tp-tunnel", false},
		{"60a-ip-fragments-of-m5-lost", "failed ike-fragment-lost ike-m5", true},
		{"61a-mtu-blackhole-download", "up  data", false},
	} {
		for _, root := range causeRoots {
			dir := filepath.Join(root, c.name)
			file := filepath.Join(dir, "outer-clientside.pcap")
			if _, err := os.Stat(file); err != nil {
				continue
			}
			sets := keySets(dir)
			sets["none"] = nil
			for set, keys := range sets {
				list := gather(t, file, "", 0, keys...)
				if len(list) != 1 || list[0].State+" "+list[0].CauseID+" "+list[0].Step != c.want || list[0].Proven != c.proven {
					t.Errorf("%s with %s: %+v", c.name, set, list)
				}
			}
		}
	}
}
