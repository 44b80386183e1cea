package l2tp

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"github.com/google/gopacket/pcapgo"

	"l2tpdump/l2tp/ppp"
)

const (
	clear = "../testdata/captures/08x-auth-failed-l2tp-in-clear/outer.pcap"
	peers = "../../shared/peer-captures/"
)

// packet is a UDP packet of port 1701.
type packet struct {
	frame    int
	src, dst netip.AddrPort
	data     []byte
}

// packets reads the L2TP packets of a capture; the test is skipped if the file is not there.
func packets(t *testing.T, file string) []packet {
	t.Helper()
	f, err := os.Open(file)
	if errors.Is(err, os.ErrNotExist) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r, err := pcapgo.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var all []packet
	for frame := 1; ; frame++ {
		data, _, err := r.ReadPacketData()
		if err == io.EOF {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		p := gopacket.NewPacket(data, r.LinkType(), gopacket.Lazy)
		udp, _ := p.Layer(layers.LayerTypeUDP).(*layers.UDP)
		if udp == nil || udp.SrcPort != 1701 && udp.DstPort != 1701 {
			continue
		}
		src, _ := netip.AddrFromSlice(p.NetworkLayer().NetworkFlow().Src().Raw())
		dst, _ := netip.AddrFromSlice(p.NetworkLayer().NetworkFlow().Dst().Raw())
		all = append(all, packet{frame,
			netip.AddrPortFrom(src, uint16(udp.SrcPort)), netip.AddrPortFrom(dst, uint16(udp.DstPort)), udp.Payload})
	}
}

// TestClearCapture reads a real session that ran in clear, from dialling to hanging up.
func TestClearCapture(t *testing.T) {
	tr := NewTracker(nil)
	var control []string
	data := 0
	var session *Session
	for _, p := range packets(t, clear) {
		var h Header
		if err := h.Decode(p.data); err != nil {
			t.Errorf("frame %d: %v", p.frame, err)
			continue
		}
		s := observation(tr, p.src, p.dst, &h, p.data).Session
		if h.Control {
			control = append(control, string(AppendSummary(nil, &h, read(&h, p.data), 0)))
			continue
		}
		data++
		if session == nil {
			session = s
		}
		if s == nil || s != session {
			t.Errorf("frame %d: session %p, want %p", p.frame, s, session)
		}
	}
	want := strings.Split(strings.TrimSpace(`
L2TP 0/0 SCCRQ Ns 0 Nr 0 host=labvm tunnel=5589
L2TP 5589/0 SCCRP Ns 0 Nr 1 host=labvm tunnel=3283
L2TP 3283/0 SCCCN Ns 1 Nr 1
L2TP 3283/0 ICRQ Ns 2 Nr 1 session=14038
L2TP 5589/0 ZLB Ns 1 Nr 2
L2TP 5589/14038 ICRP Ns 1 Nr 3 session=49420
L2TP 3283/49420 ICCN Ns 3 Nr 2
L2TP 5589/0 ZLB Ns 2 Nr 3
L2TP 5589/14038 ZLB Ns 2 Nr 4
L2TP 3283/49420 CDN Ns 4 Nr 2 session=14038 result=1 loss of carrier
L2TP 5589/14038 ZLB Ns 2 Nr 5
L2TP 3283/0 StopCCN Ns 5 Nr 2 tunnel=5589 result=1 general request to clear control connection, Goodbye!
L2TP 5589/0 ZLB Ns 2 Nr 6`), "\n")
	if fmt.Sprint(control) != fmt.Sprint(want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(control, "\n"), strings.Join(want, "\n"))
	}
	if tr.tunnelOrder.n != 1 || session == nil || !session.closed || session.IDs != [2]uint32{14038, 49420} {
		t.Fatalf("%d tunnels, session %+v", tr.tunnelOrder.n, session)
	}
	if data != 240 {
		t.Errorf("%d data messages", data)
	}
}

// TestMidSession reads the same capture from each of its first packets on: all data of a direction
// must be in one session, and both directions in the same.
func TestMidSession(t *testing.T) {
	all := packets(t, clear)
	for from := range 40 {
		tr := NewTracker(nil)
		var sessions [2]*Session
		for _, p := range all[from:] {
			var h Header
			if err := h.Decode(p.data); err != nil {
				t.Fatal(err)
			}
			s := observation(tr, p.src, p.dst, &h, p.data).Session
			if h.Control {
				continue
			}
			direction := 0
			if h.Tunnel == 5589 {
				direction = 1
			}
			if sessions[direction] == nil {
				sessions[direction] = s
			}
			if s == nil || s != sessions[direction] {
				t.Fatalf("from packet %d: frame %d is in another session", from, p.frame)
			}
		}
		if sessions[0] != sessions[1] || tr.tunnelOrder.n != 1 {
			t.Errorf("from packet %d: directions apart, %d tunnels", from, tr.tunnelOrder.n)
		}
	}
}

// TestAgainstTshark compares the headers, the message types and the PPP codes with what tshark
// reads.
func TestAgainstTshark(t *testing.T) {
	tshark, err := exec.LookPath("tshark")
	if err != nil {
		t.Skip(err)
	}
	wiki := peers + "wireshark-wiki/l2tp-ppp/"
	for _, file := range []string{clear, wiki + "nb6-startup.pcap", wiki + "nb6-http.pcap", wiki + "nb6-hotspot.pcap", wiki + "nb6-telephone.pcap"} {
		t.Run(filepath.Base(filepath.Dir(file))+"/"+filepath.Base(file), func(t *testing.T) {
			ours := map[string]string{}
			for _, p := range packets(t, file) {
				ours[strconv.Itoa(p.frame)] = describe(t, p.data)
			}
			fields := []string{"frame.number", "l2tp.type", "l2tp.length_bit", "l2tp.seq_bit", "l2tp.offset_bit", "l2tp.tunnel", "l2tp.session",
				"l2tp.length", "l2tp.Ns", "l2tp.Nr", "l2tp.avp.message_type", "ppp.protocol", "ppp.code", "ppp.identifier", "chap.code",
				"chap.identifier", "pap.code", "pap.identifier"}
			args := []string{"-r", file, "-Y", "l2tp", "-T", "fields", "-E", "occurrence=a", "-E", "aggregator=,", "-E", "separator=|"}
			for _, f := range fields {
				args = append(args, "-e", f)
			}
			out, err := exec.Command(tshark, args...).Output()
			if err != nil {
				t.Fatal(err)
			}
			lines := strings.Split(strings.TrimSpace(string(out)), "\n")
			for _, line := range lines {
				f := strings.Split(line, "|")
				// There is PPP around L2TP where there is PPPoE, and behind a Protocol-Reject the packet that
				// was rejected.
				protocols := strings.Split(f[11], ",")
				if len(protocols) > 1 && protocols[0] == "0x0021" {
					protocols = protocols[1:]
				}
				f[11] = protocols[0]
				if control := f[1] == "1"; control {
					f[11] = ""
				}
				code, _, _ := strings.Cut(f[12]+f[14]+f[16], ",")
				identifier, _, _ := strings.Cut(f[13]+f[15]+f[17], ",")
				want := strings.Join(append(f[1:12], code, identifier), "|")
				if got := ours[f[0]]; got != want {
					t.Errorf("frame %s\n got %s\nwant %s", f[0], got, want)
				}
			}
			if len(lines) != len(ours) {
				t.Errorf("%d packets, tshark has %d", len(ours), len(lines))
			}
		})
	}
}

// describe writes a packet in the form of the fields that tshark is asked for.
func describe(t *testing.T, data []byte) string {
	var h Header
	if err := h.Decode(data); err != nil {
		t.Error(err)
	}
	bit := func(b bool) string {
		if b {
			return "1"
		}
		return "0"
	}
	number := func(n uint32, there bool) string {
		if !there {
			return ""
		}
		return strconv.Itoa(int(n))
	}
	payload := data[h.PayloadStart:h.PayloadEnd]
	var message, protocol, code, identifier string
	if h.Control {
		n, _ := messageType(payload)
		message = number(uint32(n), len(payload) > 0)
	} else {
		var f ppp.Frame
		if err := f.Decode(payload); err != nil {
			t.Error(err)
		}
		protocol = fmt.Sprintf("0x%04x", f.Protocol)
		if ppp.IsControl(f.Protocol) {
			var c ppp.Control
			if err := c.Decode(f.Protocol, payload[f.PayloadStart:f.PayloadEnd]); err != nil {
				t.Error(err)
			}
			code, identifier = strconv.Itoa(int(c.Code)), strconv.Itoa(int(c.ID))
		}
	}
	return strings.Join([]string{bit(h.Control), bit(h.HasLength), bit(h.HasSequence), bit(h.HasOffset), number(h.Tunnel, true),
		number(h.Session, true), number(uint32(h.Length), h.HasLength), number(uint32(h.Ns), h.HasSequence), number(uint32(h.Nr), h.HasSequence), message,
		protocol, code, identifier}, "|")
}

// TestDamagedControl reads tcpdump's file of fuzzed control messages, whose Length is larger than
// the packet.
func TestDamagedControl(t *testing.T) {
	all := packets(t, peers+"tcpdump/l2tp-avp-overflow.pcap")
	want := map[int]string{1: "AVP 60963", 2: "Session DS", 3: "ACCM 2 bytes malformed", 19: "vendor 1 AVP 35", 20: "vendor 128 AVP 1701"}
	for _, p := range all {
		var h Header
		if err := h.Decode(p.data); err != ErrTruncated {
			t.Errorf("frame %d: %v", p.frame, err)
		}
		if h.Tunnel != 560 || h.Session != 2056 {
			t.Errorf("frame %d: %d/%d", p.frame, h.Tunnel, h.Session)
		}
		if line := string(AppendSummary(nil, &h, read(&h, p.data), 1)); !strings.Contains(line, want[p.frame]) {
			t.Errorf("frame %d: %s", p.frame, line)
		}
	}
	if len(all) != 16 {
		t.Errorf("%d packets", len(all))
	}
}
