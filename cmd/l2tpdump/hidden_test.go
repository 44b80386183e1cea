package main

import (
	"crypto/hmac"
	"crypto/md5"
	"encoding/binary"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"l2tpdump/capture"
)

// rewritten is a copy of a capture of Ethernet frames, with what change makes of each frame, the
// first being 0; nil leaves it out.
func rewritten(t *testing.T, from string, change func(n int, frame []byte) []byte) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "rewritten.pcap")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w := capture.NewPcapWriter(f, true)
	if _, err := w.AddInterface(capture.Interface{LinkType: capture.Ethernet}); err != nil {
		t.Fatal(err)
	}
	for n, p := range packetsWithTimes(t, from) {
		if frame := change(n, []byte(p.data)); frame != nil {
			if err := w.WritePacket(&capture.Packet{Time: p.time, Length: len(frame), Data: frame}, nil); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	return name
}

// hide hides AVPs of the control message in a frame, as an end does that has the secret (RFC 2661
// section 4.3, RFC 3931 section 5.3). A Message Digest, which would not fit any more, goes.
func hide(t *testing.T, frame []byte, secret string, kinds ...uint16) []byte {
	t.Helper()
	const header, digest, vectorKind = 12, 59, 36
	var n capture.Frame
	if err := n.Decode(capture.Ethernet, frame); err != nil {
		t.Fatal(err)
	}
	message := frame[n.UDPStart:n.UDPEnd]
	if message[0]&0x80 == 0 || len(message) == header {
		return frame
	}
	key := []byte(secret)
	if message[1]&15 == 3 {
		mac := hmac.New(md5.New, key)
		mac.Write([]byte{1})
		key = mac.Sum(nil)
	}
	vector := []byte("random vector")
	out := slices.Clone(message[:header])
	for at := header; at < len(message); {
		size := int(binary.BigEndian.Uint16(message[at:]) & 0x3ff)
		avp := message[at : at+size]
		kind := binary.BigEndian.Uint16(avp[4:])
		if slices.Contains(kinds, kind) {
			plain := append(binary.BigEndian.AppendUint16(nil, uint16(size-6)), avp[6:]...)
			sum := md5.Sum(append(append(binary.BigEndian.AppendUint16(nil, kind), key...), vector...))
			for i := range plain {
				if i > 0 && i%md5.Size == 0 {
					sum = md5.Sum(append(slices.Clone(key), plain[i-md5.Size:i]...))
				}
				plain[i] ^= sum[i%md5.Size]
			}
			avp = append(binary.BigEndian.AppendUint16(nil, 0xc000|uint16(6+len(plain))), 0, 0, byte(kind>>8), byte(kind))
			avp = append(avp, plain...)
		}
		if kind != digest {
			out = append(out, avp...)
		}
		if at == header { // behind the Message Type
			out = binary.BigEndian.AppendUint16(out, 0x8000|uint16(6+len(vector)))
			out = append(append(out, 0, 0, 0, vectorKind), vector...)
		}
		at += size
	}
	binary.BigEndian.PutUint16(out[2:], uint16(len(out)))
	return n.AppendUDPPayload(nil, frame, out)
}

func secretFile(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// TestHidden3: the hidden AVPs of L2TPv3 are uncovered with the key that it makes of the secret,
// and cookie and sublayer are then those that the AVPs say.
func TestHidden3(t *testing.T) {
	const set = "../../testdata/ppp/l2tpv3-udp-ethernet/"
	const localSession, cookie, sublayer = 63, 65, 69
	hidden := rewritten(t, set+"outer.pcap", func(_ int, frame []byte) []byte {
		return hide(t, frame, "hidden secret", localSession, cookie, sublayer)
	})
	want := packetsWithTimes(t, set+"truth-frames.pcap")
	for _, c := range []struct {
		secret         string
		status         int
		stdout, stderr string
	}{
		{"one\nhidden secret\n", exitOK, "Local Session ID 0x00c1000c (hidden), Remote Session ID 0x00000000, Call Serial Number 5, Pseudowire Type ethernet, " +
			"Remote End ID vlan-17, Assigned Cookie 0xe1ea0bb77aad71ad (hidden), L2-Specific Sublayer 1 (hidden)", "hidden AVPs of 5 messages: the secret is right (FILE:2)"},
		{"one\ntwo\n", exitPartly, "Assigned Cookie 10 bytes hidden (wrong secret)", "hidden AVPs of 5 messages: wrong secret (FILE:1-2): made with another"},
		{"", exitOK, "Assigned Cookie 10 bytes hidden,", "hidden AVPs of 5 messages: the tunnel's secret is needed: name a file with --l2tp-secret-file"},
	} {
		args := []string{"-v"}
		file := ""
		if c.secret != "" {
			file = secretFile(t, c.secret)
			args = append(args, "--l2tp-secret-file", file)
		}
		stdout, stderr, status := answer(t, append([]string{"decrypt", "-r", hidden}, args...)...)
		if status != c.status || !strings.Contains(stdout, c.stdout) || !strings.Contains(stderr, strings.ReplaceAll(c.stderr, "FILE", file)) {
			t.Errorf("%q: exit status %d\n%s", c.secret, status, stderr)
		}
		got := packetsWithTimes(t, decryptTo(t, c.status, "eth.pcap", hidden, append(args, "--layer", "eth")...))
		if !slices.EqualFunc(got, want, func(a, b timedPacket) bool { return a.data == b.data }) {
			t.Errorf("%q: %d Ethernet frames, not those that were sent", c.secret, len(got))
		}
	}
}

// TestHiddenIDs: of tunnels and calls whose IDs are hidden no more is said than what the headers of
// their messages show; what is needed is said.
func TestHiddenIDs(t *testing.T) {
	const tunnel, session = 9, 14
	for _, kinds := range [][]uint16{{session}, {tunnel, session}} {
		const failed = 17 // the others end before a header shows what ID was hidden
		hidden := rewritten(t, "../../testdata/ppp/results/outer.pcap", func(_ int, frame []byte) []byte { return hide(t, frame, "the secret", kinds...) })
		for _, args := range [][]string{nil, {"--l2tp-secret-file", secretFile(t, "another\n")}} {
			stdout, stderr, status := answer(t, append([]string{"sessions", "-r", hidden}, args...)...)
			if strings.Count(stdout, "FAILED") != failed || !strings.Contains(stdout, "IDs of the L2TP tunnel are hidden: without its secret nothing more can be said") {
				t.Errorf("%v, %q:\n%s", kinds, args, stdout)
			}
			want := "the tunnel's secret is needed: name a file with --l2tp-secret-file"
			if args != nil {
				want = "wrong secret (" + args[1] + ":1)"
			}
			if !strings.Contains(stderr, want) || args != nil && status != exitPartly {
				t.Errorf("%v, %q: exit status %d\n%s", kinds, args, status, stderr)
			}
		}
	}
	hidden := rewritten(t, "../../testdata/ppp/results/outer.pcap", func(_ int, frame []byte) []byte { return hide(t, frame, "the secret", tunnel, session) })
	got, _, _ := answer(t, "sessions", "-r", hidden, "--l2tp-secret-file", secretFile(t, "the secret\n"))
	if want, _, _ := answer(t, "sessions", "-r", "../../testdata/ppp/results/outer.pcap"); got != want {
		t.Errorf("with the secret:\n%s\nwithout hidden AVPs:\n%s", got, want)
	}
}

// TestDigestUnchecked: a digest or a response of which the nonces or the challenge are not in the
// capture is not called wrong.
func TestDigestUnchecked(t *testing.T) {
	for _, c := range []struct {
		dir   string
		from  int
		right bool // one is right, all the same
		want  string
	}{
		{"l2tpv3-udp-ethernet", 1, false, "Message Digest of 7 messages of \"pe2\": cannot be checked: the beginning of the tunnel is not in the capture"},
		{"l2tpv3-udp-ethernet", 2, false, "Message Digest of 11 messages: cannot be checked"},
		{"hidden-avps", 2, true, "Challenge Response of 1 message: cannot be checked"},
	} {
		set := "../../testdata/ppp/" + c.dir + "/"
		cut := rewritten(t, set+"outer.pcap", func(n int, frame []byte) []byte {
			if n < c.from {
				return nil
			}
			return frame
		})
		stdout, stderr, status := answer(t, "decrypt", "-r", cut, "--l2tp-secret-file", set+"l2tp-secret")
		if status != exitOK || !strings.Contains(stderr, c.want) || strings.Contains(stdout+stderr, "wrong") || !strings.Contains(stdout, "[secret unchecked]") {
			t.Errorf("%s from frame %d: exit status %d\n%s", c.dir, c.from+1, status, stderr)
		}
	}
}
