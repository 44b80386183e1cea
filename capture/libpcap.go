//go:build cgo && !gofuzz

package capture

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/google/gopacket"
	"github.com/google/gopacket/pcap"

	"l2tpdump/capture/filter"
)

// This file, and libpcap_linux.go for what gopacket can't do, are the only ones that reach libpcap:
// live capture and the compiler of filters.

// LibraryVersion names the libpcap in use.
func LibraryVersion() string { return pcap.Version() }

// Filter is a compiled filter in tcpdump's language.
type Filter struct {
	bpf *pcap.BPF
	own *filter.Filter // where libpcap could not be asked
}

// NewFilter compiles expr for frames of that link type.
func NewFilter(lt LinkType, expr string) (*Filter, error) {
	own, ownErr := filter.New(filter.LinkType(lt), expr)
	h, err := openDead(lt)
	if err != nil { // no folder for temporary files, or a link type that this libpcap does not know
		if ownErr != nil {
			return nil, filterError(lt, ownErr, ownErr)
		}
		return &Filter{own: own}, nil
	}
	defer h.Close()
	bpf, err := h.NewBPF(expr)
	switch {
	case err == nil && !errors.Is(ownErr, filter.ErrNever):
		return &Filter{bpf: bpf}, nil
	case ownErr == nil && strings.Contains(err.Error(), "netmask not known"): // "ip broadcast", which tcpdump -r knows
		return &Filter{own: own}, nil
	}
	return nil, filterError(lt, err, ownErr)
}

// filterError says what is wrong with a filter: what libpcap says, which does not say where, or
// what package filter does, which sees more filters that no frame can match.
func filterError(lt LinkType, err, own error) error {
	var placed *filter.Error
	if errors.Is(own, filter.ErrNever) || errors.As(own, &placed) && placed.Own() {
		err = own
	}
	return fmt.Errorf("filter for %v frames: %w", lt, err)
}

// Match reports whether the frame passes; length is its length on the wire.
func (f *Filter) Match(data []byte, length int) bool {
	switch {
	case f.own != nil:
		return f.own.Match(data, length)
	case len(data) == 0:
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
	w := NewPcapWriter(file, false)
	_, err = w.AddInterface(Interface{LinkType: lt})
	if err = errors.Join(err, w.Flush(), file.Close()); err != nil {
		return nil, err
	}
	return pcap.OpenOffline(file.Name())
}

// errNoLive: this build captures.
var errNoLive error

// hasAny: the interface any.
const hasAny = runtime.GOOS == "linux"

// Live is a Source over a network interface. Stats may be called while Next waits; nothing else may
// be concurrent.
type Live struct {
	handle     *pcap.Handle
	interfaces []Interface

	mu     sync.Mutex // over what follows
	closed bool
	last   pcap.Stats // libpcap's counters, which have 32 bits
	stats  LiveStats
}

// OpenLive starts to capture.
func OpenLive(c LiveConfig) (*Live, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	h, err := activate(&c)
	if err != nil {
		return nil, err
	}
	if err := prepare(h, &c); err != nil {
		h.Close()
		return nil, err
	}
	lt := linkTypeOf(h)
	expr := c.Filter
	if expr == "" && !c.All {
		expr = DefaultFilter(lt)
	}
	if expr != "" {
		_, own := filter.New(filter.LinkType(lt), expr)
		if err := h.SetBPFFilter(expr); err != nil || errors.Is(own, filter.ErrNever) {
			h.Close()
			return nil, filterError(lt, err, own)
		}
	}
	return &Live{handle: h, interfaces: []Interface{{
		LinkType: lt, SnapLen: uint32(c.snapLen()), Name: c.Interface, Resolution: 1e9,
	}}}, nil
}

// prepare sets what can be set once the interface is open.
func prepare(h *pcap.Handle, c *LiveConfig) error {
	switch {
	case c.LinkType != "":
		known, err := linkTypes(h)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(known, func(l LiveLinkType) bool { return strings.EqualFold(l.Name, c.LinkType) })
		if i < 0 {
			return noLinkType(c, known)
		}
		if err := setLinkType(h, pcap.DatalinkNameToVal(known[i].Name)); err != nil {
			return fmt.Errorf("%s: link type %s: %w", c.Interface, c.LinkType, err)
		}
	case c.Interface == Any:
		_ = setLinkType(h, int(LinuxSLL2)) // an older libpcap has LinuxSLL only, which does not tell the interface
	}
	if c.Direction == DirectionUnknown {
		return nil
	}
	direction := pcap.DirectionIn
	if c.Direction == DirectionOut {
		direction = pcap.DirectionOut
	}
	if err := h.SetDirection(direction); err != nil {
		return fmt.Errorf("%s: direction: %w", c.Interface, err)
	}
	return nil
}

// LiveLinkTypes lists the link types that an interface can be captured as.
func LiveLinkTypes(c LiveConfig) ([]LiveLinkType, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	h, err := activate(&c)
	if err != nil {
		return nil, err
	}
	defer h.Close()
	return linkTypes(h)
}

func linkTypes(h *pcap.Handle) (all []LiveLinkType, err error) {
	known, err := h.ListDataLinks()
	for _, k := range known {
		all = append(all, LiveLinkType{k.Name, k.Description})
	}
	return all, err
}

// activate opens the interface. gopacket asks for time stamps in nanoseconds, and makes nanoseconds
// of microseconds where the system has no others; its Resolution says the contrary of which it is.
func activate(c *LiveConfig) (*pcap.Handle, error) {
	inactive, err := pcap.NewInactiveHandle(deviceName(c.Interface))
	if err != nil {
		return nil, err
	}
	defer inactive.CleanUp()
	set := func(what string, e error) {
		if e != nil && err == nil {
			err = fmt.Errorf("%s: %s: %w", c.Interface, what, e)
		}
	}
	set("snap length", inactive.SetSnapLen(c.snapLen()))
	set("promiscuous mode", inactive.SetPromisc(c.Promiscuous && c.Interface != Any))
	set("timeout", inactive.SetTimeout(idleAfter))
	set("buffer size", inactive.SetBufferSize(c.bufferSize()))
	set("immediate mode", inactive.SetImmediateMode(c.Immediate))
	if err != nil {
		return nil, err
	}
	h, err := inactive.Activate()
	if err == nil {
		return h, nil
	}
	switch err.Error() { // gopacket gives numbers of an unexported type
	case "Permission Denied":
		return nil, fmt.Errorf("%s: %w", c.Interface, ErrNotPermitted)
	case "No Such Device":
		return nil, fmt.Errorf("%s: no such interface, or it can't be captured on", c.Interface)
	case "Interface Not Up":
		return nil, fmt.Errorf("%s: the interface is down", c.Interface)
	}
	return nil, fmt.Errorf("%s: %s", c.Interface, strings.ToLower(err.Error()))
}

// linkTypeOf translates the DLT_ value of this platform's libpcap to the LINKTYPE_ value of files.
// gopacket cuts it to 8 bits.
func linkTypeOf(h *pcap.Handle) LinkType {
	switch lt := LinkType(h.LinkType()); lt {
	case LinuxSLL2 & 0xff:
		return LinuxSLL2
	case RawBSD, RawBSD + 2: // DLT_RAW is 14 on OpenBSD
		return Raw
	default:
		return lt
	}
}

// Next implements [Source]. The error is ErrIdle when no packet has come for a short while.
func (l *Live) Next(p *Packet) error {
	data, info, err := l.handle.ZeroCopyReadPacketData()
	switch {
	case err == nil:
	case err == pcap.NextErrorTimeoutExpired:
		return ErrIdle
	case err == pcap.NextErrorReadError:
		text := l.handle.Error().Error()
		first := min(1, len(text))
		return fmt.Errorf("%s: %s", l.interfaces[0].Name, strings.ToLower(text[:first])+text[first:])
	default:
		return fmt.Errorf("%s: %w", l.interfaces[0].Name, err)
	}
	*p = Packet{Time: info.Timestamp.UnixNano(), Length: info.Length, Data: data}
	return nil
}

// Interfaces implements [Source].
func (l *Live) Interfaces() []Interface { return l.interfaces }

// Stats counts the packets so far. libpcap's counters wrap after 2^32 packets: call it at least
// once in that many. After Close it returns what it did last.
func (l *Live) Stats() (LiveStats, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return l.stats, nil
	}
	now, err := l.handle.Stats()
	if err != nil {
		return l.stats, err
	}
	since := func(now, last int) uint64 { return uint64(uint32(now) - uint32(last)) }
	l.stats.Received += since(now.PacketsReceived, l.last.PacketsReceived)
	l.stats.Dropped += since(now.PacketsDropped, l.last.PacketsDropped)
	l.stats.InterfaceDropped += since(now.PacketsIfDropped, l.last.PacketsIfDropped)
	l.last = *now
	return l.stats, nil
}

// Close implements [Source].
func (l *Live) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.closed {
		l.closed = true
		l.handle.Close()
	}
	return nil
}

// describe adds what libpcap knows of the devices.
func describe(devices []Device) {
	known, err := pcap.FindAllDevs()
	if err != nil {
		return
	}
	for _, k := range known {
		for i := range devices {
			if deviceName(devices[i].Name) == k.Name {
				devices[i].Description = k.Description
			}
		}
	}
}
