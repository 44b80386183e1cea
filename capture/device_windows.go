package capture

import (
	"errors"
	"unsafe"

	"golang.org/x/sys/windows"
)

// deviceName is what Npcap calls the interface that everybody else knows by the name that Windows
// shows, as in "Ethernet".
func deviceName(name string) string {
	size := uint32(15 << 10) // as Microsoft recommends
	for range 3 {            // adapters may come meanwhile
		buffer := make([]byte, size)
		first := (*windows.IpAdapterAddresses)(unsafe.Pointer(unsafe.SliceData(buffer)))
		err := windows.GetAdaptersAddresses(windows.AF_UNSPEC, 0, 0, first, &size)
		if errors.Is(err, windows.ERROR_BUFFER_OVERFLOW) {
			continue
		}
		for a := first; err == nil && a != nil; a = a.Next {
			if windows.UTF16PtrToString(a.FriendlyName) == name {
				return `\Device\NPF_` + windows.BytePtrToString(a.AdapterName)
			}
		}
		break
	}
	return name
}
