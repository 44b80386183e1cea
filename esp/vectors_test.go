package esp

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"
)

// Known answers of the authentication algorithms.
func TestAuthKnownAnswers(t *testing.T) {
	rep := strings.Repeat
	seq := "000102030405060708090a0b0c0d0e0f10111213"
	nist := "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e5130c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710"
	hiThere := hex.EncodeToString([]byte("Hi There"))
	what := hex.EncodeToString([]byte("what do ya want for nothing?"))
	jefe := hex.EncodeToString([]byte("Jefe"))
	tests := []struct{ from, name, key, data, icv string }{
		{"RFC 2202, 2, case 1", "hmac-md5-96", rep("0b", 16), hiThere, "9294727a3638bb1c13f48ef8"},
		{"RFC 2202, 2, case 2", "hmac-md5-96", jefe, what, "750c783e6ab0b503eaa86e31"},
		{"RFC 2202, 3, case 1", "hmac-sha1-96", rep("0b", 20), hiThere, "b617318655057264e28bc0b6"},
		{"RFC 2202, 3, case 3", "hmac-sha1-96", rep("aa", 20), rep("dd", 50), "125d7342b9ac11cd91a39af4"},
		{"RFC 4231, 4.2", "hmac-sha2-256-128", rep("0b", 20), hiThere, "b0344c61d8db38535ca8afceaf0bf12b"},
		{"RFC 4231, 4.2", "hmac-sha2-256-96", rep("0b", 20), hiThere, "b0344c61d8db38535ca8afce"},
		{"RFC 4231, 4.2", "hmac-sha2-384-192", rep("0b", 20), hiThere, "afd03944d84895626b0825f4ab46907f15f9dadbe4101ec6"},
		{"RFC 4231, 4.2", "hmac-sha2-512-256", rep("0b", 20), hiThere, "87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cde"},
		{"RFC 4231, 4.2", "hmac-sha2-384-96", rep("0b", 20), hiThere, "afd03944d84895626b0825f4"},
		{"RFC 4231, 4.2", "hmac-sha2-512-96", rep("0b", 20), hiThere, "87aa7cdea5ef619d4ff0b424"},
		{"RFC 4231, 4.3", "hmac-sha2-256-128", jefe, what, "5bdcc146bf60754e6a042426089575c7"},
		{"RFC 4868, 2.7.2.1, AUTH256-1", "hmac-sha2-256-128", rep("0b", 32), hiThere, "198a607eb44bfbc69903a0f1cf2bbdc5"},
		{"RFC 2857, 3, case 1 (RFC 2286)", "hmac-ripemd160-96", rep("0b", 20), hiThere, "24cb4bd67d20fc1a5d2ed773"},
		{"RFC 2857, 3, case 3 (RFC 2286)", "hmac-ripemd160-96", rep("aa", 20), rep("dd", 50), "b0b105360de759960ab4f352"},
		{"RFC 3566, 4.6, case 1", "aes-xcbc-96", seq[:32], "", "75f0251d528ac01c4573dfd5"},
		{"RFC 3566, 4.6, case 2", "aes-xcbc-96", seq[:32], "000102", "5b376580ae2f19afe7219cee"},
		{"RFC 3566, 4.6, case 3", "aes-xcbc-96", seq[:32], seq[:32], "d2a246fa349b68a79998a439"},
		{"RFC 3566, 4.6, case 4", "aes-xcbc-96", seq[:32], seq, "47f51b4564966215b8985c63"},
		{"RFC 4493, 4, example 1", "aes-cmac-96", "2b7e151628aed2a6abf7158809cf4f3c", "", "bb1d6929e95937287fa37d12"},
		{"RFC 4493, 4, example 2", "aes-cmac-96", "2b7e151628aed2a6abf7158809cf4f3c", nist[:32], "070a16b46b4d4144f79bdd9d"},
		{"RFC 4493, 4, example 3", "aes-cmac-96", "2b7e151628aed2a6abf7158809cf4f3c", nist[:80], "dfa66747de9ae63030ca3261"},
		{"RFC 4493, 4, example 4", "aes-cmac-96", "2b7e151628aed2a6abf7158809cf4f3c", nist, "51f0bebf7e3b9d92fc497417"},
	}
	seen := map[string]bool{}
	for _, c := range tests {
		seen[c.name] = true
		a := AuthByName(c.name)
		var st state
		if key := unhex(t, c.key); a.lanes != nil {
			hmac := a.lanes.HMAC(key)
			st.setHMAC(&hmac)
		} else if k, err := a.prepare(key); err != nil {
			t.Fatal(err)
		} else {
			st.mac = k()
		}
		m := st.mac
		data := unhex(t, c.data)
		// Whole, then in two pieces at every place, with the same state.
		for cut := 0; cut <= len(data); cut++ {
			if got := hex.EncodeToString(m.sum(data[:cut], data[cut:])[:a.ICVLen]); got != c.icv {
				t.Errorf("%s (%s), cut at %d: %s, want %s", c.name, c.from, cut, got, c.icv)
				break
			}
		}
	}
	for _, a := range Auths {
		if a.Checked && !seen[a.Name] {
			t.Errorf("no known answer for %s", a.Name)
		}
	}
}

// RFC 3686, 6: AES-CTR, the nonce at the end of the key.
func TestCTRKnownAnswers(t *testing.T) {
	const count = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20212223"
	single := hex.EncodeToString([]byte("Single block msg"))
	for i, c := range []struct{ key, nonce, iv, plain, cipher string }{
		{"ae6852f8121067cc4bf7a5765577f39e", "00000030", "0000000000000000", single, "e4095d4fb7a7b3792d6175a3261311b8"},
		{"7e24067817fae0d743d6ce1f32539163", "006cb6db", "c0543b59da48d90b", count[:64], "5104a106168a72d9790d41ee8edad388eb2e1efc46da57c8fce630df9141be28"},
		{"7691be035e5020a8ac6e618529f9a0dc", "00e0017b", "27777f3f4a1786f0", count, "c1cf48a89f2ffdd9cf4652e9efdb72d74540a42bde6d7836d59a5ceaaef3105325b2072f"},
		{"776beff2851db06f4c8a0542c8696f6c6a81af1eec96b4d37fc1d689e6c1c104", "00000060", "db5672c97aa8f0b2", single, "145ad01dbf824ec7560863dc71e3e0c0"},
	} {
		cipher, err := CipherByName("aes-ctr").prepare(unhex(t, c.key), unhex(t, c.nonce), 0)
		if err != nil {
			t.Fatal(err)
		}
		e, body := cipher.newEngine(), unhex(t, c.cipher)
		for cut := 0; cut <= len(body); cut++ {
			got := e.decrypt([]byte("x"), unhex(t, c.iv), body[:cut])
			if want := append([]byte("x"), unhex(t, c.plain)[:cut]...); !bytes.Equal(got, want) {
				t.Errorf("case %d, %d bytes: % x", i, cut, got)
			}
		}
	}
}

// Whole packets. An empty payload is not compared.
var packetTests = []struct {
	from          string
	cipher        string
	auth          string // or the ICV length of an AEAD cipher
	esn           bool
	seqHigh       uint32
	key, authKey  string
	packet        string
	next, padding int
	payload       string
}{
	{"RFC 3602, 4, case 5", "aes-cbc", "none", false, 0, "90d382b410eeba7ad938c46cec1a82bf", "",
		"0000432100000001e96e8c08ab465763fd098d45dd3ff893f663c25d325c18c6a9453e194e120849a4870b66cc6b9965330013b4898dc856a4699e523a55db080b59ec3a8e4b7e52775b07d1db34ed9c538ab50c551b874aa269add047ad2d5913ac19b7cfbad4a6",
		1, 14, "08000ebda70a00008e9c083db95b070008090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f3031323334353637"},
	{"RFC 3602, 4, case 6", "aes-cbc", "none", false, 0, "90d382b410eeba7ad938c46cec1a82bf", "",
		"000043210000000869d08df7d203329db093fc4924e5bd80f51995881ec4e0c4488987ce742e8109689bb379d2d750c0d915dca346a89f75",
		1, 2, "0800b5e8a80a0500a69c083d0b660e00777777777777777777777777"},
	{"RFC 3602, 4, case 7", "aes-cbc", "none", false, 0, "0123456789abcdef0123456789abcdef", "",
		"0000876500000002f4e765244f6407adf13dc1380f673f37773b5241a4c449225e4f3ce5ed611b0c237ca96cf74a93013c1b0ea1a0cf70f8e4ecaec78ac53aad7a0f022b859243c647752e94a859352b8a4d4d2decd136e5c177f132ad3fbfb2201ac9904c74ee0a109e0ca1e4dfe9d5a100b842f1c22f0d",
		4, 10, "45000054090400004001f988c0a87b03c0a87bc808009f76a90a0100b49c083d02a2040008090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f3031323334353637"},
	{"RFC 3602, 4, case 8", "aes-cbc", "none", false, 0, "0123456789abcdef0123456789abcdef", "",
		"000087650000000585d47224b5f3dd5d2101d4ea8dffab2215b92683819596a8047232cc00f7048fe45318e11f8a0f62ede3c3fc61203bb50f980a08c9843fd3a1b06d5c07ff9639b7eb7dfb3512e5de435e7207ed971ef3d2726d9b5ef6affc6d17a0decbb13892",
		4, 10, "45000044090c00004001f990c0a87b03c0a87bc80800d63caa0a0200c69c083da3de0300ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"},
	{"RFC 7634, appendix A", "chacha20-poly1305", "16", false, 0, "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9fa0a1a2a3", "",
		"01020304000000051011121314151617" +
			"24039428b97f417e3c13753a4f05087b67c352e6a7fab1b982d466ef407ae5c614ee8099d52844eb61aa95dfab4c02f72aa71e7c4c4f64c9befe2facc638e8f3cbec163fac469b502773f6fb94e664da9165b82829f641e0" +
			"76aaa8266b7fb0f7b11b369907e1ad43",
		4, 2, "45000054a6f200004001e778c6336405c000020508005b7a3a080000553bec100007362708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f3031323334353637"},
	{"draft-mcgrew-gcm-test-01, 4, case 1 (SPI 00004321, ESN)", "aes-gcm", "16", true, 0x87654321, "4c80cdefbb5d10da906ac73c3613a6342e443b68", "",
		"00004321000000004956ed7e3b244cfe" +
			"fecf537e729d5b07dc30df528dd22b768d1b98736696a6fd348509fa13ceac34cfa2436f14a3f3cf65925bf1f4a13c5d15b21e1884f5ff6247aeabb786b93bce61bc17d768fd9732" +
			"459018148f6cbe722fd04796562dfdb4",
		1, 2, ""},
	{"draft-mcgrew-gcm-test-01, 4 (24 byte key)", "aes-gcm", "16", false, 0, "feffe9928665731c6d6a8f9467308308feffe9928665731ccafebabe", "",
		"0000a5f80000000afacedbaddecaf888" +
			"a5b1f8066029aea40e598b8122de02420938b3ab33f828e687b8858b5bfbdbd0315b27452144cc77" +
			"95457b9652037f5318027b5b4cd7a636",
		1, 0, ""},
	{"draft-mcgrew-gcm-test-01, 4, case 3 (32 byte key)", "aes-gcm", "16", false, 0, "abbccddef00112233445566778899aababbccddef00112233445566778899aab11223344", "",
		"4a2cbfe3000000020102030405060708" +
			"ff425c9b724599df7a3bcd510194e00d6a78107f1b0b1cbf06efae9d65a5d763748a637985771d347f0545659f14e99def842d8e" +
			"b335f4eecfdbf831824b4c4915956c96",
		1, 2, ""},
	// The tag of 12 and 8 bytes is the head of the tag of 16.
	{"draft-mcgrew-gcm-test-01, 4, case 3, tag cut to 12", "aes-gcm", "12", false, 0, "abbccddef00112233445566778899aababbccddef00112233445566778899aab11223344", "",
		"4a2cbfe3000000020102030405060708" +
			"ff425c9b724599df7a3bcd510194e00d6a78107f1b0b1cbf06efae9d65a5d763748a637985771d347f0545659f14e99def842d8e" +
			"b335f4eecfdbf831824b4c49",
		1, 2, ""},
	{"draft-mcgrew-gcm-test-01, 4, case 3, tag cut to 8", "aes-gcm", "8", false, 0, "abbccddef00112233445566778899aababbccddef00112233445566778899aab11223344", "",
		"4a2cbfe3000000020102030405060708" +
			"ff425c9b724599df7a3bcd510194e00d6a78107f1b0b1cbf06efae9d65a5d763748a637985771d347f0545659f14e99def842d8e" +
			"b335f4eecfdbf831",
		1, 2, ""},
	{"AES-CBC, HMAC-SHA2-256-128, ESN with high half 68 (from scapy's tests)", "aes-cbc", "hmac-sha2-256-128", true, 68,
		"85ee354b4675a9c5d16e3d6f4118043b", "6f79bf94da7dde3c86009934d9258f1b3fc2f5382aca9c9cb8e216eed235f34c",
		"cf54ccdf0000000111223344112233441122334411223344f5bda519c9ae64f283f0fc18a8d253eca8b34c2120c8958a97ec9d8e67756da2523fce9b5541c57fddf090afc2bfd97e8703203953f853eb61482e4c1384d4c8",
		6, 15, ""},
	// Made with another implementation (OpenSSL through Python's cryptography): the payload is that
	// of the GCM tests.
	{"AES-CCM, 8 byte tag", "aes-ccm", "8", false, 0, ccmKey, "", ccmBody + "f2478fc9216274428", 4, 2, ccmPayload},
	{"AES-CCM, 8 byte tag, ESN", "aes-ccm", "8", true, 7, ccmKey, "", ccmBody + "fe675c19db99631c5", 4, 2, ccmPayload},
	{"AES-CCM, 12 byte tag", "aes-ccm", "12", false, 0, ccmKey, "", ccmBody + "f954f3e4726cf862307032daa", 4, 2, ccmPayload},
	{"AES-CCM, 12 byte tag, ESN", "aes-ccm", "12", true, 7, ccmKey, "", ccmBody + "f4fad02c68b10a3959d6f9be1", 4, 2, ccmPayload},
	{"AES-CCM, 16 byte tag", "aes-ccm", "16", false, 0, ccmKey, "", ccmBody + "f9a1ac9e5196978b74e63400b15fd192c", 4, 2, ccmPayload},
	{"AES-CCM, 16 byte tag, ESN", "aes-ccm", "16", true, 7, ccmKey, "", ccmBody + "fbc8636c9e4a4af16696322edaa55e52d", 4, 2, ccmPayload},
	{"AES-CCM, 32 byte key", "aes-ccm", "16", false, 0, "202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3fa1a2a3", "",
		"0000432187654321101112131415161747f04af11efa946f006c2392cc3c515a9d29dcd93abe49ca64dd561fb2684ef0bad5face9f5733faf92444bf6f0274679bc3d7cb025f0aaa9407f137cf44c9f93380be45336d8acbea0720fb33e236f0ae484412011a3ffd",
		4, 2, ccmPayload},
	{"AES-CCM, implicit IV", "aes-ccm-iiv", "8", false, 0, ccmKey, "",
		"00004321876543216211f3ae21a3e056dcda7a9f307bf991c0bb36c94bf3d3ae0f535b4101929973d5387e2c2f8151267db4495832e027e2592d066f36b5e420f3b46cf61dbdc5f438b22b7686f61e6d33124d03aca6ee92",
		4, 2, ccmPayload},
	{"AES-GCM, implicit IV, ESN", "aes-gcm-iiv", "16", true, 7, ccmKey + "a4", "",
		"00004321876543211a711ebf98d440203e6e4c50d5c44dd611c6847aad4685a0c459f7d2e327c6cc775d8572298fc5bbbe691160401ec6a8ea672b03da4e3f32afb11ddc79e0fc39abd20f162e13c695197a28b70b921a38a2fc10facf0f6d72",
		4, 2, ccmPayload},
	{"ChaCha20-Poly1305, implicit IV, ESN", "chacha20-poly1305-iiv", "16", true, 7, "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9fa0a1a2a3", "",
		"0000432187654321c568b72b0ffcb1a47ef1421f9a2204013fc02a0d70abdc0eb8fb4c529a1fae24b557e96b634aa508a90086a1337944aab278f15bb41f7b6e69b539af5e7d858ad6bf4c3cab2dea396a9651b401212ff43820d4e6952f72f4",
		4, 2, ccmPayload},
	{"NULL with AES-GMAC", "null-gmac", "16", false, 0, ccmKey + "a4", "", "00004321876543211011121314151617" + ccmPayload + "01020204" + "09e478bf7029701bc7f6e85ce226818d", 4, 2, ccmPayload},
	{"NULL with AES-GMAC, ESN", "null-gmac", "16", true, 7, ccmKey + "a4", "", "00004321876543211011121314151617" + ccmPayload + "01020204" + "ec80a5f09e3d7684a8dfb27130d20f9a", 4, 2, ccmPayload},
	{"Blowfish, HMAC-SHA1-96", "blowfish-cbc", "hmac-sha1-96", false, 0, ccmKey[:32], "606162636465666768696a6b6c6d6e6f70717273",
		"00004321876543211011121314151617d5593395603bff10edb5dbf2ec9adbc02fce35cc1d889e8f260a1c90071ea2fb954db442c006a3794539e2df248788c6a12248450d77f40452afdc9757ac3e549156bdbaeff40940a7b1583efd04f1f6bb14cf30",
		4, 2, ccmPayload},
	{"CAST5, HMAC-SHA1-96", "cast5-cbc", "hmac-sha1-96", false, 0, ccmKey[:32], "606162636465666768696a6b6c6d6e6f70717273",
		"000043218765432110111213141516175c498758e439aefcc3f258bb6b5b1d65fbbd4bf9012cae2390f58745c75d9a40202bfb0c054e6b9a1ec8e4e72cab9ddcca79cf23a2902ed5e7e8ead0afb5f53c11beb13ec98b6cd2dbb9c3a5ba8f6adbff7bc217",
		4, 2, ccmPayload},
}

// Known answers of the block ciphers in CBC mode that have no packet above.
var blockTests = []struct{ from, cipher, key, iv, plain, body string }{
	{"FIPS 81, table C1", "des-cbc", "0123456789abcdef", "1234567890abcdef",
		hex.EncodeToString([]byte("Now is the time for all ")), "e5c7cdde872bf27c43e934008c389c0f683788499a7c05f6"},
	{"TDES_CBC of the NIST examples; OpenSSL agrees", "3des-cbc", "0123456789abcdef23456789abcdef01456789abcdef0123", "f69f2445df4f9b17",
		"6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51", "2079c3d53aa763e193b79e2569ab5262516570481f25b50f73c0bda85c8e0da7"},
	{"Twofish paper, appendix B.2", "twofish-cbc", "00000000000000000000000000000000", "00000000000000000000000000000000",
		"00000000000000000000000000000000", "9f589f5cf6122c32b6bfec2f2ae8c35a"},
	{"Twofish paper, appendix B.2 (32 byte key)", "twofish-cbc", "0123456789abcdeffedcba987654321000112233445566778899aabbccddeeff", "00000000000000000000000000000000",
		"00000000000000000000000000000000", "37527be0052334b89f0cfccae87cfa20"},
	{"RFC 2410, 2", "null", "", "", "00010203", "00010203"},
}

func TestBlockKnownAnswers(t *testing.T) {
	seen := map[string]bool{"aes-ctr": true} // in TestCTRKnownAnswers
	for _, c := range blockTests {
		seen[c.cipher] = true
		cipher, err := CipherByName(c.cipher).prepare(unhex(t, c.key), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		got := cipher.newEngine().decrypt([]byte("front"), unhex(t, c.iv), unhex(t, c.body))
		if want := "front" + string(unhex(t, c.plain)); string(got) != want {
			t.Errorf("%s: % x", c.from, got)
		}
	}
	for _, c := range packetTests {
		seen[c.cipher] = true
	}
	for _, c := range Ciphers {
		if !seen[c.Name] {
			t.Errorf("no known answer for %s", c.Name)
		}
	}
}

const (
	ccmKey     = "404142434445464748494a4b4c4d4e4fa1a2a3"
	ccmPayload = "45000048699a000080114db7c0a80102c0a801010a9bf15638d301000001000000000000045f736970045f756470037369700963796265726369747902646b0000210001"
	ccmBody    = "0000432187654321101112131415161759376d9b2b2de5ccc67ea2b947bc3568c35e2e48bd5bf76d44da203732d0f1046f1594e03379c65245a878889195d09b588c80d4f5aa1b4158e2ffe99be23de23b7d6d6c7664a4d"
)

func TestPacketKnownAnswers(t *testing.T) {
	for _, c := range packetTests {
		t.Run(c.from, func(t *testing.T) {
			s := Suite{Cipher: CipherByName(c.cipher), Auth: AuthByName(c.auth), ESN: c.esn}
			if s.Cipher.AEAD {
				s.ICVLen = map[string]int{"8": 8, "12": 12, "16": 16}[c.auth]
			}
			sa, err := NewSA(1, s, NewKey(unhex(t, c.key)), NewKey(unhex(t, c.authKey)))
			if err != nil {
				t.Fatal(err)
			}
			packet := unhex(t, c.packet)
			before := bytes.Clone(packet)
			plain, err := sa.Open([]byte("front"), packet, c.seqHigh, 0)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(packet, before) {
				t.Error("the packet was changed")
			}
			if plain.Verified != (c.auth != "none") || int(plain.NextHeader) != c.next || plain.PadLen != c.padding {
				t.Errorf("verified %v, next header %d, padding %d", plain.Verified, plain.NextHeader, plain.PadLen)
			}
			if c.payload != "" && hex.EncodeToString(plain.Data) != c.payload {
				t.Errorf("payload %x", plain.Data)
			}
			if c.auth == "none" && plain.Evidence < minEvidence {
				t.Errorf("%d bits of evidence", plain.Evidence)
			}
			if sa.Checks() && !sa.CheckICV(packet, c.seqHigh) {
				t.Error("CheckICV refuses it")
			}
			if c.esn {
				if _, err := sa.Open(nil, packet, c.seqHigh+1, 0); err != ErrICV {
					t.Errorf("with another high half: %v", err)
				}
				if sa.CheckICV(packet, c.seqHigh+1) {
					t.Error("CheckICV takes another high half")
				}
			}
		})
	}
}
