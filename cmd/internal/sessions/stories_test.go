package sessions_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/json"
	"flag"
	"math/big"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

var updateStories = flag.Bool("update-stories", false, "write the captures of the stories to testdata/causes")

func unhex(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return b
}

// telling is a story and its truth: of the session with the keys, and without.
type telling struct {
	// name: the letter behind the number is h or i where nobody must be accused.
	name               string
	state, cause, step string
	unread             string // state and cause without keys
	proven             bool
	user               string
	tell               func(s *story)
}

var alice = "alice"

// refusedLogin is a login that is refused with a code of MS-CHAP.
func refusedLogin(code string) func(*story) {
	return func(s *story) {
		s.secured()
		s.tunnel()
		s.call()
		s.link(chapMSv2)
		s.login(4, "E="+code+" R=0 C=00112233445566778899AABBCCDDEEFF V=3 M=no")
		s.terminate(fromServer, "Authentication failed")
		s.hangUp(fromServer, 1, 0, "")
		s.leave(fromClient)
	}
}

// arp adds a frame that is of no connection.
func (s *story) arp() { s.frame(outerHost, userAddr, 17, udp(9, 9, []byte("x"))) }

// farewell ends a connection as the client does.
func (s *story) farewell() {
	s.terminate(fromClient, "User request")
	s.hangUp(fromClient, 1, 0, "")
	s.leave(fromClient)
}

// certificate is one whose time is over at a moment.
func certificate(name string, notAfter time.Time) []byte {
	key := ed25519.NewKeyFromSeed(pseudo(32, "certificate %s", name))
	t := &x509.Certificate{SerialNumber: big.NewInt(7), Subject: pkix.Name{CommonName: name},
		NotBefore: notAfter.AddDate(-1, 0, 0), NotAfter: notAfter}
	der, err := x509.CreateCertificate(nil, t, t, key.Public(), key)
	if err != nil {
		panic(err)
	}
	return append([]byte{4}, der...)
}

// signed is main mode up to message 5, with a certificate.
func (s *story) signed(cert []byte) (five []payload) {
	s.firstFour(phase1SA(rsaSig, 28800), s.ends)
	five = []payload{identity(s.ends[0].Addr(), 0, 0), {plCert, cert}, {plSig, pseudo(64, "signature")}}
	s.isakmp(fromClient, mainMode, 0, true, five...)
	return five
}

var (
	lastYear = time.Date(2025, 11, 1, 0, 0, 0, 0, time.UTC)
	nextYear = time.Date(2027, 11, 1, 0, 0, 0, 0, time.UTC)
)

// repeated has something done again and again.
func (s *story) repeated(pauses []time.Duration, what func()) {
	for _, p := range pauses {
		s.wait(p)
		what()
	}
}

// doubling are pauses that double from a second on.
func doubling(n int) (list []time.Duration) {
	for i := range n {
		list = append(list, time.Second<<i)
	}
	return list
}

// every are pauses of the same length.
func every(d time.Duration, n int) []time.Duration { return slices.Repeat([]time.Duration{d}, n) }

// datagramAgain adds the last datagram of IKE of a side again.
func (s *story) last() func() {
	data := s.pcap.Bytes()
	frame := slices.Clone(data[s.lastAt+16:])
	return func() {
		src, dst := netip.AddrFrom4([4]byte(frame[26:30])), netip.AddrFrom4([4]byte(frame[30:34]))
		s.frame(src, dst, frame[23], frame[34:])
	}
}

// capture is what the story is told as: the pcap, the tables of keys, and cause.json.
func (c *telling) files() map[string][]byte {
	s := newStory(c.name)
	c.tell(s)
	if c.state != "partial" {
		s.wait(time.Minute)
		s.arp() // the capture goes on
	}
	files := map[string][]byte{"outer.pcap": s.pcap.Bytes()}
	for name, t := range s.tables {
		if t.Len() > 0 {
			files[name] = t.Bytes()
		}
	}
	null := func(s string) any {
		if s == "" {
			return nil
		}
		return s
	}
	state, cause, _ := strings.Cut(c.unread, " ")
	truth := map[string]any{"state": c.state, "cause": null(c.cause), "step": c.step, "proven": c.proven,
		"user":         c.user,
		"without_keys": map[string]any{"state": state, "cause": null(cause)}}
	b, err := json.MarshalIndent(truth, "", " ")
	if err != nil {
		panic(err)
	}
	files["cause.json"] = append(b, '\n')
	return files
}

// TestStories: the captures in testdata/causes that were made up are those that are told here;
// TestCauses judges them.
func TestStories(t *testing.T) {
	for _, c := range slices.Concat(stories, moreStories) {
		dir := filepath.Join(causeRoots[0], c.name)
		for name, data := range c.files() {
			file := filepath.Join(dir, name)
			if *updateStories {
				if err := os.MkdirAll(dir, 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(file, data, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if there, err := os.ReadFile(file); err != nil || !bytes.Equal(there, data) {
				t.Errorf("%s is not what is told: %v", file, err)
			}
		}
	}
}

// TestRefusedAddresses: with IPCP refused, IPv6 has to bring addresses, or the session fails.
func TestRefusedAddresses(t *testing.T) {
	host, all := netip.MustParseAddr("fe80::100"), netip.MustParseAddr("ff02::1")
	for _, c := range []struct {
		from int
		kind byte // of ICMPv6
		want string
	}{
		{fromClient, 133, "failed ipcp-failed"}, // Router Solicitation
		{fromServer, 134, "up"},                 // Router Advertisement
	} {
		told := telling{name: "refused addresses", tell: func(s *story) {
			s.loggedIn()
			s.ppp(fromClient, ipcp, packet(1, 1, option(3, 0, 0, 0, 0)...))
			s.ppp(fromServer, lcp, packet(8, byte(s.out), 0x80, 0x21, 1, 1, 0, 4))
			s.asks(fromClient, ip6c, option(1, pseudo(8, "client")...)...)
			s.asks(fromServer, ip6c, option(1, pseudo(8, "server")...)...)
			s.repeated(every(4*time.Second, 4), func() { s.ppp(c.from, ipv6, echo6(host, all, c.kind)) })
		}}
		if list := told.sessions(t); states(list) != c.want {
			t.Errorf("with ICMPv6 %d: %s, want %s: %+v", c.kind, states(list), c.want, list)
		}
	}
}

// TestStrangerInClear: users' packets in clear behind the last one of ESP are a session's that went
// on without IPsec if they have its user's address, which ESP hid. Those of others change nothing.
func TestStrangerInClear(t *testing.T) {
	for _, c := range []struct {
		user netip.Addr
		want string
	}{
		{userAddr, "clear l2tp-in-clear"},
		{netip.MustParseAddr("10.99.0.101"), "up"},
		{netip.MustParseAddr("fe80::100"), "up"},
	} {
		told := telling{name: "stranger in clear", tell: func(s *story) {
			s.connected()
			s.pings(20)
			s.sas = [2]sealing{}
			for range 4 {
				s.wait(time.Second)
				if c.user.Is6() {
					s.ppp(fromClient, ipv6, echo6(c.user, c.user, 128))
					s.ppp(fromServer, ipv6, echo6(c.user, c.user, 129))
					continue
				}
				s.ppp(fromClient, ipv4, s.ip(c.user, outerHost, 17, udp(9, 9, []byte("data"))))
				s.ppp(fromServer, ipv4, s.ip(outerHost, c.user, 17, udp(9, 9, []byte("data"))))
			}
		}}
		list := told.sessions(t)
		if states(list) != c.want {
			t.Errorf("%s: %s, want %s: %+v", c.user, states(list), c.want, list)
		}
		if len(list) == 1 && list[0].Clear != 8 {
			t.Errorf("%s: %d packets in clear, want 8", c.user, list[0].Clear)
		}
	}
}

// TestEnds: what the end of a session shows of it where little else was captured or said.
func TestEnds(t *testing.T) {
	for _, c := range []struct {
		name string
		tell func(*story)
		want string
	}{
		{"StopCCN in clear, without the ESP", func(s *story) {
			s.secured()
			s.sas = [2]sealing{}
			s.wait(time.Minute)
			s.stop(fromClient, 1, 0, "Goodbye!")
		}, "partial"},
		{"the PPP of neither end spoke, and the client hangs up", func(s *story) {
			s.secured()
			s.tunnel()
			s.call()
			s.wait(20 * time.Second)
			s.hangUp(fromClient, 1, 0, "")
		}, "failed client-ppp-dead"},
		{"the PPP of neither end spoke, and the server hangs up", func(s *story) {
			s.secured()
			s.tunnel()
			s.call()
			s.wait(20 * time.Second)
			s.hangUp(fromServer, 1, 0, "")
		}, "failed server-ppp-dead"},
	} {
		told := telling{name: c.name, tell: c.tell}
		if list := told.sessions(t); states(list) != c.want {
			t.Errorf("%s: %s, want %s: %+v", c.name, states(list), c.want, list)
		}
	}
}

// sessions are those of what is told, with its keys.
func (c *telling) sessions(t *testing.T) []report {
	t.Helper()
	dir := t.TempDir()
	for name, data := range c.files() {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return gather(t, filepath.Join(dir, "outer.pcap"), "", 0, keySets(dir)["tables"]...)
}
