// Package esp decrypts and verifies ESP packets (RFC 4303) of a capture.
//
// An SA is made of an SPI, a Suite (a row of the cipher table and a row of the
// authentication table) and the keys; SA.Open takes a packet from its SPI to its ICV,
// checks the ICV and appends the payload to the caller's buffer:
//
//	suite := esp.Suite{Cipher: esp.CipherByName("aes-cbc"), Auth: esp.AuthByName("hmac-sha1-96")}
//	sa, err := esp.NewSA(0xc2c4be60, suite, esp.NewKey(encryptionKey), esp.NewKey(authenticationKey))
//	if err != nil {
//		return err
//	}
//	plain, err := sa.Open(buffer[:0], packet, 0, 0)
//	// plain.Data is what the packet carried, plain.NextHeader says what that is,
//	// plain.Verified that the ICV was computed with the full key and matches
//
// Where the authentication key is not known, the structure of what decryption gives is
// the proof of the key: the padding, the next header and the header behind it. That evidence
// is counted in bits.
//
// The way of a packet through an SA:
//
//	Header.Decode ─> SA.Open: split ─┬─ a mac (auth.go): ICV ─> an engine (engine.go): decrypt ─┬─> plausible ─> Plaintext
//	  SPI, sequence  IV, body, ICV   ├─ an AEAD engine: both at once ───────────────────────────┘
//	                                 └─ no authentication key: decrypt ─> structure ────────────────────────────> Plaintext
//
// A Window follows the sequence numbers of an SA, and tells the high half of extended ones. Secret
// and Negotiated are what a key source, and what a Quick Mode, say of an SA; which of them belongs
// to a packet is for the caller to find out.
//
// The algorithms and where they are defined:
//
//	AES-CBC           RFC 3602      HMAC-MD5-96                  RFC 2403
//	3DES, Blowfish,                 HMAC-SHA1-96                 RFC 2404
//	CAST5, DES        RFC 2451,     HMAC-SHA2-256-128, 384, 512  RFC 4868
//	                  RFC 2405      AES-XCBC-96                  RFC 3566
//	NULL              RFC 2410      AES-CMAC-96                  RFC 4494
//	AES-CTR           RFC 3686      HMAC-RIPEMD160-96            RFC 2857
//	AES-GCM           RFC 4106      AES-CCM                      RFC 4309
//	NULL with GMAC    RFC 4543      ChaCha20-Poly1305            RFC 7634
//	implicit IV       RFC 8750      extended sequence numbers    RFC 4303, 2.2.1
//
// SA.Open allocates nothing, and any number of goroutines may call it at the same time. Where
// golang.org/x/crypto has no assembly for ChaCha20-Poly1305, that takes 32 bytes for each packet.
package esp
