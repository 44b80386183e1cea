package keysrc

import (
	"archive/zip"
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"l2tpdump/esp"
)

// A source of the field from which a line was lost gives no key that the whole one has not, unless
// it says that the key is a part, or that something is wrong.
func TestFieldKeysWithoutALine(t *testing.T) {
	files, err := filepath.Glob("../testdata/field/keys/*")
	if err != nil || len(files) < 40 {
		t.Fatal(len(files), err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(file, ".pcap") || strings.HasSuffix(file, "13d-gz-trunc") {
			continue
		}
		all, _ := Parse(bytes.NewReader(data), "all", "")
		whole := make(map[string]bool)
		eachKey(all, func(name string, k esp.Key) { whole[name+string(k.Bytes())] = true })
		lines := bytes.SplitAfter(data, []byte("\n"))
		for i := range lines {
			rest := bytes.Join(append(append([][]byte(nil), lines[:i]...), lines[i+1:]...), nil)
			keys, _ := Parse(bytes.NewReader(rest), "rest", "")
			if len(keys.Notes) > 0 {
				continue
			}
			eachKey(keys, func(name string, k esp.Key) {
				if !whole[name+string(k.Bytes())] {
					t.Errorf("%s without line %d: %s of %d bytes", file, i+1, name, k.Len())
				}
			})
		}
	}
}

// eachKey gives out the keys that are not said to be parts.
func eachKey(keys *Keys, f func(name string, k esp.Key)) {
	for _, s := range keys.IKE {
		for i, k := range phase1Keys(s) {
			if !k.IsZero() && !(i == 3 && s.SKEYIDeHead) {
				f(phase1Names[i], *k)
			}
		}
	}
	for _, s := range keys.ESP {
		if !s.KeyHead {
			f(spiName(s.SPI), s.Key)
		}
		if !s.AuthKeyHead && !s.AuthKey.IsZero() {
			f("authentication "+spiName(s.SPI), s.AuthKey)
		}
	}
}

// What swanctl prints is no Yamaha router's log, though it has the tag [IKE].
func TestSwanctlIsNoYamaha(t *testing.T) {
	text, err := os.ReadFile("../testdata/field/keys/swanctl-initiate-loglevel4-real.txt")
	if err != nil {
		t.Fatal(err)
	}
	_, err = Parse(bytes.NewReader(text), "x", "")
	if err == nil || !strings.Contains(err.Error(), "what swanctl or ipsec up prints") || strings.Contains(err.Error(), "Yamaha") {
		t.Error(err)
	}
}

// What is no log, but is of an IKE daemon or a router, is named.
func TestNoLog(t *testing.T) {
	for text, want := range map[string]string{
		"203.0.113.1 %any : PSK \"secret\"\n": "pre-shared keys",
		": PSK \"secret\"\n":                  "pre-shared keys",
		"Security Associations (1 up, 0 connecting):\n  L2TP[1]: ESTABLISHED 5 seconds ago\n":                       "status of strongSwan",
		"l2tp: #1, ESTABLISHED, IKEv1, 5829d9833cfb3f3c_i 241f4d50d477c2fd_r*\n  local  'gw' @ 203.0.113.1[4500]\n": "`ip xfrm state`",
		"203.0.113.77[any] 203.0.113.1[1701] udp\n\tin ipsec\n\tesp/transport//require\n":                           "`setkey -D`",
		"No SAD entries.\n": "there was no SA",
		"000 #1: \"l2tp\"[1] 203.0.113.77:4500 STATE_MAIN_R3 (sent MR3, ISAKMP SA established)\n":                                         "status of pluto",
		"interface: Gi0/0\n    Crypto map tag: L2TP-MAP, local addr 203.0.113.1\n":                                                        "Cisco",
		"IPv4 Crypto ISAKMP SA\ndst             src             state          conn-id status\n":                                          "Cisco",
		"Main Mode SA at 11/23/2026 07:15:18\nLocal IP Address:     203.0.113.1\n":                                                        "Windows",
		"src 203.0.113.1/32 dst 203.0.113.77/32 proto udp\n\tdir out priority 1\n\ttmpl src 0.0.0.0 dst 0.0.0.0\n\t\tproto esp reqid 1\n": "ip xfrm policy",
		"Destination            Cookies                           Created\n":                                                              "racoonctl",
		"Flags: R - responder, N - natt-peer \n 0 R  local-address=203.0.113.1 state=established\n":                                       "peers of RouterOS",
		"Total: isakmp:1 send:1 recv:1\n\nsa    sgw isakmp connection    dir  life[s] remote-id\n":                                        "list of SAs of a Yamaha router",
	} {
		_, err := Parse(strings.NewReader(text), "x", "")
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// Where somebody put something in the place of key bytes it is said so, and not that they are
// missing.
func TestRedacted(t *testing.T) {
	for _, text := range []string{
		"[IKE] CKY-I\n[IKE]   14 80 48 a5 bc 8c 63 7f\n[IKE] SKEYID_e\n[IKE]   <redacted>\n[IKE]   <redacted>\n[IKE] add\n",
		"[IKE] CKY-I\n[IKE]   14 80 48 a5 bc 8c 63 7f\n[IKE] SKEYID_e\n[IKE]   xx xx xx xx xx xx xx xx\n[IKE] add\n",
		"[IKE] CKY-I\n[IKE]   14 80 48 a5 bc 8c 63 7f\n[IKE] SKEYID_e\n[IKE]   [removed]\n[IKE] add\n",
		"[IKE] CKY-I\n[IKE]   14 80 48 a5 bc 8c 63 7f\n[IKE] SKEYID_e\n[IKE]   ** ** **  (redacted)  ** ** **\n[IKE] add\n",
		"SA[2] Duration: 1719s\nDirection: send\nProtocol: ESP (Mode: tunnel)\nSPI: a6 67 47 47\nKey: ** ** (redacted) ** **\n",
		"14[IKE] SKEYID_e => 16 bytes @ 0x7f16b8049620\n14[IKE]    0: [removed]\n14[IKE] x\n",
		"14[IKE] SKEYID_e => 16 bytes @ 0x7f16b8049620\n14[IKE]    0: XX XX XX XX\n14[IKE] x\n",
		"14[IKE] SKEYID_e => 32 bytes @ 0x7f16b8049620\n14[IKE] <redacted>\n14[IKE] [REDACTED]\n14[IKE] x\n",
		"148048a5bc8c637f,xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\n",
		"148048a5bc8c637f,<redacted>\n",
		"148048a5bc8c637f,-- -- -- --\n",
		"14[IKE] SKEYID_e => <redacted>\n14[IKE] x\n",
		"gw charon-systemd[1]: SKEYID_e => 32 bytes @ [REDACTED]\n",
		"| Skeyid_e:  xx xx xx xx\n| enc key:  ** ** ** **\n| IV:  44 9e\n",
		"| ESP enckey:\n|   (confidential)\n| ESP authkey:\n|   ***\n",
		"2026-03-13 22:00:51: DEBUG: SKEYID_e computed:\n2026-03-13 22:00:51: DEBUG: \n[REDACTED]\n2026-03-13 22:00:51: DEBUG: x\n",
		"22:00:51 ipsec,debug final encryption key computed:\n22:00:51 ipsec,debug ********\n",
		"0 E spi=0xE841441 src-address=150.0.0.150 dst-address=50.0.0.50\nauth-algorithm=sha1 enc-algorithm=aes-cbc\nauth-key=\"***\"\nenc-key=\"***\"\n",
		"src 10.0.0.1 dst 10.0.0.2\n\tproto esp spi 0x00000301 reqid 0 mode transport\n\tauth-trunc hmac(sha1) xx xx 96\n\tenc cbc(aes) xx xx\n",
		"src 10.0.0.1 dst 10.0.0.2\n\tproto esp spi 0x00000301\n\tauth-trunc hmac(sha1) 0x1a2b3c4d... 96\n\tenc cbc(aes) 0x1a2b3c4d...\n",
		"10.0.1.13 10.0.1.241\n\tesp mode=transport spi=163029363(0x09b7a173) reqid=0(0x00000000)\n\tE: aes-cbc  ** **\n\tseq=0x00000000\n",
		"esp transport from 10.0.0.1 to 10.0.0.2 spi 0x2d2148ab auth hmac-sha2-256 enc aes \\\n\tauthkey <hidden> \\\n\tenckey <hidden>\n",
		"071518.619884 Negt 80 ike_phase_1_post_exchange_KE_NONCE: SKEYID_e:\n071518.619884 Negt 80 xxxxxxxx xxxxxxxx\n",
		"Initiator Cookie: 0xAFAE6D9F165F6631, Responder Cookie: 0xAFAE6D9F165F6632\nSKEYID_e: [removed]\n",
		"  dec: spi=c53a8f78 esp=aes key=16 ########\n       ah=sha1 key=20 ########\n",
	} {
		_, err := Parse(strings.NewReader(text), "x", "")
		if err == nil || !strings.Contains(err.Error(), "redacted") || strings.Contains(err.Error(), "missing") ||
			strings.Contains(err.Error(), "confidential") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// TestDocument: what a word processor saved is called so.
func TestDocument(t *testing.T) {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, name := range []string{"[Content_Types].xml", "word/document.xml"} {
		w, _ := z.Create(name)
		w.Write([]byte("<?xml version=\"1.0\"?><w:document><w:t>14[IKE] SKEYID_e =&gt; 32 bytes</w:t></w:document>"))
	}
	z.Close()
	for _, text := range []string{b.String(), "%PDF-1.7\n1 0 obj\n", "{\\rtf1\\ansi CKY-I\\par}\n"} {
		if _, err := Parse(strings.NewReader(text), "x", ""); err == nil || !strings.Contains(err.Error(), saveAsText) {
			t.Errorf("%.20q: %v", text, err)
		}
	}
}

// TestTcpdumpKeys: the key of tcpdump -E may be any SA's, and its cipher have OpenSSL's name.
func TestTcpdumpKeys(t *testing.T) {
	for line, want := range map[string]string{
		"tcpdump -E des3:0x" + hex48[:48]:            "esp 1 any",
		"tcpdump -E 'aes-128-cbc-hmac96:0x" + hex16:  "esp 1 any",
		"tcpdump -E des3:0x00112233":                 "note 1 the key behind -E: 3des-cbc takes no key of 4 bytes",
		"0x1a2b3c4d@192.0.2.1 aes128-cbc:0x00112233": "note 1 SA 0x1a2b3c4d: aes-cbc takes no key of 4 bytes",
	} {
		k, _ := Parse(strings.NewReader(line), "x", "")
		if len(k.ESP) == 1 && k.ESP[0].SPIMask == 0 && want == "esp 1 any" && k.ESP[0].Suite.Cipher != nil {
			continue
		}
		if got := summary(k); got != want {
			t.Errorf("%s: %s", line, got)
		}
	}
}

// TestListingOfQuestionMarks: where a terminal had no letters for the router's words, the keys are
// read all the same.
func TestListingOfQuestionMarks(t *testing.T) {
	text, err := os.ReadFile("../testdata/field/keys/y41b-detail-jp-keys-utf8")
	if err != nil {
		t.Fatal(err)
	}
	want, err := Parse(bytes.NewReader(text), "x", "")
	if err != nil {
		t.Fatal(err)
	}
	marks := strings.Map(func(r rune) rune {
		if r >= 0x80 {
			return '?'
		}
		return r
	}, string(text))
	got, err := Parse(strings.NewReader(marks), "x", "")
	if err != nil || len(got.ESP) != len(want.ESP) {
		t.Fatalf("%+v, %v", got, err)
	}
	for i, s := range got.ESP {
		if w := want.ESP[i]; s.SPI != w.SPI || !s.Key.Equal(w.Key) {
			t.Errorf("%+v, want %+v", s, w)
		}
	}
}
