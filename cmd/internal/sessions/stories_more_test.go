package sessions_test

import (
	"encoding/binary"
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
	{"110a-eap-md5-refused", "failed", "ppp-auth-failed", "auth", "failed", true, alice, func(s *story) {
		s.eap(4)
		s.eapMD5()
		s.ppp(fromServer, eap, packet(4, 3))
		s.terminate(fromServer, "Authentication failed")
		s.hangUp(fromServer, 1, 0, "")
		s.leave(fromServer)
	}},
	{"111a-looped-back", "failed", "", "lcp", "failed", true, "", func(s *story) {
		s.secured()
		s.tunnel()
		s.call()
		for n := range byte(5) {
			own := option(5, 1, 2, 3, n)
			s.ppp(fromClient, lcp, packet(1, n, own...))
			s.ppp(fromServer, lcp, packet(1, n, own...))
			s.ppp(fromClient, lcp, packet(3, n, option(5, 9, 9, 9, n)...))
			s.wait(3 * time.Second)
		}
		s.terminate(fromClient, "Loopback detected")
		s.hangUp(fromClient, 1, 0, "")
		s.leave(fromClient)
	}},
	{"111h-one-magic-number-twice", "up", "", "data", "up", false, alice, func(s *story) {
		s.secured()
		s.tunnel()
		s.call()
		s.ppp(fromServer, lcp, packet(1, 1, option(5, 1, 2, 3, 4)...))
		s.ppp(fromClient, lcp, packet(3, 1, option(5, 9, 9, 9, 9)...))
		s.link(chapMSv2)
		s.login(3, "S=0 M=Access granted")
		s.addresses()
		s.pings(20)
		s.farewell()
	}},
	{"112a-large-segments-lost", "ill", "mtu-blackhole", "data", "up mtu-blackhole", true, alice, func(s *story) {
		s.connected()
		s.pings(20)
		s.segment(fromServer, 1, 1, make([]byte, 1330))
		s.repeated(doubling(4), func() {
			s.segment(fromServer, 1, 1, make([]byte, 1330))
			s.segment(fromClient, 1, 1, nil)
		})
		s.farewell()
	}},
	{"112h-large-segment-acknowledged-at-the-third", "up", "", "data", "up", false, alice, func(s *story) {
		s.connected()
		s.pings(20)
		s.segment(fromServer, 1, 1, make([]byte, 1330))
		s.repeated(doubling(2), func() { s.segment(fromServer, 1, 1, make([]byte, 1330)) })
		s.segment(fromClient, 1, 1331, nil)
		s.pings(5)
		s.farewell()
	}},
	{"113a-stopccn-of-a-vendor", "failed", "tunnel-refused", "l2tp-tunnel", "failed", true, "", func(s *story) {
		s.secured()
		s.control(fromClient, 0, 0, request(1, tunnelIDs[0], "labvm")...)
		s.stop(fromServer, 2, 6, "no license")
		s.leave(fromServer)
	}},
	{"114a-selector-refused-behind-nat", "failed", "quick-id-mismatch", "quick", "failed quick-proposal", true, "",
		func(s *story) {
			s.floatedPhase1()
			s.asksForESP()
			s.inform(fromServer, s.notify(3, 18))
		}},
	{"115a-message-3-unanswered", "failed", "", "ike-m3", "failed", false, "", func(s *story) {
		s.begin()
		s.isakmp(fromClient, mainMode, 0, false, phase1SA(preShared, 28800))
		s.chosen()
		s.isakmp(fromServer, mainMode, 0, false, phase1SA(preShared, 28800))
		s.isakmp(fromClient, mainMode, 0, false, payload{plKE, pseudo(256, "KE")}, payload{plNonce, pseudo(20, "Ni")})
		s.repeated(charonPauses, s.last())
	}},
	{"116a-other-algorithms", "failed", "quick-proposal", "quick", "failed quick-proposal", true, "", func(s *story) {
		s.phase1()
		s.asksForESP()
		s.inform(fromServer, s.notify(3, 14))
		s.leave(fromClient)
	}},
	{"117a-phase-1-renewal-refused", "lost", "sa-expired-no-rekey", "data", "lost sa-expired-no-rekey", true, alice,
		func(s *story) {
			s.connected()
			s.pings(20)
			s.wait(50 * time.Minute)
			s.pings(3)
			s.begin()
			s.isakmp(fromClient, mainMode, 0, false, phase1SA(preShared, 28800))
			s.isakmp(fromServer, informational, 0, false, s.notify(1, 14))
			s.wait(9 * time.Minute)
			s.pings(5)
			s.repeated(every(3*time.Second, 10), func() {
				s.user(fromClient, outerHost, 1, append([]byte{8, 0, 0, 0, 0, 1, 0, 1}, pseudo(56, "ping")...))
			})
		}},
	{"117h-phase-1-renewed", "up", "", "data", "up", false, alice, func(s *story) {
		s.connected()
		s.pings(20)
		s.wait(50 * time.Minute)
		s.pings(3)
		s.phase1()
		s.quick(1701)
		s.pings(20)
		s.farewell()
	}},
	{"119a-dpd-unanswered", "lost", "keepalive-timeout", "data", "up", true, alice, func(s *story) {
		s.connected()
		s.pings(20)
		s.repeated(every(5*time.Second, 5), func() { s.inform(fromServer, s.dpd(36136)) })
		s.leave(fromServer)
	}},
	{"119h-dpd-answered", "up", "", "data", "up", false, alice, func(s *story) {
		s.connected()
		s.pings(20)
		s.repeated(every(5*time.Second, 5), func() {
			s.inform(fromServer, s.dpd(36136))
			s.inform(fromClient, s.dpd(36137))
		})
		s.farewell()
	}},
	{"120a-goes-on-in-clear", "clear", "l2tp-in-clear", "data", "up", true, alice, func(s *story) {
		s.connected()
		s.pings(20)
		s.inform(fromServer, s.deletesESP(fromServer))
		s.sas = [2]sealing{}
		s.pings(4)
	}},
	{"120h-in-clear-for-a-moment", "up", "", "data", "up", false, alice, func(s *story) {
		s.connected()
		s.pings(20)
		sas := s.sas
		s.sas = [2]sealing{}
		s.pings(4)
		s.sas = sas
		s.pings(2)
		s.farewell()
	}},
	{"121a-server-deletes-the-sa-of-five-minutes", "lost", "sa-expired-no-rekey", "data", "up", false, alice,
		func(s *story) {
			s.connected()
			s.pings(20)
			s.wait(4*time.Minute + 37*time.Second)
			s.pings(5)
			s.inform(fromServer, s.deletesESP(fromServer))
		}},
	{"121h-sa-of-five-minutes-renewed", "up", "", "data", "up", false, alice, func(s *story) {
		s.connected()
		s.pings(20)
		s.wait(4*time.Minute + 37*time.Second)
		s.pings(2)
		gone := s.deletesESP(fromServer)
		s.quick(1701)
		s.pings(5)
		s.inform(fromServer, gone)
		s.pings(2)
	}},
	{"121i-client-deletes-its-sa", "up", "", "data", "up", false, alice, func(s *story) {
		s.connected()
		s.pings(20)
		s.inform(fromClient, s.deletesESP(fromClient))
	}},
	{"122a-answers-to-hello-lost", "lost", "l2tp-hello-unanswered", "data", "up", false, alice, func(s *story) {
		s.connected()
		s.pings(20)
		s.wait(time.Minute)
		hello := func() {
			s.again(fromServer, tunnelIDs[0], 0, avp(0, 0, 6))
			s.control(fromClient, tunnelIDs[1], 0)
		}
		s.control(fromServer, tunnelIDs[0], 0, avp(0, 0, 6))
		s.repeated(doubling(4), hello)
		s.wait(16 * time.Second)
		s.stop(fromServer, 1, 0, "Timeout")
	}},
	{"122h-end-unanswered", "up", "", "data", "up", false, alice, func(s *story) {
		s.connected()
		s.pings(20)
		s.terminate(fromClient, "User request")
		s.wait(31 * time.Second)
		s.stop(fromServer, 1, 0, "Timeout")
	}},
	{"123a-lcp-of-the-client-unanswered", "failed", "", "lcp", "failed", true, "", func(s *story) {
		s.secured()
		s.tunnel()
		s.call()
		s.repeated(every(3*time.Second, 5), func() {
			s.ppp(fromClient, lcp, packet(1, 1, option(5, 1, 2, 3, 4)...))
			s.asks(fromServer, lcp, chapMSv2...)
		})
		s.terminate(fromClient, "User request")
		s.hangUp(fromClient, 1, 0, "")
		s.leave(fromClient)
	}},
	{"103c-server-certificate-expired-and-no-reason", "failed", "certificates", "ike-m6", "failed certificates", false,
		"", func(s *story) {
			s.signed(certificate("client.example", nextYear))
			s.isakmp(fromServer, mainMode, 0, true, payload{plID, append([]byte{2, 0, 0, 0}, "gw.example"...)}, payload{plCert,
				certificate("gw.example", lastYear)}, payload{plSig, pseudo(64, "R")})
			s.leave(fromClient)
		}},
	{"124i-only-the-end-in-clear", "partial", "", "", "partial", false, "", func(s *story) {
		s.secured()
		s.sas = [2]sealing{}
		s.wait(time.Minute)
		s.ppp(fromClient, lcp, packet(5, 2, []byte("User request")...))
		s.wait(time.Minute)
		s.arp()
	}},
	{"125i-addresses-are-being-negotiated", "partial", "", "", "partial", false, alice, func(s *story) {
		s.loggedIn()
		s.asks(fromServer, ipcp, option(3, gateAddr.AsSlice()...)...)
		for n := range byte(6) {
			s.ppp(fromClient, ipcp, packet(1, n, option(3, 10, 55, 0, 1)...))
			s.ppp(fromServer, ipcp, packet(3, n, option(3, userAddr.AsSlice()...)...))
		}
	}},
}

// deletesESP is a Delete of the ESP SA by which a side gets packets.
func (s *story) deletesESP(side int) payload {
	spi := binary.BigEndian.AppendUint32(nil, s.sas[1-side].spi)
	return payload{plDelete, append([]byte{0, 0, 0, 1, 3, 4, 0, 1}, spi...)}
}

// eapMD5 has the server ask for a login with MD5, and alice answer.
func (s *story) eapMD5() {
	s.ppp(fromServer, eap, packet(1, 3, append([]byte{4, 16}, pseudo(16, "md5")...)...))
	s.ppp(fromClient, eap, packet(2, 3, append([]byte{4, 16}, pseudo(16, "answer")...)...))
}

// segment adds a TCP segment of a download by the user.
func (s *story) segment(from int, seq, ack uint32, data []byte) {
	ports := [2]uint16{40000, 80}
	p := append(u16(ports[from]), u16(ports[1-from])...)
	p = binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(p, seq), ack)
	s.user(from, outerHost, 6, slices.Concat(p, []byte{0x50, 0x10, 0xff, 0xff, 0, 0, 0, 0}, data))
}

// dpd is a question of dead peer detection, or its answer.
func (s *story) dpd(kind uint16) payload {
	return s.notify(1, kind, slices.Concat(s.ike.cookies[0], s.ike.cookies[1], []byte{0, 0, 0, 1})...)
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
	s.floatedPhase1()
	s.quick(1701)
}

func (s *story) floatedPhase1() {
	s.firstFour(phase1SA(preShared, 28800), [2]netip.AddrPort{netip.MustParseAddrPort("192.168.7.7:500"), s.ends[1]})
	s.float(4500)
	s.isakmp(fromClient, mainMode, 0, true, identity(netip.MustParseAddr("192.168.7.7"), 0, 0), hashed("I"))
	s.isakmp(fromServer, mainMode, 0, true, identity(s.ends[1].Addr(), 0, 0), hashed("R"))
}
