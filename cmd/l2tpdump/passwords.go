package main

import (
	"os"

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
