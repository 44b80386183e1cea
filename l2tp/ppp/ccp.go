package ppp

import (
	"encoding/binary"
	"fmt"
)

// Types of the CCP options that are expanded.
const (
	ccpMPPE         = 18
	ccpBSD          = 21
	ccpDeflateDraft = 24
	ccpDeflate      = 26
)

// ccpOptions are CCP's options (IANA's "PPP CCP Configuration Option Types").
var ccpOptions = options{
	0:               {"oui", sized(4, maxData, vendorOption)},
	1:               {"predictor1", flag},
	2:               {"predictor2", flag},
	3:               {"puddle-jumper", octets},
	16:              {"hp-ppc", octets},
	17:              {"stac", sized(1, maxData, stac)},
	ccpMPPE:         {"mppe", sized(4, 4, mppe)},
	19:              {"gandalf-fza", octets},
	20:              {"v42bis", octets},
	ccpBSD:          {"bsd", sized(1, 1, bsdCompress)},
	23:              {"lzs-dcp", octets},
	ccpDeflateDraft: {"deflate-draft", sized(2, 2, deflate)}, // the number that Deflate had in drafts, still offered by pppd; Magnalink has it too
	25:              {"dce", octets},
	ccpDeflate:      {"deflate", sized(2, 2, deflate)},
	27:              {"v44", octets},
}

// deflate writes window size (as an exponent of two), method and check of RFC 1979 section 3.
// Method and check are left out if they are the only ones defined, 8 (zlib) and 0 (sequence
// number).
func deflate(data []byte) any {
	s := fmt.Sprintf("window %d", data[0]>>4+8)
	if data[0]&15 != 8 {
		s += fmt.Sprintf(" method %d", data[0]&15)
	}
	if data[1]&3 != 0 {
		s += fmt.Sprintf(" check %d", data[1]&3)
	}
	return s
}

// bsdCompress writes version and the size of codes of RFC 1977 section 3.
func bsdCompress(data []byte) any {
	return fmt.Sprintf("version %d bits %d", data[0]>>5, data[0]&31)
}

// stac writes the number of histories and the check mode of RFC 1974 section 3.
func stac(data []byte) any {
	if len(data) != 3 {
		return Octets(data) // older proprietary forms
	}
	return fmt.Sprintf("histories %d check %d", binary.BigEndian.Uint16(data), data[2])
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
func mppe(data []byte) any {
	return bitNames(binary.BigEndian.Uint32(data), []bitName{
		{mppe40, "+40"}, {mppe56, "+56"}, {mppe128, "+128"},
		{mppeStateless, " stateless"}, {mppeMPPC, " mppc"}, {mppeObsolete, " obsolete"},
	}, " 0x%08x")
}

// ecpOptions are ECP's options (RFC 1968, 2419, 2420).
var ecpOptions = options{
	0: {"oui", sized(4, maxData, vendorOption)},
	1: {"dese", octets},
	2: {"3dese", octets},
	3: {"dese-bis", octets},
}
