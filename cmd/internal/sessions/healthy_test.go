package sessions_test

import (
	"bytes"
	"cmp"
	"context"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"l2tpdump/capture"
	"l2tpdump/cmd/internal/pipeline"
	"l2tpdump/l2tp/ppp"
)

// unwell are the recordings of the repository in which a session does not go well.
const unwell = "08x"

// several are the recordings with more than one connection.
var several = []string{"11-three-clients-two-behind-nat", "22-redial-same-sa-vj-deflate"}

// TestHealthy: what is well is never called failed, whatever part of it the capture holds.
func TestHealthy(t *testing.T) {
	files, _ := filepath.Glob("../../../testdata/captures/*/outer.pcap")
	if len(files) < 20 {
		t.Fatalf("%d captures", len(files))
	}
	for _, f := range files {
		name := filepath.Base(filepath.Dir(f))
		if strings.HasPrefix(name, unwell) || testing.Short() && !strings.HasPrefix(name, "0") {
			continue
		}
		keys := keySets(filepath.Dir(f))["tables"]
		for what, list := range map[string][]report{
			"without keys":             gather(t, f, "", 0),
			"with keys":                gather(t, f, "", 0, keys...),
			"with keys of IKE":         gather(t, f, "", 0, keySets(filepath.Dir(f))["router.log"]...),
			"UDP 500":                  gather(t, f, "udp port 500", 0, keys...),
			"UDP 500 and 4500":         gather(t, f, "udp port 500 or udp port 4500", 0, keys...),
			"from the server":          gather(t, f, "src host 203.0.113.1 or src host 2001:db8:1::1", 0, keys...),
			"to the server":            gather(t, f, "dst host 203.0.113.1 or dst host 2001:db8:1::1", 0, keys...),
			"15 frames":                gather(t, f, "", 15, keys...),
			"40 frames, without keys":  gather(t, f, "", 40),
			"30 frames late":           late(t, f, 30, keys...),
			"30 frames late, unread":   late(t, f, 30),
			"150 frames late":          late(t, f, 150, keys...),
			"150 frames late, unread":  late(t, f, 150),
			"UDP 500, without keys":    gather(t, f, "udp port 500", 0),
			"to the server, unread":    gather(t, f, "dst host 203.0.113.1 or dst host 2001:db8:1::1", 0),
			"from the server, unread ": gather(t, f, "src host 203.0.113.1 or src host 2001:db8:1::1", 0),
		} {
			if what == "with keys of IKE" && len(list) > 1 && !slices.Contains(several, name) {
				t.Errorf("%s: %d sessions", name, len(list))
			}
			for _, r := range list {
				if r.State != "up" && r.State != "partial" {
					t.Errorf("%s, %s: %+v", name, what, r)
				}
			}
		}
	}
}

// skipping is a source without its first frames.
type skipping struct {
	capture.Source
	skip int
}

func (s *skipping) Next(p *capture.Packet) error {
	for ; s.skip > 0; s.skip-- {
		if err := s.Source.Next(p); err != nil {
			return err
		}
	}
	return s.Source.Next(p)
}

// late returns the sessions of a capture without its first frames.
func late(t *testing.T, file string, skip int, keys ...string) []report {
	t.Helper()
	src, err := capture.OpenContext(context.Background(), []string{file})
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	return run(t, newRun(t, pipeline.Config{Source: &skipping{src, skip}}, keys...))
}

// untrue are recordings whose truth is not what their outer packets hold.
var untrue = map[string]string{
	"26-heavy-loss-ike-retransmits":     "packets are lost behind the place of the capture",
	"32a-mppe128-stateful-netem":        "so too",
	"33a-vj-deflate-userspace-netem":    "VJ loses its state with the packets that are lost",
	"36a-l2tpv3-udp-eth-nocookie-ipsec": "multicast of the Ethernet pseudowire does not reach the place of the truth",
	"36c-l2tpv3-ip-eth-cookie4-ipsec":   "so too",
	"55a-rekey-unanswered-sa-expires":   "what the server sends to nobody",
	"45a-two-clients-one-nat-same-port": "what is for one client goes to the other",
}

// TestTruth: packets and bytes of each direction of each session are those that the server's
// interface saw.
func TestTruth(t *testing.T) {
	checked := make(map[string]bool)
	secrets, err := os.ReadFile(labSecrets)
	if err != nil {
		t.Fatal(err)
	}
	passwords, err := ppp.ReadSecrets(bytes.NewReader(secrets), labSecrets)
	if err != nil {
		t.Fatal(err)
	}
	for _, root := range []string{"../../../testdata/captures", "../../../../shared/captures"} {
		dirs, _ := filepath.Glob(filepath.Join(root, "*"))
		for _, dir := range dirs {
			name := filepath.Base(dir)
			files, _ := filepath.Glob(filepath.Join(dir, "truth-inner-s*.pcap"))
			if len(files) == 0 || untrue[name] != "" || checked[name] {
				continue
			}
			checked[name] = true
			var list []report
			for _, r := range volumes(t, dir, passwords) {
				if r.OrigPackets+r.RespPackets > 0 {
					list = append(list, r)
				}
			}
			if len(list) != len(files) {
				t.Errorf("%s: %d sessions have traffic, %d interfaces had", name, len(list), len(files))
				continue
			}
			slices.SortFunc(files, func(a, b string) int {
				return cmp.Compare(readAll(t, a).packets[0].Time, readAll(t, b).packets[0].Time)
			})
			for i, f := range files {
				r := &list[i]
				up, down := truth(t, f, r.PPP.Assigned+r.IKE.Config.Assigned)
				near(t, name+" client", r.OrigPackets, r.OrigBytes, up)
				near(t, name+" server", r.RespPackets, r.RespBytes, down)
			}
		}
	}
	t.Logf("%d recordings", len(checked))
	if len(checked) < 25 {
		t.Errorf("%d recordings were compared", len(checked))
	}
}

// labSecrets are the passwords of the recordings.
const labSecrets = "../../../testdata/ppp/chap-secrets"

// volumes are the sessions of a recording, with the passwords of PPP.
func volumes(t *testing.T, dir string, passwords *ppp.Secrets) []report {
	t.Helper()
	return run(t, newRun(t, pipeline.Config{Source: readAll(t, filepath.Join(dir, "outer.pcap")), Passwords: passwords}, keySets(dir)["tables"]...))
}

type volume struct{ packets, bytes uint64 }

// near demands the volume that is true. There are router solicitations on the wire of before the
// truth was recorded.
func near(t *testing.T, what string, packets, bytes uint64, want volume) {
	t.Helper()
	const most, short, long = 3, 48, 56
	extra := packets - want.packets
	if packets < want.packets || extra > most || bytes < want.bytes+extra*short || bytes > want.bytes+extra*long {
		t.Errorf("%s: %d packets and %d bytes, the truth is %d and %d", what, packets, bytes, want.packets, want.bytes)
	}
}

// truth counts the packets of a capture of a PPP interface, from the client and to it.
func truth(t *testing.T, file, assigned string) (up, down volume) {
	t.Helper()
	src, err := capture.OpenContext(context.Background(), []string{file})
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	var p capture.Packet
	var n capture.Frame
	for {
		switch err := src.Next(&p); err {
		case nil:
		case io.EOF:
			return up, down
		default:
			t.Fatal(err)
		}
		if n.Decode(src.Interfaces()[0].LinkType, p.Data) != nil || n.IPVersion == 0 {
			continue
		}
		v := &down
		if n.IPVersion == 4 && n.Src.String() == assigned || n.IPVersion == 6 && n.Direction == capture.DirectionIn {
			v = &up
		}
		v.packets++
		v.bytes += uint64(p.Length - n.LinkLen)
	}
}

// TestNothing: a capture without VPN has no session.
func TestNothing(t *testing.T) {
	name := filepath.Join(t.TempDir(), "empty.pcap")
	header := []byte{0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 1, 0, 0, 0}
	if err := os.WriteFile(name, header, 0o600); err != nil {
		t.Fatal(err)
	}
	if list := gather(t, name, "", 0); len(list) != 0 {
		t.Errorf("%+v", list)
	}
}
