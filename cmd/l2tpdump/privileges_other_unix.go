//go:build unix && !linux

package main

// Rights that can be kept apart from root's are Linux's.
const (
	hasCapabilities = false
	capReadFiles    = ""
	capWriteFiles   = ""
)

// addressSpace is not asked for here.
func addressSpace() uint64 { return minAddressSpace }

// forbidDumps has no core dump made of the process, which would hold all keys.
func forbidDumps() error { return limitDumps() }

func holdCapabilities() error { return nil }

func setCapabilities([]string) error { return nil }

func dropCapabilities(*needs) (string, error) { return "", nil }

// confine has no means here.
func confine(needs) ([]string, error) { return nil, nil }
