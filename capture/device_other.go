//go:build cgo && !gofuzz && !windows

package capture

// deviceName is what libpcap calls an interface.
func deviceName(name string) string { return name }
