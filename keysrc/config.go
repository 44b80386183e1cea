package keysrc

import "bytes"

// configs are the configurations and the states that are given for logs, by the beginnings of their
// lines. No key of a connection is in one.
var configs = []struct {
	lines []string
	what  string
}{
	{[]string{"ipsec ike ", "ipsec sa policy ", "tunnel select ", "pp select ", "ipsec tunnel "},
		"it is the configuration of a Yamaha router, which holds no keys of connections: they are in its log (`ipsec ike " +
			"log N key-info` and `syslog debug on`, then `show log`)"},
	{[]string{"crypto isakmp ", "crypto ipsec ", "crypto map "},
		"it is the configuration of a Cisco router, which holds no keys of connections"},
	{[]string{"config vpn ipsec "},
		"it is the configuration of a FortiGate, which holds no keys of connections: `diagnose vpn tunnel list` shows them"},
	{[]string{"/ip ipsec ", "add auth-method=", "/interface l2tp-"},
		"it is an export of RouterOS, which holds no keys of connections: its log with the topics ipsec,debug does, and " +
			"`/ip ipsec installed-sa print`"},
	{[]string{"conn ", "connections {", "config setup", "leftauth=", "authby=", "remote anonymous", "left="},
		"it is the configuration of an IKE daemon, which holds no keys of connections: they are in its log"},
	{[]string{"Security Associations (", "Status of IKE charon daemon"},
		"it is the status of an IKE daemon, which holds no keys of connections: they are in its log"},
	{[]string{"sa    sgw isakmp connection"},
		"it is the list of SAs of a Yamaha router, which holds no keys: `show ipsec sa gateway N detail` on its serial " +
			"console and its log do (`ipsec ike log N key-info` and `syslog debug on`, then `show log`)"},
	{[]string{": PSK ", "secrets {", "%any : PSK", "%any %any : PSK"},
		"it holds pre-shared keys: packets are not decrypted with those alone, but with the keys of the daemon's log"},
}

// configBegins are the first bytes of these lines.
var configBegins = func() *byteSet {
	all := ""
	for _, c := range configs {
		for _, line := range c.lines {
			all += line[:1]
		}
	}
	return setOf(all)
}()

var presharedKey = mark{": PSK ", 4}

// configNamed returns which configuration a line is of, 0 for none, else counted from 1.
func configNamed(line []byte) int {
	line = blanks.trimLeft(line)
	if i := presharedKey.in(line); i > 0 && i < 80 { // behind the ends that it is for
		line = line[i:]
	}
	if len(line) == 0 || !configBegins[line[0]] {
		return 0
	}
	for i := range configs {
		for _, mark := range configs[i].lines {
			if bytes.HasPrefix(line, []byte(mark)) {
				return i + 1
			}
		}
	}
	return 0
}
