package ikev1

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// FuzzTracker runs datagrams, cut out of the input by a length in front of each, through a Tracker
// that has the key of a session.
func FuzzTracker(f *testing.F) {
	l := newLab(f, 12, 7, 2, 16)
	l.session()
	var all []byte
	for i, d := range l.list {
		one := append(binary.BigEndian.AppendUint16([]byte{byte(i)}, uint16(len(d.Data))), d.Data...)
		all = append(all, one...)
		if i < 8 {
			f.Add(all)
			f.Add(one)
		}
	}
	f.Add(all)
	frag := func(n, last byte, data []byte) []byte {
		body := append([]byte{0, 1, n, last}, data...)
		_, b := chainOf(part{PayloadFragment, body})
		h := Header{InitiatorCookie: l.i, ResponderCookie: l.r, NextPayload: PayloadFragment, MajorVersion: 1, Exchange: ExchangeMain, Length: uint32(HeaderLen + len(b))}
		b = append(h.Append(nil), b...)
		return append(binary.BigEndian.AppendUint16([]byte{0}, uint16(len(b))), b...)
	}
	whole := l.list[4].Data
	f.Add(append(frag(1, 0, whole[:40]), frag(2, 1, whole[40:])...))
	f.Fuzz(func(t *testing.T, data []byte) {
		tr := NewTracker()
		tr.AddSecret(l.secret)
		tr.AddSecret(&Secret{Ka: l.secret.SKEYIDe, SharedSecret: l.secret.SKEYID})
		var messages []*Message
		for time := int64(1); len(data) >= 3 && time < 64; time++ {
			kind, n := data[0], int(binary.BigEndian.Uint16(data[1:]))
			data = data[3:]
			n = min(n, len(data))
			d := &Datagram{Src: l.initiator, Dst: l.responder, Time: time * 1e9, Data: data[:n], Truncated: kind&0x40 != 0}
			if kind&1 != 0 {
				d.Src, d.Dst = d.Dst, d.Src
			}
			messages = append(messages, tr.Observe(d)...)
			data = data[n:]
		}
		for _, m := range messages {
			check(t, m)
			tr.Decrypt(m)
			check(t, m)
		}
		for _, sa := range tr.SAs() {
			if sa.Decrypted > sa.Encrypted || sa.Encrypted > sa.Messages || sa.Unopened < 0 || sa.Decrypted < 0 {
				t.Errorf("%d decrypted of %d encrypted of %d", sa.Decrypted, sa.Encrypted, sa.Messages)
			}
		}
		for range tr.Unused() {
		}
		tr.Derive()
		tr.Expire(1 << 60)
	})
}

// check checks what holds for every message.
func check(t *testing.T, m *Message) {
	t.Helper()
	switch {
	case m.Decrypted && (m.Err != nil || m.Plain == nil || !m.Encrypted),
		m.Verified && m.Err != nil,
		m.Encrypted && !m.Decrypted && m.Err == nil:
		t.Fatalf("encrypted %v, decrypted %v, verified %v: %v", m.Encrypted, m.Decrypted, m.Verified, m.Err)
	}
	if !m.Decrypted {
		return
	}
	h, err := ParseHeader(m.Plain)
	if err != nil || int(h.Length) != len(m.Plain) || h.encrypted() {
		t.Fatalf("plain message: %+v, %d bytes", h, len(m.Plain))
	}
	if payloads, err := parsePayloads(h.NextPayload, m.Plain[HeaderLen:]); err != nil || end(payloads) != len(m.Plain)-HeaderLen {
		t.Fatalf("plain message: %v, %d bytes of payloads", err, end(payloads))
	}
}

// None of the malformed packets of tcpdump's tests may do harm, nor be decrypted.
func TestTrackerMalformedCaptures(t *testing.T) {
	dir := peerFile(t, "tcpdump")
	files, err := filepath.Glob(filepath.Join(dir, "*.pcap"))
	if err != nil || len(files) == 0 {
		t.Fatal(err)
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		tr := NewTracker()
		tr.AddSecret(&Secret{Ka: hexKey(t, strings.Repeat("5a", 16))})
		for i := 0; i < len(b); i += 4 { // each frame, and whatever else
			m := tr.Observe(&Datagram{Src: netip.MustParseAddrPort("192.0.2.1:500"), Dst: netip.MustParseAddrPort("192.0.2.2:500"),
				Time: int64(i), Data: b[i:min(len(b), i+1500)]})
			for _, m := range m {
				check(t, m)
				if m.Decrypted {
					t.Errorf("%s: decrypted", file)
				}
			}
		}
	}
}

// Captures with a snap length of 96: what is there is decrypted.
func TestCutCapture(t *testing.T) {
	dir := filepath.Join(capturesDir, "01-basic-aes128-sha1")
	secrets := routerSecrets(t, filepath.Join(dir, "router-full.log"))
	tr, messages := follow(secrets, readDatagrams(t, filepath.Join(dir, "outer-snap96.pcap")))
	cut := 0
	for _, m := range messages {
		check(t, m)
		if errors.Is(m.Err, ErrTruncated) {
			cut++
		}
		t.Logf("%s %d: %v, plain %d, payloads %v", m.Header.ExchangeName(), m.Number, m.Err, len(m.Plain), len(m.Payloads))
	}
	if cut == 0 || len(tr.SAs()) != 1 {
		t.Errorf("%d messages cut", cut)
	}
}
