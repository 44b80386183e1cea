package sessions_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"l2tpdump/capture"
	"l2tpdump/cmd/internal/pipeline"
)

// recorded is a capture that was read.
type recorded struct {
	capture.Source // for its interfaces
	packets        []capture.Packet
	next           int
}

func (s *recorded) Next(p *capture.Packet) error {
	if s.next == len(s.packets) {
		return io.EOF
	}
	*p = s.packets[s.next]
	s.next++
	return nil
}

// readAll reads a capture.
func readAll(t *testing.T, file string) *recorded {
	t.Helper()
	src, err := capture.OpenContext(context.Background(), []string{file})
	if err != nil {
		t.Fatal(err)
	}
	s := &recorded{Source: src}
	for {
		var p capture.Packet
		switch err := src.Next(&p); err {
		case nil:
		case io.EOF:
			return s
		default:
			t.Fatal(err)
		}
		p.Data = bytes.Clone(p.Data)
		s.packets = append(s.packets, p)
	}
}

// sessionsOf returns the sessions of packets, with keys.
func (s *recorded) sessionsOf(t *testing.T, packets []capture.Packet, keys []string) []report {
	t.Helper()
	return run(t, newRun(t, pipeline.Config{Source: &recorded{Source: s.Source, packets: packets}}, keys...))
}

// shifted are the packets at another time.
func (s *recorded) shifted(by int64) []capture.Packet {
	list := slices.Clone(s.packets)
	for i := range list {
		list[i].Time += by
	}
	return list
}

// doubled are the packets, each twice.
func (s *recorded) doubled() (list []capture.Packet) {
	for _, p := range s.packets {
		again := p
		again.Time += 9e3
		list = append(list, p, again)
	}
	return list
}

// swapped are the packets, of which those that came within a moment of each other have changed
// their places.
func (s *recorded) swapped() []capture.Packet {
	const moment = int64(2e6)
	list := slices.Clone(s.packets)
	for i := 0; i+1 < len(list); i++ {
		if a, b := &list[i], &list[i+1]; b.Time-a.Time < moment {
			*a, *b = *b, *a
			a.Time, b.Time = b.Time, a.Time
			i++
		}
	}
	return list
}

// ports are the packets of some ports of UDP.
func (s *recorded) ports(list ...uint16) (packets []capture.Packet) {
	for _, p := range s.packets {
		var f capture.Frame
		if f.Decode(s.Interfaces()[p.Interface].LinkType, p.Data) == nil && f.UDP &&
			(slices.Contains(list, f.SrcPort) || slices.Contains(list, f.DstPort)) {
			packets = append(packets, p)
		}
	}
	return packets
}

// cut are the packets without what is behind some bytes.
func (s *recorded) cut(n int) []capture.Packet {
	list := slices.Clone(s.packets)
	for i := range list {
		list[i].Data = list[i].Data[:min(n, len(list[i].Data))]
	}
	return list
}

// direction are the packets from one address, or to it.
func (s *recorded) direction(addr netip.Addr, from bool) (list []capture.Packet) {
	for _, p := range s.packets {
		var f capture.Frame
		if f.Decode(s.Interfaces()[p.Interface].LinkType, p.Data) == nil && (f.Src == addr) == from &&
			(f.Src == addr || f.Dst == addr) {
			list = append(list, p)
		}
	}
	return list
}

// moved are the packets with another address in the place of one.
func (s *recorded) moved(from, to netip.Addr) (list []capture.Packet) {
	for _, p := range s.packets {
		var f capture.Frame
		if f.Decode(s.Interfaces()[p.Interface].LinkType, p.Data) != nil || f.IPVersion != 4 {
			continue
		}
		p.Data = bytes.Clone(p.Data)
		for _, at := range [...]int{f.LinkLen + 12, f.LinkLen + 16} {
			if addr := p.Data[at : at+4]; bytes.Equal(addr, from.AsSlice()) {
				copy(addr, to.AsSlice())
			}
		}
		if f.UDP && f.UDPStart > 0 && f.UDPStart <= len(p.Data) {
			binary.BigEndian.PutUint16(p.Data[f.UDPStart-2:], 0) // no checksum
		}
		list = append(list, p)
	}
	return list
}

// merged are packets of several captures, in the order of their times from the beginning of each.
func merged(lists ...[]capture.Packet) (all []capture.Packet) {
	for _, list := range lists {
		first := list[0].Time
		for _, p := range list {
			p.Time += lists[0][0].Time - first
			all = append(all, p)
		}
	}
	slices.SortStableFunc(all, func(a, b capture.Packet) int { return int(a.Time - b.Time) })
	return all
}

// fits says whether a report is what is known, with the keys or without.
func (k *known) fits(r *report, unread bool) bool {
	if unread {
		return r.State == k.WithoutKeys.State && r.CauseID == k.WithoutKeys.Cause
	}
	return r.State == k.State && r.CauseID == k.Cause && (k.State == "up" || r.Step == k.Step)
}

// symptoms are what parts of a recording show, and no more: it is true, and not the whole cause.
var symptoms = map[string][]string{
	"45a-two-clients-one-nat-same-port": {"l2tp-hello-unanswered", "keepalive-timeout", "orderly-end"},
	// without the other client's tunnel
	"48a-l2tp-port-not-1701-leaves-in-clear": {"l2tp-no-sccrp"},
	// one direction
	"39y-racoon-aggressive-invalid-key-information": {"ike-no-answer"},
	// before L2TP
	"08x-auth-failed-l2tp-in-clear": {"certificates"},
	"41a-m2-lost-on-the-way-back":   {"ike-no-answer"},
	// without IKE
	"55a-rekey-unanswered-sa-expires": {"keepalive-timeout", "l2tp-hello-unanswered"},
	// without Quick Mode
	"58a-tunnel-against-transport": {"quick-proposal", "tunnel-vs-transport"},
	// of the renewal alone
	"117a-phase-1-renewal-refused": {"ike-proposal"},
	// without what came before
	"88a-redial-beside-the-former":         {"stale-sa-redial", "keepalive-timeout"},
	"89a-tunnel-closed-by-the-server-only": {"orderly-end"},
	"92a-eap-refused":                      {"ppp-auth-failed"},
}

// mild says that nothing is claimed that is not true: nothing, or less than is known.
func (k *known) mild(r *report, name string) bool {
	switch {
	case slices.Contains(symptoms[name], r.CauseID):
		return true
	case r.State == "partial", r.State == "up" && (r.CauseID == "" || r.CauseID == k.Cause):
		return true
	case r.State == k.State || r.State == k.WithoutKeys.State:
		return r.CauseID == "" || r.CauseID == k.Cause || r.CauseID == k.WithoutKeys.Cause
	}
	return false
}

func TestVariations(t *testing.T) {
	var files []string
	for _, root := range causeRoots {
		found, _ := filepath.Glob(filepath.Join(root, "*", "cause.json"))
		for _, f := range found {
			if !slices.ContainsFunc(files,
				func(other string) bool { return filepath.Base(filepath.Dir(other)) == filepath.Base(filepath.Dir(f)) }) {
				files = append(files, f)
			}
		}
	}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		var k known
		if err := json.Unmarshal(text, &k); err != nil {
			t.Fatalf("%s: %v", f, err)
		}
		dir := filepath.Dir(f)
		s := readAll(t, filepath.Join(dir, "outer.pcap"))
		server := netip.MustParseAddr("203.0.113.1")
		n := len(s.packets)
		for what, packets := range map[string][]capture.Packet{
			"20 years earlier": s.shifted(-20 * 365 * 86400e9),
			"2 years later":    s.shifted(2 * 365 * 86400e9),
			"doubled":          s.doubled(),
		} {
			vary(t, filepath.Base(dir)+", "+what, s, packets, keySets(dir)["tables"], func(list []report,
				unread bool) bool {
				return slices.ContainsFunc(list, func(r report) bool { return k.fits(&r, unread) })
			})
		}
		if once, twice := usersOf(s.sessionsOf(t, s.packets, keySets(dir)["tables"])), usersOf(s.sessionsOf(t,
			s.doubled(), keySets(dir)["tables"])); once != twice {
			t.Errorf("%s: %v packets and bytes, doubled %v", filepath.Base(dir), once, twice)
		}
		parts := map[string][]capture.Packet{
			"swapped":         s.swapped(),
			"from the server": s.direction(server, true),
			"to the server":   s.direction(server, false),
			"UDP 500":         s.ports(500),
			"UDP 500, 4500":   s.ports(500, 4500),
			"96 bytes":        s.cut(96),
			"60 bytes":        s.cut(60),
		}
		for i := 1; i < 8; i++ {
			parts[fmt.Sprintf("from %d/8", i)] = s.packets[n*i/8:]
			parts[fmt.Sprintf("to %d/8", i)] = s.packets[:n*i/8]
		}
		for what, packets := range parts {
			vary(t, filepath.Base(dir)+", "+what, s, packets, keySets(dir)["tables"], func(list []report,
				unread bool) bool {
				return !slices.ContainsFunc(list, func(r report) bool { return !k.mild(&r, filepath.Base(dir)) })
			})
		}
	}
}

// TestInterleaved: connections of several clients at a time, each with its own end.
func TestInterleaved(t *testing.T) {
	files, _ := filepath.Glob(filepath.Join(causeRoots[0], "*", "cause.json"))
	files = slices.DeleteFunc(files, func(name string) bool { // their truth is that the capture ends
		text, err := os.ReadFile(name)
		return err != nil || bytes.Contains(text, []byte(`"state": "partial"`))
	})
	for i, f := range files {
		var captures [3]*recorded
		var truths [3]known
		var lists [3][]capture.Packet
		var keys []string
		for n, file := range [3]string{f, files[(i+7)%len(files)], files[(i+19)%len(files)]} {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal(text, &truths[n]); err != nil {
				t.Fatal(err)
			}
			captures[n] = readAll(t, filepath.Join(filepath.Dir(file), "outer.pcap"))
			for _, client := range []string{"203.0.113.10", "203.0.113.77", "192.168.77.10", "198.51.100.20"} {
				from := netip.MustParseAddr(client)
				if list := captures[n].moved(from, netip.AddrFrom4([4]byte{192, 0, 2,
					byte(10 + n)})); slices.ContainsFunc(captures[n].packets, of(captures[n], from)) {
					lists[n] = list
				}
			}
			keys = append(keys, keySets(filepath.Dir(file))["tables"]...)
		}
		vary(t, filepath.Base(filepath.Dir(f))+" and two more", captures[0], merged(lists[:]...), keys,
			func(list []report, unread bool) bool {
				for n := range truths {
					if !slices.ContainsFunc(list, func(r report) bool {
						return r.OrigHost == fmt.Sprintf("192.0.2.%d", 10+n) && truths[n].fits(&r, unread)
					}) {
						return false
					}
				}
				return true
			})
	}
}

// TestForgedDial: first messages that somebody forges change nothing of what keys prove.
func TestForgedDial(t *testing.T) {
	for _, name := range []string{"53a-lcp-echo-unanswered-client-dead", "54a-dpd-timeout-client-gone", "50c-pap-refused",
		"63a-idle-timeout", "84a-hello-unanswered", "90a-dns-unanswered"} {
		dir := filepath.Join(causeRoots[0], name)
		text, err := os.ReadFile(filepath.Join(dir, "cause.json"))
		if err != nil {
			t.Fatal(err)
		}
		var k known
		if err := json.Unmarshal(text, &k); err != nil {
			t.Fatal(err)
		}
		s := readAll(t, filepath.Join(dir, "outer.pcap"))
		first := slices.IndexFunc(s.packets, func(p capture.Packet) bool {
			var f capture.Frame
			return f.Decode(capture.Ethernet, p.Data) == nil && f.UDP && f.DstPort == 500
		})
		var list []capture.Packet
		for i, p := range s.packets {
			list = append(list, p)
			if i > first+20 && i%5 == 0 { // the session is up, or was refused
				forged := s.packets[first]
				forged.Data = bytes.Clone(forged.Data)
				forged.Data[42] ^= byte(i) // another cookie
				forged.Time = p.Time + 1e6
				list = append(list, forged)
			}
		}
		if got := s.sessionsOf(t, list, keySets(dir)["tables"]); !slices.ContainsFunc(got, func(r report) bool { return k.fits(&r, false) }) {
			t.Errorf("%s: %s", name, brief(got))
		}
	}
}

// TestOneDirectionKeys: keys that open no ESP of a capture of one direction take none of it away.
func TestOneDirectionKeys(t *testing.T) {
	dir := "../../../testdata/captures/02-natt-aes256-sha1/"
	s := readAll(t, dir+"outer.pcap")
	for _, from := range []bool{true, false} {
		packets := s.direction(netip.MustParseAddr("203.0.113.1"), from)
		without := s.sessionsOf(t, packets, nil)
		with := s.sessionsOf(t, packets, []string{dir + "router-full.log"}) // half of the ESP keys
		if len(without) != 1 || len(with) != 1 || len(without[0].ESP) != 1 || !slices.Contains(with[0].ESP, without[0].ESP[0]) {
			t.Errorf("from the server %t: %+v with keys, %+v without", from, with, without)
		}
	}
}

// of says whether a packet is of an address.
func of(s *recorded, addr netip.Addr) func(capture.Packet) bool {
	return func(p capture.Packet) bool {
		var f capture.Frame
		return f.Decode(s.Interfaces()[p.Interface].LinkType, p.Data) == nil && (f.Src == addr || f.Dst == addr)
	}
}

// vary judges packets with keys and without.
func vary(t *testing.T, what string, s *recorded, packets []capture.Packet, keys []string,
	right func(list []report, unread bool) bool) {
	t.Helper()
	if list := s.sessionsOf(t, packets, nil); !right(list, true) {
		t.Errorf("%s, unread: %s", what, brief(list))
	}
	if list := s.sessionsOf(t, packets, keys); keys != nil && !right(list, false) {
		t.Errorf("%s: %s", what, brief(list))
	}
}

// usersOf is the users' packets and bytes of all sessions, of both sides.
func usersOf(list []report) (v [4]uint64) {
	for _, r := range list {
		for i, n := range []uint64{r.OrigPackets, r.OrigBytes, r.RespPackets, r.RespBytes} {
			v[i] += n
		}
	}
	return v
}

func brief(list []report) (text string) {
	for _, r := range list {
		text += fmt.Sprintf("%s %s %s: %s; ", r.State, r.CauseID, r.Step, r.Cause)
	}
	return text
}
