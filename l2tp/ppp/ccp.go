package ppp

import (
	"encoding/binary"
	"fmt"
	"strings"
)

// Types of the CCP options that are expanded.
const (
	ccpMPPE         = 18
	ccpBSD          = 21
	ccpDeflateDraft = 24
	ccpDeflate      = 26
)

// ccpOption is the table of CCP's options (IANA's "PPP CCP Configuration Option Types").
func ccpOption(kind uint8) option {
	switch kind {
	case 0:
		return option{"oui", vendorOption}
	case 1:
		return option{"predictor1", nil}
	case 2:
		return option{"predictor2", nil}
	case 3:
		return option{"puddle-jumper", octets}
	case 16:
		return option{"hp-ppc", octets}
	case 17:
		return option{"stac", stac}
	case ccpMPPE:
		return option{"mppe", mppe}
	case 19:
		return option{"gandalf-fza", octets}
	case 20:
		return option{"v42bis", octets}
	case ccpBSD:
		return option{"bsd", bsdCompress}
	case 23:
		return option{"lzs-dcp", octets}
	case ccpDeflateDraft: // the number that Deflate had in drafts, still offered by pppd; Magnalink has it too
		return option{"deflate-draft", deflate}
	case 25:
		return option{"dce", octets}
	case ccpDeflate:
		return option{"deflate", deflate}
	case 27:
		return option{"v44", octets}
	}
	return option{}
}

// deflate writes window size (as an exponent of two), method and check of RFC 1979 section 3.
// Method and check are left out if they are the only ones defined, 8 (zlib) and 0 (sequence
// number).
func deflate(data []byte) (any, bool) {
	if len(data) != 2 {
		return nil, false
	}
	s := fmt.Sprintf("window %d", data[0]>>4+8)
	if data[0]&15 != 8 {
		s += fmt.Sprintf(" method %d", data[0]&15)
	}
	if data[1]&3 != 0 {
		s += fmt.Sprintf(" check %d", data[1]&3)
	}
	return s, true
}

// bsdCompress writes version and the size of codes of RFC 1977 section 3.
func bsdCompress(data []byte) (any, bool) {
	if len(data) != 1 {
		return nil, false
	}
	return fmt.Sprintf("version %d bits %d", data[0]>>5, data[0]&31), true
}

// stac writes the number of histories and the check mode of RFC 1974 section 3.
func stac(data []byte) (any, bool) {
	if len(data) != 3 {
		return Octets(data), len(data) > 0 // older proprietary forms
	}
	return fmt.Sprintf("histories %d check %d", binary.BigEndian.Uint16(data), data[2]), true
}

// Bits of an MPPE option (RFC 3078 section 2.1, RFC 2118 section 2).
const (
	mppeStateless = 0x01000000
	mppe56        = 0x00000080
	mppe128       = 0x00000040
	mppe40        = 0x00000020
	mppeObsolete  = 0x00000010
	mppeMPPC      = 0x00000001
)

// mppe writes the supported bits: "40+128 stateless", "none", "mppc".
func mppe(data []byte) (any, bool) {
	if len(data) != 4 {
		return nil, false
	}
	n := binary.BigEndian.Uint32(data)
	var keys, words []string
	for _, b := range []struct {
		bit  uint32
		name string
	}{{mppe40, "40"}, {mppe56, "56"}, {mppe128, "128"}} {
		if n&b.bit != 0 {
			keys = append(keys, b.name)
		}
	}
	if keys != nil {
		words = append(words, strings.Join(keys, "+"))
	}
	for _, b := range []struct {
		bit  uint32
		name string
	}{{mppeStateless, "stateless"}, {mppeMPPC, "mppc"}, {mppeObsolete, "obsolete"}} {
		if n&b.bit != 0 {
			words = append(words, b.name)
		}
	}
	if rest := n &^ (mppe40 | mppe56 | mppe128 | mppeStateless | mppeMPPC | mppeObsolete); rest != 0 {
		words = append(words, hex32(rest))
	}
	if words == nil {
		return "none", true
	}
	return strings.Join(words, " "), true
}

// ecpOption is the table of ECP's options (RFC 1968, 2419, 2420).
func ecpOption(kind uint8) option {
	switch kind {
	case 0:
		return option{"oui", vendorOption}
	case 1:
		return option{"dese", octets}
	case 2:
		return option{"3dese", octets}
	case 3:
		return option{"dese-bis", octets}
	}
	return option{}
}
