package ikev1

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"strconv"
	"strings"

	"l2tpdump/l2tp/printable"
)

// certEncoding is the encoding of a certificate (RFC 2408 section 3.9).
type certEncoding uint8

// certX509Signature is the encoding of an X.509 certificate for signatures.
const certX509Signature certEncoding = 4

// String returns the name of the encoding, such as "x509", or "encoding 99".
func (e certEncoding) String() string { return nameOf(certEncodings, "encoding", uint8(e)) }

// certificate is the body of a Certificate or Certificate Request payload (RFC 2408 sections 3.9
// and 3.10). In a request the data is the name of an acceptable authority, or nothing.
type certificate struct {
	Encoding certEncoding
	Data     []byte // part of the body parsed
}

// parseCertificate reads the body of a Certificate or Certificate Request payload, not its data.
func parseCertificate(body []byte) (certificate, error) {
	if len(body) < 1 {
		return certificate{}, malformedf("certificate payload without encoding")
	}
	return certificate{Encoding: certEncoding(body[0]), Data: body[1:]}, nil
}

// text returns the subject, or all that matters of a certificate.
func (c *certificate) text(d detail) string {
	cert := c.x509()
	switch {
	case cert == nil && !d.full:
		return c.Encoding.String()
	case !d.full:
		return c.Encoding.String() + " " + shownName(distinguishedName(cert.RawSubject))
	case cert == nil:
		return fmt.Sprintf("%s, %d bytes", c.Encoding, len(c.Data))
	}
	return fmt.Sprintf("%s, subject %s, issuer %s, serial %s, valid %s to %s, %s, %d bytes", c.Encoding,
		shownName(distinguishedName(cert.RawSubject)), shownName(distinguishedName(cert.RawIssuer)),
		shown([]byte(cert.SerialNumber.Text(16))), cert.NotBefore.UTC().Format("2006-01-02"),
		cert.NotAfter.UTC().Format("2006-01-02"), cert.PublicKeyAlgorithm, len(c.Data))
}

// certRequest is the body of a Certificate Request payload.
type certRequest certificate

// text returns the name that is asked for, in quotes where it can be read.
func (c *certRequest) text(d detail) string {
	name := distinguishedName(c.Data)
	switch {
	case name != "" && !d.full:
		return joinWords(c.Encoding.String(), shownName(name))
	case !d.full:
		return c.Encoding.String()
	case name != "":
		return c.Encoding.String() + ", authority " + shownName(name)
	case len(c.Data) == 0:
		return c.Encoding.String() + ", any authority"
	}
	return fmt.Sprintf("%s, %d bytes", c.Encoding, len(c.Data))
}

// x509 parses the certificate; nil where it is none or is damaged.
func (c *certificate) x509() *x509.Certificate {
	if c.Encoding != certX509Signature && c.Encoding != 5 {
		return nil
	}
	cert, err := x509.ParseCertificate(c.Data)
	if err != nil {
		return nil
	}
	return cert
}

// nameTypes has the short names of RFC 4514 and of e-mail addresses.
var nameTypes = map[string]string{
	"2.5.4.3": "CN", "2.5.4.4": "SN", "2.5.4.5": "SERIALNUMBER", "2.5.4.6": "C", "2.5.4.7": "L",
	"2.5.4.8": "ST", "2.5.4.9": "STREET", "2.5.4.10": "O", "2.5.4.11": "OU", "2.5.4.42": "GN",
	"0.9.2342.19200300.100.1.1": "UID", "0.9.2342.19200300.100.1.25": "DC",
	"1.2.840.113549.1.9.1": "E",
}

// nameEscapes are the characters that RFC 4514 section 2.4 escapes everywhere.
var nameEscapes = strings.NewReplacer(`\`, `\\`, ",", `\,`, "+", `\+`, `"`, `\"`, "<", `\<`, ">", `\>`, ";", `\;`)

// distinguishedName returns a DER-encoded name as RFC 4514 writes it; "" where it is none.
func distinguishedName(der []byte) printable.Text {
	var rdn pkix.RDNSequence
	if rest, err := asn1.Unmarshal(der, &rdn); err != nil || len(rest) > 0 {
		return ""
	}
	var b strings.Builder
	for i := len(rdn) - 1; i >= 0; i-- {
		for j, a := range rdn[i] {
			switch {
			case j > 0:
				b.WriteByte('+')
			case b.Len() > 0:
				b.WriteByte(',')
			}
			name, ok := nameTypes[a.Type.String()]
			if !ok {
				name = a.Type.String()
			}
			b.WriteString(name + "=" + nameEscapes.Replace(fmt.Sprint(a.Value)))
		}
	}
	return printable.Text(b.String())
}

// maxName is how many bytes of a distinguished name are shown.
const maxName = 400

// shownName is a distinguished name in quotes, fit for a line; a long one is cut.
func shownName(name printable.Text) string {
	if cut := name.Cut(maxName); cut != name {
		return strconv.QuoteToASCII(string(cut)) + "..."
	}
	return strconv.QuoteToASCII(string(name))
}
