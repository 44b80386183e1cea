package ikev1_test

import (
	"encoding/hex"
	"fmt"
	"net/netip"

	"l2tpdump/esp"
	"l2tpdump/ikev1"
)

// The last two messages of a Main Mode, of which nothing else was captured, and the cipher's key.
func ExampleTracker() {
	fromHex := func(s string) []byte {
		b, err := hex.DecodeString(s)
		if err != nil {
			panic(err)
		}
		return b
	}
	t := ikev1.NewTracker()
	t.AddSecret(&ikev1.Secret{
		InitiatorCookie: ikev1.Cookie(fromHex("631827ec0fefc720")),
		Ka:              esp.NewKey(fromHex("1b78b1b80437766b6b72234ced4ce08f336ac900114549027e5b73eda694dbcb")),
		Origin:          esp.Origin{File: "ikev1_decryption_table", Line: 2},
	})
	client, server := netip.MustParseAddrPort("203.0.113.77:4500"), netip.MustParseAddrPort("203.0.113.1:4500")
	for _, d := range []ikev1.Datagram{
		{Src: client, Dst: server, Data: fromHex("631827ec0fefc72057b5e187a6225cec05100201000000000000006c0cb6eb46d5835fc9046d1d2c99c3de634ae26892b8851fe0d27507b18d951b6ff228ed5550699b3aebfaca5d6b0ec659106b9bca2d7347840f3191858cd8027bdd2b6deacf906078ddfd8e496ef6b3ab")},
		{Src: server, Dst: client, Data: fromHex("631827ec0fefc72057b5e187a6225cec05100201000000000000004ceb80e86e8587369b2f68363224d73153b6a1756d653c9a7e21ce770219b778991505d92932a93f0f05dc64f7c7af48ef")},
	} {
		for _, m := range t.Observe(&d) {
			fmt.Println(m.Header.ExchangeName(), m.Number, m.Decrypted, m.Describe(), m.Err)
		}
	}
	for _, sa := range t.SAs() {
		fmt.Println(sa.Initiator, sa.Cipher, sa.Decrypted, sa.Openers()[0].Secret.Origin)
	}
	// The first block of the first message needs the key exchange values to be read; which of the two
	// messages it is shows with the second.

	// Output:
	// main 0 true ID ?, HASH, N INITIAL-CONTACT <nil>
	// main 6 true ID 203.0.113.1, HASH <nil>
	// 203.0.113.77:4500 aes-cbc-256 2 ikev1_decryption_table:2
}
