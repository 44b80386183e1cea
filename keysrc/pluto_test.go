package keysrc

var plutoSamples = []sample{
	{name: "openswan", format: &plutoFormat, text: `
| ICOOKIE:  c6 d1 45 92  85 0c 7e 11
| RCOOKIE:  24 1f 4d 50  d4 77 c2 fd
| Skeyid:    41 42 43 44  45 46 47 48  49 4a 4b 4c  4d 4e 4f 50
|   51 52 53 54
| Skeyid_d:  61 62 63 64  65 66 67 68  69 6a 6b 6c  6d 6e 6f 70
|   71 72 73 74
| Skeyid_a:  81 82 83 84  85 86 87 88  89 8a 8b 8c  8d 8e 8f 90
|   91 92 93 94
| Skeyid_e:  b0 16 81 21  5f 16 20 23  03 18 6d 28  14 dc 56 86
|   ca 5a 47 33
| enc key:  44 9e 82 9e  a9 66 d4 21  fb cb 86 bd  7a d9 2e 86
|   5a ba b1 5b  aa 5c 67 2a
| IV:  01 02 03 04  05 06 07 08  09 0a 0b 0c  0d 0e 0f 10
|   11 12 13 14
| our  keymat
|   87 88 89 8a  8b 8c 8d 8e  8f 90 91 92  93 94 95 96
|   97 98 99 9a  9b 9c 9d 9e  9f a0 a1 a2  a3 a4 a5 a6
|   a7 a8 a9 aa
| peer keymat
|   21 22 23 24  25 26 27 28  29 2a 2b 2c  2d 2e 2f 30
|   31 32 33 34  35 36 37 38  39 3a 3b 3c  3d 3e 3f 40
|   41 42 43 44
"l2tp" #2: STATE_QUICK_I2: sent QI2, IPsec SA established {ESP=>0x8e5d3f2b <0xa1b2c3d4 xfrm=AES_128-HMAC_SHA1 NATOA=none NATD=none DPD=none}
`, want: `
ike 9 c6d14592850c7e11/241f4d50d477c2fd skeyid=4142434445464748494a4b4c4d4e4f5051525354 d=6162636465666768696a6b6c6d6e6f7071727374 a=8182838485868788898a8b8c8d8e8f9091929394 e=b01681215f16202303186d2814dc5686ca5a4733 ka=449e829ea966d421fbcb86bd7ad92e865abab15baa5c672a
esp 19 8e5d3f2b *>* aes-cbc-128/hmac-sha1-96 2122232425262728292a2b2c2d2e2f30 3132333435363738393a3b3c3d3e3f4041424344
esp 15 a1b2c3d4 *>* aes-cbc-128/hmac-sha1-96 8788898a8b8c8d8e8f90919293949596 9798999a9b9c9d9e9fa0a1a2a3a4a5a6a7a8a9aa`},

	{name: "old strongswan in syslog", format: &plutoFormat, text: `
Mar 13 22:00:51 gw pluto[4711]: | **parse ISAKMP Message:
Mar 13 22:00:51 gw pluto[4711]: |    initiator cookie:
Mar 13 22:00:51 gw pluto[4711]: |   58 29 d9 83  3c fb 3f 3c
Mar 13 22:00:51 gw pluto[4711]: |    responder cookie:
Mar 13 22:00:51 gw pluto[4711]: |   24 1f 4d 50  d4 77 c2 fd
Mar 13 22:00:51 gw pluto[4711]: | Skeyid_e:  b0 16 81 21  5f 16 20 23  03 18 6d 28  14 dc 56 86
Mar 13 22:00:51 gw pluto[4711]: |   ca 5a 47 33
Mar 13 22:00:51 gw pluto[4711]: | inserting event EVENT_RETRANSMIT, timeout in 10 seconds
Mar 13 22:00:51 gw pluto[4711]: | KEYMAT computed:
Mar 13 22:00:51 gw pluto[4711]: |   03 04 05 06  07 08 09 0a  0b 0c 0d 0e  0f 10 11 12
Mar 13 22:00:51 gw pluto[4711]: |   13 14 15 16  17 18 19 1a  1b 1c 1d 1e  1f 20 21 22
Mar 13 22:00:51 gw pluto[4711]: |   23 24 25 26  27 28 29 2a
`, want: `
ike 6 5829d9833cfb3f3c/241f4d50d477c2fd e=b01681215f16202303186d2814dc5686ca5a4733
note 9 keymat of 40 bytes without SPI and algorithms: it can't be split`},

	{name: "libreswan", format: &plutoFormat, text: `
Nov 23 07:37:13.116298: | *received 172 bytes from 203.0.113.10:500 on eth0 203.0.113.1:500 using UDP
Nov 23 07:37:13.116298: | kernel: looking for alg with encrypt: AES_CBC keylen: 128 integ: HMAC_SHA1_96
Nov 23 07:37:13.116298: | ESP enckey:
Nov 23 07:37:13.116298: |   50 51 52 53  54 55 56 57  58 59 5a 5b  5c 5d 5e 5f   PQRSTUVWXYZ[\]^_
Nov 23 07:37:13.116298: | ESP authkey:
Nov 23 07:37:13.116298: |   70 71 72 73  74 75 76 77  78 79 7a 7b  7c 7d 7e 7f   pqrstuvwxyz{|}~.
Nov 23 07:37:13.116298: |   80 81 82 83                                          ....
Nov 23 07:37:13.116298: | kernel: add_sa() level=0 outbound transport 203.0.113.1/32:1701-UDP->203.0.113.1[c3991ac7]==>203.0.113.10-UDP->203.0.113.10/32:1701 replay_window=128 HMAC_SHA1_96:20 AES_CBC:16
Nov 23 07:37:13.116298: | netlink response for Add SA esp.c3991ac7@203.0.113.10 included non-error error
Nov 23 07:37:13.116298: | *received 172 bytes from 203.0.113.77:4500 on eth0 203.0.113.1:4500 using UDP
Nov 23 07:37:13.116298: | looking for alg with transid: 20 keylen: 128 integ: 0
Nov 23 07:37:13.116298: | ESP enckey:
Nov 23 07:37:13.116298: |   90 91 92 93  94 95 96 97  98 99 9a 9b  9c 9d 9e 9f   ................
Nov 23 07:37:13.116298: |   a0 a1 a2 a3                                          ....
Nov 23 07:37:13.116298: | ESP authkey:
Nov 23 07:37:13.116298: | netlink response for Add SA esp.0c8a8d6d@203.0.113.77 included non-error error
`, want: `
esp 3 c3991ac7 203.0.113.1>203.0.113.10 aes-cbc-128/hmac-sha1-96 505152535455565758595a5b5c5d5e5f 707172737475767778797a7b7c7d7e7f80818283
esp 12 0c8a8d6d *>* aes-gcm-128/aead-128 909192939495969798999a9b9c9d9e9fa0a1a2a3 -`},

	{name: "damaged", format: &plutoFormat, text: `
| ICOOKIE:  58 29 d9 83  3c fb 3f 3c
| Skeyid_d:  61 62 63 64  65 66 67 68  69 6a 6b 6c  6d 6e 6f 70
| Skeyid_a:  81 82 83 84  85 86 87 88  89 8a 8b 8c  8d 8e 8f 90
|   91 92 93 94
| Skeyid_e:  b0 16 81 21  5f 16 20 23  03 18 6d 28  14 dc 56 86
|   ca 5a 47 33
| enc key:  44 9e 82 9e  a9 66 d4 21  fb cb 86 bd  7a d9 2e 86
| IV:  01 02 03 04  05 06 07 08  09 0a 0b 0c  0d 0e 0f 10
|   11 12 13 14
Nov 23 07:37:13.116298: | kernel: looking for alg with encrypt: AES_CBC keylen: 128 integ: HMAC_SHA1_96
Nov 23 07:37:13.116298: | ESP enckey:
Nov 23 07:37:13.116298: |   50 51 52 53  54 55 56 57  58 59 5a 5b  5c 5d 5e 5f   PQRSTUVWXYZ[\]^_
Nov 23 07:37:13.116298: | ESP authkey:
Nov 23 07:37:13.116298: |   70 71 72 73  74 75 76 77  78 79 7a 7b  7c 7d 7e 7f   pqrstuvwxyz{|}~.
Nov 23 07:37:13.116298: | kernel: add_sa() level=0 outbound transport 203.0.113.1/32:1701-UDP->203.0.113.1[c3991ac7]==>203.0.113.10-UDP->203.0.113.10/32:1701 replay_window=128 HMAC_SHA1_96:20 AES_CBC:16
`, want: `
ike 5 5829d9833cfb3f3c/0000000000000000 a=8182838485868788898a8b8c8d8e8f9091929394 e=b01681215f16202303186d2814dc5686ca5a4733
esp 11 c3991ac7 203.0.113.1>203.0.113.10 aes-cbc-128/hmac-sha1-96 505152535455565758595a5b5c5d5e5f -
note 5 SKEYID_d has 16 bytes, others of the same negotiation 20: a part of it is missing
note 5 encryption key of 16 bytes is only a part of what SKEYID_e gives: the rest is missing
note 11 ESP authkey of SPI 0xc3991ac7 has 16 bytes where 20 are declared`},

	{name: "keymat alone", format: &plutoFormat, text: `
| our  keymat
|   87 88 89 8a  8b 8c 8d 8e  8f 90 91 92  93 94 95 96
|   97 98 99 9a  9b 9c 9d 9e  9f a0 a1 a2  a3 a4 a5 a6
|   a7 a8 a9 aa
| peer keymat
|   09 0a 0b 0c  0d 0e 0f 10  11 12 13 14  15 16 17 18
|   19 1a 1b 1c  1d 1e 1f 20  21 22 23 24  25 26 27 28
|   29 2a 2b 2c
`, want: `
esp 1 00000000 *>* ?/hmac-sha1-96 8788898a8b8c8d8e8f90919293949596 9798999a9b9c9d9e9fa0a1a2a3a4a5a6a7a8a9aa mask=00000000
esp 5 00000000 *>* ?/hmac-sha1-96 090a0b0c0d0e0f101112131415161718 191a1b1c1d1e1f202122232425262728292a2b2c mask=00000000
doubt 1 keymat without SPI and algorithms: it is tried with each SPI, as keys of 16 bytes and 20
doubt 5 keymat without SPI and algorithms: it is tried with each SPI, as keys of 16 bytes and 20`},

	{name: "damaged keymat", format: &plutoFormat, text: `
| our  keymat
|   87 88 89 8a  8b 8c 8d 8e  8f 90 91 92  93 94 95 96
|   97 98 99 9a  9b 9c 9d 9e  9f a0 a1 a2  a3 a4 a5 a6
|   a7 a8 a9 aa
| peer keymat
|   09 0a 0b 0c  0d 0e 0f 10  11 12 13 14  15 16 17 18
|   19 1a 1b 1c  1d 1e 1f 20  21 22 23 24  25 26 27 28
|   29 2a 2b 2c  2d 2e 2f 30  31 32 33 34  35 36 37 38
|   39 3a 3b 3c
"l2tp" #2: STATE_QUICK_I2: sent QI2, IPsec SA established {ESP=>0x8e5d3f2b <0xa1b2c3d4 xfrm=AES_0-HMAC_SHA1 NATOA=none NATD=none DPD=none}
`, want: `
note 1 keymat of the two directions has 36 bytes and 52: a row is missing`},

	{name: "lines cut at a terminal's last column", format: &plutoFormat, text: `
| kernel: looking for alg with encrypt: AES_CBC keylen:>
| ESP enckey:
|   50 51 52 53  54 55 56 57  58 59 5a 5b  5c 5d 5e 5f >
| ESP authkey:
|   70 71 72 73  74 75 76 77  78 79 7a 7b  7c 7d 7e 7f >
|   80 81 82 83                                        >
| kernel: add_sa() level=0 outbound transport 203.0.113>
| netlink response for Add SA esp.c3991ac7@203.0.113.10>
| kernel: looking for alg with encrypt: AES_CBC keylen:>
| ESP enckey:
|   90 91 92 93  94 95 96 97  98 99 9a 9b  9c 9d 9e 9f >
| kernel: add_sa() level=0 inbound transport 203.0.113.>
| ESP enckey:
|   62 87 ba 70  28 92 8e fa  22 35 d9 ef  0e 6c 60 f4 >
`, want: `
note 2 ESP keys: the line with the SPI that they are for is missing or cut short
note 10 ESP keys: the line with the SPI that they are for is missing or cut short
note 13 ESP keys: the line with the SPI that they are for is missing or cut short`},
}
