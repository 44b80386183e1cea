package keysrc

import "bytes"

var yamahaFormat = Format{
	Name:  "yamaha",
	Title: "Yamaha router log",
	Looks: "[IKE] lines with CKY-I, SKEYID_e, SPI and key material",
	match: func(line []byte) bool { return bytes.Contains(line, []byte("[IKE")) },
	new:   func(out *output) parser { return &yamaha{out: out} },
}

type yamaha struct{ out *output }

func (y *yamaha) line(n int, text []byte) bool { return false }
func (y *yamaha) close()                       {}
