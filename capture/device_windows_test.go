package capture

import (
	"net"
	"regexp"
	"testing"
)

// TestDeviceName: each interface has its name for Npcap.
func TestDeviceName(t *testing.T) {
	all, err := net.Interfaces()
	if err != nil || len(all) == 0 {
		t.Fatalf("%d interfaces, %v", len(all), err)
	}
	want := regexp.MustCompile(`^\\Device\\NPF_\{[0-9A-Fa-f-]{36}\}$`)
	for _, i := range all {
		if got := deviceName(i.Name); !want.MatchString(got) {
			t.Errorf("%s: %s", i.Name, got)
		}
	}
	if got := deviceName("none"); got != "none" {
		t.Errorf("none: %s", got)
	}
}
