package keysrc

var charonSamples = []sample{
	{name: "two threads", format: &charonFormat, whole: true, text: `
13[NET] received packet: from 203.0.113.10[500] to 203.0.113.1[500] (372 bytes)
14[NET] received packet: from 203.0.113.11[4500] to 203.0.113.1[4500] (372 bytes)
13[ENC] parsed ID_PROT request 0 [ KE No NAT-D NAT-D ]
14[MGR] checkout IKEv1 SA with SPIs 0102030405060708_i 1112131415161718_r
13[IKE] natd_chunk => 22 bytes @ 0x7f16b8049620
14[IKE] SKEYID => 32 bytes @ 0x7f16b8049620
13[IKE]    0: 58 29 D9 83 3C FB 3F 3C 24 1F 4D 50 D4 77 C2 FD  X)..<.?<$.MP.w..
14[IKE]    0: 42 43 44 45 46 47 48 49 4A 4B 4C 4D 4E 4F 50 51  BCDEFGHIJKLMNOPQ
13[IKE]   16: CB 00 71 01 01 F4                                ..q...
14[IKE]   16: 52 53 54 55 56 57 58 59 5A 5B 5C 5D 5E 5F 60 61  RSTUVWXYZ[\]^_.a
13[IKE] natd_hash => 20 bytes @ 0x7f16b8049620
14[IKE] SKEYID_d => 32 bytes @ 0x7f16b8049620
13[IKE]    0: 05 06 07 08 09 0A 0B 0C 0D 0E 0F 10 11 12 13 14  ................
14[IKE]    0: 62 63 64 65 66 67 68 69 6A 6B 6C 6D 6E 6F 70 71  bcdefghijklmnopq
13[IKE]   16: 15 16 17 18                                      ....
14[IKE]   16: 72 73 74 75 76 77 78 79 7A 7B 7C 7D 7E 7F 80 81  rstuvwxyz{|}~...
13[IKE] shared Diffie Hellman secret => 24 bytes @ 0x7f16b8049620
14[IKE] SKEYID_a => 32 bytes @ 0x7f16b8049620
13[IKE]    0: 10 11 12 13 14 15 16 17 18 19 1A 1B 1C 1D 1E 1F  ................
14[IKE]    0: 82 83 84 85 86 87 88 89 8A 8B 8C 8D 8E 8F 90 91  ................
13[IKE]   16: 20 21 22 23 24 25 26 27                           !"#$%&'
14[IKE]   16: 92 93 94 95 96 97 98 99 9A 9B 9C 9D 9E 9F A0 A1  ................
13[IKE] SKEYID => 20 bytes @ 0x7f16b8049620
14[IKE] SKEYID_e => 32 bytes @ 0x7f16b8049620
13[IKE]    0: 41 42 43 44 45 46 47 48 49 4A 4B 4C 4D 4E 4F 50  ABCDEFGHIJKLMNOP
14[IKE]    0: A2 A3 A4 A5 A6 A7 A8 A9 AA AB AC AD AE AF B0 B1  ................
13[IKE]   16: 51 52 53 54                                      QRST
14[IKE]   16: B2 B3 B4 B5 B6 B7 B8 B9 BA BB BC BD BE BF C0 C1  ................
13[IKE] SKEYID_d => 20 bytes @ 0x7f16b8049620
14[IKE] encryption key Ka => 16 bytes @ 0x7f16b8049620
13[IKE]    0: 61 62 63 64 65 66 67 68 69 6A 6B 6C 6D 6E 6F 70  abcdefghijklmnop
14[IKE]    0: A2 A3 A4 A5 A6 A7 A8 A9 AA AB AC AD AE AF B0 B1  ................
13[IKE]   16: 71 72 73 74                                      qrst
14[ENC] generating ID_PROT response 0 [ KE No NAT-D NAT-D ]
13[IKE] SKEYID_a => 20 bytes @ 0x7f16b8049620
14[IKE] <l2tp|2> sending cert request
13[IKE]    0: 81 82 83 84 85 86 87 88 89 8A 8B 8C 8D 8E 8F 90  ................
13[IKE]   16: 91 92 93 94                                      ....
13[IKE] SKEYID_e => 20 bytes @ 0x7f16b8049620
13[IKE]    0: A1 A2 A3 A4 A5 A6 A7 A8 A9 AA AB AC AD AE AF B0  ................
13[IKE]   16: B1 B2 B3 B4                                      ....
13[IKE] encryption key Ka => 24 bytes @ 0x7f16b8049620
13[IKE]    0: C1 C2 C3 C4 C5 C6 C7 C8 C9 CA CB CC CD CE CF D0  ................
13[IKE]   16: D1 D2 D3 D4 D5 D6 D7 D8                          ........
13[IKE] initial IV => 8 bytes @ 0x7f16b8049620
13[IKE]    0: 01 02 03 04 05 06 07 08                          ........
`, want: `
ike 24 0102030405060708/1112131415161718 skeyid=42434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f6061 d=62636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f8081 a=82838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9fa0a1 e=a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebfc0c1 ka=a2a3a4a5a6a7a8a9aaabacadaeafb0b1 peer=203.0.113.11
ike 39 5829d9833cfb3f3c/241f4d50d477c2fd skeyid=4142434445464748494a4b4c4d4e4f5051525354 d=6162636465666768696a6b6c6d6e6f7071727374 a=8182838485868788898a8b8c8d8e8f9091929394 e=a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4 ka=c1c2c3c4c5c6c7c8c9cacbcccdcecfd0d1d2d3d4d5d6d7d8 dh=101112131415161718191a1b1c1d1e1f2021222324252627 peer=203.0.113.10`},

	{name: "quick mode with pfs in syslog", format: &charonFormat, whole: true, text: `
Nov 23 07:22:29 gw charon[812]: 15[NET] received packet: from 203.0.113.10[500] to 203.0.113.1[500] (444 bytes)
Nov 23 07:22:29 gw charon[812]: 15[ENC] parsed QUICK_MODE request 3926135891 [ HASH SA No KE ID ID ]
Nov 23 07:22:29 gw charon[812]: 15[CFG] selected proposal: ESP:AES_CBC_128/HMAC_SHA1_96/MODP_2048/NO_EXT_SEQ
Nov 23 07:22:29 gw charon[812]: 07[NET] received packet: from 203.0.113.10[500] to 203.0.113.1[500] (60 bytes)
Nov 23 07:22:29 gw charon[812]: 07[ENC] parsed QUICK_MODE request 3926135891 [ HASH ]
Nov 23 07:22:29 gw charon[812]: 07[CHD] CHILD_SA l2tp{2} state change: CREATED => INSTALLING
Nov 23 07:22:29 gw charon[812]: 07[CHD]   using AES_CBC for encryption
Nov 23 07:22:29 gw charon[812]: 07[CHD]   using HMAC_SHA1_96 for integrity
Nov 23 07:22:29 gw charon[812]: 07[CHD] DH secret => 20 bytes @ 0x7f16b8049620
Nov 23 07:22:29 gw charon[812]: 07[CHD]    0: 11 12 13 14 15 16 17 18 19 1A 1B 1C 1D 1E 1F 20  ............... 
Nov 23 07:22:29 gw charon[812]: 07[CHD]   16: 21 22 23 24                                      !"#$
Nov 23 07:22:29 gw charon[812]: 07[CHD] initiator SA seed => 49 bytes @ 0x7f16b8049620
Nov 23 07:22:29 gw charon[812]: 07[CHD]    0: 11 12 13 14 15 16 17 18 19 1A 1B 1C 1D 1E 1F 20  ............... 
Nov 23 07:22:29 gw charon[812]: 07[CHD]   16: 21 22 23 24 03 C3 AF 19 04 77 78 79 7A 7B 7C 7D  !"#$.....wxyz{|}
Nov 23 07:22:29 gw charon[812]: 07[CHD]   32: 7E 7F 80 81 82 83 84 85 86 87 88 89 8A 8B 8C 8D  ~...............
Nov 23 07:22:29 gw charon[812]: 07[CHD]   48: 8E                                               .
Nov 23 07:22:29 gw charon[812]: 07[CHD] responder SA seed => 49 bytes @ 0x7f16b8049620
Nov 23 07:22:29 gw charon[812]: 07[CHD]    0: 11 12 13 14 15 16 17 18 19 1A 1B 1C 1D 1E 1F 20  ............... 
Nov 23 07:22:29 gw charon[812]: 07[CHD]   16: 21 22 23 24 03 C4 9D 18 C4 77 78 79 7A 7B 7C 7D  !"#$.....wxyz{|}
Nov 23 07:22:29 gw charon[812]: 07[CHD]   32: 7E 7F 80 81 82 83 84 85 86 87 88 89 8A 8B 8C 8D  ~...............
Nov 23 07:22:29 gw charon[812]: 07[CHD]   48: 8E                                               .
Nov 23 07:22:29 gw charon[812]: 07[CHD] encryption initiator key => 16 bytes @ 0x7f16b8049620
Nov 23 07:22:29 gw charon[812]: 07[CHD]    0: 20 21 22 23 24 25 26 27 28 29 2A 2B 2C 2D 2E 2F   !"#$%&'()*+,-./
Nov 23 07:22:29 gw charon[812]: 07[CHD] encryption responder key => 16 bytes @ 0x7f16b8049620
Nov 23 07:22:29 gw charon[812]: 07[CHD]    0: 30 31 32 33 34 35 36 37 38 39 3A 3B 3C 3D 3E 3F  0123456789:;<=>?
Nov 23 07:22:29 gw charon[812]: 07[CHD] integrity initiator key => 20 bytes @ 0x7f16b8049620
Nov 23 07:22:29 gw charon[812]: 07[CHD]    0: 50 51 52 53 54 55 56 57 58 59 5A 5B 5C 5D 5E 5F  PQRSTUVWXYZ[\]^_
Nov 23 07:22:29 gw charon[812]: 07[CHD]   16: 60 61 62 63                                      .abc
Nov 23 07:22:29 gw charon[812]: 07[CHD] integrity responder key => 20 bytes @ 0x7f16b8049620
Nov 23 07:22:29 gw charon[812]: 07[CHD]    0: 70 71 72 73 74 75 76 77 78 79 7A 7B 7C 7D 7E 7F  pqrstuvwxyz{|}~.
Nov 23 07:22:29 gw charon[812]: 07[CHD]   16: 80 81 82 83                                      ....
Nov 23 07:22:29 gw charon[812]: 07[CHD] adding inbound ESP SA
Nov 23 07:22:29 gw charon[812]: 07[CHD]   SPI 0xc3af1904, src 203.0.113.10 dst 203.0.113.1
Nov 23 07:22:29 gw charon[812]: 07[KNL] adding SAD entry with SPI c3af1904 and reqid {1}
Nov 23 07:22:29 gw charon[812]: 07[CHD] adding outbound ESP SA
Nov 23 07:22:29 gw charon[812]: 07[CHD]   SPI 0xc49d18c4, src 203.0.113.1 dst 203.0.113.10
Nov 23 07:22:29 gw charon[812]: 07[IKE] CHILD_SA l2tp{2} established with SPIs c3af1904_i c49d18c4_o and TS 203.0.113.1/32[udp/l2f] === 203.0.113.10/32[udp/l2f]
`, want: `
ike 9 0000000000000000/0000000000000000 quick=1112131415161718191a1b1c1d1e1f2021222324 mid=ea041453 peer=203.0.113.10
esp 22 c3af1904 203.0.113.10>203.0.113.1 aes-cbc-128/hmac-sha1-96 202122232425262728292a2b2c2d2e2f 505152535455565758595a5b5c5d5e5f60616263 esn=false pair=c49d18c4
esp 24 c49d18c4 203.0.113.1>203.0.113.10 aes-cbc-128/hmac-sha1-96 303132333435363738393a3b3c3d3e3f 707172737475767778797a7b7c7d7e7f80818283 esn=false pair=c3af1904`},

	{name: "initiator without seeds", format: &charonFormat, whole: true, text: `
08[NET1] received packet: from 203.0.113.1[4500] to 192.168.77.10[4500] (188 bytes)
08[ENC1] parsed QUICK_MODE response 1146587691 [ HASH SA No ID ID ]
08[CHD2]   using AES_GCM_16 for encryption
08[CHD4] encryption initiator key => 20 bytes @ 0x7f16b8049620
08[CHD4]    0: 20 21 22 23 24 25 26 27 28 29 2A 2B 2C 2D 2E 2F   !"#$%&'()*+,-./
08[CHD4]   16: 30 31 32 33                                      0123
08[CHD4] encryption responder key => 20 bytes @ 0x7f16b8049620
08[CHD4]    0: 40 41 42 43 44 45 46 47 48 49 4A 4B 4C 4D 4E 4F  @ABCDEFGHIJKLMNO
08[CHD4]   16: 50 51 52 53                                      PQRS
08[IKE0] CHILD_SA l2tp{1} established with SPIs c5a01359_i c2c4be60_o and TS 192.168.77.10/32[udp/l2f] === 203.0.113.1/32[udp/l2f]
`, want: `
esp 7 c5a01359 *>* aes-gcm-128/aead-128 404142434445464748494a4b4c4d4e4f50515253 -
esp 4 c2c4be60 *>* aes-gcm-128/aead-128 202122232425262728292a2b2c2d2e2f30313233 -`},

	{name: "damaged", format: &charonFormat, whole: true, text: `
13[NET] received packet: from 203.0.113.10[500] to 203.0.113.1[500] (372 bytes)
13[IKE] natd_chunk => 22 bytes @ 0x7f16b8049620
13[IKE]    0: 58 29 D9 83 3C FB 3F 3C 24 1F 4D 50 D4 77 C2 FD  X)..<.?<$.MP.w..
13[IKE]   16: CB 00 71 01 01 F4                                ..q...
13[IKE] SKEYID_d => 20 bytes @ 0x7f16b8049620
13[IKE]   16: 71 72 73 74                                      qrst
13[IKE] SKEYID_e => 20 bytes @ 0x7f16b8049620
13[IKE]    0: A1 A2 A3 A4 A5 A6 A7 A8 A9 AA AB AC AD AE AF B0  ................
13[IKE] encryption key Ka => 24 bytes @ 0x7f16b8049620
13[IKE]    0: C1 C2 C3 C4 C C6 C7 C8 C9 CA CB CC CD CE CF D0  ................
13[IKE]   16: D1 D2 D3 D4 D5 D6 D7 D8                          ........
13[IKE] SKEYID => 20 bytes @ 0x7f16b8049620
13[IKE]    0: 41 42 43 44 45 46 47 48 49 4A 4B 4C 4D 4E 4F 50  ABCDEFGHIJKLMNOP
13[IKE]   16: 51 52 53 54                                      QRST
13[IKE] initial IV => 8 bytes @ 0x7f16b8049620
13[IKE]    0: 01 02 03 04 05 06 07 08                          ........
`, want: `
ike 12 5829d9833cfb3f3c/241f4d50d477c2fd skeyid=4142434445464748494a4b4c4d4e4f5051525354 peer=203.0.113.10
note 5 SKEYID_d: row 0 is missing
note 7 SKEYID_e: 16 bytes of 20, the rest is missing
note 10 encryption key Ka: row 0 has 4 bytes where 16 are declared`},

	{name: "characters like digits", format: &charonFormat, whole: true, text: `
13[IKE] SKEYID_e => 4 bytes @ 0x7f16b8049620
13[IKE]    0: 41 42 20 43                                      AB C
13[IKE] sending keep alives
`, want: `
ike 1 0000000000000000/0000000000000000 e=41422043
doubt 1 keys of phase 1: no CKY-I is known to be theirs: a capture of their connection shows whose they are`},
}
