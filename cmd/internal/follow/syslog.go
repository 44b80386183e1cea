package follow

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"l2tpdump/keysrc"
)

const (
	maxSenders    = 256 // senders whose lines are read apart; the one that was silent longest makes room
	maxConns      = 64  // TCP connections at a time; the same
	maxConnsOfOne = 8   // of one address, or of one IPv6 network of 64 bits
	maxAnnounced  = 16  // senders that are named when their first message comes

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
	conns map[net.Conn]*connection
	ended bool

	parser  *syslogParser
	wg      sync.WaitGroup
	queue   chan received
	senders map[string]*sender
	count   atomic.Int64 // messages
	told    int          // senders that were named
	keys    int
}

// connection is one that sends over TCP.
type connection struct {
	from  netip.Addr
	heard time.Time
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
		format: o.Format, log: o.Log, parser: newSyslogParser(),
		conns: make(map[net.Conn]*connection), senders: make(map[string]*sender), queue: make(chan received, syslogQueue),
	}
	if err := s.listen(addr); err != nil {
		return nil, fmt.Errorf("syslog: %w", err)
	}
	if o.SyslogSave != nil {
		s.save = &saveFile{f: o.SyslogSave, log: o.Log}
	}
	return s, nil
}

// listen opens both sockets. If any port will do, TCP gets the one that UDP got.
func (s *syslog) listen(addr string) error {
	a, err := net.ResolveUDPAddr("udp", addr)
	if err != nil {
		return err
	}
	if s.udp, err = net.ListenUDP("udp", a); err != nil {
		return err
	}
	s.udp.SetReadBuffer(syslogBuffer) // a smaller one does too
	got := s.udp.LocalAddr().(*net.UDPAddr)
	if s.tcp, err = net.ListenTCP("tcp", &net.TCPAddr{IP: a.IP, Port: got.Port, Zone: a.Zone}); err != nil {
		s.udp.Close()
	}
	return err
}

func (s *syslog) Name() string { return "syslog" }

func (s *syslog) Close() error {
	s.hangUp()
	if s.save != nil {
		return s.save.f.Close()
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

	known := keysrc.NewSeen()
	tick := time.NewTicker(poll)
	defer tick.Stop()
	for ctx.Err() == nil {
		select {
		case m := <-s.queue:
			s.take(&m, known, emit)
		case <-tick.C:
			now := time.Now()
			for _, x := range s.senders {
				x.feed.idle(now)
			}
		case <-ctx.Done():
		}
	}
	s.finish(known, emit)
	if outer.Err() == nil {
		return fmt.Errorf("syslog: %w", context.Cause(ctx))
	}
	return nil
}

// finish takes the end of what was received.
func (s *syslog) finish(known *keysrc.Seen, emit func(*keysrc.Keys)) {
	for len(s.queue) > 0 {
		m := <-s.queue
		s.take(&m, known, emit)
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
func (s *syslog) take(m *received, known *keysrc.Seen, emit func(*keysrc.Keys)) {
	text := bytes.TrimRight(m.text, "\r\n\x00")
	if len(text) == 0 {
		return
	}
	s.count.Add(1)
	if s.save != nil {
		s.save.line(text)
	}
	host, text := s.parser.parse(text)
	x := s.sender(m.from, host, known, emit)
	x.heard = time.Now()
	for len(text) > 0 {
		line, rest, _ := bytes.Cut(text, []byte{'\n'})
		x.feed.line(bytes.TrimRight(line, "\r"), x.heard)
		text = rest
	}
}

// sender returns the one that a message is of. A relay has one address and sends for many hosts.
func (s *syslog) sender(from netip.Addr, host string, known *keysrc.Seen, emit func(*keysrc.Keys)) *sender {
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

// admit notes a connection. The one that was silent longest makes room for it: of its own address,
// if that has too many, else of the address that has most.
func (s *syslog) admit(c net.Conn) bool {
	var from netip.Addr
	if a, ok := c.RemoteAddr().(*net.TCPAddr); ok {
		from = a.AddrPort().Addr().Unmap()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return false
	}
	of := make(map[netip.Prefix]int)
	for _, x := range s.conns {
		of[network(x.from)]++
	}
	if own := of[network(from)]; own >= maxConnsOfOne {
		s.hangUpOldest(func(x *connection) bool { return network(x.from) == network(from) })
	} else if len(s.conns) >= maxConns {
		most := slices.Max(slices.Collect(maps.Values(of)))
		s.hangUpOldest(func(x *connection) bool { return of[network(x.from)] == most })
	}
	s.conns[c] = &connection{from: from, heard: time.Now()}
	return true
}

// network is what counts as one sender: an IPv6 host may choose among all addresses of its network.
func network(a netip.Addr) netip.Prefix {
	p, _ := a.WithZone("").Prefix(min(64, a.BitLen()))
	return p
}

// hangUpOldest closes the connection that was silent longest of those that which picks.
func (s *syslog) hangUpOldest(which func(*connection) bool) {
	var oldest net.Conn
	for c, x := range s.conns {
		if which(x) && (oldest == nil || x.heard.Before(s.conns[oldest].heard)) {
			oldest = c
		}
	}
	oldest.Close()
	delete(s.conns, oldest)
}

// serve reads one connection.
func (s *syslog) serve(ctx context.Context, c net.Conn) {
	s.mu.Lock()
	x := s.conns[c]
	s.mu.Unlock()
	defer func() {
		c.Close()
		s.mu.Lock()
		delete(s.conns, c)
		s.mu.Unlock()
	}()
	if x == nil {
		return // it has made room already
	}
	var d deframer
	messages := bufio.NewScanner(c)
	messages.Buffer(make([]byte, 4096), deframerBuffer)
	messages.Split(d.split)
	for messages.Scan() {
		s.mu.Lock()
		x.heard = time.Now()
		s.mu.Unlock()
		s.put(ctx, x.from, messages.Bytes())
	}
	if d.long > 0 {
		s.log("syslog %s: %s longer than %d bytes passed over", x.from, plural(d.long, "message"), maxMessage)
	}
}

// saveFile takes received messages.
type saveFile struct {
	f      *os.File
	log    func(string, ...any)
	failed bool
	buf    []byte
}

// line writes one message. After an error nothing more is written: a line would begin in the middle
// of another.
func (s *saveFile) line(text []byte) {
	if s.failed {
		return
	}
	s.buf = append(append(s.buf[:0], text...), '\n')
	if _, err := s.f.Write(s.buf); err != nil {
		s.failed = true
		s.log("no longer saving syslog messages: %v", err)
	}
}
