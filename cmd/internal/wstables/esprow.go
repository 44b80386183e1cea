package wstables

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"l2tpdump/esp"
	"l2tpdump/keysrc"
)

// appendESPRow appends a row of esp_sa with its line end: 8 columns, which every version of
// Wireshark reads, or 10 for extended sequence numbers. An error says why the secret can't be
// spelt; nothing is appended then. Of an authentication key whose head alone is known only the
// length of the ICV is written ("no checking"). Addresses that are not known, or known in part in a
// way that Wireshark does not read, are "*"; the caller fills them in. Wireshark takes the first
// row that matches.
func appendESPRow(dst []byte, s *esp.Secret) ([]byte, error) {
	if err := checkESPRow(s); err != nil {
		return dst, err
	}
	cipher, auth, _ := wiresharkSuite(s)
	return appendRow(dst, s, cipher, auth, s.Suite.ESN), nil
}

// checkESPRow is the error of appendESPRow.
func checkESPRow(s *esp.Secret) error {
	if _, _, err := wiresharkSuite(s); err != nil {
		return err
	}
	if spiText(s) == "" {
		return errPartOfSPI
	}
	return nil
}

var errPartOfSPI = errors.New("the SPI is known in part only")

// AppendESPSecret appends the row of an SA as the data of a pcapng Decryption Secrets Block of type
// ESPS holds it, in 10 columns. Its cipher and its SPI are known. Algorithms that Wireshark has no
// name for go by the names of this program, which reads them again; such a row is to be a block of
// its own, so that Wireshark refuses no other for it.
func AppendESPSecret(dst []byte, s *esp.Secret) []byte {
	cipher, auth, err := wiresharkSuite(s)
	if err != nil {
		cipher, auth = s.Suite.Cipher.Name, "none"
		if s.Suite.Cipher.AEAD {
			cipher += "-" + strconv.Itoa(s.Suite.ICVLen)
		} else if a := s.Suite.Auth; a != nil && a.Checked && s.AuthKey.IsZero() {
			auth = fmt.Sprintf("ANY %d bit authentication [no checking]", 8*a.ICVLen)
		} else if a != nil {
			auth = a.Name
		}
	}
	return appendRow(dst, s, cipher, auth, true)
}

func appendRow(dst []byte, s *esp.Secret, cipher, auth string, wide bool) []byte {
	src, dstAddr := tableAddrText(s.Src), tableAddrText(s.Dst)
	family := "IPv4"
	if strings.Contains(src+dstAddr, ":") {
		family = "IPv6"
	}
	for _, col := range [...]string{family, src, dstAddr, spiText(s), cipher} {
		dst = append(append(append(dst, '"'), col...), '"', ',')
	}
	dst = appendTableKey(dst, s.Key)
	dst = append(append(append(dst, ',', '"'), auth...), '"', ',')
	if s.Suite.Auth != nil && s.Suite.Auth.Checked && !strings.HasPrefix(auth, "ANY ") {
		dst = appendTableKey(dst, s.AuthKey)
	} else {
		dst = append(dst, '"', '"')
	}
	if wide {
		bits := "32-bit"
		if s.Suite.ESN {
			bits = "64-bit"
		}
		dst = append(dst, `,"`+bits+`","`+strconv.FormatUint(uint64(s.SeqHigh), 10)+`"`...)
	}
	return append(dst, '\n')
}

// wiresharkSuite returns the names of both algorithms, or why there is none.
func wiresharkSuite(s *esp.Secret) (cipher, auth string, err error) {
	c, a := s.Suite.Cipher, s.Suite.Auth
	if c == nil {
		return "", "", errors.New("the cipher is not known: the capture names it, if it is given too")
	}
	if s.KeyHead && s.Suite.KeyLen != 0 && s.Key.Len() < s.Suite.KeyLen+c.SaltLen {
		return "", "", fmt.Errorf("only the first %d of %d bytes of the key are known", s.Key.Len(),
			s.Suite.KeyLen+c.SaltLen)
	}
	if s.KeyHead && s.Suite.KeyLen == 0 {
		return "", "", fmt.Errorf("only the first %d bytes of the key may be known", s.Key.Len())
	}
	if n := s.Key.Len() - c.SaltLen; !c.KeyLenOK(n) && c.Name != "null" {
		return "", "", fmt.Errorf("%s takes no key of %d bytes", c.Name, s.Key.Len())
	}
	if cipher = keysrc.WiresharkCipher(s.Suite); cipher == "" {
		if c.Name == "aes-gcm" && s.Suite.ICVLen == 0 {
			return "", "", fmt.Errorf("the length of the ICV of %s is not known", c.Name)
		}
		return "", "", fmt.Errorf("%s has no name in Wireshark's table", s.Suite.CipherName())
	}
	switch {
	case c.AEAD:
		return cipher, "NULL", nil
	case a == nil:
		return cipher, "ANY 96 bit authentication [no checking]", nil
	case a.Checked && (s.AuthKeyHead || s.AuthKey.Len() != a.KeyLen || keysrc.WiresharkAuth(a) == ""):
		a = esp.AuthByName("any-" + strconv.Itoa(8*a.ICVLen))
	}
	if a == nil || keysrc.WiresharkAuth(a) == "" {
		return "", "", fmt.Errorf("%s has no name in Wireshark's table", s.Suite.AuthName())
	}
	return cipher, keysrc.WiresharkAuth(a), nil
}

func appendTableKey(dst []byte, k esp.Key) []byte {
	dst = append(dst, '"')
	if !k.IsZero() {
		dst = hex.AppendEncode(append(dst, "0x"...), k.Bytes())
	}
	return append(dst, '"')
}

// tableAddrText returns the pattern as Wireshark reads it: whole addresses, and "*".
func tableAddrText(p esp.AddrPattern) string {
	t := p.String()
	if p.IsAny() || strings.Contains(t, "/") || strings.Contains(t, ":") && strings.Contains(t, "*") {
		return "*"
	}
	return t
}

// spiText returns the SPI with "*" for digits that are not known, "" if a digit is known in
// part.
func spiText(s *esp.Secret) string {
	if s.SPIMask == 0 {
		return "*"
	}
	t := fmt.Appendf(nil, "0x%08x", s.SPI)
	for i := 0; i < 8; i++ {
		switch s.SPIMask >> (28 - 4*i) & 0xf {
		case 0xf:
		case 0:
			t[2+i] = '*'
		default:
			return ""
		}
	}
	return string(t)
}
