package keysrc

import "bytes"

// A log server writes what several hosts send into one file, line by line. Where values are damaged
// in it the lines of each host are read apart.

const maxSenders = 64 // hosts of one source

// apart returns what the lines of each host hold, nil if there are not several.
func (t *turner) apart(name, format string) *Keys {
	var hosts []string
	of := make([]uint8, t.count)
	for i := range of {
		host := hostOf(t.at(i).text())
		at := 0
		switch {
		case host != nil:
			for at < len(hosts) && hosts[at] != string(host) {
				at++
			}
			if at == maxSenders {
				return nil
			}
			if at == len(hosts) {
				hosts = append(hosts, string(host))
			}
		case i > 0: // it goes on from the last one
			at = int(of[i-1])
		}
		of[i] = uint8(at)
	}
	if len(hosts) < 2 {
		return nil
	}
	all, seen := new(Keys), newSeen(0)
	for host := range hosts {
		keys, s := newWhole(name, format)
		for i := range of {
			if l := t.at(i); int(of[i]) == host {
				s.n = l.n
				s.entry(int(l.depth), l.text())
			}
		}
		s.Close() // whether it has keys is seen
		seen.Fresh(keys)
		all.add(keys)
	}
	return all
}

// hostOf returns the host that a line of syslog or a router's names, or the container that compose
// or kubectl does; nil if it names none.
func hostOf(line []byte) []byte {
	if name := composeName(line); name != nil {
		return name
	}
	if bytes.HasPrefix(line, []byte("[pod/")) {
		name, _ := word(line)
		return name
	}
	if sender, _ := syslogHeader(line); bytes.IndexByte(sender, ' ') > 0 { // with its program
		host, _ := word(sender)
		return host
	}
	if i := bytes.IndexByte(line[:min(len(line), 5)], '>'); i > 0 && line[0] == '<' {
		line = line[i+1:]
	}
	_, rest := cutTime(line)
	host, _ := word(rest)
	if !ofYamaha(line) || bytes.IndexByte(host, '[') >= 0 {
		return nil
	}
	return host
}

// better reports whether more came out of a source when it was read in this way: more keys, or as
// many and fewer that are damaged, or more values beside them.
func (k *Keys) better(than *Keys) bool {
	keys := len(k.IKE) + len(k.ESP)
	more := keys - len(than.IKE) - len(than.ESP)
	damaged := len(k.Notes) - len(than.Notes)
	return more > 0 || more == 0 && keys > 0 && (damaged < 0 || damaged == 0 && k.values() > than.values())
}

// values counts those of phase 1 and the authentication keys.
func (k *Keys) values() (n int) {
	for _, s := range k.IKE {
		n += phase1Count(s) + min(1, s.SharedSecret.Len())
	}
	for _, s := range k.ESP {
		n += min(1, s.AuthKey.Len())
	}
	return n
}
