package keysrc

var softetherSamples = []sample{
	{name: "debug output", format: &softetherFormat, text: `
New IKE SA (Mode = 0): 12659176132627621425 <--> 2681143613976997564 (MODP 2048 (Group 14) SHA-1 AES-CBC(32) 4294967295 28800)
LOG: IPsec IKE Session (IKE SA) 4 (Client: 4) (198.51.100.4:56426 -> 0.0.0.0:500): A new IKE SA (Main Mode) is created. Initiator Cookie: 0xFAE6D9F165F6631, Responder Cookie: 0x253555E95EE7EEBC, DH Group: MODP 2048 (Group 14), Hash Algorithm: SHA-1, Cipher Algorithm: AES-CBC, Cipher Key Size: 256 bits, Lifetime: 4294967295 Kbytes or 28800 seconds
Initial IV: 01 02 03 04 05 06 07 08
ResponderRand: 03 04 05 06 07 08 09 0A 0B 0C 0D 0E 0F 10 11 12 13 14 15 16 17 18 19 1A 1B 1C 1D 1E 1F 20 21 22 23 24 25 26 27 28 29 2A 2B 2C 2D 2E 2F 30 31 32
SKEYID: 41 42 43 44 45 46 47 48 49 4A 4B 4C 4D 4E 4F 50 51 52 53 54
SKEYID_d: 61 62 63 64 65 66 67 68 69 6A 6B 6C 6D 6E 6F 70 71 72 73 74
SKEYID_a: 81 82 83 84 85 86 87 88 89 8A 8B 8C 8D 8E 8F 90 91 92 93 94
SKEYID_e: A1 A2 A3 A4 A5 A6 A7 A8 A9 AA AB AC AD AE AF B0 B1 B2 B3 B4
LOG: IPsec ESP Session (IPsec SA) 7 (Client: 4) (198.51.100.4:4500 -> 0.0.0.0:4500): A new IPsec SA (Direction: Client -> Server) is created. SPI: 0x501BEE7A, DH Group: (null), Hash Algorithm: SHA-1, Cipher Algorithm: AES-CBC, Cipher Key Size: 256 bits, Lifetime: 4294967295 Kbytes or 3600 seconds
  KEYMAT: 21 22 23 24 25 26 27 28 29 2A 2B 2C 2D 2E 2F 30 31 32 33 34 35 36 37 38 39 3A 3B 3C 3D 3E 3F 40
`, want: `
ike 8 0fae6d9f165f6631/253555e95ee7eebc skeyid=4142434445464748494a4b4c4d4e4f5051525354 d=6162636465666768696a6b6c6d6e6f7071727374 a=8182838485868788898a8b8c8d8e8f9091929394 e=a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4
esp 10 501bee7a *>* aes-cbc-256/hmac-sha1-96 2122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f40 -`},

	{name: "several clients", format: &softetherFormat, text: `
2020-12-07 23:43:29.327 IPsec IKE Session (IKE SA) 1 (Client: 1) (198.51.100.1:500 -> 0.0.0.0:500): A new IKE SA (Main Mode) is created. Initiator Cookie: 0x217F83FCB6DA5BF1, Responder Cookie: 0x15CAC2459EA386C0, DH Group: MODP 2048 (Group 14)
2020-12-07 23:43:29.327 IPsec IKE Session (IKE SA) 2 (Client: 2) (198.51.100.2:500 -> 0.0.0.0:500): A new IKE SA (Main Mode) is created. Initiator Cookie: 0x317F83FCB6DA5BF1, Responder Cookie: 0x25CAC2459EA386C0, DH Group: MODP 2048 (Group 14)
2020-12-07 23:43:30.000 IPsec IKE Session (IKE SA) 1 (Client: 1) (198.51.100.1:500 -> 0.0.0.0:500): This IKE SA is deleted.
SKEYID_a: 61 62 63 64 65 66 67 68 69 6A 6B 6C 6D 6E 6F 70 71 72 73 74
SKEYID_e: A1 A2 A3 A4 A5 A6 A7 A8 A9 AA AB AC AD AE AF B0 B1 B2 B3 B4
2020-12-07 23:43:29.327 IPsec IKE Session (IKE SA) 3 (Client: 3) (198.51.100.3:500 -> 0.0.0.0:500): A new IKE SA (Main Mode) is created. Initiator Cookie: 0x417F83FCB6DA5BF1, Responder Cookie: 0x35CAC2459EA386C0, DH Group: MODP 2048 (Group 14)
2020-12-07 23:43:29.327 IPsec IKE Session (IKE SA) 4 (Client: 4) (198.51.100.4:500 -> 0.0.0.0:500): A new IKE SA (Main Mode) is created. Initiator Cookie: 0x517F83FCB6DA5BF1, Responder Cookie: 0x45CAC2459EA386C0, DH Group: MODP 2048 (Group 14)
SKEYID_a: 81 82 83 84 85 86 87 88 89 8A 8B 8C 8D 8E 8F 90 91 92 93 94
SKEYID_e: A1 A2 A3 A4 A5 A6 A7 A8 A9 AA AB AC AD AE AF B0 B1 B2 B3
`, want: `
ike 5 317f83fcb6da5bf1/25cac2459ea386c0 a=6162636465666768696a6b6c6d6e6f7071727374 e=a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4
ike 9 0000000000000000/0000000000000000 a=8182838485868788898a8b8c8d8e8f9091929394
note 9 SKEYID_e of 19 bytes has the length of no hash: a part of it is missing
doubt 9 keys of phase 1: no CKY-I is known to be theirs: a capture of their connection shows whose they are`},
}
