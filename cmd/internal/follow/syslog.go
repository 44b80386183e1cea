package follow

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"l2tpdump/keysrc"
)

const (
	maxSenders   = 256 // senders whose lines are read apart; the one that was silent longest makes room
	maxConns     = 64  // TCP connections at a time; the same
	maxAnnounced = 16  // senders that are named when their first message comes

	syslogPort   = "514"
	syslogBuffer = 1 << 20 // asked for as the receive buffer of the UDP socket
	syslogQueue  = 64      // messages that wait for the reader
)

// syslog receives syslog messages.
type syslog struct {
	format string
	log    func(string, ...any)
	udp    *net.UDPConn
	tcp    net.Listener
	save   *saveFile // nil for none

	mu    sync.Mutex
	conns map[net.Conn]time.Time // when each was heard last
	ended bool

	wg      sync.WaitGroup
	queue   chan received
	senders map[string]*sender
	count   atomic.Int64 // messages
	told    int          // senders that were named
	keys    int
	long    sync.Once
}

// received is one message of one sender.
type received struct {
	from netip.Addr
	text []byte
}

// sender is one program's host, or a relay's, at one address.
type sender struct {
	feed  *feed
	heard time.Time
}

// openSyslog listens. addr is [ADDR]:PORT, PORT, or empty for port 514 of all addresses.
func openSyslog(addr string, o Options) (Source, error) {
	switch {
	case addr == "":
		addr = ":" + syslogPort
	case !strings.Contains(addr, ":"):
		addr = ":" + addr
	}
	s := &syslog{
		format: o.Format, log: o.Log,
		conns: make(map[net.Conn]time.Time), senders: make(map[string]*sender), queue: make(chan received, syslogQueue),
	}
	if err := s.listen(addr); err != nil {
		return nil, fmt.Errorf("syslog: %w", err)
	}
	if o.SyslogSave != "" {
		var err error
		if s.save, err = openSave(o.SyslogSave, o.Log); err != nil {
			s.Close()
			return nil, err
		}
	}
	return s, nil
}

// listen opens both sockets. If any port will do, TCP gets the one that UDP got, unless that is taken.
func (s *syslog) listen(addr string) error {
	for tries := 0; ; tries++ {
		a, err := net.ResolveUDPAddr("udp", addr)
		if err != nil {
			return err
		}
		if s.udp, err = net.ListenUDP("udp", a); err != nil {
			return err
		}
		s.udp.SetReadBuffer(syslogBuffer) // a smaller one does too
		got := s.udp.LocalAddr().(*net.UDPAddr)
		s.tcp, err = net.ListenTCP("tcp", &net.TCPAddr{IP: a.IP, Port: got.Port, Zone: a.Zone})
		if err == nil {
			return nil
		}
		s.udp.Close()
		s.udp = nil
		if a.Port != 0 || tries == 10 {
			return err
		}
	}
}

func (s *syslog) Name() string { return "syslog" }

// Addr returns where it listens.
func (s *syslog) Addr() netip.AddrPort { return s.udp.LocalAddr().(*net.UDPAddr).AddrPort() }

func (s *syslog) Close() error {
	s.hangUp()
	if s.save != nil {
		return s.save.close()
	}
	return nil
}

// hangUp closes all sockets.
func (s *syslog) hangUp() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
	if s.udp != nil {
		s.udp.Close()
		s.tcp.Close()
	}
	for c := range s.conns {
		c.Close()
	}
}

func (s *syslog) Run(ctx context.Context, emit func(*keysrc.Keys)) error {
	outer := ctx
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(ctx, s.hangUp)
	defer func() {
		cancel(nil)
		stop()
		s.hangUp()
		s.wg.Wait()
	}()
	s.wg.Go(func() { cancel(s.receive(ctx)) })
	s.wg.Go(func() { cancel(s.accept(ctx)) })

	known := newSeen()
	tick := time.NewTicker(poll)
	defer tick.Stop()
	for {
		select {
		case m := <-s.queue:
			s.take(&m, known, emit)
			continue
		case <-tick.C:
			now := time.Now()
			for _, x := range s.senders {
				x.feed.idle(now)
			}
			continue
		case <-ctx.Done():
		}
		break
	}
	s.finish(known, emit)
	if outer.Err() == nil {
		return fmt.Errorf("syslog: %w", context.Cause(ctx))
	}
	return nil
}

// finish takes the end of what was received.
func (s *syslog) finish(known *seen, emit func(*keysrc.Keys)) {
	for {
		select {
		case m := <-s.queue:
			s.take(&m, known, emit)
			continue
		default:
		}
		break
	}
	keys := s.keys
	for _, x := range s.senders {
		x.feed.close()
		keys += x.feed.keys
	}
	if keys == 0 && s.count.Load() > 0 {
		s.log("syslog: no key in %s", plural(int(s.count.Load()), "message"))
	}
	clear(s.senders)
}

// take reads a message.
func (s *syslog) take(m *received, known *seen, emit func(*keysrc.Keys)) {
	text := bytes.TrimRight(m.text, "\r\n\x00")
	if len(text) == 0 {
		return
	}
	s.count.Add(1)
	if s.save != nil {
		s.save.line(text)
	}
	host, text := parseSyslog(text)
	x := s.sender(m.from, host, known, emit)
	x.heard = time.Now()
	for len(text) > 0 {
		line, rest, _ := bytes.Cut(text, []byte{'\n'})
		x.feed.line(bytes.TrimRight(line, "\r"), x.heard)
		text = rest
	}
}

// sender returns the one that a message is of. A relay has one address and sends for many hosts.
func (s *syslog) sender(from netip.Addr, host string, known *seen, emit func(*keysrc.Keys)) *sender {
	id := from.String() + " " + host
	if x := s.senders[id]; x != nil {
		return x
	}
	name := "syslog " + from.String()
	if host != "" && host != from.String() {
		name += " (" + redact([]byte(host)) + ")"
	}
	if len(s.senders) >= maxSenders {
		s.forget()
	}
	if s.told++; s.told <= maxAnnounced {
		s.log("%s: receiving", name)
	}
	x := &sender{feed: newFeed(name, s.format, known, emit)}
	s.senders[id] = x
	return x
}

// forget makes room for a sender.
func (s *syslog) forget() {
	var oldest string
	for id, x := range s.senders {
		if o := s.senders[oldest]; o == nil || x.heard.Before(o.heard) {
			oldest = id
		}
	}
	x := s.senders[oldest]
	x.feed.close()
	s.keys += x.feed.keys
	delete(s.senders, oldest)
}

// receive takes UDP messages (RFC 5426).
func (s *syslog) receive(ctx context.Context) error {
	buf := make([]byte, maxMessage)
	for failed := 0; ; {
		n, from, err := s.udp.ReadFromUDPAddrPort(buf)
		if err != nil {
			if failed++; failed > 10 || errors.Is(err, net.ErrClosed) || !sleep(ctx, poll) {
				return err
			}
			continue
		}
		failed = 0
		s.put(ctx, from.Addr(), buf[:n])
	}
}

// put copies a message into the queue.
func (s *syslog) put(ctx context.Context, from netip.Addr, text []byte) {
	select {
	case s.queue <- received{from.Unmap(), slices.Clone(text)}:
	case <-ctx.Done():
	}
}

// accept takes TCP connections.
func (s *syslog) accept(ctx context.Context) error {
	for failed := false; ; {
		c, err := s.tcp.Accept()
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return err
			}
			if !failed { // no more file descriptors, most likely: later there may be
				s.log("syslog: %v", err)
			}
			failed = true
			if !sleep(ctx, time.Second) {
				return ctx.Err()
			}
			continue
		}
		failed = false
		if !s.admit(c) {
			c.Close()
			continue
		}
		s.wg.Go(func() { s.serve(ctx, c) })
	}
}

// admit notes a connection. The one that was silent longest makes room for it.
func (s *syslog) admit(c net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return false
	}
	if len(s.conns) >= maxConns {
		var oldest net.Conn
		for o, t := range s.conns {
			if oldest == nil || t.Before(s.conns[oldest]) {
				oldest = o
			}
		}
		oldest.Close()
		delete(s.conns, oldest)
	}
	s.conns[c] = time.Now()
	return true
}

// serve reads one connection.
func (s *syslog) serve(ctx context.Context, c net.Conn) {
	defer func() {
		c.Close()
		s.mu.Lock()
		delete(s.conns, c)
		s.mu.Unlock()
	}()
	var from netip.Addr
	if a, ok := c.RemoteAddr().(*net.TCPAddr); ok {
		from = a.AddrPort().Addr()
	}
	var d deframer
	give := func(message []byte) { s.put(ctx, from, message) }
	buf := make([]byte, 4096)
	for {
		n, err := c.Read(buf)
		d.write(buf[:n], give)
		if d.long > 0 {
			s.long.Do(func() {
				s.log("syslog %s: passing over messages longer than %d bytes", from, maxMessage)
			})
		}
		if err != nil {
			d.end(give)
			return
		}
		s.mu.Lock()
		if _, ok := s.conns[c]; ok {
			s.conns[c] = time.Now()
		}
		s.mu.Unlock()
	}
}
