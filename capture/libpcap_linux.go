//go:build cgo && !gofuzz

package capture

// #cgo LDFLAGS: -lpcap
// #include <pcap.h>
import "C"

import (
	"reflect"
	"unsafe"

	"github.com/google/gopacket/pcap"
)

// setLinkType has frames come as those of that link type. gopacket's own SetLinkType has 8 bits for
// it, which LINUX_SLL2 does not fit.
func setLinkType(h *pcap.Handle, dlt int) error {
	handle := (*C.pcap_t)(unsafe.Pointer(reflect.ValueOf(h).Elem().FieldByName("cptr").Pointer()))
	if C.pcap_set_datalink(handle, C.int(dlt)) < 0 {
		return h.Error()
	}
	return nil
}
