//go:build cgo

package capture

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/pcap"
)

// This is the only file that reaches libpcap: live capture and the compiler of filters.

// readTimeout is how long Next of a live source waits before it returns ErrIdle.
const readTimeout = 20 * time.Millisecond

// LibraryVersion names the libpcap in use.
func LibraryVersion() string { return pcap.Version() }

// Filter is a compiled filter in tcpdump's language.
type Filter struct{ bpf *pcap.BPF }

// NewFilter compiles expr for frames of that link type.
func NewFilter(lt LinkType, expr string) (*Filter, error) {
	h, err := openDead(lt)
	if err != nil {
		return nil, err
	}
	defer h.Close()
	bpf, err := h.NewBPF(expr)
	if err != nil {
		return nil, fmt.Errorf("filter for %v frames: %w", lt, err)
	}
	return &Filter{bpf}, nil
}

// Match reports whether the frame passes; length is its length on the wire.
func (f *Filter) Match(data []byte, length int) bool {
	if len(data) == 0 {
		return false
	}
	return f.bpf.Matches(gopacket.CaptureInfo{CaptureLength: len(data), Length: length}, data)
}

// openDead returns a handle for the link type. It is one over an empty file, since gopacket's
// own link types have 8 bits, which LINUX_SLL2 does not fit.
func openDead(lt LinkType) (*pcap.Handle, error) {
	file, err := os.CreateTemp("", "l2tpdump")
	if err != nil {
		return nil, err
	}
	defer os.Remove(file.Name())
	header := make([]byte, 24)
	binary.LittleEndian.PutUint32(header, 0xa1b2c3d4)
	header[4], header[6] = 2, 4
	binary.LittleEndian.PutUint32(header[16:], MaxPacketLen)
	binary.LittleEndian.PutUint32(header[20:], uint32(lt))
	_, err = file.Write(header)
	if e := file.Close(); err == nil {
		err = e
	}
	if err != nil {
		return nil, err
	}
	return pcap.OpenOffline(file.Name())
}

// Live is a Source over a network interface.
type Live struct {
	handle     *pcap.Handle
	interfaces []Interface
}

// OpenLive starts to capture.
func OpenLive(c LiveConfig) (*Live, error) {
	inactive, err := pcap.NewInactiveHandle(c.Interface)
	if err != nil {
		return nil, err
	}
	defer inactive.CleanUp()
	set := func(what string, e error) {
		if e != nil && err == nil {
			err = fmt.Errorf("%s: %s: %w", c.Interface, what, e)
		}
	}
	set("snap length", inactive.SetSnapLen(c.SnapLen))
	set("promiscuous mode", inactive.SetPromisc(c.Promiscuous))
	set("timeout", inactive.SetTimeout(readTimeout))
	if c.BufferSize > 0 {
		set("buffer size", inactive.SetBufferSize(c.BufferSize))
	}
	set("immediate mode", inactive.SetImmediateMode(true))
	if err != nil {
		return nil, err
	}
	h, err := inactive.Activate()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.Interface, err)
	}
	if c.Filter != "" {
		if err := h.SetBPFFilter(c.Filter); err != nil {
			h.Close()
			return nil, fmt.Errorf("filter %q: %w", c.Filter, err)
		}
	}
	return &Live{h, []Interface{{LinkType: linkTypeOf(h), SnapLen: uint32(c.SnapLen), Name: c.Interface, Resolution: 1e9}}}, nil
}

// linkTypeOf translates the DLT_ value of this platform's libpcap. gopacket cuts it to 8 bits.
func linkTypeOf(h *pcap.Handle) LinkType {
	lt := LinkType(h.LinkType())
	if lt == LinkType(LinuxSLL2&0xff) {
		return LinuxSLL2
	}
	return lt
}

// Next implements [Source]. The error is ErrIdle when no packet has come for a short while.
func (l *Live) Next(p *Packet) error {
	data, info, err := l.handle.ZeroCopyReadPacketData()
	switch {
	case err == nil:
	case errors.Is(err, pcap.NextErrorTimeoutExpired):
		return ErrIdle
	case err == pcap.NextErrorReadError:
		return fmt.Errorf("%s: %w", l.interfaces[0].Name, l.handle.Error())
	default:
		return fmt.Errorf("%s: %w", l.interfaces[0].Name, err)
	}
	*p = Packet{Time: info.Timestamp.UnixNano(), Length: info.Length, Data: data}
	return nil
}

// Interfaces implements [Source].
func (l *Live) Interfaces() []Interface { return l.interfaces }

// Stats returns how many packets the kernel passed and how many it dropped.
func (l *Live) Stats() (LiveStats, error) {
	s, err := l.handle.Stats()
	if err != nil {
		return LiveStats{}, err
	}
	return LiveStats{Received: s.PacketsReceived, Dropped: s.PacketsDropped, InterfaceDropped: s.PacketsIfDropped}, nil
}

// Close implements [Source].
func (l *Live) Close() error {
	l.handle.Close()
	return nil
}

// Devices lists the interfaces that can be captured on.
func Devices() ([]Device, error) {
	list, err := pcap.FindAllDevs()
	if err != nil {
		return nil, err
	}
	var devices []Device
	for _, d := range list {
		device := Device{Name: d.Name, Description: d.Description}
		for _, a := range d.Addresses {
			device.Addresses = append(device.Addresses, a.IP.String())
		}
		devices = append(devices, device)
	}
	return devices, nil
}
