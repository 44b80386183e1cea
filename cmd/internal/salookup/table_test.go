package salookup_test

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"net/netip"

	"l2tpdump/capture"
	"l2tpdump/cmd/internal/salookup"
	"l2tpdump/cmd/internal/why"
	"l2tpdump/esp"
	"l2tpdump/keysrc"
)

// espPacket is an ESP packet of a capture.
type espPacket struct {
	spi      uint32
	src, dst netip.Addr
	data     []byte
	cut      int
	time     int64
}

// readFlows returns the ESP packets of a capture, a millisecond apart.
func readFlows(t testing.TB, path string) []espPacket {
	t.Helper()
	if _, err := os.Stat(path); err != nil && strings.Contains(path, "peer-captures") {
		t.Skip(err)
	}
	src, err := capture.Open([]string{path})
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	fragments := capture.NewReassembler(1<<20, 30e9)
	var list []espPacket
	var p capture.Packet
	for src.Next(&p) == nil {
		var n capture.Frame
		data := bytes.Clone(p.Data)
		if n.Decode(src.Interfaces()[p.Interface].LinkType, data) != nil {
			continue
		}
		if n.Fragment {
			d, err := fragments.Add(nil, &n, data, p.Time)
			if err != nil || !d.Complete {
				continue
			}
			var whole capture.Frame
			if data, err = whole.DecodeReassembled(nil, &n, data, d.Data); err != nil {
				t.Fatal(err)
			}
			n = whole
		}
		e := espPacket{src: n.Src, dst: n.Dst, time: int64(len(list)+1) * 1e6}
		switch {
		case n.Protocol == 50:
			e.data, e.cut = data[n.PayloadStart:n.PayloadEnd], n.PayloadLen
		case n.UDP && (n.SrcPort == 4500 || n.DstPort == 4500) && n.UDPEnd-n.UDPStart > 8:
			e.data, e.cut = data[n.UDPStart:n.UDPEnd], n.UDPLen
		default:
			continue
		}
		e.cut -= len(e.data)
		if e.spi = binary.BigEndian.Uint32(e.data); e.spi != 0 {
			list = append(list, e)
		}
	}
	if len(list) == 0 {
		t.Fatalf("%s: no ESP", path)
	}
	return list
}

// readSecrets returns the rows of an esp_sa table as secrets.
func readSecrets(t testing.TB, path string) []*esp.Secret {
	t.Helper()
	k, err := keysrc.ParseFile(path, "")
	if err != nil {
		t.Fatal(err)
	}
	for i, s := range k.ESP {
		s.Origin, s.Suite.KeyLen = origin("esp_sa", i+1), 0
	}
	return k.ESP
}

func origin(file string, line int) esp.Origin { return esp.OriginAt(file, line) }

func captureFile(name ...string) string {
	return filepath.Join(append([]string{"..", "..", "..", "testdata", "captures"}, name...)...)
}

func peerCapture(name ...string) string {
	return filepath.Join(append([]string{"..", "..", "..", "..", "shared", "peer-captures"}, name...)...)
}

// head cuts a secret to what a router's log shows of it: no algorithm, 16 and 8 bytes.
func head(s *esp.Secret) *esp.Secret {
	return &esp.Secret{SPI: s.SPI, SPIMask: s.SPIMask, Key: s.Key.Head(16), AuthKey: s.AuthKey.Head(8), KeyHead: true, AuthKeyHead: true, Origin: s.Origin}
}

// flipped is the secret with one bit of the encryption or the authentication key changed.
func flipped(s *esp.Secret, auth bool, bit int) *esp.Secret {
	c := *s
	k := &c.Key
	if auth {
		k = &c.AuthKey
	}
	b := bytes.Clone(k.Bytes())
	b[bit/8] ^= 0x80 >> (bit % 8)
	*k = esp.NewKey(b)
	return &c
}

// table is a table under test.
type table struct{ *salookup.Table }

func newTable(secrets ...*esp.Secret) *table {
	t := &table{salookup.New()}
	for _, s := range secrets {
		t.AddSecrets(s)
	}
	return t
}

// admitted is what became of a packet.
type admitted struct {
	*salookup.Flow
	Verdict why.Verdict
	plain   esp.Plaintext
	sa      *salookup.SA
	err     error
	again   bool
}

// open admits, opens and counts a packet.
func (t *table) open(p espPacket) (x admitted) {
	packet := salookup.Packet{Data: p.data, Cut: p.cut}
	a := t.AdmitOne(salookup.Header{SPI: p.spi, Src: p.src, Dst: p.dst}, packet, p.time)
	x.Flow, x.err = a.Flow, a.Err
	var high uint32
	if a.Ring != nil {
		var o esp.Opener
		x.sa, high, x.err = a.Ring.Open(&o, &x.plain, nil, packet)
		o.Release()
	}
	x.again = a.Flow.Count(&x.plain, x.sa, x.err, binary.BigEndian.Uint32(p.data[4:]), high)
	x.Verdict = why.Packet(&x.plain, x.err)
	return x
}

// run opens all packets and counts the verdicts.
func (t *table) run(packets []espPacket) map[why.Verdict]int {
	count := make(map[why.Verdict]int)
	for _, p := range packets {
		count[t.open(p).Verdict]++
	}
	return count
}

// report is all that is said of a flow.
type report struct {
	salookup.Report
	Verdict             why.Verdict
	Cipher, Auth        string
	Key, Reason, Remark string
	Conflict            string // what is said of wrong keys for the SPI
	Deleted             bool   // by IKE
}

// reports returns what is said of the flows, in their order.
func (t *table) reports() (list []report) {
	d := why.Diagnose(t.Table)
	for _, f := range t.Flows() {
		x := d.ESP(f)
		list = append(list, report{f.Report(), x.Verdict, x.Suite.CipherName(), x.Suite.AuthName(), x.Key, x.Reason(), x.Remark, "", f.Deleted()})
	}
	for _, k := range d.WrongKeys() {
		for i := range list {
			if k.ID == string(appendSPI(nil, list[i].SPI)) {
				list[i].Conflict += k.Reason
			}
		}
	}
	return list
}

// with returns those of a verdict.
func (t *table) with(v why.Verdict) (list []report) {
	for _, r := range t.reports() {
		if r.Verdict == v {
			list = append(list, r)
		}
	}
	return list
}

// ESN reports whether sequence numbers are known to be extended.
func (r *report) ESN() bool { return r.SA != nil && r.SA.Suite.ESN }

func appendSPI(b []byte, spi uint32) []byte {
	const digits = "0123456789abcdef"
	b = append(b, "0x"...)
	for shift := 28; shift >= 0; shift -= 4 {
		b = append(b, digits[spi>>shift&15])
	}
	return b
}

// unused returns why secrets opened nothing.
func (t *table) unused() (list []unused) {
	for x, reason := range why.Diagnose(t.Table).Unused() {
		list = append(list, unused{x, reason})
	}
	return list
}

type unused struct {
	Secret *esp.Secret
	Reason string
}

// onlyWrong checks that a wrong key opened nothing. A first packet that fits it by chance, by a pad
// length of 0 behind a good ICV for one, leaves it open until the next.
func onlyWrong(t *testing.T, what string, got map[why.Verdict]int) {
	t.Helper()
	if got[why.NoKey] == 1 {
		delete(got, why.NoKey)
	}
	only(t, what, got, why.WrongKey)
}

func only(t *testing.T, what string, got map[why.Verdict]int, want why.Verdict) {
	t.Helper()
	if len(got) != 1 || got[want] == 0 {
		t.Errorf("%s: %v, want only %q", what, got, want)
	}
}
