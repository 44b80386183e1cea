package sessions_test

import (
	"net/netip"
	"slices"
	"time"
)

// stories are connections that no recording shows, each with the truth.
var stories = []telling{
	{"80a-chap-646", "failed", "ppp-auth-failed", "auth", "failed", true, alice, refusedLogin("646")},
	{"80c-chap-647", "failed", "ppp-auth-failed", "auth", "failed", true, alice, refusedLogin("647")},
	{"80e-chap-648", "failed", "ppp-auth-failed", "auth", "failed", true, alice, refusedLogin("648")},
	{"80f-chap-649", "failed", "ppp-auth-failed", "auth", "failed", true, alice, refusedLogin("649")},
	{"80g-chap-709", "failed", "ppp-auth-failed", "auth", "failed", true, alice, refusedLogin("709")},
	{"80h-chap-691-then-accepted", "up", "", "data", "up", false, alice, func(s *story) {
		s.secured()
		s.tunnel()
		s.call()
		s.link(chapMSv2)
		s.login(4, "E=691 R=1 C=00112233445566778899AABBCCDDEEFF V=3 M=wrong")
		s.wait(2 * time.Second)
		s.login(3, "S=0123456789ABCDEF0123456789ABCDEF01234567 M=Access granted")
		s.addresses()
		s.pings(20)
		s.farewell()
	}},
	{"81a-certificate-expired", "failed", "certificates", "ike-m5", "failed certificates", true, "", func(s *story) {
		s.signed(certificate("client.example", lastYear))
		s.inform(fromServer, s.notify(1, 24))
	}},
	{"81c-certificate-expired-no-answer", "failed", "certificates", "ike-m5", "failed", false, "", func(s *story) {
		s.signed(certificate("client.example", lastYear))
		s.repeated([]time.Duration{4 * time.Second, 7 * time.Second, 13 * time.Second}, s.last())
	}},
	{"81e-certificate-of-unknown-authority", "failed", "certificates", "ike-m5", "failed certificates", true, "",
		func(s *story) {
			s.signed(certificate("client.example", nextYear))
			s.inform(fromServer, s.notify(1, 22))
		}},
	{"81h-certificate-expired-and-accepted", "up", "", "data", "up", false, alice, func(s *story) {
		s.signed(certificate("client.example", lastYear))
		s.isakmp(fromServer, mainMode, 0, true, identity(s.ends[1].Addr(), 0, 0), payload{plCert,
			certificate("gw.example", nextYear)}, payload{plSig, pseudo(64, "R")})
		s.quick(1701)
		s.tunnel()
		s.call()
		s.link(chapMSv2)
		s.login(3, "S=0 M=Access granted")
		s.addresses()
		s.pings(20)
		s.farewell()
	}},
	{"83a-operator-hangs-up", "up", "orderly-end", "data", "up", true, alice, func(s *story) {
		s.connected()
		s.pings(20)
		s.hangUp(fromServer, 3, 0, "session cleared by operator")
		s.leave(fromServer)
	}},
	{"83c-server-shuts-down", "up", "orderly-end", "data", "up", true, alice, func(s *story) {
		s.connected()
		s.pings(20)
		s.stop(fromServer, 6, 0, "shutdown")
		s.leave(fromServer)
	}},
	{"84a-hello-unanswered", "lost", "l2tp-hello-unanswered", "data", "lost keepalive-timeout", true, alice,
		func(s *story) {
			s.connected()
			s.pings(20)
			s.wait(time.Minute)
			s.control(fromServer, tunnelIDs[0], 0, avp(0, 0, 6))
			s.repeated(doubling(5), func() { s.again(fromServer, tunnelIDs[0], 0, avp(0, 0, 6)) })
			s.wait(16 * time.Second)
			s.stop0(fromServer, 1, 0, "Timeout")
		}},
	{"84h-hello-answered-at-the-third", "up", "", "data", "up", false, alice, func(s *story) {
		s.connected()
		s.pings(20)
		s.wait(time.Minute)
		s.control(fromServer, tunnelIDs[0], 0, avp(0, 0, 6))
		s.repeated(doubling(3), func() { s.again(fromServer, tunnelIDs[0], 0, avp(0, 0, 6)) })
		s.control(fromClient, tunnelIDs[1], 0)
		s.pings(5)
		s.farewell()
	}},
	{"85a-l2tp-from-another-port-in-esp", "failed", "l2tp-port-not-1701", "esp", "failed l2tp-no-sccrp", true, "",
		func(s *story) {
			s.port = 40101
			s.secured()
			sccrq := request(1, tunnelIDs[0], "labvm")
			s.control(fromClient, 0, 0, sccrq...)
			s.repeated(doubling(5), func() { s.again(fromClient, 0, 0, sccrq...) })
			s.wait(time.Second)
			s.leave(fromClient)
		}},
	{"85h-l2tp-from-a-port-that-was-agreed-on", "up", "", "data", "up", false, alice, func(s *story) {
		s.port = 40101
		s.phase1()
		s.quick(0)
		s.dialled()
		s.pings(20)
		s.farewell()
	}},
	{"86a-windows-and-a-server-behind-nat", "failed", "natt-windows-registry", "esp",
		"failed natt-windows-registry", false, "", func(s *story) {
			s.windows()
			s.wait(9 * time.Second)
			s.leave(fromClient)
		}},
	{"86h-windows-and-a-server-behind-nat-connected", "up", "", "data", "up", false, alice, func(s *story) {
		s.windows()
		s.dialled()
		s.pings(20)
		s.farewell()
	}},
	{"86i-windows-and-the-capture-ends", "partial", "", "", "partial", false, "", func(s *story) {
		s.windows()
	}},
	{"87a-short-protocols-misread", "ill", "pfc-not-understood", "data", "up", true, alice, func(s *story) {
		s.connected(7, 2)
		s.pings(12)
		for range 3 {
			s.user(fromClient, outerHost, 1, append([]byte{8, 0, 0, 0, 0, 1, 0, 1}, pseudo(56, "ping")...))
			s.ppp(fromServer, lcp, packet(8, byte(s.out), 0x21, 0x45, 0, 0, 84))
			s.wait(time.Second)
		}
		s.farewell()
	}},
	{"87h-protocol-rejected", "up", "", "data", "up", false, alice, func(s *story) {
		s.connected(7, 2)
		s.ppp(fromServer, lcp, packet(8, byte(s.out), 0x80, 0x57, 1, 1, 0, 4)) // IPV6CP
		s.pings(20)
		s.farewell()
	}},
	{"88a-redial-beside-the-former", "lost", "stale-sa-redial", "data", "lost stale-sa-redial", false, alice,
		func(s *story) {
			s.connected()
			s.pings(20)
			s.wait(10 * time.Second)
			s.begin()
			s.isakmp(fromClient, mainMode, 0, false, phase1SA(preShared, 28800))
			again := s.last()
			for _, p := range []time.Duration{4 * time.Second, 7 * time.Second, 13 * time.Second} {
				s.wait(p)
				s.ppp(fromServer, lcp, packet(9, byte(s.out), 5, 6, 7, 8))
				again()
			}
		}},
	{"88h-renewal-unanswered-and-traffic-goes-on", "up", "", "data", "up", false, alice, func(s *story) {
		s.connected()
		s.pings(20)
		former := s.ike
		s.begin()
		s.isakmp(fromClient, mainMode, 0, false, phase1SA(preShared, 28800))
		again := s.last()
		for _, p := range []time.Duration{4 * time.Second, 7 * time.Second, 13 * time.Second} {
			s.wait(p)
			s.pings(3)
			again()
		}
		s.pings(10)
		s.ike = former
		s.farewell()
	}},
	{"89a-tunnel-closed-by-the-server-only", "lost", "l2tp-lost-state", "data", "lost keepalive-timeout", false,
		alice, func(s *story) {
			s.connected()
			s.pings(20)
			s.stop0(fromServer, 1, 0, "")
			s.repeated(every(15*time.Second, 5), func() { s.ppp(fromClient, lcp, packet(9, byte(s.out), 1, 2, 3, 4)) })
		}},
	{"89h-tunnel-closed-and-repeated", "up", "orderly-end", "data", "up", true, alice, func(s *story) {
		s.connected()
		s.pings(20)
		s.stop0(fromServer, 1, 0, "")
		s.repeated(doubling(3), func() { s.ppp(fromClient, lcp, packet(9, byte(s.out), 1, 2, 3, 4)) })
	}},
	{"90a-dns-unanswered", "ill", "connected-no-forwarding", "data", "up", true, alice, func(s *story) {
		s.connected()
		s.pings(20)
		s.repeated(every(5*time.Second, 4), func() { s.user(fromClient, gateAddr, 17, udp(40000, 53, question)) })
		s.pings(2)
		s.farewell()
	}},
	{"90h-dns-answered-at-the-third", "up", "", "data", "up", false, alice, func(s *story) {
		s.connected()
		s.pings(20)
		s.repeated(every(5*time.Second, 3), func() { s.user(fromClient, gateAddr, 17, udp(40000, 53, question)) })
		s.user(fromServer, gateAddr, 17, udp(53, 40000, question))
		s.farewell()
	}},
	{"91a-nat-moved-and-not-followed", "lost", "nat-rebinding", "data", "up", true, alice, func(s *story) {
		s.behindNAT()
		s.pings(20)
		s.wait(30 * time.Second)
		former := s.ends
		moved := [2]netip.AddrPort{netip.AddrPortFrom(former[0].Addr(), 4711), former[1]}
		s.repeated(every(5*time.Second, 5), func() {
			s.ends = moved
			s.ppp(fromClient, lcp, packet(9, byte(s.out), 1, 2, 3, 4))
			s.ends = former
			s.ppp(fromServer, lcp, packet(10, byte(s.out), 5, 6, 7, 8))
		})
	}},
	{"91h-nat-moved-and-followed", "up", "", "data", "up", false, alice, func(s *story) {
		s.behindNAT()
		s.pings(20)
		s.wait(30 * time.Second)
		s.ends[0] = netip.AddrPortFrom(s.ends[0].Addr(), 4711)
		s.repeated(every(5*time.Second, 5), func() {
			s.ppp(fromClient, lcp, packet(9, byte(s.out), 1, 2, 3, 4))
			s.ppp(fromServer, lcp, packet(10, byte(s.out), 5, 6, 7, 8))
		})
		s.farewell()
	}},
	{"92a-eap-refused", "failed", "eap-refused", "auth", "failed", true, alice, func(s *story) {
		s.eap(26)
		s.ppp(fromServer, eap, packet(4, 2))
		s.terminate(fromServer, "")
		s.hangUp(fromServer, 1, 0, "")
		s.leave(fromServer)
	}},
	{"92h-eap-another-method", "up", "", "data", "up", false, alice, func(s *story) {
		s.eap(4)
		s.ppp(fromServer, eap, packet(1, 3, append([]byte{4, 16}, pseudo(16, "md5")...)...))
		s.ppp(fromClient, eap, packet(2, 3, append([]byte{4, 16}, pseudo(16, "answer")...)...))
		s.ppp(fromServer, eap, packet(3, 3))
		s.addresses()
		s.pings(20)
		s.farewell()
	}},
	{"93a-no-login-method-in-common", "failed", "lcp-auth-refused", "lcp", "failed", true, "", func(s *story) {
		s.secured()
		s.tunnel()
		s.call()
		s.asks(fromClient, lcp, option(5, 1, 2, 3, 4)...)
		for range 3 {
			s.ppp(fromServer, lcp, packet(1, byte(s.out), slices.Concat(option(3, 0xc0, 0x23), option(5, 5, 6, 7,
				8))...))
			s.ppp(fromClient, lcp, packet(3, byte(s.out-1), chapMSv2...))
		}
		s.terminate(fromServer, "peer refused to authenticate")
		s.hangUp(fromServer, 1, 0, "")
		s.leave(fromServer)
	}},
	{"93h-login-method-agreed-at-the-second", "up", "", "data", "up", false, alice, func(s *story) {
		s.secured()
		s.tunnel()
		s.call()
		s.ppp(fromServer, lcp, packet(1, 1, option(3, 0xc2, 0x27)...))
		s.ppp(fromClient, lcp, packet(3, 1, chapMSv2...))
		s.link(chapMSv2)
		s.login(3, "S=0 M=Access granted")
		s.addresses()
		s.pings(20)
		s.farewell()
	}},
	{"94a-ecp-demanded", "failed", "ecp-demanded", "ccp", "failed", true, alice, func(s *story) {
		s.loggedIn()
		s.ppp(fromServer, ecp, packet(1, 1, option(1, 1, 2, 3, 4, 5, 6, 7, 8)...))
		s.ppp(fromClient, lcp, packet(8, byte(s.out), 0x80, 0x53, 1, 1, 0, 4))
		s.terminate(fromServer, "encryption is required")
		s.hangUp(fromServer, 1, 0, "")
		s.leave(fromServer)
	}},
	{"95a-tunnel-secret", "failed", "tunnel-secret", "l2tp-tunnel", "failed", true, "", func(s *story) {
		s.secured()
		s.tunnel(avp(11, pseudo(16, "challenge")...))
		s.stop(fromServer, 4, 0, "Invalid challenge authentication")
		s.leave(fromServer)
	}},
	{"95h-tunnel-with-secret", "up", "", "data", "up", false, alice, func(s *story) {
		s.secured()
		s.tunnel(avp(11, pseudo(16, "challenge")...))
		s.call()
		s.link(chapMSv2)
		s.login(3, "S=0 M=Access granted")
		s.addresses()
		s.pings(20)
		s.farewell()
	}},
	{"96a-server-full", "failed", "server-full", "l2tp-session", "failed", true, "", func(s *story) {
		s.secured()
		s.tunnel()
		s.control(fromClient, tunnelIDs[1], 0, avp(0, 0, 10), avp(14, u16(callIDs[0])...), avp(15, 0, 0, 0, 1))
		s.control(fromServer, tunnelIDs[0], callIDs[0], avp(0, 0, 14), avp(1, resultCode(4, 0, "")...), avp(14,
			u16(callIDs[1])...))
		s.stop(fromClient, 1, 0, "")
		s.leave(fromClient)
	}},
	{"97a-no-receive-window", "failed", "l2tp-window-zero", "l2tp-tunnel", "failed", true, "", func(s *story) {
		s.secured()
		s.control(fromClient, 0, 0, request(1, tunnelIDs[0], "labvm")...)
		s.control(fromServer, tunnelIDs[0], 0, request(2, tunnelIDs[1], "lns", avp(10, 0, 0))...)
		s.wait(time.Minute)
		s.leave(fromClient)
	}},
	{"97h-receive-window-of-1", "up", "", "data", "up", false, alice, func(s *story) {
		s.secured()
		s.tunnel(avp(10, 0, 1))
		s.call()
		s.link(chapMSv2)
		s.login(3, "S=0 M=Access granted")
		s.addresses()
		s.pings(20)
		s.farewell()
	}},
	{"98a-xauth-refused", "failed", "xauth-failed", "auth", "failed", true, alice, func(s *story) {
		s.xauth(0)
		s.leave(fromServer)
	}},
	{"98h-xauth-accepted", "partial", "", "", "partial", false, alice, func(s *story) {
		s.xauth(1)
	}},
	{"99a-ike-version", "failed", "ikev1-disabled", "ike-m1", "failed ikev1-disabled", true, "", func(s *story) {
		s.begin()
		s.isakmp(fromClient, mainMode, 0, false, phase1SA(preShared, 28800))
		s.isakmp(fromServer, informational, 0, false, s.notify(1, 5))
	}},
	{"99c-life-of-0-seconds", "failed", "life-zero", "ike-m6", "failed", true, "", func(s *story) {
		s.firstFour(phase1SA(preShared, 0), s.ends)
		s.isakmp(fromClient, mainMode, 0, true, identity(s.ends[0].Addr(), 0, 0), hashed("I"))
		s.isakmp(fromServer, mainMode, 0, true, identity(s.ends[1].Addr(), 0, 0), hashed("R"))
		s.leave(fromServer)
	}},
	{"99e-tunnel-in-itself", "ill", "route-loop", "data", "up", true, alice, func(s *story) {
		s.connected()
		s.pings(20)
		for range 4 {
			s.user(fromClient, s.ends[fromServer].Addr(), 17, udp(4500, 4500, pseudo(80, "ESP")))
		}
		s.farewell()
	}},
	{"99f-ipcp-rejected", "failed", "ipcp-failed", "ipcp", "failed", true, alice, func(s *story) {
		s.loggedIn()
		s.ppp(fromClient, ipcp, packet(1, 1, option(3, 0, 0, 0, 0)...))
		s.ppp(fromServer, lcp, packet(8, byte(s.out), 0x80, 0x21, 1, 1, 0, 4))
		s.terminate(fromClient, "No network protocols running")
		s.hangUp(fromClient, 1, 0, "")
		s.leave(fromClient)
	}},
	{"99g-login-unanswered", "failed", "", "auth", "failed", false, alice, func(s *story) {
		s.secured()
		s.tunnel()
		s.call()
		s.link(option(3, 0xc0, 0x23))
		s.repeated(every(3*time.Second, 10), func() {
			s.ppp(fromClient, pap, packet(1, 1,
				[]byte("\x05alice\x06secret")...))
		})
	}},
	{"99h-forged-refusal", "up", "", "data", "up", false, alice, func(s *story) {
		s.asked = func() { s.isakmp(fromServer, informational, 0, false, s.notify(1, 14)) }
		s.connected()
		s.pings(20)
		s.farewell()
	}},
	{"99i-client-ppp-dead", "failed", "client-ppp-dead", "lcp", "failed", true, "", func(s *story) {
		s.secured()
		s.tunnel()
		s.call()
		s.repeated(every(3*time.Second, 10), func() { s.ppp(fromServer, lcp, packet(1, 1, chapMSv2...)) })
		s.hangUp(fromServer, 1, 0, "")
		s.leave(fromServer)
	}},
}

// question is a DNS question for example.com.
var question = []byte("\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x07example\x03com\x00\x00\x01\x00\x01")

// loggedIn sets up everything up to the login.
func (s *story) loggedIn() {
	s.secured()
	s.tunnel()
	s.call()
	s.link(chapMSv2)
	s.login(3, "S=0 M=Access granted")
}

// dialled sets up L2TP and PPP.
func (s *story) dialled() {
	s.tunnel()
	s.call()
	s.link(chapMSv2)
	s.login(3, "S=0 M=Access granted")
	s.addresses()
}

// stop0 has a side end the tunnel, and nobody answer.
func (s *story) stop0(from int, result, code uint16, text string) {
	s.control(from, tunnelIDs[1-from], 0, avp(0, 0, 4), avp(9, u16(tunnelIDs[from])...), avp(1, resultCode(result,
		code, text)...))
}

// behindNAT sets up everything, with a client behind NAT.
func (s *story) behindNAT() {
	s.floated()
	s.dialled()
}

// windows sets up both phases between Windows and a server behind NAT.
func (s *story) windows() {
	s.firstFour(phase1SA(preShared, 28800), [2]netip.AddrPort{s.ends[0],
		netip.MustParseAddrPort("192.168.9.9:500")}, windows...)
	s.float(4500)
	s.isakmp(fromClient, mainMode, 0, true, identity(s.ends[0].Addr(), 0, 0), hashed("I"))
	s.isakmp(fromServer, mainMode, 0, true, identity(netip.MustParseAddr("192.168.9.9"), 0, 0), hashed("R"))
	s.quick(1701)
}

// eap has the client refuse MS-CHAPv2 in EAP, and want another method.
func (s *story) eap(wanted byte) {
	s.secured()
	s.tunnel()
	s.call()
	s.link(option(3, 0xc2, 0x27))
	s.ppp(fromServer, eap, packet(1, 1, 1))
	s.ppp(fromClient, eap, packet(2, 1, append([]byte{1}, "alice"...)...))
	s.ppp(fromServer, eap, packet(1, 2, append([]byte{13}, pseudo(20, "tls")...)...))
	s.ppp(fromClient, eap, packet(2, 2, 3, wanted))
}

// xauth logs in by XAUTH; status is what the server says.
func (s *story) xauth(status uint16) {
	s.firstFour(phase1SA(xauthPSK, 28800), s.ends)
	s.isakmp(fromClient, mainMode, 0, true, identity(s.ends[0].Addr(), 0, 0), hashed("I"))
	s.isakmp(fromServer, mainMode, 0, true, identity(s.ends[1].Addr(), 0, 0), hashed("R"))
	text := func(kind uint16, value string) []byte {
		return append(append(u16(kind), u16(uint16(len(value)))...), value...)
	}
	for _, m := range []struct {
		from int
		body []byte
	}{
		{fromServer, append([]byte{1, 0, 0, 1}, slices.Concat(text(16521, ""), text(16522, ""))...)},
		{fromClient, append([]byte{2, 0, 0, 1}, slices.Concat(text(16521, "alice"), text(16522, "secret"))...)},
		{fromServer, append([]byte{3, 0, 0, 1}, attribute(16527, status)...)},
		{fromClient, append([]byte{4, 0, 0, 1}, attribute(16527, status)...)},
	} {
		s.isakmp(m.from, transaction, 0x01020304, true, hashed("transaction"), payload{plConfig, m.body})
	}
}
