//go:build unix && !linux

package main

// The rights that only Linux can tell apart.
const (
	capReadFiles  = ""
	capWriteFiles = ""
)

// stayRoot can't give up anything here.
func stayRoot(_ *identity, _ []string, why string, _ needs) (string, error) {
	if why != "" {
		return "running as root (" + why + "; -Z USER runs as USER)", nil
	}
	return "running as root", nil
}

// confine has no means here.
func confine(needs) ([]string, error) { return nil, nil }
