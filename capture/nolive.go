//go:build (!cgo || gofuzz) && !linux

package capture

import "errors"

// hasAny: there is no interface that stands for all.
const hasAny = false

const withoutLibpcap = "no live capture"

var errNoLive = errors.New("this build can't capture: it has no libpcap (on Windows, Npcap); " +
	"capture with Wireshark or dumpcap, and read that with l2tpdump decrypt")

// Live is a Source over a network interface; there is none without libpcap.
type Live struct{ Source }

// OpenLive fails.
func OpenLive(LiveConfig) (*Live, error) { return nil, errNoLive }

// LiveLinkTypes fails.
func LiveLinkTypes(LiveConfig) ([]LiveLinkType, error) { return nil, errNoLive }

// Stats fails.
func (*Live) Stats() (LiveStats, error) { return LiveStats{}, errNoLive }
