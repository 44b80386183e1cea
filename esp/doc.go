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
// the proof of the key: the padding, the next header and the header behind it. Structure
// counts that evidence in bits.
//
// Of a capture more is to be found out: which of the keys that were given belongs to an SPI, and what the sources left out, such as
// the algorithms, the length of the ICV or the high half of extended sequence numbers. A DB holds what is known: a Secret is what a key
// source says of an SA, a Negotiated what a Quick Mode in the capture agreed on. It has a Flow for each SPI and destination, which tries on
// the first packets what opens them, says why nothing does, and follows the sequence numbers:
//
//	db := esp.NewDB()
//	db.AddSecret(&esp.Secret{SPI: 0xc2c4be60, SPIMask: 0xffffffff, Key: esp.NewKey(encryptionKey), Origin: Origin{File: "router.log", Line: 17}})
//	flow := db.Lookup(spi, source, destination)
//	sa, seqHigh, err := flow.Admit(packet, 0, now)
//	if err != nil {
//		return fmt.Errorf("%w: %s", err, flow.Reason())
//	}
//	plain, err := sa.Open(buffer[:0], packet, seqHigh, 0)
//	verdict, _ := esp.VerdictOf(&plain, err)
//	flow.Count(verdict, flow.State(), binary.BigEndian.Uint32(packet[4:]), seqHigh) // for flow.Report
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
// The packet path (Lookup and Admit of a flow that a key opens, SA.Open) allocates nothing. One goroutine has the DB and its flows; any number of
// goroutines may call SA.Open at the same time. Flows are bounded in number, and the cost of a packet of an unknown SPI has a bound that grows
// neither with the number of flows nor with that of the keys for other SPIs.
package esp
