package keysrc

import (
	"bytes"
	"net/netip"
	"slices"
)

// What prints keys as a listing may be run by a script whose output goes to the log: then each line
// stands behind the header of a syslog message. The formats of logs pass over such headers
// themselves, where they are those of RFC 3164.

// listings are the formats whose lines have nothing in front of them, but for commands, which are
// found anywhere in a line.
var listings = []*Format{
	&xfrmFormat, &setkeyFormat, &ipsecctlFormat, &wiresharkESPFormat, &wiresharkIKEFormat, &fortigateFormat,
}

// listingBegins are the first bytes of their lines.
var listingBegins = setOf(" \t\"@.:0123456789abcdefABCDEFiInpsKSU")

// cutHeader takes the header off a line of syslog, if what is behind it is of a listing, or if the
// last such line was of the same sender. Nothing is put together of what two senders list: an empty
// line, which ends an SA, stands between. Of a header of RFC 5424 it makes one of RFC 3164.
func (u *unwrapper) cutHeader(dst, line, sender, text []byte) ([]byte, bool) {
	if len(sender) == 0 || len(text) == 0 {
		return dst, false
	}
	if bytes.Equal(sender, u.lister) {
		return append(dst, text...), true
	}
	if listingBegins[text[0]] && !beginsWithTag(text) && ofListing(text) {
		if len(u.lister) > 0 {
			dst = append(dst, '\n')
		}
		u.lister = append(u.lister[:0], sender...)
		return append(dst, text...), true
	}
	if of5424(sender) {
		w := bytes.Fields(sender)
		rest := line[bytes.IndexByte(line, ' ')+1:]
		at, _ := word(rest)
		dst = append(append(append(append(dst, at...), ' '), w[0]...), ' ')
		if dst = append(dst, w[1]...); string(w[2]) != "-" {
			dst = append(append(append(dst, '['), w[2]...), ']')
		}
		return append(append(dst, ": "...), text...), true
	}
	return dst, false
}

// ofListing reports whether a line is of a listing.
func ofListing(text []byte) bool {
	return matching(listings, text) >= 0 || twoAddresses(text) || fortigateTunnel(text) || mikrotikItem(text) ||
		listingKey(text) || softetherValue(text)
}

// of5424 reports whether a sender is host, program, process and message ID.
func of5424(sender []byte) bool { return bytes.Count(sender, []byte(" ")) > 3 }

// listingKey reports whether a line begins as one with a key in a listing does. It may stand before
// the line that its SA begins with, if the lines are turned.
func listingKey(line []byte) bool {
	line = trimLine(line)
	if len(line) == 0 || line[0]|0x20 != 'a' && line[0]|0x20 != 'e' {
		return false
	}
	first, _ := word(line)
	name, _, _ := bytes.Cut(first, []byte("="))
	switch string(name) {
	case "enc", "auth", "auth-trunc", "aead", "authkey", "enckey":
		return bytes.Contains(line, []byte(" 0x"))
	case "ah", "E:", "A:", "auth-key", "enc-key":
		return true
	}
	return false
}

var addressChars = setOf("0123456789abcdef.: \t")

// twoAddresses reports whether a line is the first of an SA that setkey lists.
func twoAddresses(line []byte) bool {
	if !addressChars.all(line) {
		return false
	}
	words := bytes.Fields(line)
	return len(words) == 2 && !slices.ContainsFunc(words, func(w []byte) bool {
		_, err := netip.ParseAddr(string(w))
		return err != nil
	})
}

// syslogHeader cuts a line of a syslog daemon (RFC 3164, RFC 5424, or either with a time of ISO
// 8601) into who sent it, host and program, and the text behind. If it is none there is no sender,
// and the text is what is behind its time.
func syslogHeader(line []byte) (sender, text []byte) {
	rest := line
	if len(rest) > 2 && rest[0] == '<' {
		end := bytes.IndexByte(rest[:min(len(rest), 5)], '>')
		if end < 2 || !decimal.all(rest[1:end]) {
			return nil, nil
		}
		rest = rest[end+1:]
	}
	if len(rest) > 2 && rest[0] == '1' && rest[1] == ' ' { // its version
		return header5424(rest[2:])
	}
	_, rest = cutTime(rest)
	words := 0
	for end, c := range rest[:min(len(rest), lineHead+2)] {
		if c != ' ' {
			continue
		}
		if end > 1 && rest[end-1] == ':' {
			return rest[:end-1], rest[end+1:]
		}
		if words++; words == 2 || end == 1 && rest[0] == ':' {
			break
		}
	}
	return nil, rest
}

// header5424 cuts off host, program, process and message ID, and the structured data.
func header5424(rest []byte) (sender, text []byte) {
	_, rest = cutTime(rest)
	at := 0
	for range 4 {
		n := bytes.IndexByte(rest[at:], ' ')
		if n < 1 {
			return nil, nil
		}
		at += n + 1
	}
	sender, text = rest[:at], rest[at:]
	switch {
	case bytes.HasPrefix(text, []byte("- ")):
		text = text[2:]
	case bytes.HasPrefix(text, []byte("[")):
		end := bytes.Index(text, []byte("] "))
		if end < 0 {
			return nil, nil
		}
		text = text[end+2:]
	default:
		return nil, nil
	}
	return sender, bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))
}

// behindTimes returns what is behind the times that a line begins with.
func behindTimes(line []byte) []byte {
	for {
		_, rest := cutTime(line)
		if rest == nil {
			return line
		}
		line = rest
	}
}

// timeChars are those of the end of a time.
var timeChars = setOf("0123456789-:.,+Z")

// cutTime returns the end of "Nov 23 07:15:18 " or "2026-11-23T07:15:18+00:00 ", and what is behind
// it, nil if the line does not begin so.
func cutTime(line []byte) (end, rest []byte) {
	const short = len("Nov 23 07:15:18 ")
	switch {
	case len(line) < short:
		return nil, nil
	case line[3] == ' ' && line[6] == ' ' && line[9] == ':' && line[12] == ':' && digit(line[5]):
	case line[4] == '-' && line[7] == '-' && (line[10] == 'T' || line[10] == ' ') && line[13] == ':' && digit(line[0]):
	default:
		return nil, nil
	}
	for i := short - 1; i < len(line) && (timeChars[line[i]] || line[i] == ' '); i++ {
		if line[i] == ' ' {
			return line[short-1 : i], line[i+1:]
		}
	}
	return nil, nil
}
