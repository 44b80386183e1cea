//go:build cgo && !gofuzz && !linux

package capture

import (
	"github.com/google/gopacket/layers"
	"github.com/google/gopacket/pcap"
)

// setLinkType has frames come as those of that link type.
func setLinkType(h *pcap.Handle, dlt int) error { return h.SetLinkType(layers.LinkType(dlt)) }
