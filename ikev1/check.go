package ikev1

import "fmt"

// Sizes of a nonce in bytes (RFC 2409 section 5).
const (
	minNonce = 8
	maxNonce = 256
)

// isHashLen says that n bytes is the length of a hash that phase 1 can agree on.
func isHashLen(n int) bool {
	switch n {
	case 16, 20, 24, 32, 48, 64:
		return true
	}
	return false
}

// Check parses the body of the payload and returns what is wrong with it, nil
// when it is well formed. Payloads whose inside this package doesn't know pass.
// Together with Chain.Exact it tells a message from random bytes.
func (p *Payload) Check() error {
	var err error
	n := len(p.Body)
	switch {
	case p.IsNATD():
		if !isHashLen(n) {
			err = p.lengthError()
		}
	case p.IsNATOA():
		_, err = ParseNATOA(p.Body)
	default:
		switch p.Type {
		case PayloadSA:
			_, err = ParseSA(p.Body)
		case PayloadKE, PayloadSignature:
			if n == 0 {
				err = p.lengthError()
			}
		case PayloadID:
			_, err = ParseID(p.Body)
		case PayloadCert, PayloadCertRequest:
			_, err = ParseCertificate(p.Body)
		case PayloadHash:
			if !isHashLen(n) {
				err = p.lengthError()
			}
		case PayloadNonce:
			if n < minNonce || n > maxNonce {
				err = p.lengthError()
			}
		case PayloadNotify:
			_, err = ParseNotification(p.Body)
		case PayloadDelete:
			_, err = ParseDelete(p.Body)
		case PayloadConfig:
			_, err = ParseConfig(p.Body)
		case PayloadFragment:
			_, err = ParseFragment(p.Body)
		}
	}
	return err
}

func (p *Payload) lengthError() error {
	return fmt.Errorf("ikev1: %s payload with a body of %d bytes: %w", p.Name(), len(p.Body), ErrMalformed)
}

// Check checks the body of every payload; see Payload.Check.
func (c *Chain) Check() error {
	for i := range c.Payloads {
		if err := c.Payloads[i].Check(); err != nil {
			return err
		}
	}
	return nil
}
