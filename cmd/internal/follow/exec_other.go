//go:build !unix

package follow

import "errors"

func openExec(string, Options) (Source, error) {
	return nil, errors.New("exec: takes a Unix shell; pipe the command into -k - instead")
}
