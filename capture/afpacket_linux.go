//go:build !cgo

package capture

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/google/gopacket/pcapgo"
)

// hasAny: the packet socket is bound to one interface.
const hasAny = false

const withoutLibpcap = "live capture by AF_PACKET, with the default filter only"

// slots is how many packets wait for Next at most. What comes beyond waits in the socket's buffer, and is dropped by the kernel.
const slots = 4096

// Live is a Source over a network interface, by a packet socket (AF_PACKET). It knows the default filter only.
type Live struct {
	handle     *pcapgo.EthernetHandle
	interfaces []Interface
	all        bool
	frame      Frame
	free, full chan *slot
	current    *slot
	failed     error // of the socket; valid once full is closed
	idle       *time.Timer

	mu     sync.Mutex
	closed bool
	stats  LiveStats
}

// slot is one packet on its way from the socket.
type slot struct {
	time   int64
	length int
	data   []byte
}

// OpenLive starts to capture.
func OpenLive(c LiveConfig) (*Live, error) {
	if c.Filter != "" {
		return nil, errNoFilter
	}
	if c.Interface == Any {
		return nil, errors.New("this build has no libpcap, which the interface any needs: name one interface")
	}
	if err := c.check(); err != nil {
		return nil, err
	}
	lt, err := socketLinkType(c.Interface)
	if err != nil {
		return nil, err
	}
	h, err := pcapgo.NewEthernetHandle(c.Interface)
	if err != nil {
		if strings.Contains(err.Error(), syscall.EPERM.Error()) { // gopacket wraps no errors
			err = ErrNotPermitted
		}
		return nil, fmt.Errorf("%s: %w", c.Interface, err)
	}
	err = h.SetCaptureLength(c.snapLen())
	if err == nil && c.Promiscuous {
		err = h.SetPromiscuous(true)
	}
	if err != nil {
		h.Close()
		return nil, fmt.Errorf("%s: %w", c.Interface, err)
	}
	l := &Live{
		handle: h, all: c.All,
		interfaces: []Interface{{LinkType: lt, SnapLen: uint32(c.snapLen()), Name: c.Interface, Resolution: 1e9}},
		free:       make(chan *slot, slots), full: make(chan *slot, slots),
		idle: time.NewTimer(idleAfter),
	}
	for range slots {
		l.free <- new(slot)
	}
	go l.receive()
	return l, nil
}

// socketLinkType is what frames of the interface look like on a packet socket.
func socketLinkType(name string) (LinkType, error) {
	text, err := os.ReadFile("/sys/class/net/" + name + "/type")
	if err != nil {
		return Ethernet, nil
	}
	switch hardware, _ := strconv.Atoi(strings.TrimSpace(string(text))); hardware {
	case syscall.ARPHRD_ETHER, syscall.ARPHRD_LOOPBACK:
		return Ethernet, nil
	case 0xfffe, syscall.ARPHRD_PPP, syscall.ARPHRD_TUNNEL, syscall.ARPHRD_TUNNEL6, syscall.ARPHRD_SIT, syscall.ARPHRD_IPGRE:
		return Raw, nil // no link header
	default:
		return 0, fmt.Errorf("%s: this build has no libpcap, which this kind of interface (%d) needs", name, hardware)
	}
}

// receive takes packets from the socket until it fails or is closed.
func (l *Live) receive() {
	defer close(l.full)
	for s := range l.free {
		data, info, err := l.handle.ZeroCopyReadPacketData()
		if err != nil {
			l.failed = fmt.Errorf("%s: %w", l.interfaces[0].Name, err)
			return
		}
		s.time, s.length = info.Timestamp.UnixNano(), info.Length
		s.data = s.data[:0]
		if len(info.AncillaryData) > 0 && len(data) >= 12 {
			if tag, ok := info.AncillaryData[0].(int); ok { // the kernel takes the VLAN tag out: put it back
				s.data = append(s.data, data[:12]...)
				s.data = binary.BigEndian.AppendUint16(s.data, 0x8100)
				s.data = binary.BigEndian.AppendUint16(s.data, uint16(tag))
				s.length += 4
				data = data[12:]
			}
		}
		s.data = append(s.data, data...)
		l.full <- s
	}
}

// Next implements [Source]. The error is ErrIdle when no packet has come for a short while.
func (l *Live) Next(p *Packet) error {
	if l.current != nil {
		l.free <- l.current
		l.current = nil
	}
	l.idle.Reset(idleAfter)
	for {
		select {
		case s, ok := <-l.full:
			if !ok {
				return l.failed
			}
			if !l.all {
				if err := l.frame.Decode(l.interfaces[0].LinkType, s.data); err == nil && !Wanted(&l.frame) {
					l.free <- s
					continue
				}
			}
			l.current = s
			l.mu.Lock()
			l.stats.Received++
			l.mu.Unlock()
			*p = Packet{Time: s.time, Length: max(s.length, len(s.data)), Data: s.data}
			return nil
		case <-l.idle.C:
			return ErrIdle
		}
	}
}

// Interfaces implements [Source].
func (l *Live) Interfaces() []Interface { return l.interfaces }

// Stats counts the packets so far. Received are those that passed the filter; the kernel drops before it.
func (l *Live) Stats() (LiveStats, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return l.stats, nil
	}
	s, err := l.handle.Stats() // since the last call
	if err != nil {
		return l.stats, err
	}
	l.stats.Dropped += uint64(s.Drops)
	return l.stats, nil
}

// Close implements [Source].
func (l *Live) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.closed {
		l.closed = true
		// A receive that waits keeps the socket until the program ends: gopacket offers no way to end it.
		l.handle.Close()
	}
	return nil
}
