package ppp

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

// frame makes a frame of a control protocol; the length is put in.
func frame(protocol uint16, code, id byte, data ...byte) []byte {
	n := len(data) + 4
	return append([]byte{0xff, 0x03, byte(protocol >> 8), byte(protocol), code, id, byte(n >> 8), byte(n)}, data...)
}

var fingerprints = regexp.MustCompile("fingerprint [0-9a-f]{8}")

// masked is a line without what differs from run to run.
func masked(line []byte) string { return fingerprints.ReplaceAllString(string(line), "fingerprint F") }

func join(parts ...string) []byte { return []byte(strings.Join(parts, "")) }

func TestSummary(t *testing.T) {
	const magic = "\x05\x06\xce\x7d\x89\x3f"
	for _, c := range []struct {
		data []byte
		want string
	}{
		// LCP
		{frame(0xc021, 1, 1, join("\x01\x04\x05\x78\x03\x05\xc2\x23\x81")...), "LCP Conf-Req id 1: mru 1400, auth mschap-v2"},
		{frame(0xc021, 1, 2, join("\x02\x06\x00\x00\x00\x00", magic, "\x07\x02\x08\x02")...), "LCP Conf-Req id 2: accm 0x00000000, magic 0xce7d893f, pfc, acfc"},
		{frame(0xc021, 2, 1, join("\x03\x04\xc0\x23")...), "LCP Conf-Ack id 1: auth pap"},
		{frame(0xc021, 3, 1, join("\x03\x05\xc2\x23\x05")...), "LCP Conf-Nak id 1: auth chap-md5"},
		{frame(0xc021, 3, 1, join("\x03\x05\xc2\x23\x80")...), "LCP Conf-Nak id 1: auth mschap"},
		{frame(0xc021, 3, 1, join("\x03\x04\xc2\x27")...), "LCP Conf-Nak id 1: auth eap"},
		{frame(0xc021, 3, 1, join("\x03\x05\xc2\x23\x99")...), "LCP Conf-Nak id 1: auth chap-153"},
		{frame(0xc021, 3, 1, join("\x03\x04\x12\x35")...), "LCP Conf-Nak id 1: auth 0x1235"},
		{frame(0xc021, 4, 1, join("\x0d\x03\x06\x11\x04\x06\x4e\x12\x02")...), "LCP Conf-Rej id 1: callback cbcp, mrru 1614, short-sequence"},
		{frame(0xc021, 1, 1, join("\x13\x09\x03\x00\x11\x22\x33\x44\x55\x17\x04\x00\x08")...), "LCP Conf-Req id 1: endpoint mac 00:11:22:33:44:55, link-discriminator 8"},
		{frame(0xc021, 1, 1, join("\x13\x07\x02\xc0\x00\x02\x01\x13\x05\x01\xab\xcd\x13\x03\x00")...), "LCP Conf-Req id 1: endpoint ip 192.0.2.1, endpoint local 0xabcd, endpoint null"},
		{frame(0xc021, 1, 1, join("\x04\x08\xc0\x25\x00\x00\x0b\xb8\x09\x03\x06")...), "LCP Conf-Req id 1: quality lqr 3000, fcs 16+32"},
		{frame(0xc021, 1, 1, join("\xc8\x04ab\x0f\x02")...), "LCP Conf-Req id 1: option 200 0x6162, compound-frames"},
		{frame(0xc021, 5, 2, join("User request")...), `LCP Term-Req id 2: message "User request"`},
		{frame(0xc021, 5, 2, join("\x01\x02\x00\x3c\xcd\x74")...), "LCP Term-Req id 2: data 0x0102003ccd74"},
		{frame(0xc021, 6, 2), "LCP Term-Ack id 2"},
		{frame(0xc021, 7, 3, 14, 9, 0, 4), "LCP Code-Rej id 3: rejected Reset-Req id 9, data 0x0e090004"},
		{frame(0xc021, 8, 3, 0x80, 0x57, 1, 1, 0, 4), "LCP Prot-Rej id 3: protocol IPV6CP, data 0x01010004"},
		{frame(0xc021, 8, 3, join("\xc0\x23\x01\x01\x00\x0b\x01a\x04secr")...), "LCP Prot-Rej id 3: protocol PAP, data 11 bytes, fingerprint F"},
		{frame(0xc021, 9, 0, append([]byte{1, 2, 3, 4}, make([]byte, 40)...)...), "LCP Echo-Req id 0: magic 0x01020304, data 0x" + strings.Repeat("00", 32) + "..."},
		{frame(0xc021, 11, 0, 1, 2, 3, 4, 5), "LCP Disc-Req id 0: magic 0x01020304, data 0x05"},
		{frame(0xc021, 9, 0, 0xce, 0x7d, 0x89, 0x3f), "LCP Echo-Req id 0: magic 0xce7d893f"},
		{frame(0xc021, 10, 0, 0xce, 0x7d, 0x89, 0x3f, 1, 2, 3), "LCP Echo-Rep id 0: magic 0xce7d893f, data 0x010203"},
		{frame(0xc021, 12, 3, join("\xce\x7d\x89\x3fMSRASV5.20")...), "LCP Ident id 3: magic 0xce7d893f, message MSRASV5.20"},
		{frame(0xc021, 13, 3, join("\xce\x7d\x89\x3f\x00\x00\x00\x3c")...), "LCP Time-Remaining id 3: magic 0xce7d893f, seconds 60"},
		{frame(0xc021, 0, 3, join("\xce\x7d\x89\x3f\x00\x00\x0c\x07")...), "LCP Vendor id 3: magic 0xce7d893f, oui 0x00000c, kind 7"},
		{frame(0xc021, 0, 3, join("\xce\x7d\x89\x3f\x00\x00\x0c\x07xyz")...), "LCP Vendor id 3: magic 0xce7d893f, oui 0x00000c, kind 7, data 0x78797a"},
		{frame(0xc021, 1, 3, join("\x00\x08\x00\x00\x0c\x07xy")...), "LCP Conf-Req id 3: vendor 0x00000c kind 7 0x7879"},
		{frame(0xc021, 99, 3, 1, 2), "LCP code 99 id 3: data 0x0102"},
		// PAP, CHAP, EAP
		{frame(0xc023, 1, 1, join("\x05alice\x0dWonder-Land-7")...), "PAP Auth-Req id 1: user alice, password 13 bytes, fingerprint F"},
		{frame(0xc023, 2, 1, join("\x08Login ok")...), `PAP Auth-Ack id 1: message "Login ok"`},
		{frame(0xc023, 2, 1), "PAP Auth-Ack id 1"},
		{frame(0xc223, 1, 1, join("\x10secretchallenge!", "lns")...), "CHAP Challenge id 1: name lns, value 16 bytes, fingerprint F"},
		{frame(0xc223, 2, 1, join("\x10secretresponse!!", "alice")...), "CHAP Response id 1: name alice, value 16 bytes, fingerprint F"},
		{frame(0xc223, 3, 1, join("S=0123456789ABCDEF0123456789ABCDEF01234567 M=Access granted")...), `CHAP Success id 1: message "S=... M=Access granted"`},
		{frame(0xc223, 4, 1, join("E=691 R=1 C=0123456789ABCDEF0123456789ABCDEF V=3 M=denied")...), `CHAP Failure id 1: message "E=691 R=1 C=... V=3 M=denied"`},
		{frame(0xc223, 3, 1, join("Welcome")...), "CHAP Success id 1: message Welcome"},
		{frame(0xc223, 7, 1, make([]byte, 582)...), "CHAP Change-Password id 1: data 582 bytes, fingerprint F"},
		{frame(0xc227, 1, 1, join("\x01who?")...), "EAP Request id 1: type identity, message who?"},
		{frame(0xc227, 2, 1, join("\x01alice")...), "EAP Response id 1: type identity, name alice"},
		{frame(0xc227, 1, 2, join("\x04\x10secretchallenge!lns")...), "EAP Request id 2: type md5, name lns, value 16 bytes, fingerprint F"},
		{frame(0xc227, 2, 2, join("\x03\x19\x0d")...), "EAP Response id 2: type nak, wants peap tls"},
		{frame(0xc227, 1, 2, join("\x06Password:")...), "EAP Request id 2: type gtc, message Password:"},
		{frame(0xc227, 2, 2, join("\x06secret")...), "EAP Response id 2: type gtc, data 6 bytes, fingerprint F"},
		{frame(0xc227, 2, 2, join("\x0d\x80\x00\x00\x00\x05")...), "EAP Response id 2: type tls, data 0x8000000005"},
		{frame(0xc227, 2, 2, join("\x1a\x02\x07\x00\x1b\x10secretresponse!!alice\x00")...), "EAP Response id 2: type mschap-v2, op Response, name alice, value 16 bytes, fingerprint F"},
		{frame(0xc227, 2, 2, join("\x1a\x03")...), "EAP Response id 2: type mschap-v2, op Success"},
		{frame(0xc227, 3, 2), "EAP Success id 2"},
		// Network protocols
		{frame(0x8021, 1, 1, join("\x03\x06\x00\x00\x00\x00\x81\x06\x08\x08\x08\x08\x82\x06\x00\x00\x00\x00\x83\x06\x08\x08\x04\x04\x84\x06\x00\x00\x00\x00")...),
			"IPCP Conf-Req id 1: addr 0.0.0.0, dns1 8.8.8.8, wins1 0.0.0.0, dns2 8.8.4.4, wins2 0.0.0.0"},
		{frame(0x8021, 1, 1, join("\x02\x06\x00\x2d\x0f\x01")...), "IPCP Conf-Req id 1: compress vj max-slot 15 slot-id 1"},
		{frame(0x8021, 1, 1, join("\x01\x0a\x01\x02\x03\x04\x05\x06\x07\x08")...), "IPCP Conf-Req id 1: addrs 1.2.3.4 5.6.7.8"},
		{frame(0x8057, 1, 1, join("\x01\x0a\x98\xb4\x3e\xbe\x14\x7d\x91\xd7")...), "IPV6CP Conf-Req id 1: interface-id 98b4:3ebe:147d:91d7"},
		{frame(0x80fd, 1, 1, join("\x1a\x04\x78\x00\x18\x04\x78\x00\x15\x03\x2f")...), "CCP Conf-Req id 1: deflate window 15, deflate-draft window 15, bsd version 1 bits 15"},
		{frame(0x80fd, 1, 1, join("\x12\x06\x01\x00\x00\x40")...), "CCP Conf-Req id 1: mppe 128 stateless"},
		{frame(0x80fd, 1, 1, join("\x12\x06\x00\x00\x00\xe1")...), "CCP Conf-Req id 1: mppe 40+56+128 mppc"},
		{frame(0x80fd, 3, 1, join("\x12\x06\x00\x00\x00\x00\x11\x05\x00\x01\x03\x01\x02")...), "CCP Conf-Nak id 1: mppe none, stac histories 1 check 3, predictor1"},
		{frame(0x80fd, 14, 9), "CCP Reset-Req id 9"},
		{frame(0x80fd, 15, 9, 1, 2), "CCP Reset-Ack id 9: data 0x0102"},
		{frame(0x8053, 1, 1, join("\x03\x0a\x01\x02\x03\x04\x05\x06\x07\x08")...), "ECP Conf-Req id 1: dese-bis 0x0102030405060708"},
		{frame(0x8281, 1, 1), "MPLSCP Conf-Req id 1"},
		{frame(0xc02b, 1, 1, 1, 6, 0, 0, 0, 1), "BACP Conf-Req id 1: favored-peer 0x00000001"},
		{frame(0xc02d, 2, 1, 1, 5, 4, 0, 8), "BAP Call-Rep id 1: response nak, link-discriminator 8"},
		{frame(0xc029, 1, 1, 1, 2, 2, 3, 0), "CBCP Request id 1: no-callback, user-number 0x00"},
		{frame(0x80d1, 1, 1, 1, 3, 0), "0x80d1 Conf-Req id 1: option 1 0x00"},
		{append([]byte{0xc0, 0x25}, unhex(t, "00000001 00000002 00000003 00000004 00000005 00000006 00000007 00000008 00000009 0000000a 0000000b 0000000c")...),
			"LQR magic 0x00000001, last-out-lqrs 2, last-out-packets 3, last-out-octets 4, peer-in-lqrs 5, peer-in-packets 6, peer-in-discards 7, " +
				"peer-in-errors 8, peer-in-octets 9, peer-out-lqrs 10, peer-out-packets 11, peer-out-octets 12"},
		// Data
		{[]byte{0x21, 0x45, 0}, "IP, length 2"},
		{[]byte{0x00, 0x57}, "IPv6, length 0"},
		{[]byte{0xfd, 1, 2, 3}, "Compressed, length 3"},
		{[]byte{0x12, 0x35, 0}, "0x1235, length 1, data 0x00"},
		{[]byte{0x3d, 0xc0, 0, 0, 1, 0x21}, "MP begin end, length 5"},
		// Damage
		{[]byte{0xc0, 0x21, 1, 1, 0}, "LCP [malformed: packet is shorter than its header]"},
		{[]byte{0xc0, 0x21, 1, 1, 0, 3}, "LCP [malformed: length field is smaller than the header]"},
		{[]byte{0xc0, 0x21, 1, 1, 0, 12, 1, 4, 5, 0x78}, "LCP Conf-Req id 1: mru 1400 [malformed: length field is larger than the packet]"},
		{[]byte{0xc0, 0x21, 1, 1, 0, 8, 1, 4, 5, 0x78, 9, 9, 9}, "LCP Conf-Req id 1: mru 1400"},
		{frame(0xc021, 1, 1, 7, 2, 1, 0), "LCP Conf-Req id 1: pfc, malformed mru of length 0"},
		{frame(0xc021, 1, 1, 1, 1), "LCP Conf-Req id 1: malformed mru of length 1"},
		{frame(0xc021, 1, 1, 1), "LCP Conf-Req id 1: malformed mru without length"},
		{frame(0xc021, 1, 1, 1, 5, 5, 0xdc), "LCP Conf-Req id 1: malformed mru of length 5 in 4 bytes"},
		{frame(0xc021, 1, 1, 1, 3, 5, 7, 2), "LCP Conf-Req id 1: malformed mru of length 3 0x05, pfc"},
		{frame(0xc021, 1, 1, 7, 3, 5, 8, 2), "LCP Conf-Req id 1: malformed pfc of length 3 0x05, acfc"},
		{frame(0xc021, 9, 1, 1), "LCP Echo-Req id 1: malformed no magic number"},
		{frame(0xc021, 8, 1, 1), "LCP Prot-Rej id 1: malformed no protocol"},
		{frame(0xc223, 2, 1, 17, 1, 2), "CHAP Response id 1: malformed value beyond the end"},
		{frame(0xc223, 2, 1), "CHAP Response id 1: malformed value beyond the end"},
		{frame(0xc023, 1, 1, 5, 'a'), "PAP Auth-Req id 1: malformed peer ID beyond the end"},
		{frame(0xc023, 1, 1, 1, 'a', 9, 'x'), "PAP Auth-Req id 1: user a, malformed password beyond the end"},
		{frame(0xc227, 1, 1), "EAP Request id 1: malformed no type"},
		{[]byte{0xc0, 0x25, 1, 2, 3, 4}, "LQR [malformed: 4 bytes of 48]"},
		{[]byte{0x3d, 1}, "MP [malformed: fragment without header]"},
	} {
		var f Frame
		if err := f.Decode(c.data); err != nil {
			t.Errorf("%s: %v", c.want, err)
			continue
		}
		got := masked(AppendSummary([]byte("PPP "), &f, c.data))
		if got != "PPP "+c.want {
			t.Errorf("got  %s\nwant PPP %s", got, c.want)
		}
		for _, secret := range []string{"secret", "Wonder", "0123456789ABCDEF", hexOf("secret")} {
			if strings.Contains(got, secret) {
				t.Errorf("%s shows a secret", got)
			}
		}
	}
}

func hexOf(s string) string { return strings.TrimPrefix(hexBytes([]byte(s)), "0x") }

func TestOptions(t *testing.T) {
	var c Control
	if err := c.Decode(protocolLCP, frame(0xc021, 1, 1, join("\x01\x04\x05\x78\x03\x05\xc2\x23\x81\x07\x02\x01\x01")...)[4:]); err != nil {
		t.Fatal(err)
	}
	var got []string
	for name, value := range c.Options {
		got = append(got, name+"="+value)
	}
	want := []string{"mru=1400", "auth=mschap-v2", "pfc=yes", "malformed=mru of length 1"}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	for name := range c.Options {
		if name != "mru" {
			t.Errorf("after the end of the loop: %s", name)
		}
		break
	}
	if c.CodeName() != "Conf-Req" || c.ID != 1 || c.Length != 17 {
		t.Errorf("%+v", c)
	}
}

// TestEarlyStop leaves each walk after each of its values, which must end it.
func TestEarlyStop(t *testing.T) {
	for _, data := range [][]byte{
		frame(0xc021, 1, 1, 1, 4, 5, 0xdc, 7, 2, 8, 2), frame(0xc021, 12, 1, 1, 2, 3, 4, 'a'), frame(0xc021, 13, 1, 1, 2, 3, 4, 0, 0, 0, 1, 'a'),
		frame(0xc021, 0, 1, 1, 2, 3, 4, 0, 0, 0, 1), frame(0xc023, 1, 1, 1, 'a', 1, 'b'), frame(0xc223, 1, 1, 1, 'a', 'b'),
		frame(0xc227, 2, 1, 4, 1, 'a', 'b'), frame(0xc227, 2, 1, 26, 1, 1, 0, 6, 1, 'a', 'b'), frame(0xc02d, 2, 1, 0, 3, 2),
	} {
		var c Control
		if err := c.Decode(uint16(data[2])<<8|uint16(data[3]), data[4:]); err != nil {
			t.Fatal(err)
		}
		total := 0
		for range c.Options {
			total++
		}
		for stop := range total {
			n := 0
			for range c.Options { // the runtime panics if a value comes after the break
				if n == stop {
					break
				}
				n++
			}
		}
	}
}

// TestCorruptEveryByte changes each byte of a packet of each kind to several values.
func TestCorruptEveryByte(t *testing.T) {
	for _, data := range [][]byte{
		frame(0xc021, 1, 1, join("\x01\x04\x05\x78\x03\x05\xc2\x23\x81\x04\x08\xc0\x25\x00\x00\x0b\xb8\x13\x09\x03\x00\x11\x22\x33\x44\x55")...),
		frame(0x8021, 1, 1, join("\x02\x06\x00\x2d\x0f\x01\x03\x06\x00\x00\x00\x00")...),
		frame(0x80fd, 1, 1, join("\x1a\x04\x78\x00\x12\x06\x01\x00\x00\x40")...),
		frame(0xc023, 1, 1, join("\x05alice\x06secret")...), frame(0xc223, 2, 1, join("\x10secretresponse!!alice")...),
		frame(0xc227, 2, 2, join("\x1a\x02\x07\x00\x1b\x10secretresponse!!alice\x00")...), frame(0xc02d, 2, 1, 1, 5, 4, 0, 8),
	} {
		for i := range data {
			for x := range 256 {
				damaged := append([]byte(nil), data...)
				damaged[i] ^= byte(x)
				var f Frame
				if f.Decode(damaged) == nil && len(AppendSummary(nil, &f, damaged)) == 0 {
					t.Errorf("byte %d ^ %#x of %x: no summary", i, x, data)
				}
			}
		}
	}
}

func FuzzPPPControl(f *testing.F) {
	for _, data := range [][]byte{
		frame(0xc021, 1, 1, join("\x01\x04\x05\x78\x03\x05\xc2\x23\x81\x04\x08\xc0\x25\x00\x00\x0b\xb8\x13\x09\x03\x00\x11\x22\x33\x44\x55")...),
		frame(0xc021, 8, 1, 0x80, 0x57, 1), frame(0xc021, 12, 1, 1, 2, 3, 4, 'a'), frame(0xc021, 1, 1, 1, 0),
		frame(0x8021, 1, 1, join("\x02\x06\x00\x2d\x0f\x01\x03\x06\x00\x00\x00\x00\x81\x06\x01\x02\x03\x04")...),
		frame(0x8057, 1, 1, join("\x01\x0a\x98\xb4\x3e\xbe\x14\x7d\x91\xd7")...),
		frame(0x80fd, 1, 1, join("\x1a\x04\x78\x00\x12\x06\x01\x00\x00\x40\x15\x03\x2f\x11\x05\x00\x01\x03")...),
		frame(0xc023, 1, 1, join("\x05alice\x06secret")...), frame(0xc223, 2, 1, join("\x10secretresponse!!alice")...),
		frame(0xc223, 3, 1, join("S=0123456789ABCDEF0123456789ABCDEF01234567 M=ok")...),
		frame(0xc227, 2, 2, join("\x1a\x02\x07\x00\x1b\x10secretresponse!!alice\x00")...), frame(0xc02d, 2, 1, 1, 5, 4, 0, 8),
		{0x21, 0x45}, {0xc0, 0x25, 1}, {0x3d, 0xc0, 0, 0, 1},
	} {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var fr Frame
		err := fr.Decode(data)
		if fr.PayloadStart < 0 || fr.PayloadStart > fr.PayloadEnd || fr.PayloadEnd > len(data) {
			t.Fatalf("payload %d:%d of %d", fr.PayloadStart, fr.PayloadEnd, len(data))
		}
		if err != nil {
			return
		}
		line := AppendSummary(nil, &fr, data)
		if len(line) == 0 {
			t.Fatal("no summary")
		}
		for _, b := range line {
			if b < ' ' || b == 0x7f {
				t.Fatalf("control character in %q", line)
			}
		}
		var c Control
		payload := data[fr.PayloadStart:fr.PayloadEnd]
		for name := range LQRValues(payload) {
			if name == "" {
				t.Fatal("no name")
			}
		}
		if err := c.Decode(fr.Protocol, payload); err != nil && err != ErrTruncated {
			return
		}
		n := 0
		for name, value := range c.Options {
			n++
			if name == "" || value == "" {
				t.Fatalf("option %q=%q", name, value)
			}
		}
		if n > len(payload)+2 {
			t.Fatalf("%d options in %d bytes", n, len(payload))
		}
	})
}
