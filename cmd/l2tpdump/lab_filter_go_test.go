//go:build !cgo && linux

package main

import (
	"testing"

	"l2tpdump/capture"
)

// passes reports whether the default filter takes a frame.
func passes(_ *testing.T, p *capture.Packet) bool {
	var frame capture.Frame
	return frame.Decode(capture.Ethernet, p.Data) != nil || capture.Wanted(&frame)
}
