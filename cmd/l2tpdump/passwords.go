package main

import (
	"context"
	"fmt"
	"os"
	"slices"

	"l2tpdump/l2tp/ppp"
)

// passwords reads the file of --ppp-secrets, nil if there is none.
func (o *options) passwords(ctx context.Context) (*ppp.Secrets, error) {
	if o.secrets == "" {
		return nil, nil
	}
	defer exitAt(ctx)()
	defer tellWaiting(o.secrets)()
	if err := refuseDevice(o.secrets); err != nil {
		return nil, err
	}
	f, err := os.Open(o.secrets)
	if err != nil {
		return nil, explainFile(err)
	}
	defer f.Close()
	return ppp.ReadSecrets(f, o.secrets)
}

// pppProblems says of each user whose packets PPP encrypts or compresses and could not be read, or
// whose password is wrong, what is to be done. file is that of --ppp-secrets, or "".
func pppProblems(findings map[ppp.Finding]uint64, file string) []string {
	var lines []string
	for f, n := range findings {
		line := "PPP"
		if f.User != "" {
			line += " user " + quote(f.User)
		}
		switch f.State {
		case ppp.NoKey:
			line += ": " + plural(n, "frame") + " encrypted and not decrypted: " + passwordReason(f, file)
		case ppp.Unknown:
			line += ": " + plural(n, "frame") + " not expanded: " + unknownReason(f)
		default:
			encrypted := f
			encrypted.State, encrypted.Compression = ppp.NoKey, "mppe"
			if _, said := findings[encrypted]; said {
				continue
			}
			line += ": " + passwordReason(f, file)
		}
		lines = append(lines, line)
	}
	slices.Sort(lines)
	return lines
}

func passwordReason(f ppp.Finding, file string) string {
	switch {
	case f.Proof == ppp.ProofNone:
		return "how the user logged in with MS-CHAP is not in the capture: capture from the start of the connection"
	case f.Proof == ppp.ProofWrong:
		return fmt.Sprintf("wrong password (%s): the response in the traffic was made with another", f.Place)
	case f.Proof == ppp.ProofRight:
		return fmt.Sprintf("the password is right (%s), but no key of this kind follows from it", f.Place)
	case file == "":
		return "the password is needed: name a file with --ppp-secrets"
	}
	return file + " has no password of this user"
}

func unknownReason(f ppp.Finding) string {
	if f.Compression != "" {
		return "compressed with " + f.Compression + ", which can't be expanded"
	}
	return "with what they are compressed or encrypted is not in the capture: capture from the start of the connection"
}
