package main

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"slices"

	"l2tpdump/l2tp/ppp"
)

// passwords reads the file of --ppp-secrets, nil if there is none.
func (o *options) passwords() (*ppp.Secrets, error) {
	if o.secrets == "" {
		return nil, nil
	}
	f, err := os.Open(o.secrets)
	if err != nil {
		return nil, explainFile(err)
	}
	defer f.Close()
	return ppp.ReadSecrets(f, o.secrets)
}

// passwordProblems says of each user whose packets PPP encrypts, or whose password is wrong, what is to be
// done. file is that of --ppp-secrets, or "".
func passwordProblems(findings map[ppp.Finding]uint64, file string) []string {
	keys := slices.SortedFunc(maps.Keys(findings), func(a, b ppp.Finding) int {
		return cmp.Or(cmp.Compare(a.User, b.User), cmp.Compare(a.Proof, b.Proof), cmp.Compare(a.Place, b.Place))
	})
	var lines []string
	for _, f := range keys {
		line := "PPP"
		if f.User != "" {
			line += " user " + quote(f.User)
		}
		if n := findings[f]; n > 0 {
			line += ": " + plural(n, "frame") + " encrypted and not decrypted"
		}
		lines = append(lines, line+": "+passwordReason(f, file))
	}
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
