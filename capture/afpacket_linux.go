//go:build !cgo || gofuzz

package capture

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// errNoLive: this build captures.
var errNoLive error

// hasAny: a packet socket that is bound to no interface gets the packets of all.
const hasAny = true

const withoutLibpcap = "live capture by AF_PACKET"

// Live is a Source over a network interface, by a packet socket (packet(7)). Its filter is applied
// to what the kernel hands over.
type Live struct {
	fd         int
	interfaces []Interface
	index      int       // of the interface
	filter     *Filter   // nil: all frames
	direction  Direction // of the frames to take; DirectionUnknown: both
	downSince  time.Time // the interface is down; zero if it is not, as far as is known
	room       int       // in front of a packet, for what is put there
	data       []byte    // of a packet, behind that room
	control    []byte

	mu     sync.Mutex // over what follows
	closed bool
	stats  LiveStats
}

// What is put in front of a packet, in bytes: a VLAN tag that the kernel took out, or the cooked
// header of a packet of any interface.
const (
	vlanTagLen   = 4
	cookedHeader = 20
)

// OpenLive starts to capture.
func OpenLive(c LiveConfig) (*Live, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	lt, err := socketLinkType(c.Interface)
	if err != nil {
		return nil, err
	}
	if known := linkTypesOf(lt); c.LinkType != "" && !strings.EqualFold(c.LinkType, known[0].Name) {
		return nil, noLinkType(&c, known)
	}
	var filter *Filter
	if !c.All {
		if filter, err = NewFilter(lt, cmp.Or(c.Filter, DefaultFilter(lt))); err != nil {
			return nil, err
		}
	}
	fd, index, err := openSocket(&c)
	if errors.Is(err, unix.EPERM) {
		err = ErrNotPermitted
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.Interface, err)
	}
	room := vlanTagLen
	if lt == LinuxSLL2 {
		room = cookedHeader
	}
	return &Live{
		fd: fd, index: index, filter: filter, direction: c.Direction,
		interfaces: []Interface{{LinkType: lt, SnapLen: uint32(c.snapLen()), Name: c.Interface, Resolution: 1e9}},
		room:       room,
		data:       make([]byte, room+c.snapLen()),
		control:    make([]byte, 256),
	}, nil
}

// LiveLinkTypes lists the link types that an interface can be captured as.
func LiveLinkTypes(c LiveConfig) ([]LiveLinkType, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	lt, err := socketLinkType(c.Interface)
	return linkTypesOf(lt), err
}

// linkTypesOf is the one that there is, by its name in libpcap.
func linkTypesOf(lt LinkType) []LiveLinkType {
	switch lt {
	case Ethernet:
		return []LiveLinkType{{"EN10MB", "Ethernet"}}
	case LinuxSLL2:
		return []LiveLinkType{{"LINUX_SLL2", "Linux cooked v2"}}
	}
	return []LiveLinkType{{lt.String(), "no link header"}}
}

// openSocket returns a socket that gets the packets of the interface, and of no other; of any
// without their link headers.
func openSocket(c *LiveConfig) (fd, index int, err error) {
	kind := unix.SOCK_RAW
	if c.Interface == Any {
		kind = unix.SOCK_DGRAM
	} else {
		i, err := net.InterfaceByName(c.Interface)
		if err != nil {
			return -1, 0, err
		}
		index = i.Index
	}
	// Without a protocol it gets nothing until it is bound.
	fd, err = unix.Socket(unix.AF_PACKET, kind|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return -1, 0, err
	}
	set := func(e error) {
		if err == nil {
			err = e
		}
	}
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, c.bufferSize()) != nil {
		set(unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, c.bufferSize()))
	}
	set(unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1))
	set(unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_AUXDATA, 1))
	if c.Promiscuous && index != 0 {
		set(unix.SetsockoptPacketMreq(fd, unix.SOL_PACKET, unix.PACKET_ADD_MEMBERSHIP,
			&unix.PacketMreq{Ifindex: int32(index), Type: unix.PACKET_MR_PROMISC}))
	}
	const all = unix.ETH_P_ALL<<8&0xff00 | unix.ETH_P_ALL>>8 // in network order
	set(unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: all, Ifindex: index}))
	if err != nil {
		unix.Close(fd)
		return -1, 0, err
	}
	return fd, index, nil
}

// socketLinkType is what frames of the interface look like on a packet socket.
func socketLinkType(name string) (LinkType, error) {
	if name == Any {
		return LinuxSLL2, nil
	}
	text, err := os.ReadFile("/sys/class/net/" + name + "/type")
	if err != nil {
		return Ethernet, nil
	}
	switch hardware, _ := strconv.Atoi(strings.TrimSpace(string(text))); hardware {
	case syscall.ARPHRD_ETHER, syscall.ARPHRD_LOOPBACK:
		return Ethernet, nil
	case 0xfffe, syscall.ARPHRD_PPP, syscall.ARPHRD_TUNNEL, syscall.ARPHRD_TUNNEL6, syscall.ARPHRD_SIT,
		syscall.ARPHRD_IPGRE:
		return Raw, nil // no link header
	default:
		return 0, fmt.Errorf("%s: this build has no libpcap, which this kind of interface (%d) needs", name, hardware)
	}
}

// Next implements [Source]. The error is ErrIdle when no packet has come for a short while.
func (l *Live) Next(p *Packet) error {
	for start := time.Now(); ; {
		// With MSG_TRUNC n is the length on the wire.
		n, controlLen, _, from, err := unix.Recvmsg(l.fd, l.data[l.room:], l.control, unix.MSG_TRUNC)
		switch {
		case err == unix.EAGAIN:
			fds := []unix.PollFd{{Fd: int32(l.fd), Events: unix.POLLIN}}
			if ready, err := unix.Poll(fds, int(idleAfter/time.Millisecond)); ready == 0 || err != nil {
				return l.idle()
			}
			continue
		case err == unix.EINTR:
			continue
		case err == unix.ENETDOWN:
			l.downSince = time.Now()
			return ErrIdle
		case err != nil:
			return fmt.Errorf("%s: %w", l.interfaces[0].Name, err)
		}
		l.downSince = time.Time{}
		got := l.data[l.room:]
		*p = Packet{Time: time.Now().UnixNano(), Length: n, Data: got[:min(n, len(got))]}
		l.takeControl(p, l.control[:controlLen])
		a, ok := from.(*unix.SockaddrLinklayer)
		if ok && l.index == 0 {
			l.cook(p, a)
		}
		if !ok || !l.goes(a) || l.filter != nil && !l.filter.Match(p.Data, p.Length) {
			if time.Since(start) > idleAfter {
				return ErrIdle
			}
			continue
		}
		l.mu.Lock()
		l.stats.Received++
		l.mu.Unlock()
		return nil
	}
}

// goes reports whether a packet is of the wanted direction. What goes out through the loopback
// interface comes in again.
func (l *Live) goes(a *unix.SockaddrLinklayer) bool {
	if a.Hatype == unix.ARPHRD_LOOPBACK && a.Pkttype == unix.PACKET_OUTGOING {
		return false
	}
	return l.direction == DirectionUnknown || (a.Pkttype == unix.PACKET_OUTGOING) == (l.direction == DirectionOut)
}

// cook puts the header of LINUX_SLL2 in front of a packet.
func (l *Live) cook(p *Packet, a *unix.SockaddrLinklayer) {
	h := l.data[:cookedHeader]
	clear(h)
	binary.NativeEndian.PutUint16(h, a.Protocol) // which is in network order
	binary.BigEndian.PutUint32(h[4:], uint32(a.Ifindex))
	binary.BigEndian.PutUint16(h[8:], a.Hatype)
	h[10], h[11] = a.Pkttype, a.Halen
	copy(h[12:], a.Addr[:])
	p.Data, p.Length = l.data[:cookedHeader+len(p.Data)], p.Length+cookedHeader
}

// idle is what Next returns when nothing has come: ErrIdle, unless an interface that went down is
// gone. The kernel does not tell these two apart, and hands packets over again when it is up.
func (l *Live) idle() error {
	const checkEvery = 200 * time.Millisecond
	if l.index == 0 || l.downSince.IsZero() || time.Since(l.downSince) < checkEvery {
		return ErrIdle
	}
	i, err := net.InterfaceByIndex(l.index)
	if err != nil {
		return fmt.Errorf("%s: the interface disappeared", l.interfaces[0].Name)
	}
	if l.downSince = time.Now(); i.Flags&net.FlagUp != 0 {
		l.downSince = time.Time{}
	}
	return ErrIdle
}

// takeControl takes the time of a packet, and its VLAN tag, which it puts back.
func (l *Live) takeControl(p *Packet, control []byte) {
	messages, err := unix.ParseSocketControlMessage(control)
	if err != nil {
		return
	}
	timeStamp := [2]int32{unix.SOL_SOCKET, unix.SCM_TIMESTAMPNS}
	vlanTag := [2]int32{unix.SOL_PACKET, unix.PACKET_AUXDATA}
	for _, m := range messages {
		kind, size := [2]int32{m.Header.Level, m.Header.Type}, len(m.Data)
		switch {
		case kind == timeStamp && size >= int(unsafe.Sizeof(unix.Timespec{})):
			p.Time = (*unix.Timespec)(unsafe.Pointer(&m.Data[0])).Nano()
		case kind == vlanTag && size >= int(unsafe.Sizeof(unix.TpacketAuxdata{})):
			aux := (*unix.TpacketAuxdata)(unsafe.Pointer(&m.Data[0]))
			if aux.Status&unix.TP_STATUS_VLAN_VALID == 0 || len(p.Data) < 12 || l.index == 0 {
				continue
			}
			tpid := uint16(0x8100)
			if aux.Status&unix.TP_STATUS_VLAN_TPID_VALID != 0 {
				tpid = aux.Vlan_tpid
			}
			data := l.data[:vlanTagLen+len(p.Data)]
			copy(data, data[vlanTagLen:vlanTagLen+12]) // the addresses
			binary.BigEndian.PutUint16(data[12:], tpid)
			binary.BigEndian.PutUint16(data[14:], aux.Vlan_tci)
			p.Data, p.Length = data[:min(len(data), len(l.data)-vlanTagLen)], p.Length+vlanTagLen
		}
	}
}

// Interfaces implements [Source].
func (l *Live) Interfaces() []Interface { return l.interfaces }

// Stats counts the packets so far. Received are those that passed the filter, dropped ones
// included, of which it is not known whether they would have.
func (l *Live) Stats() (LiveStats, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.closed {
		// The kernel counts from the last call on.
		s, err := unix.GetsockoptTpacketStats(l.fd, unix.SOL_PACKET, unix.PACKET_STATISTICS)
		if err != nil {
			return l.stats, err
		}
		l.stats.Dropped += uint64(s.Drops)
		l.stats.Received += uint64(s.Drops)
	}
	return l.stats, nil
}

// Close implements [Source].
func (l *Live) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil
	}
	l.closed = true
	return unix.Close(l.fd)
}
