package yamaha_test

import (
	"math/rand/v2"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/japanese"

	"l2tpdump/esp"
	"l2tpdump/ikev1"
	"l2tpdump/keysrc"
)

// interleave takes lines of both logs in turn, n at a time.
func interleave(a, b string, n int) string {
	x, y := strings.SplitAfter(strings.TrimSuffix(a, "\n")+"\n", "\n"), strings.SplitAfter(strings.TrimSuffix(b, "\n")+"\n", "\n")
	var out strings.Builder
	for len(x) > 1 || len(y) > 1 {
		for _, l := range []*[]string{&x, &y} {
			for i := 0; i < n && len(*l) > 1; i++ {
				out.WriteString((*l)[0])
				*l = (*l)[1:]
			}
		}
	}
	return out.String()
}

// byValue puts the lines of each value of a log in one line, for interleave, and asLines takes them
// apart again.
func byValue(log string) string {
	var b strings.Builder
	for line := range strings.Lines(log) {
		if !strings.Contains(line, "]   ") && b.Len() > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(strings.TrimSuffix(line, "\n"))
		b.WriteByte(0)
	}
	return b.String() + "\n"
}

func asLines(log string) string {
	return strings.ReplaceAll(strings.ReplaceAll(log, "\n", ""), "\x00", "\n")
}

// Where two negotiations run at once, no value is given to the wrong one.
func TestInterleaved(t *testing.T) {
	for _, name := range []string{"router.log", "router-full.log"} {
		log := routerLogs(t)["11/"+name]
		parts := strings.SplitAfter(log, "IP Tunnel[1] Up\n")
		small := truthOf(parseText(t, parts[0]+parts[2]))
		orders := map[string]func(string) string{"forward": func(s string) string { return s }, "reversed": reversed}
		for n := 1; n < 12; n++ {
			for order, turn := range orders {
				for how, text := range map[string]string{
					"lines":  interleave(parts[0], parts[2], n),
					"values": asLines(interleave(byValue(parts[0]), byValue(parts[2]), n)),
				} {
					text = turn(restamped("")(text)) // times out of order are of no help
					keys := parseText(t, text)
					if !small.check(t, order+" "+how, text, keys) && len(keys.Notes) == 0 {
						t.Errorf("%s, %d %s at a time, %s: no note\n%s", name, n, how, order, text)
					}
					if t.Failed() {
						return
					}
				}
			}
		}
		// However the values of three negotiations fall between each other.
		all := truthOf(parseText(t, log))
		random := rand.New(rand.NewPCG(1, 2))
		for range 300 {
			lines := make([][]string, 3)
			for i := range lines {
				lines[i] = strings.SplitAfter(strings.TrimSuffix(byValue(parts[i]), "\n"), "\n")
			}
			var b strings.Builder
			for len(lines) > 0 {
				i := random.IntN(len(lines))
				n := min(1+random.IntN(8), len(lines[i]))
				b.WriteString(strings.Join(lines[i][:n], ""))
				if lines[i] = lines[i][n:]; len(lines[i]) == 0 {
					lines = slices.Delete(lines, i, i+1)
				}
			}
			for order, turn := range orders {
				text := turn(asLines(b.String()))
				keys := parseText(t, text)
				if !all.check(t, "random merge, "+order, text, keys) && len(keys.Notes) == 0 {
					t.Errorf("random merge, %s: no note\n%s", order, text)
				}
				if t.Failed() {
					for _, n := range keys.Notes {
						t.Log(n)
					}
					return
				}
			}
		}
		// One after the other, whole negotiations: nothing is in doubt.
		keys := parseText(t, parts[2]+parts[0])
		if len(keys.Notes) != 0 || len(keys.IKE) != 2 || len(keys.ESP) != 4 {
			t.Errorf("%s: %d IKE and %d ESP keys, notes %v", name, len(keys.IKE), len(keys.ESP), keys.Notes)
		}
	}
}

// A SKEYID_e that may be of two negotiations comes without cookie, and a note names both.
func TestAmbiguous(t *testing.T) {
	const log = `2026/11/23 07:13:24: [IKE] respond ISAKMP phase to 203.0.113.10
2026/11/23 07:13:24: [IKE] CKY-I
2026/11/23 07:13:24: [IKE]   14 80 48 a5 bc 8c 63 7f
2026/11/23 07:13:24: [IKE] respond ISAKMP phase to 203.0.113.77
2026/11/23 07:13:24: [IKE] CKY-I
2026/11/23 07:13:24: [IKE]   63 18 27 ec 0f ef c7 20
2026/11/23 07:13:25: [IKE] SKEYID_e
2026/11/23 07:13:25: [IKE]   bb 7f 92 5e 3a 06 d1 ac fe 00 bb d2 54 17 1a 4b
2026/11/23 07:13:25: [IKE]   06 95 5b 69
2026/11/23 07:13:25: [IKE] SKEYID_e
2026/11/23 07:13:25: [IKE]   4a f9 0f 25 cf 10 27 73 61 11 19 37 c2 e1 48 65
2026/11/23 07:13:25: [IKE]   c3 3f 0e be
2026/11/23 07:13:26: [IKE] CKY-I
2026/11/23 07:13:26: [IKE]   01 02 03 04 05 06 07 08
2026/11/23 07:13:26: [IKE] SKEYID_e
2026/11/23 07:13:26: [IKE]   11 f9 0f 25 cf 10 27 73 61 11 19 37 c2 e1 48 65
2026/11/23 07:13:26: [IKE]   c3 3f 0e be
2026/11/23 07:13:27: [IKE] respond IPsec phase to 203.0.113.77
`
	keys := parseText(t, log)
	if len(keys.IKE) != 3 || !keys.IKE[0].InitiatorCookie.IsZero() || !keys.IKE[1].InitiatorCookie.IsZero() ||
		keys.IKE[2].InitiatorCookie.String() != "0102030405060708" {
		t.Errorf("%+v", canonical(keys))
	}
	if len(keys.Notes) != 2 || !keys.Notes[0].Doubt || keys.Notes[0].Line != 7 || !strings.Contains(keys.Notes[0].Text, "148048a5bc8c637f, 631827ec0fefc720") {
		t.Errorf("%v", keys.Notes)
	}
	// One minute later the first is dead, and the second's SKEYID_e is its own.
	late := strings.Replace(strings.ReplaceAll(log, "07:13:25", "07:16:25"), "07:13:24: [IKE] respond ISAKMP phase to 203.0.113.77", "07:16:24: [IKE] respond ISAKMP phase to 203.0.113.77", 1)
	late = strings.Replace(late, "07:13:24: [IKE] CKY-I\n2026/11/23 07:13:24: [IKE]   63", "07:16:24: [IKE] CKY-I\n2026/11/23 07:16:24: [IKE]   63", 1)
	keys = parseText(t, late)
	if len(keys.IKE) == 0 || keys.IKE[0].InitiatorCookie.String() != "631827ec0fefc720" || yamahaHex(keys.IKE[0].SKEYIDe)[:4] != "bb7f" {
		t.Errorf("%v\n%v", canonical(keys), keys.Notes)
	}
}

// Text between a label and its row: the value may be the text's, so it is uncertain, and no row is
// called missing. Of another length it is not the label's.
func TestTextBetween(t *testing.T) {
	between := func(log string) string {
		return eachLine(log, func(l string) string {
			if strings.Contains(l, "[IKE] ") && !strings.Contains(l, "]   ") && !strings.Contains(l, " phase to ") {
				return l + "\n" + l[:stampLen] + "[IKE] receive message\n" + l[:stampLen] + "[IKE] payload: HASH(8) length 24"
			}
			return l
		})
	}
	for name, log := range routerLogs(t) {
		want := parseText(t, log)
		for order, turn := range map[string]func(string) string{"forward": func(s string) string { return s }, "reversed": reversed} {
			keys := parseText(t, turn(between(log)))
			for _, s := range keys.IKE {
				if !s.InitiatorCookie.IsZero() {
					t.Errorf("%s, %s: %s is certain", name, order, s.Origin)
				}
			}
			for _, s := range keys.ESP {
				if !s.Uncertain {
					t.Errorf("%s, %s: %s is certain", name, order, s.Origin)
				}
			}
			truthOf(want).check(t, name+", "+order, "", keys)
			if len(keys.IKE) != len(want.IKE) || len(keys.ESP) != len(want.ESP) || len(losses(keys)) != 0 {
				t.Errorf("%s, %s: %v\n%v", name, order, canonical(keys), keys.Notes)
			}
		}
		long := strings.ReplaceAll(between(log), "[IKE]   ", "[IKE]   00 ")
		if keys := parseText(t, long); len(keys.IKE)+len(keys.ESP) != 0 {
			t.Errorf("%s: rows of another length: %v", name, canonical(keys))
		}
	}
}

// A value that lost its second row does not spoil one that comes seconds later; one at the same
// time may have got it.
func TestLostRowNeighbour(t *testing.T) {
	const log = `2026/11/23 08:13:15: [IKE] respond ISAKMP phase to 203.0.113.77
2026/11/23 08:13:15: [IKE] CKY-I
2026/11/23 08:13:15: [IKE]   82 b7 0e ee 7f 1a 50 39
2026/11/23 08:13:15: [IKE] SKEYID_e
2026/11/23 08:13:15: [IKE]   be f0 7e c2 34 7f 06 6e d0 8f 5d c7 51 24 47 e3
2026/11/23 08:13:20: [IKE] respond ISAKMP phase to 203.0.113.77
2026/11/23 08:13:20: [IKE] CKY-I
2026/11/23 08:13:20: [IKE]   40 43 00 02 6b 6e 54 55
2026/11/23 08:13:20: [IKE] SKEYID_e
2026/11/23 08:13:20: [IKE]   94 a0 65 68 5d 64 c4 98 0b b8 d4 54 4a 87 21 a9
2026/11/23 08:13:20: [IKE]   9a 01 ad 21 9e b5 9c f6 a1 5e f6 f1 5a 1d 83 0b
2026/11/23 08:13:32: [IKE] respond IPsec phase to 203.0.113.77
`
	for _, turn := range []func(string) string{func(s string) string { return s }, reversed} {
		keys := parseText(t, turn(log))
		if len(keys.IKE) != 2 || keys.IKE[1].InitiatorCookie.String() != "404300026b6e5455" || keys.IKE[1].SKEYIDe.Len() != 32 ||
			len(keys.Notes) != 1 || !keys.Notes[0].Doubt {
			t.Errorf("%v\n%v", canonical(keys), keys.Notes)
		}
		keys = parseText(t, turn(strings.ReplaceAll(log, "08:13:20", "08:13:16")))
		if len(keys.IKE) != 1 || keys.IKE[0].SKEYIDe.Len() != 16 || len(losses(keys)) != 1 {
			t.Errorf("%v\n%v", canonical(keys), keys.Notes)
		}
	}
}

// A note names the lengths of rows that make no value.
func TestRowLengths(t *testing.T) {
	const caption = `2026/11/23 08:13:15: [IKE] CKY-I
2026/11/23 08:13:15: [IKE]   82 b7 0e ee 7f 1a 50 39
2026/11/23 08:13:15: [IKE] SKEYID_e
`
	for rows, want := range map[string]string{
		"be f0 7e c2,94 a0 65 68 5d 64 c4 98":                            "its rows have 4 and 8 bytes: ",
		"be f0 7e c2 34 7f 06 6e d0 8f 5d c7 51 24 47 e3,94 a0 65":       "in rows of 16 and 3 bytes, ",
		"be f0 7e c2 34 7f 06 6e d0 8f 5d c7 51 24 47 e3,94 a0 65,94 a0": "its rows have 16, 3 and 2 bytes: ",
	} {
		keys := parseText(t, caption+"2026/11/23 08:13:15: [IKE]   "+
			strings.ReplaceAll(rows, ",", "\n2026/11/23 08:13:15: [IKE]   ")+"\n")
		if len(keys.Notes) == 0 || !strings.Contains(keys.Notes[0].Text, want) {
			t.Errorf("%s: %v", rows, keys.Notes)
		}
	}
}

// Damaged lines put a log's order in doubt twice; what was settled in between is given out once.
func TestOrderInDoubt(t *testing.T) {
	keys := parseText(t, `2026/11/23 07:38:07: [IKE]   be a8 f4 33 1f b1 ec 39
2026/11/23 07:38:07: [IKE] CKY-R
2026/11/23 07:38:07: [IKE]   d7 73 da 3f c8 2f e7 4d 52 08 e4 0a 49 59 d4 17
2026/11/23 07:38:07: [IKE] SKEYID
2026/11/23 07:38:07: [IKE] authentication key (first 8byte)
2026/11/23 07:38:07: [IKE]   7a 0c f1 1b f7 a3 e6 de
2026/11/23 07:38:07: [IKE] SPI
==2026/11/23 07:38:07: [IKE]   ce 11 09 b2
2026/11/23 07:38:07: [IKE] key material (first 16byte)
2026/11/23 07:38:07: [IKE]   2f 54 8c 28 e1 57 f8 1b 35 5c e6 e1 5d 05 e8 ed
`)
	if len(keys.ESP) != 1 || keys.ESP[0].SPI != 0xce1109b2 || keys.ESP[0].Key.Len() != 16 || len(losses(keys)) == 0 {
		t.Errorf("%v\n%v", canonical(keys), keys.Notes)
	}
}

// Equal rows that the router collapsed count, and it is said so.
func TestCollapsed(t *testing.T) {
	const head = `2026/11/23 07:13:24: [IKE] CKY-I
2026/11/23 07:13:24: [IKE]   14 80 48 a5 bc 8c 63 7f
2026/11/23 07:13:24: [IKE] SKEYID_e
2026/11/23 07:13:24: [IKE]   4a f9 0f 25 cf 10 27 73 61 11 19 37 c2 e1 48 65
`
	const tail = `2026/11/23 07:13:25: [IKE] add ISAKMP SA[1] (gateway[1])
`
	const twice = "4af90f25cf102773611119" + "37c2e14865" + "4af90f25cf102773611119" + "37c2e14865"
	for _, turn := range []func(string) string{func(s string) string { return s }, reversed} {
		for _, repeated := range []string{"same message repeated 1 times\n", "2026/11/23 07:13:24: same message repeated 1 times\n", "2026/11/23 07:13:24: [IKE] same message repeated 1 times\n"} {
			keys := parseText(t, turn(head+repeated+tail))
			if len(keys.IKE) != 1 || yamahaHex(keys.IKE[0].SKEYIDe) != twice || len(keys.Notes) != 1 || !keys.Notes[0].Doubt {
				t.Errorf("%v %v", canonical(keys), keys.Notes)
			}
		}
		// How many rows these are can't be told.
		keys := parseText(t, turn(head+"same message repeated 3 times\n"+tail))
		if len(keys.IKE) != 0 || len(losses(keys)) != 1 {
			t.Errorf("%v %v", canonical(keys), keys.Notes)
		}
		// A repeat of another line is none of the value's business.
		keys = parseText(t, turn(head+tail+"2026/11/23 07:13:26: same message repeated 3 times\n"))
		if len(keys.IKE) != 1 || yamahaHex(keys.IKE[0].SKEYIDe) != twice[:32] {
			t.Errorf("%v %v", canonical(keys), keys.Notes)
		}
	}
}

const showDetail = `SA[1] Duration: 10675s
Local ID: 192.168.100.1
Remote ID: 72.21.209.225
Protocol: IKE
Algorithm: AES-CBC, SHA-1, MODP 1024bit

SPI: 6b ce fd 8a d5 30 9b 02 0c f3 87 52 4a 87 6e 77 
Key: ** ** ** ** **  (confidential)   ** ** ** ** **
----------------------------------------------------
SA[2] Duration: 1719s
Local ID: 192.168.100.1
Remote ID: 72.21.209.225
Direction: send
Protocol: ESP (Mode: tunnel)
Algorithm: AES-CBC (for Auth.: HMAC-SHA)
SPI: a6 67 47 47 
Key: ** ** ** ** **  (confidential)   ** ** ** ** **
----------------------------------------------------
SA[3] Duration: 1719s
Local ID: 192.168.100.1
Remote ID: 72.21.209.225
Direction: receive
Protocol: ESP (Mode: transport)
Algorithm: AES256-CBC (for Auth.: HMAC-SHA256)
SPI: 7b 07 d4 9d 
Key: 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f 10 
----------------------------------------------------
# 
`

func TestShow(t *testing.T) {
	keys, err := keysrc.Parse(strings.NewReader(showDetail+"    PP IP Address Local: 100.1.1.1, Remote: 50.1.1.1\n"), "show.txt", "")
	if err != nil {
		t.Fatal(err)
	}
	if len(keys.Hints.SAs) != 3 || len(keys.Notes) != 0 {
		t.Fatalf("%+v", keys)
	}
	ike, send, receive := keys.Hints.SAs[0], keys.Hints.SAs[1], keys.Hints.SAs[2]
	if !ike.IKE || ike.InitiatorCookie.String() != "6bcefd8ad5309b02" || ike.Suite.CipherName() != "aes-cbc-128" {
		t.Errorf("%+v", ike)
	}
	if send.SPI != 0xa6674747 || !send.Send || !send.DirectionKnown || send.Suite.String() != "aes-cbc-128/hmac-sha1-96" {
		t.Errorf("%+v", send)
	}
	if receive.Send || !receive.DirectionKnown || receive.Suite.String() != "aes-cbc-256/hmac-sha2-256-128" || receive.KeyHead.Len() != 16 {
		t.Errorf("%+v", receive)
	}
	if len(keys.ESP) != 1 || keys.ESP[0].SPI != 0x7b07d49d || !keys.ESP[0].KeyHead || keys.ESP[0].Origin.String() != "show.txt:26" {
		t.Errorf("%+v", keys.ESP)
	}
	if !slices.Equal(keys.Hints.Local, []netip.Addr{netip.MustParseAddr("100.1.1.1")}) || !slices.Equal(keys.Hints.Peers, []netip.Addr{netip.MustParseAddr("50.1.1.1")}) {
		t.Errorf("%+v", keys.Hints)
	}
}

// The same listing in Japanese, in each of its encodings; and in words that are not known.
func TestShowJapanese(t *testing.T) {
	japaneseDetail := strings.NewReplacer("Duration: ", "寿命: ", "s\nLocal", "秒\nLocal", "Local ID", "自分側の識別子", "Remote ID", "相手側の識別子",
		"Direction", "送受信方向", "send", "送信", "receive", "受信", "Protocol", "プロトコル", "Mode", "モード", "Algorithm", "アルゴリズム",
		"for Auth.", "認証", "Key:", "鍵 :").Replace(showDetail)
	want := parseText(t, showDetail)
	for name, e := range map[string]encoding.Encoding{"UTF-8": encoding.Nop, "Shift_JIS": japanese.ShiftJIS, "EUC-JP": japanese.EUCJP} {
		text, err := e.NewEncoder().String(japaneseDetail)
		if err != nil {
			t.Fatal(err)
		}
		got := parseText(t, text)
		if !slices.Equal(canonical(got), canonical(want)) || !reflect.DeepEqual(got.Hints, want.Hints) || len(got.Notes) != 0 {
			t.Errorf("%s: %v %v\n%+v, want\n%+v", name, canonical(got), got.Notes, got.Hints, want.Hints)
		}
		if _, err := keysrc.Parse(strings.NewReader(strings.ReplaceAll(text, "01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f 10",
			"** ** ** ** **  (confidential)   ** ** ** ** **")), "x", ""); err == nil || !strings.Contains(err.Error(), "(confidential)") {
			t.Errorf("%s without keys: %v", name, err)
		}
	}
	unknown := strings.ReplaceAll(japaneseDetail, "鍵", "??")
	if got := parseText(t, unknown); !slices.Equal(canonical(got), canonical(want)) {
		t.Errorf("%v", canonical(got))
	}
}

// A listing names the algorithms of the keys in a log beside it.
func TestShowAndLog(t *testing.T) {
	log := routerLogs(t)["01/router.log"]
	show := strings.ReplaceAll(showDetail, "a6 67 47 47", "c5 a0 13 59")
	for _, text := range []string{log + show, show + log} {
		keys := parseText(t, text)
		i := slices.IndexFunc(keys.ESP, func(s *esp.Secret) bool { return s.SPI == 0xc5a01359 })
		if i < 0 || keys.ESP[i].Suite.String() != "aes-cbc-128/hmac-sha1-96" || keys.ESP[i].KeyHead {
			t.Errorf("%+v", keys.ESP)
		}
		if len(keys.ESP) != 3 || len(keys.IKE) != 1 || len(losses(keys)) != 0 {
			t.Errorf("%v %v", canonical(keys), keys.Notes)
		}
	}
}

// A stream gives a value out when the next line tells that it is whole.
func TestStream(t *testing.T) {
	log := routerLogs(t)["02/router-full.log"]
	want := parseText(t, log)
	var ike []*ikev1.Secret
	var esp []*esp.Secret
	s, err := keysrc.NewStream("syslog", "", func(k *keysrc.Keys) {
		ike, esp = append(ike, k.IKE...), append(esp, k.ESP...)
	})
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(log) {
		s.Line([]byte(line))
		if strings.Contains(line, "] SPI") && len(ike) != len(want.IKE) {
			t.Errorf("%d phases 1 at the first SPI", len(ike))
		}
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if got := canonical(&keysrc.Keys{IKE: ike, ESP: esp}); !slices.Equal(got, canonical(want)) {
		t.Errorf("got\n%s", strings.Join(got, "\n"))
	}
}
