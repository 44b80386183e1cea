package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"l2tpdump/capture"
)

// swapped returns the source with two texts exchanged everywhere.
func (s source) swapped(a, b string) source {
	return source{s.name, []byte(strings.NewReplacer(a, b, b, a).Replace(string(s.text)))}
}

// with returns the source with each text in pairs replaced by the one behind it.
func (s source) with(pairs ...string) source {
	return source{s.name, []byte(strings.NewReplacer(pairs...).Replace(string(s.text)))}
}

// until returns the source up to the nth place of a text, from 1.
func (s source) until(text string, n int) source {
	at := 0
	for range n {
		at += bytes.Index(s.text[at:], []byte(text)) + len(text)
	}
	return source{s.name, s.text[:at-len(text)]}
}

// withoutHead writes the capture without its first frames.
func withoutHead(t *testing.T, file string, frames int) string {
	t.Helper()
	src, err := capture.Open([]string{file})
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	name := filepath.Join(t.TempDir(), "late.pcap")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w := capture.NewPcapWriter(f, false)
	var p capture.Packet
	for n := 0; src.Next(&p) == nil; n++ {
		if n == 0 {
			if _, err := w.AddInterface(src.Interfaces()[0]); err != nil {
				t.Fatal(err)
			}
		}
		if n < frames {
			continue
		}
		if err := w.WritePacket(&p, nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	return name
}

// cureAES128 is what the owner of a router can do about a key of which its log shows a half.
const cureAES128 = "set `ipsec sa policy N N esp aes-cbc sha-hmac` on the router while capturing (AES-128, whose 16 bytes its log shows in full), " +
	"or give the whole key (ip xfrm state, esp_sa); the rest can't be computed from the Quick Mode: "

// What a person reads about keys that do not fit, or that fit otherwise than they were given.
func TestVerifyReasons(t *testing.T) {
	read := func(dir, name string) source { return readSource(t, filepath.Join(captures, dir, name)) }
	const (
		basic    = "01-basic-aes128-sha1"
		natt     = "02-natt-aes256-sha1"
		triple   = "03-3des-sha1-modp1024"
		sha256   = "05-aes256-sha256-ecp384"
		pfs      = "06-pfs-rekey-dpd"
		skeyidE3 = "cf31b088ae100ef13b665a2a51dee77089b310a7"
		ka3      = "1d74befe7f68a3db46415d164539480c28504a7363957452"
		forth    = "0xc2c4be60" // the SPIs of basic
		back     = "0xc5a01359"
	)
	table, log, full := read(basic, "keys/esp_sa"), read(basic, "router.log"), read(basic, "router-full.log")
	const listing = "SA[1] Duration: 10675s\nLocal ID: 203.0.113.1\nRemote ID: 203.0.113.10\nProtocol: IKE\nAlgorithm: AES-CBC, SHA-256, MODP 2048bit\n" +
		"SPI: 14 80 48 a5 bc 8c 63 7f d3 ce 76 a2 8e 6c 8e 8c\nKey: 4a f9 0f 25 cf 10 27 73\n----------------------------------------------------\n"
	type sources = []source
	for _, c := range []struct {
		what    string
		capture string
		skip    int // frames that the capture lacks at its beginning
		keys    sources
		exit    int
		id      string // cookie, SPI, "key of" one of them, or "" for the last sentence
		verdict string
		reason  string
	}{
		// A wrong key.
		{"encryption key", basic, 0, sources{table.with("0xca6bdc", "0xcb6bdc")}, exitPartly, forth, "wrong key",
			"the authentication key fits and the encryption key does not: it is damaged in the key source, or of another algorithm (esp_sa:2)"},
		{"encryption key that fits two packets by chance", "13-ip-fragmented-esp", 0, sources{read("13-ip-fragmented-esp", "keys/esp_sa").with("0xb09d9d", "0x309d9d")},
			exitPartly, "0xc90a6752", "wrong key", "the authentication key fits and the encryption key does not: it is damaged in the key source, or of another algorithm (esp_sa:3)"},
		{"encryption key that fits one packet by chance", "25-forceencaps-no-nat", 0, sources{read("25-forceencaps-no-nat", "keys/esp_sa").with("d5c62cee", "d5c624ee")},
			exitPartly, "0xcfdaa59c", "wrong key", "the authentication key fits and the encryption key does not: it is damaged in the key source, or of another algorithm (esp_sa:3)"},
		{"authentication key", basic, 0, sources{table.with("0xb753e9", "0xb653e9")}, exitPartly, forth, "wrong key",
			"the encryption key fits and the authentication key does not (ICV mismatch): it is damaged in the key source, or of another algorithm (esp_sa:2)"},
		{"both keys", basic, 0, sources{table.with("0xca6bdc", "0xcb6bdc", "0xb753e9", "0xb653e9")}, exitPartly, forth, "wrong key",
			"ICV mismatch: the key at esp_sa:2 is damaged, or of another connection or an earlier use of the SPI: compare it with where it comes from"},
		{"head in a log", basic, 0, sources{log.with("ca 6b dc", "cb 6b dc")}, exitPartly, forth, "wrong key",
			"the decrypted bytes are not the inside of a packet: the key at router.log:16 is damaged, or of another connection or an earlier use of the SPI: compare it with where it comes from"},
		{"head beside SKEYID_d", basic, 0, sources{full.with("ca 6b dc", "cb 6b dc")}, exitPartly, forth, "verified", "another key is given by router-full.log:27"},
		{"head beside SKEYID_d", basic, 0, sources{full.with("ca 6b dc", "cb 6b dc")}, exitPartly, "key of " + forth, "wrong key",
			"the encryption key at router-full.log:27 is wrong; the packets open with the key at router-full.log:9 (KEYMAT of Quick Mode 0x44578a2b)"},
		{"SKEYID_d", basic, 0, sources{full.with("67 0e a0", "67 0f a0")}, exitPartly, forth, "decrypted",
			"integrity not checked: 8 of 20 bytes of the authentication key are known; another key is given by router-full.log:9 (KEYMAT of Quick Mode 0x44578a2b)"},
		{"SKEYID_d", basic, 0, sources{full.with("67 0e a0", "67 0f a0")}, exitPartly, "key of " + forth, "wrong key",
			"SKEYID_d at router-full.log:9 is wrong: KEYMAT made with it does not open the packets; the packets open with the key at router-full.log:27"},
		{"SKEYID_d beside half a key", natt, 0, sources{read(natt, "router-full.log").with("aa a2 90", "ab a2 90")}, exitPartly, "0xc2ee5799", "wrong key",
			"the key at router-full.log:27 is not the one that KEYMAT gives with SKEYID_d at router-full.log:9: one of the two is damaged"},
		{"SKEYID_a", basic, 0, sources{full.with("a2 98 9b", "a3 98 9b")}, exitPartly, "148048a5bc8c637f", "wrong key",
			"the messages decrypt, but no HASH matches that is made with SKEYID_a at router-full.log:12: it is of another connection, or mistyped"},
		{"SKEYID_e", basic, 0, sources{log.with("4a f9 0f", "4b f9 0f")}, exitPartly, "148048a5bc8c637f", "wrong key",
			"the key at router.log:4 fits no message: it is of another connection, or mistyped"},
		{"SKEYID_e, first row lost", "07-aggressive-psk", 0, sources{read("07-aggressive-psk", "router.log").with(
			"6a c3 e5 c2 a5 64 99 99 e7 ad ea a7 4f b3 b0 65\n2026/11/23 07:20:09: [IKE]   e4 39 95 65\n",
			"e4 39 95 65 01 02 03 04 05 06 07 08 09 0a 0b 0c\n")}, exitPartly, "dad474fe2fb8fc35", "incomplete",
			"SKEYID_e at router.log:4 has 16 bytes, 20 are needed: 4 are missing; take the whole value from its source, a log's rows to the last"},
		{"right elsewhere", basic, 0, sources{table.with("0xca6bdc", "0xcb6bdc"), log}, exitPartly, "key of " + forth, "wrong key",
			"the encryption key at esp_sa:2 is wrong; the packets open with the key at router.log:16"},
		{"right elsewhere", basic, 0, sources{table.with("0xca6bdc", "0xcb6bdc"), log}, exitPartly, "", "",
			"Every SA of the capture was decrypted, but 1 key is wrong: the encryption key at esp_sa:2 is wrong; the packets open with the key at router.log:16."},

		{"key with more bytes", basic, 0, sources{table.with("61d4db5a", "61d4db5aab")}, exitPartly, forth, "verified",
			"17 bytes stand in the key source and aes-cbc-128 takes 16: the first of them are the key, the others belong to none and are not used"},
		{"key with more bytes in a log", basic, 0, sources{log.with("(first 16byte)", "(first 17byte)", "61 d4 db 5a", "61 d4 db 5a\n2026/11/23 07:13:25: [IKE]   ab",
			"c5 5a e0 94", "c5 5a e0 94\n2026/11/23 07:13:25: [IKE]   ab")}, exitOK, back, "decrypted",
			"17 bytes stand in the key source and aes-cbc-128 takes 16: the first of them are the key, the others belong to none and are not used; " +
				"integrity not checked: 8 of 20 bytes of the authentication key are known; the rest can't be computed: SKEYID_d not known"},

		{"Ka in a listing", basic, 0, sources{log, {"sa.txt", []byte(listing)}}, exitOK, "148048a5bc8c637f", "decrypted", ""},
		{"Ka in a listing", basic, 0, sources{log, source{"sa.txt", []byte(listing)}.with("4a f9", "4b f9")}, exitPartly, "key of 148048a5bc8c637f", "wrong key",
			"the key at sa.txt:7 is not the head of Ka, which opens the messages: one of the two listings is of another SA"},

		{"the SPI in another connection", basic, 0, sources{table.with("HMAC-SHA-1-96 [RFC2404]\",\"0x7cddeb4ac478461843e562a41d63c755d1dd1bca\"\n",
			"HMAC-SHA-1-96 [RFC2404]\",\"0x7cddeb4ac478461843e562a41d63c755d1dd1bca\"\n"+
				`"IPv4","198.51.100.7","198.51.100.1","0xc2c4be60","AES-CBC [RFC3602]","0x000102030405060708090a0b0c0d0e0f","NULL",""`+"\n")}, exitPartly, forth, "verified",
			"another key is given by esp_sa:4"},

		// The other direction.
		{"swapped", basic, 0, sources{table.swapped(forth, back)}, exitPartly, forth, "wrong key",
			"key of the other direction: the key that esp_sa:2 gives for SPI 0xc5a01359 opens it, the pair is swapped"},
		{"swapped log", basic, 0, sources{log.swapped("c2 c4 be 60", "c5 a0 13 59")}, exitPartly, back, "wrong key",
			"key of the other direction: the key that router.log:10 gives for SPI 0xc2c4be60 opens it, the pair is swapped"},
		{"swapped beside SKEYID_d", basic, 0, sources{full.swapped("c2 c4 be 60", "c5 a0 13 59")}, exitPartly, "key of " + forth, "wrong key",
			"the key at router-full.log:21 is of the other direction (SPI 0xc5a01359), the pair is swapped; the packets open with the key at router-full.log:9 (KEYMAT of Quick Mode 0x44578a2b)"},
		{"one of a swapped pair", basic, 0, sources{table.swapped(forth, back).until("\n", 2)}, exitPartly, forth, "no key",
			"the SPI is in no key source, but the key that esp_sa:2 gives for the other direction (SPI 0xc5a01359) opens it: the pair is swapped"},
		{"one key twice", basic, 0, sources{table.with("ca6bdc1cbe319d0d996690c061d4db5a", "e1384dcdd25521e2d8001e68c55ae094",
			"b753e9b560b196ce0eebb11398110ee8f004ccff", "7cddeb4ac478461843e562a41d63c755d1dd1bca")}, exitPartly, forth, "wrong key",
			"the key at esp_sa:2 is of the other direction (SPI 0xc5a01359), which it opens: look for the key of this SPI in the source"},
		{"misread SPI", basic, 0, sources{table.with(forth, "0xc2c4be66")}, exitPartly, forth, "no key",
			"the SPI is in no key source, but the key that esp_sa:2 gives for SPI 0xc2c4be66 opens it: an SPI misread, or the keys are under the wrong SPIs"},
		{"swapped log without the Quick Mode", basic, 60, sources{log.swapped("c2 c4 be 60", "c5 a0 13 59")}, exitPartly, back, "wrong key",
			"key of the other direction: the key that router.log:10 gives for SPI 0xc2c4be60 opens it, the pair is swapped"},
		{"swapped table with a row that is cut", basic, 0, sources{table.swapped(forth, back).with("c061d4db5a", "c061d4")}, exitPartly, back, "wrong key",
			"key of the other direction: the key that esp_sa:3 gives for SPI 0xc2c4be60 opens it, the pair is swapped"},
		{"misread SPI in a log", basic, 0, sources{log.with("c2 c4 be 60", "c2 c4 be 61")}, exitPartly, forth, "no key",
			"the SPI is in no key source, but the key that router.log:16 gives for SPI 0xc2c4be61 opens it: an SPI misread, or the keys are under the wrong SPIs"},
		{"misread SPI of half a key", natt, 0, sources{read(natt, "router.log").with("c2 ee 57 99", "c2 ee 57 90")}, exitPartly, "0xc2ee5799", "no key",
			"the SPI is in no key source, and 0xc2ee5790 (router.log:16), which differs in 1 of 8 digits, is probably a misreading of it; " +
				"a Quick Mode in the capture agreed on it (aes-cbc-256/hmac-sha1-96), but its key is not known (SKEYID_d not known): give a source of ESP keys too, " +
				"such as the log to the end of the IPsec phase, esp_sa or ip xfrm state"},
		{"encryption keys exchanged", basic, 0, sources{table.swapped("ca6bdc1cbe319d0d996690c061d4db5a", "e1384dcdd25521e2d8001e68c55ae094")}, exitPartly, forth, "wrong key",
			"the authentication key fits and the encryption key does not: the one that esp_sa:3 gives for the other direction (SPI 0xc5a01359) fits: " +
				"they are exchanged in the key source"},
		{"authentication keys exchanged", basic, 0, sources{table.swapped("b753e9b560b196ce0eebb11398110ee8f004ccff", "7cddeb4ac478461843e562a41d63c755d1dd1bca")},
			exitPartly, forth, "wrong key",
			"the encryption key fits and the authentication key does not (ICV mismatch): the one that esp_sa:3 gives for the other direction (SPI 0xc5a01359) fits: " +
				"they are exchanged in the key source"},
		{"another cipher named", basic, 0, sources{table.with("AES-CBC [RFC3602]", "BLOWFISH-CBC [RFC2451]")}, exitPartly, forth, "wrong key",
			"the authentication key fits and the encryption key does not: it fits as one of aes-cbc-128, not of the blowfish-cbc that is named (esp_sa:2)"},
		{"a cipher with a longer key named", basic, 60, sources{table.with("AES-CBC [RFC3602]", "TripleDES-CBC [RFC2451]")}, exitPartly, forth, "wrong key",
			"the key fits as one of aes-cbc-128, not of the 3des-cbc that is named (esp_sa:2)"},

		// SKEYID_e and Ka in each other's place.
		{"SKEYID_e as Ka", triple, 0, sources{read(triple, "keys/ikev1_decryption_table").with(ka3, skeyidE3)}, exitPartly, "4b5538f57fd9aec3", "decrypted",
			"the key was given as Ka and is SKEYID_e"},
		{"Ka as SKEYID_e", natt, 0, sources{read(natt, "router.log").with(
			"bb 7f 92 5e 3a 06 d1 ac fe 00 bb d2 54 17 1a 4b", "1b 78 b1 b8 04 37 76 6b 6b 72 23 4c ed 4c e0 8f",
			"06 95 5b 69", "33 6a c9 00 11 45 49 02 7e 5b 73 ed a6 94 db cb")}, exitPartly, "631827ec0fefc720", "decrypted",
			"the key was given as SKEYID_e and is Ka"},

		// Less than a key.
		{"half a key", natt, 0, sources{read(natt, "router.log")}, exitPartly, "0xc2ee5799", "incomplete",
			"16 of 32 bytes of the key (aes-cbc-256) are known, 16 are missing: " + cureAES128 + "SKEYID_d not known"},
		{"cut row", basic, 0, sources{table.with("c061d4db5a", "c061d4")}, exitPartly, forth, "incomplete",
			"14 of 16 (aes-cbc-128) or 32 (aes-cbc-256) or 24 (aes-cbc-192) bytes of the key are known, the rest is missing: take the whole key from the source"},
		{"cut authentication key", basic, 0, sources{table.with("f004ccff", "f004cc")}, exitPartly, forth, "decrypted",
			"integrity not checked: 19 of 20 bytes of the authentication key are known"},
		{"cut Ka", basic, 0, sources{read(basic, "keys/ikev1_decryption_table").with("2c4fc6", "2c4f")}, exitPartly, "148048a5bc8c637f", "incomplete",
			"Ka at ikev1_decryption_table:2 has 31 bytes, 32 are needed: 1 is missing; take the whole value from its source, a log's rows to the last"},
		{"head of an authentication key", basic, 0, sources{log}, exitOK, forth, "decrypted",
			"integrity not checked: 8 of 20 bytes of the authentication key are known; the rest can't be computed: SKEYID_d not known"},
		{"left out", basic, 0, sources{log.with("c0 61 d4 db 5a", "c0 61 d4 db")}, exitPartly, forth, "no key",
			"a Quick Mode in the capture agreed on it (aes-cbc-128/hmac-sha1-96), but its key is not known (SKEYID_d not known): give a source of ESP keys too, " +
				"such as the log to the end of the IPsec phase, esp_sa or ip xfrm state; a value was left out: router.log:16: key material: it has 15 bytes, not 16: a line is missing or cut"},

		// Heads that contradict each other.
		{"heads of authentication keys", basic, 0, sources{{"fl", log.with("b7 53 e9 b5", "b7 53 e9 b4").text}, log}, exitPartly, "key of " + forth, "wrong key",
			"the authentication keys at fl:16 and at router.log:16 contradict each other: one of the two is wrong"},
		{"heads of authentication keys", basic, 0, sources{{"fl", log.with("b7 53 e9 b5", "b7 53 e9 b4").text}, log}, exitPartly, back, "decrypted",
			"integrity not checked: 8 of 20 bytes of the authentication key are known; the rest can't be computed: SKEYID_d not known"},
		{"heads of keys", natt, 0, sources{{"fl", read(natt, "router.log").with("47 30 35", "47 30 34").text}, read(natt, "router.log")}, exitPartly, "0xc2ee5799", "wrong key",
			"the encryption keys at fl:16 and at router.log:16 contradict each other: one of the two is wrong"},
		{"the same heads twice", natt, 0, sources{{"fl", read(natt, "router.log").text}, read(natt, "router.log")}, exitPartly, "0xc2ee5799", "incomplete",
			"16 of 32 bytes of the key (aes-cbc-256) are known, 16 are missing: " + cureAES128 + "SKEYID_d not known"},
		{"Ka twice", basic, 0, sources{{"first", read(basic, "keys/ikev1_decryption_table").with("4af90f", "4bf90f").text}, read(basic, "keys/ikev1_decryption_table")},
			exitPartly, "key of 148048a5bc8c637f", "wrong key", "Ka at first:2 is wrong: what opens the messages is Ka at ikev1_decryption_table:2"},

		// The length of the ICV.
		{"ICV length", sha256, 0, sources{read(sha256, "keys/esp_sa").with("HMAC-SHA-256-128 [RFC4868]", "HMAC-SHA-256-96 [draft-ietf-ipsec-ciph-sha-256-00]")}, exitPartly, "0xcf2fb771", "verified",
			"the integrity check value has 128 bits, not the 96 of what is named"},
		{"unchecked ICV length", sha256, 0, sources{read(sha256, "keys/esp_sa").with("HMAC-SHA-256-128 [RFC4868]", "ANY 96 bit authentication [no checking]")}, exitPartly, "0xcf2fb771", "decrypted",
			"the integrity check value has 128 bits, not the 96 of what is named; integrity not checked: no authentication key is known"},

		// Another connection.
		{"other connection", basic, 0, sources{read(natt, "router.log")}, exitNothing, forth, "no key",
			"the SPI is in no key source, the nearest is 0xc2ee5799 (router.log:16): the keys are of another connection, or of an SA before or after a rekeying"},
		{"other connection", basic, 0, sources{read(natt, "router.log")}, exitNothing, "148048a5bc8c637f", "no key",
			"no key for initiator cookie 148048a5bc8c637f: the keys are of other connections, as 631827ec0fefc720 (router.log:4)"},
		{"other connection", basic, 0, sources{read(natt, "router.log")}, exitNothing, "", "",
			"No key fits this capture: the SPI is in no key source, the nearest is 0xc2ee5799 (router.log:16): the keys are of another connection, or of an SA before or after a rekeying."},
		{"mistyped cookie", basic, 0, sources{log.with("14 80 48", "14 80 46")}, exitPartly, "148048a5bc8c637f", "no key",
			"no key for initiator cookie 148048a5bc8c637f: the nearest is 148046a5bc8c637f (router.log:4), which differs in 3 bits: mistyped or damaged?"},
		{"mistyped cookie", basic, 0, sources{log.with("14 80 48", "14 80 46")}, exitPartly, "", "",
			"The keys are right for 2 of 3 SAs, but not for 1 (1 no key): no key for initiator cookie 148048a5bc8c637f: the nearest is 148046a5bc8c637f (router.log:4), which differs in 3 bits: mistyped or damaged."},

		// The capture begins late.
		{"after phase 1", basic, 12, sources{log}, exitOK, "148048a5bc8c637f", "decrypted",
			"1 reconstructed but for the first block: a message before is missing in the capture"},
		{"after phase 1, wrong key", basic, 12, sources{log.with("4a f9 0f", "4b f9 0f")}, exitPartly, "148048a5bc8c637f", "wrong key",
			"the key at router.log:4 fits no message; the capture begins after the negotiation, so its algorithms were tried: is the key of this connection?"},
		{"after phase 2", basic, 60, sources{full}, exitOK, forth, "decrypted",
			"algorithms found by trial; integrity not checked: only 8 bytes of the authentication key are known; " +
				"SKEYID_d (router-full.log:9) is of no use: the capture lacks the Quick Mode of this SPI: it begins too late, has one direction only, or the packets are cut"},

		// PFS.
		{"PFS", pfs, 0, sources{read(pfs, "router-full.log")}, exitPartly, "0xcb3f202d", "incomplete",
			"16 of 32 bytes of the key (aes-cbc-256) are known, 16 are missing: " + cureAES128 + "PFS: not derivable"},
		{"PFS, no ESP key", pfs, 0, sources{read(pfs, "keys/ikev1_decryption_table")}, exitPartly, "0xcb3f202d", "no key",
			"a Quick Mode in the capture agreed on it (aes-cbc-256/hmac-sha1-96), but its key is not known (PFS: not derivable): give a source of ESP keys too, " +
				"such as the log to the end of the IPsec phase, esp_sa or ip xfrm state"},

		// Rekeying.
		{"rekeyed", pfs, 0, sources{read(pfs, "keys/esp_sa").until("\n", 3)}, exitPartly, "0xc3af1904", "no key",
			"the SPI is in no key source; SPI 0xcb3f202d between the same addresses has a key (esp_sa:3): it was rekeyed after the key source ends " +
				"(take the log to its end), or this one is of another client behind the same NAT"},
		{"renewed", pfs, 0, sources{read(pfs, "router.log").until("CKY-I", 2)}, exitPartly, "7f77988e2864d573", "no key",
			"no key for initiator cookie 7f77988e2864d573, though there is one for 9509a162a6f1094f (router.log:4) in this capture: it is another connection, " +
				"or the next negotiation of the same one, and the key source ends before it: take the log to its end"},
	} {
		file := filepath.Join(captures, c.capture, "outer.pcap")
		if c.skip > 0 {
			file = withoutHead(t, file, c.skip)
		}
		v := verifyKeys(t, file, 0, parseSources(t, c.keys...))
		if v.Exit != c.exit {
			t.Errorf("%s: exit %d, want %d", c.what, v.Exit, c.exit)
		}
		if c.id == "" {
			if got := v.sentence(new(printer), false); got != c.reason {
				t.Errorf("%s:\n got %s\nwant %s", c.what, got, c.reason)
			}
			continue
		}
		if verdict, reason := v.of(c.id); verdict != c.verdict || reason != c.reason {
			t.Errorf("%s:\n got %s: %s\nwant %s: %s", c.what, verdict, reason, c.verdict, c.reason)
		}
	}
}

// of returns the verdict on an SA, or on a key that is given for it.
func (v *verification) of(id string) (verdict, reason string) {
	for _, k := range v.Wrong {
		if id == "key of "+k.ID {
			return "wrong key", k.Reason
		}
	}
	for _, s := range v.IKE {
		if s.InitiatorCookie == id {
			return s.Verdict, s.Reason
		}
	}
	for _, s := range v.ESP {
		if s.SPI == id {
			return s.Verdict, s.Reason
		}
	}
	return "not there", ""
}

// A key source for which no frame of the capture is there says so.
func TestVerifyUnused(t *testing.T) {
	dir := filepath.Join(captures, "01-basic-aes128-sha1")
	v := verifyKeys(t, filepath.Join(dir, "outer-midstart.pcap"), 0, parseSources(t, readSource(t, filepath.Join(dir, "router.log"))))
	const late = "cookie never seen: the capture has no IKE, so it begins after the negotiation, or leaves out UDP 500 and 4500"
	unused := slices.Collect(v.Unused)
	if len(unused) != 1 || unused[0].Reason != late || v.Exit != exitOK {
		t.Errorf("exit %d, %+v", v.Exit, unused)
	}
	other := readSource(t, filepath.Join(captures, "02-natt-aes256-sha1", "router.log"))
	v = verifyKeys(t, filepath.Join(dir, "outer.pcap"), 0, parseSources(t, readSource(t, filepath.Join(dir, "router.log")), other))
	const foreign = "cookie never seen: of another connection (nearest in the capture: 148048a5bc8c637f)"
	unused = slices.Collect(v.Unused)
	if len(unused) != 3 || unused[0].Reason != foreign || unused[1].Reason != "SPI never seen" || v.Exit != exitOK {
		t.Errorf("keys of another connection: exit %d, %+v", v.Exit, unused)
	}
}
