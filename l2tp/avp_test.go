package l2tp

import (
	"bytes"
	"encoding/binary"
	"regexp"
	"strings"
	"testing"
)

// avp makes one AVP. Flags are the M and H bits: 0x8000, 0x4000.
func avpBytes(flags, vendor, kind uint16, value ...byte) []byte {
	b := binary.BigEndian.AppendUint16(nil, flags|uint16(6+len(value)))
	b = binary.BigEndian.AppendUint16(b, vendor)
	b = binary.BigEndian.AppendUint16(b, kind)
	return append(b, value...)
}

var fingerprints = regexp.MustCompile("fingerprint [0-9a-f]{8}")

// masked is a line without what differs from run to run.
func masked(line []byte) string { return fingerprints.ReplaceAllString(string(line), "fingerprint F") }

func TestAVPDescribe(t *testing.T) {
	for _, c := range []struct {
		kind  uint16
		value string
		want  string
	}{
		{0, "\x00\x01", "Message Type: SCCRQ"},
		{0, "\x00\x63", "Message Type: message 99"},
		{0, "\x00", "Message Type: 1 byte malformed"},
		{1, "\x00\x02\x00\x04no room", `Result Code: 2, error 4 insufficient resources, "no room"`},
		{1, "\x00\x02\x00", "Result Code: 3 bytes malformed"},
		{2, "\x01\x00", "Protocol Version: 1.0"},
		{3, "\x00\x00\x00\x03", "Framing Capabilities: async+sync"},
		{3, "\x00\x00\x00\x01", "Framing Capabilities: sync"},
		{4, "\x00\x00\x00\x00", "Bearer Capabilities: none"},
		{4, "\x00\x00\x00\x02", "Bearer Capabilities: analog"},
		{4, "\x00\x00\x01\x02", "Bearer Capabilities: 0x00000102"},
		{5, "\x01\x02\x03\x04\x05\x06\x07\x08", "Tie Breaker: 0x0102030405060708"},
		{6, "\x06\x90", "Firmware Revision: 0x0690"},
		{7, "iPhone", "Host Name: iPhone"},
		{7, "my phone\x1b[2J", `Host Name: "my phone\x1b[2J"`},
		{7, "", `Host Name: ""`},
		{9, "\x00\x15", "Assigned Tunnel ID: 21"},
		{9, "\x00\x00\x15", "Assigned Tunnel ID: 3 bytes malformed"},
		{10, "\x00\x08", "Receive Window Size: 8"},
		{11, "secret challenge", "Challenge: 16 bytes, fingerprint F"},
		{12, "\x00\x10\x00normal", "Q.931 Cause Code: 16/0 normal"},
		{12, "\x00\x10", "Q.931 Cause Code: 2 bytes malformed"},
		{13, "secret response!", "Challenge Response: 16 bytes, fingerprint F"},
		{15, "\x80\x00\x00\x01", "Call Serial Number: 2147483649"},
		{19, "\x00\x00\x00\x01", "Framing Type: sync"},
		{26, "\x01\x04\x05\xdc", "Initial Received LCP CONFREQ: (mru 1500)"},
		{29, "\x00\x03", "Proxy Authen Type: pap"},
		{29, "\x00\x09", "Proxy Authen Type: 9"},
		{30, "alice", "Proxy Authen Name: alice"},
		{31, "secret", "Proxy Authen Challenge: 6 bytes, fingerprint F"},
		{33, "secret", "Proxy Authen Response: 6 bytes, fingerprint F"},
		{34, strings.Repeat("\x00", 26), "Call Errors: none"},
		{34, "\x00\x00\x00\x00\x00\x02" + strings.Repeat("\x00", 16) + "\x00\x00\x00\x07", "Call Errors: crc-2/alignment-7"},
		{35, "\x00\x00\x00\x0a\x00\x00\xff\xff\xff\xff", "ACCM: send-0x000a0000/receive-0xffffffff"},
		{36, "randomvect", "Random Vector: 0x72616e646f6d76656374"},
		{39, "", "Sequencing Required: "},
		{39, "x", "Sequencing Required: 1 byte malformed"},
		{46, "\x00\x10\xc2\x23\x01bad password", `PPP Disconnect Cause Code: 16 authentication failed, protocol 0xc223 at peer, "bad password"`},
		{46, "\x00\x03\x00\x00\x00", "PPP Disconnect Cause Code: 3 normal disconnection, protocol 0x0000"},
		{61, "\x00\x00\x00\x2a", "Assigned Control Connection ID: 0x0000002a"},
		{62, "\x00\x05\x00\x04\x00\x63", "Pseudowire Capabilities List: ethernet/ethernet-vlan/99"},
		{65, "cookieck", "Assigned Cookie: 0x636f6f6b6965636b"},
		{75, "\x00\x00\x00\x00\x00\x98\x96\x80", "Rx Connect Speed: 10000000"},
		{20, "\x00\x01", "AVP 20: 0x0001"},
		{200, "abc", "AVP 200: 0x616263"},
	} {
		for a, err := range walkAVPs(avpBytes(0x8000, 0, c.kind, []byte(c.value)...)) {
			if err != nil {
				t.Errorf("%s: %v", c.want, err)
				continue
			}
			if got := masked([]byte(a.name() + ": " + string(a.appendValue(nil, 0)))); got != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
			if strings.Contains(string(a.appendValue(nil, 0)), "secret") {
				t.Errorf("%s shows a secret", a.name())
			}
			if a.Hidden {
				t.Errorf("%s is hidden", c.want)
			}
		}
	}
}

func TestHiddenAVP(t *testing.T) {
	for a, err := range walkAVPs(avpBytes(0x4000, 0, avpHostName, []byte("encrypted")...)) {
		if err != nil || !a.Hidden {
			t.Fatalf("%+v %v", a, err)
		}
		if got := a.name() + ": " + string(a.appendValue(nil, 0)); got != "Host Name: 9 bytes hidden" {
			t.Error(got)
		}
	}
}

func TestVendorAVP(t *testing.T) {
	for vendor, want := range map[uint16]string{9: "Cisco AVP 7", 311: "Microsoft AVP 7", 60000: "vendor 60000 AVP 7"} {
		a := avp{Vendor: vendor, Type: 7, Value: []byte("not a host name")}
		if got := a.name(); got != want {
			t.Errorf("%s, want %s", got, want)
		}
		if got := string(a.appendValue(nil, 0)); got != "0x6e6f74206120686f7374206e616d65" {
			t.Error(got)
		}
	}
}

func TestAVPLengths(t *testing.T) {
	good := avpBytes(0x8000, 0, avpHostName, 'a')
	for _, c := range []struct {
		name, want string
		tail       []byte
	}{
		{"length 0", "length 0 of AVP Host Name is less than its header", []byte{0x80, 0, 0, 0, 0, 7}},
		{"length 5", "length 5 of AVP Host Name is less than its header", []byte{0x80, 5, 0, 0, 0, 7}},
		{"length 7 of 6", "length 7 of AVP Host Name is more than the 6 bytes left", []byte{0x80, 7, 0, 0, 0, 7}},
		{"length 1023", "length 1023 of AVP Host Name is more than the 6 bytes left", []byte{0x83, 0xff, 0, 0, 0, 7}},
		{"5 bytes", "5 bytes left, an AVP has at least 6", []byte{0x80, 6, 0, 0, 0}},
		{"1 byte", "1 bytes left, an AVP has at least 6", []byte{0x80}},
	} {
		n := 0
		var last error
		for _, err := range walkAVPs(append(append([]byte(nil), good...), c.tail...)) {
			n++
			last = err
		}
		if n != 2 || last == nil || last.Error() != "l2tp: "+c.want {
			t.Errorf("%s: %d AVPs, %v", c.name, n, last)
		}
	}
}

func TestMessageType(t *testing.T) {
	for _, c := range []struct {
		payload []byte
		want    uint16
		name    string
	}{
		{nil, 0, "ZLB"},
		{avpBytes(0x8000, 0, 0, 0, 1), 1, "SCCRQ"},
		{avpBytes(0x8000, 0, 0, 0, 14), 14, "CDN"},
		{avpBytes(0, 0, 0, 0, 29), 29, "CSURQ"},
		{avpBytes(0x8000, 0, 0, 0, 5), 5, "message 5"},
		{avpBytes(0x8000, 0, 0, 1, 0), 256, "message 256"},
		{avpBytes(0xc000, 0, 0, 0, 1), 0, "control"},
		{avpBytes(0x8000, 9, 0, 0, 1), 0, "control"},
		{avpBytes(0x8000, 0, 7, 0, 1), 0, "control"},
		{avpBytes(0x8000, 0, 0, 0), 0, "control"},
		{[]byte{0x80}, 0, "control"},
	} {
		if got, name := messageType(c.payload); got != c.want || name != c.name {
			t.Errorf("%x: %d %s, want %d %s", c.payload, got, name, c.want, c.name)
		}
	}
}

// control makes a control message from AVPs.
func control(tunnel, session, ns, nr uint16, avps ...[]byte) []byte {
	b := []byte{0xc8, 0x02, 0, 0}
	for _, n := range []uint16{tunnel, session, ns, nr} {
		b = binary.BigEndian.AppendUint16(b, n)
	}
	for _, a := range avps {
		b = append(b, a...)
	}
	binary.BigEndian.PutUint16(b[2:], uint16(len(b)))
	return b
}

func message(t uint16) []byte { return avpBytes(0x8000, 0, avpMessageType, byte(t>>8), byte(t)) }

func id(kind, n uint16) []byte { return avpBytes(0x8000, 0, kind, byte(n>>8), byte(n)) }

func TestControlSummary(t *testing.T) {
	host := avpBytes(0x8000, 0, avpHostName, []byte("iPhone")...)
	for _, c := range []struct {
		data    []byte
		verbose int
		want    string
	}{
		{control(0, 0, 0, 0, message(SCCRQ), host), 0, "L2TP 0/0 SCCRQ Ns 0 Nr 0 host=iPhone"},
		{control(0, 0, 0, 0, message(SCCRQ), id(avpAssignedTunnel, 21), host), 0, "L2TP 0/0 SCCRQ Ns 0 Nr 0 host=iPhone tunnel=21"},
		{control(0, 0, 0, 0, message(SCCRQ), avpBytes(0x8000, 0, 2, 1, 0), host, avpBytes(0x8000, 0, 11, 1, 2, 3), avpBytes(0, 0, 39)), 1,
			"L2TP 0/0 SCCRQ Ns 0 Nr 0: Protocol Version 1.0, Host Name iPhone, Challenge 3 bytes, fingerprint F, Sequencing Required"},
		{control(5, 0, 1, 2), 0, "L2TP 5/0 ZLB Ns 1 Nr 2"},
		{control(5, 0, 1, 2, message(ICRQ), avpBytes(0, 9, 1, 1, 2), id(avpAssignedSession, 7), avpBytes(0x4000, 0, 200, make([]byte, 40)...)), 0,
			"L2TP 5/0 ICRQ Ns 1 Nr 2 session=7 Cisco-AVP-1=0x0102 AVP-200=40 bytes hidden"},
		{control(5, 0, 1, 2, message(ICRQ), avpBytes(0, 0, 200, make([]byte, 40)...)), 0,
			"L2TP 5/0 ICRQ Ns 1 Nr 2 AVP-200=0x" + strings.Repeat("00", 32) + "..."},
		{control(5, 0, 1, 2), 2, "L2TP 5/0 ZLB Ns 1 Nr 2"},
		{control(5, 7, 1, 2, message(CDN), avpBytes(0x8000, 0, 1, 0, 2, 0, 8), id(avpAssignedSession, 9)), 0,
			"L2TP 5/7 CDN Ns 1 Nr 2 session=9 result=2 general error, error 8 unknown AVP with the mandatory bit"},
		{control(5, 0, 1, 2, message(StopCCN), avpBytes(0x8000, 0, 1, 0, 6)), 1, "L2TP 5/0 StopCCN Ns 1 Nr 2: Result Code 6 requester is being shut down"},
		{control(5, 0, 1, 2, message(ICRQ), []byte{0x80, 3, 0, 0, 0, 15}), 0,
			"L2TP 5/0 ICRQ Ns 1 Nr 2 [malformed: length 3 of AVP Call Serial Number is less than its header]"},
		{control(5, 0, 1, 2, message(ICRQ), []byte{0x80, 3, 0, 0, 0, 15}), 1,
			"L2TP 5/0 ICRQ Ns 1 Nr 2: [malformed: length 3 of AVP Call Serial Number is less than its header]"},
		{[]byte{0x80, 2, 0, 1, 0, 2}, 0, "L2TP 1/2 ZLB [length or sequence field missing]"},
	} {
		var h Header
		if err := h.Decode(c.data); err != nil {
			t.Errorf("%s: %v", c.want, err)
			continue
		}
		if got := masked(AppendSummary([]byte("x "), &h, read(&h, c.data), c.verbose)); got != "x "+c.want {
			t.Errorf("got  %s\nwant x %s", got, c.want)
		}
	}
}

// TestCorruptEveryByte changes each byte of a control message to each of several values: the
// summary must come, and without the secret.
func TestCorruptEveryByte(t *testing.T) {
	data := control(0, 0, 0, 0, message(SCCRQ), avpBytes(0x8000, 0, 2, 1, 0), avpBytes(0x8000, 0, avpHostName, []byte("iPhone")...),
		id(avpAssignedTunnel, 21), avpBytes(0x8000, 0, 11, []byte("Challenge-secret")...), avpBytes(0x8000, 0, 1, 0, 2, 0, 8))
	for i := range data {
		for _, x := range []byte{0x01, 0x02, 0x04, 0x40, 0x80, 0xff} {
			damaged := append([]byte(nil), data...)
			damaged[i] ^= x
			var h Header
			if err := h.Decode(damaged); err != nil && err != ErrTruncated {
				continue
			}
			for verbose := range 2 {
				if len(AppendSummary(nil, &h, read(&h, damaged), verbose)) == 0 {
					t.Errorf("byte %d ^ %#x: no summary", i, x)
				}
			}
		}
	}
}

// TestTooManyAVPs: the walk ends with an error behind the most that a message may have.
func TestTooManyAVPs(t *testing.T) {
	for _, extra := range []int{0, 1} {
		count, last := 0, error(nil)
		for _, err := range walkAVPs(bytes.Repeat(avpBytes(0, 0, 7), maxAVPs+extra)) {
			if last = err; err == nil {
				count++
			}
		}
		if count != maxAVPs || (last != nil) != (extra > 0) {
			t.Errorf("%d AVPs, %v", count, last)
		}
	}
}
