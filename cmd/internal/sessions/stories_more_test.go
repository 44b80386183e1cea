package sessions_test

import (
	"net/netip"
	"slices"
	"time"
)

// moreStories are what else no recording shows.
var moreStories = []telling{
	{"100a-psk-and-a-silent-server", "failed", "ike-psk", "ike-m5", "failed ike-psk", false, "", func(s *story) {
		s.firstFour(phase1SA(preShared, 28800), s.ends)
		s.isakmp(fromClient, mainMode, 0, true, identity(s.ends[0].Addr(), 0, 0), hashed("I"))
		s.repeated(charonPauses, s.last())
	}},
	{"100h-message-5-answered-at-the-third", "up", "", "data", "up", false, alice, func(s *story) {
		s.firstFour(phase1SA(preShared, 28800), s.ends)
		s.isakmp(fromClient, mainMode, 0, true, identity(s.ends[0].Addr(), 0, 0), hashed("I"))
		s.repeated(charonPauses[:2], s.last())
		s.isakmp(fromServer, mainMode, 0, true, identity(s.ends[1].Addr(), 0, 0), hashed("R"))
		s.quick(1701)
		s.dialled()
		s.pings(20)
		s.farewell()
	}},
	{"102a-quick-mode-unanswered", "failed", "", "quick", "failed", false, "", func(s *story) {
		s.phase1()
		s.asksForESP()
		s.repeated(charonPauses, s.last())
	}},
	{"103a-server-certificate-expired", "failed", "certificates", "ike-m6", "failed certificates", true, "",
		func(s *story) {
			s.signed(certificate("client.example", nextYear))
			s.isakmp(fromServer, mainMode, 0, true, identity(s.ends[1].Addr(), 0, 0), payload{plCert,
				certificate("gw.example", lastYear)}, payload{plSig, pseudo(64, "R")})
			s.inform(fromClient, s.notify(1, 24))
		}},
	{"104a-broken-off", "lost", "", "data", "up", false, alice, func(s *story) {
		s.connected()
		s.pings(20)
		s.hangUp(fromServer, 2, 6, "internal error")
		s.leave(fromServer)
	}},
	{"104h-error-behind-the-end", "up", "", "data", "up", false, alice, func(s *story) {
		s.connected()
		s.pings(20)
		s.terminate(fromClient, "User request")
		s.hangUp(fromServer, 2, 6, "no such session")
		s.leave(fromClient)
	}},
	{"105a-answers-to-sccrq-lost", "failed", "", "l2tp-tunnel", "failed", false, "", func(s *story) {
		s.floated()
		ask, answer := request(1, tunnelIDs[0], "labvm"), request(2, tunnelIDs[1], "lns")
		s.control(fromClient, 0, 0, ask...)
		s.control(fromServer, tunnelIDs[0], 0, answer...)
		s.repeated(doubling(5), func() {
			s.again(fromClient, 0, 0, ask...)
			s.again(fromServer, tunnelIDs[0], 0, answer...)
		})
	}},
	{"106a-no-address", "failed", "ipcp-failed", "ipcp", "failed", true, alice, func(s *story) {
		s.loggedIn()
		s.asks(fromServer, ipcp, option(3, gateAddr.AsSlice()...)...)
		s.ppp(fromClient, ipcp, packet(1, 1, option(3, 0, 0, 0, 0)...))
		s.ppp(fromServer, ipcp, packet(4, 1, option(3, 0, 0, 0, 0)...))
		s.asks(fromClient, ipcp)
		s.terminate(fromClient, "Could not determine local IP address")
		s.hangUp(fromClient, 1, 0, "")
		s.leave(fromClient)
	}},
	{"106h-addresses-that-both-ends-know", "up", "", "data", "up", false, alice, func(s *story) {
		s.loggedIn()
		s.asks(fromServer, ipcp)
		s.asks(fromClient, ipcp)
		s.pings(20)
		s.farewell()
	}},
	{"107a-renewal-refused", "lost", "sa-expired-no-rekey", "data", "lost sa-expired-no-rekey", true, alice,
		func(s *story) {
			s.connected()
			s.pings(20)
			s.wait(55 * time.Minute)
			s.pings(3)
			s.asksForESP()
			s.inform(fromServer, s.notify(3, 14))
			s.wait(4 * time.Minute)
			s.pings(5)
			s.repeated(every(3*time.Second, 10), func() {
				s.user(fromClient, outerHost, 1, append([]byte{8, 0, 0, 0, 0, 1, 0, 1}, pseudo(56, "ping")...))
			})
		}},
	{"107h-renewal-refused-and-agreed-on", "up", "", "data", "up", false, alice, func(s *story) {
		s.connected()
		s.pings(20)
		s.wait(50 * time.Minute)
		s.pings(3)
		s.asksForESP()
		s.inform(fromServer, s.notify(3, 14))
		s.quick(1701)
		s.pings(20)
		s.farewell()
	}},
	{"109a-identity-refused", "failed", "ike-id-mismatch", "ike-m5", "failed ike-psk", false, "", func(s *story) {
		s.firstFour(phase1SA(preShared, 28800), s.ends)
		s.isakmp(fromClient, mainMode, 0, true, identity(s.ends[0].Addr(), 0, 0), hashed("I"))
		s.inform(fromServer, s.notify(1, 24))
	}},
	{"108h-ipv6-only", "up", "", "data", "up", false, alice, func(s *story) {
		s.loggedIn()
		s.ppp(fromServer, ipcp, packet(1, 1, option(3, gateAddr.AsSlice()...)...))
		s.asks(fromClient, ip6c, option(1, pseudo(8, "client")...)...)
		s.asks(fromServer, ip6c, option(1, pseudo(8, "server")...)...)
		s.ppp(fromClient, lcp, packet(8, byte(s.out), 0x80, 0x21, 1, 1, 0, 4))
		host, gate := netip.MustParseAddr("2001:db8:99::100"), netip.MustParseAddr("2001:db8:99::1")
		s.repeated(every(900*time.Millisecond, 20), func() {
			s.ppp(fromClient, ipv6, echo6(host, gate, 128))
			s.ppp(fromServer, ipv6, echo6(gate, host, 129))
		})
		s.farewell()
	}},
}

// echo6 is a packet of ICMPv6.
func echo6(src, dst netip.Addr, kind byte) []byte {
	p := append([]byte{0x60, 0, 0, 0, 0, 64, 58, 64}, src.AsSlice()...)
	return slices.Concat(p, dst.AsSlice(), []byte{kind, 0, 0, 0, 0, 1, 0, 1}, pseudo(56, "ping"))
}

// charonPauses are those between the copies of a request of strongSwan.
var charonPauses = []time.Duration{4 * time.Second, 7 * time.Second, 13 * time.Second, 23 * time.Second}

// asksForESP adds a message 1 of Quick Mode, for ESP SAs that do not come to be.
func (s *story) asksForESP() {
	sas := s.sas
	s.sas = [2]sealing{{spi: 0xc0ffee01}, {spi: 0xc0ffee02}}
	s.isakmp(fromClient, quickMode, 0x51554943, true, hashed("quick"), s.phase2SA(fromClient), payload{plNonce,
		pseudo(20, "nonce %d", s.out)}, identity(s.ends[0].Addr(), 17, 1701), identity(s.ends[1].Addr(), 17, 1701))
	s.sas = sas
}

// floated sets up both phases, with a client behind NAT.
func (s *story) floated() {
	s.firstFour(phase1SA(preShared, 28800), [2]netip.AddrPort{netip.MustParseAddrPort("192.168.7.7:500"), s.ends[1]})
	s.float(4500)
	s.isakmp(fromClient, mainMode, 0, true, identity(netip.MustParseAddr("192.168.7.7"), 0, 0), hashed("I"))
	s.isakmp(fromServer, mainMode, 0, true, identity(s.ends[1].Addr(), 0, 0), hashed("R"))
	s.quick(1701)
}
