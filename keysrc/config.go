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
	{[]string{"Crypto map tag: ", "IPv4 Crypto ISAKMP SA", "Crypto session current status", "local  ident (addr/",
		"local ident (addr/"},
		"it is a list of SAs of a Cisco router or firewall, which shows no keys with any command: take them from the " +
			"other end"},
	{[]string{"Main Mode SA at ", "Quick Mode SA at "},
		"it is a list of SAs of Windows, which shows no keys with any command: take them from the other end"},
	{[]string{"config vpn ipsec "},
		"it is the configuration of a FortiGate, which holds no keys of connections: `diagnose vpn tunnel list` shows them"},
	{[]string{"/ip ipsec ", "add auth-method=", "/interface l2tp-"},
		"it is an export of RouterOS, which holds no keys of connections: its log with the topics ipsec,debug does, and " +
			"`/ip ipsec installed-sa print`"},
	{[]string{"conn ", "connections {", "config setup", "leftauth=", "authby=", "remote anonymous", "left="},
		"it is the configuration of an IKE daemon, which holds no keys of connections: they are in its log"},
	{[]string{"Security Associations (", "Status of IKE charon daemon", "local  '", "list-sa event {", "list-sas reply {"},
		"it is the status of strongSwan, an IKE daemon, which holds no keys of connections: they are in its log, with the " +
			"log levels ike = 4 and chd = 4, and those of ESP in `ip xfrm state`"},
	{[]string{"000 using kernel interface", "000 interface ", `000 "`, "000 #"},
		"it is the status of pluto (ipsec status, ipsec whack --status), which holds no keys: they are in its log, with " +
			"plutodebug=all,private, and those of ESP in `ip xfrm state`"},
	{[]string{"esp/transport/", "esp/tunnel/", "spdadd ", "No SPD entries."},
		"it holds policies of setkey, which have no keys: `setkey -D` shows those of SAs"},
	{[]string{"No SAD entries."}, "it is the output of setkey -D when there was no SA"},
	{[]string{"Destination            Cookies"},
		"it is the list of phase 1 of racoonctl, which shows no keys: they are in racoon's log (log debug), and those of " +
			"ESP in `setkey -D`"},
	{[]string{"Flags: R - ", "Columns: REMOTE-ADDRESS"},
		"it is the list of peers of RouterOS, which shows no keys: its log with the topics ipsec,debug does, and " +
			"`/ip ipsec installed-sa print`"},
	{[]string{"sa    sgw isakmp connection"},
		"it is the list of SAs of a Yamaha router, which holds no keys: `show ipsec sa gateway N detail` on its serial " +
			"console and its log do (`ipsec ike log N key-info` and `syslog debug on`, then `show log`)"},
	{[]string{": PSK ", "secrets {", "%any : PSK", "%any %any : PSK"},
		"it holds pre-shared keys: packets are not decrypted with those alone, but with the keys of the daemon's log"},
}

// A configLine is the beginning of a line, and what it is of, from 1.
type configLine struct {
	begins string
	config int
}

// configLines are these lines by their first bytes.
var configLines = func() (by [256][]configLine) {
	for i, c := range configs {
		for _, line := range c.lines {
			by[line[0]] = append(by[line[0]], configLine{line, i + 1})
		}
	}
	return by
}()

var presharedKey = mark{": PSK ", 4}

// configNamed returns which configuration a line is of, 0 for none, else counted from 1.
func configNamed(line []byte) int {
	line = blanks.trimLeft(line)
	if i := presharedKey.in(line); i > 0 && i < 80 { // behind the ends that it is for
		line = line[i:]
	}
	if len(line) == 0 {
		return 0
	}
	for _, l := range configLines[line[0]] {
		if bytes.HasPrefix(line, []byte(l.begins)) {
			return l.config
		}
	}
	return 0
}
