//go:build !unix

package follow

import "os"

func openNoWait(path string) (*os.File, error) { return os.Open(path) }
