package main

import (
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"l2tpdump/testdata/race"
)

// textOnly are words of the text that JSON says by the names of its members, or by numbers.
var textOnly = wordSet("L2TP hidden any bytes HDLC L2TPv3 session Ethernet > length PPP Ns Nr udp pfs + +1 covered by the HASH")

func wordSet(words string) map[string]bool {
	set := make(map[string]bool)
	for _, w := range strings.Fields(words) {
		set[w] = true
	}
	return set
}

// userOnly are those of the users' packets: names of fields, and of protocols that are members.
var userOnly = wordSet("> length size DF+ ip IP IP6 tos class flowlabel hlim ttl id flags none DF Flags win seq ack options ICMP ICMP6 UDP DNS mDNS " +
	"who has tgt is group record s gaddr source prefix mtu IGMP NTPv4 NTPv3 dns cksum bad incorrect -> next-header proto offset hopopt hop limit link-address rdnss")

var (
	word    = regexp.MustCompile(`[^ =,;/()\[\]"\\]+`)
	life    = regexp.MustCompile(`^([0-9]+)(s|ms|kB)$`)
	summary = regexp.MustCompile(`"summary":"(\\.|[^"\\])*",?`)

	sealed    = regexp.MustCompile(`encrypted, [0-9]+ bytes`) // the length, without the header
	packetAt  = regexp.MustCompile(`IP6? \(`)
	escaped   = regexp.MustCompile(`\\x([0-9a-f]{2})`)                         // in a line; JSON has \u00 before the digits
	numbered  = regexp.MustCompile(`((?:proto|next-header) [^ ]+) \([0-9]+\)`) // a protocol by name and number
	withPort  = regexp.MustCompile(`^(.*)\.([0-9]+)$`)
	ofSegment = regexp.MustCompile(`^([0-9]+):[0-9]+$`)
)

// TestJSONSaysAll: each word that the text has of IKE, L2TP, PPP and the users' packets is in the
// JSON of the frame too, outside of the line for people.
func TestJSONSaysAll(t *testing.T) {
	files, err := filepath.Glob(captures + "/*/outer.pcap")
	if err != nil || len(files) == 0 {
		t.Fatalf("no captures: %v", err)
	}
	for _, pattern := range []string{"../../testdata/ppp/*/outer.pcap", "../../testdata/causes/*/outer.pcap"} {
		more, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, more...)
	}
	words, users := 0, 0
	files = race.Sampled(files)
	for _, file := range files {
		args := []string{"decrypt", "-q", "-r", file, "--ppp-secrets", labSecrets}
		for _, name := range []string{"router-full.log", "esp_sa", "ikev1_decryption_table"} {
			if keys := filepath.Join(filepath.Dir(file), name); fileExists(keys) {
				args = append(args, "-k", keys)
			}
		}
		text := strings.Split(quietly(t, func() { run(append(args, "-v", "-S")) }), "\n")
		text = slices.DeleteFunc(text, func(line string) bool { return strings.HasPrefix(line, "\t") }) // a user's data
		objects := strings.Split(quietly(t, func() { run(append(args, "--json")) }), "\n")
		if len(text) != len(objects) {
			t.Fatalf("%s: %d lines, %d objects", file, len(text), len(objects))
		}
		for i, line := range text {
			_, said, ok := strings.Cut(escaped.ReplaceAllString(line, `\u00$1`), "]: ")
			if !ok {
				continue
			}
			object := summary.ReplaceAllString(objects[i], "")
			said, packet := ofUser(numbered.ReplaceAllString(sealed.ReplaceAllString(said, "encrypted"), "$1"))
			words += len(word.FindAllString(said, -1))
			users += len(word.FindAllString(packet, -1))
			if w := missing(said, object, textOnly); w != "" {
				t.Fatalf("%s: %q is not in the JSON\n%s\n%s", file, w, line, object)
			}
			if w := missing(packet, object, userOnly); w != "" {
				t.Fatalf("%s: %q is not in the JSON\n%s\n%s", file, w, line, object)
			}
		}
	}
	if n := 60 * len(files); words < n || users < n {
		t.Errorf("%d and %d words", words, users)
	}
}

// counted is a count of records of a DNS message: "1au".
var counted = regexp.MustCompile(`^(\d+)(?:a|q|n|au)$`)

// ofUser divides a line into what is of the tunnel and the users' packets.
func ofUser(said string) (tunnel, packet string) {
	if at := packetAt.FindStringIndex(said); at != nil {
		return said[:at[0]], said[at[0]:]
	}
	return said, ""
}

// missing returns a word that is not in an object, and does not go without saying; "" if there is
// none.
func missing(said, object string, without map[string]bool) string {
	for _, w := range word.FindAllString(said, -1) {
		w = strings.Trim(w, ":.+?*|")
		if m := life.FindStringSubmatch(w); m != nil {
			w = m[1]
		}
		if strings.HasPrefix(w, "0x") && !strings.Contains(object, w) {
			digits := w[2:]
			n, err := strconv.ParseUint(w, 0, 32)
			if w = digits; err == nil && !strings.Contains(object, w) { // an ID of L2TPv3, a traffic class
				w = strconv.FormatUint(n, 10)
			}
		}
		if without[w] || strings.Contains(object, w) {
			continue
		}
		if m := withPort.FindStringSubmatch(w); m != nil && strings.Contains(object, `"`+m[1]+`"`) && strings.Contains(object, ":"+m[2]) {
			continue
		}
		if m := counted.FindStringSubmatch(w); m != nil && regexp.MustCompile(`"counts":\[[0-9,]*\b`+m[1]+`\b`).MatchString(object) {
			continue
		}
		if m := ofSegment.FindStringSubmatch(w); m != nil && strings.Contains(object, `"seq":`+m[1]) {
			continue
		}
		return w
	}
	return ""
}
