package esp_test

import (
	"encoding/hex"
	"fmt"

	"l2tpdump/esp"
)

// Case 6 of RFC 3602, section 4: a ping, encrypted and not authenticated.
func ExampleSA_Open() {
	key, _ := hex.DecodeString("90d382b410eeba7ad938c46cec1a82bf")
	packet, _ := hex.DecodeString("000043210000000869d08df7d203329db093fc4924e5bd80f51995881ec4e0c4488987ce742e8109689bb379d2d750c0d915dca346a89f75")

	suite := esp.Suite{Cipher: esp.CipherByName("aes-cbc"), Auth: esp.AuthByName("none")}
	sa, err := esp.NewSA(0x4321, suite, esp.NewKey(key), esp.Key{})
	if err != nil {
		fmt.Println(err)
		return
	}
	plain, err := sa.Open(nil, packet, 0, 0)
	fmt.Println(sa.Suite(), err)
	fmt.Printf("protocol %d, %d bytes, verified %v\n", plain.NextHeader, len(plain.Data), plain.Verified)
	// Output:
	// aes-cbc-128/none <nil>
	// protocol 1, 28 bytes, verified false
}
