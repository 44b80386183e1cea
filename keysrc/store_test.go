package keysrc

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"math/rand/v2"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"l2tpdump/esp"
	"l2tpdump/ikev1"
	"l2tpdump/testdata/race"
)

// endlessLog reads like a router's log of n negotiations, each a copy of one in a recording with other keys, cookies and
// SPIs, and with more lines of other kinds in between.
type endlessLog struct {
	lines []string
	other int // lines of other kinds behind each negotiation
	left  int
	rnd   *rand.Rand
	buf   bytes.Buffer
	size  int64
}

func newEndlessLog(t testing.TB, n, other int) *endlessLog {
	return &endlessLog{lines: strings.Split(strings.TrimSuffix(routerLogs(t)["01/router.log"], "\n"), "\n"), other: other, left: n, rnd: rand.New(rand.NewPCG(1, 2))}
}

func (e *endlessLog) Read(p []byte) (int, error) {
	if e.buf.Len() == 0 {
		if e.left == 0 {
			return 0, io.EOF
		}
		e.left--
		for _, l := range e.lines {
			if i := strings.Index(l, "]   "); i >= 0 {
				row := binary.BigEndian.AppendUint64(nil, e.rnd.Uint64())
				row = binary.BigEndian.AppendUint64(row, e.rnd.Uint64())
				n := (len(l) - i - 3) / 3
				text := hex.EncodeToString(row[:n])
				l = l[:i+3]
				for j := 0; j < len(text); j += 2 {
					l += " " + text[j:j+2]
				}
			}
			e.buf.WriteString(l + "\n")
		}
		for i := range e.other {
			fmt.Fprintf(&e.buf, "2026/11/23 07:13:24: [INSPECT] LAN1[in][101098] TCP 192.168.100.%d:1 > 198.51.100.%d:443\n", i, i)
		}
	}
	n, _ := e.buf.Read(p)
	e.size += int64(n)
	return n, nil
}

func heapInUse() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// What a store holds of each secret is little more than its bytes, and of lines without keys it is nothing.
func TestStoreIsSmall(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector needs memory")
	}
	const negotiations = 20000
	for _, other := range []int{0, 50} {
		before := heapInUse()
		st, err := Load(newEndlessLog(t, negotiations, other), "router.log", "")
		if err != nil {
			t.Fatal(err)
		}
		used := heapInUse() - before
		n := 0
		for s := range st.IKE() {
			if s.SKEYIDe.Len() != 32 {
				t.Fatal(s.Origin)
			}
			n++
		}
		for s := range st.ESP() {
			if s.Key.Len() != 16 || s.AuthKey.Len() != 8 || s.PairSPI == 0 {
				t.Fatal(s.Origin)
			}
			n++
		}
		if n != 3*negotiations {
			t.Errorf("%d secrets, want %d", n, 3*negotiations)
		}
		if per := used / int64(n); per > 80 {
			t.Errorf("%d bytes for each secret with %d other lines", per, other)
		}
		runtime.KeepAlive(st)
	}
}

// What goes into a store comes out, in order, each once.
func TestStoreKeepsAll(t *testing.T) {
	var all []*Keys
	for _, s := range samples() {
		all = append(all, parseText(t, s.text))
	}
	for _, name := range []string{"charon-client.log", "router-full.log", "xfrm-state.txt", "keys/esp_sa", "keys/ikev1_decryption_table"} {
		for _, file := range recordings(t, name) {
			k, err := ParseFile(file, "")
			if err != nil && !IsNoKeys(err) {
				t.Fatal(err)
			}
			all = append(all, k)
		}
	}
	odd := func(text string) esp.AddrPattern {
		p, err := esp.ParseAddrPattern(text)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	all = append(all, &Keys{ESP: []*esp.Secret{
		{SPI: 7, SPIMask: 0xff, Src: odd("10.1.*.*"), Dst: odd("2001:db8::1"), Origin: esp.Origin{File: "no line"}, Key: esp.NewKey([]byte("0123456789abcdef"))},
		{SPI: 7, SPIMask: 0xff, Src: odd("10.1.*.*"), Dst: odd("2001:db8::/32"), SeqHigh: 9, ESNKnown: true, Origin: esp.Origin{File: "a", Line: 007}},
		{Origin: esp.Origin{File: "", Line: 1}}, {SPI: 1, Origin: esp.Origin{File: ""}}, {SPI: 2, Origin: esp.Origin{File: "12"}}, {SPI: 3, Origin: esp.Origin{File: "x", Line: 1 << 40}},
	}})
	st := new(Store)
	for range 2 {
		for _, k := range all {
			st.Add(k)
		}
	}
	i := 0
	got := st.Keys()
	seen := make(map[string]bool)
	for _, k := range all {
		for _, s := range k.IKE {
			id := fmt.Sprint(s.InitiatorCookie, s.ResponderCookie, s.MessageID, s.Peer, s.SKEYIDeHead, hexAll(ikeKeys(s)))
			if seen[id] {
				continue
			}
			seen[id] = true
			if i >= len(got.IKE) || !reflect.DeepEqual(got.IKE[i], s) {
				t.Fatalf("secret %d is another: %s", i, s.Origin)
			}
			i++
		}
	}
	if i == 0 || i != len(got.IKE) {
		t.Errorf("%d IKE secrets, want %d", len(got.IKE), i)
	}
	i = 0
	for _, k := range all {
		for _, s := range k.ESP {
			same := *s
			same.Origin, same.Key, same.AuthKey = esp.Origin{}, esp.Key{}, esp.Key{}
			id := fmt.Sprintf("%+v %x %x", same, s.Key.Bytes(), s.AuthKey.Bytes())
			if seen[id] {
				continue
			}
			seen[id] = true
			if i >= len(got.ESP) || !reflect.DeepEqual(got.ESP[i], s) {
				t.Fatalf("secret %d is another: %s", i, s.Origin)
			}
			i++
		}
	}
	if i == 0 || i != len(got.ESP) {
		t.Errorf("%d ESP secrets, want %d", len(got.ESP), i)
	}
	// The parts have the same.
	i, j := 0, 0
	for _, part := range st.Split() {
		for s := range part.IKE() {
			if !reflect.DeepEqual(got.IKE[i], s) {
				t.Errorf("a part has another secret than %s", got.IKE[i].Origin)
			}
			i++
		}
		for s := range part.ESP() {
			if !reflect.DeepEqual(got.ESP[j], s) {
				t.Errorf("a part has another secret than %s", got.ESP[j].Origin)
			}
			j++
		}
	}
	if i != len(got.IKE) || j != len(got.ESP) {
		t.Errorf("the parts have %d and %d secrets, want %d and %d", i, j, len(got.IKE), len(got.ESP))
	}
	// Without their bytes the keys have the same lengths.
	i = 0
	for s := range st.Blank().ESP() {
		if w := got.ESP[i]; s.SPI != w.SPI || s.Key.Len() != w.Key.Len() || s.AuthKey.Len() != w.AuthKey.Len() || s.Origin != w.Origin {
			t.Errorf("%s is another", w.Origin)
		}
		if strings.Trim(string(s.Key.Bytes()), "\x00") != "" {
			t.Errorf("%s: the key shows", s.Origin)
		}
		i++
	}
}

// Places find what was there, and what is found is the asker's own.
func TestStorePlaces(t *testing.T) {
	st, err := Load(newEndlessLog(t, 3000, 0), "router.log", "") // several chunks
	if err != nil {
		t.Fatal(err)
	}
	all := st.Keys()
	if st.CountIKE() != len(all.IKE) || st.CountESP() != len(all.ESP) || len(st.esp.chunks) < 2 || !st.HasPlaces() {
		t.Fatalf("%d and %d secrets, want %d and %d; %d chunks", st.CountIKE(), st.CountESP(), len(all.IKE), len(all.ESP), len(st.esp.chunks))
	}
	i := 0
	st.EachIKE(func(place uint32, s *ikev1.Secret) {
		if own := st.IKEAt(place); !reflect.DeepEqual(s, all.IKE[i]) || !reflect.DeepEqual(own, s) || own == s {
			t.Fatalf("%s is another", s.Origin)
		}
		i++
	})
	if i != len(all.IKE) {
		t.Errorf("%d of %d", i, len(all.IKE))
	}
	i = 0
	st.EachESP(func(place uint32, s *esp.Secret) {
		if own := st.ESPAt(place); !reflect.DeepEqual(s, all.ESP[i]) || !reflect.DeepEqual(own, s) || own == s {
			t.Fatalf("%s is another", s.Origin)
		}
		i++
	})
	if i != len(all.ESP) {
		t.Errorf("%d of %d", i, len(all.ESP))
	}
}

func hexAll(keys [len(originNames)]*esp.Key) string {
	var b strings.Builder
	for _, k := range keys {
		b.WriteString(yamahaHex(*k) + ".")
	}
	return b.String()
}

// BenchmarkLoad reads a router's log: nothing but negotiations, and with the lines that others write in between.
func BenchmarkLoad(b *testing.B) {
	for _, other := range []int{0, 60} {
		b.Run(fmt.Sprintf("other=%d", other), func(b *testing.B) {
			log := newEndlessLog(b, 20000/(1+other/10), other)
			text, err := io.ReadAll(log)
			if err != nil {
				b.Fatal(err)
			}
			b.SetBytes(log.size)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Load(bytes.NewReader(text), "router.log", ""); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
