package pipeline_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"l2tpdump/capture"
	"l2tpdump/cmd/internal/output"
	"l2tpdump/cmd/internal/pipeline"
	"l2tpdump/cmd/internal/why"
	"l2tpdump/ikev1"
)

// rewritten is a copy of a capture in which edit has changed the UDP payload or ports of IPv4
// frames.
func rewritten(t *testing.T, f *frames, edit func(i int, n *capture.Frame, data []byte)) *frames {
	t.Helper()
	var list []capture.Packet
	for i, p := range f.list {
		var n capture.Frame
		p.Data = bytes.Clone(p.Data)
		if err := n.Decode(f.interfaces[p.Interface].LinkType, p.Data); err == nil && n.IPVersion == 4 {
			edit(i, &n, p.Data)
			capture.FixTransportChecksum(p.Data[n.LinkLen:])
		}
		list = append(list, p)
	}
	return f.with(list)
}

// compareRuns checks that two runs say the same of each frame.
func compareRuns(t *testing.T, what string, got, want *outcome) {
	t.Helper()
	if len(got.results) != len(want.results) {
		t.Errorf("%s: %d frames, want %d", what, len(got.results), len(want.results))
		return
	}
	for i := range want.results {
		g, w := &got.results[i], &want.results[i]
		if g.verdict != w.verdict || g.kind != w.kind || g.partOf != w.partOf || !bytes.Equal(g.plain, w.plain) || !bytes.Equal(g.inner, w.inner) {
			t.Errorf("%s: frame %d: %s %s %s, want %s %s", what, i+1, g.kind, g.verdict, g.reason, w.kind, w.verdict)
			return
		}
		for j, m := range w.ike {
			if x := g.ike[j]; x.Decrypted != m.Decrypted || x.Reconstructed != m.Reconstructed || x.Verified != m.Verified || !bytes.Equal(x.Plain, m.Plain) {
				t.Errorf("%s: frame %d: message differs: %s", what, i+1, g.reason)
				return
			}
		}
	}
}

// TestPortsChangeInIKE: from any IKE message on, the NAT gives the client another port, or another
// address.
func TestPortsChangeInIKE(t *testing.T) {
	for _, dir := range []string{"01-basic-aes128-sha1", "02-natt-aes256-sha1", "06-pfs-rekey-dpd"} {
		for _, names := range [][]string{tables, {"router-full.log"}} {
			f := mustRead(t, filepath.Join(capturesDir, dir, "outer.pcap"))
			keys := labKeys(t, dir, names...)
			all := follow(t, f, keys, mode{})
			var list []capture.Packet
			picked := pickESP(all)
			for i := range all.results {
				if r := &all.results[i]; r.kind == pipeline.IKE || picked[i] {
					list = append(list, f.list[i])
				}
			}
			f = f.with(list)
			want := follow(t, f, keys, mode{})
			server := netip.MustParseAddr("203.0.113.1").As4()
			for from := range f.list {
				for _, address := range []bool{false, true} {
					moved := rewritten(t, f, func(i int, n *capture.Frame, data []byte) {
						if i < from {
							return
						}
						at, ip := n.PayloadStart, n.LinkLen+12 // the source
						if bytes.Equal(data[ip:ip+4], server[:]) {
							at, ip = at+2, ip+4
						}
						if address {
							data[ip+3] = 99
						} else if n.UDP {
							binary.BigEndian.PutUint16(data[at:], binary.BigEndian.Uint16(data[at:])+20000)
						}
					})
					compareRuns(t, fmt.Sprintf("%s, %s, from frame %d, address %v", dir, names[0], from+1, address), follow(t, moved, keys, mode{}), want)
				}
			}
		}
	}
}

// TestOtherPorts: IKE, ESP and L2TP set-up on ports of their own are found by content.
func TestOtherPorts(t *testing.T) {
	for _, dir := range []string{"02-natt-aes256-sha1", "08b-rsa-ikefrag-natt", "11-three-clients-two-behind-nat"} {
		for _, names := range [][]string{tables, {"router-full.log"}} {
			f := mustRead(t, filepath.Join(capturesDir, dir, "outer.pcap"))
			keys := labKeys(t, dir, names...)
			moved := rewritten(t, f, func(_ int, n *capture.Frame, data []byte) {
				for _, at := range []int{n.PayloadStart, n.PayloadStart + 2} {
					switch {
					case !n.UDP:
					case binary.BigEndian.Uint16(data[at:]) == 500:
						binary.BigEndian.PutUint16(data[at:], 1500)
					case binary.BigEndian.Uint16(data[at:]) == 4500:
						binary.BigEndian.PutUint16(data[at:], 10000)
					}
				}
			})
			compareRuns(t, dir+" "+names[0], follow(t, moved, keys, mode{}), follow(t, f, keys, mode{}))
		}
	}
}

// TestPortOfL2TP: a NAT may map the port of IKE or of NAT traversal to that of L2TP, where l2tpdump
// finds them by content, too.
func TestPortOfL2TP(t *testing.T) {
	dir := "02-natt-aes256-sha1"
	f := mustRead(t, filepath.Join(capturesDir, dir, "outer.pcap"))
	keys := labKeys(t, dir, tables...)
	for _, other := range []uint16{10000, 1701} {
		moved := rewritten(t, f, func(_ int, n *capture.Frame, data []byte) {
			for at, port := range map[int]uint16{n.PayloadStart: other, n.PayloadStart + 2: 1701} {
				if n.UDP && (n.SrcPort == 500 || n.SrcPort == 4500 || n.DstPort == 500 || n.DstPort == 4500) {
					binary.BigEndian.PutUint16(data[at:], port)
				}
			}
		})
		got := follow(t, moved, keys, mode{text: true})
		compareRuns(t, fmt.Sprint("port ", other), got, follow(t, f, keys, mode{}))
		for i := range got.results {
			if r := &got.results[i]; r.kind == pipeline.L2TP || r.verdict == why.Malformed {
				t.Fatal(r.text)
			}
		}
	}
	for _, payload := range [][]byte{{0xff}, {0x0f, 0xff, 1, 2, 3, 4, 5, 6, 7, 8}, {0xc8, 0x02, 0, 12, 0, 1, 0, 0, 0, 1, 0, 1}} {
		o := follow(t, rawFrames(ipPacket(here4, there4, 17, udp(here4, there4, 1701, 1701, payload))), nil, mode{text: true})
		want := map[int]string{1: "NAT keepalive", 10: "UDP, length 10", 12: "ZLB"}[len(payload)]
		if r := o.results[0]; !strings.Contains(r.text, want) {
			t.Errorf("%s: want %s", r.text, want)
		}
	}
}

// TestTwoMessagesInOneDatagram: neighbouring IKE messages of one sender in one datagram.
func TestTwoMessagesInOneDatagram(t *testing.T) {
	dir := "01-basic-aes128-sha1"
	f := mustRead(t, filepath.Join(capturesDir, dir, "outer.pcap"))
	keys := labKeys(t, dir, "router-full.log")
	want := follow(t, f, keys, mode{})
	joined := 0
	for i := 1; i < len(f.list); i++ {
		a, b := &want.results[i-1], &want.results[i]
		if a.kind != pipeline.IKE || b.kind != pipeline.IKE || a.ike[0].FromInitiator != b.ike[0].FromInitiator {
			continue
		}
		joined++
		var n, m capture.Frame
		first, second := f.list[i-1], f.list[i]
		if n.Decode(f.interfaces[0].LinkType, first.Data) != nil || m.Decode(f.interfaces[0].LinkType, second.Data) != nil {
			t.Fatal("no frame")
		}
		payload := slices.Concat(first.Data[n.UDPStart:n.UDPEnd], second.Data[m.UDPStart:m.UDPEnd])
		second.Data = n.AppendUDPPayload(nil, first.Data, payload)
		second.Length = len(second.Data)
		list := slices.Clone(f.list)
		list[i] = second
		list = slices.Delete(list, i-1, i)
		o := follow(t, f.with(list), keys, mode{text: true, layer: output.LayerL2TP})
		r := &o.results[i-1]
		if len(r.ike) != 2 || !bytes.Equal(r.ike[0].Plain, a.ike[0].Plain) || !bytes.Equal(r.ike[1].Plain, b.ike[0].Plain) || r.verdict != why.Verified {
			t.Errorf("%s", r.text)
			continue
		}
		if !bytes.HasSuffix(o.clear[i-1].Data, slices.Concat(r.ike[0].Plain, r.ike[1].Plain)) {
			t.Errorf("frame %d is not written in clear", i)
		}
		if all, opened, _ := o.encrypted(); all != opened || all != 7 {
			t.Errorf("%d of %d decrypted", opened, all)
		}
	}
	if joined == 0 {
		t.Error("no neighbours found")
	}
}

// TestBehindAMessage: what follows a message in its datagram is a message with its own verdict, or
// is named.
func TestBehindAMessage(t *testing.T) {
	dir := "01-basic-aes128-sha1"
	f := mustRead(t, filepath.Join(capturesDir, dir, "outer.pcap"))
	keys := labKeys(t, dir, "router-full.log")
	whole := follow(t, f, keys, mode{})
	at := slices.IndexFunc(whole.results, func(r result) bool { return len(r.ike) > 0 && r.ike[0].Header.Exchange == ikev1.ExchangeQuick })
	frame := func(behind ...byte) *outcome {
		t.Helper()
		var n capture.Frame
		p := f.list[at]
		if err := n.Decode(f.interfaces[0].LinkType, p.Data); err != nil {
			t.Fatal(err)
		}
		p.Data = n.AppendUDPPayload(nil, p.Data, slices.Concat(p.Data[n.UDPStart:n.UDPEnd], behind))
		p.Length = len(p.Data)
		list := slices.Clone(f.list)
		list[at] = p
		return follow(t, f.with(list), keys, mode{text: true})
	}
	foreign := ikev1.Header{
		InitiatorCookie: ikev1.Cookie{1, 2, 3}, ResponderCookie: ikev1.Cookie{4}, NextPayload: ikev1.PayloadHash, MajorVersion: 1,
		Exchange: ikev1.ExchangeQuick, Flags: ikev1.FlagEncryption, MessageID: 7, Length: 28 + 64,
	}
	r := frame(append(foreign.Append(nil), bytesOf("cipher", 64)...)...).results[at]
	if r.verdict != why.NoKey || len(r.ike) != 2 || !r.ike[0].Verified {
		t.Errorf("another SA's message: %s", r.text)
	}
	var o struct {
		IKE struct {
			Verdict string
			Message int
			More    []struct {
				Verdict         string
				Exchange        string
				InitiatorCookie string `json:"initiator_cookie"`
			}
		}
	}
	if err := json.Unmarshal([]byte(r.json), &o); err != nil || len(o.IKE.More) != 1 {
		t.Fatalf("%v: %s", err, r.json)
	}
	if m := o.IKE.More[0]; o.IKE.Verdict != "verified" || o.IKE.Message != 1 || m.Verdict != "no key" || m.Exchange != "quick" || m.InitiatorCookie != "0102030000000000" {
		t.Errorf("%s", r.json)
	}
	for n, want := range map[int]string{7: "7 bytes behind the message", 40: "40 bytes behind the message"} {
		r := frame(bytesOf("rubbish", n)...).results[at]
		if r.verdict != why.Verified || len(r.ike) != 1 || r.reason != want {
			t.Errorf("%d bytes: %q: %s", n, r.reason, r.text)
		}
	}
}

// TestCommitBit: the commit bit in all messages changes nothing (RFC 2408 section 3.1).
func TestCommitBit(t *testing.T) {
	dir := "01-basic-aes128-sha1"
	f := mustRead(t, filepath.Join(capturesDir, dir, "outer.pcap"))
	keys := labKeys(t, dir, "router-full.log")
	marked := rewritten(t, f, func(_ int, n *capture.Frame, data []byte) {
		if n.UDP && n.SrcPort == 500 {
			data[n.UDPStart+19] |= ikev1.FlagCommit
		}
	})
	o := follow(t, marked, keys, mode{})
	if all, opened, verified := o.encrypted(); all != 7 || opened != 7 || verified != 7 {
		t.Errorf("%d encrypted, %d decrypted, %d verified", all, opened, verified)
	}
}

// writeCapture writes frames to a file.
func writeCapture(t *testing.T, path string, w func(*os.File) capture.Writer, f *frames) {
	t.Helper()
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	out := w(file)
	for _, i := range f.interfaces {
		if _, err := out.AddInterface(i); err != nil {
			t.Fatal(err)
		}
	}
	for i := range f.list {
		if err := out.WritePacket(&f.list[i], nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := out.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestRing: several files, named in any order, are one capture.
func TestRing(t *testing.T) {
	dir := "13-ip-fragmented-esp" // the cuts go through datagrams
	whole := mustRead(t, filepath.Join(capturesDir, dir, "outer.pcap"))
	keys := labKeys(t, dir, tables...)
	want := follow(t, whole, keys, mode{})
	for _, size := range []int{1, 7, 50, 131} {
		var paths []string
		temp := t.TempDir()
		parts := 0
		for at := 0; at < len(whole.list); at += size {
			if parts++; parts == 20 {
				size = len(whole.list)
			}
			path := filepath.Join(temp, fmt.Sprintf("ring%d", parts))
			part := whole.with(whole.list[at:min(at+size, len(whole.list))])
			writeCapture(t, path, func(f *os.File) capture.Writer {
				if parts%2 == 0 {
					return capture.NewPcapWriter(f, true)
				}
				return capture.NewPcapngWriter(f)
			}, part)
			paths = append(paths, path)
		}
		rand.New(rand.NewPCG(1, 2)).Shuffle(len(paths), func(i, j int) { paths[i], paths[j] = paths[j], paths[i] })
		compareRuns(t, fmt.Sprintf("%d files", len(paths)), follow(t, mustRead(t, paths...), keys, mode{}), want)
	}
}

// TestLinkTypes: one pcapng whose interfaces have different link types.
func TestLinkTypes(t *testing.T) {
	dir := "19-cooked-any"
	var all *frames
	var want []*outcome
	keys := labKeys(t, dir, tables...)
	for i, name := range []string{"outer.pcap", "client-any-sll2.pcap", "server-any-sll1.pcap"} {
		f := mustRead(t, filepath.Join(capturesDir, dir, name))
		want = append(want, follow(t, f, keys, mode{}))
		if all == nil {
			all = &frames{}
		}
		all.interfaces = append(all.interfaces, f.interfaces...)
		for _, p := range f.list {
			p.Interface = i
			p.Time += int64(i) * 3600e9
			all.list = append(all.list, p)
		}
	}
	path := filepath.Join(t.TempDir(), "mixed")
	writeCapture(t, path, func(f *os.File) capture.Writer { return capture.NewPcapngWriter(f) }, all)
	read := mustRead(t, path)
	o := follow(t, read, keys, mode{layer: output.LayerL2TP})
	o.checkOrder(t, read)
	at := 0
	for _, w := range want {
		for i := range w.results {
			g, r := &o.results[at+i], &w.results[i]
			if g.verdict != r.verdict || g.kind != r.kind || !bytes.Equal(g.inner, r.inner) {
				t.Errorf("frame %d: %s %s, want %s", at+i+1, g.verdict, g.reason, r.verdict)
				return
			}
		}
		at += len(w.results)
	}
	for i := range o.clear {
		if o.clear[i].Time != read.list[i].Time || o.clear[i].Interface != read.list[i].Interface {
			t.Errorf("packet %d was written with another time or interface", i+1)
			return
		}
	}
}

// TestTime: a clock that goes backwards, jumps or is wrong for a frame loses nothing.
func TestTime(t *testing.T) {
	const day = int64(24 * 3600e9)
	for _, dir := range []string{"02-natt-aes256-sha1", "06-pfs-rekey-dpd", "08b-rsa-ikefrag-natt", "17d-aes128-sha256-esn"} {
		f := mustRead(t, filepath.Join(capturesDir, dir, "outer.pcap"))
		keys := labKeys(t, dir, tables...)
		want := follow(t, f, keys, mode{})
		half := len(f.list) / 2
		for name, at := range map[string]func(i int, time int64) int64{
			"all backwards":            func(_ int, time int64) int64 { return 2*f.list[0].Time - time },
			"all the same":             func(int, int64) int64 { return 0 },
			"before 1970":              func(_ int, time int64) int64 { return time - f.list[0].Time - 1e9 },
			"a day back":               func(i int, time int64) int64 { return time - int64(i/half)*day },
			"each tenth a year ahead":  func(i int, time int64) int64 { return time + int64(i%10/9)*365*day },
			"each tenth in 1970":       func(i int, time int64) int64 { return time * int64(1-i%10/9) },
			"two clocks, days apart":   func(i int, time int64) int64 { return time + int64(i%2)*3*day },
			"the first a year ahead":   func(i int, time int64) int64 { return time + int64(max(0, 1-i))*365*day },
			"the fifth in 2262":        func(i int, time int64) int64 { return time + int64(1-min(1, max(i-4, 4-i)))*(1<<62) },
			"beyond what 64 bits hold": func(i int, time int64) int64 { return time + int64(i%20/19)*(7<<60) },
		} {
			list := slices.Clone(f.list)
			for i := range list {
				list[i].Time = at(i, list[i].Time)
			}
			o := follow(t, f.with(list), keys, mode{text: true})
			o.checkOrder(t, f.with(list))
			compareRuns(t, dir+": "+name, o, want)
		}
	}
}

// TestFragmentsLost: fragments that are missing, repeated or late: every frame comes out, in order,
// what is whole is decrypted.
func TestFragmentsLost(t *testing.T) {
	for _, dir := range []string{"02-natt-aes256-sha1", "08-rsa-ipfrag", "08b-rsa-ikefrag-natt", "10-ipv6-outer", "13-ip-fragmented-esp"} {
		t.Run(dir, func(t *testing.T) {
			t.Parallel()
			f := mustRead(t, filepath.Join(capturesDir, dir, "outer.pcap"))
			keys := labKeys(t, dir, tables...)
			whole := follow(t, f, keys, mode{})
			merged := make(map[uint64][]uint64) // by completing frame: all frames of the datagram
			for i := range whole.results {
				if r := &whole.results[i]; r.partOf != 0 {
					merged[r.partOf] = append(merged[r.partOf], r.number)
				}
			}
			random := rand.New(rand.NewPCG(7, 9))
			for range 20 {
				lost := make(map[uint64]bool)
				var list []capture.Packet
				for i := range f.list {
					if random.IntN(12) == 0 {
						lost[uint64(i+1)] = true
						continue
					}
					list = append(list, f.list[i])
				}
				g := f.with(list)
				o := follow(t, g, keys, mode{text: true, layer: output.LayerL2TP})
				o.checkOrder(t, g)
				k := 0
				for i := range f.list {
					n := uint64(i + 1)
					if lost[n] {
						continue
					}
					r, w := &o.results[k], &whole.results[i]
					k++
					complete := true
					for _, m := range merged[max(n, w.partOf)] {
						complete = complete && !lost[m]
					}
					complete = complete && !lost[w.partOf]
					switch {
					case w.kind != pipeline.ESP && w.partOf == 0:
					case complete && (r.verdict != w.verdict || !bytes.Equal(r.plain, w.plain) || (r.partOf != 0) != (w.partOf != 0)):
						t.Errorf("frame %d: %s", n, r.text)
					case !complete && (r.verdict.Opened() || r.partOf != 0):
						t.Errorf("frame %d is of a datagram that is not whole: %s", n, r.text)
					}
				}
			}
		})
	}
}

// TestNothingWaitsForever: datagrams and IKE messages that never become whole, and IKE messages
// whose predecessor never comes, hold up a long capture by a bounded number of frames.
func TestNothingWaitsForever(t *testing.T) {
	const many = 20000
	s := aesSA(0xc000)
	fragment := ipPacket(here4, there4, 50, bytesOf("fragment", 64))
	fragment[6] = 0x20 // more follow
	binary.BigEndian.PutUint16(fragment[10:], 0)
	binary.BigEndian.PutUint16(fragment[10:], onesComplement(fragment[:20]))
	dir := "01-basic-aes128-sha1"
	ike := mustRead(t, filepath.Join(capturesDir, dir, "outer.pcap"))
	sample := follow(t, ike, labKeys(t, dir, tables...), mode{})
	var quick []byte // alone: its IV is unknown
	for i := range sample.results {
		if r := &sample.results[i]; r.kind == pipeline.IKE && r.ike[0].Header.Exchange == ikev1.ExchangeQuick {
			quick = ike.list[i].Data[14:]
			break
		}
	}
	packets := [][]byte{fragment, quick}
	packets = append(packets, sealAll(s, many)...)
	packets[many/2] = quick
	f := rawFrames(packets...)
	for i := range f.list {
		f.list[i].Time = 1e18 // no time passes: only the bound helps
	}
	o := follow(t, f, append(secrets(s.secret()), labKeys(t, dir, tables...)...), mode{})
	o.checkOrder(t, f)
	if n := o.stats.Count(pipeline.ESP, why.Verified); n < many-1 {
		t.Errorf("%d of %d verified", n, many-1)
	}
	if m := o.results[1].ike[0]; !m.Decrypted || !m.Reconstructed {
		t.Errorf("%s", o.results[1].reason)
	}
}

// TestCompressedPPP: what PPP compresses or encrypts is named, expanded where no key is needed, and
// is no error.
func TestCompressedPPP(t *testing.T) {
	for _, c := range []struct {
		dir   string
		names []string
	}{
		{"09-ppp-vj-deflate-acfc-pfc", []string{"PPP deflate: IP (", "PPP VJ: IP ("}},
		{"09c-ppp-mppe128-stateless", []string{"PPP mppe Compressed, length ", ", no key"}},
		{"09e-ppp-vj-only-l2tp-challenge", []string{"PPP VJ: IP ("}},
		{"09f-ppp-deflate-only-kernel", []string{"PPP deflate: IP (", ", waiting for others", "; IP ("}},
		{"22-redial-same-sa-vj-deflate", []string{"PPP deflate: IP (", "PPP VJ: IP ("}},
	} {
		o := follow(t, mustRead(t, filepath.Join(capturesDir, c.dir, "outer.pcap")), labKeys(t, c.dir, tables...), mode{text: true})
		for _, name := range c.names {
			if !slices.ContainsFunc(o.results, func(r result) bool { return strings.Contains(r.text, name) }) {
				t.Errorf("%s: no line has %q", c.dir, name)
			}
		}
		for i := range o.results {
			if r := &o.results[i]; r.kind == pipeline.ESP && (r.verdict != why.Verified || r.reason != "") {
				t.Errorf("%s", r.text)
			}
		}
	}
}

// fragmented splits an Ethernet frame's IP payload into fragments of at most size bytes.
func fragmented(t *testing.T, data []byte, id uint32, size int) [][]byte {
	t.Helper()
	var n capture.Frame
	if err := n.Decode(capture.Ethernet, data); err != nil {
		t.Fatal(err)
	}
	var list [][]byte
	payload := data[n.PayloadStart:n.PayloadEnd]
	for at := 0; at < len(payload); at += size {
		part := payload[at:min(at+size, len(payload))]
		more := uint16(0)
		if at+size < len(payload) {
			more = 1
		}
		if n.IPVersion == 6 {
			part = append(binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint16([]byte{n.Protocol, 0}, uint16(at)|more), id), part...)
			list = append(list, n.AppendReplaced(nil, data, 44, part))
			continue
		}
		f := n.AppendReplaced(nil, data, n.Protocol, part)
		ip := f[n.LinkLen:]
		binary.BigEndian.PutUint16(ip[4:], uint16(id))
		binary.BigEndian.PutUint16(ip[6:], more<<13|uint16(at/8))
		ip[10], ip[11] = 0, 0
		binary.BigEndian.PutUint16(ip[10:], onesComplement(ip[:20]))
		list = append(list, f)
	}
	return list
}

// TestFragmentedIKE: IKE messages in IP fragments, in order, backwards and twice, over IPv4 and
// IPv6.
func TestFragmentedIKE(t *testing.T) {
	for _, dir := range []string{"01-basic-aes128-sha1", "02-natt-aes256-sha1", "10-ipv6-outer"} {
		f := mustRead(t, filepath.Join(capturesDir, dir, "outer.pcap"))
		keys := labKeys(t, dir, "router-full.log")
		want := follow(t, f, keys, mode{})
		for _, how := range []string{"in order", "backwards", "twice"} {
			var list []capture.Packet
			var whole []int // by frame: that of the capture which it completes, -1 for other fragments
			for i := range f.list {
				p := f.list[i]
				if want.results[i].kind != pipeline.IKE {
					list, whole = append(list, p), append(whole, i)
					continue
				}
				parts := fragmented(t, p.Data, uint32(7000+i), 104)
				switch how {
				case "backwards":
					slices.Reverse(parts)
				case "twice":
					parts = append(parts[:1:1], parts...)
				}
				for j, part := range parts {
					p.Data, p.Length = part, len(part)
					list, whole = append(list, p), append(whole, -1)
					if j == len(parts)-1 {
						whole[len(whole)-1] = i
					}
				}
			}
			g := f.with(list)
			o := follow(t, g, keys, mode{text: true, layer: output.LayerL2TP})
			o.checkOrder(t, g)
			written := 0
			for i := range o.results {
				r := &o.results[i]
				if r.partOf == 0 {
					written++
				}
				if whole[i] < 0 {
					// The fragments of messages in clear pass as they are.
					continue
				}
				w := &want.results[whole[i]]
				if r.kind != w.kind || r.verdict != w.verdict || !bytes.Equal(r.plain, w.plain) {
					t.Errorf("%s %s: %s, want %s", dir, how, r.text, w.verdict)
					continue
				}
				for j, m := range w.ike {
					if !bytes.Equal(r.ike[j].Plain, m.Plain) {
						t.Errorf("%s %s: message differs: %s", dir, how, r.text)
					}
				}
			}
			if written != len(o.clear) {
				t.Errorf("%s %s: %d packets written, %d records", dir, how, len(o.clear), written)
			}
			for i := range o.clear {
				var n capture.Frame
				if err := n.Decode(capture.Ethernet, o.clear[i].Data); err != nil {
					t.Errorf("%s %s: packet %d: %v", dir, how, i, err)
				} else if n.IPVersion != 0 && !n.Fragment {
					if bad := badChecksum(o.clear[i].Data[n.LinkLen:n.PayloadEnd]); bad != "" {
						t.Errorf("%s %s: packet %d: %s", dir, how, i, bad)
					}
				}
			}
		}
	}
}
