package keysrc

import (
	"bytes"
	"os"
	"slices"
	"testing"
)

var racoonSamples = []sample{
	{name: "file", format: &racoonFormat, text: `
2026-03-13 22:00:51: DEBUG: 372 bytes message received from 203.0.113.10[500] to 203.0.113.1[500]
2026-03-13 22:00:51: DEBUG: 
5829d983 3cfb3f3c 241f4d50 d477c2fd 04100200 00000000 00000174 0708090a
0b0c0d0e 0f101112 13141516 1718191a 1b1c1d1e 1f202122 23242526 2728292a
2b2c2d2e 2f303132 33343536 3738393a 3b3c3d3e 3f404142 4344
2026-03-13 22:00:51: DEBUG: compute DH's shared.
2026-03-13 22:00:51: DEBUG: 
33343536 3738393a 3b3c3d3e 3f404142 43444546 4748494a 4b4c4d4e 4f505152
53545556 5758595a 5b5c5d5e 5f606162 63646566 6768696a 6b6c6d6e 6f707172
2026-03-13 22:00:51: DEBUG: SKEYID computed:
2026-03-13 22:00:51: DEBUG: 
41424344 45464748 494a4b4c 4d4e4f50 51525354
2026-03-13 22:00:51: DEBUG: SKEYID_d computed:
2026-03-13 22:00:51: DEBUG: 
d1e941cc e9ede135 caaad47b bd9c3cd6 1a97b1e8
2026-03-13 22:00:51: DEBUG: SKEYID_a computed:
2026-03-13 22:00:51: DEBUG: 
6cb60b37 a96f4986 2705d650 4708c5c8 21de3c4d
2026-03-13 22:00:51: DEBUG: SKEYID_e computed:
2026-03-13 22:00:51: DEBUG: 
f61f06d8 2d98d197 d46d7547 913e7fa3 0b18f4b6
2026-03-13 22:00:51: DEBUG: encryption(3des)
2026-03-13 22:00:51: DEBUG: len(SKEYID_e) < len(Ka) (20 < 24), generating long key (Ka = K1 | K2 | ...)
2026-03-13 22:00:51: DEBUG: compute intermediate encryption key K1
2026-03-13 22:00:51: DEBUG: 
00
2026-03-13 22:00:51: DEBUG: 
e0e1e2e3 e4e5e6e7 e8e9eaeb ecedeeef f0f1f2f3
2026-03-13 22:00:51: DEBUG: final encryption key computed:
2026-03-13 22:00:51: DEBUG: 
2f3bad4b 8eec33c0 d03966e8 188a0f15 9e520d26 0b8d4098
2026-03-13 22:00:51: DEBUG: hash(sha1)
2026-03-13 22:00:51: DEBUG: encryption(3des)
2026-03-13 22:00:51: DEBUG: IV computed:
2026-03-13 22:00:51: DEBUG: 
01020304 05060708
`, want: `
ike 19 5829d9833cfb3f3c/241f4d50d477c2fd skeyid=4142434445464748494a4b4c4d4e4f5051525354 d=d1e941cce9ede135caaad47bbd9c3cd61a97b1e8 a=6cb60b37a96f49862705d6504708c5c821de3c4d e=f61f06d82d98d197d46d7547913e7fa30b18f4b6 ka=2f3bad4b8eec33c0d03966e8188a0f159e520d260b8d4098 dh=333435363738393a3b3c3d3e3f404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f606162636465666768696a6b6c6d6e6f707172 peer=203.0.113.10`},

	{name: "syslog", format: &racoonFormat, text: `
Jun  4 17:54:43 vm1 racoon: INFO: initiate new phase 1 negotiation: 203.0.113.1[500]<=>203.0.113.10[500]
Jun  4 17:54:43 vm1 racoon: DEBUG: new cookie:#012831d33d46e20f8e6
Jun  4 17:54:43 vm1 racoon: DEBUG: final encryption key computed:
Jun  4 17:54:43 vm1 racoon: DEBUG: #012932d361f fc62ddc2 6164d513 d40d211f b7364166 232cf490
Jun  4 17:54:43 vm1 racoon: DEBUG: hash(sha1)
`, want: `
ike 3 831d33d46e20f8e6/0000000000000000 ka=932d361ffc62ddc26164d513d40d211fb7364166232cf490`},

	{name: "cookies afterwards", format: &racoonFormat, text: `
2026-03-13 22:00:51: DEBUG: final encryption key computed:
2026-03-13 22:00:51: DEBUG: 79d5eabc 78ae740b 47258300 f8de371e
2026-03-13 22:00:51: INFO: ISAKMP-SA established 203.0.113.1[500]-203.0.113.10[500] spi:831d33d46e20f8e6:76f7d24c1b2a3948
`, want: `
ike 1 831d33d46e20f8e6/76f7d24c1b2a3948 ka=79d5eabc78ae740b47258300f8de371e`},

	{name: "damaged", format: &racoonFormat, text: `
2026-03-13 22:00:51: INFO: initiate new phase 1 negotiation: 203.0.113.1[500]<=>203.0.113.10[500]
2026-03-13 22:00:51: DEBUG: new cookie:
2026-03-13 22:00:51: DEBUG: 
831d33d46e20f8e6
2026-03-13 22:00:51: DEBUG: SKEYID_d computed:
2026-03-13 22:00:51: DEBUG: 
61626364 65666768 696a6b6c 6d6e6f70 71727374
2026-03-13 22:00:51: DEBUG: SKEYID_e computed:
2026-03-13 22:00:51: DEBUG: 
b0168121 5f162023 03186d28 14d
2026-03-13 22:00:51: DEBUG: len(SKEYID_e) < len(Ka) (20 < 24), generating long key (Ka = K1 | K2 | ...)
2026-03-13 22:00:51: DEBUG: final encryption key computed:
2026-03-13 22:00:51: DEBUG: 
449e829e a966d421 fbcb86bd 7ad92e86
2026-03-13 22:00:51: DEBUG: hash(sha1)
`, want: `
ike 12 831d33d46e20f8e6/0000000000000000 d=6162636465666768696a6b6c6d6e6f7071727374
note 8 SKEYID_e: its rows are damaged
note 12 SKEYID_a is missing among the others: a line of the log is lost
note 12 final encryption key has 16 bytes where 24 are declared`},

	{name: "responder's cookie", format: &racoonFormat, text: `
2026-03-13 22:00:51: INFO: respond new phase 1 negotiation: 203.0.113.1[500]<=>203.0.113.10[500]
2026-03-13 22:00:51: DEBUG: new cookie:
831d33d46e20f8e6 
2026-03-13 22:00:51: DEBUG: final encryption key computed:
2026-03-13 22:00:51: DEBUG: 
79d5eabc 78ae740b 47258300 f8de371e
2026-03-13 22:00:51: DEBUG: IV computed:
2026-03-13 22:00:51: DEBUG: 
01020304 05060708
`, want: `
ike 4 0000000000000000/831d33d46e20f8e6 ka=79d5eabc78ae740b47258300f8de371e
doubt 4 keys of phase 1: no CKY-I is known to be theirs: a capture of their connection shows whose they are`},

	{name: "first row of the packet missing", format: &racoonFormat, text: `
2026-03-13 22:00:51: DEBUG: 372 bytes message received from 203.0.113.10[500] to 203.0.113.1[500]
2026-03-13 22:00:51: DEBUG: 
0b0c0d0e 0f101112 13141516 1718191a 1b1c1d1e 1f202122 23242526 2728292a
2b2c2d2e 2f303132 33343536 3738393a 3b3c3d3e 3f404142 4344
2026-03-13 22:00:51: DEBUG: SKEYID_d computed:
2026-03-13 22:00:51: DEBUG: 
d1e941cc e9ede135 caaad47b bd9c3cd6 1a97b1e8
2026-03-13 22:00:51: DEBUG: SKEYID_a computed:
2026-03-13 22:00:51: DEBUG: 
6cb60b37 a96f4986 2705d650 4708c5c8 21de3c4d
2026-03-13 22:00:51: DEBUG: SKEYID_e computed:
2026-03-13 22:00:51: DEBUG: 
f61f06d8 2d98d197 d46d7547 913e7fa3 0b18f4b6
`, want: `
ike 11 0000000000000000/0000000000000000 d=d1e941cce9ede135caaad47bbd9c3cd61a97b1e8 a=6cb60b37a96f49862705d6504708c5c821de3c4d e=f61f06d82d98d197d46d7547913e7fa30b18f4b6 peer=203.0.113.10
doubt 11 keys of phase 1: no CKY-I is known to be theirs: a capture of their connection shows whose they are`},
}

// TestRacoonOfAHost: a host may be named as the program is.
func TestRacoonOfAHost(t *testing.T) {
	for line, mine := range map[string]bool{
		"Nov 23 07:15:18 gw racoon: DEBUG: phase1(ident)":                       true,
		"Nov 23 07:15:18 gw racoon[812]: DEBUG: phase1(ident)":                  true,
		"Nov 23 07:15:18 racoon: DEBUG: phase1(ident)":                          true,
		"<30>1 2026-11-23T07:15:18Z gw racoon 812 - - DEBUG: phase1(ident)":     true,
		"Nov 23 07:15:18 racoon-gw charon: DEBUG: phase1(ident)":                false,
		"<30>1 2026-11-23T07:15:18Z racoon charon 812 - - DEBUG: phase1(ident)": false,
	} {
		r := racoon{racoonLog: racoonLog{out: &output{emit: func(*Keys) {}}}}
		if r.line(1, []byte(line)) != mine {
			t.Errorf("%s: %t", line, !mine)
		}
	}
}

// TestLongDamagedLog: of a log with damage no more is kept than somebody may have copied off a
// screen, where its keys are found as it is.
func TestLongDamagedLog(t *testing.T) {
	text, err := os.ReadFile("../testdata/field/racoon-aggressive-server.log")
	if err != nil {
		t.Fatal(err)
	}
	lines := bytes.SplitAfter(text, []byte("\n"))
	at := slices.IndexFunc(lines, func(l []byte) bool { return bytes.Contains(l, []byte("SKEYID_d computed:")) })
	lines[at+2] = append(bytes.Clone(lines[at+2][:17]), '\n') // of its row
	damaged := bytes.Join(lines, nil)
	for name, logs := range map[string]int{"short": 8, "long": 2 * maxPaged / bytes.Count(text, []byte("\n"))} {
		keys, s := newWhole("x", "")
		s.turner = new(turner)
		if _, err := s.ReadFrom(bytes.NewReader(slices.Concat(damaged, bytes.Repeat(text, logs)))); err != nil {
			t.Fatal(err)
		}
		if s.out.bad == 0 || len(keys.IKE) == 0 || s.turner.score < forward {
			t.Fatalf("%s: %d damaged, %d of IKE, score %d", name, s.out.bad, len(keys.IKE), s.turner.score)
		}
		if s.turner.over != (name == "long") {
			t.Errorf("%s: over is %t", name, s.turner.over)
		}
	}
}
